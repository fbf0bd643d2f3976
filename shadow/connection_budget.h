// How many connections shadow reads may hold on one server.
#pragma once

#include <chrono>
#include <cstdint>

#include "shadow/fair_queue.h"

namespace crossfade::shadow {

// Never more than configured, than a tenth of what the server takes, and than what is left of it when clients have a
// tenth more than they hold now. None at all, for a while that doubles, once nothing is left or the server has refused
// a connection, whoever asked for it: then the clients need all of them.
class ConnectionBudget {
 public:
  static constexpr auto kPauseMin = std::chrono::milliseconds(1'000);
  static constexpr auto kPauseMax = std::chrono::milliseconds(60'000);

  explicit ConnectionBudget(std::uint32_t connections_max) : configured_(connections_max), allowed_(connections_max) {}

  struct ServerState {
    std::uint32_t connections_max = 0;  // max_connections
    std::uint32_t connected = 0;        // Threads_connected
    std::uint32_t ours = 0;             // of these
  };
  void note(const ServerState& server, Moment now);
  void note_refusal(Moment now);
  std::uint32_t allowed(Moment now) const { return now < paused_until_ ? 0 : allowed_; }

 private:
  void pause(Moment now);

  std::uint32_t configured_;
  std::uint32_t allowed_;
  std::chrono::milliseconds pause_{0};
  Moment paused_until_ = {};
};

}  // namespace crossfade::shadow
