#include "dualwrite/column_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {
namespace {

using testing::HasSubstr;

std::size_t width(std::uint8_t type, std::uint16_t metadata, protocol::Buffer bytes = protocol::Buffer(40)) {
  const LogColumn column{.name = "c", .type = type, .metadata = metadata};
  return value_bytes(column, bytes).value_or(999);
}

TEST(ValueBytes, OfFixedTypes) {
  EXPECT_EQ(width(1, 0), 1u);
  EXPECT_EQ(width(2, 0), 2u);
  EXPECT_EQ(width(9, 0), 3u);
  EXPECT_EQ(width(3, 0), 4u);
  EXPECT_EQ(width(8, 0), 8u);
  EXPECT_EQ(width(4, 4), 4u);
  EXPECT_EQ(width(5, 8), 8u);
  EXPECT_EQ(width(10, 0), 3u);
  EXPECT_EQ(width(13, 0), 1u);
  for (std::uint16_t digits = 0; digits <= 6; ++digits) {
    const std::size_t fraction = (digits + 1u) / 2;
    EXPECT_EQ(width(17, digits), 4 + fraction);
    EXPECT_EQ(width(18, digits), 5 + fraction);
    EXPECT_EQ(width(19, digits), 3 + fraction);
  }
  EXPECT_EQ(width(17, 7), 999u);
  EXPECT_EQ(width(16, 0x0001), 1u);
  EXPECT_EQ(width(16, 0x0100), 1u);
  EXPECT_EQ(width(16, 0x0401), 5u);
  EXPECT_EQ(width(246, 0x020a), 5u);
  EXPECT_EQ(width(246, 0x1e41), 30u);
  EXPECT_EQ(width(246, 0x0b0a), 999u);
  EXPECT_EQ(width(254, 0x01f7), 1u);
  EXPECT_EQ(width(254, 0x08f8), 8u);
}

TEST(ValueBytes, OfTextsHaveAPrefixOfOneToFourBytes) {
  EXPECT_EQ(width(15, 255, {2, 'a', 'b'}), 3u);
  EXPECT_EQ(width(15, 256, {2, 0, 'a', 'b'}), 4u);
  EXPECT_EQ(width(254, 0x28fe, {1, 'a'}), 2u);
  EXPECT_EQ(width(254, 0xfcee, {1, 0, 'a'}), 3u) << "CHAR of 508 bytes";
  for (std::uint16_t prefix = 1; prefix <= 4; ++prefix) {
    protocol::Buffer bytes(prefix + 5u);
    bytes[0] = 5;
    for (const int type : {252, 245, 255, 242, 140}) {
      EXPECT_EQ(width(static_cast<std::uint8_t>(type), prefix, bytes), prefix + 5u);
    }
  }
  EXPECT_EQ(width(252, 5), 999u);
  EXPECT_EQ(width(141, 300, {2, 0, 0, 0}), 4u);
}

TEST(ValueBytes, PastTheRowIsAnErrorThatNamesTheColumn) {
  const LogColumn column{.name = "title", .type = 15, .metadata = 20};
  const auto bytes = value_bytes(column, protocol::Buffer{3, 'a', 'b'});
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("`title` (type 15)"));
  EXPECT_FALSE(value_bytes(column, {}).ok());
}

TEST(ValueBytes, OfOldTemporalTypesAreNotGuessed) {
  for (const int type : {7, 11, 12}) {
    const LogColumn column{.name = "at", .type = static_cast<std::uint8_t>(type)};
    EXPECT_THAT(std::string(value_bytes(column, protocol::Buffer(20)).status().message()),
                HasSubstr("ALTER TABLE .. FORCE"));
  }
}

TEST(TakeRow, GivesOneValueAColumnAndAdvances) {
  const LogTable table{
      .schema = "s", .table = "t", .columns = {{.type = 3}, {.type = 15, .metadata = 20}, {.type = 1}}};
  const protocol::Buffer images{0b010, 1, 0, 0, 0, 9, 0b101, 2, 'h', 'i'};
  Bytes rest = images;
  auto row = take_row(table, &rest);
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->at(0).bytes.size(), 4u);
  EXPECT_TRUE(row->at(1).is_null);
  EXPECT_EQ(row->at(2).bytes[0], 9);
  row = take_row(table, &rest);
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE(row->at(0).is_null);
  EXPECT_EQ(protocol::as_text(row->at(1).bytes.subspan(1)), "hi");
  EXPECT_TRUE(rest.empty());
  for (std::size_t size = 0; size < 6; ++size) {
    Bytes cut = Bytes(images).first(size);
    EXPECT_FALSE(take_row(table, &cut).ok()) << size;
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
