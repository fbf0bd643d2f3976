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
  FeedSwitch() { undecided_.state = "starting"; }

  FeedKind kind() const { return kind_.load(std::memory_order_acquire); }
  // `feed` is of `kind`; `why`: for /status.
  void choose(FeedKind kind, Feed& feed, std::string why);
  // What /status says until then.
  void set_undecided_status(FeedStatus status);

  void start() override {}
  void stop() override {}
  Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) override;
  TimePoint synced_through() const override;
  void look_soon() override;
  bool usable_for_reads() const override;
  bool stopped(std::string_view schema, std::string_view table) const override;
  bool any_stopped() const override;
  FeedStatus status() const override;

 private:
  const Feed* chosen() const { return feed_.load(std::memory_order_acquire); }
  Feed* chosen() { return feed_.load(std::memory_order_acquire); }

  std::atomic<Feed*> feed_{nullptr};
  std::atomic<FeedKind> kind_{FeedKind::undecided};
  mutable std::mutex mutex_;  // guards the two below
  std::string why_;
  FeedStatus undecided_;
};

}  // namespace crossfade::proxy
