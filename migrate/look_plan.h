// Quick looks at a table: what one SELECT a side tells of all its rows, asked at one place of the leader's changes and
// compared by value. A look is its SQL for each side, what the cells are, and what is to be said if they differ.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"
#include "migrate/row_compare.h"

namespace crossfade::migrate {

enum class Look : std::uint8_t {
  aggregates,    // count, sum, least, greatest, distinct values of each column, in groups if wanted
  lengths,       // sum and greatest of the lengths of texts and bytes
  foreign_keys,  // rows that refer to none, of each side by itself
};
std::string_view name(Look look);  // "foreign_keys"
std::optional<Look> look_named(std::string_view name);

// One SELECT a side; both give the same cells: the group, if there is one, then `cells`. Of orphans: the key.
struct LookQuery {
  Difference::Kind kind = Difference::Kind::aggregate;
  std::string object{};                   // of orphans: "foreign key f"
  std::string leader{}, follower{};       // SQL; empty: this side is not asked
  std::optional<VerifiedColumn> group{};  // compared and shown as this column is
  struct Cell {
    VerifiedColumn column;  // `name` as people see it: "sum(price)"
    bool is_value = true;   // of rows, so that it is hashed unless asked for; else a count
  };
  std::vector<Cell> cells{};
};

// `by`: a column that groups the aggregates: by days if it is a date or a moment, else by its value; a table that does
// not have it is one group. Generated columns are left out. FailedPrecondition: what cannot be looked at, and why.
// OutOfRange: the follower does not have (yet) what the leader has.
absl::StatusOr<std::vector<LookQuery>> plan_looks(const dualwrite::TableDefinition& leader,
                                                  const dualwrite::TableDefinition& follower,
                                                  dualwrite::ServerMakes makes, const std::vector<Look>& looks,
                                                  std::string_view by);

// What one side has answered.
struct LookAnswer {
  struct Group {
    std::string text;  // "day(at)='2026-01-02'"; empty: all rows
    std::vector<std::uint64_t> marks{};
    std::vector<std::string> shown{};
  };
  std::map<std::uint64_t, Group> groups{};  // by the mark of the group
  std::uint64_t rows = 0;                   // of the table; of orphans: how many there are
  std::vector<std::string> keys{};          // of the first orphans
};
// One row of it. FailedPrecondition: more groups than are kept. Internal: it has another shape.
absl::Status see_answer(const LookQuery& query, ShowRows show, const std::vector<protocol::Cell>& row,
                        LookAnswer* answer);
// Orphans are told wherever a side has some; everything else where the sides differ.
std::vector<Difference> compare_answers(const LookQuery& query, const LookAnswer& leader, const LookAnswer& follower);

}  // namespace crossfade::migrate
