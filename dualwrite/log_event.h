// What a leader's row log says, in order, as values: the output of LogDecoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dualwrite/log_position.h"
#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

// A transaction, or a statement that is one by itself, begins.
struct TransactionBegin {
  std::string gtid;             // "0-1-54" (MariaDB), "uuid:54" or "uuid:tag:54" (MySQL); empty: the leader has none
  std::uint32_t timestamp = 0;  // seconds since 1970, the leader's clock
  LogPosition at;               // of its first event: a place to resume at
};

// A QUERY event that is neither transaction control nor harmless: DDL, account management, and what else is logged
// as a statement. What it means is the business of ddl.h.
struct LoggedStatement {
  std::string schema;  // the default database it ran in; may be empty
  std::string sql;     // in the client's character set
  std::uint64_t sql_mode = 0;
  std::uint16_t client_collation = 0;      // character_set_client's default collation id
  std::uint16_t connection_collation = 0;  // collation_connection
  std::uint16_t server_collation = 0;
  bool no_foreign_key_checks = false;
  bool explicit_defaults_for_timestamp = true;
  std::uint32_t timestamp = 0;
  std::uint32_t microseconds = 0;  // of `timestamp`, where the statement used the clock
  std::uint16_t auto_increment_increment = 1;
  std::uint16_t auto_increment_offset = 1;
  std::uint64_t change_id = 0;  // feed `trigger`: of its row in `changes`; 0: its place in the log says which it is
  // Inside of a transaction that also has rows (CREATE TABLE .. SELECT), or alone.
  bool with_rows = false;
  std::string time_zone = {};            // the session's, where the statement used it; else empty
  std::uint16_t utf8mb4_collation = 0;   // MySQL: default_collation_for_utf8mb4; 0: not said
  std::uint16_t database_collation = 0;  // collation_database; 0: not said
  std::uint16_t error = 0;               // the statement failed in part with this error code (DROP TABLE a, missing)
  // The session had a setting of this kind, which is not known: the statement must not be run elsewhere.
  std::optional<std::uint8_t> unknown_setting = {};
};

// Everything of the transaction has been said. `next` is where the log goes on: the place to store.
struct TransactionEnd {
  LogPosition next;
  // Where a dump must begin if everything up to `next` has been taken: `next`, or the start of the oldest prepared XA
  // branch that is open there.
  LogPosition resume;
  std::uint32_t file_time = 0;  // when the file of `next` was made, seconds since 1970 as the leader counts; 0: unknown
  // Feed `trigger`: which rows of `changes` the follower has then (IdRanges::text()); kept with the position.
  std::string taken = {};
};

// Nothing happened up to here (heartbeat, rotation, skipped events), between two transactions.
struct LogAdvance {
  LogPosition next;
  LogPosition resume;  // as of TransactionEnd
  std::uint32_t file_time = 0;
};

using LogItem = std::variant<TransactionBegin, RowsChange, LoggedStatement, TransactionEnd, LogAdvance>;

// The bytes an item weighs in a queue.
std::size_t item_bytes(const LogItem& item);

}  // namespace crossfade::dualwrite
