// What a schema change is about to change, in short: by this it is known later whether it was run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/ddl.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// A hash of what the server shows of these tables, but for their AUTO_INCREMENT: it moves with the rows.
Task<absl::StatusOr<std::string>> tables_state(BackendLink& server, std::vector<dualwrite::TableRef> tables);
// What shows one, and what the answer comes to, in the same way.
std::string show_definition(const dualwrite::TableRef& table);
std::string definition_state(const protocol::ResultSet& shown);
// Of everything that the statement names, with InnoDB's ids: TRUNCATE changes it, too. Needs the PROCESS privilege.
Task<absl::StatusOr<std::string>> ddl_state(BackendLink& server, dualwrite::DdlAnalysis analysis);

// The named lock of the leader that whoever changes a table's definition has; of a schema: with an empty table.
std::string ddl_turn(std::string_view control_schema, const dualwrite::TableRef& of);

// As SQL text: that of the follower that whoever carries out a schema change there has.
std::string ddl_lock(std::string_view control_schema);

}  // namespace crossfade::proxy
