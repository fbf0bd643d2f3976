// What a server's catalogue says of its tables: the one place that asks for it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// One question to information_schema about many tables. MariaDB does not wait for a table that a schema change has
// locked if the session itself has a lock, one of GET_LOCK() as well: it leaves the table out, with a warning. Then it
// is asked again, until `patient_until`; a schema change that has a table for longer makes it (CREATE TABLE .. SELECT),
// and it is not there yet.
Task<absl::StatusOr<std::vector<protocol::ResultSet>>> ask_catalogue(BackendLink& link, std::string sql,
                                                                     TimePoint patient_until);
// Some seconds from now.
TimePoint patient_until();

using Definitions = std::map<dualwrite::TableRef, dualwrite::TableDefinition>;
// As the server tells them now, without the triggers of feed `trigger`, which are its own business. See
// ask_catalogue().
Task<absl::StatusOr<Definitions>> ask_definitions(BackendLink& link, dualwrite::DefinitionScope scope);

enum class TableKind : std::uint8_t { none, base_table, other };  // other: a view, a sequence
// Of one name; in one question, since clients wait for it.
Task<absl::StatusOr<TableKind>> ask_table_kind(BackendLink& link, dualwrite::TableRef table, TimePoint deadline);

}  // namespace crossfade::proxy
