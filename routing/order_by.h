// By what the rows of a read are sorted, where that can be told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

struct OrderBy {
  TableName table;                   // the only one
  std::vector<std::string> columns;  // items that are a name alone, lower case: a column's, or an alias
};

// Of SELECT .. FROM one table [WHERE ..] ORDER BY .., each row of which is a row of that table and comes once. nullopt
// for everything else: joins, derived tables, DISTINCT, GROUP BY, UNION, WITH, row history, what is not understood.
// If a unique NOT NULL key of the table is among the columns, no two rows tie. For a statement that is known to be
// read, never on a client's path.
std::optional<OrderBy> order_of_one_table(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
