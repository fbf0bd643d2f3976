#include "dualwrite/trigger/id_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace crossfade::dualwrite {
namespace {

IdRanges of(const std::vector<std::uint64_t>& ids) {
  IdRanges out;
  for (const std::uint64_t id : ids) out.add(id);
  return out;
}

TEST(IdRanges, NeighboursBecomeOneRange) {
  EXPECT_EQ(of({}).text(), "");
  EXPECT_EQ(of({7}).text(), "7");
  EXPECT_EQ(of({1, 2, 3, 4, 5, 7, 9, 10, 11, 12}).text(), "1-5,7,9-12");
  EXPECT_EQ(of({5, 3, 4}).text(), "3-5");
  EXPECT_EQ(of({1, 3, 2}).text(), "1-3");
  EXPECT_EQ(of({4, 4, 4}).size(), 1u);
  EXPECT_EQ(of({18446744073709551615u, 18446744073709551614u, 1}).text(),
            "1,18446744073709551614-18446744073709551615");
}

TEST(IdRanges, HoldsWhatWasAddedAndNothingElse) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    IdRanges ranges;
    std::set<std::uint64_t> ids;
    for (std::uint64_t i = 0; i < 60; ++i) {
      const std::uint64_t id = 1 + random() % 90;
      ranges.add(id);
      ids.insert(id);
    }
    EXPECT_EQ(ranges.size(), ids.size());
    for (std::uint64_t id = 1; id < 95; ++id) EXPECT_EQ(ranges.contains(id), ids.contains(id)) << id;
    const auto parsed = IdRanges::parse(ranges.text());
    ASSERT_TRUE(parsed.ok()) << ranges.text();
    EXPECT_EQ(*parsed, ranges);
    std::uint64_t end = 0;
    for (const auto& [first, last] : ranges.ranges()) {
      EXPECT_TRUE(end == 0 || first > end + 1) << "ranges that touch";
      end = last;
    }
  }
}

TEST(IdRanges, ReadsOnlyWhatItWrites) {
  EXPECT_TRUE(IdRanges::parse("").ok());
  EXPECT_EQ(IdRanges::parse("1-5,7")->size(), 6u);
  EXPECT_EQ(IdRanges::parse("1")->text(), "1");
  for (const char* text : {"0",
                           "01",
                           "1-",
                           "-1",
                           "1,",
                           ",1",
                           "1-1",
                           "5-3",
                           "1-5,5",
                           "1-5,6",
                           "7,3",
                           "1,,3",
                           "1 ",
                           " 1",
                           "a",
                           "1-2-3",
                           "18446744073709551616",
                           "1,18446744073709551615,1",
                           "1-05",
                           "+1"}) {
    EXPECT_FALSE(IdRanges::parse(text).ok()) << text;
  }
}

TEST(IdRanges, ClearedItIsEmpty) {
  IdRanges ranges = of({1, 2, 9});
  EXPECT_FALSE(ranges.empty());
  ranges.clear();
  EXPECT_TRUE(ranges.empty());
  EXPECT_EQ(ranges.size(), 0u);
  EXPECT_FALSE(ranges.contains(1));
}

}  // namespace
}  // namespace crossfade::dualwrite
