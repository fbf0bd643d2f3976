// This program in this process, from its beginning.
#pragma once

#include "absl/status/status.h"

namespace crossfade::proxy {

// With the arguments that it was started with. Descriptors but the first three are closed; other threads are no more.
// Returns only where that cannot be done.
absl::Status execute_again();

}  // namespace crossfade::proxy
