#include "proxy/session/prepared/execute.h"

#include "protocol/error_codes.h"
#include "proxy/session/commands/other_commands.h"
#include "proxy/session/commands/query.h"
#include "proxy/session/prepared/long_data.h"
#include "proxy/session/run/decision.h"
#include "proxy/session/run/kept_answers.h"
#include "proxy/session/run/preparing.h"
#include "proxy/session/run/statement_run.h"
#include "proxy/session/run/to_leader.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;
using routing::Fact;

namespace {

// MariaDB takes an id of all ones for the statement that was prepared last: a client can prepare and execute at once.
constexpr std::uint32_t kLastPrepared = 0xffffffff;

std::uint32_t id_meant(const Conversation& s, protocol::Bytes payload) {
  const std::uint32_t id = protocol::statement_id_of(payload).value_or(0);
  return id == kLastPrepared && s.leader.is_mariadb() ? s.state.prepared.last() : id;
}

protocol::Buffer with_id(protocol::Bytes payload, std::uint32_t id) {
  protocol::Buffer out(payload.begin(), payload.end());
  protocol::replace_statement_id(out, id);
  return out;
}

// What the server says of an execution that cannot be read.
Answer unreadable(const Conversation& s, const absl::Status& why) {
  const bool mariadb = s.leader.is_mariadb();
  const bool wrong_arguments = absl::IsFailedPrecondition(why) || (mariadb && !absl::IsOutOfRange(why));
  if (wrong_arguments) {
    return error(protocol::kErrWrongArguments, "HY000", "Incorrect arguments to mysqld_stmt_execute");
  }
  return error(protocol::kErrMalformedPacket, "HY000",
               mariadb ? "Malformed communication packet" : "Malformed communication packet.");
}

// Prepared anew with the value in its place, run, and forgotten.
Task<Answer> execute_question(Conversation& s, routing::Plan plan, const PreparedStatement& asks, std::string question,
                              const protocol::Execute& execution) {
  PreparedStatement once;
  once.sql = std::move(question);
  once.facts = asks.facts;
  once.schema = asks.schema;
  once.parameters = asks.parameters;
  std::optional<KeptDiagnostics> kept = s.state.diagnostics.take();
  const Statement statement{once.facts, once.schema, Command(), &once, &execution};
  Answer answer = co_await run_statement(s, plan, statement);
  // Asking for conditions leaves them; so does what reads no tables, on MariaDB.
  const bool leaves_them = once.facts.facts.has(Fact::warnings) || (once.facts.tables.empty() && s.leader.is_mariadb());
  if (leaves_them && s.leader.link().ended_clean()) {
    s.state.diagnostics.keep(std::move(kept));
    s.state.diagnostics.note_rows_given();
    const bool select = once.facts.kind == routing::StatementKind::select;
    if (select && !s.leader.is_mariadb()) s.state.diagnostics.drop_conditions();
  }
  const std::uint32_t id = once.id_on(s.site.leader()).value_or(0);
  const absl::Status closed = co_await close_on(s, s.leader.link(), id);
  if (!closed.ok()) co_return Gone();
  co_return answer;
}

// About the diagnostics that are kept. nullopt: nothing of them bears on it.
Task<std::optional<Answer>> execute_from_kept(Conversation& s, routing::Plan plan, const PreparedStatement& prepared,
                                              const protocol::Execute& execution) {
  const KeptDiagnostics& kept = *s.state.diagnostics.kept();
  std::optional<std::string> question = kept_question(prepared.sql, s.state.known.lexer(), kept);
  if (question) co_return co_await execute_question(s, plan, prepared, *std::move(question), execution);
  if (kept.show_warnings.empty()) co_return std::nullopt;
  std::optional<protocol::Buffer> shown;
  if (prepared.parameters == 0) shown = executed_show_warnings(s, prepared.sql);
  if (!shown) {
    co_return refused(routing::Reason::executed_warnings);
  }
  s.state.diagnostics.note_rows_given();
  co_return Framed{*std::move(shown)};
}

// SET and KILL change what is known here of this session or of another: as text they take the one path that handles
// that.
Task<Answer> execute_as_text(Conversation& s, routing::Plan plan, const PreparedStatement& prepared) {
  Command text;
  protocol::Buffer payload = protocol::encode_query(prepared.sql);
  s.client.replace(text, std::move(payload));
  co_return co_await carry_out(s, plan, prepared.facts, text);
}

Task<Answer> execute_set(Conversation& s, PreparedStatement& prepared, protocol::Execute execution) {
  auto leading = co_await s.leader.ready_for(&prepared.facts);
  if (!leading.ok()) co_return lost(s, leading.status());
  auto id = co_await prepare_on(s, **leading, prepared);
  if (!id.ok()) co_return lost(s, id.status());
  execution.statement_id = *id;
  Command command;
  s.client.replace(command, protocol::encode_execute(execution));
  co_return co_await on_set(s, prepared.facts, prepared.sql, command, ResponseKind::execute);
}

// A value: the execution as its client meant it, with the long data that came before.
absl::StatusOr<protocol::Execute> take_execution(const Conversation& s, PreparedStatement& prepared,
                                                 protocol::Bytes payload) {
  auto execution = protocol::decode_execute(payload, prepared.parameters, prepared.types, prepared.long_data.values);
  // MySQL keeps the data for the next attempt.
  if (execution.ok() || s.leader.is_mariadb()) prepared.long_data.forget_values();
  return execution;
}

// Whether the other side could run it: a cursor's rows are fetched on the leader, and in another state of the session
// it would be prepared differently.
routing::Execution execution_of(const Conversation& s, const PreparedStatement& prepared,
                                const protocol::Execute& execution) {
  const bool same_state = prepared.context_version == s.state.known.version();
  return execution.cursor_flags == 0 && same_state ? routing::Execution::anywhere : routing::Execution::leader_only;
}

Task<Answer> execute_planned(Conversation& s, routing::Plan plan, PreparedStatement& prepared,
                             protocol::Execute execution) {
  Diagnostics& diagnostics = s.state.diagnostics;
  const routing::StatementFacts& facts = prepared.facts;
  const bool asks = plan.action == Action::warnings || facts.facts.has(Fact::row_count);
  if (asks && diagnostics.kept() == nullptr && diagnostics.answered_by() != s.site.leader()) {
    co_await keep_followers_conditions(s);
  }
  if (diagnostics.kept() != nullptr && (facts.facts.has(Fact::row_count) || facts.facts.has(Fact::warnings))) {
    auto answered = co_await execute_from_kept(s, plan, prepared, execution);
    if (answered) co_return *std::move(answered);
  }
  diagnostics.forget();
  if (plan.action == Action::refuse) co_return refused(plan.reason);
  s.leader.hold().note(facts);
  prepared.cursor = false;  // an execution closes the one before
  if (plan.action == Action::kill || plan.action == Action::set) {
    if (prepared.parameters == 0) co_return co_await execute_as_text(s, plan, prepared);
    if (plan.action == Action::set) co_return co_await execute_set(s, prepared, std::move(execution));
  }
  const Statement statement{facts, prepared.schema, Command(), &prepared, &execution};
  co_return co_await run_statement(s, plan, statement);
}

}  // namespace

