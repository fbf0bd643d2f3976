#include "dualwrite/determinism.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/response.h"
#include "routing/classify.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using protocol::Parameter;
using routing::Fact;
using ::testing::HasSubstr;

Column column(std::string name, ColumnClass type) {
  Column out;
  out.name = std::move(name);
  out.type = type;
  return out;
}

// CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, s VARCHAR(20))
TableSchema plain() {
  TableSchema schema;
  schema.columns = {column("id", ColumnClass::integer), column("a", ColumnClass::integer),
                    column("s", ColumnClass::text)};
  schema.columns[0].auto_increment = true;
  schema.columns[0].nullable = false;
  schema.primary_key = {"id"};
  return schema;
}

// PRIMARY KEY (k VARCHAR, n INT), v INT
TableSchema composite() {
  TableSchema schema;
  schema.columns = {column("k", ColumnClass::text), column("n", ColumnClass::integer),
                    column("v", ColumnClass::integer)};
  schema.primary_key = {"k", "n"};
  return schema;
}

ShipVerdict judge(const std::string& sql, const TableSchema& schema, const std::vector<Parameter>* parameters = nullptr,
                  const WriterSession& session = {}) {
  const routing::LexerMode mode;
  return ship_verdict(routing::classify(sql, mode), routing::parse_write(sql, mode), &schema, session, parameters);
}

bool ships(const std::string& sql, const TableSchema& schema = plain()) {
  const ShipVerdict verdict = judge(sql, schema);
  EXPECT_EQ(verdict.shippable, verdict.refusal.empty()) << sql;
  return verdict.shippable;
}

std::string refusal(const std::string& sql, const TableSchema& schema = plain()) {
  const ShipVerdict verdict = judge(sql, schema);
  EXPECT_FALSE(verdict.shippable) << sql;
  return verdict.refusal;
}

Parameter integer(std::uint8_t number) {
  Parameter out;
  out.type.type = static_cast<std::uint8_t>(ColumnType::tiny);
  out.value = {number};
  return out;
}

Parameter null_parameter() {
  Parameter out;
  out.type.type = static_cast<std::uint8_t>(ColumnType::tiny);
  out.is_null = true;
  return out;
}

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
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = '5x' AND id = 5")) << "one good condition is enough";
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

TEST(ShipVerdict, TakesParametersThatAreNotKnownYetAsFitting) {
  EXPECT_TRUE(judge("DELETE FROM t WHERE id = ?", plain()).shippable);
  EXPECT_TRUE(judge("INSERT INTO t VALUES (?, ?, ?)", plain()).shippable);
  EXPECT_TRUE(judge("UPDATE t SET a = ? WHERE id = 5", plain()).shippable);
  EXPECT_TRUE(judge("UPDATE t SET a = a + ? WHERE id = 5", plain()).shippable);
  EXPECT_TRUE(judge("INSERT INTO t(a) VALUES (?)", plain()).shippable);
  EXPECT_FALSE(judge("DELETE FROM t WHERE a = ?", plain()).shippable);
}

TEST(ShipVerdict, JudgesBoundParameters) {
  const std::vector<Parameter> five = {integer(5)};
  const std::vector<Parameter> zero = {integer(0)};
  const std::vector<Parameter> null = {null_parameter()};
  const std::vector<Parameter> none;
  Parameter real = integer(5);
  real.type.type = static_cast<std::uint8_t>(ColumnType::double_);
  const std::vector<Parameter> reals = {real};
  const char* by_key = "DELETE FROM t WHERE id = ?";
  EXPECT_TRUE(judge(by_key, plain(), &five).shippable);
  EXPECT_THAT(judge(by_key, plain(), &reals).refusal, HasSubstr("another type"));
  EXPECT_FALSE(judge(by_key, plain(), &none).shippable);
  const char* insert = "INSERT INTO t(id) VALUES (?)";
  EXPECT_FALSE(judge(insert, plain(), &five).generates_id);
  EXPECT_TRUE(judge(insert, plain(), &null).generates_id);
  EXPECT_TRUE(judge(insert, plain(), &zero).generates_id);
  EXPECT_FALSE(judge(insert, plain(), &zero, {.no_auto_value_on_zero = true}).generates_id);
  EXPECT_FALSE(judge(insert, plain(), &reals).shippable);
  EXPECT_FALSE(judge(insert, plain(), &none).shippable);
  const std::vector<Parameter> both = {integer(5), null_parameter()};
  EXPECT_FALSE(judge("INSERT INTO t(id) VALUES (?), (?)", plain(), &both).shippable);
}

