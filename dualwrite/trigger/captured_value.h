// One captured text as the value that the row log has for it: the inverse of what log_value_text.h shows.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "dualwrite/row_change.h"
#include "dualwrite/trigger/capture_plan.h"

namespace crossfade::dualwrite {

// Appends the value, with its length prefix where the log has one. `text` as capture_sql.h has the leader write it: of
// numbers and times the server's own text, of a TIMESTAMP seconds since 1970, of BIT, ENUM and SET a number, else the
// bytes. Errors (InvalidArgument): it is none of this column; nothing is appended then.
absl::Status put_captured_value(Buffer& out, const LogColumn& column, const CapturedColumn& captured,
                                std::string_view text);

}  // namespace crossfade::dualwrite
