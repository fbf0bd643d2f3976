#include "migrate/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(Grants, ReadLinesOfBothMakes) {
  const Grants grants = Grants::parse({
      "GRANT SELECT, REPLICATION SLAVE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD "
      "'*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'",
      "GRANT REPLICATION_APPLIER ON *.* TO `a`@`%`",
      "GRANT ALL PRIVILEGES ON `app%`.* TO `a`@`%` WITH GRANT OPTION",
      "GRANT SELECT (`a`, `b,c`), UPDATE (`a`) ON `shop`.`or``ders` TO `a`@`%`",
      "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `a`@`%`",
      "GRANT `role`@`%` TO `a`@`%`",
      "GRANT PROXY ON ``@`%` TO `a`@`%` WITH GRANT OPTION",
      "SET DEFAULT ROLE `role` FOR `a`@`%`",
      "GRANT USAGE ON *.* TO `a`@`%`",
  });
  EXPECT_THAT(grants.all(), SizeIs(5));
  EXPECT_TRUE(grants.everywhere("SELECT"));
  EXPECT_TRUE(grants.everywhere("REPLICATION SLAVE"));
  EXPECT_TRUE(grants.everywhere("REPLICATION_APPLIER"));
  EXPECT_FALSE(grants.everywhere("INSERT"));
  EXPECT_FALSE(grants.everywhere("GRANT OPTION"));
  EXPECT_TRUE(grants.on_schema("INSERT", "app_one"));
  EXPECT_TRUE(grants.on_schema("GRANT OPTION", "app_one"));
  EXPECT_TRUE(grants.on_schema("SELECT", "other"));
  EXPECT_FALSE(grants.on_schema("INSERT", "other"));
  EXPECT_TRUE(grants.on_table("SELECT (`a`, `b,c`)", "shop", "or`ders"));
  EXPECT_TRUE(grants.on_table("UPDATE (`a`)", "shop", "or`ders"));
  EXPECT_FALSE(grants.on_table("UPDATE", "shop", "or`ders"));
  EXPECT_TRUE(grants.on_routine("EXECUTE", {.privileges = {}, .schema = "shop", .table = "p", .routine = "PROCEDURE"}));
  EXPECT_FALSE(grants.on_routine("EXECUTE", {.privileges = {}, .schema = "shop", .table = "p", .routine = "FUNCTION"}));
}

TEST(Grants, OnAWholeTableCoverItsColumns) {
  const Grants grants = Grants::parse({"GRANT SELECT ON `shop`.`t` TO `a`@`%`"});
  EXPECT_TRUE(grants.on_table("SELECT (`x`)", "shop", "t"));
  EXPECT_FALSE(grants.on_table("SELECT (`x`)", "shop", "u"));
}

TEST(Grants, AllCoverEveryPrivilegeButTheRightToGrant) {
  const Grants grants = Grants::parse({"GRANT ALL PRIVILEGES ON *.* TO `a`@`%`"});
  EXPECT_TRUE(grants.everywhere("BINLOG REPLAY"));
  EXPECT_FALSE(grants.everywhere("GRANT OPTION"));
}

TEST(Grants, APartialRevokeTakesAway) {
  const Grants grants =
      Grants::parse({"GRANT SELECT, INSERT ON *.* TO `a`@`%`", "REVOKE INSERT ON `app`.* FROM `a`@`%`"});
  EXPECT_TRUE(grants.on_schema("INSERT", "other"));
  EXPECT_FALSE(grants.on_schema("INSERT", "app"));
  EXPECT_TRUE(grants.on_schema("SELECT", "app"));
}

TEST(Grants, PatternsOfSchemas) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const Case& each :
       {Case{"app", "app", true}, Case{"app", "apps", false}, Case{"app%", "app", true}, Case{"a_p", "axp", true},
        Case{"a\\_p", "axp", false}, Case{"a\\_p", "a_p", true}, Case{"%", "", true}, Case{"%a%b", "xaxxb", true},
        Case{"%a%b", "xaxxbc", false}, Case{"\\%", "%", true}, Case{"\\%", "x", false}, Case{"", "x", false},
        Case{"a%%", "a", true}})
    EXPECT_EQ(matches_pattern(each.pattern, each.text), each.matches) << each.pattern << " " << each.text;
}

TEST(Grants, BrokenLinesAreNoGrants) {
  for (const char* line : {"", "GRANT", "GRANT ", "GRANT SELECT", "GRANT SELECT ON", "GRANT SELECT ON `x", "nonsense",
                           "GRANT SELECT ON *"})
    EXPECT_THAT(Grants::parse({line}).all(), ElementsAre()) << line;
}

}  // namespace
}  // namespace crossfade::migrate
