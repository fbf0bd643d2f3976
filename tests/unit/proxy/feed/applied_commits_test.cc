#include "proxy/feed/applied_commits.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using dualwrite::LogPosition;
using std::chrono::milliseconds;

TimePoint at(int ms) { return TimePoint(milliseconds(1000 + ms)); }
LogPosition place(std::uint64_t offset) { return {"bin.000001", offset}; }

// Whether a waiter has been told, without a reactor: a wait that is over already does not suspend.
struct Waiter {
  Reactor reactor;
  std::shared_ptr<CommitWait> wait = std::make_shared<CommitWait>(reactor);
  bool told() const { return wait->is_done(); }
};

TEST(AppliedCommits, AMomentIsReachedWhenTheLogsEndOfThenIs) {
  AppliedCommits commits;
  commits.processed(place(100));
  commits.bound(at(0), place(200));
  EXPECT_LT(commits.synced_through(), at(0));
  EXPECT_EQ(commits.oldest_unreached(), at(0));
  commits.processed(place(199));
  EXPECT_LT(commits.synced_through(), at(0));
  commits.processed(place(200));
  EXPECT_EQ(commits.synced_through(), at(0));
  EXPECT_EQ(commits.oldest_unreached(), TimePoint::max());
}

TEST(AppliedCommits, ANamedCommitIsToldWhenItIsApplied) {
  AppliedCommits commits;
  Waiter waiter;
  commits.wait_for(waiter.wait, {.gtid = "0-1-7", .at = at(5)});
  commits.remember("0-1-6");
  EXPECT_FALSE(waiter.told());
  commits.remember("0-1-7");
  EXPECT_TRUE(waiter.told());
}

TEST(AppliedCommits, ACommitThatWasFasterThanItsQuestionIsKnown) {
  AppliedCommits commits;
  Waiter waiter;
  commits.remember("0-1-7");
  commits.wait_for(waiter.wait, {.gtid = "0-1-7", .at = at(5)});
  EXPECT_TRUE(waiter.told());
}

TEST(AppliedCommits, BeginningAnewForgetsNamesAndPlaces) {
  AppliedCommits commits;
  commits.remember("0-1-7");
  commits.processed(place(60));
  commits.begin_anew();
  EXPECT_FALSE(commits.position().known());
  Waiter waiter;
  commits.wait_for(waiter.wait, {.gtid = "0-1-7", .at = at(5)});
  EXPECT_FALSE(waiter.told());
  commits.remember("0-1-7");
  EXPECT_TRUE(waiter.told());
}

TEST(AppliedCommits, OneBoundServesAllMomentsBeforeIt) {
  AppliedCommits commits;
  Waiter early;
  Waiter late;
  commits.wait_for(early.wait, {.gtid = "", .at = at(1)});
  commits.wait_for(late.wait, {.gtid = "", .at = at(9)});
  EXPECT_TRUE(commits.wants_bound());
  commits.bound(at(5), place(50));
  EXPECT_TRUE(commits.wants_bound());  // for the late one
  commits.processed(place(50));
  EXPECT_TRUE(early.told());
  EXPECT_FALSE(late.told());
  commits.bound(at(9), place(50));
  EXPECT_TRUE(late.told());
  EXPECT_FALSE(commits.wants_bound());
}

TEST(AppliedCommits, SyncedThroughNeverGoesBack) {
  AppliedCommits commits;
  commits.bound(at(5), place(50));
  commits.processed(place(60));
  EXPECT_EQ(commits.synced_through(), at(5));
  commits.forget_places();
  EXPECT_EQ(commits.synced_through(), at(5));
  commits.bound(at(3), place(10));
  commits.processed(place(10));
  EXPECT_EQ(commits.synced_through(), at(5));
}

TEST(AppliedCommits, WhileTheFollowerIsAwayMomentsAreKeptLessFinelyPastTheLimit) {
  constexpr int kBoundsMax = 1024;
  AppliedCommits commits;
  const auto bound = [&commits](int i) { commits.bound(at(i), place(static_cast<std::uint64_t>(100 + i))); };
  for (int i = 0; i < kBoundsMax; ++i) bound(i);
  EXPECT_EQ(commits.bounds(), 1024u);
  bound(kBoundsMax);
  EXPECT_EQ(commits.bounds(), 513u);
  for (int i = kBoundsMax + 1; i < 5000; ++i) bound(i);
  EXPECT_LE(commits.bounds(), 1024u);
  EXPECT_EQ(commits.oldest_unreached(), at(0));
  commits.processed(place(100 + 2500));
  EXPECT_LE(commits.synced_through(), at(2500));
  EXPECT_GE(commits.synced_through(), at(2000));
  commits.processed(place(100 + 4999));
  EXPECT_EQ(commits.synced_through(), at(4999));
  EXPECT_EQ(commits.oldest_unreached(), TimePoint::max());
}

TEST(AppliedCommits, TheNewestHundredThousandNamesAreKept) {
  AppliedCommits commits;
  for (int i = 0; i < 100001; ++i) commits.remember("0-1-" + std::to_string(i));
  Waiter forgotten;
  Waiter kept;
  commits.wait_for(forgotten.wait, {.gtid = "0-1-0", .at = at(1)});
  commits.wait_for(kept.wait, {.gtid = "0-1-1", .at = at(1)});
  EXPECT_FALSE(forgotten.told());
  EXPECT_TRUE(kept.told());
}

}  // namespace
}  // namespace crossfade::proxy
