// From outbox rows to the statements of one follower transaction, and from its answers to a verdict.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/inline/entry.h"
#include "dualwrite/inline/outbox.h"
#include "dualwrite/session_text.h"

namespace crossfade::dualwrite {

// A committed transaction of the leader, joined from its rows. Its place is the id of its first row.
struct Transaction {
  EntryKey key;
  std::vector<std::uint64_t> ids;  // of all its rows
  std::uint64_t first_id = 0;
  Entry entry;  // outcome columns of an autocommit write already filled in
  std::uint64_t payload_bytes = 0;
};

// Joins rows to transactions in id order. Keys whose rows are not all there are named in
// `incomplete`: the caller reads them by key and joins again (the same row twice is one row). A payload that cannot be
// decoded is an error of that transaction alone: it is returned with `broken` saying why.
struct Joined {
  std::vector<Transaction> transactions;
  std::vector<EntryKey> incomplete;
  struct Broken {
    EntryKey key;
    std::vector<std::uint64_t> ids;
    std::string why;
  };
  std::vector<Broken> broken;
};
Joined join_rows(std::vector<OutboxRow> rows);

// One command to send to the follower, in order, pipelined. COMMIT is not among them: it is sent
// only after every answer was good.
struct FollowerCommand {
  enum class Kind : std::uint8_t {
    context,    // SET ..., USE ...: an error is permanent
    statement,  // its affected rows are compared
    execute,    // prepared: prepare `sql` (cached by `statement_key`), then send `payload` with the id put in
  };
  Kind kind = Kind::context;
  std::string sql;
  Buffer payload;
  // execute: the text and what of the session a prepared statement keeps from when it was prepared
  // (schema, sql_mode, character set). Caching by the text alone would write into another schema.
  std::string statement_key;
  std::size_t transaction = 0;             // index of the transaction it belongs to
  std::optional<std::int64_t> affected;    // the leader's
  std::optional<std::uint64_t> insert_id;  // the first AUTO_INCREMENT value it made, when it made any
  bool found_rows = false;
  TableRef table;
};
// `current` is the context that the follower session has now (nullopt: unknown) and is updated.
std::vector<FollowerCommand> plan_commands(const std::vector<Transaction>& transactions, const FollowerTraits& traits,
                                           std::optional<StatementContext>& current);

// Is what the follower answered the same outcome? `follower_matched` is "Rows matched" of the info
// text when there is one (the follower session does not run with CLIENT_FOUND_ROWS).
bool same_outcome(const FollowerCommand& command, std::uint64_t follower_affected, const std::string& follower_info);

// Errors that a retry of the same batch can cure, because they speak of the server's state and not of
// the statement: 1205, 1213, 1020, lost connections, shutdown, read-only, out of resources.
bool is_transient(std::uint16_t error_code);

// Transactions that must wait because something they depend on is parked: all that touch a table of
// a parked transaction, directly or through another held one. Order is kept.
struct Schedule {
  std::vector<std::size_t> runnable;  // indexes, in order
  std::vector<std::size_t> held;
};
Schedule hold_dependents(const std::vector<Transaction>& transactions, const std::set<EntryKey>& parked,
                         const std::set<TableRef>& parked_tables);

}  // namespace crossfade::dualwrite
