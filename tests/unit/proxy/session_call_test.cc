#include <map>
#include <mutex>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "session_writes.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using support::Answer;
using support::ProxyStack;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Procedures of the schema shop, by name; nullopt: the body is not shown to the control account.
class Procedures {
 public:
  explicit Procedures(ProxyStack& stack) {
    stack.leader().set_script([this](const std::string& user, const std::string& sql) { return answer(user, sql); });
  }
  void define(const std::string& name, std::optional<std::string> body) {
    const std::lock_guard lock(mutex_);
    bodies_[name] = std::move(body);
  }
  void fail_calls_with(std::uint16_t code) {
    const std::lock_guard lock(mutex_);
    code_ = code;
  }
  std::size_t looks() const {
    const std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  std::optional<Answer> answer(const std::string& user, const std::string& sql) {
    const std::lock_guard lock(mutex_);
    if (sql.find("information_schema.ROUTINES") != std::string::npos) return Answer::of({"COUNT(*)"}, {{"0"}});
    if (sql.starts_with("CALL ")) return code_ == 0 ? Answer::done() : Answer::failed(code_, "40001", "as told");
    constexpr std::string_view kShow = "SHOW CREATE PROCEDURE `shop`.`";
    if (!sql.starts_with(kShow)) return std::nullopt;
    const std::string name = sql.substr(kShow.size(), sql.size() - kShow.size() - 1);
    const auto found = bodies_.find(name);
    if (user == "control") ++looks_;
    if (found == bodies_.end()) return Answer::failed(1305, "42000", "PROCEDURE does not exist");
    std::optional<std::string> create;
    if (found->second) create = "CREATE DEFINER=`a`@`b` PROCEDURE `" + name + "`() " + *found->second;
    return Answer::of({"Procedure", "sql_mode", "Create Procedure", "character_set_client", "collation_connection",
                       "Database Collation"},
                      {{name, "", create, "utf8mb4", "utf8mb4_bin", "utf8mb4_bin"}});
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::string>> bodies_;
  std::uint16_t code_ = 0;
  std::size_t looks_ = 0;
};

TEST(SessionCall, AReadingProcedureIsLookedUpOnceAndCalled) {
  ProxyStack stack;
  Procedures procedures(stack);
  procedures.define("p", "SELECT 1");
  const auto client = stack.connect();
  EXPECT_TRUE(client->query("CALL p()").is_ok());
  EXPECT_TRUE(client->query("CALL shop.p()").is_ok());
  EXPECT_TRUE(client->query("CALL p()").is_ok());
  EXPECT_EQ(procedures.looks(), 1u);
}

TEST(SessionCall, AWritingOneNeverReachesTheLeader) {
  ProxyStack stack;
  Procedures procedures(stack);
  procedures.define("p", "BEGIN SELECT 1;\nDELETE FROM t; END");
  procedures.define("q", "CALL p()");
  procedures.define("hidden", std::nullopt);
  const auto client = stack.connect();
  EXPECT_THAT(client->query("CALL p()").err.message, HasSubstr("CALL of shop.p is refused"));
  EXPECT_THAT(client->query("CALL q()").err.message, HasSubstr("CALL of shop.p is refused"));
  EXPECT_THAT(client->query("CALL hidden()").err.message, HasSubstr("SELECT on mysql.proc"));
  EXPECT_EQ(client->prepare("CALL p()"), 0u);
  for (const std::string& packet : stack.leader().packets("app")) EXPECT_FALSE(packet.starts_with("CALL")) << packet;
}

TEST(SessionCall, OneThatNobodyKnowsIsTheServersToRefuse) {
  ProxyStack stack;
  Procedures procedures(stack);
  procedures.fail_calls_with(1305);
  EXPECT_EQ(stack.connect()->query("CALL gone()").code(), 1305);
}

TEST(SessionCall, WhatItCallsIsJudgedUpToALimit) {
  ProxyStack stack;
  Procedures procedures(stack);
  const std::size_t most = RoutineCache::kCalledMax;
  for (std::size_t i = 1; i < most; ++i) {
    procedures.define("p" + std::to_string(i), "BEGIN CALL p" + std::to_string(i + 1) + "; CALL p1; END");
  }
  procedures.define("p" + std::to_string(most), "SELECT 1");
  const auto client = stack.connect();
  EXPECT_TRUE(client->query("CALL p1()").is_ok());
  ProxyStack more;
  Procedures longer(more);
  for (std::size_t i = 1; i <= most; ++i) {
    longer.define("p" + std::to_string(i), "CALL p" + std::to_string(i + 1));
  }
  longer.define("p" + std::to_string(most + 1), "SELECT 1");
  EXPECT_THAT(more.connect()->query("CALL p1()").err.message, HasSubstr("more procedures than are looked at"));
}

TEST(SessionCall, AnErrorThatOnlySaysDeadlockLeavesTheRecord) {
  for (const bool lost : {false, true}) {
    ProxyStack stack;
    Procedures procedures(stack);
    procedures.define("p", "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213");
    procedures.fail_calls_with(protocol::kErrDeadlock);
    const auto client = stack.connect();
    client->query("BEGIN");
    ASSERT_TRUE(client->query(kInsert).is_ok());
    if (lost) stack.leader().arm({.kind = support::Fault::Kind::lose_transaction, .at = 0, .on = "CALL"});
    EXPECT_EQ(client->query("CALL p()").code(), protocol::kErrDeadlock);
    stack.leader().disarm();
    EXPECT_TRUE(client->query("COMMIT").is_ok());
    EXPECT_THAT(stack.leader().database().contents().outbox_history, SizeIs(lost ? 0 : 1));
  }
}

TEST(SessionCall, UnderAutocommitOffOneThatCatchesErrorsNeedsAnEmptyTransaction) {
  ProxyStack stack;
  Procedures procedures(stack);
  procedures.define("p", "BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; SELECT 1; END");
  const auto client = stack.connect();
  ASSERT_TRUE(client->query("SET autocommit=0").is_ok());
  EXPECT_TRUE(client->query("CALL p()").is_ok());
  ASSERT_TRUE(client->query(kInsert).is_ok());
  EXPECT_THAT(client->query("CALL p()").err.message, HasSubstr("autocommit=0"));
  ASSERT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_TRUE(client->query("CALL p()").is_ok());
}

}  // namespace
}  // namespace crossfade::proxy
