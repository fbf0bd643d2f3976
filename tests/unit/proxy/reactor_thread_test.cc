#include "proxy/net/reactor_thread.h"

#include <chrono>
#include <future>
#include <thread>

#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using std::chrono::milliseconds;

// A time that stands still until it is moved.
struct ToldTime {
  TimePoint now = TimePoint(std::chrono::hours(1));
  ToldTime() { Clock::tell(&now); }
  ~ToldTime() { Clock::tell(nullptr); }
};

Task<void> sleep_once(Reactor& reactor, milliseconds duration, bool& woke) {
  co_await reactor.sleep_for(duration);
  woke = true;
}

TEST(Clock, IsToldToOneThreadAlone) {
  const ToldTime told;
  EXPECT_EQ(Clock::now(), told.now);
  TimePoint elsewhere;
  std::thread([&] { elsewhere = Clock::now(); }).join();
  EXPECT_NE(elsewhere, told.now);
}

TEST(Reactor, ATurnDoesWhatIsDueInTheTimeThatIsToldAndNoMore) {
  ToldTime told;
  Reactor reactor;
  bool woke = false;
  reactor.spawn(sleep_once(reactor, milliseconds(50), woke));
  EXPECT_EQ(reactor.next_due(), told.now + milliseconds(50));
  EXPECT_FALSE(reactor.turn(milliseconds(0)));
  told.now += milliseconds(49);
  EXPECT_FALSE(reactor.turn(milliseconds(0)));
  EXPECT_FALSE(woke);
  told.now += milliseconds(1);
  EXPECT_TRUE(reactor.turn(milliseconds(0)));
  EXPECT_TRUE(woke);
}

TEST(Reactor, ATurnRunsWhatWasPosted) {
  Reactor reactor;
  bool ran = false;
  reactor.post([&] { ran = true; });
  EXPECT_TRUE(reactor.turn(milliseconds(0)));
  EXPECT_TRUE(ran);
  EXPECT_FALSE(reactor.turn(milliseconds(0)));
}

TEST(ReactorThread, TurnsItsReactorUntilItIsStopped) {
  Reactor reactor;
  ReactorThread thread;
  thread.start(reactor, "test");
  std::promise<std::thread::id> ran;
  reactor.post([&] { ran.set_value(std::this_thread::get_id()); });
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
  thread.stop();
  thread.stop();
}

TEST(ReactorThread, WhoSimulatesIsGivenTheReactorInstead) {
  Reactor reactor;
  ReactorThread thread;
  Reactor* given = nullptr;
  const ReactorThread::Turner turner = [&](Reactor& one) { given = &one; };
  ReactorThread::hand_to(&turner);
  thread.start(reactor, "test");
  ReactorThread::hand_to(nullptr);
  EXPECT_EQ(given, &reactor);
  thread.stop();
}

}  // namespace
}  // namespace crossfade::proxy
