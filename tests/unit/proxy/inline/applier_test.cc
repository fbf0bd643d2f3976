#include "proxy/inline/applier.h"

#include <latch>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::Answer;
using support::eventually;
using support::FakeBackend;
using support::Fault;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

dualwrite::EntryKey key_of(std::uint8_t number) {
  dualwrite::EntryKey key;
  key.bytes.fill(number);
  return key;
}

// An outbox row of an entry of one statement.
dualwrite::OutboxRow row_of(std::uint8_t number, const std::string& table, std::int64_t affected = 1) {
  dualwrite::Entry entry;
  dualwrite::StatementContext context;
  context.schema = "shop";
  context.sql_mode = "STRICT_TRANS_TABLES";
  context.time_zone = "+00:00";
  context.character_set_client = "utf8mb4";
  context.collation_connection = "utf8mb4_general_ci";
  entry.contexts.push_back(context);
  dualwrite::StatementRecord record;
  record.sql = "INSERT INTO " + table + " VALUES(" + std::to_string(number) + ")";
  record.affected = affected;
  record.table = {.schema = "shop", .table = table};
  entry.statements.push_back(record);
  dualwrite::OutboxRow row;
  row.epoch = 1;
  row.key = key_of(number);
  row.payload = dualwrite::encode_entry(entry);
  return row;
}

// Appliers whose loops are stopped in the middle are kept, as ProxyStack keeps its parts.
class ApplierTest : public ::testing::Test {
 protected:
  struct Running {
    Metrics metrics;
    std::unique_ptr<Applier> applier;
  };
  ~ApplierTest() override {
    static auto& retired = *new std::vector<std::unique_ptr<Running>>();
    for (auto& one : running_) {
      one->applier->stop();
      retired.push_back(std::move(one));
    }
  }

  Applier& start() {
    const auto link = [](config::Backend which, const FakeBackend& backend) {
      LinkOptions options;
      options.which = which;
      options.address = backend.address();
      options.user = "control";
      options.password = "secret";
      return options;
    };
    ApplierOptions options;
    options.leader = link(config::Backend::old_db, leader_);
    options.follower = link(config::Backend::new_db, follower_);
    options.schema = "crossfade";
    options.poll_interval = std::chrono::milliseconds(2);
    running_.push_back(std::make_unique<Running>());
    Running& made = *running_.back();
    made.applier = std::make_unique<Applier>(options, made.metrics);
    made.applier->start();
    return *made.applier;
  }
  static bool caught_up(Applier& applier) {
    applier.wake();
    return eventually([&] {
      applier.look_soon();  // no pause before the next attempt to connect
      return applier.status().caught_up;
    });
  }
  void put(std::uint8_t number, const std::string& table = "t", std::int64_t affected = 1) {
    leader_.database().put_outbox(row_of(number, table, affected));
  }
  std::vector<std::string> written() { return follower_.database().contents().writes; }

  FakeBackend leader_{FakeBackend::Options()};
  FakeBackend follower_{{.name = "new", .version = "9.7.4", .without = 0}};
  std::vector<std::unique_ptr<Running>> running_;
};

TEST_F(ApplierTest, AppliesInTheOrderOfTheLeader) {
  std::vector<std::string> expected;
  for (std::uint8_t i = 1; i <= 200; ++i) {
    put(i, i % 2 == 0 ? "t" : "u");
    expected.push_back("INSERT INTO " + std::string(i % 2 == 0 ? "t" : "u") + " VALUES(" + std::to_string(i) + ")");
  }
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  EXPECT_EQ(written(), expected);
  EXPECT_EQ(applier.status().applied_entries, 200u);
  EXPECT_THAT(leader_.database().contents().outbox, IsEmpty());
  EXPECT_THAT(follower_.database().contents().applied, SizeIs(200));
  EXPECT_EQ(applier.status().lag_entries, 0u);
}

TEST_F(ApplierTest, LooksAtTheOutboxUntilItIsEmptyPastOneLook) {
  std::vector<std::string> expected;
  for (int i = 0; i < 1100; ++i) {  // a look takes 500
    dualwrite::OutboxRow row = row_of(1, "t");
    row.key.bytes[0] = static_cast<std::uint8_t>(i);
    row.key.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    leader_.database().put_outbox(row);
  }
  ASSERT_TRUE(caught_up(start()));
  EXPECT_THAT(written(), SizeIs(1100));
}

TEST_F(ApplierTest, MarksTheWritesOfItsOwnProxy) {
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  Reactor unused;
  const auto mark = std::make_shared<AppliedMark>(unused);
  put(1);
  applier.committed(key_of(1), mark);
  EXPECT_TRUE(eventually([&] { return mark->applied(); }));
  EXPECT_THAT(written(), SizeIs(1));
}

