// JSON as MySQL's log has it (binary, type 245) and what each make can hold of it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

// MySQL's binary JSON (sql-common/json_binary.h) as text: numbers with all their digits, opaque DECIMAL as number,
// dates and times as strings in MySQL's own format, other opaque values as MySQL's CAST(.. AS CHAR) shows them. UTF-8.
absl::StatusOr<std::string> json_text(protocol::Bytes binary);

// Why this JSON text would not be the same value on such a server: a number that neither a 64-bit integer nor a double
// holds exactly as written, an object key twice, nesting past the limit (31 levels MariaDB, 100 MySQL), text that is no
// JSON to it (1e400). OK: it would.
absl::Status json_fits(std::string_view text, bool mariadb);

}  // namespace crossfade::dualwrite
