#include "dualwrite/trigger/capture_control.h"

#include <gtest/gtest.h>

#include "dualwrite/ddl.h"

namespace crossfade::dualwrite {
namespace {

TableDefinition sample_definition() {
  TableDefinition definition;
  definition.name = {.schema = "app", .table = "t:1"};
  definition.engine = "InnoDB";
  definition.charset = "utf8mb4";
  definition.collation = "utf8mb4_bin";
  DefinedColumn id;
  id.name = "id";
  id.data_type = "int";
  id.column_type = "int(11)";
  id.nullable = false;
  id.auto_increment = true;
  id.precision = 10;
  id.scale = 0;
  DefinedColumn text;
  text.name = "5:x";
  text.data_type = "varchar";
  text.column_type = "varchar(40)";
  text.charset = "latin1";
  text.collation = "latin1_swedish_ci";
  text.length = 40;
  text.invisible = true;
  text.on_update_now = true;
  DefinedColumn sum;
  sum.name = "sum";
  sum.data_type = "bigint";
  sum.column_type = "bigint unsigned";
  sum.is_unsigned = true;
  sum.generated = DefinedColumn::Generated::stored;
  definition.columns = {id, text, sum};
  DefinedKey key{.name = "PRIMARY", .unique = true, .parts = {}, .type = "BTREE"};
  key.parts.push_back({.column = "id", .prefix = std::nullopt, .descending = false, .expression = ""});
  key.parts.push_back({.column = "5:x", .prefix = 10, .descending = true, .expression = ""});
  definition.keys = {key};
  return definition;
}

TEST(DefinitionRecord, GivesBackWhatACaptureDependsOn) {
  const CaptureRecord record{
      .definition = sample_definition(), .referenced = {{"id"}, {"id", "5:x"}}, .ids = "#p#a:12 #p#b:13"};
  const auto read = parse_definition_record(definition_record(record));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->definition, record.definition);
  EXPECT_EQ(read->referenced, record.referenced);
  EXPECT_EQ(read->ids, record.ids);
}

TEST(DefinitionRecord, CutOrLengthenedAtAnyPlaceIsAnError) {
  const std::string record = definition_record({.definition = sample_definition()});
  for (std::size_t bytes = 0; bytes < record.size(); ++bytes) {
    EXPECT_FALSE(parse_definition_record(std::string_view(record).substr(0, bytes)).ok()) << bytes;
  }
  EXPECT_FALSE(parse_definition_record(record + "1:x").ok());
}

protocol::ResultSet settings(const std::string& log, const std::string& format, const std::string& mode,
                             const std::string& flush, const protocol::Cell& native = std::nullopt) {
  protocol::ResultSet result;
  result.rows.push_back({log, format, mode, flush, native});
  return result;
}

TEST(JudgeCapture, TakesALeaderWithoutALogAndOneThatLogsRows) {
  EXPECT_TRUE(judge_capture(settings("0", "STATEMENT", "1", "1"))->empty());
  EXPECT_TRUE(judge_capture(settings("1", "ROW", "2", "1"))->empty());
  EXPECT_TRUE(judge_capture(settings("1", "MIXED", "2", "1"))->empty());
}

TEST(JudgeCapture, ForeignKeysAboveInnoDbAreNoReasonToRefuseTheLeader) {
  EXPECT_TRUE(judge_capture(settings("0", "ROW", "2", "1", "OFF"))->empty());
  EXPECT_TRUE(enforces_keys_above_innodb(settings("0", "ROW", "2", "1", "OFF")));
  EXPECT_FALSE(enforces_keys_above_innodb(settings("0", "ROW", "2", "1", "ON")));
  EXPECT_FALSE(enforces_keys_above_innodb(settings("0", "ROW", "2", "1", std::nullopt))) << "before MySQL 9.6";
}

TEST(UnseenCascade, IsOfAForeignKeyThatChangesRows) {
  TableDefinition table = sample_definition();
  EXPECT_EQ(unseen_cascade(table), "");
  DefinedForeignKey key{.name = "of_p",
                        .columns = {"id"},
                        .parent = {.schema = "app", .table = "p"},
                        .parent_columns = {"id"},
                        .on_update = "RESTRICT",
                        .on_delete = "NO ACTION"};
  table.foreign_keys = {key};
  EXPECT_EQ(unseen_cascade(table), "");
  table.foreign_keys[0].on_update = "CASCADE";
  EXPECT_EQ(unseen_cascade(table).substr(0, 45), "its foreign key of_p is ON UPDATE CASCADE, wh");
  table.foreign_keys[0].on_delete = "SET NULL";
  EXPECT_EQ(unseen_cascade(table).substr(0, 46), "its foreign key of_p is ON DELETE SET NULL, wh");
}

TEST(JudgeCapture, NamesEachSettingThatIsInTheWay) {
  const auto problems = judge_capture(settings("1", "STATEMENT", "0", "2"));
  ASSERT_TRUE(problems.ok());
  ASSERT_EQ(problems->size(), 3u);
  EXPECT_EQ((*problems)[0].setting, "binlog_format");
  EXPECT_EQ((*problems)[1].setting, "innodb_autoinc_lock_mode");
  EXPECT_EQ((*problems)[2].setting, "innodb_flush_log_at_trx_commit");
}

TEST(CapturedFrom, ReadsNumbersAndStates) {
  protocol::ResultSet result;
  result.rows.push_back({"7", "live", definition_record({.definition = sample_definition()})});
  result.rows.push_back({"8", "making", definition_record({.definition = sample_definition()})});
  result.rows.push_back({"9", "retired", definition_record({.definition = sample_definition()})});
  const auto records = captured_from(result);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[0].number, 7u);
  EXPECT_EQ((*records)[0].state, CaptureState::live);
  EXPECT_EQ((*records)[1].state, CaptureState::making);
  EXPECT_EQ((*records)[2].state, CaptureState::retired);
}

TEST(SqlModeBits, AreTheInverseOfTheirText) {
  for (const bool mariadb : {true, false}) {
    for (int bit = 0; bit < 36; ++bit) {
      const std::string text = sql_mode_text(std::uint64_t{1} << bit, mariadb);
      if (text.empty()) continue;
      EXPECT_EQ(sql_mode_bits(text, mariadb), std::uint64_t{1} << bit) << text;
      EXPECT_EQ(sql_mode_bits("STRICT_ALL_TABLES," + text, mariadb),
                (std::uint64_t{1} << bit) | sql_mode_bits("STRICT_ALL_TABLES", mariadb));
    }
  }
  EXPECT_EQ(sql_mode_bits("", true), 0u);
}

}  // namespace
}  // namespace crossfade::dualwrite
