#include "shadow/connection_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "shadow/connection_budget.h"

namespace crossfade::shadow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = ConnectionShares::Choice::Kind;

constexpr Moment kNow = Moment(std::chrono::hours(1));

ConnectionShares::Id opened(ConnectionShares& shares, const std::string& user, std::size_t allowed = 10) {
  const auto choice = shares.take(user, allowed);
  EXPECT_EQ(choice.kind, Kind::open);
  return choice.connection;
}

TEST(ConnectionShares, AUsersIdleConnectionIsUsedAgain) {
  ConnectionShares shares;
  const auto one = opened(shares, "a");
  const auto two = opened(shares, "a");
  shares.give_back(one, kNow);
  shares.give_back(two, kNow + seconds(1));
  const auto choice = shares.take("a", 10);
  EXPECT_EQ(choice.kind, Kind::reuse);
  EXPECT_EQ(choice.connection, two);
  EXPECT_EQ(shares.size(), 2u);
}

TEST(ConnectionShares, AnotherUserTakesThePlaceOfTheLongestIdle) {
  ConnectionShares shares;
  const auto one = opened(shares, "a", 2);
  const auto two = opened(shares, "b", 2);
  shares.give_back(two, kNow);
  shares.give_back(one, kNow + seconds(1));
  const auto choice = shares.take("c", 2);
  EXPECT_EQ(choice.kind, Kind::open);
  EXPECT_EQ(choice.close, two);
  EXPECT_FALSE(shares.knows(two));
  EXPECT_EQ(shares.size(), 2u);
}

TEST(ConnectionShares, WhoFindsAllInUseWaits) {
  ConnectionShares shares;
  const auto one = opened(shares, "a", 1);
  EXPECT_EQ(shares.take("a", 1).kind, Kind::wait);
  EXPECT_EQ(shares.take("b", 1).kind, Kind::wait);
  EXPECT_EQ(ConnectionShares().take("a", 0).kind, Kind::wait);
  shares.drop(one);
  EXPECT_EQ(shares.take("b", 1).kind, Kind::open);
}

TEST(ConnectionShares, SeventyUsersHoldNoMoreThanIsAllowed) {
  ConnectionShares shares;
  for (int round = 0; round < 3; ++round) {
    for (int user = 0; user < 70; ++user) {
      const auto choice = shares.take("user" + std::to_string(user), 4);
      ASSERT_NE(choice.kind, Kind::wait);
      shares.give_back(choice.connection, kNow + milliseconds(user));
      ASSERT_LE(shares.size(), 4u);
    }
  }
}

TEST(ConnectionShares, SurplusIsWhatIsIdleTooLongOrTooMuch) {
  ConnectionShares shares;
  const auto old = opened(shares, "a");
  const auto fresh = opened(shares, "b");
  const auto freshest = opened(shares, "c");
  const auto busy = opened(shares, "d");
  shares.give_back(old, kNow);
  shares.give_back(fresh, kNow + seconds(10));
  shares.give_back(freshest, kNow + seconds(11));
  EXPECT_THAT(shares.take_surplus(kNow + seconds(1), 10), ElementsAre(old));
  EXPECT_THAT(shares.take_surplus(kNow + seconds(1), 2), ElementsAre(fresh));
  EXPECT_THAT(shares.take_surplus(kNow + seconds(1), 0), ElementsAre(freshest));
  EXPECT_THAT(shares.take_surplus(kNow + seconds(60), 0), IsEmpty());
  EXPECT_TRUE(shares.knows(busy));
}

TEST(ConnectionShares, ALookLeavesAConnectionAsLongIdleAsItWas) {
  ConnectionShares shares;
  EXPECT_EQ(shares.take_idle(), 0u);
  const auto one = opened(shares, "a");
  EXPECT_FALSE(shares.is_idle(one));
  shares.give_back(one, kNow);
  EXPECT_EQ(shares.take_idle(), one);
  EXPECT_FALSE(shares.is_idle(one));
  EXPECT_EQ(shares.take_idle(), 0u);
  shares.put_back(one);
  EXPECT_TRUE(shares.is_idle(one));
  EXPECT_THAT(shares.take_surplus(kNow + milliseconds(1), 10), ElementsAre(one));
}

TEST(ConnectionBudget, IsSmallBesideTheServersOwn) {
  ConnectionBudget budget(8);
  EXPECT_EQ(budget.allowed(kNow), 8u);
  budget.note({.connections_max = 151, .connected = 20, .ours = 8}, kNow);
  EXPECT_EQ(budget.allowed(kNow), 8u);
  budget.note({.connections_max = 40, .connected = 10, .ours = 8}, kNow);
  EXPECT_EQ(budget.allowed(kNow), 4u);
  budget.note({.connections_max = 5, .connected = 1, .ours = 1}, kNow);
  EXPECT_EQ(budget.allowed(kNow), 1u);
}

TEST(ConnectionBudget, ShrinksAsClientsNeedMoreAndIsNothingWhenTheLimitIsNear) {
  ConnectionBudget budget(8);
  budget.note({.connections_max = 100, .connected = 90, .ours = 5}, kNow);  // 15 are free but for ours
  EXPECT_EQ(budget.allowed(kNow), 5u);
  budget.note({.connections_max = 100, .connected = 92, .ours = 5}, kNow);
  EXPECT_EQ(budget.allowed(kNow), 3u);
  budget.note({.connections_max = 100, .connected = 93, .ours = 3}, kNow);
  EXPECT_EQ(budget.allowed(kNow), 0u);
  EXPECT_EQ(budget.allowed(kNow + ConnectionBudget::kPauseMin), 1u);
}

TEST(ConnectionBudget, BacksOffLongerWithEachRefusalAndAnewWhenThereIsRoom) {
  ConnectionBudget budget(4);
  Moment now = kNow;
  budget.note_refusal(now);
  budget.note_refusal(now + milliseconds(1));
  EXPECT_EQ(budget.allowed(now + ConnectionBudget::kPauseMin - milliseconds(1)), 0u);
  now += ConnectionBudget::kPauseMin;
  EXPECT_EQ(budget.allowed(now), 1u);
  budget.note_refusal(now);
  EXPECT_EQ(budget.allowed(now + ConnectionBudget::kPauseMin), 0u);
  now += 2 * ConnectionBudget::kPauseMin;
  EXPECT_EQ(budget.allowed(now), 1u);
  budget.note({.connections_max = 100, .connected = 10, .ours = 1}, now);
  EXPECT_EQ(budget.allowed(now), 4u);
  budget.note_refusal(now);
  EXPECT_EQ(budget.allowed(now + ConnectionBudget::kPauseMin), 1u);
  for (int i = 0; i < 20; ++i) {
    now += ConnectionBudget::kPauseMax;
    EXPECT_EQ(budget.allowed(now), 1u);
    budget.note_refusal(now);
  }
}

}  // namespace
}  // namespace crossfade::shadow
