// COM_STMT_SEND_LONG_DATA: kept here, and sent inside the execution.
#pragma once

#include <cstddef>
#include <optional>

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

Task<Answer> on_long_data(Conversation& s, Command command);

// Long data travels inside the execution, whose packet the server must take. A value: what the server says of one that
// is too long by itself, and that the proxy cannot send several which fit each for itself only. A Status: the leader
// could not be asked how much that is.
Task<absl::StatusOr<std::optional<Answer>>> long_data_refusal(Conversation& s, PreparedStatement& prepared,
                                                              std::size_t execute_bytes);

}  // namespace crossfade::proxy
