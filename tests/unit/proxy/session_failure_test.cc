#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::Answer;
using support::Client;
using support::Fault;
using support::ProxyStack;
using support::Reply;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One way an application writes. Gives the reply on which it relies that the write is done.
struct Scenario {
  const char* name;
  std::vector<std::string> writes;  // what must have happened after an OK
  Reply (*run)(Client& client);
};

Reply run_frozen_time(Client& client) { return client.query("INSERT INTO t (id, made) VALUES (1, NOW())"); }

class FailurePoint : public ::testing::TestWithParam<Scenario> {
 protected:
  // Whatever the client heard: never an OK without the write and its outbox row, no write without a
  // row or row without the write, nothing hangs, nothing leaks, and the follower comes to the same.
  static void check(ProxyStack& stack, const Reply& reply, const std::string& where) {
    SCOPED_TRACE(where);
    EXPECT_NE(reply.kind, Reply::Kind::timed_out);
    EXPECT_NE(reply.kind, Reply::Kind::broken);
    const auto contents = stack.leader().database().contents();
    if (reply.is_ok()) {
      EXPECT_EQ(contents.writes, GetParam().writes);
      EXPECT_EQ(contents.outbox_history.size(), 1u);
    }
    EXPECT_EQ(contents.writes.empty(), contents.outbox_history.empty());
    EXPECT_TRUE(stack.all_quiet());
    ASSERT_TRUE(stack.caught_up());
    EXPECT_EQ(written(stack.leader()), written(stack.follower()));
    EXPECT_THAT(stack.follower().database().contents().ledger, IsEmpty());
  }

  // Fails statement 0, 1, 2, ... until the scenario runs through without meeting the fault.
  static void fail_everywhere(Fault fault, bool expect_ok_only_without) {
    ProxyStack stack;
    std::size_t failures = 0;
    for (fault.at = 0; fault.at < 40; ++fault.at) {
      auto client = stack.connect();
      stack.leader().arm(fault);
      const Reply reply = GetParam().run(*client);
      const bool fired = stack.leader().fired();
      stack.leader().disarm();
      client.reset();
      check(stack, reply, "at statement " + std::to_string(fault.at));
      if (fired && expect_ok_only_without) {
        EXPECT_FALSE(reply.is_ok()) << "at statement " << fault.at;
      }
      if (!fired) {
        EXPECT_TRUE(reply.is_ok()) << reply.err.message;
        break;
      }
      ++failures;
      stack.leader().database().forget();
      stack.follower().database().forget();
    }
    EXPECT_GE(failures, 3u);
    EXPECT_LT(failures, 40u);
  }
};

TEST_P(FailurePoint, ADropBeforeAnyStatementNeverGivesAFalseOk) {
  fail_everywhere({.kind = Fault::Kind::drop_before}, true);
}

TEST_P(FailurePoint, ADropAfterAnyStatementNeverGivesAFalseOk) {
  fail_everywhere({.kind = Fault::Kind::drop_after}, true);
}

TEST_P(FailurePoint, AnErrorAtAnyStatementNeverGivesAFalseOk) {
  fail_everywhere({.kind = Fault::Kind::err, .code = 1205}, false);
}

TEST_P(FailurePoint, ADeadlockAtAnyStatementNeverGivesAFalseOk) {
  fail_everywhere({.kind = Fault::Kind::err, .code = 1213}, false);
}

INSTANTIATE_TEST_SUITE_P(
    Session, FailurePoint,
    ::testing::Values(Scenario{"Autocommit", {kInsert}, run_autocommit},
                      Scenario{"FrozenTime", {"INSERT INTO t (id, made) VALUES (1, NOW())"}, run_frozen_time},
                      Scenario{"Transaction", {kInsert, kUpdate}, run_transaction},
                      Scenario{"Prepared", {"INSERT INTO t (id, v) VALUES (?, ?) /*1*/ /*10*/"}, run_prepared}),
    [](const auto& scenario) { return std::string(scenario.param.name); });

// Behind one of the statements of a write the server rolls back in silence, and says OK.
struct Loss {
  const char* name;
  const char* behind;
  Reply (*run)(Client& client);
};

class LostTransaction : public ::testing::TestWithParam<Loss> {};

