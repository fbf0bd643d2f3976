// What feed `log` keeps on the follower, in the control schema: how far it is, what is stopped, what differs. Text
// only; whoever sends it is proxy/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/log_position.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/table_ref.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// CREATE SCHEMA / TABLE IF NOT EXISTS, idempotent: position, stopped, ddl, ledger.
std::vector<std::string> log_setup_statements(std::string_view schema);

// On the leader: where its log began to be followed. Written once, before the first client's write, so that nothing is
// lost if the follower cannot be reached then; the position on the follower begins here.
std::vector<std::string> anchor_setup_statements(std::string_view schema);
std::string select_anchor(std::string_view schema);
std::string insert_anchor(std::string_view schema, std::string_view server, const LogPosition& at);  // once
// Another feed takes over. `preparing`: what it needs on the leader is being made. `announced`: sessions say what it
// wants to be told. `fenced`: everything that was committed in front of the fence is told by the feed of before, and
// everything behind it by the next one, which begins at `next`.
struct FeedChange {
  enum class Phase : std::uint8_t { preparing, announced, fenced };
  Phase phase = Phase::preparing;
  LogPosition next;
  LogPosition fence;  // of the feed of before; nowhere until there is one
  friend bool operator==(const FeedChange&, const FeedChange&) = default;
};
struct Anchor {
  std::string server;
  LogPosition at;
  std::optional<FeedChange> change{};
  bool is_fenced() const { return change && change->phase == FeedChange::Phase::fenced; }
  friend bool operator==(const Anchor&, const Anchor&) = default;
};
// Of either of the two SELECTs; the first knows no change.
absl::StatusOr<std::optional<Anchor>> anchor_from(const protocol::ResultSet& result);
std::string select_anchor_with_change(std::string_view schema);
// By whoever applies: the place and the change.
std::string update_anchor(std::string_view schema, const Anchor& anchor);
// Of one that an earlier version made: one column, how many columns of a change it has (0 or kAnchorChangeColumns), and
// what adds them.
inline constexpr std::uint64_t kAnchorChangeColumns = 5;
std::string count_anchor_change_columns(std::string_view schema);
std::string add_anchor_change_columns(std::string_view schema);

// On the leader: the name of the lock that whoever applies has, as a text of SQL.
std::string applier_lock(std::string_view schema);

// The ledger alone, which both feeds write.
std::string ledger_table(std::string_view schema);

// What an applier writes on its follower has a row of one of these in each transaction.
bool is_appliers_mark(std::string_view schema, const TableRef& table);

// The one row of table `position` for this leader: written in every transaction of the applier, so it is resume point,
// exactly-once mark and, seen in the follower's own log, the mark of a loop.
struct StoredPosition {
  LogPosition applied;          // everything before it is on the follower
  LogPosition resume;           // where a dump must begin: before `applied` while prepared XA branches are open
  std::string server;           // LeaderIdentity::server
  std::string gtid;             // of the last transaction, for people
  std::uint32_t file_time = 0;  // when the file of `resume` was made; 0: not known
};
std::string select_position(std::string_view schema, std::string_view leader);
absl::StatusOr<std::optional<StoredPosition>> position_from(const protocol::ResultSet& result);
// The first one. An existing row stays as it is.
std::string insert_position(std::string_view schema, std::string_view leader, const StoredPosition& position,
                            std::string_view owner);
// Whoever wrote last here owns the row; update_position of anybody else fails with 1242, and its transaction with it.
// The first statement of every transaction of the applier: it holds the row until the end, so that a claim waits for
// what is under way, and it really changes the row, so that the transaction is marked from its beginning. Fails for
// anybody but the owner, too.
std::string lock_position(std::string_view schema, std::string_view leader, std::string_view owner);
std::string claim_position(std::string_view schema, std::string_view leader, std::string_view owner);
std::string update_position(std::string_view schema, std::string_view leader, const StoredPosition& position,
                            std::string_view owner);
