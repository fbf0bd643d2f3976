#include "proxy/session_login.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::BlockingSocket;
using support::Client;
using support::ProxyStack;
using ::testing::HasSubstr;

protocol::Greeting greeting_of(BlockingSocket& client) {
  std::uint8_t sequence = 0;
  const auto message = client.read_message(&sequence);
  return message ? protocol::decode_greeting(*message).value_or(protocol::Greeting()) : protocol::Greeting();
}

// The leader's connections that were not left in good order, once all have ended.
std::size_t abandoned(ProxyStack& stack) {
  EXPECT_TRUE(stack.all_quiet());
  return stack.leader().abandoned();
}

TEST(SessionLogin, GreetsWithTheLeadersVersionAndConnectionId) {
  ProxyStack stack;
  const auto one = stack.connect_raw();
  const protocol::Greeting first = greeting_of(*one);
  const auto two = stack.connect_raw();
  const protocol::Greeting second = greeting_of(*two);
  EXPECT_EQ(first.server_version, "5.5.5-10.11.19-MariaDB");
  EXPECT_NE(first.connection_id, 0u);
  EXPECT_GT(second.connection_id, first.connection_id);
  EXPECT_EQ(first.status, protocol::kStatusAutocommit);
  EXPECT_EQ(first.capabilities & protocol::kLongPassword, 0u);
}

TEST(SessionLogin, AClientThatOnlyKnocksLeavesNoOpenLoginOnTheLeader) {
  ProxyStack stack;
  const std::size_t before = stack.leader().logins("control");
  for (int i = 0; i < 30; ++i) greeting_of(*stack.connect_raw());
  EXPECT_TRUE(support::eventually([&] { return stack.leader().logins("control") == before + 30; }));
  EXPECT_EQ(abandoned(stack), 0u);
}

TEST(SessionLogin, AWrongPasswordLeavesNoOpenLoginOnTheLeader) {
  ProxyStack stack;
  const std::size_t before = stack.leader().logins("control");
  Client::Options wrong;
  wrong.password = "wrong";
  for (int i = 0; i < 30; ++i) EXPECT_THAT(std::string(stack.try_connect(wrong).status().message()), HasSubstr("1045"));
  EXPECT_TRUE(support::eventually([&] { return stack.leader().logins("control") == before + 30; }));
  EXPECT_EQ(abandoned(stack), 0u);
  EXPECT_EQ(stack.leader().logins("app"), 0u);
}

TEST(SessionLogin, ASilentClientIsLeftAtTheDeadlineAndItsConnectionInGoodOrder) {
  ProxyStack stack(
      {.tune = [](config::Config& config) { config.limits.login_timeout = std::chrono::milliseconds(100); }});
  const auto client = stack.connect_raw();
  greeting_of(*client);
  std::uint8_t sequence = 0;
  EXPECT_FALSE(client->read_message(&sequence).has_value());
  EXPECT_EQ(abandoned(stack), 0u);
}

// One deadline for the whole login: the server's own clock runs meanwhile.
TEST(SessionLogin, DribblingDoesNotStretchTheDeadline) {
  ProxyStack stack(
      {.tune = [](config::Config& config) { config.limits.login_timeout = std::chrono::milliseconds(100); }});
  const auto client = stack.connect_raw();
  greeting_of(*client);
  const std::uint8_t byte[] = {1};
  EXPECT_TRUE(support::eventually([&] { return !client->write(byte) || stack.leader().logins("control") > 1; }));
  EXPECT_EQ(abandoned(stack), 0u);
}

TEST(SessionLogin, TheLeadersRefusalIsTheFirstPacketByteForByte) {
  ProxyStack stack;
  // As the servers send it ahead of a greeting: without a SQLSTATE.
  protocol::Buffer refusal = {0xff, 0x10, 0x04};
  protocol::put_text(refusal, "Too many connections");
  stack.leader().refuse_with(refusal);
  const auto client = stack.connect_raw();
  std::uint8_t sequence = 0;
  const auto message = client->read_message(&sequence);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(*message, refusal);
  EXPECT_EQ(sequence, 1);
  stack.leader().refuse_with({});
  EXPECT_TRUE(stack.try_connect({}).ok());
}

TEST(SessionLogin, AnUnreachableLeaderIsNamedInTheFirstPacket) {
  ProxyStack stack;
  stack.leader().go_down();
  const auto client = stack.connect_raw();
  std::uint8_t sequence = 0;
  const auto message = client->read_message(&sequence);
  ASSERT_TRUE(message.has_value());
  const auto err = protocol::decode_err(*message);
  ASSERT_TRUE(err.ok());
  EXPECT_EQ(err->code, protocol::kErrServerShutdown);
  EXPECT_THAT(err->message, HasSubstr("backend 'old'"));
  EXPECT_EQ(sequence, 1);
}

TEST(SessionLogin, TheGreetedConnectionIsTheOneThatIsLoggedIn) {
  ProxyStack stack;
  const std::size_t before = stack.leader().logins("control");
  const auto client = stack.connect();
  EXPECT_EQ(stack.leader().logins("app"), 1u);
  EXPECT_EQ(stack.leader().connections("app"), 1u);
  EXPECT_EQ(stack.leader().logins("control"), before);
}

}  // namespace
}  // namespace crossfade::proxy
