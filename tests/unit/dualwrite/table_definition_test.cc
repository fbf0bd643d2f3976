#include "dualwrite/table_definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using protocol::Cell;
using protocol::ResultSet;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr std::nullopt_t null = std::nullopt;

ResultSet rows(std::vector<std::vector<Cell>> all) { return {.columns = {}, .rows = std::move(all), .end = {}}; }

std::vector<Cell> column(const char* position, const char* name, const char* type, const char* column_type,
                         Cell default_value, const char* extra, Cell collation = null) {
  const bool text = collation.has_value();
  return {"s",       "t",   position, name, type, column_type, text ? Cell("utf8mb4") : null,
          collation, "YES", null,     null, null, null,        default_value,
          extra,     null,  ""};
}

std::vector<ResultSet> one_table() {
  return {rows({{"s", "t", "BASE TABLE", "InnoDB", "utf8mb4_general_ci", "partitioned", "12", "16384", "of all"}}),
          rows({}),
          rows({}),
          rows({}),
          rows({}),
          rows({}),
          rows({})};
}

const TableRef kTable{.schema = "s", .table = "t"};

TEST(DefinitionQueries, AreAsManyForAWholeServerAsForOneTable) {
  for (const bool mariadb : {false, true}) {
    const auto all = definition_queries({}, mariadb);
    EXPECT_EQ(definition_queries({.tables = {{"a", "b"}, {"c", "d"}}, .excluded_schemas = {}}, mariadb).size(),
              all.size());
    EXPECT_LE(all.size(), 7u);
  }
}

TEST(DefinitionQueries, LeaveOutTheServersSchemasAndWhatIsExcludedByBytes) {
  for (const std::string& query : definition_queries({.tables = {}, .excluded_schemas = {"it's", ""}}, true)) {
    EXPECT_THAT(query, HasSubstr("0x6d7973716c"));  // mysql
    EXPECT_THAT(query, HasSubstr("0x69742773"));    // it's
    EXPECT_THAT(query, Not(HasSubstr("0x,")));      // an empty name is none
    EXPECT_THAT(query, Not(HasSubstr("'")));        // no quotes: the same under every sql_mode
    EXPECT_THAT(query, Not(HasSubstr("\"")));
    EXPECT_THAT(query, HasSubstr("AS BINARY) NOT IN"));
  }
}

TEST(DefinitionQueries, LookUpFewTablesOneByOneAndManyInOneScan) {
  DefinitionScope scope{.tables = std::vector<TableRef>(64, {"s", "t"}), .excluded_schemas = {}};
  EXPECT_THAT(definition_queries(scope, true)[0], HasSubstr(" UNION ALL "));
  scope.tables.push_back({"s", "u"});
  for (const std::string& query : definition_queries(scope, false)) {
    EXPECT_THAT(query, Not(HasSubstr(" UNION ALL ")));
    EXPECT_THAT(query, HasSubstr("(0x73,0x75)"));
  }
}

TEST(DefinitionsFrom, RefuseOtherResults) {
  EXPECT_FALSE(definitions_from({}, true).ok());
  auto results = one_table();
  results[1].rows.push_back({"s", "t"});
  EXPECT_FALSE(definitions_from(results, true).ok());
}

TEST(DefinitionsFrom, ReadTheTable) {
  const auto tables = definitions_from(one_table(), true);
  ASSERT_TRUE(tables.ok());
  const TableDefinition& table = tables->at(kTable);
  EXPECT_EQ(table.kind, TableDefinition::Kind::table);
  EXPECT_EQ(table.engine, "InnoDB");
  EXPECT_EQ(table.charset, "utf8mb4");
  EXPECT_TRUE(table.partitioned);
  EXPECT_EQ(table.rows_estimate, 12u);
  EXPECT_EQ(table.bytes_estimate, 16384u);
  EXPECT_EQ(table.comment, "of all");
  EXPECT_EQ(table.primary_key(), nullptr);
}

TEST(DefinitionsFrom, TellWhatIsNoTable) {
  for (const auto& [type, kind] :
       {std::pair("VIEW", TableDefinition::Kind::view), std::pair("SEQUENCE", TableDefinition::Kind::sequence),
        std::pair("SYSTEM VERSIONED", TableDefinition::Kind::system_versioned)}) {
    auto results = one_table();
    results[0].rows[0][2] = type;
    EXPECT_EQ(definitions_from(results, true)->at(kTable).kind, kind) << type;
  }
}

TEST(DefinitionsFrom, PutColumnsInTheirOrderWhateverOrderTheRowsHave) {
  auto results = one_table();
  results[1] =
      rows({column("2", "b", "int", "int(11)", "NULL", ""), column("1", "a", "int", "int(10) unsigned", null, "")});
  const TableDefinition table = definitions_from(results, true)->at(kTable);
  ASSERT_THAT(table.columns, SizeIs(2));
  EXPECT_EQ(table.columns[0].name, "a");
  EXPECT_TRUE(table.columns[0].is_unsigned);
  EXPECT_EQ(table.column("B"), &table.columns[1]);
  EXPECT_EQ(table.column("c"), nullptr);
}

