// Columns and tables for tests, written as SQL writes them: defined("c", "varchar(20)", "latin1").
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/stored_form.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

inline DefinedColumn defined(const std::string& name, const std::string& type, const std::string& charset = "") {
  DefinedColumn column;
  column.name = name;
  column.column_type = type;
  column.data_type = type.substr(0, type.find_first_of("( "));
  column.is_unsigned = type.find("unsigned") != std::string::npos;
  column.charset = charset;
  column.collation = charset.empty() ? "" : charset + "_bin";
  const std::size_t open = type.find('(');
  if (open != std::string::npos && column.data_type != "enum" && column.data_type != "set") {
    const auto first = static_cast<std::uint32_t>(std::stoul(type.substr(open + 1)));
    column.length = first;
    column.precision = first;
    column.fraction = first;
    const std::size_t comma = type.find(',');
    column.scale = comma == std::string::npos ? 0 : static_cast<std::uint32_t>(std::stoul(type.substr(comma + 1)));
  }
  return column;
}

inline std::uint16_t bin_collation(const std::string& charset) {
  if (charset.empty() || charset == "binary") return 63;
  for (std::uint16_t id = 1; id < 400; ++id) {
    if (collation_name(id, false) == charset + "_bin") return id;
  }
  return 0;
}

// The column as the log of a server with that definition names it.
inline LogColumn logged(const DefinedColumn& column, bool mariadb) {
  LogColumn out;
  out.name = column.name;
  const absl::StatusOr<StoredForm> form = stored_form(column, mariadb);
  if (form.ok()) {
    out.type = static_cast<std::uint8_t>(form->type);
    out.metadata = form->metadata;
  }
  out.is_unsigned = column.is_unsigned;
  out.nullable = column.nullable;
  out.collation = bin_collation(column.charset);
  out.members = members_of(column.column_type);
  return out;
}

inline DefinedKey key_over(const std::string& name, const std::vector<std::string>& columns) {
  DefinedKey key;
  key.name = name;
  key.unique = true;
  for (const std::string& column : columns) key.parts.emplace_back().column = column;
  return key;
}

// A table with the primary key `id`, NOT NULL, if a column has that name.
inline TableDefinition table_of(std::vector<DefinedColumn> columns) {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.engine = "InnoDB";
  for (DefinedColumn& column : columns) {
    if (column.name != "id") continue;
    column.nullable = false;
    table.keys.push_back(key_over("PRIMARY", {"id"}));
  }
  table.columns = std::move(columns);
  return table;
}

inline std::shared_ptr<LogTable> logged_table(const TableDefinition& table, bool mariadb) {
  auto out = std::make_shared<LogTable>();
  out->schema = table.name.schema;
  out->table = table.name.table;
  out->described = true;
  for (const DefinedColumn& column : table.columns) {
    out->columns.push_back(logged(column, mariadb));
    for (const DefinedKey& key : table.keys) {
      for (const DefinedKey::Part& part : key.parts) {
        if (key.name == "PRIMARY" && part.column == column.name) out->columns.back().in_primary_key = true;
      }
    }
  }
  return out;
}

inline constexpr ServerMakes kToMysql{.leader_is_mariadb = true, .follower_is_mariadb = false};
inline constexpr ServerMakes kToMariadb{.leader_is_mariadb = false, .follower_is_mariadb = true};
inline constexpr ServerMakes kMariadbOnly{.leader_is_mariadb = true, .follower_is_mariadb = true};
inline constexpr ServerMakes kMysqlOnly{.leader_is_mariadb = false, .follower_is_mariadb = false};

inline Buffer from_hex(std::string_view text) {
  Buffer out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

}  // namespace crossfade::dualwrite
