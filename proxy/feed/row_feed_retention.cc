// The leader's log is what keeps changes that the follower does not have yet: how near is it to being deleted?

#include <algorithm>

#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::NeededLog;
using dualwrite::RetentionVerdict;
using dualwrite::StoppedTable;

namespace {

constexpr auto kRetentionInterval = std::chrono::seconds(10);
constexpr std::size_t kShownMax = 20;

std::uint64_t seconds_since(TimePoint moment) {
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - moment).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(passed, 0));
}

}  // namespace

// What this process has not seen it does not know: after a start the feed's waiting counts from there.
std::vector<NeededLog> RowFeed::needed_log() const {
  std::vector<NeededLog> needed;
  const TimePoint reached = std::max(commits_.synced_through(), started_);
  const bool later = source_->kind() != FeedKind::log;
  const dualwrite::LogPosition& from = later ? anchor_->change->next : commits_.position();
  needed.push_back(
      {.by = later ? "the next feed" : "the feed", .from = from, .waiting_seconds = seconds_since(reached)});
  if (!later && retention_look_.held_at.known()) {
    needed.push_back({.by = "an XA transaction that was prepared and not ended",
                      .from = retention_look_.held_at,
                      .waiting_seconds = seconds_since(retention_look_.held_since),
                      .is_prepared = true});
  }
  const std::int64_t now = unix_seconds();
  for (const StoppedTable& table : stopped_.list()) {
    if (table.is_copy() || later) continue;  // its rows are read from the table
    const std::int64_t waiting = std::max<std::int64_t>(now - table.stopped_at, 0);
    needed.push_back({.by = "table " + table.table.schema + "." + table.table.table,
                      .from = table.since,
                      .waiting_seconds = static_cast<std::uint64_t>(waiting)});
  }
  return needed;
}

// On the connection that looks at the log's end, also while the feed is paused or the follower away.
Task<absl::Status> RowFeed::look_at_retention() {
  const bool is_next = is_fenced() && kind_of_place(anchor_->change->next) == FeedKind::log;
  if (source_->kind() != FeedKind::log && !is_next) co_return absl::OkStatus();
  if (Clock::now() < retention_look_.next) co_return absl::OkStatus();
  const absl::Status open = co_await open_bound_link();
  if (!open.ok()) co_return open;
  auto variables = co_await bound_link_->query(dualwrite::retention_query(), Clock::now() + kAnswerMax);
  if (!variables.ok()) co_return variables.status();
  auto logs = co_await bound_link_->query(dualwrite::kListLogs, Clock::now() + kAnswerMax);
  if (!logs.ok()) co_return logs.status();
  retention_look_.next = Clock::now() + kRetentionInterval;
  publish(dualwrite::retention_from(variables->front(), logs->front()));
  co_return absl::OkStatus();
}

void RowFeed::publish(const dualwrite::LogRetention& retention) {
  FeedStatus::Retention worst;
  worst.known = true;
  worst.seconds = retention.seconds;
  worst.oldest_file = retention.oldest_file;
  std::vector<FeedStatus::Finding> findings;
  for (const NeededLog& needed : needed_log()) {
    if (worst.by.empty() || needed.waiting_seconds > worst.waiting_seconds) {
      worst.by = needed.by;
      worst.needed = needed.from.text();
      worst.waiting_seconds = needed.waiting_seconds;
    }
    const RetentionVerdict verdict = dualwrite::judge_retention(retention, needed);
    if (verdict == RetentionVerdict::fine || findings.size() == kShownMax) continue;
    std::string advice = dualwrite::retention_advice(retention, needed);
    limited_log().warn(LogKind::retention, "retention=\"{}\"", advice);
    findings.push_back({.severity = verdict == RetentionVerdict::gone ? "blocker" : "warning",
                        .object = "the leader's log",
                        .text = std::move(advice)});
  }
  const std::lock_guard lock(status_mutex_);
  status_.retention = std::move(worst);
  retention_findings_ = std::move(findings);
}

}  // namespace crossfade::proxy
