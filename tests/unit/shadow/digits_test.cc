#include "shadow/digits.h"

#include <gtest/gtest.h>

#include <string>

#include "shadow/canonical.h"

namespace crossfade::shadow {
namespace {

using protocol::ColumnDefinition;
using protocol::ColumnType;

constexpr std::uint8_t kOpen = 31;

ColumnDefinition column_with(ColumnType type, std::uint8_t decimals = 0, const std::string& table = "") {
  ColumnDefinition definition;
  definition.type = type;
  definition.decimals = decimals;
  definition.org_table = table;
  return definition;
}

// As compare() comes to it: the cells are canonical, and differ. Both ways round.
bool alike(const std::string& a, const ColumnDefinition& mine, const std::string& b, const ColumnDefinition& theirs) {
  const std::string x = canonical_value(a, mine, theirs);
  const std::string y = canonical_value(b, theirs, mine);
  EXPECT_NE(x, y) << "not a question of digits";
  const bool result = differ_in_digits_only(x, mine, y, theirs);
  EXPECT_EQ(result, differ_in_digits_only(y, theirs, x, mine)) << a << " " << b;
  return result;
}

const ColumnDefinition kDouble = column_with(ColumnType::double_, kOpen);
const ColumnDefinition kDouble4 = column_with(ColumnType::double_, 4);
const ColumnDefinition kFloat = column_with(ColumnType::float_, kOpen);
const ColumnDefinition kText = column_with(ColumnType::var_string, kOpen);
const ColumnDefinition kJson = column_with(ColumnType::json, kOpen);
const ColumnDefinition kJsonText = column_with(ColumnType::blob, 39);

TEST(Digits, AggregatesOfWhichOneMakeTellsFourDecimals) {
  EXPECT_TRUE(alike("3.0912", kDouble4, "3.0912061651652345", kDouble));
  EXPECT_TRUE(alike("9.5556", kDouble4, "9.555555555555555", kDouble));
  EXPECT_TRUE(alike("4714045207.9103", kDouble4, "4714045207.910316", kDouble));
  EXPECT_TRUE(alike("0.3333", column_with(ColumnType::newdecimal, 4), "0.3333333333333333", kDouble));
  EXPECT_TRUE(alike("0.6666666667", column_with(ColumnType::double_, 10), "0.6666666666666666", kDouble));
  EXPECT_FALSE(alike("3.0911", kDouble4, "3.0912061651652345", kDouble));
  EXPECT_FALSE(alike("3.0913", kDouble4, "3.0912061651652345", kDouble));
}

TEST(Digits, NoDecimalsAreNoPrecisionToCompareAt) {
  EXPECT_FALSE(alike("3", column_with(ColumnType::double_, 0), "3.2", kDouble));
  EXPECT_FALSE(alike("45296", column_with(ColumnType::longlong), "45296.789", column_with(ColumnType::newdecimal, 3)));
}

TEST(Digits, TheSameDecimalsAreExact) {
  const ColumnDefinition cents = column_with(ColumnType::newdecimal, 2);
  EXPECT_FALSE(alike("3.29", cents, "3.30", cents));
  EXPECT_FALSE(alike("1234567890123456.78", cents, "1234567890123456.79", cents));
  const ColumnDefinition two = column_with(ColumnType::double_, 2);
  EXPECT_FALSE(alike("3.29", two, "3.30", two));
  EXPECT_FALSE(alike("3.29", column_with(ColumnType::double_, 2), "3.3", kDouble));
  const ColumnDefinition fine = column_with(ColumnType::newdecimal, 16);
  EXPECT_TRUE(alike("1.0000000000000001", fine, "1.0000000000000002", fine));
}

TEST(Digits, DecimalsOfOtherScalesAreRoundedExactly) {
  const ColumnDefinition two = column_with(ColumnType::newdecimal, 2);
  const ColumnDefinition four = column_with(ColumnType::newdecimal, 4);
  EXPECT_TRUE(alike("1234567890123456.79", two, "1234567890123456.7850", four));
  EXPECT_FALSE(alike("1234567890123456.78", two, "1234567890123456.7850", four));
  EXPECT_TRUE(alike("-10.00", two, "-9.9950", four));
  EXPECT_TRUE(alike("100.00", two, "99.9999", four));
  EXPECT_FALSE(alike("3.29", two, "3.30", four));
}

TEST(Digits, StoredColumnsAreNeverRounded) {
  const ColumnDefinition two = column_with(ColumnType::newdecimal, 2, "t");
  const ColumnDefinition four = column_with(ColumnType::newdecimal, 4, "t");
  EXPECT_FALSE(alike("3.30", two, "3.2999", four));
  EXPECT_FALSE(
      alike("3.3", column_with(ColumnType::double_, 1, "t"), "3.29", column_with(ColumnType::double_, kOpen, "t")));
  // A view of STD() is a table of one make's and not of the other's.
  EXPECT_TRUE(alike("3.0912", kDouble4, "3.0912061651652345", column_with(ColumnType::double_, kOpen, "v")));
}

TEST(Digits, DoublesHoldFifteenDigits) {
  EXPECT_TRUE(alike("1.5849625007211563", kDouble, "1.584962500721156", kDouble));
  EXPECT_FALSE(alike("1.5849625007211", kDouble, "1.5849625007212", kDouble));
}

TEST(Digits, AFloatBesideADoubleHoldsSix) {
  EXPECT_TRUE(alike("16777200", kFloat, "16777216", kDouble));
  EXPECT_FALSE(alike("16777300", kFloat, "16777216", kDouble));
  EXPECT_FALSE(alike("3.29", kFloat, "3.3", kDouble));
  EXPECT_FALSE(alike("16777200", kFloat, "16777216", kFloat));
}

TEST(Digits, JsonNumbersAreDoublesAndIntegersExact) {
  EXPECT_TRUE(alike("[0.1234567890123456789]", kJsonText, "[0.12345678901234568]", kJson));
  EXPECT_TRUE(alike("[1.1,0.333333,null]", kJsonText, "[1.100000023841858, 0.33333298563957214, null]", kJson));
  EXPECT_FALSE(alike("[1234567890123456788]", kJsonText, "[1234567890123456789]", kJson));
  EXPECT_FALSE(alike("[3.29]", kJsonText, "[3.3]", kJson));
  EXPECT_FALSE(alike("[1.1]", kJsonText, "[1.100000023841858, 2]", kJson));
  EXPECT_FALSE(alike("[1024]", kJsonText, "[1024.0001]", kJson));
  EXPECT_FALSE(alike("{\"a\": 1}", kJsonText, "{\"b\": 1}", kJson));
}

TEST(Digits, JsonTimesMayEndInZeros) {
  EXPECT_TRUE(alike("[\"2024-02-29 12:34:56\"]", kJsonText, "[\"2024-02-29 12:34:56.000000\"]", kJson));
  EXPECT_TRUE(alike("{\"k\": \"-01:02:03.5\"}", kJsonText, "{\"k\": \"-01:02:03.500000\"}", kJson));
  EXPECT_FALSE(alike("[\"2024-02-29 12:34:56\"]", kJsonText, "[\"2024-02-29 12:34:56.000001\"]", kJson));
  EXPECT_FALSE(alike("[\"1.50\"]", kJsonText, "[\"1.5\"]", kJson));
  EXPECT_FALSE(alike("[\"12:34:50\"]", kJsonText, "[\"12:34:5\"]", kJson));
}

TEST(Digits, ComputedTextsMayBeTimesOrJson) {
  EXPECT_TRUE(alike("2024-01-01 00:00:01.5", kText, "2024-01-01 00:00:01.500000", kText));
  EXPECT_TRUE(alike("{\"b\": 1.50, \"a\": [1]}", kText, "{\"a\": [1], \"b\": 1.5}", kText));
  EXPECT_TRUE(alike("[\n    1.0,\n    2e3\n]", kText, "[\n  1.0,\n  2000.0\n]", kText));
  EXPECT_FALSE(alike("{\"b\": 1.50}", kText, "{\"b\": 1.51}", kText));
  EXPECT_FALSE(alike("1.50", kText, "1.5", kText));
  EXPECT_FALSE(alike("007", kText, "7", kText));
  EXPECT_FALSE(alike("[1", kText, "[1 ", kText));
  const ColumnDefinition stored = column_with(ColumnType::var_string, 0, "t");
  EXPECT_FALSE(alike("[1,2]", stored, "[1, 2]", stored));
  EXPECT_FALSE(alike("10:00:00.5", stored, "10:00:00.50", stored));
}

TEST(Digits, CellsThatMayDifferTellNoRowsApart) {
  EXPECT_TRUE(may_differ_in_digits(kDouble4, kDouble));
  EXPECT_TRUE(may_differ_in_digits(column_with(ColumnType::newdecimal, 4), kDouble));
  EXPECT_TRUE(may_differ_in_digits(column_with(ColumnType::newdecimal, 4), column_with(ColumnType::newdecimal, 6)));
  EXPECT_TRUE(may_differ_in_digits(kJsonText, kJson));
  EXPECT_FALSE(may_differ_in_digits(column_with(ColumnType::newdecimal, 4), column_with(ColumnType::newdecimal, 4)));
  EXPECT_FALSE(
      may_differ_in_digits(column_with(ColumnType::newdecimal, 4, "t"), column_with(ColumnType::newdecimal, 6, "t")));
  EXPECT_FALSE(may_differ_in_digits(column_with(ColumnType::longlong), column_with(ColumnType::long_)));
  EXPECT_FALSE(may_differ_in_digits(kText, kText));
}

}  // namespace
}  // namespace crossfade::shadow
