// Names to addresses, away from every reactor's thread.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/address.h"
#include "proxy/net/reactor.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
  bool operator==(const Endpoint& other) const;
};

// Asks on threads of its own, `kThreadsMax` at most however many look-ups hang, one question a name. What was found is
// kept: served at once while it is asked for anew, and, past a minute, when the new answer fails or takes too long.
// Addresses and sockets are no names: they take no thread. Any thread.
class Resolver {
 public:
  static constexpr std::size_t kThreadsMax = 4;
  // May take as long as it likes.
  using LookUp = std::function<absl::StatusOr<std::vector<Endpoint>>(const std::string& host)>;
  using Now = std::function<TimePoint()>;
  explicit Resolver(LookUp look_up = by_system, Now now = Clock::now);
  // Look-ups that hang are left behind.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  static Resolver& of_process();

  // Where to connect to, in the order in which to try: never empty. On the thread of `reactor`.
  Task<absl::StatusOr<std::vector<Endpoint>>> resolve(Reactor& reactor, config::Address address, TimePoint deadline);
  // It could be connected to: it is tried first from now on.
  void note_connected(const config::Address& address, const Endpoint& endpoint);

  // All addresses of both families.
  static absl::StatusOr<std::vector<Endpoint>> by_system(const std::string& host);

 private:
  struct State;
  std::shared_ptr<State> state_;  // of the threads, too
};

}  // namespace crossfade::proxy
