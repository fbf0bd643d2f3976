// One value of a binary row (manual page "Binary Protocol Value") as the text protocol writes it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "protocol/response.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

// Takes the value of `column` from the front of `row`. A value that is cut short leaves
// `row.failed()`, which the caller looks at after the last one; a malformed date or time fails at once.
absl::StatusOr<std::string> take_binary_value(Reader& row, const ColumnDefinition& column);

}  // namespace crossfade::protocol
