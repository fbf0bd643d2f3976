#include "proxy/session_state.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

protocol::ResultSet answer(std::vector<protocol::Cell> cells) {
  protocol::ResultSet result;
  result.rows.push_back(std::move(cells));
  return result;
}

std::vector<protocol::Cell> usual() {
  return {"shop",
          "ANSI_QUOTES,STRICT_TRANS_TABLES",
          "+02:00",
          "utf8mb4",
          "utf8mb4_general_ci",
          "1",
          "0",
          "2",
          "3",
          "utf8mb4",
          "REPEATABLE-READ",
          "1768478400",
          "1784116800"};
}

TEST(SessionState, ReadsTheContext) {
  const auto context = context_from(answer(usual()));
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->statement.schema, "shop");
  EXPECT_EQ(context->statement.sql_mode, "ANSI_QUOTES,STRICT_TRANS_TABLES");
  EXPECT_EQ(context->statement.time_zone, "+02:00");
  EXPECT_EQ(context->statement.character_set_client, "utf8mb4");
  EXPECT_EQ(context->statement.collation_connection, "utf8mb4_general_ci");
  EXPECT_TRUE(context->statement.foreign_key_checks);
  EXPECT_FALSE(context->statement.unique_checks);
  EXPECT_EQ(context->statement.auto_increment_increment, 2u);
  EXPECT_EQ(context->statement.auto_increment_offset, 3u);
  EXPECT_EQ(context->character_set_results, "utf8mb4");
  EXPECT_FALSE(context->read_committed);
  EXPECT_FALSE(context->no_auto_value_on_zero);
}

TEST(SessionState, NoSchemaAndNoResultCharacterSetAreEmpty) {
  auto cells = usual();
  cells[0].reset();
  cells[9].reset();
  const auto context = context_from(answer(cells));
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->statement.schema, "");
  const std::vector<std::string> sql = context_statements(*context, true, true);
  EXPECT_THAT(sql, Contains(HasSubstr("character_set_results=NULL")));
  EXPECT_THAT(sql, Not(Contains(HasSubstr("USE"))));
}

TEST(SessionState, KnowsTheIsolationLevelsThatReadWhatOthersCommit) {
  for (const auto& [level, expected] : {std::pair{"READ-COMMITTED", true}, std::pair{"READ-UNCOMMITTED", true},
                                        std::pair{"REPEATABLE-READ", false}, std::pair{"SERIALIZABLE", false}}) {
    auto cells = usual();
    cells[10] = level;
    EXPECT_EQ(context_from(answer(cells))->read_committed, expected) << level;
  }
}

TEST(SessionState, FindsAModeOnlyAsAWholeWord) {
  for (const auto& [modes, expected] :
       {std::pair{"NO_AUTO_VALUE_ON_ZERO", true}, std::pair{"A,NO_AUTO_VALUE_ON_ZERO,B", true}, std::pair{"", false},
        std::pair{"XNO_AUTO_VALUE_ON_ZERO", false}, std::pair{"NO_AUTO_VALUE_ON_ZEROX", false}}) {
    auto cells = usual();
    cells[1] = modes;
    EXPECT_EQ(context_from(answer(cells))->no_auto_value_on_zero, expected) << modes;
  }
}

// What UNIX_TIMESTAMP() says to noon of a winter's and of a summer's day is the zone's offset.
TEST(SessionState, ASystemZoneWithoutSummerTimeGetsItsOffset) {
  constexpr std::int64_t kWinter = 1768478400;
  constexpr std::int64_t kSummer = 1784116800;
  const auto zone = [&](std::int64_t winter_east, std::int64_t summer_east) {
    auto cells = usual();
    cells[2] = "SYSTEM";
    cells[11] = std::to_string(kWinter - winter_east);
    cells[12] = std::to_string(kSummer - summer_east);
    return context_from(answer(cells))->statement.time_zone;
  };
  EXPECT_EQ(zone(0, 0), "+00:00");
  EXPECT_EQ(zone(19800, 19800), "+05:30");
  EXPECT_EQ(zone(-10800, -10800), "-03:00");
  EXPECT_EQ(zone(3600, 7200), "SYSTEM");
}

TEST(SessionState, RefusesAnAnswerOfAnotherShape) {
  auto cells = usual();
  cells.pop_back();
  EXPECT_FALSE(context_from(answer(cells)).ok());
  EXPECT_FALSE(context_from(protocol::ResultSet{}).ok());
}

TEST(SessionState, RefusesValuesThatWouldNeedEscaping) {
  for (const std::size_t i : {1, 2, 3, 4, 9}) {
    auto cells = usual();
    cells[i] = "a'b";
    EXPECT_FALSE(context_from(answer(cells)).ok()) << i;
  }
}

TEST(SessionState, BringsAnotherSessionToTheSameState) {
  auto cells = usual();
  cells[0] = "a`b";
  const std::vector<std::string> same = context_statements(*context_from(answer(cells)), true, true);
  EXPECT_THAT(same, Contains(HasSubstr("sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'")));
  EXPECT_THAT(same, Contains(HasSubstr("time_zone='+02:00'")));
  EXPECT_THAT(same, Contains("SET SESSION TRANSACTION READ ONLY"));
  EXPECT_EQ(same.back(), "USE `a``b`");
}

TEST(SessionState, TheQueryNamesTheIsolationVariableOfTheMake) {
  EXPECT_THAT(context_query(true), HasSubstr("@@tx_isolation"));
  EXPECT_THAT(context_query(false), HasSubstr("@@transaction_isolation"));
}

TEST(SessionState, OnlyAnOffsetIsTheSameZoneEverywhere) {
  EXPECT_TRUE(is_fixed_offset("+05:30"));
  EXPECT_TRUE(is_fixed_offset("-11:00"));
  for (const char* zone : {"SYSTEM", "UTC", "Europe/Berlin", ""}) EXPECT_FALSE(is_fixed_offset(zone)) << zone;
}

TEST(SessionState, ReadsVersionNumbers) {
  EXPECT_EQ(version_number("5.5.5-10.11.19-MariaDB"), 101119u);
  EXPECT_EQ(version_number("9.7.4"), 90704u);
  EXPECT_EQ(version_number("8.0.36-28"), 80036u);
  EXPECT_EQ(version_number("11.4"), 110400u);
  EXPECT_EQ(version_number(""), 0u);
}

TEST(SessionState, TheLexerGoesByTheModes) {
  const routing::LexerMode mode = lexer_mode("ANSI_QUOTES,IGNORE_SPACE", true, 101119);
  EXPECT_TRUE(mode.ansi_quotes);
  EXPECT_TRUE(mode.ignore_space);
  EXPECT_FALSE(mode.no_backslash_escapes);
  EXPECT_TRUE(mode.mariadb);
  EXPECT_TRUE(lexer_mode("NO_BACKSLASH_ESCAPES", false, 90704).no_backslash_escapes);
}

TEST(SessionState, AVariableNobodyHasJudgedIsTakenToChangeWrites) {
  EXPECT_EQ(effect_of("sql_mode"), VariableEffect::replayed);
  EXPECT_EQ(effect_of("wait_timeout"), VariableEffect::harmless);
  EXPECT_EQ(effect_of("sql_select_limit"), VariableEffect::reads);
  EXPECT_EQ(effect_of("timestamp"), VariableEffect::writes);
  EXPECT_EQ(effect_of("brand_new_variable"), VariableEffect::writes);
}

}  // namespace
}  // namespace crossfade::proxy
