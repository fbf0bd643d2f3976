// How the rows of one leader's table are captured: which triggers write what into `changes`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"
#include "dualwrite/selected_row.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/table_definition.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// The table's own triggers that run first AFTER an event; ours go before them, since their writes are caused by the row
// and must come behind it. Empty: there is none.
struct FirstTriggers {
  std::string insert{};
  std::string update{};
  std::string delete_{};
};
// Event, name; in order of action. Ours are left out by first_triggers().
std::string after_triggers_query(const TableRef& table);
absl::StatusOr<FirstTriggers> first_triggers(const std::vector<std::vector<protocol::Cell>>& rows);

// crossfade_i_N, crossfade_u_N, crossfade_d_N.
bool is_capture_trigger(std::string_view name);
std::uint32_t capture_number(std::string_view trigger);  // N; of no such name 0
// Event, name, body, sql_mode of all our triggers on the server: for the watch, and for removal after a crash. Columns:
// schema, table, name, statement.
std::string capture_triggers_query();

struct CaptureRequest {
  TableDefinition leader{};
  bool mariadb = true;
  std::uint32_t number = 0;  // of this definition of this table; never used again for another one
  std::string control_schema = "crossfade";
  FirstTriggers first{};
  // The columns that foreign keys of other tables (or of its own) refer to, one entry a foreign key:
  // DefinedForeignKey::parent_columns.
  std::vector<std::vector<std::string>> referenced{};
};
// Those of `table`, from the definitions of all the leader's tables.
std::vector<std::vector<std::string>> referenced_columns(const std::map<TableRef, TableDefinition>& leader,
                                                         const TableRef& table);

// Immutable once made. Shared with every change that is decoded by it.
struct Capture {
  std::uint32_t number = 0;
  TableRef name{};
  bool mariadb = true;
  // Without generated columns, which the triggers leave out: the follower computes them. MySQL's JSON is a LONGTEXT of
  // utf8mb4_bin, as MariaDB's is.
  std::shared_ptr<const LogTable> table{};
  std::vector<CapturedColumn> columns{};  // beside table->columns
  std::vector<std::size_t> key{};         // ordinals in table->columns of the primary key
  std::size_t pairs = 0;                  // how many pairs `changes` must have
  // Of what the triggers depend on: names, types, order of columns, primary key, engine.
  std::string fingerprint{};
  std::vector<std::string> create{};  // three CREATE TRIGGER, to be run under capture_session()
  std::vector<std::string> drop{};    // three DROP TRIGGER IF EXISTS
  // A refresh: rows as they are now, written to `changes` as 'R', by key. Of more than one row first lock, then insert,
  // in one READ COMMITTED transaction: INSERT .. SELECT takes ids ahead of the rows that it has not locked yet, and a
  // client's change between would get the larger id. Of one row by its whole key the insert alone will do. Behind each
  // goes a condition and kRefreshEnd.
  std::string refresh_lock{};    // "SELECT COUNT(*) FROM .. FORCE INDEX (PRIMARY) WHERE "
  std::string refresh_insert{};  // "INSERT INTO `crossfade`.`changes` (..) SELECT .. FROM .. WHERE "
};
inline constexpr std::string_view kRefreshEnd = " LOCK IN SHARE MODE";

// FailedPrecondition: this table cannot be captured; the message says why and what to do. No primary key, not InnoDB,
// no base table, system versioned, more than kBigPairsMax big columns, a type whose text is not known.
absl::StatusOr<Capture> plan_capture(const CaptureRequest& request);

// What a definition is compared by each second; equal to Capture::fingerprint while the triggers serve.
std::string capture_fingerprint(const TableDefinition& leader);
// MariaDB: columns whose NEW value in a trigger need not be the row's, those of the primary key left out. After a
// change past the proxy there may be more of them.
std::vector<std::string> doubtful_columns(const TableDefinition& leader);

// A trigger keeps the sql_mode and character sets of its creation. For the session that makes triggers and refreshes.
std::string capture_session();

// " `id` = 5": a condition on the leader that finds exactly the row of this image, for a refresh; under
// capture_session() with time_zone UTC.
absl::StatusOr<std::string> key_condition(const Capture& capture, const RowImage& row);

}  // namespace crossfade::dualwrite
