#include "routing/plan.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "routing/bucket.h"
#include "routing/statement_prefix.h"

namespace crossfade::routing {

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
bool tells_of_server(std::string_view schema) {
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
      q.has(Fact::executable_comment) || !q.statement.prefix_variables.empty() || tells_of_server(q.session.schema)) {
    return Reason::session_state;  // an executable comment is another statement to another server
  }
  if (q.session.reads_stopped_tables == Known::yes) return Reason::table_stopped;
  if (q.session.tables_locked) return Reason::tables_locked;
  if (q.session.temporary_tables != nullptr && !q.session.temporary_tables->empty()) return Reason::temporary_table;
  if (q.session.pinned_to_leader || q.session.repeatable == Known::no) return Reason::pinned;
  if (q.session.execution == Execution::leader_only) return Reason::session_state;
  if (q.flags.kill_switch) return Reason::kill_switch;
  return std::nullopt;
}

bool is_shadowed(const Question& q) {
  if (q.session.in_transaction) return false;
  if (q.has(Fact::time_dependent) || q.has(Fact::random) || q.has(Fact::unrepeatable)) return false;
  return q.draw < shadow_flags(q.flags, q.statement, q.session).percent.ppm();
}

// What the statement before has left is known to whoever answered that.
Plan ask_last_answered(const Question& q, Action action) {
  Plan plan = q.act(action, Reason::session_state);
  if (q.session.execution == Execution::none) plan.answer_from = q.session.last_answered;
  return plan;
}

Plan plan_known_read(const Question& q) {
  if (q.has(Fact::warnings)) return ask_last_answered(q, Action::warnings);
  if (q.has(Fact::found_rows) && q.has(Fact::session_status)) return ask_last_answered(q, Action::relay);
  if (const std::optional<Reason> reason = bound_to_leader(q); reason.has_value()) return q.relay(*reason);
  Plan plan = q.relay(Reason::leader_leads);
  plan.shadow = is_shadowed(q);
  if (q.leader == config::Backend::new_db) {
    // It answers everything.
  } else if (!q.session.follower_usable) {
    plan.reason = Reason::follower_unusable;
  } else if (q.session.in_transaction && q.session.transaction_drawn) {
    plan.answer_from = q.session.transaction_reads;
    plan.reason = Reason::in_transaction;
  } else if (is_moved(read_flags(q.flags, q.statement, q.session), q.statement, q.session)) {
    plan.answer_from = config::other(q.leader);
    plan.reason = Reason::read_percent;
  }
  const bool stays = plan.answer_from == q.leader && !plan.shadow;
  const bool known = q.session.repeatable != Known::unknown && q.session.reads_stopped_tables != Known::unknown;
  return stays || known ? plan : q.act(Action::ask, Reason::session_state);
}

// Transaction control and session state: the same whether or not writes are duplicated.
std::optional<Plan> plan_session_statement(const Question& q) {
  switch (q.statement.kind) {
    case StatementKind::begin:
      return q.act(Action::begin);
    case StatementKind::commit:
    case StatementKind::rollback:
      return q.act(q.statement.kind == StatementKind::commit ? Action::commit : Action::rollback);
    case StatementKind::use:
      return q.act(Action::use, Reason::session_state);
    case StatementKind::kill:
      return q.act(Action::kill);
    default:
      return std::nullopt;
  }
}

// Whatever was written, the leader's row log tells it: everything but known reads is relayed as it is.
Plan plan_rows(const Question& q) {
  switch (q.statement.kind) {
    case StatementKind::empty:
    case StatementKind::savepoint:
    case StatementKind::release_savepoint:
    case StatementKind::rollback_to_savepoint:
      return q.relay(Reason::leader_leads);
    case StatementKind::select:
    case StatementKind::do_:
      if (q.has(Fact::reads_only)) {
        return plan_known_read(q);
      }
      return q.relay(q.has(Fact::locks_rows) ? Reason::locks_rows : Reason::not_a_known_read);
    case StatementKind::show:
    case StatementKind::describe:
    case StatementKind::explain:
    case StatementKind::diagnostics:
      return q.has(Fact::warnings) ? ask_last_answered(q, Action::warnings) : q.relay(Reason::session_state);
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

bool moves_reads(const config::Flags& flags) {
  return flags.read_from_new.percent.ppm() > 0 ||
         std::any_of(flags.rules.begin(), flags.rules.end(), [](const config::Rule& rule) {
           return rule.read_from_new && rule.read_from_new->percent.ppm() > 0;
         });
}

bool shadows_reads(const config::Flags& flags) {
  return flags.shadow_read.percent.ppm() > 0 ||
         std::any_of(flags.rules.begin(), flags.rules.end(),
                     [](const config::Rule& rule) { return rule.shadow_read && rule.shadow_read->percent.ppm() > 0; });
}

Plan make_plan(const StatementFacts& statement, const SessionFacts& session, const config::Flags& flags,
               config::Backend leader, std::uint32_t draw) {
  const Duplication duplication = flags.dual_write.enabled ? session.duplication : Duplication::off;
  const Question q{statement, session, flags, leader, draw, duplication};
  const bool rows = duplication == Duplication::rows;
  const Reason relayed = rows ? Reason::dual_write : Reason::dual_write_off;
  const bool multi = q.has(Fact::multi_statement);
  if (multi && !session.client_multi_statements) return q.refuse(Reason::multi_statement_not_negotiated);
  if (rows && q.has(Fact::hides_writes)) return q.refuse(Reason::hides_writes);
  if (multi && flags.freeze_writes) {
    return is_plain_reading(q) ? q.relay(Reason::leader_leads) : q.act(Action::split, Reason::several_statements);
  }
  if (multi) {
    // Only the first of them asks for what the statement before has left.
    const bool asks = q.has(Fact::warnings) || q.has(Fact::row_count);
    const bool announced = session.announces_schema_changes && q.has(Fact::schema_change);
    const bool split = (asks && session.diagnostics_kept) || (announced && !q.has(Fact::unparseable));
    return split ? q.act(Action::split, Reason::several_statements) : q.relay(relayed);
  }
  // What cannot be read may be a write, and may hide a semicolon: what to say to it is the server's affair where the
  // client may send several statements.
  const bool passes_unread = !flags.freeze_writes && session.client_multi_statements;
  if (q.has(Fact::unparseable)) return passes_unread ? q.relay(relayed) : q.refuse(Reason::unparseable);
  if (flags.freeze_writes && may_write(statement)) return q.refuse(Reason::freeze);
  if (const std::optional<Plan> plan = plan_session_statement(q); plan.has_value()) return *plan;
  if (rows) return plan_rows(q);
  const bool sets = statement.kind == StatementKind::set || statement.kind == StatementKind::set_transaction;
  return sets ? q.act(Action::set, Reason::session_state) : q.relay(Reason::dual_write_off);
}

}  // namespace crossfade::routing
