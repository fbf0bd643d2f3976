#include "dualwrite/lost_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::HasSubstr;

DefinedColumn column_of(const char* name, const char* data_type, const char* column_type) {
  DefinedColumn out;
  out.name = name;
  out.data_type = data_type;
  out.column_type = column_type;
  return out;
}

TableDefinition two_columns() {
  TableDefinition out;
  out.name = {.schema = "app", .table = "t"};
  out.engine = "InnoDB";
  out.columns = {column_of("id", "int", "int"), column_of("v", "int", "int")};
  return out;
}

TEST(LostValues, AreThoseOfAColumnThatIsGoneOrNarrower) {
  for (const bool mariadb : {true, false}) {
    const TableDefinition before = two_columns();
    TableDefinition now = before;
    now.columns.pop_back();
    EXPECT_EQ(lost_values(before, &now, mariadb), "column v was dropped");
    now = before;
    now.columns[1] = column_of("v", "smallint", "smallint");
    EXPECT_THAT(lost_values(before, &now, mariadb), HasSubstr("column v was changed"));
    EXPECT_EQ(lost_values(before, nullptr, mariadb), "the table was dropped");
  }
}

TEST(LostValues, AreNoneWhereEverythingIsHeld) {
  const TableDefinition before = two_columns();
  TableDefinition now = before;
  now.comment = "another";
  EXPECT_EQ(lost_values(before, &now, true), "");
  std::swap(now.columns[0], now.columns[1]);
  EXPECT_EQ(lost_values(before, &now, true), "");
  now.columns.push_back(column_of("more", "int", "int"));
  EXPECT_EQ(lost_values(before, &now, true), "");
  now.columns[0] = column_of("v", "bigint", "bigint");
  EXPECT_EQ(lost_values(before, &now, true), "");
}

TEST(IsChanged, OfADefinitionNotOfItsEstimates) {
  const TableDefinition before = two_columns();
  TableDefinition now = before;
  now.rows_estimate = 100;
  now.bytes_estimate = 100;
  EXPECT_FALSE(is_changed(before, now));
  std::swap(now.columns[0], now.columns[1]);
  EXPECT_TRUE(is_changed(before, now));
}

}  // namespace
}  // namespace crossfade::dualwrite
