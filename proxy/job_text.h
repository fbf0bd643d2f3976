// A long job as people read it: from GET /jobs/backfill, /jobs/verify or /jobs/repair.
#pragma once

#include <string>

#include "nlohmann/json.hpp"

namespace crossfade::proxy {

// Several lines: the job, a bar for each table that is under way or went wrong, and in total; then rows that differ.
// `noun`: what it is called where there is none.
std::string job_table(const nlohmann::json& status, const std::string& noun = "copy");
// One line with its end.
std::string job_line(const nlohmann::json& status, const std::string& noun = "copy");

}  // namespace crossfade::proxy
