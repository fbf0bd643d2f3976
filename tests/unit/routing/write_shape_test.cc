#include "routing/write_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace crossfade::routing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

WriteShape parse(std::string_view sql, LexerMode mode = {}) { return parse_write(sql, mode); }

// The value that an UPDATE assigns, or its WHERE's conditions, in short.
Value value(const std::string& text, LexerMode mode = {}) {
  const WriteShape shape = parse("UPDATE t SET a = " + text, mode);
  EXPECT_TRUE(shape.understood) << text << ": " << shape.why;
  return shape.assigned.empty() ? Value{} : shape.assigned[0];
}

std::string conditions(const std::string& where, LexerMode mode = {}) {
  const WriteShape shape = parse("DELETE FROM t WHERE " + where, mode);
  EXPECT_TRUE(shape.understood) << where << ": " << shape.why;
  EXPECT_TRUE(shape.has_where);
  std::string out;
  for (const Condition& condition : shape.conditions) {
    out += (out.empty() ? "" : " ") + condition.column;
    for (const Value& one : condition.values) out += (&one == &condition.values[0] ? "=" : ",") + one.text;
  }
  return out + (shape.other_conditions ? " +" : "");
}

TEST(ParseWrite, ReadsAnInsertWithAColumnList) {
  const WriteShape shape = parse("INSERT INTO `Shop`.`or``ders` (Id, `A`, t.b) VALUES (1, 'x', DEFAULT), (2, NULL, ?)");
  ASSERT_TRUE(shape.understood) << shape.why;
  EXPECT_EQ(shape.kind, StatementKind::insert);
  EXPECT_EQ(shape.table, (TableName{"Shop", "or`ders"}));
  EXPECT_THAT(shape.columns, ElementsAre("id", "a", "b"));
  ASSERT_EQ(shape.rows.size(), 2u);
  EXPECT_EQ(shape.rows[0][0].kind, ValueKind::integer);
  EXPECT_EQ(shape.rows[0][2].kind, ValueKind::default_);
  EXPECT_EQ(shape.rows[1][1].kind, ValueKind::null);
  EXPECT_EQ(shape.rows[1][2].kind, ValueKind::placeholder);
  EXPECT_EQ(shape.placeholders, 1);
  EXPECT_FALSE(shape.ignore);
}

TEST(ParseWrite, ReadsEveryFormOfInsert) {
  for (const char* sql :
       {"INSERT t VALUES (1)", "insert low_priority ignore into t value (1)", "INSERT HIGH_PRIORITY t(a) VALUES (1)",
        "INSERT DELAYED INTO t SET a = 1", "REPLACE INTO t SET a := 1", "REPLACE t VALUES (1)",
        "INSERT INTO t () VALUES ()", "INSERT INTO t VALUES (), ()", "INSERT /* c */ INTO t -- c\n VALUES (1) ;",
        "INSERT INTO t VALUES (f(1,(2)))", "INSERT INTO t(`values`) VALUES (1)"}) {
    const WriteShape shape = parse(sql);
    EXPECT_TRUE(shape.understood) << sql << ": " << shape.why;
    EXPECT_EQ(shape.table.table, "t") << sql;
    EXPECT_GE(shape.rows.size(), 1u) << sql;
  }
  EXPECT_TRUE(parse("INSERT IGNORE INTO t VALUES (1)").ignore);
  EXPECT_EQ(parse("REPLACE t VALUES (1)").kind, StatementKind::replace);
  EXPECT_TRUE(parse("INSERT INTO t () VALUES ()").rows[0].empty());
}

TEST(ParseWrite, ReadsTheSetFormAsOneRow) {
  const WriteShape shape = parse("INSERT INTO t SET a = 1, b = NOW(), c = 'x'");
  ASSERT_TRUE(shape.understood);
  EXPECT_THAT(shape.columns, ElementsAre("a", "b", "c"));
  ASSERT_EQ(shape.rows.size(), 1u);
  ASSERT_EQ(shape.rows[0].size(), 3u);
  EXPECT_EQ(shape.rows[0][1].kind, ValueKind::expression);
  EXPECT_EQ(shape.rows[0][1].text, "NOW()");
}

