#include "dualwrite/key_compare.h"

#include <algorithm>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collations.h"
#include "dualwrite/definition_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

std::string key_spelled(const DefinedKey& key) {
  std::string out = key.type == "FULLTEXT" || key.type == "SPATIAL" ? key.type + " " : "";
  for (const DefinedKey::Part& part : key.parts) {
    out += part.column.empty() ? "(" + common_expression(part.expression) + ")" : ascii_lower(part.column);
    if (part.prefix) out += "(" + std::to_string(*part.prefix) + ")";
    out += part.descending ? " desc," : ",";
  }
  return out;
}

bool is_primary(const DefinedKey& key) { return key.name == "PRIMARY"; }

// Two rows that are equal in `wide` are equal in `narrow` too: then `wide` refuses nothing that `narrow` lets pass.
bool implies(const DefinedKey& narrow, const DefinedKey& wide) {
  return std::all_of(narrow.parts.begin(), narrow.parts.end(), [&wide](const DefinedKey::Part& part) {
    return std::any_of(wide.parts.begin(), wide.parts.end(), [&part](const DefinedKey::Part& other) {
      if (part.column.empty() || !same_ignoring_case(part.column, other.column))
        return part.column.empty() && other.column.empty() &&
               common_expression(part.expression) == common_expression(other.expression);
      return !other.prefix || (part.prefix && *part.prefix <= *other.prefix);
    });
  });
}

bool acts(const std::string& rule) { return rule != "RESTRICT" && rule != "NO ACTION"; }
bool same_rule(const std::string& a, const std::string& b) { return a == b || (!acts(a) && !acts(b)); }

bool same_reference(const DefinedForeignKey& a, const DefinedForeignKey& b) {
  return a.parent == b.parent && same_names(a.columns, b.columns) && same_names(a.parent_columns, b.parent_columns);
}

class KeyComparison {
 public:
  KeyComparison(const KeySides& sides, std::vector<SchemaFinding>& out)
      : sides_(sides), leader_(sides.leader), follower_(sides.follower), out_(out) {}

  void compare() {
    primary();
    for (const DefinedKey& key : follower_.keys) {
      if (key.unique) unique_on_follower(key);
    }
    for (const DefinedKey& key : leader_.keys) on_leader(key);
    for (const DefinedKey& key : follower_.keys) {
      if (!key.unique && !has(leader_, key))
        find(Severity::note, "key " + key.name, "index_extra", "only the follower has it", "");
    }
    foreign_keys();
  }

 private:
  void find(Severity severity, std::string object, std::string code, std::string text, std::string advice) {
    out_.push_back({.severity = severity,
                    .table = leader_.name,
                    .object = std::move(object),
                    .code = std::move(code),
                    .text = std::move(text),
                    .advice = std::move(advice)});
  }
  std::string table_name() const { return quote_name(follower_.name.schema) + "." + quote_name(follower_.name.table); }

  static bool has(const TableDefinition& table, const DefinedKey& key) {
    const std::string wanted = key_spelled(key);
    return std::any_of(table.keys.begin(), table.keys.end(), [&](const DefinedKey& other) {
      return other.unique == key.unique && key_spelled(other) == wanted;
    });
  }

  static bool identifies(const TableDefinition& table) {
    return std::any_of(table.keys.begin(), table.keys.end(), [&table](const DefinedKey& key) {
      return key.unique && std::all_of(key.parts.begin(), key.parts.end(), [&table](const DefinedKey::Part& part) {
               const DefinedColumn* column = table.column(part.column);
               return column != nullptr && !column->nullable && !part.prefix;
             });
    });
  }

  void primary() {
    const DefinedKey* leader = leader_.primary_key();
    const DefinedKey* follower = follower_.primary_key();
    if (leader == nullptr && follower == nullptr && !identifies(leader_)) return no_key();
    const std::string from = leader == nullptr ? "" : key_spelled(*leader);
    const std::string to = follower == nullptr ? "" : key_spelled(*follower);
    if (from != to)
      find(Severity::blocker, "key PRIMARY", "primary_key_differs", "the primary keys are not the same",
           "give " + table_name() + " the leader's primary key");
  }

