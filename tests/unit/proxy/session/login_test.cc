#include "proxy/session/login/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "protocol/error_codes.h"
#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using support::BlockingSocket;
using support::Client;
using support::ProxyStack;
using support::SessionParts;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// One login of one client, and what the session knows afterwards.
class Entering {
 public:
  Entering(ProxyStack& stack, Entrance entrance) : stack_(stack), parts_(stack) {
    parts_.with([&](Conversation& s) {
      s.identity.account = {};  // nobody yet
      s.state.known.set_schema("");
      login_ = std::make_unique<Login>(s, std::make_shared<const Entrance>(std::move(entrance)));
    });
    let_in_ = parts_.start<bool>([this](Conversation&) { return login_->log_in(); });
  }
  ~Entering() {
    stack_.on_worker([this](Worker&) { login_.reset(); });
  }
  // What the client hears: "" for OK.
  std::string as(const Client::Options& options) {
    auto client = Client::log_in(parts_.take_client(), options);
    if (!client.ok()) return std::string(client.status().message());
    client_ = *std::move(client);
    return "";
  }
  BlockingSocket& raw() {
    if (!raw_) raw_ = std::make_unique<BlockingSocket>(parts_.take_client());
    return *raw_;
  }
  void hang_up() { raw_.reset(); }
  Client& client() { return *client_; }
  bool let_in() { return let_in_.get(); }  // once
  void with(const std::function<void(Conversation&)>& work) { parts_.with(work); }
  // A COM_CHANGE_USER that comes now, answered with that password; what the handler answers.
  Answer change_user(const protocol::Buffer& command, const std::string& password) {
    auto answer = parts_.start<Answer>([this](Conversation& s) { return change_user_in(s, *login_); });
    std::thread client([&] { client_->change_user(command, password); });
    Answer given = answer.get();
    parts_.with([&](Conversation& s) {  // as the session's loop would: the client waits for the end
      s.site.reactor.spawn(say(s, given));
    });
    client.join();
    return given;
  }

 private:
  static Task<Answer> change_user_in(Conversation& s, Login& login) {
    s.client.begin_commands(1 << 20);
    auto command = co_await s.client.next_command();
    if (!command.ok() || !command->has_value()) co_return Gone();
    co_return co_await login.change_user(**command);
  }
  static Task<void> say(Conversation& s, Answer answer) { co_await deliver(s, std::move(answer)); }

  ProxyStack& stack_;
  SessionParts parts_;
  std::unique_ptr<Login> login_;
  std::future<bool> let_in_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<BlockingSocket> raw_;
};

Client::Options who(std::string user, std::string password) {
  Client::Options options;
  options.user = std::move(user);
  options.password = std::move(password);
  options.secure_transport = true;
  return options;
}

KnownUser listed_user(std::string password, KnownUser::Credential on_leader) {
  KnownUser user;
  user.secret.password = std::move(password);
  user.backend = {on_leader, on_leader};
  return user;
}

ProxyStack::Options options_with(bool learns) {
  ProxyStack::Options options;
  options.tune = [learns](config::Config& config) { config.learned_users.enabled = learns; };
  return options;
}

Entrance over_unix_socket() {
  Entrance entrance;
  entrance.is_unix = true;
  return entrance;
}

std::uint64_t failed_logins(ProxyStack& stack) {
  return stack.count([](const Counters& counters) { return counters.logins_failed.get(); });
}

