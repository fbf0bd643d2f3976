#include "proxy/feed/no_feed.h"

#include <pthread.h>

#include <utility>

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
namespace {

constexpr auto kLookAgain = std::chrono::milliseconds(500);

}  // namespace

NoFeed::NoFeed(config::Backend leader, std::function<LinkOptions()> link, Metrics& metrics)
    : leader_(leader), link_(std::move(link)), counters_(metrics.make()) {
  status_.kind = FeedKind::log;
  status_.state = "off: 'new' leads, and 'old' does not follow";
  status_.follower_tried = true;
  status_.follower_error = "it does not follow";
}

NoFeed::~NoFeed() { stop(); }

void NoFeed::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "feed");
    reactor_.spawn(loop());
    reactor_.run();
  });
}

void NoFeed::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
}

Task<bool> NoFeed::wait_applied(Reactor&, Commit, TimePoint) { co_return true; }

FeedStatus NoFeed::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Task<void> NoFeed::loop() {
  std::unique_ptr<BackendLink> leading;
  for (;;) {
    absl::Status reached;
    if (!leading || !leading->alive()) {
      leading.reset();
      auto opened = co_await BackendLink::open(reactor_, link_(), counters_, Clock::now() + kConnectMax);
      reached = opened.status();
      if (opened.ok()) {
        leading = *std::move(opened);
        if (on_connected) on_connected(leader_, leading->greeting());
      }
    }
    {
      const std::lock_guard lock(mutex_);
      status_.leader_up = reached.ok();
      status_.leader_error = std::string(reached.message());
      if (leading) status_.leader_version = leading->greeting().server_version;
    }
    co_await reactor_.sleep_for(kLookAgain);
  }
}

}  // namespace crossfade::proxy
