#include "dualwrite/check_compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<DefinedCheck> checks(const std::vector<std::string>& clauses) {
  std::vector<DefinedCheck> out;
  for (const std::string& clause : clauses) out.push_back({.name = "", .clause = clause});
  return out;
}

CheckComparison between_makes(const std::vector<std::string>& leader, const std::vector<std::string>& follower) {
  return compare_checks(checks(leader), checks(follower), false);
}

TEST(CompareChecks, TakesForTheSameWhatBothMakesPrintOfOneCheck) {
  // MariaDB 10.11's, then MySQL 9's, as their servers print them.
  const std::pair<const char*, const char*> same[] = {
      {"`a` < `b`", "(`a` < `b`)"},
      {"`a` >= 0", "(`a` >= 0)"},
      {"0 <= `a`", "(0 <= `a`)"},
      {"`a` in (1,2,3)", "(`a` in (1,2,3))"},
      {"`s` in ('x','y')", "(`s` in (_utf8mb4'x',_utf8mb4'y'))"},
      {"`a` not in (1,2)", "(`a` not in (1,2))"},
      {"`s` <> ''", "(`s` <> _utf8mb4'')"},
      {"`a` is not null", "(`a` is not null)"},
      {"`a` = 0", "(0 = `a`)"},
      {"`a` = 0", "(0 = `a`)"},
      {"`a` <= 1 or `b` >= 2", "((`a` <= 1) or (`b` >= 2))"},
      {"`a` = 1 or `b` = 2 and `a` = 3", "((`a` = 1) or ((`b` = 2) and (`a` = 3)))"},
      {"(`a` = 1 or `b` = 2) and `a` = 3", "(((`a` = 1) or (`b` = 2)) and (`a` = 3))"},
      {"`a` xor `b`", "((0 <> `a`) xor (0 <> `b`))"},
      {"`a` between 1 and 5", "(`a` between 1 and 5)"},
      {"`a` not between 1 and 5", "(`a` not between 1 and 5)"},
      {"char_length(`s`) > 3", "(char_length(`s`) > 3)"},
      {"octet_length(`s`) <= 10", "(length(`s`) <= 10)"},
      {"`s` like 'x%'", "(`s` like _utf8mb4'x%')"},
      {"`s`  not like 'x%'", "(not((`s` like _utf8mb4'x%')))"},
      {"`s` like 'x!%' escape '!'", "(`s` like _utf8mb4'x!%' escape _utf8mb4'!')"},
      {"`a` MOD 2 = 0", "((`a` % 2) = 0)"},
      {"`a` MOD 2 = 0", "((`a` % 2) = 0)"},
      {"`a` DIV 2 > 1", "((`a` DIV 2) > 1)"},
      {"-`a` < 5", "(-(`a`) < 5)"},
      {"`a` > -5", "(`a` > -(5))"},
      {"`a` <> -1", "(`a` <> -(1))"},
      {"`a` + `b` * 2 > 9", "((`a` + (`b` * 2)) > 9)"},
      {"(`a` + `b`) * 2 > 9", "(((`a` + `b`) * 2) > 9)"},
      {"`a` = 1", "(`a` = true)"},
      {"`a` is true", "((0 <> `a`) is true)"},
      {"`a` is not false", "((0 <> `a`) is not false)"},
      {"coalesce(`a`,`b`) > 0", "(coalesce(`a`,`b`) > 0)"},
      {"ifnull(`a`,0) > 0", "(ifnull(`a`,0) > 0)"},
      {"ucase(`s`) = `s`", "(upper(`s`) = `s`)"},
      {"lcase(`s`) = 'x'", "(lower(`s`) = _utf8mb4'x')"},
      {"concat(`s`,'a') <> 'b'", "(concat(`s`,_utf8mb4'a') <> _utf8mb4'b')"},
      {"`d` > '2020-01-01'", "(`d` > _utf8mb4'2020-01-01')"},
      {"`d` >= DATE'2020-01-01'", "(`d` >= DATE'2020-01-01')"},
      {"`d` + interval 1 day > '2020-01-01'", "((`d` + interval 1 day) > _utf8mb4'2020-01-01')"},
      {"year(`d`) > 2000", "(year(`d`) > 2000)"},
      {"if(`a`,1,0) = 1", "(if(`a`,1,0) = 1)"},
      {"`a` & 3 = 1", "((`a` & 3) = 1)"},
      {"`a` <=> `b`", "(`a` <=> `b`)"},
      {"`a` >= 0.5", "(`a` >= 0.5)"},
      {"`f` < 1e3", "(`f` < 1e3)"},
      {"trim(`s`) <> ''", "(trim(`s`) <> _utf8mb4'')"},
      {"left(`s`,1) = 'a'", "(left(`s`,1) = _utf8mb4'a')"},
      {"substr(`s`,1,2) = 'ab'", "(substr(`s`,1,2) = _utf8mb4'ab')"},
      {"json_valid(`s`)", "json_valid(`s`)"},
      {"abs(`a`) < 5", "(abs(`a`) < 5)"},
      {"round(`f`,2) = `f`", "(round(`f`,2) = `f`)"},
      {"greatest(`a`,`b`) < 9", "(greatest(`a`,`b`) < 9)"},
      {"least(`a`,`b`) > 0", "(least(`a`,`b`) > 0)"},
      {"strcmp(`s`,'a') = 0", "(strcmp(`s`,_utf8mb4'a') = 0)"},
      {"`a` = 1 or `s` is null", "((`a` = 1) or (`s` is null))"},
      {"`s` = 'it\\'s'", "(`s` = _utf8mb4'it\\'s')"},
      {"`s` = 'x'", "(`s` = _utf8mb4'x')"},
      {"locate('a',`s`) > 0", "(locate(_utf8mb4'a',`s`) > 0)"},
      {"locate('@',`s`) > 1", "(locate(_utf8mb4'@',`s`) > 1)"},
      {"`a` is null", "(`a` is null)"},
      {"`a` = `b` = 1", "((`a` = `b`) = 1)"},
      {"`a` <> 0 and `b` <> 0", "((0 <> `a`) and (0 <> `b`))"},
      {"`a` <> 0 or `b` <> 0", "((0 <> `a`) or (0 <> `b`))"},
      {"cast(`d` as date) = `d`", "(cast(`d` as date) = `d`)"},
      {"floor(`f`) = `f`", "(floor(`f`) = `f`)"},
      {"sign(`a`) = 1", "(sign(`a`) = 1)"},
      {"`a` > 1 and `a` < 5 and `b` > 2", "((`a` > 1) and (`a` < 5) and (`b` > 2))"},
      {"`a` << 1 > 2", "((`a` << 1) > 2)"},
      {"octet_length(`s`) < 9", "(length(`s`) < 9)"},
      {"hex(`s`) <> '00'", "(hex(`s`) <> _utf8mb4'00')"},
      {"`a` = 1 and `b` = 2", "((`a` = 1) and (`b` = 2))"},
      {"`s` <> 'x'", "(`s` <> _utf8mb4'x')"},
      {"`a` not in (1,2)", "(`a` not in (1,2))"},
      {"`a` is not null", "(`a` is not null)"},
      {"`a` not between 1 and 2", "(`a` not between 1 and 2)"},
  };
  for (const auto& [mariadb, mysql] : same) {
    for (const auto& [leader, follower] : {std::pair(mariadb, mysql), std::pair(mysql, mariadb)}) {
      const CheckComparison found = between_makes({leader}, {follower});
      EXPECT_THAT(found.only_leader, IsEmpty()) << leader;
      EXPECT_THAT(found.only_follower, IsEmpty()) << follower;
      EXPECT_TRUE(found.unknown.empty()) << leader << "   " << follower;
    }
  }
}

