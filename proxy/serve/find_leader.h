// Who leads, as this process begins.
#pragma once

#include "config/config.h"
#include "proxy/users/credentials.h"

namespace crossfade::proxy {

// As either server has it written down; what `old` alone knows is written to `new`, too. A server that cannot be asked
// in a few seconds says nothing: then `old` leads, which itself says no when it is reached (still_leads).
config::Backend find_leader(const config::Config& config, const Credentials& credentials);

}  // namespace crossfade::proxy
