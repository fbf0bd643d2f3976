// MariaDB's COM_STMT_BULK_EXECUTE: relayed as it is, with the leader's id of the statement.
#pragma once

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Task<Answer> on_bulk(Conversation& s, Command command);

}  // namespace crossfade::proxy
