// Another feed takes over (FeedChanger): what of it is the applier's.

#include <csignal>

#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

using dualwrite::CatchUp;
using dualwrite::StopCause;
using dualwrite::StoppedTable;
using dualwrite::StoredPosition;

SourceSetting RowFeed::source_setting() {
  return {.reactor = reactor_,
          .counters = counters_,
          .schema = options_.schema,
          .leader_options = [this] { return leader_link(); },
          .config = options_.config};
}

bool RowFeed::is_fenced() const { return anchor_ && anchor_->is_fenced(); }

// Between two transactions of the applier.
Task<absl::Status> RowFeed::change_feed() {
  const auto before = anchor_->change;
  const FeedChanger::Applying now{.leader = *leader_, .anchor = *anchor_, .source = *source_, .stopped = stopped_};
  const absl::Status stepped = co_await changer_.step(now);
  if (!stepped.ok()) co_return stepped;
  if (anchor_->change != before)
    tell_kind(*anchor_, anchor_->change ? "another feed takes over" : "no other feed takes over");
  if (!changer_.is_under_way()) co_return absl::OkStatus();
  refuse_releases("the feed is being changed: try again when that is done");
  refuse_copy_orders("the feed is being changed");
  co_return absl::OkStatus();
}

// The follower has everything in front of the fence. A table that has stopped since then stopped at a place that nobody
// can read any more.
Task<absl::Status> RowFeed::cross_fence() {
  absl::Status rested = co_await applier_->come_to_rest();
  if (rested.ok()) rested = co_await applier_->wait_for_chunks();
  if (!rested.ok()) co_return rested;
  const dualwrite::LogPosition& next = anchor_->change->next;
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "BEGIN"});
  steps.push_back({.sql = dualwrite::lock_position(options_.schema, "old", owner_)});
  for (StoppedTable table : stopped_.list()) {
    table.cause = StopCause::copy;
    table.catch_up = CatchUp::none;
    table.since = next;
    table.reason =
        "it had stopped when the feed changed, and the changes since then are not told any more: " + table.reason;
    steps.push_back({.sql = dualwrite::replace_stopped(options_.schema, table)});
  }
  const StoredPosition there{.applied = next, .resume = next, .server = anchor_->server, .gtid = ""};
  steps.push_back({.sql = dualwrite::update_position(options_.schema, "old", there, owner_)});
  steps.push_back(commit_step());
  auto failure = co_await follower_->run(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (*failure) {
    const absl::Status undone = co_await follower_->rollback();
    if (!undone.ok()) co_return undone;
    co_return absl::UnavailableError("the follower cannot change to the next feed now" +
                                     ((*failure)->err ? ": " + err_text(*(*failure)->err) : std::string()));
  }
  if (fault_.strikes(FeedFault::Kind::die)) std::raise(SIGKILL);
  stop_applying();  // begins anew from the stored place, which is of the next feed
  co_return absl::OkStatus();
}

// Applying begins where the follower is over the fence, and the anchor does not say so yet.
Task<absl::Status> RowFeed::finish_change(StoredPosition stored) {
  if (!is_fenced() || kind_of_place(anchor_->change->next) != kind_of_place(stored.applied)) {
    co_return absl::FailedPreconditionError("the follower is at " + stored.applied.text() +
                                            ", which is no place of feed " + std::string(name_of(source_)));
  }
  usable_.store(false, std::memory_order_release);
  const absl::Status finished = co_await changer_.finish(*leader_, *anchor_);
  fit_ = false;
  co_return finished;
}

}  // namespace crossfade::proxy
