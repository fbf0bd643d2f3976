#include "config/quantity.h"

#include <array>
#include <optional>

#include "absl/status/status.h"

namespace crossfade::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor = 1;
};
// Largest first, as the texts are made.
constexpr std::array<Unit, 4> kDurationUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};

std::optional<std::uint64_t> digits(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<std::uint64_t> digits_with_unit(std::string_view text, const std::array<Unit, 4>& units) {
  const std::size_t end = text.find_first_not_of("0123456789");
  if (end == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> value = digits(text.substr(0, end));
  for (const Unit& unit : units) {
    if (!value.has_value() || unit.name != text.substr(end)) continue;
    if (*value > UINT64_MAX / unit.factor) return std::nullopt;
    return *value * unit.factor;
  }
  return std::nullopt;
}

std::string in_units(std::uint64_t value, const std::array<Unit, 4>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return std::to_string(value) + std::string(units.back().name);
}

bool within(std::uint64_t value, Bounds bounds) { return value >= bounds.min && value <= bounds.max; }

}  // namespace

absl::StatusOr<std::uint64_t> parse_number(std::string_view text, Bounds bounds) {
  const std::optional<std::uint64_t> value = digits(text);
  if (value.has_value() && within(*value, bounds)) return *value;
  return absl::InvalidArgumentError("must be a whole number from " + std::to_string(bounds.min) + " to " +
                                    std::to_string(bounds.max) + ", in plain digits");
}

absl::StatusOr<std::chrono::milliseconds> parse_duration(std::string_view text, DurationBounds bounds) {
  const std::optional<std::uint64_t> value = digits_with_unit(text, kDurationUnits);
  const auto min = static_cast<std::uint64_t>(bounds.min.count());
  const auto max = static_cast<std::uint64_t>(bounds.max.count());
  if (value.has_value() && within(*value, {min, max})) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
  }
  return absl::InvalidArgumentError("must be a duration from " + duration_text(bounds.min) + " to " +
                                    duration_text(bounds.max) + ", with its unit: ms, s, m or h");
}

absl::StatusOr<std::uint64_t> parse_size(std::string_view text, Bounds bounds) {
  std::optional<std::uint64_t> value = digits(text);
  if (!value.has_value()) value = digits_with_unit(text, kSizeUnits);
  if (value.has_value() && within(*value, bounds)) return *value;
  return absl::InvalidArgumentError("must be a size from " + size_text(bounds.min) + " to " + size_text(bounds.max) +
                                    ", in bytes or with a unit: B, KiB, MiB or GiB");
}

std::string duration_text(std::chrono::milliseconds duration) {
  return in_units(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

std::string size_text(std::uint64_t bytes) { return in_units(bytes, kSizeUnits); }

}  // namespace crossfade::config
