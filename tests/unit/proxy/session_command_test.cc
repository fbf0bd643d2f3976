#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "proxy/session/session.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using protocol::CommandByte;
using protocol::ResponseKind;
using support::ProxyStack;
using support::Reply;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

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
  protocol::Buffer init_db = protocol::encode_simple(CommandByte::init_db);
  protocol::put_bytes(init_db, protocol::as_bytes("elsewhere"));
  EXPECT_TRUE(client->command(init_db, ResponseKind::ok_or_err).is_ok());
  EXPECT_TRUE(client->query(kInsert).is_ok());
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
  EXPECT_THAT(written(stack.leader()), SizeIs(8));
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

// Writes that wait while a migration has them frozen.
constexpr std::uint16_t kFrozen = 1290;

config::Flags frozen_flags() {
  config::Flags flags;
  flags.freeze_writes = true;
  return flags;
}
void freeze(ProxyStack& stack, std::chrono::milliseconds hold) {
  stack.on_worker([hold](Worker& worker) { worker.write_hold = hold; });
  stack.set_flags(frozen_flags());
}
void thaw(ProxyStack& stack) {
  stack.set_flags(config::Flags());
  stack.on_worker([](Worker& worker) { worker.write_hold = 0ms; });
}
std::vector<OpenWrite> open_writes(ProxyStack& stack) {
  std::vector<OpenWrite> out;
  stack.on_worker([&out](Worker& worker) { out = worker.open_writes(); });
  return out;
}

TEST(SessionHold, AWriteWaitsUntilWritesAreNoLongerFrozen) {
  for (const auto& write : {run_autocommit, run_transaction, run_prepared}) {
    ProxyStack stack;
    const auto client = stack.connect();
    freeze(stack, 1min);
    Reply reply;
    std::thread waiting([&] { reply = write(*client); });
    std::this_thread::sleep_for(150ms);  // nothing shows that it waits, but that nothing happens
    EXPECT_THAT(written(stack.leader()), IsEmpty());
    thaw(stack);
    waiting.join();
    EXPECT_TRUE(reply.is_ok());
    EXPECT_FALSE(written(stack.leader()).empty());
  }
}

TEST(SessionHold, AWriteThatHasWaitedLongEnoughIsRefused) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 100ms);
  for (const auto& write : {run_autocommit, run_prepared}) EXPECT_EQ(write(*client).code(), kFrozen);
  EXPECT_THAT(written(stack.leader()), IsEmpty());
  thaw(stack);
  EXPECT_TRUE(run_autocommit(*client).is_ok()) << "the connection goes on";
}

TEST(SessionHold, AWriteThatWaitsIsToldOfAnotherLeader) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 1min);
  stack.on_worker([](Worker& worker) { worker.leader_changes = true; });
  const Reply reply = run_autocommit(*client);
  EXPECT_EQ(reply.code(), protocol::kErrServerShutdown);
  EXPECT_THAT(reply.err.message, HasSubstr("not executed"));
  EXPECT_THAT(written(stack.leader()), IsEmpty());
}

TEST(SessionHold, AReadDoesNotWait) {
  ProxyStack stack;
  const auto client = stack.connect();
  freeze(stack, 1min);
  EXPECT_EQ(client->query("SELECT v FROM t WHERE id = 1").code(), 0);
  thaw(stack);
}

TEST(SessionHold, TransactionsOfBeforeAreSeenAndThoseOfAfterAreNot) {
  ProxyStack stack;
  const auto before = stack.connect();
  const auto after = stack.connect();
  ASSERT_TRUE(before->query("BEGIN").is_ok());
  freeze(stack, 1min);
  ASSERT_TRUE(after->query("BEGIN").is_ok());
  ASSERT_THAT(open_writes(stack), SizeIs(1));
  EXPECT_EQ(open_writes(stack).front().user, "app");
  EXPECT_TRUE(open_writes(stack).front().in_transaction);
  EXPECT_TRUE(before->query(kInsert).is_ok()) << "it goes on under its flags";
  EXPECT_TRUE(before->query("COMMIT").is_ok());
  EXPECT_TRUE(support::eventually([&] { return open_writes(stack).empty(); }));
  thaw(stack);
  EXPECT_TRUE(after->query(kUpdate).is_ok());
}

}  // namespace
}  // namespace crossfade::proxy