TEST_P(LostTransaction, TheClientHears1213AndTheFollowerDoesNotKeepTheWrite) {
  ProxyStack stack;
  auto client = stack.connect();
  stack.leader().arm({.kind = Fault::Kind::lose_transaction, .on = GetParam().behind});
  const Reply reply = GetParam().run(*client);
  EXPECT_TRUE(stack.leader().fired());
  stack.leader().disarm();
  EXPECT_EQ(reply.code(), protocol::kErrDeadlock);
  EXPECT_EQ(stack.count([](const Counters& c) { return c.lost_transactions.get(); }), 1u);
  EXPECT_TRUE(support::eventually([&] { return stack.leader().database().contents().outbox.empty(); }));
  EXPECT_THAT(written(stack.leader()), IsEmpty());
  // An entry that was applied before it could be taken back is in the ledger; nothing else is.
  const auto agree = [&] {
    const auto follower = stack.follower().database().contents();
    return follower.writes.size() == 2 * follower.ledger.size() || follower.writes.size() == follower.ledger.size();
  };
  EXPECT_TRUE(support::eventually(agree));
  EXPECT_TRUE(client->query("ROLLBACK").is_ok());
  const std::size_t before = written(stack.follower()).size();
  EXPECT_TRUE(run_transaction(*client).is_ok());
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.leader()), ElementsAre(kInsert, kUpdate));
  EXPECT_THAT(written(stack.follower()), SizeIs(before + 2));
}

constexpr const char* kOutboxRow = "INSERT INTO `crossfade`.`outbox`";

INSTANTIATE_TEST_SUITE_P(Session, LostTransaction,
                         ::testing::Values(Loss{"Statement", kInsert, run_autocommit},
                                           Loss{"Diagnostics", "GET DIAGNOSTICS", run_autocommit},
                                           Loss{"Warnings", "SHOW WARNINGS", run_autocommit},
                                           Loss{"OutboxRow", kOutboxRow, run_autocommit},
                                           Loss{"FirstOfTwo", kInsert, run_transaction},
                                           Loss{"SecondOfTwo", kUpdate, run_transaction},
                                           Loss{"OutboxRowOfTwo", kOutboxRow, run_transaction},
                                           Loss{"PreparedOutboxRow", kOutboxRow, run_prepared}),
                         [](const auto& loss) { return std::string(loss.param.name); });

TEST(SessionTransaction, ALostOneIsTold1213AndTheNextOneWorks) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  ASSERT_TRUE(client->query(kInsert).is_ok());
  stack.leader().arm({.kind = Fault::Kind::lose_transaction, .at = 0});
  EXPECT_EQ(client->query(kUpdate).code(), protocol::kErrDeadlock);
  stack.leader().disarm();
  EXPECT_GE(stack.count([](const Counters& c) { return c.lost_transactions.get(); }), 1u);
  client->query("ROLLBACK");
  EXPECT_TRUE(run_transaction(*client).is_ok());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert, kUpdate)));
}

TEST(SessionTransaction, ADeadlockThatTheClientHasHeardIsNotToldAgain) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  stack.leader().arm({.kind = Fault::Kind::err, .at = 0, .code = 1213});
  EXPECT_EQ(client->query(kUpdate).code(), 1213);
  stack.leader().disarm();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_TRUE(run_transaction(*client).is_ok());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert, kUpdate)));
}

TEST(SessionTransaction, ALostOneThatAReadShowsIsToldAtTheNextStatement) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  stack.leader().arm({.kind = Fault::Kind::lose_transaction, .at = 0});
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  stack.leader().disarm();
  EXPECT_EQ(client->query("COMMIT").code(), protocol::kErrDeadlock);
  EXPECT_THAT(recorded(stack), IsEmpty());
}

TEST(SessionTransaction, TheFenceRefusesAWriteUnderAnOldEpochAsADeadlock) {
  ProxyStack stack;
  const auto client = stack.connect();
  stack.leader().set_script([](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || sql.find("`outbox`") == std::string::npos) return std::nullopt;
    return Answer::failed(1452, "23000", "a foreign key constraint fails");
  });
  EXPECT_EQ(client->query(kInsert).code(), protocol::kErrDeadlock);
  EXPECT_EQ(run_transaction(*client).code(), protocol::kErrDeadlock);
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

}  // namespace
}  // namespace crossfade::proxy
