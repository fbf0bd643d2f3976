#include "dualwrite/log_value_text.h"

#include <bit>
#include <cmath>
#include <cstdio>

#include "absl/status/status.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint32_t kDigitsPerGroup = 9;
constexpr std::size_t kBytesOfDigits[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
constexpr std::int64_t kSecondsPerDay = 86400;

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

std::string formatted(const char* format, auto... values) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, format, values...);
  return std::string(text, static_cast<std::size_t>(length));
}

// ".120" for 12 hundredths and three digits: `stored` counts hundredths, ten-thousandths or millionths, as many bytes
// as the digits need.
std::string fraction_text(std::uint64_t stored, std::uint32_t digits) {
  if (digits == 0) return {};
  const std::uint32_t stored_digits = (digits + 1) / 2 * 2;
  std::string text = std::to_string(stored);
  text.insert(0, stored_digits > text.size() ? stored_digits - text.size() : 0, '0');
  return "." + text.substr(0, digits);
}

unsigned as_unsigned(std::uint64_t value) { return static_cast<unsigned>(value); }

// Takes one group of digits off the front of `bytes`.
absl::Status put_digits(std::string& out, Bytes& bytes, std::uint32_t digits) {
  if (digits == 0) return absl::OkStatus();
  const std::size_t width = kBytesOfDigits[digits];
  const std::string text = std::to_string(big_endian(bytes.first(width)));
  bytes = bytes.subspan(width);
  if (text.size() > digits) return absl::InvalidArgumentError("a DECIMAL in the log has digits that are none");
  out.append(digits - text.size(), '0');
  out += text;
  return absl::OkStatus();
}

std::size_t packed_bytes(std::uint32_t digits) {
  return digits / kDigitsPerGroup * 4 + kBytesOfDigits[digits % kDigitsPerGroup];
}

}  // namespace

std::uint64_t unsigned_of(Bytes bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | bytes[i - 1];
  return value;
}

std::int64_t signed_of(Bytes bytes) {
  const auto shift = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(unsigned_of(bytes) << shift) >> shift;
}

std::string integer_text(Bytes bytes, bool is_unsigned) {
  return is_unsigned ? std::to_string(unsigned_of(bytes)) : std::to_string(signed_of(bytes));
}

absl::StatusOr<std::string> decimal_text(Bytes bytes, std::uint32_t precision, std::uint32_t scale) {
  if (precision < scale || bytes.empty() || bytes.size() != packed_bytes(precision - scale) + packed_bytes(scale)) {
    return absl::InvalidArgumentError("a DECIMAL in the log has the wrong length");
  }
  // The first bit is the sign, inverted; of negative numbers all other bits are inverted too.
  const bool negative = (bytes[0] & 0x80) == 0;
  Buffer plain(bytes.begin(), bytes.end());
  plain[0] = static_cast<std::uint8_t>(plain[0] ^ 0x80);
  if (negative) {
    for (std::uint8_t& byte : plain) byte = static_cast<std::uint8_t>(~byte);
  }
  Bytes rest = plain;
  std::string whole;
  std::string part;
  const std::uint32_t whole_digits = precision - scale;
  absl::Status status = put_digits(whole, rest, whole_digits % kDigitsPerGroup);
  for (std::uint32_t i = 0; i < whole_digits / kDigitsPerGroup; ++i) {
    status.Update(put_digits(whole, rest, kDigitsPerGroup));
  }
  for (std::uint32_t i = 0; i < scale / kDigitsPerGroup; ++i) status.Update(put_digits(part, rest, kDigitsPerGroup));
  status.Update(put_digits(part, rest, scale % kDigitsPerGroup));
  if (!status.ok()) return status;
  const std::size_t first = whole.find_first_not_of('0');
  whole = first == std::string::npos ? "0" : whole.substr(first);
  return (negative ? "-" : "") + whole + (part.empty() ? "" : "." + part);
}

absl::StatusOr<std::string> double_text(double value) {
  if (!std::isfinite(value)) return absl::OutOfRangeError("not a finite number");
  std::string text = formatted("%.17g", value);
  // Without an exponent it would be a DECIMAL's literal.
  if (text.find('e') == std::string::npos) text += "e0";
  return text;
}

double float_of(Bytes bytes) { return std::bit_cast<float>(static_cast<std::uint32_t>(unsigned_of(bytes))); }
double double_of(Bytes bytes) { return std::bit_cast<double>(unsigned_of(bytes)); }
std::uint64_t bit_of(Bytes bytes) { return big_endian(bytes); }

// Little-endian: day in 5 bits, month in 4, year.
std::string date_text(Bytes bytes) {
  const std::uint64_t packed = unsigned_of(bytes);
  return formatted("%04u-%02u-%02u", as_unsigned(packed >> 9), as_unsigned(packed >> 5 & 15), as_unsigned(packed & 31));
}

// Big-endian, offset by the sign bit: sign, reserved bit, hour in 10 bits, minute 6, second 6; then the fraction. A
// negative time is the two's complement of the whole.
std::string time_text(Bytes bytes, std::uint32_t fraction) {
  const std::size_t bits = 8 * bytes.size();
  const std::int64_t packed = static_cast<std::int64_t>(big_endian(bytes)) - (std::int64_t{1} << (bits - 1));
  const auto absolute = static_cast<std::uint64_t>(packed < 0 ? -packed : packed);
  const std::size_t fraction_bits = bits - 24;
  const std::uint64_t clock = absolute >> fraction_bits;
  return (packed < 0 ? "-" : "") +
         formatted("%02u:%02u:%02u", as_unsigned(clock >> 12 & 1023), as_unsigned(clock >> 6 & 63),
                   as_unsigned(clock & 63)) +
         fraction_text(absolute & ((std::uint64_t{1} << fraction_bits) - 1), fraction);
}

// Big-endian, the first bit set: year * 13 + month in 17 bits, day 5, hour 5, minute 6, second 6; then the fraction.
std::string datetime_text(Bytes bytes, std::uint32_t fraction) {
  const std::uint64_t packed = big_endian(bytes.first(5)) & 0x7fffffffffu;
  const std::uint64_t months = packed >> 22;
  return formatted("%04u-%02u-%02u %02u:%02u:%02u", as_unsigned(months / 13), as_unsigned(months % 13),
                   as_unsigned(packed >> 17 & 31), as_unsigned(packed >> 12 & 31), as_unsigned(packed >> 6 & 63),
                   as_unsigned(packed & 63)) +
         fraction_text(big_endian(bytes.subspan(5)), fraction);
}

// Big-endian seconds since 1970; then the fraction. Civil date by the days of 400-year cycles.
absl::StatusOr<std::string> timestamp_text(Bytes bytes, std::uint32_t fraction) {
  const auto seconds = static_cast<std::int64_t>(big_endian(bytes.first(4)));
  const std::string part = fraction_text(big_endian(bytes.subspan(4)), fraction);
  if (seconds > INT32_MAX) return absl::OutOfRangeError("a TIMESTAMP past 2038-01-19 03:14:07 UTC");
  if (seconds == 0) return "0000-00-00 00:00:00" + part;
  const std::int64_t days = seconds / kSecondsPerDay + 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t day_of_era = days % 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const std::int64_t clock = seconds % kSecondsPerDay;
  return formatted("%04d-%02d-%02d %02d:%02d:%02d", static_cast<int>(year), static_cast<int>(month),
                   static_cast<int>(day), static_cast<int>(clock / 3600), static_cast<int>(clock / 60 % 60),
                   static_cast<int>(clock % 60)) +
         part;
}

}  // namespace crossfade::dualwrite
