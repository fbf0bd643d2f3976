// Bound dates and times as they come in an execution. Their fields may hold what no date has: MariaDB then stores
// zeros, MySQL fails the execution (1690).
#pragma once

#include <string_view>

#include "protocol/prepared.h"

namespace crossfade::dualwrite {

// Why the two makes would not take it alike, whatever it is for; empty: they do, or it is no date or time.
std::string_view bound_temporal_problem(const protocol::Parameter& parameter);

bool has_microseconds(const protocol::Parameter& datetime);

}  // namespace crossfade::dualwrite
