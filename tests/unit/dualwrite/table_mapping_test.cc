#include "dualwrite/table_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Sides {
  TableDefinition leader;
  TableDefinition follower;
  ServerMakes makes = kToMysql;
  bool may_run_binlog = true;
  bool leader_known = true;
  TableMapping map() const {
    return map_table(logged_table(leader, makes.leader_is_mariadb), leader_known ? &leader : nullptr, follower, makes,
                     may_run_binlog);
  }
};

Sides alike(std::vector<DefinedColumn> columns) {
  return {.leader = table_of(columns), .follower = table_of(std::move(columns))};
}
Sides simple() { return alike({defined("id", "int"), defined("v", "varchar(9)", "utf8mb4")}); }

void expect_nothing(const Sides& sides, const std::string& reason) {
  const TableMapping mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::nothing) << reason;
  EXPECT_THAT(mapping.reason, HasSubstr(reason));
  EXPECT_THAT(mapping.table_map, IsEmpty());
}

TEST(TableMapping, TheSameTableGoesByEventsAsItIs) {
  for (const ServerMakes makes : {kToMysql, kToMariadb, kMariadbOnly, kMysqlOnly}) {
    Sides sides = simple();
    sides.makes = makes;
    const TableMapping mapping = sides.map();
    EXPECT_EQ(mapping.by, ApplyBy::events) << mapping.reason;
    EXPECT_EQ(mapping.reason, "");
    EXPECT_TRUE(mapping.same_order);
    EXPECT_THAT(mapping.key, ElementsAre(0));
    EXPECT_FALSE(mapping.table_map.empty());
    EXPECT_EQ(mapping.target, sides.follower.name);
  }
}

TEST(TableMapping, ADefinitionOfALaterTableIsTold) {
  const auto with = [](const std::string& name, const std::string& type, const std::string& charset) {
    return table_of({defined("id", "int"), defined(name, type, charset)});
  };
  const TableDefinition table = with("v", "varchar(9)", "utf8mb4");
  for (const bool mariadb : {true, false}) {
    const auto logged = logged_table(table, mariadb);
    EXPECT_TRUE(may_define(table, *logged, mariadb));
    EXPECT_TRUE(may_define(with("V", "varchar(200)", "utf8mb4"), *logged, mariadb)) << "wider: as after an ALTER";
    EXPECT_FALSE(may_define(with("w", "varchar(9)", "utf8mb4"), *logged, mariadb)) << "another column";
    EXPECT_FALSE(may_define(with("v", "varchar(9)", "latin1"), *logged, mariadb)) << "another collation";
    EXPECT_FALSE(may_define(with("v", "int", ""), *logged, mariadb)) << "another kind";
    EXPECT_FALSE(may_define(table_of({defined("id", "int")}), *logged, mariadb)) << "one less";
    TableDefinition more = with("v", "varchar(9)", "utf8mb4");
    more.columns.push_back(defined("x", "int"));
    EXPECT_FALSE(may_define(more, *logged, mariadb)) << "one more";
    more.columns.back().generated = DefinedColumn::Generated::virtual_;
    EXPECT_TRUE(may_define(more, *logged, mariadb)) << "which triggers do not capture";
    TableDefinition view = table;
    view.kind = TableDefinition::Kind::view;
    EXPECT_FALSE(may_define(view, *logged, mariadb));
  }
  // The log has MariaDB's own types as bytes.
  const TableDefinition own = table_of({defined("id", "int"), defined("v", "uuid")});
  EXPECT_TRUE(may_define(own, *logged_table(own, true), true));
  EXPECT_TRUE(may_define(own, *logged_table(table_of({defined("id", "int"), defined("v", "binary(16)")}), true), true));
}

TEST(TableMapping, WhatTheFollowersTextStandsForIsKnownOfALaterTable) {
  const auto logged = logged_table(
      table_of({defined("u", "uuid"), defined("six", "inet6"), defined("four", "inet4"), defined("b", "binary(16)")}),
      true);
  const TableDefinition follower = table_of({defined("u", "char(36)", "ascii"), defined("six", "varchar(39)", "ascii"),
                                             defined("four", "varchar(15)", "ascii"),
                                             defined("b", "binary(16)", "binary"), defined("later", "int")});
  const TableDefinition presumed = presumed_leader(follower, *logged, kToMysql);
  std::vector<std::string> types;
  for (const DefinedColumn& column : presumed.columns) types.push_back(column.data_type);
  EXPECT_THAT(types, ElementsAre("uuid", "inet6", "inet4", "binary", "int"));
  EXPECT_EQ(presumed_leader(follower, *logged, kMariadbOnly).columns[0].data_type, "char");
}

