#include "dualwrite/log_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/leader_record.h"
#include "dualwrite/sql_text.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {
namespace {

using testing::HasSubstr;
using testing::Not;

protocol::ResultSet rows(std::vector<std::vector<protocol::Cell>> all) {
  protocol::ResultSet result;
  result.rows = std::move(all);
  return result;
}

TEST(LogControl, ReadsThePositionThatItWrote) {
  const auto none = position_from(rows({}));
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const auto read = position_from(rows({{"bin.000002", "4711", "bin.000001", "99", "uuid", "0-1-2", "1700000000"}}));
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->applied, (LogPosition{"bin.000002", 4711}));
  EXPECT_EQ((*read)->resume, (LogPosition{"bin.000001", 99}));
  EXPECT_EQ((*read)->server, "uuid");
  EXPECT_EQ((*read)->file_time, 1700000000u);
  EXPECT_FALSE(position_from(rows({{"bin.000002"}})).ok());
}

TEST(LogControl, AnUpdateOfThePositionFailsForWhoDoesNotOwnIt) {
  const std::string sql =
      update_position("crossfade", "old", {.applied = {"bin.000002", 4711}, .resume = {}, .server = "", .gtid = ""},
                      std::string(16, 'x'));
  EXPECT_THAT(sql, HasSubstr("(SELECT 1 UNION SELECT 2)"));
  EXPECT_THAT(sql, HasSubstr("`offset`=4711"));
  EXPECT_THAT(sql, HasSubstr("IF(`owner`=0x78787878"));
}

TEST(LogControl, TextsAreHexSoThatNoSessionReadsThemOtherwise) {
  const StoppedTable stopped{.table = {"a'b", "c\\d"}, .since = {"bin.1", 7}, .reason = "it's \xc3\xa9"};
  const std::string sql = insert_stopped("cross`fade", stopped);
  EXPECT_THAT(sql, HasSubstr("`cross``fade`.`stopped`"));
  EXPECT_THAT(sql, Not(HasSubstr("a'b")));
  EXPECT_THAT(sql, HasSubstr("0x612762"));
}

TEST(LogControl, ReadsStoppedTables) {
  const auto read = stopped_from(rows({{"app", "t", "definition", "bin.000001", "4", "why", "0", "1700000000"},
                                       {"app", "u", "divergence", "bin.000001", "5", "why", "1", "0"},
                                       {"app", "v", "parent", "bin.000001", "5", "why", "2", "0"}}));
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[0].cause, StopCause::definition);
  EXPECT_FALSE((*read)[0].released());
  EXPECT_EQ((*read)[0].stopped_at, 1700000000);
  EXPECT_EQ((*read)[1].cause, StopCause::divergence);
  EXPECT_EQ((*read)[1].catch_up, CatchUp::compared);
  EXPECT_EQ((*read)[2].cause, StopCause::parent);
  EXPECT_THAT(insert_stopped("c", (*read)[2]), HasSubstr(hex(protocol::as_bytes("parent"))));
  EXPECT_EQ((*read)[2].catch_up, CatchUp::overwriting);
  EXPECT_THAT(release_stopped("c", {"app", "v"}, CatchUp::overwriting), HasSubstr("SET `released`=2 WHERE"));
}

TEST(LogControl, ReadsTheAnchorAndTheIntentOfADdl) {
  const auto anchor = anchor_from(rows({{"uuid", "bin.000003", "12"}}));
  ASSERT_TRUE(anchor.ok() && anchor->has_value());
  EXPECT_EQ((*anchor)->at, (LogPosition{"bin.000003", 12}));
  const auto intent = ddl_intent_from(rows({{"bin.000003", "12", "1", "abc"}}));
  ASSERT_TRUE(intent.ok() && intent->has_value());
  EXPECT_EQ((*intent)->step, 1u);
  EXPECT_EQ((*intent)->fingerprint, "abc");
}

TEST(LogControl, AChangeOfFeedIsInTheAnchor) {
  const auto none = anchor_from(
      rows({{"uuid", "bin.000003", "12", std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt}}));
  ASSERT_TRUE(none.ok() && none->has_value());
  EXPECT_FALSE((*none)->change.has_value());
  const auto fenced = anchor_from(rows({{"uuid", "bin.000003", "12", "fenced", "changes.7", "0", "bin.000004", "99"}}));
  ASSERT_TRUE(fenced.ok() && fenced->has_value());
  const FeedChange wanted{.phase = FeedChange::Phase::fenced, .next = {"changes.7", 0}, .fence = {"bin.000004", 99}};
  EXPECT_EQ((*fenced)->change, wanted);
  EXPECT_FALSE(anchor_from(rows({{"uuid", "bin.000003", "12", "later", "changes.7", "0", "", "0"}})).ok());
  EXPECT_FALSE(anchor_from(rows({{"uuid", "bin.000003", "12", "fenced"}})).ok());
}

TEST(LogControl, AnAnchorIsWrittenWithItsChangeOrWithout) {
  Anchor anchor{.server = "uuid", .at = {"bin.000003", 12}};
  EXPECT_THAT(update_anchor("c", anchor), HasSubstr("`change`=NULL,`next_file`=NULL"));
  anchor.change = FeedChange{.phase = FeedChange::Phase::announced, .next = {"changes.7", 0}, .fence = {}};
  const std::string sql = update_anchor("c", anchor);
  EXPECT_THAT(sql, HasSubstr(hex(protocol::as_bytes("announced"))));
  EXPECT_THAT(sql, HasSubstr("`offset`=12,"));
  EXPECT_THAT(sql, HasSubstr("`fence_offset`=0"));
  EXPECT_THAT(add_anchor_change_columns("c"), HasSubstr("ALTER TABLE `c`.`anchor` ADD COLUMN `change`"));
}

TEST(LogControl, ALongReasonIsCut) {
  const std::string sql =
      insert_divergence("c", {"s", "t"}, std::string(5000, 'x'), {}, {"bin.1", 4}, LedgerState::resolved);
  EXPECT_LT(sql.size(), 2000u);
  EXPECT_THAT(sql, testing::EndsWith(",1)"));
}

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
