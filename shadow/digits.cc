#include "shadow/digits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

#include "shadow/canonical.h"
#include "shadow/family.h"

namespace crossfade::shadow {

namespace {

using protocol::ColumnDefinition;

constexpr int kFloatDigits = 6;    // that the text of a FLOAT has
constexpr int kFineDecimals = 10;  // more than any amount is kept in: what a division leaves
constexpr int kExactJsonDigits = 19;
constexpr int kWidenedDigitsMin = 10;

// Views and temporary tables make a table's column of it, for one make and not for the other.
bool is_computed(const ColumnDefinition& mine, const ColumnDefinition& theirs) {
  return mine.org_table.empty() || theirs.org_table.empty();
}

// Decimals that a column's definition promises; nullopt: as many as it takes.
std::optional<int> decimals_of(const ColumnDefinition& column) {
  constexpr int kNotFixed = 31;
  const bool open = is_floating(family_of(column.type)) && column.decimals >= kNotFixed;
  return open ? std::nullopt : std::optional<int>(column.decimals);
}

// The decimals to compare at; nullopt: both columns have the same, or one has none, which is an integer.
std::optional<int> fewer_decimals(const ColumnDefinition& mine, const ColumnDefinition& theirs) {
  const std::optional<int> a = decimals_of(mine);
  const std::optional<int> b = decimals_of(theirs);
  if (a == b) {
    return std::nullopt;
  }
  const int fewer = std::min(a.value_or(*(a ? a : b)), b.value_or(*(a ? a : b)));
  return fewer >= 1 ? std::optional<int>(fewer) : std::nullopt;
}

std::optional<double> double_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
  return whole ? std::optional<double>(number) : std::nullopt;
}

// "-2.345" at two decimals is "-2.35": half goes away from zero, as the servers' DECIMAL does. nullopt: no plain
// decimal.
std::optional<std::string> rounded(std::string_view text, int decimals) {
  const bool negative = text.starts_with('-');
  std::string digits(text.substr(negative ? 1 : 0));
  if (digits.empty() || digits.find_first_not_of("0123456789.") != std::string::npos) {
    return std::nullopt;
  }
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t end = point + 1 + static_cast<std::size_t>(decimals);
  if (digits.size() > end) {
    const bool up = digits[end] >= '5';
    digits.resize(end);
    for (std::size_t i = end; up; --i) {
      if (i == 0) {
        digits.insert(digits.begin(), '1');
        break;
      }
      char& digit = digits[i - 1];
      if (digit != '.' && ++digit <= '9') {
        break;
      }
      digit = digit == '.' ? '.' : '0';
    }
  }
  return canonical_number((negative ? "-" : "") + digits);
}

bool equal_when_rounded(const std::string& a, const std::string& b, int decimals) {
  const std::optional<std::string> x = rounded(a, decimals);
  return x && x == rounded(b, decimals);
}

// One of them was rounded to `decimals` from a double that was not shown.
bool equal_as_doubles(const std::string& a, const std::string& b, int decimals) {
  const std::optional<double> x = double_of(a);
  const std::optional<double> y = double_of(b);
  if (!x || !y) {
    return false;
  }
  const double noise = std::max(std::fabs(*x), std::fabs(*y)) * 1e-15;
  return std::fabs(*x - *y) <= 0.5 * std::pow(10.0, -decimals) + noise;
}

std::string with_float_digits(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", kFloatDigits, number);
  return canonical_number(text).value_or(text);
}

bool equal_as_floats(const std::string& a, const std::string& b) {
  const std::optional<double> x = double_of(a);
  const std::optional<double> y = double_of(b);
  return x && y && with_float_digits(*x) == with_float_digits(*y);
}

bool numbers_differ_in_digits_only(const std::string& a, const ColumnDefinition& mine, const std::string& b,
                                   const ColumnDefinition& theirs) {
  const Family one = family_of(mine.type);
  const Family other = family_of(theirs.type);
  const bool floating = is_floating(one) || is_floating(other);
  if (floating && equal_up_to_precision(a, b)) {
    return true;
  }
  if (is_floating(one) && is_floating(other) && one != other && equal_as_floats(a, b)) {
    return true;
  }
  if (!is_computed(mine, theirs)) {
    return false;
  }
  const bool fine = mine.decimals >= kFineDecimals && theirs.decimals >= kFineDecimals;
  if (fine && equal_up_to_precision(a, b)) {
    return true;
  }
  const std::optional<int> decimals = fewer_decimals(mine, theirs);
  if (!decimals) {
    return false;
  }
  return floating ? equal_as_doubles(a, b, *decimals) : equal_when_rounded(a, b, *decimals);
}

// "2024-01-01 10:00:00.500" as "2024-01-01 10:00:00.5"; nullopt: no time of day with or without a date.
std::optional<std::string_view> time_without_zeros(std::string_view text) {
  constexpr std::string_view kDate = "0000-00-00 ";
  std::string_view rest = text.substr(text.starts_with('-') ? 1 : 0);
  const auto take = [&](std::string_view shape) {
    const bool fits =
        rest.size() >= shape.size() && std::equal(shape.begin(), shape.end(), rest.begin(),
                                                  [](char s, char c) { return s == '0' ? is_digit(c) : s == c; });
    rest.remove_prefix(fits ? shape.size() : 0);
    return fits;
  };
  take(kDate);
  if (!take("00:00:00") && !take("000:00:00")) {
    return std::nullopt;
  }
  if (rest.empty()) {
    return text;
  }
  constexpr std::size_t kFractionMax = 6;
  const std::string_view fraction = rest.substr(1);
  if (rest.front() != '.' || fraction.empty() || fraction.size() > kFractionMax ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    return std::nullopt;
  }
  text = text.substr(0, text.find_last_not_of('0') + 1);
  return text.substr(0, text.size() - (text.ends_with('.') ? 1 : 0));
}

// "10:00:00" has zeros of its own at the end: only a fraction's go.
bool same_time(std::string_view a, std::string_view b) {
  const std::optional<std::string_view> x = time_without_zeros(a);
  return x && x == time_without_zeros(b);
}

int significant_digits(std::string_view number) {
  return static_cast<int>(std::count_if(number.begin(), number.end(), is_digit));
}

// A FLOAT that was put into JSON as the double it is ("1.100000023841858"), and one that was put there as its text.
bool is_widened(std::string_view wide, std::string_view narrow) {
  const std::optional<double> number = double_of(wide);
  return number && significant_digits(wide) >= kWidenedDigitsMin &&
         static_cast<double>(static_cast<float>(*number)) == *number && with_float_digits(*number) == narrow;
}

bool same_json_number(std::string_view a, std::string_view b) {
  const auto is_exact = [](std::string_view number) {
    return number.find_first_of(".e") == std::string_view::npos && significant_digits(number) <= kExactJsonDigits;
  };
  if (is_exact(a) && is_exact(b)) {
    return a == b;
  }
  return equal_up_to_precision(std::string(a), std::string(b)) || is_widened(a, b) || is_widened(b, a);
}

// The string or number at the front of canonical JSON, or one byte of what lies between; without it `text` is the rest.
std::string_view take_json_token(std::string_view& text) {
  std::size_t size = 1;
  if (text.front() == '"') {
    while (size < text.size() && text[size] != '"') {
      size += text[size] == '\\' ? 2 : 1;
    }
    size = std::min(size + 1, text.size());
  } else if (is_digit(text.front()) || text.front() == '-') {
    size = std::min(text.find_first_not_of("0123456789.e+-"), text.size());
  }
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

bool same_json_token(std::string_view a, std::string_view b) {
  if (a == b) {
    return true;
  }
  if (a.size() > 2 && b.size() > 2 && a.front() == '"' && b.front() == '"') {
    return same_time(a.substr(1, a.size() - 2), b.substr(1, b.size() - 2));
  }
  const auto is_number = [](std::string_view token) { return is_digit(token.front()) || token.front() == '-'; };
  return is_number(a) && is_number(b) && same_json_number(a, b);
}

// Both canonical.
bool same_json(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (!same_json_token(take_json_token(a), take_json_token(b))) {
      return false;
    }
  }
  return a.empty() && b.empty();
}

bool texts_differ_in_digits_only(const std::string& a, const std::string& b) {
  if (same_time(a, b)) {
    return true;
  }
  const auto is_container = [](const std::string& text) { return text.starts_with('{') || text.starts_with('['); };
  if (!is_container(a) || !is_container(b)) {
    return false;
  }
  const std::optional<std::string> x = canonical_json(a);
  const std::optional<std::string> y = canonical_json(b);
  return x && y && same_json(*x, *y);
}

}  // namespace

bool differ_in_digits_only(const std::string& a, const ColumnDefinition& mine, const std::string& b,
                           const ColumnDefinition& theirs) {
  const Family one = family_of(mine.type);
  const Family other = family_of(theirs.type);
  if (is_numeric(one) && is_numeric(other)) {
    return numbers_differ_in_digits_only(a, mine, b, theirs);
  }
  if (one == Family::json || other == Family::json) {
    return same_json(a, b);
  }
  return one == Family::bytes && other == Family::bytes && is_computed(mine, theirs) &&
         texts_differ_in_digits_only(a, b);
}

bool may_differ_in_digits(const ColumnDefinition& mine, const ColumnDefinition& theirs) {
  const Family one = family_of(mine.type);
  const Family other = family_of(theirs.type);
  if (is_numeric(one) && is_numeric(other)) {
    return is_floating(one) || is_floating(other) ||
           (is_computed(mine, theirs) && (fewer_decimals(mine, theirs) || mine.decimals >= kFineDecimals));
  }
  return one == Family::json || other == Family::json;
}

}  // namespace crossfade::shadow
