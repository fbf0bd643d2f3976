#include "migrate/schema_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using config::Backend;
using dualwrite::defined;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class SchemaPlans : public testing::Test {
 protected:
  SchemaPlan plan(Indexes indexes = Indexes::now, Triggers triggers = Triggers::later) const {
    return plan_schema(sides_, texts_, indexes, triggers);
  }
  static std::vector<std::string> objects(const SchemaPlan& plan) {
    std::vector<std::string> out;
    for (const PlannedStatement& each : plan.statements) out.push_back((each.later ? "later " : "") + each.object);
    return out;
  }
  static CreateText text(CreateText::Kind kind, const std::string& name, const std::string& sql) {
    CreateText out{.kind = kind, .name = {"app", name}};
    out.statement.schema = "app";
    out.statement.sql = sql;
    return out;
  }

  ServerFacts leader_ = server(Backend::old_db);
  ServerFacts follower_ = server(Backend::new_db);
  TablesToJudge sides_{.leader = leader_, .follower = follower_};
  std::vector<CreateText> texts_;
};

TEST_F(SchemaPlans, NothingIsMissingNothingIsPlanned) {
  add(leader_, table("t"));
  add(follower_, table("t"));
  EXPECT_THAT(plan().statements, IsEmpty());
  EXPECT_EQ(schema_plan_text(plan(), false), "-- nothing is missing on new\n");
  EXPECT_EQ(schema_plan_exit_code(plan()), 0);
}

TEST_F(SchemaPlans, ComeInTheOrderInWhichTheyCanBeRun) {
  leader_.schemas.push_back({.name = "shop", .collation = "utf8mb4_bin"});
  dualwrite::TableDefinition child = table("a_child");
  child.columns.push_back(defined("p", "int"));
  child.keys.push_back(dualwrite::key_over("by_p", {"p"}));
  child.keys.back().unique = false;
  child.keys.push_back(dualwrite::key_over("only_p", {"p"}));
  child.foreign_keys = {refers("f", "p", "parent")};
  add(leader_, child);
  add(leader_, table("parent"));
  texts_ = {text(CreateText::Kind::trigger, "tr", "CREATE TRIGGER `tr` AFTER INSERT ON `parent` FOR EACH ROW SET @a=1"),
            text(CreateText::Kind::view, "a_view", "CREATE VIEW `app`.`a_view` AS SELECT 1 FROM `app`.`z_view`"),
            text(CreateText::Kind::view, "z_view", "CREATE VIEW `app`.`z_view` AS SELECT 1"),
            text(CreateText::Kind::function, "fn", "CREATE FUNCTION `fn`() RETURNS INT RETURN 1")};
  const std::vector<std::string> expected = {
      "schema shop",          "table app.parent",          "table app.a_child", "key app.a_child only_p",
      "key app.a_child by_p", "foreign key app.a_child f", "function app.fn",   "view app.z_view",
      "view app.a_view",      "later trigger app.tr"};
  EXPECT_EQ(objects(plan()), expected);
  std::vector<std::string> later = expected;
  later[4] = "later " + later[4];
  EXPECT_EQ(objects(plan(Indexes::later)), later);
  std::vector<std::string> leading = expected;
  leading.back() = "trigger app.tr";
  EXPECT_EQ(objects(plan(Indexes::now, Triggers::now)), leading);
}

TEST_F(SchemaPlans, ATableGetsWhatItLacksAndNoMore) {
  dualwrite::TableDefinition full = table("t");
  full.columns.push_back(defined("a", "int"));
  full.columns.push_back(defined("b", "int"));
  full.keys.push_back(dualwrite::key_over("u", {"a"}));
  dualwrite::TableDefinition less = full;
  less.columns.erase(less.columns.begin() + 1);
  less.keys.pop_back();
  add(leader_, full);
  add(follower_, less);
  const SchemaPlan found = plan();
  ASSERT_THAT(objects(found), ElementsAre("column app.t a", "key app.t u"));
  EXPECT_EQ(found.statements[0].sql, "ALTER TABLE `app`.`t` ADD COLUMN `a` int NULL AFTER `id`");
}

TEST_F(SchemaPlans, WhatHasNoCounterpartIsNamed) {
  follower_ = server(Backend::new_db, false);
  dualwrite::TableDefinition one = table("t");
  one.columns.push_back(defined("x", "xmltype"));
  add(leader_, one);
  texts_ = {text(CreateText::Kind::sequence, "s", "CREATE SEQUENCE `s`")};
  const SchemaPlan found = plan();
  EXPECT_THAT(found.statements, IsEmpty());
  ASSERT_THAT(found.impossible, SizeIs(2));
  EXPECT_THAT(found.impossible[0].advice + found.impossible[1].advice, HasSubstr("AUTO_INCREMENT"));
  EXPECT_EQ(schema_plan_exit_code(found), 4);
  EXPECT_THAT(schema_plan_text(found, false), HasSubstr("-- cannot be made:\n--   sequence app.s: "));
}

