#include "dualwrite/sql_literal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "dualwrite/character_set.h"
#include "dualwrite/json_log.h"
#include "dualwrite/json_opaque.h"
#include "dualwrite/log_value_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {

namespace {

absl::Status cannot(const ColumnRoute& route, std::string_view reason) {
  return absl::OutOfRangeError("column " + route.follower->name + ": " + std::string(reason));
}

// The error's kind and text, with the column named.
absl::Status of_column(const ColumnRoute& route, const absl::Status& status) {
  return absl::Status(status.code(), "column " + route.follower->name + ": " +
                                         std::string(status.message().data(), status.message().size()));
}

std::size_t prefix_bytes(const LogColumn& column) {
  switch (static_cast<LogType>(column.type)) {
    case LogType::string: {
      const LogType real = real_type(column);
      if (real == LogType::enum_ || real == LogType::set) return 0;
      return string_bytes_max(column) > 255 ? 2 : 1;
    }
    case LogType::varchar:
      return column.metadata > 255 ? 2 : 1;
    case LogType::blob:
    case LogType::json:
    case LogType::geometry:
    case LogType::vector:
      return column.metadata;
    default:
      return 0;
  }
}

std::string bytes_literal(Bytes bytes) { return "x'" + hex(bytes) + "'"; }
std::string in_charset(const std::string& charset, Bytes bytes) { return "_" + charset + " " + bytes_literal(bytes); }
std::string quoted(const std::string& text) { return "'" + text + "'"; }
std::string name_of(const ColumnRoute& route) { return quote_name(route.follower->name); }

// The conversion must not meet a byte that stands for nothing.
absl::Status check_convertible(const ColumnRoute& route, Bytes text) {
  const bool stays = route.from.charset == route.to.charset;
  const bool may_be_none = stays && route.from.charset == "ascii" && !route.makes.follower_is_mariadb;
  if ((stays && !may_be_none) || longest_character(route.from.charset) != 1) return absl::OkStatus();
  if (std::none_of(text.begin(), text.end(), [&](std::uint8_t b) { return is_unmapped(route.from.charset, b); })) {
    return absl::OkStatus();
  }
  return cannot(route, "a text has a byte that is no character of " + route.from.charset);
}

// MySQL's SQL cuts the fraction off what MariaDB's TIME holds past 838:59:59.
absl::StatusOr<std::string> time_literal(const ColumnRoute& route, Bytes bytes) {
  const std::string text = time_text(bytes, route.from.fraction);
  const std::size_t clock = text.find("838:59:59.");
  const bool past = clock != std::string::npos && text.find_first_of("123456789", clock + 10) != std::string::npos;
  if (past && !route.makes.follower_is_mariadb) return cannot(route, "a TIME past 838:59:59");
  return quoted(text);
}

// JSON as text, where it leaves its own form: between the makes, or as a statement of MySQL's.
absl::StatusOr<std::string> json_value_text(const ColumnRoute& route, Bytes bytes) {
  if (route.from.kind != StoredKind::json) return std::string(protocol::as_text(bytes));
  if (route.to.kind == StoredKind::json) {
    absl::StatusOr<bool> opaque = json_has_opaque(bytes);
    if (!opaque.ok()) return of_column(route, opaque.status());
    if (*opaque)
      return cannot(route, "a value within the JSON has a type that JSON text has not (DECIMAL, a date, bytes)");
  }
  absl::StatusOr<std::string> text = json_text(bytes);
  if (!text.ok()) return of_column(route, text.status());
  return text;
}

// MySQL's JSON that triggers captured is a text, but its texts are not compared byte by byte.
bool becomes_json(const ColumnRoute& route) {
  return route.from.kind == StoredKind::json || route.to.kind == StoredKind::json ||
         (route.follower->json && !route.makes.leader_is_mariadb);
}

absl::StatusOr<std::string> json_literal(const ColumnRoute& route, Bytes bytes) {
  absl::StatusOr<std::string> text = json_value_text(route, bytes);
  if (!text.ok()) return text;
  if (absl::Status fits = json_fits(*text, route.makes.follower_is_mariadb); !fits.ok()) return of_column(route, fits);
  return in_charset("utf8mb4", protocol::as_bytes(*text));
}

absl::StatusOr<std::string> text_literal(const ColumnRoute& route, Bytes bytes) {
  if (absl::Status status = check_convertible(route, bytes); !status.ok()) return status;
  return in_charset(route.from.charset, bytes);
}

// FLOAT(7,3): the server rounds what SQL gives it. The leader's values are rounded already, but for those that a change
// of the definition may have left as they were.
absl::StatusOr<std::string> floating_literal(const ColumnRoute& route, double value, bool single) {
  unsigned digits = 0;
  unsigned decimals = 0;
  const std::string& type = route.follower->column_type;
  const std::size_t open = type.find('(');
  if (open == std::string::npos || std::sscanf(type.c_str() + open, "(%u,%u)", &digits, &decimals) != 2) {
    return double_text(value);
  }
  const double steps = std::pow(10.0, decimals);
  const double scaled = value * steps;
  for (const double whole : {std::floor(scaled), std::ceil(scaled)}) {
    constexpr double kTie = 0.501;
    if (std::abs(whole - scaled) > kTie) continue;
    const double rounded = whole / steps;
    const double stored = single ? static_cast<double>(static_cast<float>(rounded)) : rounded;
    if (stored == value && std::abs(whole) < std::pow(10.0, digits)) continue;
    return cannot(route, "a value that " + type + " rounds");
  }
  return double_text(value);
}

absl::StatusOr<std::string> literal_of(const ColumnRoute& route, Bytes bytes) {
  const StoredForm& from = route.from;
  if (becomes_json(route)) return json_literal(route, bytes);
  switch (from.kind) {
    case StoredKind::integer:
      return integer_text(bytes, from.is_unsigned);
    case StoredKind::decimal:
      return decimal_text(bytes, from.precision, from.scale);
    case StoredKind::float_:
      return floating_literal(route, float_of(bytes), true);
    case StoredKind::double_:
      return floating_literal(route, double_of(bytes), false);
    case StoredKind::bit:
      return std::to_string(bit_of(bytes));
    case StoredKind::year:
      return std::to_string(bytes[0] == 0 ? 0 : 1900 + bytes[0]);
    case StoredKind::date:
      return quoted(date_text(bytes));
    case StoredKind::time:
      return time_literal(route, bytes);
    case StoredKind::datetime:
      return quoted(datetime_text(bytes, from.fraction));
    case StoredKind::timestamp: {
      absl::StatusOr<std::string> text = timestamp_text(bytes, from.fraction);
      return text.ok() ? quoted(*text) : text;
    }
    // By number: the members are the same ones in the same order, and a text could be taken for a number.
    case StoredKind::enum_:
    case StoredKind::set:
      return std::to_string(unsigned_of(bytes));
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
      return text_literal(route, bytes);
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::geometry:
    case StoredKind::vector:
      return "_binary " + bytes_literal(bytes);
    case StoredKind::json:
      return json_literal(route, bytes);
    // UUID and INET take their bytes for what they say.
    case StoredKind::opaque:
      if (!route.text_by.empty()) return std::string(route.text_by) + "(_binary " + bytes_literal(bytes) + ")";
      return bytes_literal(bytes);
  }
  return absl::UnimplementedError("values of " + route.follower->column_type + " are carried by rows events only");
}

absl::StatusOr<std::string> json_holds(const ColumnRoute& route, const std::string& literal) {
  if (route.makes.follower_is_mariadb) return "JSON_EQUALS(" + name_of(route) + ", " + literal + ")";
  return name_of(route) + " <=> CAST(" + literal + " AS JSON)";
}

std::string as_binary(const std::string& expression) { return "CAST(" + expression + " AS BINARY)"; }

absl::StatusOr<std::string> holds(const ColumnRoute& route, Bytes bytes) {
  absl::StatusOr<std::string> literal = literal_of(route, bytes);
  if (!literal.ok()) return literal;
  if (becomes_json(route)) return json_holds(route, *literal);
  const std::string name = name_of(route);
  switch (route.from.kind) {
    case StoredKind::enum_:
    case StoredKind::set:
      return "CAST(" + name + " AS UNSIGNED) <=> " + *literal;
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
      if (route.from.charset == route.to.charset) return as_binary(name) + " <=> " + bytes_literal(bytes);
      return as_binary(name) + " <=> " + as_binary("CONVERT(" + *literal + " USING " + route.to.charset + ")");
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::geometry:
    case StoredKind::vector:
      return as_binary(name) + " <=> " + bytes_literal(bytes);
    case StoredKind::opaque:
      return as_binary(name) + " <=> " + as_binary(*literal);
    default:
      return name + " <=> " + *literal;
  }
}

// Fixed widths, so that no reading below goes past the value.
absl::Status check_width(const ColumnRoute& route, Bytes bytes) {
  std::size_t width = bytes.size();
  switch (route.from.kind) {
    case StoredKind::integer:
    case StoredKind::float_:
    case StoredKind::double_:
    case StoredKind::year:
    case StoredKind::date:
    case StoredKind::enum_:
    case StoredKind::set:
      width = route.from.size;
      break;
    case StoredKind::bit:
      width = (route.from.size + 7) / 8;
      break;
    case StoredKind::time:
    case StoredKind::datetime:
    case StoredKind::timestamp:
      width = route.from.size + (route.from.fraction + 1) / 2;
      break;
    default:
      break;
  }
  if (width == bytes.size()) return absl::OkStatus();
  return absl::InvalidArgumentError("column " + route.follower->name + ": the log's value has the wrong length");
}

}  // namespace

