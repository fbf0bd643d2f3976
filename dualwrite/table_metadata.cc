// The optional metadata of TABLE_MAP. Manual: "Table_map_event", class mysql::binlog::event::Table_map_event.
#include <optional>
#include <string>
#include <vector>

#include "dualwrite/column_layout.h"
#include "dualwrite/table_map.h"

namespace crossfade::dualwrite {

using protocol::Reader;

namespace {

enum class Kind : std::uint8_t {
  signedness = 1,
  default_charset = 2,
  column_charset = 3,
  column_name = 4,
  set_members = 5,
  enum_members = 6,
  geometry_type = 7,
  simple_primary_key = 8,
  primary_key_with_prefix = 9,
  enum_set_default_charset = 10,
  enum_set_column_charset = 11,
  visibility = 12,
  vector_dimensions = 13
};

bool is_number(const LogColumn& column) {
  switch (real_type(column)) {
    case LogType::tiny:
    case LogType::short_:
    case LogType::int24:
    case LogType::long_:
    case LogType::longlong:
    case LogType::newdecimal:
    case LogType::float_:
    case LogType::double_:
    case LogType::year:
      return true;
    default:
      return false;
  }
}
bool is_text(const LogColumn& column) {
  switch (real_type(column)) {
    case LogType::string:
    case LogType::varchar:
    case LogType::var_string:
    case LogType::tiny_blob:
    case LogType::medium_blob:
    case LogType::long_blob:
    case LogType::blob:
    case LogType::mariadb_blob_compressed:
    case LogType::mariadb_varchar_compressed:
      return true;
    default:
      return false;
  }
}
bool is_text_or_geometry(const LogColumn& column) { return is_text(column) || real_type(column) == LogType::geometry; }
bool is_text_or_vector(const LogColumn& column) { return is_text(column) || real_type(column) == LogType::vector; }
bool is_set(const LogColumn& column) { return real_type(column) == LogType::set; }
bool is_enum(const LogColumn& column) { return real_type(column) == LogType::enum_; }
bool is_enum_or_set(const LogColumn& column) { return is_set(column) || is_enum(column); }

template <typename Is>
std::vector<LogColumn*> columns_that(Is is, LogTable* table) {
  std::vector<LogColumn*> found;
  for (LogColumn& column : table->columns) {
    if (is(column)) found.push_back(&column);
  }
  return found;
}

absl::Status malformed_metadata(const char* what) {
  return absl::InvalidArgumentError(std::string("malformed metadata of columns: ") + what);
}
absl::Status unless_read(const Reader& reader, const char* what) {
  return reader.failed() || !reader.at_end() ? malformed_metadata(what) : absl::OkStatus();
}
absl::StatusOr<std::uint16_t> collation(std::uint64_t id) {
  if (id > 0xffff) return malformed_metadata("collation");
  return static_cast<std::uint16_t>(id);
}

// One bit a number, the first in the highest bit.
absl::Status read_signs(Reader reader, LogTable* table) {
  const std::vector<LogColumn*> numbers = columns_that(is_number, table);
  const Bytes bits = reader.rest();
  if (bits.size() != (numbers.size() + 7) / 8) return malformed_metadata("signs");
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i]->is_unsigned = (bits[i / 8] << (i % 8) & 0x80) != 0;
  return absl::OkStatus();
}

// lenenc collation of all but (lenenc which of the texts, lenenc collation)*
absl::Status read_default_collation(Reader reader, const std::vector<LogColumn*>& texts) {
  const absl::StatusOr<std::uint16_t> usual = collation(reader.lenenc());
  if (!usual.ok()) return usual.status();
  for (LogColumn* text : texts) text->collation = *usual;
  while (!reader.failed() && !reader.at_end()) {
    const std::uint64_t index = reader.lenenc();
    const absl::StatusOr<std::uint16_t> own = collation(reader.lenenc());
    if (!own.ok() || index >= texts.size()) return malformed_metadata("collations");
    texts[static_cast<std::size_t>(index)]->collation = *own;
  }
  return unless_read(reader, "collations");
}

absl::Status read_collations(Reader reader, const std::vector<LogColumn*>& texts) {
  for (LogColumn* text : texts) {
    const absl::StatusOr<std::uint16_t> own = collation(reader.lenenc());
    if (!own.ok()) return own.status();
    text->collation = *own;
  }
  return unless_read(reader, "collations");
}

absl::Status read_names(Reader reader, LogTable* table) {
  for (LogColumn& column : table->columns) column.name = reader.lenenc_text();
  table->described = true;
  return unless_read(reader, "names");
}

// For each: lenenc count, then as many texts.
absl::Status read_members(Reader reader, const std::vector<LogColumn*>& columns) {
  for (LogColumn* column : columns) {
    const std::uint64_t count = reader.lenenc();
    if (count > reader.remaining()) return malformed_metadata("members");  // each has a byte at least
    column->members.clear();
    for (std::uint64_t i = 0; i < count; ++i) column->members.emplace_back(reader.lenenc_text());
  }
  return unless_read(reader, "members");
}

absl::Status read_primary_key(Reader reader, bool prefixes, LogTable* table) {
  while (!reader.failed() && !reader.at_end()) {
    const std::uint64_t index = reader.lenenc();
    if (prefixes) reader.lenenc();
    if (index >= table->columns.size()) return malformed_metadata("primary key");
    table->columns[static_cast<std::size_t>(index)].in_primary_key = true;
  }
  return unless_read(reader, "primary key");
}

absl::Status read_part(Kind kind, Reader value, LogMake make, LogTable* table) {
  const auto has_collation = make == LogMake::mariadb ? is_text_or_geometry : is_text_or_vector;
  switch (kind) {
    case Kind::signedness:
      return read_signs(value, table);
    case Kind::default_charset:
      return read_default_collation(value, columns_that(has_collation, table));
    case Kind::column_charset:
      return read_collations(value, columns_that(has_collation, table));
    case Kind::enum_set_default_charset:
      return read_default_collation(value, columns_that(is_enum_or_set, table));
    case Kind::enum_set_column_charset:
      return read_collations(value, columns_that(is_enum_or_set, table));
    case Kind::column_name:
      return read_names(value, table);
    case Kind::set_members:
      return read_members(value, columns_that(is_set, table));
    case Kind::enum_members:
      return read_members(value, columns_that(is_enum, table));
    case Kind::simple_primary_key:
      return read_primary_key(value, false, table);
    case Kind::primary_key_with_prefix:
      return read_primary_key(value, true, table);
    case Kind::geometry_type:
    case Kind::visibility:
    case Kind::vector_dimensions:
      break;  // say nothing that the rows need
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status decode_optional_metadata(Bytes metadata, LogMake make, LogTable* table) {
  Reader reader(metadata);
  while (!reader.failed() && !reader.at_end()) {
    const auto kind = static_cast<Kind>(reader.u8());
    const Bytes value = reader.lenenc_bytes();
    if (reader.failed()) break;
    if (absl::Status status = read_part(kind, Reader(value), make, table); !status.ok()) return status;
  }
  return unless_read(reader, "parts");
}

}  // namespace crossfade::dualwrite
