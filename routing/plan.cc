#include "routing/plan.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/ascii.h"
#include "routing/bucket.h"
#include "routing/statement_prefix.h"

namespace crossfade::routing {

using protocol::is_ascii;
namespace {

constexpr std::string_view kReadSalt = "read_from_new";

bool equal_without_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (fold(left[i]) != fold(right[i])) return false;
  }
  return true;
}

// What the servers say of themselves is different on each of them.
bool is_server_schema(std::string_view schema) {
  for (const std::string_view name : {"information_schema", "performance_schema", "mysql", "sys"}) {
    if (equal_without_case(schema, name)) return true;
  }
  return false;
}

bool matches_table(const config::RuleMatch& match, std::string_view schema, std::string_view table) {
  if (match.schema.has_value() && !equal_without_case(*match.schema, schema)) return false;
  if (match.tables.empty()) return true;
  for (const std::string& wanted : match.tables) {
    if (equal_without_case(wanted, table)) return true;
  }
  return false;
}

bool matches(const config::RuleMatch& match, const StatementFacts& statement, const SessionFacts& session) {
  if (match.user.has_value() && !equal_without_case(*match.user, session.user)) return false;
  if (match.digest.has_value() && *match.digest != statement.digest) return false;
  for (const auto& hint : match.hint) {
    const auto found = statement.hints.find(hint.first);
    if (found == statement.hints.end() || found->second != hint.second) return false;
  }
  if (!match.schema.has_value() && match.tables.empty()) return true;
  if (statement.tables.empty()) return match.tables.empty() && equal_without_case(*match.schema, session.schema);
  for (const TableName& table : statement.tables) {
    if (matches_table(match, table.schema.empty() ? session.schema : std::string_view(table.schema), table.table))
      return true;
  }
  return false;
}

// Does this read belong to the share that `new` answers? A key that is missing belongs to no share.
bool is_moved(const config::ReadFromNewFlags& flags, const StatementFacts& statement, const SessionFacts& session) {
  switch (flags.by.key) {
    case config::BucketBy::Key::session: {
      char digits[20];
      const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, session.session_key);
      return is_in_bucket(kReadSalt, std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)),
                          flags.percent);
    }
    case config::BucketBy::Key::user:
      return is_in_bucket(kReadSalt, session.user, flags.percent);
    case config::BucketBy::Key::schema:
      return is_in_bucket(kReadSalt, session.schema, flags.percent);
    case config::BucketBy::Key::client_host:
      return is_in_bucket(kReadSalt, session.client_host, flags.percent);
    case config::BucketBy::Key::hint: {
      const auto hint = statement.hints.find(flags.by.hint);
      return hint != statement.hints.end() && is_in_bucket(kReadSalt, hint->second, flags.percent);
    }
  }
  return false;
}

const config::ReadFromNewFlags& read_flags(const config::Flags& flags, const StatementFacts& statement,
                                           const SessionFacts& session) {
  for (const config::Rule& rule : flags.rules) {
    if (rule.read_from_new.has_value() && matches(rule.match, statement, session)) return *rule.read_from_new;
  }
  return flags.read_from_new;
}

const config::ShadowReadFlags& shadow_flags(const config::Flags& flags, const StatementFacts& statement,
                                            const SessionFacts& session) {
  for (const config::Rule& rule : flags.rules) {
    if (rule.shadow_read.has_value() && matches(rule.match, statement, session)) return *rule.shadow_read;
  }
  return flags.shadow_read;
}

// Everything that decides, by reference, for the length of one call.
struct Question {
  const StatementFacts& statement;
  const SessionFacts& session;
  const config::Flags& flags;
  config::Backend leader;
  std::uint32_t draw;
  Duplication duplication;

  bool has(Fact fact) const { return statement.facts.has(fact); }
  Plan relay(Reason reason) const { return {Action::relay, leader, false, reason}; }
  Plan act(Action action, Reason reason = Reason::leader_leads) const { return {action, leader, false, reason}; }
  Plan refuse(Reason reason) const { return {Action::refuse, leader, false, reason}; }
};

// Why only the leader can answer this read, if only it can.
std::optional<Reason> bound_to_leader(const Question& q) {
  if (q.has(Fact::user_variable)) return Reason::user_variable;
  if (q.has(Fact::session_status) || q.has(Fact::last_insert_id) || q.has(Fact::row_count) || q.has(Fact::found_rows) ||
      q.has(Fact::executable_comment) || !q.statement.prefix_variables.empty() || is_server_schema(q.session.schema)) {
    return Reason::session_state;  // an executable comment is another statement to another server
  }
  if (q.session.reads_stopped_tables) return Reason::table_stopped;
  if (q.session.tables_locked) return Reason::tables_locked;
  if (q.session.temporary_tables != nullptr && !q.session.temporary_tables->empty()) return Reason::temporary_table;
  if (q.session.pinned_to_leader) return Reason::pinned;
  if (q.flags.kill_switch) return Reason::kill_switch;
  return std::nullopt;
}