TEST(CompareChecks, TellsApartWhatHasTheSameWords) {
  const std::pair<const char*, const char*> others[] = {
      {"`starts` < `ends`", "(`ends` < `starts`)"},
      {"`a` - `b` > 0", "((`b` - `a`) > 0)"},
      {"`x` >= 0", "(0 >= `x`)"},
      {"`a` = 1 and `b` = 2", "((`a` = 2) and (`b` = 1))"},
      {"(`a` + `b`) * 2 > 9", "((`a` + (`b` * 2)) > 9)"},
      {"`a` and (`b` or `c`)", "((`a` and `b`) or `c`)"},
  };
  for (const auto& [leader, follower] : others) {
    for (const bool one_make : {false, true}) {
      const CheckComparison found = compare_checks(checks({leader}), checks({follower}), one_make);
      EXPECT_THAT(found.only_leader, ElementsAre(leader));
      EXPECT_THAT(found.only_follower, ElementsAre(follower));
    }
  }
}

TEST(CompareChecks, SaysOfWhichItDoesNotKnow) {
  const CheckComparison found =
      between_makes({"`s` regexp '^a'", "`a` > 1"}, {"(`a` > 1)", "regexp_like(`s`,_utf8mb4'^a')"});
  EXPECT_THAT(found.unknown, ElementsAre(std::pair("`s` regexp '^a'", "regexp_like(`s`,_utf8mb4'^a')")));
  EXPECT_THAT(found.only_leader, IsEmpty());
  EXPECT_THAT(found.only_follower, IsEmpty());
  EXPECT_THAT(between_makes({"json_valid(`j`)"}, {}).only_leader, IsEmpty());
  EXPECT_THAT(between_makes({"`a` regexp 'x'"}, {"(`a` > 1)", "(`b` > 1)"}).only_follower, ElementsAre("(`b` > 1)"));
}

}  // namespace
}  // namespace crossfade::dualwrite
