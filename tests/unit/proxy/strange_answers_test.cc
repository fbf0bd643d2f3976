// A server that answers the proxy's own questions with anything but what was asked for: no row, other columns, NULL.
// Nothing is read past what came, nobody stands still, and once it answers as it should all goes on.
#include <atomic>

#include "gtest/gtest.h"
#include "protocol/command.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::eventually;
using support::ProxyStack;

// A part of each question's text.
constexpr const char* kQuestions[] = {
    "DATABASE()",         "TABLES",          "SHOW WARNINGS", "@@warning_count", "@@wait_timeout",
    "SHOW GLOBAL STATUS", "@@session_track", "gtid"};

ServerAnswer strange(std::size_t number) {
  switch (number % 6) {
    case 0:
      return ServerAnswer::of({"a"}, {});
    case 1:
      return ServerAnswer::of({"a"}, {{std::nullopt}});
    case 2:
      return ServerAnswer::done();
    case 3:
      return ServerAnswer::of({"a", "b"}, {{"1", std::nullopt}, {"2", "x"}});
    case 4:
      return ServerAnswer::of(std::vector<std::string>(30, "a"), {std::vector<protocol::Cell>(30, protocol::Cell())});
    default:
      return ServerAnswer::failed(1105, "HY000", "no");
  }
}

bool is_question(const std::string& sql) { return sql.starts_with("SELECT") || sql.starts_with("SHOW"); }

// What clients do; how it ends is not what is looked at.
void run_clients(ProxyStack& stack) {
  auto client = stack.try_connect({});
  if (!client.ok()) return;
  for (const char* sql :
       {"INSERT INTO t (v) VALUES (1)", "SHOW WARNINGS", "UPDATE t SET v=2, made=NOW() WHERE id=1", "BEGIN",
        "UPDATE t SET v=3 WHERE id=1", "COMMIT", "SELECT 1 FROM t", "GET DIAGNOSTICS @a=NUMBER", "CALL p()",
        "PREPARE s FROM @q", "SET SESSION time_zone='+01:00'", "SELECT LAST_INSERT_ID()",
        "CREATE TEMPORARY TABLE x (id INT)", "ALTER TABLE x RENAME y", "LOAD DATA LOCAL INFILE 'f' INTO TABLE t"}) {
    const support::Reply reply = (*client)->query(sql);
    if (reply.kind == support::Reply::Kind::closed || reply.kind == support::Reply::Kind::timed_out) return;
  }
}

TEST(StrangeAnswers, EndNothingButTheConnectionThatTheyCameOn) {
  config::Flags flags;
  flags.dual_write.ack = config::Ack::both;
  flags.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole);
  ProxyStack stack(ProxyStack::Options{.flags = flags});
  for (const char* question : kQuestions) {
    SCOPED_TRACE(question);
    std::atomic<std::size_t> asked{0};
    const auto script = [&asked, question](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      if (!is_question(sql) || sql.find(question) == std::string::npos) return std::nullopt;
      return strange(asked++);
    };
    stack.leader().set_script(script);
    stack.follower().set_script(script);
    for (int i = 0; i < 2; ++i) {
      for (support::FakeBackend* backend : {&stack.leader(), &stack.follower()}) {
        backend->go_down();
        backend->come_back();
      }
      run_clients(stack);
    }
    stack.leader().set_script(nullptr);
    stack.follower().set_script(nullptr);
    stack.leader().go_down();  // whatever a connection has learned of it is forgotten
    stack.leader().come_back();
    EXPECT_TRUE(eventually([&stack] {
      auto client = stack.try_connect({});
      return client.ok() && (*client)->query("UPDATE t SET v=4 WHERE id=1").is_ok();
    }));
  }
}

}  // namespace
}  // namespace crossfade::proxy
