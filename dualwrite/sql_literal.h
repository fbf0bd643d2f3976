// One value of a leader's row as the follower's SQL says it, exactly.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

// A column on its way: what the leader's log has, and what it becomes. Views into the mapping.
struct ColumnRoute {
  const LogColumn* column = nullptr;
  StoredForm from;
  const DefinedColumn* follower = nullptr;
  StoredForm to;
  ServerMakes makes;
  std::string_view text_by{};  // MappedColumn::text_by
};
absl::StatusOr<ColumnRoute> column_route(const TableMapping& mapping, const MappedColumn& column);

// The value without its length prefix; of BINARY with the zeros that the log cuts off.
absl::StatusOr<Buffer> bare_value(const ColumnRoute& route, const LogValue& value);

// A literal that the server stores in the follower's column as exactly this value, under sql_session(). Errors
// (OutOfRange): the follower cannot hold it exactly; the message names column and reason, never the value.
absl::StatusOr<std::string> sql_literal(const ColumnRoute& route, const LogValue& value);

// A condition that is true where the follower's column holds exactly this value, NULL for NULL.
absl::StatusOr<std::string> sql_holds(const ColumnRoute& route, const LogValue& value);

// The first `length` characters (bytes, of what is no text) are equal, as a key over that prefix compares them.
absl::StatusOr<std::string> sql_finds_prefix(const ColumnRoute& route, const LogValue& value, std::uint32_t length);

// `column = literal`, for which an index serves; true at least where sql_holds() is. Never of a NULL.
absl::StatusOr<std::string> sql_finds(const ColumnRoute& route, const LogValue& value);

}  // namespace crossfade::dualwrite
