// A table that is missing on the follower, from its definition on the leader: written as the leader would, and then
// translated like any statement of its log.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/ddl.h"
#include "dualwrite/definition_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::uint16_t kUtf8mb4GeneralCi = 45;

// As a literal under an empty sql_mode.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    if (c == '\0') {
      out += "\\0";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + quote_name(name);
  return "(" + out + ")";
}

bool is_bytes(const DefinedColumn& column) {
  return column.charset.empty() && (column.data_type.ends_with("binary") || column.data_type.ends_with("blob"));
}

std::string default_clause(const DefinedColumn& column, bool mariadb) {
  const std::string& value = *column.default_value;
  if (column.default_is_expression) {
    const bool moment = value.starts_with("CURRENT_TIMESTAMP") || value.starts_with("current_timestamp");
    return " DEFAULT " + (moment ? value : "(" + value + ")");
  }
  if (is_bytes(column) && value == "0x") return " DEFAULT ''";
  // MariaDB prints what it reads. So does MySQL bits, and bytes as 0x..
  if (mariadb || column.data_type == "bit" || (is_bytes(column) && value.starts_with("0x"))) return " DEFAULT " + value;
  return " DEFAULT " + literal(value);
}

std::string column_clause(const DefinedColumn& column, bool mariadb) {
  std::string out = quote_name(column.name) + " " + (column.json ? "json" : column.column_type);
  if (!column.charset.empty() && !column.json)
    out += " CHARACTER SET " + column.charset + " COLLATE " + column.collation;
  if (column.generated != DefinedColumn::Generated::no) {
    out += " GENERATED ALWAYS AS (" + column.generation_expression + ")";
    out += column.generated == DefinedColumn::Generated::stored ? " STORED" : " VIRTUAL";
    if (!mariadb && !column.nullable) out += " NOT NULL";
  } else {
    out += column.nullable ? " NULL" : " NOT NULL";
    if (column.default_value) out += default_clause(column, mariadb);
    if (column.on_update_now)
      out += " ON UPDATE CURRENT_TIMESTAMP(" + std::to_string(column.fraction.value_or(0)) + ")";
    if (column.auto_increment) out += " AUTO_INCREMENT";
  }
  if (column.invisible) out += " INVISIBLE";
  if (!column.comment.empty()) out += " COMMENT " + literal(column.comment);
  return out;
}

std::string key_clause(const DefinedKey& key) {
  std::string out = key.name == "PRIMARY" ? "PRIMARY KEY" : key.unique ? "UNIQUE KEY " : "KEY ";
  if (key.type == "FULLTEXT" || key.type == "SPATIAL") out = key.type + " KEY ";
  if (key.name != "PRIMARY") out += quote_name(key.name);
  std::string parts;
  for (const DefinedKey::Part& part : key.parts) {
    parts += (parts.empty() ? "" : ",") + (part.column.empty() ? "(" + part.expression + ")" : quote_name(part.column));
    if (part.prefix) parts += "(" + std::to_string(*part.prefix) + ")";
    if (part.descending) parts += " DESC";
  }
  return out + " (" + parts + ")";
}

// A name that MariaDB gave, or that only MariaDB lets two tables of a schema have; empty: there is none.
bool is_own_name(const DefinedCheck& check, const TableDefinition& table) {
  return check.name.empty() || check.name.starts_with("CONSTRAINT_") || table.column(check.name) != nullptr;
}

bool is_of_expressions(const DefinedKey& key) {
  return std::any_of(key.parts.begin(), key.parts.end(), [](const auto& part) { return part.column.empty(); });
}

bool leads_with_auto_increment(const DefinedKey& key, const TableDefinition& table) {
  const DefinedColumn* column = key.parts.empty() ? nullptr : table.column(key.parts.front().column);
  return column != nullptr && column->auto_increment;
}

std::string foreign_key_clause(const DefinedForeignKey& key) {
  return "CONSTRAINT " + quote_name(key.name) + " FOREIGN KEY " + list(key.columns) + " REFERENCES " +
         quote_name(key.parent) + " " + list(key.parent_columns) + " ON DELETE " + key.on_delete + " ON UPDATE " +
         key.on_update;
}

