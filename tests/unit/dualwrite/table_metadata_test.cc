#include <gtest/gtest.h>

#include "dualwrite/column_layout.h"
#include "dualwrite/table_map.h"

namespace crossfade::dualwrite {
namespace {

// GEOMETRY, VARCHAR latin1, BLOB.
LogTable geometry_first() {
  LogTable table;
  for (const LogType type : {LogType::geometry, LogType::varchar, LogType::blob}) {
    table.columns.emplace_back().type = static_cast<std::uint8_t>(type);
  }
  return table;
}

void expect_collations(const LogTable& table) {
  EXPECT_EQ(table.columns[1].collation, 8);
  EXPECT_EQ(table.columns[2].collation, 63);
}

TEST(TableMetadata, MariadbCountsGeometriesAmongTheColumnsWithACollation) {
  LogTable table = geometry_first();
  const Buffer usual{2, 3, 63, 1, 8};  // all but the second
  ASSERT_TRUE(decode_optional_metadata(usual, LogMake::mariadb, &table).ok());
  expect_collations(table);
  table = geometry_first();
  const Buffer each{3, 3, 63, 8, 63};
  ASSERT_TRUE(decode_optional_metadata(each, LogMake::mariadb, &table).ok());
  expect_collations(table);
}

TEST(TableMetadata, MysqlDoesNot) {
  LogTable table = geometry_first();
  const Buffer usual{2, 3, 63, 0, 8};
  ASSERT_TRUE(decode_optional_metadata(usual, LogMake::mysql, &table).ok());
  expect_collations(table);
  EXPECT_EQ(table.columns[0].collation, 0);
  const Buffer each{3, 2, 8, 63};
  table = geometry_first();
  ASSERT_TRUE(decode_optional_metadata(each, LogMake::mysql, &table).ok());
  expect_collations(table);
  const Buffer three{3, 3, 63, 8, 63};
  EXPECT_FALSE(decode_optional_metadata(three, LogMake::mysql, &table).ok());
}

// Of (id INT, a VARCHAR, v VECTOR(3), b VARBINARY, d VARCHAR latin1), as MySQL 9.7 wrote it.
TEST(TableMetadata, MysqlCountsVectorsAmongTheColumnsWithACollation) {
  LogTable table;
  for (const LogType type : {LogType::long_, LogType::varchar, LogType::vector, LogType::varchar, LogType::varchar}) {
    table.columns.emplace_back().type = static_cast<std::uint8_t>(type);
  }
  const Buffer each{3, 6, 0xfc, 0xff, 0, 63, 63, 8};
  ASSERT_TRUE(decode_optional_metadata(each, LogMake::mysql, &table).ok());
  EXPECT_EQ(table.columns[1].collation, 255);
  EXPECT_EQ(table.columns[2].collation, 63);
  EXPECT_EQ(table.columns[3].collation, 63);
  EXPECT_EQ(table.columns[4].collation, 8);
}

}  // namespace
}  // namespace crossfade::dualwrite
