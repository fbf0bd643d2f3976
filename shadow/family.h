// What a column's values are, as far as their spelling goes.
#pragma once

#include <cstdint>

#include "protocol/response.h"

namespace crossfade::shadow {

enum class Family : std::uint8_t { nothing, integer, decimal, float_, double_, temporal, json, bytes };

Family family_of(protocol::ColumnType type);

constexpr bool is_floating(Family family) { return family == Family::float_ || family == Family::double_; }
constexpr bool is_numeric(Family family) {
  return family == Family::integer || family == Family::decimal || is_floating(family);
}

}  // namespace crossfade::shadow
