// What feed `trigger` has on the leader: its control tables, and three triggers a table.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/trigger/capture_control.h"
#include "dualwrite/trigger/capture_plan.h"
#include "dualwrite/trigger/table_ids.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/table_catalog.h"

namespace crossfade::proxy {

// One thread at a time. What it makes it makes under a named lock of the leader, so that proxies do not make it twice;
// CREATE TRIGGER waits for every transaction that has the table, and every new statement of the table behind it, so it
// waits for a second at most and is tried again.
// Invariant: a row in `changes` with number N has the shape of the definition that `captured` has for N.
class LeaderCapture {
 public:
  using CapturePtr = std::shared_ptr<const dualwrite::Capture>;

  explicit LeaderCapture(std::string control_schema) : schema_(std::move(control_schema)) {}

  // Of set_up(): how many tables it has made triggers for, of how many, and which is next.
  struct Progress {
    std::size_t made = 0;
    std::size_t all = 0;
    dualwrite::TableRef next{};
  };
  std::function<void(const Progress&)> on_progress;
  bool keys_above_innodb = false;  // as of judge(): see unseen_cascade()

  // May triggers be made, and do they say everything? FailedPrecondition: what is in the way, and what to do.
  Task<absl::Status> judge(BackendLink& leader);
  // Makes what is missing. After it every write to a table that can be captured is captured. Unavailable: a table is in
  // use; to be called again.
  Task<absl::Status> set_up(BackendLink& leader);
  // Reads the numbers that others have made since.
  Task<absl::Status> load(BackendLink& leader);
  // Numbers that are known as retired go, now and then, but not these: nothing of the others is in `changes`.
  Task<absl::Status> forget_retired(BackendLink& leader, std::set<std::uint32_t> wanted);
  // What foreign keys refer to, and new numbers: after a change of definitions.
  Task<absl::Status> refer_anew(BackendLink& leader);
  CapturePtr find(std::uint32_t number) const;
  // All numbers of a name.
  std::vector<std::uint32_t> numbers_of(const dualwrite::TableRef& table) const;
  // Do foreign keys refer to the table of this number?
  bool is_referenced(std::uint32_t number) const;
  // Pairs of big columns that `changes` has.
  std::size_t pairs() const { return pairs_; }

  // Tables whose changes are not captured, or not whole, and why. A new table is captured here.
  struct Look {
    std::map<dualwrite::TableRef, std::string> uncaptured;
    bool whole = false;  // no schema change was under way
  };
  Task<absl::StatusOr<Look>> look(BackendLink& leader);
  // Somebody has captured it anew, or nobody has it any more.
  void captured_again(const dualwrite::TableRef& table) { uncaptured_.erase(table); }
  // As of the last look; what it has seen once alone is suspected.
  bool suspects_any() const { return !suspected_.empty(); }
  const std::map<dualwrite::TableRef, std::string>& uncaptured() const { return uncaptured_; }

  // All definitions of the leader, and our triggers.
  struct Found {
    Definitions tables;
    std::map<dualwrite::TableRef, std::set<std::string>> triggers;  // ours, by the table that has them
    dualwrite::TableIds ids;
    bool has_ids = true;
  };
  // `at_once`: they may be missing, as long as an ALTER of any table waits for a transaction.
  enum class Ids { waited_for, at_once };
  Task<absl::StatusOr<Found>> find_all(BackendLink& leader, Ids wanted = Ids::waited_for);
  // Of these tables.
  Task<absl::StatusOr<Found>> find_some(BackendLink& leader, std::vector<dualwrite::TableRef> tables);
  // Those of them that are not as they were captured, and why: somebody has changed them past the proxy.
  std::map<dualwrite::TableRef, std::string> complaints_about(const std::vector<dualwrite::TableRef>& tables,
                                                              const Found& found) const;
  // After a change of their definition: these tables with new numbers. `session` has them locked, and the control
  // tables. What is gone is retired.
  Task<absl::Status> capture_anew(BackendLink& session, std::vector<dualwrite::TableRef> tables,
                                  std::shared_ptr<const Found> found);
  // The number that writes now; nullptr: none.
  std::vector<const dualwrite::CaptureRecord*> all_live() const;
  CapturePtr live_capture(const dualwrite::TableRef& table) const;
  // Is the table as it was captured?
  bool is_as_captured(const dualwrite::TableRef& table, const Found& found) const;
  // Every trigger of ours on the server, then the control tables.
  Task<absl::Status> remove(BackendLink& leader);
  // The same, while another feed goes on: its anchor stays. Unavailable: the triggers are wanted, or a table is in use;
  // the connection is to be given up.
  Task<absl::Status> retire(BackendLink& leader);

 private:
  Task<absl::Status> lock(BackendLink& leader);
  Task<absl::Status> unlock(BackendLink& leader);
  Task<absl::Status> make_tables(BackendLink& leader, bool fresh);
  Task<absl::StatusOr<bool>> is_new(BackendLink& leader);
  Task<absl::Status> make(BackendLink& leader, dualwrite::CaptureRecord record);
  Task<absl::Status> make_triggers(BackendLink& leader, CapturePtr plan);
  Task<absl::Status> remove_locked(BackendLink& leader);
  Task<absl::Status> drop_triggers(BackendLink& leader, dualwrite::TableRef table, std::set<std::string> names);
  Task<absl::Status> run(BackendLink& leader, std::string sql, dualwrite::TableRef table);
  // The definition that the table is captured by; nullptr: none.
  const dualwrite::CaptureRecord* live(const dualwrite::TableRef& table) const;
  std::string complaint(const dualwrite::CaptureRecord& record, const Found& found) const;
  void note(dualwrite::CaptureRecord record, bool mariadb);

  std::string schema_;
  std::map<std::uint32_t, dualwrite::CaptureRecord> records_;
  std::map<std::uint32_t, CapturePtr> captures_;
  std::size_t pairs_ = 0;
  std::map<dualwrite::TableRef, std::string> uncaptured_;
  std::map<dualwrite::TableRef, std::string> suspected_;  // seen once
  TimePoint next_forgetting_{};
};

// Every trigger of ours on the server, by the table that has it.
Task<absl::StatusOr<std::map<dualwrite::TableRef, std::set<std::string>>>> our_triggers(BackendLink& leader);
// Of a kind that can have triggers.
bool may_have_triggers(const dualwrite::TableDefinition& definition);
bool has_table(const dualwrite::TableRef& table, const LeaderCapture::Found& found);
// Three triggers of one number.
bool has_all_triggers(const dualwrite::TableRef& table, const LeaderCapture::Found& found);

}  // namespace crossfade::proxy