// Who the client has proved to be, and what the leader says to that: what the client hears, and as whom the leader
// has the session.
TEST(Login, LetsInWhomBothTheProxyAndTheLeaderTake) {
  struct Row {
    const char* name;
    bool learns;
    const char* user;
    const char* password;
    const char* heard;  // "": let in
    const char* leader_has;
  };
  const Row rows[] = {
      {"a listed user", false, "app", "secret", "", "app"},
      {"a wrong password", false, "app", "wrong", "1045 Access denied for user 'app'@", nullptr},
      {"nobody", false, "nobody", "secret", "1045 Access denied for user 'nobody'@", nullptr},
      {"under another name on the leader", false, "alias", "mine", "", "other"},
      {"an account that the leader refuses", false, "own", "mine", "1045 Access denied for user", nullptr},
      {"another's that it refuses", false, "hidden", "mine", "1053 ", nullptr},
      {"no certificate", false, "certified", "mine", "1045 Access denied for user 'certified'@", nullptr},
      {"whom the leader judges", true, "other", "secret", "", "other"},
      {"whom it refuses", true, "other", "wrong", "1045 Access denied for user 'other'@", nullptr},
      {"asked in vain", true, "app", "wrong", "1045 Access denied for user 'app'@", nullptr},
      {"listed where others are judged", true, "app", "secret", "", "app"},
  };
  for (const Row& row : rows) {
    ProxyStack stack(options_with(row.learns));
    stack.on_worker([](Worker& worker) {
      KnownUser certified = listed_user("mine", {.user = "app", .password = "secret"});
      certified.certificate_required = true;
      worker.shared.users.list({{"app", listed_user("secret", {.user = "app", .password = "secret"})},
                                {"alias", listed_user("mine", {.user = "other", .password = "secret"})},
                                {"own", listed_user("mine", {.user = "own", .password = "mine"})},
                                {"hidden", listed_user("mine", {.user = "service", .password = "old"})},
                                {"certified", certified}});
    });
    Entering client(stack, over_unix_socket());
    const std::string heard = client.as(who(row.user, row.password));
    const bool welcome = row.heard[0] == '\0';
    EXPECT_EQ(client.let_in(), welcome) << row.name;
    if (!welcome) {
      EXPECT_THAT(heard, StartsWith(row.heard)) << row.name;
    } else {
      EXPECT_EQ(heard, "") << row.name;
    }
    EXPECT_THAT(heard, Not(HasSubstr("service"))) << "the name on the leader is the operator's matter";
    EXPECT_EQ(failed_logins(stack), welcome ? 0u : 1u) << row.name;
    client.with([&](Conversation& s) {
      EXPECT_EQ(s.leader.is_attached(), welcome) << row.name;
      EXPECT_EQ(s.site.shared.users.learned(), row.learns && std::string(row.user) == "other" && welcome ? 1u : 0u);
      if (welcome) {
        EXPECT_EQ(s.identity.account.name, row.user);
      }
    });
    if (welcome) {
      EXPECT_EQ(stack.leader().logins(row.leader_has), 1u) << row.name;
    }
  }
}

TEST(Login, GivesTheSessionItsIdentityAndTheLeadersAnswer) {
  ProxyStack stack;
  Entering client(stack, {});
  Client::Options options = who("app", "secret");
  options.capabilities |= protocol::kMultiStatements;
  ASSERT_EQ(client.as(options), "");
  ASSERT_TRUE(client.let_in());
  client.with([](Conversation& s) {
    EXPECT_EQ(s.identity.connection_id, s.leader.link().greeting().connection_id) << "which the client knows";
    EXPECT_TRUE(s.identity.multi_statements);
    EXPECT_EQ(s.identity.capabilities & protocol::kLongPassword, 0u) << "a MariaDB leader offers none";
    EXPECT_EQ(s.state.known.schema(), "shop");
    EXPECT_EQ(s.state.known.context(), nullptr) << "the server's defaults are its own matter";
    EXPECT_TRUE(s.state.known.lexer().mariadb);
    EXPECT_TRUE(s.state.transaction.autocommit());
    EXPECT_FALSE(s.state.transaction.open());
  });
}

TEST(Login, AUsersPlaceIsTakenByTheLoginAndGivenBackAtTheSessionsEnd) {
  ProxyStack stack({.app_connections_max = 1});
  {
    Entering first(stack, {});
    ASSERT_EQ(first.as(who("app", "secret")), "");
    ASSERT_TRUE(first.let_in());
    Entering second(stack, {});
    EXPECT_THAT(second.as(who("app", "secret")), StartsWith("1203 "));
    EXPECT_FALSE(second.let_in());
  }
  Entering third(stack, {});
  EXPECT_EQ(third.as(who("app", "secret")), "");
  EXPECT_TRUE(third.let_in());
}

TEST(Login, AClientThatLeavesOrTalksNonsenseIsNotLetIn) {
  ProxyStack stack;
  for (const bool talks : {false, true}) {
    Entering client(stack, {});
    std::uint8_t sequence = 0;
    ASSERT_TRUE(client.raw().read_message(&sequence).has_value()) << "the greeting";
    if (talks) {
      protocol::Buffer wire;
      protocol::append_message(wire, protocol::as_bytes("GET / HTTP/1.1"), sequence);
      ASSERT_TRUE(client.raw().write(wire));
      const auto answer = client.raw().read_message(&sequence);
      ASSERT_TRUE(answer.has_value());
      EXPECT_TRUE(protocol::decode_err(*answer).ok());
    }
    client.hang_up();
    EXPECT_FALSE(client.let_in());
    client.with([](Conversation& s) { EXPECT_FALSE(s.leader.is_attached()); });
  }
  EXPECT_EQ(stack.leader().logins("app"), 0u);
}

