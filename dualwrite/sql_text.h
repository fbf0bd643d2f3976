// Names and bytes as they stand in SQL, the same under every sql_mode and character set.
#pragma once

#include <string>
#include <string_view>

#include "dualwrite/table_ref.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

std::string hex(protocol::Bytes bytes);         // lower case, without 0x
std::string quote_name(std::string_view name);  // `x`, backticks doubled
std::string quote_name(const TableRef& table);  // `schema`.`table`
// A text of UTF-8. Hex digits alone are binary; so it compares by the collation of what stands beside it.
std::string quote_text(std::string_view text);

}  // namespace crossfade::dualwrite
