// Clients whose language has only one kind of number bind every one of them as a DOUBLE.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/prepared.h"

namespace crossfade::dualwrite {

// The value of a bound DOUBLE that is a whole number of less than 2^53, where a DOUBLE and an integer are compared and
// stored exactly on every server; nullopt for every other parameter, and for -0.
std::optional<std::int64_t> whole_number(const protocol::Parameter& parameter);

}  // namespace crossfade::dualwrite
