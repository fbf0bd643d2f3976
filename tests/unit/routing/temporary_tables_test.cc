#include "routing/temporary_tables.h"

#include <gtest/gtest.h>

namespace crossfade::routing {
namespace {

TEST(TemporaryTables, KnowsTablesBySchemaAndName) {
  TemporaryTables tables;
  tables.add({.schema = {}, .table = "a"}, "shop");
  EXPECT_TRUE(tables.contains({.schema = "shop", .table = "a"}, "other"));
  EXPECT_TRUE(tables.contains({.schema = {}, .table = "a"}, "shop"));
  EXPECT_FALSE(tables.contains({.schema = {}, .table = "a"}, "other"));
  EXPECT_FALSE(tables.contains({.schema = {}, .table = "A"}, "shop"));
  tables.remove({.schema = "shop", .table = "a"}, "");
  EXPECT_TRUE(tables.empty());
}

}  // namespace
}  // namespace crossfade::routing
