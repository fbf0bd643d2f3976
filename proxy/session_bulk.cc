// MariaDB's COM_STMT_BULK_EXECUTE: relayed as it is.

#include "protocol/bulk_execute.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;

Task<Session::Next> Session::on_bulk(Command command) {
  // Whatever the leader says to a client that has not asked for these.
  if ((capabilities_ & protocol::kBulkOperations) == 0) co_return co_await on_other_command(command);
  counters_.statements.add();
  own(command);
  PreparedStatement* prepared = find_prepared(command.payload);
  if (prepared == nullptr) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 unknown_statement(command.payload, "mysqld_stmt_execute"));
  }
  const bool had_long_data = !prepared->long_data.empty();
  prepared->long_data = {};
  transaction_.take_flags(worker_.flags);
  if (prepared->parameters == 0) co_return co_await refuse_bulk(BulkFault::not_for_bulk);
  const protocol::Buffer payload = std::exchange(owned_payload_, {});
  auto bulk = protocol::decode_bulk_execute(payload, prepared->parameters, prepared->types);
  if (!bulk.ok() || bulk->rows.empty() || had_long_data) co_return co_await refuse_bulk(BulkFault::arguments);

  routing::SessionFacts session = session_facts();
  session.client_multi_statements = true;
  session.schema = prepared->schema;
  const auto draw = static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole);
  const routing::Plan plan = routing::make_plan(prepared->facts, session, transaction_.flags(), leader(), draw);
  diagnostics_.forget();
  if (plan.action != Action::refuse) hold_.note(prepared->facts);
  prepared->cursor = false;
  switch (plan.action) {
    case Action::refuse: {
      co_return co_await reply_refused(routing::refusal(plan.reason));
    }
    case Action::relay:
      co_return co_await relay_bulk(*prepared, *bulk);
    default:  // transactions, SET and the like: the server does not take them either
      co_return co_await refuse_bulk(BulkFault::not_for_bulk);
  }
}

// In the server's words.
Task<Session::Next> Session::refuse_bulk(BulkFault fault) {
  constexpr std::uint16_t kErrWrongArguments = 1210;
  constexpr std::uint16_t kErrNotInPreparedProtocol = 1295;
  if (fault == BulkFault::arguments) {
    co_return co_await reply_err(kErrWrongArguments, "HY000", "Incorrect arguments to mysqld_stmt_bulk_execute");
  }
  co_return co_await reply_err(kErrNotInPreparedProtocol, "HY000",
                               "This command is not supported in the prepared statement protocol yet");
}

Task<Session::Next> Session::relay_bulk(PreparedStatement& prepared, protocol::BulkExecute bulk) {
  auto leading = co_await leader_link(&prepared.facts);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  auto id = co_await backend_statement(**leading, prepared, nullptr);
  if (!id.ok()) co_return co_await reply_lost(id.status(), leader());
  bulk.statement_id = *id;
  // With its types in any case: a connection that has been attached anew has not heard of them.
  const protocol::Buffer body = protocol::encode_bulk_execute(bulk);
  const Numbers numbers =
      body.size() / protocol::kPayloadBytesMax + 1 == reply_sequence_ ? Numbers::kept : Numbers::anew;
  protocol::Buffer wire;
  protocol::append_command(wire, body);
  diagnostics_.note_answer_of(leader());
  const TimePoint begun = worker_.reactor.now();
  expect_commit_of(prepared.facts);
  ResultEnd end;
  bool answered = false;
  absl::Status done = co_await (*leading)->send(wire, worker_.reactor.now() + kStatementMax);
  if (done.ok()) done = co_await relay(**leading, ResponseKind::execute, nullptr, &end, &answered, numbers);
  if (absl::IsCancelled(done) || (!done.ok() && answered)) co_return Next::close;
  if (!done.ok()) co_return co_await reply_lost(done, leader());
  after_statement(prepared.facts.kind, prepared.facts, end);
  note_relayed(routing::session_effect(prepared.facts, prepared.sql), prepared.facts, prepared.schema, end);
  count_relayed_write(prepared.facts, begun);
  if (prepared.facts.facts.has(routing::Fact::sets_last_insert_id)) hold_.note_last_insert_id();
  co_return Next::go_on;
}

}  // namespace crossfade::proxy
