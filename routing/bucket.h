// Is this key inside this percentage? A pure function of salt and key, so that a key in at 10 % is
// still in at 20 %.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/percent.h"

namespace crossfade::routing {

// MurmurHash3 x86 32 bit, seed 0 (public domain algorithm by Austin Appleby; flagd's `fractional` uses it).
std::uint32_t murmur3_x86_32(std::string_view bytes, std::uint32_t seed = 0);

// murmur3(salt + key) * 1,000,000 >> 32 < ppm: the low end of the range is in.
bool is_in_bucket(std::string_view salt, std::string_view key, config::Percent percent);

}  // namespace crossfade::routing
