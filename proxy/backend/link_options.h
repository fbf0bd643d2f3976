// Where and as whom to connect to a backend, as the configuration says.
#pragma once

#include <memory>

#include "config/config.h"
#include "proxy/backend/backend_link.h"
#include "proxy/users/user_directory.h"

namespace crossfade::proxy {

LinkOptions link_options_of(const config::Config& config, config::Backend which, std::shared_ptr<const TlsContext> tls,
                            const KnownUser::Credential& credential);

}  // namespace crossfade::proxy
