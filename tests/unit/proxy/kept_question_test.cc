#include "proxy/session/state/kept_question.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

KeptDiagnostics kept() { return {.row_count = -1, .warnings = 3, .errors = 1}; }

std::string rewritten(std::string_view sql) { return kept_question(sql, {}, kept()).value_or("none"); }

TEST(KeptQuestion, PutsWhatWasKeptInPlaceAndKeepsTheNames) {
  EXPECT_EQ(rewritten("SELECT ROW_COUNT()"), "SELECT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()`");
  EXPECT_EQ(rewritten("select row_count ( ) ;"), "select IF(1,-1,ROW_COUNT()) AS `row_count ( )` ;");
  EXPECT_EQ(rewritten("SELECT 1, @@session.error_count, 2 FROM t"),
            "SELECT 1, IF(1,CAST(1 AS UNSIGNED),@@session.error_count) AS `@@session.error_count`, 2 FROM t");
  EXPECT_EQ(rewritten("SELECT SQL_NO_CACHE DISTINCT @@warning_count + 1"),
            "SELECT SQL_NO_CACHE DISTINCT IF(1,CAST(3 AS UNSIGNED),@@warning_count) + 1 AS `@@warning_count + 1`");
  EXPECT_EQ(rewritten("SELECT CONCAT(ROW_COUNT(), `a``b`)"),
            "SELECT CONCAT(IF(1,-1,ROW_COUNT()), `a``b`) AS `CONCAT(ROW_COUNT(), ``a````b``)`");
  EXPECT_EQ(rewritten("SELECT ROW_COUNT() UNION SELECT ROW_COUNT()"),
            "SELECT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()` UNION SELECT IF(1,-1,ROW_COUNT()) AS `ROW_COUNT()`");
}

TEST(KeptQuestion, GivesNoNameToWhatMayHaveOne) {
  EXPECT_EQ(rewritten("SELECT ROW_COUNT() AS r"), "SELECT IF(1,-1,ROW_COUNT()) AS r");
  EXPECT_EQ(rewritten("SELECT ROW_COUNT() r"), "SELECT IF(1,-1,ROW_COUNT()) r");
  EXPECT_EQ(rewritten("SELECT ROW_COUNT() 'r'"), "SELECT IF(1,-1,ROW_COUNT()) 'r'");
  EXPECT_EQ(rewritten("SELECT * FROM (SELECT ROW_COUNT()) x"), "SELECT * FROM (SELECT IF(1,-1,ROW_COUNT())) x");
  const std::string longer = "ROW_COUNT() + " + std::string(64, '1');
  EXPECT_EQ(rewritten("SELECT " + longer), "SELECT IF(1,-1,ROW_COUNT()) + " + std::string(64, '1'));
}

TEST(KeptQuestion, AsksForCountsByTheirVariables) {
  EXPECT_EQ(rewritten("SHOW COUNT(*) WARNINGS"),
            "SELECT IF(1,CAST(3 AS UNSIGNED),@@session.warning_count) AS `@@session.warning_count`");
  EXPECT_EQ(rewritten("show count(*) errors"),
            "SELECT IF(1,CAST(1 AS UNSIGNED),@@session.error_count) AS `@@session.error_count`");
}

TEST(KeptQuestion, LeavesWhatDoesNotBearOnIt) {
  for (const char* sql : {"SHOW WARNINGS", "SELECT 'ROW_COUNT()'", "SELECT row_count FROM t", "SELECT @@warning", "",
                          "SELECT '", "SELECT ROW_COUNT(1)", "SELECT ROW_COUNT("}) {
    EXPECT_EQ(rewritten(sql), "none") << sql;
  }
}

}  // namespace
}  // namespace crossfade::proxy
