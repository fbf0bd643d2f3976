// What is the leader's to answer, and what its answer tells of the session.
#pragma once

#include <string_view>

#include "protocol/response_tracker.h"
#include "proxy/session/conversation/conversation.h"
#include "routing/facts.h"
#include "routing/session_effect.h"

namespace crossfade::proxy {

// Sends the command as it is and relays the answer. `end` stays as it is unless the answer came whole.
Task<Answer> relay_to_leader(Conversation& s, Command command, protocol::ResponseKind kind, protocol::ResultEnd* end);

// What a statement on the leader changed, once its end is known.
void after_statement(Conversation& s, const routing::StatementFacts& facts, const protocol::ResultEnd& end);
// And what it left there beside, where names without a schema meant `schema`.
void note_effect(Conversation& s, routing::SessionEffect effect, const routing::StatementFacts& facts,
                 std::string_view schema, const protocol::ResultEnd& end);

}  // namespace crossfade::proxy
