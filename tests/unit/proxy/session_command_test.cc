#include <string>

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
using ::testing::SizeIs;

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

}  // namespace
}  // namespace crossfade::proxy
