#include "shadow/fair_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shadow/back_off.h"

namespace crossfade::shadow {
namespace {

using std::chrono::milliseconds;
using Queue = FairQueue<std::string>;

constexpr Moment kQueueStart = Moment(std::chrono::hours(1));

void add(Queue& queue, std::uint64_t digest, const std::string& item, milliseconds later = milliseconds(0)) {
  EXPECT_TRUE(queue.push(digest, item, 1, kQueueStart + later).empty()) << item;
}

// What is taken one after the other, each done at once.
std::vector<std::string> drain(Queue& queue, Moment now = kQueueStart) {
  std::vector<std::string> items;
  while (auto taken = queue.take(now)) {
    items.push_back(taken->item);
    queue.done(taken->digest);
  }
  return items;
}

TEST(FairQueue, EveryDigestHasItsTurn) {
  Queue queue({});
  for (int i = 0; i < 100; ++i) add(queue, 1, "noise" + std::to_string(i));
  add(queue, 2, "quiet");
  add(queue, 3, "third");
  const std::vector<std::string> items = drain(queue);
  ASSERT_EQ(items.size(), 102u);
  EXPECT_EQ(std::vector<std::string>(items.begin(), items.begin() + 5),
            (std::vector<std::string>{"noise0", "quiet", "third", "noise1", "noise2"}));
}

TEST(FairQueue, ADigestThatComesBackStandsBehindThoseThatWait) {
  Queue queue({});
  add(queue, 1, "a");
  add(queue, 2, "b0");
  add(queue, 2, "b1");
  EXPECT_EQ(queue.take(kQueueStart)->item, "a");
  queue.done(1);
  add(queue, 1, "a again");
  EXPECT_EQ(queue.take(kQueueStart)->item, "b0");
  EXPECT_EQ(queue.take(kQueueStart)->item, "a again");
}

TEST(FairQueue, WhoHoldsMostMakesRoom) {
  Queue queue({.items_max = 4});
  for (const char* item : {"n0", "n1", "n2", "n3"}) add(queue, 1, item);
  auto dropped = queue.push(2, "quiet", 1);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].item, "n3");
  EXPECT_EQ(dropped[0].why, Queue::Full::items);
  dropped = queue.push(1, "n4", 1);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].item, "n4");
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(drain(queue), (std::vector<std::string>{"n0", "quiet", "n1", "n2"}));
}

TEST(FairQueue, BytesAreSharedInTheSameWay) {
  Queue queue({.items_max = 100, .bytes_max = 10});
  EXPECT_TRUE(queue.push(1, "big", 6).empty());
  EXPECT_TRUE(queue.push(1, "big too", 4).empty());
  EXPECT_EQ(queue.bytes(), 10u);
  auto dropped = queue.push(2, "small", 1);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].item, "big too");
  EXPECT_EQ(dropped[0].why, Queue::Full::bytes);
  EXPECT_EQ(queue.bytes(), 7u);
  dropped = queue.push(3, "larger than all", 11);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].item, "larger than all");
  EXPECT_EQ(queue.bytes(), 7u);
}

TEST(FairQueue, NothingIsTakenBeforeItsTime) {
  Queue queue({});
  add(queue, 1, "later", milliseconds(100));
  add(queue, 2, "sooner", milliseconds(50));
  EXPECT_FALSE(queue.take(kQueueStart).has_value());
  EXPECT_EQ(queue.next_due(), kQueueStart + milliseconds(50));
  EXPECT_EQ(drain(queue, kQueueStart + milliseconds(50)), (std::vector<std::string>{"sooner"}));
  EXPECT_EQ(drain(queue, kQueueStart + milliseconds(100)), (std::vector<std::string>{"later"}));
  EXPECT_FALSE(queue.next_due().has_value());
}

