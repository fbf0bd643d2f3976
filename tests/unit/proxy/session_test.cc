#include "proxy/session.h"

#include <algorithm>
#include <latch>

#include "dualwrite/entry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using protocol::CommandByte;
using protocol::ResponseKind;
using support::Answer;
using support::Client;
using support::Fault;
using support::ProxyStack;
using support::Reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kInsert = "INSERT INTO t (id, v) VALUES (1, 10)";
constexpr const char* kUpdate = "UPDATE t SET v = 11 WHERE id = 1";

// The statements of the entry that is in an outbox row.
std::vector<std::string> statements_of(const dualwrite::OutboxRow& row) {
  std::vector<std::string> texts;
  const auto entry = dualwrite::decode_entry(row.payload);
  if (!entry.ok()) return {"broken: " + std::string(entry.status().message())};
  for (const auto& record : entry->statements) texts.push_back(record.sql);
  return texts;
}

std::vector<std::vector<std::string>> recorded(ProxyStack& stack) {
  std::vector<std::vector<std::string>> entries;
  for (const auto& row : stack.leader().database().contents().outbox_history) entries.push_back(statements_of(row));
  return entries;
}

std::vector<std::string> written(support::FakeBackend& backend) { return backend.database().contents().writes; }

config::Flags ack_both() {
  config::Flags flags;
  flags.dual_write.ack = config::Ack::both;
  return flags;
}

config::Flags all_reads_from_new() {
  config::Flags flags;
  flags.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole);
  return flags;
}

Answer pause_until(std::latch& latch, Answer answer) {
  latch.wait();
  return answer;
}

TEST(SessionLogin, AWrongPasswordIsRefusedAsTheServersRefuseIt) {
  ProxyStack stack;
  const auto client = stack.try_connect({.password = "wrong"});
  EXPECT_THAT(std::string(client.status().message()), HasSubstr("1045 Access denied for user 'app'@'localhost'"));
  const auto unknown = stack.try_connect({.user = "nobody"});
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("1045 Access denied for user 'nobody'@'localhost'"));
  EXPECT_EQ(stack.count([](const Counters& c) { return c.logins_failed.get(); }), 2u);
  EXPECT_TRUE(stack.all_quiet());
}

TEST(SessionLogin, WithoutALeaderTheClientHearsThatItCannotBeReached) {
  ProxyStack stack;
  stack.leader().go_down();
  const auto client = stack.try_connect({});
  EXPECT_THAT(std::string(client.status().message()), HasSubstr("1053 crossfade: backend 'old'"));
  EXPECT_TRUE(stack.all_quiet());
}

TEST(SessionWrite, AnAutocommitWriteIsOnePacketWithItsOutboxRow) {
  ProxyStack stack;
  const auto client = stack.connect();
  stack.leader().forget_packets();
  const Reply reply = client->query(kInsert);
  ASSERT_TRUE(reply.is_ok()) << reply.err.message;
  EXPECT_EQ(reply.ok.affected_rows, 1u);
  EXPECT_EQ(reply.ok.status, protocol::kStatusAutocommit);
  std::vector<std::string> packets = stack.leader().packets("app");
  std::erase_if(packets, [](const std::string& sql) { return sql.starts_with("SELECT DATABASE()"); });
  ASSERT_THAT(packets, SizeIs(1));
  EXPECT_THAT(packets[0], HasSubstr(std::string("START TRANSACTION;") + kInsert + "\n;"));
  EXPECT_THAT(packets[0], HasSubstr("INSERT INTO `crossfade`.`outbox`"));
  EXPECT_TRUE(packets[0].ends_with(";COMMIT AND NO CHAIN NO RELEASE"));
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert)));
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert));
}

