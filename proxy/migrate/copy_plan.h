// How a table's rows go from the leader to the follower, as both define it now.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/table_mapping.h"
#include "migrate/chunk_key.h"
#include "proxy/backend/definitions.h"

namespace crossfade::proxy {

struct CopyPlan {
  dualwrite::SelectedTable selected;
  migrate::ChunkKey key;  // of no parts: its rows are read at once
  std::shared_ptr<const dualwrite::TableMapping> mapping;
  std::string shown;  // SHOW CREATE TABLE of the leader, without what moves by itself
};
// NotFound, FailedPrecondition: it cannot be, and why; with the table's name.
absl::StatusOr<CopyPlan> plan_copy(const dualwrite::TableRef& table, const Definitions& leading,
                                   const Definitions& following, dualwrite::ServerMakes makes);
// Whether all its rows are copied in one chunk: a delete reaches rows through others, of which some may be missing
// while it is copied in parts, or no key tells one part from another.
bool is_copied_at_once(const dualwrite::TableDefinition& leader, dualwrite::ServerMakes makes);

}  // namespace crossfade::proxy
