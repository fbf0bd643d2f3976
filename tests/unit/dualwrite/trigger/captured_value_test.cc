#include "dualwrite/trigger/captured_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "dualwrite/log_value_text.h"
#include "dualwrite/sql_text.h"
#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::dualwrite {
namespace {

struct Planned {
  LogColumn column;
  CapturedColumn captured;
};

Planned planned(const std::string& type, const std::string& charset = "", bool mariadb = true) {
  CaptureRequest request{.leader = table_of({defined("id", "int"), defined("c", type, charset)}), .mariadb = mariadb};
  request.leader.engine = "InnoDB";
  request.leader.columns[1].json = type == "json";
  const auto capture = plan_capture(request);
  EXPECT_TRUE(capture.ok()) << capture.status();
  return {.column = capture->table->columns[1], .captured = capture->columns[1]};
}

// The value in hex; "none" where the text is refused.
std::string logged(const Planned& at, std::string_view text) {
  Buffer out;
  const absl::Status status = put_captured_value(out, at.column, at.captured, text);
  EXPECT_TRUE(status.ok() || out.empty()) << "half a value";
  return status.ok() ? hex(out) : "none";
}
std::string logged(const std::string& type, std::string_view text, const std::string& charset = "") {
  return logged(planned(type, charset), text);
}

TEST(CapturedValue, Integers) {
  EXPECT_EQ(logged("tinyint", "-128"), "80");
  EXPECT_EQ(logged("tinyint", "127"), "7f");
  EXPECT_EQ(logged("tinyint unsigned", "255"), "ff");
  EXPECT_EQ(logged("smallint", "-2"), "feff");
  EXPECT_EQ(logged("mediumint", "-8388608"), "000080");
  EXPECT_EQ(logged("mediumint unsigned", "16777215"), "ffffff");
  EXPECT_EQ(logged("int(8) unsigned zerofill", "00000042"), "2a000000");
  EXPECT_EQ(logged("bigint", "-9223372036854775808"), "0000000000000080");
  EXPECT_EQ(logged("bigint", "9223372036854775807"), "ffffffffffffff7f");
  EXPECT_EQ(logged("bigint unsigned", "18446744073709551615"), "ffffffffffffffff");
  for (const char* text : {"", "-", "128", "-129", "1.0", "0x1", " 1", "1 ", "+1", "n", "99999999999999999999"}) {
    EXPECT_EQ(logged("tinyint", text), "none") << text;
  }
  EXPECT_EQ(logged("int unsigned", "-1"), "none");
  EXPECT_EQ(logged("mediumint", "8388608"), "none");
  EXPECT_EQ(logged("bigint", "9223372036854775808"), "none");
  EXPECT_EQ(logged("bigint unsigned", "18446744073709551616"), "none");
}

TEST(CapturedValue, Decimals) {
  // Manual, "Internal DECIMAL format": 1234567890.1234.
  EXPECT_EQ(logged("decimal(14,4)", "1234567890.1234"), "810dfb38d204d2");
  EXPECT_EQ(logged("decimal(14,4)", "-1234567890.1234"), "7ef204c72dfb2d");
  EXPECT_EQ(logged("decimal(5,5)", "0.99999"), "81869f");
  EXPECT_EQ(logged("decimal(5,5)", "-0.00001"), "7ffffe");
  EXPECT_EQ(logged("decimal(9,0)", "-999999999"), "44653600");
  EXPECT_EQ(logged("decimal(9,3) unsigned zerofill", "000001.500"), "80000101f4");
  for (const char* text :
       {"", ".", "-", "1", "1.2", "1.23456", "12345678901.0000", "1e3.0000", "--1.0000", "1.0000 "}) {
    EXPECT_EQ(logged("decimal(14,4)", text), "none") << text;
  }
}

TEST(CapturedValue, FloatsKeepEveryBit) {
  EXPECT_EQ(logged("float", "0.10000000149011612"), "cdcccc3d");
  EXPECT_EQ(logged("float", "1.401298464324817e-45"), "01000000");
  EXPECT_EQ(logged("float", "3.4028234663852886e38"), "ffff7f7f");
  EXPECT_EQ(logged("float", "-0"), "00000080");
  EXPECT_EQ(logged("double", "-0.0"), "0000000000000080");
  EXPECT_EQ(logged("double", "0.1"), "9a9999999999b93f");
  EXPECT_EQ(logged("double", "5e-324"), "0100000000000000");
  EXPECT_EQ(logged("double", "1.7976931348623157e308"), "ffffffffffffef7f");
  EXPECT_EQ(logged("double", "1e+20"), "408cb5781daf1544");
  for (const char* text : {"", "nan", "inf", "-inf", "1e400", "1,5", "0x1p3", "1e", "null", "[1]"}) {
    EXPECT_EQ(logged("double", text), "none") << text;
  }
  // A double that is no float.
  EXPECT_EQ(logged("float", "0.1"), "none");
  EXPECT_EQ(logged("float", "1e39"), "none");
}

TEST(CapturedValue, BitsAndMembers) {
  EXPECT_EQ(logged("bit(1)", "1"), "01");
  EXPECT_EQ(logged("bit(13)", "4097"), "1001");
  EXPECT_EQ(logged("bit(64)", "18446744073709551615"), "ffffffffffffffff");
  EXPECT_EQ(logged("bit(13)", "8192"), "none");
  EXPECT_EQ(logged("enum('a','b')", "2", "utf8mb4"), "02");
  EXPECT_EQ(logged("enum('a','b')", "0", "utf8mb4"), "00");
  EXPECT_EQ(logged("enum('a','b')", "3", "utf8mb4"), "none");
  EXPECT_EQ(logged("set('a','b','c')", "7", "utf8mb4"), "07");
  EXPECT_EQ(logged("set('a','b','c')", "8", "utf8mb4"), "none");
  EXPECT_EQ(logged("set('a')", "a", "utf8mb4"), "none");
}

TEST(CapturedValue, DatesAndTimes) {
  EXPECT_EQ(logged("year(4)", "1901"), "01");
  EXPECT_EQ(logged("year(4)", "2155"), "ff");
  EXPECT_EQ(logged("year(4)", "0000"), "00");
  EXPECT_EQ(logged("date", "0000-00-00"), "000000");
  EXPECT_EQ(logged("date", "9999-12-31"), "9f1f4e");
  EXPECT_EQ(logged("date", "2024-02-31"), "5fd00f");
  EXPECT_EQ(logged("time", "00:00:00"), "800000");
  EXPECT_EQ(logged("time", "-838:59:59"), "4b9105");
  EXPECT_EQ(logged("time(1)", "-00:00:00.1"), "7ffffff6");
  EXPECT_EQ(logged("time(6)", "-00:00:00.000001"), "7fffffffffff");
  EXPECT_EQ(logged("datetime", "0000-00-00 00:00:00"), "8000000000");
  EXPECT_EQ(logged("datetime(6)", "9999-12-31 23:59:59.999999"), "fef3ff7efb0f423f");
  EXPECT_EQ(logged("timestamp", "0"), "00000000");
  EXPECT_EQ(logged("timestamp(3)", "0.000"), "000000000000");
  EXPECT_EQ(logged("timestamp(3)", "0"), "000000000000");
  EXPECT_EQ(logged("timestamp(3)", "1000000000.999"), "3b9aca002706");
  EXPECT_EQ(logged("timestamp(6)", "2147483647.999999"), "7fffffff0f423f");
}

TEST(CapturedValue, WhatIsNoDateOrTimeIsRefused) {
  for (const char* text : {"1900", "2156", "24", "", "-1"}) {
    EXPECT_EQ(logged("year(4)", text), "none") << text;
  }
  for (const char* text : {"", "2024-1-1", "2024-13-01", "2024-01-32", "2024-01-01 ", "24-01-01", "2024/01/01"}) {
    EXPECT_EQ(logged("date", text), "none") << text;
  }
  for (const char* text :
       {"", "1:00:00", "839:00:00", "00:60:00", "00:00:60", "00:00:00.1", "0000:00:00", "--1:00:00"}) {
    EXPECT_EQ(logged("time", text), "none") << text;
  }
  for (const char* text : {"2024-01-01", "2024-01-01 24:00:00.00", "2024-01-01T00:00:00.00", "2024-01-01 00:00:00",
                           "2024-01-01 00:00:00.1", "2024-01-01 00:00:00.123"}) {
    EXPECT_EQ(logged("datetime(2)", text), "none") << text;
  }
  for (const char* text : {"", "1", "1.5", "-1.000", "4294967296.000", "1.0000", "x"}) {
    EXPECT_EQ(logged("timestamp(3)", text), "none") << text;
  }
}

TEST(CapturedValue, TextsAndBytes) {
  EXPECT_EQ(logged("char(10)", "ab", "latin1"), "026162");
  EXPECT_EQ(logged("varchar(10)", "", "utf8mb4"), "00");
  EXPECT_EQ(logged("varchar(300)", "x", "latin1"), "010078");
  EXPECT_EQ(logged("varchar(3)", "\xe9\xff\xfe", "latin1"), "03e9fffe");
  EXPECT_EQ(logged("varchar(3)", "abcd", "latin1"), "none");
  // The log cuts the zeros off that BINARY is padded with.
  EXPECT_EQ(logged("binary(4)", std::string_view("a\0b\0", 4)), "03610062");
  EXPECT_EQ(logged("binary(4)", std::string_view("\0\0\0\0", 4)), "00");
  EXPECT_EQ(logged("varbinary(4)", std::string_view("a\0", 2)), "026100");
  EXPECT_EQ(logged("tinytext", std::string(255, 't'), "latin1").substr(0, 4), "ff74");
  EXPECT_EQ(logged("tinytext", std::string(256, 't'), "latin1"), "none");
  EXPECT_EQ(logged("text", "ab", "latin1"), "02006162");
  EXPECT_EQ(logged("longblob", "ab"), "020000006162");
  EXPECT_EQ(logged("point", std::string(25, '\1')).substr(0, 10), "1900000001");
  EXPECT_EQ(logged("uuid", std::string(16, '\1')),
            "10" + std::string(32, '0').replace(0, 32, "01010101010101010101010101010101"));
  EXPECT_EQ(logged("uuid", "f47ac10b"), "none");
  EXPECT_EQ(logged("inet4", std::string_view("\xc0\xa8\x01\0", 4)), "03c0a801");
  EXPECT_EQ(logged("inet6", std::string(16, '\0')), "00");
}

TEST(CapturedValue, MysqlsJsonIsALongText) {
  const Planned json = planned("json", "", false);
  EXPECT_EQ(json.column.type, static_cast<std::uint8_t>(LogType::blob));
  EXPECT_EQ(json.column.metadata, 4);
  EXPECT_EQ(json.column.collation, 46);
  EXPECT_EQ(logged(json, "{}"), "020000007b7d");
}

// What log_value_text.h shows of a value is taken for that value again.
TEST(CapturedValue, IsTheInverseOfWhatIsShown) {
  std::mt19937_64 random(7);
  const auto check = [&](const std::string& type, const Buffer& value, const std::string& text) {
    EXPECT_EQ(logged(type, text), hex(value)) << type << " " << text;
  };
  for (int i = 0; i < 300; ++i) {
    Buffer value(8);
    for (std::uint8_t& byte : value) byte = static_cast<std::uint8_t>(random());
    check("bigint", value, integer_text(value, false));
    check("bigint unsigned", value, integer_text(value, true));
    if (std::isfinite(double_of(value))) check("double", value, *double_text(double_of(value)));
    const Buffer four(value.begin(), value.begin() + 4);
    check("int", four, integer_text(four, false));
    if (std::isfinite(float_of(four))) check("float", four, *double_text(float_of(four)));
    const Buffer three(value.begin(), value.begin() + 3);
    check("mediumint", three, integer_text(three, false));
    check("bit(64)", value, std::to_string(bit_of(value)));
  }
  for (const auto& [precision, scale] :
       {std::pair(65, 30), std::pair(10, 3), std::pair(18, 9), std::pair(5, 5), std::pair(20, 0)}) {
    const std::string type = "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    for (int i = 0; i < 50; ++i) {
      std::string text = random() % 2 != 0 ? "-" : "";
      const int whole = precision - scale;
      std::string digits;
      for (int d = 0; d < whole; ++d) digits += static_cast<char>('0' + random() % 10);
      digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
      text += digits.empty() ? "0" : digits;
      if (scale > 0) text += '.';
      for (int d = 0; d < scale; ++d) text += static_cast<char>('0' + random() % 10);
      const Planned at = planned(type);
      Buffer out;
      ASSERT_TRUE(put_captured_value(out, at.column, at.captured, text).ok()) << text;
      EXPECT_EQ(*decimal_text(out, static_cast<std::uint32_t>(precision), static_cast<std::uint32_t>(scale)), text);
    }
  }
}

