// What `crossfade backfill` refuses, said before: from the same functions that it asks.
#pragma once

#include <vector>

#include "migrate/judge_tables.h"

namespace crossfade::migrate {

// Of tables that are on both sides. What judge_tables() finds is not said again.
Findings judge_copy(const TablesToJudge& sides);

// Of tables of new that have rows, where all are to come by a copy.
Finding rows_on_new(const std::vector<dualwrite::TableRef>& tables);

}  // namespace crossfade::migrate
