// The file that a response asked the client for (LOAD DATA LOCAL INFILE).
#pragma once

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

// The client's packets as they are, a buffer at a time: a slow server stops the reading. The servers read a file to its
// end before they answer, whatever they think of it. If the client leaves, so does the connection to the server,
// without the packet that would end the file: what it loaded so far is rolled back, as without a proxy. The server
// waits for `sequence`.
Task<absl::Status> relay_file(Conversation& s, BackendLink& link, std::uint8_t sequence);

}  // namespace crossfade::proxy
