#include "dualwrite/ddl_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

std::string doubt(const std::string& sql, const TableDefinition* before, const TableDefinition& after,
                  ServerMakes makes = kToMysql) {
  LoggedStatement statement;
  statement.schema = "app";
  statement.sql = sql;
  return values_in_doubt(statement, before, after, makes);
}

DefinedColumn numbered(const std::string& name) {
  DefinedColumn column = defined(name, "int");
  column.auto_increment = true;
  column.nullable = false;
  return column;
}

DefinedColumn with_default(const std::string& expression) {
  DefinedColumn column = defined("n", "varchar(40)", "utf8mb4");
  column.default_value = expression;
  column.default_is_expression = true;
  return column;
}

TEST(ValuesInDoubt, NumbersAreForRowsInOneOrder) {
  const DefinedColumn text = defined("v", "varchar(9)", "utf8mb4");
  const TableDefinition keyless = table_of({text});
  const TableDefinition keyed = table_of({defined("id", "int"), text});
  TableDefinition by_text = keyless;
  by_text.columns[0].nullable = false;
  by_text.keys.push_back(key_over("PRIMARY", {"v"}));
  const std::string sql = "ALTER TABLE t ADD COLUMN n INT AUTO_INCREMENT UNIQUE";
  EXPECT_THAT(doubt(sql, &keyless, table_of({text, numbered("n")})), HasSubstr("column n numbers rows"));
  EXPECT_THAT(doubt(sql, &keyless, table_of({text, numbered("n")}), kMysqlOnly), HasSubstr("column n numbers rows"));
  EXPECT_EQ(doubt(sql, &keyed, table_of({defined("id", "int"), text, numbered("n")})), "");
  // Two makes do not sort texts alike.
  EXPECT_NE(doubt(sql, &by_text, table_of({text, numbered("n")})), "");
  EXPECT_EQ(doubt(sql, &by_text, table_of({text, numbered("n")}), kMysqlOnly), "");
}

TEST(ValuesInDoubt, DefaultsOfNewColumns) {
  const TableDefinition before = table_of({defined("id", "int")});
  const auto of = [&](const std::string& expression, ServerMakes makes) {
    return doubt("ALTER TABLE t ADD COLUMN n VARCHAR(40)", &before,
                 table_of({defined("id", "int"), with_default(expression)}), makes);
  };
  ServerMakes by_triggers = kToMysql;
  by_triggers.by_triggers = true;
  for (const char* own : {"uuid()", "(UUID())", "concat('x',rand())", "current_user()"})
    EXPECT_NE(of(own, kMysqlOnly), "") << own;
  for (const char* alike : {"(1 + 1)", "current_timestamp(6)", "concat('a','b')"})
    EXPECT_EQ(of(alike, kToMysql), "") << alike;
  EXPECT_THAT(of("current_timestamp()", by_triggers), HasSubstr("of the moment it was added"));
  // What a column is from now on is nothing to its rows.
  EXPECT_EQ(doubt("ALTER TABLE t ALTER n SET DEFAULT (UUID())", &before, before), "");
}

TEST(ValuesInDoubt, ConversionsBetweenMakes) {
  struct Case {
    DefinedColumn from, to;
    bool alike;
  };
  const auto text = [](const char* type) { return defined("v", type, "utf8mb4"); };
  const Case cases[] = {{text("varchar(9)"), defined("v", "int"), false},
                        {text("varchar(9)"), text("text"), true},
                        {defined("v", "int"), defined("v", "bigint"), true},
                        {defined("v", "int"), text("varchar(20)"), true},
                        {defined("v", "double"), defined("v", "decimal(9,2)"), true},
                        {defined("v", "datetime(6)"), defined("v", "timestamp"), true},
                        {text("varchar(9)"), defined("v", "datetime"), false},
                        {defined("v", "int"), defined("v", "datetime"), false},
                        {defined("v", "blob"), text("text"), false}};
  for (const Case& each : cases) {
    const TableDefinition before = table_of({defined("id", "int"), each.from});
    const TableDefinition after = table_of({defined("id", "int"), each.to});
    EXPECT_EQ(doubt("ALTER TABLE t MODIFY v x", &before, after).empty(), each.alike)
        << each.from.column_type << " to " << each.to.column_type;
    EXPECT_EQ(doubt("ALTER TABLE t MODIFY v x", &before, after, kMariadbOnly), "");
  }
  // MariaDB's JSON is a LONGTEXT.
  TableDefinition of_json = table_of({defined("id", "int"), text("longtext")});
  of_json.columns[1].json = true;
  EXPECT_NE(doubt("ALTER TABLE t MODIFY v LONGTEXT", &of_json, table_of({defined("id", "int"), text("longtext")}),
                  kToMariadb),
            "");
  EXPECT_EQ(doubt("ALTER TABLE t ADD w INT", &of_json, of_json, kToMariadb), "");
  // By another name.
  const TableDefinition before = table_of({defined("id", "int"), text("varchar(9)")});
  const TableDefinition after = table_of({defined("id", "int"), defined("w", "int")});
  EXPECT_THAT(doubt("ALTER TABLE t CHANGE COLUMN v w INT", &before, after),
              HasSubstr("column w becomes one of another kind"));
  EXPECT_EQ(doubt("ALTER TABLE t ADD w INT, DROP v", &before, after), "");
}

TEST(ValuesInDoubt, OfAnInterruptedOneTheTextTells) {
  const TableDefinition after = table_of({defined("id", "int")});
  EXPECT_EQ(doubt("ALTER TABLE t ADD COLUMN v INT DEFAULT 5", nullptr, after), "");
  EXPECT_EQ(doubt("ALTER TABLE t ADD KEY (v)", nullptr, after), "");
  EXPECT_EQ(doubt("ALTER TABLE t MODIFY v INT", nullptr, after, kMysqlOnly), "");
  EXPECT_EQ(doubt("ALTER TABLE t MODIFY v INT", nullptr, after), "");
  EXPECT_NE(doubt("ALTER TABLE t ADD n INT AUTO_INCREMENT PRIMARY KEY", nullptr, after, kMysqlOnly), "");
  EXPECT_NE(doubt("ALTER TABLE t ADD u VARCHAR(40) DEFAULT (UUID())", nullptr, after), "");
}

}  // namespace
}  // namespace crossfade::dualwrite
