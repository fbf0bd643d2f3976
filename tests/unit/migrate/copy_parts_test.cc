#include "migrate/copy_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::migrate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const TableRef kTable{.schema = "app", .table = "t"};

std::string packed_number(int value) { return pack_place({std::to_string(value)}); }

ChunkKey int_key() {
  ChunkKey key{.index = "PRIMARY", .parts = {}};
  key.parts.push_back({.column = 0, .name = "`id`"});
  key.signature = "id 0/0";
  return key;
}

PartRead read_through(int last, std::uint64_t rows, bool at_end = false) {
  return {.key = "id 0/0", .through = packed_number(last), .at_end = at_end, .rows = rows, .bytes = rows * 10};
}

TEST(CopyParts, ATableBeginsAsOnePart) {
  CopyParts parts({.table = kTable}, {});
  EXPECT_EQ(parts.next(), 0u);
  EXPECT_EQ(parts.unfinished(), 1u);
  EXPECT_FALSE(parts.all_read());
  const auto range = parts.range_of(0, int_key());
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_TRUE(range->behind.empty() && range->through.empty()) << "the whole table";
  parts.set_reading(0, true);
  EXPECT_EQ(parts.next(), std::nullopt);
  EXPECT_EQ(parts.reading(), 1u);
}

TEST(CopyParts, ARecordWithoutPartsGoesOnWhereItWas) {
  const TableRecord earlier{.table = kTable,
                            .state = TableState::copying,
                            .place = packed_number(70),
                            .key = "id 0/0",
                            .rows = 70,
                            .bytes = 700,
                            .chunks = 7};
  const CopyParts parts(earlier, {});
  const auto range = parts.range_of(0, int_key());
  ASSERT_TRUE(range.ok());
  EXPECT_THAT(range->behind, ElementsAre("70"));
  EXPECT_TRUE(range->through.empty());
  EXPECT_EQ(parts.counted(earlier).rows, 70u);
  EXPECT_TRUE(parts.go_by("id 0/0"));
  EXPECT_FALSE(parts.go_by("name 5/8"));
  EXPECT_TRUE(CopyParts({.table = kTable}, {}).go_by("name 5/8")) << "nothing hangs on it yet";
}

TEST(CopyParts, OfATableWithoutRowsTheFirstChunkIsTheLast) {
  CopyParts parts({.table = kTable}, {});
  const std::vector<PartRecord> read =
      parts.behind(0, {.key = "id 0/0", .through = "", .at_end = true, .rows = 0, .bytes = 0});
  parts.take_read(0, read);
  EXPECT_TRUE(parts.all_read());
  EXPECT_FALSE(parts.all_written());
  parts.take_written(read);
  EXPECT_TRUE(parts.all_written());
  EXPECT_EQ(parts.counted({.table = kTable}).chunks, 1u);
}

TEST(CopyParts, APartIsDividedAheadOfItsPlace) {
  CopyParts parts({.table = kTable}, {});
  parts.set_reading(0, true);
  EXPECT_EQ(parts.rows_ahead(0, 100), 800u);
  parts.begin_division(0);
  EXPECT_EQ(parts.rows_ahead(0, 100), 0u) << "once at a time";
  EXPECT_EQ(parts.unfinished(), 2u) << "another one is promised";
  EXPECT_EQ(parts.next(), std::nullopt) << "but is not there yet";
  parts.set_border(0, packed_number(800));
  const auto range = parts.range_of(0, int_key());
  ASSERT_TRUE(range.ok());
  EXPECT_THAT(range->through, ElementsAre("800"));
  const std::vector<PartRecord> read = parts.behind(0, read_through(100, 100));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].place, packed_number(100));
  EXPECT_EQ(read[0].end, packed_number(800));
  EXPECT_EQ(read[1].number, 1u);
  EXPECT_EQ(read[1].place, packed_number(800));
  EXPECT_EQ(read[1].end, "");
  EXPECT_EQ(parts.next(), std::nullopt) << "the chunk that tells of it has no marker yet";
  parts.take_read(0, read);
  EXPECT_EQ(parts.next(), 1u);
  EXPECT_EQ(parts.unfinished(), 2u);
  EXPECT_EQ(parts.rows_ahead(0, 100), 0u) << "it has an end now";
  EXPECT_EQ(parts.rows_ahead(1, 100), 800u);
}