TEST(ParseWrite, SaysWhereAnInsertTakesRowsFrom) {
  for (const char* sql : {"INSERT INTO t SELECT 1", "INSERT INTO t (a) SELECT 1", "INSERT INTO t (SELECT 1)",
                          "INSERT INTO t ((SELECT 1))", "INSERT INTO t(a) (SELECT 1)", "INSERT INTO t TABLE u",
                          "INSERT INTO t VALUES ROW(1)", "INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
                          "REPLACE INTO t (WITH x AS (SELECT 1) SELECT * FROM x)"}) {
    const WriteShape shape = parse(sql);
    EXPECT_TRUE(shape.understood && shape.from_select) << sql << ": " << shape.why;
  }
  EXPECT_FALSE(parse("INSERT INTO t VALUES (1)").from_select);
}

TEST(ParseWrite, SeesWhatFollowsTheRows) {
  EXPECT_TRUE(parse("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)").on_duplicate_key);
  EXPECT_TRUE(parse("INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = 2").on_duplicate_key);
  EXPECT_TRUE(parse("INSERT INTO t SELECT 1 ON DUPLICATE KEY UPDATE a = 2").on_duplicate_key);
  EXPECT_TRUE(parse("INSERT INTO t VALUES (1) RETURNING id").returning);
  EXPECT_TRUE(parse("REPLACE INTO t SET a = 1 RETURNING id").returning);
  EXPECT_TRUE(parse("DELETE FROM t WHERE a = 1 RETURNING id").returning);
  EXPECT_TRUE(parse("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2 RETURNING id").returning);
}

TEST(ParseWrite, FindsWhereColumnsAreReturned) {
  const auto at = [](std::string_view tail) {
    const std::string text = "INSERT INTO t VALUES (1) ";
    const std::optional<std::size_t> found = parse(text + std::string(tail)).returning_columns_at;
    return found ? std::to_string(*found - text.size()) : "none";
  };
  for (const char* tail :
       {"RETURNING id", "RETURNING *", "returning id, `v` AS x, t.v y, s.t.v, t.*", "RETURNING id;"}) {
    EXPECT_EQ(at(tail), "0") << tail;
  }
  for (const char* tail : {"", "RETURNING", "RETURNING id +", "RETURNING id + 1", "RETURNING f(id)", "RETURNING (id)",
                           "RETURNING 1", "RETURNING id,", "RETURNING ?", "RETURNING id AS", "RETURNING @x"}) {
    EXPECT_EQ(at(tail), "none") << tail;
  }
  EXPECT_FALSE(parse("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2 RETURNING id").returning_columns_at);
}

TEST(ParseWrite, DoesNotUnderstandWhatItCannotVouchFor) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"", "plain write"},
      {"SELECT 1", "plain write"},
      {"WITH x AS (SELECT 1) DELETE FROM t", "plain write"},
      {"INSERT INTO t VALUES (1); DELETE FROM t", "more than one"},
      {"INSERT INTO t VALUES (1) garbage", "more than one"},
      {"INSERT /*!80000 IGNORE */ INTO t VALUES (1)", "executable comment"},
      {"INSERT INTO t VALUES (1) /*M! RETURNING 1 */", "executable comment"},
      {"INSERT /*+ SET_VAR(sql_mode='') */ INTO t VALUES (1)", "hint"},
      {"INSERT INTO t PARTITION (p) VALUES (1)", "PARTITION"},
      {"UPDATE s.t PARTITION (p) SET a = 1", "PARTITION"},
      {"DELETE FROM t PARTITION (p) WHERE a = 1", "PARTITION"},
      {"INSERT INTO t VALUES (1) AS n ON DUPLICATE KEY UPDATE a = n.a", "alias"},
      {"INSERT INTO t SET a = 1 AS n", "alias"},
      {"INSERT INTO t VALUES (1", "does not close"},
      {"INSERT INTO t VALUES (1,)", "cut"},
      {"INSERT INTO t VALUES (1) (2)", "more than one"},
      {"INSERT INTO t VALUES 1", "parenthesis"},
      {"INSERT INTO t (a", "column list"},
      {"INSERT INTO t (a,) VALUES (1)", "name"},
      {"INSERT INTO t (a, b) VALUES (1)", "does not fit"},
      {"INSERT INTO t VALUES (1), (1, 2)", "does not fit"},
      {"INSERT INTO t", "without values"},
      {"INSERT INTO", "name"},
      {"INSERT INTO t SET a", "without ="},
      {"INSERT INTO t VALUES ('x", "does not end"},
      {"INSERT INTO t VALUES (1) /* x", "does not end"},
      {"UPDATE t", "without SET"},
      {"UPDATE t SET a = 1 WHERE", "cut"},
      {"UPDATE t SET a = 1 ORDER a", "ORDER BY"},
      {"UPDATE t SET a = 1 LIMIT", "LIMIT"},
      {"UPDATE t SET a = (1", "cut"},
      {"UPDATE t SET a = 1)", "more than one"},
      {"UPDATE t USE INDEX (x) SET a = 1", "index hint"},
      {"UPDATE t AS u FORCE INDEX (x) SET a = 1", "index hint"},
      {"UPDATE t FOR PORTION OF p FROM 1 TO 2 SET a = 1", "period"},
  };
  for (const auto& one : all) {
    const WriteShape shape = parse(one.first);
    EXPECT_FALSE(shape.understood) << one.first;
    EXPECT_THAT(shape.why, HasSubstr(one.second)) << one.first;
  }
}

