#include "dualwrite/table_ties.h"

#include <algorithm>
#include <set>

#include "dualwrite/cascades.h"

namespace crossfade::dualwrite {
namespace {

using Tables = std::map<TableRef, TableDefinition>;

const TableDefinition* named(const Tables& tables, const TableRef& name) {
  if (const auto exact = tables.find(name); exact != tables.end()) return &exact->second;
  const auto found =
      std::find_if(tables.begin(), tables.end(), [&](const auto& each) { return is_same_table(each.first, name); });
  return found == tables.end() ? nullptr : &found->second;
}

bool refers(const TableDefinition& table, const TableRef& to) {
  return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                     [&](const DefinedForeignKey& key) { return is_same_table(key.parent, to); });
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void note(std::optional<TableTies::OutOfStep>& kept, const TableRef& table, Standing standing) {
  const bool held = standing == Standing::held;
  if (standing != Standing::in_step && (held || !kept)) kept = {.table = table, .held = held};
}

// A key of another table, or of its own, by which that one refers to `table`.
void tie_child(TableTies& ties, const TableRef& child, const DefinedForeignKey& key, bool silent, Standing standing) {
  append(ties.referred, key.parent_columns);
  const bool on_delete = silent && acts_on_rows(key.on_delete);
  const bool on_update = silent && acts_on_rows(key.on_update);
  if (on_update) append(ties.passed_on, key.parent_columns);
  ties.passes_deletes = ties.passes_deletes || on_delete;
  if (standing == Standing::held && on_delete) ties.held_on_delete = child;
  if (standing == Standing::held && on_update) ties.held_on_update = child;
  // Of one that is being copied there are no rows but the leader's.
  if (standing != Standing::part) note(ties.child, child, standing);
}

bool acts(const DefinedForeignKey& key) { return acts_on_rows(key.on_delete) || acts_on_rows(key.on_update); }

// A table that stands still, whose rows take rows of `table` with them, be it by way of others.
std::optional<TableRef> held_above(const Tables& tables, const TableRef& table,
                                   const std::function<Standing(const TableRef&)>& standing) {
  std::set<TableRef> seen;
  std::vector<TableRef> next(1, table);
  while (!next.empty()) {
    const TableDefinition* from = named(tables, next.back());
    next.pop_back();
    if (from == nullptr) continue;
    for (const DefinedForeignKey& key : from->foreign_keys) {
      if (!acts(key) || is_same_table(key.parent, table) || !seen.insert(key.parent).second) continue;
      if (standing(key.parent) == Standing::held) return key.parent;
      next.push_back(key.parent);
    }
  }
  return std::nullopt;
}

}  // namespace

TableTies ties_of(const Tables& tables, const TableRef& table, bool silent,
                  const std::function<Standing(const TableRef&)>& standing) {
  TableTies ties;
  for (const auto& [name, definition] : tables) {
    if (definition.foreign_keys.empty()) continue;
    const bool is_self = is_same_table(name, table);
    for (const DefinedForeignKey& key : definition.foreign_keys) {
      if (is_same_table(key.parent, table)) {
        tie_child(ties, name, key, silent, is_self ? Standing::in_step : standing(name));
      } else if (is_self) {
        note(ties.parent, key.parent, standing(key.parent));
      }
    }
  }
  if (silent) ties.behind = held_above(tables, table, standing);
  return ties;
}

TieVerdict judge_ties(const TableTies& ties, const RowsChange& change) {
  const auto stopped = [](const TableRef& with) { return TieVerdict{.how = TieVerdict::How::stopped, .with = with}; };
  // Otherwise there is nothing to wait for.
  const auto stopped_if_held = [&](const TableTies::OutOfStep& other) {
    return other.held ? stopped(other.table) : TieVerdict();
  };
  const TieVerdict unchecked{.how = TieVerdict::How::unchecked};
  if (ties.behind) return stopped(*ties.behind);
  const bool is_off = (change.flags & (kRowsNoForeignKeyChecks | kRowsSqlLayerForeignKeys)) != 0;
  if (is_off) return {};
  switch (change.kind) {
    case RowsKind::insert:
      return ties.parent ? unchecked : TieVerdict();
    case RowsKind::delete_:
      if (ties.held_on_delete) return stopped(*ties.held_on_delete);
      if (!ties.child) return {};
      return ties.passes_deletes ? stopped_if_held(*ties.child) : unchecked;
    case RowsKind::update: {
      const bool passes_on = changes_columns(change, ties.passed_on);
      if (passes_on && ties.held_on_update) return stopped(*ties.held_on_update);
      const bool is_key = ties.child && changes_columns(change, ties.referred);
      if (!ties.parent && !is_key) return {};
      if (!passes_on) return TieVerdict(unchecked);
      return stopped_if_held(is_key && (ties.child->held || !ties.parent) ? *ties.child : *ties.parent);
    }
  }
  return {};
}

std::vector<TableRef> tables_stopped_with(const Tables& tables, const std::vector<TableRef>& of) {
  std::set<TableRef> found(of.begin(), of.end());
  std::vector<TableRef> all = of;
  for (std::size_t next = 0; next < all.size(); ++next) {
    const TableRef parent = all[next];
    const bool passes_on = std::any_of(tables.begin(), tables.end(), [&](const auto& each) {
      const auto& keys = each.second.foreign_keys;
      return std::any_of(keys.begin(), keys.end(),
                         [&](const auto& key) { return is_same_table(key.parent, parent) && acts(key); });
    });
    if (!passes_on) continue;
    for (const auto& [name, definition] : tables) {
      if (refers(definition, parent) && found.insert(name).second) all.push_back(name);
    }
  }
  std::vector<TableRef> out(all.begin() + static_cast<std::ptrdiff_t>(of.size()), all.end());
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<TableRef> connected_tables(const Tables& tables, const TableRef& of, const std::vector<TableRef>& among) {
  std::set<TableRef> out;
  std::vector<TableRef> next(1, of);
  while (!next.empty()) {
    const TableRef from = next.back();
    next.pop_back();
    const TableDefinition* one = named(tables, from);
    for (const TableRef& other : among) {
      if (is_same_table(other, of) || out.contains(other)) continue;
      const TableDefinition* two = named(tables, other);
      if ((one == nullptr || !refers(*one, other)) && (two == nullptr || !refers(*two, from))) continue;
      out.insert(other);
      next.push_back(other);
    }
  }
  return {out.begin(), out.end()};
}

}  // namespace crossfade::dualwrite
