#include "dualwrite/inline/apply_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/session_text.h"
#include "tests/unit/dualwrite/inline/entries.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = FollowerCommand::Kind;

constexpr FollowerTraits kToMysql{.follower_is_mariadb = false, .leader_is_mariadb = true};
constexpr FollowerTraits kToMariadb{.follower_is_mariadb = true, .leader_is_mariadb = false};

OutboxRow simple_row(std::uint64_t id, std::uint8_t key, const std::string& table = "t") {
  return row_of(id, key, encode_entry(entry_of(record_of("DELETE FROM " + table, table))));
}

// One entry cut into rows of `bytes`.
std::vector<OutboxRow> cut(std::uint64_t first_id, std::uint8_t key, const Entry& entry, std::size_t bytes) {
  const Buffer payload = encode_entry(entry);
  std::vector<OutboxRow> rows;
  for (std::size_t at = 0; at < payload.size(); at += bytes) {
    const std::size_t end = std::min(payload.size(), at + bytes);
    rows.push_back(row_of(
        first_id + rows.size(), key,
        Buffer(payload.begin() + static_cast<std::ptrdiff_t>(at), payload.begin() + static_cast<std::ptrdiff_t>(end))));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].part = static_cast<std::uint16_t>(i);
    rows[i].parts = static_cast<std::uint16_t>(rows.size());
  }
  return rows;
}

Transaction transaction_of(const Entry& entry, std::uint8_t key = 1) {
  Joined joined = join_rows({row_of(1, key, encode_entry(entry))});
  return joined.transactions.at(0);
}

std::vector<std::string> texts(const std::vector<FollowerCommand>& commands) {
  std::vector<std::string> out;
  for (const FollowerCommand& command : commands) out.push_back(command.sql);
  return out;
}

TEST(JoinRows, GivesTransactionsInTheOrderOfTheirIds) {
  const Joined joined = join_rows({simple_row(9, 1), simple_row(3, 2), simple_row(5, 3)});
  ASSERT_EQ(joined.transactions.size(), 3u);
  EXPECT_EQ(joined.transactions[0].first_id, 3u);
  EXPECT_EQ(joined.transactions[1].first_id, 5u);
  EXPECT_EQ(joined.transactions[2].first_id, 9u);
  EXPECT_EQ(joined.transactions[0].key, key_of(2));
}

TEST(JoinRows, JoinsPartsThatOtherTransactionsCameBetween) {
  const Entry entry = entry_of(record_of("UPDATE t SET a = 1"));
  std::vector<OutboxRow> rows = cut(1, 1, entry, 20);
  ASSERT_GE(rows.size(), 3u);
  rows.back().id = 100;
  rows.insert(rows.begin() + 1, simple_row(50, 2));
  const std::size_t count = rows.size() - 1;
  const Joined joined = join_rows(std::move(rows));
  ASSERT_EQ(joined.transactions.size(), 2u);
  EXPECT_EQ(joined.transactions[0].entry, entry);
  EXPECT_EQ(joined.transactions[0].ids.size(), count);
  EXPECT_EQ(joined.transactions[0].ids.back(), 100u);
  EXPECT_EQ(joined.transactions[0].payload_bytes, encode_entry(entry).size());
}

TEST(JoinRows, NamesWhatIsNotThereYet) {
  std::vector<OutboxRow> rows = cut(1, 1, entry_of(record_of("UPDATE t SET a = 1")), 20);
  rows.pop_back();
  const Joined joined = join_rows(std::move(rows));
  EXPECT_TRUE(joined.transactions.empty());
  EXPECT_TRUE(joined.broken.empty());
  EXPECT_THAT(joined.incomplete, ElementsAre(key_of(1)));
}

TEST(JoinRows, CountsARowThatCameTwiceOnce) {
  std::vector<OutboxRow> rows = cut(1, 1, entry_of(record_of("UPDATE t SET a = 1")), 20);
  const std::size_t count = rows.size();
  rows.push_back(rows[0]);
  const Joined joined = join_rows(std::move(rows));
  ASSERT_EQ(joined.transactions.size(), 1u);
  EXPECT_EQ(joined.transactions[0].ids.size(), count);
}

