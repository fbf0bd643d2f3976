// Which values of a leader's column do not fit into the follower's, as SQL that the leader understands.
#pragma once

#include <optional>
#include <string>

#include "dualwrite/table_definition.h"

namespace crossfade::migrate {

struct Truncation {
  std::string condition;  // true for a value that would be cut, rounded or refused
  std::string length;     // how long it is; empty: the longest says nothing
  std::string unit;       // of `length`: "characters", "bytes", "digits"
};
// `code`: of the finding that says that the column is narrower. nullopt: cannot be asked in SQL.
std::optional<Truncation> truncation(const dualwrite::DefinedColumn& leader, const dualwrite::DefinedColumn& follower,
                                     const std::string& code);

}  // namespace crossfade::migrate
