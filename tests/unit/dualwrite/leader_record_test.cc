// Who leads, as the control schema tells it.
#include "dualwrite/leader_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TEST(LeaderRecord, IsReadFromItsRow) {
  protocol::ResultSet result;
  auto record = leader_from(result);
  ASSERT_TRUE(record.ok());
  EXPECT_FALSE(record->new_leads) << "no row, no change";
  result.rows = {{"0", "migrate-1", "1"}};
  record = leader_from(result);
  ASSERT_TRUE(record.ok());
  EXPECT_FALSE(record->new_leads);
  EXPECT_EQ(record->changing, "migrate-1");
  EXPECT_TRUE(record->expired);
  result.rows = {{"1", "", "0"}};
  record = leader_from(result);
  ASSERT_TRUE(record.ok());
  EXPECT_TRUE(record->new_leads);
  EXPECT_FALSE(record->expired);
  result.rows = {{"1", ""}};
  EXPECT_FALSE(leader_from(result).ok()) << "another shape";
}

TEST(LeaderRecord, OnlyWhoHasClaimedAChangeInTimeDecidesIt) {
  const std::string sql = decide_new_leads("crossfade", "me");
  EXPECT_THAT(sql, HasSubstr("`leader`='old'"));
  EXPECT_THAT(sql, HasSubstr("`changing`=CONVERT(0x6d65 USING utf8mb4)"));
  EXPECT_THAT(sql, HasSubstr("`until`>UTC_TIMESTAMP(6)"));
  EXPECT_THAT(claim_leader_change("crossfade", "me", std::chrono::seconds(60)), HasSubstr("AND `changing`=''"));
  EXPECT_THAT(give_up_leader_change("crossfade", "me"), HasSubstr("WHERE `id`=1 AND `changing`=CONVERT(0x6d65 "));
}

}  // namespace
}  // namespace crossfade::dualwrite
