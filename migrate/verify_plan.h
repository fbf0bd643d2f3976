// How the rows of one table are compared on both sides: what each column is asked for as, so that equal values have
// equal texts, and which of these texts the databases can be left to compare themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/table_definition.h"
#include "dualwrite/table_mapping.h"
#include "migrate/chunk_key.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

// How a column's texts are compared, and how one is said as a literal.
enum class ValueClass : std::uint8_t {
  number,    // exact: integers, DECIMAL, BIT, YEAR; ENUM and SET by their numbers
  floating,  // with all digits
  temporal,  // TIMESTAMP in UTC
  text,      // bytes: of the column's character set if that is the same on both sides, else of utf8mb4
  bytes,
  padded,    // zeros at the end are no part of it: BINARY beside VARBINARY
  document,  // JSON, by value
};

struct VerifiedColumn {
  std::string name;
  ValueClass how = ValueClass::number;
  std::string on_leader{}, on_follower{};                // SQL that gives the text
  std::string hashed_on_leader{}, hashed_on_follower{};  // SQL as it goes into a checksum
  std::string charset{};                                 // of a text's literals
  // Both servers give equal texts for equal values.
  bool same_text = true;
  // Its order is the same on both sides: bounds of a range are the same set of rows.
  bool same_order = true;
  bool nullable = true;
};

// How one column is compared. Unimplemented: a type that is not known here.
absl::StatusOr<VerifiedColumn> verified_column(const dualwrite::DefinedColumn& leader,
                                               const dualwrite::DefinedColumn& follower, dualwrite::ServerMakes makes);

// Those with these names. FailedPrecondition, OutOfRange: as plan_verify().
absl::StatusOr<std::vector<VerifiedColumn>> verified_columns(const dualwrite::TableDefinition& leader,
                                                             const dualwrite::TableDefinition& follower,
                                                             const std::vector<std::string>& names,
                                                             dualwrite::ServerMakes makes);

// One side's SQL.
struct VerifySide {
  std::string table{};  // quoted
  std::string index{};  // " FORCE INDEX (`PRIMARY`)"; empty: the key has no index there
  std::string keys{};   // of SELECT: the columns of the key
  std::string list{};   // of SELECT: all columns, those of the key first
  std::string hash{};   // a number of 32 bits for each row
};

struct VerifyPlan {
  dualwrite::TableRef table;
  std::vector<VerifiedColumn> columns{};  // those of the key first, in its order
  std::size_t key_parts = 0;
  ChunkKey key{};
  VerifySide leader{}, follower{};
  bool by_checksum = false;  // the databases compare; else all values are read
  bool same_order = false;   // a range of the key has the same rows on both sides
};
// Generated columns are left out: each side computes its own. FailedPrecondition: what of the table cannot be compared,
// and why. OutOfRange: the follower's does not have (yet) what the leader's has.
absl::StatusOr<VerifyPlan> plan_verify(const dualwrite::TableDefinition& leader,
                                       const dualwrite::TableDefinition& follower, dualwrite::ServerMakes makes);

enum class Side : std::uint8_t { leader, follower };
inline const VerifySide& side_of(const VerifyPlan& plan, Side side) {
  return side == Side::leader ? plan.leader : plan.follower;
}

// Where a row lies, from the values of its key as one side's SELECT gives them; both sides take it.
absl::StatusOr<KeyPlace> key_literals(const VerifyPlan& plan, const std::vector<protocol::Cell>& row);
// Rows behind one place and up to another; of no `through`: to the end.
std::string in_range(const VerifyPlan& plan, const KeyPlace& behind, const KeyPlace& through);
std::string with_keys(const VerifyPlan& plan, const std::vector<KeyPlace>& keys);
// The key of the row that is the `rows`th behind the place.
std::string select_bound(const VerifyPlan& plan, Side side, const KeyPlace& behind, std::size_t rows);
// How many rows, and a sum over their hashes that no exchange of values between rows leaves as it is: a CRC is linear,
// a sum of CRCs of the digits of CRCs is not.
std::string select_checksum(const VerifyPlan& plan, Side side, const std::string& condition);
enum class RowParts : std::uint8_t { keys, hash, values };  // keys alone; keys and hash; all values
std::string select_rows(const VerifyPlan& plan, Side side, const std::string& condition, RowParts parts);

}  // namespace crossfade::migrate
