#include "dualwrite/table_definition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

using protocol::Cell;
using protocol::ResultSet;
using Row = std::vector<Cell>;

constexpr std::array<std::string_view, 4> kServersOwn = {"mysql", "information_schema", "performance_schema", "sys"};
// Past so many tables one scan costs less than a look-up for each.
constexpr std::size_t kLookUpsMax = 64;

// What one query reads: `columns` of `from`, whose tables are named by the columns `schema` and `table`.
struct Source {
  std::string_view columns, from, schema, table;
  std::string_view where{};
  std::size_t width = 0;
};

constexpr std::size_t kTables = 0, kColumns = 1, kKeys = 2, kForeignColumns = 3, kForeignRules = 4, kChecks = 5,
                      kTriggers = 6, kSources = 7;

std::array<Source, kSources> sources(bool mariadb) {
  return {{{.columns = "TABLE_SCHEMA,TABLE_NAME,TABLE_TYPE,ENGINE,TABLE_COLLATION,CREATE_OPTIONS,TABLE_ROWS,"
                       "DATA_LENGTH,TABLE_COMMENT",
            .from = "information_schema.TABLES",
            .schema = "TABLE_SCHEMA",
            .table = "TABLE_NAME",
            .width = 9},
           {.columns = "TABLE_SCHEMA,TABLE_NAME,ORDINAL_POSITION,COLUMN_NAME,DATA_TYPE,COLUMN_TYPE,CHARACTER_SET_NAME,"
                       "COLLATION_NAME,IS_NULLABLE,CHARACTER_MAXIMUM_LENGTH,NUMERIC_PRECISION,NUMERIC_SCALE,"
                       "DATETIME_PRECISION,COLUMN_DEFAULT,EXTRA,GENERATION_EXPRESSION,COLUMN_COMMENT",
            .from = "information_schema.COLUMNS",
            .schema = "TABLE_SCHEMA",
            .table = "TABLE_NAME",
            .width = 17},
           {.columns = mariadb ? "TABLE_SCHEMA,TABLE_NAME,INDEX_NAME,SEQ_IN_INDEX,NON_UNIQUE,COLUMN_NAME,SUB_PART,"
                                 "COLLATION,INDEX_TYPE,NULL"
                               : "TABLE_SCHEMA,TABLE_NAME,INDEX_NAME,SEQ_IN_INDEX,NON_UNIQUE,COLUMN_NAME,SUB_PART,"
                                 "COLLATION,INDEX_TYPE,EXPRESSION",
            .from = "information_schema.STATISTICS",
            .schema = "TABLE_SCHEMA",
            .table = "TABLE_NAME",
            .width = 10},
           {.columns = "TABLE_SCHEMA,TABLE_NAME,CONSTRAINT_NAME,ORDINAL_POSITION,COLUMN_NAME,REFERENCED_TABLE_SCHEMA,"
                       "REFERENCED_TABLE_NAME,REFERENCED_COLUMN_NAME",
            .from = "information_schema.KEY_COLUMN_USAGE",
            .schema = "TABLE_SCHEMA",
            .table = "TABLE_NAME",
            .where = "REFERENCED_TABLE_NAME IS NOT NULL",
            .width = 8},
           {.columns = "CONSTRAINT_SCHEMA,TABLE_NAME,CONSTRAINT_NAME,UPDATE_RULE,DELETE_RULE",
            .from = "information_schema.REFERENTIAL_CONSTRAINTS",
            .schema = "CONSTRAINT_SCHEMA",
            .table = "TABLE_NAME",
            .width = 5},
           // MySQL does not say which table a check belongs to, but its names are unique within a schema.
           mariadb ? Source{.columns = "CONSTRAINT_SCHEMA,TABLE_NAME,CONSTRAINT_NAME,CHECK_CLAUSE",
                            .from = "information_schema.CHECK_CONSTRAINTS",
                            .schema = "CONSTRAINT_SCHEMA",
                            .table = "TABLE_NAME",
                            .width = 4}
                   : Source{.columns = "t.TABLE_SCHEMA,t.TABLE_NAME,t.CONSTRAINT_NAME,c.CHECK_CLAUSE",
                            .from = "information_schema.TABLE_CONSTRAINTS t JOIN information_schema.CHECK_CONSTRAINTS "
                                    "c ON c.CONSTRAINT_SCHEMA=t.CONSTRAINT_SCHEMA AND "
                                    "c.CONSTRAINT_NAME=t.CONSTRAINT_NAME",
                            .schema = "t.TABLE_SCHEMA",
                            .table = "t.TABLE_NAME",
                            .where = "t.CONSTRAINT_TYPE=0x434845434b AND t.ENFORCED=0x594553",  // CHECK, YES
                            .width = 4},
           {.columns = "EVENT_OBJECT_SCHEMA,EVENT_OBJECT_TABLE,TRIGGER_NAME",
            .from = "information_schema.TRIGGERS",
            .schema = "EVENT_OBJECT_SCHEMA",
            .table = "EVENT_OBJECT_TABLE",
            .width = 3}}};
}

