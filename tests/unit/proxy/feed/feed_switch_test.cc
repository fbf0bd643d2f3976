#include "proxy/feed/feed_switch.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/fake_feed.h"

namespace crossfade::proxy {
namespace {

using support::FakeFeed;

Task<void> wait_and_stop(Reactor& reactor, FeedSwitch& feed, TimePoint deadline, std::optional<bool>& out) {
  Commit commit;
  commit.gtid = "0-1-7";
  out = co_await feed.wait_applied(reactor, std::move(commit), deadline);
  reactor.stop();
}

bool waited(FeedSwitch& feed, std::chrono::milliseconds at_most) {
  Reactor reactor;
  std::optional<bool> out;
  reactor.spawn(wait_and_stop(reactor, feed, Clock::now() + at_most, out));
  reactor.run();
  return out.value();
}

TEST(FeedSwitch, UndecidedLetsNoReadThroughAndNothingArrives) {
  FeedSwitch feed;
  EXPECT_EQ(feed.kind(), FeedKind::undecided);
  EXPECT_FALSE(feed.usable_for_reads());
  EXPECT_FALSE(feed.any_stopped());
  EXPECT_EQ(feed.synced_through(), TimePoint::min());
  EXPECT_FALSE(waited(feed, std::chrono::milliseconds(1)));
  EXPECT_FALSE(feed.settle(std::chrono::milliseconds(1)));
  FakeFeed considered;
  feed.consider(considered);
  EXPECT_EQ(feed.status().state, considered.status().state);
  EXPECT_EQ(feed.status().kind, FeedKind::undecided);
}

TEST(FeedSwitch, AsksTheChosenFeedAndSaysWhyItIsThat) {
  FeedSwitch feed;
  FakeFeed log;
  log.stop_table("shop", "t");
  feed.choose(FeedKind::log, log, "the leader has a row log");
  EXPECT_EQ(feed.kind(), FeedKind::log);
  EXPECT_TRUE(feed.usable_for_reads());
  EXPECT_TRUE(feed.any_stopped());
  EXPECT_TRUE(feed.stopped("shop", "t"));
  EXPECT_FALSE(feed.stopped("shop", "u"));
  EXPECT_EQ(feed.status().kind, FeedKind::log);
  EXPECT_EQ(feed.status().why, "the leader has a row log");
  EXPECT_EQ(feed.status().state, "applying");
  EXPECT_TRUE(waited(feed, std::chrono::seconds(5)));
  ASSERT_EQ(log.awaited().size(), 1u);
  EXPECT_EQ(log.awaited().front().gtid, "0-1-7");
  log.set_applies(false);
  EXPECT_FALSE(waited(feed, std::chrono::milliseconds(1)));
}

}  // namespace
}  // namespace crossfade::proxy
