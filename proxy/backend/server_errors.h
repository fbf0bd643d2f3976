// Which errors are about the server, and which about what it was asked.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace crossfade::proxy {

// Of the server, or of this moment: the same may go well later, once it is there again, has room, grants what it has
// to.
bool is_of_the_server(std::uint16_t code);

// The server's code that a link's message begins with; 0: it tells of none.
std::uint16_t server_code(const absl::Status& status);

// A link's answer: Unavailable where the error is of the server, else as it is.
absl::Status told_apart(const absl::Status& status);

}  // namespace crossfade::proxy
