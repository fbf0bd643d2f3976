#include "proxy/net/single_flight_cache.h"

#include <future>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Cache = SingleFlightCache<std::string, int>;
using Landing = absl::StatusOr<int>;
using support::LoopThread;

constexpr Cache::Lifetimes kLifetimes{.refresh_after = seconds(5),
                                      .fresh_for = seconds(10),
                                      .usable_for = seconds(100),
                                      .patience = seconds(20),  // a test that is to see it pass gives less time
                                      .failure_for = seconds(2),
                                      .entries_max = 4};

class SingleFlightCacheTest : public ::testing::Test {
 protected:
  std::future<Landing> ask(LoopThread& loop, const std::string& key, milliseconds at_most = seconds(10)) {
    auto promise = std::make_shared<std::promise<Landing>>();
    on(loop,
       [this, &loop, key, at_most, promise] { loop.reactor.spawn(deliver(loop.reactor, key, at_most, promise)); });
    return promise->get_future();
  }
  Task<void> deliver(Reactor& reactor, std::string key, milliseconds at_most,
                     std::shared_ptr<std::promise<Landing>> promise) {
    promise->set_value(co_await cache_.get(reactor, key, Clock::now() + at_most));
  }
  // Runs there; returns when it has run: a get() has then found its answer, or waits.
  static void on(LoopThread& loop, const std::function<void()>& work) {
    std::promise<void> ran;
    loop.reactor.post([&] {
      work();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  // Answers the oldest flight.
  void land(Cache::Landed landed) {
    Cache::Land land = std::move(flights_.front().second);
    flights_.erase(flights_.begin());
    land(std::move(landed));
  }
  void land(Landing value) { land({.value = std::move(value), .fresh_for = std::nullopt}); }
  int ask_and_land(const std::string& key, int value) {
    auto answer = ask(one_, key);
    land(value);
    return *answer.get();
  }

  TimePoint now_{std::chrono::hours(1)};
  std::vector<std::pair<std::string, Cache::Land>> flights_;  // get() runs only while the test waits for it
  Cache cache_{kLifetimes, [this](const std::string& key, Cache::Land land) { flights_.emplace_back(key, land); },
               [this] { return now_; }};
  LoopThread one_;
  LoopThread two_;
};

TEST_F(SingleFlightCacheTest, HoweverManyAskOnHoweverManyThreadsOneFlightAnswersAll) {
  std::vector<std::future<Landing>> answers;
  for (int i = 0; i < 50; ++i) answers.push_back(ask(i % 2 == 0 ? one_ : two_, "key"));
  ASSERT_EQ(flights_.size(), 1u);
  land(7);
  for (auto& answer : answers) EXPECT_EQ(*answer.get(), 7);
  EXPECT_EQ(*ask(two_, "key").get(), 7);
  EXPECT_EQ(flights_.size(), 0u);
}

TEST_F(SingleFlightCacheTest, KeysFlyApart) {
  auto first = ask(one_, "a");
  auto second = ask(one_, "b");
  ASSERT_EQ(flights_.size(), 2u);
  land(1);
  land(2);
  EXPECT_EQ(*first.get(), 1);
  EXPECT_EQ(*second.get(), 2);
}

TEST_F(SingleFlightCacheTest, AnAgeingValueIsServedWhileOneFlightRenewsIt) {
  EXPECT_EQ(ask_and_land("key", 1), 1);
  now_ += seconds(5) - milliseconds(1);
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  EXPECT_EQ(flights_.size(), 0u);
  now_ += milliseconds(1);
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  EXPECT_EQ(*ask(two_, "key").get(), 1);
  ASSERT_EQ(flights_.size(), 1u);
  land(2);
  EXPECT_EQ(*ask(two_, "key").get(), 2);
}

TEST_F(SingleFlightCacheTest, AFailedRenewalLeavesTheValueAndIsNotTriedAgainAtOnce) {
  EXPECT_EQ(ask_and_land("key", 1), 1);
  now_ += seconds(6);
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  land(absl::UnavailableError("down"));
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  EXPECT_EQ(flights_.size(), 0u);
  now_ += seconds(2);
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  EXPECT_EQ(flights_.size(), 1u);
}

TEST_F(SingleFlightCacheTest, AnExpiredValueIsWaitedForAndServedIfTheAnswerIsAFailure) {
  EXPECT_EQ(ask_and_land("key", 1), 1);
  now_ += seconds(10);
  auto answer = ask(one_, "key");
  land(2);
  EXPECT_EQ(*answer.get(), 2);
  now_ += seconds(10);
  answer = ask(one_, "key");
  land(absl::UnavailableError("down"));
  EXPECT_EQ(*answer.get(), 2);
  EXPECT_EQ(*ask(two_, "key").get(), 2) << "while the failure is kept, too";
  EXPECT_EQ(flights_.size(), 0u);
  now_ += seconds(90);
  answer = ask(one_, "key");
  land(absl::UnavailableError("down"));
  EXPECT_TRUE(absl::IsUnavailable(answer.get().status())) << "it is too old for that";
}

TEST_F(SingleFlightCacheTest, AnExpiredValueIsServedWhenTheAnswerDawdles) {
  EXPECT_EQ(ask_and_land("key", 1), 1);
  now_ += seconds(10);
  EXPECT_EQ(*ask(one_, "key", milliseconds(2)).get(), 1);
  ASSERT_EQ(flights_.size(), 1u) << "still under way";
  EXPECT_EQ(*ask(one_, "key", milliseconds(2)).get(), 1);
  EXPECT_EQ(flights_.size(), 1u);
  land(2);
  EXPECT_EQ(*ask(one_, "key").get(), 2);
}

TEST_F(SingleFlightCacheTest, AFailureAnswersAllWhoWaitAndIsKeptForAMoment) {
  auto first = ask(one_, "key");
  auto second = ask(two_, "key");
  land(absl::UnavailableError("down"));
  EXPECT_TRUE(absl::IsUnavailable(first.get().status()));
  EXPECT_TRUE(absl::IsUnavailable(second.get().status()));
  EXPECT_TRUE(absl::IsUnavailable(ask(one_, "key").get().status()));
  EXPECT_EQ(flights_.size(), 0u);
  now_ += seconds(2);
  EXPECT_EQ(ask_and_land("key", 3), 3);
}

TEST_F(SingleFlightCacheTest, WhoWaitsTooLongGoesWithoutAnAnswerAndTheFlightServesTheNext) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(ask(one_, "key", milliseconds(1)).get().status()));
  auto later = ask(one_, "key");
  ASSERT_EQ(flights_.size(), 1u);
  land(4);
  EXPECT_EQ(*later.get(), 4);
}

TEST_F(SingleFlightCacheTest, AValueMayHaveALifetimeOfItsOwn) {
  auto answer = ask(one_, "key");
  land({.value = 1, .fresh_for = seconds(2)});
  EXPECT_EQ(*answer.get(), 1);
  now_ += seconds(2) - milliseconds(1);
  EXPECT_EQ(*ask(one_, "key").get(), 1);
  EXPECT_EQ(flights_.size(), 0u);
  now_ += milliseconds(1);
  EXPECT_EQ(ask_and_land("key", 2), 2);
}

TEST_F(SingleFlightCacheTest, KnownNeverWaitsAndAsksOnce) {
  EXPECT_EQ(cache_.known("key"), std::nullopt);
  EXPECT_EQ(cache_.known("key"), std::nullopt);
  ASSERT_EQ(flights_.size(), 1u);
  land(absl::UnavailableError("down"));
  EXPECT_EQ(cache_.known("key"), std::nullopt);
  EXPECT_EQ(flights_.size(), 0u) << "it has just failed";
  now_ += seconds(2);
  EXPECT_EQ(cache_.known("key"), std::nullopt);
  land(1);
  EXPECT_EQ(cache_.known("key"), 1);
  now_ += seconds(5);
  EXPECT_EQ(cache_.known("key"), 1);
  EXPECT_EQ(flights_.size(), 1u) << "renewed";
}

TEST_F(SingleFlightCacheTest, ItHoldsAsManyAsItMayAndDropsWhatHasExpiredFirst) {
  EXPECT_EQ(ask_and_land("old", 0), 0);
  now_ += seconds(100);
  for (const std::string key : {"a", "b", "c"}) EXPECT_EQ(ask_and_land(key, 1), 1);
  EXPECT_EQ(cache_.size(), 4u);
  EXPECT_EQ(ask_and_land("d", 1), 1);
  EXPECT_EQ(cache_.size(), 4u);
  EXPECT_EQ(*ask(one_, "a").get(), 1) << "still there";
  EXPECT_EQ(ask_and_land("e", 1), 1);
  EXPECT_EQ(cache_.size(), 1u) << "all were fresh: it starts over";
}

}  // namespace
}  // namespace crossfade::proxy
