#include "routing/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "routing/classify.h"

namespace crossfade::routing {
namespace {

using config::Backend;
using config::Percent;

// A session and flags under which everything that may move moves, and everything that may be shadowed is.
struct Case {
  SessionFacts session{.user = "app", .schema = "shop", .client_host = "10.0.0.1", .session_key = 7};
  config::Flags flags;
  Backend leader = Backend::old_db;
  std::uint32_t draw = 0;

  Case() {
    flags.read_from_new.percent = Percent::from_ppm(Percent::kWhole);
    flags.shadow_read.percent = Percent::from_ppm(Percent::kWhole);
  }
  Plan plan(std::string_view sql) const { return make_plan(classify(sql, {}), session, flags, leader, draw); }
};

Plan leader_plan(Action action, Reason reason) { return {action, Backend::old_db, false, reason}; }

TEST(Plan, KeepsReadsBesideTemporaryTablesAndLocksWithTheLeader) {
  Case c;
  c.session.tables_locked = true;
  EXPECT_EQ(c.plan("SELECT a FROM t"), leader_plan(Action::relay, Reason::tables_locked));
  c.session.tables_locked = false;
  TemporaryTables tables;
  c.session.temporary_tables = &tables;
  EXPECT_EQ(c.plan("SELECT a FROM t").answer_from, Backend::new_db);
  tables.add({.schema = {}, .table = "tmp"}, "shop");
  EXPECT_EQ(c.plan("SELECT a FROM t"), leader_plan(Action::relay, Reason::temporary_table));
}

TEST(Plan, MovesAndShadowsAPlainRead) {
  const Case c;
  EXPECT_EQ(c.plan("SELECT a FROM t"), (Plan{Action::relay, Backend::new_db, true, Reason::read_percent}));
}

TEST(Plan, KeepsReadsWithANewLeader) {
  Case c;
  c.leader = Backend::new_db;
  EXPECT_EQ(c.plan("SELECT a FROM t"), (Plan{Action::relay, Backend::new_db, true, Reason::leader_leads}));
}

TEST(Plan, ShadowsNothingThatCannotBeRepeated) {
  const Case c;
  for (const std::string_view sql : {"SELECT NOW()", "SELECT RAND()", "SELECT UUID()"}) {
    EXPECT_EQ(c.plan(sql), (Plan{Action::relay, Backend::new_db, false, Reason::read_percent})) << sql;
  }
}

TEST(Plan, ShadowsTheShareThatIsDrawn) {
  Case c;
  c.flags.shadow_read.percent = Percent::from_ppm(1000);
  c.draw = 999;
  EXPECT_TRUE(c.plan("SELECT 1").shadow);
  c.draw = 1000;
  EXPECT_FALSE(c.plan("SELECT 1").shadow);
}

TEST(Plan, KeepsReadsWithTheLeaderForAReason) {
  Case pinned;
  pinned.session.pinned_to_leader = true;
  EXPECT_EQ(pinned.plan("SELECT 1"), leader_plan(Action::relay, Reason::pinned));
  Case killed;
  killed.flags.kill_switch = true;
  EXPECT_EQ(killed.plan("SELECT 1"), leader_plan(Action::relay, Reason::kill_switch));
  Case lagging;
  lagging.session.follower_usable = false;
  EXPECT_EQ(lagging.plan("SELECT 1"), (Plan{Action::relay, Backend::old_db, true, Reason::follower_unusable}));
  Case server;
  server.session.schema = "Information_Schema";
  EXPECT_EQ(server.plan("SELECT 1 FROM tables"), leader_plan(Action::relay, Reason::session_state));
}

TEST(Plan, DrawsOncePerTransaction) {
  Case c;
  c.session.in_transaction = true;
  EXPECT_EQ(c.plan("SELECT 1"), (Plan{Action::relay, Backend::new_db, false, Reason::read_percent}));
  c.session.transaction_drawn = true;
  c.session.transaction_reads = Backend::old_db;
  EXPECT_EQ(c.plan("SELECT 1"), leader_plan(Action::relay, Reason::in_transaction));
  c.session.transaction_reads = Backend::new_db;
  c.flags.read_from_new.percent = Percent();
  EXPECT_EQ(c.plan("SELECT 1"), (Plan{Action::relay, Backend::new_db, false, Reason::in_transaction}));
}

TEST(Plan, DrawsByTheChosenKey) {
  using Key = config::BucketBy::Key;
  Case c;
  c.flags.read_from_new.percent = Percent::from_ppm(500'000);
  for (const Key key : {Key::session, Key::user, Key::schema, Key::client_host}) {
    c.flags.read_from_new.by.key = key;
    int moved = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const std::string text = std::to_string(i);
      Case one = c;
      one.session.session_key = i;
      one.session.user = one.session.schema = one.session.client_host = text;
      moved += one.plan("SELECT 1").answer_from == Backend::new_db ? 1 : 0;
    }
    EXPECT_GT(moved, 60);
    EXPECT_LT(moved, 140);
  }
}

TEST(Plan, KeepsAReadWithoutTheHintThatDraws) {
  Case c;
  c.flags.read_from_new.by = {config::BucketBy::Key::hint, "tenant"};
  EXPECT_EQ(c.plan("SELECT 1").answer_from, Backend::old_db);
  EXPECT_EQ(c.plan("/* crossfade: tenant=1 */ SELECT 1").answer_from, Backend::new_db);
}

TEST(Plan, FollowsTheFirstRuleThatHasTheKey) {
  Case c;
  config::Rule shadow_only;
  shadow_only.match.tables = {"orders"};
  shadow_only.shadow_read = config::ShadowReadFlags{};
  config::Rule stay;
  stay.match.schema = "SHOP";
  stay.match.tables = {"Orders"};
  stay.read_from_new = config::ReadFromNewFlags{};
  c.flags.rules = {shadow_only, stay};
  EXPECT_EQ(c.plan("SELECT a FROM orders"), (Plan{Action::relay, Backend::old_db, false, Reason::leader_leads}));
  EXPECT_EQ(c.plan("SELECT a FROM shop.orders").answer_from, Backend::old_db);
  EXPECT_EQ(c.plan("SELECT a FROM other.orders"), (Plan{Action::relay, Backend::new_db, false, Reason::read_percent}));
  EXPECT_TRUE(c.plan("SELECT a FROM items").shadow);
}

template <typename Member, typename Value>
config::RuleMatch with(Member config::RuleMatch::*member, const Value& value) {
  config::RuleMatch match;
  match.*member = value;
  return match;
}

TEST(Plan, MatchesRulesByUserDigestHintAndSchema) {
  using Hint = std::map<std::string, std::string>;
  const auto moved = [](const config::RuleMatch& match, std::string_view sql) {
    Case c;
    c.flags.read_from_new.percent = Percent();
    config::Rule rule;
    rule.match = match;
    rule.read_from_new = config::ReadFromNewFlags{Percent::from_ppm(Percent::kWhole), {}};
    c.flags.rules = {rule};
    return c.plan(sql).answer_from == Backend::new_db;
  };
  EXPECT_TRUE(moved(with(&config::RuleMatch::user, "APP"), "SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::user, "other"), "SELECT 1"));
  EXPECT_TRUE(moved(with(&config::RuleMatch::digest, classify("SELECT 5", {}).digest), "SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::digest, std::uint64_t{1}), "SELECT 1"));
  EXPECT_TRUE(moved(with(&config::RuleMatch::hint, Hint{{"canary", "1"}}), "/* crossfade: canary=1 */ SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::hint, Hint{{"canary", "1"}}), "/* crossfade: canary=2 */ SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::hint, Hint{{"canary", "1"}}), "SELECT 1"));
  EXPECT_TRUE(moved(with(&config::RuleMatch::schema, "shop"), "SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::schema, "crm"), "SELECT 1"));
  EXPECT_FALSE(moved(with(&config::RuleMatch::tables, std::vector<std::string>{"t"}), "SELECT 1"));
}

TEST(Plan, FreezesWritesAndNothingElse) {
  Case c;
  c.flags.freeze_writes = true;
  for (const std::string_view sql :
       {"INSERT INTO t VALUES (1)", "REPLACE t VALUES (1)", "UPDATE t SET a=1", "DELETE FROM t", "DROP TABLE t",
        "CALL a.b.c()", "LOAD DATA INFILE 'x' INTO TABLE t", "SELECT f(1)", "NONSENSE"}) {
    for (const bool enabled : {true, false}) {
      c.flags.dual_write.enabled = enabled;
      EXPECT_EQ(c.plan(sql).reason, Reason::freeze) << sql;
    }
  }
  c.flags.dual_write.enabled = true;
  EXPECT_EQ(c.plan("SELECT 1").action, Action::relay);
  EXPECT_EQ(c.plan("COMMIT").action, Action::commit);
  EXPECT_EQ(c.plan("SELECT 1 FOR UPDATE").action, Action::relay);
  EXPECT_EQ(c.plan("CALL p()").reason, Reason::freeze);
}

TEST(Plan, DecidesOnSeveralStatements) {
  Case c;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 2").reason, Reason::multi_statement_not_negotiated);
  c.session.client_multi_statements = true;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t"), leader_plan(Action::relay, Reason::dual_write));
  c.flags.freeze_writes = true;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 2"), leader_plan(Action::relay, Reason::leader_leads));
  // What one leaves in the session another asks for, a write, an error behind a result: each by itself.
  for (const std::string_view sql :
       {"SELECT 1; DELETE FROM t", "BEGIN; DELETE FROM t; COMMIT", "SELECT 1; SELECT ROW_COUNT()",
        "SELECT 1; SHOW WARNINGS", "SELECT SQL_CALC_FOUND_ROWS 1; SELECT FOUND_ROWS()", "SELECT 1; SELECT 'x",
        "SELECT 1; SELEC 2"}) {
    EXPECT_EQ(c.plan(sql), leader_plan(Action::split, Reason::several_statements)) << sql;
  }
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").action, Action::split);
  c.flags.freeze_writes = false;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 'x").action, Action::relay);
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t"), leader_plan(Action::relay, Reason::dual_write_off));
}

TEST(Plan, SplitsSeveralStatementsWhereSchemaChangesAreAnnounced) {
  Case c;
  c.session.client_multi_statements = true;
  const char* const changing[] = {"DROP TABLE IF EXISTS t; CREATE TABLE t (a INT)",
                                  "BEGIN; ALTER TABLE t ADD b INT; COMMIT", "INSERT INTO t VALUES (1); TRUNCATE t",
                                  "DO 1; OPTIMIZE TABLE t"};
  for (const char* sql : changing) EXPECT_EQ(c.plan(sql).action, Action::relay) << sql;
  c.session.announces_schema_changes = true;
  for (const bool on : {true, false}) {
    c.flags.dual_write.enabled = on;
    for (const char* sql : changing)
      EXPECT_EQ(c.plan(sql), leader_plan(Action::split, Reason::several_statements)) << sql;
    EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").action, Action::relay);
    EXPECT_EQ(c.plan("DROP TABLE t; SELECT 'x").action, Action::relay) << "nobody knows where its statements end";
    EXPECT_EQ(c.plan("DROP TABLE t;").action, Action::relay);
  }
}

TEST(Plan, RelaysEverythingButSessionStatementsWithoutDualWrite) {
  Case c;
  c.flags.dual_write.enabled = false;
  for (const std::string_view sql : {"INSERT INTO t VALUES (1)", "DROP TABLE t", "SELECT 1", "SELECT f(1)", "CALL p()",
                                     "NONSENSE", "SHOW WARNINGS"}) {
    EXPECT_EQ(c.plan(sql), leader_plan(Action::relay, Reason::dual_write_off)) << sql;
  }
  EXPECT_EQ(c.plan("BEGIN").action, Action::begin);
  EXPECT_EQ(c.plan("SET a=1").action, Action::set);
  EXPECT_EQ(c.plan("SET GLOBAL a=1").action, Action::set);
  EXPECT_EQ(c.plan("USE a").action, Action::use);
  EXPECT_EQ(c.plan("SELECT 'a").reason, Reason::unparseable);  // it may hide a second statement
  c.session.client_multi_statements = true;
  EXPECT_EQ(c.plan("SELECT 'a").action, Action::relay);
}

TEST(Plan, SendsAKillToWhoeverKnowsTheIds) {
  Case c;
  EXPECT_EQ(c.plan("KILL 5").action, Action::kill);
  EXPECT_EQ(c.plan("KILL QUERY 5").action, Action::kill);
  EXPECT_EQ(c.plan("KILL USER bob").action, Action::kill);
  EXPECT_EQ(c.plan("KILL f(1)").action, Action::kill);
  c.flags.freeze_writes = true;
  EXPECT_EQ(c.plan("KILL f(1)").reason, Reason::freeze);  // it may write
}

TEST(Plan, EndsATransactionInEveryForm) {
  Case c;
  for (const std::string_view sql : {"COMMIT", "COMMIT AND CHAIN", "COMMIT AND NO CHAIN RELEASE", "COMMIT RELEASE"}) {
    EXPECT_EQ(c.plan(sql).action, Action::commit) << sql;
  }
  EXPECT_EQ(c.plan("ROLLBACK AND CHAIN").action, Action::rollback);
}

}  // namespace
}  // namespace crossfade::routing