TEST(SessionWrite, AnErrorOfTheStatementIsRelayedAndTheTransactionRolledBack) {
  ProxyStack stack;
  const auto client = stack.connect();
  stack.leader().set_script([](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql != kInsert) return std::nullopt;
    return Answer::failed(1062, "23000", "Duplicate entry '1' for key 'PRIMARY'");
  });
  const Reply reply = client->query(kInsert);
  EXPECT_EQ(reply.code(), 1062);
  EXPECT_EQ(reply.err.message, "Duplicate entry '1' for key 'PRIMARY'");
  EXPECT_THAT(recorded(stack), IsEmpty());
  EXPECT_THAT(stack.leader().packets("app").back(), HasSubstr("ROLLBACK"));
  EXPECT_TRUE(client->query(kUpdate).is_ok());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kUpdate)));
}

TEST(SessionWrite, AnUnknownTableIsTheServersOwnError) {
  ProxyStack stack;
  const auto client = stack.connect();
  EXPECT_EQ(client->query("INSERT INTO missing (id) VALUES (1)").code(), 1146);
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionWrite, ATransactionIsOneEntryWrittenAtCommit) {
  ProxyStack stack;
  const auto client = stack.connect();
  ASSERT_TRUE(client->query("BEGIN").is_ok());
  const Reply inside = client->query(kInsert);
  ASSERT_TRUE(inside.is_ok());
  EXPECT_NE(inside.ok.status & protocol::kStatusInTransaction, 0);
  ASSERT_TRUE(client->query(kUpdate).is_ok());
  EXPECT_THAT(recorded(stack), IsEmpty());
  const Reply committed = client->query("COMMIT");
  ASSERT_TRUE(committed.is_ok());
  EXPECT_EQ(committed.ok.affected_rows, 0u);
  EXPECT_EQ(committed.ok.status & protocol::kStatusInTransaction, 0);
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert, kUpdate)));
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert, kUpdate));
}

TEST(SessionWrite, ARollbackLeavesNothing) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  EXPECT_TRUE(client->query("ROLLBACK").is_ok());
  EXPECT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_THAT(recorded(stack), IsEmpty());
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionWrite, ARollbackToASavepointDropsTheEntriesSince) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  EXPECT_TRUE(client->query("SAVEPOINT here").is_ok());
  client->query(kUpdate);
  EXPECT_TRUE(client->query("ROLLBACK TO here").is_ok());
  EXPECT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert)));
  ASSERT_TRUE(stack.caught_up());
  EXPECT_EQ(written(stack.leader()), written(stack.follower()));
}

TEST(SessionWrite, ASavepointThatOnlyTheServerKnowsLosesTheTransaction) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  stack.leader().set_script([](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (!sql.starts_with("ROLLBACK TO")) return std::nullopt;
    Answer ok = Answer::done();
    return ok;
  });
  client->query("ROLLBACK TO elsewhere");
  EXPECT_EQ(client->query("COMMIT").code(), protocol::kErrDeadlock);
  EXPECT_THAT(recorded(stack), IsEmpty());
  client->query("SELECT 1");
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionWrite, APreparedWriteIsRecordedWithItsParameters) {
  ProxyStack stack;
  const auto client = stack.connect();
  const std::uint32_t statement = client->prepare("INSERT INTO t (id, v) VALUES (?, ?)");
  ASSERT_NE(statement, 0u);
  for (std::int64_t i = 1; i <= 3; ++i) ASSERT_TRUE(client->execute(statement, {i, 10 * i}).is_ok());
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.follower()), ElementsAre("INSERT INTO t (id, v) VALUES (?, ?) /*1*/ /*10*/",
                                                     "INSERT INTO t (id, v) VALUES (?, ?) /*2*/ /*20*/",
                                                     "INSERT INTO t (id, v) VALUES (?, ?) /*3*/ /*30*/"));
  EXPECT_EQ(written(stack.leader()), written(stack.follower()));
}

TEST(SessionWrite, WithAutocommitOffTurningItOnRecordsWhatIsOpen) {
  ProxyStack stack;
  const auto client = stack.connect();
  EXPECT_TRUE(client->query("SET autocommit=0").is_ok());
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_THAT(recorded(stack), IsEmpty());
  EXPECT_TRUE(client->query("SET autocommit=1").is_ok());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert)));
}