TEST(JoinRows, BreaksOnPartsThatContradictEachOther) {
  OutboxRow first = simple_row(1, 1);
  OutboxRow again = simple_row(2, 1);
  EXPECT_EQ(join_rows({first, again}).broken.size(), 1u) << "the same part under two ids";
  again.parts = 2;
  again.part = 1;
  EXPECT_EQ(join_rows({first, again}).broken.size(), 1u) << "two numbers of parts";
}

TEST(JoinRows, BreaksOneTransactionAndKeepsTheOthers) {
  const Joined joined = join_rows({row_of(1, 1, Buffer{9, 9}), simple_row(2, 2)});
  ASSERT_EQ(joined.broken.size(), 1u);
  EXPECT_EQ(joined.broken[0].key, key_of(1));
  EXPECT_THAT(joined.broken[0].ids, ElementsAre(1u));
  EXPECT_THAT(joined.broken[0].why, HasSubstr("version"));
  EXPECT_EQ(joined.transactions.size(), 1u);
}

TEST(JoinRows, FillsTheOutcomeOfAnAutocommitWrite) {
  StatementRecord record = record_of("INSERT INTO t(a) VALUES (1)");
  record.generates_id = true;
  record.timestamp = "";
  OutboxRow row = row_of(1, 1, encode_entry(entry_of(record)));
  row.affected = 1;
  row.insert_id = 77;
  row.at = "12.5";
  const Joined joined = join_rows({row});
  ASSERT_EQ(joined.transactions.size(), 1u);
  const StatementRecord& filled = joined.transactions[0].entry.statements[0];
  EXPECT_EQ(filled.affected, 1);
  EXPECT_EQ(filled.insert_id, 77u);
  EXPECT_EQ(filled.timestamp, "12.5");
}

TEST(JoinRows, LeavesAnOldInsertIdAlone) {
  OutboxRow row = row_of(1, 1, encode_entry(entry_of(record_of("UPDATE t SET a = 1"))));
  row.affected = 1;
  row.insert_id = 77;
  row.at = "12.5";
  const StatementRecord explicit_id = join_rows({row}).transactions.at(0).entry.statements[0];
  EXPECT_FALSE(explicit_id.insert_id);
  EXPECT_FALSE(explicit_id.timestamp);
  StatementRecord ignored = record_of("INSERT IGNORE INTO t(a) VALUES (1)");
  ignored.generates_id = true;
  row.payload = encode_entry(entry_of(ignored));
  row.affected = 0;
  EXPECT_FALSE(join_rows({row}).transactions.at(0).entry.statements[0].insert_id);
}

TEST(JoinRows, KeepsAnOutcomeThatTheEntryCarriesItself) {
  StatementRecord record = record_of("INSERT INTO t(a) VALUES (1)");
  record.generates_id = true;
  record.affected = 2;
  record.insert_id = 5;
  record.timestamp = "3";
  OutboxRow row = row_of(1, 1, encode_entry(entry_of(record)));
  row.affected = 1;
  row.insert_id = 77;
  row.at = "12.5";
  EXPECT_EQ(join_rows({row}).transactions.at(0).entry.statements[0], record);
}

TEST(JoinRows, BreaksWhenATimeIsNowhere) {
  StatementRecord record = record_of("x");
  record.timestamp = "";
  EXPECT_EQ(join_rows({row_of(1, 1, encode_entry(entry_of(record)))}).broken.size(), 1u);
  Entry two = entry_of(record);
  two.statements.push_back(record_of("y"));
  OutboxRow row = row_of(1, 1, encode_entry(two));
  row.at = "1";
  EXPECT_EQ(join_rows({row}).broken.size(), 1u) << "the row's time is that of its last statement";
}

