// COM_QUERY: facts, plan, and what each action means.
#pragma once

#include <string>

#include "protocol/response_tracker.h"
#include "proxy/session/conversation/conversation.h"
#include "routing/plan.h"

namespace crossfade::proxy {

Task<Answer> on_query(Conversation& s, Command command);

// What `plan` says of the text in `command`. `facts` are its caller's, who waits for it.
Task<Answer> carry_out(Conversation& s, routing::Plan plan, const routing::StatementFacts& facts, Command command);

// `text` is the SET; `command` what carries it, which may be an execution of it.
Task<Answer> on_set(Conversation& s, const routing::StatementFacts& facts, std::string text, Command command,
                    protocol::ResponseKind kind);

}  // namespace crossfade::proxy
