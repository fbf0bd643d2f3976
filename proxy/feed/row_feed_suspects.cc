// Tables of the follower that somebody has changed so that rows there may have lost values. That their definitions
// agree again later does not bring these back, so such a table stops for people.

#include "dualwrite/sql_text.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::StopCause;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

namespace {

// People decide about it, or it is copied.
bool is_decided(const StoppedTable* stopped) {
  return stopped != nullptr &&
         (stopped->is_copy() || (stopped->cause == StopCause::divergence && !stopped->released()));
}

StoppedTable stopped_for(const TableRef& table, const std::string& found, LogPosition since) {
  const std::string name = table.schema + "." + table.table;
  const std::string place = since.text();
  return {.table = table,
          .cause = StopCause::divergence,
          .since = std::move(since),
          .reason = found + "; what its rows of before " + place +
                    " had in it may be lost. Define it there as on the leader, then copy it anew (crossfade backfill "
                    "start --replace --tables " +
                    name + "), or let it go on (crossfade tables release " + name +
                    ") and compare it (crossfade verify, crossfade repair)",
          .stopped_at = unix_seconds()};
}

}  // namespace

// Only where the leader has what the follower's table cannot hold now, and there were rows.
Task<absl::Status> RowFeed::stop_suspects(LogPosition since) {
  const std::map<TableRef, std::string> suspects = catalog_.suspects();
  for (const auto& [table, what] : suspects) {
    const StoppedTable* known = stopped_.find(table);
    const std::vector<TableRef> one(1, table);
    bool at_stake = !is_decided(known) && !catalog_.carries(one, makes());
    if (at_stake && catalog_.follower().contains(table)) {
      auto rows = co_await follower_->ask("SELECT 1 FROM " + dualwrite::quote_name(table) + " LIMIT 1");
      if (!rows.ok()) co_return rows.status();
      at_stake = !rows->rows.empty();
    }
    if (at_stake) {
      const std::string found = "somebody has changed the table on the follower, past the feed: " + what;
      StoppedTable stop = stopped_for(table, found, known == nullptr ? since : known->since);
      auto kept = co_await follower_->ask(dualwrite::insert_divergence(
          options_.schema, table, found, dualwrite::RowIdentity(), stop.since, dualwrite::LedgerState::open));
      if (!kept.ok()) co_return kept.status();
      counters_.divergences.add();
      const absl::Status stopped = co_await stop_with_tied(std::move(stop));
      if (!stopped.ok()) co_return stopped;
      const std::lock_guard lock(status_mutex_);
      ++status_.divergences;
    }
    catalog_.settle_suspect(table);
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
