#include "shadow/canonical.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace crossfade::shadow {
namespace {

using protocol::ColumnDefinition;
using protocol::ColumnType;

ColumnDefinition column(ColumnType type) {
  ColumnDefinition definition;
  definition.type = type;
  return definition;
}

std::string canonical(const std::string& value, ColumnType mine, ColumnType theirs) {
  return canonical_value(value, column(mine), column(theirs));
}
std::string canonical(const std::string& value, ColumnType type) { return canonical(value, type, type); }

TEST(CanonicalNumber, HasOneSpellingForEachValue) {
  const std::vector<std::pair<std::string, std::string>> spellings = {
      {"0", "0"},
      {"-0", "0"},
      {"0.000", "0"},
      {"-0.00", "0"},
      {"0e9", "0"},
      {"1", "1"},
      {"+1", "1"},
      {"007", "7"},
      {"-007.50", "-7.5"},
      {"2.50", "2.5"},
      {"2.5", "2.5"},
      {"25e-1", "2.5"},
      {"1e2", "100"},
      {"1E+2", "100"},
      {"1.0e2", "100"},
      {"100", "100"},
      {"100.00", "100"},
      {".5", "0.5"},
      {"5.", "5"},
      {"0.001", "0.001"},
      {"1e-3", "0.001"},
      {"123.456", "123.456"},
      {"1e101", "1e101"},
      {"12e100", "1.2e101"},
      {"1e-40", "1e-40"},
      {"10e-41", "1e-40"},
      {"-1.50e-40", "-1.5e-40"},
  };
  for (const auto& [text, expected] : spellings) {
    EXPECT_EQ(canonical_number(text), expected) << text;
  }
}

TEST(CanonicalNumber, KeepsEveryDigitOfABigOne) {
  const std::string digits = "12345678901234567890123456789012345678901234567890123456789012345";
  EXPECT_EQ(canonical_number(digits), digits);
  EXPECT_EQ(canonical_number("0.1000000000000000000000000000010"), "0.100000000000000000000000000001");
}

TEST(CanonicalNumber, ChangesItsFormOnlyByTheSizeOfTheValue) {
  EXPECT_EQ(canonical_number("1e99"), "1" + std::string(99, '0'));
  EXPECT_EQ(canonical_number("1" + std::string(100, '0')), "1e100");
  EXPECT_EQ(canonical_number("1e-31"), "0." + std::string(30, '0') + "1");
  EXPECT_EQ(canonical_number("0." + std::string(31, '0') + "1"), "1e-32");
}

TEST(CanonicalNumber, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "+", ".", "-.", "e1", "1e", "1e+", "1x", " 1", "1 ", "0x10", "1.2.3", "--1", "nan",
                           "inf", "1e1234567", "1,5"}) {
    EXPECT_FALSE(canonical_number(text).has_value()) << text;
  }
  EXPECT_EQ(canonical_number("1e123456"), "1e123456");
  // What is spelled is a number again: its exponent has no more digits than one that is read.
  EXPECT_EQ(canonical_number("9e999999"), "9e999999");
  EXPECT_FALSE(canonical_number("19e999999").has_value());
  EXPECT_EQ(canonical_number("0.01e-999997"), "1e-999999");
  EXPECT_FALSE(canonical_number("0.01e-999998").has_value());
  EXPECT_EQ(canonical_number("00e999999"), "0");
}

TEST(CanonicalValue, DropsTrailingZerosOfDecimalsAndTheMinusOfZero) {
  EXPECT_EQ(canonical("10.00", ColumnType::newdecimal), "10");
  EXPECT_EQ(canonical("-0.00", ColumnType::newdecimal), "0");
  EXPECT_EQ(canonical("10.01", ColumnType::decimal), "10.01");
}

TEST(CanonicalValue, WritesIntegersAsTheirDigits) {
  EXPECT_EQ(canonical("00042", ColumnType::long_), "42");
  EXPECT_EQ(canonical("18446744073709551615", ColumnType::longlong), "18446744073709551615");
  EXPECT_EQ(canonical("1", ColumnType::tiny), "1");
  EXPECT_EQ(canonical("2024", ColumnType::year), "2024");
}

