// What triggers capture finds its way by the mapping that rows of the log take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_samples.h"
#include "dualwrite/rows_statement.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

DefinedColumn stored(const std::string& name) {
  DefinedColumn column = defined(name, "int");
  column.generated = DefinedColumn::Generated::stored;
  column.generation_expression = "`id` + 1";
  return column;
}

DefinedColumn json(const std::string& name, bool mariadb) {
  DefinedColumn column = mariadb ? defined(name, "longtext", "utf8mb4") : defined(name, "json");
  column.json = true;
  return column;
}

TableMapping mapped(const TableDefinition& leader, const TableDefinition& follower, ServerMakes makes) {
  return map_table(captured({.leader = leader, .mariadb = makes.leader_is_mariadb, .number = 7}).table, &leader,
                   follower, makes, true);
}

TEST(CapturedMapping, TheSameTableGoesByEvents) {
  const TableDefinition table = innodb({defined("id", "int"), defined("v", "varchar(9)", "utf8mb4")});
  for (const ServerMakes makes : {kToMysql, kToMariadb, kMariadbOnly, kMysqlOnly}) {
    const TableMapping mapping = mapped(table, table, makes);
    EXPECT_EQ(mapping.by, ApplyBy::events) << mapping.reason;
    EXPECT_TRUE(mapping.same_order);
  }
}

TEST(CapturedMapping, WhatTheFollowerComputesGoesBySql) {
  const TableDefinition table = innodb({defined("id", "int"), stored("g"), defined("v", "int")});
  const TableMapping mapping = mapped(table, table, kToMysql);
  EXPECT_EQ(mapping.by, ApplyBy::sql);
  EXPECT_THAT(mapping.reason, HasSubstr("do not capture it"));
  const auto row = read({.after = "1:51:7"}, captured({.leader = table, .number = 7}));
  ASSERT_TRUE(row.ok()) << row.status();
  const auto statements = row_statements(row->change, mapping);
  ASSERT_TRUE(statements.ok()) << statements.status();
  EXPECT_EQ((*statements)[0].sql, "INSERT INTO `app`.`t` (`id`, `v`) VALUES (5, 7)");
}

TEST(CapturedMapping, AColumnThatIsGeneratedOnOneSideStopsTheTable) {
  const TableDefinition computed = innodb({defined("id", "int"), stored("g")});
  const TableDefinition plain = innodb({defined("id", "int"), defined("g", "int")});
  const TableMapping lost = mapped(computed, plain, kToMysql);
  EXPECT_EQ(lost.by, ApplyBy::nothing);
  EXPECT_THAT(lost.reason, HasSubstr("generated on the leader, whose triggers do not capture it"));
  EXPECT_EQ(mapped(plain, computed, kToMysql).by, ApplyBy::nothing);
  TableDefinition other = computed;
  other.columns[1].generation_expression = "`id` + 2";
  EXPECT_EQ(mapped(computed, other, kMysqlOnly).by, ApplyBy::nothing);
  EXPECT_EQ(mapped(computed, other, kToMysql).by, ApplyBy::sql) << "each make writes expressions in its own way";
}

TEST(CapturedMapping, MysqlsJsonIsATextOnItsWay) {
  const TableDefinition leader = innodb({defined("id", "int"), json("j", false)});
  const Capture capture = captured({.leader = leader, .mariadb = false, .number = 7});
  const auto row = read({.after = "1:5", .big = {std::nullopt, R"({"a": 1})"}}, capture);
  ASSERT_TRUE(row.ok()) << row.status();
  for (const ServerMakes makes : {kToMariadb, kMysqlOnly}) {
    const TableMapping mapping =
        mapped(leader, innodb({defined("id", "int"), json("j", makes.follower_is_mariadb)}), makes);
    EXPECT_EQ(mapping.by, ApplyBy::sql) << mapping.reason;
    const auto statements = row_statements(row->change, mapping);
    ASSERT_TRUE(statements.ok()) << statements.status();
    EXPECT_EQ((*statements)[0].sql, "INSERT INTO `app`.`t` (`id`, `j`) VALUES (5, _utf8mb4 x'7b2261223a20317d')");
  }
}

TEST(CapturedMapping, CascadesMustBeTheSameWhateverMakeLeads) {
  TableDefinition leader = innodb({defined("id", "int"), defined("p", "int")});
  DefinedForeignKey key;
  key.name = "fk";
  key.columns = {"p"};
  key.parent = {.schema = "app", .table = "parent"};
  key.parent_columns = {"id"};
  key.on_update = "RESTRICT";
  key.on_delete = "CASCADE";
  leader.foreign_keys = {key};
  TableDefinition follower = leader;
  EXPECT_EQ(mapped(leader, follower, kToMariadb).by, ApplyBy::events);
  follower.foreign_keys.clear();
  EXPECT_EQ(mapped(leader, follower, kToMariadb).by, ApplyBy::nothing);
  EXPECT_EQ(mapped(leader, follower, kToMysql).by, ApplyBy::nothing);
}

TEST(CapturedMapping, ARefreshIsWrittenOverWhatTheFollowerHas) {
  const TableDefinition table = innodb({defined("id", "int"), defined("v", "int")});
  const auto row = read({.op = "R", .after = "1:51:7"}, captured({.leader = table, .number = 7}));
  ASSERT_TRUE(row.ok()) << row.status();
  const auto statements = overwriting_statements(row->change, mapped(table, table, kToMysql));
  ASSERT_TRUE(statements.ok()) << statements.status();
  EXPECT_THAT(statements->back().sql, HasSubstr("ON DUPLICATE KEY UPDATE"));
}

}  // namespace
}  // namespace crossfade::dualwrite