TEST(TableMapping, ColumnsAreFoundByNameWithoutCase) {
  Sides sides = simple();
  sides.follower = table_of({defined("V", "varchar(9)", "utf8mb4"), defined("id", "int")});
  const TableMapping mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::events) << mapping.reason;
  EXPECT_FALSE(mapping.same_order);
  ASSERT_EQ(mapping.columns.size(), 2u);
  EXPECT_EQ(mapping.columns[0].from, 1u);
  EXPECT_EQ(mapping.columns[1].from, 0u);
}

TEST(TableMapping, WithoutThePrivilegeSqlCarries) {
  Sides sides = simple();
  sides.may_run_binlog = false;
  const TableMapping mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::sql);
  EXPECT_THAT(mapping.reason, HasSubstr("REPLICATION_APPLIER"));
  sides.makes = kToMariadb;
  EXPECT_THAT(sides.map().reason, HasSubstr("BINLOG REPLAY"));
}

TEST(TableMapping, AConversionGoesBySqlAndATriggerForbidsIt) {
  Sides sides = simple();
  sides.follower.columns[1] = defined("v", "varchar(12)", "utf8mb4");
  EXPECT_EQ(sides.map().by, ApplyBy::sql);
  sides.follower.triggers = {"t_bi"};
  expect_nothing(sides, "trigger t_bi");
  sides.follower.columns[1] = sides.leader.columns[1];
  EXPECT_EQ(sides.map().by, ApplyBy::events) << "rows events fire none";
}

TEST(TableMapping, AColumnThatOnlyEventsCarryForbidsSql) {
  Sides sides = alike({defined("id", "int"), defined("u", "uuid")});
  sides.makes = kMariadbOnly;
  EXPECT_EQ(sides.map().by, ApplyBy::events);
  sides.may_run_binlog = false;
  expect_nothing(sides, "rows events only");
}

TEST(TableMapping, AUuidThatIsAKeyGoesAsItsText) {
  Sides sides = alike({defined("id", "uuid"), defined("v", "int")});
  sides.follower.columns[0] = defined("id", "char(36)", "ascii");
  sides.follower.columns[0].nullable = false;
  sides.follower.columns[0].collation = "ascii_general_ci";
  const TableMapping mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::sql) << mapping.reason;
  EXPECT_EQ(mapping.columns[0].text_by, "BIN_TO_UUID");
  EXPECT_EQ(mapping.columns[1].text_by, "");
  sides.follower.columns[0] = defined("id", "char(35)", "ascii");
  sides.follower.columns[0].nullable = false;
  expect_nothing(sides, "does not hold every value");
}

TEST(TableMapping, HashesOfAUniqueKeyAreMariadbsOwn) {
  DefinedColumn hashes = defined("DB_ROW_HASH_1", "bigint unsigned");
  hashes.nullable = true;
  const auto map = [&](const TableDefinition& logged, const Sides& sides) {
    return map_table(logged_table(logged, sides.makes.leader_is_mariadb), &sides.leader, sides.follower, sides.makes,
                     true);
  };
  Sides sides = simple();
  TableDefinition logged = table_of({defined("id", "int"), defined("v", "varchar(9)", "utf8mb4"), hashes});
  EXPECT_TRUE(may_define(sides.leader, *logged_table(logged, true), true));
  EXPECT_FALSE(may_define(sides.leader, *logged_table(logged, false), false));
  const TableMapping mapping = map(logged, sides);
  EXPECT_EQ(mapping.by, ApplyBy::events) << mapping.reason;
  EXPECT_FALSE(mapping.same_order);
  EXPECT_EQ(mapping.columns.size(), 2);
  // One that the leader's catalogue has is somebody's own.
  sides.leader = logged;
  EXPECT_THAT(map(logged, sides).reason, HasSubstr("column DB_ROW_HASH_1 is missing on the follower"));
  // And so is one of another kind.
  sides = simple();
  logged.columns.back() = defined("DB_ROW_HASH_1", "int");
  EXPECT_FALSE(may_define(sides.leader, *logged_table(logged, true), true));
  EXPECT_THAT(map(logged, sides).reason, HasSubstr("column DB_ROW_HASH_1 is missing on the follower"));
}

