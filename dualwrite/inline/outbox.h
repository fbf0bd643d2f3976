// The statements that the dual-write protocol sends: tables, wrapping of writes, outbox rows, the
// applier's bookkeeping. Text only; whoever sends it is proxy/. All literals are numbers or hex, so
// they mean the same under every sql_mode and character set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/inline/entry.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {

// CREATE SCHEMA / TABLE IF NOT EXISTS and the first fence row, idempotent, for either backend:
// fence, outbox, applied, applier (the follower's epoch row of the applier), ledger.
std::vector<std::string> setup_statements(std::string_view schema);
// The rights an application's account needs on the leader.
std::string grant_statement(std::string_view schema, std::string_view user, std::string_view host);

// The largest payload one outbox row carries; larger entries are split over several rows of one key.
inline constexpr std::size_t kRowPayloadBytesMax = 256 * 1024;

// The same where the server takes packets of so many bytes only (max_allowed_packet).
std::size_t row_payload_max(std::uint64_t packet_bytes_max);

// INSERT statements that record an entry whose statements carry their own outcome, one per row of at most
// `row_bytes_max` of payload. Their `at` is the session's time when they run. Empty when the payload needs more than
// 65535 rows.
std::vector<std::string> record_statements(std::string_view schema, std::uint64_t epoch, const EntryKey& key,
                                           Bytes payload, std::size_t row_bytes_max = kRowPayloadBytesMax);

// An autocommit write as one packet (text protocol): START TRANSACTION; statement; GET DIAGNOSTICS of
// the row count; SHOW WARNINGS; outbox row that takes row count, insert id and time from the server;
// COMMIT. `prefix` assignments (timestamp, seeds) go first, their reset last. nullopt when the payload
// does not fit one outbox row: then the caller goes step by step.
// The results of the response are, in order:
//   results_before times OK (SET if anything is pinned; START TRANSACTION), the statement's own, then
//   OK (GET DIAGNOSTICS), rows (SHOW WARNINGS), OK (outbox row), OK (COMMIT), and
//   results_after_commit times OK (the reset of the timestamp).
// An error ends it: if it came before COMMIT's own result, the caller rolls back; and if time was
// frozen and the response did not come to its end, sends kResetTimestamp.
struct WrappedWrite {
  std::string sql;
  std::uint32_t results_before = 0;
  std::uint32_t results_after = 0;  // all after the statement's own: 4, and what follows COMMIT
  std::uint32_t results_after_commit = 0;
};
// Of our own transactions: a client's @@completion_type is about its own.
inline constexpr std::string_view kCommit = "COMMIT AND NO CHAIN NO RELEASE";
inline constexpr std::string_view kRollback = "ROLLBACK AND NO CHAIN NO RELEASE";
inline constexpr std::string_view kResetTimestamp = "SET timestamp=DEFAULT";
struct WrapOptions {
  std::string_view schema;
  std::uint64_t epoch = 0;
  EntryKey key;
  bool freeze_time = false;  // SET timestamp=@@timestamp first, DEFAULT afterwards
  std::optional<RandSeeds> seeds;
};
std::optional<WrappedWrite> wrap_autocommit(std::string_view statement, Bytes payload, const WrapOptions& options);
// The assignments that pin time and seeds, for a caller that goes step by step; "" when there are none.
// When the client has set its own timestamp, do not freeze: the record's timestamp "" still takes it.
std::string set_timestamp_and_seeds(bool freeze_time, const std::optional<RandSeeds>& seeds);

// A row of the outbox as the applier reads it; columns of read_outbox() in this order:
// id, epoch, hex(entry_key), part, parts, affected, insert_id, at, payload.
std::string read_outbox(std::string_view schema, std::uint32_t limit);
std::string read_outbox_of(std::string_view schema, const std::vector<EntryKey>& keys);
struct OutboxRow {
  std::uint64_t id = 0;
  std::uint64_t epoch = 0;
  EntryKey key;
  std::uint16_t part = 0;
  std::uint16_t parts = 1;
  std::optional<std::int64_t> affected;
  std::optional<std::uint64_t> insert_id;
  std::optional<std::string> at;  // decimal seconds, the leader's @@timestamp
  Buffer payload;
};
absl::StatusOr<OutboxRow> decode_outbox_row(const std::vector<std::optional<std::string>>& cells);

// Lag in one row: count, bytes, age of the oldest in seconds (NULL when empty).
std::string lag_query(std::string_view schema);

std::string insert_applied(std::string_view schema, const std::vector<std::pair<std::uint64_t, EntryKey>>& entries);
std::string select_applied(std::string_view schema, const std::vector<EntryKey>& keys);  // one column: HEX(entry_key)
// All rows of one entry.
std::string delete_entry(std::string_view schema, const EntryKey& key);
std::string delete_outbox(std::string_view schema, const std::vector<std::uint64_t>& ids);
// Applied rows older than `seconds` whose entries have long left the outbox, at most `limit`.
std::string prune_applied(std::string_view schema, std::uint32_t seconds, std::uint32_t limit);
// Fencing of the applier: one row per direction; each batch touches it. touch changes 1 row, always;
// 0 rows: somebody else claimed it, stand down.
std::string claim_applier(std::string_view schema, const EntryKey& owner);
std::string touch_applier(std::string_view schema, const EntryKey& owner);
// A difference between what a statement did on leader and follower.
std::string insert_ledger(std::string_view schema, const EntryKey& key, const TableRef& table, std::string_view what,
                          std::int64_t leader_affected, std::int64_t follower_affected);

std::optional<EntryKey> parse_key(std::string_view hex);

}  // namespace crossfade::dualwrite
