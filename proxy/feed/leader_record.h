// Who leads, as a server has it written down (dualwrite/leader_record.h).
#pragma once

#include <string>

#include "dualwrite/leader_record.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// A server that has no such table: `old` leads.
Task<absl::StatusOr<dualwrite::LeaderRecord>> read_leader(BackendLink& link, std::string schema);
Task<absl::Status> make_leader_table(BackendLink& link, std::string schema);
// On `new`: what has been decided on `old`.
Task<absl::Status> write_new_leads(BackendLink& link, std::string schema);
// FailedPrecondition: `link`, which is to `old`, leads no more, and is not to be followed.
Task<absl::Status> still_leads(BackendLink& link, std::string schema);

}  // namespace crossfade::proxy
