#include "proxy/session/links/lost_leader.h"

namespace crossfade::proxy {

bool was_killed(const LeaderLoss& loss) {
  constexpr double kRoundingSeconds = 1;  // of the server's clock, and of ours against it
  const bool same_run =
      loss.new_id > loss.lost_id && static_cast<double>(loss.uptime_seconds) + kRoundingSeconds >= loss.age_seconds;
  const bool timed_out = loss.idle_seconds + kRoundingSeconds >= static_cast<double>(loss.wait_timeout_seconds);
  return loss.in_good_order && loss.kills > 0 && same_run && !timed_out;
}

}  // namespace crossfade::proxy
