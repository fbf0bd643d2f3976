#include "proxy/session/state/transaction.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using Change = Transaction::Change;

constexpr std::uint16_t kIdle = protocol::kStatusAutocommit;
constexpr std::uint16_t kOpen = protocol::kStatusAutocommit | protocol::kStatusInTransaction;
constexpr std::uint16_t kImplicit = 0;
constexpr std::uint16_t kImplicitOpen = protocol::kStatusInTransaction;

std::shared_ptr<const config::Flags> some_flags() { return std::make_shared<const config::Flags>(); }

TEST(Transaction, FollowsTheStatusFlagsOfTheLeader) {
  struct Row {
    std::uint16_t before;
    std::uint16_t now;
    Change change;
    bool open;
    bool autocommit;
    bool has_next_statement;
  };
  const Row rows[] = {
      {kIdle, kIdle, Change::none, false, true, false},
      {kIdle, kOpen, Change::none, true, true, true},
      {kOpen, kOpen, Change::none, true, true, true},
      {kOpen, kIdle, Change::ended, false, true, false},
      {kOpen, kImplicit, Change::ended, false, false, true},
      {kIdle, kImplicit, Change::none, false, false, true},
      {kImplicit, kImplicitOpen, Change::none, true, false, true},
      {kImplicitOpen, kIdle, Change::ended, false, true, false},
      {kImplicitOpen, kOpen, Change::none, true, true, true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::to_string(row.before) + " " + std::to_string(row.now));
    Transaction transaction(some_flags());
    transaction.note_status(row.before);
    EXPECT_EQ(transaction.note_status(row.now), row.change);
    EXPECT_EQ(transaction.open(), row.open);
    EXPECT_EQ(transaction.autocommit(), row.autocommit);
    EXPECT_EQ(transaction.has_next_statement(), row.has_next_statement);
    EXPECT_EQ(transaction.status_flags(), row.now);
  }
}

TEST(Transaction, MayHaveBegunInWhatFailedUntilTheServerSays) {
  Transaction transaction(some_flags());
  transaction.note_may_have_begun();
  EXPECT_TRUE(transaction.open());
  EXPECT_TRUE(transaction.autocommit());
  EXPECT_EQ(transaction.note_status(kIdle), Transaction::Change::ended);
  EXPECT_FALSE(transaction.open());
}

TEST(Transaction, KeepsItsFlagsToItsEnd) {
  const auto first = some_flags();
  const auto second = some_flags();
  Transaction transaction(first);
  transaction.note_status(kOpen);
  transaction.take_flags(second);
  EXPECT_EQ(&transaction.flags(), first.get());
  transaction.note_status(kIdle);
  EXPECT_EQ(&transaction.flags(), first.get());
  transaction.take_flags(second);
  EXPECT_EQ(&transaction.flags(), second.get());
}

TEST(Transaction, FlagsThatFrozeWritesAreReplacedInTheMiddle) {
  config::Flags frozen;
  frozen.freeze_writes = true;
  const auto newest = some_flags();
  Transaction transaction(std::make_shared<const config::Flags>(frozen));
  transaction.note_status(kOpen);
  transaction.take_flags(newest);
  EXPECT_EQ(&transaction.flags(), newest.get());
  transaction.take_flags(some_flags());
  EXPECT_EQ(&transaction.flags(), newest.get()) << "these have let it write";
}

}  // namespace
}  // namespace crossfade::proxy
