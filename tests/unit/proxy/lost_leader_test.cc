#include "proxy/session/links/lost_leader.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

LeaderLoss killed() {
  return {.in_good_order = true,
          .lost_id = 100,
          .new_id = 104,
          .age_seconds = 50,
          .idle_seconds = 20,
          .wait_timeout_seconds = 28800,
          .uptime_seconds = 5000,
          .kills = 1};
}

TEST(WasKilled, OnTheSameServerBeforeItsPatienceRanOut) { EXPECT_TRUE(was_killed(killed())); }

TEST(WasKilled, NotWhereNobodyEverKilled) {
  LeaderLoss loss = killed();
  loss.kills = 0;
  EXPECT_FALSE(was_killed(loss));
}

TEST(WasKilled, NotByAServerThatHasStartedSince) {
  LeaderLoss loss = killed();
  for (const std::uint64_t uptime : {0, 10, 48}) {
    loss.uptime_seconds = uptime;
    EXPECT_FALSE(was_killed(loss)) << uptime;
  }
  for (const std::uint64_t uptime : {49, 50, 51}) {  // its clock counts whole seconds
    loss.uptime_seconds = uptime;
    EXPECT_TRUE(was_killed(loss)) << uptime;
  }
  loss.new_id = 99;  // ids begin anew
  EXPECT_FALSE(was_killed(loss));
  loss.new_id = 100;
  EXPECT_FALSE(was_killed(loss));
}

TEST(WasKilled, NotAfterTheTimeOut) {
  LeaderLoss loss = killed();
  loss.idle_seconds = 28799;
  EXPECT_FALSE(was_killed(loss));
  loss.idle_seconds = 28798.5;
  EXPECT_TRUE(was_killed(loss));
  loss.wait_timeout_seconds = 0;  // not told
  EXPECT_FALSE(was_killed(loss));
}

TEST(WasKilled, NotByTheNetwork) {
  LeaderLoss loss = killed();
  loss.in_good_order = false;
  EXPECT_FALSE(was_killed(loss));
}

}  // namespace
}  // namespace crossfade::proxy
