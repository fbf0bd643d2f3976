// Which files among exported ones are of whoever exported them, and no rows.
#pragma once

#include <string>
#include <string_view>

namespace crossfade::migrate {

// Spark, Hive and the warehouses leave out what begins with `_` or `.`, also below a folder of such a name: _SUCCESS,
// _temporary/.., .part-0.crc. So is what ends in `manifest`, as Redshift names its list of files. Only of what the name
// has behind the first `given` bytes: what somebody has asked for by name is wanted.
bool is_no_data(std::string_view name, std::size_t given = 0);

// "2 files left out: _SUCCESS, .part-0.crc"; of many the first.
template <typename Names>
std::string left_out_text(const Names& names) {
  constexpr std::size_t kNamesShown = 5;
  std::string out = std::to_string(names.size()) + (names.size() == 1 ? " file" : " files") + " left out: ";
  for (std::size_t i = 0; i < names.size() && i < kNamesShown; ++i) out += (i == 0 ? "" : ", ") + names[i];
  return out + (names.size() > kNamesShown ? ", .." : "");
}

}  // namespace crossfade::migrate
