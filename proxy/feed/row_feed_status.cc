// What the feed says of itself.

#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

namespace {
constexpr auto kSetUpShown = std::chrono::milliseconds(200);
}  // namespace

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
  if (!settled_.load() && !undecided_.why.empty()) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - undecided_.since);
    copy.waits_for = undecided_.why + ", for " + std::to_string(waited.count()) + " s now";
  } else if (!settled_.load()) {
    copy.waits_for = copy.set_up;
  }
  copy.findings.insert(copy.findings.begin(), retention_findings_.begin(), retention_findings_.end());
  return copy;
}

void RowFeed::note(std::string state, const absl::Status& error) {
  const std::lock_guard lock(status_mutex_);
  if (status_.state != state) limited_log().info(LogKind::applier_state, "feed={} state=\"{}\"", kind_name(), state);
  status_.state = std::move(state);
  if (error.ok()) return;
  const std::string text(error.message());
  if (undecided_.why != text) undecided_ = {.why = text, .since = Clock::now()};
  if (status_.last_error != text) limited_log().warn(LogKind::applier_error, "feed={} error=\"{}\"", kind_name(), text);
  status_.last_error = text;
}

// Also in the middle of making triggers, which may take long.
void RowFeed::note_set_up(const std::string& progress) {
  if (Clock::now() >= next_shown_) {
    next_shown_ = Clock::now() + kSetUpShown;
    publish_captured();
  }
  const std::lock_guard lock(status_mutex_);
  status_.set_up = progress;
  // What was waited for is there, unless the next one is still that.
  const std::size_t table = progress.find(", and ");
  const bool same = table != std::string::npos && table + 6 < progress.size() &&
                    undecided_.why.starts_with(progress.substr(table + 6, progress.rfind(" is next") - table - 6));
  if (!same) undecided_ = {};
}

void RowFeed::publish_captured() {
  std::vector<FeedStatus::Captured> captured = source_->captured();
  const FeedStatus::Changes changes = source_->changes();
  const std::lock_guard lock(status_mutex_);
  status_.captured = std::move(captured);
  status_.changes = changes;
}

}  // namespace crossfade::proxy
