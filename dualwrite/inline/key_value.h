// May a value be compared with a key column without either being converted? A conversion may find
// other rows on another server, or several for one value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dualwrite/table_schema.h"
#include "protocol/prepared.h"
#include "routing/write_shape.h"

namespace crossfade::dualwrite {

// `value` is not a placeholder. NULL fits: it equals nothing anywhere.
bool fits_key(const routing::Value& value, ColumnClass column);
bool fits_key(const protocol::Parameter& parameter, ColumnClass column);

// An integer as a server writes it: no blanks, no plus, no leading zeros.
bool is_canonical_integer(std::string_view text);

// What an AUTO_INCREMENT column makes of a value.
enum class IdSource : std::uint8_t { server, client, unclear };
IdSource id_source(const routing::Value& value, bool no_auto_value_on_zero);  // not a placeholder
IdSource id_source(const protocol::Parameter& parameter, bool no_auto_value_on_zero);

}  // namespace crossfade::dualwrite