TEST(TableMapping, MissingColumnsStopTheTable) {
  Sides sides = simple();
  sides.follower.columns.pop_back();
  expect_nothing(sides, "column v is missing on the follower");
  sides = simple();
  sides.follower.columns.push_back(defined("extra", "int"));
  expect_nothing(sides, "column extra is missing on the leader");
}

TEST(TableMapping, GeneratedColumns) {
  Sides sides = alike({defined("id", "int"), defined("g", "int")});
  sides.follower.columns[1].generated = DefinedColumn::Generated::stored;
  expect_nothing(sides, "generated on the follower only");
  sides.leader_known = false;
  EXPECT_EQ(sides.map().by, ApplyBy::events);
  sides.leader_known = true;
  sides.leader.columns[1].generated = DefinedColumn::Generated::virtual_;
  TableMapping mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::events) << mapping.reason;
  EXPECT_TRUE(mapping.columns[1].generated);
  sides.leader.columns[1].generation_expression = "id + 1";
  EXPECT_EQ(sides.map().by, ApplyBy::events) << "makes write expressions differently";
  sides.makes = kMysqlOnly;
  expect_nothing(sides, "another expression");
  sides.makes = kToMysql;
  sides.leader.columns.pop_back();
  mapping = sides.map();
  EXPECT_EQ(mapping.by, ApplyBy::sql) << mapping.reason;
  EXPECT_EQ(mapping.columns[1].from, 1u) << "no column of the leader's";
  sides = alike({defined("id", "int"), defined("g", "int")});
  sides.leader.columns[1].generated = DefinedColumn::Generated::stored;
  EXPECT_EQ(sides.map().by, ApplyBy::events) << "a plain column holds what the leader generated";
}

TEST(TableMapping, NullDoesNotFitNotNull) {
  Sides sides = simple();
  sides.follower.columns[1].nullable = false;
  expect_nothing(sides, "NOT NULL");
  sides.leader.columns[1].nullable = false;
  sides.follower.columns[1].nullable = true;
  EXPECT_EQ(sides.map().by, ApplyBy::events);
}

TEST(TableMapping, OnlyDescribedTablesAreCarried) {
  Sides sides = simple();
  auto source = logged_table(sides.leader, true);
  source->described = false;
  const TableMapping mapping = map_table(source, &sides.leader, sides.follower, kToMysql, true);
  EXPECT_EQ(mapping.by, ApplyBy::nothing);
  EXPECT_THAT(mapping.reason, HasSubstr("binlog_row_metadata=FULL"));
  for (const auto kind :
       {TableDefinition::Kind::view, TableDefinition::Kind::sequence, TableDefinition::Kind::system_versioned}) {
    sides = simple();
    sides.follower.kind = kind;
    expect_nothing(sides, "on the follower");
    sides = simple();
    sides.leader.kind = kind;
    expect_nothing(sides, "on the leader");
  }
}

TEST(TableMapping, TheIdentifyingKey) {
  Sides sides = simple();
  sides.leader.keys.clear();
  sides.follower.keys.clear();
  EXPECT_THAT(sides.map().key, IsEmpty());
  sides.leader.keys = {key_over("u", {"v"})};
  EXPECT_THAT(sides.map().key, IsEmpty()) << "v may be NULL";
  sides.leader.columns[1].nullable = false;
  EXPECT_THAT(sides.map().key, IsEmpty()) << "v may be NULL on the follower";
  sides.follower.columns[1].nullable = false;
  EXPECT_THAT(sides.map().key, ElementsAre(1));
  sides.leader.keys[0].parts[0].prefix = 3;
  EXPECT_THAT(sides.map().key, ElementsAre(1)) << "whole values are no less unique";
}

