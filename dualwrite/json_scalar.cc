// The scalar values of MySQL's JSON as its CAST(.. AS CHAR) writes them.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "absl/strings/escaping.h"
#include "dualwrite/column_layout.h"
#include "dualwrite/json_binary.h"

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

// u8 precision | u8 scale | digits: nine in four bytes, the highest first; the first bit is set where it is not
// negative, and all bits are inverted where it is.
absl::Status append_decimal(Bytes value, std::string& out) {
  constexpr std::array<std::size_t, 10> kDigitBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  Reader reader(value);
  const std::size_t precision = reader.u8();
  const std::size_t scale = reader.u8();
  if (scale > precision || precision > 81) return malformed_json("a decimal");
  const std::size_t whole = precision - scale;
  const std::size_t bytes = whole / 9 * 4 + kDigitBytes[whole % 9] + scale / 9 * 4 + kDigitBytes[scale % 9];
  const Bytes coded = reader.take(bytes);
  if (reader.failed() || !reader.at_end() || bytes == 0) return malformed_json("a decimal");
  const bool negative = (coded[0] & 0x80) == 0;
  protocol::Buffer plain(coded.begin(), coded.end());
  plain[0] ^= 0x80;
  if (negative) {
    for (std::uint8_t& byte : plain) byte = static_cast<std::uint8_t>(~byte);
  }
  std::size_t at = 0;
  const auto append_digits = [&](std::size_t digits, std::string& text) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < kDigitBytes[digits]; ++i) number = number << 8 | plain[at++];
    std::string part = std::to_string(number);
    if (part.size() < digits) part.insert(0, digits - part.size(), '0');
    text += part;
  };
  std::string integral, fraction;
  if (whole % 9 != 0) append_digits(whole % 9, integral);
  for (std::size_t i = 0; i < whole / 9; ++i) append_digits(9, integral);
  for (std::size_t i = 0; i < scale / 9; ++i) append_digits(9, fraction);
  if (scale % 9 != 0) append_digits(scale % 9, fraction);
  integral.erase(0, std::min(integral.find_first_not_of('0'), integral.size()));
  if (negative) out += '-';
  out += integral.empty() ? "0" : integral;
  if (!fraction.empty()) out += "." + fraction;
  return absl::OkStatus();
}

// i64: microseconds in the low 24 bits; above them seconds 6, minutes 6, hours 5, day 5, year * 13 + month 17. TIME has
// hours of 10 bits and no day.
absl::Status append_temporal(LogType type, Bytes value, std::string& out) {
  if (value.size() != 8) return malformed_json("a time");
  const auto packed = static_cast<std::int64_t>(Reader(value).u64());
  const bool negative = packed < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(packed) : static_cast<std::uint64_t>(packed);
  const auto part = [](std::uint64_t number, int at, int bits) {
    return static_cast<unsigned>(number >> at & ((1u << bits) - 1));
  };
  const unsigned micros = part(size, 0, 24);
  const unsigned second = part(size, 24, 6);
  const unsigned minute = part(size, 30, 6);
  const unsigned month = part(size, 46, 17) % 13;
  const unsigned year = part(size, 46, 17) / 13;
  const unsigned day = part(size, 41, 5);
  std::array<char, 64> text{};
  if (type == LogType::time) {
    std::snprintf(text.data(), text.size(), "\"%s%02u:%02u:%02u.%06u\"", negative ? "-" : "", part(size, 36, 10),
                  minute, second, micros);
  } else if (type == LogType::date) {
    std::snprintf(text.data(), text.size(), "\"%04u-%02u-%02u\"", year, month, day);
  } else {
    std::snprintf(text.data(), text.size(), "\"%04u-%02u-%02u %02u:%02u:%02u.%06u\"", year, month, day,
                  part(size, 36, 5), minute, second, micros);
  }
  out += text.data();
  return absl::OkStatus();
}

}  // namespace

absl::Status append_opaque(std::uint8_t type, Bytes value, std::string& out) {
  switch (static_cast<LogType>(type)) {
    case LogType::newdecimal:
      return append_decimal(value, out);
    case LogType::date:
    case LogType::datetime:
    case LogType::timestamp:
    case LogType::time:
      return append_temporal(static_cast<LogType>(type), value, out);
    default:
      break;
  }
  const std::string_view raw = protocol::as_text(value);
  std::string coded;
  absl::Base64Escape({raw.data(), raw.size()}, &coded);
  out += "\"base64:type" + std::to_string(type) + ":";
  // MySQL breaks the lines of its base64, and a line's end in a JSON text is written so.
  constexpr std::size_t kLine = 76;
  for (std::size_t at = 0; at < coded.size(); at += kLine) {
    if (at != 0) out += "\\n";
    out += coded.substr(at, kLine);
  }
  out += "\"";
  return absl::OkStatus();
}

void append_json_string(std::string_view text, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kDigits[c >> 4];
          out += kDigits[c & 0x0f];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json_double(double value, std::string& out) {
  constexpr int kPointMin = -14;
  constexpr int kPointMax = 15;
  std::array<char, 40> text;
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  std::string_view all(text.data(), static_cast<std::size_t>(written.ptr - text.data()));
  if (all.starts_with('-')) {
    out += '-';
    all.remove_prefix(1);
  }
  const std::size_t e = all.find('e');
  int exponent = 0;
  const std::size_t exponent_at = e + (all[e + 1] == '+' ? 2 : 1);
  std::from_chars(all.data() + exponent_at, all.data() + all.size(), exponent);
  std::string digits(all.substr(0, 1));
  if (e > 2) digits += all.substr(2, e - 2);
  const int point = digits == "0" ? 1 : exponent + 1;  // digits before it
  const auto count = static_cast<int>(digits.size());
  // One digit behind the point is shown even past the limit.
  if (point < kPointMin || (point > kPointMax && point >= count)) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    out += "e" + std::to_string(point - 1);
  } else if (point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else if (point >= count) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
  } else {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  }
}

}  // namespace crossfade::dualwrite