// Every statement that the applier sends fails once: each entry is applied exactly once all the same.
class ApplierFailurePoint : public ApplierTest, public ::testing::WithParamInterface<std::pair<Fault::Kind, int>> {
 protected:
  void fail_everywhere(FakeBackend& where, std::size_t points_max) {
    Applier& applier = start();
    ASSERT_TRUE(caught_up(applier));
    Fault fault{
        .kind = GetParam().first, .at = 0, .user = "control", .code = static_cast<std::uint16_t>(GetParam().second)};
    for (; fault.at < points_max; ++fault.at) {
      SCOPED_TRACE("at statement " + std::to_string(fault.at));
      where.arm(fault);
      put(1);
      put(2);
      ASSERT_TRUE(caught_up(applier));
      const bool fired = where.fired();
      where.disarm();
      EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(2)"));
      EXPECT_THAT(follower_.database().contents().ledger, IsEmpty());
      EXPECT_THAT(leader_.database().contents().outbox, IsEmpty());
      leader_.database().forget();
      follower_.database().forget();
      if (!fired) break;
    }
    EXPECT_GE(fault.at, 3u);
  }
};

TEST_P(ApplierFailurePoint, OnTheFollowerLeavesEveryEntryAppliedOnce) { fail_everywhere(follower_, 40); }
TEST_P(ApplierFailurePoint, OnTheLeaderLeavesEveryEntryAppliedOnce) { fail_everywhere(leader_, 12); }

INSTANTIATE_TEST_SUITE_P(Applier, ApplierFailurePoint,
                         ::testing::Values(std::pair{Fault::Kind::drop_before, 0},
                                           std::pair{Fault::Kind::drop_after, 0}, std::pair{Fault::Kind::err, 1213},
                                           std::pair{Fault::Kind::err, 1205}, std::pair{Fault::Kind::err, 2006}));

TEST_F(ApplierTest, ALostAnswerToCommitDoesNotApplyTwice) {
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  follower_.arm({.kind = Fault::Kind::drop_after, .user = "control", .on = "INSERT INTO `crossfade`.`applied`"});
  put(1);
  ASSERT_TRUE(caught_up(applier));
  EXPECT_TRUE(follower_.fired());
  follower_.disarm();
  std::atomic<bool> entry_seen{false};
  std::atomic<bool> lost{false};
  follower_.set_script([&](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql.starts_with("INSERT INTO t VALUES(2)") && !entry_seen.exchange(true)) {
      // The COMMIT after this statement is executed, and its answer lost.
      follower_.arm({.kind = Fault::Kind::drop_after, .user = "control", .on = "COMMIT"});
      lost = true;
    }
    return std::nullopt;
  });
  put(2);
  ASSERT_TRUE(caught_up(applier));
  EXPECT_TRUE(lost);
  EXPECT_TRUE(follower_.fired());
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(2)"));
}

TEST_F(ApplierTest, AParkedEntryHoldsItsTableAndTheOthersGoOn) {
  std::atomic<bool> broken{true};
  follower_.set_script([&](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (!broken || sql != "INSERT INTO stuck VALUES(1)") return std::nullopt;
    return Answer::failed(1062, "23000", "Duplicate entry '1' for key 'PRIMARY'");
  });
  put(1, "stuck");
  put(2, "t");
  put(3, "stuck");
  put(4, "t");
  Applier& applier = start();
  EXPECT_TRUE(eventually([&] { return written().size() == 2; }));
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(2)", "INSERT INTO t VALUES(4)"));
  EXPECT_TRUE(eventually([&] { return applier.status().parked.size() == 1; }));
  const FeedStatus status = applier.status();
  EXPECT_EQ(status.parked[0].table, "shop.stuck");
  EXPECT_EQ(status.parked[0].error, "1062 (23000)");  // the text would hold a value
  EXPECT_FALSE(status.caught_up);
  EXPECT_TRUE(eventually([&] { return !applier.usable_for_reads(); }));
  broken = false;
  ASSERT_TRUE(caught_up(applier));
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(2)", "INSERT INTO t VALUES(4)",
                                     "INSERT INTO stuck VALUES(1)", "INSERT INTO stuck VALUES(3)"));
  EXPECT_TRUE(eventually([&] { return applier.status().parked.empty() && applier.usable_for_reads(); }));
}

TEST_F(ApplierTest, NothingPassesAnEntryThatCannotBeRead) {
  put(1);
  dualwrite::OutboxRow row = row_of(2, "t");
  row.payload = {0xff, 0xff};
  leader_.database().put_outbox(row);
  put(3);
  Applier& applier = start();
  EXPECT_TRUE(eventually([&] { return applier.status().parked.size() == 1 && !written().empty(); }));
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)"));
  EXPECT_FALSE(applier.status().caught_up);
  applier.discard(key_of(2));  // as if it were taken out by hand
  ASSERT_TRUE(caught_up(applier));
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(3)"));
}

