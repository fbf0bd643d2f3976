#include "dualwrite/column_fit.h"

#include <gtest/gtest.h>

#include "dualwrite/column_compare.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using How = ColumnFit::How;

struct Case {
  const char* from;
  const char* from_charset;
  const char* to;
  const char* to_charset;
  How how;
};

ColumnFit fit(const Case& c, ServerMakes makes, bool leader_known = true) {
  const DefinedColumn leader = defined("c", c.from, c.from_charset);
  return fit_column(logged(leader, makes.leader_is_mariadb), leader_known ? &leader : nullptr,
                    defined("c", c.to, c.to_charset), makes);
}

// What the comparison of definitions calls a blocker is what no row is carried into, and nothing else.
void expect_one_verdict(const Case& c, ServerMakes makes) {
  const TypeFit compared =
      compare_types(defined("c", c.from, c.from_charset), defined("c", c.to, c.to_charset), makes).fit;
  const bool blocks = compared == TypeFit::narrower || compared == TypeFit::different;
  EXPECT_EQ(blocks, c.how == How::cannot) << c.from << " " << c.from_charset << " -> " << c.to << " " << c.to_charset;
}

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const ServerMakes makes : {kToMysql, kToMariadb, kMariadbOnly, kMysqlOnly}) {
      const ColumnFit found = fit(c, makes);
      EXPECT_EQ(found.how, c.how) << c.from << " " << c.from_charset << " -> " << c.to << " " << c.to_charset << ": "
                                  << found.reason;
      EXPECT_EQ(found.reason.empty(), c.how == How::same);
      expect_one_verdict(c, makes);
    }
  }
}

TEST(ColumnFit, EveryTypeIsTheSameAsItself) {
  for (const char* type : {"tinyint",
                           "smallint unsigned",
                           "mediumint",
                           "int(11)",
                           "bigint unsigned",
                           "float",
                           "double",
                           "decimal(10,3)",
                           "bit(9)",
                           "year",
                           "date",
                           "time(3)",
                           "datetime(6)",
                           "timestamp",
                           "binary(5)",
                           "varbinary(9)",
                           "tinyblob",
                           "blob",
                           "longblob",
                           "geometry",
                           "point"}) {
    expect_all({{type, "", type, "", How::same}});
  }
  for (const char* type :
       {"char(5)", "varchar(300)", "tinytext", "text", "longtext", "enum('a','b')", "set('a','b')"}) {
    for (const char* charset : {"latin1", "utf8mb4", "utf16", "gbk", "cp1251", "ucs2"}) {
      expect_all({{type, charset, type, charset, How::same}});
    }
  }
}

TEST(ColumnFit, Integers) {
  expect_all({{"tinyint", "", "smallint", "", How::converts},
              {"int", "", "bigint", "", How::converts},
              {"int unsigned", "", "bigint", "", How::converts},
              {"int unsigned", "", "bigint unsigned", "", How::converts},
              {"mediumint unsigned", "", "int", "", How::converts},
              {"int unsigned", "", "int", "", How::cannot},
              {"int", "", "int unsigned", "", How::cannot},
              {"tinyint", "", "bigint unsigned", "", How::cannot},
              {"bigint", "", "int", "", How::cannot},
              {"bigint unsigned", "", "bigint", "", How::cannot},
              {"int", "", "decimal(20,0)", "", How::cannot},
              {"int", "", "double", "", How::cannot},
              {"int", "", "varchar(20)", "latin1", How::cannot},
              {"year", "", "smallint", "", How::cannot},
              {"bit(8)", "", "int", "", How::cannot}});
}

TEST(ColumnFit, OtherNumbers) {
  expect_all({{"decimal(10,3)", "", "decimal(12,3)", "", How::converts},
              {"decimal(10,3)", "", "decimal(12,5)", "", How::converts},
              {"decimal(10,3)", "", "decimal(11,5)", "", How::cannot},
              {"decimal(10,3)", "", "decimal(12,2)", "", How::cannot},
              {"decimal(10,3)", "", "decimal(10,3) unsigned", "", How::cannot},
              {"decimal(10,3) unsigned", "", "decimal(10,3)", "", How::same},
              {"float", "", "double", "", How::converts},
              {"double", "", "float", "", How::cannot},
              {"float", "", "double(9,2)", "", How::cannot},
              {"float", "", "float(7,3)", "", How::cannot},
              {"double", "", "double unsigned", "", How::cannot},
              {"double unsigned", "", "double", "", How::same},
              {"bit(5)", "", "bit(40)", "", How::converts},
              {"bit(9)", "", "bit(8)", "", How::cannot}});
  const ColumnFit rounded = fit({"float(7,3)", "", "float(7,3)", "", How::same}, kToMysql);
  EXPECT_EQ(rounded.how, How::same);
  EXPECT_TRUE(rounded.events_only.empty()) << "what SQL would round is refused value by value";
}

