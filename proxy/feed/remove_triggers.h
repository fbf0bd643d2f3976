// The verb `remove-triggers`: what feed `trigger` has made on the leader goes.
#pragma once

#include "absl/status/status.h"
#include "config/config.h"

namespace crossfade::proxy {

// Triggers first, then the control tables that they write to; also after a crash that left some of them. A table that
// is in use is tried again, a minute at most. Unavailable: what is left, and why; to be called again. No proxy of this
// migration may run: it would make them anew.
absl::Status remove_triggers(const config::Config& config);

}  // namespace crossfade::proxy