TEST(FairQueue, OneDigestDoesNotKeepEverybodyBusy) {
  Queue queue({.running_max = 2});
  for (const char* item : {"slow0", "slow1", "slow2"}) add(queue, 1, item);
  EXPECT_EQ(queue.take(kQueueStart)->item, "slow0");
  EXPECT_EQ(queue.take(kQueueStart)->item, "slow1");
  EXPECT_FALSE(queue.take(kQueueStart).has_value());
  EXPECT_FALSE(queue.next_due().has_value());
  add(queue, 2, "quick");
  EXPECT_EQ(queue.take(kQueueStart)->item, "quick");
  queue.done(1);
  EXPECT_EQ(queue.take(kQueueStart)->item, "slow2");
}

// 60 reads a second of a statement that always differs, 40 others now and then; four rechecks of 10 ms at a time.
TEST(FairQueue, ANoisyDigestDelaysNobodyByMoreThanATurn) {
  Queue queue({.items_max = 1000, .running_max = 3});
  Moment now = kQueueStart;
  for (int i = 0; i < 5000; ++i) (void)queue.push(0, "noise", 1, now);
  for (std::uint64_t digest = 1; digest <= 40; ++digest) {
    (void)queue.push(digest, "planted", 1, now);
  }
  int served = 0;
  for (int turns = 1; served < 40; ++turns) {
    ASSERT_LE(turns, 42);
    auto taken = queue.take(now);
    ASSERT_TRUE(taken.has_value());
    served += taken->digest != 0 ? 1 : 0;
    queue.done(taken->digest);
  }
}

TEST(BackOff, PausesDoubleWithEachDifferenceAndLetOneThroughBehindEach) {
  BackOff back_off(10);
  Moment now = kQueueStart;
  EXPECT_TRUE(back_off.lets_through(1, now));
  back_off.differed(1, now);
  milliseconds pause = BackOff::kPauseMin;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(back_off.lets_through(1, now + pause - milliseconds(1)));
    now += pause;
    EXPECT_TRUE(back_off.lets_through(1, now));
    EXPECT_FALSE(back_off.lets_through(1, now)) << "one at a time";
    EXPECT_TRUE(back_off.lets_through(2, now));
    now += milliseconds(1);
    back_off.differed(1, now);
    pause *= 2;
  }
  for (int i = 0; i < 20; ++i) {
    now += BackOff::kPauseMax;
    EXPECT_TRUE(back_off.lets_through(1, now)) << "never longer than the longest pause";
    back_off.differed(1, now);
  }
}

TEST(BackOff, WhatWasOnItsWayCountsOnce) {
  BackOff back_off(10);
  for (int i = 0; i < 30; ++i) back_off.differed(1, kQueueStart + milliseconds(i));
  EXPECT_TRUE(back_off.lets_through(1, kQueueStart + BackOff::kPauseMin));
}

TEST(BackOff, MatchesEndIt) {
  BackOff back_off(10);
  Moment now = kQueueStart;
  for (int i = 0; i < 3; ++i) {
    back_off.differed(1, now);
    now += BackOff::kPauseMax;
    EXPECT_TRUE(back_off.lets_through(1, now));
  }
  back_off.differed(1, now);
  for (int i = 0; i < 4; ++i) back_off.matched(1);
  EXPECT_EQ(back_off.size(), 0u);
  EXPECT_TRUE(back_off.lets_through(1, now));
  back_off.matched(7);
}

TEST(BackOff, ForgetsNoMoreThanItMust) {
  BackOff back_off(2);
  back_off.differed(1, kQueueStart);
  back_off.differed(2, kQueueStart);
  back_off.differed(3, kQueueStart);
  EXPECT_EQ(back_off.size(), 2u);
  EXPECT_FALSE(back_off.lets_through(1, kQueueStart));
  EXPECT_TRUE(back_off.lets_through(3, kQueueStart));
  back_off.differed(3, kQueueStart + BackOff::kPauseMin);
  EXPECT_FALSE(back_off.lets_through(3, kQueueStart + BackOff::kPauseMin));
}

}  // namespace
}  // namespace crossfade::shadow
