#include "config/percent.h"

namespace crossfade::config {
namespace {

constexpr std::uint32_t kPpmPerPercent = 10'000;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<Percent> Percent::parse(std::string_view text) {
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (whole.empty() || whole.size() > 3 || (whole.size() > 1 && whole[0] == '0')) return std::nullopt;
  std::uint32_t ppm = 0;
  for (const char c : whole) {
    if (!is_digit(c)) return std::nullopt;
    ppm = ppm * 10 + static_cast<std::uint32_t>(c - '0');
  }
  ppm *= kPpmPerPercent;
  if (point != std::string_view::npos) {
    const std::string_view decimals = text.substr(point + 1);
    if (decimals.empty() || decimals.size() > 4) return std::nullopt;
    std::uint32_t place = kPpmPerPercent;
    for (const char c : decimals) {
      if (!is_digit(c)) return std::nullopt;
      place /= 10;
      ppm += static_cast<std::uint32_t>(c - '0') * place;
    }
  }
  if (ppm > kWhole) return std::nullopt;
  return Percent(ppm);
}

std::string Percent::text() const {
  std::string text = std::to_string(ppm_ / kPpmPerPercent);
  const std::uint32_t rest = ppm_ % kPpmPerPercent;
  if (rest == 0) return text;
  std::string decimals = std::to_string(kPpmPerPercent + rest).substr(1);  // keeps its leading zeros
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + "." + decimals;
}

}  // namespace crossfade::config
