#include "proxy/net/places.h"

#include <atomic>
#include <future>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using support::eventually;
using support::LoopThread;

class PlacesTest : public ::testing::Test {
 protected:
  using Taken = absl::StatusOr<Places::Place>;
  // Whoever takes one keeps it until it is dropped.
  std::future<Taken> take(LoopThread& loop, milliseconds at_most = std::chrono::seconds(10)) {
    auto promise = std::make_shared<std::promise<Taken>>();
    std::promise<void> begun;
    loop.reactor.post([&] {
      loop.reactor.spawn(deliver(loop.reactor, at_most, promise));
      begun.set_value();
    });
    begun.get_future().wait();  // in line, unless it has one
    return promise->get_future();
  }
  Task<void> deliver(Reactor& reactor, milliseconds at_most, std::shared_ptr<std::promise<Taken>> promise) {
    promise->set_value(co_await places_.take(reactor, Clock::now() + at_most));
  }
  static bool has(std::future<Taken>& taken) {
    return taken.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  Places places_{2};
  LoopThread one_;
  LoopThread two_;
};

TEST_F(PlacesTest, AsManyAsThereAreAreTakenAtOnceAndOneMoreWaits) {
  auto first = take(one_);
  auto second = take(two_);
  auto third = take(one_);
  EXPECT_TRUE(has(first));
  EXPECT_TRUE(has(second));
  EXPECT_FALSE(has(third));
  first = {};  // given back, on another thread
  EXPECT_TRUE(third.get().ok());
}

TEST_F(PlacesTest, FirstComeFirstServedOverAllThreads) {
  auto held = take(one_);
  auto other = take(one_);
  std::vector<std::future<Taken>> line;
  for (int i = 0; i < 4; ++i) line.push_back(take(i % 2 == 0 ? one_ : two_));
  Taken place = held.get();
  for (auto& next : line) {
    place = absl::CancelledError();
    place = next.get();
    EXPECT_TRUE(place.ok());
  }
}

TEST_F(PlacesTest, WhoWaitsTooLongLeavesTheLine) {
  auto first = take(one_);
  auto second = take(one_);
  auto late = take(two_, milliseconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.get().status()));
  auto patient = take(two_);
  first = {};
  EXPECT_TRUE(patient.get().ok());
}

// The race between a deadline and a place that comes: whichever wins, no place is lost.
TEST_F(PlacesTest, NoPlaceIsLostToADeadline) {
  for (int i = 0; i < 300; ++i) {
    auto first = take(one_);
    auto second = take(one_);
    auto waiting = take(two_, milliseconds(1));
    first = {};
    (void)waiting.get();
    second = {};
    waiting = {};
    EXPECT_TRUE(take(one_).get().ok());
  }
  auto first = take(one_);
  auto second = take(two_);
  EXPECT_TRUE(has(first) && has(second)) << "both are there still";
}

TEST_F(PlacesTest, NeverMoreThanThereAre) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  const auto visit = [&](LoopThread& loop) {
    auto place = take(loop).get();
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    --inside;
    ++done;
  };
  std::vector<std::thread> visitors;
  for (int i = 0; i < 50; ++i) visitors.emplace_back([&, i] { visit(i % 2 == 0 ? one_ : two_); });
  for (auto& visitor : visitors) visitor.join();
  EXPECT_EQ(done, 50);
  EXPECT_LE(most, 2);
}

}  // namespace
}  // namespace crossfade::proxy