bool is_shadowed(const Question& q) {
  if (q.session.in_transaction) return false;
  if (q.has(Fact::time_dependent) || q.has(Fact::random) || q.has(Fact::unrepeatable)) return false;
  return q.draw < shadow_flags(q.flags, q.statement, q.session).percent.ppm();
}

Plan plan_known_read(const Question& q) {
  if (const std::optional<Reason> reason = bound_to_leader(q); reason.has_value()) return q.relay(*reason);
  Plan plan = q.relay(Reason::leader_leads);
  plan.shadow = is_shadowed(q);
  if (q.leader == config::Backend::new_db) return plan;
  if (q.session.in_transaction && q.session.transaction_wrote) {
    plan.reason = Reason::transaction_wrote;
  } else if (!q.session.follower_usable) {
    plan.reason = Reason::follower_unusable;
  } else if (q.session.in_transaction && q.session.transaction_drawn) {
    plan.answer_from = q.session.transaction_reads;
    plan.reason = Reason::in_transaction;
  } else if (is_moved(read_flags(q.flags, q.statement, q.session), q.statement, q.session)) {
    plan.answer_from = config::other(q.leader);
    plan.reason = Reason::read_percent;
  }
  return plan;
}

Plan plan_select(const Question& q) {
  if (q.has(Fact::reads_only)) {
    return q.has(Fact::warnings) ? q.act(Action::warnings, Reason::session_state) : plan_known_read(q);
  }
  if (q.has(Fact::unknown_function)) return q.refuse(Reason::unsupported_statement);
  if (q.has(Fact::into) && !q.has(Fact::assigns_user_variable)) return q.refuse(Reason::unsupported_statement);
  if (q.has(Fact::locks_rows)) return q.relay(Reason::locks_rows);
  if (q.has(Fact::assigns_user_variable)) return q.relay(Reason::user_variable);
  if (q.has(Fact::user_lock) || q.has(Fact::sets_last_insert_id)) return q.relay(Reason::session_state);
  return q.relay(Reason::not_a_known_read);
}

Plan plan_set(const Question& q) {
  if (q.statement.sets_global || q.has(Fact::unknown_function)) return q.refuse(Reason::unsupported_statement);
  return q.act(Action::set, Reason::session_state);
}

bool is_temporary(const Question& q, const TableName& name) {
  return q.session.temporary_tables != nullptr && q.session.temporary_tables->contains(name, q.session.schema);
}

// CREATE, ALTER, DROP, ...: of the session's own temporary tables they are the session's matter.
Plan plan_definition(const Question& q) {
  const StatementFacts& statement = q.statement;
  if (q.has(Fact::unknown_function) || statement.targets.empty()) return q.refuse(Reason::ddl);
  switch (statement.verb) {
    case TableVerb::create_temporary: {
      const TableName& table = statement.targets.front();
      // Other letters are folded as each server sees fit: whether a later name is this table could not be told.
      if (!is_ascii(table.table) || !is_ascii(table.schema)) return q.refuse(Reason::temporary_table_name);
      const bool full = q.session.temporary_tables != nullptr && q.session.temporary_tables->full();
      return full ? q.refuse(Reason::temporary_table_limit) : q.act(Action::session_only, Reason::temporary_table);
    }
    case TableVerb::drop_temporary:
      return q.act(Action::session_only, Reason::temporary_table);
    case TableVerb::drop:
    case TableVerb::alter:
    case TableVerb::truncate:
    case TableVerb::index:
    case TableVerb::rename:
      break;
    default:
      return q.refuse(Reason::ddl);
  }
  std::size_t temporary = 0;
  for (const TableName& table : statement.targets) temporary += is_temporary(q, table) ? 1 : 0;
  if (temporary == 0) return q.refuse(Reason::ddl);
  // MySQL's RENAME TABLE looks past temporary tables, at the base table behind.
  if (statement.verb == TableVerb::rename) return q.refuse(Reason::rename_temporary);
  if (temporary < statement.targets.size()) return q.refuse(Reason::mixed_tables);
  for (const TableName& table : statement.renamed) {
    if (!is_ascii(table.table) || !is_ascii(table.schema)) return q.refuse(Reason::temporary_table_name);
  }
  return q.act(Action::commit_first, Reason::temporary_table);
}

