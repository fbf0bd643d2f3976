// Which tables change by themselves when others do.
#pragma once

#include <map>
#include <vector>

#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// The tables whose rows the actions of foreign keys (CASCADE, SET NULL, SET DEFAULT) can change when rows of these are
// deleted or get another key, at any depth; sorted, without these themselves.
std::vector<TableRef> cascade_children(const std::map<TableRef, TableDefinition>& tables,
                                       const std::vector<TableRef>& of);

}  // namespace crossfade::dualwrite
