#include "proxy/session/commands/kill.h"

#include "protocol/error_codes.h"
#include "proxy/session/run/to_leader.h"

namespace crossfade::proxy {

using protocol::ResultEnd;
using routing::KillTarget;

Task<Answer> on_kill(Conversation& s, const routing::StatementFacts& facts, Command command) {
  s.client.own(command);
  const auto target = routing::parse_kill(command.text(), s.state.known.lexer());
  KillsUnderWay::Ticket under_way;
  if (target && target->what == KillTarget::What::connection) {
    under_way = s.site.shared.kills.begin(target->connection_id);
  }
  ResultEnd end;
  Answer answer = co_await relay_to_leader(s, command, protocol::ResponseKind::query, &end);
  after_statement(s, facts, end);
  if (!target) co_return answer;
  if (end.kind == ResultEnd::Kind::ok) kill_elsewhere(s, *target, under_way);
  // To kill oneself is answered by an error, and then the connection ends.
  const bool itself =
      target->what == KillTarget::What::connection && target->connection_id == s.identity.connection_id &&
      end.kind == ResultEnd::Kind::err &&
      (end.err.code == protocol::kErrQueryInterrupted || end.err.code == protocol::kErrConnectionKilled);
  if (itself) co_return Gone();
  co_return answer;
}

void kill_elsewhere(Conversation& s, KillTarget target, const KillsUnderWay::Ticket& under_way) {
  for (Worker* const worker : s.site.shared.workers) {
    worker->reactor.post([worker, target, under_way] { worker->note_kill(target); });
  }
}

}  // namespace crossfade::proxy
