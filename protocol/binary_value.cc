#include "protocol/binary_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

namespace crossfade::protocol {
namespace {

constexpr std::uint16_t kColumnZerofill = 0x0040;
constexpr std::uint8_t kFractionDigitsMax = 6;
constexpr std::uint8_t kFloatDecimalsMax = 30;  // more: the column has no fixed number of decimals
// The servers write a DOUBLE without an exponent while its decimal point lies within these, and above
// the upper one as long as there are digits behind the point.
constexpr int kPointMin = -14;
constexpr int kPointMax = 15;

absl::Status malformed_value(const std::string& what) { return absl::InvalidArgumentError("malformed value: " + what); }

std::string padded(std::uint64_t value, std::size_t width) {
  std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

// Of a ZEROFILL column the text protocol shows as many digits as the column is wide.
std::string zerofilled(std::string text, const ColumnDefinition& column) {
  constexpr std::size_t kWidthMax = 255;
  const std::size_t width = std::min<std::size_t>(column.length, kWidthMax);
  if ((column.flags & kColumnZerofill) == 0 || text.size() >= width) {
    return text;
  }
  return std::string(width - text.size(), '0') + text;
}

std::string integer(std::uint64_t value, std::size_t bytes, const ColumnDefinition& column) {
  if ((column.flags & kColumnUnsigned) != 0) {
    return zerofilled(std::to_string(value), column);
  }
  const std::size_t unused_bits = 64 - 8 * bytes;
  return zerofilled(std::to_string(static_cast<std::int64_t>(value << unused_bits) >> unused_bits), column);
}

// The shortest decimal digits that read back as the same value; the decimal point stands behind the
// first `point` of them (before them all when that is not positive).
struct Decimal {
  bool negative = false;
  std::string digits;
  int point = 0;
};

// nullopt: an infinity or NaN.
template <typename Float>
std::optional<Decimal> shortest_digits(Float value) {
  if (!std::isfinite(value)) {
    return std::nullopt;
  }
  std::array<char, 64> buffer{};
  const char* const end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* c = buffer.data();
  for (; *c != 'e'; ++c) {
    if (*c == '-') {
      decimal.negative = true;
    } else if (*c != '.') {
      decimal.digits += *c;
    }
  }
  ++c;
  std::from_chars(*c == '+' ? c + 1 : c, end, decimal.point);
  ++decimal.point;
  return decimal;
}

// Without an exponent: "0.001", "-1500".
std::string plain(const Decimal& decimal) {
  const std::string sign = decimal.negative ? "-" : "";
  if (decimal.digits == "0") {
    return sign + "0";
  }
  if (decimal.point <= 0) {
    return sign + "0." + std::string(static_cast<std::size_t>(-decimal.point), '0') + decimal.digits;
  }
  const auto whole = static_cast<std::size_t>(decimal.point);
  if (decimal.digits.size() <= whole) {
    return sign + decimal.digits + std::string(whole - decimal.digits.size(), '0');
  }
  return sign + decimal.digits.substr(0, whole) + std::string(".") + decimal.digits.substr(whole);
}

template <typename Float>
std::string shortest(Float value) {
  const std::optional<Decimal> decimal = shortest_digits(value);
  if (!decimal) {
    // No server stores one, but the bytes may say so.
    return std::isnan(value) ? "nan" : (value < 0 ? "-inf" : "inf");
  }
  const bool has_fraction = static_cast<int>(decimal->digits.size()) > decimal->point;
  if (decimal->point >= kPointMin && (decimal->point <= kPointMax || has_fraction)) {
    return plain(*decimal);
  }
  const std::string fraction = decimal->digits.size() > 1 ? std::string(".") + decimal->digits.substr(1) : "";
  return std::string(decimal->negative ? "-" : "") + decimal->digits.substr(0, 1) + fraction + "e" +
         std::to_string(decimal->point - 1);
}

// With a fixed number of decimals. As the servers do, digits past the shortest ones are zeros.
std::string fixed(double value, std::uint8_t decimals) {
  const std::optional<Decimal> decimal = shortest_digits(value);
  if (!decimal) {
    return shortest(value);
  }
  const int fraction = std::max(0, static_cast<int>(decimal->digits.size()) - decimal->point);
  if (decimal->digits == "0" || fraction <= decimals) {
    const int missing = decimal->digits == "0" ? decimals : decimals - fraction;
    const bool needs_point = decimals > 0 && missing == decimals;
    return plain(*decimal) + (needs_point ? "." : "") + std::string(static_cast<std::size_t>(missing), '0');
  }
  std::array<char, 384> buffer{};  // the largest DOUBLE has 309 digits before the point
  const char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed,
                                        static_cast<int>(decimals))
                              .ptr;
  return std::string(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
}

template <typename Float>
std::string floating(Float value, const ColumnDefinition& column) {
  return zerofilled(
      column.decimals > kFloatDecimalsMax ? shortest(value) : fixed(static_cast<double>(value), column.decimals),
      column);
}

std::string fraction(std::uint32_t microseconds, std::uint8_t decimals) {
  // An expression may leave the number of digits open.
  const std::size_t digits = decimals <= kFractionDigitsMax ? decimals : (microseconds != 0 ? kFractionDigitsMax : 0u);
  return digits == 0 ? "" : std::string(".") + padded(microseconds, kFractionDigitsMax).substr(0, digits);
}

// length(1) of 0, 4, 7 or 11: year(2) month(1) day(1) [hour(1) minute(1) second(1) [microseconds(4)]]
absl::StatusOr<std::string> date_or_datetime(Reader& row, const ColumnDefinition& column) {
  const std::uint8_t bytes = row.u8();
  Reader reader(row.take(bytes));
  std::array<std::uint32_t, 7> part{};
  if (bytes >= 4) {
    part[0] = reader.u16();
    part[1] = reader.u8();
    part[2] = reader.u8();
  }
  for (std::size_t i = 3; bytes >= 7 && i < 6; ++i) {
    part[i] = reader.u8();
  }
  part[6] = bytes >= 11 ? reader.u32() : 0;
  if (!reader.at_end() || reader.failed() || part[6] > 999999) {
    return malformed_value("a date of " + std::to_string(bytes) + " bytes");
  }
  const std::string date = padded(part[0], 4) + "-" + padded(part[1], 2) + "-" + padded(part[2], 2);
  if (column.type == ColumnType::date) {
    return date;
  }
  return date + " " + padded(part[3], 2) + ":" + padded(part[4], 2) + ":" + padded(part[5], 2) +
         fraction(part[6], column.decimals);
}

// length(1) of 0, 8 or 12: negative(1) days(4) hour(1) minute(1) second(1) [microseconds(4)]
absl::StatusOr<std::string> time(Reader& row, const ColumnDefinition& column) {
  const std::uint8_t bytes = row.u8();
  Reader reader(row.take(bytes));
  bool negative = false;
  std::uint64_t hours = 0;
  std::uint32_t minutes = 0;
  std::uint32_t seconds = 0;
  if (bytes >= 8) {
    negative = reader.u8() != 0;
    hours = std::uint64_t{reader.u32()} * 24;
    hours += reader.u8();
    minutes = reader.u8();
    seconds = reader.u8();
  }
  const std::uint32_t microseconds = bytes >= 12 ? reader.u32() : 0;
  if (!reader.at_end() || reader.failed() || microseconds > 999999) {
    return malformed_value("a time of " + std::to_string(bytes) + " bytes");
  }
  return std::string(negative ? "-" : "") + padded(hours, 2) + ":" + padded(minutes, 2) + ":" + padded(seconds, 2) +
         fraction(microseconds, column.decimals);
}

template <typename Float, typename Bits>
Float from_bits(Bits bits) {
  static_assert(sizeof(Float) == sizeof(Bits));
  Float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

absl::StatusOr<std::string> take_binary_value(Reader& row, const ColumnDefinition& column) {
  switch (column.type) {
    case ColumnType::null:
      return malformed_value("a value in a column of type NULL");
    case ColumnType::tiny:
      return integer(row.u8(), 1, column);
    case ColumnType::short_:
      return integer(row.u16(), 2, column);
    case ColumnType::year:
      return padded(row.u16(), 4);
    case ColumnType::long_:
    case ColumnType::int24:
      return integer(row.u32(), 4, column);
    case ColumnType::longlong:
      return integer(row.u64(), 8, column);
    case ColumnType::float_:
      return floating(from_bits<float>(row.u32()), column);
    case ColumnType::double_:
      return floating(from_bits<double>(row.u64()), column);
    case ColumnType::date:
    case ColumnType::datetime:
    case ColumnType::timestamp:
      return date_or_datetime(row, column);
    case ColumnType::time:
      return time(row, column);
    case ColumnType::decimal:
    case ColumnType::varchar:
    case ColumnType::bit:
    case ColumnType::json:
    case ColumnType::newdecimal:
    case ColumnType::enum_:
    case ColumnType::set:
    case ColumnType::tiny_blob:
    case ColumnType::medium_blob:
    case ColumnType::long_blob:
    case ColumnType::blob:
    case ColumnType::var_string:
    case ColumnType::string:
    case ColumnType::geometry:
      return std::string(row.lenenc_text());
  }
  return std::string(row.lenenc_text());  // a type that came after this was written: sent as a string
}

}  // namespace crossfade::protocol