TEST(JoinRows, BreaksOnWhatWouldEscapeFromItsPlaceInAStatement) {
  const auto broken = [](const Entry& entry) { return join_rows({row_of(1, 1, encode_entry(entry))}).broken.size(); };
  Entry entry = entry_of(record_of("x"));
  EXPECT_EQ(broken(entry), 0u);
  entry.contexts[0].sql_mode = "a',x='";
  EXPECT_EQ(broken(entry), 1u);
  entry = entry_of(record_of("x"));
  entry.contexts[0].time_zone = "\\";
  EXPECT_EQ(broken(entry), 1u);
  entry = entry_of(record_of("x"));
  entry.contexts[0].character_set_client = "utf8;";
  EXPECT_EQ(broken(entry), 1u);
  entry = entry_of(record_of("x"));
  entry.contexts[0].collation_connection = "\"";
  EXPECT_EQ(broken(entry), 1u);
  entry = entry_of(record_of("x"));
  entry.contexts[0].schema = std::string(1, '\0');
  EXPECT_EQ(broken(entry), 1u);
  entry = entry_of(record_of("x"));
  entry.statements[0].timestamp = "1,sql_log_bin=0";
  EXPECT_EQ(broken(entry), 1u);
  EXPECT_EQ(broken(entry_of(record_of(""))), 1u);
}

TEST(PlanCommands, SetsTheContextOnceForAll) {
  std::optional<StatementContext> current;
  const std::vector<Transaction> all = {transaction_of(entry_of(record_of("A"))),
                                        transaction_of(entry_of(record_of("B")))};
  const std::vector<FollowerCommand> commands = plan_commands(all, kToMysql, current);
  EXPECT_THAT(texts(commands),
              ElementsAre("SET character_set_client='utf8mb4',collation_connection='utf8mb4_general_ci',"
                          "time_zone='+00:00',sql_mode='STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL',"
                          "foreign_key_checks=1,unique_checks=1,auto_increment_increment=1,auto_increment_offset=1,"
                          "default_week_format=0,div_precision_increment=4,lc_time_names='en_US',sql_auto_is_null=0",
                          "USE `shop`", "A", "B"));
  EXPECT_EQ(commands[0].kind, Kind::context);
  EXPECT_EQ(commands[2].kind, Kind::statement);
  EXPECT_EQ(commands[3].transaction, 1u);
  EXPECT_EQ(current, context_of("shop"));
  EXPECT_THAT(texts(plan_commands({all[0]}, kToMysql, current)), ElementsAre("A"));
}

TEST(PlanCommands, ChangesOnlyWhatChanged) {
  std::optional<StatementContext> current = context_of("shop");
  Entry entry = entry_of(record_of("A"));
  entry.contexts[0].schema = "o`ther";
  EXPECT_THAT(texts(plan_commands({transaction_of(entry)}, kToMysql, current)), ElementsAre("USE `o``ther`", "A"));
  entry.contexts[0].foreign_key_checks = false;
  EXPECT_THAT(texts(plan_commands({transaction_of(entry)}, kToMysql, current)),
              ElementsAre(HasSubstr("foreign_key_checks=0"), "A"));
}

TEST(PlanCommands, RemembersTheSchemaThatASessionWithoutOneStillHas) {
  std::optional<StatementContext> current = context_of("shop");
  Entry without = entry_of(record_of("DELETE FROM s.t"));
  without.contexts[0].schema = "";
  const Entry with = entry_of(record_of("B"));
  EXPECT_THAT(texts(plan_commands({transaction_of(without), transaction_of(with)}, kToMysql, current)),
              ElementsAre("DELETE FROM s.t", "B"));
  current = std::nullopt;
  EXPECT_THAT(texts(plan_commands({transaction_of(without), transaction_of(with)}, kToMysql, current)),
              ElementsAre(HasSubstr("SET "), "DELETE FROM s.t", "USE `shop`", "B"));
}

