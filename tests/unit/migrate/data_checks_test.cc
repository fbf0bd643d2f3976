#include "migrate/data_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/truncation.h"
#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using config::Backend;
using dualwrite::defined;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string condition(const dualwrite::DefinedColumn& leader, const dualwrite::DefinedColumn& follower,
                      const std::string& code) {
  const auto found = truncation(leader, follower, code);
  return found ? found->condition : "";
}

TEST(Truncation, HasAConditionForEachKind) {
  EXPECT_EQ(condition(defined("a", "int"), defined("a", "smallint"), "type_narrower"), "(`a`<-32768 OR `a`>32767)");
  EXPECT_EQ(condition(defined("a", "int"), defined("a", "int unsigned"), "type_signedness"),
            "(`a`<0 OR `a`>4294967295)");
  EXPECT_EQ(condition(defined("a", "int unsigned"), defined("a", "int"), "type_signedness"),
            "(`a`<-2147483648 OR `a`>2147483647)");
  EXPECT_EQ(condition(defined("a", "double"), defined("a", "double unsigned"), "type_signedness"), "`a`<0");
  EXPECT_EQ(condition(defined("a", "decimal(10,2)"), defined("a", "decimal(6,2)"), "type_narrower"), "ABS(`a`)>=10000");
  EXPECT_EQ(condition(defined("a", "decimal(10,4)"), defined("a", "decimal(10,2)"), "type_scale"), "`a`<>ROUND(`a`,2)");
  EXPECT_EQ(condition(defined("a", "datetime(6)"), defined("a", "datetime(3)"), "type_fraction"),
            "MICROSECOND(`a`)%1000<>0");
  EXPECT_EQ(condition(defined("a", "bit(8)"), defined("a", "bit(3)"), "type_narrower"), "(`a`>>3)<>0");
  EXPECT_EQ(condition(defined("a`", "varchar(9)", "utf8mb4"), defined("a`", "varchar(3)", "utf8mb4"), "type_narrower"),
            "CHAR_LENGTH(`a```)>3");
  EXPECT_EQ(condition(defined("a", "varchar(9)", "utf8mb4"), defined("a", "char(9)", "utf8mb4"), "type_differs"),
            "(CHAR_LENGTH(`a`)>9 OR `a` LIKE '% ')");
  EXPECT_EQ(condition(defined("a", "varbinary(9)"), defined("a", "varbinary(2)"), "type_narrower"), "LENGTH(`a`)>2");
  EXPECT_EQ(condition(defined("a", "int"), defined("a", "int"), "not_null"), "`a` IS NULL");
  EXPECT_THAT(
      condition(defined("a", "varchar(9)", "utf8mb4"), defined("a", "varchar(9)", "latin1"), "charset_narrower"),
      HasSubstr("CONVERT(CONVERT(`a` USING latin1) USING utf8mb4)"));
  EXPECT_THAT(
      condition(defined("a", "enum('x','y')", "utf8mb4"), defined("a", "enum('x')", "utf8mb4"), "members_differ"),
      HasSubstr("=0x79"));
  EXPECT_THAT(condition(defined("a", "set('x','y')", "utf8mb4"), defined("a", "set('x')", "utf8mb4"), "members_differ"),
              testing::AllOf(HasSubstr("FIND_IN_SET("), HasSubstr(")>0")));
}

TEST(Truncation, WhatSqlCannotAskIsNotAsked) {
  EXPECT_FALSE(truncation(defined("a", "double"), defined("a", "float"), "type_narrower"));
  EXPECT_FALSE(truncation(defined("a", "int"), defined("a", "date"), "type_differs"));
  // The same members in another order.
  EXPECT_FALSE(
      truncation(defined("a", "enum('x','y')", "utf8mb4"), defined("a", "enum('y','x')", "utf8mb4"), "members_differ"));
}

class DataChecks : public testing::Test {
 protected:
  DataChecks() {
    dualwrite::TableDefinition one = table("t");
    one.columns.push_back(defined("s", "varchar(20)", "utf8mb4"));
    one.keys.push_back(dualwrite::key_over("u", {"s"}));
    add(leader_, one);
    one.columns[1] = defined("s", "varchar(5)", "utf8mb4");
    one.columns[1].collation = "utf8mb4_general_ci";
    add(follower_, one);
  }
  std::vector<DataCheck> plan(const Findings& found) { return plan_data_checks(sides_, found); }

  ServerFacts leader_ = server(Backend::old_db);
  ServerFacts follower_ = server(Backend::new_db);
  TablesToJudge sides_{.leader = leader_, .follower = follower_};
};

