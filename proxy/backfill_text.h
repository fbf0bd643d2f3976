// The copy of tables as people read it: from GET /jobs/backfill.
#pragma once

#include <string>

#include "nlohmann/json.hpp"

namespace crossfade::proxy {

// Several lines: the job, a bar for each table that is under way or went wrong, and in total.
std::string backfill_table(const nlohmann::json& status);
// One line with its end.
std::string backfill_line(const nlohmann::json& status);

}  // namespace crossfade::proxy
