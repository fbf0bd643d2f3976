// The TABLE_MAP event that stands before rows for a follower's table.
#pragma once

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// The 6 bytes by which rows events name a table: any number, which the TABLE_MAP event in front of them has.
void put_table_id(Buffer& out, std::uint64_t id);
void set_table_id(Buffer& table_map_event, std::uint64_t id);

// The 19 bytes before every event of the log, without a checksum behind it: timestamp u32, type u8, server id u32,
// size u32, next position u32, flags u16. The follower logs its own server id whatever stands here.
void put_event_header(Buffer& out, std::uint8_t type, std::size_t body_bytes);

// Header; table id 6, flags u16; schema and table as u8 length, text, NUL; number of columns lenenc, type bytes;
// metadata lenenc bytes; NULL bits. Table id 0. Without optional metadata, which the servers do not need. Errors: a
// column whose type has no known form, a name past 255 bytes.
absl::StatusOr<Buffer> table_map_event(const TableDefinition& table, bool mariadb);

}  // namespace crossfade::dualwrite
