// Is a text well-formed, as the servers have it: no surrogates, no overlong forms, nothing past U+10FFFF?
#pragma once

#include <string_view>

namespace crossfade::dualwrite {

bool is_utf8mb4(std::string_view text);

}  // namespace crossfade::dualwrite
