// KILL: of what the leader runs, and of what the proxy does for the same client.

#include "protocol/error_codes.h"
#include "proxy/session.h"
#include "routing/kill_statement.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::KillTarget;

// The leader knows the ids, and who may kill whom. What it did to a connection of a client of this proxy is
// done here too: to a read that the follower answers, and to the client's connection.
Task<Session::Next> Session::on_kill(routing::StatementFacts facts, Command command) {
  own(command);
  const auto target = routing::parse_kill(protocol::as_text(command.payload.subspan(1)), known_.lexer());
  KillsUnderWay::Ticket under_way;
  if (target && target->what == KillTarget::What::connection) under_way = shared_.kills.begin(target->connection_id);
  ResultEnd end;
  const Next next = co_await relay_to_leader(command, ResponseKind::query, &end);
  after_statement(facts.kind, facts, end);
  if (!target) co_return next;
  if (end.kind == ResultEnd::Kind::ok) kill_elsewhere(*target, std::move(under_way));
  // To kill oneself is answered by an error, and then the connection ends.
  const bool itself =
      target->what == KillTarget::What::connection && target->connection_id == connection_id_ &&
      end.kind == ResultEnd::Kind::err &&
      (end.err.code == protocol::kErrQueryInterrupted || end.err.code == protocol::kErrConnectionKilled);
  co_return itself ? Next::close : next;
}

void Session::kill_elsewhere(KillTarget target, KillsUnderWay::Ticket under_way) {
  for (Worker* const worker : shared_.workers) {
    worker->reactor.post([worker, target, under_way] {
      for (Session* const session : worker->sessions) {
        if (session->connection_id_ == target.connection_id) session->be_killed(target.what);
      }
    });
  }
}

void Session::be_killed(KillTarget::What what) {
  if (follower_read_.running()) {
    const config::Backend which = config::other(leader());
    LinkOptions control = shared_.link_options(which, shared_.control[static_cast<std::size_t>(which)]);
    follower_read_.interrupt(worker_.reactor, counters_, std::move(control), what,
                             worker_.reactor.now() + shared_.config.backend(which).connect_timeout);
    if (what == KillTarget::What::connection) link(which)->stream().cancel_read();
  }
  if (what == KillTarget::What::query) return;
  killed_ = true;  // and not to be attached to the leader again
  ending_ = true;
  if (idle_) client_->cancel_read();
}

}  // namespace crossfade::proxy
