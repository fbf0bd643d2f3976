// What may take hours on the follower while something else goes on: statements on a connection of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// One after the other, up to the first that fails. Whoever began it may forget it: then it ends by itself.
struct Errand {
  std::vector<std::string> statements{};
  // Filled as they end. FailedPrecondition: the server refuses one; Unavailable: to be tried again.
  std::vector<protocol::ResultSet> results{};
  absl::Status status{};
  bool over = false;
};
// `link`: where to; `then` is called on the reactor's thread. The connection does not check foreign keys.
Task<void> run_errand(Reactor& reactor, Counters& counters, LinkOptions link, std::shared_ptr<Errand> errand,
                      std::function<void()> then);

}  // namespace crossfade::proxy
