#include "proxy/feed/stopped_tables.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using dualwrite::CatchUp;
using dualwrite::LogPosition;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

const TableRef kTable{"app", "t"};
const TableRef kOther{"app", "u"};
LogPosition at_offset(std::uint64_t offset) { return {"bin.000001", offset}; }

struct Case {
  std::uint64_t since;
  bool released;
  std::uint64_t begin;
  std::uint64_t applied;
  bool taken;
};

TEST(StoppedTables, TakesWhatItsStateSays) {
  const Case cases[] = {
      {500, false, 600, 400, false},  // behind the stop
      {500, false, 500, 400, false},  // the transaction it stopped at
      {500, false, 450, 400, true},   // new, and before the stop
      {500, false, 300, 400, false},  // applied already
      {500, true, 500, 900, true},    // caught up from where it stopped, though old to the others
      {500, true, 499, 900, false},  {500, true, 950, 900, true},
  };
  for (const Case& each : cases) {
    StoppedTables tables;
    StoppedTable table{.table = kTable, .since = at_offset(each.since), .reason = "why"};
    table.catch_up = each.released ? CatchUp::compared : CatchUp::none;
    tables.assign({table});
    EXPECT_EQ(tables.takes(kTable, at_offset(each.begin), at_offset(each.applied)), each.taken)
        << each.since << " " << each.released << " " << each.begin << " " << each.applied;
    EXPECT_EQ(tables.takes(kOther, at_offset(each.begin), at_offset(each.applied)), each.begin >= each.applied);
  }
}

TEST(StoppedRetry, IsOfTheSameInOnePlaceByTheSameDefinitions) {
  dualwrite::TableDefinition defined;
  defined.engine = "InnoDB";
  const StoppedRetry first{.at = {}, .since = at_offset(500), .leader = defined, .follower = defined};
  StoppedRetry other = first;
  other.follower->rows_estimate = 7;  // moves by itself
  EXPECT_TRUE(first.is_of_the_same(other));
  other.follower->collation = "utf8mb4_bin";
  EXPECT_FALSE(first.is_of_the_same(other)) << "somebody has changed it";
  other.follower.reset();
  EXPECT_FALSE(first.is_of_the_same(other));
  other = first;
  other.since = at_offset(600);
  EXPECT_FALSE(first.is_of_the_same(other)) << "it got further";
  EXPECT_FALSE(StoppedRetry().is_of_the_same(first)) << "it was never tried";
}

TEST(StoppedTables, OthersAskByNameWithoutCase) {
  StoppedTables tables;
  EXPECT_FALSE(tables.any());
  tables.stop({.table = kTable, .since = at_offset(4), .reason = "why"});
  EXPECT_TRUE(tables.any());
  EXPECT_TRUE(tables.contains("APP", "T"));
  EXPECT_FALSE(tables.contains("app", "u"));
  tables.resume(kTable);
  EXPECT_FALSE(tables.any());
  EXPECT_FALSE(tables.contains("app", "t"));
}

TEST(StoppedTables, OneThatIsCaughtUpMovesOn) {
  StoppedTables tables;
  StoppedTable table{.table = kTable, .since = at_offset(4), .reason = "why"};
  table.catch_up = CatchUp::overwriting;
  tables.assign({table});
  ASSERT_EQ(tables.released().size(), 1u);
  EXPECT_TRUE(tables.overwrites(kTable));
  EXPECT_FALSE(tables.overwrites(kOther));
  tables.move(kTable, at_offset(40));
  EXPECT_FALSE(tables.takes(kTable, at_offset(39), at_offset(100)));
  EXPECT_TRUE(tables.takes(kTable, at_offset(40), at_offset(100)));
}

}  // namespace
}  // namespace crossfade::proxy
