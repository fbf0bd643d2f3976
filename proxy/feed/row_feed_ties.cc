// Tables that foreign keys tie to a stopped one where the leader does not say what these do: they stop and go on
// together.

#include <algorithm>

#include "dualwrite/table_ties.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

using dualwrite::CatchUp;
using dualwrite::StopCause;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

Task<absl::Status> RowFeed::stop_with_tied(StoppedTable first) {
  std::vector<StoppedTable> stopping(1, first);
  std::vector<TableRef> tied;
  if (makes().cascades_are_silent()) {
    const std::vector<TableRef> one(1, first.table);
    tied = dualwrite::tables_stopped_with(catalog_.leader(), one);
  }
  for (TableRef& other : tied) {
    const StoppedTable* before = stopped_.find(other);
    if (before != nullptr && !(before->is_copy() && before->catch_up != CatchUp::none)) continue;
    StoppedTable stop = first;
    stop.table = std::move(other);
    stop.cause = before != nullptr ? StopCause::copy : StopCause::parent;
    stop.reason = reason_of_ties(first.table);
    stopping.push_back(std::move(stop));
  }
  for (StoppedTable& stop : stopping) {
    auto kept = co_await follower_->ask(dualwrite::replace_stopped(options_.schema, stop));
    if (!kept.ok()) co_return kept.status();
    limited_log().error(LogKind::parked, "table={}.{} stopped position={} why=\"{}\"", stop.table.schema,
                        stop.table.table, stop.since.text(), stop.reason);
    stopped_.stop(std::move(stop));
  }
  co_return absl::OkStatus();
}

bool RowFeed::waits_for_others(const StoppedTable& table) const {
  if (table.cause != StopCause::parent) return false;
  const std::vector<TableRef> connected = dualwrite::connected_tables(catalog_.leader(), table.table, stopped_.names());
  return std::any_of(connected.begin(), connected.end(), [this](const TableRef& each) {
    const StoppedTable& other = stopped_.all().at(each);
    return other.cause != StopCause::parent && !other.released();
  });
}

// What the log says of all of them must come in its order. One that still waits for another stops again when it comes
// to what it cannot do without that.
Task<absl::Status> RowFeed::release_with_tied(TableRef table, CatchUp how) {
  std::vector<TableRef> releasing = dualwrite::connected_tables(catalog_.leader(), table, stopped_.names());
  std::erase_if(releasing, [this](const TableRef& each) { return stopped_.all().at(each).cause != StopCause::parent; });
  releasing.insert(releasing.begin(), table);
  for (const TableRef& each : releasing) {
    auto done = co_await follower_->ask(dualwrite::release_stopped(options_.schema, each, how));
    if (!done.ok()) co_return done.status();
    limited_log().warn(LogKind::parked, "table={}.{} released=true", each.schema, each.table);
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
