#include "proxy/feed/written_tables.h"

#include "dualwrite/lost_values.h"
#include "proxy/feed/ddl_state.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

Task<absl::Status> WrittenTables::know(FollowerWriter& follower) {
  const std::vector<TableRef> tables(tables_.begin(), tables_.end());
  for (const TableRef& table : tables) {
    if (!catalog_.known_state(table).empty()) continue;
    const absl::Status known = co_await know(follower, table);
    if (!known.ok()) co_return known;
  }
  co_return absl::OkStatus();
}

// Asked before and behind the definition, which is several questions.
Task<absl::Status> WrittenTables::know(FollowerWriter& follower, TableRef table) {
  const std::vector<TableRef> one(1, table);
  auto before = co_await tables_state(follower.link(), one);
  if (!before.ok()) co_return before.status();
  auto definitions = co_await catalog_.ask_follower(follower.link(), one);
  if (!definitions.ok()) co_return definitions.status();
  auto behind = co_await tables_state(follower.link(), one);
  if (!behind.ok()) co_return behind.status();
  const auto now = definitions->find(table);
  const auto known = catalog_.follower().find(table);
  const bool is_there = now != definitions->end() && known != catalog_.follower().end();
  if (!is_there || *before != *behind || dualwrite::is_changed(known->second, now->second)) {
    const absl::Status undone = co_await follower.rollback();
    co_return undone.ok() ? are_others("table " + table.schema + "." + table.table) : undone;
  }
  catalog_.know_state(table, *std::move(behind));
  co_return absl::OkStatus();
}

std::vector<WriterStep> WrittenTables::take_looks() {
  std::vector<WriterStep> out;
  for (const TableRef& table : tables_) {
    out.push_back(
        {.sql = show_definition(table), .expect = WriterStep::Expect::state, .state = catalog_.known_state(table)});
  }
  tables_.clear();
  return out;
}

absl::Status WrittenTables::are_others(const std::string& which) {
  catalog_.forget_states();
  return absl::AbortedError("the follower's definition of " + which + " is another one than it was; reading it again");
}

}  // namespace crossfade::proxy
