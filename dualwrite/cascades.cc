#include "dualwrite/cascades.h"

#include <algorithm>
#include <set>

#include "dualwrite/ascii_case.h"
#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {
namespace {

bool acts(const std::string& rule) { return rule == "CASCADE" || rule == "SET NULL" || rule == "SET DEFAULT"; }

bool refers_to(const TableDefinition& child, const TableRef& parent) {
  return std::any_of(child.foreign_keys.begin(), child.foreign_keys.end(), [&](const DefinedForeignKey& key) {
    return (acts(key.on_delete) || acts(key.on_update)) && same_ignoring_case(key.parent.schema, parent.schema) &&
           same_ignoring_case(key.parent.table, parent.table);
  });
}

}  // namespace

std::vector<TableRef> cascade_children(const std::map<TableRef, TableDefinition>& tables,
                                       const std::vector<TableRef>& of) {
  std::set<TableRef> found(of.begin(), of.end());
  std::vector<TableRef> open = of;
  while (!open.empty()) {
    const TableRef parent = std::move(open.back());
    open.pop_back();
    for (const auto& [name, table] : tables) {
      if (!found.contains(name) && refers_to(table, parent)) {
        found.insert(name);
        open.push_back(name);
      }
    }
  }
  for (const TableRef& table : of) found.erase(table);
  return {found.begin(), found.end()};
}

std::vector<std::string> passed_on_columns(const std::map<TableRef, TableDefinition>& tables, const TableRef& of) {
  std::vector<std::string> out;
  for (const auto& [name, table] : tables) {
    for (const DefinedForeignKey& key : table.foreign_keys) {
      if (!acts(key.on_update) || !same_ignoring_case(key.parent.schema, of.schema) ||
          !same_ignoring_case(key.parent.table, of.table)) {
        continue;
      }
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
