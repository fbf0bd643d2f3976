// An application account writes the outbox in its own transactions, so it needs INSERT there.
#pragma once

#include <string>

#include "proxy/backend_link.h"

namespace crossfade::proxy {

// `control` is a connection of the control account to the leader. A Status says which account has not got the
// right; it is for the log and never quotes a value.
Task<absl::Status> grant_outbox(BackendLink& control, std::string schema, std::string user, TimePoint deadline);

}  // namespace crossfade::proxy
