#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/session/session.h"
#include "session_writes.h"
#include "tests/support/fake_feed.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::Client;
using support::Fault;
using support::ProxyStack;
using support::Reply;
using ::testing::SizeIs;

config::Flags all_reads_from_new() {
  config::Flags flags;
  flags.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole);
  return flags;
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
  support::FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{
      .flags = all_reads_from_new(),
      .tune = [](config::Config& config) { config.reads.read_your_writes_timeout = std::chrono::milliseconds(10); },
      .feed = &feed});
  const auto client = stack.connect();
  feed.set_applies(false);
  ASSERT_TRUE(client->query(kInsert).is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  feed.set_applies(true);
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
  const auto many_rows = [](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
    if (sql != "SELECT v, name FROM t") return std::nullopt;
    ServerAnswer answer = ServerAnswer::of({"v", "name"}, {});
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
  stack.leader().set_script([&](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
    if (sql != "SELECT name FROM t") return std::nullopt;
    return ServerAnswer::of({"name"}, {{large}});
  });
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT name FROM t").cell(), large);
}

}  // namespace
}  // namespace crossfade::proxy
