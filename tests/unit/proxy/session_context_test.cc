#include "proxy/context/session_context.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/counts/pinned_sessions.h"

namespace crossfade::proxy {
namespace {

using protocol::Make;

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
          "CET",
          "16777216"};
}

// As MariaDB answers it, every variable beyond the fixed columns at its neutral value or 1.
absl::StatusOr<SessionContext> context_of(std::vector<protocol::Cell> cells,
                                          const std::vector<const routing::SessionVariable*>& deciding = {}) {
  for (const routing::SessionVariable& variable : routing::session_variables()) {
    const bool carried = variable.effect == routing::VariableEffect::carried ||
                         variable.effect == routing::VariableEffect::carried_to_reads;
    if (carried && variable.exists_on_mariadb()) cells.emplace_back(std::string(variable.neutral.value_or("1")));
  }
  for (const routing::SessionVariable* variable : deciding) {
    cells.emplace_back(std::string(variable->neutral.value_or("1")));
  }
  return context_from(answer(std::move(cells)), Make::mariadb, deciding);
}

TEST(SessionState, ReadsTheContext) {
  const auto context = context_of(usual());
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
  EXPECT_EQ(context->packet_bytes_max, 16777216u);
}

TEST(SessionState, NoSchemaAndNoResultCharacterSetAreEmpty) {
  auto cells = usual();
  cells[0].reset();
  cells[9].reset();
  const auto context = context_of(cells);
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->statement.schema, "");
  const std::vector<std::string> sql = context_statements(*context, Make::mariadb, Make::mariadb);
  EXPECT_THAT(sql, Contains(HasSubstr("character_set_results=NULL")));
  EXPECT_THAT(sql, Not(Contains(HasSubstr("USE"))));
}

TEST(SessionState, OnlyUtcIsKnownToBeAnOffsetByItsName) {
  const auto zone = [&](const std::string& session, const std::string& system) {
    auto cells = usual();
    cells[2] = session;
    cells[10] = system;
    const auto context = context_of(cells);
    EXPECT_EQ(context->zone, session);
    return context->statement.time_zone;
  };
  EXPECT_EQ(zone("SYSTEM", "UTC"), "+00:00");
  EXPECT_EQ(zone("UTC", "CET"), "+00:00");
  EXPECT_EQ(zone("SYSTEM", "GMT"), "SYSTEM");  // London's in winter
  EXPECT_EQ(zone("SYSTEM", "CET"), "SYSTEM");
  EXPECT_EQ(zone("Europe/Berlin", "UTC"), "Europe/Berlin");
}

TEST(SessionState, RefusesAnAnswerOfAnotherShape) {
  auto cells = usual();
  cells.pop_back();
  EXPECT_FALSE(context_of(cells).ok());
  EXPECT_FALSE(context_from(protocol::ResultSet{}, Make::mariadb, {}).ok());
}

TEST(SessionState, RefusesValuesThatWouldNeedEscaping) {
  for (const std::size_t i : {1, 2, 3, 4, 9}) {
    auto cells = usual();
    cells[i] = "a'b";
    EXPECT_FALSE(context_of(cells).ok()) << i;
  }
}

TEST(SessionState, BringsAnotherSessionToTheSameState) {
  auto cells = usual();
  cells[0] = "a`b";
  const std::vector<std::string> same = context_statements(*context_of(cells), Make::mariadb, Make::mariadb);
  EXPECT_THAT(same, Contains(HasSubstr("sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'")));
  EXPECT_THAT(same, Contains(HasSubstr("time_zone='+02:00'")));
  EXPECT_THAT(same, Contains(HasSubstr("autocommit=1,completion_type='NO_CHAIN'")));
  EXPECT_THAT(same, Contains("SET SESSION TRANSACTION READ ONLY"));
  EXPECT_EQ(same.back(), "USE `a``b`");
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
  const routing::LexerMode mode = lexer_mode("ANSI_QUOTES,IGNORE_SPACE", "cp932", Make::mariadb, 101119);
  EXPECT_TRUE(mode.ansi_quotes);
  EXPECT_TRUE(mode.ignore_space);
  EXPECT_FALSE(mode.no_backslash_escapes);
  EXPECT_TRUE(mode.mariadb);
  EXPECT_TRUE(lexer_mode("NO_BACKSLASH_ESCAPES", "utf8mb4", Make::mysql, 90704).no_backslash_escapes);
}

std::vector<const routing::SessionVariable*> deciding(std::vector<std::string> names) {
  SetVariables set;
  set.note(names);
  return set.deciding();
}

std::vector<protocol::Cell> with_values(std::vector<protocol::Cell> carried, std::vector<protocol::Cell> more) {
  std::vector<protocol::Cell> cells = usual();
  cells.insert(cells.end(), carried.begin(), carried.end());
  cells.insert(cells.end(), more.begin(), more.end());
  return cells;
}

std::vector<protocol::Cell> carried_on_mariadb(const std::map<std::string, std::string>& values) {
  std::vector<protocol::Cell> cells;
  for (const routing::SessionVariable& variable : routing::session_variables()) {
    const bool carried = variable.effect == routing::VariableEffect::carried ||
                         variable.effect == routing::VariableEffect::carried_to_reads;
    if (!carried || !variable.exists_on_mariadb()) continue;
    const auto found = values.find(std::string(variable.name));
    cells.emplace_back(found != values.end() ? found->second : std::string(variable.neutral.value_or("1")));
  }
  return cells;
}

