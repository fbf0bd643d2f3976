// In which order tables are copied, so that what a row refers to is there before it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "dualwrite/table_definition.h"

namespace crossfade::migrate {

using dualwrite::TableDefinition;
using dualwrite::TableRef;

// Groups, parents first; the tables of one group refer to each other in a circle, and are copied at the same time.
// Tables without a definition stand alone.
std::vector<std::vector<TableRef>> copy_groups(const std::map<TableRef, TableDefinition>& leader,
                                               const std::vector<TableRef>& tables);
// Tables that the foreign keys of `table` refer to; itself left out.
std::vector<TableRef> parents_of(const std::map<TableRef, TableDefinition>& leader, const TableRef& table);

// A delete of one of its rows deletes others of it, at any depth: ON DELETE CASCADE on itself.
bool cascades_on_itself(const TableDefinition& table);
// A copy reads such a table at once where the leader does not tell what it cascades to, and one that has no key to go
// by; of more rows it does not.
inline constexpr std::size_t kReadAtOnceBytesMax = std::size_t{32} << 20;
// A foreign key between two tables of the group that passes deletes or new keys on, as "app.child to app.parent";
// empty: there is none.
std::string cascade_within(const std::map<TableRef, TableDefinition>& leader, const std::vector<TableRef>& group);

}  // namespace crossfade::migrate
