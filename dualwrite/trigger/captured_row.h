// One row of `changes` as the change that it is, in the row log's own binary form.
//
// oi, ni: one field for each packed column in the table's order: 'n' (NULL), or decimal digits (bytes) ':' bytes.
// Numbers and times are texts, a TIMESTAMP seconds since 1970, BIT, ENUM and SET numbers, texts and bytes as stored.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"
#include "dualwrite/trigger/capture_plan.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

enum class ChangeKind : std::uint8_t { insert, update, delete_, refresh, intent, statement };

// What every row begins with: by `table` its Capture is found (0 of intent and statement).
struct ChangeHead {
  std::uint64_t id = 0;
  std::uint32_t table = 0;
  ChangeKind kind = ChangeKind::insert;
  std::uint64_t connection = 0;  // of the client
  bool no_foreign_key_checks = false;
  std::int64_t statement = 0;  // microseconds since 1970; the same in all rows of one statement
  friend bool operator==(const ChangeHead&, const ChangeHead&) = default;
};
// `row` as select_changes() gives it. Errors (here and below) name the id and what is wrong, never a value.
absl::StatusOr<ChangeHead> change_head(const std::vector<protocol::Cell>& row);

struct CapturedRow {
  ChangeHead head;
  // Of refresh: an insert of the row as it is, that is to be written over whatever the follower has
  // (overwriting_statements).
  RowsChange change;
  std::size_t bytes() const { return change.bytes() + sizeof(ChangeHead); }
};
// `capture` is that of head.table. Errors (InvalidArgument): a text that is none of its column's type, another number
// of fields, a NULL where none may be, what is missing or too much.
absl::StatusOr<CapturedRow> captured_row(const ChangeHead& head, const std::vector<protocol::Cell>& row,
                                         const Capture& capture);

struct CapturedStatement {
  ChangeHead head;
  LoggedStatement statement;
  std::uint64_t intent = 0;  // of a statement that ran: the id of the row that said it would
};
// Of intent and statement.
absl::StatusOr<CapturedStatement> captured_statement(const ChangeHead& head, const std::vector<protocol::Cell>& row);

}  // namespace crossfade::dualwrite