TEST_F(SchemaPlans, TheScriptCommentsOutWhatIsForLater) {
  add(leader_, table("t"));
  texts_ = {text(CreateText::Kind::trigger, "tr",
                 "CREATE TRIGGER `tr` AFTER INSERT ON `t` FOR EACH ROW BEGIN\nSET @a=1;\nEND"),
            text(CreateText::Kind::procedure, "p", "CREATE PROCEDURE `p`() BEGIN SELECT 1; END")};
  const std::string script = schema_plan_text(plan(), false);
  EXPECT_THAT(script, HasSubstr("DELIMITER $$\nCREATE PROCEDURE `p`() BEGIN SELECT 1; END$$\nDELIMITER ;\n"));
  EXPECT_THAT(script, HasSubstr("-- triggers: for later, when new leads\n"));
  EXPECT_THAT(script, HasSubstr("-- SET @a=1;\n-- END$$\n"));
  EXPECT_THAT(script, HasSubstr("USE `app`;\n"));
  EXPECT_THAT(script, Not(HasSubstr("\nSET @a")));
}

TEST_F(SchemaPlans, AFailureDecidesTheExitCode) {
  add(leader_, table("t"));
  SchemaPlan found = plan();
  found.statements[0].failure = "1050 (42S01): exists";
  EXPECT_EQ(schema_plan_exit_code(found), 1);
  EXPECT_THAT(schema_plan_text(found, true), HasSubstr("-- FAILED: 1050"));
  EXPECT_EQ(schema_plan_json(found, true)["statements"][0]["failure"], "1050 (42S01): exists");
}

TEST_F(SchemaPlans, TextsAreWantedOfWhatTheFollowerLacks) {
  dualwrite::TableDefinition view = table("v"), parts = table("p"), sequence = table("s");
  view.kind = dualwrite::TableDefinition::Kind::view;
  sequence.kind = dualwrite::TableDefinition::Kind::sequence;
  parts.partitioned = true;
  for (const auto& each : {view, parts, sequence}) add(leader_, each);
  leader_.objects = {{.kind = StoredObject::Kind::procedure, .schema = "app", .name = "pr"}};
  std::vector<std::string> asked;
  for (const CreateTextWanted& each : create_texts_wanted(sides_)) asked.push_back(show_create(each));
  EXPECT_THAT(asked, ElementsAre("SHOW CREATE TABLE `app`.`p`", "SHOW CREATE SEQUENCE `app`.`s`",
                                 "SHOW CREATE VIEW `app`.`v`", "SHOW CREATE PROCEDURE `app`.`pr`"));
  follower_.tables = leader_.tables;
  follower_.objects = leader_.objects;
  EXPECT_THAT(create_texts_wanted(sides_), IsEmpty());
}

protocol::ResultSet answer(std::vector<protocol::Cell> row) {
  protocol::ResultSet out;
  out.rows.push_back(std::move(row));
  return out;
}

TEST(CreateTexts, PartitionsAreCutOutOfEitherMakesText) {
  const CreateTextWanted wanted{.kind = CreateText::Kind::partitions, .name = {"app", "t"}};
  const auto clause = [&wanted](const std::string& create) {
    return create_text_from(wanted, answer({"t", create}), true).statement.sql;
  };
  EXPECT_EQ(clause("CREATE TABLE `t` (\n `a` int COMMENT 'PARTITION BY'\n) ENGINE=InnoDB\n PARTITION BY HASH "
                   "(`a`)\nPARTITIONS 4"),
            "ALTER TABLE `app`.`t` PARTITION BY HASH (`a`)\nPARTITIONS 4");
  EXPECT_EQ(clause("CREATE TABLE `PARTITION BY` (`a` int)\n/*!50100 PARTITION BY HASH (`a`)\nPARTITIONS 4 */"),
            "ALTER TABLE `app`.`t` PARTITION BY HASH (`a`)\nPARTITIONS 4 ");
  EXPECT_EQ(clause("CREATE TABLE `t` (`a` int)"), "");
}

TEST(CreateTexts, SessionsOfRoutinesTravelWithThem) {
  const CreateTextWanted wanted{.kind = CreateText::Kind::procedure, .name = {"app", "p"}};
  const auto text = create_text_from(
      wanted,
      answer({"p", "ANSI_QUOTES", "CREATE PROCEDURE `p`() SELECT 1", "latin1", "latin1_swedish_ci", "utf8mb4_bin"}),
      true);
  EXPECT_EQ(text.statement.sql_mode, 4u);
  EXPECT_EQ(text.statement.client_collation, 8);
  EXPECT_EQ(text.statement.connection_collation, 8);
  EXPECT_EQ(text.unreadable, "");
  EXPECT_NE(create_text_from(wanted, answer({"p", "", std::nullopt, "", "", ""}), true).unreadable, "");
  EXPECT_NE(create_text_from(wanted, protocol::ResultSet(), true).unreadable, "");
}

}  // namespace
}  // namespace crossfade::migrate
