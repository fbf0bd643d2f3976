// Somebody has decided about a stopped table: it is caught up from where it stopped.

#include <future>

#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

using dualwrite::CatchUp;
using dualwrite::SchemaFinding;
using dualwrite::Severity;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

namespace {

std::string named(const TableRef& table) { return table.schema + "." + table.table; }

std::string what_will_happen(const StoppedTable& table, CatchUp how) {
  const std::string from = named(table.table) + " is caught up from " + table.since.text() + ". ";
  if (how == CatchUp::compared) return from + "A row that does not fit stops it again.";
  return from +
         "A row that does not fit is written as the leader has it, and is a line in the ledger. Rows that nobody has " +
         "changed since then stay as they are: compare the table.";
}

}  // namespace

absl::StatusOr<std::string> RowFeed::release(TableRef table, CatchUp how, std::chrono::milliseconds at_most) {
  auto request = std::make_shared<ReleaseRequest>();
  request->table = std::move(table);
  request->how = how;
  std::future<absl::StatusOr<std::string>> answer = request->answer.get_future();
  reactor_.post([this, request] {
    release_requests_.push_back(request);
    wake_.notify();
  });
  if (answer.wait_for(at_most) == std::future_status::ready) return answer.get();
  // Taken back: what was answered to be undone must not happen later.
  if (request->taken.exchange(true)) return answer.get();
  const std::lock_guard lock(status_mutex_);
  return absl::UnavailableError("the feed could not look at it now (" + status_.state + "): nothing was done");
}

// One at a time, between two transactions of the applier.
Task<absl::Status> RowFeed::release_requested() {
  const std::shared_ptr<ReleaseRequest> request = release_requests_.front();
  release_requests_.pop_front();
  if (request->taken.exchange(true)) co_return absl::OkStatus();
  auto done = co_await release_one(request->table, request->how);
  const bool released = done.ok();
  const bool broken = absl::IsUnavailable(done.status());
  const absl::Status status = done.status();
  request->answer.set_value(std::move(done));
  // What was mended on the follower, a right or a limit, holds for new connections.
  if (released) guard_.renew();
  if (released) co_return absl::AbortedError("tables are caught up from where they stopped");
  if (broken) co_return status;
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::string>> RowFeed::release_one(TableRef asked, CatchUp how) {
  const StoppedTable* found = stopped_.find(asked);
  if (found == nullptr) {
    std::string text = "table " + named(asked) + " is not stopped; stopped are: ";
    for (const auto& [name, stopped] : stopped_.all()) text += (text.ends_with(": ") ? "" : ", ") + named(name);
    co_return absl::NotFoundError(stopped_.any() ? text : "table " + named(asked) + " is not stopped; none is");
  }
  const StoppedTable table = *found;
  if (table.is_copy()) {
    co_return absl::FailedPreconditionError("table " + named(table.table) + " has not all of its rows (" +
                                            table.reason + "): crossfade backfill start --tables " +
                                            named(table.table) + " --replace");
  }
  if (waits_for_others(table)) {
    co_return absl::FailedPreconditionError("table " + named(table.table) + " cannot go on alone: " + table.reason);
  }
  std::vector<TableRef> one(1, table.table);
  const absl::Status read = co_await catalog_.reload(*leader_, follower_->link(), one);
  if (!read.ok()) co_return absl::UnavailableError(std::string(read.message()));
  if (!catalog_.carries(one, makes())) {
    std::string why = table.reason;
    for (const SchemaFinding& finding : catalog_.compare(makes())) {
      if (finding.table != table.table || finding.severity != Severity::blocker) continue;
      why = finding.object + ": " + finding.text + (finding.advice.empty() ? "" : "; " + finding.advice);
      break;
    }
    co_return absl::FailedPreconditionError("table " + named(table.table) + " cannot go on: " + why);
  }
  const absl::Status done = co_await release_with_tied(table.table, how);
  if (!done.ok()) co_return absl::UnavailableError(std::string(done.message()));
  limited_log().warn(LogKind::parked, "table={} released_by=operator overwrite={} position={}", named(table.table),
                     how == CatchUp::overwriting, table.since.text());
  retries_.erase(table.table);
  co_return what_will_happen(table, how);
}

void RowFeed::refuse_releases(const std::string& why) {
  for (const std::shared_ptr<ReleaseRequest>& request : release_requests_) {
    if (!request->taken.exchange(true)) request->answer.set_value(absl::FailedPreconditionError(why));
  }
  release_requests_.clear();
}

}  // namespace crossfade::proxy
