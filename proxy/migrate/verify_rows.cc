// Rows that differ are looked at again.

#include <algorithm>
#include <utility>

#include "proxy/migrate/verify_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::Difference;
using migrate::KeyPlace;
using migrate::RowParts;
using migrate::SeenRows;
using migrate::ShowRows;
using migrate::Side;

namespace {

constexpr std::size_t kSuspectsMax = 200;  // looked at, and locked, at once
constexpr int kLaterLooks = 2;
constexpr int kLockedLooks = 30;
constexpr auto kSettlePause = std::chrono::milliseconds(100);

SeenRows take_some(SeenRows& rows, std::size_t most) {
  SeenRows out;
  while (!rows.empty() && out.size() < most) out.insert(rows.extract(rows.begin()));
  return out;
}

std::vector<KeyPlace> keys_of(const SeenRows& rows) {
  std::vector<KeyPlace> out;
  for (const auto& [identity, row] : rows) out.push_back(row.key);
  return out;
}

}  // namespace

// What is really different goes into `found`.
Task<absl::Status> Verify::settle(TableCheck& table, SeenRows suspects) {
  while (!suspects.empty()) {
    SeenRows asked = take_some(suspects, kSuspectsMax);
    for (int look = 0; look < kLaterLooks && !asked.empty(); ++look) {
      auto still = co_await look_again(table, asked, Look::later);
      if (!still.ok()) co_return still.status();
      SeenRows left;
      for (const Difference& each : *still) {
        const auto same = [&each](const auto& row) { return row.second.key == each.key; };
        const auto found = std::find_if(asked.begin(), asked.end(), same);
        if (found != asked.end()) left.insert(asked.extract(found));
      }
      asked = std::move(left);
    }
    absl::Status why = absl::AbortedError("");
    for (int look = 0; look < kLockedLooks && !asked.empty() && absl::IsAborted(why); ++look) {
      if (look > 0) co_await reactor_.sleep_for(kSettlePause);
      auto confirmed = co_await look_again(table, asked, Look::locked);
      why = confirmed.status();
      if (!confirmed.ok()) continue;
      for (Difference& each : *confirmed) table.found.push_back(std::move(each));
      asked.clear();
    }
    if (asked.empty()) continue;
    if (absl::IsAborted(why)) {
      co_return absl::FailedPreconditionError("rows that may differ stay locked on the leader: compare it again");
    }
    co_return why;
  }
  co_return absl::OkStatus();
}

// `later`: the follower is read behind all that the leader showed; what is written meanwhile may differ still.
// `locked`: both are read at one place of the leader's changes. Aborted: rows could not be locked, or the applier did
// not wait long enough.
Task<absl::StatusOr<std::vector<Difference>>> Verify::look_again(TableCheck& table, SeenRows asked, Look how) {
  const migrate::VerifyPlan& plan = *table.plan;
  const std::string condition = migrate::with_keys(plan, keys_of(asked));
  const ShowRows show = job_->options.show_values ? ShowRows::values : ShowRows::keys;
  SeenRows leader, follower;
  std::string sql = migrate::select_rows(plan, Side::leader, condition, RowParts::values);
  TakeRow take = into_rows(plan, RowParts::values, show, &leader);
  absl::Status read;
  if (how == Look::locked) {
    read = co_await table.locker->read_locked(std::move(sql), std::move(take));
  } else {
    read = co_await table.sides->read(Side::leader, std::move(sql), std::move(take));
    if (read.ok()) read = co_await table.locker->open();
  }
  if (!read.ok()) co_return read;
  const bool holds = how == Look::locked;
  const auto applier = holds ? MarkerMeetings::Applier::stays : MarkerMeetings::Applier::goes_on;
  const std::uint64_t token = new_token();
  const std::shared_ptr<Chunk> chunk = meetings_.expect(token, plan.table, applier);
  absl::Status status = co_await table.locker->finish(token);
  std::function<absl::Status()> why_not = [this, &table] { return why_not_on(table); };
  if (status.ok()) status = co_await meetings_.wait(chunk, std::move(why_not));
  if (status.ok()) {
    std::string follower_sql = migrate::select_rows(plan, Side::follower, condition, RowParts::values);
    TakeRow take_theirs = into_rows(plan, RowParts::values, show, &follower);
    status = co_await table.sides->read(Side::follower, std::move(follower_sql), std::move(take_theirs));
  }
  const bool stayed = meetings_.end(chunk);
  if (!status.ok()) co_return status;
  if (holds && !stayed) co_return absl::AbortedError("the applier has gone on");
  co_return migrate::compare_rows(plan, asked, leader, follower);
}

// Its table is not to be gone on with.
absl::Status Verify::why_not_on(const TableCheck& table) const {
  std::string why;
  if (!goes_on()) return absl::CancelledError("the job does not go on");
  return is_stopped(table.record.table, &why) ? absl::FailedPreconditionError(why) : absl::OkStatus();
}

}  // namespace crossfade::proxy
