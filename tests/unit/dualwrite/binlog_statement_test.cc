#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/sql_text.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// (id INT, v VARCHAR(9)), and the follower with the columns in the given order.
struct Fixture {
  explicit Fixture(bool reordered = false) {
    std::vector<DefinedColumn> columns{defined("id", "int"), defined("v", "varchar(9)", "utf8mb4")};
    leader = table_of(columns);
    if (reordered) std::swap(columns[0], columns[1]);
    mapping = map_table(logged_table(leader, true), &leader, table_of(columns), kToMysql, true);
  }
  RowsChange change(RowsKind kind, std::string_view images, std::uint16_t flags = 1) const {
    RowsChange out;
    out.table = mapping.source;
    out.kind = kind;
    out.flags = flags;
    out.images = from_hex(images);
    return out;
  }
  TableDefinition leader;
  TableMapping mapping;
};

// The events of `BINLOG '..'`, as hex.
std::vector<std::string> events_of(const std::string& statement) {
  EXPECT_TRUE(statement.starts_with("BINLOG '") && statement.ends_with("'")) << statement;
  std::string text = statement.substr(8, statement.size() - 9) + "\n";
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string bytes;
    EXPECT_TRUE(absl::Base64Unescape(text.substr(at, end - at), &bytes));
    out.push_back(hex(protocol::as_bytes(bytes)));
    at = end + 1;
  }
  return out;
}

const std::string kRow7 =
    "00"
    "07000000"
    "0161";  // 7, 'a'
const std::string kNull8 =
    "02"
    "08000000";  // 8, NULL

std::string rows_header(const char* type, const char* size) {
  return std::string("00000000") + type + "00000000" + size +
         "000000"
         "00000000"
         "0000";
}

TEST(BinlogStatement, ImagesGoByteForByteBehindAMapOfTheFollowersTable) {
  const Fixture fixture;
  BinlogStatement statement(1 << 20);
  EXPECT_TRUE(statement.empty());
  ASSERT_TRUE(statement.add(fixture.change(RowsKind::insert, kRow7 + kNull8), fixture.mapping).ok());
  EXPECT_FALSE(statement.empty());
  const std::vector<std::string> made = statement.take();
  ASSERT_THAT(made, SizeIs(1));
  const std::vector<std::string> events = events_of(made[0]);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].substr(0, 38), hex(from_hex(rows_header("13", "2a"))));
  EXPECT_EQ(events[1], rows_header("1e", "2b") +
                           "010000000000"
                           "0100"
                           "0200"
                           "02"
                           "ff" +
                           kRow7 + kNull8);
  EXPECT_TRUE(statement.empty());
  EXPECT_THAT(statement.take(), IsEmpty());
}

// The type, table number and flags of each event, as hex: "1e 1 0000".
std::vector<std::string> outline_of(const std::string& statement) {
  std::vector<std::string> out;
  for (const std::string& event : events_of(statement)) {
    EXPECT_EQ(event.substr(40, 10), "0000000000");
    out.push_back(event.substr(8, 2) + " " + event.substr(39, 1) + " " + event.substr(50, 4));
  }
  return out;
}

TEST(BinlogStatement, RowsOfManyTablesAreOneGroupBehindTheirMapsThatItsLastEventEnds) {
  const Fixture fixture;
  const Fixture other(true);
  BinlogStatement statement(1 << 20);
  ASSERT_TRUE(statement.add(fixture.change(RowsKind::insert, kRow7, 0), fixture.mapping).ok());
  ASSERT_TRUE(statement.add(other.change(RowsKind::delete_, kNull8, 1), other.mapping).ok());
  ASSERT_TRUE(statement.add(fixture.change(RowsKind::update, kRow7 + kNull8, 1), fixture.mapping).ok());
  const std::vector<std::string> made = statement.take();
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_THAT(outline_of(made[0]), ElementsAre("13 1 0100", "13 2 0100", "1e 1 0000", "20 2 0000", "1f 1 0100"));
  EXPECT_EQ(events_of(made[0])[4], rows_header("1f", "2c") +
                                       "010000000000"
                                       "0100"
                                       "0200"
                                       "02"
                                       "ffff" +
                                       kRow7 + kNull8);
  // The next one counts its tables anew.
  ASSERT_TRUE(statement.add(other.change(RowsKind::insert, kRow7), other.mapping).ok());
  EXPECT_THAT(outline_of(statement.take()[0]), ElementsAre("13 1 0100", "1e 1 0100"));
}

TEST(BinlogStatement, OtherFlagsAboutChecksAreAnotherGroup) {
  const Fixture fixture;
  BinlogStatement statement(1 << 20);
  for (const int logged : {0x00, 0x01, 0x02, 0x10, 0x01}) {
    const RowsChange change = fixture.change(RowsKind::delete_, kRow7, static_cast<std::uint16_t>(logged));
    ASSERT_TRUE(statement.add(change, fixture.mapping).ok());
  }
  const std::vector<std::string> made = statement.take();
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_THAT(outline_of(made[0]), ElementsAre("13 1 0100", "20 1 0000", "20 1 0100", "13 1 0100", "20 1 0200",
                                               "20 1 0300", "13 1 0100", "20 1 0100"));
}

