#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/inline/determinism.h"
#include "routing/classify.h"
#include "ship_verdicts.h"

namespace crossfade::dualwrite {
namespace {

using routing::Fact;
using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(ShipVerdict, ShipsWritesByFullPrimaryKey) {
  EXPECT_TRUE(ships("UPDATE t SET a = a + 1 WHERE id = 5"));
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id IN (1, 2, 3)"));
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = '5' AND a > 3"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = 5"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id IN (5, 6)"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = NULL"));
  EXPECT_TRUE(ships("UPDATE t SET id = 6 WHERE id = 5"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE k = 'x' AND n = 1", composite()));
  EXPECT_TRUE(ships("DELETE FROM t WHERE k IN ('x', 'y') AND n IN (1, 2)", composite()));
}

TEST(ShipVerdict, RefusesWritesOfRowsThatItCannotName) {
  EXPECT_THAT(refusal("UPDATE t SET a = 1"), HasSubstr("does not fix the whole primary key"));
  EXPECT_THAT(refusal("UPDATE t SET a = 1 WHERE a = 2"), HasSubstr("primary key"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id > 5"), HasSubstr("primary key"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = 5 OR a = 1"), HasSubstr("primary key"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE k = 'x'", composite()), HasSubstr("whole primary key"));
  TableSchema keyless = plain();
  keyless.primary_key.clear();
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = 5", keyless), HasSubstr("has no primary key"));
}

TEST(ShipVerdict, RefusesAKeyOfAnotherType) {
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = '5x'"), HasSubstr("another type"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id IN (1, 2.5)"), HasSubstr("another type"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE k = 5 AND n = 5", composite()), HasSubstr("another type"));
  TableSchema floating = plain();
  floating.columns[0].type = ColumnClass::floating;
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = 1", floating), HasSubstr("another type"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = '5x' AND id = 5"), HasSubstr("another type"));
}

TEST(ShipVerdict, AConditionBesideTheKeyComparesAColumnWithItsOwnType) {
  TableSchema schema = plain();
  schema.columns.push_back(column("d", ColumnClass::temporal));
  for (const char* taken :
       {"a > 4", "s > 'x'", "s <> 5", "a NOT IN (1, -2)", "a BETWEEN 1 AND 2", "a > '4'", "d > '2024-01-01'",
        "'2024-01-01' < t.d", "s IN ('a', 'b') OR a > 3", "s = _utf8mb4'a' 'b' OR a = 1", "d IS NULL OR s IS NULL",
        "CONCAT(s, 'x') > s", "a > NULL", "d > ?", "NOT (s = 'x')"}) {
    EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = 1 AND (" + std::string(taken) + ")", schema)) << taken;
  }
  for (const char* refused : {"a > '4x'", "a = 'x'", "'x' < a", "'x' < app.t.a", "a NOT IN (1, 'x')",
                              "a BETWEEN 1 AND 'x'", "a BETWEEN 'x' AND 1", "d > 'x'", "d > 5", "a > x'41'",
                              "NOT (a = 'x')", "'x'", "a + 0 = 'x'", "(a) = 'x'", "a IN (('x'), 1)"}) {
    EXPECT_THAT(refusal("DELETE FROM t WHERE id = 1 AND (" + std::string(refused) + ")", schema),
                AnyOf(HasSubstr("its WHERE"), HasSubstr("other server")))
        << refused;
  }
}

TEST(ShipVerdict, TakesLimitOnlyWhereThereIsNothingToChoose) {
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = 5 LIMIT 1"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = 5 ORDER BY a LIMIT 1"));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id IN (5, 6) ORDER BY a"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id IN (5, 6) LIMIT 1"), HasSubstr("LIMIT"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE k = 'a' AND n IN (5, 6) ORDER BY n LIMIT 1", composite()),
              HasSubstr("LIMIT"));
}

