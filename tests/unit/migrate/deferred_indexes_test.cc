#include "migrate/deferred_indexes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedForeignKey;
using dualwrite::DefinedKey;
using dualwrite::TableDefinition;
using ::testing::ElementsAre;

DefinedKey key_of(std::string name, std::string column, bool unique = false) {
  DefinedKey key{.name = std::move(name), .unique = unique, .parts = {}, .type = "BTREE"};
  key.parts.push_back({.column = std::move(column), .prefix = {}, .descending = false, .expression = {}});
  return key;
}

constexpr std::string_view kShown =
    "CREATE TABLE `t` (\n"
    "  `id` int NOT NULL,\n"
    "  `a` int DEFAULT NULL COMMENT '\\n  KEY `not` (`one`)',\n"
    "  PRIMARY KEY (`id`),\n"
    "  UNIQUE KEY `u` (`a`),\n"
    "  KEY `od``d` (`a`,`b`) COMMENT 'x, y',\n"
    "  KEY `child` (`up`),\n"
    "  KEY `parent` (`ref`),\n"
    "  FULLTEXT KEY `words` (`c`),\n"
    "  KEY `last` (`b`(10) DESC) /*!80000 INVISIBLE */\n"
    ") ENGINE=InnoDB";

TableDefinition table_of() {
  TableDefinition table;
  table.name = {.schema = "s", .table = "t"};
  for (DefinedKey& key : std::vector<DefinedKey>{key_of("PRIMARY", "id", true), key_of("u", "a", true),
                                                 key_of("od`d", "a"), key_of("child", "up"), key_of("parent", "ref"),
                                                 key_of("words", "c"), key_of("last", "b")}) {
    table.keys.push_back(key);
  }
  table.foreign_keys.push_back({.name = "f",
                                .columns = {"up"},
                                .parent = {.schema = "s", .table = "p"},
                                .parent_columns = {"id"},
                                .on_update = {},
                                .on_delete = {}});
  return table;
}

std::map<dualwrite::TableRef, TableDefinition> tables_of(const TableDefinition& table) {
  TableDefinition other;
  other.name = {.schema = "s", .table = "other"};
  other.foreign_keys.push_back({.name = "g",
                                .columns = {"x"},
                                .parent = {.schema = "S", .table = "T"},
                                .parent_columns = {"ref"},
                                .on_update = {},
                                .on_delete = {}});
  return {{table.name, table}, {other.name, other}};
}

TEST(DeferredIndexes, OnlyThoseThatNothingNeeds) {
  const TableDefinition table = table_of();
  EXPECT_THAT(deferrable_indexes(kShown, table, tables_of(table)),
              ElementsAre(DeferredIndex{"od`d", "KEY `od``d` (`a`,`b`) COMMENT 'x, y'"},
                          DeferredIndex{"last", "KEY `last` (`b`(10) DESC) /*!80000 INVISIBLE */"}));
}

TEST(DeferredIndexes, WhatIsDoneIsNotDoneAgain) {
  const TableDefinition table = table_of();
  const std::vector<DeferredIndex> indexes = deferrable_indexes(kShown, table, tables_of(table));
  TableDefinition half = table;
  std::erase_if(half.keys, [](const DefinedKey& key) { return key.name == "last"; });
  EXPECT_EQ(drop_indexes(indexes, table), "ALTER TABLE `s`.`t` DROP INDEX `od``d`, DROP INDEX `last`");
  EXPECT_EQ(drop_indexes(indexes, half), "ALTER TABLE `s`.`t` DROP INDEX `od``d`");
  EXPECT_EQ(add_indexes(indexes, half), "ALTER TABLE `s`.`t` ADD KEY `last` (`b`(10) DESC) /*!80000 INVISIBLE */");
  EXPECT_EQ(add_indexes(indexes, table), "");
}

TEST(DeferredIndexes, ArePackedAndReadAgain) {
  const TableDefinition table = table_of();
  const std::vector<DeferredIndex> indexes = deferrable_indexes(kShown, table, tables_of(table));
  const auto read = parse_indexes(pack_indexes(indexes));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, indexes);
  EXPECT_EQ(pack_indexes({}), "");
  EXPECT_TRUE(parse_indexes("")->empty());
  EXPECT_FALSE(parse_indexes("[{\"name\":1}]").ok());
  EXPECT_FALSE(parse_indexes("{").ok());
}

}  // namespace
}  // namespace crossfade::migrate
