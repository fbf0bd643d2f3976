// Whether a job was about all there is, as its status over the admin server tells.
#pragma once

#include "nlohmann/json.hpp"

namespace crossfade::migrate {

// All rows of all tables: no table was chosen or left out, no sample, no quick look, no time since.
bool compares_everything(const nlohmann::json& verify);
// The same: no subset, no condition.
bool copies_everything(const nlohmann::json& backfill);

}  // namespace crossfade::migrate