TEST(ColumnFit, Times) {
  expect_all({{"time(1)", "", "time(6)", "", How::converts},
              {"datetime", "", "datetime(3)", "", How::converts},
              {"timestamp(2)", "", "timestamp(4)", "", How::converts},
              {"datetime(3)", "", "datetime", "", How::cannot},
              {"timestamp", "", "datetime", "", How::cannot},
              {"datetime", "", "timestamp", "", How::cannot},
              {"date", "", "datetime", "", How::cannot},
              {"time", "", "datetime", "", How::cannot}});
}

TEST(ColumnFit, Texts) {
  expect_all({{"varchar(20)", "latin1", "varchar(30)", "latin1", How::converts},
              {"varchar(20)", "latin1", "varchar(20)", "utf8mb4", How::converts},
              {"varchar(20)", "latin1", "varchar(19)", "utf8mb4", How::cannot},
              {"varchar(20)", "latin1", "varchar(20)", "ascii", How::cannot},
              {"varchar(20)", "utf8mb4", "varchar(20)", "latin1", How::cannot},
              {"varchar(20)", "utf8mb4", "varchar(20)", "utf8mb3", How::cannot},
              {"varchar(20)", "utf8mb3", "varchar(20)", "utf8mb4", How::converts},
              {"varchar(20)", "utf16", "varchar(20)", "utf8mb4", How::converts},
              {"varchar(20)", "utf8mb4", "varchar(20)", "utf16", How::converts},
              {"varchar(20)", "gbk", "varchar(20)", "utf8mb4", How::cannot},
              {"varchar(20)", "ucs2", "varchar(20)", "utf8mb4", How::cannot},
              {"varchar(20)", "latin1", "varchar(20)", "latin2", How::cannot},
              {"varchar(20)", "ascii", "varchar(20)", "latin1", How::converts},
              {"char(5)", "latin1", "varchar(5)", "latin1", How::converts},
              {"char(5)", "latin1", "text", "latin1", How::converts},
              {"varchar(5)", "latin1", "char(5)", "latin1", How::cannot},
              {"text", "latin1", "char(255)", "latin1", How::cannot},
              {"tinytext", "latin1", "varchar(255)", "utf8mb4", How::converts},
              {"tinytext", "latin1", "varchar(254)", "utf8mb4", How::cannot},
              {"text", "latin1", "text", "utf8mb4", How::cannot},
              {"text", "latin1", "mediumtext", "utf8mb4", How::converts},
              {"text", "utf8mb3", "text", "utf8mb4", How::converts},
              {"mediumtext", "utf8mb3", "mediumtext", "utf8mb4", How::converts},
              {"tinytext", "ascii", "tinytext", "utf8mb4", How::converts},
              {"varchar(20000)", "utf8mb3", "text", "utf8mb4", How::converts},
              {"varchar(20)", "cp1251", "varchar(20)", "utf8mb3", How::converts},
              {"varchar(20)", "greek", "varchar(20)", "utf8mb4", How::converts},
              {"varchar(20)", "utf8mb4", "varchar(20)", "greek", How::cannot},
              {"varchar(20)", "swe7", "varchar(20)", "utf8mb4", How::cannot},
              {"varchar(20)", "sjis", "varchar(20)", "utf8mb4", How::cannot},
              {"varchar(20)", "ucs2", "varchar(20)", "utf16", How::cannot},
              {"longtext", "latin1", "longtext", "utf8mb4", How::converts},
              {"mediumtext", "latin1", "text", "latin1", How::cannot},
              {"varchar(255)", "utf8mb4", "tinytext", "utf8mb4", How::cannot},
              {"varchar(63)", "utf8mb4", "tinytext", "utf8mb4", How::converts},
              {"varchar(5)", "latin1", "varbinary(5)", "", How::cannot},
              {"varbinary(5)", "", "varchar(5)", "latin1", How::cannot}});
}

TEST(ColumnFit, BytesAndGeometries) {
  expect_all({{"varbinary(5)", "", "varbinary(6)", "", How::converts},
              {"varbinary(5)", "", "blob", "", How::converts},
              {"blob", "", "longblob", "", How::converts},
              {"blob", "", "varbinary(100)", "", How::cannot},
              {"tinyblob", "", "varbinary(255)", "", How::converts},
              {"binary(5)", "", "varbinary(5)", "", How::converts},
              {"binary(5)", "", "binary(6)", "", How::cannot},
              {"varbinary(5)", "", "binary(5)", "", How::cannot},
              {"longblob", "", "blob", "", How::cannot},
              {"point", "", "geometry", "", How::same},
              {"geometry", "", "point", "", How::cannot},
              {"geometrycollection", "", "geomcollection", "", How::same},
              {"geometry", "", "longblob", "", How::cannot}});
  EXPECT_EQ(fit({"point", "", "point", "", How::same}, kToMysql, false).how, How::cannot);
}

