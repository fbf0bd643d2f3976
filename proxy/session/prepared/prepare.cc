#include "proxy/session/prepared/prepare.h"

#include "protocol/error_codes.h"
#include "proxy/session/run/decision.h"
#include "proxy/session/run/preparing.h"
#include "routing/classify.h"

namespace crossfade::proxy {

using routing::Action;
using routing::Fact;

namespace {

// COM_STMT_PREPARE's first packet holds the id behind its header and one status byte.
constexpr std::size_t kPrepareIdOffset = protocol::kHeaderBytes + 1;

Answer too_many_prepared(std::size_t most) {
  return error(
      protocol::kErrTooManyPrepared, "42000",
      "Can't create more than max_prepared_stmt_count statements (current value: " + std::to_string(most) + ")");
}

// A value: the text is refused. `prepared` has its facts.
Task<absl::StatusOr<std::optional<Answer>>> examine(Conversation& s, PreparedStatement& prepared) {
  s.state.transaction.take_flags(s.site.worker.flags);
  const std::string& sql = prepared.sql;
  prepared.facts = routing::classify(sql, s.state.known.lexer());
  if (must_ask_how_to_read(s, prepared.facts, sql)) {
    const absl::Status fresh = co_await s.leader.refresh_context();
    if (!fresh.ok()) co_return fresh;
    prepared.facts = routing::classify(sql, s.state.known.lexer());
  }
  prepared.schema = s.state.known.schema();
  prepared.context_version = s.state.known.version();
  // A server says 1064 to several statements here by itself.
  const routing::Plan plan = decide(s, ask_about(s, prepared.facts, prepared.schema));
  // While writes wait preparing one does not: its executions will.
  if (plan.action != Action::refuse || is_held(s, plan)) co_return std::nullopt;
  const routing::StatementFacts& facts = prepared.facts;
  if (facts.kind == routing::StatementKind::unknown || facts.facts.has(Fact::unparseable) ||
      facts.facts.has(Fact::multi_statement)) {
    // It may just be a mistake: that is the server's to say.
    auto said = co_await servers_own_error(s, sql);
    if (!said.ok()) co_return said.status();
    if (said->has_value()) {
      s.state.diagnostics.forget();
      co_return Error{.err = **said, .origin = Error::Origin::server};
    }
  }
  co_return refused(plan.reason);
}

// On MySQL a PREPARE ends the conditions; MariaDB keeps them.
void note_diagnostics(Conversation& s, const Captured& captured) {
  Diagnostics& diagnostics = s.state.diagnostics;
  if (captured.failed()) {
    diagnostics.forget();
  } else if (s.leader.is_mariadb()) {
    return;
  }
  diagnostics.drop_conditions();
  diagnostics.drop_counts();
  diagnostics.note_answer_of(s.site.leader());
}

}  // namespace

Task<Answer> on_prepare(Conversation& s, Command command) {
  s.client.own(command);
  PreparedStatements& statements = s.state.prepared;
  statements.note_prepare_begun();
  if (statements.full()) co_return too_many_prepared(statements.limit());
  PreparedStatement prepared;
  prepared.sql = std::string(command.text());
  auto examined = co_await examine(s, prepared);
  if (!examined.ok()) co_return unjudged(s, examined.status());
  if (examined->has_value()) co_return **std::move(examined);
  auto leading = co_await s.leader.ready_for(nullptr);
  if (!leading.ok()) co_return lost(s, leading.status());
  auto captured = co_await ask_to_prepare(s, **leading, command.wire);
  if (!captured.ok()) co_return lost(s, captured.status());
  note_diagnostics(s, *captured);
  if (captured->failed()) co_return Framed{std::move(captured->wire)};
  const absl::Status taken = take_prepare_ok(*captured, s.site.leader(), prepared);
  if (!taken.ok()) co_return lost(s, taken);
  const std::uint32_t id = statements.add(std::move(prepared));
  for (std::size_t i = 0; i < 4; ++i) {
    captured->wire[kPrepareIdOffset + i] = static_cast<std::uint8_t>(id >> (8 * i));
  }
  co_return Framed{std::move(captured->wire)};
}

}  // namespace crossfade::proxy
