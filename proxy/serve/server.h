// The composition root: threads, listeners, feeds, shadow workers, admin, signals, drain.
#pragma once

#include <string>

#include "config/config.h"

namespace crossfade::proxy {

// Serves until SIGTERM or SIGINT, then drains, bounded by limits.drain_timeout (a second signal ends at
// once). SIGHUP re-reads the flags, passwords and certificates. Returns the process's exit code: 0 after a clean stop,
// 1 when it could not start (what was wrong is logged).
int serve(const config::Config& config);

}  // namespace crossfade::proxy
