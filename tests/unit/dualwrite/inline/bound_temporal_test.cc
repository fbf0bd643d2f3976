#include "dualwrite/inline/bound_temporal.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/response.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;

bool good(ColumnType type, std::string_view value) {
  protocol::Parameter parameter;
  parameter.type.type = static_cast<std::uint8_t>(type);
  protocol::put_text(parameter.value, value);
  return bound_temporal_problem(parameter).empty();
}

std::string time(std::uint32_t days, std::uint8_t hours, std::uint8_t minutes, std::uint8_t seconds) {
  protocol::Buffer out = {0};
  protocol::put_u32(out, days);
  for (const std::uint8_t field : {hours, minutes, seconds}) protocol::put_u8(out, field);
  return std::string(protocol::as_text(out));
}

std::string date(std::uint16_t year, std::uint8_t month, std::uint8_t day) {
  protocol::Buffer out;
  protocol::put_u16(out, year);
  for (const std::uint8_t field : {month, day}) protocol::put_u8(out, field);
  return std::string(protocol::as_text(out));
}

std::string micros(std::uint32_t value) {
  protocol::Buffer out;
  protocol::put_u32(out, value);
  return std::string(protocol::as_text(out));
}

TEST(BoundTemporal, TakesTimesThatBothMakesTake) {
  EXPECT_TRUE(good(ColumnType::time, ""));
  EXPECT_TRUE(good(ColumnType::time, time(34, 22, 59, 59)));
  EXPECT_TRUE(good(ColumnType::time, time(34, 22, 59, 59) + micros(0)));
  EXPECT_TRUE(good(ColumnType::time, time(34, 21, 59, 59) + micros(999999)));
  EXPECT_TRUE(good(ColumnType::time, time(0, 250, 0, 0)));
  for (const std::string& bad :
       {time(34, 22, 0, 0) + micros(1), time(34, 23, 0, 0), time(35, 0, 0, 0), time(0, 0, 60, 0), time(0, 0, 0, 60),
        time(0, 0, 0, 0) + micros(1000000), time(0x80000000, 1, 0, 0), time(1, 2, 3, 4).substr(0, 7)}) {
    EXPECT_FALSE(good(ColumnType::time, bad));
  }
}

TEST(BoundTemporal, TakesDatesWhoseFieldsAreInRange) {
  for (const ColumnType type : {ColumnType::date, ColumnType::datetime, ColumnType::timestamp}) {
    EXPECT_TRUE(good(type, ""));
    EXPECT_TRUE(good(type, date(0, 0, 0)));
    EXPECT_TRUE(good(type, date(9999, 12, 31)));
    EXPECT_TRUE(good(type, date(2024, 2, 31) + "\x17\x3b\x3b" + micros(999999)));
    for (const std::string& bad :
         {date(10000, 1, 1), date(2024, 13, 1), date(2024, 1, 32), date(2024, 1, 1) + "\x18\1\1",
          date(2024, 1, 1) + "\1\x3c\1", date(2024, 1, 1) + "\1\1\x3c", date(2024, 1, 1) + "\1\1\1" + micros(1000000),
          date(2024, 1, 1) + "\1\1", std::string("\1")}) {
      EXPECT_FALSE(good(type, bad));
    }
  }
}

TEST(BoundTemporal, HasNothingToSayOfOthers) {
  EXPECT_TRUE(good(ColumnType::var_string, "\xff\xff"));
  protocol::Parameter null;
  null.type.type = static_cast<std::uint8_t>(ColumnType::time);
  null.is_null = true;
  null.value = {1};
  EXPECT_TRUE(bound_temporal_problem(null).empty());
}

}  // namespace
}  // namespace crossfade::dualwrite
