// What a schema change does to the rows that its table has already.
#pragma once

#include <string>

#include "dualwrite/ddl.h"

namespace crossfade::dualwrite {

// What is known of the table that a statement alters.
struct TableAround {
  const TableDefinition* before = nullptr;  // the follower's; nullptr: not known any more, and the text alone tells
  const TableDefinition& after;             // the follower's
  const TableDefinition* leader = nullptr;  // the leader's, as last read; nullptr: it is not there
};

// Why those rows may come out otherwise on the follower than on the leader, though the statement is the same; empty:
// they do not.
// - numbers that AUTO_INCREMENT gives to rows which no key puts into one order;
// - new columns whose default is each server's own (UUID(), RAND()), or of a clock that is not known;
// - between makes, a column that becomes one of another kind: what is no number, no date or no JSON is read by each
//   make in its own way.
std::string values_in_doubt(const LoggedStatement& statement, const TableAround& table, ServerMakes makes);

}  // namespace crossfade::dualwrite