TEST(SessionWrite, ABeginCommitsWhatIsOpen) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  EXPECT_TRUE(client->query("BEGIN").is_ok());
  client->query(kUpdate);
  client->query("ROLLBACK");
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert)));
  EXPECT_THAT(written(stack.leader()), ElementsAre(kInsert));
}

TEST(SessionWrite, ADisconnectRollsTheTransactionBack) {
  ProxyStack stack;
  auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  client.reset();
  EXPECT_TRUE(stack.all_quiet());
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionWrite, AResetConnectionForgetsTheOpenTransaction) {
  ProxyStack stack;
  const auto client = stack.connect();
  client->query("BEGIN");
  client->query(kInsert);
  EXPECT_TRUE(client->command(protocol::encode_simple(CommandByte::reset_connection), ResponseKind::ok_or_err).is_ok());
  EXPECT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_THAT(recorded(stack), IsEmpty());
}

// One way an application writes. Gives the reply on which it relies that the write is done.
struct Scenario {
  const char* name;
  std::vector<std::string> writes;  // what must have happened after an OK
  Reply (*run)(Client& client);
};

Reply run_autocommit(Client& client) { return client.query(kInsert); }

Reply run_frozen_time(Client& client) { return client.query("INSERT INTO t (id, made) VALUES (1, NOW())"); }

Reply run_transaction(Client& client) {
  for (const char* sql : {"BEGIN", kInsert, kUpdate}) {
    Reply reply = client.query(sql);
    if (!reply.is_ok()) return reply;
  }
  return client.query("COMMIT");
}

Reply run_prepared(Client& client) {
  Reply refused;
  const std::uint32_t statement = client.prepare("INSERT INTO t (id, v) VALUES (?, ?)", &refused);
  return statement == 0 ? refused : client.execute(statement, {1, 10});
}

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

TEST(SessionAck, WithADeadFollowerAckLeaderIsUnaffected) {
  ProxyStack stack;
  const auto client = stack.connect();
  stack.follower().go_down();
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_TRUE(run_transaction(*client).is_ok());
  stack.follower().come_back();
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert, kInsert, kUpdate));
}

TEST(SessionAck, AckBothHasTheWriteOnTheFollowerBeforeTheOk) {
  ProxyStack stack(ProxyStack::Options{.flags = ack_both()});
  const auto client = stack.connect();
  ASSERT_TRUE(client->query(kInsert).is_ok());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert));
  ASSERT_TRUE(run_transaction(*client).is_ok());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert, kInsert, kUpdate));
  EXPECT_EQ(stack.count([](const Counters& c) { return c.ack_timeouts.get(); }), 0u);
}

TEST(SessionAck, AckBothTimesOutWithADeadFollowerAndIsCounted) {
  ProxyStack stack(ProxyStack::Options{.flags = ack_both(), .tune = [](config::Config& config) {
                                         config.dual_write.ack_timeout = std::chrono::milliseconds(20);
                                       }});
  const auto client = stack.connect();
  stack.follower().go_down();
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_EQ(stack.count([](const Counters& c) { return c.ack_timeouts.get(); }), 1u);
  stack.follower().come_back();
  ASSERT_TRUE(stack.caught_up());
  EXPECT_THAT(written(stack.follower()), ElementsAre(kInsert));
}

TEST(SessionRead, AtAHundredPercentTheFollowerAnswers) {
  ProxyStack stack(ProxyStack::Options{.flags = all_reads_from_new()});
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  const std::uint32_t statement = client->prepare("SELECT v FROM t WHERE id = ?");
  EXPECT_EQ(client->execute(statement, {1}).cell(), "new");
  EXPECT_TRUE(
      support::eventually([&] { return stack.count([](const Counters& c) { return c.reads_new.get(); }) == 2; }));
}