TEST(SessionState, CarriedVariablesAreNotedOnlyWhereTheyAreNotNeutral) {
  const auto context = context_from(
      answer(with_values(carried_on_mariadb({{"div_precision_increment", "6"}, {"lc_time_names", "EN_us"}}), {})),
      Make::mariadb, {});
  ASSERT_TRUE(context.ok());
  const std::vector<std::pair<std::string, std::string>> expected = {{"div_precision_increment", "6"}};
  EXPECT_EQ(context->statement.variables, expected);
}

TEST(SessionState, TheOtherSidesReadsRunUnderTheSameValues) {
  const auto context = context_from(answer(with_values(carried_on_mariadb({{"group_concat_max_len", "1048576"},
                                                                           {"max_statement_time", "1.5"},
                                                                           {"lc_time_names", "de_DE"}}),
                                                       {})),
                                    Make::mariadb, {});
  ASSERT_TRUE(context.ok());
  const std::string to_mysql = context_statements(*context, Make::mysql, Make::mariadb).front();
  EXPECT_THAT(to_mysql, HasSubstr("group_concat_max_len=1048576"));
  EXPECT_THAT(to_mysql, HasSubstr("max_execution_time=1500"));
  EXPECT_THAT(to_mysql, HasSubstr("lc_time_names='de_DE'"));
  EXPECT_THAT(to_mysql, HasSubstr("div_precision_increment=4"));
  EXPECT_THAT(context_statements(*context, Make::mariadb, Make::mariadb).front(), HasSubstr("max_statement_time=1.5"));
}

TEST(SessionState, AVariableThatDecidesCountsOnlyWhileItIsNotNeutral) {
  const auto set = deciding({"sql_log_bin", "default_regex_flags"});
  const auto carried = carried_on_mariadb({});
  const auto neutral = context_from(answer(with_values(carried, {"", "1"})), Make::mariadb, set);
  ASSERT_TRUE(neutral.ok());
  EXPECT_EQ(neutral->reads_pinned, "");
  const auto pinned = context_from(answer(with_values(carried, {"DOTALL", "1"})), Make::mariadb, set);
  EXPECT_THAT(pinned->reads_pinned, HasSubstr("default_regex_flags"));
  const auto other = context_from(answer(with_values(carried, {"", "0"})), Make::mariadb, set);
  EXPECT_THAT(other->reads_pinned, HasSubstr("sql_log_bin"));
}

TEST(SessionState, OneWithoutANeutralValueCountsOnceItWasSet) {
  const auto set = deciding({"rand_seed1"});
  EXPECT_THAT(context_from(answer(with_values(carried_on_mariadb({}), {"0"})), Make::mariadb, set)->reads_pinned,
              HasSubstr("rand_seed1"));
}

TEST(SessionState, CarriedValuesThatWouldNeedEscapingAreRefused) {
  EXPECT_FALSE(
      context_from(answer(with_values(carried_on_mariadb({{"lc_time_names", "a'b"}}), {})), Make::mariadb, {}).ok());
}

TEST(SessionState, ACharacterSetThatOnlyTheLeaderHasIsNamed) {
  auto cells = usual();
  cells[3] = "gb18030";
  const SessionContext context = *context_of(cells);
  EXPECT_THAT(unknown_to_other_side(context, Make::mariadb, Make::mysql), HasSubstr("gb18030"));
  EXPECT_EQ(unknown_to_other_side(context, Make::mysql, Make::mysql), "");
  EXPECT_EQ(unknown_to_other_side(*context_of(usual()), Make::mariadb, Make::mysql), "");
}

TEST(SessionState, WhatTheOtherSideCannotBeToldIsNamed) {
  auto cells = usual();
  cells[1] = "EMPTY_STRING_IS_NULL";
  EXPECT_THAT(unknown_to_other_side(*context_of(cells), Make::mysql, Make::mariadb), HasSubstr("EMPTY_STRING_IS_NULL"));
  EXPECT_EQ(unknown_to_other_side(*context_of(cells), Make::mariadb, Make::mariadb), "");
  SessionContext context = *context_of(usual());
  context.statement.variables.emplace_back("sql_auto_is_null", "1");
  EXPECT_THAT(unknown_to_other_side(context, Make::mariadb, Make::mariadb), HasSubstr("LAST_INSERT_ID()"));
}

TEST(SetVariables, HarmlessAndCarriedOnesNeedNotBeAskedFor) {
  EXPECT_TRUE(deciding({"wait_timeout", "sql_mode", "group_concat_max_len", "names", "character set", "@x"}).empty());
  EXPECT_EQ(deciding({"sql_log_bin", "old", "sql_log_bin"}).size(), 2u);
}

TEST(SetVariables, AVariableNobodyHasJudgedCannotBeFollowed) {
  SetVariables set;
  set.note({"wait_timeout"});
  EXPECT_EQ(set.unfollowed(), "");
  set.note({"brand_new_variable"});
  EXPECT_THAT(set.unfollowed(), HasSubstr("brand_new_variable"));
  set.clear();
  EXPECT_EQ(set.unfollowed(), "");
}

TEST(ReadPin, IsCountedByItsReasonWhileItHasOne) {
  PinnedSessions sessions;
  {
    ReadPin one(sessions);
    ReadPin other(sessions);
    one.set("a");
    other.set("a");
    other.set("b");
    EXPECT_EQ(sessions.by_reason(), (std::map<std::string, std::uint64_t>{{"a", 1}, {"b", 1}}));
    one.set("");
    EXPECT_EQ(sessions.total(), 1u);
  }
  EXPECT_EQ(sessions.total(), 0u);
}

}  // namespace
}  // namespace crossfade::proxy