TEST(CanonicalValue, ComparesIntegersDecimalsAndFloatsAsNumbers) {
  EXPECT_EQ(canonical("2", ColumnType::long_, ColumnType::newdecimal),
            canonical("2.0000", ColumnType::newdecimal, ColumnType::long_));
  EXPECT_EQ(canonical("1e20", ColumnType::double_, ColumnType::newdecimal),
            canonical("100000000000000000000", ColumnType::newdecimal, ColumnType::double_));
  // As doubles these would be equal: the digits of an exact side are never rounded.
  EXPECT_NE(canonical("9007199254740993", ColumnType::longlong, ColumnType::double_),
            canonical("9007199254740992", ColumnType::double_, ColumnType::longlong));
}

TEST(CanonicalValue, WritesFloatsShortest) {
  EXPECT_EQ(canonical("0.10000000000000001", ColumnType::double_), "0.1");
  EXPECT_EQ(canonical("1e+20", ColumnType::double_), "100000000000000000000");
  EXPECT_EQ(canonical("-0", ColumnType::double_), "0");
  EXPECT_EQ(canonical("0.100000001", ColumnType::float_), "0.1");
  EXPECT_EQ(canonical("+1976999994", ColumnType::float_), canonical("1976999994", ColumnType::float_));
  EXPECT_EQ(canonical("1e400", ColumnType::double_), "1e400");
  EXPECT_EQ(canonical("+1.50", ColumnType::double_), "1.5");
}

TEST(CanonicalValue, GivesADoubleNoMoreDigitsThanTheFloatBesideIt) {
  EXPECT_EQ(canonical("0.10000000149011612", ColumnType::double_, ColumnType::float_),
            canonical("0.1", ColumnType::float_, ColumnType::double_));
  EXPECT_NE(canonical("0.10000000149011612", ColumnType::double_), canonical("0.1", ColumnType::double_));
}

TEST(CanonicalValue, DropsZeroFractionsOfTemporalValues) {
  EXPECT_EQ(canonical("2026-11-21 00:00:00.000000", ColumnType::datetime), "2026-11-21 00:00:00");
  EXPECT_EQ(canonical("2026-11-21 00:00:00.500000", ColumnType::timestamp), "2026-11-21 00:00:00.5");
  EXPECT_EQ(canonical("838:59:59.000", ColumnType::time), "838:59:59");
  EXPECT_EQ(canonical("-00:00:00.0", ColumnType::time), "00:00:00");
  EXPECT_EQ(canonical("-00:00:01", ColumnType::time), "-00:00:01");
  EXPECT_EQ(canonical("2026-11-20", ColumnType::date), "2026-11-20");
  EXPECT_EQ(canonical("2026-11-20 10:00:00", ColumnType::datetime), "2026-11-20 10:00:00");
  EXPECT_EQ(canonical("10:00:00.00x", ColumnType::time), "10:00:00.00x");
  EXPECT_EQ(canonical("", ColumnType::time), "");
  EXPECT_EQ(canonical("1:1..0", ColumnType::time), "1:1..0");
  EXPECT_EQ(canonical(".0:", ColumnType::time), ".0:");
}

TEST(CanonicalValue, ComparesATemporalValueWithItsText) {
  EXPECT_EQ(canonical("2026-11-21 00:00:00.000000", ColumnType::var_string, ColumnType::datetime),
            canonical("2026-11-21 00:00:00", ColumnType::datetime, ColumnType::var_string));
}