  void no_key() {
    const bool inexact = std::any_of(leader_.columns.begin(), leader_.columns.end(), [](const DefinedColumn& column) {
      return column.data_type == "float" || column.data_type == "double" || column.json;
    });
    const bool blocked = sides_.needs_sql && inexact;
    find(blocked ? Severity::blocker : Severity::note, "table", "no_key",
         blocked ? "rows go by SQL and nothing identifies one"
                 : "no key identifies a row: each is found by all its values",
         "add a primary key on both sides");
  }

  void unique_on_follower(const DefinedKey& key) {
    const bool known = std::any_of(leader_.keys.begin(), leader_.keys.end(),
                                   [&key](const DefinedKey& other) { return other.unique && implies(other, key); });
    if (!known && !is_primary(key))
      find(Severity::blocker, "key " + key.name, "unique_key_extra",
           "unique on the follower only: it refuses what the leader takes",
           "ALTER TABLE " + table_name() + " DROP INDEX " + quote_name(key.name));
    for (const DefinedKey::Part& part : key.parts) {
      const DefinedColumn* leader = leader_.column(part.column);
      const DefinedColumn* follower = follower_.column(part.column);
      const std::string from = leader == nullptr ? "" : comparing_collation(*leader);
      if (follower == nullptr || follower->collation.empty() || from.empty()) continue;
      const Folding folds = folding(from, follower->collation, sides_.makes);
      if (folds == Folding::more)
        find(Severity::blocker, "key " + key.name, "key_collation_folds_more",
             "column " + part.column + ": " + follower->collation + " takes texts for equal that " + from +
                 " tells apart",
             "give the column the collation " + key_collation(from, sides_.makes) + " on the follower");
      if (folds == Folding::nearly)
        find(Severity::note, "key " + key.name, "key_collation_nearly",
             "column " + part.column + ": " + follower->collation + " and " + from + " differ in a few rare characters",
             "");
    }
  }

  void on_leader(const DefinedKey& key) {
    if (is_primary(key) || has(follower_, key)) return;
    if (key.unique)
      find(Severity::warning, "key " + key.name, "unique_key_missing", "unique on the leader only",
           "add the unique key on the follower before it leads");
    else
      find(Severity::warning, "key " + key.name, "index_missing", "the follower does not have this index",
           "add the index on the follower before it leads");
  }

  void foreign_keys() {
    for (const DefinedForeignKey& key : leader_.foreign_keys) {
      const DefinedForeignKey* other = find_reference(follower_, key);
      if (other == nullptr) {
        missing(key);
      } else if (!same_rule(key.on_delete, other->on_delete) || !same_rule(key.on_update, other->on_update)) {
        // Neither MariaDB's log nor triggers have what a cascade did; MySQL's log has.
        find(sides_.makes.cascades_are_silent() ? Severity::blocker : Severity::warning, "foreign key " + key.name,
             "cascade_differs", "ON DELETE or ON UPDATE is not the same on both sides",
             "make the foreign key anew on the follower");
      }
    }
    for (const DefinedForeignKey& key : follower_.foreign_keys) {
      if (find_reference(leader_, key) == nullptr)
        find(Severity::blocker, "foreign key " + key.name, "foreign_key_extra",
             "only the follower has it: it refuses or changes rows that the leader does not",
             "ALTER TABLE " + table_name() + " DROP FOREIGN KEY " + quote_name(key.name));
    }
  }

  void missing(const DefinedForeignKey& key) {
    const bool cascades = acts(key.on_delete) || acts(key.on_update);
    if (cascades && sides_.makes.cascades_are_silent())
      return find(Severity::blocker, "foreign key " + key.name, "cascade_one_side",
                  "the leader does not tell the rows that it cascades to, and the follower does not cascade",
                  "add the foreign key on the follower, with the same actions");
    find(Severity::warning, "foreign key " + key.name, "foreign_key_missing", "the follower does not have it",
         "add the foreign key on the follower before it leads");
  }

  static const DefinedForeignKey* find_reference(const TableDefinition& table, const DefinedForeignKey& key) {
    const auto found = std::find_if(table.foreign_keys.begin(), table.foreign_keys.end(),
                                    [&key](const DefinedForeignKey& other) { return same_reference(other, key); });
    return found == table.foreign_keys.end() ? nullptr : &*found;
  }

  const KeySides& sides_;
  const TableDefinition& leader_;
  const TableDefinition& follower_;
  std::vector<SchemaFinding>& out_;
};

}  // namespace

void compare_keys(const KeySides& sides, std::vector<SchemaFinding>& out) { KeyComparison(sides, out).compare(); }

}  // namespace crossfade::dualwrite