TEST(ColumnFit, MembersMayBeAppendedAndNothingElse) {
  expect_all({{"enum('a','b')", "latin1", "enum('a','b','c')", "latin1", How::same},
              {"enum('a','b')", "latin1", "enum('a','b')", "utf8mb4", How::same},
              {"enum('a','b')", "utf8mb4", "enum('a','b')", "latin1", How::same},
              {"enum('a','b')", "latin1", "enum('b','a')", "latin1", How::cannot},
              {"enum('a','b')", "latin1", "enum('a','B')", "latin1", How::cannot},
              {"enum('a','b')", "latin1", "enum('a')", "latin1", How::cannot},
              {"set('a','b')", "latin1", "set('a','b','c')", "latin1", How::same},
              {"set('a')", "latin1", "set('a','b','c','d','e','f','g','h','i')", "latin1", How::converts},
              {"set('a','b')", "latin1", "set('b','a')", "latin1", How::cannot},
              {"enum('a')", "latin1", "set('a')", "latin1", How::cannot},
              {"enum('a')", "latin1", "varchar(9)", "latin1", How::cannot}});
  // The log's own bytes of a member outside of ASCII are not read; the definition tells it.
  const DefinedColumn leader = defined("c", "enum('\xc3\xa9')", "latin1");
  LogColumn column = logged(leader, true);
  column.members = {"\xe9"};
  EXPECT_EQ(fit_column(column, &leader, leader, kToMysql).how, How::same);
  EXPECT_EQ(fit_column(column, nullptr, leader, kToMysql).how, How::cannot);
  column.members.clear();
  EXPECT_EQ(fit_column(column, nullptr, defined("c", "enum('a')", "latin1"), kToMysql).how, How::cannot);
}

TEST(ColumnFit, TextsInAsciiGoToMysqlOneByOne) {
  expect_all({{"varchar(9)", "ascii", "varchar(9)", "ascii", How::same}});
  for (const ServerMakes makes : {kToMysql, kToMariadb, kMariadbOnly, kMysqlOnly}) {
    const bool cuts = makes.leader_is_mariadb && !makes.follower_is_mariadb;
    EXPECT_EQ(fit({"text", "ascii", "text", "ascii", How::same}, makes).how, cuts ? How::converts : How::same);
  }
}

TEST(ColumnFit, BytesOfASevenBitSetThatIsNotAsciiAreNoAscii) {
  const DefinedColumn leader = defined("c", "enum('\xc3\xa9')", "swe7");
  LogColumn column = logged(leader, true);
  column.members = {"`"};  // swe7's e with acute
  EXPECT_EQ(fit_column(column, &leader, leader, kToMysql).how, How::same);
}

TEST(ColumnFit, MembersInNoCharacterSetAreComparedByTheirBytes) {
  expect_all({{"enum('a','b')", "binary", "enum('a','b')", "binary", How::same},
              {"enum('a','b')", "binary", "enum('a','b')", "utf8mb4", How::same},
              {"enum('a','b')", "binary", "enum('b','a')", "binary", How::cannot}});
  const DefinedColumn mysql = defined("c", "enum(x'e9')", "binary"), mariadb = defined("c", "enum('?')", "binary");
  LogColumn column = logged(mysql, false);
  column.members = {"\xe9"};
  EXPECT_EQ(fit_column(column, nullptr, mysql, kMysqlOnly).how, How::same);
  EXPECT_EQ(fit_column(column, nullptr, mariadb, kToMariadb).how, How::cannot) << "which byte the mark stands for";
  EXPECT_EQ(fit_column(column, &mariadb, mysql, kToMysql).how, How::same) << "the log has the bytes";
  column.members.clear();
  EXPECT_EQ(fit_column(column, &mariadb, mysql, kToMysql).how, How::cannot);
}

DefinedColumn mariadb_json() {
  DefinedColumn column = defined("c", "longtext", "utf8mb4");
  column.json = true;
  return column;
}

LogColumn logged_json() {
  LogColumn column = logged(mariadb_json(), true);
  column.collation = 46;
  return column;
}