TEST(CanonicalValue, ComparesStringsAsBytes) {
  for (const ColumnType type : {ColumnType::varchar, ColumnType::var_string, ColumnType::string, ColumnType::blob,
                                ColumnType::tiny_blob, ColumnType::medium_blob, ColumnType::long_blob, ColumnType::bit,
                                ColumnType::enum_, ColumnType::set, ColumnType::geometry}) {
    EXPECT_EQ(canonical("10.00", type), "10.00");
    EXPECT_EQ(canonical("a  ", type), "a  ");
    EXPECT_EQ(canonical("{\"b\": 1}", type), "{\"b\": 1}");
    EXPECT_EQ(canonical("10:00:00.00", type), "10:00:00.00");
  }
}

TEST(CanonicalValue, LeavesANumberBesideAStringAsItIs) {
  EXPECT_EQ(canonical("007", ColumnType::var_string, ColumnType::long_), "007");
  EXPECT_EQ(canonical("7.0", ColumnType::newdecimal, ColumnType::var_string), "7.0");
}

TEST(CanonicalValue, FollowsTheOtherColumnWhenItsOwnIsOfTypeNull) {
  EXPECT_EQ(canonical("2.50", ColumnType::null, ColumnType::newdecimal), "2.5");
  EXPECT_EQ(canonical("2.50", ColumnType::newdecimal, ColumnType::null), "2.5");
  EXPECT_EQ(canonical("2.50", ColumnType::null), "2.50");
}

TEST(CanonicalValue, LeavesWhatIsNotWhatItsColumnSays) {
  EXPECT_EQ(canonical("abc", ColumnType::long_), "abc");
  EXPECT_EQ(canonical("abc", ColumnType::double_), "abc");
  EXPECT_EQ(canonical("nan", ColumnType::double_), "nan");
  EXPECT_EQ(canonical("{\"a\":", ColumnType::json), "{\"a\":");
}

TEST(CanonicalValue, IsSymmetricInItsColumnsAndStableForEveryPairOfTypes) {
  const std::vector<int> types = {0x00, 0x01, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b,
                                  0x0d, 0x10, 0xf5, 0xf6, 0xfc, 0xfe, 0x55};
  const std::vector<std::string> values = {
      "", "-0.00", "1e2", "10:00:00.500", "{\"b\":1.0,\"a\":[]}", "x", "0.30000000000000004"};
  for (const int a : types) {
    for (const int b : types) {
      for (const std::string& value : values) {
        const auto mine = static_cast<ColumnType>(a);
        const auto theirs = static_cast<ColumnType>(b);
        const std::string once = canonical(value, mine, theirs);
        EXPECT_EQ(once, canonical(value, theirs, mine)) << value << " " << a << " " << b;
        EXPECT_EQ(once, canonical(once, mine, theirs)) << value << " " << a << " " << b;
      }
    }
  }
}

TEST(CanonicalJson, EqualsAcrossTheSpellingsOfTheTwoServers) {
  const std::string of_mariadb = R"({"b": 2.50, "a" : [1, 1e2, true, null, "x\u00e9\/"]})";
  const std::string of_mysql = R"({"a": [1, 100.0, true, null, "xé/"], "b": 2.5})";
  EXPECT_EQ(canonical(of_mariadb, ColumnType::blob, ColumnType::json),
            canonical(of_mysql, ColumnType::json, ColumnType::blob));
  EXPECT_EQ(canonical_json(of_mysql), R"({"a":[1,100,true,null,"xé/"],"b":2.5})");
}

TEST(CanonicalJson, KeepsTheDigitsOfBigNumbers) {
  EXPECT_EQ(canonical_json("[123456789012345678901234567890]"), "[123456789012345678901234567890]");
  EXPECT_EQ(canonical_json("0.1000000000000000000001"), "0.1000000000000000000001");
  EXPECT_EQ(canonical_json("[-9223372036854775808,18446744073709551615]"),
            "[-9223372036854775808,18446744073709551615]");
  EXPECT_EQ(canonical_json("[-0, -0.0, 0]"), "[0,0,0]");
}

TEST(CanonicalJson, TakesTheLastOfDuplicateKeys) {
  EXPECT_EQ(canonical_json(R"({"a":1,"b":{"c":1,"c":[2]},"a":3})"), R"({"a":3,"b":{"c":[2]}})");
}

