#include "dualwrite/stored_form.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "dualwrite/ascii_case.h"
#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint32_t kEnumOneByteMax = 255;
constexpr std::uint16_t kFloatSize = 4;
constexpr std::uint16_t kDoubleSize = 8;

absl::Status unknown(const std::string& what) { return absl::UnimplementedError(what); }

struct NamedType {
  std::string_view name;
  StoredKind kind;
  LogType type;
  std::uint8_t size;  // bytes of the value, or of its length
};

constexpr NamedType kTypes[] = {
    {"tinyint", StoredKind::integer, LogType::tiny, 1},
    {"smallint", StoredKind::integer, LogType::short_, 2},
    {"mediumint", StoredKind::integer, LogType::int24, 3},
    {"int", StoredKind::integer, LogType::long_, 4},
    {"integer", StoredKind::integer, LogType::long_, 4},
    {"bigint", StoredKind::integer, LogType::longlong, 8},
    {"float", StoredKind::float_, LogType::float_, 4},
    {"double", StoredKind::double_, LogType::double_, 8},
    {"decimal", StoredKind::decimal, LogType::newdecimal, 0},
    {"bit", StoredKind::bit, LogType::bit, 0},
    {"year", StoredKind::year, LogType::year, 1},
    {"date", StoredKind::date, LogType::date, 3},
    {"time", StoredKind::time, LogType::time2, 3},
    {"datetime", StoredKind::datetime, LogType::datetime2, 5},
    {"timestamp", StoredKind::timestamp, LogType::timestamp2, 4},
    {"char", StoredKind::char_, LogType::string, 0},
    {"varchar", StoredKind::varchar, LogType::varchar, 0},
    {"tinytext", StoredKind::text, LogType::blob, 1},
    {"text", StoredKind::text, LogType::blob, 2},
    {"mediumtext", StoredKind::text, LogType::blob, 3},
    {"longtext", StoredKind::text, LogType::blob, 4},
    {"binary", StoredKind::binary, LogType::string, 0},
    {"varbinary", StoredKind::varbinary, LogType::varchar, 0},
    {"tinyblob", StoredKind::blob, LogType::blob, 1},
    {"blob", StoredKind::blob, LogType::blob, 2},
    {"mediumblob", StoredKind::blob, LogType::blob, 3},
    {"longblob", StoredKind::blob, LogType::blob, 4},
    {"enum", StoredKind::enum_, LogType::string, 0},
    {"set", StoredKind::set, LogType::string, 0},
    {"json", StoredKind::json, LogType::json, 4},
    {"vector", StoredKind::vector, LogType::vector, 4},
    {"geometry", StoredKind::geometry, LogType::geometry, 4},
    {"point", StoredKind::geometry, LogType::geometry, 4},
    {"linestring", StoredKind::geometry, LogType::geometry, 4},
    {"polygon", StoredKind::geometry, LogType::geometry, 4},
    {"multipoint", StoredKind::geometry, LogType::geometry, 4},
    {"multilinestring", StoredKind::geometry, LogType::geometry, 4},
    {"multipolygon", StoredKind::geometry, LogType::geometry, 4},
    {"geomcollection", StoredKind::geometry, LogType::geometry, 4},
    {"geometrycollection", StoredKind::geometry, LogType::geometry, 4},
    {"uuid", StoredKind::opaque, LogType::string, 16},
    {"inet6", StoredKind::opaque, LogType::string, 16},
    {"inet4", StoredKind::opaque, LogType::string, 4},
};

// The kinds behind each type byte of the log that need no more than it.
const NamedType* type_by_log_byte(LogType type) {
  for (const NamedType& known : kTypes) {
    if (known.type == type && type != LogType::string && type != LogType::varchar && type != LogType::blob)
      return &known;
  }
  return nullptr;
}

std::uint16_t string_metadata_of(std::uint32_t length) {
  const auto low = static_cast<std::uint16_t>(static_cast<std::uint8_t>(LogType::string) ^ ((length & 0x300) >> 4));
  return static_cast<std::uint16_t>(low | ((length & 0xff) << 8));
}

std::uint16_t low_high(std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint16_t>((low & 0xff) | ((high & 0xff) << 8));
}

std::uint32_t set_bytes(std::size_t members) {
  const std::size_t bytes = (members + 7) / 8;
  return static_cast<std::uint32_t>(bytes > 4 ? 8 : std::max<std::size_t>(bytes, 1));
}

