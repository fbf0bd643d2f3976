// COM_STMT_PREPARE: a text is examined before it is prepared, on the leader at once and on the other side when it is
// first needed there.
#pragma once

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Task<Answer> on_prepare(Conversation& s, Command command);

}  // namespace crossfade::proxy
