// TABLE_MAP: which table the rows events behind it mean, and how its columns are laid out.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

enum class LogMake : std::uint8_t { mariadb, mysql };

// Table ids are of 48 bits; they name a table until the next file or DDL.
inline constexpr std::size_t kTableIdBytes = 6;
std::uint64_t read_table_id(protocol::Reader& reader);

// u48 table id | u16 flags | lenenc, schema, NUL | lenenc, table, NUL | lenenc columns | u8[] types
// | lenenc bytes, metadata | NULL bits | optional metadata: (u8 kind | lenenc bytes, value)*
absl::StatusOr<LogTable> decode_table_map(Bytes body, LogMake make);

// The optional part, into columns that have types. MariaDB writes it only with binlog_row_metadata=FULL or MINIMAL,
// MySQL the signs, collations and geometries always. Among the columns with a collation MariaDB counts
// geometries, and MySQL vectors.
absl::Status decode_optional_metadata(Bytes metadata, LogMake make, LogTable* table);

}  // namespace crossfade::dualwrite
