// Rows of a leader's table as a SELECT tells them, in the row log's own binary form: what is read past the log goes on
// as if it had come from there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/row_change.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/table_definition.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// A column as its text is read by put_captured_value().
struct CapturedColumn {
  StoredForm form{};  // of the leader's column, but JSON is a text and COMPRESSED is not
  // Number of its pair ob/nb in `changes`, from 1; 0: it is packed into oi and ni.
  std::size_t big = 0;
  std::size_t members = 0;  // of ENUM and SET
  bool identifies = false;  // of the primary key, or a foreign key refers to it
};

// Without generated columns, which the follower computes. MySQL's JSON is a LONGTEXT of utf8mb4_bin, as MariaDB's is.
struct SelectedColumns {
  std::vector<LogColumn> logged;
  std::vector<CapturedColumn> captured;  // beside `logged`
};
// FailedPrecondition: a column whose text is not known; the message names it and says what to do.
absl::StatusOr<SelectedColumns> selected_columns(const TableDefinition& leader, bool mariadb);

struct SelectedTable {
  std::shared_ptr<const LogTable> table;
  std::vector<CapturedColumn> columns;  // beside table->columns
  std::string list;                     // of SELECT: "`id`,CAST(`e` AS UNSIGNED)"
};
// `by_triggers`: as LogTable has it.
absl::StatusOr<SelectedTable> plan_select(const TableDefinition& leader, bool mariadb, bool by_triggers);
// Some of its columns alone, by their ordinals, in that order.
SelectedTable select_columns(const SelectedTable& selected, const std::vector<std::size_t>& columns, bool mariadb);
// For the session that selects: texts come in their columns' own bytes.
std::string select_session();
// Appends the row's image. Errors (InvalidArgument): a text that is none of its column, named without the value.
absl::Status append_selected_row(const SelectedTable& selected, const std::vector<protocol::Cell>& row, Buffer* images);

}  // namespace crossfade::dualwrite