absl::StatusOr<ColumnRoute> column_route(const TableMapping& mapping, const MappedColumn& column) {
  ColumnRoute route{.column = &mapping.source->columns.at(column.from),
                    .from = {},
                    .follower = &mapping.follower.columns.at(column.to),
                    .to = {},
                    .makes = mapping.makes};
  absl::StatusOr<StoredForm> from = stored_form(*route.column, mapping.makes.leader_is_mariadb);
  if (!from.ok()) return from.status();
  absl::StatusOr<StoredForm> to = stored_form(*route.follower, mapping.makes.follower_is_mariadb);
  if (!to.ok()) return to.status();
  route.from = *std::move(from);
  route.to = *std::move(to);
  route.text_by = column.text_by;
  if (route.to.kind == StoredKind::opaque || !route.text_by.empty()) route.from.kind = StoredKind::opaque;
  return route;
}

absl::StatusOr<Buffer> bare_value(const ColumnRoute& route, const LogValue& value) {
  const std::size_t prefix = prefix_bytes(*route.column);
  if (value.bytes.size() < prefix) return absl::InvalidArgumentError("a value of the log is cut off");
  const Bytes bytes = value.bytes.subspan(prefix);
  Buffer bare(bytes.begin(), bytes.end());
  if (route.from.kind == StoredKind::binary || route.from.kind == StoredKind::opaque) {
    bare.resize(std::max<std::size_t>(bare.size(), string_bytes_max(*route.column)));
  }
  return bare;
}

