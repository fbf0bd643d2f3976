// Both servers, connected to and read with the control accounts.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "migrate/server_facts.h"
#include "proxy/backend/backend_link.h"
#include "proxy/users/credentials.h"

namespace crossfade::proxy {

// What a verb connects with; outlives its connections.
struct VerbContext {
  Reactor& reactor;
  Counters& counters;
  const config::Config& config;
  const Credentials& credentials;
};
// As the control account. Unavailable, PermissionDenied: with the backend's name, address and the reason.
Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_control_link(VerbContext context, config::Backend which);

struct OpenPair {
  std::unique_ptr<BackendLink> old_link;
  std::unique_ptr<BackendLink> new_link;
  migrate::ServerFacts old_server;
  migrate::ServerFacts new_server;
};
Task<absl::StatusOr<OpenPair>> open_pair(VerbContext context);
// Do both connections lead to one server? Asked by a lock that one takes and the other sees.
Task<absl::StatusOr<bool>> is_one_server(BackendLink& one, BackendLink& other);

}  // namespace crossfade::proxy