TEST(ShipVerdict, RefusesWhatDependsOnTheOrderOfSeveralRows) {
  EXPECT_THAT(refusal("UPDATE t SET id = id + 1 WHERE id IN (5, 6)"), HasSubstr("moves several"));
  EXPECT_THAT(refusal("UPDATE IGNORE t SET a = 1 WHERE id IN (5, 6)"), HasSubstr("IGNORE"));
  EXPECT_TRUE(ships("UPDATE IGNORE t SET a = 1 WHERE id = 5"));
  EXPECT_TRUE(ships("DELETE IGNORE FROM t WHERE id IN (5, 6)"));
}

TEST(ShipVerdict, SeedsRandWhereItIsDrawnOncePerRow) {
  EXPECT_TRUE(judge("UPDATE t SET a = RAND() * 10 WHERE id = 5", plain()).seed_rand);
  EXPECT_TRUE(judge("INSERT INTO t(a) VALUES (RAND()), (RAND())", plain()).seed_rand);
  EXPECT_FALSE(judge("UPDATE t SET a = 1 WHERE id = 5", plain()).seed_rand);
  EXPECT_THAT(refusal("UPDATE t SET a = RAND() WHERE id IN (5, 6)"), HasSubstr("RAND()"));
  EXPECT_THAT(refusal("UPDATE t SET a = 1 WHERE id = 5 AND RAND() < 0.5"), HasSubstr("RAND()"));
  EXPECT_THAT(refusal("UPDATE t SET a = 1 WHERE id = 5 ORDER BY RAND()"), HasSubstr("RAND()"));
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = 5 AND RAND() < 0.5"), HasSubstr("RAND()"));
}

TEST(ShipVerdict, RefusesEachFactWithItsOwnReason) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"INSERT INTO t(s) VALUES (UUID())", "another value each time"},
      {"INSERT INTO t(s) VALUES (my_function(1))", "not built in"},
      {"INSERT INTO t(a) VALUES (@x)", "user variable"},
      {"UPDATE t SET a = LAST_INSERT_ID() WHERE id = 5", "LAST_INSERT_ID()"},
      {"UPDATE t SET a = LAST_INSERT_ID(a + 1) WHERE id = 5", "LAST_INSERT_ID()"},
      {"INSERT INTO t(a) VALUES (ROW_COUNT())", "ROW_COUNT()"},
      {"INSERT INTO t(a) VALUES (FOUND_ROWS())", "FOUND_ROWS()"},
      {"INSERT INTO t(a) VALUES (GET_LOCK('x', 1))", "named lock"},
      {"INSERT INTO t(a) VALUES (@@server_id)", "only this session"},
      {"UPDATE t SET a = (SELECT 1) WHERE id = 5", "subquery"},
      {"INSERT INTO t(a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2", "ON DUPLICATE KEY"},
      {"INSERT INTO t(a) SELECT 1", "from a query"},
      {"INSERT INTO t(a) VALUES (1) RETURNING id", "RETURNING"},
      {"UPDATE t, u SET t.a = 1 WHERE t.id = 5", "several tables"},
      {"INSERT INTO t PARTITION (p) VALUES (1)", "PARTITION"},
      {"INSERT INTO t(a) VALUES (1); DELETE FROM t", "more than one"},
      {"INSERT INTO t(a) VALUES (1 /*!80000 + 1 */)", "executable comment"},
      {"INSERT INTO t(a) VALUES ('x", "does not end"},
  };
  for (const auto& one : all) EXPECT_THAT(refusal(one.first), HasSubstr(one.second)) << one.first;
}

