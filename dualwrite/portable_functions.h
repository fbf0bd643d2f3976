// Functions that give the same value on every server of this family, whatever its make and version.
#pragma once

#include <string_view>

namespace crossfade::dualwrite {

// Of any other a generated column may hold other values on the two sides: case mapping, collation, regular expressions,
// formatting of floats and JSON, and digests are each server's own. The list errs on the short side.
bool is_portable_function(std::string_view name);

}  // namespace crossfade::dualwrite
