#include "shadow/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace crossfade::shadow {
namespace {

constexpr double kQuantiles[] = {0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0};

std::uint64_t exact_quantile(const std::vector<std::uint64_t>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

void expect_quantiles_within_bounds(std::vector<std::uint64_t> values) {
  Histogram histogram;
  for (const std::uint64_t value : values) {
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double q : kQuantiles) {
    const std::uint64_t exact = exact_quantile(values, q);
    const std::uint64_t held = histogram.quantile(q);
    EXPECT_GE(held, exact) << q;
    EXPECT_LE(static_cast<double>(held - exact), static_cast<double>(exact) / 32.0) << q << " of " << exact;
  }
}

TEST(Histogram, EmptyHasNoQuantile) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.quantile(1.0), 0u);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 60; ++value) {
    histogram.record(value);
  }
  EXPECT_EQ(histogram.quantile(0.5), 30u);
  EXPECT_EQ(histogram.quantile(1.0 / 60), 1u);
  EXPECT_EQ(histogram.quantile(1.0), 60u);
  EXPECT_EQ(histogram.sum(), 1830u);
  EXPECT_EQ(histogram.count(), 60u);
}

TEST(Histogram, ZeroIsAValue) {
  Histogram histogram;
  histogram.record(0);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.quantile(0.5), 0u);
}

TEST(Histogram, OneValueIsEveryQuantileExactly) {
  for (const std::uint64_t value : {31ull, 32ull, 33ull, 63ull, 64ull, 65ull, 1'000'003ull, (1ull << 32) + 12345}) {
    Histogram histogram;
    histogram.record(value);
    EXPECT_EQ(histogram.quantile(0.001), value);
    EXPECT_EQ(histogram.quantile(1.0), value);
  }
}

TEST(Histogram, EveryPowerOfTwoAndItsNeighboursStayWithinTheError) {
  for (int bit = 1; bit < 33; ++bit) {
    for (const std::int64_t step : {-1, 0, 1}) {
      const auto value = static_cast<std::uint64_t>((std::int64_t{1} << bit) + step);
      Histogram histogram;
      histogram.record(value);
      histogram.record(1ull << 33);  // So that the maximum does not hide the bucket's edge.
      EXPECT_GE(histogram.quantile(0.5), value);
      EXPECT_LE(static_cast<double>(histogram.quantile(0.5) - value), static_cast<double>(value) / 32.0);
    }
  }
}

TEST(Histogram, QuantilesOfRandomValuesStayWithinTheError) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> uniform;
    std::vector<std::uint64_t> skewed;
    for (int i = 0; i < 2000; ++i) {
      uniform.push_back(random() % 100000);
      skewed.push_back(std::uint64_t{1} << (random() % 32) | (random() % 1000));
    }
    SCOPED_TRACE(seed);
    expect_quantiles_within_bounds(uniform);
    expect_quantiles_within_bounds(skewed);
  }
}

TEST(Histogram, QuantilesNeverDecrease) {
  std::mt19937_64 random(7);
  Histogram histogram;
  for (int i = 0; i < 500; ++i) {
    histogram.record(random() % (1ull << (random() % 33)));
  }
  std::uint64_t before = 0;
  for (int i = 1; i <= 1000; ++i) {
    const std::uint64_t now = histogram.quantile(i / 1000.0);
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(Histogram, QuantilesOutsideTheirRangeAreClamped) {
  Histogram histogram;
  histogram.record(5);
  histogram.record(9);
  EXPECT_EQ(histogram.quantile(-1.0), 5u);
  EXPECT_EQ(histogram.quantile(0.0), 5u);
  EXPECT_EQ(histogram.quantile(2.0), 9u);
}

TEST(Histogram, LargerValuesAreHeldAtTheTop) {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.max(), UINT64_MAX);
  EXPECT_EQ(histogram.sum(), UINT64_MAX);
  EXPECT_EQ(histogram.quantile(0.5), (1ull << 33) - 1);
}

TEST(Histogram, MergedIsAsIfAllHadBeenRecordedInOne) {
  std::mt19937_64 random(3);
  Histogram one;
  Histogram two;
  Histogram all;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random() % 1'000'000;
    (i % 3 == 0 ? one : two).record(value);
    all.record(value);
  }
  one.merge(two);
  EXPECT_EQ(one.encode(), all.encode());
  EXPECT_EQ(one.count(), 1000u);
  EXPECT_EQ(one.max(), all.max());
}

TEST(Histogram, EncodesSparselyAndComesBack) {
  Histogram histogram;
  histogram.record(3);
  histogram.record(3);
  histogram.record(40);
  EXPECT_EQ(histogram.encode(), "3:2,40:1;46;40");
  const std::optional<Histogram> back = Histogram::decode("3:2,40:1;46;40");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->count(), 3u);
  EXPECT_EQ(back->sum(), 46u);
  EXPECT_EQ(back->max(), 40u);
  EXPECT_EQ(back->quantile(0.5), 3u);
  EXPECT_EQ(back->encode(), histogram.encode());
}

TEST(Histogram, EmptyEncodesAsNothing) {
  EXPECT_EQ(Histogram().encode(), "");
  const std::optional<Histogram> back = Histogram::decode("");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->count(), 0u);
}

TEST(Histogram, RandomOnesSurviveTheRoundTrip) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    Histogram histogram;
    for (int i = 0; i < 300; ++i) {
      histogram.record(random() >> (random() % 64));
    }
    const std::optional<Histogram> back = Histogram::decode(histogram.encode());
    ASSERT_TRUE(back.has_value()) << seed;
    EXPECT_EQ(back->encode(), histogram.encode());
    for (const double q : kQuantiles) {
      EXPECT_EQ(back->quantile(q), histogram.quantile(q));
    }
  }
}

TEST(Histogram, SaturatesAtTheLargestCountOfABucket) {
  std::optional<Histogram> full = Histogram::decode("5:4294967295;21474836475;5");
  ASSERT_TRUE(full.has_value());
  full->record(5);
  EXPECT_EQ(full->count(), 4294967295u);
  full->merge(*Histogram::decode("5:10,6:1;56;6"));
  EXPECT_EQ(full->count(), 4294967296u);
  EXPECT_EQ(full->quantile(1.0), 6u);
}

TEST(Histogram, RejectsTextThatIsNone) {
  for (const char* text : {"3",
                           "3:",
                           ":1",
                           "3:1",
                           "3:1;3",
                           "3:1;3;",
                           "3:1;;3",
                           ";3;3",
                           "3:0;0;3",
                           "3:1,;3;3",
                           ",3:1;3;3",
                           "3:1,3:1;6;3",
                           "4:1,3:1;7;4",
                           "928:1;1;1",
                           "3:4294967296;1;3",
                           "-3:1;3;3",
                           "3:-1;3;3",
                           "3:1;3;3 ",
                           " 3:1;3;3",
                           "3:1;3;40",
                           "3:1;2;3",
                           "3:1;3;3;3",
                           "3;1:3;3",
                           "a",
                           ";;",
                           "18446744073709551616:1;3;3"}) {
    EXPECT_FALSE(Histogram::decode(text).has_value()) << text;
  }
  EXPECT_TRUE(Histogram::decode("3:1;3;3").has_value());
}

}  // namespace
}  // namespace crossfade::shadow