TEST(ShipVerdict, TakesAReturningOfColumnsFromMariaDb) {
  WriterSession session;
  session.knows_returning = true;
  const TableSchema schema = plain();
  const ShipVerdict verdict = judge("INSERT INTO t(a) VALUES (1) RETURNING id, a AS b", schema, nullptr, session);
  EXPECT_TRUE(verdict.shippable);
  EXPECT_EQ(verdict.returning_at, std::string_view("INSERT INTO t(a) VALUES (1) ").size());
  for (const char* sql :
       {"INSERT INTO t(a) VALUES (1) RETURNING id + 1", "INSERT IGNORE INTO t(a) VALUES (1) RETURNING id",
        "REPLACE INTO t(a) VALUES (1) RETURNING id", "DELETE FROM t WHERE id = 1 RETURNING id"}) {
    EXPECT_THAT(judge(sql, schema, nullptr, session).refusal, HasSubstr("RETURNING")) << sql;
  }
  EXPECT_FALSE(judge("INSERT INTO t(a) VALUES (1)", schema, nullptr, session).returning_at);
}

TEST(ShipVerdict, EachFactAloneIsEnoughToRefuse) {
  const std::string sql = "UPDATE t SET a = 1 WHERE id = 5";
  const routing::WriteShape shape = routing::parse_write(sql, {});
  const TableSchema schema = plain();
  for (const Fact fact : {Fact::unparseable, Fact::multi_statement, Fact::executable_comment, Fact::subquery,
                          Fact::unrepeatable, Fact::unknown_function, Fact::user_variable, Fact::assigns_user_variable,
                          Fact::last_insert_id, Fact::sets_last_insert_id, Fact::row_count, Fact::found_rows,
                          Fact::warnings, Fact::user_lock, Fact::session_status}) {
    routing::StatementFacts facts;
    EXPECT_TRUE(ship_verdict(facts, shape, &schema, {}, nullptr).shippable);
    facts.facts.add(fact);
    const ShipVerdict verdict = ship_verdict(facts, shape, &schema, {}, nullptr);
    EXPECT_FALSE(verdict.shippable) << static_cast<std::uint32_t>(fact);
    EXPECT_FALSE(verdict.refusal.empty());
  }
}

TEST(ShipVerdict, SaysWhatWhyAndWhatToDoWithoutLiterals) {
  const std::string text = refusal("UPDATE t SET s = 'secret' WHERE a = 424242");
  EXPECT_EQ(text,
            "crossfade: this UPDATE of table 't' cannot be duplicated exactly yet: its WHERE does not fix the whole "
            "primary key; select the keys first and write by them");
}

TEST(ShipVerdict, LeavesAnUnknownTableToTheLeader) {
  const std::string sql = "UPDATE t SET a = 1 WHERE id = 5";
  const ShipVerdict verdict = ship_verdict({}, routing::parse_write(sql, {}), nullptr, {}, nullptr);
  EXPECT_FALSE(verdict.shippable);
  EXPECT_TRUE(verdict.refusal.empty());
  const ShipVerdict several =
      ship_verdict({}, routing::parse_write("UPDATE t, u SET t.a = 1", {}), nullptr, {}, nullptr);
  EXPECT_FALSE(several.refusal.empty()) << "what needs no schema is refused without one";
}

TEST(ShipVerdict, RefusesTablesWhoseWritesGoFurther) {
  TableSchema view = plain();
  view.base_table = false;
  EXPECT_THAT(refusal("DELETE FROM t WHERE id = 5", view), HasSubstr("view"));
  TableSchema myisam = plain();
  myisam.innodb = false;
  EXPECT_THAT(refusal("INSERT INTO t(a) VALUES (1)", myisam), HasSubstr("InnoDB"));
}

