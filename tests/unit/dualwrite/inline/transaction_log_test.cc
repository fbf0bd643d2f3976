#include "dualwrite/inline/transaction_log.h"

#include <gtest/gtest.h>

#include "tests/unit/dualwrite/inline/entries.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::uint64_t kPlenty = 1 << 20;

void write(TransactionLog& log, const std::string& sql) {
  ASSERT_TRUE(log.add(context_of("shop"), record_of(sql)).ok());
}

std::string texts(const TransactionLog& log) {
  std::string out;
  for (const StatementRecord& record : log.entry().statements) out += record.sql;
  return out;
}

TEST(TransactionLog, KeepsEachContextOnce) {
  TransactionLog log(kPlenty);
  ASSERT_TRUE(log.add(context_of("a"), record_of("1")).ok());
  ASSERT_TRUE(log.add(context_of("b"), record_of("2")).ok());
  ASSERT_TRUE(log.add(context_of("a"), record_of("3")).ok());
  ASSERT_EQ(log.entry().contexts.size(), 2u);
  EXPECT_EQ(log.entry().statements[0].context, 0);
  EXPECT_EQ(log.entry().statements[1].context, 1);
  EXPECT_EQ(log.entry().statements[2].context, 0);
}

TEST(TransactionLog, ForgetsWhatWasWrittenSinceTheSavepointThatIsRolledBackTo) {
  TransactionLog log(kPlenty);
  write(log, "1");
  log.savepoint("s");
  const std::uint64_t bytes = log.bytes();
  write(log, "2");
  EXPECT_TRUE(log.rollback_to("S"));
  EXPECT_EQ(texts(log), "1");
  EXPECT_EQ(log.bytes(), bytes);
  write(log, "3");
  EXPECT_TRUE(log.rollback_to("s")) << "the savepoint stays";
  EXPECT_EQ(texts(log), "1");
}

TEST(TransactionLog, ForgetsTheContextsOfWhatWasRolledBack) {
  TransactionLog log(kPlenty);
  log.savepoint("s");
  write(log, "1");
  EXPECT_TRUE(log.rollback_to("s"));
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(log.entry().contexts.empty());
  EXPECT_EQ(log.bytes(), 0u);
}

TEST(TransactionLog, LosesLaterSavepointsOnRollback) {
  TransactionLog log(kPlenty);
  log.savepoint("a");
  log.savepoint("b");
  EXPECT_TRUE(log.rollback_to("a"));
  EXPECT_FALSE(log.rollback_to("b"));
}

TEST(TransactionLog, ReleasesASavepointAndAllLaterOnes) {
  TransactionLog log(kPlenty);
  log.savepoint("a");
  log.savepoint("b");
  log.savepoint("c");
  write(log, "1");
  EXPECT_TRUE(log.release("B"));
  EXPECT_FALSE(log.rollback_to("c"));
  EXPECT_FALSE(log.rollback_to("b"));
  EXPECT_FALSE(log.release("b"));
  EXPECT_EQ(texts(log), "1");
  EXPECT_TRUE(log.rollback_to("a"));
  EXPECT_TRUE(log.empty());
}

TEST(TransactionLog, MovesASavepointOfTheSameName) {
  TransactionLog log(kPlenty);
  log.savepoint("a");
  write(log, "1");
  log.savepoint("b");
  write(log, "2");
  log.savepoint("A");
  write(log, "3");
  EXPECT_TRUE(log.rollback_to("a"));
  EXPECT_EQ(texts(log), "12");
  EXPECT_TRUE(log.rollback_to("b")) << "it is older than the moved one";
  EXPECT_EQ(texts(log), "1");
}

TEST(TransactionLog, SaysSoWhenASavepointIsNotKnown) {
  TransactionLog log(kPlenty);
  write(log, "1");
  EXPECT_FALSE(log.rollback_to("nowhere"));
  EXPECT_EQ(texts(log), "1");
}

TEST(TransactionLog, StartsAgainAfterClear) {
  TransactionLog log(kPlenty);
  log.savepoint("s");
  write(log, "1");
  log.clear();
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_FALSE(log.rollback_to("s"));
}

TEST(TransactionLog, TakesAnEntryUpToItsLimitAndNotOneByteMore) {
  TransactionLog measure(kPlenty);
  write(measure, "12345");
  TransactionLog exact(measure.bytes());
  EXPECT_TRUE(exact.add(context_of("shop"), record_of("12345")).ok());
  TransactionLog narrow(measure.bytes() - 1);
  const absl::Status status = narrow.add(context_of("shop"), record_of("12345"));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(narrow.empty());
  EXPECT_EQ(narrow.bytes(), 0u);
}

TEST(TransactionLog, BytesAreNoFewerThanTheEntryTakes) {
  TransactionLog log(kPlenty);
  write(log, std::string(300, 'x'));
  write(log, "y");
  EXPECT_GE(log.bytes(), encode_entry(log.entry()).size());
}

TEST(TransactionLog, SaysBeforehandWhetherAStatementFits) {
  TransactionLog log(1000);
  EXPECT_TRUE(log.fits(1000 - 96));
  EXPECT_FALSE(log.fits(1000 - 95));
  EXPECT_FALSE(log.fits(2000));
  write(log, std::string(100, 'x'));
  EXPECT_FALSE(log.fits(1000 - 96));
  EXPECT_TRUE(log.fits(100));
}

}  // namespace
}  // namespace crossfade::dualwrite