Plan plan_write(const Question& q) {
  // Under read locks every write of a base table fails, which is the server's to say: the transaction that
  // would record it would give the locks up.
  const bool temporary = !q.statement.targets.empty() && is_temporary(q, q.statement.targets.front());
  if (temporary) {
    return q.has(Fact::unknown_function) ? q.refuse(Reason::unsupported_statement)
                                         : q.act(Action::session_only, Reason::temporary_table);
  }
  if (q.session.tables_locked) return q.act(Action::session_only, Reason::tables_locked);
  const std::vector<std::string>& prefix = q.statement.prefix_variables;
  if (!std::all_of(prefix.begin(), prefix.end(), only_limits)) return q.refuse(Reason::statement_variables);
  return q.session.read_committed ? q.refuse(Reason::read_committed) : q.act(Action::write, Reason::dual_write);
}

Plan plan_load(const Question& q) {
  const bool temporary = std::any_of(q.statement.tables.begin(), q.statement.tables.end(),
                                     [&q](const TableName& table) { return is_temporary(q, table); });
  if (temporary) return q.act(Action::session_only, Reason::temporary_table);
  if (!q.has(Fact::local_file)) return q.refuse(Reason::unsupported_statement);
  if (q.session.tables_locked) return q.act(Action::session_only, Reason::tables_locked);
  return q.session.read_committed ? q.refuse(Reason::read_committed) : q.act(Action::load, Reason::dual_write);
}

// Transaction control and session state: the same whether or not writes are duplicated.
std::optional<Plan> plan_session_statement(const Question& q) {
  // By rows, what a savepoint is called does not matter.
  const bool rows = q.duplication == Duplication::rows;
  switch (q.statement.kind) {
    case StatementKind::begin:
      return q.act(Action::begin);
    case StatementKind::commit:
    case StatementKind::rollback:
      return q.act(q.statement.kind == StatementKind::commit ? Action::commit : Action::rollback);
    case StatementKind::savepoint:
      return q.act(rows ? Action::relay : Action::savepoint);
    case StatementKind::release_savepoint:
      return q.act(rows ? Action::relay : Action::release_savepoint);
    case StatementKind::rollback_to_savepoint:
      return q.act(rows ? Action::relay : Action::rollback_to_savepoint);
    case StatementKind::use:
      return q.act(Action::use, Reason::session_state);
    case StatementKind::kill:
      if (q.duplication != Duplication::off && q.has(Fact::unknown_function)) return std::nullopt;
      return q.act(Action::kill);
    default:
      return std::nullopt;
  }
}

Plan plan_dual_write(const Question& q) {
  switch (q.statement.kind) {
    case StatementKind::empty:
      return q.relay(Reason::leader_leads);
    case StatementKind::select:
    case StatementKind::do_:
      return plan_select(q);
    case StatementKind::insert:
    case StatementKind::replace:
    case StatementKind::update:
    case StatementKind::delete_:
      return plan_write(q);
    case StatementKind::load_data:
      return plan_load(q);
    case StatementKind::show:
    case StatementKind::describe:
    case StatementKind::explain:
      if (q.has(Fact::warnings)) return q.act(Action::warnings, Reason::session_state);
      if (q.has(Fact::unknown_function)) return q.refuse(Reason::unsupported_statement);
      return q.relay(Reason::session_state);
    case StatementKind::diagnostics:
      return q.has(Fact::warnings) ? q.act(Action::warnings, Reason::session_state) : q.relay(Reason::session_state);
    case StatementKind::set:
    case StatementKind::set_transaction:
      return plan_set(q);
    case StatementKind::ddl:
      return plan_definition(q);
    case StatementKind::lock_tables:
      return q.statement.verb == TableVerb::lock_read ? q.act(Action::commit_first, Reason::tables_locked)
                                                      : q.refuse(Reason::write_lock);
    case StatementKind::unlock_tables:
      // Without locks it does nothing at all.
      return q.act(q.session.tables_locked ? Action::commit_first : Action::session_only, Reason::tables_locked);
    case StatementKind::handler:
      return q.statement.verb == TableVerb::none || q.has(Fact::unknown_function)
                 ? q.refuse(Reason::unsupported_statement)
                 : q.act(Action::session_only, Reason::handler);
    case StatementKind::prepare:
    case StatementKind::execute:
    case StatementKind::deallocate:
      return q.has(Fact::unknown_function) ? q.refuse(Reason::unsupported_statement)
                                           : q.act(Action::sql_prepare, Reason::session_state);
    case StatementKind::call:
      return q.has(Fact::unknown_function) || q.statement.targets.empty() ? q.refuse(Reason::unsupported_statement)
                                                                          : q.act(Action::call, Reason::session_state);
    case StatementKind::xa:
      return q.statement.name == "recover" ? q.relay(Reason::session_state) : q.refuse(Reason::xa);
    case StatementKind::admin:
      return q.has(Fact::reads_only) ? q.relay(Reason::leader_leads) : q.refuse(Reason::unsupported_statement);
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:
    case StatementKind::savepoint:
    case StatementKind::release_savepoint:
    case StatementKind::rollback_to_savepoint:
    case StatementKind::use:
    case StatementKind::account:
    case StatementKind::kill:
    case StatementKind::unknown:
      return q.refuse(Reason::unsupported_statement);
  }
  return q.refuse(Reason::unsupported_statement);
}

