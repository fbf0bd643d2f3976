// What is refused, in the server's words where it has any.

#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

// What the leader says to a text that is only prepared; nullopt: nothing is wrong with it, or it cannot be prepared.
Task<absl::StatusOr<std::optional<protocol::Err>>> Session::servers_own_error(std::string sql) {
  constexpr std::uint16_t kNotPreparable = 1295;
  PreparedStatement trial;
  trial.sql = std::move(sql);
  std::optional<Captured> refused;
  auto id = co_await backend_statement(*link(leader()), trial, &refused);
  if (refused) {
    const protocol::Err err = refused->last().err;
    if (err.code == kNotPreparable) co_return std::nullopt;
    co_return err;
  }
  if (!id.ok()) co_return id.status();
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_stmt_close(*id));
  const absl::Status closed = co_await link(leader())->send(wire, worker_.reactor.now() + kStatementMax);
  if (!closed.ok()) co_return closed;
  co_return std::nullopt;
}

// A question that the session had to ask failed: with an answer it goes on, else the connection is lost.
Task<Session::Next> Session::reply_unjudged(absl::Status status) {
  const bool answered = absl::IsFailedPrecondition(status) || absl::IsInternal(status);
  if (!answered || link(leader())->parting() || !link(leader())->alive())
    co_return co_await reply_lost(status, leader());
  co_return co_await reply_err(protocol::kErrUnknown, "HY000", "crossfade: " + std::string(status.message()));
}

Task<Session::Next> Session::refuse(routing::Plan plan, StatementFacts facts, std::string sql) {
  diagnostics_.forget();
  if (facts.kind == StatementKind::unknown || facts.facts.has(Fact::unparseable) ||
      plan.reason == routing::Reason::unparseable || plan.reason == routing::Reason::multi_statement_not_negotiated) {
    // What no lexer of ours understands may just be a mistake: that is the server's to say.
    auto ready = co_await leader_link(nullptr);
    if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
    auto said = co_await servers_own_error(std::move(sql));
    if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
    if (said->has_value()) co_return co_await reply_err(**said);
  }
  co_return co_await reply_refused(routing::refusal(plan.reason));
}

Task<Session::Next> Session::reply_refused(protocol::Err err) {
  counters_.refused_statements.add();
  co_return co_await reply_err(std::move(err));
}

Task<Session::Next> Session::reply_not_supported(std::string why) {
  co_return co_await reply_refused(routing::not_supported(std::move(why)));
}

}  // namespace crossfade::proxy
