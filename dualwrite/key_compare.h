// Keys and foreign keys of both sides of a table.
#pragma once

#include <vector>

#include "dualwrite/schema_compare.h"

namespace crossfade::dualwrite {

struct KeySides {
  const TableDefinition& leader;
  const TableDefinition& follower;
  ServerMakes makes;
  bool needs_sql = false;  // rows go by SQL, which finds them by their values
};
void compare_keys(const KeySides& sides, std::vector<SchemaFinding>& out);

}  // namespace crossfade::dualwrite
