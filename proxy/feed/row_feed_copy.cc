// What whoever copies tables asks of the feed.

#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

using dualwrite::StoppedTable;
using dualwrite::TableRef;

void RowFeed::order(std::shared_ptr<CopyOrder> wanted) {
  reactor_.post([this, wanted = std::move(wanted)] {
    copy_orders_.push_back(wanted);
    wake_.notify();
  });
}

// Where the order could not be written nothing has come of it.
Task<absl::Status> RowFeed::carry_out_copy_order() {
  const std::shared_ptr<CopyOrder> wanted = copy_orders_.front();
  copy_orders_.pop_front();
  if (wanted->taken.exchange(true)) co_return absl::OkStatus();
  // Nothing of a table whose copy ends may come later.
  std::vector<TableRef> named = wanted->cleared;
  for (const StoppedTable& table : wanted->set) named.push_back(table.table);
  for (const TableRef& table : named) {
    const absl::Status written = co_await applier_->wait_for_chunks_of(table);
    if (written.ok()) continue;
    Reply<absl::Status>::give(wanted->reply, written);
    co_return written;
  }
  // One that was dropped meanwhile is not stopped any more.
  std::erase_if(wanted->set, [this](const StoppedTable& table) {
    return table.catch_up == dualwrite::CatchUp::none && !stopped_.is_copied(table.table);
  });
  for (const TableRef& table : wanted->cleared) {
    if (stopped_.is_copying(table)) continue;
    Reply<absl::Status>::give(wanted->reply, absl::AbortedError("table " + table.table + " has stopped meanwhile"));
    co_return absl::OkStatus();
  }
  for (StoppedTable& table : wanted->set) {
    table.since = applier_->processed();
    table.stopped_at = unix_seconds();
  }
  auto failure = co_await write_copy_order(wanted);
  absl::Status status = failure.status();
  if (failure.ok() && *failure) {
    const absl::Status undone = co_await follower_->rollback();
    const std::string what =
        (*failure)->err ? err_text(*(*failure)->err) : std::string("another outcome than expected");
    Reply<absl::Status>::give(wanted->reply, absl::UnavailableError("the follower answered " + what));
    co_return undone;
  }
  if (!status.ok()) {
    Reply<absl::Status>::give(wanted->reply, status);
    co_return status;
  }
  for (StoppedTable& table : wanted->set) stopped_.stop(std::move(table));
  for (const TableRef& table : wanted->cleared) stopped_.resume(table);
  Reply<absl::Status>::give(wanted->reply, absl::OkStatus());
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::optional<StepFailure>>> RowFeed::write_copy_order(std::shared_ptr<CopyOrder> wanted) {
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "BEGIN"});
  steps.push_back({.sql = dualwrite::lock_position(options_.schema, "old", owner_)});
  for (const StoppedTable& table : wanted->set) {
    steps.push_back({.sql = dualwrite::replace_stopped(options_.schema, table)});
  }
  for (const TableRef& table : wanted->cleared) {
    steps.push_back({.sql = dualwrite::delete_stopped(options_.schema, table)});
  }
  for (const std::string& sql : wanted->sql) steps.push_back({.sql = sql});
  steps.push_back({.sql = "COMMIT"});
  co_return co_await follower_->run(std::move(steps));
}

void RowFeed::refuse_copy_orders(const std::string& why) {
  for (const std::shared_ptr<CopyOrder>& wanted : std::exchange(copy_orders_, {})) {
    if (!wanted->taken.exchange(true)) Reply<absl::Status>::give(wanted->reply, absl::UnavailableError(why));
  }
}

}  // namespace crossfade::proxy
