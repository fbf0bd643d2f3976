// crossfade.yaml and all that it points at: read, and checked as far as one machine can tell.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace crossfade::proxy {

// The error's message is all problems, a line each, "file:line:column: what".
absl::StatusOr<config::Config> load_config_file(const std::string& path);

// What else would keep this configuration from serving: the flags file's problems, secrets that are
// missing, certificates that cannot be used. Every problem is a line; secrets are never shown.
std::vector<std::string> find_problems(const config::Config& config, const std::string& path);

}  // namespace crossfade::proxy
