// What a write transaction leaves behind: the payload of its outbox rows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/statement_context.h"
#include "dualwrite/table_ref.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

using protocol::Buffer;
using protocol::Bytes;

// Random, drawn by the proxy: outbox ids are reused after a rollback and a crash, keys never.
struct EntryKey {
  std::array<std::uint8_t, 16> bytes = {};
  friend auto operator<=>(const EntryKey&, const EntryKey&) = default;
};

struct RandSeeds {
  std::uint32_t seed1 = 0;
  std::uint32_t seed2 = 0;
  friend bool operator==(const RandSeeds&, const RandSeeds&) = default;
};

// One statement as it ran on the leader.
struct StatementRecord {
  std::uint16_t context = 0;  // index into Entry::contexts
  std::string sql;
  bool prepared = false;
  Buffer parameters;          // prepared: a self-contained COM_STMT_EXECUTE payload, statement id 0
  bool found_rows = false;    // affected counts matched, not changed rows (CLIENT_FOUND_ROWS)
  bool generates_id = false;  // AUTO_INCREMENT values were made: replay under insert_id
  // Known when the entry is written inside an explicit transaction. For an autocommit write the
  // server fills them into columns of the outbox row instead (see outbox.h).
  std::optional<std::int64_t> affected;
  std::optional<std::uint64_t> insert_id;
  // "1795222044.556984", set when time matters. "" (only in an entry of one statement): the outbox
  // row's `at` says it.
  std::optional<std::string> timestamp;
  std::optional<RandSeeds> seeds;
  TableRef table;  // the one written
  friend bool operator==(const StatementRecord&, const StatementRecord&) = default;
};

struct Entry {
  std::vector<StatementContext> contexts;
  std::vector<StatementRecord> statements;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// A compact binary form with a version byte first. decode rejects anything it does not understand
// completely: a half-understood write is never applied.
Buffer encode_entry(const Entry& entry);
absl::StatusOr<Entry> decode_entry(Bytes payload);

}  // namespace crossfade::dualwrite
