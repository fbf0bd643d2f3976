// What every character set of a client's but swe7 means alike.
#pragma once

#include <algorithm>
#include <string_view>

namespace crossfade::protocol {

inline bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace crossfade::protocol