// Sets kind, charset and characters of a text or binary whose size is known.
absl::Status take_charset(StoredForm& form, std::string_view charset, std::string_view column) {
  const bool binary = charset == "binary";
  if (charset.empty()) {
    return unknown("the character set of column " + std::string(column) + " is not known");
  }
  if (form.kind == StoredKind::text && binary) form.kind = StoredKind::blob;
  if (form.kind == StoredKind::varchar && binary) form.kind = StoredKind::varbinary;
  if (form.kind == StoredKind::char_ && binary) form.kind = StoredKind::binary;
  if (binary && form.kind != StoredKind::enum_ && form.kind != StoredKind::set) return absl::OkStatus();
  const std::size_t longest = longest_character(charset);
  if (longest == 0) {
    return unknown("column " + std::string(column) + " has the character set " + std::string(charset) +
                   ", which is not known");
  }
  form.charset = charset;
  if (form.kind == StoredKind::char_ || form.kind == StoredKind::varchar) {
    form.characters = static_cast<std::uint32_t>(form.size / longest);
  }
  return absl::OkStatus();
}

// Type, metadata and size of a text or binary of `length` characters.
absl::Status take_length(StoredForm& form, const DefinedColumn& column) {
  const std::string charset = modern_name(column.charset);
  const std::size_t longest = charset.empty() ? 1 : longest_character(charset);
  if (!column.length.has_value() || longest == 0) {
    return unknown("the length of column " + column.name + " is not known");
  }
  form.size = static_cast<std::uint32_t>(*column.length * longest);
  form.metadata = form.type == LogType::string ? string_metadata_of(form.size) : static_cast<std::uint16_t>(form.size);
  return absl::OkStatus();
}

absl::Status take_members(StoredForm& form, const DefinedColumn& column) {
  const std::size_t members = members_of(column.column_type).size();
  if (members == 0) return unknown("the members of column " + column.name + " are not known");
  const bool is_enum = form.kind == StoredKind::enum_;
  form.size = is_enum ? (members > kEnumOneByteMax ? 2 : 1) : set_bytes(members);
  form.metadata = low_high(static_cast<std::uint8_t>(is_enum ? LogType::enum_ : LogType::set), form.size);
  return absl::OkStatus();
}

absl::Status take_details(StoredForm& form, const DefinedColumn& column) {
  switch (form.kind) {
    case StoredKind::integer:
      form.is_unsigned = column.is_unsigned;
      break;
    case StoredKind::float_:
    case StoredKind::double_:
      form.is_unsigned = column.is_unsigned;
      form.metadata = form.kind == StoredKind::float_ ? kFloatSize : kDoubleSize;
      break;
    case StoredKind::decimal:
      if (!column.precision || !column.scale) return unknown("the digits of column " + column.name + " are not known");
      form.is_unsigned = column.is_unsigned;
      form.precision = *column.precision;
      form.scale = *column.scale;
      form.metadata = low_high(form.precision, form.scale);
      break;
    case StoredKind::bit:
      if (!column.precision) return unknown("the bits of column " + column.name + " are not known");
      form.size = *column.precision;
      form.metadata = low_high(form.size % 8, form.size / 8);
      break;
    case StoredKind::year:
    case StoredKind::date:
      break;
    case StoredKind::time:
    case StoredKind::datetime:
    case StoredKind::timestamp:
      form.fraction = column.fraction.value_or(0);
      form.metadata = static_cast<std::uint16_t>(form.fraction);
      break;
    case StoredKind::char_:
    case StoredKind::varchar:
      if (absl::Status status = take_length(form, column); !status.ok()) return status;
      return take_charset(form, modern_name(column.charset), column.name);
    case StoredKind::binary:
    case StoredKind::varbinary:
      return take_length(form, column);
    case StoredKind::text:
      form.metadata = static_cast<std::uint16_t>(form.size);
      return take_charset(form, modern_name(column.charset), column.name);
    case StoredKind::enum_:
    case StoredKind::set:
      if (absl::Status status = take_members(form, column); !status.ok()) return status;
      return take_charset(form, modern_name(column.charset), column.name);
    case StoredKind::blob:
    case StoredKind::json:
    case StoredKind::geometry:
    case StoredKind::vector:
      form.metadata = static_cast<std::uint16_t>(form.size);
      break;
    case StoredKind::opaque:
      form.metadata = string_metadata_of(form.size);
      break;
  }
  return absl::OkStatus();
}

// The text up to its closing quote, which is taken too.
std::string quoted_text(std::string_view& left) {
  std::string text;
  for (; !left.empty(); left.remove_prefix(1)) {
    const char c = left.front();
    const char next = left.size() > 1 ? left[1] : '\0';
    if (c == '\'' && next != '\'') {
      left.remove_prefix(1);
      break;
    }
    if (c == '\\') {
      text += next == 'n' ? '\n' : next == 'r' ? '\r' : next == '0' ? '\0' : next;
    } else {
      text += c;
    }
    if ((c == '\\' || c == '\'') && left.size() > 1) left.remove_prefix(1);
  }
  return text;
}

absl::StatusOr<StoredForm> string_form(const LogColumn& column, bool mariadb) {
  const LogType real = real_type(column);
  const auto length = static_cast<std::uint32_t>(string_bytes_max(column));
  StoredForm form{.kind = StoredKind::char_, .type = LogType::string, .metadata = column.metadata, .size = length};
  if (real == LogType::enum_) form.kind = StoredKind::enum_;
  if (real == LogType::set) form.kind = StoredKind::set;
  absl::Status status = take_charset(form, charset_of(collation_name(column.collation, mariadb)), column.name);
  if (!status.ok()) return status;
  return form;
}

}  // namespace

