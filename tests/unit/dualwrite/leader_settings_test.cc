#include "dualwrite/leader_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

protocol::ResultSet one_row(std::vector<protocol::Cell> cells) {
  protocol::ResultSet result;
  result.rows.push_back(std::move(cells));
  return result;
}

// log_bin, server_id, binlog_format, image, metadata, sync_binlog, flush, [MySQL: value options], identity.
protocol::ResultSet mariadb_settings() { return one_row({"1", "7", "ROW", "FULL", "FULL", "1", "1", "7", "0"}); }
protocol::ResultSet mysql_settings() {
  return one_row({"1", "7", "ROW", "FULL", "FULL", "1", "1", "", "3E11FA47-71CA-11E1-9E33-C80AA9429562", "ON", "OFF"});
}
protocol::ResultSet log_end() { return one_row({"bin.000001", "4", "", ""}); }

TEST(LeaderSettings, AsksForAsManyValuesAsItJudges) {
  const auto count = [](const std::string& sql) { return std::count(sql.begin(), sql.end(), ','); };
  EXPECT_EQ(count(leader_settings_query(true)), 8);
  EXPECT_EQ(count(leader_settings_query(false)), 10);
}

TEST(LeaderSettings, WhoLogsCascades) {
  const auto logs = [](const protocol::ResultSet& settings, bool mariadb) {
    return judge_leader(settings, log_end(), mariadb)->identity.logs_cascades;
  };
  EXPECT_FALSE(logs(mariadb_settings(), true));
  protocol::ResultSet mysql = mysql_settings();
  EXPECT_TRUE(logs(mysql, false));
  mysql.rows.front().back() = "ON";
  EXPECT_FALSE(logs(mysql, false)) << "InnoDB does it, past the log";
  mysql.rows.front().back() = std::nullopt;
  EXPECT_FALSE(logs(mysql, false)) << "before 9.6 there was no other way";
}

TEST(LeaderSettings, FindsNothingWhereEverythingIsSet) {
  const auto mariadb = judge_leader(mariadb_settings(), log_end(), true);
  ASSERT_TRUE(mariadb.ok());
  EXPECT_THAT(mariadb->problems, IsEmpty());
  EXPECT_EQ(mariadb->identity.server, "server_id=7,domain=0");
  EXPECT_TRUE(mariadb->identity.gtids);
  const auto mysql = judge_leader(mysql_settings(), log_end(), false);
  ASSERT_TRUE(mysql.ok());
  EXPECT_THAT(mysql->problems, IsEmpty());
  EXPECT_EQ(mysql->identity.server, "3E11FA47-71CA-11E1-9E33-C80AA9429562");
  EXPECT_TRUE(mysql->identity.gtids);
}

TEST(LeaderSettings, NamesEachMissingSettingWithTheStatementThatMendsIt) {
  struct Case {
    std::size_t column;
    const char* value;
    const char* setting;
    const char* advice;
  };
  const Case cases[] = {{0, "0", "log_bin", "--log-bin"},
                        {1, "0", "server_id", "SET GLOBAL server_id"},
                        {2, "MIXED", "binlog_format", "SET GLOBAL binlog_format='ROW'"},
                        {3, "MINIMAL", "binlog_row_image", "SET GLOBAL binlog_row_image='FULL'"},
                        {4, "MINIMAL", "binlog_row_metadata", "SET GLOBAL binlog_row_metadata='FULL'"},
                        {5, "0", "sync_binlog", "SET GLOBAL sync_binlog=1"},
                        {6, "2", "innodb_flush_log_at_trx_commit", "SET GLOBAL innodb_flush_log_at_trx_commit=1"},
                        {7, "PARTIAL_JSON", "binlog_row_value_options", "SET GLOBAL binlog_row_value_options=''"}};
  for (const Case& each : cases) {
    protocol::ResultSet settings = mysql_settings();
    settings.rows.front()[each.column] = each.value;
    const auto verdict = judge_leader(settings, log_end(), false);
    ASSERT_TRUE(verdict.ok());
    ASSERT_THAT(verdict->problems, ElementsAre(Field(&SettingProblem::setting, each.setting))) << each.setting;
    EXPECT_THAT(verdict->problems.front().advice, HasSubstr(each.advice));
    EXPECT_THAT(describe(verdict->problems), HasSubstr(each.value));
  }
}

TEST(LeaderSettings, AFilterOfSchemasHidesWrites) {
  const auto verdict = judge_leader(mariadb_settings(), one_row({"bin.000001", "4", "shop", ""}), true);
  ASSERT_TRUE(verdict.ok());
  ASSERT_THAT(verdict->problems, ElementsAre(Field(&SettingProblem::setting, "binlog_do_db")));
  EXPECT_THAT(describe(verdict->problems), HasSubstr("needs a restart"));
}

TEST(LeaderSettings, RefusesAnAnswerThatIsNoRow) {
  EXPECT_FALSE(judge_leader(protocol::ResultSet(), log_end(), true).ok());
}

TEST(LeaderSettings, AsksForTheEndOfTheLogInTheServersWords) {
  EXPECT_EQ(log_end_query(true, 101119), "SHOW MASTER STATUS");
  EXPECT_EQ(log_end_query(false, 80036), "SHOW MASTER STATUS");
  EXPECT_EQ(log_end_query(false, 90704), "SHOW BINARY LOG STATUS");
}

}  // namespace
}  // namespace crossfade::dualwrite
