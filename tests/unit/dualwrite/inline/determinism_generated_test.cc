#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/inline/determinism.h"
#include "ship_verdicts.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TEST(ShipVerdict, KnowsWhoGivesTheIdsOfAnInsert) {
  const auto generates = [](const char* sql, bool no_zero = false) {
    const ShipVerdict verdict = judge(sql, plain(), nullptr, {.no_auto_value_on_zero = no_zero});
    EXPECT_TRUE(verdict.shippable) << sql << verdict.refusal;
    EXPECT_EQ(verdict.generates_id, verdict.sets_last_insert_id) << sql;
    return verdict.generates_id;
  };
  EXPECT_TRUE(generates("INSERT INTO t(a) VALUES (1), (2)"));
  EXPECT_TRUE(generates("INSERT IGNORE INTO t VALUES (NULL, 1, 'x'), (DEFAULT, 2, 'y'), (0, 3, 'z')"));
  EXPECT_TRUE(generates("INSERT INTO t VALUES ()"));
  EXPECT_TRUE(generates("INSERT INTO t SET a = 1"));
  EXPECT_TRUE(generates("REPLACE INTO t(a) VALUES (1)"));
  EXPECT_TRUE(generates("INSERT INTO t(ID) VALUES (0)"));
  EXPECT_FALSE(generates("INSERT INTO t(id) VALUES (0)", true));
  EXPECT_TRUE(generates("INSERT INTO t(id) VALUES (NULL)", true));
  EXPECT_FALSE(generates("INSERT INTO t(id, a) VALUES (1, 1), (-2, 2)"));
  EXPECT_FALSE(generates("REPLACE INTO t SET id = '7'"));
  EXPECT_FALSE(generates("UPDATE t SET a = 1 WHERE id = 5"));
}

TEST(ShipVerdict, RefusesIdsThatItCannotTell) {
  EXPECT_THAT(refusal("INSERT INTO t(id) VALUES (1), (NULL)"), HasSubstr("some of its rows"));
  EXPECT_THAT(refusal("INSERT INTO t(id) VALUES (0), (5)"), HasSubstr("some of its rows"));
  EXPECT_THAT(refusal("INSERT INTO t(id) VALUES (1 + 1)"), HasSubstr("expression"));
  EXPECT_THAT(refusal("INSERT INTO t(id) VALUES ('x')"), HasSubstr("AUTO_INCREMENT"));
  EXPECT_THAT(refusal("INSERT INTO t VALUES (1, 2)"), HasSubstr("do not match"));
}

TEST(ShipVerdict, InsertsIntoATableWithoutPrimaryKey) {
  TableSchema keyless;
  keyless.columns = {column("a", ColumnClass::integer)};
  EXPECT_TRUE(ships("INSERT INTO t VALUES (1), (2)", keyless));
}

TEST(ShipVerdict, FreezesTimeWhereTheStatementOrTheTableTakesIt) {
  TableSchema schema = plain();
  const auto freezes = [&schema](const char* sql) {
    const ShipVerdict verdict = judge(sql, schema);
    EXPECT_TRUE(verdict.shippable) << sql << verdict.refusal;
    return verdict.freeze_time;
  };
  EXPECT_TRUE(freezes("INSERT INTO t(a) VALUES (UNIX_TIMESTAMP())"));
  EXPECT_FALSE(freezes("INSERT INTO t(a) VALUES (1)"));
  schema.columns.push_back(column("made", ColumnClass::temporal));
  schema.columns[3].default_now = true;
  EXPECT_TRUE(freezes("INSERT INTO t(a) VALUES (1)"));
  EXPECT_TRUE(freezes("INSERT INTO t(a, made) VALUES (1, '2020-01-01'), (2, DEFAULT)"));
  EXPECT_FALSE(freezes("INSERT INTO t(a, made) VALUES (1, '2020-01-01')"));
  EXPECT_FALSE(freezes("INSERT INTO t(a, made) VALUES (1, NULL)"));
  EXPECT_TRUE(freezes("UPDATE t SET made = DEFAULT WHERE id = 5"));
  EXPECT_TRUE(freezes("INSERT INTO t(made) VALUES (NOW(6) + INTERVAL 1 DAY)"));
  EXPECT_TRUE(freezes("UPDATE t SET made = CURRENT_TIMESTAMP WHERE id = 5"));
  EXPECT_FALSE(freezes("UPDATE t SET s = 'x' WHERE id = 5"));
  schema.columns[3].nullable = false;
  EXPECT_THAT(refusal("INSERT INTO t(a, made) VALUES (1, NULL)", schema), HasSubstr("for column 'made' NULL"));
  schema.columns[3] = column("changed", ColumnClass::temporal);
  schema.columns[3].on_update_now = true;
  EXPECT_TRUE(freezes("UPDATE t SET a = 1 WHERE id = 5"));
  EXPECT_FALSE(freezes("DELETE FROM t WHERE id = 5"));
}

TEST(ShipVerdict, RefusesADefaultThatIsAnExpression) {
  TableSchema schema = plain();
  schema.columns.push_back(column("u", ColumnClass::text));
  schema.columns[3].default_expression = true;
  EXPECT_THAT(refusal("INSERT INTO t(a) VALUES (1)", schema), HasSubstr("default"));
  EXPECT_THAT(refusal("INSERT INTO t(a, u) VALUES (1, DEFAULT)", schema), HasSubstr("default"));
  EXPECT_THAT(refusal("UPDATE t SET u = DEFAULT WHERE id = 5", schema), HasSubstr("default"));
  EXPECT_THAT(refusal("UPDATE t SET s = DEFAULT(u) WHERE id = 5", schema), HasSubstr("default"));
  EXPECT_TRUE(ships("INSERT INTO t(a, u) VALUES (1, 'x')", schema));
  EXPECT_TRUE(ships("UPDATE t SET a = 1 WHERE id = 5", schema));
  schema.columns[3].generated = true;
  EXPECT_TRUE(ships("INSERT INTO t(a) VALUES (1)", schema)) << "a generated column has no default of its own";
}

}  // namespace
}  // namespace crossfade::dualwrite
