// What identifies a row on both sides, and what of the follower could refuse or fold rows that the leader has.
#pragma once

#include <string>
#include <vector>

#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

// The two definitions of one table. `leader` may be nullptr: then only its primary key is known, from the log.
struct TablePair {
  const LogTable& source;
  const TableDefinition* leader = nullptr;
  const TableDefinition& follower;
  ServerMakes makes;
};

// Ordinals in the leader's image: its primary key, else a unique key without NULL; empty: none. A key over
// a prefix will do: whole values are no less unique.
std::vector<std::size_t> identifying_key(const TablePair& pair);

// Why a unique key of the follower is not surely as unique on the leader; empty: all are.
std::string key_complaint(const TablePair& pair);

// Why foreign keys of the follower would change rows that the leader's did not, or the leader's did without logging it;
// empty: they would not.
std::string foreign_key_complaint(const TablePair& pair);

}  // namespace crossfade::dualwrite
