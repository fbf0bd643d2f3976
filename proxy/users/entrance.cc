#include "proxy/users/entrance.h"

#include <algorithm>

namespace crossfade::proxy {

bool Entrance::expects_proxy_header(const std::string& host) const {
  if (is_unix) return proxy_protocol.unix_clients;
  const auto address = protocol::parse_ip_address(host);
  return address && std::any_of(proxy_protocol.networks.begin(), proxy_protocol.networks.end(),
                                [&](const protocol::IpNetwork& network) { return network.contains(*address); });
}

}  // namespace crossfade::proxy
