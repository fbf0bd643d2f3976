// What the makes print differently and mean alike: defaults, expressions.
#pragma once

#include <string>

#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// An expression (of a generated column, a check, a key) as both makes would print it: words in lower case, no quotes
// around names, no introducers, no parentheses but those of calls, the same word for the same function. For a
// comparison: two that differ in meaning may come out alike.
std::string common_expression(const std::string& printed);
// The same words, names, literals and operators, in whatever order: MySQL turns `a NOT LIKE b` into `NOT (a LIKE b)`
// and says `0 <> a` where a number stands for a truth.
bool same_but_for_order(const std::string& a, const std::string& b);

// MariaDB: the default is the next value of a sequence.
bool takes_next_value(const DefinedColumn& column);

// Do the defaults of both sides give the same value?
bool same_default(const DefinedColumn& a, bool a_is_mariadb, const DefinedColumn& b, bool b_is_mariadb);

}  // namespace crossfade::dualwrite
