// Numbers, durations and sizes as a configuration file writes them. Exact and plain: no sign, fraction,
// exponent, leading zero, hex or octal, so that a value means the same to every reader of the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace crossfade::config {

struct Bounds {
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
};
struct DurationBounds {
  std::chrono::milliseconds min{0};
  std::chrono::milliseconds max{0};
};

// Errors say what would be right: "must be a whole number from 1 to 64".
absl::StatusOr<std::uint64_t> parse_number(std::string_view text, Bounds bounds);
// A number and its unit: "200ms", "2s", "5m" or "1h".
absl::StatusOr<std::chrono::milliseconds> parse_duration(std::string_view text, DurationBounds bounds);
// Bytes, "1000B", "512KiB", "64MiB", "4GiB"; a plain number is bytes.
absl::StatusOr<std::uint64_t> parse_size(std::string_view text, Bounds bounds);

// In the largest unit that divides it: "2s", "1500ms"; "64MiB", "1000B".
std::string duration_text(std::chrono::milliseconds duration);
std::string size_text(std::uint64_t bytes);

}  // namespace crossfade::config