absl::StatusOr<StoredForm> stored_form(const LogColumn& column, bool mariadb) {
  const std::uint16_t metadata = column.metadata;
  const auto type = static_cast<LogType>(column.type);
  if (type == LogType::string) return string_form(column, mariadb);
  if (type == LogType::varchar || type == LogType::blob) {
    StoredForm form{.kind = type == LogType::blob ? StoredKind::text : StoredKind::varchar,
                    .type = type,
                    .metadata = metadata,
                    .size = metadata};
    absl::Status status = take_charset(form, charset_of(collation_name(column.collation, mariadb)), column.name);
    if (!status.ok()) return status;
    return form;
  }
  if (type == LogType::mariadb_blob_compressed || type == LogType::mariadb_varchar_compressed) {
    return unknown("column " + column.name +
                   " is COMPRESSED, and its bytes in the log cannot be read: ALTER TABLE .. " +
                   "MODIFY it without COMPRESSED on the leader");
  }
  const NamedType* known = type_by_log_byte(type);
  if (known == nullptr) {
    return unknown("column " + column.name + " has the log type " + std::to_string(column.type) +
                   ", which is not known (an old temporal format is renewed by ALTER TABLE .. FORCE)");
  }
  StoredForm form{.kind = known->kind, .type = type, .metadata = metadata, .size = known->size};
  if (form.kind == StoredKind::integer || form.kind == StoredKind::decimal || form.kind == StoredKind::float_ ||
      form.kind == StoredKind::double_) {
    form.is_unsigned = column.is_unsigned;
  }
  if (form.kind == StoredKind::decimal) {
    form.precision = metadata & 0xff;
    form.scale = metadata >> 8;
  }
  if (form.kind == StoredKind::bit) form.size = (metadata >> 8) * 8u + (metadata & 0xffu);
  if (form.kind == StoredKind::time || form.kind == StoredKind::datetime || form.kind == StoredKind::timestamp) {
    form.fraction = metadata;
  }
  return form;
}

absl::StatusOr<StoredForm> stored_form(const DefinedColumn& column, bool mariadb) {
  const auto* known = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const NamedType& type) { return type.name == column.data_type; });
  if (known == std::end(kTypes) ||
      (mariadb && (known->kind == StoredKind::json || known->kind == StoredKind::vector))) {
    return unknown("column " + column.name + " has the type " + column.column_type + ", which is not known");
  }
  StoredForm form{.kind = known->kind, .type = known->type, .size = known->size};
  absl::Status status = take_details(form, column);
  if (!status.ok()) return status;
  if (column.column_type.find("COMPRESSED") != std::string::npos && form.kind != StoredKind::enum_ &&
      form.kind != StoredKind::set) {
    form.type = form.type == LogType::varchar ? LogType::mariadb_varchar_compressed : LogType::mariadb_blob_compressed;
  }
  if (column.column_type.find("mariadb-5.3") != std::string::npos) {
    return unknown("column " + column.name + " has an old temporal format: ALTER TABLE .. FORCE");
  }
  return form;
}

const OwnType* own_type(std::string_view data_type) {
  // Both makes write an address and a UUID in the same way, of any bytes.
  static constexpr std::array kOwn = {
      OwnType{"uuid", "CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci", 36, "BIN_TO_UUID"},
      OwnType{"inet6", "VARCHAR(39) CHARACTER SET ascii COLLATE ascii_general_ci", 39, "INET6_NTOA"},
      OwnType{"inet4", "VARCHAR(15) CHARACTER SET ascii COLLATE ascii_general_ci", 15, "INET6_NTOA"}};
  const auto found = std::find_if(
      kOwn.begin(), kOwn.end(), [data_type](const OwnType& each) { return same_ignoring_case(each.name, data_type); });
  return found == kOwn.end() ? nullptr : &*found;
}

std::vector<std::string> members_of(std::string_view column_type) {
  std::vector<std::string> members;
  if (!column_type.starts_with("enum(") && !column_type.starts_with("set(")) return members;
  std::string_view left = column_type.substr(column_type.find('(') + 1);
  while (left.starts_with('\'') || left.starts_with("x'")) {
    const bool hex = left.front() == 'x';
    left.remove_prefix(hex ? 2 : 1);
    std::string member = quoted_text(left);
    members.push_back(hex ? absl::HexStringToBytes(member) : std::move(member));
    if (left.starts_with(',')) left.remove_prefix(1);
  }
  return members;
}

bool hides_members(const DefinedColumn& column, bool mariadb) {
  return mariadb && column.charset == "binary" && column.column_type.find('?') != std::string::npos;
}

}  // namespace crossfade::dualwrite
