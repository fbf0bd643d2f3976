#include "migrate/deferred_indexes.h"

#include <algorithm>

#include "dualwrite/ascii_case.h"
#include "dualwrite/sql_text.h"
#include "nlohmann/json.hpp"

namespace crossfade::migrate {

using dualwrite::DefinedForeignKey;
using dualwrite::DefinedKey;
using dualwrite::quote_name;
using dualwrite::same_ignoring_case;
using dualwrite::TableDefinition;
using dualwrite::TableRef;
using nlohmann::json;

namespace {

constexpr std::string_view kIndexLine = "  KEY ";

bool same_table(const TableRef& a, const TableRef& b) {
  return same_ignoring_case(a.schema, b.schema) && same_ignoring_case(a.table, b.table);
}

// First columns of indexes that something else leans on.
std::vector<std::string> needed_columns(const TableDefinition& table,
                                        const std::map<TableRef, TableDefinition>& tables) {
  std::vector<std::string> out;
  for (const dualwrite::DefinedColumn& column : table.columns) {
    if (column.auto_increment) out.push_back(column.name);
  }
  for (const DefinedForeignKey& key : table.foreign_keys) {
    if (!key.columns.empty()) out.push_back(key.columns.front());
  }
  for (const auto& [name, other] : tables) {
    for (const DefinedForeignKey& key : other.foreign_keys) {
      if (same_table(key.parent, table.name) && !key.parent_columns.empty()) out.push_back(key.parent_columns.front());
    }
  }
  return out;
}

bool has_index(const TableDefinition& table, const std::string& name) {
  return std::any_of(table.keys.begin(), table.keys.end(),
                     [&](const DefinedKey& key) { return same_ignoring_case(key.name, name); });
}

// Of the line "  KEY `a``b` (..),": "a`b"; empty: it has none.
std::string quoted_word(std::string_view text) {
  std::string out;
  if (!text.starts_with('`')) return out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '`' && (i + 1 == text.size() || text[i + 1] != '`')) return out;
    if (text[i] == '`') ++i;
    out += text[i];
  }
  return {};
}

template <typename Wanted>
std::string alter(const std::vector<DeferredIndex>& indexes, const TableDefinition& now, Wanted clause_of) {
  std::string clauses;
  for (const DeferredIndex& index : indexes) {
    const std::string clause = clause_of(index);
    if (!clause.empty()) clauses += (clauses.empty() ? " " : ", ") + clause;
  }
  if (clauses.empty()) return {};
  return "ALTER TABLE " + quote_name(now.name.schema) + "." + quote_name(now.name.table) + clauses;
}

}  // namespace

std::vector<DeferredIndex> deferrable_indexes(std::string_view shown, const TableDefinition& table,
                                              const std::map<TableRef, TableDefinition>& tables) {
  const std::vector<std::string> needed = needed_columns(table, tables);
  std::vector<DeferredIndex> out;
  while (!shown.empty()) {
    const std::size_t end = std::min(shown.find('\n'), shown.size());
    std::string_view line = shown.substr(0, end);
    shown.remove_prefix(std::min(end + 1, shown.size()));
    if (!line.starts_with(kIndexLine)) continue;
    if (line.ends_with(',')) line.remove_suffix(1);
    const std::string name = quoted_word(line.substr(kIndexLine.size()));
    const auto key = std::find_if(table.keys.begin(), table.keys.end(),
                                  [&](const DefinedKey& each) { return same_ignoring_case(each.name, name); });
    if (name.empty() || key == table.keys.end() || key->unique || key->parts.empty()) continue;
    const std::string& first = key->parts.front().column;
    const bool is_needed = std::any_of(needed.begin(), needed.end(),
                                       [&](const std::string& column) { return same_ignoring_case(column, first); });
    if (!is_needed) out.push_back({.name = name, .clause = std::string(line.substr(2))});
  }
  return out;
}

std::string drop_indexes(const std::vector<DeferredIndex>& indexes, const TableDefinition& now) {
  return alter(indexes, now, [&](const DeferredIndex& index) {
    return has_index(now, index.name) ? "DROP INDEX " + quote_name(index.name) : std::string();
  });
}

std::string add_indexes(const std::vector<DeferredIndex>& indexes, const TableDefinition& now) {
  return alter(indexes, now, [&](const DeferredIndex& index) {
    return has_index(now, index.name) ? std::string() : "ADD " + index.clause;
  });
}

std::string pack_indexes(const std::vector<DeferredIndex>& indexes) {
  if (indexes.empty()) return {};
  json out = json::array();
  for (const DeferredIndex& index : indexes) out.push_back({{"name", index.name}, {"clause", index.clause}});
  return out.dump();
}

absl::StatusOr<std::vector<DeferredIndex>> parse_indexes(const std::string& packed) {
  std::vector<DeferredIndex> out;
  if (packed.empty()) return out;
  const json parsed = json::parse(packed, nullptr, false);
  bool good = parsed.is_array();
  for (std::size_t i = 0; good && i < parsed.size(); ++i) {
    good = parsed[i].is_object() && parsed[i].contains("name") && parsed[i].contains("clause") &&
           parsed[i]["name"].is_string() && parsed[i]["clause"].is_string();
    if (good) out.push_back({.name = parsed[i]["name"], .clause = parsed[i]["clause"]});
  }
  if (!good) return absl::InternalError("the control table `job_table` has indexes that cannot be read");
  return out;
}

}  // namespace crossfade::migrate
