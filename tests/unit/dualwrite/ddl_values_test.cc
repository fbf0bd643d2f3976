#include "dualwrite/ddl_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

std::string doubt(const std::string& sql, const TableDefinition* before, const TableDefinition& after,
                  ServerMakes makes = kToMysql, const TableDefinition* leader = nullptr) {
  LoggedStatement statement;
  statement.schema = "app";
  statement.sql = sql;
  return values_in_doubt(statement, {.before = before, .after = after, .leader = leader == nullptr ? before : leader},
                         makes);
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
  TableDefinition other_collation = by_text;
  other_collation.columns[0].collation = "utf8mb4_general_ci";
  EXPECT_NE(doubt(sql, &by_text, table_of({text, numbered("n")}), kMysqlOnly, &other_collation), "");
}

TEST(ValuesInDoubt, RowsLieInTheOrderOfOneKeyOnly) {
  const std::string sql = "ALTER TABLE t ADD COLUMN n INT AUTO_INCREMENT UNIQUE";
  DefinedColumn slug = defined("slug", "varchar(50)", "utf8mb4"), legacy = defined("legacy", "int");
  slug.nullable = legacy.nullable = false;
  TableDefinition before = table_of({slug, legacy});
  before.keys = {key_over("PRIMARY", {"slug"}), key_over("legacy", {"legacy"})};
  const TableDefinition after = table_of({slug, legacy, numbered("n")});
  EXPECT_NE(doubt(sql, &before, after), "") << "the rows lie by slug";
  before.keys = {key_over("PRIMARY", {"legacy"}), key_over("slug", {"slug"})};
  EXPECT_EQ(doubt(sql, &before, after), "");
  before.keys = {key_over("legacy", {"legacy"})};
  EXPECT_EQ(doubt(sql, &before, after), "");
  before.keys = {key_over("legacy", {"legacy"}), key_over("other", {"legacy"})};
  EXPECT_NE(doubt(sql, &before, after), "") << "which of them was made first?";
  // Other engines number rows as they came, and partitions one by one.
  before.keys = {key_over("PRIMARY", {"legacy"})};
  for (const bool partitioned : {false, true}) {
    TableDefinition leader = before;
    leader.partitioned = partitioned;
    if (!partitioned) leader.engine = "MyISAM";
    EXPECT_NE(doubt(sql, &before, after, kToMysql, &leader), "") << partitioned;
  }
}

TEST(ValuesInDoubt, AColumnIsNewByItsClauseAndNotByItsName) {
  const TableDefinition table = table_of({defined("id", "int"), with_default("uuid()")});
  EXPECT_THAT(
      doubt("ALTER TABLE t DROP COLUMN n, ADD COLUMN n VARCHAR(40) DEFAULT (UUID())", &table, table, kMariadbOnly),
      HasSubstr("column n is each server's own"));
  EXPECT_NE(doubt("ALTER TABLE t DROP n, ADD (m INT, n VARCHAR(40) DEFAULT (UUID()))", &table, table, kMariadbOnly),
            "");
  EXPECT_EQ(doubt("ALTER TABLE t ADD COLUMN IF NOT EXISTS n VARCHAR(40) DEFAULT (UUID())", &table, table, kMariadbOnly),
            "");
  // Its rows went with the old name.
  TableDefinition renamed = table;
  renamed.columns[1].name = "old_n";
  TableDefinition both = renamed;
  both.columns.push_back(table.columns[1]);
  EXPECT_NE(
      doubt("ALTER TABLE t CHANGE n old_n VARCHAR(40), ADD n VARCHAR(40) DEFAULT (UUID())", &table, both, kMariadbOnly),
      "");
  for (const char* sql : {"ALTER TABLE t RENAME COLUMN n TO old_n", "ALTER TABLE t CHANGE n old_n VARCHAR(40)",
                          "ALTER TABLE t RENAME COLUMN IF EXISTS `N` TO old_n"})
    EXPECT_EQ(doubt(sql, &table, renamed, kMariadbOnly), "") << sql;
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
