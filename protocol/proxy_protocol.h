// The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol", 2020): what a load balancer says of a
// client before the client's own bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

struct ProxyHeader {
  // `local`: the load balancer speaks for itself (a health check), or says nothing of the client.
  enum class Kind : std::uint8_t { local, proxied } kind = Kind::local;
  std::string host;  // of the client, as text: "10.1.2.3", "2001:db8::1", or "localhost" for a unix socket
  std::uint16_t port = 0;
};

inline constexpr std::size_t kProxyHeaderBytesMax = 1024;  // the specification's own headers need 536 at most

// Removes the header from the front of `input`; nullopt: feed me more (then `input` is as it was). Fails on
// anything else, and on a header past kProxyHeaderBytesMax.
absl::StatusOr<std::optional<ProxyHeader>> decode_proxy_header(Bytes& input);

// Version 2, without extensions; a host that is no address makes a `local` header.
Buffer encode_proxy_header(const ProxyHeader& header);

}  // namespace crossfade::protocol
