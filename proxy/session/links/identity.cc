#include "proxy/session/links/identity.h"

#include "proxy/shadow_run/shadow_pool.h"

namespace crossfade::proxy {

LinkOptions client_link_options(const Site& site, const Identity& client, config::Backend which, std::string schema) {
  // Of a user of the file as the file has it now: a password may have been replaced since the login. Never for one
  // whose password the leader is to judge: a listed user's name proves nothing.
  std::shared_ptr<const KnownUser> user = client.account.user;
  if (!user->learned) {
    if (auto fresh = site.shared.users.listed(client.account.name)) user = std::move(fresh);
  }
  LinkOptions options = site.shared.link_options(which, user->backend[static_cast<std::size_t>(which)]);
  options.schema = std::move(schema);
  if (options.proxy_header) options.proxy_header = client.peer;
  options.mirrored = client.capabilities;
  options.attributes = client.account.attributes;
  return options;
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_client_link(Site& site, LinkOptions options,
                                                                    std::optional<Refusal>* refused) {
  const config::Backend which = options.which;
  std::optional<Refusal> no;
  auto opened = co_await BackendLink::open(site.reactor, std::move(options), site.counters,
                                           site.in(site.shared.config.backend(which).connect_timeout), &no);
  if (no && is_want_of_connections(no->err)) site.shared.make_room(which);
  if (no && refused != nullptr) *refused = std::move(no);
  if (opened.ok()) site.shared.traits.set(which, (*opened)->greeting());
  co_return opened;
}

}  // namespace crossfade::proxy
