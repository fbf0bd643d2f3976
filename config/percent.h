// A share of traffic in parts per million: what "12.5" in a flags file means, without floating point.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::config {

class Percent {
 public:
  static constexpr std::uint32_t kWhole = 1'000'000;

  constexpr Percent() = default;
  // 0 to 1,000,000; larger is held at the whole.
  static constexpr Percent from_ppm(std::uint32_t ppm) { return Percent(ppm > kWhole ? kWhole : ppm); }
  // "0" to "100" with up to four decimals, e.g. "12.5"; nothing else: no sign, exponent, leading zero.
  static std::optional<Percent> parse(std::string_view text);

  constexpr std::uint32_t ppm() const { return ppm_; }
  constexpr bool none() const { return ppm_ == 0; }
  constexpr bool all() const { return ppm_ == kWhole; }
  std::string text() const;  // "12.5", as parse() takes it
  friend constexpr auto operator<=>(Percent, Percent) = default;

 private:
  explicit constexpr Percent(std::uint32_t ppm) : ppm_(ppm) {}
  std::uint32_t ppm_ = 0;
};

}  // namespace crossfade::config
