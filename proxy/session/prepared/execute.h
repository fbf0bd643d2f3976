// COM_STMT_EXECUTE, _CLOSE, _RESET and _FETCH: statements have ids of the proxy's own, and are prepared on a side when
// they are first needed there.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Task<Answer> on_execute(Conversation& s, Command command);
Task<Answer> on_close_statement(Conversation& s, Command command);
Task<Answer> on_reset_statement(Conversation& s, Command command);
Task<Answer> on_fetch(Conversation& s, Command command);

// The statement that a COM_STMT_* is about; nullptr: there is none.
PreparedStatement* statement_meant(Conversation& s, protocol::Bytes payload);
// What the leader would say then, in the name of its function `where`.
Answer unknown_statement(const Conversation& s, protocol::Bytes payload, std::string_view where);

}  // namespace crossfade::proxy