TEST(CopyParts, ThereIsNoBorderWhereTooFewRowsAreLeft) {
  CopyParts parts({.table = kTable}, {});
  std::vector<std::size_t> asked;
  while (const std::size_t ahead = parts.rows_ahead(0, 10)) {
    asked.push_back(ahead);
    parts.begin_division(0);
    parts.set_border(0, "");
    EXPECT_EQ(parts.unfinished(), 1u);
  }
  EXPECT_THAT(asked, ElementsAre(80, 40, 20)) << "then it is read by one";
  parts.begin_again();
  EXPECT_EQ(parts.rows_ahead(0, 10), 80u);
}

TEST(CopyParts, APartEndsAtItsBorderWithoutAnotherLook) {
  CopyParts parts({.table = kTable}, {});
  parts.begin_division(0);
  parts.set_border(0, packed_number(100));
  const std::vector<PartRecord> read = parts.behind(0, read_through(100, 100));
  EXPECT_TRUE(read[0].done);
  EXPECT_FALSE(read[1].done);
}

TEST(CopyParts, ADivisionThatIsGivenUpLeavesNothing) {
  CopyParts parts({.table = kTable}, {});
  parts.begin_division(0);
  parts.set_border(0, packed_number(100));
  parts.give_up_division(0);
  EXPECT_EQ(parts.unfinished(), 1u);
  EXPECT_EQ(parts.behind(0, read_through(5, 5)).size(), 1u);
  parts.begin_division(0);
  parts.set_border(0, packed_number(90));
  EXPECT_EQ(parts.behind(0, read_through(5, 5))[1].number, 1u) << "the same number again";
}

TEST(CopyParts, OneThatHasEndedTakesTheNextRangeAndGoesOnCounting) {
  CopyParts parts({.table = kTable}, {});
  parts.begin_division(0);
  parts.set_border(0, packed_number(100));
  std::vector<PartRecord> read = parts.behind(0, read_through(100, 100));
  parts.take_read(0, read);
  parts.take_written(read);
  parts.begin_division(1);
  parts.set_border(1, packed_number(300));
  read = parts.behind(1, read_through(150, 50));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].number, 0u);
  EXPECT_EQ(read[1].place, packed_number(300));
  EXPECT_EQ(read[1].rows, 100u);
  parts.take_read(1, read);
  parts.take_written(read);
  EXPECT_EQ(parts.next(), 0u);
  EXPECT_EQ(parts.written().size(), 2u);
  EXPECT_EQ(parts.counted({.table = kTable}).rows, 150u);
}

TEST(CopyParts, AReaderThatIsStillThereIsNotGivenAnotherRange) {
  CopyParts parts({.table = kTable}, {});
  parts.set_reading(0, true);
  parts.begin_division(0);
  parts.set_border(0, packed_number(100));
  parts.take_read(0, parts.behind(0, read_through(100, 100)));
  parts.begin_division(1);
  parts.set_border(1, packed_number(300));
  EXPECT_EQ(parts.behind(1, read_through(150, 50))[1].number, 2u);
}

TEST(CopyParts, WhatIsNotWrittenIsReadAgain) {
  CopyParts parts({.table = kTable}, {});
  std::vector<PartRecord> read = parts.behind(0, read_through(100, 100));
  parts.take_read(0, read);
  parts.take_written(read);
  parts.begin_division(0);
  parts.set_border(0, packed_number(500));
  parts.take_read(0, parts.behind(0, read_through(200, 100)));
  parts.begin_again();
  const auto range = parts.range_of(0, int_key());
  ASSERT_TRUE(range.ok());
  EXPECT_THAT(range->behind, ElementsAre("100"));
  EXPECT_TRUE(range->through.empty()) << "the border was not written either";
  EXPECT_EQ(parts.unfinished(), 1u);
}

