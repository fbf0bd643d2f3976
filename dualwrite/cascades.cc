#include "dualwrite/cascades.h"

#include <algorithm>
#include <set>

#include "dualwrite/ascii_case.h"
#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {
bool is_same_table(const TableRef& left, const TableRef& right) {
  return same_ignoring_case(left.schema, right.schema) && same_ignoring_case(left.table, right.table);
}

bool acts_on_rows(std::string_view rule) { return rule == "CASCADE" || rule == "SET NULL" || rule == "SET DEFAULT"; }

std::vector<TableRef> dependent_tables(const std::map<TableRef, TableDefinition>& tables,
                                       const std::vector<TableRef>& of) {
  std::set<TableRef> found(of.begin(), of.end());
  std::vector<TableRef> out = of;
  for (std::size_t next = 0; next < out.size(); ++next) {
    const TableRef parent = out[next];
    for (const auto& [name, table] : tables) {
      const bool refers = std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                                      [&](const auto& key) { return is_same_table(key.parent, parent); });
      if (refers && found.insert(name).second) out.push_back(name);
    }
  }
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(of.size()));
  return out;
}

std::vector<std::string> passed_on_columns(const std::map<TableRef, TableDefinition>& tables, const TableRef& of) {
  std::vector<std::string> out;
  for (const auto& [name, table] : tables) {
    for (const DefinedForeignKey& key : table.foreign_keys) {
      if (!acts_on_rows(key.on_update) || !is_same_table(key.parent, of)) continue;
      out.insert(out.end(), key.parent_columns.begin(), key.parent_columns.end());
    }
  }
  return out;
}

bool changes_columns(const RowsChange& update, const std::vector<std::string>& columns) {
  if (columns.empty() || update.kind != RowsKind::update) return false;
  std::vector<std::size_t> ordinals;
  for (std::size_t i = 0; i < update.table->columns.size(); ++i) {
    const std::string& name = update.table->columns[i].name;
    if (std::any_of(columns.begin(), columns.end(),
                    [&](const std::string& column) { return same_ignoring_case(column, name); })) {
      ordinals.push_back(i);
    }
  }
  Bytes images = update.images;
  while (!images.empty()) {
    const absl::StatusOr<RowImage> before = take_row(*update.table, &images);
    if (!before.ok()) return true;
    const absl::StatusOr<RowImage> after = take_row(*update.table, &images);
    if (!after.ok()) return true;
    for (const std::size_t at : ordinals) {
      const LogValue& left = (*before)[at];
      const LogValue& right = (*after)[at];
      if (left.is_null != right.is_null ||
          !std::equal(left.bytes.begin(), left.bytes.end(), right.bytes.begin(), right.bytes.end())) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace crossfade::dualwrite
