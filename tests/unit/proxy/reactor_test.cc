#include "proxy/net/reactor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

struct SocketPair {
  SocketPair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  ~SocketPair() { close_ours(); }
  // The other end belongs to a Descriptor.
  void close_ours() {
    if (fds[1] >= 0) close(std::exchange(fds[1], -1));
  }
  void write(const char* text) { EXPECT_GT(::write(fds[1], text, std::string(text).size()), 0); }
  int fds[2] = {-1, -1};
};

constexpr TimePoint kNever = TimePoint::max();
TimePoint in(milliseconds duration) { return Clock::now() + duration; }

Task<void> wait_to_read(Descriptor& descriptor, TimePoint deadline, Reactor& reactor, WaitResult& result) {
  result = co_await descriptor.readable(deadline);
  reactor.stop();
}

Task<void> sleep_and_note(Reactor& reactor, milliseconds duration, int number, std::vector<int>& order) {
  co_await reactor.sleep_for(duration);
  order.push_back(number);
  if (order.size() == 3) reactor.stop();
}

TEST(Reactor, WakesSleepersInOrderOfTheirTime) {
  Reactor reactor;
  std::vector<int> order;
  reactor.spawn(sleep_and_note(reactor, milliseconds(6), 3, order));
  reactor.spawn(sleep_and_note(reactor, milliseconds(1), 1, order));
  reactor.spawn(sleep_and_note(reactor, milliseconds(3), 2, order));
  EXPECT_EQ(reactor.spawned(), 3u);
  reactor.run();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_EQ(reactor.spawned(), 0u);
}

TEST(Reactor, RunsWhatOtherThreadsPostInTheirOrder) {
  Reactor reactor;
  constexpr int kThreads = 4;
  constexpr int kEach = 1000;
  std::vector<std::vector<int>> seen(kThreads);
  std::atomic<int> total{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        reactor.post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == kThreads * kEach) reactor.stop();
        });
      }
    });
  }
  reactor.run();
  for (auto& thread : threads) thread.join();
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(kEach));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST(Reactor, WhatIsPostedByPostedWorkRunsToo) {
  Reactor reactor;
  bool ran = false;
  reactor.post([&] {
    reactor.post([&] {
      ran = true;
      reactor.stop();
    });
  });
  reactor.run();
  EXPECT_TRUE(ran);
}

TEST(Descriptor, IsReadyWhenSomethingArrives) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  WaitResult result = WaitResult::cancelled;
  reactor.spawn(wait_to_read(descriptor, kNever, reactor, result));
  pair.write("x");
  reactor.run();
  EXPECT_EQ(result, WaitResult::ready);
}

TEST(Descriptor, IsReadyWhenThePeerHangsUp) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  WaitResult result = WaitResult::cancelled;
  reactor.spawn(wait_to_read(descriptor, kNever, reactor, result));
  pair.close_ours();
  reactor.run();
  EXPECT_EQ(result, WaitResult::ready);
}

TEST(Descriptor, TimesOutWhenTheDeadlineHasPassed) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  WaitResult result = WaitResult::ready;
  const TimePoint begun = Clock::now();
  reactor.spawn(wait_to_read(descriptor, in(milliseconds(5)), reactor, result));
  reactor.run();
  EXPECT_EQ(result, WaitResult::timed_out);
  EXPECT_GE(Clock::now() - begun, milliseconds(5));
}

Task<void> fill_and_wait(Descriptor& descriptor, Reactor& reactor, WaitResult& result) {
  const std::vector<char> bytes(1 << 16, 'x');
  while (write(descriptor.fd(), bytes.data(), bytes.size()) > 0) {
  }
  result = co_await descriptor.writable(in(milliseconds(5)));
  reactor.stop();
}

TEST(Descriptor, TimesOutWritingToAPeerThatDoesNotRead) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  WaitResult result = WaitResult::ready;
  reactor.spawn(fill_and_wait(descriptor, reactor, result));
  reactor.run();
  EXPECT_EQ(result, WaitResult::timed_out);
}

TEST(Descriptor, CancellingWakesTheReader) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  descriptor.cancel_read();  // nobody waits: nothing happens
  WaitResult result = WaitResult::ready;
  reactor.spawn(wait_to_read(descriptor, kNever, reactor, result));
  descriptor.cancel_read();
  reactor.run();
  EXPECT_EQ(result, WaitResult::cancelled);
}

TEST(Descriptor, CancellingOneThatIsDestroyedAtOnceIsHarmless) {
  Reactor reactor;
  SocketPair pair;
  WaitResult result = WaitResult::cancelled;
  auto descriptor = std::make_unique<Descriptor>(reactor, pair.fds[0]);
  pair.write("x");
  reactor.spawn(wait_to_read(*descriptor, kNever, reactor, result));
  reactor.post([&] {
    descriptor->cancel_read();
    descriptor.reset();
    reactor.stop();
  });
  reactor.run();
  EXPECT_EQ(result, WaitResult::ready);
}

