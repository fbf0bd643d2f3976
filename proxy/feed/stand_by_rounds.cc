#include "proxy/feed/stand_by_rounds.h"

#include <algorithm>

#include "dualwrite/log_control.h"
#include "dualwrite/trigger/capture_control.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/feed/server_answers.h"
#include "proxy/feed/stopped_tables.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

namespace {

constexpr auto kLoadInterval = std::chrono::seconds(1);

TimePoint round_deadline() { return Clock::now() + kCaptureMax; }

}  // namespace

Task<absl::StatusOr<bool>> StandByRounds::look(BackendLink& leader, FollowerWriter& follower, LeaderCapture& capture) {
  if (Clock::now() >= next_load_) {
    next_load_ = Clock::now() + kLoadInterval;
    const absl::Status loaded = co_await capture.load(leader);
    if (!loaded.ok()) co_return loaded;
  }
  auto told = co_await follower.ask(dualwrite::select_stopped(schema_));
  if (!told.ok()) co_return told.status();
  auto stopped = dualwrite::stopped_from(*told);
  if (!stopped.ok()) co_return stopped.status();
  std::set<TableRef> passed_by;
  for (dualwrite::StoppedTable& table : *stopped) {
    if (stays_in_changes(table)) passed_by.insert(std::move(table.table));
  }
  bool over = false;
  if (awaited_) {
    auto ended = co_await is_over(leader, passed_by);
    if (!ended.ok()) co_return ended.status();
    over = *ended;
  }
  if (!awaited_) {
    const absl::Status begun = co_await begin(leader, std::move(passed_by));
    if (!begun.ok()) co_return begun;
  }
  co_return over;
}

// Ends it, whether in vain or not.
Task<absl::StatusOr<bool>> StandByRounds::is_over(BackendLink& leader, std::set<TableRef> passed_by) {
  std::string sql = "SELECT id,op" + dualwrite::from_changes(schema_, leader.is_mariadb()) +
                    dualwrite::but_of_tables(schema_, passed_by) + " ORDER BY id LIMIT 1";
  auto first = co_await leader.query_rows(std::move(sql), 2, round_deadline());
  if (!first.ok()) co_return first.status();
  for (const auto& row : *first) {
    if (first_number(row) > awaited_->last) break;
    awaited_->may_move = awaited_->may_move || row[1] == "P";
    co_return false;
  }
  const bool same =
      std::includes(passed_by.begin(), passed_by.end(), awaited_->passed_by.begin(), awaited_->passed_by.end());
  const bool moved = awaited_->may_move;
  awaited_.reset();
  co_return same && !moved;
}

// In one question, so that it is of one moment.
Task<absl::Status> StandByRounds::begin(BackendLink& leader, std::set<TableRef> passed_by) {
  const std::string visible = dualwrite::from_changes(schema_, leader.is_mariadb());
  std::string sql = "SELECT id,EXISTS(SELECT 1" + visible + " AND op='P')" + visible + " ORDER BY id DESC LIMIT 1";
  auto last = co_await leader.query_rows(std::move(sql), 2, round_deadline());
  if (!last.ok()) co_return last.status();
  awaited_ = Awaited{};
  awaited_->passed_by = std::move(passed_by);
  for (const auto& row : *last) {
    awaited_->last = first_number(row);
    awaited_->may_move = to_number(row[1]) != 0;
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
