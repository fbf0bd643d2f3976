// A listening socket.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "config/address.h"

namespace crossfade::proxy {

// The descriptor, which does not block. `[::]` takes IPv4 clients too, whatever the system's default is; any other IPv6
// address takes IPv6 alone. `socket_mode`: of a unix socket, which replaces one that is there.
absl::StatusOr<int> listen_on(const config::Address& address, std::optional<std::uint32_t> socket_mode);

}  // namespace crossfade::proxy
