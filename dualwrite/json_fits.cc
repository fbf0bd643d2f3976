#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/json_log.h"
#include "dualwrite/utf8.h"

namespace crossfade::dualwrite {
namespace {

// Levels of nesting that each make takes.
constexpr std::size_t kMariaDbDepthMax = 31;
constexpr std::size_t kMySqlDepthMax = 100;
constexpr std::size_t kMySqlKeyBytesMax = 65535;

absl::Status no_fit(const char* why) { return absl::OutOfRangeError(why); }
absl::Status no_json() { return no_fit("the text is no JSON to this server"); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number as digits without zeros at either end, and where the point stands: equal numbers are equal.
struct Decimal {
  std::string digits;
  long long point = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// Of a number without its sign.
std::optional<Decimal> decimal_of(std::string_view number) {
  Decimal decimal;
  bool past_point = false;
  std::size_t i = 0;
  for (; i < number.size() && number[i] != 'e' && number[i] != 'E'; ++i) {
    if (number[i] == '.') {
      past_point = true;
      continue;
    }
    decimal.digits += number[i];
    if (!past_point) ++decimal.point;
  }
  if (i < number.size()) {
    std::string_view exponent = number.substr(i + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    long long shift = 0;
    constexpr long long kShiftMax = 1'000'000'000;
    const auto [stop, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), shift);
    if (error != std::errc() || shift > kShiftMax || shift < -kShiftMax) return std::nullopt;
    decimal.point += shift;
  }
  const std::size_t first = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, first);
  decimal.point -= static_cast<long long>(first);
  decimal.digits.erase(decimal.digits.find_last_not_of('0') + 1);
  if (decimal.digits.empty()) decimal.point = 0;
  return decimal;
}

// What MySQL keeps of it: a 64-bit integer, else a double.
absl::Status number_fits(std::string_view number) {
  const bool negative = number.starts_with('-');
  const std::string_view magnitude = number.substr(negative ? 1 : 0);
  const char* const end = magnitude.data() + magnitude.size();
  if (magnitude.find_first_of(".eE") == std::string_view::npos) {
    std::uint64_t integer = 0;
    const bool in_range = std::from_chars(magnitude.data(), end, integer).ec == std::errc();
    if (in_range && (!negative || integer <= std::uint64_t{1} << 63)) return absl::OkStatus();
  }
  double value = 0;
  const std::errc error = std::from_chars(magnitude.data(), end, value).ec;
  const std::optional<Decimal> written = decimal_of(magnitude);
  if (written && written->digits.empty()) return absl::OkStatus();
  if (error != std::errc() || !std::isfinite(value) || !written)
    return no_fit("a number is outside of what a double can hold");
  char text[40];
  const auto shortest = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  const auto held = decimal_of({text, static_cast<std::size_t>(shortest.ptr - text)});
  if (held != written) return no_fit("a number has more digits than a double can hold");
  return absl::OkStatus();
}

void put_utf8(std::uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// One pass, with the open containers on a stack of its own.
class Checker {
 public:
  Checker(std::string_view text, bool mariadb) : rest_(text), mariadb_(mariadb) {}
  absl::Status check();

 private:
  struct Open {
    char close;
    std::set<std::string> keys;
  };
  void skip_spaces();
  bool take(char c);
  absl::Status value();
  absl::Status key();
  absl::Status number();
  absl::Status word();
  absl::Status string(std::string* decoded);
  absl::Status escape(std::string* decoded);
  bool hex(std::uint32_t* code);

  std::string_view rest_;
  bool mariadb_;
  std::vector<Open> open_;
  bool value_next_ = true;
};

void Checker::skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }

bool Checker::take(char c) {
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

absl::Status Checker::check() {
  for (;;) {
    skip_spaces();
    if (value_next_) {
      if (absl::Status status = value(); !status.ok()) return status;
      continue;
    }
    if (open_.empty()) return rest_.empty() ? absl::OkStatus() : no_json();
    if (take(open_.back().close)) {
      open_.pop_back();
      continue;
    }
    if (!take(',')) return no_json();
    skip_spaces();
    if (open_.back().close == '}') {
      if (absl::Status status = key(); !status.ok()) return status;
    }
    value_next_ = true;
  }
}

absl::Status Checker::value() {
  value_next_ = false;
  if (rest_.starts_with('"')) return string(nullptr);
  const bool object = rest_.starts_with('{');
  if (!object && !rest_.starts_with('['))
    return rest_.starts_with('-') || (!rest_.empty() && is_digit(rest_[0])) ? number() : word();
  rest_.remove_prefix(1);
  open_.push_back({.close = object ? '}' : ']', .keys = {}});
  if (open_.size() > (mariadb_ ? kMariaDbDepthMax : kMySqlDepthMax)) return no_fit("it is nested too deep");
  skip_spaces();
  if (rest_.starts_with(open_.back().close)) return absl::OkStatus();
  value_next_ = true;
  return object ? key() : absl::OkStatus();
}

absl::Status Checker::key() {
  std::string decoded;
  if (!rest_.starts_with('"')) return no_json();
  if (absl::Status status = string(&decoded); !status.ok()) return status;
  if (!mariadb_ && decoded.size() > kMySqlKeyBytesMax) return no_fit("an object has a key that is too long");
  if (!mariadb_ && !open_.back().keys.insert(std::move(decoded)).second) return no_fit("an object has a key twice");
  skip_spaces();
  return take(':') ? absl::OkStatus() : no_json();
}

absl::Status Checker::number() {
  const std::string_view start = rest_;
  const auto digits = [this] {
    const std::size_t count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(count);
    return count != 0;
  };
  take('-');
  if (take('0') ? !rest_.empty() && is_digit(rest_[0]) : !digits()) return no_json();
  if (take('.') && !digits() && !mariadb_) return no_json();
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return no_json();
  }
  // MariaDB keeps the text.
  return mariadb_ ? absl::OkStatus() : number_fits(start.substr(0, start.size() - rest_.size()));
}

absl::Status Checker::word() {
  for (const std::string_view word : {"null", "true", "false"}) {
    if (!rest_.starts_with(word)) continue;
    rest_.remove_prefix(word.size());
    return absl::OkStatus();
  }
  return no_json();
}

absl::Status Checker::string(std::string* decoded) {
  rest_.remove_prefix(1);
  while (!rest_.empty()) {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (c == '"') return absl::OkStatus();
    if (static_cast<unsigned char>(c) < 0x20) return no_json();
    if (c == '\\') {
      if (absl::Status status = escape(decoded); !status.ok()) return status;
    } else if (decoded != nullptr) {
      *decoded += c;
    }
  }
  return no_json();
}

bool Checker::hex(std::uint32_t* code) {
  if (rest_.size() < 4) return false;
  const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + 4, *code, 16);
  if (error != std::errc() || stop != rest_.data() + 4) return false;
  rest_.remove_prefix(4);
  return true;
}

absl::Status Checker::escape(std::string* decoded) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return no_json();
  std::uint32_t code = static_cast<unsigned char>(rest_[0]);
  rest_.remove_prefix(1);
  if (code != 'u') {
    const std::size_t found = kLetters.find(static_cast<char>(code));
    if (found == std::string_view::npos && (!mariadb_ || code < 0x20)) return no_json();
    if (decoded != nullptr) *decoded += found == std::string_view::npos ? static_cast<char>(code) : kMeant[found];
    return absl::OkStatus();
  }
  if (!hex(&code)) return no_json();
  if (code >= 0xdc00 && code < 0xe000) return no_json();
  if (code >= 0xd800 && code < 0xdc00) {
    std::uint32_t low = 0;
    if (!take('\\') || !take('u') || !hex(&low) || low < 0xdc00 || low >= 0xe000) return no_json();
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (decoded != nullptr) put_utf8(code, *decoded);
  return absl::OkStatus();
}

}  // namespace

absl::Status json_fits(std::string_view text, bool mariadb) {
  if (!is_utf8mb4(text)) return no_json();
  return Checker(text, mariadb).check();
}

}  // namespace crossfade::dualwrite
