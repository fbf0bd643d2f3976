// Reading secrets from where the configuration says they are.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace crossfade::proxy {

// A file's trailing newline is dropped. Errors name the variable or file, never the secret.
absl::StatusOr<std::string> resolve_secret(const config::SecretSource& source);
absl::StatusOr<std::string> read_file(const std::string& path, std::size_t bytes_max = 1u << 20);
// A bearer token's file. An empty one is an error: it would switch the asking off.
absl::StatusOr<std::string> read_token(const std::string& path);

}  // namespace crossfade::proxy
