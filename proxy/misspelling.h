// What somebody meant to write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crossfade::proxy {

// The known word that is nearest by edit distance (letters added, left out, changed, or two swapped); empty: none is
// near enough to have been meant.
std::string nearest_word(std::string_view written, const std::vector<std::string>& known);

}  // namespace crossfade::proxy
