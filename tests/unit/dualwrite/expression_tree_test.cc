#include "dualwrite/expression_tree.h"

#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

std::string tree(const std::string& printed) {
  const auto found = expression_tree(printed);
  return found ? found->text : "?";
}

TEST(ExpressionTree, IsTheSameForBothMakesSpellings) {
  // MariaDB's, then MySQL's, as their servers print them.
  const std::pair<const char*, const char*> same[] = {
      {"`a` + 1", "(`a` + 1)"},
      {"`a` + `b` * 2", "(`a` + (`b` * 2))"},
      {"(`a` + `b`) * 2", "((`a` + `b`) * 2)"},
      {"`a` - `b` - 1", "((`a` - `b`) - 1)"},
      {"`a` > 1 and `b` < 2 or `a` is null", "(((`a` > 1) and (`b` < 2)) or (`a` is null))"},
      {"`s` not like 'x%'", "(not((`s` like _utf8mb4'x%')))"},
      {"`a` xor `b`", "((0 <> `a`) xor (0 <> `b`))"},
      {"concat(`s`,'-',`a`)", "concat(`s`,_utf8mb4'-',`a`)"},
      {"`a` between 1 and 5", "(`a` between 1 and 5)"},
      {"`a` not in (1,2)", "(`a` not in (1,2))"},
      {"case when `a` = 1 then 'one' else 'more' end",
       "(case when (`a` = 1) then _utf8mb4'one' else _utf8mb4'more' end)"},
      {"`d` + interval 1 day", "(`d` + interval 1 day)"},
      {"if(`a`,1,0)", "if(`a`,1,0)"},
      {"lcase(`s`)", "lower(`s`)"},
      {"-`a`", "-(`a`)"},
      {"`a` MOD 7", "(`a` % 7)"},
      {"`A`", "`a`"},
  };
  for (const auto& [mariadb, mysql] : same) EXPECT_EQ(tree(mariadb), tree(mysql)) << mariadb;
  EXPECT_EQ(tree("`a` + 1 > 2"), "(> (+ `a` 1) 2)");
}

TEST(ExpressionTree, TellsApartWhatParenthesesChange) {
  const std::pair<const char*, const char*> others[] = {
      {"(`a` + `b`) * 2", "(`a` + (`b` * 2))"},
      {"`a` - (`b` - 1)", "((`a` - `b`) - 1)"},
      {"`a` and (`b` or `c`)", "((`a` and `b`) or `c`)"},
      {"`a` + 1", "(`a` + 2)"},
      {"not `a` = 1", "((not `a`) = 1)"},
      {"`a`", "`b`"},
      {"`a` > `b`", "(`b` > `a`)"},
      {"concat(`a`,`b`)", "concat(`b`,`a`)"},
      {"'`a`'", "`a`"},
      {"0 <> `a`", "`a`"},
  };
  for (const auto& [one, other] : others) {
    EXPECT_NE(tree(one), "?") << one;
    EXPECT_NE(tree(one), tree(other)) << one;
  }
}

TEST(ExpressionTree, SaysNothingOfWhatItDoesNotKnow) {
  for (const char* odd :
       {"", "`a` +", "(`a`", "`a`)", "`a` `b`", "`t`.`a`", "`j` -> '$.x'", "trim(both 'x' from `s`)", "_latin1'x'",
        "_binary'x'", "@a", "?", "`a` regexp 'x'", "case when 1 then 2", "select 1", "'open"}) {
    EXPECT_EQ(tree(odd), "?") << odd;
  }
  EXPECT_EQ(tree(std::string(5000, '(') + "`a`" + std::string(5000, ')')), "?") << "too deep";
  EXPECT_EQ(tree(std::string(100, '(') + "`a`" + std::string(100, ')')), "`a`");
}

TEST(ExpressionTree, KnowsWhatMakesMayAnswerDifferently) {
  const auto by_server = [](const char* printed) { return expression_tree(printed)->by_server; };
  EXPECT_FALSE(by_server("concat(`a`,`b`)"));
  EXPECT_TRUE(by_server("`a` / 3"));
  EXPECT_TRUE(by_server("md5(`a`)"));
  EXPECT_TRUE(by_server("json_value(`a`,'$.x')"));
  EXPECT_TRUE(by_server("cast(`a` as char(10))"));
}

}  // namespace
}  // namespace crossfade::dualwrite
