#include "migrate/load_staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::TableDefinition;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

DefinedColumn column_of(std::string name, std::string type) {
  DefinedColumn column;
  column.name = std::move(name);
  column.data_type = std::move(type);
  return column;
}

TableDefinition orders() {
  TableDefinition table;
  table.name = {.schema = "shop", .table = "orders"};
  table.columns = {column_of("id", "int"), column_of("name", "varchar"), column_of("photo", "blob"),
                   column_of("flags", "bit")};
  DefinedColumn doubled = column_of("g", "int");
  doubled.generated = DefinedColumn::Generated::stored;
  table.columns.push_back(doubled);
  table.keys.resize(2);
  table.keys[0] = {.name = "PRIMARY", .unique = true, .parts = {}, .type = "BTREE"};
  table.keys[0].parts.push_back({.column = "id", .prefix = {}, .descending = false, .expression = {}});
  table.keys[1] = {.name = "u", .unique = true, .parts = {}, .type = "BTREE"};
  table.keys[1].parts.push_back({.column = "name", .prefix = 5, .descending = false, .expression = {}});
  return table;
}

constexpr std::string_view kShown =
    "CREATE TABLE `orders` (\n"
    "  `id` int NOT NULL AUTO_INCREMENT COMMENT 'x',\n"
    "  `name` varchar(20) NOT NULL,\n"
    "  PRIMARY KEY (`id`),\n"
    "  UNIQUE KEY `u` (`name`(5))\n"
    ") ENGINE=InnoDB AUTO_INCREMENT=7";

TEST(LoadStaging, HasNoKeysUntilAllRowsAreThere) {
  const TableDefinition table = orders();
  const auto plan = plan_staging(kShown, table, {{table.name, table}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      plan->make,
      ElementsAre(
          "CREATE TABLE `shop`.`orders__crossfade_staging` LIKE `shop`.`orders`",
          "ALTER TABLE `shop`.`orders__crossfade_staging` MODIFY `id` int NOT NULL COMMENT 'x', DROP PRIMARY KEY, "
          "DROP INDEX `u`"));
  EXPECT_EQ(plan->add_keys,
            "ALTER TABLE `shop`.`orders__crossfade_staging` ADD PRIMARY KEY (`id`), ADD UNIQUE KEY `u` (`name`(5)), "
            "MODIFY `id` int NOT NULL AUTO_INCREMENT COMMENT 'x'");
  EXPECT_EQ(
      plan->swap,
      "RENAME TABLE `shop`.`orders` TO `shop`.`orders__crossfade_replaced`, `shop`.`orders__crossfade_staging` TO "
      "`shop`.`orders`");
  EXPECT_EQ(select_duplicates(plan->staging, table.keys[1]),
            "SELECT LEFT(`name`,5),COUNT(*) FROM `shop`.`orders__crossfade_staging` WHERE `name` IS NOT NULL GROUP BY "
            "LEFT(`name`,5) HAVING COUNT(*)>1 LIMIT 10");
}

TEST(LoadStaging, RefusesWhatARenameWouldBreak) {
  TableDefinition table = orders(), child;
  child.name = {.schema = "shop", .table = "items"};
  child.foreign_keys.push_back({.name = "f",
                                .columns = {"o"},
                                .parent = table.name,
                                .parent_columns = {"id"},
                                .on_update = {},
                                .on_delete = {}});
  EXPECT_THAT(std::string(plan_staging(kShown, table, {{table.name, table}, {child.name, child}}).status().message()),
              HasSubstr("the foreign key f of shop.items"));
  EXPECT_THAT(std::string(plan_staging(kShown, child, {{child.name, child}}).status().message()),
              HasSubstr("has foreign keys"));
  table.triggers = {"tr"};
  EXPECT_THAT(std::string(plan_staging(kShown, table, {}).status().message()), HasSubstr("triggers"));
  table.triggers.clear();
  table.name.table = std::string(50, 'x');
  EXPECT_THAT(std::string(plan_staging(kShown, table, {}).status().message()), HasSubstr("too long"));
}

TEST(LoadStaging, ColumnsAreChosenByTheirNames) {
  EXPECT_EQ(choose_columns(orders(), {})->names, "(`id`,`name`,`photo`,`flags`)");
  EXPECT_EQ(choose_columns(orders(), {"NAME", "id"})->names, "(`name`,`id`)");
  EXPECT_THAT(std::string(choose_columns(orders(), {"nothing"}).status().message()), HasSubstr("no column 'nothing'"));
  EXPECT_THAT(std::string(choose_columns(orders(), {"id", "ID"}).status().message()), HasSubstr("twice"));
  EXPECT_THAT(std::string(choose_columns(orders(), {"g"}).status().message()), HasSubstr("generated"));
  TableDefinition shapes = orders();
  shapes.columns[1].data_type = "point";
  EXPECT_THAT(std::string(choose_columns(shapes, {}).status().message()), HasSubstr("not read from files"));
}

TEST(LoadStaging, FieldsBecomeLiterals) {
  const auto columns = choose_columns(orders(), {});
  std::string sql;
  ASSERT_TRUE(
      append_row(*columns, {.fields = {"7", "it's \\ a", std::string("\0\xff", 2), "5"}, .line = 1}, &sql).ok());
  EXPECT_EQ(sql, "('7','it\\'s \\\\ a',0x00ff,5)");
  sql.clear();
  ASSERT_TRUE(append_row(*columns, {.fields = {std::nullopt, "", "", "\x01"}, .line = 1}, &sql).ok());
  EXPECT_EQ(sql, "(NULL,'','',0x01)");
  EXPECT_EQ(append_row(*columns, {.fields = {"1"}, .line = 12}, &sql).message(),
            "line 12: 1 fields, where 4 are wanted");
  EXPECT_EQ(append_row(*columns, {.fields = {"1", "\xff", "", ""}, .line = 3}, &sql).message(),
            "line 3: column name is not UTF-8");
}

}  // namespace
}  // namespace crossfade::migrate