absl::StatusOr<std::string> sql_literal(const ColumnRoute& route, const LogValue& value) {
  if (value.is_null) return "NULL";
  absl::StatusOr<Buffer> bytes = bare_value(route, value);
  if (!bytes.ok()) return bytes.status();
  if (absl::Status status = check_width(route, *bytes); !status.ok()) return status;
  return literal_of(route, *bytes);
}

absl::StatusOr<std::string> sql_holds(const ColumnRoute& route, const LogValue& value) {
  if (value.is_null) return name_of(route) + " IS NULL";
  absl::StatusOr<Buffer> bytes = bare_value(route, value);
  if (!bytes.ok()) return bytes.status();
  if (absl::Status status = check_width(route, *bytes); !status.ok()) return status;
  return holds(route, *bytes);
}

absl::StatusOr<std::string> sql_finds(const ColumnRoute& route, const LogValue& value) {
  absl::StatusOr<std::string> literal = sql_literal(route, value);
  if (!literal.ok()) return literal;
  return name_of(route) + " = " + *literal;
}

absl::StatusOr<std::string> sql_finds_prefix(const ColumnRoute& route, const LogValue& value, std::uint32_t length) {
  absl::StatusOr<std::string> literal = sql_literal(route, value);
  if (!literal.ok()) return literal;
  const std::string end = ", " + std::to_string(length) + ")";
  return "LEFT(" + name_of(route) + end + " = LEFT(" + *literal + end;
}

}  // namespace crossfade::dualwrite
