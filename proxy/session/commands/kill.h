// KILL: of what the leader runs, and of what the proxy does for the same client.
#pragma once

#include "proxy/session/conversation/conversation.h"
#include "routing/kill_statement.h"

namespace crossfade::proxy {

// The leader knows the ids, and who may kill whom. What it did to a connection of a client of this proxy is done here
// too: to a read that the follower answers, and to the client's connection.
Task<Answer> on_kill(Conversation& s, const routing::StatementFacts& facts, Command command);

// The leader has carried it out: every worker looks for the session.
void kill_elsewhere(Conversation& s, routing::KillTarget target, const KillsUnderWay::Ticket& under_way);

}  // namespace crossfade::proxy
