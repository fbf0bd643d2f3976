// Values within MySQL's JSON that JSON text has not: DECIMAL, dates and times, bytes.
#pragma once

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

// As text these come back as another type: the document is not the same in MySQL then.
absl::StatusOr<bool> json_has_opaque(protocol::Bytes binary);

}  // namespace crossfade::dualwrite