TEST(PlanCommands, PinsWhatTheLeaderSawAndFreesItAgain) {
  std::optional<StatementContext> current = context_of("shop");
  StatementRecord record = record_of("INSERT INTO t(a) VALUES (RAND())");
  record.generates_id = true;
  record.affected = 1;
  record.insert_id = 5;
  record.timestamp = "12.5";
  record.seeds = RandSeeds{7, 8};
  EXPECT_THAT(texts(plan_commands({transaction_of(entry_of(record))}, kToMysql, current)),
              ElementsAre("SET timestamp=12.5,insert_id=5,rand_seed1=7,rand_seed2=8", record.sql,
                          "SET timestamp=DEFAULT,insert_id=0"));
}

TEST(PlanCommands, PinsNoIdWhereNoneWasMade) {
  std::optional<StatementContext> current = context_of("shop");
  StatementRecord record = record_of("INSERT IGNORE INTO t(a) VALUES (1)");
  record.generates_id = true;
  record.insert_id = 0;
  EXPECT_THAT(texts(plan_commands({transaction_of(entry_of(record))}, kToMysql, current)), ElementsAre(record.sql));
  record.generates_id = false;
  record.insert_id = 5;
  EXPECT_THAT(texts(plan_commands({transaction_of(entry_of(record))}, kToMysql, current)), ElementsAre(record.sql));
}

TEST(PlanCommands, KeepsPreparedStatementsOfDifferentSchemasApart) {
  StatementRecord record = record_of("DELETE FROM t WHERE id = ?");
  record.prepared = true;
  record.parameters = {1, 2, 3};
  record.found_rows = true;
  record.affected = 1;
  Entry other = entry_of(record);
  other.contexts[0].schema = "other";
  std::optional<StatementContext> current = context_of("shop");
  const std::vector<FollowerCommand> commands =
      plan_commands({transaction_of(entry_of(record)), transaction_of(other)}, kToMysql, current);
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_EQ(commands[0].kind, Kind::execute);
  EXPECT_EQ(commands[0].payload, record.parameters);
  EXPECT_EQ(commands[0].affected, 1);
  EXPECT_TRUE(commands[0].found_rows);
  EXPECT_EQ(commands[0].table, record.table);
  EXPECT_NE(commands[0].statement_key, commands[2].statement_key);
}

TEST(SameOutcome, ComparesChangedRows) {
  FollowerCommand command;
  EXPECT_TRUE(same_outcome(command, 5, "")) << "nothing is known of the leader";
  command.affected = 1;
  EXPECT_TRUE(same_outcome(command, 1, "Rows matched: 2  Changed: 1  Warnings: 0"));
  EXPECT_FALSE(same_outcome(command, 0, "Rows matched: 1  Changed: 0  Warnings: 0"));
  command.affected = -1;
  EXPECT_FALSE(same_outcome(command, ~std::uint64_t{0}, ""));
}

TEST(SameOutcome, ComparesMatchedRowsWhereTheClientCountsThem) {
  FollowerCommand command;
  command.affected = 12;
  command.found_rows = true;
  EXPECT_TRUE(same_outcome(command, 0, "Rows matched: 12  Changed: 0  Warnings: 0"));
  EXPECT_FALSE(same_outcome(command, 12, "Rows matched: 11  Changed: 11  Warnings: 0"));
  EXPECT_TRUE(same_outcome(command, 12, "Records: 12  Duplicates: 0  Warnings: 0"));
  EXPECT_TRUE(same_outcome(command, 12, ""));
}

TEST(IsTransient, TellsTheServersStateFromTheStatementsFault) {
  for (const int code : {1020, 1205, 1213, 1053, 2006, 2013, 1927, 1290, 4031}) {
    EXPECT_TRUE(is_transient(static_cast<std::uint16_t>(code))) << code;
  }
  for (const int code : {0, 1062, 1064, 1146, 1452, 1048, 1264, 1054, 1305}) {
    EXPECT_FALSE(is_transient(static_cast<std::uint16_t>(code))) << code;
  }
}

