#include "proxy/net/task.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/net/reactor.h"

namespace crossfade::proxy {
namespace {

// Runs a task that never waits for anything, on a reactor of its own.
void run(Task<void> task) {
  Reactor reactor;
  reactor.spawn(std::move(task));
  EXPECT_EQ(reactor.spawned(), 0u);
}

Task<std::unique_ptr<int>> give(int value) { co_return std::make_unique<int>(value); }

Task<int> add(int a, int b) {
  const auto first = co_await give(a);
  const auto second = co_await give(b);
  co_return *first + *second;
}

TEST(Task, GivesItsValueToWhoAwaitsIt) {
  int sum = 0;
  const auto body = [](int& out) -> Task<void> { out = co_await add(3, 4); };
  run(body(sum));
  EXPECT_EQ(sum, 7);
}

TEST(Task, DoesNotBeginBeforeItIsAwaited) {
  bool begun = false;
  const auto body = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  {
    Task<void> dropped = body(begun);
    EXPECT_FALSE(begun);
  }
  EXPECT_FALSE(begun);  // a task that is dropped never ran, and its frame is gone
  run(body(begun));
  EXPECT_TRUE(begun);
}

Task<std::size_t> depth(std::size_t left) {
  if (left == 0) co_return 0;
  co_return 1 + co_await depth(left - 1);
}

// The compiler makes resuming a jump only when it optimises in earnest: sanitizers are built with -O1.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::size_t kManyTasks = 1000000;
#else
constexpr std::size_t kManyTasks = 1000;
#endif

TEST(Task, ManyTasksInARowUseNoStack) {
  std::size_t total = 0;
  const auto body = [](std::size_t& sum) -> Task<void> {
    for (std::size_t i = 0; i < kManyTasks; ++i) sum += co_await depth(1);
  };
  run(body(total));
  EXPECT_EQ(total, kManyTasks);
}

TEST(Task, DestroysItsLocalsWhenItEnds) {
  const auto alive = std::make_shared<int>(1);
  const auto body = [](std::shared_ptr<int> held) -> Task<void> {
    std::string local(100, 'x');
    EXPECT_EQ(*held, 1);
    co_return;
  };
  run(body(alive));
  EXPECT_EQ(alive.use_count(), 1);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(FramePool, GivesAFrameOfTheSameSizeAgain) {
  void* const first = FramePool::take(200);
  FramePool::give(first, 200);
  void* const again = FramePool::take(180);  // the same class of 128-byte steps
  EXPECT_EQ(again, first);
  void* const other = FramePool::take(300);
  EXPECT_NE(other, first);
  FramePool::give(again, 180);
  FramePool::give(other, 300);
}
#endif

TEST(FramePool, TakesAndGivesAtTheLimitAndOnePastIt) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{128}, std::size_t{129}, std::size_t{4096},
                                  std::size_t{4097}, std::size_t{1} << 20}) {
    std::vector<void*> frames;
    for (int i = 0; i < 70; ++i) {  // more than are kept
      frames.push_back(FramePool::take(bytes));
      std::fill_n(static_cast<char*>(frames.back()), bytes, 'x');
    }
    for (void* frame : frames) FramePool::give(frame, bytes);
  }
}

}  // namespace
}  // namespace crossfade::proxy