TEST(CopyParts, TheLargestKeyIsABorderAsAnyOther) {
  CopyParts parts({.table = kTable}, {});
  const std::string largest = pack_place({"18446744073709551615"});
  parts.begin_division(0);
  parts.set_border(0, largest);
  const PartRead all{.key = "id 0/0", .through = largest, .at_end = false, .rows = 3, .bytes = 3};
  const std::vector<PartRecord> read = parts.behind(0, all);
  EXPECT_TRUE(read[0].done);
  parts.take_read(0, read);
  const auto range = parts.range_of(1, int_key());
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(rows_behind(int_key(), range->behind), "`id`>18446744073709551615") << "none, until it is looked at";
}

TEST(CopyParts, PlacesOfAnotherKeyAreRefused) {
  const PartRecord part{.number = 0, .key = "a,b", .place = pack_place({"1", "2"})};
  EXPECT_FALSE(CopyParts({.table = kTable}, {part}).range_of(0, int_key()).ok());
}

TEST(CopyParts, AreReadAsTheyAreWritten) {
  const std::vector<PartRecord> parts = {
      {.number = 0, .key = "id 0/0", .place = "1:5", .end = "1:9", .rows = 7, .bytes = 70, .chunks = 2},
      {.number = 2, .key = "id 0/0", .place = "1:9", .end = "", .done = true, .rows = 1, .bytes = 2, .chunks = 3}};
  const std::string sql = replace_parts("crossfade", 3, kTable, parts);
  EXPECT_THAT(sql, HasSubstr("REPLACE INTO `crossfade`.`job_part`"));
  EXPECT_THAT(sql, HasSubstr(",0x313a35,0x313a39,0,7,70,2),(3,"));
  EXPECT_THAT(sql, HasSubstr(",0x313a39,'',1,1,2,3)"));
  EXPECT_THAT(delete_parts("crossfade", 3, kTable), HasSubstr("WHERE `job`=3 AND `table_schema`="));
  EXPECT_EQ(forget_parts("crossfade", 3), "DELETE FROM `crossfade`.`job_part` WHERE `job`<3");
  protocol::ResultSet result;
  result.rows.push_back({"app", "t", "0", "id 0/0", "1:5", "1:9", "0", "7", "70", "2"});
  result.rows.push_back({"app", "t", "2", "id 0/0", "1:9", "", "1", "1", "2", "3"});
  const auto again = parts_from(result);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->at(kTable), ElementsAre(parts[0], PartRecord{.number = 1, .done = true}, parts[1]));
  for (const char* number : {"x", "", "1024", "-1"}) {
    protocol::ResultSet wrong = result;
    wrong.rows[1][2] = number;
    EXPECT_FALSE(parts_from(wrong).ok()) << number;
  }
  result.rows[1].pop_back();
  EXPECT_FALSE(parts_from(result).ok());
}

// A table of numbers, read by several readers at random; chunks are written in the order of their markers, and now and
// then everything that this process knows is lost.
struct Copier {
  explicit Copier(std::set<int> rows, std::uint32_t seed) : left(std::move(rows)), draw(seed) { load(); }

