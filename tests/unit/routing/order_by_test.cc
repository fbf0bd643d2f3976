#include "routing/order_by.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::routing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::optional<OrderBy> order_of(std::string_view sql) { return order_of_one_table(sql, LexerMode()); }

TEST(OrderBy, NamesOfOneTableAreTold) {
  const auto order = order_of("SELECT t, v FROM items ORDER BY id");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->table, (TableName{.schema = "", .table = "items"}));
  EXPECT_THAT(order->columns, ElementsAre("id"));
}

TEST(OrderBy, DirectionsSchemasAliasesAndLimitsChangeNothing) {
  const auto order = order_of(
      "select /* x */ i.* from `shop`.`Order Lines` AS i USE INDEX (a) WHERE n IN (SELECT n FROM x ORDER BY n) "
      "ORDER BY i.`Id` DESC, shop.i.pos asc, Name LIMIT 10, 20;");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->table, (TableName{.schema = "shop", .table = "Order Lines"}));
  EXPECT_THAT(order->columns, ElementsAre("id", "pos", "name"));
}

TEST(OrderBy, ExpressionsAndPositionsAreNoColumns) {
  const auto order = order_of("SELECT a FROM t ORDER BY LOWER(a), 1, b + 1, a COLLATE utf8mb4_bin, id, -id");
  ASSERT_TRUE(order);
  EXPECT_THAT(order->columns, ElementsAre("id"));
  const auto none = order_of("SELECT a FROM t ORDER BY f(id), id IS NULL, t.id DIV 2");
  ASSERT_TRUE(none);
  EXPECT_THAT(none->columns, IsEmpty());
}

TEST(OrderBy, FunctionsWithFromInsideAreNoTables) {
  const auto order = order_of("SELECT EXTRACT(YEAR FROM d), TRIM('x' FROM a) FROM t WHERE a > 1 ORDER BY id");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->table.table, "t");
}

TEST(OrderBy, RowsThatAreNotTheTablesOwnAreNotTold) {
  for (const char* sql : {"SELECT a FROM t, u ORDER BY id",
                          "SELECT a FROM t JOIN u USING (id) ORDER BY id",
                          "SELECT a FROM t LEFT JOIN u ON 1 ORDER BY id",
                          "SELECT a FROM t STRAIGHT_JOIN u ORDER BY id",
                          "SELECT a FROM (SELECT * FROM t) x ORDER BY id",
                          "SELECT DISTINCT a FROM t ORDER BY id",
                          "SELECT a FROM t GROUP BY a ORDER BY id",
                          "SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY id",
                          "SELECT a FROM t ORDER BY id UNION SELECT 1",
                          "WITH x AS (SELECT 1) SELECT a FROM t ORDER BY id",
                          "(SELECT a FROM t) ORDER BY id",
                          "SELECT a FROM t FOR SYSTEM_TIME ALL ORDER BY id",
                          "SELECT a FROM t USE INDEX FOR ORDER BY (i) ORDER BY id",
                          "SELECT a FROM JSON_TABLE('[]', '$' COLUMNS (x INT "
                          "PATH '$')) AS j ORDER BY x",
                          "SELECT a FROM t, JSON_TABLE(d, '$') j ORDER BY id",
                          "TABLE t ORDER BY id",
                          "SELECT a FROM t",
                          "SELECT a ORDER BY id",
                          "SELECT a FROM t ORDER BY id INTO @x",
                          "SHOW TABLES",
                          "",
                          "SELECT a FROM t ORDER BY id FOR UPDATE",
                          "SELECT a FROM t ORDER BY (id",
                          "SELECT a FROM t ORDER BY id, 'x",
                          "SELECT a FROM t /*! , u */ ORDER BY id",
                          "SELECT a FROM t HAVING a ORDER BY id"}) {
    EXPECT_FALSE(order_of(sql)) << sql;
  }
}

}  // namespace
}  // namespace crossfade::routing
