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
using dualwrite::StoppedTable;
using dualwrite::TableRef;

namespace {

constexpr auto kLoadInterval = std::chrono::seconds(1);
constexpr std::size_t kForgottenMax = 10000;  // at once
constexpr std::uint64_t kManyRows = 1000000;

TimePoint look_deadline() { return Clock::now() + kCaptureMax; }

}  // namespace

// A snapshot that is being read may be older than what was asked about.
Task<absl::StatusOr<LogPosition>> TriggerSource::end(BackendLink& leader) {
  static_cast<void>(leader);
  wake_.notify();
  // Behind the fence nothing comes from here.
  if (fence_) co_return place(UINT64_MAX, 0);
  co_return place(round_ + (in_snapshot_ || !elected_ ? 2 : 1), 0);
}

// What was visible at the beginning of a round has to be gone at its end: all ids that there were then are smaller than
// the last of them. A smaller one that becomes visible later is waited for, too, which comes to an end. While a schema
// change is under way rows may have gone under a new id (MovedChanges), which the next round waits for. Rows of stopped
// tables stay, and whoever waits does not read these; one that goes on in the middle of a round ends it in vain.
Task<absl::StatusOr<LogPosition>> TriggerSource::others_place(BackendLink& leader, FollowerWriter& follower) {
  elected_ = false;
  if (Clock::now() >= next_load_) {
    next_load_ = Clock::now() + kLoadInterval;
    const absl::Status loaded = co_await capture_.load(leader);
    if (!loaded.ok()) co_return loaded;
  }
  auto told = co_await follower.ask(dualwrite::select_stopped(setting_.schema));
  if (!told.ok()) co_return told.status();
  auto stopped = dualwrite::stopped_from(*told);
  if (!stopped.ok()) co_return stopped.status();
  std::set<TableRef> passed_by;
  for (StoppedTable& table : *stopped) {
    if (stays_in_changes(table)) passed_by.insert(std::move(table.table));
  }
  if (awaited_) {
    std::string sql = "SELECT id,op" + visible_to(leader) + dualwrite::but_of_tables(setting_.schema, passed_by) +
                      " ORDER BY id LIMIT 1";
    auto first = co_await leader.query_rows(std::move(sql), 2, look_deadline());
    if (!first.ok()) co_return first.status();
    const bool reached = first->empty() || first_number(first->front()) > awaited_->last;
    if (!reached) awaited_->may_move = awaited_->may_move || first->front()[1] == "P";
    const bool same =
        std::includes(passed_by.begin(), passed_by.end(), awaited_->passed_by.begin(), awaited_->passed_by.end());
    if (reached && same && !awaited_->may_move) {
      ++round_;
      part_ = 0;
    }
    if (reached) awaited_.reset();
  }
  if (!awaited_) {
    const std::string visible = visible_to(leader);
    std::string sql = "SELECT id,EXISTS(SELECT 1" + visible + " AND op='P')" + visible + " ORDER BY id DESC LIMIT 1";
    auto last = co_await leader.query_rows(std::move(sql), 2, look_deadline());
    if (!last.ok()) co_return last.status();
    awaited_.emplace();
    awaited_->passed_by = std::move(passed_by);
    if (!last->empty()) awaited_->last = first_number(last->front());
    if (!last->empty()) awaited_->may_move = to_number(last->front()[1]) != 0;
  }
  co_return place(round_, 0);
}

// " FROM .. WHERE ..", to which conditions can be added.
std::string TriggerSource::visible_to(const BackendLink& leader) const {
  return " FROM " + dualwrite::changes_table(setting_.schema) + " WHERE " +
         dualwrite::every_change(setting_.schema, leader.is_mariadb());
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
  std::string sql = "SELECT id" + visible_to(leader) + " ORDER BY id " + std::string(direction) + " LIMIT 1";
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
  if (held_) {
    const absl::Status resumed = co_await CapturedDdl::resume_all(ddl_setting());
    if (!resumed.ok()) co_return resumed;
  }
  auto seen = co_await capture_.look(leader);
  if (!seen.ok()) co_return seen.status();
  const bool all_stopped = std::all_of(seen->uncaptured.begin(), seen->uncaptured.end(), [this](const auto& each) {
    return stopped_ != nullptr && stopped_->all().contains(each.first);
  });
  if (seen->whole && all_stopped && looks_.owed > 0) --looks_.owed;
  std::vector<Broken> out;
  for (const auto& [table, why] : seen->uncaptured) out.push_back({.table = table, .reason = why});
  for (const auto& [table, why] : unreadable_) out.push_back({.table = table, .reason = why});
  co_return out;
}

// One that was dropped past the proxy. What it had written since it stopped would have no table to go to.
Task<absl::StatusOr<bool>> TriggerSource::forget_gone(BackendLink& leader, TableRef table) {
  const std::vector<std::uint32_t> of_table = capture_.numbers_of(table);
  const KeptChanges::Numbers numbers(of_table.begin(), of_table.end());
  if (numbers.empty()) co_return true;
  if (!link_ || in_snapshot_) co_return false;
  const absl::Status discarded = co_await kept_.discard(*link_, numbers);
  if (!discarded.ok()) co_return discarded;
  std::string sql = "SELECT id" + visible_to(leader) + " AND tbl IN (" + list_of(numbers) + ") ORDER BY id LIMIT " +
                    std::to_string(kForgottenMax);
  auto rows = co_await leader.query_rows(std::move(sql), 1, look_deadline());
  if (!rows.ok()) co_return rows.status();
  std::vector<std::uint64_t> ids;
  for (const auto& row : *rows) ids.push_back(first_number(row));
  const absl::Status forgotten = co_await forget(std::move(ids));
  if (!forgotten.ok()) co_return forgotten;
  if (rows->size() == kForgottenMax) co_return false;
  unreadable_.erase(table);
  const absl::Status retired = co_await capture_.retire_gone(leader, std::move(table));
  if (!retired.ok()) co_return retired;
  co_return true;
}

Task<absl::Status> TriggerSource::vouch(BackendLink& leader) {
  auto seen = co_await capture_.look(leader);
  if (!seen.ok()) co_return seen.status();
  if (seen->uncaptured.empty() && unreadable_.empty() && !capture_.suspects_any()) co_return absl::OkStatus();
  co_return absl::UnavailableError("a table is not as its triggers knew it, and is looked at");
}

}  // namespace crossfade::proxy