TEST(ParseWrite, TakesAHintThatChangesOnlyTheWay) {
  EXPECT_TRUE(parse("UPDATE /*+ NO_MERGE() */ t SET a = 1 WHERE id = 1").understood);
}

TEST(ParseWrite, ReadsAnUpdate) {
  const WriteShape shape =
      parse("UPDATE LOW_PRIORITY IGNORE s.t AS x SET x.A = a + 1, `b` = 'it''s' WHERE x.id = 5 ORDER BY a, b LIMIT 3");
  ASSERT_TRUE(shape.understood) << shape.why;
  EXPECT_EQ(shape.kind, StatementKind::update);
  EXPECT_EQ(shape.table, (TableName{"s", "t"}));
  EXPECT_TRUE(shape.ignore && shape.order_by && shape.limit && shape.has_where);
  EXPECT_THAT(shape.columns, ElementsAre("a", "b"));
  EXPECT_EQ(shape.assigned[0].text, "a + 1");
  EXPECT_EQ(shape.assigned[0].kind, ValueKind::expression);
  EXPECT_EQ(shape.assigned[1].text, "it's");
  ASSERT_EQ(shape.conditions.size(), 1u);
  EXPECT_EQ(shape.conditions[0].column, "id");
  EXPECT_TRUE(parse("UPDATE t x SET a = 1").understood);
  EXPECT_FALSE(parse("UPDATE t x SET a = 1").has_where);
}

TEST(ParseWrite, ReadsADelete) {
  const WriteShape shape = parse("DELETE QUICK FROM t ORDER BY (a) LIMIT ?");
  ASSERT_TRUE(shape.understood) << shape.why;
  EXPECT_EQ(shape.kind, StatementKind::delete_);
  EXPECT_FALSE(shape.has_where);
  EXPECT_TRUE(shape.limit);
  EXPECT_EQ(shape.placeholders, 1);
  EXPECT_TRUE(parse("DELETE FROM t AS x WHERE x.a = 1").understood);
  EXPECT_TRUE(parse("DELETE FROM t x").understood);
}

TEST(ParseWrite, SeesSeveralTables) {
  for (const char* sql :
       {"UPDATE t, u SET t.a = 1", "UPDATE t JOIN u ON t.a = u.a SET t.a = 1", "UPDATE t x INNER JOIN u SET a = 1",
        "UPDATE (t, u) SET a = 1", "UPDATE t LEFT JOIN u ON 1 SET a = 1", "DELETE t FROM t JOIN u",
        "DELETE FROM t USING t, u", "DELETE FROM t.* USING t", "DELETE FROM s.t.* USING s.t", "DELETE t, u FROM t, u",
        "DELETE FROM t, u USING t"}) {
    const WriteShape shape = parse(sql);
    EXPECT_TRUE(shape.several_tables) << sql;
  }
  EXPECT_FALSE(parse("DELETE FROM s.t WHERE a = 1").several_tables);
}