TEST(CapturedValue, TimesAreTheInverseOfWhatIsShown) {
  for (std::uint32_t fraction = 0; fraction <= 6; ++fraction) {
    const std::string digits = fraction == 0 ? "" : "." + std::string("123456").substr(0, fraction);
    const std::string in = fraction == 0 ? "" : "(" + std::to_string(fraction) + ")";
    for (const char* time : {"00:00:00", "-00:00:01", "838:59:58", "-838:59:58", "23:59:59", "-01:02:03"}) {
      const Planned at = planned("time" + in);
      Buffer out;
      ASSERT_TRUE(put_captured_value(out, at.column, at.captured, time + digits).ok()) << time << digits;
      EXPECT_EQ(time_text(out, fraction), time + digits);
    }
    for (const char* time :
         {"0000-00-00 00:00:00", "1000-01-01 00:00:00", "9999-12-31 23:59:59", "2024-00-10 12:13:14"}) {
      const Planned at = planned("datetime" + in);
      Buffer out;
      ASSERT_TRUE(put_captured_value(out, at.column, at.captured, time + digits).ok()) << time << digits;
      EXPECT_EQ(datetime_text(out, fraction), time + digits);
    }
    const Planned at = planned("timestamp" + in);
    Buffer out;
    ASSERT_TRUE(put_captured_value(out, at.column, at.captured, "951825600" + digits).ok());
    EXPECT_EQ(*timestamp_text(out, fraction), "2000-02-29 12:00:00" + digits);
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