TEST(ColumnFit, JsonOfBothMakes) {
  DefinedColumn mysql = defined("c", "json");
  mysql.json = true;
  const DefinedColumn mariadb = mariadb_json();
  const DefinedColumn text = defined("c", "longtext", "utf8mb4");
  const LogColumn from_mysql = logged(mysql, false);
  EXPECT_EQ(fit_column(from_mysql, &mysql, mysql, kMysqlOnly).how, How::same);
  EXPECT_EQ(fit_column(from_mysql, &mysql, mariadb, kToMariadb).how, How::converts);
  EXPECT_EQ(fit_column(from_mysql, &mysql, text, kToMariadb).how, How::cannot);
  EXPECT_EQ(fit_column(logged_json(), &mariadb, mysql, kToMysql).how, How::converts);
  EXPECT_EQ(fit_column(logged_json(), nullptr, mysql, kToMysql).how, How::converts);
  EXPECT_EQ(fit_column(logged_json(), &text, mysql, kToMysql).how, How::cannot);
  EXPECT_EQ(fit_column(logged_json(), &mariadb, mariadb, kMariadbOnly).how, How::same);
  EXPECT_EQ(fit_column(logged_json(), &text, mariadb, kMariadbOnly).how, How::cannot);
  EXPECT_EQ(fit_column(logged(text, false), &text, mariadb, kToMariadb).how, How::cannot);
  EXPECT_EQ(fit_column(logged_json(), &mariadb, text, kToMysql).how, How::same);
  // And the comparison of definitions says the same.
  EXPECT_EQ(compare_types(mysql, mariadb, kToMariadb).fit, TypeFit::converted);
  EXPECT_EQ(compare_types(mysql, text, kToMariadb).fit, TypeFit::different);
  EXPECT_EQ(compare_types(mariadb, mysql, kToMysql).fit, TypeFit::converted);
  EXPECT_EQ(compare_types(text, mysql, kToMysql).fit, TypeFit::different);
  EXPECT_EQ(compare_types(mariadb, text, kToMysql).fit, TypeFit::converted);
}

TEST(ColumnFit, UuidAndInetBecomeTheirTextOnMysql) {
  struct TextCase {
    const char* type;
    const char* follower;
    const char* charset;
    How how;
    const char* text_by;
  };
  for (const TextCase& each :
       {TextCase{"uuid", "char(36)", "ascii", How::converts, "BIN_TO_UUID"},
        TextCase{"uuid", "varchar(40)", "utf8mb4", How::converts, "BIN_TO_UUID"},
        TextCase{"uuid", "text", "latin1", How::converts, "BIN_TO_UUID"},
        TextCase{"inet6", "varchar(39)", "ascii", How::converts, "INET6_NTOA"},
        TextCase{"inet4", "varchar(15)", "ascii", How::converts, "INET6_NTOA"},
        TextCase{"uuid", "char(35)", "ascii", How::cannot, ""}, TextCase{"uuid", "char(36)", "utf16", How::cannot, ""},
        TextCase{"uuid", "binary(16)", "", How::cannot, ""}}) {
    const DefinedColumn leader = defined("c", each.type);
    const ColumnFit found =
        fit_column(logged(leader, true), &leader, defined("c", each.follower, each.charset), kToMysql);
    EXPECT_EQ(found.how, each.how) << each.type << " " << each.follower;
    EXPECT_EQ(found.text_by, each.text_by) << each.type << " " << each.follower;
    // MariaDB does not have these functions, and has the types.
    EXPECT_EQ(fit_column(logged(leader, true), &leader, defined("c", each.follower, each.charset), kMariadbOnly).how,
              How::cannot);
  }
}

TEST(ColumnFit, TypesOfOneMakeStayThere) {
  for (const char* type : {"uuid", "inet6", "inet4"}) {
    const ColumnFit found = fit({type, "", type, "", How::same}, kMariadbOnly);
    EXPECT_EQ(found.how, How::same) << type;
    EXPECT_FALSE(found.events_only.empty()) << type;
    EXPECT_EQ(fit({type, "", type, "", How::same}, kMariadbOnly, false).how, How::cannot) << type;
    EXPECT_EQ(fit({type, "", "binary(16)", "", How::cannot}, kMariadbOnly).how, How::cannot) << type;
  }
  // The log shows a UUID as BINARY(16).
  EXPECT_EQ(fit({"binary(16)", "", "binary(16)", "", How::same}, kToMysql, false).how, How::cannot);
  EXPECT_EQ(fit({"binary(15)", "", "binary(15)", "", How::same}, kToMysql, false).how, How::same);
  EXPECT_EQ(fit({"vector(3)", "", "vector(3)", "", How::same}, kMysqlOnly).how, How::same);
  EXPECT_EQ(fit({"vector(4)", "", "vector(3)", "", How::same}, kMysqlOnly).how, How::cannot);
  EXPECT_EQ(fit({"varchar(9) /*M!100301 COMPRESSED*/", "latin1", "varchar(9)", "latin1", How::same}, kToMysql).how,
            How::cannot);
  EXPECT_EQ(fit({"varchar(9)", "latin1", "varchar(9) /*M!100301 COMPRESSED*/", "latin1", How::same}, kToMariadb).how,
            How::converts);
}

}  // namespace
}  // namespace crossfade::dualwrite
