#include "dualwrite/trigger/changes_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TEST(ChangesTable, HasAPairForEachBigColumn) {
  const std::string sql = create_changes("crossfade", 2, 1764400000000000);
  EXPECT_THAT(
      sql,
      HasSubstr(
          "CREATE TABLE IF NOT EXISTS `crossfade`.`changes`(id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY"));
  EXPECT_THAT(
      sql,
      HasSubstr(", oi LONGBLOB, ni LONGBLOB, ob1 LONGBLOB, nb1 LONGBLOB, ob2 LONGBLOB, nb2 LONGBLOB) ENGINE=InnoDB"));
}

TEST(ChangesTable, IsWidenedByTheMissingPairs) {
  EXPECT_EQ(
      widen_changes("crossfade", 8, 10),
      "ALTER TABLE `crossfade`.`changes` ADD COLUMN ob9 LONGBLOB, ADD COLUMN nb9 LONGBLOB, ADD COLUMN ob10 LONGBLOB, "
      "ADD COLUMN nb10 LONGBLOB");
}

TEST(ChangesTable, IsReadInTheOrderThatTheDecoderTakes) {
  EXPECT_EQ(select_changes("c`f", 1), "SELECT id,tbl,op,cid,fk,st,oi,ni,ob1,nb1 FROM `c``f`.`changes`");
  EXPECT_EQ(delete_change("crossfade", 18446744073709551615u, false),
            "DELETE FROM `crossfade`.`changes` WHERE id=18446744073709551615");
}

TEST(ChangesTable, OfMariaDbNoStatementIsLeftAsItsUser) {
  EXPECT_EQ(every_change("crossfade", false), "TRUE");
  EXPECT_EQ(create_every_change("crossfade", false), "");
  EXPECT_EQ(create_every_change("crossfade", true),
            "CREATE FUNCTION IF NOT EXISTS `crossfade`.`every`() RETURNS INT DETERMINISTIC NO SQL RETURN 1");
  EXPECT_EQ(delete_change("crossfade", 5, true),
            "DELETE FROM `crossfade`.`changes` WHERE id=5 AND `crossfade`.`every`()=1");
  for (const std::string& sql : {insert_intent("crossfade", {}, {}, true), insert_done("crossfade", {}, 4, true)}) {
    EXPECT_NE(sql.find("CONNECTION_ID(),`crossfade`.`every`()=1,"), std::string::npos) << sql;
  }
}

TEST(ChangesTable, AnIdentityIsFollowedInAnotherShape) {
  EXPECT_EQ(follow_identity("cf", 5, 8, {.before = "n1:1", .after = {}}),
            "UPDATE `cf`.`changes` SET op='F',tbl=8,oi=x'6e313a31',ni=NULL WHERE id=5");
}

TEST(ChangesTable, RowsAreMovedInTheirOrderButForWhatOthersKnowByItsId) {
  const MovedChanges which{.first = 5, .last = 9, .intent = 4, .numbers = "0,7", .dependents = "0,8"};
  const std::vector<std::string> sql = move_changes("cf", 1, which);
  const std::string rows = " WHERE id>=5 AND id<=9 AND op<>'P' AND NOT (op='S' AND oi='4')";
  ASSERT_EQ(sql.size(), 2u);
  EXPECT_EQ(sql[0],
            "INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st,oi,ni,ob1,nb1) SELECT "
            "tbl,IF(tbl IN (0,7,0,8) AND op IN ('I','U','D'),'O',op),cid,fk,st,oi,ni,ob1,nb1 FROM `cf`.`changes` AS "
            "`moving`" +
                rows + " AND NOT (op='K' AND tbl IN (0,7)) ORDER BY id");
  EXPECT_EQ(sql[1], "DELETE FROM `cf`.`changes`" + rows);
}

TEST(ChangesTable, WhatOldTriggersWroteBehindARenameIsOfTheNewNumber) {
  EXPECT_EQ(renumber_changes("cf", 30, 7, 9),
            "UPDATE `cf`.`changes` SET tbl=9 WHERE id>30 AND tbl=7 AND op IN ('I','U','D')");
  EXPECT_EQ(reduce_changes("cf", 30, "0,7"),
            "UPDATE `cf`.`changes` SET op='K' WHERE id>30 AND tbl IN (0,7) AND op IN ('I','U','D')");
  EXPECT_EQ(insert_unknown("cf", 7, "it's", false),
            "INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st,ob1) VALUES(7,'K',CONNECTION_ID(),TRUE,0,x'69742773')");
  EXPECT_EQ(insert_unknown("cf", 7, "a", true),
            "INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st,ob1) VALUES(7,'K',CONNECTION_ID(),`cf`.`every`()=1,0,x'61')");
  std::vector<protocol::Cell> row(24);
  EXPECT_THAT(reason_of_identity(row), HasSubstr("dropped past the proxy"));
  row[8] = "it's";
  EXPECT_EQ(reason_of_identity(row), "it's");
  EXPECT_EQ(select_done("cf", 20, false),
            "SELECT COUNT(*),MIN(id) FROM `cf`.`changes` WHERE op='S' AND id>20 AND oi='20' AND TRUE");
}

TEST(ChangesTable, WhatIsGoneIsDeletedByTheImageThatIsThere) {
  const ChangeImage left{.id = 5, .side = ImageSide::after, .condition = "`id`=7"};
  EXPECT_EQ(insert_gone("cf", 1, left, {.schema = "app", .table = "c"}),
            "INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st,oi,ob1) SELECT tbl,'O',cid,1,st,ni,nb1 FROM `cf`.`changes` AS "
            "`moving` WHERE id=5 AND NOT EXISTS(SELECT 1 FROM `app`.`c` WHERE `id`=7)");
}

}  // namespace
}  // namespace crossfade::dualwrite
