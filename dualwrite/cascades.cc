#include "dualwrite/cascades.h"

#include <algorithm>
#include <set>

#include "dualwrite/ascii_case.h"

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

}  // namespace crossfade::dualwrite
