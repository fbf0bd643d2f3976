// What tables that are stopped have in `changes`: put aside behind each snapshot, and brought back in front of the
// first one that takes it again.

#include <algorithm>

#include "dualwrite/trigger/changes_table.h"
#include "proxy/feed/server_answers.h"
#include "proxy/feed/trigger_source.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr auto kAsideMax = std::chrono::minutes(2);
constexpr std::size_t kKeptWhenIdle = 5000;  // rows behind a snapshot
constexpr std::size_t kKeptWhenBusy = 500;

TimePoint aside_deadline() { return Clock::now() + kAsideMax; }

}  // namespace

// Nothing but a new beginning helps a table whose triggers did not serve, or of which a row is known by its key alone.
Task<absl::Status> TriggerSource::capture_released(BackendLink& leader, dualwrite::TableRef table) {
  const std::vector<std::uint32_t> of_table = capture_.numbers_of(table);
  const KeptChanges::Numbers numbers(of_table.begin(), of_table.end());
  if (numbers.empty()) co_return absl::OkStatus();
  auto identity = co_await leader.query_rows(
      dualwrite::select_identity(setting_.schema, list_of(numbers), leader.is_mariadb()), 1, aside_deadline());
  if (!identity.ok()) co_return identity.status();
  auto kept = co_await kept_.has_identity(*link_, numbers);
  if (!kept.ok()) co_return kept.status();
  if (!capture_.uncaptured().contains(table) && identity->empty() && !*kept) co_return absl::OkStatus();
  const absl::Status again = co_await CapturedDdl::capture_released(ddl_setting(), table);
  if (!again.ok()) co_return again;
  const absl::Status discarded = co_await kept_.discard(*link_, numbers);
  if (!discarded.ok()) co_return discarded;
  capture_.captured_again(table);
  co_return co_await capture_.load(leader);
}

KeptChanges::Numbers TriggerSource::numbers_of_stopped() const {
  KeptChanges::Numbers out;
  for (const auto& [table, stopped] : stopped_->all()) {
    if (!stays_in_changes(stopped)) continue;
    const std::vector<std::uint32_t> numbers = capture_.numbers_of(table);
    out.insert(numbers.begin(), numbers.end());
  }
  return out;
}

// Of tables that are not stopped any more. What one had that is copied was written before its copy began.
Task<absl::Status> TriggerSource::bring_back() {
  KeptChanges::Numbers wanted;
  KeptChanges::Numbers copied;
  for (const std::uint32_t number : kept_.numbers()) {
    if (passed_by_.contains(number)) continue;
    const LeaderCapture::CapturePtr capture = capture_.find(number);
    (capture && stopped_->is_copied(capture->name) ? copied : wanted).insert(number);
  }
  absl::Status done;
  if (!copied.empty()) done = co_await kept_.discard(*link_, std::move(copied));
  if (done.ok() && !wanted.empty()) done = co_await kept_.bring_back(*link_, std::move(wanted), capture_.pairs());
  co_return done;
}

// Nothing that lies behind the intent of a schema change, which it may bring into another order.
Task<absl::StatusOr<KeptChanges::Rows>> TriggerSource::find_passed_by() {
  KeptChanges::Rows out{.ids = {}, .numbers = passed_by_, .pairs = capture_.pairs()};
  if (passed_by_.empty() || fence_) co_return out;
  const std::uint64_t last = held_ ? std::min(last_id_, *held_ - 1) : last_id_;
  std::string sql = "SELECT id" + visible_to(*link_) + " AND id<=" + std::to_string(last) + " AND tbl IN (" +
                    list_of(passed_by_) + ") ORDER BY id LIMIT " +
                    std::to_string(ids_.empty() ? kKeptWhenIdle : kKeptWhenBusy);
  auto rows = co_await link_->query_rows(std::move(sql), 1, aside_deadline());
  if (!rows.ok()) co_return rows.status();
  for (const auto& row : *rows) out.ids.push_back(first_number(row));
  co_return out;
}

}  // namespace crossfade::proxy
