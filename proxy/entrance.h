// What a session knows of the listener its client came through.
#pragma once

#include <memory>

#include "proxy/tls.h"

namespace crossfade::proxy {

struct Entrance {
  std::shared_ptr<const TlsContext> tls;  // nullptr: no TLS is offered
  bool tls_required = false;
  bool is_unix = false;  // a socket of this machine: cleartext may travel
};

}  // namespace crossfade::proxy
