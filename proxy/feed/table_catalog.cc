#include "proxy/feed/table_catalog.h"

#include <algorithm>

#include "dualwrite/ascii_case.h"
#include "dualwrite/lost_values.h"

namespace crossfade::proxy {

using dualwrite::DefinitionScope;
using dualwrite::LogPosition;
using dualwrite::LogTable;
using dualwrite::TableDefinition;
using dualwrite::TableMapping;
using dualwrite::TableRef;

namespace {

const TableDefinition* find(const TableCatalog::Definitions& definitions, const TableRef& name) {
  const auto found = definitions.find(name);
  return found == definitions.end() ? nullptr : &found->second;
}

}  // namespace

void TableCatalog::begin_anew() {
  leader_.clear();
  follower_.clear();
  mappings_.clear();
  expected_.clear();
  suspects_.clear();
  states_.clear();
  ++version_;
}

Task<absl::Status> TableCatalog::load(BackendLink& leader, BackendLink& follower, ChangedBy by) {
  const DefinitionScope all{.tables = {}, .excluded_schemas = {control_schema_}};
  auto leading = co_await ask_definitions(leader, all);
  if (!leading.ok()) co_return leading.status();
  auto following = co_await ask_definitions(follower, all);
  if (!following.ok()) co_return following.status();
  auto end = co_await source_->end(leader);
  if (!end.ok()) co_return end.status();
  leads_at_ = *std::move(end);
  judged_ = false;
  ++version_;
  mappings_.clear();
  if (by == ChangedBy::feed) {
    expected_.clear();
    states_.clear();
  } else {
    judge_change(*following, follower.is_mariadb());
  }
  leader_ = *std::move(leading);
  follower_ = *std::move(following);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<TableCatalog::Definitions>> TableCatalog::ask_follower(BackendLink& follower,
                                                                           std::vector<TableRef> tables) const {
  if (tables.empty()) co_return Definitions();
  DefinitionScope scope{.tables = std::move(tables), .excluded_schemas = {}};
  co_return co_await ask_definitions(follower, std::move(scope));
}

Task<absl::Status> TableCatalog::reload(BackendLink& leader, BackendLink& follower, std::vector<TableRef> tables,
                                        ChangedBy by) {
  if (tables.empty()) co_return co_await load(leader, follower, by);
  DefinitionScope scope{.tables = tables, .excluded_schemas = {}};
  auto leading = co_await ask_definitions(leader, scope);
  if (!leading.ok()) co_return leading.status();
  auto following = co_await ask_definitions(follower, scope);
  if (!following.ok()) co_return following.status();
  auto end = co_await source_->end(leader);
  if (!end.ok()) co_return end.status();
  leads_at_ = *std::move(end);
  judged_ = false;
  ++version_;
  for (const TableRef& table : tables) {
    const TableDefinition* before = find(follower_, table);
    if (by == ChangedBy::others && before != nullptr) suspect(*before, find(*following, table), follower.is_mariadb());
    if (by == ChangedBy::feed) std::erase(expected_, table);
    states_.erase(table);
    leader_.erase(table);
    follower_.erase(table);
    mappings_.erase(table);
  }
  leader_.merge(*leading);
  follower_.merge(*following);
  co_return absl::OkStatus();
}

std::shared_ptr<const TableMapping> TableCatalog::mapping(const std::shared_ptr<const LogTable>& source,
                                                          const LogPosition& at, dualwrite::ServerMakes makes,
                                                          bool may_run_events) {
  if (!judged_ && at >= leads_at_) {
    judged_ = true;
    mappings_.clear();
  }
  TableRef name{.schema = source->schema, .table = source->table};
  auto& kept = mappings_[name];
  if (kept && (kept->source == source || *kept->source == *source)) return kept;
  const TableDefinition* following = find(follower_, name);
  if (following == nullptr) {
    auto missing = std::make_shared<TableMapping>();
    missing->reason = "the follower has no such table: create it there, with its rows";
    missing->source = source;
    missing->target = name;
    kept = missing;
    return kept;
  }
  const TableDefinition* leading = find(leader_, name);
  TableDefinition assumed;
  if (!judged_) {
    // The leader's, unless it is of a later table of that name; then the follower's, which was made from the logged
    // one.
    const bool of_this = leading != nullptr && dualwrite::may_define(*leading, *source, makes.leader_is_mariadb);
    assumed = of_this ? *leading : dualwrite::presumed_leader(*following, *source, makes);
    assumed.keys = following->keys;
    assumed.foreign_keys = following->foreign_keys;
    leading = &assumed;
  }
  kept = std::make_shared<const TableMapping>(dualwrite::map_table(source, leading, *following, makes, may_run_events));
  return kept;
}

void TableCatalog::expect_change(const dualwrite::DdlAnalysis& analysis) {
  const auto expect = [this](TableRef table) {
    if (!is_expected(table)) expected_.push_back(std::move(table));
  };
  for (const TableRef& table : analysis.tables) expect(table);
  for (const std::string& schema : analysis.schemas) expect({.schema = schema, .table = ""});
}

bool TableCatalog::is_expected(const TableRef& table) const {
  return std::any_of(expected_.begin(), expected_.end(), [&](const TableRef& each) {
    return dualwrite::same_ignoring_case(each.schema, table.schema) &&
           (each.table.empty() || dualwrite::same_ignoring_case(each.table, table.table));
  });
}

void TableCatalog::suspect(const TableDefinition& before, const TableDefinition* now, bool mariadb) {
  if (before.kind != TableDefinition::Kind::table || is_expected(before.name)) return;
  std::string what = dualwrite::lost_values(before, now, mariadb);
  if (!what.empty()) suspects_.try_emplace(before.name, std::move(what));
}

void TableCatalog::judge_change(const Definitions& now, bool mariadb) {
  for (const auto& [name, before] : follower_) {
    const TableDefinition* after = find(now, name);
    suspect(before, after, mariadb);
    const auto state = states_.find(name);
    if (state != states_.end() && (after == nullptr || dualwrite::is_changed(before, *after))) states_.erase(state);
  }
}

std::string TableCatalog::known_state(const TableRef& table) const {
  const auto found = states_.find(table);
  return found == states_.end() ? std::string() : found->second;
}

// As strictly as before.
Task<absl::StatusOr<std::shared_ptr<const TableMapping>>> TableCatalog::map_again(
    BackendLink& leader, BackendLink& follower, std::shared_ptr<const LogTable> source, LogPosition at,
    dualwrite::ServerMakes makes, bool may_run_events) {
  const bool judged = judged_;
  std::vector<TableRef> one(1, TableRef{.schema = source->schema, .table = source->table});
  const absl::Status read = co_await reload(leader, follower, std::move(one));
  if (!read.ok()) co_return read;
  judged_ = judged;
  co_return mapping(source, at, makes, may_run_events);
}

std::vector<dualwrite::SchemaFinding> TableCatalog::compare(const std::vector<TableRef>& tables,
                                                            dualwrite::ServerMakes makes) const {
  Definitions leading;
  Definitions following;
  for (const TableRef& table : tables) {
    if (const TableDefinition* left = find(leader_, table)) leading.emplace(table, *left);
    if (const TableDefinition* right = find(follower_, table)) following.emplace(table, *right);
  }
  return dualwrite::compare_schemas(leading, following, makes);
}

bool TableCatalog::carries(const std::vector<TableRef>& tables, dualwrite::ServerMakes makes) const {
  const bool on_both_or_none = std::all_of(tables.begin(), tables.end(), [this](const TableRef& table) {
    return leader_.contains(table) == follower_.contains(table);
  });
  if (!on_both_or_none) return false;
  const auto findings = compare(tables, makes);
  return std::none_of(findings.begin(), findings.end(),
                      [](const auto& finding) { return finding.severity == dualwrite::Severity::blocker; });
}

bool TableCatalog::refers_to_others(const TableRef& table) const {
  for (const Definitions* side : {&leader_, &follower_}) {
    const auto found = side->find(table);
    if (found == side->end() || !found->second.foreign_keys.empty()) return true;
  }
  return false;
}

}  // namespace crossfade::proxy