TEST(SessionRead, InsideATransactionTheLeaderAnswers) {
  ProxyStack stack(ProxyStack::Options{.flags = all_reads_from_new()});
  const auto client = stack.connect();
  client->query("BEGIN");
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
}

TEST(SessionRead, AFollowerThatFailsBeforeTheFirstByteIsReplacedByTheLeader) {
  for (const auto kind : {Fault::Kind::drop_before, Fault::Kind::drop_after}) {
    ProxyStack stack(ProxyStack::Options{.flags = all_reads_from_new()});
    auto client = stack.connect();
    ASSERT_EQ(client->query("SELECT v FROM t").cell(), "new");
    const std::uint32_t statement = client->prepare("SELECT v FROM t WHERE id = ?");
    stack.follower().arm({.kind = kind, .at = 0});
    EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
    EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
    for (std::size_t at = 0; at < 2; ++at) {
      stack.follower().arm({.kind = kind, .at = at});
      EXPECT_THAT(client->execute(statement, {1}).cell(), ::testing::AnyOf("old", "new"));
    }
    client.reset();
    EXPECT_TRUE(stack.all_quiet());
  }
}

TEST(SessionRead, ALinkThatDiedWhileIdleIsReplaced) {
  ProxyStack stack(ProxyStack::Options{.flags = all_reads_from_new()});
  const auto client = stack.connect();
  ASSERT_EQ(client->query("SELECT v FROM t").cell(), "new");
  stack.follower().go_down();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
}

TEST(SessionRead, AfterAWriteTheFollowerAnswersOnlyWhenItHasIt) {
  ProxyStack stack(ProxyStack::Options{.flags = all_reads_from_new(), .tune = [](config::Config& config) {
                                         config.reads.read_your_writes_timeout = std::chrono::milliseconds(10);
                                       }});
  const auto client = stack.connect();
  std::latch released(1);
  stack.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user == "control" && sql == kInsert) pause_until(released, Answer());
    return std::nullopt;
  });
  ASSERT_TRUE(client->query(kInsert).is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  released.count_down();
  ASSERT_TRUE(stack.caught_up());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
}

TEST(SessionRead, ALeaderThatDropsDuringAReadIsALostConnection) {
  for (const auto kind : {Fault::Kind::drop_before, Fault::Kind::drop_after}) {
    ProxyStack stack;
    const auto client = stack.connect();
    stack.leader().arm({.kind = kind, .at = 0});
    EXPECT_EQ(client->query("SELECT v FROM t").kind, support::Reply::Kind::closed);
    EXPECT_TRUE(client->closed());
    EXPECT_TRUE(stack.all_quiet());
  }
}

TEST(SessionRead, TheAnswerIsTheSameHoweverItArrives) {
  const auto many_rows = [](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql != "SELECT v, name FROM t") return std::nullopt;
    Answer answer = Answer::of({"v", "name"}, {});
    for (int i = 0; i < 40; ++i) answer.rows.push_back({std::to_string(i), protocol::Cell()});
    answer.rows.push_back({std::string(300, 'x'), "last"});
    return answer;
  };
  for (const protocol::Capabilities dropped : {protocol::Capabilities{0}, protocol::kDeprecateEof}) {
    ProxyStack stack;
    stack.leader().set_script(many_rows);
    Client::Options options;
    options.capabilities &= ~dropped;
    const auto client = stack.connect(options);
    const std::uint32_t statement = client->prepare("SELECT v, name FROM t");
    const Reply whole = client->query("SELECT v, name FROM t");
    ASSERT_EQ(whole.kind, Reply::Kind::rows);
    ASSERT_THAT(whole.results.front().rows, SizeIs(41));
    const Reply executed = client->execute(statement, {});
    for (const std::size_t piece : {1, 2, 3, 7}) {
      stack.leader().set_piece_bytes(piece);
      EXPECT_EQ(client->query("SELECT v, name FROM t").wire, whole.wire) << piece;
      EXPECT_EQ(client->execute(statement, {}).wire, executed.wire) << piece;
      EXPECT_TRUE(client->query(kInsert).is_ok()) << piece;
    }
  }
}