TEST_F(DataChecks, ATableIsReadOnceForAllItsColumns) {
  const Findings found = judge_tables(sides_);
  const std::vector<DataCheck> checks = plan(found);
  ASSERT_THAT(checks, SizeIs(2));
  EXPECT_EQ(checks[0].sql,
            "SELECT COUNT(*),COALESCE(MAX(COALESCE(LENGTH(`s`),0)+8),0),COALESCE(SUM(CHAR_LENGTH(`s`)>5),0),"
            "COALESCE(MAX(CHAR_LENGTH(`s`)),0) FROM `app`.`t`");
  EXPECT_EQ(checks[0].width, 4u);
  EXPECT_EQ(checks[1].what, DataCheck::What::duplicates);
  EXPECT_THAT(checks[1].sql, HasSubstr("COLLATE utf8mb4_general_ci HAVING COUNT(*)>1"));
}

TEST_F(DataChecks, CountsGoIntoTheFindingsOfTheirColumn) {
  Findings found = judge_tables(sides_);
  const auto counted = apply_answer(plan(found)[0], {.cells = {"100", "28", "7", "19"}}, 1000, found);
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->rows, 100u);
  const auto narrower =
      std::find_if(found.begin(), found.end(), [](const Finding& each) { return each.code == "type_narrower"; });
  ASSERT_NE(narrower, found.end());
  EXPECT_EQ(narrower->rows, 7u);
  EXPECT_EQ(narrower->longest, 19u);
  EXPECT_THAT(narrower->reason,
              HasSubstr("7 of 100 rows would be truncated or refused, the longest value has 19 characters"));
}

TEST_F(DataChecks, ARowPastThreeEighthsOfAPacketIsABlocker) {
  Findings found;
  const DataCheck check = plan(found)[0];
  apply_answer(check, {.cells = {"1", "375"}}, 1000, found);
  EXPECT_THAT(found, IsEmpty());
  apply_answer(check, {.cells = {"1", "376"}}, 1000, found);
  EXPECT_THAT(found, ElementsAre(Field(&Finding::code, "row_too_large")));
}

TEST_F(DataChecks, AnAnswerThatDidNotComeIsSaid) {
  Findings found = judge_tables(sides_);
  const DataCheck check = plan(found)[0];
  EXPECT_FALSE(apply_answer(check, {.timed_out = true, .failure = "1969 (70100): too long"}, 1000, found));
  EXPECT_EQ(found.back().code, "count_timed_out");
  EXPECT_THAT(found.front().reason + found[1].reason, HasSubstr("was not counted: the time limit was hit"));
  EXPECT_FALSE(apply_answer(check, {.failure = "1142 (42000): no"}, 1000, found));
  EXPECT_EQ(found.back().code, "count_failed");
  EXPECT_EQ(found.back().severity, Severity::warning);
}

TEST_F(DataChecks, ForeignKeysOfEitherSideAreAsked) {
  dualwrite::TableDefinition child = table("c");
  child.columns.push_back(defined("t", "int"));
  child.foreign_keys = {refers("f", "t", "t")};
  add(leader_, child);
  child.foreign_keys.push_back(refers("only_new", "id", "t"));
  child.foreign_keys.push_back(refers("of_nothing", "id", "nothing"));
  add(follower_, child);
  std::vector<std::string> objects;
  Findings found;
  for (const DataCheck& check : plan(found)) {
    if (check.what == DataCheck::What::orphans) objects.push_back(check.object);
  }
  EXPECT_THAT(objects, ElementsAre("foreign key f", "foreign key only_new"));
  const DataCheck check = plan(found)[1];
  EXPECT_EQ(check.sql,
            "SELECT COUNT(*) FROM `app`.`c` WHERE `app`.`c`.`t` IS NOT NULL AND NOT EXISTS (SELECT 1 FROM `app`.`t` "
            "crossfade_parent WHERE crossfade_parent.`id`=`app`.`c`.`t`)");
  apply_answer(check, {.cells = {"0"}}, 1000, found);
  EXPECT_THAT(found, IsEmpty());
  apply_answer(check, {.cells = {"3"}}, 1000, found);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rows, 3u);
  EXPECT_EQ(found[0].severity, Severity::blocker);
}

TEST_F(DataChecks, AKeyOfAnExpressionIsNotAsked) {
  follower_.tables.begin()->second.keys[1].parts[0].column = "";
  const Findings found = {
      {.severity = Severity::blocker, .table = {"app", "t"}, .object = "key u", .code = "unique_key_extra"}};
  EXPECT_THAT(plan(found), Not(testing::Contains(Field(&DataCheck::what, DataCheck::What::duplicates))));
}

}  // namespace
}  // namespace crossfade::migrate
