// What a session knows of the listener its client came through.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "protocol/capabilities.h"
#include "proxy/net/tls.h"

namespace crossfade::proxy {

struct Entrance {
  std::shared_ptr<const TlsContext> tls;  // nullptr: no TLS is offered
  bool tls_required = false;
  protocol::Capabilities compression = 0;  // the flags of what is offered
  bool is_unix = false;                    // a socket of this machine: cleartext may travel
  config::ProxyProtocol proxy_protocol;

  // A PROXY header comes first from this peer. `host`: as Stream::peer_host() says it.
  bool expects_proxy_header(const std::string& host) const;
};

}  // namespace crossfade::proxy
