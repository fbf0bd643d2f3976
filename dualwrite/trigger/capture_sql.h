// The SQL by which a leader captures its rows: what its triggers and refreshes write into `changes`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/stored_form.h"
#include "dualwrite/table_ref.h"
#include "dualwrite/trigger/capture_plan.h"

namespace crossfade::dualwrite {

// A column that is captured, as SQL needs it.
struct CapturedSource {
  std::string name = {};
  StoredKind kind = StoredKind::integer;
  std::size_t big = 0;  // as CapturedColumn::big
};
struct CaptureSource {
  TableRef table;
  bool mariadb = true;
  std::uint32_t number = 0;
  std::string control_schema = {};
  FirstTriggers first = {};
  std::vector<CapturedSource> columns = {};
  // What is told of a row when its table no longer has all columns: the primary key, and what foreign keys refer to.
  std::vector<std::string> identity = {};
  // What an update that MariaDB only says to have made is known by; both empty: MySQL fires no trigger for it.
  std::vector<std::string> key = {};       // of the primary key
  std::vector<std::string> doubtful = {};  // doubtful_columns()
};

// A FLOAT or DOUBLE as text with all digits, whatever FLOAT(7,2) would show.
std::string floating_text(const std::string& value, bool mariadb);
// What a TIMESTAMP stores, in any time zone of the session: seconds since 1970, 0 of a zero date.
std::string timestamp_seconds(const std::string& value);

// The columns of `row` (OLD, NEW, or a table's alias) in one text, as packed_fields.h says.
std::string packed_row(const CaptureSource& source, std::string_view row);
// An update, insert or delete of a table that has lost a column, or given it another name, fails in a trigger that
// names it (1054), and with it the client's write: such a row is written down as 'K' by what identifies it, and if not
// even that is there, as one of which nothing is known.
std::vector<std::string> create_triggers(const CaptureSource& source);
std::vector<std::string> drop_triggers(const TableRef& table, std::uint32_t number);
// Both end with "WHERE ".
std::string refresh_lock(const TableRef& table);
std::string refresh_insert(const CaptureSource& source);

}  // namespace crossfade::dualwrite