TEST(CanonicalJson, KeepsTheOrderOfArraysAndSortsKeysAtEveryDepth) {
  EXPECT_EQ(canonical_json(R"([3,1,{"z":{"y":1,"x":2},"":0},[],{}])"), R"([3,1,{"":0,"z":{"x":2,"y":1}},[],{}])");
}

TEST(CanonicalJson, EscapesOnlyWhatItMust) {
  EXPECT_EQ(canonical_json(R"("\u0041\t\u0001\"\\\/\ud83d\ude00")"), "\"A\\u0009\\u0001\\\"\\\\/\xf0\x9f\x98\x80\"");
  EXPECT_EQ(canonical_json(R"({"\n":1})"), R"({"\u000a":1})");
}

TEST(CanonicalJson, RefusesWhatIsNone) {
  for (const std::string& text :
       {std::string(""), std::string("{"), std::string("[1,]"), std::string("1 2"), std::string("nul"),
        std::string("'a'"), std::string("\"\xff\""), std::string("\"\\ud800\""), std::string("1e999"),
        std::string("01"), std::string("[1]x"), std::string("\0", 1)}) {
    EXPECT_FALSE(canonical_json(text).has_value()) << text;
  }
}

TEST(CanonicalJson, GoesTwoHundredLevelsDeepAndNotOneMore) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(canonical_json(nested(200)), nested(200));
  EXPECT_FALSE(canonical_json(nested(201)).has_value());
  EXPECT_FALSE(canonical_json(std::string(1'000'000, '[')).has_value());
}

TEST(EqualUpToPrecision, HoldsForTheLastDigitsOfADouble) {
  EXPECT_TRUE(equal_up_to_precision("0.30000000000000004", "0.3"));
  EXPECT_TRUE(equal_up_to_precision("1234567.8900000001", "1234567.89"));
  EXPECT_TRUE(equal_up_to_precision("1e300", "1.0000000000000002e300"));
  EXPECT_TRUE(equal_up_to_precision("-5", "-5.0"));
  EXPECT_TRUE(equal_up_to_precision("0", "0.0"));
}

TEST(EqualUpToPrecision, EndsAtTheFifteenthDigit) {
  EXPECT_FALSE(equal_up_to_precision("1.00000000000000", "1.00000000000001"));
  EXPECT_TRUE(equal_up_to_precision("1.00000000000000", "1.000000000000001"));
  EXPECT_FALSE(equal_up_to_precision("9.99999999999999", "9.99999999999998"));
  EXPECT_FALSE(equal_up_to_precision("1", "-1"));
  EXPECT_FALSE(equal_up_to_precision("0", "1e-300"));
}

TEST(EqualUpToPrecision, IsFalseForWhatIsNoNumber) {
  EXPECT_FALSE(equal_up_to_precision("a", "a"));
  EXPECT_FALSE(equal_up_to_precision("", "1"));
  EXPECT_FALSE(equal_up_to_precision("1", "1x"));
  EXPECT_FALSE(equal_up_to_precision("inf", "inf"));
  EXPECT_FALSE(equal_up_to_precision("1e999", "1e999"));
}

TEST(EqualUpToPrecision, IsSymmetricAndHoldsForNeighbours) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    const double value = std::ldexp(static_cast<double>(random()) + 1.0, static_cast<int>(random() % 200) - 100);
    char a[40];
    char b[40];
    std::snprintf(a, sizeof a, "%.17g", value);
    std::snprintf(b, sizeof b, "%.17g", std::nextafter(value, 0.0));
    EXPECT_TRUE(equal_up_to_precision(a, b)) << a;
    EXPECT_TRUE(equal_up_to_precision(b, a)) << a;
    std::snprintf(b, sizeof b, "%.17g", value * (1 + 1e-13));
    EXPECT_FALSE(equal_up_to_precision(a, b)) << a;
  }
}

}  // namespace
}  // namespace crossfade::shadow
