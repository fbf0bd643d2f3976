#include "config/quantity.h"

#include <gtest/gtest.h>

#include <utility>

namespace crossfade::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(ParseNumber, TakesPlainDigitsWithinTheBounds) {
  EXPECT_EQ(*parse_number("0", {0, 10}), 0u);
  EXPECT_EQ(*parse_number("10", {0, 10}), 10u);
  EXPECT_EQ(*parse_number("18446744073709551615", {}), UINT64_MAX);
}

TEST(ParseNumber, RefusesOneBeyondEitherBound) {
  EXPECT_FALSE(parse_number("4", {5, 7}).ok());
  EXPECT_TRUE(parse_number("5", {5, 7}).ok());
  EXPECT_TRUE(parse_number("7", {5, 7}).ok());
  EXPECT_FALSE(parse_number("8", {5, 7}).ok());
  EXPECT_EQ(parse_number("8", {5, 7}).status().message(), "must be a whole number from 5 to 7, in plain digits");
}

TEST(ParseNumber, RefusesOctalHexExponentsSignsAndOverflow) {
  for (const char* text : {"", "00", "010", "0o10", "0x10", "1e3", "1.0", "-1", "+1", " 1", "1 ", "1_000", "1,000", "a",
                           "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_number(text, {}).ok()) << text;
  }
}

TEST(ParseDuration, TakesANumberAndItsUnit) {
  const std::pair<const char*, milliseconds> cases[] = {
      {"0ms", milliseconds(0)},        {"0s", milliseconds(0)},    {"1ms", milliseconds(1)},
      {"200ms", milliseconds(200)},    {"2s", milliseconds(2000)}, {"5m", milliseconds(300'000)},
      {"1h", milliseconds(3'600'000)},
  };
  for (const auto& [text, expected] : cases) {
    const auto duration = parse_duration(text, {milliseconds(0), hours(24)});
    ASSERT_TRUE(duration.ok()) << text;
    EXPECT_EQ(*duration, expected) << text;
  }
}

TEST(ParseDuration, RefusesWhatHasNoUnitOrAnotherOne) {
  for (const char* text : {"",
                           "5",
                           "0",
                           "s",
                           "ms",
                           "5 s",
                           "5S",
                           "5sec",
                           "5us",
                           "5d",
                           "1.5s",
                           "-5s",
                           "05s",
                           "0x5s",
                           "1e3ms",
                           "1m30s",
                           " 5s",
                           "5s ",
                           "99999999999999999999s",
                           "18446744073709551615h"}) {
    EXPECT_FALSE(parse_duration(text, {milliseconds(0), hours(24)}).ok()) << text;
  }
}

TEST(ParseDuration, RefusesOneBeyondEitherBound) {
  const DurationBounds bounds{milliseconds(10), milliseconds(2000)};
  EXPECT_FALSE(parse_duration("9ms", bounds).ok());
  EXPECT_TRUE(parse_duration("10ms", bounds).ok());
  EXPECT_TRUE(parse_duration("2s", bounds).ok());
  EXPECT_FALSE(parse_duration("2001ms", bounds).ok());
  EXPECT_EQ(parse_duration("9ms", bounds).status().message(),
            "must be a duration from 10ms to 2s, with its unit: ms, s, m or h");
}

TEST(ParseSize, TakesBytesAndBinaryUnits) {
  const std::pair<const char*, std::uint64_t> cases[] = {
      {"0", 0},
      {"1000", 1000},
      {"1000B", 1000},
      {"512KiB", 512ull << 10},
      {"64MiB", 64ull << 20},
      {"4GiB", 4ull << 30},
      {"17179869183GiB", 17179869183ull << 30},
  };
  for (const auto& [text, expected] : cases) {
    const auto size = parse_size(text, {});
    ASSERT_TRUE(size.ok()) << text;
    EXPECT_EQ(*size, expected) << text;
  }
}

TEST(ParseSize, RefusesOtherUnitsFractionsAndOverflow) {
  for (const char* text : {"", "B", "MiB", "64MB", "64M", "64mib", "64 MiB", "1.5GiB", "-1", "064", "064MiB", "0x40",
                           "1e6", "17179869184GiB", "18446744073709551616"}) {
    EXPECT_FALSE(parse_size(text, {}).ok()) << text;
  }
}

TEST(ParseSize, RefusesOneBeyondEitherBound) {
  EXPECT_FALSE(parse_size("1023", {1024, 2048}).ok());
  EXPECT_TRUE(parse_size("1KiB", {1024, 2048}).ok());
  EXPECT_TRUE(parse_size("2048B", {1024, 2048}).ok());
  EXPECT_FALSE(parse_size("2049", {1024, 2048}).ok());
  EXPECT_EQ(parse_size("1", {1024, 2048}).status().message(),
            "must be a size from 1KiB to 2KiB, in bytes or with a unit: B, KiB, MiB or GiB");
}

TEST(QuantityText, UsesTheLargestUnitThatDivides) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0ms");
  EXPECT_EQ(duration_text(milliseconds(1500)), "1500ms");
  EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
  EXPECT_EQ(duration_text(milliseconds(120'000)), "2m");
  EXPECT_EQ(duration_text(hours(2)), "2h");
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(1000), "1000B");
  EXPECT_EQ(size_text(1536), "1536B");
  EXPECT_EQ(size_text(3072), "3KiB");
  EXPECT_EQ(size_text(64ull << 20), "64MiB");
  EXPECT_EQ(size_text(4ull << 30), "4GiB");
}

}  // namespace
}  // namespace crossfade::config