TEST(DefinitionsFrom, TellADefaultFromNullAndFromAnExpressionOnMariaDB) {
  auto results = one_table();
  results[1] = rows({column("1", "a", "int", "int(11)", "NULL", ""), column("2", "b", "int", "int(11)", "-7", ""),
                     column("3", "c", "text", "text", "'NULL'", ""),
                     column("4", "d", "datetime", "datetime", "current_timestamp()", "on update current_timestamp()"),
                     column("5", "e", "varchar", "varchar(36)", "uuid()", ""),
                     column("6", "f", "bit", "bit(3)", "b'101'", "INVISIBLE"),
                     column("7", "g", "int", "int(11)", "NULL", "VIRTUAL GENERATED")});
  const auto columns = definitions_from(results, true)->at(kTable).columns;
  EXPECT_EQ(columns[0].default_value, std::nullopt);
  EXPECT_EQ(columns[1].default_value, "-7");
  EXPECT_EQ(columns[2].default_value, "'NULL'");
  EXPECT_FALSE(columns[2].default_is_expression);
  EXPECT_TRUE(columns[3].default_is_expression);
  EXPECT_TRUE(columns[3].on_update_now);
  EXPECT_TRUE(columns[4].default_is_expression);
  EXPECT_FALSE(columns[5].default_is_expression);
  EXPECT_TRUE(columns[5].invisible);
  EXPECT_EQ(columns[6].generated, DefinedColumn::Generated::virtual_);
}

TEST(DefinitionsFrom, UndoWhatMySQLEscapesInExpressionsAndNotInTexts) {
  auto results = one_table();
  results[1] = rows({column("1", "a", "varchar", "varchar(9)", "NULL", ""),
                     column("2", "b", "text", "text", R"(_utf8mb4\'a\\\\b\\\'c\')", "DEFAULT_GENERATED"),
                     column("3", "c", "varchar", "varchar(9)", R"(a\'b)", "")});
  results[5] = rows({{"s", "t", "k", R"((`b` <> _utf8mb4\'x\'))"}});
  const TableDefinition table = definitions_from(results, false)->at(kTable);
  EXPECT_EQ(table.columns[0].default_value, "NULL");  // a text
  EXPECT_EQ(table.columns[1].default_value, R"(_utf8mb4'a\\b\'c')");
  EXPECT_TRUE(table.columns[1].default_is_expression);
  EXPECT_EQ(table.columns[2].default_value, R"(a\'b)");
  EXPECT_EQ(table.checks[0].clause, "(`b` <> _utf8mb4'x')");
}

TEST(DefinitionsFrom, FindMariaDBsJsonByItsCheck) {
  auto results = one_table();
  results[1] = rows({column("1", "j`", "longtext", "longtext", "NULL", "", "utf8mb4_bin"),
                     column("2", "k", "longtext", "longtext", "NULL", "", "utf8mb4_general_ci")});
  results[5] = rows({{"s", "t", "j`", "json_valid(`j```)"}, {"s", "t", "k", "json_valid(`k`)"}});
  const TableDefinition table = definitions_from(results, true)->at(kTable);
  EXPECT_TRUE(table.columns[0].json);
  EXPECT_FALSE(table.columns[1].json);
  ASSERT_THAT(table.checks, SizeIs(1));
  EXPECT_EQ(table.checks[0].name, "k");
}

TEST(DefinitionsFrom, PutKeysTogether) {
  auto results = one_table();
  results[2] = rows({{"s", "t", "b", "2", "1", "y", null, "D", "BTREE", null},
                     {"s", "t", "b", "1", "1", "x", "5", "A", "BTREE", null},
                     {"s", "t", "a", "1", "1", null, null, "A", "BTREE", "(`x` + 1)"},
                     {"s", "t", "sp", "1", "1", "g", "32", "A", "SPATIAL", null},
                     {"s", "t", "PRIMARY", "1", "0", "id", null, "A", "BTREE", null}});
  const TableDefinition table = definitions_from(results, false)->at(kTable);
  ASSERT_NE(table.primary_key(), nullptr);
  ASSERT_THAT(table.keys, SizeIs(4));
  EXPECT_TRUE(table.keys[0].unique);
  EXPECT_EQ(table.keys[1].parts[0].expression, "(`x` + 1)");
  EXPECT_EQ(table.keys[2].parts[0].column, "x");
  EXPECT_EQ(table.keys[2].parts[0].prefix, 5u);
  EXPECT_TRUE(table.keys[2].parts[1].descending);
  EXPECT_EQ(table.keys[3].parts[0].prefix, std::nullopt);
}

TEST(DefinitionsFrom, PutForeignKeysTogether) {
  auto results = one_table();
  results[3] = rows({{"s", "t", "f", "2", "b", "p", "q", "y"}, {"s", "t", "f", "1", "a", "p", "q", "x"}});
  results[4] = rows({{"s", "t", "f", "RESTRICT", "SET NULL"}, {"s", "other", "f", "CASCADE", "CASCADE"}});
  results[6] = rows({{"s", "t", "z"}, {"s", "t", "y"}, {"s", "gone", "x"}});
  const TableDefinition table = definitions_from(results, false)->at(kTable);
  ASSERT_THAT(table.foreign_keys, SizeIs(1));
  const DefinedForeignKey& key = table.foreign_keys[0];
  EXPECT_THAT(key.columns, ElementsAre("a", "b"));
  EXPECT_THAT(key.parent_columns, ElementsAre("x", "y"));
  EXPECT_EQ(key.parent, (TableRef{"p", "q"}));
  EXPECT_EQ(key.on_delete, "SET NULL");
  EXPECT_THAT(table.triggers, ElementsAre("y", "z"));
}

TEST(DefinitionsFrom, BoundAPositionThatNoServerSends) {
  auto results = one_table();
  results[2] = rows({{"s", "t", "b", "4000000000", "1", "y", null, "D", "BTREE", null}});
  results[3] = rows({{"s", "t", "f", "0", "b", "p", "q", "y"}});
  const auto tables = definitions_from(results, false);
  EXPECT_TRUE(tables->at(kTable).keys[0].parts.empty());
  EXPECT_TRUE(tables->at(kTable).foreign_keys[0].columns.empty());
}

}  // namespace
}  // namespace crossfade::dualwrite
