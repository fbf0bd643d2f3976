// Rows of both sides, beside each other.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "migrate/verify_plan.h"

namespace crossfade::migrate {

// One number for all spellings of a value; NULL is a value of its own. 64 bits: that two values have the same is left
// out of account.
std::uint64_t value_mark(const VerifiedColumn& column, const protocol::Cell& value);

// What is kept of a row, which may be large: its key, and eight bytes a column.
struct SeenRow {
  KeyPlace key;
  std::vector<std::uint64_t> marks;  // one a column; of a row that the databases have hashed: one
  std::string text{};                // "id=42", where keys may be shown
  std::vector<std::string> shown{};  // one a column, if values may be shown; the first bytes
};
// By the key's values, which are equal on both sides if their bytes are: keys that a collation takes for equal differ.
using SeenRows = std::map<std::string, SeenRow>;
enum class ShowRows : std::uint8_t { none, keys, values };  // what people are to see of it
// A row of select_rows(). Errors (Internal): it has another shape.
absl::Status see_row(const VerifyPlan& plan, RowParts parts, ShowRows show, const std::vector<protocol::Cell>& row,
                     SeenRows* rows);
// Keys of rows that are not the same, or are on one side alone.
SeenRows differing(const SeenRows& leader, const SeenRows& follower);

// As people see a value: itself, its first bytes, or its mark.
std::string value_text(const VerifiedColumn& column, const protocol::Cell& value, ShowRows show);
// "a=1, b='x'": the first cells of a row, which are these columns.
std::string key_text(std::span<const VerifiedColumn> key, const std::vector<protocol::Cell>& row);

struct Difference {
  // Of a row on the follower; or of what a look counts: see migrate/look_plan.h.
  enum class Kind : std::uint8_t { missing, extra, differs, aggregate, length, orphans } kind = Kind::differs;
  std::string row;  // "id=42"; of a look: which rows, "foreign key f"
  KeyPlace key;     // of a look: none, nothing of it can be repaired
  struct Column {
    std::string name;
    std::string leader, follower;  // values, or their marks in hex; empty: not there
  };
  std::vector<Column> columns{};
};
std::string_view name(Difference::Kind kind);
// Of the keys that were asked for.
std::vector<Difference> compare_rows(const VerifyPlan& plan, const SeenRows& asked, const SeenRows& leader,
                                     const SeenRows& follower);

}  // namespace crossfade::migrate
