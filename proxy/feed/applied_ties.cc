#include "proxy/feed/applied_ties.h"

namespace crossfade::proxy {

using dualwrite::RowsChange;
using dualwrite::Standing;
using dualwrite::StoppedTable;
using dualwrite::TableRef;
using dualwrite::TableTies;
using dualwrite::TieVerdict;

// Of another table than the one that is changed. While that one is being caught up all others are ahead of it, but
// those that are caught up with it.
Standing AppliedTies::standing_of(const TableRef& other) const {
  const StoppedTable* stopped = stopped_.find(other);
  if (stopped == nullptr) return known_of_.catching_up ? Standing::apart : Standing::in_step;
  if (stopped->released()) return Standing::in_step;
  if (!stopped->is_copy()) return Standing::held;
  return stopped->catch_up == dualwrite::CatchUp::copying ? Standing::part : Standing::apart;
}

const TableTies& AppliedTies::ties(const TableRef& table, bool catching_up) {
  const Key key{.stopped = stopped_.version(), .definitions = catalog_.version(), .catching_up = catching_up};
  if (known_of_ != key) {
    known_of_ = key;
    ties_.clear();
    keys_.clear();
    // The leader's are as of now, the follower's as of here.
    for (const auto* side : {&catalog_.leader(), &catalog_.follower()}) {
      for (const auto& [name, definition] : *side) {
        std::vector<dualwrite::DefinedForeignKey>& keys = keys_[name].foreign_keys;
        keys.insert(keys.end(), definition.foreign_keys.begin(), definition.foreign_keys.end());
      }
    }
  }
  const auto [found, is_new] = ties_.try_emplace(table);
  if (is_new) {
    found->second = dualwrite::ties_of(keys_, table, makes_.cascades_are_silent(),
                                       [this](const TableRef& other) { return standing_of(other); });
  }
  return found->second;
}

std::optional<TableRef> AppliedTies::tie(RowsChange& change, bool catching_up) {
  if (!stopped_.any()) return std::nullopt;
  const TableRef table{.schema = change.table->schema, .table = change.table->table};
  const TieVerdict verdict = dualwrite::judge_ties(ties(table, catching_up), change);
  if (verdict.how == TieVerdict::How::stopped) return verdict.with;
  if (verdict.how == TieVerdict::How::unchecked) change.flags |= dualwrite::kRowsNoForeignKeyChecks;
  return std::nullopt;
}

std::vector<TableRef> AppliedTies::stopped_with(const TableRef& other) const {
  const std::vector<TableRef> one(1, other);
  std::vector<TableRef> out = dualwrite::tables_stopped_with(catalog_.leader(), one);
  std::erase_if(out, [this](const TableRef& each) {
    const StoppedTable* stopped = stopped_.find(each);
    return stopped != nullptr && !stopped->released();
  });
  return out;
}

}  // namespace crossfade::proxy
