#include "migrate/table_order.h"

#include <set>

namespace crossfade::migrate {

using dualwrite::TableDefinition;
using dualwrite::TableRef;

std::vector<TableRef> parents_first(const Definitions& tables) {
  // Depth first without recursion: a chain of foreign keys may be as long as the schema is large.
  struct Visit {
    const TableDefinition* table;
    std::size_t next_key = 0;
  };
  std::vector<TableRef> out;
  std::set<TableRef> seen;
  for (const auto& [name, first] : tables) {
    if (first.kind != TableDefinition::Kind::table || !seen.insert(name).second) continue;
    std::vector<Visit> path = {{.table = &first}};
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next_key == visit.table->foreign_keys.size()) {
        out.push_back(visit.table->name);
        path.pop_back();
        continue;
      }
      const auto parent = tables.find(visit.table->foreign_keys[visit.next_key++].parent);
      const bool fresh = parent != tables.end() && parent->second.kind == TableDefinition::Kind::table &&
                         seen.insert(parent->first).second;
      if (fresh) path.push_back({.table = &parent->second});
    }
  }
  return out;
}

}  // namespace crossfade::migrate