// What others write for the owner, beside the applier's transactions, shares a row of its own: `loader`, claimed in the
// same transaction as the position. A claim waits for what is under way.
std::string claim_loader(std::string_view schema, std::string_view leader, std::string_view owner);
// 1 where the row is the owner's, and stays so until the transaction ends.
std::string share_loader(std::string_view schema, std::string_view leader, std::string_view owner);
// Marks a transaction that has no row of `position` as an applier's. One row a slot.
std::string mark_loading(std::string_view schema, std::uint32_t slot);
inline constexpr std::uint16_t kErrNotOwner = 1242;  // ER_SUBQUERY_NO_1_ROW

// A table whose changes are not applied from `since` on. `definition`: tried again when definitions change;
// `divergence`: when somebody has decided; `parent`: together with the table whose foreign keys change its rows, which
// a leader of MariaDB does not log; `copy`: its rows are copied, or have to be.
enum class StopCause : std::uint8_t { definition, divergence, parent, copy };
// How a stopped table is caught up. `compared`: a row that does not fit stops it again. `overwriting`: such a row is
// taken from the leader, and is a line in the ledger. Of a table that is copied `awaited`: nothing of its rows is
// wanted yet; `copying`: the follower has a part of the leader's rows, each as it is there, and all changes are
// applied.
enum class CatchUp : std::uint8_t { none = 0, compared = 1, overwriting = 2, awaited = 3, copying = 4 };
struct StoppedTable {
  TableRef table;
  StopCause cause = StopCause::definition;
  LogPosition since;  // its changes in transactions that begin here or later are not applied
  std::string reason;
  CatchUp catch_up = CatchUp::none;  // from `since`, which moves on
  std::int64_t stopped_at = 0;       // seconds since 1970, the follower's clock
  bool released() const { return catch_up == CatchUp::compared || catch_up == CatchUp::overwriting; }
  bool is_copy() const { return cause == StopCause::copy; }
};
std::string select_stopped(std::string_view schema);
absl::StatusOr<std::vector<StoppedTable>> stopped_from(const protocol::ResultSet& result);
std::string insert_stopped(std::string_view schema, const StoppedTable& stopped);
std::string replace_stopped(std::string_view schema, const StoppedTable& stopped);
std::string move_stopped(std::string_view schema, const TableRef& table, const LogPosition& since);
std::string release_stopped(std::string_view schema, const TableRef& table, CatchUp how);
std::string delete_stopped(std::string_view schema, const TableRef& table);

// A DDL statement under way: written before it runs, so that after a crash it is known which one and how far.
struct DdlIntent {
  LogPosition at;           // of the leader's transaction
  std::uint32_t step = 0;   // statements of it that are done
  std::string fingerprint;  // of the definitions before the next one, or kClauseByClause
};
// The next statement is being carried out piece by piece, each of which can be run again.
inline constexpr std::string_view kClauseByClause = "clause by clause";
std::string write_ddl_intent(std::string_view schema, std::string_view leader, const DdlIntent& intent);
std::string select_ddl_intent(std::string_view schema, std::string_view leader);
absl::StatusOr<std::optional<DdlIntent>> ddl_intent_from(const protocol::ResultSet& result);
std::string delete_ddl_intent(std::string_view schema, std::string_view leader);

// A row found different; resolved when it was overwritten from the leader in the same transaction.
enum class LedgerState : std::uint8_t { open, resolved };
std::string insert_divergence(std::string_view schema, const TableRef& table, std::string_view what,
                              const RowIdentity& row, const LogPosition& at, LedgerState state);
std::string count_open_ledger(std::string_view schema);
std::string select_open_ledger_tables(std::string_view schema);  // schema and name of each, once
// Its rows have been copied anew, or are equal.
std::string resolve_ledger(std::string_view schema, const TableRef& table);

}  // namespace crossfade::dualwrite