TEST(TableMapping, KeysOfTheFollowerThatAreNotTheLeaders) {
  Sides sides = simple();
  sides.follower.keys.push_back(key_over("u", {"v"}));
  expect_nothing(sides, "key u is unique on the follower");
  sides.leader.keys.push_back(key_over("other", {"v"}));
  EXPECT_EQ(sides.map().by, ApplyBy::events);
  sides.follower.keys[1].parts.emplace_back().column = "id";
  EXPECT_EQ(sides.map().by, ApplyBy::events) << "a part of it is unique already";
  sides.follower.keys[1] = key_over("u", {"v"});
  sides.follower.keys[1].parts[0].prefix = 4;
  expect_nothing(sides, "key u");
  sides.leader.keys[1].parts[0].prefix = 4;
  EXPECT_EQ(sides.map().by, ApplyBy::events);
  sides.follower.keys[1].parts[0].prefix = 3;
  expect_nothing(sides, "key u");
  sides.follower.keys[1].unique = false;
  EXPECT_EQ(sides.map().by, ApplyBy::events);
}

TEST(TableMapping, APrimaryKeyOfTheFollowerAlone) {
  Sides sides = simple();
  sides.leader.keys.clear();
  expect_nothing(sides, "key PRIMARY");
  sides.leader_known = false;
  expect_nothing(sides, "key PRIMARY");
}

TEST(TableMapping, ACollationThatFoldsMore) {
  Sides sides = simple();
  sides.leader.keys.push_back(key_over("u", {"v"}));
  sides.follower.keys.push_back(key_over("u", {"v"}));
  sides.follower.columns[1].collation = "utf8mb4_general_ci";
  expect_nothing(sides, "key u");
  sides.leader.columns[1].collation = "utf8mb4_general_ci";
  EXPECT_EQ(sides.map().by, ApplyBy::events);
  sides.follower.columns[1].collation = "utf8mb4_0900_ai_ci";
  expect_nothing(sides, "key u");
  sides.follower.keys.pop_back();
  EXPECT_EQ(sides.map().by, ApplyBy::events) << "no key, no folding";
}

DefinedForeignKey foreign_key(const std::string& on_delete) {
  DefinedForeignKey key;
  key.name = "fk";
  key.columns = {"v"};
  key.parent = {.schema = "app", .table = "p"};
  key.parent_columns = {"id"};
  key.on_update = "NO ACTION";
  key.on_delete = on_delete;
  return key;
}

TEST(TableMapping, CascadesThatMariadbDoesNotLogMustBeTheSame) {
  const auto by = [](const char* leader, const char* follower, ServerMakes makes) {
    Sides sides = simple();
    sides.makes = makes;
    if (leader != nullptr) sides.leader.foreign_keys = {foreign_key(leader)};
    if (follower != nullptr) sides.follower.foreign_keys = {foreign_key(follower)};
    return sides.map().by;
  };
  EXPECT_EQ(by("CASCADE", "CASCADE", kToMysql), ApplyBy::events);
  EXPECT_EQ(by("RESTRICT", "NO ACTION", kToMysql), ApplyBy::events);
  EXPECT_EQ(by("RESTRICT", nullptr, kToMysql), ApplyBy::events);
  EXPECT_EQ(by(nullptr, "RESTRICT", kToMysql), ApplyBy::events);
  EXPECT_EQ(by("CASCADE", "SET NULL", kToMysql), ApplyBy::nothing);
  EXPECT_EQ(by("CASCADE", "RESTRICT", kToMysql), ApplyBy::nothing);
  EXPECT_EQ(by("CASCADE", nullptr, kToMysql), ApplyBy::nothing);
  EXPECT_EQ(by("RESTRICT", "CASCADE", kToMysql), ApplyBy::nothing);
  EXPECT_EQ(by(nullptr, "CASCADE", kToMysql), ApplyBy::nothing);
  // MySQL logs the children's rows, and they are applied without the follower's cascades.
  EXPECT_EQ(by("CASCADE", nullptr, kToMariadb), ApplyBy::events);
  EXPECT_EQ(by("CASCADE", "RESTRICT", kToMariadb), ApplyBy::events);
  EXPECT_EQ(by(nullptr, "CASCADE", kToMariadb), ApplyBy::nothing);
}

TEST(TableMapping, ANarrowColumnSaysWhatToDo) {
  Sides sides = alike({defined("id", "bigint"), defined("v", "varchar(9)", "utf8mb4")});
  sides.follower.columns[0] = defined("id", "int");
  sides.follower.columns[0].nullable = false;
  expect_nothing(sides, "MODIFY it on the follower to bigint");
}

}  // namespace
}  // namespace crossfade::dualwrite