TEST(HoldDependents, HoldsWhatTouchesAParkedTableDirectlyOrNot) {
  const auto on = [](std::uint8_t key, std::vector<std::string> tables) {
    Entry entry = entry_of(record_of("x", tables[0]));
    for (std::size_t i = 1; i < tables.size(); ++i) entry.statements.push_back(record_of("x", tables[i]));
    return transaction_of(entry, key);
  };
  const std::vector<Transaction> all = {on(1, {"a"}), on(2, {"b"}), on(3, {"b", "c"}), on(4, {"c", "d"}),
                                        on(5, {"a"}), on(6, {"e"}), on(7, {"d"})};
  const Schedule schedule = hold_dependents(all, {key_of(3)}, {{"shop", "e"}});
  EXPECT_THAT(schedule.runnable, ElementsAre(0u, 1u, 4u));
  EXPECT_THAT(schedule.held, ElementsAre(2u, 3u, 5u, 6u));
}

TEST(HoldDependents, RunsAllWhenNothingIsParked) {
  const Schedule schedule = hold_dependents({transaction_of(entry_of(record_of("x")))}, {}, {{"other", "t"}});
  EXPECT_THAT(schedule.runnable, ElementsAre(0u));
  EXPECT_TRUE(schedule.held.empty());
}

TEST(TranslateSqlMode, DropsWhatMysqlDoesNotKnowAndTruncatesAsMariadbDoes) {
  EXPECT_EQ(translate_sql_mode("STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION", kToMysql),
            "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,TIME_TRUNCATE_FRACTIONAL");
  EXPECT_EQ(translate_sql_mode("", kToMysql), "TIME_TRUNCATE_FRACTIONAL");
  EXPECT_EQ(translate_sql_mode("TIME_ROUND_FRACTIONAL", kToMysql), "");
  EXPECT_EQ(translate_sql_mode("PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,POSTGRESQL,NO_KEY_OPTIONS,NO_TABLE_OPTIONS,"
                               "NO_FIELD_OPTIONS,time_round_fractional",
                               kToMysql),
            "PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE");
}

TEST(TranslateSqlMode, RoundsOnMariadbAsMysqlDoes) {
  EXPECT_EQ(translate_sql_mode("STRICT_TRANS_TABLES", kToMariadb), "STRICT_TRANS_TABLES,TIME_ROUND_FRACTIONAL");
  EXPECT_EQ(translate_sql_mode("TIME_TRUNCATE_FRACTIONAL,ANSI_QUOTES", kToMariadb), "ANSI_QUOTES");
}

TEST(TranslateSqlMode, LeavesModesOfTheSameMakeAlone) {
  EXPECT_EQ(translate_sql_mode("NO_AUTO_CREATE_USER", {.follower_is_mariadb = true, .leader_is_mariadb = true}),
            "NO_AUTO_CREATE_USER");
}

TEST(UntranslatableSqlMode, NamesAModeThatChangesWhatAWriteMeans) {
  EXPECT_EQ(untranslatable_sql_mode("STRICT_TRANS_TABLES,EMPTY_STRING_IS_NULL", kToMysql), "EMPTY_STRING_IS_NULL");
  EXPECT_EQ(untranslatable_sql_mode("SIMULTANEOUS_ASSIGNMENT", kToMysql), "SIMULTANEOUS_ASSIGNMENT");
  EXPECT_EQ(untranslatable_sql_mode("STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER", kToMysql), "");
  EXPECT_EQ(untranslatable_sql_mode("ORACLE", {.follower_is_mariadb = true, .leader_is_mariadb = true}), "");
}