TEST(SessionRead, ALargeAnswerPassesWhole) {
  ProxyStack stack;
  const std::string large(17u << 20, 'x');
  stack.leader().set_script([&](const std::string&, const std::string& sql) -> std::optional<Answer> {
    if (sql != "SELECT name FROM t") return std::nullopt;
    return Answer::of({"name"}, {{large}});
  });
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT name FROM t").cell(), large);
}

TEST(SessionCommand, SeveralStatementsNeedTheCapability) {
  ProxyStack stack;
  const auto client = stack.connect();
  const Reply reply = client->query("SELECT 1; SELECT 2");
  EXPECT_EQ(reply.code(), protocol::kErrParse);
  EXPECT_TRUE(client->query("SELECT 1").kind == Reply::Kind::rows);
}

TEST(SessionCommand, AWrongSequenceNumberIs1156AndTheEnd) {
  ProxyStack stack;
  const auto client = stack.connect();
  protocol::Buffer wire;
  std::uint8_t sequence = 7;
  protocol::append_message(wire, protocol::encode_query("SELECT 1"), sequence);
  client->send(wire);
  EXPECT_EQ(client->read(ResponseKind::query).code(), protocol::kErrPacketsOutOfOrder);
  EXPECT_TRUE(client->closed());
  EXPECT_TRUE(stack.all_quiet());
}

TEST(SessionCommand, AnOversizedPacketIs1153AndTheEnd) {
  ProxyStack stack(ProxyStack::Options{.tune = [](config::Config& config) { config.limits.packet_bytes_max = 1000; }});
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT '" + std::string(1000 - 10, 'x') + "'").kind, Reply::Kind::rows);
  EXPECT_EQ(client->query("SELECT '" + std::string(1000 - 9, 'x') + "'").code(), protocol::kErrPacketTooLarge);
  EXPECT_TRUE(client->closed());
  EXPECT_TRUE(stack.all_quiet());
}

TEST(SessionCommand, AnUnknownCommandIs1047AndTheSessionGoesOn) {
  ProxyStack stack;
  const auto client = stack.connect();
  EXPECT_EQ(client->command(protocol::Buffer{0x99}, ResponseKind::ok_or_err).code(), protocol::kErrUnknownCommand);
  EXPECT_EQ(client->command(protocol::Buffer{}, ResponseKind::ok_or_err).code(), protocol::kErrUnknownCommand);
  EXPECT_EQ(client->command(protocol::Buffer{0x12}, ResponseKind::ok_or_err).code(), protocol::kErrNotSupportedYet);
  EXPECT_EQ(client->query("SELECT 1").kind, Reply::Kind::rows);
}

TEST(SessionCommand, PingStatisticsAndInitDbAreTheLeaders) {
  ProxyStack stack;
  const auto client = stack.connect();
  EXPECT_TRUE(client->command(protocol::encode_simple(CommandByte::ping), ResponseKind::ok_or_err).is_ok());
  const Reply text = client->command(protocol::encode_simple(CommandByte::statistics), ResponseKind::text);
  EXPECT_EQ(protocol::as_text(protocol::Bytes(text.wire).subspan(4)), "Uptime: 1");
  EXPECT_TRUE(client->command(protocol::encode_init_db("elsewhere"), ResponseKind::ok_or_err).is_ok());
  ASSERT_TRUE(client->query(kInsert).is_ok());
  const auto entry = dualwrite::decode_entry(stack.leader().database().contents().outbox_history.at(0).payload);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->statements[0].table.schema, "elsewhere");
}

