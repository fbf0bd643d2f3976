#include "dualwrite/column_layout.h"

#include <array>

#include "absl/status/statusor.h"
#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::uint8_t low(std::uint16_t metadata) { return static_cast<std::uint8_t>(metadata & 0xff); }
constexpr std::uint8_t high(std::uint16_t metadata) { return static_cast<std::uint8_t>(metadata >> 8); }

// Nine digits in four bytes, what is left over in fewer.
constexpr std::array<std::uint8_t, 10> kDecimalBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
constexpr std::size_t decimal_bytes(std::size_t digits) { return digits / 9 * 4 + kDecimalBytes[digits % 9]; }

absl::Status unknown_width(const LogColumn& column, const char* why) {
  return absl::UnimplementedError("the values of column " + column_label(column) + " cannot be taken apart: " + why);
}
absl::Status short_of_bytes(const LogColumn& column) {
  return absl::InvalidArgumentError("a value of column " + column_label(column) + " is longer than its row");
}

absl::StatusOr<std::size_t> prefixed(const LogColumn& column, std::size_t prefix, Bytes at) {
  if (prefix == 0 || prefix > 4) return unknown_width(column, "its length prefix has no known size");
  if (at.size() < prefix) return short_of_bytes(column);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < prefix; ++i) bytes |= static_cast<std::size_t>(at[i]) << (8 * i);
  return prefix + bytes;
}

absl::StatusOr<std::size_t> fractional(const LogColumn& column, std::size_t whole) {
  if (column.metadata > 6) return unknown_width(column, "its fraction has more than six digits");
  return whole + (column.metadata + 1u) / 2;
}

absl::StatusOr<std::size_t> width(const LogColumn& column, Bytes at) {
  switch (real_type(column)) {
    case LogType::null:
      return std::size_t{0};
    case LogType::tiny:
    case LogType::year:
      return std::size_t{1};
    case LogType::short_:
      return std::size_t{2};
    case LogType::int24:
    case LogType::date:
    case LogType::newdate:
      return std::size_t{3};
    case LogType::long_:
    case LogType::float_:
      return std::size_t{4};
    case LogType::double_:
    case LogType::longlong:
      return std::size_t{8};
    case LogType::timestamp2:
      return fractional(column, 4);
    case LogType::datetime2:
      return fractional(column, 5);
    case LogType::time2:
      return fractional(column, 3);
    case LogType::newdecimal: {
      const std::size_t precision = low(column.metadata);
      const std::size_t scale = high(column.metadata);
      if (scale > precision) return unknown_width(column, "its scale passes its precision");
      return decimal_bytes(precision - scale) + decimal_bytes(scale);
    }
    case LogType::bit:
      return std::size_t{high(column.metadata)} + (low(column.metadata) != 0 ? 1 : 0);
    case LogType::enum_:
    case LogType::set:
      if (high(column.metadata) == 0 || high(column.metadata) > 8)
        return unknown_width(column, "its width is not known");
      return std::size_t{high(column.metadata)};
    case LogType::string:
      return prefixed(column, string_bytes_max(column) > 255 ? 2 : 1, at);
    case LogType::varchar:
    case LogType::var_string:
    case LogType::mariadb_varchar_compressed:
      return prefixed(column, column.metadata > 255 ? 2 : 1, at);
    case LogType::tiny_blob:
    case LogType::medium_blob:
    case LogType::long_blob:
    case LogType::blob:
    case LogType::mariadb_blob_compressed:
    case LogType::geometry:
    case LogType::json:
    case LogType::vector:
      return prefixed(column, column.metadata, at);
    case LogType::timestamp:
    case LogType::time:
    case LogType::datetime:
      return unknown_width(column,
                           "it has one of the old temporal formats, whose width is not in the log; rebuild the "
                           "table (ALTER TABLE .. FORCE with mysql56_temporal_format=ON)");
    case LogType::decimal:
      return unknown_width(column, "it has the DECIMAL of before MySQL 5.0");
    case LogType::typed_array:
      break;
  }
  return unknown_width(column, "the type is not known");
}

}  // namespace

LogType real_type(const LogColumn& column) {
  const auto type = static_cast<LogType>(column.type);
  if (type != LogType::string) return type;
  const auto real = static_cast<LogType>(low(column.metadata));
  return real == LogType::enum_ || real == LogType::set ? real : LogType::string;
}

// Lengths past 255 have their bits 8 and 9 in the type, inverted.
std::size_t string_bytes_max(const LogColumn& column) {
  return static_cast<std::size_t>((low(column.metadata) & 0x30) ^ 0x30) << 4 | high(column.metadata);
}

std::optional<std::size_t> metadata_bytes(std::uint8_t type) {
  switch (static_cast<LogType>(type)) {
    case LogType::decimal:
    case LogType::tiny:
    case LogType::short_:
    case LogType::long_:
    case LogType::null:
    case LogType::timestamp:
    case LogType::longlong:
    case LogType::int24:
    case LogType::date:
    case LogType::time:
    case LogType::datetime:
    case LogType::year:
    case LogType::newdate:
      return 0;
    case LogType::float_:
    case LogType::double_:
    case LogType::timestamp2:
    case LogType::datetime2:
    case LogType::time2:
    case LogType::mariadb_blob_compressed:
    case LogType::vector:
    case LogType::json:
    case LogType::tiny_blob:
    case LogType::medium_blob:
    case LogType::long_blob:
    case LogType::blob:
    case LogType::geometry:
      return 1;
    case LogType::varchar:
    case LogType::bit:
    case LogType::mariadb_varchar_compressed:
    case LogType::newdecimal:
    case LogType::enum_:
    case LogType::set:
    case LogType::var_string:
    case LogType::string:
      return 2;
    case LogType::typed_array:
      break;
  }
  return std::nullopt;
}

std::string column_label(const LogColumn& column) {
  const std::string type = "type " + std::to_string(column.type);
  return column.name.empty() ? "of " + type : "`" + column.name + "` (" + type + ")";
}

absl::StatusOr<std::size_t> value_bytes(const LogColumn& column, Bytes at) {
  absl::StatusOr<std::size_t> bytes = width(column, at);
  if (bytes.ok() && *bytes > at.size()) return short_of_bytes(column);
  return bytes;
}

absl::StatusOr<RowImage> take_row(const LogTable& table, Bytes* image) {
  const std::size_t columns = table.columns.size();
  const std::size_t null_bytes = (columns + 7) / 8;
  if (image->size() < null_bytes) {
    return absl::InvalidArgumentError("a row of " + table.schema + "." + table.table + " is cut off");
  }
  const Bytes nulls = image->first(null_bytes);
  Bytes rest = image->subspan(null_bytes);
  RowImage row(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    if ((nulls[i / 8] >> (i % 8) & 1) != 0) {
      row[i].is_null = true;
      continue;
    }
    const absl::StatusOr<std::size_t> bytes = value_bytes(table.columns[i], rest);
    if (!bytes.ok()) {
      return absl::Status(bytes.status().code(),
                          table.schema + "." + table.table + ": " + std::string(bytes.status().message()));
    }
    row[i].bytes = rest.first(*bytes);
    rest = rest.subspan(*bytes);
  }
  *image = rest;
  return row;
}

}  // namespace crossfade::dualwrite
