#include "migrate/judge_copy.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dualwrite/ascii_case.h"
#include "dualwrite/selected_row.h"
#include "dualwrite/sql_text.h"
#include "migrate/chunk_key.h"
#include "migrate/table_order.h"

namespace crossfade::migrate {

using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

void refuse(Findings& out, const TableRef& table, std::string object, std::string code, std::string reason,
            std::string advice, Severity severity = Severity::blocker) {
  out.push_back({.severity = severity,
                 .table = table,
                 .object = std::move(object),
                 .code = std::move(code),
                 .reason = std::move(reason),
                 .advice = std::move(advice)});
}

// "table app.t has no ..": the object is said already.
std::string without_name(const absl::Status& status, const TableRef& table) {
  std::string text(status.message());
  const std::string name = "table " + table.schema + "." + table.table + " ";
  return text.starts_with(name) ? text.substr(name.size()) : text;
}

void judge_key(const TableDefinition& table, const TablesToJudge& sides, Findings& out) {
  if (!dualwrite::same_ignoring_case(table.engine, "InnoDB") || identifying_columns(table).empty()) return;
  const auto selected = dualwrite::plan_select(table, sides.leader.mariadb, sides.feed == FeedChoice::trigger);
  if (!selected.ok()) {
    return refuse(out, table.name, "table", "not_copied", std::string(selected.status().message()),
                  "change it, or leave the table out");
  }
  const auto key = choose_key(table, *selected);
  if (key.ok()) return;
  const std::string why = why_not_at_once(table.name, sides);
  refuse(out, table.name, "table", "key_not_followed",
         without_name(key.status(), table.name) + (why.empty() ? "; " + std::string(kCopiedAtOnce) : why),
         "on both: another unique key of columns that are NOT NULL and not generated; or leave the table out",
         why.empty() ? Severity::warning : Severity::blocker);
}

// The leader does not tell what it cascades to, and the follower finds no way through rows that are not there yet.
void judge_cascades(const TablesToJudge& sides, Findings& out) {
  if (!makes_of(sides).cascades_are_silent()) return;
  std::vector<TableRef> names;
  for (const auto& [name, table] : sides.leader.tables) {
    if (table.kind == TableDefinition::Kind::table) names.push_back(name);
  }
  for (const std::vector<TableRef>& group : copy_groups(sides.leader.tables, names)) {
    const std::string key = cascade_within(sides.leader.tables, group);
    if (key.empty()) continue;
    refuse(out, group.front(), "foreign keys", "cascade_circle",
           "the one from " + key + " cascades within a circle of tables, and old does not tell what it does",
           "copy these tables while nobody writes them; or drop the key on both sides until they are copied");
  }
  for (const TableRef& name : names) {
    const auto size = sides.leader.sizes.find(name);
    if (size == sides.leader.sizes.end() || !cascades_on_itself(sides.leader.tables.at(name))) continue;
    if (size->second.data_bytes <= kReadAtOnceBytesMax) continue;
    refuse(out, name, "foreign keys", "cascade_on_itself",
           "it cascades on itself, and old does not tell what it does: a copy reads it at once, up to 32 MiB, and it "
           "has " +
               std::to_string(size->second.data_bytes >> 20) + " MiB",
           "drop the key on both sides until it is copied; or leave the table out");
  }
}

}  // namespace

Finding rows_on_new(const std::vector<TableRef>& tables) {
  constexpr std::size_t kNamed = 5;
  std::string names;
  for (std::size_t i = 0; i < std::min(tables.size(), kNamed); ++i) {
    names += (i == 0 ? "" : ", ") + tables[i].schema + "." + tables[i].table;
  }
  if (tables.size() > kNamed) names += ", ..";
  const std::string count = tables.size() == 1 ? "1 table" : std::to_string(tables.size()) + " tables";
  return {.severity = Severity::blocker,
          .object = "new",
          .code = "rows_on_new",
          .reason = "it has rows of " + count + " (" + names + "), which a copy refuses without --replace",
          .advice = "--replace deletes them first; --copied takes them for the rows of old, and compares them"};
}

Findings judge_copy(const TablesToJudge& sides) {
  Findings out;
  for (const auto& [name, table] : sides.leader.tables) {
    if (table.kind == TableDefinition::Kind::table && sides.follower.tables.contains(name)) {
      judge_key(table, sides, out);
    }
  }
  judge_cascades(sides, out);
  return out;
}

}  // namespace crossfade::migrate