TEST(SessionCommand, CommandsInOneSegmentAreAllAnsweredInOrder) {
  ProxyStack stack;
  const auto client = stack.connect();
  protocol::Buffer wire;
  for (const char* sql : {kInsert, "SELECT v FROM t", "BEGIN", kUpdate, "COMMIT"}) {
    protocol::append_command(wire, protocol::encode_query(sql));
  }
  protocol::append_command(wire, protocol::Buffer{0x99});
  protocol::append_command(wire, protocol::encode_simple(CommandByte::ping));
  for (const std::size_t piece : {0, 1, 3, 7}) {
    ASSERT_TRUE(client->send(wire, piece));
    EXPECT_TRUE(client->read(ResponseKind::query).is_ok());
    EXPECT_EQ(client->read(ResponseKind::query).cell(), "old");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(client->read(ResponseKind::query).is_ok());
    EXPECT_EQ(client->read(ResponseKind::ok_or_err).code(), protocol::kErrUnknownCommand);
    EXPECT_TRUE(client->read(ResponseKind::ok_or_err).is_ok());
  }
  EXPECT_THAT(recorded(stack), SizeIs(8));
}

TEST(SessionCommand, AnUnknownPreparedStatementIs1243) {
  ProxyStack stack;
  const auto client = stack.connect();
  EXPECT_EQ(client->execute(77, {}).code(), protocol::kErrUnknownStatement);
  const std::uint32_t statement = client->prepare("SELECT v FROM t");
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_stmt_close(statement));
  client->send(wire);
  EXPECT_EQ(client->execute(statement, {}).code(), protocol::kErrUnknownStatement);
}

TEST(SessionCommand, OnePreparedStatementTooManyIs1461) {
  ProxyStack stack(
      ProxyStack::Options{.tune = [](config::Config& config) { config.limits.prepared_statements_max = 2; }});
  const auto client = stack.connect();
  EXPECT_NE(client->prepare("SELECT v FROM t"), 0u);
  EXPECT_NE(client->prepare("SELECT v FROM t"), 0u);
  Reply refused;
  EXPECT_EQ(client->prepare("SELECT v FROM t", &refused), 0u);
  EXPECT_EQ(refused.code(), protocol::kErrTooManyPrepared);
}

TEST(SessionCommand, OneClientTooManyIs1040) {
  ProxyStack stack(ProxyStack::Options{.tune = [](config::Config& config) { config.limits.connections_max = 2; }});
  const auto first = stack.connect();
  auto second = stack.connect();
  EXPECT_THAT(std::string(stack.try_connect({}).status().message()), Not(IsEmpty()));
  EXPECT_EQ(stack.count([](const Counters& c) { return c.clients_refused.get(); }), 1u);
  second.reset();
  ASSERT_TRUE(
      support::eventually([&] { return stack.count([](const Counters& c) { return c.clients_open.get(); }) == 1; }));
  EXPECT_TRUE(stack.try_connect({}).ok());
}

TEST(SessionDrain, AnIdleSessionEndsAtOnceAndATransactionMayFinish) {
  ProxyStack stack;
  const auto idle = stack.connect();
  const auto busy = stack.connect();
  busy->query("BEGIN");
  busy->query(kInsert);
  stack.on_worker([](Worker& worker) { worker.begin_drain(); });
  EXPECT_TRUE(idle->closed());
  EXPECT_TRUE(busy->query("COMMIT").is_ok());
  EXPECT_TRUE(busy->closed());
  EXPECT_THAT(recorded(stack), ElementsAre(ElementsAre(kInsert)));
  EXPECT_TRUE(stack.all_quiet());
}

TEST(SessionDrain, EndingSessionsLeavesNoneBehind) {
  ProxyStack stack;
  const auto one = stack.connect();
  const auto other = stack.connect();
  other->query("BEGIN");
  stack.on_worker([](Worker& worker) { worker.end_sessions(); });
  EXPECT_TRUE(one->closed());
  EXPECT_TRUE(other->closed());
  EXPECT_TRUE(stack.all_quiet());
}

}  // namespace
}  // namespace crossfade::proxy
