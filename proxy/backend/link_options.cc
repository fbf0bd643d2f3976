#include "proxy/backend/link_options.h"

#include <utility>

namespace crossfade::proxy {

LinkOptions link_options_of(const config::Config& config, config::Backend which, std::shared_ptr<const TlsContext> tls,
                            const KnownUser::Credential& credential) {
  const config::BackendConfig& backend = config.backend(which);
  LinkOptions options;
  options.which = which;
  options.address = backend.address;
  options.tls_mode = backend.tls.mode;
  options.compression = backend.compression;
  options.tls = std::move(tls);
  options.user = credential.user;
  options.password = credential.password;
  if (backend.proxy_protocol) options.proxy_header.emplace();  // the proxy's own, unless a session says otherwise
  return options;
}

}  // namespace crossfade::proxy
