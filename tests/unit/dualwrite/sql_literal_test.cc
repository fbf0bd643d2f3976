#include "dualwrite/sql_literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/log_value_text.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A mapping of one column `c`, with the follower's type where it differs.
TableMapping one(DefinedColumn leader, DefinedColumn follower, ServerMakes makes) {
  const TableDefinition table = table_of({std::move(leader)});
  return map_table(logged_table(table, makes.leader_is_mariadb), &table, table_of({std::move(follower)}), makes, false);
}

struct Said {
  std::string literal;
  std::string holds;
};

Said say(const TableMapping& mapping, std::string_view value) {
  const auto route = column_route(mapping, mapping.columns[0]);
  EXPECT_TRUE(route.ok()) << route.status();
  const Buffer bytes = from_hex(value);
  const LogValue at{.is_null = false, .bytes = bytes};
  const auto literal = sql_literal(*route, at);
  const auto holds = sql_holds(*route, at);
  return {.literal = literal.ok() ? *literal : std::string(literal.status().message()),
          .holds = holds.ok() ? *holds : std::string(holds.status().message())};
}

Said say(const char* type, std::string_view value, const char* charset = "") {
  const DefinedColumn column = defined("c", type, charset);
  return say(one(column, column, kToMysql), value);
}

TEST(SqlLiteral, Integers) {
  EXPECT_EQ(say("tinyint", "80").literal, "-128");
  EXPECT_EQ(say("tinyint unsigned", "80").literal, "128");
  EXPECT_EQ(say("mediumint", "000080").literal, "-8388608");
  EXPECT_EQ(say("mediumint unsigned", "ffffff").literal, "16777215");
  EXPECT_EQ(say("bigint", "0000000000000080").literal, "-9223372036854775808");
  EXPECT_EQ(say("bigint unsigned", "ffffffffffffffff").literal, "18446744073709551615");
  EXPECT_EQ(say("int", "2a000000").holds, "`c` <=> 42");
}

TEST(SqlLiteral, AFloatThatTheColumnWouldRoundIsNone) {
  EXPECT_EQ(say("float(7,3)", "cdcccc3d").literal, "0.10000000149011612e0");
  EXPECT_EQ(say("float(8,3)", "b6e64046").literal, "12345.677734375e0");
  EXPECT_THAT(say("float(7,3)", "5bd3fc3d").literal, HasSubstr("rounds"));
  EXPECT_THAT(say("float(4,1)", "00401c46").literal, HasSubstr("rounds")) << "past the greatest";
  EXPECT_EQ(say("double(5,2)", "000000000000f43f").literal, "1.25e0");
  EXPECT_THAT(say("double(5,2)", "14ae47e17a14f43f").literal, HasSubstr("rounds"));
}

TEST(SqlLiteral, FloatsHaveTheirExactValue) {
  EXPECT_EQ(say("float", "cdcccc3d").literal, "0.10000000149011612e0");
  EXPECT_EQ(say("float", "01000000").literal, "1.4012984643248171e-45");
  EXPECT_EQ(say("double", "9a9999999999b93f").literal, "0.10000000000000001e0");
  EXPECT_EQ(say("double", "0000000000000080").literal, "-0e0");
  EXPECT_EQ(say("double", "ffffffffffffefff").literal, "-1.7976931348623157e+308");
  EXPECT_THAT(say("float", "0000807f").literal, HasSubstr("finite"));
  EXPECT_EQ(say("float", "0000c03f").holds, "`c` <=> 1.5e0");
}

TEST(SqlLiteral, Decimals) {
  // decimal2bin() of 1234567890.1234, as the manual shows it.
  EXPECT_EQ(*decimal_text(from_hex("810dfb38d204d2"), 14, 4), "1234567890.1234");
  EXPECT_EQ(*decimal_text(from_hex("7ef204c72dfb2d"), 14, 4), "-1234567890.1234");
  EXPECT_EQ(*decimal_text(from_hex("8000000000"), 10, 2), "0.00");
  EXPECT_EQ(*decimal_text(from_hex("81869f"), 5, 5), "0.99999");
  EXPECT_EQ(*decimal_text(from_hex("80"), 1, 0), "0");
  EXPECT_FALSE(decimal_text(from_hex("8000"), 1, 0).ok());
  EXPECT_FALSE(decimal_text({}, 5, 2).ok());
  EXPECT_FALSE(decimal_text(from_hex("ffff"), 2, 1).ok()) << "127 is no one digit";
}