// One column of each class, named after it.
TableSchema every_class() {
  TableSchema schema;
  const std::vector<std::pair<const char*, ColumnClass>> all = {
      {"i", ColumnClass::integer}, {"d", ColumnClass::decimal}, {"f", ColumnClass::floating},
      {"s", ColumnClass::text},    {"b", ColumnClass::binary},  {"at", ColumnClass::temporal},
      {"j", ColumnClass::json},    {"bits", ColumnClass::bit},  {"e", ColumnClass::enum_set},
      {"tm", ColumnClass::time},   {"y", ColumnClass::year},    {"p", ColumnClass::other},
      {"day", ColumnClass::date}};
  for (const auto& one : all) schema.columns.push_back(column(one.first, one.second));
  schema.primary_key = {"i"};
  return schema;
}

// Which columns of every_class() take the value, in its order; inserts and updates agree.
std::string taken_by(const std::string& value) {
  const TableSchema schema = every_class();
  std::string out;
  for (const Column& one : schema.columns) {
    const bool taken = judge("INSERT INTO t(" + one.name + ") VALUES (" + value + ")", schema).shippable;
    const bool set = judge("UPDATE t SET " + one.name + " = " + value + " WHERE i = 1", schema).shippable;
    EXPECT_EQ(taken, set) << value << " for " << one.name;
    out += taken ? 'y' : '-';
  }
  return out;
}

TEST(ShipVerdict, TakesLiteralsThatFitTheirColumn) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"7", "yyyy---y--y--"},
      {"1.5", "-yy----------"},
      {"1e3", "--y----------"},
      {"-0e0", "-------------"},
      {"TRUE", "y------------"},
      {"NULL", "yyyyyyyyyyyyy"},
      {"DEFAULT", "yyyyyyyyyyyyy"},
      {"'7'", "yyyyy-yyy-y--"},
      {"'07'", "---yy-yyy----"},
      {"'-0'", "---yy-yyy----"},
      {"'1.5'", "-yyyy-yyy----"},
      {"'1e3'", "--yyy-yyy----"},
      {"'-1.5E-300'", "--yyy-yyy----"},
      {"'1e3x'", "---yy-yyy----"},
      {"'-0e0'", "---yy-yyy----"},
      {"'.5'", "---yy-yyy----"},
      {"x'41'", "---yy--y-----"},
      {"0x41", "---yy--y-----"},
      {"b'1'", "---yy--y-----"},
      {"'2024-02-29'", "---yyyyyy---y"},
      {"'2024-02-29 23:59:59.000'", "---yyyyyy---y"},
      {"'2024-02-29T10:00:00'", "---yy-yyy----"},
      {"'2024-13-01'", "---yy-yyy----"},
      {"'2024-2-9'", "---yyyyyy---y"},
      {"'2024-2-9 1:2:3'", "---yyyyyy---y"},
      {"'2024-12-31 23:59:59.123456'", "---yyyyyy----"},
      {"'2024-2-9 1:2:3.5'", "---yyyyyy----"},
      {"'2024-2-9 1:2:3.1234567'", "---yy-yyy----"},
      {"'2024-2-9 1:2'", "---yy-yyy----"},
      {"'2024-2-9 24:2:3'", "---yy-yyy----"},
      {"'2024-13-9'", "---yy-yyy----"},
      {"'2024-2-'", "---yy-yyy----"},
      {"'24-2-9'", "---yy-yyy----"},
      {"'2024-2-9x'", "---yy-yyy----"},
      {"'2024-02-29 10:11:12.123456'", "---yyyyyy----"},
      {"'2024-02-29 10:11:12.1234567'", "---yy-yyy----"},
      {"'2024-02-29 10:11'", "---yy-yyy----"},
      {"'-10:11:12.5'", "---yy-yyyy---"},
      {"'1:60:00'", "---yy-yyy----"},
      {"'1.2.3.4'", "---yy-yyy----"},
  };
  for (const auto& one : table) EXPECT_EQ(taken_by(one.first), one.second) << one.first;
}

