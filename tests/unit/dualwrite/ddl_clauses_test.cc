#include "dualwrite/ddl_clauses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;

std::vector<std::string> singles(std::string_view sql) {
  const auto found = single_changes(sql, routing::LexerMode{});
  if (!found) return {"together only"};
  std::vector<std::string> out;
  for (const SingleChange& each : *found) out.push_back(each.sql + (each.object.empty() ? "" : " -> " + each.object));
  return out;
}

TEST(SingleChanges, AreTheClausesOfAnAlterInTheirOrder) {
  EXPECT_THAT(singles("ALTER TABLE `s`.t ADD INDEX i (at, b), ADD UNIQUE KEY `u` (email), MODIFY at DATETIME NOT NULL, "
                      "ALTER n SET DEFAULT 5, ALGORITHM=INPLACE, LOCK=NONE, DROP COLUMN x, DROP KEY k"),
              ElementsAre("ALTER TABLE `s`.t ADD INDEX i (at, b) -> key i",
                          "ALTER TABLE `s`.t ADD UNIQUE KEY `u` (email) -> key u",
                          "ALTER TABLE `s`.t MODIFY at DATETIME NOT NULL -> column at",
                          "ALTER TABLE `s`.t ALTER n SET DEFAULT 5", "ALTER TABLE `s`.t DROP COLUMN x",
                          "ALTER TABLE `s`.t DROP KEY k"));
  EXPECT_THAT(singles("ALTER TABLE t ADD COLUMN a DECIMAL(9,2) DEFAULT 1 AFTER z, CHANGE b B INT"),
              ElementsAre("ALTER TABLE t ADD COLUMN a DECIMAL(9,2) DEFAULT 1 AFTER z -> column a",
                          "ALTER TABLE t CHANGE b B INT -> column B"));
}

TEST(SingleChanges, OneIsWhatItIs) {
  EXPECT_THAT(singles("CREATE UNIQUE INDEX i ON t (email)"),
              ElementsAre("CREATE UNIQUE INDEX i ON t (email) -> key i"));
  EXPECT_THAT(singles("DROP INDEX i ON t"), ElementsAre("DROP INDEX i ON t"));
  EXPECT_THAT(singles("ALTER TABLE t ADD n INT AUTO_INCREMENT UNIQUE"),
              ElementsAre("ALTER TABLE t ADD n INT AUTO_INCREMENT UNIQUE -> column n"));
  EXPECT_THAT(singles("ALTER TABLE t ADD INDEX (a)"), ElementsAre("ALTER TABLE t ADD INDEX (a)"));
}

TEST(SingleChanges, WhatHangsOnTheRestStaysTogether) {
  for (const char* sql :
       {"ALTER TABLE t ADD INDEX i (b), RENAME COLUMN a TO b", "ALTER TABLE t ADD INDEX i (b), CHANGE a b INT",
        "ALTER TABLE t ADD INDEX i (b), RENAME TO u", "ALTER TABLE t ADD INDEX i (b), ORDER BY a",
        "ALTER TABLE t ADD INDEX i (b), DROP PRIMARY KEY, ADD PRIMARY KEY (b)",
        "ALTER TABLE t ADD (a INT, b INT), ADD INDEX i (a)", "ALTER TABLE t ADD n INT AUTO_INCREMENT, ADD UNIQUE u (n)",
        "ALTER TABLE t ADD INDEX i (a), ADD INDEX (b)",
        "ALTER TABLE t ADD INDEX i (a), CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE t ADD INDEX i (a), ADD CHECK (a > 1)", "ALTER TABLE t DROP PARTITION p", "CREATE TABLE t (a INT)",
        "ALTER TABLE t RENAME COLUMN a TO b", "DROP TABLE t"})
    EXPECT_THAT(singles(sql), ElementsAre("together only")) << sql;
}

}  // namespace
}  // namespace crossfade::dualwrite
