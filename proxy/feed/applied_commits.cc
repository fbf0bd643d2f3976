#include "proxy/feed/applied_commits.h"

#include <algorithm>

namespace crossfade::proxy {

using dualwrite::LogPosition;

Task<bool> CommitWait::wait(std::shared_ptr<CommitWait> self, TimePoint deadline) {
  Signal signal(self->owner_);
  self->signal_ = &signal;
  self->awaited_.store(true);
  if (!self->done_.load()) co_await signal.wait(deadline);
  self->awaited_.store(false);
  self->signal_ = nullptr;
  co_return self->done_.load();
}

void CommitWait::done(const std::shared_ptr<CommitWait>& self) {
  self->done_.store(true);
  if (!self->awaited_.load()) return;
  self->owner_.post([self] {
    if (self->signal_ != nullptr) self->signal_->notify();
  });
}

void AppliedCommits::remember(std::string gtid) {
  if (gtid.empty()) return;
  const auto waiting = named_.find(gtid);
  if (waiting != named_.end()) {
    for (const auto& weak : waiting->second) {
      if (const auto waiter = weak.lock()) CommitWait::done(waiter);
    }
    named_.erase(waiting);
  }
  if (!remembered_.insert(gtid).second) return;
  remembered_order_.push_back(std::move(gtid));
  if (remembered_order_.size() > kRememberedMax) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
}

void AppliedCommits::processed(const LogPosition& position) {
  if (position <= position_) return;
  position_ = position;
  settle();
}

void AppliedCommits::bound(TimePoint at, LogPosition end) {
  last_bound_ = end;
  // The log has not grown: what ended there then ends there now.
  if (bounds_.size() > 1 && bounds_.back().end == end) {
    bounds_.back().at = at;
  } else {
    bounds_.push_back({at, std::move(end)});
    if (bounds_.size() > kBoundsMax) thin_out();
  }
  settle();
}

// The oldest, from which the lag is counted, and the last stay. What was true at a moment that goes is known at the
// next one that is kept.
void AppliedCommits::thin_out() {
  std::size_t kept = 1;
  for (std::size_t i = 2; i < bounds_.size(); i += 2) bounds_[kept++] = std::move(bounds_[i]);
  if (bounds_.size() % 2 == 0) bounds_[kept++] = std::move(bounds_.back());
  bounds_.resize(kept);
}

void AppliedCommits::settle() {
  TimePoint reached = synced_through();
  while (!bounds_.empty() && bounds_.front().end <= position_) {
    reached = std::max(reached, bounds_.front().at);
    bounds_.pop_front();
  }
  if (reached > synced_through()) synced_through_.store(reached.time_since_epoch().count(), std::memory_order_release);
  const auto is_reached = [reached](const Moment& moment) { return moment.at <= reached; };
  for (const Moment& moment : moments_) {
    if (is_reached(moment)) CommitWait::done(moment.waiter);
  }
  std::erase_if(moments_, is_reached);
}

void AppliedCommits::wait_for(std::shared_ptr<CommitWait> waiter, const Commit& commit) {
  if (commit.at <= synced_through() || (!commit.gtid.empty() && remembered_.contains(commit.gtid))) {
    CommitWait::done(waiter);
    return;
  }
  if (moments_.size() >= kMomentsMax) {
    std::erase_if(moments_, [](const Moment& moment) { return moment.waiter.use_count() == 1; });
  }
  if (!commit.gtid.empty()) {
    if (named_.size() > kRememberedMax) {
      std::erase_if(named_, [](const auto& item) {
        return std::all_of(item.second.begin(), item.second.end(), [](const auto& weak) { return weak.expired(); });
      });
    }
    named_[commit.gtid].push_back(waiter);
  }
  // A name that was applied before this proxy read the log is only known by its time.
  moments_.push_back({.at = commit.at, .named = !commit.gtid.empty(), .waiter = std::move(waiter)});
}

bool AppliedCommits::wants_bound() const {
  const TimePoint covered = bounds_.empty() ? synced_through() : bounds_.back().at;
  return std::any_of(moments_.begin(), moments_.end(),
                     [covered](const Moment& moment) { return !moment.named && moment.at > covered; });
}

TimePoint AppliedCommits::oldest_unreached() const { return bounds_.empty() ? TimePoint::max() : bounds_.front().at; }

void AppliedCommits::forget_places() {
  position_ = {};
  last_bound_ = {};
  bounds_.clear();
}

void AppliedCommits::begin_anew() {
  forget_places();
  remembered_.clear();
  remembered_order_.clear();
}

}  // namespace crossfade::proxy
