// One value shown with more digits by one make of server and with fewer by the other.
#pragma once

#include <string>

#include "protocol/rows.h"

namespace crossfade::shadow {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Both cells in their canonical form (see canonical.h), and unequal. True where they are one value for all that the
// side with fewer digits can say:
// - floats, and decimals that are computed with ten decimals or more: up to 15 significant digits, six where one side
//   has a FLOAT;
// - computed numbers of which one has fewer decimals by its column's definition, one at least: rounded to those (STD()
//   of an integer has four on MariaDB and as many as it takes on MySQL);
// - JSON: its numbers in this way, integers of up to 19 digits exactly; its times without zeros at the end of a
// fraction;
// - texts that are computed: JSON objects and arrays in another spelling, times with other zeros at the end.
// Two numbers with the same decimals that differ in the last of them are different values: 3.29 is not 3.30.
// Symmetric.
bool differ_in_digits_only(const std::string& a, const protocol::ColumnDefinition& mine, const std::string& b,
                           const protocol::ColumnDefinition& theirs);

// Whether it can be true of any two cells of such columns: their cells cannot tell rows apart.
bool may_differ_in_digits(const protocol::ColumnDefinition& mine, const protocol::ColumnDefinition& theirs);

}  // namespace crossfade::shadow
