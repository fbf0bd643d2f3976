// What is known between two looks at how long the leader keeps its log.
#pragma once

#include "dualwrite/log_control.h"
#include "proxy/net/clock.h"

namespace crossfade::proxy {

struct RetentionLook {
  TimePoint next{};  // when to look again
  // After any failure the log is read from here on, since an XA branch is open; nowhere: none is.
  dualwrite::LogPosition held_at{};
  TimePoint held_since{};
  void note(const dualwrite::StoredPosition& stored) {
    const bool holds = stored.resume < stored.applied;
    if (holds && held_at != stored.resume) held_since = Clock::now();
    held_at = holds ? stored.resume : dualwrite::LogPosition();
  }
};

}  // namespace crossfade::proxy
