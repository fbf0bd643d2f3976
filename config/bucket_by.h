// What decides which bucket a statement falls into, as flags.yaml writes it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/flags.h"

namespace crossfade::config {

// 1 to 64 letters, digits, '_', '-' or '.'.
bool is_hint_key(std::string_view text);

// "session", "user", "schema", "client_host" or "hint:<key>".
absl::StatusOr<BucketBy> parse_bucket_by(std::string_view text);
std::string bucket_by_text(const BucketBy& by);

}  // namespace crossfade::config