TEST(ShipVerdict, TakesExpressionsThatAreTheSameEverywhere) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"NOW()", "-----y---y--y"},
      {"CURRENT_TIMESTAMP", "-----y---y--y"},
      {"NOW(6) + INTERVAL 1 DAY", "-----y---y---"},
      {"DATE_ADD(NOW(), INTERVAL -1 MONTH)", "-----y---y--y"},
      {"NOW(0) + INTERVAL 1 MICROSECOND", "-----y---y---"},
      {"CURTIME() + INTERVAL 1 MONTH", "-------------"},
      {"CURTIME()", "-------------"},
      {"-f", "-------------"},
      {"f - 1", "--y----------"},
      {"i * -2", "yyyyy--------"},
      {"NOW() + 1", "-------------"},
      {"COALESCE(NOW(), 1)", "-------------"},
      {"CEIL(NOW())", "-------------"},
      {"UNIX_TIMESTAMP()", "y------------"},
      {"UNIX_TIMESTAMP('2024-01-01')", "-------------"},
      {"i + 1", "yyyyy--------"},
      {"i + 1.5", "yyy----------"},
      {"i + 1e0", "-------------"},
      {"i + x'41'", "-------------"},
      {"CONCAT(s, x'41')", "-------------"},
      {"i % 1.5", "-------------"},
      {"i % 3", "yyyyy--------"},
      {"i & 3", "-------------"},
      {"~i", "-------------"},
      {"i + '5'", "-------------"},
      {"-s", "-------------"},
      {"s", "---yy--------"},
      {"f", "--y----------"},
      {"d", "yyy----------"},
      {"at", "-----y-------"},
      {"CONCAT(s, '-', i)", "---yy--------"},
      {"CONCAT(s, 'it\\'s')", "-------------"},
      {"CONCAT(s, '\\n')", "---yy--------"},
      {"CONCAT(s, d)", "-------------"},
      {"LENGTH(CONCAT(s, 'x'))", "yyyyy--------"},
      {"CASE WHEN s = 'x' THEN 1 ELSE i END", "yyyyy--------"},
      {"GREATEST(i, 5)", "yyy----------"},
      {"s LIKE 'x%'", "-------------"},
      {"SHA1(s)", "-------------"},
      {"unknown_column + 1", "-------------"},
  };
  for (const auto& one : table) EXPECT_EQ(taken_by(one.first), one.second) << one.first;
}

TEST(ShipVerdict, RefusesConditionsThatEachServerReadsItsOwnWay) {
  const TableSchema schema = every_class();
  EXPECT_TRUE(ships("DELETE FROM t WHERE i = 1 AND b = x'41' AND s IN ('a', x'41')", schema));
  for (const char* where : {"d = x'41'", "b <> x'41'", "NOT (b = x'41')", "at > NOW()", "at = '1.2.3.4'", "f = 1e0",
                            "s LIKE 'x%'", "d & 1", "at < CURRENT_TIMESTAMP", "CONCAT(x'41') = s"}) {
    refusal("DELETE FROM t WHERE i = 1 AND " + std::string(where), schema);
  }
}

// id INT PRIMARY KEY, v VARCHAR in utf8mb4, l VARCHAR in latin1, b VARBINARY, j JSON
TableSchema with_texts() {
  TableSchema schema;
  schema.columns = {column("id", ColumnClass::integer), column("v", ColumnClass::text), column("l", ColumnClass::text),
                    column("b", ColumnClass::binary), column("j", ColumnClass::json)};
  schema.columns[1].charset = schema.columns[4].charset = "utf8mb4";
  schema.columns[2].charset = "latin1";
  schema.primary_key = {"id"};
  return schema;
}

TEST(ShipVerdict, TextsArriveAsTheyAre) {
  const auto arrives = [](const std::string& assignment, const WriterSession& session = {}) {
    return judge("UPDATE t SET " + assignment + " WHERE id = 1", with_texts(), nullptr, session).shippable;
  };
  for (const char* good : {"v = '\xc3\xa9'", "l = '\xe2\x82\xac'", "b = '\xff'", "b = _binary'\xff'", "v = X'C3A9'",
                           "v = _latin1'\xe9'", "l = 0xff", "v = CONCAT(v, '\xc3\xa9')"}) {
    EXPECT_TRUE(arrives(good)) << good;
  }
  for (const char* bad : {"v = '\xff'", "l = '\xe6\x97\xa5'", "v = _binary'\xff'", "v = X'ff'", "v = 0xFF",
                          "v = CONCAT(v, '\xff')", "j = '\"\xff\"'", "v = b'11111111'"}) {
    EXPECT_FALSE(arrives(bad)) << bad;
  }
  EXPECT_FALSE(arrives("id = IF(v = '\xff', 1, 2)")) << "it is compared as a text";
  WriterSession bytes;
  bytes.text.client = bytes.text.connection = "binary";
  EXPECT_FALSE(arrives("j = '{}'", bytes));
  EXPECT_TRUE(arrives("v = '\xc3\xa9'", bytes));
  WriterSession chinese;
  chinese.text.client = chinese.text.connection = "gbk";
  EXPECT_FALSE(arrives("v = '\xb0\xa1'", chinese));
  chinese.text.strict = true;
  EXPECT_TRUE(arrives("v = '\xb0\xa1'", chinese));
  EXPECT_FALSE(judge("INSERT IGNORE INTO t (id, v) VALUES (1, '\xb0\xa1')", with_texts(), nullptr, chinese).shippable);
}

