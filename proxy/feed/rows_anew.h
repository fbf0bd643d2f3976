// The tables of a schema change that triggers capture, captured anew once it has run, and what the old triggers have
// written since it was announced brought into an order that the follower can take.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/log_event.h"
#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/feed/table_lock.h"

namespace crossfade::proxy {

// For one try: what fails is begun anew, on a new connection, with another of these.
class RowsAnew {
 public:
  using FoundPtr = std::shared_ptr<const LeaderCapture::Found>;

  struct Setting {
    BackendLink& link;  // of the control account
    LeaderCapture& capture;
    std::string schema;  // the control schema
    dualwrite::DdlAnalysis analysis;
    std::uint64_t intent = 0;                 // what lies behind it was written by the old triggers
    std::chrono::milliseconds patience{100};  // of TableLock
  };
  RowsAnew(Setting setting, dualwrite::LoggedStatement statement)
      : setting_(std::move(setting)), statement_(std::move(statement)) {}

  bool is_captured_as_is(const LeaderCapture::Found& found) const;
  // That the statement has run, as an earlier try may have written it down.
  struct Said {
    std::uint64_t times = 0;  // more than once: with it that tables are begun anew
    std::uint64_t first = 0;  // the id
    bool replaced = false;    // it made its tables, or emptied them
  };
  // With its tables, those that refer to them, and the control tables locked; they stay so: UNLOCK TABLES is the
  // caller's.
  Task<absl::Status> capture_again(FoundPtr found, Said said);
  // That its tables have to be captured anew, until they are: from the moment their new triggers serve until all of
  // their rows are written down they look as if nothing were wrong.
  Task<absl::Status> mark_unknown();
  // The same of a table whose triggers did not serve any more: every row as it is; what the old ones wrote goes, and
  // marks.
  Task<absl::Status> capture_all(FoundPtr found);
  // So long others have waited for a lock that was not to be had.
  std::chrono::milliseconds blocked() const { return blocked_; }
  // Nothing was done but to wait for the lock, and the connection is as it was.
  bool is_locked_out() const { return locked_out_; }

 private:
  // What the triggers of before have written since the intent.
  struct Touched {
    std::map<LeaderCapture::CapturePtr, std::set<std::string>> keys;
    std::string numbers = "0";
    // Rows of which only the identity is known, rising: id, the row of `changes`, what it was captured by.
    struct Identity {
      std::uint64_t id = 0;
      std::vector<protocol::Cell> row;
      LeaderCapture::CapturePtr capture;
    };
    std::vector<Identity> identities;
    bool unknown = false;  // there are rows of which nothing is known
    // Of the tables that refer to its tables, since the first identity: what they refer to may never reach the
    // follower.
    std::map<LeaderCapture::CapturePtr, std::vector<dualwrite::ChangeImage>> dependents;
    std::string dependent_numbers = "0";
  };

  Task<absl::Status> run(std::string sql) { return run_locking(setting_.link, std::move(sql)); }
  std::string changes() const { return dualwrite::changes_table(setting_.schema); }
  std::vector<dualwrite::TableRef> tables_now(const LeaderCapture::Found& found) const;
  Task<absl::Status> lock(std::vector<dualwrite::TableRef> tables, std::vector<dualwrite::TableRef> read);
  Task<absl::Status> spell_out(std::vector<dualwrite::TableRef> made);
  Task<absl::StatusOr<Touched>> touched(FoundPtr found);
  Task<absl::StatusOr<std::vector<std::vector<protocol::Cell>>>> changes_of(std::string numbers, std::uint64_t first);
  Task<absl::Status> note_dependents(FoundPtr found, Touched& touched);
  Task<absl::Status> begin_anew(FoundPtr found, const Touched& touched, Said said);
  Task<absl::Status> renumber(FoundPtr found, Said said);
  Task<absl::Status> reduce(FoundPtr found, Said said);
  Task<absl::Status> stop_dependents(FoundPtr found, dualwrite::TableRef table);
  Task<absl::Status> follow_identities(FoundPtr found, const Touched& touched);
  Task<absl::Status> move_behind(FoundPtr found, const Touched& touched);
  Task<absl::Status> refresh(FoundPtr found, const Touched& touched);
  Task<absl::Status> refresh_rows(dualwrite::TableRef table, std::vector<std::string> conditions);
  Task<absl::Status> delete_gone(const Touched& touched);
  Task<absl::Status> refresh_dependents(const Touched& touched);

  Setting setting_;
  dualwrite::LoggedStatement statement_;
  std::chrono::milliseconds blocked_{0};
  bool locked_out_ = false;
  std::set<dualwrite::TableRef> anew_;  // all their rows are written down, since it is not known which were written
};

}  // namespace crossfade::proxy
