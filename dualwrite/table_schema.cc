#include "dualwrite/table_schema.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace crossfade::dualwrite {

const Column* TableSchema::find(const std::string& name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&name](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

ColumnClass column_class(const std::string& data_type) {
  using Name = std::pair<std::string_view, ColumnClass>;
  constexpr std::array<Name, 32> kNames = {{
      {"tinyint", ColumnClass::integer},   {"smallint", ColumnClass::integer},  {"mediumint", ColumnClass::integer},
      {"int", ColumnClass::integer},       {"integer", ColumnClass::integer},   {"bigint", ColumnClass::integer},
      {"decimal", ColumnClass::decimal},   {"numeric", ColumnClass::decimal},   {"float", ColumnClass::floating},
      {"double", ColumnClass::floating},   {"real", ColumnClass::floating},     {"char", ColumnClass::text},
      {"varchar", ColumnClass::text},      {"tinytext", ColumnClass::text},     {"text", ColumnClass::text},
      {"mediumtext", ColumnClass::text},   {"longtext", ColumnClass::text},     {"binary", ColumnClass::binary},
      {"varbinary", ColumnClass::binary},  {"tinyblob", ColumnClass::binary},   {"blob", ColumnClass::binary},
      {"mediumblob", ColumnClass::binary}, {"longblob", ColumnClass::binary},   {"date", ColumnClass::date},
      {"time", ColumnClass::time},         {"datetime", ColumnClass::temporal}, {"timestamp", ColumnClass::temporal},
      {"year", ColumnClass::year},         {"json", ColumnClass::json},         {"bit", ColumnClass::bit},
      {"enum", ColumnClass::enum_set},     {"set", ColumnClass::enum_set},
  }};
  std::string lower = data_type;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&lower](const Name& name) { return name.first == lower; });
  return found == kNames.end() ? ColumnClass::other : found->second;
}

}  // namespace crossfade::dualwrite
