#include "proxy/feed/feed_switch.h"

#include <utility>

namespace crossfade::proxy {
namespace {

// While undecided: how often a wait looks whether a feed has been chosen.
constexpr auto kUndecidedPause = std::chrono::milliseconds(5);

}  // namespace

void FeedSwitch::choose(FeedKind kind, Feed& feed, std::string why) {
  {
    const std::lock_guard lock(mutex_);
    why_ = std::move(why);
  }
  feed_.store(&feed, std::memory_order_release);
  kind_.store(kind, std::memory_order_release);
}

Task<bool> FeedSwitch::wait_applied(Reactor& on, Commit commit, TimePoint deadline) {
  Feed* feed = chosen();
  while (feed == nullptr && Clock::now() < deadline) {
    co_await on.sleep_for(kUndecidedPause);
    feed = chosen();
  }
  if (feed == nullptr) co_return false;
  co_return co_await feed->wait_applied(on, std::move(commit), deadline);
}

TimePoint FeedSwitch::synced_through() const {
  const Feed* feed = chosen();
  return feed == nullptr ? TimePoint::min() : feed->synced_through();
}

void FeedSwitch::look_soon() {
  if (Feed* feed = chosen()) feed->look_soon();
}

bool FeedSwitch::usable_for_reads() const {
  const Feed* feed = chosen();
  return feed != nullptr && feed->usable_for_reads();
}

bool FeedSwitch::stopped(std::string_view schema, std::string_view table) const {
  const Feed* feed = chosen();
  return feed != nullptr && feed->stopped(schema, table);
}

bool FeedSwitch::any_stopped() const {
  const Feed* feed = chosen();
  return feed != nullptr && feed->any_stopped();
}

FeedStatus FeedSwitch::status() const {
  const Feed* feed = chosen();
  if (feed == nullptr) feed = considered_;
  FeedStatus status;
  if (feed != nullptr) status = feed->status();
  const std::lock_guard lock(mutex_);
  // On the way to triggers sessions act as under them already.
  if (kind() == FeedKind::undecided || status.kind == FeedKind::undecided) status.kind = kind();
  status.why = why_;
  return status;
}

bool FeedSwitch::settle(std::chrono::milliseconds at_most) {
  Feed* feed = chosen();
  return feed != nullptr && feed->settle(at_most);
}

}  // namespace crossfade::proxy
