// Commands that are no statements.
#pragma once

#include "protocol/response_tracker.h"
#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Task<Answer> on_init_db(Conversation& s, Command command);
Task<Answer> on_reset_connection(Conversation& s);
Task<Answer> on_set_option(Conversation& s, Command command);
Task<Answer> on_other_command(Conversation& s, Command command);

// Too short to name a statement of anybody's: what to say to that is the leader's.
bool is_cut_short(const Command& command);
Task<Answer> on_cut_short(Conversation& s, Command command);

// To the leader; what it says of the diagnostics is made right.
Task<Answer> relay_command(Conversation& s, Command command, protocol::ResponseKind kind, protocol::ResultEnd* end);

}  // namespace crossfade::proxy
