// Who a client is, and what it speaks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/capabilities.h"
#include "protocol/proxy_protocol.h"
#include "proxy/session/state/site.h"
#include "proxy/users/user_directory.h"

namespace crossfade::proxy {

// As whom a client has logged in: COM_CHANGE_USER makes it another, or leaves it as it was.
struct Account {
  std::string name;
  std::shared_ptr<const KnownUser> user;
  std::uint16_t collation = 45;
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct Identity {
  std::uint32_t connection_id = 0;  // the leader's, which the client knows
  std::string host;
  protocol::ProxyHeader peer;  // its address, for backends that are told it
  Account account;
  UserSlot slot;
  protocol::Capabilities capabilities = 0;  // agreed
  bool multi_statements = false;            // it may send several statements in a text
};

// A connection to `which` as this client, in the state of its login.
LinkOptions client_link_options(const Site& site, const Identity& client, config::Backend which, std::string schema);
// A refusal in the server's own words is put into `refused`, where there is one.
Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_client_link(Site& site, LinkOptions options,
                                                                    std::optional<Refusal>* refused);

}  // namespace crossfade::proxy