TEST(BinlogStatement, AGroupHasNoMoreTablesThanMayBeOpen) {
  std::vector<Fixture> fixtures(130);
  BinlogStatement statement(1 << 20);
  for (std::size_t i = 0; i < fixtures.size(); ++i) {
    TableMapping& mapping = fixtures[i].mapping;
    mapping.table_map.back() = static_cast<std::uint8_t>(i);
    ASSERT_TRUE(statement.add(fixtures[i].change(RowsKind::insert, kRow7), mapping).ok());
  }
  std::size_t ends = 0;
  for (const std::string& event : outline_of(statement.take()[0])) {
    ends += event.starts_with("1e") && event.ends_with("0100") ? 1 : 0;
  }
  EXPECT_EQ(ends, 3u);
}

TEST(BinlogStatement, TheForeignKeyRule) {
  const Fixture fixture;
  const auto flags = [&](std::uint16_t logged) {
    BinlogStatement statement(1 << 20);
    EXPECT_TRUE(statement.add(fixture.change(RowsKind::delete_, kRow7, logged), fixture.mapping).ok());
    return events_of(statement.take()[0])[1].substr(50, 4);
  };
  EXPECT_EQ(flags(0x00), "0100");
  EXPECT_EQ(flags(0x01), "0100");
  EXPECT_EQ(flags(0x02), "0300");
  EXPECT_EQ(flags(0x04), "0500");
  EXPECT_EQ(flags(0x10), "0300");
  EXPECT_EQ(flags(0x15), "0700");
  EXPECT_EQ(flags(0x08), "0100");
}

TEST(BinlogStatement, AnotherOrderOfColumnsIsRewrittenColumnByColumn) {
  const Fixture fixture(true);
  ASSERT_FALSE(fixture.mapping.same_order);
  BinlogStatement statement(1 << 20);
  ASSERT_TRUE(statement.add(fixture.change(RowsKind::update, kRow7 + kNull8), fixture.mapping).ok());
  const std::string rows = events_of(statement.take()[0])[1];
  EXPECT_EQ(rows.substr(rows.size() - 2 * 12),
            "00"
            "0161"
            "07000000"
            "01"
            "08000000");
}

TEST(BinlogStatement, StatementsAreBoundedAndOnlyRowsAreNot) {
  const Fixture fixture;
  std::string images;
  for (int i = 0; i < 100; ++i) images += kRow7;
  BinlogStatement statement(500);
  ASSERT_TRUE(statement.add(fixture.change(RowsKind::insert, images), fixture.mapping).ok());
  std::string joined;
  const std::vector<std::string> made = statement.take();
  EXPECT_GT(made.size(), 2u);
  for (const std::string& one : made) {
    EXPECT_LE(one.size(), 500u);
    EXPECT_THAT(outline_of(one), ElementsAre("13 1 0100", "1e 1 0100"));
    joined += events_of(one)[1].substr(38 + 24);
  }
  EXPECT_EQ(joined, images);
  // A single row past the limit goes alone.
  BinlogStatement tiny(10);
  ASSERT_TRUE(tiny.add(fixture.change(RowsKind::insert, kRow7 + kNull8), fixture.mapping).ok());
  EXPECT_THAT(tiny.take(), SizeIs(2));
  // An update's two images are not parted.
  ASSERT_TRUE(tiny.add(fixture.change(RowsKind::update, kRow7 + kNull8 + kNull8 + kRow7), fixture.mapping).ok());
  EXPECT_THAT(tiny.take(), SizeIs(2));
}

TEST(BinlogStatement, WhatItCannotCarryIsRefused) {
  const Fixture fixture;
  BinlogStatement statement(100);
  RowsChange change = fixture.change(RowsKind::insert, kRow7);
  change.complete = false;
  EXPECT_FALSE(statement.add(change, fixture.mapping).ok());
  TableMapping by_sql = fixture.mapping;
  by_sql.by = ApplyBy::sql;
  EXPECT_FALSE(statement.add(fixture.change(RowsKind::insert, kRow7), by_sql).ok());
  change = fixture.change(RowsKind::insert, kRow7);
  auto other = std::make_shared<LogTable>(*fixture.mapping.source);
  change.table = other;
  EXPECT_TRUE(statement.add(change, fixture.mapping).ok()) << "the same description";
  other->columns.pop_back();
  EXPECT_FALSE(statement.add(change, fixture.mapping).ok());
  BinlogStatement splitting(10);
  EXPECT_FALSE(splitting.add(fixture.change(RowsKind::insert, "0007"), fixture.mapping).ok()) << "a row cut off";
}

TEST(BinlogPreamble, IsTheServersOwnFormatDescriptionWithoutChecksums) {
  Buffer event(19 + 57 + 40 + 5, 0x11);
  event[4] = 15;
  event[17] = 0x20;
  event[event.size() - 5] = 1;
  const auto preamble = binlog_preamble(event);
  ASSERT_TRUE(preamble.ok());
  Buffer expected = event;
  expected[17] = 0;
  expected[18] = 0;
  expected[expected.size() - 5] = 0;
  EXPECT_THAT(events_of(*preamble), ElementsAre(hex(expected)));
  event[4] = 2;
  EXPECT_FALSE(binlog_preamble(event).ok());
  EXPECT_FALSE(binlog_preamble(Bytes(event).first(60)).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
