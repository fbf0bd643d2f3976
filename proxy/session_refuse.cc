// What is refused, in the server's words where it has any.

#include "proxy/session.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;
using routing::StatementKind;

Task<Session::Next> Session::refuse(routing::Plan plan, StatementFacts facts, std::string sql) {
  kept_.reset();
  if (facts.kind == StatementKind::unknown || facts.facts.has(Fact::unparseable) ||
      plan.reason == routing::Reason::unparseable || plan.reason == routing::Reason::multi_statement_not_negotiated) {
    // What no lexer of ours understands may just be a mistake: that is the server's to say.
    auto ready = co_await leader_link(nullptr);
    if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
    auto said = co_await servers_own_error(std::move(sql));
    if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
    if (said->has_value()) co_return co_await reply_err(**said);
  }
  co_return co_await reply_refused(routing::refusal(plan.reason, facts));
}

Task<Session::Next> Session::reply_refused(protocol::Err err) {
  counters_.refused_statements.add();
  co_return co_await reply_err(std::move(err));
}

Task<Session::Next> Session::reply_not_supported(std::string why) {
  co_return co_await reply_refused(routing::not_supported(std::move(why)));
}

}  // namespace crossfade::proxy
