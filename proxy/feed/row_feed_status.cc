// What the feed says of itself.

#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

FeedStatus RowFeed::status() const {
  constexpr auto kFresh = std::chrono::seconds(1);
  const std::lock_guard lock(status_mutex_);
  FeedStatus copy = status_;
  copy.kind = kind_.load(std::memory_order_acquire);
  copy.change = changer_.text();
  copy.change_outcome = changer_.outcome();
  const bool synced = idle_.load(std::memory_order_acquire) || synced_through() + kFresh >= Clock::now();
  copy.readable = usable_.load(std::memory_order_acquire);
  copy.caught_up = copy.leader_up && copy.follower_up && !stopped_.any() && synced;
  for (const dualwrite::StoppedTable& stopped : stopped_.list()) {
    if (stopped.is_copy() && stopped.catch_up != dualwrite::CatchUp::none) continue;  // the copy tells of it
    copy.parked.push_back(
        {.key = stopped.since.text(),
         .table = stopped.table.schema + "." + stopped.table.table,
         .error = (stopped.released() ? "being caught up; it had stopped for: " : "") + stopped.reason});
  }
  copy.findings.insert(copy.findings.begin(), retention_findings_.begin(), retention_findings_.end());
  return copy;
}

void RowFeed::note(std::string state, const absl::Status& error) {
  const std::lock_guard lock(status_mutex_);
  if (status_.state != state)
    limited_log().info(LogKind::applier_state, "feed={} state=\"{}\"", name_of(source_), state);
  status_.state = std::move(state);
  if (error.ok()) return;
  const std::string text(error.message());
  status_.undecided.failed(text, Clock::now());
  if (status_.last_error != text)
    limited_log().warn(LogKind::applier_error, "feed={} error=\"{}\"", name_of(source_), text);
  status_.last_error = text;
}

// What the source has on the leader.
void RowFeed::publish_source() {
  std::vector<FeedStatus::Captured> captured = source_->captured();
  const FeedStatus::Changes changes = source_->changes();
  const std::lock_guard lock(status_mutex_);
  status_.captured = std::move(captured);
  status_.changes = changes;
}

}  // namespace crossfade::proxy
