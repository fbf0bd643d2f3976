#include "gtest/gtest.h"
#include "proxy/inline/applier.h"
#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

using support::LoopThread;

bool wait(LoopThread& loop, const std::shared_ptr<AppliedMark>& mark, std::chrono::milliseconds patience) {
  return loop.await<bool>([&] { return AppliedMark::wait(mark, Clock::now() + patience); });
}

TEST(AppliedMark, OneThatIsSetNeedsNoWaiting) {
  LoopThread loop;
  const auto mark = std::make_shared<AppliedMark>(loop.reactor);
  AppliedMark::set(mark);
  EXPECT_TRUE(mark->applied());
  EXPECT_TRUE(wait(loop, mark, std::chrono::milliseconds(0)));
}

TEST(AppliedMark, OneThatIsNotSetTimesOutAndMayBeWaitedForAgain) {
  LoopThread loop;
  const auto mark = std::make_shared<AppliedMark>(loop.reactor);
  EXPECT_FALSE(wait(loop, mark, std::chrono::milliseconds(1)));
  AppliedMark::set(mark);
  EXPECT_TRUE(wait(loop, mark, std::chrono::milliseconds(1)));
}

TEST(AppliedMark, SettingWakesTheWaiterWheneverItComes) {
  LoopThread loop;
  for (int i = 0; i < 500; ++i) {
    const auto mark = std::make_shared<AppliedMark>(loop.reactor);
    std::thread applier([mark] { AppliedMark::set(mark); });
    EXPECT_TRUE(wait(loop, mark, std::chrono::seconds(10)));
    applier.join();
  }
}

}  // namespace
}  // namespace crossfade::proxy
