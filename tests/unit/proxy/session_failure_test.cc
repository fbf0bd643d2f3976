#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "proxy/session/session.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::Client;
using support::Fault;
using support::ProxyStack;
using support::Reply;
using ::testing::ElementsAre;

// One way an application writes. Gives the reply on which it relies that the write is done.
struct Scenario {
  const char* name;
  std::vector<std::string> writes;  // what must have happened after an OK
  Reply (*run)(Client& client);
  std::size_t statements;  // that the leader is sent for it
};

class FailurePoint : public ::testing::TestWithParam<Scenario> {
 protected:
  // Whatever the client heard: never an OK without the write, nothing hangs, nothing leaks.
  static void check(ProxyStack& stack, const Reply& reply, const std::string& where) {
    SCOPED_TRACE(where);
    EXPECT_NE(reply.kind, Reply::Kind::timed_out);
    EXPECT_NE(reply.kind, Reply::Kind::broken);
    if (reply.is_ok()) {
      EXPECT_EQ(written(stack.leader()), GetParam().writes);
    }
    EXPECT_TRUE(stack.all_quiet());
  }

  // Fails statement 0, 1, 2, ... until the scenario runs through without meeting the fault: the leader's error is the
  // client's, a lost connection is one.
  static void fail_everywhere(Fault fault) {
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
      EXPECT_EQ(reply.is_ok(), !fired) << "at statement " << fault.at;
      if (fired && fault.kind == Fault::Kind::err) {
        EXPECT_EQ(reply.code(), fault.code);
      }
      if (!fired) break;
      ++failures;
      stack.leader().database().forget();
    }
    EXPECT_EQ(failures, GetParam().statements);
  }
};

TEST_P(FailurePoint, ADropBeforeAnyStatementNeverGivesAFalseOk) { fail_everywhere({.kind = Fault::Kind::drop_before}); }

TEST_P(FailurePoint, ADropAfterAnyStatementNeverGivesAFalseOk) { fail_everywhere({.kind = Fault::Kind::drop_after}); }

TEST_P(FailurePoint, AnErrorAtAnyStatementIsTheClients) { fail_everywhere({.kind = Fault::Kind::err, .code = 1205}); }

TEST_P(FailurePoint, ADeadlockAtAnyStatementIsTheClients) { fail_everywhere({.kind = Fault::Kind::err, .code = 1213}); }

INSTANTIATE_TEST_SUITE_P(
    Session, FailurePoint,
    ::testing::Values(Scenario{"Autocommit", {kInsert}, run_autocommit, 1},
                      Scenario{"Transaction", {kInsert, kUpdate}, run_transaction, 4},
                      Scenario{"Prepared", {"INSERT INTO t (id, v) VALUES (?, ?) /*1*/ /*10*/"}, run_prepared, 2}),
    [](const auto& scenario) { return std::string(scenario.param.name); });

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
  EXPECT_THAT(written(stack.leader()), ElementsAre(kInsert, kUpdate));
}

}  // namespace
}  // namespace crossfade::proxy
