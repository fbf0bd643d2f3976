// Passwords and certificates, from where the configuration says they are: read at start, and again whenever the
// operator has replaced them (SIGHUP).
#pragma once

#include <array>
#include <memory>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "proxy/net/tls.h"
#include "proxy/users/per_backend.h"
#include "proxy/users/user_directory.h"

namespace crossfade::proxy {

struct Credentials {
  KnownUsers users;
  std::array<KnownUser::Credential, 2> control;                    // by config::Backend, as the next
  std::array<std::shared_ptr<const TlsContext>, 2> backend_tls{};  // null where it is disabled
};
absl::StatusOr<Credentials> read_credentials(const config::Config& config);

// Where everybody takes them from, on every thread.
struct CredentialsInForce {
  UserDirectory& users;
  PerBackend<KnownUser::Credential>& control;
  PerBackend<std::shared_ptr<const TlsContext>>& backend_tls;
};
// What can be read is in force for every connection from now on, to clients and to backends; what cannot stays as it
// was. Connections that are open stay open. Logs each that was replaced, and each that was kept with the reason; never
// a secret.
void read_credentials_again(const config::Config& config, CredentialsInForce in_force);

}  // namespace crossfade::proxy
