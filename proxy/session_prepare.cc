// COM_STMT_PREPARE: a text is examined before it is prepared, on the leader at once and on the other side
// when first needed there.

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"
#include "routing/classify.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using routing::Action;
using routing::Fact;

namespace {

// COM_STMT_PREPARE's first packet holds the id behind its header and one status byte.
constexpr std::size_t kPrepareIdOffset = protocol::kHeaderBytes + 1;

}  // namespace

protocol::Err Session::too_many_prepared() const {
  return {.code = protocol::kErrTooManyPrepared,
          .sqlstate = "42000",
          .message = "Can't create more than max_prepared_stmt_count statements (current value: " +
                     std::to_string(prepared_.limit()) + ")"};
}

Task<absl::StatusOr<Session::Examined>> Session::examine(std::string sql) {
  transaction_.take_flags(worker_.flags);
  if (must_ask_how_to_read(routing::classify(sql, known_.lexer()), sql)) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  Examined out;
  PreparedStatement& prepared = out.prepared;
  prepared.sql = sql;
  prepared.schema = known_.schema();
  prepared.context_version = known_.version();
  prepared.facts = routing::classify(sql, known_.lexer());
  routing::SessionFacts session = session_facts();
  session.client_multi_statements = true;  // a server says 1064 to several statements here by itself
  const routing::Plan plan = routing::make_plan(prepared.facts, session, transaction_.flags(), leader(), 0);
  if (plan.action == Action::refuse) {
    if (prepared.facts.kind == routing::StatementKind::unknown || prepared.facts.facts.has(Fact::unparseable) ||
        prepared.facts.facts.has(Fact::multi_statement)) {
      // It may just be a mistake: that is the server's to say.
      auto ready = co_await leader_link(nullptr);
      if (!ready.ok()) co_return ready.status();
      auto said = co_await servers_own_error(sql);
      if (!said.ok()) co_return said.status();
      if (said->has_value()) {
        diagnostics_.forget();
        out.refused = **said;
        co_return out;
      }
    }
    counters_.refused_statements.add();
    out.refused = routing::refusal(plan.reason);
    co_return out;
  }
  co_return out;
}

Task<Session::Next> Session::on_prepare(Command command) {
  own(command);
  prepared_.note_prepare_begun();
  if (prepared_.full()) {
    co_return co_await reply_err(too_many_prepared());
  }
  auto examined = co_await examine(std::string(protocol::as_text(command.payload.subspan(1))));
  if (!examined.ok()) co_return co_await reply_unjudged(examined.status());
  if (examined->refused) co_return co_await reply_err(*std::move(examined->refused));
  PreparedStatement prepared = std::move(examined->prepared);
  auto leading = co_await leader_link(nullptr);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  const absl::Status sent = co_await (*leading)->send(command.wire, worker_.reactor.now() + kStatementMax);
  if (!sent.ok()) co_return co_await reply_lost(sent, leader());
  auto captured = co_await (*leading)->capture(ResponseKind::prepare, worker_.reactor.now() + kStatementMax);
  if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
  if (captured->failed()) {
    diagnostics_.forget();
    diagnostics_.note_answer_of(leader());
  } else if (!(*leading)->is_mariadb()) {
    // Here a PREPARE ends the conditions; MariaDB keeps them.
    diagnostics_.drop_conditions();
    diagnostics_.drop_counts();
    diagnostics_.note_answer_of(leader());
  }
  if (!captured->failed()) {
    const auto header = protocol::decode_header(captured->wire);
    auto ok = protocol::decode_prepare_ok(
        protocol::Bytes(captured->wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
    if (!ok.ok()) co_return co_await reply_lost(ok.status(), leader());
    prepared.parameters = ok->parameters;
    prepared.id_on(leader()) = ok->statement_id;
    const std::uint32_t id = prepared_.add(std::move(prepared));
    for (std::size_t i = 0; i < 4; ++i) {
      captured->wire[kPrepareIdOffset + i] = static_cast<std::uint8_t>(id >> (8 * i));
    }
  } else if (transaction_.open()) {
    transaction_.note_error(captured->last().err.code, Transaction::ErrorSource::server);
  }
  co_return co_await reply_captured(std::move(captured->wire));
}

// The statement's id on `link`, preparing it there first if need be.
Task<absl::StatusOr<std::uint32_t>> Session::backend_statement(BackendLink& link, PreparedStatement& prepared,
                                                               std::optional<Captured>* refused) {
  auto& id = prepared.id_on(link.which());
  if (id) co_return *id;
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_prepare(prepared.sql));
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  const absl::Status sent = co_await link.send(wire, deadline);
  if (!sent.ok()) co_return sent;
  auto captured = co_await link.capture(ResponseKind::prepare, deadline);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) {
    const std::string why = err_text(captured->last().err);
    if (refused != nullptr) *refused = *std::move(captured);
    co_return absl::FailedPreconditionError(why);
  }
  const auto header = protocol::decode_header(captured->wire);
  auto ok = protocol::decode_prepare_ok(
      protocol::Bytes(captured->wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
  if (!ok.ok()) co_return ok.status();
  prepared.parameters = ok->parameters;
  id = ok->statement_id;
  co_return *id;
}

}  // namespace crossfade::proxy
