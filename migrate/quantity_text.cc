#include "migrate/quantity_text.h"

#include <array>
#include <string_view>

namespace crossfade::migrate {

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  std::uint64_t tenths = bytes / 100;
  std::size_t unit = 0;
  while (tenths >= 10'000 && unit + 1 < kUnits.size()) {
    tenths /= 1000;
    ++unit;
  }
  const std::string whole = std::to_string(tenths / 10);
  return (tenths < 100 ? whole + "." + std::to_string(tenths % 10) : whole) + " " + std::string(kUnits[unit]);
}

std::string count_text(std::uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string seconds_text(std::uint64_t seconds) {
  const auto two = [](std::uint64_t first, const char* unit, std::uint64_t second, const char* smaller) {
    return std::to_string(first) + unit + (second == 0 ? "" : " " + std::to_string(second) + smaller);
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return two(seconds / 60, " min", seconds % 60, " s");
  if (seconds < 48 * 3600) return two(seconds / 3600, " h", seconds % 3600 / 60, " min");
  return two(seconds / 86400, " d", seconds % 86400 / 3600, " h");
}

}  // namespace crossfade::migrate
