// Entries and rows for the tests of this folder.
#pragma once

#include <string>
#include <utility>

#include "dualwrite/inline/outbox.h"

namespace crossfade::dualwrite {

inline EntryKey key_of(std::uint8_t number) {
  EntryKey key;
  key.bytes.fill(number);
  return key;
}

inline StatementContext context_of(std::string schema) {
  StatementContext context;
  context.schema = std::move(schema);
  context.sql_mode = "STRICT_TRANS_TABLES";
  context.time_zone = "+00:00";
  context.character_set_client = "utf8mb4";
  context.collation_connection = "utf8mb4_general_ci";
  return context;
}

inline StatementRecord record_of(std::string sql, std::string table = "t") {
  StatementRecord record;
  record.sql = std::move(sql);
  record.table = {"shop", std::move(table)};
  return record;
}

inline Entry entry_of(StatementRecord record) {
  Entry entry;
  entry.contexts.push_back(context_of("shop"));
  entry.statements.push_back(std::move(record));
  return entry;
}

inline OutboxRow row_of(std::uint64_t id, std::uint8_t key, Buffer payload) {
  OutboxRow row;
  row.id = id;
  row.epoch = 1;
  row.key = key_of(key);
  row.payload = std::move(payload);
  return row;
}

}  // namespace crossfade::dualwrite
