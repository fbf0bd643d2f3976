// What becomes of the commands that are not statements, and that the proxy need not understand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/flags.h"
#include "protocol/response.h"
#include "protocol/response_tracker.h"
#include "routing/plan.h"

namespace crossfade::routing {

struct CommandPlan {
  // How the leader answers it; nullopt: it is not sent there.
  std::optional<protocol::ResponseKind> relay;
  protocol::Err refusal;
};
// For each byte that has no handler of its own in the session. What the leader does not know, it says itself.
CommandPlan plan_command(std::uint8_t command, const config::Flags& flags);

}  // namespace crossfade::routing
