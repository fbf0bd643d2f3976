// Text to Address. Syntax only: whether a host exists is found out when connecting.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace crossfade::config {

// "host:port", "[v6]:port" or "unix:/path", with a port of 1 to 65535.
absl::StatusOr<Address> parse_address(std::string_view text);
// The same, and port 0: the system then picks one when listening.
absl::StatusOr<Address> parse_listen_address(std::string_view text);

// Only this machine can reach it. A name other than "localhost" is taken as reachable from elsewhere.
bool is_local(const Address& address);
// Host names compare without case, unix paths with.
bool same_address(const Address& a, const Address& b);

}  // namespace crossfade::config
