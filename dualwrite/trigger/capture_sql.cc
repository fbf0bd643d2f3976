#include "dualwrite/trigger/capture_sql.h"

#include <algorithm>
#include <functional>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {

namespace {

// The time of the statement is the same in all its rows, and no trigger can read a number of the statement.
constexpr std::string_view kStatementTime = "UNIX_TIMESTAMP(NOW(6))*1000000";

std::string full_name(const TableRef& table) { return quote_name(table.schema) + "." + quote_name(table.table); }

std::string trigger_name(const TableRef& table, char event, std::uint32_t number) {
  return quote_name(table.schema) + "." + quote_name(std::string("crossfade_") + event + "_" + std::to_string(number));
}

std::string ascii_text(const std::string& value) { return "CAST(" + value + " AS CHAR CHARACTER SET ascii)"; }

std::string field_value(StoredKind kind, const std::string& value, bool mariadb) {
  switch (kind) {
    case StoredKind::integer:
    case StoredKind::year:
    case StoredKind::decimal:
    case StoredKind::date:
    case StoredKind::time:
    case StoredKind::datetime:
      return ascii_text(value);
    case StoredKind::float_:
    case StoredKind::double_:
      return floating_text(value, mariadb);
    case StoredKind::bit:
    case StoredKind::enum_:
    case StoredKind::set:
      return "CAST(" + value + " AS UNSIGNED)";
    case StoredKind::timestamp:
      return timestamp_seconds(value);
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::json:
    case StoredKind::geometry:
    case StoredKind::vector:
    case StoredKind::opaque:
      break;
  }
  return "CAST(" + value + " AS BINARY)";
}

std::string column_of(std::string_view row, const std::string& name) {
  return std::string(row) + "." + quote_name(name);
}

struct Assignments {
  std::string names;
  std::string values;
};

void put(Assignments& out, const std::string& name, const std::string& value) {
  out.names += (out.names.empty() ? "" : ",") + name;
  out.values += (out.values.empty() ? "" : ",") + value;
}

bool has_name(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whole images, or all but what identifies the row as if it were NULL.
enum class Extent : std::uint8_t { all, identity };

bool leaves_out(const CaptureSource& source, Extent which, const CapturedSource& column) {
  return which == Extent::identity && !has_name(source.identity, column.name);
}

std::string packed(const CaptureSource& source, std::string_view row, Extent which) {
  // The first argument makes the result bytes.
  std::string out = "CONCAT(_binary''";
  for (const CapturedSource& column : source.columns) {
    if (column.big != 0) continue;
    if (leaves_out(source, which, column)) {
      out += ",'n'";
      continue;
    }
    const std::string value = field_value(column.kind, column_of(row, column.name), source.mariadb);
    out += ",IFNULL(CONCAT(LENGTH(" + value + "),':'," + value + "),'n')";
  }
  return out + ")";
}

// The image of `row` into oi and ob.. or ni and nb..; `side` is 'o' or 'n'.
void put_image(Assignments& out, const CaptureSource& source, std::string_view row, char side, Extent which) {
  put(out, std::string(1, side) + "i", packed(source, row, which));
  for (const CapturedSource& column : source.columns) {
    if (column.big == 0 || leaves_out(source, which, column)) continue;
    put(out, std::string(1, side) + "b" + std::to_string(column.big), column_of(row, column.name));
  }
}

Assignments head(const CaptureSource& source, char op, std::string_view foreign_keys) {
  Assignments out;
  put(out, "tbl", std::to_string(source.number));
  put(out, "op", std::string("'") + op + "'");
  put(out, "cid", "CONNECTION_ID()");
  put(out, "fk", std::string(foreign_keys));
  put(out, "st", std::string(kStatementTime));
  return out;
}

std::string join(const std::vector<std::string>& columns, std::string_view between,
                 const std::function<std::string(const std::string&)>& each) {
  std::string out;
  for (const std::string& column : columns) out += (out.empty() ? "" : std::string(between)) + each(quote_name(column));
  return out;
}

// MariaDB fires AFTER UPDATE for rows, too, that it has left as they were: UPDATE IGNORE could not change them for a
// duplicate, a foreign key, a missing partition, which only indexed columns can cause; or an update of several tables
// found nothing to change, but had set the column of ON UPDATE CURRENT_TIMESTAMP. The row is locked by the statement,
// which sees it as it is: under its old key if that was to change, or with its old values.
// Compared as what is captured: WHERE takes a TIMESTAMP for another than NEW's (measured). In doubt the row is written.
std::string was_updated(const CaptureSource& source) {
  const auto same = [](const std::string& column) { return "OLD." + column + "<=>NEW." + column; };
  const std::string name = quote_name(source.table.table);
  const auto is_old = [&name](const std::string& column) { return name + "." + column + "=OLD." + column; };
  const std::string key_same = join(source.key, " AND ", same);
  const std::string under_old_key = " FROM " + full_name(source.table) + " WHERE " + join(source.key, " AND ", is_old);
  const std::string gone = "NOT EXISTS(SELECT 1" + under_old_key + ")";
  std::string changed = "TRUE";
  CaptureSource doubtful = source;
  std::erase_if(doubtful.columns,
                [&source](const CapturedSource& column) { return !has_name(source.doubtful, column.name); });
  for (CapturedSource& column : doubtful.columns) column.big = 0;
  if (!doubtful.columns.empty()) {
    const std::string wanted = packed_row(doubtful, "NEW");
    changed = packed_row(doubtful, "OLD") + "=" + wanted + " OR IFNULL((SELECT " + packed_row(doubtful, name) +
              under_old_key + ")=" + wanted + ",TRUE)";
  }
  return "IF(" + key_same + "," + changed + "," + gone + ")";
}

enum class Event : std::uint8_t { insert, update, delete_ };

std::string create_trigger(const CaptureSource& source, Event event) {
  const char letter = event == Event::insert ? 'i' : event == Event::update ? 'u' : 'd';
  const char* verb = event == Event::insert ? "INSERT" : event == Event::update ? "UPDATE" : "DELETE";
  const std::string& first = event == Event::insert   ? source.first.insert
                             : event == Event::update ? source.first.update
                                                      : source.first.delete_;
  const auto insert = [&source](const Assignments& row) {
    return "INSERT INTO " + changes_table(source.control_schema) + "(" + row.names + ") VALUES(" + row.values + ")";
  };
  const auto images = [&](char op, Extent which) {
    Assignments row = head(source, op, "@@foreign_key_checks");
    if (event != Event::insert) put_image(row, source, "OLD", 'o', which);
    if (event != Event::delete_) put_image(row, source, "NEW", 'n', which);
    return row;
  };
  const Assignments whole = images(static_cast<char>(letter - 'a' + 'A'), Extent::all);
  const std::string identified = insert(images('K', Extent::identity));
  const std::string unknown = insert(head(source, 'K', "@@foreign_key_checks"));
  const bool may_be_ignored = event == Event::update && !source.key.empty();
  const std::string written =
      may_be_ignored ? "IF " + was_updated(source) + " THEN " + insert(whole) + "; END IF" : insert(whole);
  return "CREATE TRIGGER " + trigger_name(source.table, letter, source.number) + " AFTER " + verb + " ON " +
         full_name(source.table) + " FOR EACH ROW " + (first.empty() ? "" : "PRECEDES " + quote_name(first) + " ") +
         "BEGIN DECLARE EXIT HANDLER FOR 1054 BEGIN DECLARE EXIT HANDLER FOR 1054 " + unknown + "; " + identified +
         "; END; " + written + "; END";
}

}  // namespace

// MySQL's CAST cuts long numbers to 15 digits, its JSON does not.
std::string floating_text(const std::string& value, bool mariadb) {
  if (mariadb) return ascii_text(value + "*1e0");
  return "IF(" + value + " IS NULL,NULL,TRIM(BOTH '[' FROM TRIM(BOTH ']' FROM " +
         ascii_text("JSON_ARRAY(" + value + "*1e0)") + ")))";
}

// Of a zero date MariaDB says NULL, MySQL 0.
std::string timestamp_seconds(const std::string& value) {
  return "IF(" + value + " IS NULL,NULL,IFNULL(UNIX_TIMESTAMP(" + value + "),0))";
}

std::string packed_row(const CaptureSource& source, std::string_view row) { return packed(source, row, Extent::all); }

std::vector<std::string> create_triggers(const CaptureSource& source) {
  return {create_trigger(source, Event::insert), create_trigger(source, Event::update),
          create_trigger(source, Event::delete_)};
}

std::vector<std::string> drop_triggers(const TableRef& table, std::uint32_t number) {
  std::vector<std::string> out;
  for (const char event : {'i', 'u', 'd'})
    out.push_back("DROP TRIGGER IF EXISTS " + trigger_name(table, event, number));
  return out;
}

// By the primary key, so that it is the row itself that is locked.
std::string refresh_lock(const TableRef& table) {
  return "SELECT COUNT(*) FROM " + full_name(table) + " FORCE INDEX (PRIMARY) WHERE ";
}

std::string refresh_insert(const CaptureSource& source) {
  Assignments row = head(source, 'R', "1");
  // By its own name: under LOCK TABLES an alias would be another table.
  put_image(row, source, quote_name(source.table.table), 'n', Extent::all);
  return "INSERT INTO " + changes_table(source.control_schema) + "(" + row.names + ") SELECT " + row.values + " FROM " +
         full_name(source.table) + " FORCE INDEX (PRIMARY) WHERE ";
}

}  // namespace crossfade::dualwrite
