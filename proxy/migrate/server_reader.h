// One server read for preflight: settings, catalogue, rights.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "migrate/server_facts.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// On a connection of the control account. What this account may not see is left empty, and found by its grants; a
// Status: the server could not be asked.
Task<absl::StatusOr<migrate::ServerFacts>> read_server(BackendLink& link, std::string control_schema);

// Its name as a GRANT takes it, and its grants with those of its roles.
Task<absl::Status> read_account(BackendLink& link, migrate::AccountFacts& out);

}  // namespace crossfade::proxy