TEST(SqlLiteral, TimesToTheLastDigit) {
  EXPECT_EQ(say("year", "00").literal, "0");
  EXPECT_EQ(say("year", "01").literal, "1901");
  EXPECT_EQ(say("date", "21ce0f").literal, "'2023-01-01'");
  EXPECT_EQ(say("date", "000000").literal, "'0000-00-00'");
  EXPECT_EQ(say("date", "0ad00f").literal, "'2024-00-10'");
  EXPECT_EQ(say("time", "800000").literal, "'00:00:00'");
  EXPECT_EQ(say("time", "b46efb").literal, "'838:59:59'");
  EXPECT_EQ(say("time", "4b9105").literal, "'-838:59:59'");
  EXPECT_EQ(say("time(1)", "7ffffff6").literal, "'-00:00:00.1'");
  EXPECT_EQ(say("time(6)", "7fffffffffff").literal, "'-00:00:00.000001'");
  EXPECT_EQ(say("time(3)", "800042000a").literal, "'00:01:02.001'");
  EXPECT_EQ(say("datetime", "8000000000").literal, "'0000-00-00 00:00:00'");
  EXPECT_EQ(say("datetime", "fef3ff7efb").literal, "'9999-12-31 23:59:59'");
  EXPECT_EQ(say("datetime(6)", "fef3ff7efb0f423f").literal, "'9999-12-31 23:59:59.999999'");
  EXPECT_EQ(say("datetime(2)", "fef3ff7efb63").literal, "'9999-12-31 23:59:59.99'");
  EXPECT_EQ(say("timestamp", "7fffffff").literal, "'2038-01-19 03:14:07'");
  EXPECT_EQ(say("timestamp", "00000001").literal, "'1970-01-01 00:00:01'");
  EXPECT_EQ(say("timestamp", "00000000").literal, "'0000-00-00 00:00:00'");
  EXPECT_EQ(say("timestamp(4)", "38bbb4c00001").literal, "'2000-02-29 12:00:00.0001'");
  EXPECT_THAT(say("timestamp", "80000000").literal, HasSubstr("2038"));
}

TEST(SqlLiteral, ATimePastThoseOfMySqlIsNotCutOff) {
  EXPECT_EQ(say("time(6)", "b46efb000000").literal, "'838:59:59.000000'");
  EXPECT_THAT(say("time(6)", "b46efb000001").literal, HasSubstr("838:59:59"));
  EXPECT_EQ(say("time(6)", "4b9104ffffff").literal, "column c: a TIME past 838:59:59");
  EXPECT_EQ(say("time(6)", "b46efa0f423f").literal, "'838:59:58.999999'");
}

TEST(SqlLiteral, TextsAreBytesInTheLeadersCharacterSet) {
  EXPECT_EQ(say("varchar(9)", "02e927", "latin1").literal, "_latin1 x'e927'");
  EXPECT_EQ(say("varchar(9)", "02e927", "latin1").holds, "CAST(`c` AS BINARY) <=> x'e927'");
  EXPECT_EQ(say("varchar(300)", "00", "utf8mb4").literal, "a value of the log is cut off");
  EXPECT_EQ(say("varchar(300)", "0000", "utf8mb4").literal, "_utf8mb4 x''");
  EXPECT_EQ(say("text", "010061", "latin1").literal, "_latin1 x'61'");
  EXPECT_EQ(say("char(255)", "010061", "utf8mb4").literal, "_utf8mb4 x'61'");
  const TableMapping wider = one(defined("c", "varchar(9)", "cp1251"), defined("c", "varchar(9)", "utf8mb4"), kToMysql);
  EXPECT_EQ(say(wider, "01c0").literal, "_cp1251 x'c0'");
  EXPECT_EQ(say(wider, "01c0").holds, "CAST(`c` AS BINARY) <=> CAST(CONVERT(_cp1251 x'c0' USING utf8mb4) AS BINARY)");
  EXPECT_THAT(say(wider, "0198").literal, HasSubstr("column c: a text has a byte that is no character"));
  EXPECT_THAT(say(wider, "0198").literal, Not(HasSubstr("98"))) << "never the value";
  EXPECT_EQ(say("varchar(9)", "0198", "cp1251").literal, "_cp1251 x'98'") << "no conversion";
}

