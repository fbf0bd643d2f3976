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

struct Row {
  std::string_view sql;
  Action action;
  Reason reason;
};

TEST(Plan, DecidesEachKindOfStatementUnderDualWrite) {
  using A = Action;
  using R = Reason;
  const Row rows[] = {
      {"", A::relay, R::leader_leads},
      {"INSERT INTO t VALUES (1)", A::write, R::dual_write},
      {"REPLACE t VALUES (1)", A::write, R::dual_write},
      {"UPDATE t SET a=1", A::write, R::dual_write},
      {"DELETE FROM t", A::write, R::dual_write},
      {"WITH x AS (SELECT 1) DELETE FROM t", A::write, R::dual_write},
      {"SET STATEMENT max_statement_time=1 FOR INSERT INTO t VALUES (1)", A::write, R::dual_write},
      {"SET STATEMENT sql_mode='' FOR INSERT INTO t VALUES (1)", A::refuse, R::statement_variables},
      {"SET STATEMENT lock_wait_timeout=1, a=1 FOR UPDATE t SET a=1", A::refuse, R::statement_variables},
      {"SET STATEMENT max_statement_time=1 FOR SELECT a FROM t", A::relay, R::session_state},
      {"SET STATEMENT max_statement_time=1 FOR CALL p()", A::refuse, R::unsupported_statement},
      {"CREATE TABLE t (a INT)", A::refuse, R::ddl},
      {"CREATE TEMPORARY TABLE t (a INT)", A::session_only, R::temporary_table},
      {"CREATE TEMPORARY TABLE t SELECT f(1)", A::refuse, R::ddl},
      {"CREATE TEMPORARY TABLE \xc3\xa9 (a INT)", A::refuse, R::temporary_table_name},
      {"CREATE TEMPORARY SEQUENCE s", A::refuse, R::ddl},
      {"DROP TEMPORARY TABLE t", A::session_only, R::temporary_table},
      {"DROP TABLE t", A::refuse, R::ddl},
      {"TRUNCATE t", A::refuse, R::ddl},
      {"GRANT ALL ON a TO b", A::refuse, R::unsupported_statement},
      {"CALL p()", A::call, R::session_state},
      {"CALL `app`.p (1, @x, (SELECT LAST_INSERT_ID()))", A::call, R::session_state},
      {"CALL p", A::call, R::session_state},
      {"CALL p(f(1))", A::refuse, R::unsupported_statement},
      {"CALL p(app.f(1))", A::refuse, R::unsupported_statement},
      {"CALL a.b.c()", A::refuse, R::unsupported_statement},
      {"CALL p() x", A::call, R::session_state},  // the server's to refuse
      {"LOAD DATA INFILE 'x' INTO TABLE t", A::refuse, R::unsupported_statement},
      {"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", A::load, R::dual_write},
      {"LOCK TABLES t READ, u AS v READ LOCAL", A::commit_first, R::tables_locked},
      {"LOCK TABLES t READ, u WRITE", A::refuse, R::write_lock},
      {"LOCK INSTANCE FOR BACKUP", A::refuse, R::write_lock},
      {"UNLOCK TABLES", A::session_only, R::tables_locked},
      {"XA START 'a'", A::refuse, R::xa},
      {"XA RECOVER", A::relay, R::session_state},
      {"HANDLER t OPEN", A::session_only, R::handler},
      {"HANDLER t READ FIRST WHERE f(a)", A::refuse, R::unsupported_statement},
      {"PREPARE s FROM 'x'", A::sql_prepare, R::session_state},
      {"PREPARE s FROM f(1)", A::refuse, R::unsupported_statement},
      {"EXECUTE s", A::sql_prepare, R::session_state},
      {"DEALLOCATE PREPARE s", A::sql_prepare, R::session_state},
      {"OPTIMIZE TABLE t", A::refuse, R::unsupported_statement},
      {"CHECKSUM TABLE t", A::relay, R::leader_leads},
      {"NONSENSE", A::refuse, R::unsupported_statement},
      {"SELECT 1 INTO OUTFILE 'x'", A::refuse, R::unsupported_statement},
      {"SELECT f(1)", A::refuse, R::unsupported_statement},
      {"DO f(1)", A::refuse, R::unsupported_statement},
      {"SET @a = f(1)", A::refuse, R::unsupported_statement},
      {"EXPLAIN SELECT f(1)", A::refuse, R::unsupported_statement},
      {"ANALYZE UPDATE t SET a=1", A::refuse, R::unsupported_statement},
      {"SET GLOBAL a=1", A::refuse, R::unsupported_statement},
      {"SELECT 'a", A::refuse, R::unparseable},
      {"BEGIN", A::begin, R::leader_leads},
      {"COMMIT", A::commit, R::leader_leads},
      {"ROLLBACK", A::rollback, R::leader_leads},
      {"SAVEPOINT a", A::savepoint, R::leader_leads},
      {"RELEASE SAVEPOINT a", A::release_savepoint, R::leader_leads},
      {"ROLLBACK TO a", A::rollback_to_savepoint, R::leader_leads},
      {"SET a=1", A::set, R::session_state},
      {"SET TRANSACTION READ ONLY", A::set, R::session_state},
      {"USE a", A::use, R::session_state},
      {"SHOW WARNINGS", A::warnings, R::session_state},
      {"SELECT @@warning_count", A::warnings, R::session_state},
      {"GET DIAGNOSTICS @a = ROW_COUNT", A::warnings, R::session_state},
      {"SIGNAL SQLSTATE '45000'", A::relay, R::session_state},
      {"SHOW TABLES", A::relay, R::session_state},
      {"DESC t", A::relay, R::session_state},
      {"EXPLAIN SELECT 1", A::relay, R::session_state},
      {"SELECT 1 FOR UPDATE", A::relay, R::locks_rows},
      {"SELECT 1 INTO @a", A::relay, R::user_variable},
      {"SELECT @a", A::relay, R::user_variable},
      {"SELECT GET_LOCK('a',1)", A::relay, R::session_state},
      {"DO GET_LOCK('a',1)", A::relay, R::session_state},
      {"SELECT LAST_INSERT_ID(5)", A::relay, R::session_state},
      {"SELECT SLEEP(1)", A::relay, R::not_a_known_read},
      {"SELECT DATABASE()", A::relay, R::session_state},
      {"SELECT FOUND_ROWS()", A::relay, R::session_state},
      {"SELECT SQL_CALC_FOUND_ROWS 1", A::relay, R::session_state},
      {"SELECT 1 /*!80000 INTO OUTFILE 'x' */", A::relay, R::session_state},
  };
  const Case c;
  for (const Row& row : rows)
    EXPECT_EQ(c.plan(row.sql), leader_plan(row.action, row.reason)) << row.sql << ": " << name(c.plan(row.sql).reason);
}

