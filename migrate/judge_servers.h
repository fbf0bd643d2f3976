// Two servers side by side: are they two, may the one follow the other, and where would the same statement mean
// something else.
#pragma once

#include "migrate/finding.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

struct ServerPair {
  const ServerFacts& old_server;
  const ServerFacts& new_server;
  bool is_one_server = false;  // both addresses lead to it
};
// `old` leads and `new` follows.
Findings judge_servers(const ServerPair& pair);

}  // namespace crossfade::migrate
