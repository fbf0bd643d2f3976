// What triggers on the leader have written down as the source of changes.
//
// A snapshot of `changes` is taken whole: every row that is visible, in the order of ids, in one transaction of the
// follower, together with the ids; then these rows are deleted from the leader, one by one. Ids alone are no place:
// smaller ones become visible later. So a place is the number of a round, "changes.12:0": a round ends with a snapshot
// that was read to its end, and everything that was committed before that snapshot is then on the follower. What was
// cut short (a schema change under way, a backlog past the bound) is a part of its round, "changes.12:3", and may show
// half of a transaction. Nothing of a snapshot reaches the follower before a commit made after it is durable. Rows of
// stopped tables are put aside until the table is released (kept_changes.h).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/id_ranges.h"
#include "proxy/feed/captured_ddl.h"
#include "proxy/feed/change_source.h"
#include "proxy/feed/ddl_times.h"
#include "proxy/feed/kept_changes.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/feed/row_stream.h"
#include "proxy/feed/stand_by_rounds.h"

namespace crossfade::proxy {

class TriggerSource final : public ChangeSource {
 public:
  explicit TriggerSource(SourceSetting setting);
  // Behind every place that it had at an earlier time when it fed.
  static dualwrite::LogPosition new_place();

  FeedKind kind() const override { return FeedKind::trigger; }
  Task<absl::StatusOr<dualwrite::LeaderIdentity>> judge(BackendLink& leader) override;
  Task<absl::Status> prepare(BackendLink& leader) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> first_place(BackendLink& leader) override;
  Task<absl::Status> open(BackendLink& leader, FollowerWriter& follower, SourceStart start) override;
  void begin_anew() override;
  void close() override;
  void end_at(dualwrite::LogPosition fence) override { fence_ = std::move(fence); }
  bool is_at_fence() const override { return at_fence_; }
  Task<absl::Status> read(LogQueue& queue) override;
  Task<absl::Status> stored(dualwrite::LogPosition applied) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> end(BackendLink& leader) override;
  Task<absl::StatusOr<dualwrite::LogPosition>> others_place(BackendLink& leader, FollowerWriter& follower) override;
  Task<absl::StatusOr<std::vector<Broken>>> look(BackendLink& leader) override;
  Task<absl::Status> vouch(BackendLink& leader) override;
  bool is_broken(const dualwrite::TableRef& table) const override {
    return capture_.uncaptured().contains(table) || unreadable_.contains(table);
  }
  Task<absl::StatusOr<bool>> forget_gone(BackendLink& leader, dualwrite::TableRef table) override;
  std::vector<FeedStatus::Captured> captured() const override;
  FeedStatus::Changes changes() const override {
    return {.rows_max = looks_.rows_waiting_max, .consistent_at = part_ == 0 ? 0 : cut_at_};
  }
  bool is_consistent() const override { return part_ == 0 && !owes_look(); }
  bool owes_look() const override { return looks_.owed > 0; }
  bool forgets() const override { return false; }

 private:
  static dualwrite::LogPosition place(std::uint64_t round, std::uint64_t part);
  dualwrite::LogPosition here() const;
  CapturedDdl::Setting ddl_setting() const;
  Task<absl::Status> resume_released(BackendLink& leader, std::vector<dualwrite::TableRef> tables);
  Task<absl::Status> begin_snapshot();
  Task<absl::Status> take(std::vector<protocol::Cell> row, LogQueue& queue);
  Task<absl::StatusOr<LeaderCapture::CapturePtr>> capture_of(std::uint32_t number);
  absl::Status unreadable(const dualwrite::Capture& capture, const absl::Status& why);
  absl::Status put(dualwrite::CapturedRow row, const dualwrite::Capture& capture, LogQueue& queue);
  Task<absl::Status> put_statement(dualwrite::CapturedStatement statement, LogQueue& queue);
  void put_alone(std::uint64_t id, dualwrite::LogItem item, LogQueue& queue);
  void begin_transaction(LogQueue& queue);
  void end_transaction(dualwrite::LogPosition next, std::string taken, LogQueue& queue);
  Task<absl::Status> end_snapshot(LogQueue& queue);
  Task<absl::Status> forget(std::vector<std::uint64_t> ids);
  Task<absl::StatusOr<std::uint64_t>> outermost_id(BackendLink& leader, std::string_view direction);
  Task<absl::Status> count_waiting(BackendLink& leader);

  SourceSetting setting_;
  LeaderCapture capture_;
  KeptChanges kept_;
  const StoppedTables* stopped_ = nullptr;
  BackendLink* control_ = nullptr;     // the feed's own, between open() and close()
  std::unique_ptr<BackendLink> link_;  // for snapshots, and for deleting what they had
  Signal wake_;
  std::map<dualwrite::TableRef, std::string> unreadable_;  // tables of which a row in `changes` cannot be read, and why

  std::uint64_t round_ = 1;
  std::uint64_t part_ = 0;
  bool elected_ = false;  // open: places are counted by what is read here

  // The snapshot being read.
  DdlTimes ddl_times_;
  std::unique_ptr<RowStream> stream_;
  std::vector<std::uint64_t> ids_;  // of the rows read, rising
  std::size_t rows_ = 0;
  bool in_transaction_ = false;
  bool in_snapshot_ = false;                       // one has begun, and is not at its end
  bool bounded_ = false;                           // it was asked for up to a schema change alone
  bool cut_ = false;                               // it was not read to its end, or not everything of it taken
  std::optional<std::uint64_t> held_;              // a schema change is under way: nothing from this id on
  std::optional<dualwrite::LogPosition> ends_at_;  // in the queue as a whole: what the follower must have stored
  TimePoint next_snapshot_{};

  struct {
    std::uint64_t rows_waiting_max = 0;  // as of the last one
    int owed = 0;                        // since a schema change was read: what is seen once is only suspected
    TimePoint next_resumption{};         // each may make writers wait
  } looks_;
  std::uint64_t cut_at_ = 0;  // the last id that was visible when the last backlog was cut

  // Nothing of a larger id than its offset is taken, and nothing of the others is left.
  std::optional<dualwrite::LogPosition> fence_;
  bool snapshot_is_fenced_ = false;  // it began behind the fence
  bool at_fence_ = false;

  StandByRounds stand_by_;  // while another proxy applies
};

}  // namespace crossfade::proxy
