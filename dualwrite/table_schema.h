// What of a table's definition bears on whether a write to it can be reproduced by its statement.
// Filled by proxy/ from information_schema of the leader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace crossfade::dualwrite {

enum class ColumnClass : std::uint8_t {
  integer,
  decimal,
  floating,
  text,
  binary,
  temporal,  // DATETIME, TIMESTAMP
  date,
  json,
  bit,
  enum_set,
  time,
  year,
  other
};
constexpr bool is_temporal(ColumnClass column) {
  return column == ColumnClass::temporal || column == ColumnClass::date || column == ColumnClass::time ||
         column == ColumnClass::year;
}

struct Column {
  std::string name;  // lower case
  ColumnClass type = ColumnClass::other;
  std::string charset{};  // of a column that holds text, JSON included; empty: it holds none
  bool nullable = true;
  bool auto_increment = false;
  bool generated = false;
  bool invisible = false;           // left out where no columns are named
  bool default_now = false;         // DEFAULT CURRENT_TIMESTAMP
  bool on_update_now = false;       // ON UPDATE CURRENT_TIMESTAMP
  bool default_expression = false;  // DEFAULT (expr), other than CURRENT_TIMESTAMP
};

struct TableSchema {
  bool base_table = true;  // false: a view
  bool innodb = true;
  std::vector<Column> columns;
  std::vector<std::string> primary_key;  // column names, lower case; empty: none
  bool insert_trigger = false;
  bool update_trigger = false;
  bool delete_trigger = false;
  bool cascades_on_update = false;  // another table references it ON UPDATE CASCADE / SET NULL
  bool cascades_on_delete = false;
  // The columns that cascades_on_update is about, lower case; empty: taken to be any.
  std::vector<std::string> cascading_columns;
  const Column* find(const std::string& name) const;
};

// "int", "varchar", ... as information_schema.COLUMNS.DATA_TYPE names it.
ColumnClass column_class(const std::string& data_type);

}  // namespace crossfade::dualwrite
