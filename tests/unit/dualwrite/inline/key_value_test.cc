#include "dualwrite/inline/key_value.h"

#include <gtest/gtest.h>

#include <vector>

#include "protocol/response.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using protocol::Parameter;
using routing::Value;
using routing::ValueKind;

Parameter parameter(ColumnType type, const std::string& bytes) {
  const protocol::Bytes view = protocol::as_bytes(bytes);
  Parameter out;
  out.type.type = static_cast<std::uint8_t>(type);
  out.value.assign(view.begin(), view.end());
  return out;
}

TEST(CanonicalInteger, IsAsAServerWritesIt) {
  for (const char* good : {"0", "7", "-7", "120", "99999999999999999999"}) EXPECT_TRUE(is_canonical_integer(good));
  for (const char* bad : {"", "-", "-0", "+7", "07", "-07", " 7", "7 ", "7.0", "7e1", "x"}) {
    EXPECT_FALSE(is_canonical_integer(bad)) << bad;
  }
}

// One row per kind of value, one column per class of column:
// integer, decimal, floating, text, binary, temporal, date, json, bit, enum_set, time, year, other.
TEST(FitsKey, FollowsItsTruthTable) {
  const std::vector<std::pair<Value, const char*>> table = {
      {{ValueKind::integer, "5"}, "yy-----------"},        {{ValueKind::decimal, "5.5"}, "-y-----------"},
      {{ValueKind::decimal, "5e0"}, "-------------"},      {{ValueKind::text, "5"}, "yy-yy----y---"},
      {{ValueKind::text, "05"}, "---yy----y---"},          {{ValueKind::binary, "0x5"}, "----y--------"},
      {{ValueKind::true_false, "TRUE"}, "y------------"},  {{ValueKind::null, "NULL"}, "yyyyyyyyyyyyy"},
      {{ValueKind::default_, "DEFAULT"}, "-------------"}, {{ValueKind::expression, "a"}, "-------------"},
      {{ValueKind::placeholder, "?"}, "-------------"},
  };
  EXPECT_TRUE(fits_key(Value{ValueKind::text, "2024-02-29"}, ColumnClass::temporal));
  for (const auto& row : table) {
    std::string got;
    for (int i = 0; i <= static_cast<int>(ColumnClass::other); ++i) {
      got += fits_key(row.first, static_cast<ColumnClass>(i)) ? 'y' : '-';
    }
    EXPECT_EQ(got, row.second) << row.first.text;
  }
}

TEST(FitsKey, FollowsItsTruthTableForParameters) {
  Parameter null = parameter(ColumnType::null, "");
  null.is_null = true;
  const std::vector<std::pair<Parameter, const char*>> table = {
      {parameter(ColumnType::long_, "\5"), "yy-----------"},
      {parameter(ColumnType::tiny, "\5"), "yy-----------"},
      {parameter(ColumnType::newdecimal, "5"), "yy-----------"},
      {parameter(ColumnType::newdecimal, "5.0"), "-y-----------"},
      {parameter(ColumnType::var_string, "5"), "yy-yy----y---"},
      {parameter(ColumnType::string, "x"), "---yy----y---"},
      {parameter(ColumnType::blob, "5"), "----y--------"},
      {parameter(ColumnType::datetime, ""), "-----yy---y--"},
      {parameter(ColumnType::double_, "12345678"), "-------------"},
      {parameter(ColumnType::double_, std::string("\0\0\0\0\0\0\x45\x40", 8)), "yy-----------"},  // 42
      {parameter(ColumnType::double_, std::string("\0\0\0\0\0\0\x40\x43", 8)), "-------------"},  // 2^53
      {parameter(ColumnType::double_, std::string("\0\0\0\0\0\0\0\x80", 8)), "-------------"},    // -0
      {parameter(ColumnType::json, "5"), "-------------"},
      {null, "yyyyyyyyyyyyy"},
  };
  for (const auto& row : table) {
    std::string got;
    for (int i = 0; i <= static_cast<int>(ColumnClass::other); ++i) {
      got += fits_key(row.first, static_cast<ColumnClass>(i)) ? 'y' : '-';
    }
    EXPECT_EQ(got, row.second) << static_cast<int>(row.first.type.type);
  }
}

TEST(IdSource, TellsWhoGivesTheId) {
  const auto of = [](ValueKind kind, const std::string& text, bool no_zero = false) {
    return id_source(Value{kind, text}, no_zero);
  };
  EXPECT_EQ(of(ValueKind::null, "NULL"), IdSource::server);
  EXPECT_EQ(of(ValueKind::null, "NULL", true), IdSource::server);
  EXPECT_EQ(of(ValueKind::default_, "DEFAULT", true), IdSource::server);
  EXPECT_EQ(of(ValueKind::integer, "0"), IdSource::server);
  EXPECT_EQ(of(ValueKind::integer, "-00"), IdSource::server);
  EXPECT_EQ(of(ValueKind::integer, "0", true), IdSource::client);
  EXPECT_EQ(of(ValueKind::integer, "10"), IdSource::client);
  EXPECT_EQ(of(ValueKind::integer, "-5"), IdSource::client);
  EXPECT_EQ(of(ValueKind::text, "5"), IdSource::client);
  EXPECT_EQ(of(ValueKind::text, "0"), IdSource::server);
  EXPECT_EQ(of(ValueKind::text, ""), IdSource::unclear);
  EXPECT_EQ(of(ValueKind::text, "0.4"), IdSource::unclear);
  EXPECT_EQ(of(ValueKind::true_false, "True"), IdSource::client);
  EXPECT_EQ(of(ValueKind::true_false, "FALSE"), IdSource::server);
  EXPECT_EQ(of(ValueKind::decimal, "0.4"), IdSource::unclear);
  EXPECT_EQ(of(ValueKind::binary, "0x00"), IdSource::unclear);
  EXPECT_EQ(of(ValueKind::expression, "1+1"), IdSource::unclear);
}

TEST(IdSource, TellsWhoGivesTheIdOfABoundParameter) {
  Parameter null = parameter(ColumnType::longlong, "");
  null.is_null = true;
  EXPECT_EQ(id_source(null, false), IdSource::server);
  EXPECT_EQ(id_source(parameter(ColumnType::null, ""), false), IdSource::server);
  EXPECT_EQ(id_source(parameter(ColumnType::tiny, std::string(1, '\0')), false), IdSource::server);
  EXPECT_EQ(id_source(parameter(ColumnType::tiny, std::string(1, '\0')), true), IdSource::client);
  EXPECT_EQ(id_source(parameter(ColumnType::tiny, "\5"), false), IdSource::client);
  EXPECT_EQ(id_source(parameter(ColumnType::var_string, "12"), false), IdSource::client);
  EXPECT_EQ(id_source(parameter(ColumnType::var_string, "x"), false), IdSource::unclear);
  EXPECT_EQ(id_source(parameter(ColumnType::double_, "12345678"), false), IdSource::unclear);
}

}  // namespace
}  // namespace crossfade::dualwrite