std::string hex_literal(std::string_view text) {
  return "0x" + hex(protocol::Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

std::string bytes_of(std::string_view column) { return "CAST(" + std::string(column) + " AS BINARY)"; }

// The text comparison is what the servers can look up by; the binary one is what decides.
std::string is_table(const Source& source, const TableRef& table, bool mariadb) {
  const std::string introducer = mariadb ? "_utf8 " : "_utf8mb3 ";
  std::string out;
  for (const auto& [column, name] : {std::pair(source.schema, std::string_view(table.schema)),
                                     std::pair(source.table, std::string_view(table.table))}) {
    out += (out.empty() ? "" : " AND ") + std::string(column) + "=" + introducer + hex_literal(name) + " AND " +
           bytes_of(column) + "=" + hex_literal(name);
  }
  return out;
}

std::string query(const Source& source, const DefinitionScope& scope, bool mariadb) {
  std::string select = "SELECT " + std::string(source.columns) + " FROM " + std::string(source.from) + " WHERE ";
  if (!source.where.empty()) select += std::string(source.where) + " AND ";
  if (scope.tables.empty() || scope.tables.size() > kLookUpsMax) {
    std::string out = select + bytes_of(source.schema) + " NOT IN (";
    for (const std::string_view own : kServersOwn) out += hex_literal(own) + ",";
    for (const std::string& schema : scope.excluded_schemas) {
      if (!schema.empty()) out += hex_literal(schema) + ",";
    }
    out.back() = ')';
    if (scope.tables.empty()) return out;
    out += " AND (" + bytes_of(source.schema) + "," + bytes_of(source.table) + ") IN (";
    for (const TableRef& table : scope.tables)
      out += "(" + hex_literal(table.schema) + "," + hex_literal(table.table) + "),";
    out.back() = ')';
    return out;
  }
  std::string out;
  for (const TableRef& table : scope.tables)
    out += (out.empty() ? "" : " UNION ALL ") + select + is_table(source, table, mariadb);
  return out;
}

std::string text(const Cell& cell) { return cell.value_or(""); }

std::optional<std::uint64_t> number(const Cell& cell) {
  std::uint64_t value = 0;
  if (!cell) return std::nullopt;
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  if (error != std::errc() || end != cell->data() + cell->size()) return std::nullopt;
  return value;
}
std::optional<std::uint32_t> small_number(const Cell& cell) {
  const auto value = number(cell);
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

bool says(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// MySQL prints expressions escaped for a string: \' and \\.
std::string expression(const Cell& cell, bool mariadb) {
  std::string out;
  std::string printed = text(cell);
  if (mariadb) return printed;
  out.reserve(printed.size());
  for (std::size_t i = 0; i < printed.size(); ++i) {
    if (printed[i] == '\\' && i + 1 < printed.size()) ++i;
    out.push_back(printed[i]);
  }
  return out;
}

// MariaDB prints texts quoted, bits as b'..', numbers bare; everything else is computed.
bool is_mariadb_literal(std::string_view printed) {
  if (printed.empty()) return true;
  if (printed.front() == '\'' || printed.substr(0, 2) == "b'") return true;
  return printed.find_first_not_of("0123456789.+-eE") == std::string_view::npos;
}

DefinedColumn column_of(const Row& row, bool mariadb) {
  DefinedColumn column;
  column.name = text(row[3]);
  column.data_type = ascii_lower(text(row[4]));
  column.column_type = text(row[5]);
  column.charset = text(row[6]);
  column.collation = text(row[7]);
  // MySQL names no character set for those in `binary`.
  const bool is_list = column.data_type == "enum" || column.data_type == "set";
  if (is_list && column.charset.empty()) column.charset = column.collation = "binary";
  column.nullable = text(row[8]) == "YES";
  const std::string extra = ascii_lower(text(row[14]));
  // Not within the members of an ENUM, and not in MariaDB's remark that a column is compressed.
  column.is_unsigned = !is_list && says(column.column_type, " unsigned");
  column.length = number(row[9]);
  column.precision = small_number(row[10]);
  column.scale = small_number(row[11]);
  column.fraction = small_number(row[12]);
  column.auto_increment = says(extra, "auto_increment");
  column.on_update_now = says(extra, "on update");
  column.invisible = says(extra, "invisible");
  if (says(extra, "virtual generated")) column.generated = DefinedColumn::Generated::virtual_;
  if (says(extra, "stored generated")) column.generated = DefinedColumn::Generated::stored;
  column.generation_expression = expression(row[15], mariadb);
  column.comment = text(row[16]);
  column.json = column.data_type == "json";
  if (row[13] && column.generated == DefinedColumn::Generated::no && !(mariadb && *row[13] == "NULL")) {
    column.default_is_expression = mariadb ? !is_mariadb_literal(*row[13]) : says(extra, "default_generated");
    column.default_value = column.default_is_expression ? expression(row[13], mariadb) : *row[13];
  }
  return column;
}

TableDefinition table_of(const Row& row) {
  TableDefinition table;
  table.name = {.schema = text(row[0]), .table = text(row[1])};
  const std::string type = text(row[2]);
  if (says(type, "VIEW")) table.kind = TableDefinition::Kind::view;
  if (type == "SEQUENCE") table.kind = TableDefinition::Kind::sequence;
  if (type == "SYSTEM VERSIONED") table.kind = TableDefinition::Kind::system_versioned;
  table.engine = text(row[3]);
  table.collation = text(row[4]);
  table.charset = table.collation.substr(0, table.collation.find('_'));
  if (table.charset == "utf8") table.charset = "utf8mb3";
  table.partitioned = says(ascii_lower(text(row[5])), "partitioned");
  table.rows_estimate = number(row[6]).value_or(0);
  table.bytes_estimate = number(row[7]).value_or(0);
  if (table.kind != TableDefinition::Kind::view) table.comment = text(row[8]);
  return table;
}

// Collects what the queries say; rows of tables that the first one did not name (made in between) are passed over.
class DefinitionReader {
 public:
  explicit DefinitionReader(bool mariadb) : mariadb_(mariadb) {}

  void read(std::size_t source, const Row& row) {
    const TableRef name{.schema = text(row[0]), .table = text(row[1])};
    if (source == kTables) {
      tables_.emplace(name, table_of(row));
      return;
    }
    const auto found = tables_.find(name);
    if (found == tables_.end()) return;
    TableDefinition& table = found->second;
    if (source == kColumns) {
      columns_[name].emplace_back(number(row[2]).value_or(0), column_of(row, mariadb_));
    } else if (source == kKeys) {
      read_key(table, row);
    } else if (source == kForeignColumns) {
      read_foreign_column(table, row);
    } else if (source == kForeignRules) {
      for (DefinedForeignKey& key : table.foreign_keys) {
        if (key.name != text(row[2])) continue;
        key.on_update = text(row[3]);
        key.on_delete = text(row[4]);
      }
    } else if (source == kChecks) {
      table.checks.push_back({.name = text(row[2]), .clause = expression(row[3], mariadb_)});
    } else if (source == kTriggers) {
      table.triggers.push_back(text(row[2]));
    }
  }

  std::map<TableRef, TableDefinition> finish() {
    for (auto& [name, columns] : columns_) {
      std::stable_sort(columns.begin(), columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (auto& column : columns) tables_[name].columns.push_back(std::move(column.second));
    }
    for (auto& [name, table] : tables_) {
      if (mariadb_) find_json(table);
      for (DefinedKey& key : table.keys) std::erase_if(key.parts, [](const auto& part) { return is_hole(part); });
      std::stable_sort(table.keys.begin(), table.keys.end(), [](const DefinedKey& a, const DefinedKey& b) {
        return std::pair(a.name != "PRIMARY", a.name) < std::pair(b.name != "PRIMARY", b.name);
      });
      const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
      std::stable_sort(table.foreign_keys.begin(), table.foreign_keys.end(), by_name);
      std::stable_sort(table.checks.begin(), table.checks.end(), by_name);
      std::sort(table.triggers.begin(), table.triggers.end());
    }
    return std::move(tables_);
  }

 private:
  static bool is_hole(const DefinedKey::Part& part) { return part.column.empty() && part.expression.empty(); }

  // The place of number `position`, from 1; a table has at most so many columns.
  template <typename Place>
  static Place* place(std::vector<Place>& places, const Cell& position) {
    const std::uint64_t at = number(position).value_or(0);
    if (at == 0 || at > 4096) return nullptr;
    if (places.size() < at) places.resize(at);
    return &places[at - 1];
  }

  void read_key(TableDefinition& table, const Row& row) {
    DefinedKey& key = by_name(table.keys, text(row[2]));
    key.unique = text(row[4]) == "0";
    key.type = text(row[8]);
    DefinedKey::Part* part = place(key.parts, row[3]);
    if (part == nullptr) return;
    part->column = text(row[5]);
    if (key.type != "SPATIAL" && key.type != "FULLTEXT") part->prefix = small_number(row[6]);
    part->descending = text(row[7]) == "D";
    part->expression = expression(row[9], mariadb_);
  }

  void read_foreign_column(TableDefinition& table, const Row& row) {
    DefinedForeignKey& key = by_name(table.foreign_keys, text(row[2]));
    key.parent = {.schema = text(row[5]), .table = text(row[6])};
    std::string* column = place(key.columns, row[3]);
    std::string* parent = place(key.parent_columns, row[3]);
    if (column != nullptr) *column = text(row[4]);
    if (parent != nullptr) *parent = text(row[7]);
  }

  template <typename Named>
  static Named& by_name(std::vector<Named>& all, const std::string& name) {
    // Rows of one key come together, or nearly.
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Named& named) { return named.name == name; });
    if (found != all.rend()) return *found;
    all.emplace_back().name = name;
    return all.back();
  }

  static void find_json(TableDefinition& table) {
    for (DefinedColumn& column : table.columns) {
      if (column.data_type != "longtext" || column.collation != "utf8mb4_bin") continue;
      const std::string clause = "json_valid(" + quote_name(column.name) + ")";
      const auto check = std::find_if(table.checks.begin(), table.checks.end(),
                                      [&](const DefinedCheck& each) { return each.clause == clause; });
      if (check == table.checks.end()) continue;
      column.json = true;
      table.checks.erase(check);
    }
  }

  bool mariadb_;
  std::map<TableRef, TableDefinition> tables_;
  std::map<TableRef, std::vector<std::pair<std::uint64_t, DefinedColumn>>> columns_;
};

}  // namespace

const DefinedColumn* TableDefinition::column(std::string_view column_name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [column_name](const DefinedColumn& each) {
    return same_ignoring_case(each.name, column_name);
  });
  return found == columns.end() ? nullptr : &*found;
}

const DefinedKey* TableDefinition::primary_key() const {
  return !keys.empty() && keys.front().name == "PRIMARY" ? &keys.front() : nullptr;
}

std::vector<std::string> definition_queries(const DefinitionScope& scope, bool mariadb) {
  std::vector<std::string> out;
  for (const Source& source : sources(mariadb)) out.push_back(query(source, scope, mariadb));
  return out;
}

absl::StatusOr<std::map<TableRef, TableDefinition>> definitions_from(const std::vector<ResultSet>& results,
                                                                     bool mariadb) {
  const std::array<Source, kSources> all = sources(mariadb);
  if (results.size() != all.size()) return absl::InternalError("not the results of the queries for definitions");
  DefinitionReader reader(mariadb);
  for (std::size_t source = 0; source < all.size(); ++source) {
    for (const Row& row : results[source].rows) {
      if (row.size() != all[source].width) return absl::InternalError("a row of the definitions has another width");
      reader.read(source, row);
    }
  }
  return reader.finish();
}

}  // namespace crossfade::dualwrite
