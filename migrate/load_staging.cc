#include "migrate/load_staging.h"

#include <algorithm>
#include <array>

#include "dualwrite/ascii_case.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/utf8.h"

namespace crossfade::migrate {

using dualwrite::DefinedColumn;
using dualwrite::DefinedForeignKey;
using dualwrite::DefinedKey;
using dualwrite::quote_name;
using dualwrite::same_ignoring_case;
using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

constexpr std::size_t kNameMax = 64;  // characters; bytes are never fewer
constexpr std::string_view kStaging = "__crossfade_staging", kReplaced = "__crossfade_replaced";
constexpr std::array<std::string_view, 5> kKeyLines = {"  PRIMARY KEY ", "  UNIQUE KEY ", "  KEY ", "  FULLTEXT KEY ",
                                                       "  SPATIAL KEY "};
constexpr std::string_view kCounter = " AUTO_INCREMENT";
constexpr std::array<std::string_view, 9> kGeometries = {"geometry",     "point",          "linestring",
                                                         "polygon",      "multipoint",     "multilinestring",
                                                         "multipolygon", "geomcollection", "geometrycollection"};
constexpr std::array<std::string_view, 6> kBinaries = {"binary", "varbinary",  "tinyblob",
                                                       "blob",   "mediumblob", "longblob"};

template <std::size_t size>
bool is_one_of(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string why_not_staged(const TableDefinition& table, const std::map<TableRef, TableDefinition>& tables) {
  if (table.kind != TableDefinition::Kind::table) return "it is no plain table";
  if (!table.foreign_keys.empty()) return "it has foreign keys: drop them until it is loaded";
  if (!table.triggers.empty()) return "it has triggers: drop them until this server leads";
  for (const auto& [name, other] : tables) {
    for (const DefinedForeignKey& key : other.foreign_keys) {
      if (!same_ignoring_case(key.parent.schema, table.name.schema) ||
          !same_ignoring_case(key.parent.table, table.name.table)) {
        continue;
      }
      return "the foreign key " + key.name + " of " + name.schema + "." + name.table +
             " refers to it, and would go with the table that is replaced: drop it until this one is loaded";
    }
  }
  if (table.name.table.size() + kReplaced.size() > kNameMax)
    return "its name is too long for the suffix of a staging table";
  return {};
}

void append_escaped(std::string* sql, std::string_view text) {
  for (const char c : text) {
    if (c == '\'' || c == '\\') *sql += '\\';
    if (c == '\0')
      *sql += "\\0";
    else
      *sql += c;
  }
}

bool has_digits_only(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

absl::StatusOr<StagingPlan> plan_staging(std::string_view shown, const TableDefinition& table,
                                         const std::map<TableRef, TableDefinition>& tables) {
  if (const std::string why = why_not_staged(table, tables); !why.empty()) {
    return absl::FailedPreconditionError("table " + table.name.schema + "." + table.name.table + ": " + why);
  }
  StagingPlan out{.table = table.name, .staging = table.name, .replaced = table.name};
  out.staging.table += kStaging;
  out.replaced.table += kReplaced;
  std::string drop, add, counter_off, counter_on;
  while (!shown.empty()) {
    const std::size_t end = std::min(shown.find('\n'), shown.size());
    std::string_view line = shown.substr(0, end);
    shown.remove_prefix(std::min(end + 1, shown.size()));
    if (line.ends_with(',')) line.remove_suffix(1);
    const bool is_key = std::any_of(kKeyLines.begin(), kKeyLines.end(),
                                    [&](std::string_view begin) { return line.starts_with(begin); });
    if (is_key) add += (add.empty() ? " ADD " : ", ADD ") + std::string(line.substr(2));
    const std::size_t counter = line.starts_with("  `") ? line.find(kCounter) : std::string_view::npos;
    if (counter == std::string_view::npos) continue;
    const std::string definition(line.substr(2));
    counter_on = ", MODIFY " + definition;
    counter_off =
        "MODIFY " + std::string(line.substr(2, counter - 2)) + std::string(line.substr(counter + kCounter.size()));
  }
  for (const DefinedKey& key : table.keys) {
    out.key_names.push_back(key.name);
    drop += (drop.empty() ? "" : ", ") +
            (key.name == "PRIMARY" ? std::string("DROP PRIMARY KEY") : "DROP INDEX " + quote_name(key.name));
  }
  const std::string alter = "ALTER TABLE " + quote_name(out.staging) + " ";
  out.make.push_back("CREATE TABLE " + quote_name(out.staging) + " LIKE " + quote_name(out.table));
  if (!drop.empty()) out.make.push_back(alter + counter_off + (counter_off.empty() ? "" : ", ") + drop);
  if (!add.empty()) out.add_keys = alter + add.substr(1) + counter_on;
  out.swap = "RENAME TABLE " + quote_name(out.table) + " TO " + quote_name(out.replaced) + ", " +
             quote_name(out.staging) + " TO " + quote_name(out.table);
  return out;
}

std::string select_duplicates(const TableRef& staging, const DefinedKey& key) {
  std::string parts, given;
  for (const DefinedKey::Part& part : key.parts) {
    if (part.column.empty()) return {};
    const std::string column = quote_name(part.column);
    parts += (parts.empty() ? "" : ",") +
             (part.prefix ? "LEFT(" + column + "," + std::to_string(*part.prefix) + ")" : column);
    given += (given.empty() ? " WHERE " : " AND ") + column + " IS NOT NULL";
  }
  return "SELECT " + parts + ",COUNT(*) FROM " + quote_name(staging) + given + " GROUP BY " + parts +
         " HAVING COUNT(*)>1 LIMIT 10";
}

absl::StatusOr<LoadColumns> choose_columns(const TableDefinition& table, const std::vector<std::string>& names) {
  LoadColumns out;
  if (names.empty()) {
    for (const DefinedColumn& column : table.columns) {
      if (column.generated == DefinedColumn::Generated::no && !column.invisible) out.columns.push_back(column);
    }
  }
  for (const std::string& name : names) {
    const DefinedColumn* column = table.column(name);
    if (column == nullptr) return absl::InvalidArgumentError("the table has no column '" + name + "'");
    if (column->generated != DefinedColumn::Generated::no) {
      return absl::InvalidArgumentError("column " + column->name + " is generated: the server computes it");
    }
    for (const DefinedColumn& before : out.columns) {
      if (before.name == column->name) return absl::InvalidArgumentError("column " + column->name + " is there twice");
    }
    out.columns.push_back(*column);
  }
  for (const DefinedColumn& column : out.columns) {
    if (is_one_of(kGeometries, column.data_type)) {
      return absl::InvalidArgumentError("column " + column.name + " is a " + column.data_type +
                                        ", which is not read from files");
    }
    out.names += (out.names.empty() ? "(" : ",") + quote_name(column.name);
  }
  out.names += ")";
  return out;
}

absl::Status append_row(const LoadColumns& columns, const DelimitedRecord& record, std::string* sql) {
  const std::string line = "line " + std::to_string(record.line) + ": ";
  if (record.fields.size() != columns.columns.size()) {
    return absl::InvalidArgumentError(line + std::to_string(record.fields.size()) + " fields, where " +
                                      std::to_string(columns.columns.size()) + " are wanted");
  }
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    *sql += i == 0 ? "(" : ",";
    const protocol::Cell& field = record.fields[i];
    const DefinedColumn& column = columns.columns[i];
    const bool is_bits = column.data_type == "bit";
    if (!field) {
      *sql += "NULL";
    } else if (is_one_of(kBinaries, column.data_type) || (is_bits && !has_digits_only(*field))) {
      *sql += field->empty() ? "''" : "0x" + dualwrite::hex(protocol::as_bytes(*field));
    } else if (is_bits) {
      *sql += *field;
    } else {
      if (!dualwrite::is_utf8mb4(*field)) {
        return absl::InvalidArgumentError(line + "column " + column.name + " is not UTF-8");
      }
      *sql += '\'';
      append_escaped(sql, *field);
      *sql += '\'';
    }
  }
  *sql += ')';
  return absl::OkStatus();
}

}  // namespace crossfade::migrate
