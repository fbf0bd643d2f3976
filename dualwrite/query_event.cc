#include "dualwrite/query_event.h"

#include <utility>

#include "dualwrite/log_compression.h"

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

enum class Status : std::uint8_t {
  flags = 0,
  sql_mode = 1,
  catalog_with_nul = 2,
  auto_increment = 3,
  charsets = 4,
  time_zone = 5,
  catalog = 6,
  lc_time_names = 7,
  database_collation = 8,
  tables_for_update = 9,
  bytes_written = 10,
  invoker = 11,
  updated_schemas = 12,
  microseconds = 13,
  commit_timestamp = 14,
  commit_timestamp_2 = 15,
  explicit_defaults_for_timestamp = 16,
  ddl_xid = 17,
  utf8mb4_collation = 18,
  sql_require_primary_key = 19,
  default_table_encryption = 20,
  row_statement = 21,  // MySQL 9 gives each logged INSERT, UPDATE, DELETE one byte; no manual says what it means
  mariadb_microseconds = 128,
  mariadb_xid = 129,
  mariadb_gtid_flags = 130
};

constexpr std::uint32_t kNoForeignKeyChecks = 1u << 26;
constexpr std::uint32_t kMariaDbExplicitDefaults = 1u << 24;

// u8 bytes | text
std::string_view short_text(Reader& reader) { return protocol::as_text(reader.take(reader.u8())); }

void skip_schemas(Reader& reader) {
  constexpr std::uint8_t kTooMany = 254;
  const std::uint8_t count = reader.u8();
  if (count == kTooMany) return;
  for (std::uint8_t i = 0; i < count && !reader.failed(); ++i) reader.nul_text();
}

// Of an ALTER in two parts; its end says the number of its beginning.
void skip_gtid_flags(Reader& reader) {
  constexpr std::uint8_t kEndsAlter = 0x04 | 0x08;
  if ((reader.u8() & kEndsAlter) != 0) reader.skip(8);
}

bool read_status(Reader& reader, bool mariadb, LoggedStatement* statement) {
  switch (static_cast<Status>(reader.u8())) {
    case Status::flags: {
      const std::uint32_t flags = reader.u32();
      statement->no_foreign_key_checks = (flags & kNoForeignKeyChecks) != 0;
      if (mariadb) statement->explicit_defaults_for_timestamp = (flags & kMariaDbExplicitDefaults) != 0;
      return true;
    }
    case Status::sql_mode:
      statement->sql_mode = reader.u64();
      return true;
    case Status::charsets:
      statement->client_collation = reader.u16();
      statement->connection_collation = reader.u16();
      statement->server_collation = reader.u16();
      return true;
    case Status::time_zone:
      statement->time_zone = short_text(reader);
      return true;
    case Status::database_collation:
      statement->database_collation = reader.u16();
      return true;
    case Status::explicit_defaults_for_timestamp:
      statement->explicit_defaults_for_timestamp = reader.u8() != 0;
      return true;
    case Status::utf8mb4_collation:
      statement->utf8mb4_collation = reader.u16();
      return true;
    case Status::catalog_with_nul:
      short_text(reader);
      reader.skip(1);
      return true;
    case Status::catalog:
      short_text(reader);
      return true;
    case Status::invoker:
      short_text(reader);
      short_text(reader);
      return true;
    case Status::updated_schemas:
      skip_schemas(reader);
      return true;
    case Status::auto_increment:
      statement->auto_increment_increment = reader.u16();
      statement->auto_increment_offset = reader.u16();
      return true;
    case Status::microseconds:
    case Status::mariadb_microseconds:
      statement->microseconds = reader.u24();
      return true;
    case Status::bytes_written:
      reader.skip(4);
      return true;
    case Status::lc_time_names:
      reader.skip(2);
      return true;
    case Status::tables_for_update:
    case Status::commit_timestamp:
    case Status::commit_timestamp_2:
    case Status::ddl_xid:
    case Status::mariadb_xid:
      reader.skip(8);
      return true;
    case Status::sql_require_primary_key:
    case Status::default_table_encryption:
    case Status::row_statement:
      reader.skip(1);
      return true;
    case Status::mariadb_gtid_flags:
      skip_gtid_flags(reader);
      return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<QueryEvent> decode_query(Bytes body, QueryPacking packing) {
  Reader reader(body);
  reader.skip(8);
  const std::uint8_t schema_bytes = reader.u8();
  QueryEvent query;
  query.error = reader.u16();
  query.status = reader.take(reader.u16());
  query.schema = protocol::as_text(reader.take(schema_bytes));
  reader.skip(1);
  const Bytes text = reader.rest();
  if (reader.failed()) return absl::InvalidArgumentError("cut off");
  query.sql = protocol::as_text(text);
  if (packing == QueryPacking::compressed) {
    absl::StatusOr<protocol::Buffer> plain = inflate_mariadb(text);
    if (!plain.ok()) return plain.status();
    query.inflated = *std::move(plain);
    query.sql = protocol::as_text(query.inflated);
  }
  return query;
}

absl::StatusOr<LoggedStatement> logged_statement(const QueryEvent& query, bool mariadb) {
  LoggedStatement statement;
  statement.schema = query.schema;
  statement.sql = query.sql;
  statement.error = query.error;
  Reader reader(query.status);
  while (!reader.at_end()) {
    const std::uint8_t kind = reader.peek();
    if (!read_status(reader, mariadb, &statement)) {
      // They stand in the order of their numbers: what follows is of a newer server too.
      statement.unknown_setting = kind;
      break;
    }
    if (reader.failed()) return absl::InvalidArgumentError("its session's settings are cut off");
  }
  return statement;
}

}  // namespace crossfade::dualwrite
