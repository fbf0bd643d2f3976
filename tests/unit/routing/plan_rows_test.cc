// make_plan where the leader's row log is followed: what is no known read is relayed as it is.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "routing/classify.h"
#include "routing/command_plan.h"
#include "routing/plan.h"
#include "routing/session_effect.h"

namespace crossfade::routing {
namespace {

using config::Backend;
using config::Percent;

// Under these flags everything that may move moves, and everything that may be shadowed is.
struct RowsCase {
  SessionFacts session{.user = "app", .schema = "shop", .client_host = "10.0.0.1", .session_key = 7};
  config::Flags flags;

  RowsCase() {
    session.duplication = Duplication::rows;
    flags.read_from_new.percent = Percent::from_ppm(Percent::kWhole);
    flags.shadow_read.percent = Percent::from_ppm(Percent::kWhole);
  }
  Plan plan(std::string_view sql) const { return make_plan(classify(sql, {}), session, flags, Backend::old_db, 0); }
};

Plan on_leader(Action action, Reason reason) { return {action, Backend::old_db, false, reason}; }

struct Row {
  std::string_view sql;
  Action action;
  Reason reason;
};

TEST(PlanRows, DecidesEachKindOfStatement) {
  using A = Action;
  using R = Reason;
  const Row rows[] = {
      {"", A::relay, R::leader_leads},
      {"INSERT INTO t VALUES (UUID())", A::relay, R::dual_write},
      {"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a=a+1", A::relay, R::dual_write},
      {"INSERT INTO t SELECT * FROM u", A::relay, R::dual_write},
      {"INSERT INTO t VALUES (1) RETURNING a", A::relay, R::dual_write},
      {"REPLACE t VALUES (1)", A::relay, R::dual_write},
      {"UPDATE t SET a=1", A::relay, R::dual_write},
      {"UPDATE t, u SET t.a=u.a", A::relay, R::dual_write},
      {"DELETE FROM t", A::relay, R::dual_write},
      {"WITH x AS (SELECT 1) DELETE FROM t", A::relay, R::dual_write},
      {"SET STATEMENT sql_mode='' FOR INSERT INTO t VALUES (1)", A::relay, R::dual_write},
      {"SET STATEMENT max_statement_time=1 FOR CALL p()", A::relay, R::dual_write},
      {"SET STATEMENT max_statement_time=1 FOR SELECT a FROM t", A::relay, R::session_state},
      {"SET STATEMENT sql_log_bin=0 FOR INSERT INTO t VALUES (1)", A::refuse, R::hides_writes},
      {"CREATE TABLE t (a INT)", A::relay, R::dual_write},
      {"CREATE TABLE t AS SELECT f(1)", A::relay, R::dual_write},
      {"CREATE TEMPORARY TABLE t (a INT)", A::relay, R::dual_write},
      {"CREATE PROCEDURE p() BEGIN DELETE FROM t; DELETE FROM u; END", A::relay, R::dual_write},
      {"ALTER TABLE t ADD b INT", A::relay, R::dual_write},
      {"DROP TABLE t", A::relay, R::dual_write},
      {"TRUNCATE t", A::relay, R::dual_write},
      {"RENAME TABLE t TO u", A::relay, R::dual_write},
      {"GRANT SELECT ON t TO u", A::relay, R::dual_write},
      {"SET PASSWORD = 'x'", A::relay, R::dual_write},
      {"CALL p()", A::relay, R::dual_write},
      {"CALL p(f(1))", A::relay, R::dual_write},
      {"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", A::relay, R::dual_write},
      {"LOAD DATA INFILE 'x' INTO TABLE t", A::relay, R::dual_write},
      {"LOCK TABLES t WRITE", A::relay, R::dual_write},
      {"LOCK TABLES t READ", A::relay, R::dual_write},
      {"UNLOCK TABLES", A::relay, R::dual_write},
      {"HANDLER t OPEN", A::relay, R::dual_write},
      {"PREPARE s FROM 'INSERT INTO t VALUES (1)'", A::relay, R::dual_write},
      {"EXECUTE s", A::relay, R::dual_write},
      {"EXECUTE IMMEDIATE 'DELETE FROM t'", A::relay, R::dual_write},
      {"DEALLOCATE PREPARE s", A::relay, R::dual_write},
      {"XA START 'x'", A::relay, R::dual_write},
      {"XA COMMIT 'x'", A::relay, R::dual_write},
      {"XA RECOVER", A::relay, R::dual_write},
      {"OPTIMIZE TABLE t", A::relay, R::dual_write},
      {"BEGIN NOT ATOMIC DELETE FROM t", A::relay, R::dual_write},
      {"FROBNICATE", A::relay, R::dual_write},
      {"DO f(1)", A::relay, R::not_a_known_read},
      {"SELECT f(1)", A::relay, R::not_a_known_read},
      {"SELECT a FROM t FOR UPDATE", A::relay, R::locks_rows},
      {"SELECT a FROM t INTO OUTFILE 'x'", A::relay, R::not_a_known_read},
      {"SELECT @a", A::relay, R::user_variable},
      {"SELECT @@sql_mode", A::relay, R::session_state},
      {"SHOW TABLES", A::relay, R::session_state},
      {"EXPLAIN SELECT 1", A::relay, R::session_state},
      {"SHOW WARNINGS", A::warnings, R::session_state},
      {"SIGNAL SQLSTATE '45000'", A::relay, R::session_state},
      {"BEGIN", A::begin, R::leader_leads},
      {"COMMIT", A::commit, R::leader_leads},
      {"ROLLBACK", A::rollback, R::leader_leads},
      {"SAVEPOINT \xc3\xa9", A::relay, R::leader_leads},
      {"ROLLBACK TO SAVEPOINT s", A::relay, R::leader_leads},
      {"RELEASE SAVEPOINT s", A::relay, R::leader_leads},
      {"USE other", A::use, R::session_state},
      {"KILL 5", A::kill, R::leader_leads},
      {"KILL f(1)", A::kill, R::leader_leads},
      {"SET autocommit=0", A::set, R::session_state},
      {"SET GLOBAL max_connections=5", A::set, R::session_state},
      {"SET a=f(1)", A::set, R::session_state},
      {"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", A::set, R::session_state},
      {"SET session_track_gtids=OWN_GTID", A::set, R::session_state},
  };
  const RowsCase c;
  for (const Row& row : rows) EXPECT_EQ(c.plan(row.sql), on_leader(row.action, row.reason)) << row.sql;
}

TEST(PlanRows, KnownReadsAreRoutedAndShadowedAsEver) {
  RowsCase c;
  const Plan moved{Action::relay, Backend::new_db, true, Reason::read_percent};
  EXPECT_EQ(c.plan("SELECT a FROM t"), moved);
  c.session.follower_usable = false;
  EXPECT_EQ(c.plan("SELECT a FROM t").reason, Reason::follower_unusable);
  c.session.follower_usable = true;
  c.flags.kill_switch = true;
  EXPECT_EQ(c.plan("SELECT a FROM t"), on_leader(Action::relay, Reason::kill_switch));
}

TEST(PlanRows, ReadsOfStoppedTablesStayWithTheLeaderAndAreNotShadowed) {
  RowsCase c;
  c.session.reads_stopped_tables = Known::yes;
  EXPECT_EQ(c.plan("SELECT a FROM t"), on_leader(Action::relay, Reason::table_stopped));
}

// What bears on a read that would leave the leader, and what it comes to.
TEST(PlanRows, AReadThatWouldLeaveTheLeaderAsksForWhatIsNotKnown) {
  constexpr Known kNo = Known::no;
  constexpr Known kYes = Known::yes;
  constexpr Known kUnknown = Known::unknown;
  const Plan moved{Action::relay, Backend::new_db, true, Reason::read_percent};
  const Plan ask = on_leader(Action::ask, Reason::session_state);
  struct Case {
    Known repeatable;
    Known stopped;
    Plan plan;
  };
  const Case cases[] = {
      {kYes, kNo, moved},
      {kYes, kUnknown, ask},
      {kYes, kYes, on_leader(Action::relay, Reason::table_stopped)},
      {kUnknown, kNo, ask},
      {kUnknown, kUnknown, ask},
      {kUnknown, kYes, on_leader(Action::relay, Reason::table_stopped)},
      {kNo, kNo, on_leader(Action::relay, Reason::pinned)},
      {kNo, kUnknown, on_leader(Action::relay, Reason::pinned)},
      {kNo, kYes, on_leader(Action::relay, Reason::table_stopped)},
  };
  for (const Case& one : cases) {
    RowsCase c;
    c.session.repeatable = one.repeatable;
    c.session.reads_stopped_tables = one.stopped;
    EXPECT_EQ(c.plan("SELECT a FROM t"), one.plan);
  }
}

TEST(PlanRows, NothingIsAskedForAStatementThatStaysWithTheLeader) {
  RowsCase c;
  c.session.repeatable = c.session.reads_stopped_tables = Known::unknown;
  for (const std::string_view sql : {"INSERT INTO t VALUES (1)", "SELECT a FROM t FOR UPDATE", "SELECT @@sql_mode",
                                     "SHOW TABLES", "BEGIN", "SET a=1"}) {
    EXPECT_NE(c.plan(sql).action, Action::ask) << sql;
  }
  c.flags.shadow_read.percent = Percent();
  EXPECT_EQ(c.plan("SELECT a FROM t").action, Action::ask);
  c.flags.read_from_new.percent = Percent();
  EXPECT_EQ(c.plan("SELECT a FROM t"), on_leader(Action::relay, Reason::leader_leads));
  c.flags.shadow_read.percent = Percent::from_ppm(Percent::kWhole);
  EXPECT_EQ(c.plan("SELECT a FROM t").action, Action::ask);  // a comparison leaves it, too
}

TEST(PlanRows, WhatTheStatementBeforeHasLeftIsAskedOfWhoeverAnsweredIt) {
  RowsCase c;
  c.session.last_answered = Backend::new_db;
  for (const std::string_view sql : {"SHOW WARNINGS", "SELECT @@warning_count", "SHOW COUNT(*) ERRORS"}) {
    EXPECT_EQ(c.plan(sql), (Plan{Action::warnings, Backend::new_db, false, Reason::session_state})) << sql;
  }
  EXPECT_EQ(c.plan("SELECT FOUND_ROWS()"), (Plan{Action::relay, Backend::new_db, false, Reason::session_state}));
  EXPECT_EQ(c.plan("SELECT FOUND_ROWS(), f(1)").answer_from, Backend::old_db);
  c.session.execution = Execution::anywhere;
  EXPECT_EQ(c.plan("SHOW WARNINGS"), on_leader(Action::warnings, Reason::session_state));
  EXPECT_EQ(c.plan("SELECT FOUND_ROWS()"), on_leader(Action::relay, Reason::session_state));
}

TEST(PlanRows, AnExecutionThatTheOtherSideCannotRepeatStaysWithTheLeader) {
  RowsCase c;
  c.session.execution = Execution::anywhere;
  EXPECT_EQ(c.plan("SELECT a FROM t"), (Plan{Action::relay, Backend::new_db, true, Reason::read_percent}));
  c.session.execution = Execution::leader_only;
  EXPECT_EQ(c.plan("SELECT a FROM t"), on_leader(Action::relay, Reason::session_state));
}

TEST(PlanRows, FlagsMoveOrShadowReadsByAnyRule) {
  config::Flags none;
  EXPECT_FALSE(moves_reads(none));
  EXPECT_FALSE(shadows_reads(none));
  config::Flags all = none;
  all.read_from_new.percent = all.shadow_read.percent = Percent::from_ppm(1);
  EXPECT_TRUE(moves_reads(all));
  EXPECT_TRUE(shadows_reads(all));
  config::Flags rules = none;
  config::Rule rule;
  rule.read_from_new = config::ReadFromNewFlags{Percent::from_ppm(1), {}};
  rule.shadow_read = config::ShadowReadFlags{Percent::from_ppm(1)};
  rules.rules = {config::Rule(), rule};
  EXPECT_TRUE(moves_reads(rules));
  EXPECT_TRUE(shadows_reads(rules));
}

TEST(PlanRows, SetsThatHideWritesFromTheLogAreRefusedInEveryForm) {
  RowsCase c;
  c.session.client_multi_statements = true;
  const std::string_view texts[] = {
      "SET sql_log_bin=0",
      "SET @@session.sql_log_bin = OFF",
      "SET SESSION binlog_format='STATEMENT'",
      "SET GLOBAL binlog_format='MIXED'",
      "SET autocommit=1, `BINLOG_ROW_IMAGE` := 'MINIMAL'",
      "SET binlog_row_value_options=PARTIAL_JSON",
      "SET PERSIST binlog_row_image=MINIMAL",
      "SET \"sql_log_bin\"=0",
      "SET STATEMENT sql_log_bin=(SELECT 0) FOR DELETE FROM t",
      "SELECT 1; SET sql_log_bin=0",
      "INSERT INTO t VALUES (1); SET STATEMENT sql_log_bin=0 FOR DELETE FROM t",
      "PREPARE s FROM 'SET sql_log_bin=0'",
      "EXECUTE IMMEDIATE 'SET sql_log_bin=0'",
      "PREPARE s FROM 'EXECUTE IMMEDIATE \"SET sql_log_bin=0\"'",
      "/*!40101 SET sql_log_bin=0 */",
  };
  for (const std::string_view text : texts) {
    EXPECT_EQ(c.plan(text), on_leader(Action::refuse, Reason::hides_writes)) << text;
  }
  for (const std::string_view text : {"SELECT 'sql_log_bin'", "SELECT @@sql_log_bin", "SET @sql_log_bin=0"}) {
    EXPECT_NE(c.plan(text).action, Action::refuse) << text;
  }
}

TEST(PlanRows, TheSameSetsPassWhereNoLogIsFollowed) {
  RowsCase c;
  c.flags.dual_write.enabled = false;
  EXPECT_EQ(c.plan("SET sql_log_bin=0").action, Action::set);
}

TEST(PlanRows, AFreezeRefusesWhateverMayWrite) {
  RowsCase c;
  c.flags.freeze_writes = true;
  c.session.client_multi_statements = true;
  for (const std::string_view text :
       {"INSERT INTO t VALUES (1)", "CALL p()", "EXECUTE s", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "SELECT f(1)",
        "CREATE TABLE t (a INT)", "XA COMMIT 'x'", "FROBNICATE", "GRANT SELECT ON t TO u"}) {
    EXPECT_EQ(c.plan(text), on_leader(Action::refuse, Reason::freeze)) << text;
  }
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").action, Action::split);
  EXPECT_EQ(c.plan("XA RECOVER").action, Action::relay);
  EXPECT_EQ(c.plan("COMMIT").action, Action::commit);
}

TEST(PlanRows, SeveralStatementsAndWhatCannotBeReadAreRelayedWhereTheClientMaySendSeveral) {
  RowsCase c;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t").reason, Reason::multi_statement_not_negotiated);
  EXPECT_EQ(c.plan("SELECT 'a").reason, Reason::unparseable);
  c.session.client_multi_statements = true;
  EXPECT_EQ(c.plan("SELECT 1; DELETE FROM t"), on_leader(Action::relay, Reason::dual_write));
  EXPECT_EQ(c.plan("SELECT 'a"), on_leader(Action::relay, Reason::dual_write));
}

TEST(PlanRows, CommandsThatChangeSchemasAreRelayedButForAFreeze) {
  config::Flags flags;
  constexpr std::uint8_t kCreateDb = 0x05;
  EXPECT_EQ(plan_command(kCreateDb, flags).relay, protocol::ResponseKind::ok_or_err);
  flags.freeze_writes = true;
  EXPECT_EQ(plan_command(kCreateDb, flags).refusal.code, 1290);
}

TEST(SessionEffect, TellsWhatAStatementMayLeaveInItsSession) {
  using E = SessionEffect;
  const auto effect = [](std::string_view sql) { return session_effect(classify(sql, {}), sql); };
  const std::pair<std::string_view, E> cases[] = {
      {"SELECT a FROM t", E::nothing},
      {"INSERT INTO t VALUES (1)", E::nothing},
      {"INSERT INTO t VALUES (f(1))", E::not_followed},
      {"SELECT f(1)", E::not_followed},
      {"CALL p()", E::not_followed},
      {"EXECUTE s", E::not_followed},
      {"BEGIN NOT ATOMIC SET sql_mode='' ", E::not_followed},
      {"SELECT 1; DELETE FROM t", E::not_followed},
      {"SELECT 'a", E::not_followed},
      {"SET ROLE r", E::untold},
      {"GRANT SELECT ON t TO u", E::nothing},
      {"CREATE TABLE t (a INT)", E::objects},
      {"CREATE TEMPORARY TABLE t (a INT)", E::objects},
      {"CREATE TEMPORARY SEQUENCE s", E::not_followed},
      {"LOCK TABLES t WRITE", E::locks},
      {"UNLOCK TABLES", E::objects},
      {"FLUSH TABLES WITH READ LOCK", E::locks},
      {"FLUSH STATUS", E::nothing},
      {"OPTIMIZE TABLE t", E::nothing},
      {"XA START 'x'", E::nothing},
  };
  for (const auto& [sql, expected] : cases) EXPECT_EQ(effect(sql), expected) << sql;
}

}  // namespace
}  // namespace crossfade::routing
