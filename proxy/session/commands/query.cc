#include "proxy/session/commands/query.h"

#include "proxy/session/commands/kill.h"
#include "proxy/session/commands/several.h"
#include "proxy/session/run/decision.h"
#include "proxy/session/run/kept_answers.h"
#include "proxy/session/run/preparing.h"
#include "proxy/session/run/statement_run.h"
#include "proxy/session/run/to_leader.h"
#include "routing/classify.h"
#include "routing/split.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;
using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

namespace {

bool asks_for_diagnostics(const StatementFacts& facts) {
  return facts.facts.has(Fact::warnings) || facts.facts.has(Fact::row_count) || facts.facts.has(Fact::found_rows);
}

// To a client that may send one statement: the leader's connection may send several, and would answer what is behind
// the semicolon, too. True: the command is another now.
bool cut_to_one(Conversation& s, Command& command) {
  if (s.identity.multi_statements || s.state.known.is_unclear(command.text())) return false;
  const std::string_view only = routing::only_statement(command.text(), s.state.known.lexer());
  if (only.size() == command.text().size()) return false;
  s.client.replace(command, protocol::encode_query(only));
  return true;
}

// To the leader; then what it changed.
Task<Answer> on_transaction(Conversation& s, const StatementFacts& facts, Command command) {
  const KeptDiagnostics* const kept = s.state.diagnostics.kept();
  std::optional<KeptDiagnostics> before;
  if (kept != nullptr) before = *kept;
  s.commits.expect_of(facts);
  ResultEnd end;
  Answer answer = co_await relay_to_leader(s, command, ResponseKind::query, &end);
  after_statement(s, facts, end);
  s.state.diagnostics.keep_over(std::move(before), end, s.leader.make());
  if (facts.release.value_or(false) && end.kind == ResultEnd::Kind::ok) co_return Gone();
  co_return answer;
}

// Right after a refusal of the proxy's own, or a read that the follower answered: the leader's diagnostics are of
// something else.
Task<Answer> on_warnings(Conversation& s, routing::Plan plan, const StatementFacts& facts, Command command) {
  const Diagnostics& diagnostics = s.state.diagnostics;
  const bool assigns = facts.kind == StatementKind::diagnostics;  // to variables, which are the leader's
  if (assigns && diagnostics.kept() == nullptr && diagnostics.answered_by() != s.site.leader()) {
    s.client.own(command);
    co_await keep_followers_conditions(s);
  }
  const Statement statement{.facts = facts, .schema = s.state.known.schema(), .text = command};
  co_return co_await run_statement(s, plan, statement);
}

// In the server's words where it has any: what no lexer of ours understands may just be a mistake.
Task<Answer> refuse(Conversation& s, routing::Plan plan, const StatementFacts& facts, std::string sql) {
  s.state.diagnostics.forget();
  if (facts.kind == StatementKind::unknown || facts.facts.has(Fact::unparseable) ||
      plan.reason == routing::Reason::unparseable || plan.reason == routing::Reason::multi_statement_not_negotiated) {
    auto said = co_await servers_own_error(s, std::move(sql));
    if (!said.ok()) co_return lost(s, said.status());
    if (said->has_value()) co_return Error{.err = **std::move(said), .origin = Error::Origin::server};
  }
  co_return refused(plan.reason);
}

}  // namespace

Task<Answer> on_query(Conversation& s, Command command) {
  const auto classified = [&] { return routing::classify(command.text(), s.state.known.lexer()); };
  StatementFacts facts = classified();
  s.state.transaction.take_flags(s.site.worker.flags);
  // The question would clear the diagnostics that the text asks for; where everything is relayed, nothing hangs on it.
  const bool relayed_as_it_is = asks_for_diagnostics(facts) && !s.state.transaction.flags().freeze_writes;
  if (!relayed_as_it_is && must_ask_how_to_read(s, facts, command.text())) {
    s.client.own(command);
    const absl::Status fresh = co_await s.leader.refresh_context();
    if (!fresh.ok()) co_return unjudged(s, fresh);
    facts = classified();
  }
  if (cut_to_one(s, command)) facts = classified();
  Question question = ask_about(s, facts, s.state.known.schema());
  const bool is_one = command.text().find(';') == std::string_view::npos;
  if (!is_one && !s.identity.multi_statements) question.several = Question::Several::not_negotiated;
  routing::Plan plan = decide(s, question);
  if (plan.action == Action::ask) {
    s.client.own(command);
    co_await find_out(s, question);
    plan = decide(s, question);
  }
  if (is_held(s, plan)) {
    s.client.own(command);
    plan = co_await hold(s, question, plan);
  }
  co_return co_await carry_out(s, plan, facts, command);
}

Task<Answer> carry_out(Conversation& s, routing::Plan plan, const StatementFacts& facts, Command command) {
  if (plan.action != Action::split) s.site.counters.statements.add();
  if (plan.action != Action::refuse && plan.action != Action::split) s.leader.hold().note(facts);
  switch (plan.action) {
    case Action::relay:
      return run_statement(s, plan, {.facts = facts, .schema = s.state.known.schema(), .text = command});
    case Action::kill:
      return on_kill(s, facts, command);
    case Action::set:
      return on_set(s, facts, std::string(command.text()), command, ResponseKind::query);
    case Action::begin:
    case Action::commit:
    case Action::rollback:
    case Action::use:
      return on_transaction(s, facts, command);
    case Action::warnings:
      return on_warnings(s, plan, facts, command);
    case Action::split:
      return on_several(s, command);
    case Action::ask:  // was asked
    case Action::refuse:
      break;
  }
  return refuse(s, plan, facts, std::string(command.text()));
}

Task<Answer> on_set(Conversation& s, const StatementFacts& facts, std::string text, Command command,
                    ResponseKind kind) {
  s.commits.expect_of(facts);
  s.commits.expect_client_set(facts.variables);
  ResultEnd end;
  Answer answer = co_await relay_to_leader(s, command, kind, &end);
  after_statement(s, facts, end);
  constexpr std::uint16_t kUnknownVariable = 1193;  // found before anything is set
  LeaderHold& hold = s.leader.hold();
  if (end.kind == ResultEnd::Kind::err && end.err.code == kUnknownVariable) {
    s.state.known.forget();
  } else {
    s.commits.note_client_set(facts.variables);
    s.state.known.note_set(facts.variables);  // even one that fails may have set the first of its list
    if (facts.facts.has(Fact::placeholder)) {
      hold.note_unfollowed();  // its values are not in the text
    } else if (end.kind == ResultEnd::Kind::ok || facts.kind == StatementKind::set) {
      hold.note_set(facts, text);
    }
  }
  if (facts.facts.has(Fact::sets_last_insert_id)) hold.note_last_insert_id();
  if (facts.facts.has(Fact::unknown_function) && !s.commits.state_unchanged()) s.note_unobserved();
  co_return answer;
}

}  // namespace crossfade::proxy
