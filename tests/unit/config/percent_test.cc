#include "config/percent.h"

#include <gtest/gtest.h>

#include <utility>

namespace crossfade::config {
namespace {

TEST(Percent, ParsesUpToFourDecimals) {
  const std::pair<const char*, std::uint32_t> cases[] = {
      {"0", 0},
      {"1", 10'000},
      {"5", 50'000},
      {"12", 120'000},
      {"12.5", 125'000},
      {"99", 990'000},
      {"99.9999", 999'999},
      {"100", 1'000'000},
      {"100.0000", 1'000'000},
      {"0.0001", 1},
      {"0.001", 10},
      {"0.01", 100},
      {"0.1", 1'000},
      {"0.0", 0},
      {"33.3333", 333'333},
      {"50.00", 500'000},
  };
  for (const auto& [text, ppm] : cases) {
    const auto percent = Percent::parse(text);
    ASSERT_TRUE(percent.has_value()) << text;
    EXPECT_EQ(percent->ppm(), ppm) << text;
  }
}

TEST(Percent, RefusesEverythingElse) {
  for (const char* text : {"",      ".",    ".5",          "5.",  "00",   "01",  "007", "-1",  "+1",      "100.0001",
                           "101",   "1000", "99999999999", "1e1", "0x10", "1,5", " 1",  "1 ",  "1.23456", "0.00001",
                           "1.2.3", "1.-2", "1.a",         "a",   "5%",   "nan", "inf", "1_0", "\xD9\xA1"}) {
    EXPECT_FALSE(Percent::parse(text).has_value()) << text;
  }
}

TEST(Percent, RefusesAZeroByteInsideTheText) { EXPECT_FALSE(Percent::parse(std::string_view("1\0", 2)).has_value()); }

TEST(Percent, HoldsLargerSharesAtTheWhole) {
  EXPECT_EQ(Percent::from_ppm(1'000'000).ppm(), 1'000'000u);
  EXPECT_EQ(Percent::from_ppm(1'000'001).ppm(), 1'000'000u);
  EXPECT_TRUE(Percent::from_ppm(4'000'000'000).all());
}

TEST(Percent, KnowsNoneAndAll) {
  EXPECT_TRUE(Percent().none());
  EXPECT_FALSE(Percent::from_ppm(1).none());
  EXPECT_FALSE(Percent::from_ppm(999'999).all());
  EXPECT_TRUE(Percent::from_ppm(1'000'000).all());
}

TEST(Percent, WritesTheShortestText) {
  const std::pair<std::uint32_t, const char*> cases[] = {
      {0, "0"},          {1, "0.0001"},   {10, "0.001"},    {1'000, "0.1"},       {10'000, "1"},
      {125'000, "12.5"}, {500'000, "50"}, {10'100, "1.01"}, {999'999, "99.9999"}, {1'000'000, "100"},
  };
  for (const auto& [ppm, text] : cases) EXPECT_EQ(Percent::from_ppm(ppm).text(), text);
}

TEST(Percent, EveryTextParsesBackToItself) {
  for (std::uint32_t ppm = 0; ppm <= Percent::kWhole; ppm += 37) {
    const Percent percent = Percent::from_ppm(ppm);
    ASSERT_EQ(Percent::parse(percent.text()), percent) << ppm;
  }
}

}  // namespace
}  // namespace crossfade::config
