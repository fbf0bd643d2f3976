// Quantities as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace crossfade::migrate {

std::string bytes_text(std::uint64_t bytes);      // "1.5 GB", by 1000
std::string count_text(std::uint64_t count);      // "1,234,567"
std::string seconds_text(std::uint64_t seconds);  // "2 h 5 min", "41 s"

}  // namespace crossfade::migrate
