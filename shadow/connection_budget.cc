#include "shadow/connection_budget.h"

#include <algorithm>

namespace crossfade::shadow {

namespace {

constexpr std::uint32_t kShare = 10;  // of the server's connections, one in so many
constexpr std::uint32_t kReserveMin = 3;

}  // namespace

void ConnectionBudget::note(const ServerState& server, Moment now) {
  const std::uint32_t others = server.connected - std::min(server.connected, server.ours);
  const std::uint32_t kept_free = others + std::max(kReserveMin, server.connections_max / kShare);
  const std::uint32_t left = server.connections_max - std::min(server.connections_max, kept_free);
  if (left == 0) {
    pause(now);
    return;
  }
  allowed_ = std::min({configured_, std::max(1u, server.connections_max / kShare), left});
  if (now >= paused_until_) {
    pause_ = {};
  }
}

void ConnectionBudget::note_refusal(Moment now) { pause(now); }

// Refusals that come in one pause are one.
void ConnectionBudget::pause(Moment now) {
  if (now < paused_until_) {
    return;
  }
  pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
  paused_until_ = now + pause_;
  allowed_ = 1;  // the first one looks how things are
}

}  // namespace crossfade::shadow
