// What earlier readings of the same log have found out about single transactions, by where they begin.
#pragma once

#include <set>

#include "dualwrite/log_position.h"

namespace crossfade::dualwrite {

struct EarlierReadings {
  std::set<LogPosition> undone = {};  // came to nothing
  // Could not be read to the end because of a savepoint: more is kept of them than at first.
  std::set<LogPosition> doubted = {};
  // Nor then: which of their rows stay is not known.
  std::set<LogPosition> unclear = {};
  // May a savepoint be a routine's? MariaDB logs these, too, by the name alone. (A trigger's tables say that they have
  // triggers.)
  bool routines_set_savepoints = true;
};

}  // namespace crossfade::dualwrite