TEST(ParseWrite, SeesSubqueriesWhereverTheyAre) {
  for (const char* sql :
       {"UPDATE t SET a = (SELECT 1)", "DELETE FROM t WHERE a IN (SELECT 1)", "DELETE FROM t WHERE a IN (TABLE u)",
        "INSERT INTO t VALUES ((WITH x AS (SELECT 1) SELECT 1))", "UPDATE t SET a = 1 ORDER BY (SELECT 1)",
        "DELETE FROM t WHERE EXISTS (VALUES ROW(1))",
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (SELECT 1)"}) {
    EXPECT_TRUE(parse(sql).subquery) << sql;
  }
  EXPECT_FALSE(parse("UPDATE t SET a = 'SELECT', `select` = (1)").subquery);
}

TEST(ParseWrite, CountsPlaceholdersOfTheWholeStatement) {
  EXPECT_EQ(parse("UPDATE t SET a = ? + ?, b = '?' WHERE id = ? LIMIT ?").placeholders, 4);
  EXPECT_EQ(parse("SELECT ?, ?").placeholders, 2);
  const WriteShape shape = parse("UPDATE t SET a = ? + ?, b = ? WHERE id = ? AND k IN (?, 1, ?)");
  EXPECT_EQ(shape.assigned[1].placeholder, 2);
  EXPECT_EQ(shape.conditions[0].values[0].placeholder, 3);
  EXPECT_EQ(shape.conditions[1].values[2].placeholder, 5);
  EXPECT_EQ(shape.assigned[0].kind, ValueKind::expression);
}

TEST(ParseWrite, TellsTheKindsOfValuesApart) {
  const std::vector<std::pair<const char*, ValueKind>> all = {
      {"42", ValueKind::integer},
      {"-42", ValueKind::integer},
      {"1.5", ValueKind::decimal},
      {"-1.5", ValueKind::decimal},
      {"1e3", ValueKind::decimal},
      {".5", ValueKind::decimal},
      {"'x'", ValueKind::text},
      {"\"x\"", ValueKind::text},
      {"N'x'", ValueKind::text},
      {"_utf8mb4'x'", ValueKind::text},
      {"'x' 'y'", ValueKind::text},
      {"_latin1 'x'", ValueKind::text},
      {"x'4f'", ValueKind::binary},
      {"0x4f", ValueKind::binary},
      {"b'01'", ValueKind::binary},
      {"0b01", ValueKind::binary},
      {"_binary'x'", ValueKind::binary},
      {"NULL", ValueKind::null},
      {"default", ValueKind::default_},
      {"TRUE", ValueKind::true_false},
      {"false", ValueKind::true_false},
      {"?", ValueKind::placeholder},
      {"- -1", ValueKind::expression},
      {"-?", ValueKind::expression},
      {"-0x1", ValueKind::expression},
      {"1 + 1", ValueKind::expression},
      {"a", ValueKind::expression},
      {"`null`", ValueKind::expression},
      {"'x' COLLATE utf8mb4_bin", ValueKind::expression},
      {"_utf8mb4 x'4f'", ValueKind::expression},
      {"DATE'2020-01-01'", ValueKind::expression},
      {"DEFAULT(a)", ValueKind::expression},
      {"(1)", ValueKind::expression},
      {"@x", ValueKind::expression},
      {"'x' x'4f'", ValueKind::expression},
      {"NOT 1", ValueKind::expression},
  };
  for (const auto& one : all) EXPECT_EQ(value(one.first).kind, one.second) << one.first;
}

TEST(ParseWrite, UndoesQuotesAndEscapes) {
  EXPECT_EQ(value("-42").text, "-42");
  EXPECT_EQ(value("+42").text, "42");
  EXPECT_EQ(value("'it''s'").text, "it's");
  EXPECT_EQ(value("\"say \"\"x\"\"\"").text, "say \"x\"");
  EXPECT_EQ(value(R"('a\n\t\r\b\Z\\\'\"\%\_\q')").text, "a\n\t\r\b\x1a\\'\"\\%\\_q");
  EXPECT_EQ(value(R"('\0')").text, std::string(1, '\0'));
  EXPECT_EQ(value("'a' \"b\"\n'c'").text, "abc");
  EXPECT_EQ(value("N'x'").text, "x");
}

TEST(ParseWrite, FollowsTheModesOfTheSession) {
  LexerMode plain;
  plain.no_backslash_escapes = true;
  EXPECT_EQ(value(R"('a\')", plain).text, "a\\");
  LexerMode ansi;
  ansi.ansi_quotes = true;
  EXPECT_EQ(value("\"x\"", ansi).kind, ValueKind::expression);
  EXPECT_EQ(conditions("\"Id\" = 5", ansi), "id=5");
  EXPECT_EQ(conditions("\"Id\" = 5"), " +");
}

TEST(ParseWrite, ListsTheConditionsOfAConjunction) {
  EXPECT_EQ(conditions("a = 5"), "a=5");
  EXPECT_EQ(conditions("5 = A"), "a=5");
  EXPECT_EQ(conditions("s.t.a = 'x' AND `b` = -1"), "a=x b=-1");
  EXPECT_EQ(conditions("((a = 5) && (t.b IN (1, 2)))"), "a=5 b=1,2");
  EXPECT_EQ(conditions("(a = 1 AND (b = 2)) AND c = 3"), "a=1 b=2 c=3");
  EXPECT_EQ(conditions("s.t.a IN (?)"), "a=?");
  EXPECT_EQ(conditions("a = NULL"), "a=NULL");
  EXPECT_EQ(conditions("a = 'x' 'y'"), "a=xy");
  EXPECT_EQ(conditions("a = 1 AND a = 2"), "a=1 a=2");
}

TEST(ParseWrite, ListsOnlyWhatItIsSureOf) {
  for (const char* where : {"a > 5",
                            "a <=> 5",
                            "NOT a = 5",
                            "! a = 5",
                            "a = b",
                            "a = 5 + 1",
                            "a = 5 = 1",
                            "a = 5 IS NULL",
                            "a NOT IN (5)",
                            "a IN (5, b)",
                            "a IN (f(1))",
                            "a IN (SELECT 1)",
                            "(a, b) IN ((1, 2))",
                            "(a, b) = (1, 2)",
                            "BINARY a = 5",
                            "f(a) = 5",
                            "a",
                            "5",
                            "-a = 5",
                            "a = (5)",
                            "a LIKE 'x'",
                            "a = 5 COLLATE utf8mb4_bin",
                            "a = DEFAULT",
                            "CURRENT_USER = 'x'",
                            "NULL = 5",
                            "a IN (5) IS FALSE",
                            "a IN (5) = 0",
                            "CASE WHEN 1 AND a = 5 THEN 1 END",
                            "a = CASE WHEN 1 THEN 5 END",
                            "1 = a LIKE 'x'",
                            "a.b.c.d = 5",
                            "a IN ()"}) {
    EXPECT_EQ(conditions(where), " +") << where;
    EXPECT_EQ(conditions(std::string(where) + " AND id = 7"), "id=7 +") << where;
  }
}

TEST(ParseWrite, ListsNothingOfADisjunction) {
  EXPECT_EQ(conditions("a = 5 OR b = 6"), " +");
  EXPECT_EQ(conditions("a = 5 AND b = 6 OR c = 7"), " +");
  EXPECT_EQ(conditions("a = 5 XOR b = 6"), " +");
  EXPECT_EQ(conditions("a = 5 || b = 6"), " +");
  EXPECT_EQ(conditions("(a = 5 OR b = 6) AND c = 7"), "c=7 +");
  EXPECT_EQ(conditions("(a = 5) OR (b = 6)"), " +");
  EXPECT_EQ(conditions("NOT (a = 5 AND b = 6)"), " +");
}

TEST(ParseWrite, DoesNotCutBetweenAtItsAnd) {
  EXPECT_EQ(conditions("a BETWEEN 1 AND b = 2"), " +");
  EXPECT_EQ(conditions("a BETWEEN 1 AND 2 AND b = 3"), "b=3 +");
  EXPECT_EQ(conditions("a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4 AND c = 5"), "c=5 +");
}

TEST(ParseWrite, TakesKeywordsAfterADotAsNames) {
  EXPECT_EQ(conditions("t.or = 1 AND t.case = 2"), "or=1 case=2");
  EXPECT_TRUE(parse("UPDATE t SET a = t.limit WHERE id = 1").has_where);
}

TEST(ParseWrite, SurvivesDeepParentheses) {
  std::string deep = "a = 1";
  for (int i = 0; i < 1000; ++i) deep = "(" + deep + " AND b = 2)";
  EXPECT_THAT(parse("DELETE FROM t WHERE " + deep).why, IsEmpty());
}

}  // namespace
}  // namespace crossfade::routing
