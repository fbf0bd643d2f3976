#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/session/session.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::ProxyStack;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
  EXPECT_THAT(written(stack.leader()), ElementsAre(kInsert));
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
