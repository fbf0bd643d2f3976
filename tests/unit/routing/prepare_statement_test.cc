#include "routing/prepare_statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::routing {
namespace {

using ::testing::ElementsAre;
using Verb = PrepareStatement::Verb;

TEST(PrepareStatement, TakesTheTextOfALiteral) {
  const auto statement = parse_prepare("PREPARE `a b` FROM 'SELECT ''x'', \\'y\\''; ", {});
  ASSERT_TRUE(statement.has_value());
  EXPECT_EQ(statement->verb, Verb::prepare);
  EXPECT_EQ(statement->name, "a b");
  EXPECT_EQ(statement->text, "SELECT 'x', 'y'");
  EXPECT_EQ(statement->expression, "");
}

TEST(PrepareStatement, TakesAnythingElseAsWritten) {
  EXPECT_EQ(parse_prepare("prepare s from @q", {})->expression, "@q");
  EXPECT_EQ(parse_prepare("PREPARE s FROM CONCAT('a', 'b')", {})->expression, "CONCAT('a', 'b')");
}

TEST(PrepareStatement, TakesValues) {
  const auto statement = parse_prepare("EXECUTE s USING @a, @`b c`", {});
  ASSERT_TRUE(statement.has_value());
  EXPECT_EQ(statement->verb, Verb::execute);
  EXPECT_THAT(statement->values, ElementsAre("@a", "@`b c`"));
  const auto immediate = parse_prepare("EXECUTE IMMEDIATE 'SELECT ?, ?' USING 1 + 1, GREATEST(2, 3)", {});
  ASSERT_TRUE(immediate.has_value());
  EXPECT_EQ(immediate->verb, Verb::execute_immediate);
  EXPECT_EQ(immediate->text, "SELECT ?, ?");
  EXPECT_THAT(immediate->values, ElementsAre("1 + 1", "GREATEST(2, 3)"));
  EXPECT_EQ(parse_prepare("DROP PREPARE s", {})->verb, Verb::deallocate);
  EXPECT_EQ(parse_prepare("DEALLOCATE PREPARE s", {})->name, "s");
}

TEST(PrepareStatement, TakesNothingHalfUnderstood) {
  for (const std::string_view sql :
       {"PREPARE s", "PREPARE FROM 'x'", "PREPARE s FROM", "PREPARE s FROM 'a", "EXECUTE s USING",
        "EXECUTE s USING @a,", "EXECUTE s USING DEFAULT", "EXECUTE s x", "EXECUTE s USING (1", "EXECUTE s USING 1)",
        "PREPARE s FROM 'a'; SELECT 1", "PREPARE s FROM /*!40000 'a' */", "SELECT 1"}) {
    EXPECT_FALSE(parse_prepare(sql, {}).has_value()) << sql;
  }
}

TEST(PrepareStatement, TakesAsManyValuesAsAStatementHasParameters) {
  std::string sql = "EXECUTE s USING @a";
  for (std::size_t i = 1; i < kPrepareValuesMax; ++i) sql += ",@a";
  EXPECT_EQ(parse_prepare(sql, {})->values.size(), kPrepareValuesMax);
  EXPECT_FALSE(parse_prepare(sql + ",@a", {}).has_value());
}

}  // namespace
}  // namespace crossfade::routing
