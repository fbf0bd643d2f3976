// A feed whose follower a test moves on by hand.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/feed/feed.h"

namespace crossfade::support {

class FakeFeed final : public proxy::Feed {
 public:
  // Every commit that is asked for from now on is there, or none.
  void set_applies(bool applies) { applies_ = applies; }
  // Whether what was committed until now is there, for those who compare.
  void set_synced(bool synced) { synced_ = synced; }
  int looks() const { return looks_; }
  void stop_table(std::string schema, std::string table) {
    const std::lock_guard lock(mutex_);
    stopped_.emplace(std::move(schema), std::move(table));
  }
  // What was waited for so far.
  std::vector<proxy::Commit> awaited() const {
    const std::lock_guard lock(mutex_);
    return awaited_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    awaited_.clear();
  }

  void start() override {}
  void stop() override {}
  proxy::Task<bool> wait_applied(proxy::Reactor& on, proxy::Commit commit, proxy::TimePoint deadline) override {
    {
      const std::lock_guard lock(mutex_);
      awaited_.push_back(std::move(commit));
    }
    while (!applies_) {
      if (proxy::Clock::now() >= deadline) co_return false;
      co_await on.sleep_for(std::chrono::milliseconds(1));
    }
    co_return true;
  }
  proxy::TimePoint synced_through() const override { return synced_ ? proxy::Clock::now() : proxy::TimePoint(); }
  void look_soon() override { ++looks_; }
  bool usable_for_reads() const override { return true; }
  bool stopped(std::string_view schema, std::string_view table) const override {
    const std::lock_guard lock(mutex_);
    return stopped_.contains({std::string(schema), std::string(table)});
  }
  bool any_stopped() const override {
    const std::lock_guard lock(mutex_);
    return !stopped_.empty();
  }
  proxy::FeedStatus status() const override {
    proxy::FeedStatus status;
    status.state = "applying";
    return status;
  }

 private:
  std::atomic<bool> applies_{true};
  std::atomic<bool> synced_{true};
  std::atomic<int> looks_{0};
  mutable std::mutex mutex_;
  std::vector<proxy::Commit> awaited_;
  std::set<std::pair<std::string, std::string>> stopped_;
};

}  // namespace crossfade::support