TEST(TranslateCollation, FindsTheNearestOfTheOtherMake) {
  EXPECT_EQ(translate_collation("utf8mb4_0900_ai_ci", kToMariadb), "utf8mb4_unicode_520_nopad_ci");
  EXPECT_EQ(translate_collation("utf8mb4_tr_0900_ai_ci", kToMariadb), "utf8mb4_unicode_520_nopad_ci");
  EXPECT_EQ(translate_collation("utf8mb4_0900_as_cs", kToMariadb), "utf8mb4_nopad_bin");
  EXPECT_EQ(translate_collation("utf8mb3_tolower_ci", kToMariadb), "utf8_general_ci");
  EXPECT_EQ(translate_collation("utf8mb4_thai_520_w2", kToMysql), "utf8mb4_unicode_520_ci");
  EXPECT_EQ(translate_collation("utf8mb4_0900_bin", kToMariadb), "utf8mb4_nopad_bin");
  EXPECT_EQ(translate_collation("utf8mb3_general_ci", kToMariadb), "utf8_general_ci");
  EXPECT_EQ(translate_collation("utf8_general_ci", kToMysql), "utf8mb3_general_ci");
  EXPECT_EQ(translate_collation("utf8mb4_uca1400_ai_ci", kToMysql), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(translate_collation("utf8mb4_uca1400_nopad_as_cs", kToMysql), "utf8mb4_0900_as_cs");
  EXPECT_EQ(translate_collation("utf8mb4_nopad_bin", kToMysql), "utf8mb4_0900_bin");
  EXPECT_EQ(translate_collation("uca1400_ai_ci", kToMysql), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(translate_collation("utf8mb3_uca1400_ai_ci", kToMysql), "utf8mb3_unicode_ci");
  EXPECT_EQ(translate_collation("latin1_swedish_nopad_ci", kToMysql), "latin1_swedish_ci");
  EXPECT_EQ(translate_collation("latin1_swedish_ci", kToMysql), "latin1_swedish_ci");
  EXPECT_EQ(translate_collation("utf8mb4_bin", kToMariadb), "utf8mb4_bin");
  EXPECT_EQ(translate_collation("utf8mb4_0900_bin", {.follower_is_mariadb = false, .leader_is_mariadb = false}),
            "utf8mb4_0900_bin");
}

TEST(SetContext, KeepsTheSetOfTheClientApartFromThatOfTheConnection) {
  StatementContext context = context_of("shop");
  context.character_set_client = "utf8mb3";
  context.collation_connection = "latin1_swedish_ci";
  const std::string sql = set_context(context, kToMariadb);
  EXPECT_THAT(sql, HasSubstr("character_set_client='utf8',collation_connection='latin1_swedish_ci'"));
  context.character_set_client = "utf8";
  EXPECT_THAT(set_context(context, kToMysql), HasSubstr("character_set_client='utf8mb3'"));
}

TEST(SetContext, LeavesOutWhatTheEntryDoesNotSay) {
  EXPECT_EQ(set_context(StatementContext{}, {.follower_is_mariadb = true, .leader_is_mariadb = true}),
            "SET sql_mode='',foreign_key_checks=1,unique_checks=1,auto_increment_increment=1,auto_increment_offset=1"
            ",default_week_format=0,div_precision_increment=4,lc_time_names='en_US',sql_auto_is_null=0");
}

TEST(SetContext, GivesCarriedVariablesTheEntrysValueOrTheNeutralOne) {
  StatementContext context = context_of("shop");
  context.variables = {{"div_precision_increment", "6"}, {"lc_time_names", "de_DE"}};
  const std::string sql = set_context(context, kToMysql);
  EXPECT_THAT(sql, HasSubstr(",div_precision_increment=6,lc_time_names='de_DE'"));
  EXPECT_EQ(broken_context(context), "");
}

TEST(SetContext, AVariableThatIsNotCarriedBreaksTheEntry) {
  StatementContext context = context_of("shop");
  context.variables = {{"sql_log_bin", "0"}};
  EXPECT_NE(broken_context(context), "");
  context.variables = {{"nonsense", "0"}};
  EXPECT_NE(broken_context(context), "");
  context.variables = {{"lc_time_names", "a'"}};
  EXPECT_NE(broken_context(context), "");
}

}  // namespace
}  // namespace crossfade::dualwrite