TEST(Plan, LeavesWhatConcernsTemporaryTablesToTheSession) {
  using A = Action;
  using R = Reason;
  const Row rows[] = {
      {"INSERT INTO tmp VALUES (1)", A::session_only, R::temporary_table},
      {"INSERT INTO shop.tmp SELECT * FROM t", A::session_only, R::temporary_table},
      {"REPLACE tmp VALUES (1)", A::session_only, R::temporary_table},
      {"UPDATE LOW_PRIORITY tmp AS x SET a=1", A::session_only, R::temporary_table},
      {"DELETE QUICK FROM tmp WHERE a=1", A::session_only, R::temporary_table},
      {"INSERT INTO tmp VALUES (f(1))", A::refuse, R::unsupported_statement},
      {"INSERT INTO other.tmp VALUES (1)", A::write, R::dual_write},
      {"INSERT INTO t SELECT * FROM tmp", A::write, R::dual_write},
      {"UPDATE tmp JOIN t SET t.a=1", A::write, R::dual_write},
      {"UPDATE tmp, t SET t.a=1", A::write, R::dual_write},
      {"DELETE tmp FROM tmp JOIN t", A::write, R::dual_write},
      {"DELETE FROM tmp USING tmp JOIN t", A::write, R::dual_write},
      {"WITH x AS (SELECT 1) DELETE FROM tmp", A::write, R::dual_write},
      {"DROP TABLE tmp", A::commit_first, R::temporary_table},
      {"DROP TABLE IF EXISTS tmp, shop.two", A::commit_first, R::temporary_table},
      {"DROP TABLE tmp, t", A::refuse, R::mixed_tables},
      {"DROP TABLE tmp, (", A::refuse, R::ddl},
      {"TRUNCATE tmp", A::commit_first, R::temporary_table},
      {"ALTER TABLE tmp ADD x INT", A::commit_first, R::temporary_table},
      {"ALTER TABLE tmp RENAME COLUMN a TO b, RENAME TO \xc3\xa9", A::refuse, R::temporary_table_name},
      {"CREATE UNIQUE INDEX i USING BTREE ON tmp (a)", A::commit_first, R::temporary_table},
      {"DROP INDEX i ON tmp", A::commit_first, R::temporary_table},
      {"RENAME TABLE tmp TO x", A::refuse, R::rename_temporary},
      {"RENAME TABLE t TO x", A::refuse, R::ddl},
      {"SELECT a FROM t", A::relay, R::temporary_table},
  };
  Case c;
  TemporaryTables tables;
  tables.add({.schema = {}, .table = "tmp"}, "shop");
  tables.add({.schema = {}, .table = "two"}, "shop");
  c.session.temporary_tables = &tables;
  for (const Row& row : rows)
    EXPECT_EQ(c.plan(row.sql), leader_plan(row.action, row.reason)) << row.sql << ": " << name(c.plan(row.sql).reason);
}

TEST(Plan, LetsNoMoreTemporaryTablesThroughThanAreFollowed) {
  Case c;
  TemporaryTables tables;
  c.session.temporary_tables = &tables;
  while (!tables.full()) {
    EXPECT_EQ(c.plan("CREATE TEMPORARY TABLE t (a INT)").action, Action::session_only);
    tables.add({.schema = {}, .table = std::to_string(tables.size())}, "shop");
  }
  EXPECT_EQ(tables.size(), TemporaryTables::kMax);
  EXPECT_EQ(c.plan("CREATE TEMPORARY TABLE t (a INT)").reason, Reason::temporary_table_limit);
}

