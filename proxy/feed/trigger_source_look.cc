// What is asked of `changes` beside its snapshots: how far others are, how much waits, what is broken.

#include <algorithm>

#include "dualwrite/trigger/capture_control.h"
#include "dualwrite/trigger/changes_table.h"
#include "dualwrite/trigger/kept_changes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/feed/trigger_source.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::TableRef;

namespace {

constexpr std::size_t kForgottenMax = 10000;  // at once
constexpr std::uint64_t kManyRows = 1000000;
constexpr auto kResumptionPauseMax = std::chrono::seconds(30);

TimePoint look_deadline() { return Clock::now() + kCaptureMax; }

bool are_stopped(const std::map<TableRef, std::string>& tables, const StoppedTables* stopped) {
  return std::all_of(tables.begin(), tables.end(),
                     [stopped](const auto& each) { return stopped != nullptr && stopped->all().contains(each.first); });
}

}  // namespace

// A snapshot that is being read may be older than what was asked about.
Task<absl::StatusOr<LogPosition>> TriggerSource::end(BackendLink& leader) {
  static_cast<void>(leader);
  wake_.notify();
  // Behind the fence nothing comes from here.
  if (fence_) co_return place(UINT64_MAX, 0);
  co_return place(round_ + (in_snapshot_ || !elected_ ? 2 : 1), 0);
}

Task<absl::StatusOr<LogPosition>> TriggerSource::others_place(BackendLink& leader, FollowerWriter& follower) {
  elected_ = false;
  auto over = co_await stand_by_.look(leader, follower, capture_);
  if (!over.ok()) co_return over.status();
  if (*over) {
    ++round_;
    part_ = 0;
  }
  co_return place(round_, 0);
}

std::vector<FeedStatus::Captured> TriggerSource::captured() const {
  std::vector<FeedStatus::Captured> out;
  for (const dualwrite::CaptureRecord* record : capture_.all_live()) {
    const TableRef& name = record->definition.name;
    out.push_back({.table = name.schema + "." + name.table, .number = record->number});
  }
  return out;
}

Task<absl::StatusOr<std::uint64_t>> TriggerSource::outermost_id(BackendLink& leader, std::string_view direction) {
  std::string sql = "SELECT id" + dualwrite::from_changes(setting_.schema, leader.is_mariadb()) + " ORDER BY id " +
                    std::string(direction) + " LIMIT 1";
  auto row = co_await leader.query_rows(std::move(sql), 1, look_deadline());
  if (!row.ok()) co_return row.status();
  co_return row->empty() ? 0 : first_number(row->front());
}

// Rows wait while the follower is away, or their table is stopped, and nothing bounds them but the leader's disk.
Task<absl::Status> TriggerSource::count_waiting(BackendLink& leader) {
  auto first = co_await outermost_id(leader, "ASC");
  if (!first.ok()) co_return first.status();
  auto last = co_await outermost_id(leader, "DESC");
  if (!last.ok()) co_return last.status();
  looks_.rows_waiting_max = *last == 0 || *last < *first ? 0 : *last - *first + 1;
  if (!kept_.numbers().empty()) {
    auto span = co_await leader.query_row(dualwrite::select_kept_span(setting_.schema), 1, look_deadline());
    if (!span.ok()) co_return span.status();
    looks_.rows_waiting_max += first_number(*span);
  }
  if (looks_.rows_waiting_max < kManyRows) co_return absl::OkStatus();
  limited_log().warn(LogKind::applier_state, "feed=trigger changes_rows_max={} why=\"{}\"", looks_.rows_waiting_max,
                     stopped_ != nullptr && !stopped_->all().empty() ? "tables are stopped: release them, or drop them"
                                                                     : "the follower is behind");
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::vector<ChangeSource::Broken>>> TriggerSource::look(BackendLink& leader) {
  const absl::Status counted = co_await count_waiting(leader);
  if (!counted.ok()) co_return counted;
  if (held_ && Clock::now() >= looks_.next_resumption) {
    const TimePoint begun = Clock::now();
    const absl::Status resumed = co_await CapturedDdl::resume_all(ddl_setting());
    looks_.next_resumption =
        Clock::now() + std::min<Clock::duration>((Clock::now() - begun) * kPausesForEach, kResumptionPauseMax);
    if (!resumed.ok()) co_return resumed;
  }
  auto seen = co_await capture_.look(leader);
  if (!seen.ok()) co_return seen.status();
  if (seen->whole && are_stopped(seen->uncaptured, stopped_) && looks_.owed > 0) --looks_.owed;
  std::vector<Broken> out;
  for (const auto& [table, why] : seen->uncaptured) out.push_back({.table = table, .reason = why});
  for (const auto& [table, why] : unreadable_) out.push_back({.table = table, .reason = why});
  co_return out;
}

// One that was dropped past the proxy. What it had written since it stopped would have no table to go to.
Task<absl::StatusOr<bool>> TriggerSource::forget_gone(BackendLink& leader, TableRef table) {
  const std::vector<std::uint32_t> of_table = capture_.numbers_of(table);
  const KeptChanges::Numbers numbers(of_table.begin(), of_table.end());
  if (numbers.empty()) {
    unreadable_.erase(table);
    capture_.captured_again(table);
    co_return true;
  }
  if (!link_ || in_snapshot_) co_return false;
  const absl::Status discarded = co_await kept_.discard(*link_, numbers);
  if (!discarded.ok()) co_return discarded;
  std::string sql = "SELECT id" + dualwrite::from_changes(setting_.schema, leader.is_mariadb()) + " AND tbl IN (" +
                    list_of(numbers) + ") ORDER BY id LIMIT " + std::to_string(kForgottenMax);
  auto rows = co_await leader.query_rows(std::move(sql), 1, look_deadline());
  if (!rows.ok()) co_return rows.status();
  std::vector<std::uint64_t> ids;
  for (const auto& row : *rows) ids.push_back(first_number(row));
  const absl::Status forgotten = co_await forget(std::move(ids));
  if (!forgotten.ok()) co_return forgotten;
  if (rows->size() == kForgottenMax) co_return false;
  unreadable_.erase(table);
  auto retired = co_await leader.query(dualwrite::retire_captured(setting_.schema, table, 0), look_deadline());
  if (!retired.ok()) co_return retired.status();
  capture_.captured_again(table);
  const absl::Status loaded = co_await capture_.load(leader);
  if (!loaded.ok()) co_return loaded;
  co_return true;
}

Task<absl::Status> TriggerSource::vouch(BackendLink& leader) {
  auto seen = co_await capture_.look(leader);
  if (!seen.ok()) co_return seen.status();
  const bool known = are_stopped(seen->uncaptured, stopped_) && are_stopped(unreadable_, stopped_);
  if (known && !capture_.suspects_any()) co_return absl::OkStatus();
  co_return absl::UnavailableError("a table is not as its triggers knew it, and is looked at");
}

}  // namespace crossfade::proxy