TEST_F(ApplierTest, ADiscardedEntryIsNeverApplied) {
  std::latch reached(1);
  std::latch released(1);
  follower_.set_script([&](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql != "INSERT INTO t VALUES(1)") return std::nullopt;
    reached.count_down();
    released.wait();
    return std::nullopt;
  });
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  put(1);
  reached.wait();
  put(2);
  put(3);
  applier.discard(key_of(2));
  released.count_down();
  ASSERT_TRUE(caught_up(applier));
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(3)"));
  EXPECT_THAT(follower_.database().contents().ledger, IsEmpty());
  EXPECT_THAT(leader_.database().contents().outbox, IsEmpty());
}

TEST_F(ApplierTest, AnEntryThatWasAppliedBeforeItWasDiscardedGoesIntoTheLedger) {
  Applier& applier = start();
  put(1);
  ASSERT_TRUE(caught_up(applier));
  applier.discard(key_of(1));
  applier.discard(key_of(9));  // never became visible: nothing to say of it
  EXPECT_TRUE(eventually([&] { return applier.status().divergences == 1; }));
  EXPECT_THAT(follower_.database().contents().ledger, ElementsAre(HasSubstr("0x" + dualwrite::hex(key_of(1).bytes))));
}

TEST_F(ApplierTest, ADiscardThatFailsIsTriedAgain) {
  std::latch reached(1);
  std::latch released(1);
  follower_.set_script([&](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql != "INSERT INTO t VALUES(1)") return std::nullopt;
    reached.count_down();
    released.wait();
    return std::nullopt;
  });
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  put(1);
  reached.wait();
  put(2);
  applier.discard(key_of(2));
  leader_.arm({.kind = Fault::Kind::drop_before,
               .user = "control",
               .on = "DELETE FROM `crossfade`.`outbox` WHERE `entry_key`"});
  released.count_down();
  ASSERT_TRUE(caught_up(applier));
  EXPECT_TRUE(leader_.fired());
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)"));
}

TEST_F(ApplierTest, ADifferentNumberOfRowsGoesIntoTheLedgerAndItGoesOn) {
  put(1, "t", 5);
  put(2);
  Applier& applier = start();
  ASSERT_TRUE(caught_up(applier));
  EXPECT_THAT(written(), SizeIs(2));
  EXPECT_THAT(follower_.database().contents().ledger, SizeIs(1));
  EXPECT_EQ(applier.status().divergences, 1u);
}

TEST_F(ApplierTest, WaitsForALeaderAndAFollowerThatAreDown) {
  leader_.go_down();
  follower_.go_down();
  put(1);
  Applier& applier = start();
  EXPECT_TRUE(eventually([&] { return !applier.status().leader_error.empty(); }));
  EXPECT_EQ(applier.epoch(), 0u);
  EXPECT_FALSE(applier.usable_for_reads());
  leader_.come_back();
  EXPECT_TRUE(eventually([&] { return applier.epoch() == 1 && !applier.status().follower_error.empty(); }));
  EXPECT_FALSE(applier.usable_for_reads());
  follower_.come_back();
  ASSERT_TRUE(caught_up(applier));
  EXPECT_THAT(written(), SizeIs(1));
  EXPECT_TRUE(applier.usable_for_reads());
}

TEST_F(ApplierTest, OfTwoOneAppliesAndTheOtherMarksItsOwnWrites) {
  Applier& first = start();
  ASSERT_TRUE(caught_up(first));
  Applier& second = start();
  EXPECT_TRUE(eventually([&] { return second.status().state == "standing by: another proxy applies"; }));
  Reactor unused;
  const auto mark = std::make_shared<AppliedMark>(unused);
  put(1);
  second.committed(key_of(1), mark);
  EXPECT_TRUE(eventually([&] { return mark->applied(); }));
  EXPECT_TRUE(caught_up(second));
  EXPECT_EQ(second.status().applied_entries, 0u);
  EXPECT_EQ(first.status().applied_entries, 1u);
  EXPECT_THAT(written(), SizeIs(1));
}

TEST_F(ApplierTest, ALostFollowerTransactionLeavesNothingBehindAndIsAppliedAgain) {
  Applier& applier = start();
  put(1);
  ASSERT_TRUE(caught_up(applier));
  // The follower loses its transaction at the last statement before COMMIT.
  follower_.arm({.kind = Fault::Kind::lose_transaction, .user = "control", .on = "UPDATE `crossfade`.`applier`"});
  put(2);
  ASSERT_TRUE(caught_up(applier));
  EXPECT_TRUE(follower_.fired());
  EXPECT_THAT(written(), ElementsAre("INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(2)"));
}

}  // namespace
}  // namespace crossfade::proxy
