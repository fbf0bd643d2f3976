// The verbs `crossfade feed switch|status`.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "proxy/cli.h"
#include "proxy/cli_admin.h"

namespace crossfade::proxy {

// Lives as long as the command line is parsed and carried out.
class FeedVerbs {
 public:
  FeedVerbs(CLI::App& app, AdminOptions& admin);
  bool parsed() const { return switch_->parsed() || status_->parsed(); }
  // The exit code: 0, or 1 after an error.
  int run(const CliContext& context) const;

 private:
  absl::StatusOr<nlohmann::json> carry_out() const;

  AdminOptions& admin_;
  CLI::App* switch_ = nullptr;
  CLI::App* status_ = nullptr;
  std::string to_;
};

}  // namespace crossfade::proxy
