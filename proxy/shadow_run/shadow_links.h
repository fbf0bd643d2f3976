// The connections on which shadow reads run: few, and the first to go when a server has none to spare.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "proxy/backend/backend_link.h"
#include "proxy/counts/metrics.h"
#include "proxy/net/reactor.h"
#include "shadow/connection_budget.h"
#include "shadow/connection_shares.h"

namespace crossfade::proxy {

// One book a backend, over all users (shadow::ConnectionShares), within what the server can spare
// (shadow::ConnectionBudget), which is asked of the server itself: with each new connection, and every second on one
// that is idle. Idle connections are closed after `shadow.idle_timeout`. Lives on the shadow pool's thread.
class ShadowLinks {
 public:
  // How to log in to a backend as `user`; nullopt: its password is not known any more.
  using Credentials = std::function<std::optional<LinkOptions>(config::Backend, const std::string& user)>;
  ShadowLinks(const config::ShadowConfig& config, Reactor& reactor, Counters& counters, Credentials credentials)
      : config_(config), reactor_(reactor), counters_(counters), credentials_(std::move(credentials)) {}

  // A connection in use. Every one that was taken is given back.
  struct Lease {
    config::Backend which = config::Backend::old_db;
    shadow::ConnectionShares::Id id = 0;
    BackendLink* link = nullptr;
    std::vector<std::string>* state = nullptr;  // the statements that brought it to the session's state
  };
  // ResourceExhausted: the server has none to spare now.
  Task<absl::StatusOr<Lease>> take(config::Backend which, std::string user, TimePoint deadline);
  enum class After : std::uint8_t { keep, discard };
  void give_back(const Lease& lease, After after);
  // Looks after one backend's connections for ever.
  Task<void> watch(config::Backend which);

  // Any thread. A client was refused for want of connections: all here are closed at once, the busy ones, too, and
  // none is opened for a while. False: there were none.
  bool give_up(config::Backend which);
  // Any thread.
  std::uint64_t open(config::Backend which) const { return side(which).open.load(std::memory_order_relaxed); }

 private:
  using Id = shadow::ConnectionShares::Id;
  struct Kept {
    std::unique_ptr<BackendLink> link;
    std::vector<std::string> state;
  };
  struct Side {
    explicit Side(std::uint32_t connections_max) : budget(connections_max) {}
    shadow::ConnectionBudget budget;
    shadow::ConnectionShares shares{};
    std::map<Id, Kept> kept{};  // in use and idle
    std::deque<std::shared_ptr<Signal>> waiting{};
    TimePoint looked{};
    std::atomic<std::uint64_t> open{0};
  };
  Side& side(config::Backend which) { return sides_[static_cast<std::size_t>(which)]; }
  const Side& side(config::Backend which) const { return sides_[static_cast<std::size_t>(which)]; }
  Task<absl::Status> open_link(config::Backend which, std::string user, Id id, TimePoint deadline);
  Task<absl::Status> look(config::Backend which, Id id, TimePoint deadline);
  void refused(config::Backend which);
  void close(config::Backend which, Id id);
  void close_surplus(config::Backend which);
  void wake(Side& side);

  const config::ShadowConfig& config_;
  Reactor& reactor_;
  Counters& counters_;
  Credentials credentials_;
  std::array<Side, 2> sides_{Side(config_.connections), Side(config_.connections)};
};

// The server would take no further connection: of anybody, or of this account.
bool is_want_of_connections(const protocol::Err& err);

}  // namespace crossfade::proxy
