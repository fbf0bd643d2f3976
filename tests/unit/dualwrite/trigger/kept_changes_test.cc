#include "dualwrite/trigger/kept_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TEST(KeptChanges, HasEveryColumnThatChangesCanHave) {
  const std::string changes = create_changes("cf", kBigPairsMax, 1);
  const std::string kept = create_kept("cf");
  const std::string last =
      "ob" + std::to_string(kBigPairsMax) + " LONGBLOB, nb" + std::to_string(kBigPairsMax) + " LONGBLOB";
  EXPECT_THAT(changes, HasSubstr(last));
  EXPECT_THAT(kept, HasSubstr(last));
  EXPECT_THAT(kept, HasSubstr("id BIGINT UNSIGNED NOT NULL PRIMARY KEY"));  // given, not drawn
}

TEST(KeptChanges, ARowIsMovedThereAndBackWithItsId) {
  EXPECT_EQ(keep_change("cf", 1, 7, false),
            "INSERT INTO `cf`.`kept`(id,tbl,op,cid,fk,st,oi,ni,ob1,nb1) SELECT id,tbl,op,cid,fk,st,oi,ni,ob1,nb1 FROM "
            "`cf`.`changes` WHERE id=7 AND TRUE;DELETE FROM `cf`.`changes` WHERE id=7 AND TRUE");
  EXPECT_EQ(bring_back_change("cf", 0, 7, true),
            "INSERT INTO `cf`.`changes`(id,tbl,op,cid,fk,st,oi,ni) SELECT id,tbl,op,cid,fk,st,oi,ni FROM `cf`.`kept` "
            "WHERE id=7 AND `cf`.`every`()=1;DELETE FROM `cf`.`kept` WHERE id=7 AND `cf`.`every`()=1");
}

TEST(KeptChanges, QuestionsAreAboutNumbers) {
  EXPECT_EQ(select_kept("cf", "7,9", 500), "SELECT id FROM `cf`.`kept` WHERE tbl IN (7,9) ORDER BY id LIMIT 500");
  EXPECT_EQ(select_kept_identity("cf", "7"), "SELECT id FROM `cf`.`kept` WHERE tbl IN (7) AND op='K' LIMIT 1");
  EXPECT_EQ(delete_kept("cf", "7,9", 10), "DELETE FROM `cf`.`kept` WHERE tbl IN (7,9) LIMIT 10");
}

}  // namespace
}  // namespace crossfade::dualwrite
