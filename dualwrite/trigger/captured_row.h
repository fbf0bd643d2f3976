// One row of `changes` as the change that it is, in the row log's own binary form.
//
// oi, ni: one field for each packed column in the table's order: 'n' (NULL), or decimal digits (bytes) ':' bytes.
// Numbers and times are texts, a TIMESTAMP seconds since 1970, BIT, ENUM and SET numbers, texts and bytes as stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"
#include "dualwrite/trigger/capture_plan.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

enum class ChangeKind : std::uint8_t {
  insert,
  update,
  delete_,
  refresh,
  identity,           // of a row whose table has lost a column: nothing but which row it was and is
  followed_identity,  // the same in the table's new shape: what became of the row is written down behind it
  overwriting,        // a change (which one, its images say) to be made over whatever the follower has
  intent,
  statement,
  marker  // the place of a chunk that was copied
};

// What every row begins with: by `table` its Capture is found (0 of intent, statement and marker).
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
  // Of an identity, and of overwriting, the kind is what its images say: insert, update or delete_.
  ChangeHead head;
  bool identity_only = false;  // all columns but the identity's are NULL in its images
  // Of refresh: an insert of the row as it is, that is to be written over whatever the follower has
  // (overwriting_statements).
  RowsChange change;
  std::size_t bytes() const { return change.bytes() + sizeof(ChangeHead); }
};
// `capture` is that of head.table. Errors (InvalidArgument): a text that is none of its column's type, another number
// of fields, a NULL where none may be, what is missing or too much, an identity that is not known.
absl::StatusOr<CapturedRow> captured_row(const ChangeHead& head, const std::vector<protocol::Cell>& row,
                                         const Capture& capture);

// The same, but of whatever kind the row is as an identity: its other columns are not looked at, so that they may be of
// another shape than the capture's.
absl::StatusOr<CapturedRow> captured_identity(const ChangeHead& head, const std::vector<protocol::Cell>& row,
                                              const Capture& capture);
// The images of an identity, as another capture of the table has them packed. FailedPrecondition: that one lacks a
// column, or packs it otherwise.
struct RepackedIdentity {
  std::optional<std::string> before;
  std::optional<std::string> after;
};
absl::StatusOr<RepackedIdentity> repack_identity(const std::vector<protocol::Cell>& row, const Capture& from,
                                                 const Capture& to);
// Of an identity: is it nothing to the follower, since what became of the row is written down further on? A delete is
// one, and deletes what hangs on the row. FailedPrecondition: an update of what identifies it.
absl::StatusOr<bool> leaves_nothing_to_do(const CapturedRow& row, const Capture& capture);

// What is known of a statement that was about to run.
struct IntentNote {
  std::uint64_t client = 0;  // the connection that was to run it; 0: it has
  std::string state;         // of what it names, before it
  std::string error;         // the code that it ended with, "0" if well; empty: nobody has said
};
struct CapturedStatement {
  ChangeHead head;
  LoggedStatement statement;
  std::uint64_t intent = 0;  // of a statement that ran: the id of the row that said it would
  IntentNote note{};         // of an intent
};
// Of intent and statement.
absl::StatusOr<CapturedStatement> captured_statement(const ChangeHead& head, const std::vector<protocol::Cell>& row);

// Of a marker: the change of table `marker` that the log would have.
absl::StatusOr<CapturedRow> captured_marker(const ChangeHead& head, const std::vector<protocol::Cell>& row,
                                            std::string_view schema);

}  // namespace crossfade::dualwrite