// MySQL has no sequences: where one gives a key's ids, the table counts them itself.
TableDefinition with_own_ids(TableDefinition definition, ServerMakes makes) {
  if (makes.follower_is_mariadb) return definition;
  constexpr std::array<std::string_view, 5> kCounting = {"tinyint", "smallint", "mediumint", "int", "bigint"};
  for (DefinedColumn& column : definition.columns) {
    const bool integer = std::find(kCounting.begin(), kCounting.end(), column.data_type) != kCounting.end();
    const bool leads = std::any_of(definition.keys.begin(), definition.keys.end(), [&column](const DefinedKey& key) {
      return !key.parts.empty() && key.parts.front().column == column.name;
    });
    if (!integer || !leads || !takes_next_value(column)) continue;
    column.default_value.reset();
    column.default_is_expression = false;
    column.auto_increment = true;
    break;  // a table has one of them
  }
  return definition;
}

// As if the leader had logged it. One statement becomes one.
absl::StatusOr<std::string> translated(const TableDefinition& definition, const std::string& sql, ServerMakes makes) {
  DdlContext context;
  for (const DefinedKey& key : definition.keys) {
    for (const DefinedKey::Part& part : key.parts) {
      if (key.unique) context.unique_columns.insert(ascii_lower(part.column));
    }
  }
  LoggedStatement statement;
  statement.schema = definition.name.schema;
  statement.sql = sql;
  statement.client_collation = statement.connection_collation = kUtf8mb4GeneralCi;
  auto all = translate_ddl(statement, makes, context);
  if (!all.ok()) return all.status();
  if (all->size() != 1) return absl::InternalError("a table is made by one statement");
  return std::move(all->front());
}

}  // namespace

absl::StatusOr<CreateStatements> create_statements(const TableDefinition& on_leader, ServerMakes makes) {
  const TableDefinition definition = with_own_ids(on_leader, makes);
  const bool mariadb = makes.leader_is_mariadb;
  if (definition.kind != TableDefinition::Kind::table)
    return absl::UnimplementedError("not a plain table: make it on the follower by hand");
  const std::string name = quote_name(definition.name);
  std::string table;
  for (const DefinedColumn& column : definition.columns) table += ",\n  " + column_clause(column, mariadb);
  std::vector<NamedStatement> later, foreign;
  for (const DefinedKey& key : definition.keys) {
    // AUTO_INCREMENT needs its key at once.
    const bool now = key.name == "PRIMARY" || leads_with_auto_increment(key, definition);
    if (!now && makes.follower_is_mariadb && is_of_expressions(key)) continue;
    if (now) table += ",\n  " + key_clause(key);
    if (!now) later.push_back({.name = key.name, .sql = "ALTER TABLE " + name + " ADD " + key_clause(key)});
  }
  for (const DefinedCheck& check : definition.checks) {
    const bool named = !mariadb || !is_own_name(check, definition);
    table += ",\n  " + (named ? "CONSTRAINT " + quote_name(check.name) + " " : "") + "CHECK (" + check.clause + ")";
  }
  for (const DefinedForeignKey& key : definition.foreign_keys)
    foreign.push_back({.name = key.name, .sql = "ALTER TABLE " + name + " ADD " + foreign_key_clause(key)});
  if (table.empty()) return absl::InvalidArgumentError("a table without columns");
  table = "CREATE TABLE " + name + " (" + table.substr(1) + "\n)";
  if (!definition.engine.empty()) table += " ENGINE=" + definition.engine;
  if (!definition.collation.empty())
    table += " DEFAULT CHARSET=" + charset_of(definition.collation) + " COLLATE=" + definition.collation;
  if (!definition.comment.empty()) table += " COMMENT=" + literal(definition.comment);

  CreateStatements out;
  auto made = translated(definition, table, makes);
  if (!made.ok()) return made.status();
  out.table = *std::move(made);
  for (const auto& [from, into] : {std::pair(&later, &out.indexes), std::pair(&foreign, &out.foreign_keys)}) {
    for (NamedStatement& statement : *from) {
      auto one = translated(definition, statement.sql, makes);
      if (!one.ok()) return one.status();
      into->push_back({.name = std::move(statement.name), .sql = *std::move(one)});
    }
  }
  return out;
}

absl::StatusOr<std::string> add_column_statement(const TableDefinition& definition, const DefinedColumn& column,
                                                 ServerMakes makes) {
  std::string place = " FIRST";
  for (const DefinedColumn& each : definition.columns) {
    if (each.name == column.name) break;
    place = " AFTER " + quote_name(each.name);
  }
  const std::string sql = "ALTER TABLE " + quote_name(definition.name) + " ADD COLUMN " +
                          column_clause(column, makes.leader_is_mariadb) + place;
  return translated(definition, sql, makes);
}

}  // namespace crossfade::dualwrite
