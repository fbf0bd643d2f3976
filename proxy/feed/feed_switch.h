// The feed of this process, behind one address: undecided until the leader has been asked, then the chosen one.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "proxy/feed/feed.h"

namespace crossfade::proxy {

// Owns no feed and starts none: whoever makes a feed starts and stops it, and keeps it as long as this. Any thread
// may ask; one thread chooses. Undecided: no read goes to the follower, and nothing that is waited for arrives.
class FeedSwitch final : public Feed {
 public:
  FeedKind kind() const { return kind_.load(std::memory_order_acquire); }
  // `feed` is of `kind`; `why`: for /status.
  void choose(FeedKind kind, Feed& feed, std::string why);
  // Whose status is told until then. Before any thread asks.
  void consider(const Feed& feed) { considered_ = &feed; }

  void start() override {}
  void stop() override {}
  Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) override;
  TimePoint synced_through() const override;
  void look_soon() override;
  bool usable_for_reads() const override;
  bool stopped(std::string_view schema, std::string_view table) const override;
  bool any_stopped() const override;
  FeedStatus status() const override;
  bool settle(std::chrono::milliseconds at_most) override;

 private:
  const Feed* chosen() const { return feed_.load(std::memory_order_acquire); }
  Feed* chosen() { return feed_.load(std::memory_order_acquire); }

  std::atomic<Feed*> feed_{nullptr};
  std::atomic<FeedKind> kind_{FeedKind::undecided};
  const Feed* considered_ = nullptr;
  mutable std::mutex mutex_;  // guards why_
  std::string why_;
};

}  // namespace crossfade::proxy
