// QUERY: a statement as text, with what its session was set to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"
#include "dualwrite/log_event_header.h"

namespace crossfade::dualwrite {

// Its settings are read only by logged_statement(): transaction control has no use for them.
struct QueryEvent {
  std::string schema;
  protocol::Buffer inflated;  // the text, where it was compressed
  std::string_view sql;       // into the event or `inflated`
  protocol::Bytes status;
  std::uint16_t error = 0;
};

enum class QueryPacking : std::uint8_t { plain, compressed };

// u32 connection | u32 seconds | u8 bytes of schema | u16 error | u16 bytes of status | status | schema, NUL | text
absl::StatusOr<QueryEvent> decode_query(protocol::Bytes body, QueryPacking packing);

// The statement with its session's settings: (u8 kind | value)*. What follows an unknown kind cannot be found: it is
// left in `unknown_setting`.
absl::StatusOr<LoggedStatement> logged_statement(const QueryEvent& query, bool mariadb);

}  // namespace crossfade::dualwrite
