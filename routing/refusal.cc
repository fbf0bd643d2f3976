// What a client hears when its statement is refused. Never a word of the statement itself: a message
// ends up in logs.
#include "protocol/error_codes.h"
#include "routing/plan.h"

namespace crossfade::routing {
namespace {

protocol::Err unsupported(const StatementFacts& statement) {
  if (statement.facts.has(Fact::unknown_function) &&
      (statement.kind == StatementKind::select || statement.kind == StatementKind::do_ ||
       statement.kind == StatementKind::set || statement.kind == StatementKind::explain ||
       statement.kind == StatementKind::show || statement.kind == StatementKind::call)) {
    return not_supported(
        "crossfade: this statement calls a function that is not a known built-in and may write; while writes are "
        "duplicated, replace the call by plain SQL");
  }
  if (statement.facts.has(Fact::into)) {
    return not_supported(
        "crossfade: SELECT ... INTO a file is not supported while writes are duplicated; read the rows with a plain "
        "SELECT");
  }
  if (statement.sets_global) {
    return not_supported(
        "crossfade: setting global variables is not supported while writes are duplicated; set them on each backend "
        "directly");
  }
  if (statement.kind == StatementKind::load_data) {
    return not_supported(
        "crossfade: LOAD DATA from a file of the server's cannot be duplicated: the other server does not have it; use "
        "LOAD DATA LOCAL INFILE");
  }
  if (statement.kind == StatementKind::call) {
    return not_supported(
        "crossfade: this form of CALL is not understood; while writes are duplicated, write CALL [schema.]procedure "
        "(arguments)");
  }
  if (statement.kind == StatementKind::unknown) {
    return not_supported(
        "crossfade: this statement is not understood and may write; while writes are duplicated, rewrite it or run it "
        "on each backend directly");
  }
  return not_supported(
      "crossfade: statements of the kind '" + std::string(name(statement.kind)) +
      "' are not supported while writes are duplicated; use plain INSERT, UPDATE, DELETE and SELECT, or "
      "run it on each backend directly");
}

}  // namespace

protocol::Err not_supported(std::string message) {
  return {protocol::kErrNotSupportedYet, "42000", std::move(message)};
}

protocol::Err refusal(Reason reason, const StatementFacts& statement) {
  switch (reason) {
    case Reason::freeze:
      return {1290, "HY000",
              "crossfade: writes are frozen (freeze_writes in the flags); try again when the freeze is over"};
    case Reason::ddl:
      return not_supported(
          "crossfade: schema changes are refused while writes are duplicated; stop writes and run it on both backends "
          "directly, or finish the migration first");
    case Reason::multi_statement_not_negotiated:
      return {
          1064, "42000",
          "crossfade: You have an error in your SQL syntax; check the manual that corresponds to your server version "
          "for the right syntax to use near ';': the client did not ask for several statements in one text; send them "
          "one by one or connect with CLIENT_MULTI_STATEMENTS"};
    case Reason::read_committed:
      return not_supported(
          "crossfade: writes under READ COMMITTED or READ UNCOMMITTED cannot be duplicated in order; set the "
          "transaction "
          "isolation to REPEATABLE READ or SERIALIZABLE");
    case Reason::unparseable:
      return {
          1064, "42000",
          "crossfade: You have an error in your SQL syntax: a string, a quoted name or a comment does not end, or a "
          "character stands where none may; check the quotes"};
    case Reason::mixed_tables:
      return not_supported(
          "crossfade: this statement names temporary and base tables together; while writes are duplicated, name the "
          "temporary tables in a statement of their own");
    case Reason::rename_temporary:
      return not_supported(
          "crossfade: RENAME TABLE of a temporary table means its base table to MySQL; use ALTER TABLE ... RENAME");
    case Reason::temporary_table_limit:
      return not_supported("crossfade: this session has " + std::to_string(TemporaryTables::kMax) +
                           " temporary tables, which is as many as are followed; drop some of them first");
    case Reason::temporary_table_name:
      return not_supported(
          "crossfade: names of temporary tables must be ASCII while writes are duplicated, because servers fold other "
          "letters in their own ways");
    case Reason::write_lock:
      return not_supported(
          "crossfade: LOCK TABLES ... WRITE is not supported while writes are duplicated: a recorded write needs a "
          "transaction, and to begin one gives table locks up; use a transaction with SELECT ... FOR UPDATE, or LOCK "
          "TABLES ... READ");
    case Reason::xa:
      return not_supported(
          "crossfade: XA transactions are not supported while writes are duplicated: one that is prepared could be "
          "committed by another connection, past the record of its writes; use BEGIN and COMMIT, or run it after the "
          "migration");
    case Reason::statement_variables:
      return not_supported(
          "crossfade: a write behind SET STATEMENT can be duplicated when only max_statement_time, lock_wait_timeout "
          "or "
          "innodb_lock_wait_timeout is set for it; set the others for the session");
    case Reason::hides_writes:
      return not_supported(
          "crossfade: sql_log_bin, binlog_format, binlog_row_image and binlog_row_value_options cannot be set while "
          "writes are duplicated from the leader's row log: it would no longer tell every write; leave them as they "
          "are");
    case Reason::temporary_table:
    case Reason::table_stopped:
    case Reason::tables_locked:
    case Reason::handler:
    case Reason::unsupported_statement:
    case Reason::leader_leads:
    case Reason::read_percent:
    case Reason::kill_switch:
    case Reason::in_transaction:
    case Reason::transaction_wrote:
    case Reason::locks_rows:
    case Reason::not_a_known_read:
    case Reason::session_state:
    case Reason::pinned:
    case Reason::follower_unusable:
    case Reason::user_variable:
    case Reason::dual_write_off:
    case Reason::dual_write:
    case Reason::several_statements:
      return unsupported(statement);
  }
  return unsupported(statement);
}

}  // namespace crossfade::routing
