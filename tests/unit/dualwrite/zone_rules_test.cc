#include "dualwrite/zone_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TEST(ZoneRules, AZoneThatNeverChangedIsAnOffset) {
  EXPECT_EQ((ZoneRules{19800, {}}).fixed_offset(), "+05:30");
  EXPECT_EQ((ZoneRules{-10800, {}}).fixed_offset(), "-03:00");
  EXPECT_EQ((ZoneRules{0, {}}).fixed_offset(), "+00:00");
  EXPECT_EQ((ZoneRules{-2670, {}}).fixed_offset(), std::nullopt);  // Liberia's 44:30
  EXPECT_EQ((ZoneRules{3600, {{354675600, 7200}}}).fixed_offset(), std::nullopt);
}

TEST(ZoneRules, RulesDifferByOneSecondOfOneChange) {
  const ZoneRules berlin{3600, {{323830799, 7200}}};
  EXPECT_EQ(berlin, (ZoneRules{3600, {{323830799, 7200}}}));
  EXPECT_FALSE(berlin == (ZoneRules{3600, {{323830798, 7200}}}));
  EXPECT_FALSE(berlin == (ZoneRules{3600, {{323830799, 3600}}}));
  EXPECT_FALSE(berlin == (ZoneRules{0, {{323830799, 7200}}}));
}

TEST(ZoneRules, ReadsTheServersAnswers) {
  EXPECT_EQ(*first_offset_from({{"-2670"}}), -2670);
  EXPECT_FALSE(first_offset_from({}).ok());
  EXPECT_FALSE(first_offset_from({{std::nullopt}}).ok());
  const auto changes = changes_from({{"323827200", "7200"}, {"338947200", "3600"}});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->size(), 2u);
  EXPECT_EQ((*changes)[1].second, 3600);
  EXPECT_FALSE(changes_from({{"1"}}).ok());
  EXPECT_FALSE(changes_from({{"x", "1"}}).ok());
}

TEST(ZoneRules, TakesNoMoreChangesThanItsLimit) {
  SqlRows rows(2000, {"1", "2"});
  EXPECT_TRUE(changes_from(rows).ok());
  rows.push_back({"1", "2"});
  EXPECT_FALSE(changes_from(rows).ok());
}

TEST(ZoneRules, RefinesWithinTheStepsThatChanged) {
  EXPECT_THAT(refine_query({{7200, 0}, {10800, 1}}, 60), HasSubstr("SELECT 7200 s UNION ALL SELECT 10800"));
  EXPECT_THAT(refine_query({}, 60), HasSubstr("WHERE FALSE"));
}

}  // namespace
}  // namespace crossfade::dualwrite
