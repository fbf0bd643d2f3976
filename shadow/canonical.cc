#include "shadow/canonical.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "shadow/digits.h"
#include "shadow/family.h"

namespace crossfade::shadow {

namespace {

using protocol::ColumnDefinition;

// The form both sides' values are brought to; symmetric.
Family common_family(Family a, Family b) {
  if (a == b || b == Family::nothing) {
    return a;
  }
  if (a == Family::nothing) {
    return b;
  }
  if (a == Family::json || b == Family::json) {
    return Family::json;
  }
  if (is_floating(a) && is_floating(b)) {
    return Family::float_;  // A float beside a double: no more digits than the float has.
  }
  if (is_numeric(a) && is_numeric(b)) {
    return Family::decimal;
  }
  // One server gives a temporal function's result as text, the other as a date.
  if ((a == Family::temporal && b == Family::bytes) || (b == Family::temporal && a == Family::bytes)) {
    return Family::temporal;
  }
  return Family::bytes;
}

constexpr std::size_t kExponentDigitsMax = 6;

template <typename Number>
std::optional<Number> parse_floating(std::string_view text) {
  // from_chars takes no plus.
  if (text.size() > 1 && text[0] == '+' && (is_digit(text[1]) || text[1] == '.')) text.remove_prefix(1);
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

template <typename Number>
std::string shortest(const std::string& value) {
  const std::optional<Number> number = parse_floating<Number>(value);
  if (!number) {
    return canonical_number(value).value_or(value);
  }
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, *number);
  return error == std::errc()
             ? canonical_number(std::string_view(text, static_cast<std::size_t>(end - text))).value_or(value)
             : value;
}

// "hh:mm:ss.500000" is "hh:mm:ss.5", "hh:mm:ss.000" is "hh:mm:ss", "-00:00:00" is "00:00:00".
std::string canonical_temporal(const std::string& value) {
  if (value.find(':') == std::string::npos || value.find_first_not_of("0123456789-: .") != std::string::npos) {
    return value;
  }
  std::string text = value;
  const std::size_t point = text.find('.');
  const bool fraction = point != std::string::npos && point > 0 && is_digit(text[point - 1]) &&
                        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(point) + 1, text.end(), is_digit);
  if (fraction) {
    text.resize(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
      text.pop_back();
    }
  }
  if (text.front() == '-' && text.find_first_not_of("0:.", 1) == std::string::npos) {
    text.erase(0, 1);
  }
  return text;
}

// A number as digits d1 d2 d3 ... and the place of its point: 0.d1d2d3... * 10^point. No zeros at
// either end; none at all for zero.
struct Digits {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;
};

constexpr std::int64_t kPlainDigitsMax = 100;
constexpr std::int64_t kPlainZerosMax = 30;

std::string spell(const Digits& number) {
  if (number.digits.empty()) {
    return "0";
  }
  const std::string sign = number.negative ? "-" : "";
  const auto length = static_cast<std::int64_t>(number.digits.size());
  if (number.point > kPlainDigitsMax || number.point < -kPlainZerosMax) {
    const std::string fraction = length > 1 ? "." + number.digits.substr(1) : "";
    return sign + number.digits[0] + fraction + "e" + std::to_string(number.point - 1);
  }
  if (number.point <= 0) {
    return sign + "0." + std::string(static_cast<std::size_t>(-number.point), '0') + number.digits;
  }
  if (number.point >= length) {
    return sign + number.digits + std::string(static_cast<std::size_t>(number.point - length), '0');
  }
  const auto whole = static_cast<std::size_t>(number.point);
  return sign + number.digits.substr(0, whole) + "." + number.digits.substr(whole);
}

std::string_view take_digits(std::string_view& text) {
  const std::size_t length =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

bool take_sign(std::string_view& text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) {
    text.remove_prefix(1);
  }
  return negative;
}

}  // namespace

std::optional<std::string> canonical_number(std::string_view text) {
  Digits number;
  number.negative = take_sign(text);
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) {
    return std::nullopt;
  }
  std::int64_t exponent = 0;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    const bool below = take_sign(text);
    const std::string_view digits = take_digits(text);
    if (digits.empty() || digits.size() > kExponentDigitsMax) {
      return std::nullopt;
    }
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    exponent = below ? -exponent : exponent;
  }
  if (!text.empty()) {
    return std::nullopt;
  }
  number.digits = std::string(whole) + std::string(fraction);
  const std::size_t zeros = std::min(number.digits.find_first_not_of('0'), number.digits.size());
  number.digits.erase(0, zeros);
  number.digits.resize(number.digits.find_last_not_of('0') + 1);
  number.point = static_cast<std::int64_t>(whole.size()) - static_cast<std::int64_t>(zeros) + exponent;
  if (number.digits.empty()) return spell(number);
  constexpr std::int64_t kExponentMax = 999'999;  // what is spelled is a number again
  const bool spellable = number.point - 1 >= -kExponentMax && number.point - 1 <= kExponentMax;
  return spellable ? std::optional<std::string>(spell(number)) : std::nullopt;
}

std::string canonical_value(const std::string& value, const ColumnDefinition& mine, const ColumnDefinition& theirs) {
  switch (common_family(family_of(mine.type), family_of(theirs.type))) {
    case Family::integer:
    case Family::decimal:
      return canonical_number(value).value_or(value);
    case Family::float_:
      return shortest<float>(value);
    case Family::double_:
      return shortest<double>(value);
    case Family::temporal:
      return canonical_temporal(value);
    case Family::json:
      return canonical_json(value).value_or(value);
    case Family::nothing:
    case Family::bytes:
      return value;
  }
  return value;
}

bool equal_up_to_precision(const std::string& a, const std::string& b) {
  const std::optional<double> x = parse_floating<double>(a);
  const std::optional<double> y = parse_floating<double>(b);
  if (!x || !y) {
    return false;
  }
  if (*x == *y) {
    return true;
  }
  const double larger = std::max(std::fabs(*x), std::fabs(*y));
  const double fifteenth_digit = std::pow(10.0, std::floor(std::log10(larger)) - 14.0);
  return std::fabs(*x - *y) < 0.5 * fifteenth_digit;
}

}  // namespace crossfade::shadow
