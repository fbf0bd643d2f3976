// How a verb of the command line speaks to a running proxy: over its admin server.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace crossfade::proxy {

// How a running proxy is found, and how its answer is shown.
struct AdminOptions {
  std::string address;
  std::string config_file;
  std::string token_file;
  std::string format = "table";
};

// A verb with these options.
CLI::App* add_admin_verb(CLI::App& app, const std::string& name, const std::string& about, AdminOptions& options);
// `order`: posted; null: the path is only looked at.
absl::StatusOr<nlohmann::json> ask_admin(const AdminOptions& options, const std::string& path,
                                         const nlohmann::json& order = nullptr);

}  // namespace crossfade::proxy