PreparedStatement* statement_meant(Conversation& s, protocol::Bytes payload) {
  return s.state.prepared.find(id_meant(s, payload));
}

Answer unknown_statement(const Conversation& s, protocol::Bytes payload, std::string_view where) {
  const std::string id = std::to_string(protocol::statement_id_of(payload).value_or(0));
  return error(protocol::kErrUnknownStatement, "HY000",
               "Unknown prepared statement handler (" + id + ") given to " +
                   std::string(s.leader.is_mariadb() ? where : "mysql_stmt_precheck"));
}

Task<Answer> on_execute(Conversation& s, Command command) {
  s.site.counters.statements.add();
  s.client.own(command);
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  if (prepared == nullptr) co_return unknown_statement(s, command.payload, "mysqld_stmt_execute");
  if (!prepared->long_data.empty()) {
    auto no = co_await long_data_refusal(s, *prepared, command.payload.size());
    if (!no.ok()) co_return unjudged(s, no.status());
    if (no->has_value()) {
      prepared->long_data.forget_values();
      co_return **std::move(no);
    }
  }
  auto execution = take_execution(s, *prepared, command.payload);
  if (!execution.ok()) co_return unreadable(s, execution.status());
  s.state.transaction.take_flags(s.site.worker.flags);
  Question question = ask_about(s, prepared->facts, prepared->schema);
  question.execution = execution_of(s, *prepared, *execution);
  routing::Plan plan = decide(s, question);
  if (plan.action == Action::ask) {
    co_await find_out(s, question);
    plan = decide(s, question);
  }
  if (is_held(s, plan)) plan = co_await hold(s, question, plan);
  co_return co_await execute_planned(s, plan, *prepared, *std::move(execution));
}

// No answer is ever sent to this one.
Task<Answer> on_close_statement(Conversation& s, Command command) {
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  if (prepared == nullptr) co_return Relayed();
  const auto backend_ids = prepared->backend_ids;
  s.state.prepared.erase(id_meant(s, command.payload));
  for (BackendLink* const link : {&s.leader.link(), s.follower.link()}) {
    if (link == nullptr) continue;
    const std::optional<std::uint32_t> id = backend_ids[static_cast<std::size_t>(link->which())];
    if (!id) continue;
    const absl::Status sent = co_await close_on(s, *link, *id);
    // A broken link shows with the next statement that needs it.
    if (!sent.ok() && link == s.follower.link()) s.follower.drop();
  }
  co_return Relayed();
}

Task<Answer> on_reset_statement(Conversation& s, Command command) {
  s.client.own(command);
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  if (prepared == nullptr) co_return unknown_statement(s, command.payload, "mysqld_stmt_reset");
  prepared->long_data = {};
  prepared->cursor = false;
  auto leading = co_await s.leader.ready_for(nullptr);
  if (!leading.ok()) co_return lost(s, leading.status());
  auto id = co_await prepare_on(s, **leading, *prepared);
  if (!id.ok()) co_return lost(s, id.status());
  s.client.replace(command, with_id(command.payload, *id));
  ResultEnd end;
  co_return co_await relay_command(s, command, ResponseKind::ok_or_err, &end);
}

Task<Answer> on_fetch(Conversation& s, Command command) {
  s.client.own(command);
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  if (prepared == nullptr) co_return unknown_statement(s, command.payload, "mysqld_stmt_fetch");
  s.client.replace(command, with_id(command.payload, prepared->id_on(s.site.leader()).value_or(0)));
  ResultEnd end;
  Answer answer = co_await relay_to_leader(s, command, ResponseKind::fetch, &end);
  after_statement(s, prepared->facts, end);
  co_return answer;
}

}  // namespace crossfade::proxy