  void load() {
    parts = CopyParts({.table = kTable}, stored);
    under_way.clear();
  }
  int place_of(const std::string& place, int without) const {
    if (place.empty()) return without;
    return std::stoi(parse_place(int_key(), place)->front());
  }
  void read(std::uint32_t number) {
    const std::size_t chunk = 1 + draw() % 5;
    const int behind = place_of(parts.range_of(number, int_key())->behind.empty()
                                    ? std::string()
                                    : pack_place(parts.range_of(number, int_key())->behind),
                                -1);
    if (const std::size_t ahead = parts.rows_ahead(number, chunk); ahead != 0 && parts.unfinished() < readers) {
      parts.begin_division(number);
      auto border = left.upper_bound(behind);
      for (std::size_t i = 1; i < ahead && border != left.end(); ++i) ++border;
      parts.set_border(number, border == left.end() ? "" : packed_number(*border));
    }
    const KeyRange range = *parts.range_of(number, int_key());
    const int through = range.through.empty() ? 1 << 30 : std::stoi(range.through.front());
    std::vector<int> rows;
    auto at = left.upper_bound(behind);
    for (; at != left.end() && *at <= through && rows.size() < chunk; ++at) rows.push_back(*at);
    const std::vector<PartRecord> records =
        parts.behind(number, {.key = "id 0/0",
                              .through = rows.empty() ? pack_place(range.behind) : packed_number(rows.back()),
                              .at_end = rows.size() < chunk,
                              .rows = rows.size(),
                              .bytes = 0});
    parts.take_read(number, records);
    under_way.emplace_back(rows, records);
  }
  void write() {
    const auto [rows, records] = under_way.front();
    under_way.erase(under_way.begin());
    right.insert(rows.begin(), rows.end());
    for (const PartRecord& record : records) {
      if (stored.size() <= record.number) stored.resize(record.number + 1, {.done = true});
      stored[record.number] = record;
    }
    for (std::uint32_t i = 0; i < stored.size(); ++i) stored[i].number = i;
    parts.take_written(records);
  }
  // What is neither there nor in a stored part would never come.
  void check() const {
    std::vector<std::pair<int, int>> ranges;
    for (const PartRecord& part : stored) {
      if (!part.done) ranges.emplace_back(place_of(part.place, -1), place_of(part.end, 1 << 30));
    }
    for (const int row : left) {
      const bool is_in_a_part = std::any_of(
          ranges.begin(), ranges.end(), [row](const auto& range) { return row > range.first && row <= range.second; });
      ASSERT_TRUE(stored.empty() || is_in_a_part || right.contains(row)) << row;
    }
  }

  const std::set<int> left;
  std::set<int> right;
  std::mt19937 draw;
  std::size_t readers = 4;
  CopyParts parts;
  std::vector<PartRecord> stored;
  std::vector<std::pair<std::vector<int>, std::vector<PartRecord>>> under_way;
};

TEST(CopyParts, NothingIsLostOrCountedTwiceWhereverItIsCutOff) {
  std::size_t most_parts = 0;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 draw(seed);
    std::set<int> rows;
    const std::size_t count = seed % 5 == 0 ? seed % 3 : draw() % 500;
    while (rows.size() < count) rows.insert(static_cast<int>(draw() % (seed % 2 == 0 ? 1000 : 1 << 29)));
    Copier copier(rows, seed);
    copier.readers = 1 + seed % 6;
    for (int step = 0; !copier.parts.all_written(); ++step) {
      ASSERT_LT(step, 100000);
      const auto choice = draw() % 100;
      if (choice == 0) {
        copier.load();
      } else if (choice < 40 && !copier.under_way.empty()) {
        copier.write();
        copier.check();
      } else {
        std::vector<std::uint32_t> open;
        for (const PartRecord& part : copier.parts.written()) {
          if (!copier.parts.is_read(part.number)) open.push_back(part.number);
        }
        if (!open.empty()) copier.read(open[draw() % open.size()]);
      }
      most_parts = std::max(most_parts, copier.parts.written().size());
      ASSERT_LE(copier.parts.written().size(), copier.readers);
    }
    EXPECT_EQ(copier.right, copier.left);
    EXPECT_EQ(copier.parts.counted({.table = kTable}).rows, rows.size());
  }
  EXPECT_EQ(most_parts, 6u) << "several parts were under way";
}

}  // namespace
}  // namespace crossfade::migrate
