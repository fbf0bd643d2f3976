// `crossfade status` for people.
#pragma once

#include <string>

#include "nlohmann/json.hpp"

namespace crossfade::proxy {

// Readable lines from the JSON of /status. Takes any shape: what is missing is left out, what is new is
// shown; control characters (a server's version is outside input) are replaced.
std::string status_table(const nlohmann::json& status);

}  // namespace crossfade::proxy
