// What a server's catalogue says of its tables: the one place that asks for it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

using Definitions = std::map<dualwrite::TableRef, dualwrite::TableDefinition>;
// As the server tells them now, without the triggers of feed `trigger`, which are its own business.
Task<absl::StatusOr<Definitions>> ask_definitions(BackendLink& link, dualwrite::DefinitionScope scope);

enum class TableKind : std::uint8_t { none, base_table, other };  // other: a view, a sequence
// Of one name; in one question, since clients wait for it.
Task<absl::StatusOr<TableKind>> ask_table_kind(BackendLink& link, dualwrite::TableRef table, TimePoint deadline);

}  // namespace crossfade::proxy
