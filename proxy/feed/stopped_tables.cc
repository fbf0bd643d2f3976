#include "proxy/feed/stopped_tables.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/match.h"
#include "dualwrite/lost_values.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string reason_of_ties(const TableRef& other) {
  return "table " + other.schema + "." + other.table +
         " is stopped, and what foreign keys change here or there is not in the leader's log: it goes on with that "
         "table";
}

bool StoppedRetry::is_of_the_same(const StoppedRetry& other) const {
  const auto same = [](const std::optional<dualwrite::TableDefinition>& a,
                       const std::optional<dualwrite::TableDefinition>& b) {
    return a && b ? !dualwrite::is_changed(*a, *b) : !a && !b;
  };
  return since == other.since && same(leader, other.leader) && same(follower, other.follower);
}

void StoppedTables::assign(std::vector<StoppedTable> tables) {
  tables_.clear();
  for (StoppedTable& table : tables) {
    TableRef name = table.table;
    tables_.emplace(std::move(name), std::move(table));
  }
  publish();
}

void StoppedTables::stop(StoppedTable table) {
  TableRef name = table.table;
  tables_.insert_or_assign(std::move(name), std::move(table));
  publish();
}

void StoppedTables::resume(const TableRef& table) {
  tables_.erase(table);
  publish();
}

void StoppedTables::move(const TableRef& table, const LogPosition& since) {
  const auto found = tables_.find(table);
  if (found != tables_.end()) found->second.since = since;
}

// Not stopped: everything that is new. Stopped: what is new and before its place. Released: everything from its place
// on, which may be old to the others.
bool StoppedTables::takes(const TableRef& table, const LogPosition& begin, const LogPosition& applied) const {
  const auto found = tables_.empty() ? tables_.end() : tables_.find(table);
  if (found == tables_.end()) return begin >= applied;
  if (found->second.is_copy()) return begin >= applied && found->second.catch_up == dualwrite::CatchUp::copying;
  if (found->second.released()) return begin >= std::min(found->second.since, applied);
  return begin >= applied && begin < found->second.since;
}

bool StoppedTables::takes_definition(const TableRef& table, const LogPosition& begin,
                                     const LogPosition& applied) const {
  const auto found = tables_.find(table);
  if (found == tables_.end() || !found->second.is_copy()) return takes(table, begin, applied);
  return begin >= applied && found->second.catch_up != dualwrite::CatchUp::none;
}

bool StoppedTables::is_copying(const TableRef& table) const {
  const auto found = tables_.empty() ? tables_.end() : tables_.find(table);
  return found != tables_.end() && found->second.catch_up == dualwrite::CatchUp::copying;
}

bool StoppedTables::is_awaited(const TableRef& table) const {
  const auto found = tables_.find(table);
  return found != tables_.end() && found->second.catch_up == dualwrite::CatchUp::awaited;
}

bool StoppedTables::is_copied(const TableRef& table) const {
  const auto found = tables_.empty() ? tables_.end() : tables_.find(table);
  return found != tables_.end() && found->second.is_copy();
}

std::vector<TableRef> StoppedTables::released() const {
  std::vector<TableRef> out;
  for (const auto& [name, table] : tables_) {
    if (table.released()) out.push_back(name);
  }
  return out;
}

bool StoppedTables::overwrites(const TableRef& table) const {
  const auto found = tables_.find(table);
  return found != tables_.end() && found->second.catch_up == dualwrite::CatchUp::overwriting;
}

const StoppedTable* StoppedTables::find(const TableRef& table) const {
  if (const auto exact = tables_.find(table); exact != tables_.end()) return &exact->second;
  for (const auto& [name, stopped] : tables_) {
    if (absl::EqualsIgnoreCase(name.table, table.table) && absl::EqualsIgnoreCase(name.schema, table.schema))
      return &stopped;
  }
  return nullptr;
}

bool StoppedTables::contains(std::string_view schema, std::string_view table) const {
  if (!any()) return false;
  const std::lock_guard lock(mutex_);
  return std::any_of(published_.begin(), published_.end(), [&](const StoppedTable& stopped) {
    return absl::EqualsIgnoreCase(stopped.table.table, {table.data(), table.size()}) &&
           absl::EqualsIgnoreCase(stopped.table.schema, {schema.data(), schema.size()});
  });
}

std::vector<StoppedTable> StoppedTables::list() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

std::vector<TableRef> StoppedTables::names() const {
  std::vector<TableRef> out;
  for (const auto& [name, table] : tables_) out.push_back(name);
  return out;
}

void StoppedTables::publish() {
  ++version_;
  const std::lock_guard lock(mutex_);
  published_.clear();
  for (const auto& [name, table] : tables_) published_.push_back(table);
  count_.store(published_.size(), std::memory_order_release);
}

}  // namespace crossfade::proxy
