#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/inline/determinism.h"
#include "protocol/response.h"
#include "ship_verdicts.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using protocol::Parameter;
using ::testing::HasSubstr;

Parameter integer(std::uint8_t number) {
  Parameter out;
  out.type.type = static_cast<std::uint8_t>(ColumnType::tiny);
  out.value = {number};
  return out;
}

Parameter null_parameter() {
  Parameter out;
  out.type.type = static_cast<std::uint8_t>(ColumnType::tiny);
  out.is_null = true;
  return out;
}

TEST(ShipVerdict, TakesParametersThatAreNotKnownYetAsFitting) {
  EXPECT_TRUE(judge("DELETE FROM t WHERE id = ?", plain()).shippable);
  EXPECT_TRUE(judge("INSERT INTO t VALUES (?, ?, ?)", plain()).shippable);
  EXPECT_TRUE(judge("UPDATE t SET a = ? WHERE id = 5", plain()).shippable);
  EXPECT_TRUE(judge("UPDATE t SET a = a + ? WHERE id = 5", plain()).shippable);
  EXPECT_TRUE(judge("INSERT INTO t(a) VALUES (?)", plain()).shippable);
  EXPECT_FALSE(judge("DELETE FROM t WHERE a = ?", plain()).shippable);
}

TEST(ShipVerdict, JudgesBoundParameters) {
  const std::vector<Parameter> five = {integer(5)};
  const std::vector<Parameter> zero = {integer(0)};
  const std::vector<Parameter> null = {null_parameter()};
  const std::vector<Parameter> none;
  Parameter real = integer(5);
  real.type.type = static_cast<std::uint8_t>(ColumnType::double_);
  const std::vector<Parameter> reals = {real};
  const char* by_key = "DELETE FROM t WHERE id = ?";
  EXPECT_TRUE(judge(by_key, plain(), &five).shippable);
  EXPECT_THAT(judge(by_key, plain(), &reals).refusal, HasSubstr("another type"));
  EXPECT_FALSE(judge(by_key, plain(), &none).shippable);
  const char* insert = "INSERT INTO t(id) VALUES (?)";
  EXPECT_FALSE(judge(insert, plain(), &five).generates_id);
  EXPECT_TRUE(judge(insert, plain(), &null).generates_id);
  EXPECT_TRUE(judge(insert, plain(), &zero).generates_id);
  EXPECT_FALSE(judge(insert, plain(), &zero, {.no_auto_value_on_zero = true}).generates_id);
  EXPECT_FALSE(judge(insert, plain(), &reals).shippable);
  EXPECT_FALSE(judge(insert, plain(), &none).shippable);
  const std::vector<Parameter> both = {integer(5), null_parameter()};
  EXPECT_FALSE(judge("INSERT INTO t(id) VALUES (?), (?)", plain(), &both).shippable);
}

TEST(ShipVerdict, JudgesParametersByTheirColumn) {
  const TableSchema schema = every_class();
  const auto taken = [&schema](ColumnType type, const std::string& bytes) {
    Parameter bound;
    bound.type.type = static_cast<std::uint8_t>(type);
    bound.value.assign(bytes.begin(), bytes.end());
    const std::vector<Parameter> parameters = {bound};
    std::string out;
    for (const Column& one : schema.columns) {
      out += judge("UPDATE t SET " + one.name + " = ? WHERE i = 1", schema, &parameters).shippable ? 'y' : '-';
    }
    return out;
  };
  EXPECT_EQ(taken(ColumnType::tiny, "\5"), "yyyy---y--y--");
  EXPECT_EQ(taken(ColumnType::double_, "12345678"), "--y----------");
  EXPECT_EQ(taken(ColumnType::double_, std::string("\0\0\0\0\0\0\x45\x40", 8)), "yyy-------y--");  // 42
  EXPECT_EQ(taken(ColumnType::double_, std::string("\0\0\0\0\0\0\xf8\x3f", 8)), "--y----------");  // 1.5
  EXPECT_EQ(taken(ColumnType::datetime, ""), "-----y------y");
  // length, date, time, and microseconds: none, and 500,000
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\0\0\0\0", 11)), "-----y------y");
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\x20\xa1\7\0", 11)), "-----y-------");
  EXPECT_EQ(taken(ColumnType::datetime, std::string("\xe8\x07\1\1\1\1\1\1\0\0\0", 11)), "-----y-------");
  EXPECT_EQ(taken(ColumnType::time, ""), "---------y---");
  const std::string last("\0\x22\0\0\0\x16\x3b\x3b", 8);  // 34 days 22:59:59
  EXPECT_EQ(taken(ColumnType::time, last), "---------y---");
  EXPECT_EQ(taken(ColumnType::time, last + std::string(4, '\0')), "---------y---");
  EXPECT_EQ(taken(ColumnType::time, last + std::string("\1\0\0\0", 4)), "-------------");
  EXPECT_EQ(taken(ColumnType::time, std::string("\1\x22\0\0\0\x17\0\0", 8)), "-------------");
  EXPECT_EQ(taken(ColumnType::newdecimal, "1.5"), "-yyyy-y-y----");
  EXPECT_EQ(taken(ColumnType::var_string, "x"), "---yy-y-y----");
  EXPECT_EQ(taken(ColumnType::blob, "2024-02-29"), "---yyy--y---y");
  EXPECT_EQ(taken(ColumnType::geometry, "x"), "-------------");
}

TEST(ShipVerdict, JudgesParametersWithinExpressions) {
  Parameter word = integer(5);
  word.type.type = static_cast<std::uint8_t>(ColumnType::var_string);
  const std::vector<Parameter> numbers = {integer(5), integer(6)};
  const std::vector<Parameter> text_first = {word, integer(6)};
  const std::vector<Parameter> text_second = {integer(6), word};
  const char* sql = "UPDATE t SET a = a + ?, s = CONCAT(s, ?) WHERE id = 5";
  EXPECT_TRUE(judge(sql, plain(), &numbers).shippable);
  EXPECT_TRUE(judge(sql, plain(), &text_second).shippable);
  EXPECT_THAT(judge(sql, plain(), &text_first).refusal, HasSubstr("column 'a'"));
  const std::vector<Parameter> one = {integer(5)};
  EXPECT_THAT(judge(sql, plain(), &one).refusal, HasSubstr("missing"));
}

}  // namespace
}  // namespace crossfade::dualwrite
