// `new` leads: nothing is followed, and nobody waits for anything. Looks only whether the leader can be reached.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "proxy/counts/metrics.h"
#include "proxy/feed/feed.h"

namespace crossfade::proxy {

class NoFeed final : public Feed {
 public:
  // `link`: to the leader, as the control account. Any thread.
  NoFeed(config::Backend leader, std::function<LinkOptions()> link, Metrics& metrics);
  ~NoFeed() override;

  void start() override;
  void stop() override;
  Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) override;
  TimePoint synced_through() const override { return TimePoint::min(); }
  void look_soon() override {}
  bool usable_for_reads() const override { return false; }
  bool stopped(std::string_view, std::string_view) const override { return false; }
  bool any_stopped() const override { return false; }
  FeedStatus status() const override;

 private:
  Task<void> loop();

  const config::Backend leader_;
  const std::function<LinkOptions()> link_;
  Counters& counters_;
  Reactor reactor_;
  std::thread thread_;
  mutable std::mutex mutex_;
  FeedStatus status_;  // guarded by mutex_
};

}  // namespace crossfade::proxy
