#include "dualwrite/key_choice.h"

#include <algorithm>
#include <optional>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"

namespace crossfade::dualwrite {

namespace {

using Part = DefinedKey::Part;

std::optional<std::size_t> ordinal(const LogTable& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (same_ignoring_case(table.columns[i].name, name)) return i;
  }
  return std::nullopt;
}

// The leader's primary key as the log has it.
std::vector<std::size_t> logged_primary_key(const LogTable& table) {
  std::vector<std::size_t> key;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].in_primary_key) key.push_back(i);
  }
  return key;
}

// The collation of the leader's column; empty: not a text, or not known.
std::string leader_collation(const TablePair& pair, std::string_view name) {
  if (pair.leader != nullptr) {
    if (const DefinedColumn* column = pair.leader->column(name)) return comparing_collation(*column);
  }
  const std::optional<std::size_t> at = ordinal(pair.source, name);
  return at ? collation_name(pair.source.columns[*at].collation, pair.makes.leader_is_mariadb) : "";
}

// ENUM and SET compare by their numbers.
bool compares_as_text(const DefinedColumn& column) {
  return !column.charset.empty() && column.data_type != "enum" && column.data_type != "set";
}

// What is equal in this part on the follower is equal in it on the leader.
bool part_is_as_strict(const TablePair& pair, const Part& leader, const Part& follower) {
  if (leader.column.empty()) return !leader.expression.empty() && leader.expression == follower.expression;
  if (!same_ignoring_case(leader.column, follower.column)) return false;
  if (follower.prefix && (!leader.prefix || *follower.prefix < *leader.prefix)) return false;
  const DefinedColumn* column = pair.follower.column(follower.column);
  if (column == nullptr) return false;
  if (!compares_as_text(*column)) return true;
  const std::string of_leader = leader_collation(pair, leader.column);
  return !of_leader.empty() && folding(of_leader, column->collation, pair.makes) != Folding::more;
}

// The leader's key makes this key of the follower unique: each of its parts is among the follower's.
bool implies(const TablePair& pair, const DefinedKey& leader, const DefinedKey& follower) {
  return !leader.parts.empty() && std::all_of(leader.parts.begin(), leader.parts.end(), [&](const Part& part) {
    return std::any_of(follower.parts.begin(), follower.parts.end(),
                       [&](const Part& candidate) { return part_is_as_strict(pair, part, candidate); });
  });
}

std::vector<DefinedKey> leader_unique_keys(const TablePair& pair) {
  std::vector<DefinedKey> keys;
  if (pair.leader != nullptr) {
    std::copy_if(pair.leader->keys.begin(), pair.leader->keys.end(), std::back_inserter(keys),
                 [](const DefinedKey& key) { return key.unique; });
  }
  DefinedKey primary;
  for (const std::size_t at : logged_primary_key(pair.source)) {
    primary.parts.emplace_back().column = pair.source.columns[at].name;
  }
  // A primary key over a prefix is told by the definition alone.
  if (pair.leader == nullptr && !primary.parts.empty()) keys.push_back(std::move(primary));
  return keys;
}

bool changes_rows(const std::string& action) {
  return action == "CASCADE" || action == "SET NULL" || action == "SET DEFAULT";
}
bool changes_rows(const DefinedForeignKey& key) { return changes_rows(key.on_update) || changes_rows(key.on_delete); }
bool same_action(const std::string& left, const std::string& right) {
  return left == right || (!changes_rows(left) && !changes_rows(right));
}

const DefinedForeignKey* find_foreign_key(const TableDefinition& table, const DefinedForeignKey& like) {
  for (const DefinedForeignKey& key : table.foreign_keys) {
    if (same_names(key.columns, like.columns) && same_names(key.parent_columns, like.parent_columns) &&
        same_ignoring_case(key.parent.schema, like.parent.schema) &&
        same_ignoring_case(key.parent.table, like.parent.table)) {
      return &key;
    }
  }
  return nullptr;
}

std::string cascade_complaint(const DefinedForeignKey& key, const std::string& what) {
  return "foreign key " + key.name + " " + what +
         ": make its actions the same on both sides (ALTER TABLE .. DROP FOREIGN KEY, ADD CONSTRAINT)";
}

}  // namespace

std::vector<std::size_t> identifying_key(const TablePair& pair) {
  const auto usable = [&](const Part& part) {
    const std::optional<std::size_t> at = ordinal(pair.source, part.column);
    const DefinedColumn* column = pair.follower.column(part.column);
    return at && column != nullptr && !pair.source.columns[*at].nullable && !column->nullable;
  };
  if (std::vector<std::size_t> primary = logged_primary_key(pair.source); !primary.empty()) return primary;
  if (pair.leader == nullptr) return {};
  for (const DefinedKey& key : pair.leader->keys) {
    if (!key.unique || key.parts.empty() || !std::all_of(key.parts.begin(), key.parts.end(), usable)) continue;
    std::vector<std::size_t> ordinals;
    for (const Part& part : key.parts) ordinals.push_back(*ordinal(pair.source, part.column));
    return ordinals;
  }
  return {};
}

std::string key_complaint(const TablePair& pair) {
  const std::vector<DefinedKey> leader_keys = leader_unique_keys(pair);
  for (const DefinedKey& key : pair.follower.keys) {
    // Without the leader's definition only its primary key can be judged.
    if (!key.unique || (pair.leader == nullptr && key.name != "PRIMARY")) continue;
    if (std::any_of(leader_keys.begin(), leader_keys.end(),
                    [&](const DefinedKey& leader) { return implies(pair, leader, key); })) {
      continue;
    }
    return "key " + key.name +
           " is unique on the follower and not surely as unique on the leader (columns, prefixes, " +
           "or a collation that takes more texts for equal): drop it on the follower, or give its columns the "
           "leader's " +
           "collation";
  }
  return {};
}

std::string foreign_key_complaint(const TablePair& pair) {
  const bool unlogged_cascades = pair.makes.cascades_are_silent() || pair.source.by_triggers;
  for (const DefinedForeignKey& key : pair.follower.foreign_keys) {
    if (!changes_rows(key)) continue;
    if (pair.leader == nullptr) return cascade_complaint(key, "changes rows, and the leader's are not known");
    if (find_foreign_key(*pair.leader, key) == nullptr) {
      return cascade_complaint(key, "changes rows on the follower and is not on the leader");
    }
  }
  if (pair.leader == nullptr || !unlogged_cascades) return {};
  // The leader's rows do not say what its cascades do: the follower's must do the same.
  for (const DefinedForeignKey& key : pair.leader->foreign_keys) {
    const DefinedForeignKey* other = find_foreign_key(pair.follower, key);
    if (other == nullptr
            ? changes_rows(key)
            : !same_action(key.on_update, other->on_update) || !same_action(key.on_delete, other->on_delete)) {
      return cascade_complaint(key, "has other actions on the follower");
    }
  }
  return {};
}

}  // namespace crossfade::dualwrite