// Whatever was written, the leader's row log tells it: everything but known reads is relayed as it is.
Plan plan_rows(const Question& q) {
  switch (q.statement.kind) {
    case StatementKind::empty:
      return q.relay(Reason::leader_leads);
    case StatementKind::select:
    case StatementKind::do_:
      if (q.has(Fact::reads_only)) return plan_select(q);
      return q.relay(q.has(Fact::locks_rows) ? Reason::locks_rows : Reason::not_a_known_read);
    case StatementKind::show:
    case StatementKind::describe:
    case StatementKind::explain:
    case StatementKind::diagnostics:
      return q.has(Fact::warnings) ? q.act(Action::warnings, Reason::session_state) : q.relay(Reason::session_state);
    case StatementKind::set:
    case StatementKind::set_transaction:
      return q.act(Action::set, Reason::session_state);
    default:
      return q.relay(Reason::dual_write);
  }
}

// Several reads of which none asks what another left in the session: they go to the leader in one piece.
bool is_plain_reading(const Question& q) {
  return q.has(Fact::reads_only) && !q.has(Fact::warnings) && !q.has(Fact::row_count) && !q.has(Fact::found_rows) &&
         !q.has(Fact::last_insert_id);
}

// Could it change rows? What is not understood could.
bool may_write(const StatementFacts& statement) {
  if (statement.facts.has(Fact::reads_only)) return false;
  if (statement.facts.has(Fact::unknown_function)) return true;
  switch (statement.kind) {
    case StatementKind::insert:
    case StatementKind::replace:
    case StatementKind::update:
    case StatementKind::delete_:
    case StatementKind::ddl:
    case StatementKind::account:
    case StatementKind::call:
    case StatementKind::load_data:
    case StatementKind::execute:
    case StatementKind::unknown:
      return true;
    case StatementKind::xa:
      return statement.name != "recover";  // XA COMMIT of what another connection has prepared
    default:
      return false;
  }
}

}  // namespace

Plan make_plan(const StatementFacts& statement, const SessionFacts& session, const config::Flags& flags,
               config::Backend leader, std::uint32_t draw) {
  const Duplication duplication = flags.dual_write.enabled ? session.duplication : Duplication::off;
  const Question q{statement, session, flags, leader, draw, duplication};
  const bool by_statements = duplication == Duplication::statements;
  const bool rows = duplication == Duplication::rows;
  const Reason relayed = rows ? Reason::dual_write : Reason::dual_write_off;
  const bool multi = q.has(Fact::multi_statement);
  if (multi && !session.client_multi_statements) return q.refuse(Reason::multi_statement_not_negotiated);
  if (rows && q.has(Fact::hides_writes)) return q.refuse(Reason::hides_writes);
  if (multi && (by_statements || flags.freeze_writes)) {
    return is_plain_reading(q) ? q.relay(Reason::leader_leads) : q.act(Action::split, Reason::several_statements);
  }
  if (multi) {
    // Only the first of them asks for what the statement before has left.
    const bool asks = q.has(Fact::warnings) || q.has(Fact::row_count);
    return asks && session.diagnostics_kept ? q.act(Action::split, Reason::several_statements) : q.relay(relayed);
  }
  // What cannot be read may be a write. While no statement is recorded, what to say to it is the server's affair:
  // it may hide a semicolon, so it passes only where the client may send several statements.
  const bool passes_unread = !by_statements && !flags.freeze_writes && session.client_multi_statements;
  if (q.has(Fact::unparseable)) return passes_unread ? q.relay(relayed) : q.refuse(Reason::unparseable);
  // An EXECUTE that is followed here is planned again, by its text; a CALL is judged by its procedure.
  const bool judged_later = by_statements && (statement.kind == StatementKind::execute ||
                                              (statement.kind == StatementKind::call && !statement.targets.empty()));
  if (flags.freeze_writes && !judged_later && may_write(statement)) return q.refuse(Reason::freeze);
  if (const std::optional<Plan> plan = plan_session_statement(q); plan.has_value()) return *plan;
  switch (duplication) {
    case Duplication::statements:
      return plan_dual_write(q);
    case Duplication::rows:
      return plan_rows(q);
    case Duplication::off:
      break;
  }
  const bool sets = statement.kind == StatementKind::set || statement.kind == StatementKind::set_transaction;
  return sets ? q.act(Action::set, Reason::session_state) : q.relay(Reason::dual_write_off);
}

}  // namespace crossfade::routing
