// Feed `trigger`: a schema change through the proxy, from before the client's statement until its tables are captured
// again.
//
// Triggers know nothing of DDL, so `changes` is told: an intent before the client's statement runs, on the client's own
// connection, and that it has run after. Whoever reads `changes` takes nothing behind an intent. The old triggers stay
// during the statement, so that writes past the proxy are still captured, if in the old shape; what they wrote may lack
// columns, or have come behind a TRUNCATE, so these rows are written down once more as they are.
//
//   intent (P) | client's statement | LOCK TABLES | has run (S), old triggers go, new come, rows anew (R), P goes |
//   UNLOCK
//
// A proxy that dies in between leaves an intent whose connection is gone: resume() goes on from there, by what the
// definitions have become.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/log_event.h"
#include "proxy/backend_link.h"
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
  // The intent is written. Unavailable: it could not be, and the statement must not run.
  static Task<absl::StatusOr<std::unique_ptr<CapturedDdl>>> begin(Setting setting, dualwrite::LoggedStatement statement,
                                                                  dualwrite::DdlAnalysis analysis);
  // The statement has run, with this error code or 0. Waits for open transactions of its tables, but not for ever: past
  // that the intent stays, to be resumed.
  Task<absl::Status> finish(std::uint16_t error);
  // Intents whose proxy is gone, one after the other; on `leader`, by whoever applies.
  static Task<absl::Status> resume_all(Setting setting);
  // A table whose triggers did not serve any more: captured anew, with every row as it is. What the old ones wrote
  // goes.
  static Task<absl::Status> capture_released(Setting setting, dualwrite::TableRef table);

 private:
  enum class Outcome : std::uint8_t { ran, failed, unknown };
  CapturedDdl(Setting setting, dualwrite::LoggedStatement statement, dualwrite::DdlAnalysis analysis);
  Task<absl::Status> connect();
  Task<absl::Status> conclude(Outcome outcome);
  Task<absl::Status> run(std::string sql);
  Task<absl::Status> capture_again(std::shared_ptr<const LeaderCapture::Found> found);
  Task<absl::Status> spell_out(std::vector<dualwrite::TableRef> made);
  Task<absl::Status> refresh(std::vector<dualwrite::TableRef> tables);
  Task<absl::Status> empty_broken(std::vector<dualwrite::TableRef> tables,
                                  std::shared_ptr<const LeaderCapture::Found> found);
  Task<absl::StatusOr<bool>> is_said();
  std::vector<dualwrite::TableRef> tables_now(const LeaderCapture::Found& found) const;
  bool has_changed(const LeaderCapture::Found& found) const;

  Setting setting_;
  dualwrite::LoggedStatement statement_;
  dualwrite::DdlAnalysis analysis_;
  std::unique_ptr<BackendLink> link_;
  LeaderCapture capture_;
  std::uint64_t intent_ = 0;
  std::set<dualwrite::TableRef> unwatched_;  // writes to them may have been made that no trigger saw
};

// What a client's session says of a statement that it is about to run: one row, for logged_statement().
std::string statement_session_query(bool mariadb);
absl::StatusOr<dualwrite::LoggedStatement> logged_statement(std::string sql, const std::vector<protocol::Cell>& session,
                                                            bool mariadb);

}  // namespace crossfade::proxy