TEST(ShipVerdict, WhatAWhereComparesIsWellFormed) {
  EXPECT_FALSE(ships("DELETE FROM t WHERE id = 1 AND v = '\xff'", with_texts()));
  EXPECT_FALSE(ships("DELETE FROM t WHERE id = 1 AND v <> '\xff'", with_texts()));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = 1 AND v = '\xc3\xa9' AND b = '\xff'", with_texts()));
  for (const std::string text : {"\xff", "\xc3\xa9"}) {
    Parameter parameter;
    parameter.type.type = static_cast<std::uint8_t>(ColumnType::var_string);
    parameter.value = protocol::Buffer(text.begin(), text.end());
    const std::vector<Parameter> bound = {parameter};
    const ShipVerdict verdict = judge("DELETE FROM t WHERE id = 1 AND v <> ?", with_texts(), &bound);
    EXPECT_EQ(verdict.shippable, text != "\xff") << verdict.refusal;
  }
}

TEST(ShipVerdict, JudgesParametersByTheirColumn) {
  const TableSchema schema = every_class();
  const auto taken = [&schema](ColumnType type, const std::string& bytes) {
    Parameter bound;
    bound.type.type = static_cast<std::uint8_t>(type);
    bound.value.assign(bytes.begin(), bytes.end());
    const std::vector<Parameter> parameters = {bound};
    std::string out;
    for (const Column& one : schema.columns) {
      out += judge("UPDATE t SET " + one.name + " = ? WHERE i = 1", schema, &parameters).shippable ? 'y' : '-';
    }
    return out;
  };
  EXPECT_EQ(taken(ColumnType::tiny, "\5"), "yyyy---y--y--");
  EXPECT_EQ(taken(ColumnType::double_, "12345678"), "--y----------");
  EXPECT_EQ(taken(ColumnType::double_, std::string("\0\0\0\0\0\0\x45\x40", 8)), "yyy-------y--");  // 42
  EXPECT_EQ(taken(ColumnType::double_, std::string("\0\0\0\0\0\0\xf8\x3f", 8)), "--y----------");  // 1.5
  EXPECT_EQ(taken(ColumnType::datetime, ""), "-----y------y");
  // length, date, time, and microseconds: none, and 500,000
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\0\0\0\0", 11)), "-----y------y");
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\x20\xa1\7\0", 11)), "-----y-------");
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\1\0\0\0", 11)), "-----y-------");
  EXPECT_EQ(taken(ColumnType::time, ""), "---------y---");
  const std::string last("\0\x22\0\0\0\x16\x3b\x3b", 8);  // 34 days 22:59:59
  EXPECT_EQ(taken(ColumnType::time, last), "---------y---");
  EXPECT_EQ(taken(ColumnType::time, last + std::string(4, '\0')), "---------y---");
  EXPECT_EQ(taken(ColumnType::time, last + std::string("\1\0\0\0", 4)), "-------------");
  EXPECT_EQ(taken(ColumnType::time, std::string("\1\x22\0\0\0\x17\0\0", 8)), "-------------");
  EXPECT_EQ(taken(ColumnType::newdecimal, "1.5"), "-yyyy-y-y----");
  EXPECT_EQ(taken(ColumnType::var_string, "x"), "---yy-y-y----");
  EXPECT_EQ(taken(ColumnType::blob, "2024-02-29"), "---yyy--y---y");
  EXPECT_EQ(taken(ColumnType::geometry, "x"), "-------------");
}

TEST(ShipVerdict, JudgesParametersWithinExpressions) {
  Parameter word = integer(5);
  word.type.type = static_cast<std::uint8_t>(ColumnType::var_string);
  const std::vector<Parameter> numbers = {integer(5), integer(6)};
  const std::vector<Parameter> text_first = {word, integer(6)};
  const std::vector<Parameter> text_second = {integer(6), word};
  const char* sql = "UPDATE t SET a = a + ?, s = CONCAT(s, ?) WHERE id = 5";
  EXPECT_TRUE(judge(sql, plain(), &numbers).shippable);
  EXPECT_TRUE(judge(sql, plain(), &text_second).shippable);
  EXPECT_THAT(judge(sql, plain(), &text_first).refusal, HasSubstr("column 'a'"));
  const std::vector<Parameter> one = {integer(5)};
  EXPECT_THAT(judge(sql, plain(), &one).refusal, HasSubstr("missing"));
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
