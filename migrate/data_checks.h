// What only the rows themselves tell: counted on the leader, one statement each, never a value of theirs.
#pragma once

#include <string>
#include <vector>

#include "migrate/finding.h"
#include "migrate/judge_tables.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

// One SELECT that gives one row.
struct DataCheck {
  enum class What : std::uint8_t {
    rows,        // COUNT(*), bytes of the largest row, then two cells for each of `columns`
    orphans,     // rows that refer to none
    duplicates,  // keys that more rows than one have on the follower, and those rows
  } what = What::rows;
  TableRef table{};
  std::string object{};  // of the finding: "foreign key f", "key u"
  std::string sql{};
  std::size_t width = 0;  // cells of the row
  struct Column {
    std::string object;  // "column price", as the finding has it
    std::string code;    // "type_narrower"
    std::string unit;    // "characters", "bytes", "digits"; empty: the longest says nothing
  };
  std::vector<Column> columns{};
  std::string detail{};  // of duplicates and orphans: said in the finding
};

// One for the rows of each table, with the columns that `found` names as too narrow; then foreign keys and keys.
std::vector<DataCheck> plan_data_checks(const TablesToJudge& sides, const Findings& found);

// " FROM child WHERE ..": its rows that refer to none by this key. A list of SELECT before it may name the child's
// columns without the table.
std::string from_orphans(const TableRef& child, const dualwrite::DefinedForeignKey& key);

// Those of one table's foreign keys, as a server defines them: for that server's own rows.
std::vector<DataCheck> plan_orphan_checks(const dualwrite::TableDefinition& table, const Definitions& tables);

struct DataAnswer {
  std::vector<protocol::Cell> cells{};
  bool timed_out = false;
  std::string failure{};  // the server's words; empty: `cells` counts
};
// What a table has been found to hold.
struct CountedTable {
  std::uint64_t rows = 0;
  std::uint64_t largest_row_bytes = 0;
};
// Puts what was counted into the findings of the same table and object, or adds new ones. `packet_bytes_max`: the
// follower's. nullopt: not counted.
std::optional<CountedTable> apply_answer(const DataCheck& check, const DataAnswer& answer,
                                         std::uint64_t packet_bytes_max, Findings& findings);

}  // namespace crossfade::migrate
