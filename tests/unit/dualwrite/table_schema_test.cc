#include "dualwrite/table_schema.h"

#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

TEST(ColumnClassOf, KnowsTheTypesOfBothServers) {
  EXPECT_EQ(column_class("int"), ColumnClass::integer);
  EXPECT_EQ(column_class("BIGINT"), ColumnClass::integer);
  EXPECT_EQ(column_class("decimal"), ColumnClass::decimal);
  EXPECT_EQ(column_class("double"), ColumnClass::floating);
  EXPECT_EQ(column_class("varchar"), ColumnClass::text);
  EXPECT_EQ(column_class("longtext"), ColumnClass::text);
  EXPECT_EQ(column_class("varbinary"), ColumnClass::binary);
  EXPECT_EQ(column_class("tinyblob"), ColumnClass::binary);
  EXPECT_EQ(column_class("timestamp"), ColumnClass::temporal);
  EXPECT_EQ(column_class("year"), ColumnClass::year);
  EXPECT_EQ(column_class("time"), ColumnClass::time);
  EXPECT_EQ(column_class("json"), ColumnClass::json);
  EXPECT_EQ(column_class("bit"), ColumnClass::bit);
  EXPECT_EQ(column_class("set"), ColumnClass::enum_set);
  EXPECT_EQ(column_class("geometry"), ColumnClass::other);
  EXPECT_EQ(column_class("uuid"), ColumnClass::other);
  EXPECT_EQ(column_class(""), ColumnClass::other);
}

TEST(TableSchema, FindsAColumnByItsName) {
  TableSchema schema;
  schema.columns.resize(2);
  schema.columns[0].name = "a";
  schema.columns[1].name = "b";
  EXPECT_EQ(schema.find("b"), &schema.columns[1]);
  EXPECT_EQ(schema.find("c"), nullptr);
}

}  // namespace
}  // namespace crossfade::dualwrite
