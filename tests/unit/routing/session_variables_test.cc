#include "routing/session_variables.h"

#include "gtest/gtest.h"

namespace crossfade::routing {
namespace {

TEST(SessionVariables, AreFoundByTheirWholeName) {
  ASSERT_NE(find_session_variable("sql_mode"), nullptr);
  EXPECT_EQ(find_session_variable("sql_mode")->effect, VariableEffect::context);
  EXPECT_EQ(find_session_variable("sql_mod"), nullptr);
  EXPECT_EQ(find_session_variable(""), nullptr);
  EXPECT_EQ(find_session_variable("zzz"), nullptr);
  for (const SessionVariable& variable : session_variables()) {
    EXPECT_EQ(find_session_variable(variable.name), &variable) << variable.name;
  }
}

TEST(SessionVariables, WhatIsCarriedExistsOnBothMakesAndHasANeutralValue) {
  for (const SessionVariable& variable : session_variables()) {
    if (variable.effect != VariableEffect::carried) continue;
    EXPECT_EQ(variable.makes, Makes::both) << variable.name;
    EXPECT_TRUE(variable.neutral.has_value()) << variable.name;
  }
}

TEST(SessionVariables, WhatIsCarriedToReadsHasACounterpart) {
  for (const SessionVariable& variable : session_variables()) {
    if (variable.effect != VariableEffect::carried_to_reads) continue;
    EXPECT_TRUE(for_other_make(variable, "1").has_value()) << variable.name;
  }
}

TEST(SessionVariables, TimeLimitsChangeTheirUnit) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(for_other_make(*find_session_variable("max_statement_time"), "0.0005"), (Pair{"max_execution_time", "1"}));
  EXPECT_EQ(for_other_make(*find_session_variable("max_statement_time"), "0.000000"),
            (Pair{"max_execution_time", "0"}));
  EXPECT_EQ(for_other_make(*find_session_variable("max_execution_time"), "1500"),
            (Pair{"max_statement_time", "1.500"}));
  EXPECT_EQ(for_other_make(*find_session_variable("max_execution_time"), "x"), std::nullopt);
}

TEST(SessionVariables, OnlyNumbersStandBare) {
  EXPECT_EQ(value_literal("42"), "42");
  EXPECT_EQ(value_literal("1.5"), "1.5");
  EXPECT_EQ(value_literal("de_DE"), "'de_DE'");
  EXPECT_EQ(value_literal(""), "''");
  EXPECT_EQ(value_literal("."), "'.'");
  EXPECT_TRUE(is_plain_value("Europe/Berlin"));
  EXPECT_FALSE(is_plain_value("a'b"));
  EXPECT_FALSE(is_plain_value("a\\b"));
}

}  // namespace
}  // namespace crossfade::routing
