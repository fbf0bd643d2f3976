// One text for all spellings of one value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/rows.h"

namespace crossfade::shadow {

// Decimals without trailing zeros and "-0"; floats shortest round trip; JSON with sorted keys and
// canonical numbers; zero fractions of temporal values dropped; integers and BOOL as digits; CHAR
// without trailing spaces is the server's matter and stays. Strings compare as bytes.
// MariaDB reports JSON columns as text (collation 45/46 ...), MySQL as type 245: a cell is treated as
// JSON when either column says so.
// Which form is used depends on both columns alike, so that canonical_value(v, a, b) ==
// canonical_value(v, b, a): a number is canonical only where both columns are numeric. A value that
// is not what its column says stays as it is.
std::string canonical_value(const std::string& value, const protocol::ColumnDefinition& mine,
                            const protocol::ColumnDefinition& theirs);
// Numbers that are equal up to 15 significant digits. Symmetric.
bool equal_up_to_precision(const std::string& a, const std::string& b);

// The exact value of a decimal or scientific number: "2.50" and "25e-1" are "2.5", "1e2" is "100".
// nullopt when the text is not a number, or its exponent has more than six digits.
std::optional<std::string> canonical_number(std::string_view text);
// Sorted keys, no spaces, canonical numbers, the last of duplicate keys (as MySQL stores it).
// nullopt when the text is not JSON, or is nested deeper than 200 (MySQL allows 100, MariaDB 32).
std::optional<std::string> canonical_json(std::string_view text);

}  // namespace crossfade::shadow
