#include "proxy/session/login/login.h"

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

TEST(SessionLogin, TooManyClientsAreToldSoWithoutASqlstate) {
  ProxyStack stack({.tune = [](config::Config& config) { config.limits.connections_max = 1; }});
  const auto one = stack.connect();
  const auto two = stack.connect_raw();
  std::uint8_t sequence = 0;
  const auto message = two->read_message(&sequence);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(protocol::as_text(*message), "\xff\x10\x04Too many connections");
  EXPECT_EQ(stack.leader().abandoned(), 0u);
}

TEST(SessionLogin, TheGreetedConnectionIsTheOneThatIsLoggedIn) {
  ProxyStack stack;
  const std::size_t before = stack.leader().logins("control");
  const auto client = stack.connect();
  EXPECT_TRUE(support::eventually([&] { return stack.leader().connections("app") == 1; }));
  EXPECT_EQ(stack.leader().logins("app"), 1u);
  EXPECT_EQ(stack.leader().logins("control"), before);
}

TEST(SessionLogin, AUserWithAllItsConnectionsGetsTheServersError) {
  ProxyStack stack({.app_connections_max = 2});
  auto one = stack.connect();
  const auto two = stack.connect();
  const std::string refused(stack.try_connect({}).status().message());
  EXPECT_EQ(refused, "1203 User app already has more than 'max_user_connections' active connections");
  one.reset();
  EXPECT_TRUE(support::eventually([&] { return stack.try_connect({}).ok(); }));
}

ProxyStack::Options from_client(std::chrono::milliseconds ttl = std::chrono::minutes(1)) {
  ProxyStack::Options options;
  options.tune = [ttl](config::Config& config) {
    config.learned_users.enabled = true;
    config.learned_users.cache_ttl = ttl;
  };
  options.unix_clients = true;
  return options;
}

Client::Options as_other(std::string password = "secret") {
  Client::Options options;
  options.user = "other";
  options.password = std::move(password);
  options.secure_transport = true;
  return options;
}

TEST(SessionLogin, APasswordIsLearnedFromFullAuthenticationAndTriedOnTheLeader) {
  ProxyStack stack(from_client());
  const auto first = stack.connect(as_other());
  EXPECT_TRUE(first->full_authentication());
  EXPECT_TRUE(support::eventually([&] { return stack.leader().connections("other") == 1; }));
  const auto second = stack.connect(as_other());
  EXPECT_FALSE(second->full_authentication());
  EXPECT_TRUE(second->query("SELECT v FROM t").kind == support::Reply::Kind::rows);
}

TEST(SessionLogin, APasswordThatTheLeaderRefusesIsNotLearned) {
  ProxyStack stack(from_client());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(std::string(stack.try_connect(as_other("wrong")).status().message()),
                HasSubstr("1045 Access denied for user 'other'@"));
  }
  stack.on_worker([](Worker& worker) { EXPECT_EQ(worker.shared.users.learned(), 0u); });
  EXPECT_TRUE(stack.connect(as_other())->full_authentication());
  EXPECT_FALSE(stack.connect(as_other())->full_authentication());
}

TEST(SessionLogin, AnExpiredPasswordIsAskedForAgain) {
  ProxyStack stack(from_client(std::chrono::milliseconds(0)));
  EXPECT_TRUE(stack.connect(as_other())->full_authentication());
  EXPECT_TRUE(stack.connect(as_other())->full_authentication());
}

TEST(SessionLogin, WithoutASecureConnectionNoPasswordIsAskedFor) {
  ProxyStack::Options options = from_client();
  options.unix_clients = false;
  ProxyStack stack(options);
  Client::Options open = as_other();
  open.secure_transport = false;
  EXPECT_THAT(std::string(stack.try_connect(open).status().message()), HasSubstr("1045"));
}

protocol::Buffer change_to(const std::string& user) {
  protocol::ChangeUser change;
  change.user = user;
  change.schema = "elsewhere";
  change.collation = 45;
  change.auth_plugin = protocol::kNativePassword;
  return protocol::encode_change_user(change, protocol::kSupported);
}

// What MariaDB says of its character sets before a failed change of user resets the session.
void answer_charsets(ProxyStack& stack) {
  stack.leader().set_script([](const std::string&, const std::string& sql) -> std::optional<support::Answer> {
    if (sql.starts_with("SELECT @@character_set_client"))
      return support::Answer::of({"a", "b", "c"}, {{"latin1", std::nullopt, "latin1_swedish_ci"}});
    return std::nullopt;
  });
}

TEST(SessionLogin, AChangeOfUserKeepsTheLeadersConnection) {
  ProxyStack stack(from_client());
  const auto client = stack.connect(as_other());
  ASSERT_TRUE(client->query("BEGIN").is_ok());
  const support::Reply changed = client->change_user(change_to("app"), "secret");
  EXPECT_TRUE(changed.is_ok()) << static_cast<int>(changed.kind) << " " << changed.err.message;
  EXPECT_EQ(stack.leader().connections("other"), 0u);
  EXPECT_EQ(stack.leader().connections("app"), 1u);
  EXPECT_EQ(stack.leader().logins("app"), 0u);  // no new connection
  EXPECT_EQ(client->query("COMMIT").ok.status & protocol::kStatusInTransaction, 0);
}

TEST(SessionLogin, AChangeToTheSameUserTakesNoSecondPlace) {
  ProxyStack stack({.app_connections_max = 1});
  answer_charsets(stack);
  const auto client = stack.connect();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client->change_user(change_to("app"), "secret").is_ok());
  EXPECT_EQ(client->change_user(change_to("app"), "wrong").code(), 1045);
  EXPECT_THAT(std::string(stack.try_connect({}).status().message()), HasSubstr("1203"));
}

TEST(SessionLogin, ALearnedUserMayChangeToAnotherOneAndFailAndTryAgain) {
  ProxyStack stack(from_client());
  const auto client = stack.connect(as_other());
  EXPECT_EQ(client->change_user(change_to("nobody"), "secret").code(), 1045);
  EXPECT_TRUE(client->change_user(change_to("app"), "secret").is_ok());
  EXPECT_TRUE(client->change_user(change_to("other"), "secret").is_ok());
  EXPECT_EQ(stack.leader().connections("other"), 1u);
}

TEST(SessionLogin, AFailedChangeOfUserLeavesTheOldOneOnMariadbThreeTimes) {
  ProxyStack stack;
  answer_charsets(stack);
  const auto client = stack.connect();
  ASSERT_TRUE(client->query("BEGIN").is_ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client->change_user(change_to("nobody"), "secret").code(), 1045);
  EXPECT_EQ(client->change_user(change_to("app"), "secret").code(), 1047);
  EXPECT_THAT(
      stack.leader().packets("app"),
      testing::Contains(
          "SET character_set_client='latin1',character_set_results=NULL,collation_connection='latin1_swedish_ci'"));
  EXPECT_TRUE(client->query("SELECT v FROM t").kind == support::Reply::Kind::rows);
  EXPECT_EQ(stack.leader().connections("app"), 1u);
}

TEST(SessionLogin, AFailedChangeOfUserEndsTheConnectionOnMysql) {
  ProxyStack::Options options;
  options.leader = {.name = "old", .version = "9.7.4", .without = 0};
  ProxyStack stack(options);
  const auto client = stack.connect();
  EXPECT_EQ(client->change_user(change_to("nobody"), "secret").code(), 1045);
  EXPECT_TRUE(client->closed());
}

}  // namespace
}  // namespace crossfade::proxy