TEST(Plan, LeavesWritesUnderReadLocksToTheServersError) {
  Case c;
  c.session.tables_locked = true;
  c.session.read_committed = true;
  EXPECT_EQ(c.plan("INSERT INTO t VALUES (1)"), leader_plan(Action::session_only, Reason::tables_locked));
  EXPECT_EQ(c.plan("UNLOCK TABLES"), leader_plan(Action::commit_first, Reason::tables_locked));
  EXPECT_EQ(c.plan("SELECT a FROM t"), leader_plan(Action::relay, Reason::tables_locked));
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
  c.session.transaction_wrote = true;
  EXPECT_EQ(c.plan("SELECT 1"), leader_plan(Action::relay, Reason::transaction_wrote));
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
  EXPECT_EQ(c.plan("CALL p()").action, Action::call);  // refused if its procedure is not known to only read
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("CALL p()").reason, Reason::freeze);
}

TEST(Plan, RefusesWritesUnderReadCommitted) {
  Case c;
  c.session.read_committed = true;
  EXPECT_EQ(c.plan("UPDATE t SET a=1"), leader_plan(Action::refuse, Reason::read_committed));
  EXPECT_EQ(c.plan("SELECT 1").action, Action::relay);
}

TEST(Plan, DecidesOnSeveralStatements) {
  Case c;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 2").reason, Reason::multi_statement_not_negotiated);
  c.session.client_multi_statements = true;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 2"), leader_plan(Action::relay, Reason::leader_leads));
  // What one leaves in the session another asks for, a write, an error behind a result: each by itself.
  for (const std::string_view sql :
       {"SELECT 1; DELETE FROM t", "BEGIN; DELETE FROM t; COMMIT", "SELECT 1; SELECT ROW_COUNT()",
        "SELECT 1; SHOW WARNINGS", "SELECT SQL_CALC_FOUND_ROWS 1; SELECT FOUND_ROWS()", "SELECT 1; SELECT 'x",
        "SELECT 1; SELEC 2"}) {
    EXPECT_EQ(c.plan(sql), leader_plan(Action::split, Reason::several_statements)) << sql;
  }
  c.flags.freeze_writes = true;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").action, Action::split);
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").action, Action::split);
  c.flags.freeze_writes = false;
  EXPECT_EQ(c.plan("SELECT 1; SELECT 'x").action, Action::relay);
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t"), leader_plan(Action::relay, Reason::dual_write_off));
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
  EXPECT_EQ(c.plan("KILL f(1)").action, Action::refuse);  // it may write
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("KILL f(1)").action, Action::kill);
}

TEST(Plan, EndsATransactionInEveryForm) {
  Case c;
  for (const std::string_view sql : {"COMMIT", "COMMIT AND CHAIN", "COMMIT AND NO CHAIN RELEASE", "COMMIT RELEASE"}) {
    EXPECT_EQ(c.plan(sql).action, Action::commit) << sql;
  }
  EXPECT_EQ(c.plan("ROLLBACK AND CHAIN").action, Action::rollback);
}

TEST(Refusal, NamesItselfTheReasonAndNoLiteral) {
  const StatementFacts facts = classify("SELECT f('secret')", {});
  for (const Reason reason : {Reason::freeze, Reason::ddl, Reason::unsupported_statement,
                              Reason::multi_statement_not_negotiated, Reason::read_committed, Reason::unparseable}) {
    const protocol::Err refused = refusal(reason, facts);
    EXPECT_EQ(refused.message.rfind("crossfade:", 0), 0u) << refused.message;
    EXPECT_EQ(refused.message.find("secret"), std::string::npos);
    EXPECT_EQ(refused.sqlstate.size(), 5u);
    EXPECT_LT(refused.message.size(), 512u);  // an ERR packet's message
  }
  EXPECT_EQ(refusal(Reason::freeze, facts).code, 1290);
  EXPECT_EQ(refusal(Reason::unparseable, facts).code, 1064);
  EXPECT_EQ(refusal(Reason::multi_statement_not_negotiated, facts).code, 1064);
  EXPECT_NE(refusal(Reason::unsupported_statement, facts).message.find("not a known built-in"), std::string::npos);
}

TEST(Refusal, SaysWhichKindIsNotSupported) {
  const auto message = [](std::string_view sql) {
    return refusal(Reason::unsupported_statement, classify(sql, {})).message;
  };
  EXPECT_NE(message("XA START 'x'").find("'xa'"), std::string::npos);
  EXPECT_NE(message("CALL a.b.c()").find("CALL is not understood"), std::string::npos);
  EXPECT_NE(message("CALL p(f(1))").find("not a known built-in"), std::string::npos);
  EXPECT_NE(message("SELECT 1 INTO OUTFILE 'x'").find("INTO a file"), std::string::npos);
  EXPECT_NE(message("SET GLOBAL a=1").find("global"), std::string::npos);
  EXPECT_NE(message("NONSENSE").find("not understood"), std::string::npos);
}

}  // namespace
}  // namespace crossfade::routing
