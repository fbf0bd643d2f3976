// Two recorded answers to one read: are they the same, and if not, where do they differ?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/rows.h"
#include "shadow/verdict.h"

namespace crossfade::shadow {

// One answer, taken apart. From the text or the binary protocol alike.
struct Answer {
  protocol::ResultSet result;
  bool too_large = false;
};

struct DiffOptions {
  bool ordered = false;           // the statement has ORDER BY at the top level
  bool total_order = false;       // and it leaves no two rows to choose between
  std::uint32_t samples_max = 5;  // differing cells or rows kept
};

// One differing place. Cells are in the clear here; the report hashes them unless told otherwise.
struct Difference {
  Verdict kind = Verdict::value;       // value, row_missing or row_extra; precision or order as the whole diff
  std::uint64_t row = 0;               // 1-based row of the control (row_extra: of the candidate)
  std::string row_key;                 // the first cell of that row
  std::string column;                  // name; empty for a whole row. "column 3" where the name is an expression,
                                       // which may quote the statement's literals
  std::optional<std::string> control;  // nullopt: NULL, or no such row; of a whole row its cells, joined
  std::optional<std::string> candidate;
};

struct Diff {
  Verdict verdict = Verdict::match;
  std::uint64_t control_rows = 0;
  std::uint64_t candidate_rows = 0;
  std::uint64_t differing_rows = 0;
  std::vector<Difference> samples;
  std::string detail;  // for errors and metadata: what differs, without literals
};

// Compares by canonical values (see canonical.h) as multisets of rows; rows that have no equal are
// then paired by their first cell where that is unique on both sides, else by position when
// `ordered` (or when there is but one row), to name the column that differs.
// Rows without a partner decide the verdict before cells do: row_missing when the candidate only
// lacks rows, row_extra when it only has too many, value in every other case. Equal multisets in
// another order are order_only even when `ordered`: rows that tie under ORDER BY may come in any
// order, and from the answers alone a tie cannot be told from a wrong sort. Under `total_order` no
// rows tie, and it is the verdict `order`.
// Errors are equal by code (or known equivalents of the two servers), never by message.
Diff compare(const Answer& control, const Answer& candidate, const DiffOptions& options);

}  // namespace crossfade::shadow
