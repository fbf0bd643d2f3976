#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "tests/support/proxy_stack.h"
#include "tests/unit/proxy/session_writes.h"

namespace crossfade::proxy {
namespace {

using protocol::CommandByte;
using protocol::ResponseKind;
using support::Answer;
using support::ProxyStack;
using support::Reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

config::Flags ack_both() {
  config::Flags flags;
  flags.dual_write.ack = config::Ack::both;
  return flags;
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

}  // namespace
}  // namespace crossfade::proxy
