// What is not captured as it should be: looked for each second, and before each schema change.

#include <algorithm>

#include "dualwrite/trigger/changes_table.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::CaptureRecord;
using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

constexpr const char* kGone =
    "it was dropped, or given another name, past the proxy: drop it on the follower, too, or make it again on the "
    "leader and copy it anew";

std::string why_not_captured(const TableDefinition& definition, const std::string& schema, bool mariadb) {
  const auto plan = dualwrite::plan_capture(
      {.leader = definition, .mariadb = mariadb, .number = 0, .control_schema = schema, .first = {}, .referenced = {}});
  if (!plan.ok()) return std::string(plan.status().message());
  return "it was made past the proxy, and is not captured: copy it, then run crossfade tables release " +
         definition.name.schema + "." + definition.name.table;
}

// Of schema changes through a proxy.
Task<absl::StatusOr<bool>> has_intents(BackendLink& leader, std::string schema) {
  std::string question = "SELECT 1 FROM " + dualwrite::changes_table(schema) + " WHERE op='P' AND " +
                         dualwrite::every_change(schema, leader.is_mariadb()) + " LIMIT 1";
  auto intents = co_await leader.query_rows(std::move(question), 1, Clock::now() + kCaptureMax);
  if (!intents.ok()) co_return intents.status();
  co_return !intents->empty();
}

}  // namespace

bool has_table(const TableRef& table, const LeaderCapture::Found& found) {
  const auto definition = found.tables.find(table);
  return definition != found.tables.end() && may_have_triggers(definition->second);
}

// Of a table that is there. Empty: what it is captured by serves.
std::string LeaderCapture::complaint(const CaptureRecord& record, const Found& found) const {
  const TableRef& name = record.definition.name;
  const TableDefinition& table = found.tables.at(name);
  const std::string advice =
      "; copy the table anew, then run crossfade tables release " + name.schema + "." + name.table;
  if (dualwrite::capture_fingerprint(table) != dualwrite::capture_fingerprint(record.definition)) {
    return "its definition was changed past the proxy, and its triggers do not tell everything" + advice;
  }
  if (found.ids.of(name) != record.ids) {
    return "its rows were replaced past the proxy (TRUNCATE, a change of partitions), or it was rebuilt (OPTIMIZE), "
           "which looks the same" +
           advice;
  }
  const CapturePtr capture = find(record.number);
  if (capture && capture->mariadb) {
    const std::vector<std::string> known = dualwrite::doubtful_columns(record.definition);
    for (const std::string& column : dualwrite::doubtful_columns(table)) {
      if (std::find(known.begin(), known.end(), column) != known.end()) continue;
      return "its column " + column +
             " has a new index, or ON UPDATE, that was made past the proxy, and its triggers do " +
             "not know which updates left it as it was" + advice;
    }
  }
  const auto triggers = found.triggers.find(name);
  for (const char* event : {"i", "u", "d"}) {
    const std::string wanted = "crossfade_" + std::string(event) + "_" + std::to_string(record.number);
    if (triggers == found.triggers.end() || !triggers->second.contains(wanted)) {
      return "its trigger " + wanted + " is gone" + advice;
    }
  }
  return {};
}

// Whoever asks has the tables' turns: nobody else makes their triggers.
std::map<TableRef, std::string> LeaderCapture::complaints_about(const std::vector<TableRef>& tables,
                                                                const Found& found) const {
  std::map<TableRef, std::string> out;
  for (const TableRef& name : tables) {
    const CaptureRecord* record = live(name);
    if (record == nullptr) continue;
    std::string why = has_table(name, found) ? complaint(*record, found) : kGone;
    if (!why.empty()) out[name] = std::move(why);
  }
  return out;
}

// Judged only when seen twice: between the questions a proxy may have carried out a DDL.
Task<absl::StatusOr<LeaderCapture::Look>> LeaderCapture::look(BackendLink& leader) {
  const Look on_the_move{.uncaptured = uncaptured_, .whole = false};
  auto begun = co_await has_intents(leader, schema_);
  if (!begun.ok()) co_return begun.status();
  if (*begun) co_return on_the_move;
  auto found = co_await find_all(leader, Ids::at_once);
  if (!found.ok()) co_return found.status();
  if (!found->has_ids) co_return on_the_move;
  auto since = co_await has_intents(leader, schema_);
  if (!since.ok()) co_return since.status();
  if (*since) co_return on_the_move;
  const absl::Status loaded = co_await load(leader);
  if (!loaded.ok()) co_return loaded;
  std::map<TableRef, std::string> suspected;
  const auto suspect = [&](const TableRef& name, const CaptureRecord* record, std::string why) {
    if (why.empty() || uncaptured_.contains(name)) return;
    // Of the same number: it may have been captured anew in between.
    std::string seen = std::to_string(record == nullptr ? 0 : record->number) + " " + why;
    const auto before = suspected_.find(name);
    if (before != suspected_.end() && before->second == seen) {
      uncaptured_[name] = std::move(why);
    } else {
      suspected[name] = std::move(seen);
    }
  };
  for (const auto& [name, definition] : found->tables) {
    if (!may_have_triggers(definition)) continue;
    const CaptureRecord* record = live(name);
    std::string why = keys_above_innodb ? dualwrite::unseen_cascade(definition) : std::string();
    if (why.empty()) {
      why = record != nullptr ? complaint(*record, *found) : why_not_captured(definition, schema_, leader.is_mariadb());
    }
    suspect(name, record, std::move(why));
  }
  // One that goes through the proxy is retired before its intent is gone.
  for (const CaptureRecord* record : all_live()) {
    if (!has_table(record->definition.name, *found)) suspect(record->definition.name, record, kGone);
  }
  suspected_ = std::move(suspected);
  co_return Look{.uncaptured = uncaptured_, .whole = true};
}

}  // namespace crossfade::proxy
