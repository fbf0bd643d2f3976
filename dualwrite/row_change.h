// Rows as a leader's row log has them: values in the log's own binary form, which both makes share but for JSON.
// Manual: "Binary Log Event", TABLE_MAP_EVENT and ROWS_EVENT; MariaDB Knowledge Base "Rows_event_v1/v2".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/response.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

using protocol::Buffer;
using protocol::Bytes;

// One column as TABLE_MAP says it, with its optional metadata (binlog_row_metadata=FULL).
struct LogColumn {
  std::string name = {};       // as the leader spells it; empty without FULL metadata
  std::uint8_t type = 0;       // the event's type byte (STRING 254 for CHAR, BINARY, ENUM, SET; TIMESTAMP2 17, ...)
  std::uint16_t metadata = 0;  // little-endian as in the event; one-byte metadata in the low byte
  bool nullable = true;
  bool is_unsigned = false;
  std::uint16_t collation = 0;  // the leader's collation id of texts, ENUM and SET; 63 binary; 0: not a text
  bool in_primary_key = false;
  std::vector<std::string> members = {};  // of ENUM and SET, in the leader's bytes
  friend bool operator==(const LogColumn&, const LogColumn&) = default;
};

// What a TABLE_MAP event says. Shared by all rows events that follow it; a new definition is a new object.
struct LogTable {
  std::string schema = {};
  std::string table = {};
  std::vector<LogColumn> columns = {};  // in the table's order, generated and invisible ones too
  bool described = false;               // FULL metadata: names are there
  // Triggers captured the rows: generated columns are none of `columns`, MySQL's JSON is a text, and what the leader's
  // foreign keys do to other tables is in no row, of either make.
  bool by_triggers = false;
  bool has_triggers = false;  // of MariaDB's log
  friend bool operator==(const LogTable&, const LogTable&) = default;
};

enum class RowsKind : std::uint8_t { insert, update, delete_ };

// The flags of a rows event.
inline constexpr std::uint16_t kRowsEndOfStatement = 0x01;
inline constexpr std::uint16_t kRowsNoForeignKeyChecks = 0x02;
inline constexpr std::uint16_t kRowsNoUniqueChecks = 0x04;
inline constexpr std::uint16_t kRowsSqlLayerForeignKeys =
    0x10;  // MySQL 9: the children's rows are in the log themselves

// The rows of one event, all of one kind and one table.
// Layout of `images`, row after row: insert: after; delete: before; update: before, after. An image is
// ceil(columns/8) bytes of NULL bits (bit i % 8 of byte i / 8), then the values that are not NULL.
struct RowsChange {
  std::shared_ptr<const LogTable> table = nullptr;
  RowsKind kind = RowsKind::insert;
  std::uint16_t flags = 0;
  // All columns are present in every image (binlog_row_image=FULL). Otherwise `images` is empty: such rows cannot be
  // carried exactly, and the table is stopped.
  bool complete = true;
  // Whether these rows stay is not known: they are behind a savepoint that the log does not tell from another, or of a
  // prepared XA branch of which no more could be kept. `images` is empty.
  enum class Doubt : std::uint8_t { none, savepoint, branch } doubt = Doubt::none;
  // Of an insert: the row as it is on the leader, to be written over whatever the follower has.
  bool overwrites = false;
  Buffer images = {};
  std::size_t bytes() const { return images.size() + 64; }  // for limits
};

// One value's place within `images`; is_null leaves `bytes` empty.
struct LogValue {
  bool is_null = false;
  Bytes bytes;  // with its length prefix, as in the log
};
// A row taken apart: one value a column. Views into the images.
using RowImage = std::vector<LogValue>;

}  // namespace crossfade::dualwrite
