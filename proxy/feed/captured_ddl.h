// Feed `trigger`: a schema change through the proxy, from before the client's statement until its tables are captured
// again.
//
// Triggers know nothing of DDL, so `changes` is told: an intent before the client's statement runs, on the control
// account's own connection, and that it has run after. Whoever reads `changes` takes nothing behind an intent. The old
// triggers stay during the statement, so that every write is still captured, if in the old shape, or by nothing but its
// key where a column they name is gone. What they wrote may lack columns, or have come behind a TRUNCATE, so these rows
// are written down once more as they are.
//
//   intent (P) | client's statement | LOCK TABLES | has run (S), old triggers go, new come, rows that were written by
//   their keys alone go behind S with all that came after them, rows anew (R), P goes | UNLOCK
//
// Rows of its tables and of those that refer to them, when they are moved so, are written over what is there (O), and
// are then written down as they are, too: what they refer to may have come and gone while nothing but its key was
// known.
//
// A table that was changed past the proxy before the intent stops: nobody could tell that change from this one.
//
// Statements about one table take turns (named locks of the leader, from before P until P is gone). A proxy that dies
// in between leaves an intent without an owner: the next statement about the table, or whoever applies, goes on from
// there once the client's connection is gone, by what the definitions have become.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/log_event.h"
#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/ddl_conclusion.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/kept_changes.h"
#include "proxy/feed/leader_capture.h"

namespace crossfade::proxy {

// On the reactor of whoever carries it out. Lives as long as the statement.
class CapturedDdl {
 public:
  struct Setting {
    Reactor& reactor;
    LinkOptions leader;  // the control account's
    Counters& counters;
    std::string schema;  // the control schema
  };
  // Each table is locked by name, and its definition asked for, by itself, before and after the statement.
  static constexpr std::size_t kTablesMax = 1000;
  // The intent is written; the statement is to be run on connection `client` of the leader. Aborted: another schema
  // change of its tables is under way, and the statement must not run; nor after any other failure, such as that it
  // names too many tables (FailedPrecondition).
  static Task<absl::StatusOr<std::unique_ptr<CapturedDdl>>> begin(Setting setting, dualwrite::LoggedStatement statement,
                                                                  dualwrite::DdlAnalysis analysis,
                                                                  std::uint64_t client);
  // The statement has run, with this error code or 0. Waits for open transactions of its tables, but not for ever: past
  // that the intent stays, to be resumed.
  Task<absl::Status> finish(std::uint16_t error);
  // Intents without an owner whose statement can run no more; by whoever applies.
  static Task<absl::Status> resume_all(Setting setting);
  // Tables that go on after they were stopped. Those whose triggers do not serve, or are known not to have served, are
  // captured anew, with every row as it is, and what was kept of them goes. They are judged in their turns, behind what
  // is left of schema changes of their own; those of others do not matter. Aborted: one of their own is under way, or
  // their locks were not to be had.
  static Task<absl::Status> capture_released(Setting setting, std::vector<dualwrite::TableRef> tables,
                                             std::set<dualwrite::TableRef> did_not_serve, KeptChanges& kept);

 private:
  // A 'P' of `changes`.
  struct OpenIntent {
    dualwrite::CapturedStatement noted;
    dualwrite::DdlAnalysis analysis;
    bool over = false;  // its statement can run no more
  };

  CapturedDdl(Setting setting, dualwrite::LoggedStatement statement, dualwrite::DdlAnalysis analysis);

  // Whose turn it is, and what became of the statement.
  Task<absl::Status> connect();
  std::set<std::string> turns() const;
  Task<absl::Status> take_turn(std::set<std::string> others, std::chrono::seconds wait);
  Task<absl::Status> resume_others(TimePoint until);
  Task<absl::Status> stop_changed();
  Task<absl::Status> capture_one(dualwrite::TableRef table, bool serves,
                                 std::shared_ptr<const LeaderCapture::Found> found, KeptChanges& kept);
  Task<absl::Status> write_intent(TimePoint until);
  static Task<absl::StatusOr<std::vector<OpenIntent>>> open_intents(BackendLink& leader, std::string schema);
  static Task<absl::Status> resume(Setting setting, OpenIntent intent, std::set<std::string> held);
  Task<absl::Status> try_to_finish();
  Task<absl::StatusOr<bool>> exists(std::string condition);
  Task<absl::Status> conclude();
  Task<absl::Status> retire_dropped(std::shared_ptr<const LeaderCapture::Found> found);

  Setting setting_;
  dualwrite::LoggedStatement statement_;
  dualwrite::DdlAnalysis analysis_;
  std::unique_ptr<BackendLink> link_;
  LeaderCapture capture_;
  std::uint64_t intent_ = 0;
  dualwrite::IntentNote note_;
  bool outcome_noted_ = false;
  std::chrono::milliseconds patience_{100};  // of the next try's TableLock
  std::chrono::milliseconds blocked_{0};     // by the last try
  bool locked_out_ = false;                  // the last try has done nothing but wait for its lock
};

// What a client's session says of a statement that it is about to run: one row, for logged_statement().
std::string statement_session_query(bool mariadb);
inline constexpr std::size_t kStatementSessionColumns = 13;
absl::StatusOr<dualwrite::LoggedStatement> logged_statement(std::string sql, const std::vector<protocol::Cell>& session,
                                                            bool mariadb);

}  // namespace crossfade::proxy
