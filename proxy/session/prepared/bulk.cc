#include "proxy/session/prepared/bulk.h"

#include "protocol/bulk_execute.h"
#include "protocol/error_codes.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/commands/other_commands.h"
#include "proxy/session/prepared/execute.h"
#include "proxy/session/run/decision.h"
#include "proxy/session/run/preparing.h"
#include "proxy/session/run/response_relay.h"
#include "proxy/session/run/statement_run.h"
#include "proxy/session/run/to_leader.h"

namespace crossfade::proxy {

using routing::Action;

namespace {

// In the server's words.
Answer wrong_arguments() {
  return error(protocol::kErrWrongArguments, "HY000", "Incorrect arguments to mysqld_stmt_bulk_execute");
}
Answer not_for_bulk() {
  constexpr std::uint16_t kErrNotInPreparedProtocol = 1295;
  return error(kErrNotInPreparedProtocol, "HY000",
               "This command is not supported in the prepared statement protocol yet");
}

Task<Answer> relay_bulk(Conversation& s, PreparedStatement& prepared, protocol::BulkExecute bulk) {
  auto leading = co_await s.leader.ready_for(&prepared.facts);
  if (!leading.ok()) co_return lost(s, leading.status());
  auto id = co_await prepare_on(s, **leading, prepared);
  if (!id.ok()) co_return lost(s, id.status());
  bulk.statement_id = *id;
  // With its types in any case: a connection that has been attached anew has not heard of them.
  const protocol::Buffer body = protocol::encode_bulk_execute(bulk);
  using Numbers = ResponseRelay::Numbers;
  const bool same = body.size() / protocol::kPayloadBytesMax + 1 == s.client.reply_sequence();
  protocol::Buffer wire;
  protocol::append_command(wire, body);
  s.state.diagnostics.note_answer_of(s.site.leader());
  s.commits.expect_of(prepared.facts);
  const TimePoint begun = s.site.reactor.now();
  const absl::Status sent = co_await (*leading)->send(wire, s.site.in(kStatementMax));
  if (!sent.ok()) co_return lost(s, sent);
  ResponseRelay relay(s, **leading,
                      {.kind = protocol::ResponseKind::execute, .numbers = same ? Numbers::kept : Numbers::anew});
  const absl::Status done = co_await relay.run();
  if (absl::IsCancelled(done) || (!done.ok() && relay.answered())) co_return Gone();
  if (!done.ok()) co_return lost(s, done);
  after_statement(s, prepared.facts, relay.end());
  note_effect(s, routing::session_effect(prepared.facts, prepared.sql), prepared.facts, prepared.schema, relay.end());
  count_write(s, prepared.facts, begun);
  if (prepared.facts.facts.has(routing::Fact::sets_last_insert_id)) s.leader.hold().note_last_insert_id();
  co_return Relayed();
}

}  // namespace

Task<Answer> on_bulk(Conversation& s, Command command) {
  // Whatever the leader says to a client that has not asked for these.
  if ((s.identity.capabilities & protocol::kBulkOperations) == 0) co_return co_await on_other_command(s, command);
  s.site.counters.statements.add();
  s.client.own(command);
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  if (prepared == nullptr) co_return unknown_statement(s, command.payload, "mysqld_stmt_execute");
  const bool had_long_data = !prepared->long_data.empty();
  prepared->long_data = {};
  s.state.transaction.take_flags(s.site.worker.flags);
  if (prepared->parameters == 0) co_return not_for_bulk();
  auto bulk = protocol::decode_bulk_execute(command.payload, prepared->parameters, prepared->types);
  if (!bulk.ok() || bulk->rows.empty() || had_long_data) co_return wrong_arguments();

  Question question = ask_about(s, prepared->facts, prepared->schema);
  question.execution = routing::Execution::leader_only;
  routing::Plan plan = decide(s, question);
  if (is_held(s, plan)) plan = co_await hold(s, question, plan);
  s.state.diagnostics.forget();
  if (plan.action == Action::refuse) co_return refused(plan.reason);
  s.leader.hold().note(prepared->facts);
  prepared->cursor = false;
  // Transactions, SET and the like: the server does not take them either.
  if (plan.action != Action::relay) co_return not_for_bulk();
  co_return co_await relay_bulk(s, *prepared, *std::move(bulk));
}

}  // namespace crossfade::proxy
