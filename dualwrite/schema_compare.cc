#include "dualwrite/schema_compare.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include "dualwrite/ascii_case.h"
#include "dualwrite/check_compare.h"
#include "dualwrite/collations.h"
#include "dualwrite/column_compare.h"
#include "dualwrite/ddl.h"
#include "dualwrite/definition_text.h"
#include "dualwrite/expression_tree.h"
#include "dualwrite/key_compare.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/capture_plan.h"

namespace crossfade::dualwrite {
namespace {

using Generated = DefinedColumn::Generated;
using TableKind = TableDefinition::Kind;

constexpr const char* kMakeThemTheSame = "MODIFY the column on the follower so that both compute the same";

class TableComparison {
 public:
  TableComparison(const TableDefinition& leader, const TableDefinition& follower, ServerMakes makes,
                  std::vector<SchemaFinding>& out)
      : leader_(leader), follower_(follower), makes_(makes), out_(out) {}

  void compare() {
    if (leader_.kind != follower_.kind && !(leader_.kind == TableKind::system_versioned)) {
      find(Severity::blocker, "table", "kind_differs", "a table on one side is none on the other",
           "drop the follower's and make it anew");
      return;
    }
    if (leader_.kind == TableKind::system_versioned || follower_.kind == TableKind::system_versioned) {
      find(Severity::blocker, "table", "system_versioned",
           "a system-versioned table keeps a history that cannot be carried",
           "DROP SYSTEM VERSIONING on " + table_name() + ", or exclude the table");
      return;
    }
    if (leader_.kind != TableKind::table) return;
    columns();
    table_options();
    compare_keys({leader_, follower_, makes_, needs_sql_}, out_);
    checks();
    triggers();
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
  bool one_make() const { return makes_.leader_is_mariadb == makes_.follower_is_mariadb; }

  void columns() {
    std::size_t place = 0;
    bool moved = false;
    for (const DefinedColumn& column : leader_.columns) {
      const DefinedColumn* other = follower_.column(column.name);
      if (other == nullptr) {
        const auto whole = add_column_statement(leader_, column, makes_);
        find(Severity::blocker, "column " + column.name, "column_missing", "the follower does not have it",
             whole.ok()
                 ? *whole
                 : "ALTER TABLE " + table_name() + " ADD COLUMN " + quote_name(column.name) + " " + column.column_type);
        continue;
      }
      const std::size_t at = static_cast<std::size_t>(other - follower_.columns.data());
      moved = moved || at < place;
      place = at;
      one_column(column, *other);
    }
    if (moved)
      find(Severity::warning, "table", "column_order", "the columns stand in another order",
           "statements that name no columns mean others on the follower; MODIFY .. AFTER puts them in order");
    for (const DefinedColumn& column : follower_.columns) {
      if (leader_.column(column.name) != nullptr) continue;
      const bool computed = column.generated != Generated::no;
      find(computed ? Severity::warning : Severity::blocker, "column " + column.name, "column_extra",
           "only the follower has it", "ALTER TABLE " + table_name() + " DROP COLUMN " + quote_name(column.name));
    }
  }

  void one_column(const DefinedColumn& leader, const DefinedColumn& follower) {
    const std::string object = "column " + leader.name;
    const TypeComparison types = compare_types(leader, follower, makes_);
    needs_sql_ = needs_sql_ || types.fit == TypeFit::converted;
    if (!types.code.empty()) {
      const bool held = types.fit == TypeFit::converted || types.fit == TypeFit::same;
      find(held ? Severity::note : Severity::blocker, object, types.code, types.text,
           held ? ""
                : "ALTER TABLE " + table_name() + " MODIFY " + quote_name(follower.name) +
                      " so that it holds every value");
    }
    if (leader.nullable && !follower.nullable && leader.generated == Generated::no)
      find(Severity::blocker, object, "not_null", "NULL on the leader, NOT NULL on the follower",
           "ALTER TABLE " + table_name() + " MODIFY " + quote_name(follower.name) + " .. NULL");
    // MariaDB has no NOT NULL for generated columns.
    if (!leader.nullable && follower.nullable && leader.generated == Generated::no)
      find(Severity::warning, object, "nullable", "NOT NULL on the leader, NULL on the follower",
           "MODIFY the column on the follower to NOT NULL before it leads");
    generated(object, leader, follower);
    if (types.fit == TypeFit::narrower || types.fit == TypeFit::different) return;
    if (leader.generated == Generated::no && follower.generated == Generated::no) defaults(object, leader, follower);
    collations(object, leader, follower);
    if (leader.invisible != follower.invisible)
      find(Severity::warning, object, "invisible_differs", "INVISIBLE on one side only",
           "statements that name no columns mean others on the follower");
  }

  void generated(const std::string& object, const DefinedColumn& leader, const DefinedColumn& follower) {
    if (leader.generated == Generated::no && follower.generated == Generated::no) return;
    if (leader.generated == Generated::no) {
      find(Severity::blocker, object, "generated_on_follower", "the follower computes what the leader stores",
           "make it a plain column on the follower");
    } else if (follower.generated == Generated::no) {
      find(Severity::warning, object, "generated_on_leader", "the leader computes what the follower only stores",
           "make it a generated column on the follower before it leads");
    } else if (one_make() && leader.generation_expression != follower.generation_expression) {
      find(Severity::blocker, object, "expression_differs", both_expressions(leader, follower), kMakeThemTheSame);
    } else if (!one_make()) {
      generated_across(object, leader, follower);
    } else if (leader.generated != follower.generated) {
      find(Severity::note, object, "generated_storage", "VIRTUAL on one side, STORED on the other", "");
    }
  }

  static std::string both_expressions(const DefinedColumn& leader, const DefinedColumn& follower) {
    return "generated as " + leader.generation_expression + " on the leader, as " + follower.generation_expression +
           " on the follower";
  }

  // No value of a base column can be lost by it: what the follower computes for this column may be another value.
  void generated_across(const std::string& object, const DefinedColumn& leader, const DefinedColumn& follower) {
    const std::optional<ExpressionTree> from = expression_tree(leader.generation_expression);
    const std::optional<ExpressionTree> to = expression_tree(follower.generation_expression);
    if (!from || !to || from->text != to->text) {
      const bool known = from && to;
      find(Severity::warning, object, known ? "expression_differs" : "expression_not_compared",
           both_expressions(leader, follower) + (known ? "" : ": not known to be the same"), kMakeThemTheSame);
    } else if (from->by_server) {
      find(Severity::note, object, "expression_by_server",
           "the makes may compute " + follower.generation_expression + " differently", "");
    } else if (leader.generated != follower.generated) {
      find(Severity::note, object, "generated_storage", "VIRTUAL on one side, STORED on the other", "");
    }
  }

  void defaults(const std::string& object, const DefinedColumn& leader, const DefinedColumn& follower) {
    if (takes_next_value(leader) && follower.auto_increment)
      return find(Severity::note, object, "sequence_as_auto_increment",
                  "ids from a sequence on the leader, AUTO_INCREMENT on the follower", "");
    if (!same_default(leader, makes_.leader_is_mariadb, follower, makes_.follower_is_mariadb))
      find(Severity::warning, object, "default_differs", "the defaults differ",
           "ALTER TABLE " + table_name() + " ALTER " + quote_name(follower.name) + " SET DEFAULT .. before it leads");
    if (leader.on_update_now != follower.on_update_now)
      find(Severity::warning, object, "on_update_differs", "ON UPDATE CURRENT_TIMESTAMP on one side only",
           "MODIFY the column on the follower before it leads");
    if (leader.auto_increment && !follower.auto_increment)
      find(Severity::warning, object, "auto_increment_missing", "AUTO_INCREMENT on the leader only",
           "MODIFY the column on the follower before it leads");
    if (!leader.auto_increment && follower.auto_increment)
      find(Severity::warning, object, "auto_increment_extra", "AUTO_INCREMENT on the follower only", "");
  }

  void collations(const std::string& object, const DefinedColumn& leader, const DefinedColumn& follower) {
    if (leader.json || follower.json || leader.collation.empty() || follower.collation.empty()) return;
    // Of other character sets it has been said already.
    if (leader.charset != follower.charset) return;
    if (nearest_collation(leader.collation, makes_) == follower.collation ||
        key_collation(leader.collation, makes_) == follower.collation)
      return;
    find(Severity::warning, object, "collation_differs",
         leader.collation + " on the leader, " + follower.collation + " on the follower",
         "ALTER TABLE " + table_name() + " MODIFY " + quote_name(follower.name) + " .. COLLATE " +
             nearest_collation(leader.collation, makes_));
  }

  void table_options() {
    const std::string engine = ascii_lower(follower_.engine);
    if (engine != "innodb" && engine != "rocksdb")
      find(Severity::blocker, "table", "engine_not_transactional",
           "the follower's table is " + follower_.engine + ": its rows cannot be written together with their position",
           "ALTER TABLE " + table_name() + " ENGINE=InnoDB");
    else if (!same_ignoring_case(leader_.engine, follower_.engine))
      find(Severity::note, "table", "engine_differs",
           leader_.engine + " on the leader, " + follower_.engine + " on the follower", "");
    if (leader_.partitioned != follower_.partitioned)
      find(Severity::warning, "table", "partitioning_differs", "partitioned on one side only",
           "statements that name partitions fail on one side");
    const bool same = nearest_collation(leader_.collation, makes_) == follower_.collation;
    if (!same && !leader_.collation.empty())
      find(Severity::warning, "table", "table_collation_differs",
           leader_.collation + " on the leader, " + follower_.collation + " on the follower: new columns will differ",
           "ALTER TABLE " + table_name() + " COLLATE " + nearest_collation(leader_.collation, makes_));
  }

  void checks() {
    const CheckComparison found = compare_checks(leader_.checks, follower_.checks, one_make());
    if (!found.only_follower.empty())
      find(Severity::blocker, "checks", "check_extra",
           "the follower checks what the leader does not: " + found.only_follower.front(),
           "drop the constraint on the follower");
    if (!found.only_leader.empty())
      find(Severity::warning, "checks", "check_missing", "only the leader has the check " + found.only_leader.front(),
           "add it on the follower before it leads");
    for (const auto& [leader, follower] : found.unknown)
      find(Severity::warning, "checks", "check_not_compared",
           leader + " on the leader, " + follower + " on the follower: not known to be the same",
           "compare them and make them the same");
  }

  void triggers() {
    for (const std::string& trigger : follower_.triggers)
      find(needs_sql_ ? Severity::blocker : Severity::warning, "trigger " + trigger, "trigger_on_follower",
           needs_sql_ ? "rows go to this table by SQL, which fires it: what it does would be done twice"
                      : "it does not fire on rows that are carried by BINLOG, but on any other way",
           "DROP TRIGGER " + quote_name(follower_.name.schema) + "." + quote_name(trigger) +
               " until the follower leads");
    for (const std::string& trigger : leader_.triggers) {
      if (is_capture_trigger(trigger)) continue;
      const auto& there = follower_.triggers;
      if (std::find(there.begin(), there.end(), trigger) == there.end())
        find(Severity::warning, "trigger " + trigger, "trigger_missing",
             "only the leader has it; what it does is carried as rows",
             "make it on the follower when the follower leads");
    }
  }

  const TableDefinition& leader_;
  const TableDefinition& follower_;
  ServerMakes makes_;
  std::vector<SchemaFinding>& out_;
  bool needs_sql_ = false;
};

SchemaFinding missing(const TableDefinition& table, ServerMakes makes) {
  SchemaFinding out{.severity = Severity::blocker,
                    .table = table.name,
                    .object = "table",
                    .code = "table_missing",
                    .text = "the follower does not have it",
                    .advice = {}};
  if (table.kind == TableKind::view) {
    out.severity = Severity::warning;
    out.object = "view";
    out.code = "view_missing";
    out.advice = "make the view on the follower before it leads";
    return out;
  }
  if (table.kind == TableKind::sequence) {
    out.severity = Severity::warning;
    out.object = "sequence";
    out.code = "sequence_not_carried";
    out.text = "a sequence is not carried";
    out.advice = "set it on the follower before it leads, or use AUTO_INCREMENT";
    return out;
  }
  const auto statements = create_statements(table, makes);
  out.advice = statements.ok() ? statements->table : std::string(statements.status().message());
  return out;
}

}  // namespace

std::vector<SchemaFinding> compare_schemas(const std::map<TableRef, TableDefinition>& leader,
                                           const std::map<TableRef, TableDefinition>& follower, ServerMakes makes) {
  std::vector<SchemaFinding> out;
  for (const auto& [name, table] : leader) {
    const auto other = follower.find(name);
    if (other == follower.end()) {
      out.push_back(missing(table, makes));
    } else {
      TableComparison(table, other->second, makes, out).compare();
    }
  }
  for (const auto& [name, table] : follower) {
    if (!leader.contains(name))
      out.push_back({.severity = Severity::note,
                     .table = name,
                     .object = "table",
                     .code = "table_extra",
                     .text = "only the follower has it",
                     .advice = {}});
  }
  std::stable_sort(out.begin(), out.end(), [](const SchemaFinding& a, const SchemaFinding& b) {
    return std::tie(a.table, b.severity) < std::tie(b.table, a.severity);
  });
  return out;
}

std::vector<SchemaFinding> seen_twice(std::vector<SchemaFinding> first, const std::vector<SchemaFinding>& second) {
  const auto what = [](const SchemaFinding& finding) { return std::tie(finding.table, finding.object, finding.code); };
  std::erase_if(first, [&](const SchemaFinding& finding) {
    return finding.severity == Severity::blocker &&
           std::none_of(second.begin(), second.end(),
                        [&](const SchemaFinding& other) { return what(other) == what(finding); });
  });
  return first;
}

}  // namespace crossfade::dualwrite
