// Upper and lower case of ASCII alone: keywords, names of character sets, and names of columns as both makes fold them
// where they are ASCII.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::dualwrite {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

inline bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

// Of equal length, and so in each place.
inline bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_ignoring_case);
}

}  // namespace crossfade::dualwrite
