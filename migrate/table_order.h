// In which order tables can be made or filled, so that what a row refers to is there before it.
#pragma once

#include <vector>

#include "migrate/server_facts.h"

namespace crossfade::migrate {

// Every table once, parents before their children; of a cycle the first by name comes first, and its foreign key needs
// what comes later. Views and sequences are left out.
std::vector<dualwrite::TableRef> parents_first(const Definitions& tables);

}  // namespace crossfade::migrate
