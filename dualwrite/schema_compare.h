// Where the definitions of both sides differ, and what that means for rows that travel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dualwrite/table_definition.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

enum class Severity : std::uint8_t {
  note,     // differs, and nothing follows from it
  warning,  // rows are carried exactly now; the sides behave differently once `new` leads
  blocker   // cannot be carried exactly: the table is stopped before anything is lost
};

struct SchemaFinding {
  Severity severity = Severity::note;
  TableRef table;
  std::string object;  // "column price", "key u", "trigger t_ai", "table"
  std::string code;    // stable, snake_case: "column_missing", "type_narrower", "cascade_one_side", ...
  std::string text;    // what differs
  std::string advice;  // what to do, with the statement where there is one
  friend bool operator==(const SchemaFinding&, const SchemaFinding&) = default;
};

// All tables of the leader against the follower's, sorted by table and severity. Differences that are only the makes'
// own spelling (int(11) and int, utf8 and utf8mb3, CURRENT_TIMESTAMP() and CURRENT_TIMESTAMP, quotes around defaults,
// JSON and LONGTEXT with json_valid, default collations of a make) are none.
std::vector<SchemaFinding> compare_schemas(const std::map<TableRef, TableDefinition>& leader,
                                           const std::map<TableRef, TableDefinition>& follower, ServerMakes makes);

// Without the blockers that a second look does not have. A reading of definitions is several questions, and a table may
// have been on the move between them.
std::vector<SchemaFinding> seen_twice(std::vector<SchemaFinding> first, const std::vector<SchemaFinding>& second);

}  // namespace crossfade::dualwrite