// Where a load balancer is to say whose connection it is, that comes first, and the client's name is what it says.
TEST(Login, BelievesTheHeaderThatItExpectsAndNothingElse) {
  struct Row {
    const char* header;
    const char* host;  // nullptr: not let in
  };
  const Row rows[] = {
      {"PROXY TCP4 10.1.2.3 10.0.0.1 4711 3306\r\n", "10.1.2.3"},
      {"PROXY TCP6 2001:db8::1 2001:db8::2 4711 3306\r\n", "2001:db8::1"},
      {"PROXY UNKNOWN\r\n", "localhost"},
      {"PROXY TCP4 nonsense\r\n", nullptr},
      {"GET / HTTP/1.1\r\n\r\n", nullptr},
      {"", nullptr},  // it leaves
  };
  for (const Row& row : rows) {
    ProxyStack stack;
    Entrance entrance = over_unix_socket();
    entrance.proxy_protocol.unix_clients = true;
    Entering client(stack, entrance);
    BlockingSocket& socket = client.raw();
    ASSERT_TRUE(socket.write(protocol::as_bytes(row.header)));
    std::uint8_t sequence = 0;
    const bool good = row.host != nullptr;
    if (row.header[0] == '\0') {
      client.hang_up();
    } else {
      const auto greeting = good ? socket.read_message(&sequence) : std::nullopt;
      EXPECT_EQ(greeting.has_value(), good) << row.header;
      if (good) client.hang_up();
    }
    EXPECT_FALSE(client.let_in()) << row.header;
    EXPECT_EQ(stack.count([](const Counters& counters) { return counters.proxy_headers_bad.get(); }), good ? 0u : 1u);
    client.with([&](Conversation& s) {
      if (!good) return;
      EXPECT_EQ(s.identity.host, row.host);
      EXPECT_EQ(s.identity.peer.host, row.host) << "which backends are told";
    });
  }
}

protocol::Buffer change_command(const std::string& user) {
  protocol::ChangeUser change;
  change.user = user;
  change.schema = "elsewhere";
  change.collation = 45;
  change.auth_plugin = protocol::kNativePassword;
  return protocol::encode_change_user(change, protocol::kSupported);
}

// Whether the session goes on, and as whom, by the leader's make and by who says no.
TEST(Login, AChangeOfUserGivesAFreshSessionOrTheOldUserOrNone) {
  struct Row {
    bool mariadb;
    const char* user;
    const char* password;
    bool changed;
    bool ends;
  };
  const Row rows[] = {
      {true, "alias", "mine", true, false},    {true, "alias", "wrong", false, false},
      {true, "refused", "mine", false, false},  // by the leader
      {false, "alias", "mine", true, false},   {false, "alias", "wrong", false, true},
      {false, "refused", "mine", false, true},
  };
  for (const Row& row : rows) {
    ProxyStack::Options options;
    if (!row.mariadb) options.leader = {.name = "old", .version = "9.7.4", .without = 0};
    ProxyStack stack(options);
    stack.leader().set_script([](const std::string&, const std::string& sql) -> std::optional<support::Answer> {
      if (!sql.starts_with("SELECT @@character_set_client")) return std::nullopt;
      return support::Answer::of({"a", "b", "c"}, {{"latin1", std::nullopt, "latin1_swedish_ci"}});
    });
    stack.on_worker([](Worker& worker) {
      worker.shared.users.list({{"app", listed_user("secret", {.user = "app", .password = "secret"})},
                                {"alias", listed_user("mine", {.user = "other", .password = "secret"})},
                                {"refused", listed_user("mine", {.user = "refused", .password = "old"})}});
    });
    Entering client(stack, {});
    ASSERT_EQ(client.as(who("app", "secret")), "");
    ASSERT_TRUE(client.let_in());
    client.with([](Conversation& s) {
      s.state.prepared.add({});
      s.leader.hold().note_last_insert_id();
    });
    const Answer answer = client.change_user(change_command(row.user), row.password);
    const auto* packet = std::get_if<Packet>(&answer);
    EXPECT_EQ(std::holds_alternative<protocol::Ok>(answer), row.changed) << row.user << row.mariadb;
    EXPECT_EQ(packet != nullptr && packet->then == Next::close, row.ends) << row.user << row.mariadb;
    if (!row.changed) {
      ASSERT_NE(packet, nullptr);
      EXPECT_EQ(protocol::decode_err(packet->payload).value_or(protocol::Err()).code, protocol::kErrAccessDenied);
    }
    client.with([&](Conversation& s) {
      EXPECT_EQ(s.identity.account.name, row.changed ? row.user : "app");
      EXPECT_EQ(s.state.known.schema(), row.changed ? "elsewhere" : "shop");
      if (row.ends) return;
      EXPECT_EQ(s.state.prepared.last(), 0u) << "the session is a fresh one";
      EXPECT_EQ(s.leader.hold().irreplaceable().empty(), row.changed) << "the old character sets stay";
      EXPECT_TRUE(s.leader.link().alive());
    });
  }
}

}  // namespace
}  // namespace crossfade::proxy
