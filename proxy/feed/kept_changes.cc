#include "proxy/feed/kept_changes.h"

#include <algorithm>

#include "dualwrite/trigger/changes_table.h"
#include "dualwrite/trigger/kept_changes.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr auto kMoveMax = std::chrono::minutes(2);
constexpr std::size_t kMovedAtOnce = 500;  // a packet
constexpr std::size_t kFoundMax = 5000;    // behind a snapshot
constexpr std::size_t kAsideAtOnce = 50;
constexpr auto kAsideMin = std::chrono::milliseconds(20);
constexpr auto kAsideMax = std::chrono::seconds(1);
constexpr std::size_t kDiscardedAtOnce = 5000;  // a transaction

TimePoint move_deadline() { return Clock::now() + kMoveMax; }

}  // namespace

std::string list_of(const KeptChanges::Numbers& numbers) {
  std::string list;
  for (const std::uint32_t number : numbers) list += (list.empty() ? "" : ",") + std::to_string(number);
  return list;
}

Task<absl::Status> KeptChanges::load(BackendLink& leader) {
  numbers_.clear();
  auto rows = co_await leader.query_rows(dualwrite::select_kept_numbers(schema_), 1, move_deadline());
  if (!rows.ok()) co_return rows.status();
  for (const auto& row : *rows) numbers_.insert(static_cast<std::uint32_t>(first_number(row)));
  co_return absl::OkStatus();
}

Task<absl::Status> KeptChanges::move(BackendLink& leader, std::vector<std::string> statements) {
  for (std::size_t from = 0; from < statements.size(); from += kMovedAtOnce) {
    std::string sql = "BEGIN";
    for (std::size_t i = from; i < std::min(statements.size(), from + kMovedAtOnce); ++i) sql += ";" + statements[i];
    sql += ";COMMIT";
    auto done = co_await leader.query(std::move(sql), move_deadline());
    if (!done.ok()) co_return absl::UnavailableError("`kept`: " + std::string(done.status().message()));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> KeptChanges::begin(BackendLink& leader, Passing passing) {
  passing_ = std::move(passing);
  begun_ = Clock::now();
  ids_.clear();
  Numbers back;
  for (const std::uint32_t number : numbers_) {
    if (!passing_.passed_by.contains(number) && !passing_.copied.contains(number)) back.insert(number);
  }
  absl::Status done;
  if (!passing_.copied.empty()) done = co_await discard(leader, passing_.copied);
  if (done.ok() && !back.empty()) done = co_await bring_back(leader, std::move(back));
  co_return done;
}

std::string KeptChanges::condition() const {
  return passing_.passed_by.empty() ? "" : " AND tbl NOT IN (" + list_of(passing_.passed_by) + ")";
}

Task<absl::Status> KeptChanges::find(BackendLink& leader, std::uint64_t last) {
  if (passing_.passed_by.empty()) co_return absl::OkStatus();
  std::string sql = "SELECT id" + dualwrite::from_changes(schema_, leader.is_mariadb()) +
                    " AND id<=" + std::to_string(last) + " AND tbl IN (" + list_of(passing_.passed_by) +
                    ") ORDER BY id LIMIT " + std::to_string(kFoundMax);
  auto rows = co_await leader.query_rows(std::move(sql), 1, move_deadline());
  if (!rows.ok()) co_return rows.status();
  for (const auto& row : *rows) ids_.push_back(first_number(row));
  co_return absl::OkStatus();
}

// Others' rows wait for it: it takes no longer than what it saves.
Task<absl::StatusOr<bool>> KeptChanges::put_aside(BackendLink& leader) {
  const std::vector<std::uint64_t> ids = std::exchange(ids_, {});
  if (ids.empty()) co_return false;
  numbers_.insert(passing_.passed_by.begin(), passing_.passed_by.end());
  const TimePoint now = Clock::now();
  const TimePoint until = now + std::clamp<Clock::duration>(now - begun_, kAsideMin, kAsideMax);
  std::size_t done = 0;
  while (done < ids.size() && Clock::now() < until) {
    std::vector<std::string> statements;
    for (; done < ids.size() && statements.size() < kAsideAtOnce; ++done) {
      statements.push_back(dualwrite::keep_change(schema_, passing_.pairs, ids[done], leader.is_mariadb()));
    }
    const absl::Status moved = co_await move(leader, std::move(statements));
    if (!moved.ok()) co_return moved;
  }
  co_return done < ids.size() || ids.size() == kFoundMax;
}

Task<absl::Status> KeptChanges::bring_back(BackendLink& leader, Numbers numbers) {
  for (;;) {
    auto rows =
        co_await leader.query_rows(dualwrite::select_kept(schema_, list_of(numbers), kMovedAtOnce), 1, move_deadline());
    if (!rows.ok()) co_return rows.status();
    if (rows->empty()) break;
    std::vector<std::string> statements;
    for (const auto& row : *rows) {
      statements.push_back(
          dualwrite::bring_back_change(schema_, passing_.pairs, first_number(row), leader.is_mariadb()));
    }
    const absl::Status moved = co_await move(leader, std::move(statements));
    if (!moved.ok()) co_return moved;
  }
  for (const std::uint32_t number : numbers) numbers_.erase(number);
  co_return absl::OkStatus();
}

KeptChanges::Numbers KeptChanges::wanted() const {
  Numbers out = numbers_;
  out.insert(passing_.passed_by.begin(), passing_.passed_by.end());
  return out;
}

Task<absl::Status> KeptChanges::discard(BackendLink& leader, Numbers numbers) {
  if (numbers.empty()) co_return absl::OkStatus();
  for (std::uint64_t deleted = kDiscardedAtOnce; deleted == kDiscardedAtOnce;) {
    auto done =
        co_await leader.run(dualwrite::delete_kept(schema_, list_of(numbers), kDiscardedAtOnce), move_deadline());
    if (!done.ok()) co_return done.status();
    if (done->failed()) co_return absl::UnavailableError("`kept`: " + err_text(done->last().err));
    deleted = done->last().ok.affected_rows;
  }
  for (const std::uint32_t number : numbers) numbers_.erase(number);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> KeptChanges::has_identity(BackendLink& leader, Numbers numbers) const {
  if (numbers.empty()) co_return false;
  const std::string list = list_of(numbers);
  for (const std::string& sql : {dualwrite::select_kept_identity(schema_, list),
                                 dualwrite::select_identity(schema_, list, leader.is_mariadb())}) {
    auto rows = co_await leader.query_rows(sql, 1, move_deadline());
    if (!rows.ok()) co_return rows.status();
    if (!rows->empty()) co_return true;
  }
  co_return false;
}

}  // namespace crossfade::proxy