Task<void> sleep_then_look(Reactor& reactor, Descriptor& descriptor, bool& stirred) {
  co_await reactor.sleep_for(milliseconds(1));
  stirred = descriptor.stirred();
  reactor.stop();
}

Task<void> read_one(Descriptor& descriptor) {
  co_await descriptor.readable(kNever);
  char byte = 0;
  EXPECT_EQ(read(descriptor.fd(), &byte, 1), 1);
}

TEST(Descriptor, RemembersWhatHappensWhileNobodyReads) {
  for (const bool hang_up : {false, true}) {
    Reactor reactor;
    SocketPair pair;
    Descriptor descriptor(reactor, pair.fds[0]);
    pair.write("x");
    bool stirred = true;
    reactor.spawn(read_one(descriptor));  // it is armed from now on
    reactor.post([&] {
      // A turn later: the byte has been read.
      reactor.post([&] {
        EXPECT_FALSE(descriptor.stirred());
        hang_up ? pair.close_ours() : pair.write("y");
        reactor.spawn(sleep_then_look(reactor, descriptor, stirred));
      });
    });
    reactor.run();
    EXPECT_TRUE(stirred) << hang_up;
  }
}

Task<void> read_after_hang_up(Descriptor& descriptor, Reactor& reactor, std::vector<WaitResult>& results) {
  results.push_back(co_await descriptor.readable(kNever));
  co_await reactor.sleep_for(milliseconds(1));  // the hang-up is seen with nobody waiting
  for (int i = 0; i < 2; ++i) results.push_back(co_await descriptor.readable(kNever));
  results.push_back(co_await descriptor.writable(kNever));
  reactor.stop();
}

TEST(Descriptor, AfterAHangUpEveryWaitIsReadyAtOnce) {
  Reactor reactor;
  SocketPair pair;
  Descriptor descriptor(reactor, pair.fds[0]);
  std::vector<WaitResult> results;
  pair.write("x");
  pair.close_ours();
  reactor.spawn(read_after_hang_up(descriptor, reactor, results));
  reactor.run();
  EXPECT_THAT(results, ElementsAre(WaitResult::ready, WaitResult::ready, WaitResult::ready, WaitResult::ready));
}

Task<void> read_then_destroy(Descriptor& mine, std::unique_ptr<Descriptor>& other, Reactor& reactor) {
  co_await mine.readable(kNever);
  other.reset();
  co_await reactor.sleep_for(milliseconds(1));
  reactor.stop();
}

TEST(Descriptor, OneWokenMayDestroyAnotherThatHasEventsInTheSameTurn) {
  Reactor reactor;
  SocketPair a;
  SocketPair b;
  Descriptor first(reactor, a.fds[0]);
  auto second = std::make_unique<Descriptor>(reactor, b.fds[0]);
  b.write("x");
  reactor.spawn(read_one(*second));  // it is armed from now on, with nobody waiting
  reactor.post([&] {
    reactor.post([&] {
      reactor.spawn(read_then_destroy(first, second, reactor));
      a.write("x");
      b.write("y");
    });
  });
  reactor.run();
  EXPECT_EQ(second, nullptr);
}

Task<void> wait_for(Signal& signal, TimePoint deadline, Reactor& reactor, std::vector<bool>& results) {
  results.push_back(co_await signal.wait(deadline));
  reactor.stop();
}

TEST(Signal, IsStickyUntilWaitedFor) {
  Reactor reactor;
  Signal signal(reactor);
  std::vector<bool> results;
  signal.notify();
  signal.notify();
  reactor.spawn(wait_for(signal, kNever, reactor, results));
  EXPECT_THAT(results, ElementsAre(true));
  reactor.spawn(wait_for(signal, in(std::chrono::hours(1)), reactor, results));
  EXPECT_EQ(results.size(), 1u);  // both notifications went into the first wait
  signal.notify();
  EXPECT_THAT(results, ElementsAre(true, true));
}

TEST(Signal, SaysThatTheDeadlineHasPassed) {
  Reactor reactor;
  Signal signal(reactor);
  std::vector<bool> results;
  reactor.spawn(wait_for(signal, in(milliseconds(2)), reactor, results));
  reactor.run();
  EXPECT_THAT(results, ElementsAre(false));
}

TEST(Signal, WakesWhoeverWaitsFromAPostedTask) {
  Reactor reactor;
  Signal signal(reactor);
  std::vector<bool> results;
  reactor.spawn(wait_for(signal, in(std::chrono::hours(1)), reactor, results));
  std::thread other([&] { reactor.post([&] { signal.notify(); }); });
  reactor.run();
  other.join();
  EXPECT_THAT(results, ElementsAre(true));
}

}  // namespace
}  // namespace crossfade::proxy