TEST(ShipVerdict, RefusesTheVerbsThatATriggerAnswersTo) {
  const char* insert = "INSERT INTO t(a) VALUES (1)";
  const char* replace = "REPLACE INTO t(id, a) VALUES (1, 1)";
  const char* update = "UPDATE t SET a = 1 WHERE id = 5";
  const char* del = "DELETE FROM t WHERE id = 5";
  TableSchema on_insert = plain();
  on_insert.insert_trigger = true;
  TableSchema on_update = plain();
  on_update.update_trigger = true;
  TableSchema on_delete = plain();
  on_delete.delete_trigger = true;
  EXPECT_THAT(refusal(insert, on_insert), HasSubstr("trigger"));
  EXPECT_TRUE(ships(insert, on_update) && ships(insert, on_delete));
  refusal(replace, on_insert);
  refusal(replace, on_update);
  refusal(replace, on_delete);
  refusal(update, on_update);
  EXPECT_TRUE(ships(update, on_insert) && ships(update, on_delete));
  refusal(del, on_delete);
  EXPECT_TRUE(ships(del, on_insert) && ships(del, on_update));
}

TEST(ShipVerdict, RefusesWhatAForeignKeyWouldCarryFurther) {
  TableSchema parent = plain();
  parent.cascades_on_update = true;
  EXPECT_THAT(refusal("UPDATE t SET a = 1 WHERE id = 5", parent), HasSubstr("cascades"));
  refusal("REPLACE INTO t(id, a) VALUES (1, 1)", parent);
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = 5", parent));
  EXPECT_TRUE(ships("INSERT INTO t(a) VALUES (1)", parent));
  parent.cascading_columns = {"id"};
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = 5", parent)) << "the referenced column stays";
  EXPECT_THAT(refusal("UPDATE t SET id = 1 WHERE id = 5", parent), HasSubstr("cascades"));
  TableSchema deleting = plain();
  deleting.cascades_on_delete = true;
  refusal("DELETE FROM t WHERE id = 5", deleting);
  refusal("REPLACE INTO t(id, a) VALUES (1, 1)", deleting);
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = 5", deleting));
}

// What frameworks write, as they write it.
TEST(ShipVerdict, ShipsEverydayStatementsOfFrameworks) {
  TableSchema users = plain();
  users.columns.push_back(column("email", ColumnClass::text));
  users.columns.push_back(column("created_at", ColumnClass::temporal));
  users.columns.push_back(column("updated_at", ColumnClass::temporal));
  for (const char* sql : {
           "INSERT INTO `users` (`a`, `email`, `updated_at`, `created_at`) values (1, 'x', '2026-01-01 00:00:00', "
           "'2026-01-01 00:00:00')",
           "INSERT INTO `users` (`email`, `created_at`) VALUES ('a@b.c', '2026-01-01 10:11:12.123456')",
           "UPDATE `users` SET `users`.`email` = 'a@b.c', `users`.`updated_at` = '2026-01-01' WHERE `users`.`id` = 1",
           "UPDATE `users` SET `email` = 'a' WHERE (`id` = 1)",
           "update users set a=?, email=? where id=?",
           "update users set a=a-1 where id=1 and a>=1",
           "DELETE FROM `users` WHERE `users`.`id` = 1",
           "DELETE FROM `users` WHERE (`id` IN (1, 2, 3))",
           "DELETE FROM `users` WHERE `users`.`id` = 1 LIMIT 1",
           "INSERT INTO users (id, email) VALUES (1,'a'),(2,'b'),(3,'c')",
           "INSERT IGNORE INTO users (id, email) VALUES (1,'a')",
           "REPLACE INTO users (id, email) VALUES (1, _utf8mb4'\\'quoted\\'')",
           "UPDATE users SET s = CONCAT(s, 'x'), updated_at = NOW() WHERE id = 7",
           "UPDATE users SET a = IF(a > 5, 0, a + 1) WHERE id = 7",
           "UPDATE users SET s = CASE WHEN a = 1 AND id = 2 THEN 'x' ELSE 'y' END WHERE id IN (1,2)",
           "/* app:web */ UPDATE users SET a = 1 WHERE id = 7 /* end */;",
           "INSERT INTO users VALUES (NULL, 1, 'x', 'a@b.c', NOW(), NOW())",
       }) {
    EXPECT_TRUE(ships(sql, users)) << sql << ": " << judge(sql, users).refusal;
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
