#include "proxy/migrate/copy_plan.h"

#include <utility>

#include "migrate/table_order.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

namespace {

std::string dotted_name(const TableRef& table) { return table.schema + "." + table.table; }

}  // namespace

absl::StatusOr<CopyPlan> plan_copy(const TableRef& table, const Definitions& leading, const Definitions& following,
                                   dualwrite::ServerMakes makes) {
  const auto leader = leading.find(table);
  if (leader == leading.end()) return absl::NotFoundError("the leader has no table " + dotted_name(table));
  absl::StatusOr<dualwrite::SelectedTable> selected =
      dualwrite::plan_select(leader->second, makes.leader_is_mariadb, makes.by_triggers);
  if (!selected.ok()) {
    return absl::FailedPreconditionError("table " + dotted_name(table) + ": " +
                                         std::string(selected.status().message()));
  }
  absl::StatusOr<migrate::ChunkKey> key = migrate::choose_copy_key(leader->second, *selected, makes.by_triggers);
  if (!key.ok()) return key.status();
  const auto follower = following.find(table);
  if (follower == following.end()) {
    return absl::FailedPreconditionError("table " + dotted_name(table) +
                                         " is missing on the follower: create it there");
  }
  auto mapping = std::make_shared<dualwrite::TableMapping>(
      dualwrite::map_table(selected->table, &leader->second, follower->second, makes, true));
  if (mapping->by == dualwrite::ApplyBy::nothing) {
    return absl::FailedPreconditionError("table " + dotted_name(table) + ": " + mapping->reason);
  }
  if (!follower->second.triggers.empty()) {
    return absl::FailedPreconditionError("table " + dotted_name(table) + ": trigger " +
                                         follower->second.triggers.front() +
                                         " of the follower would change what is copied: drop it there until it leads");
  }
  return CopyPlan{.selected = *std::move(selected), .key = *std::move(key), .mapping = std::move(mapping), .shown = {}};
}

bool is_copied_at_once(const dualwrite::TableDefinition& leader, dualwrite::ServerMakes makes) {
  if (makes.cascades_are_silent() && migrate::cascades_on_itself(leader)) return true;
  const auto selected = dualwrite::plan_select(leader, makes.leader_is_mariadb, makes.by_triggers);
  if (!selected.ok()) return false;
  const absl::StatusOr<migrate::ChunkKey> key = migrate::choose_copy_key(leader, *selected, makes.by_triggers);
  return key.ok() && key->parts.empty();
}

}  // namespace crossfade::proxy