TEST(SqlLiteral, BytesBitsAndMembers) {
  EXPECT_EQ(say("binary(4)", "0161").literal, "_binary x'61000000'") << "the log cuts zeros off";
  EXPECT_EQ(say("binary(4)", "0161").holds, "CAST(`c` AS BINARY) <=> x'61000000'");
  EXPECT_EQ(say("varbinary(4)", "0161").literal, "_binary x'61'");
  EXPECT_EQ(say("longblob", "0200000000ff").literal, "_binary x'00ff'");
  EXPECT_EQ(say("bit(17)", "010001").literal, "65537");
  EXPECT_EQ(say("enum('a','b')", "02", "latin1").literal, "2");
  EXPECT_EQ(say("enum('a','b')", "02", "latin1").holds, "CAST(`c` AS UNSIGNED) <=> 2");
  EXPECT_EQ(say("set('a','b')", "03", "latin1").literal, "3");
  EXPECT_EQ(say("geometry", "02000000abcd").literal, "_binary x'abcd'");
}

TEST(SqlLiteral, Json) {
  DefinedColumn mysql = defined("c", "json");
  mysql.json = true;
  DefinedColumn mariadb = defined("c", "longtext", "utf8mb4");
  mariadb.json = true;
  mariadb.collation = "utf8mb4_bin";
  const TableMapping to_mysql = one(mariadb, mysql, kToMysql);
  EXPECT_EQ(say(to_mysql,
                "02000000"
                "7b7d")
                .literal,
            "_utf8mb4 x'7b7d'");
  EXPECT_EQ(say(to_mysql,
                "02000000"
                "7b7d")
                .holds,
            "`c` <=> CAST(_utf8mb4 x'7b7d' AS JSON)");
  EXPECT_THAT(say(to_mysql,
                  "05000000"
                  "3165343030")
                  .literal,
              HasSubstr("column c: "))
      << "1e400";
  const TableMapping to_mariadb = one(mysql, mariadb, kToMariadb);
  EXPECT_EQ(say(to_mariadb,
                "02000000"
                "0400")
                .literal,
            "_utf8mb4 x'6e756c6c'")
      << "null";
  EXPECT_EQ(say(to_mariadb,
                "02000000"
                "0400")
                .holds,
            "JSON_EQUALS(`c`, _utf8mb4 x'6e756c6c')");
  const TableMapping within = one(mysql, mysql, kMysqlOnly);
  EXPECT_EQ(say(within,
                "03000000"
                "050100")
                .literal,
            "_utf8mb4 x'31'");
  EXPECT_THAT(say(within,
                  "07000000"
                  "0ff6040201"
                  "810f")
                  .literal,
              HasSubstr("a type that JSON text has not"))
      << "DECIMAL";
}

TEST(SqlLiteral, NullAndWrongLengths) {
  const TableMapping mapping = one(defined("c", "int"), defined("c", "int"), kToMysql);
  const auto route = column_route(mapping, mapping.columns[0]);
  EXPECT_EQ(*sql_literal(*route, LogValue{.is_null = true, .bytes = {}}), "NULL");
  EXPECT_EQ(*sql_holds(*route, LogValue{.is_null = true, .bytes = {}}), "`c` IS NULL");
  for (const char* type : {"int", "year", "date", "datetime(3)", "timestamp", "time(6)", "float", "double", "bit(9)"}) {
    EXPECT_THAT(say(type, "01").literal, testing::AnyOf(HasSubstr("wrong length"), "1901")) << type;
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
