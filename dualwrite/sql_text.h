// Names and bytes as they stand in SQL, the same under every sql_mode and character set.
#pragma once

#include <string>
#include <string_view>

#include "protocol/wire.h"

namespace crossfade::dualwrite {

std::string hex(protocol::Bytes bytes);         // lower case, without 0x
std::string quote_name(std::string_view name);  // `x`, backticks doubled

}  // namespace crossfade::dualwrite
