// What the feed looks at now and then: the end of the leader's changes, its settings, the definitions of both sides,
// tables that are stopped.

#include <algorithm>

#include "proxy/counts/log_limit.h"
#include "proxy/feed/row_feed.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::CatchUp;
using dualwrite::LogPosition;
using dualwrite::SchemaFinding;
using dualwrite::Severity;
using dualwrite::StopCause;
using dualwrite::StoppedTable;
using dualwrite::TableRef;

namespace {

constexpr auto kBoundInterval = std::chrono::milliseconds(250);
constexpr auto kCompareInterval = std::chrono::seconds(60);
constexpr auto kSecondLook = std::chrono::milliseconds(100);  // behind the first
constexpr auto kRetryInterval = std::chrono::seconds(1);      // of looking whether definitions agree now
constexpr std::chrono::seconds kRetryPauseMax = std::chrono::hours(1);
constexpr auto kLookInterval = std::chrono::seconds(1);
constexpr int kPausesForLook = 9;  // of one that takes longer than that
constexpr auto kLedgerInterval = std::chrono::seconds(2);
constexpr auto kSettingsInterval = std::chrono::seconds(10);

std::vector<TableRef> newly_blocked(const std::vector<SchemaFinding>& findings, const StoppedTables& stopped) {
  std::vector<TableRef> out;
  for (const SchemaFinding& finding : findings) {
    if (finding.severity != Severity::blocker || stopped.all().contains(finding.table)) continue;
    if (out.empty() || out.back() != finding.table) out.push_back(finding.table);
  }
  return out;
}

std::optional<dualwrite::TableDefinition> definition_of(const TableCatalog::Definitions& side, const TableRef& table) {
  const auto found = side.find(table);
  return found == side.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

// A connection of its own: nothing else may be under way on it. One answer serves everybody who waits by then.
Task<void> RowFeed::bound_loop() {
  while (!stopping_) {
    absl::Status looked;
    if (enabled_.load() && anchor_) looked = co_await look_at_end();
    if (looked.ok() && anchor_) looked = co_await look_at_retention();
    if (!looked.ok()) {
      bound_link_.reset();
      usable_.store(false, std::memory_order_release);
    }
    {
      const std::lock_guard lock(status_mutex_);  // or a settle() that is about to wait would not hear it
    }
    synced_.notify_all();
    const bool may_help = enabled_.load() && anchor_ && looked.ok() && commits_.position().known();
    if (!may_help || !commits_.wants_bound()) co_await wake_bound_.wait(Clock::now() + kBoundInterval);
  }
}

Task<absl::Status> RowFeed::open_bound_link() {
  if (bound_link_ && bound_link_->alive()) co_return absl::OkStatus();
  bound_link_.reset();
  auto opened = co_await BackendLink::open(reactor_, leader_link(), counters_, Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  bound_link_ = *std::move(opened);
  co_return absl::OkStatus();
}

Task<absl::Status> RowFeed::look_at_end() {
  const absl::Status open = co_await open_bound_link();
  if (!open.ok()) co_return open;
  // Sessions are told in time although the follower is away, without which stand_by() does not come to it.
  if (!elected_) {
    const std::optional<dualwrite::Anchor> known = anchor_;
    auto found = co_await read_anchor(*bound_link_);
    if (!found.ok()) co_return found.status();
    if (*found && anchor_ == known && *found != known) tell_kind(**found, "another feed takes over");
  }
  const TimePoint asked = Clock::now();
  const ChangeSource* const asked_of = source_;
  auto end = co_await source_->end(*bound_link_);
  if (!end.ok()) co_return end.status();
  if (source_ != asked_of) co_return absl::OkStatus();  // another feed has taken over meanwhile
  const std::string end_text = end->text();
  const LogPosition at_end = *end;
  // Nothing is known of places before the first reading; a bound would wait for ever.
  if (commits_.position().known()) commits_.bound(asked, *std::move(end));
  const TimePoint behind = commits_.oldest_unreached();
  const TimePoint reached = commits_.synced_through();
  const bool ever_reached = reached != TimePoint();
  const TimePoint since = ever_reached ? reached : started_;
  const double lag = behind == TimePoint::max() ? 0 : std::chrono::duration<double>(Clock::now() - since).count();
  const bool running = loaded_ || standby_.load();
  const std::chrono::duration<double> lag_max = options_.max_lag;
  const bool fresh = running && ever_reached && lag <= lag_max.count();
  usable_.store(fresh && (standby_.load() || source_->is_consistent()), std::memory_order_release);
  const std::lock_guard lock(status_mutex_);
  status_.leader_position = end_text;
  status_.position = commits_.position().text();
  status_.lag_oldest_seconds = lag;
  // As long as the follower was never reached it is where everything began, or behind it.
  const LogPosition& there = commits_.position().known() ? commits_.position() : anchor_->at;
  const LogPosition& last = commits_.position().known() ? commits_.last_bound() : at_end;
  const bool same_file = last.file == there.file;
  status_.lag_bytes = same_file && last.offset > there.offset ? last.offset - there.offset : 0;
  status_.lag_entries = std::max<std::uint64_t>(queue_.ends, behind == TimePoint::max() ? 0 : 1);
  co_return absl::OkStatus();
}

Task<absl::Status> RowFeed::watch() {
  const TimePoint now = Clock::now();
  if (now >= next_.settings) {
    next_.settings = now + kSettingsInterval;
    const absl::Status checked = co_await judge_leader(*source_);
    if (!checked.ok()) co_return checked;
  }
  const TimePoint due = source_->owes_look() ? next_look_ - kLookInterval + kSecondLook : next_look_;
  if (now >= due && !is_fenced()) {
    const absl::Status rested = co_await applier_->come_to_rest();
    if (!rested.ok()) co_return rested;
    next_look_ = now + kLookInterval;
    const TimePoint begun = Clock::now();
    const absl::Status stopped = co_await stop_broken();
    if (!stopped.ok()) co_return stopped;
    // Triggers' rows are all looked through for schema changes: a long backlog is to be worked off, not looked at.
    const auto took = Clock::now() - begun;
    if (took > kLookInterval) next_look_ = Clock::now() + took * kPausesForLook;
  }
  if (now >= next_.ledger) {
    next_.ledger = now + kLedgerInterval;
    const absl::Status counted = co_await count_ledger();
    if (!counted.ok()) co_return counted;
  }
  // At rest once a second, but in a large transaction.
  if (applier_->is_busy()) co_return absl::OkStatus();
  const absl::Status looked = co_await guard_.compare(*follower_);
  if (!looked.ok()) co_return looked;
  if (changer_.is_due(*anchor_)) {
    const absl::Status changed = co_await change_feed();
    if (!changed.ok()) co_return changed;
  }
  // Nothing is of one moment on both sides before the next feed has begun.
  if (is_fenced()) co_return absl::OkStatus();
  if (now >= next_compare_ || applier_->take_ddl_seen()) {
    next_compare_ = now;
    const absl::Status compared = co_await compare_definitions();
    if (!compared.ok()) co_return compared;
  }
  if (!copy_orders_.empty()) {
    const absl::Status done = co_await carry_out_copy_order();
    if (!done.ok()) co_return done;
  }
  if (!release_requests_.empty()) co_return co_await release_requested();
  if (now >= next_retry_ && stopped_.any()) {
    next_retry_ = now + kRetryInterval;
    const absl::Status retried = co_await retry_stopped();
    if (!retried.ok()) co_return retried;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> RowFeed::count_ledger() {
  if (applier_->is_busy()) co_return absl::OkStatus();
  auto open = co_await follower_->ask(dualwrite::count_open_ledger(options_.schema));
  if (!open.ok()) co_return open.status();
  const std::lock_guard lock(status_mutex_);
  status_.ledger_open = first_number(*open);
  co_return absl::OkStatus();
}

// What somebody changed past the log is found here at the latest. Read first, and judged when the applier has come to
// where the reading counts from.
Task<absl::Status> RowFeed::compare_definitions() {
  if (!compare_due_) {
    const absl::Status loaded = co_await catalog_.load(*leader_, follower_->link());
    if (!loaded.ok()) co_return loaded;
    compare_due_ = true;
    const absl::Status judged = co_await stop_suspects(applier_->processed());
    if (!judged.ok()) co_return judged;
  }
  if (applier_->processed() < catalog_.leads_at()) co_return absl::OkStatus();
  compare_due_ = false;
  next_compare_ = Clock::now() + kCompareInterval;
  co_return co_await stop_blocked(applier_->processed());
}

// Tables that could not be carried exactly stop before a row of them is lost.
Task<absl::Status> RowFeed::stop_blocked(const LogPosition& since) {
  std::vector<SchemaFinding> findings = catalog_.compare(makes());
  std::vector<TableRef> blocked = newly_blocked(findings, stopped_);
  if (!blocked.empty()) {
    // Looked at twice; nothing is applied in between.
    co_await reactor_.sleep_for(kSecondLook);
    const absl::Status read = co_await catalog_.reload(*leader_, follower_->link(), std::move(blocked));
    if (!read.ok()) co_return read;
    findings = dualwrite::seen_twice(std::move(findings), catalog_.compare(makes()));
  }
  for (const SchemaFinding& finding : findings) {
    if (finding.severity != Severity::blocker || stopped_.all().contains(finding.table)) continue;
    StoppedTable stop{.table = finding.table,
                      .cause = StopCause::definition,
                      .since = since,
                      .reason = finding.object + ": " + finding.text + "; " + finding.advice,
                      .stopped_at = unix_seconds()};
    const absl::Status stopped = co_await stop_with_tied(std::move(stop));
    if (!stopped.ok()) co_return stopped;
  }
  publish(findings);
  co_return absl::OkStatus();
}

// What the source can no longer tell of a table would be missing in silence.
Task<absl::Status> RowFeed::stop_broken() {
  if (applier_->is_busy()) co_return absl::OkStatus();
  auto broken = co_await source_->look(*leader_);
  if (!broken.ok()) co_return broken.status();
  publish_source();
  for (ChangeSource::Broken& each : *broken) {
    StoppedTable stop{.table = std::move(each.table),
                      .cause = StopCause::divergence,
                      .since = applier_->processed(),
                      .reason = std::move(each.reason),
                      .stopped_at = unix_seconds()};
    // A definition that differs, too, was seen first: but that both agree again will not do.
    const auto known = stopped_.all().find(stop.table);
    if (known != stopped_.all().end()) {
      if (known->second.cause == StopCause::divergence) continue;
      if (known->second.is_copy()) {
        if (known->second.catch_up == CatchUp::none) continue;
        stop.cause = StopCause::copy;
      }
      stop.since = known->second.since;
    }
    const absl::Status kept = co_await stop_with_tied(std::move(stop));
    if (!kept.ok()) co_return kept;
  }
  co_return absl::OkStatus();
}

// The leader's log no longer goes back to where these tables stopped: nothing but a copy helps them, and the others go
// on.
Task<absl::Status> RowFeed::give_up_released(std::string why) {
  for (const TableRef& table : stopped_.released()) {
    StoppedTable stop = stopped_.all().at(table);
    stop.catch_up = CatchUp::none;
    stop.cause = StopCause::divergence;
    stop.reason = "the leader's log no longer has its changes (" + why + "): copy the table, then delete its row of `" +
                  options_.schema + "`.`stopped` on the follower";
    auto kept = co_await follower_->ask(dualwrite::delete_stopped(options_.schema, table));
    if (kept.ok()) kept = co_await follower_->ask(dualwrite::insert_stopped(options_.schema, stop));
    if (!kept.ok()) co_return kept.status();
    retries_[table] = {.at = TimePoint::max(), .pause = kRetryPauseMax};
    limited_log().error(LogKind::parked, "table={}.{} stopped why=\"{}\"", table.schema, table.table, stop.reason);
    stopped_.stop(std::move(stop));
  }
  co_return absl::OkStatus();
}

void RowFeed::publish(const std::vector<SchemaFinding>& findings) {
  constexpr std::size_t kFindingsShownMax = 100;
  std::vector<FeedStatus::Finding> shown;
  for (const SchemaFinding& finding : findings) {
    if (finding.severity == Severity::note || shown.size() == kFindingsShownMax) continue;
    shown.push_back({.severity = finding.severity == Severity::blocker ? "blocker" : "warning",
                     .object = finding.table.schema + "." + finding.table.table + " " + finding.object,
                     .text = finding.text + (finding.advice.empty() ? "" : "; " + finding.advice)});
  }
  const std::lock_guard lock(status_mutex_);
  status_.findings = std::move(shown);
}

// A table stopped by its definition goes on when the definitions agree; one stopped by a row, when the policy is to
// overwrite or somebody has said so.
Task<absl::Status> RowFeed::retry_stopped() {
  const TimePoint now = Clock::now();
  std::vector<StoppedTable> tables = stopped_.list();
  std::vector<TableRef> due;
  for (const StoppedTable& table : tables) {
    if (table.released() || table.is_copy()) continue;
    // Of one that is broken only whether both sides have dropped it.
    const bool held = table.cause == StopCause::divergence && policy_.load() == config::OnDivergence::hold;
    if (!source_->is_broken(table.table) && (held || waits_for_others(table))) continue;
    StoppedRetry& retry = retries_[table.table];
    if (now < retry.at) continue;
    retry.at = now + kRetryInterval;
    due.push_back(table.table);
  }
  if (due.empty()) co_return absl::OkStatus();
  absl::Status read = co_await catalog_.reload(*leader_, follower_->link(), due);
  if (read.ok()) read = co_await stop_suspects(applier_->processed());
  if (!read.ok()) co_return read;
  bool released = false;
  for (const TableRef& table : due) {
    std::vector<TableRef> one(1, table);
    if (!catalog_.carries(one, makes())) continue;
    const StoppedTable* const stopped = stopped_.find(table);
    if (stopped == nullptr) continue;  // it went on with one that it is tied to
    StoppedRetry tried{.at = now,
                       .since = stopped->since,
                       .leader = definition_of(catalog_.leader(), table),
                       .follower = definition_of(catalog_.follower(), table)};
    const StoppedRetry& last = retries_[table];
    const bool again = last.is_of_the_same(tried);
    if (again && now < last.not_before) continue;
    // One that stops again waits longer each time.
    tried.pause = std::min<std::chrono::seconds>(last.pause * 2, again ? kRetryPauseMax : kCompareInterval);
    tried.not_before = now + tried.pause;
    tried.at = last.at;
    const bool gone = !catalog_.leader().contains(table) && !catalog_.follower().contains(table);
    if (gone) {
      auto all = co_await source_->forget_gone(*leader_, table);
      if (!all.ok()) co_return all.status();
      if (!*all) continue;
      auto forgotten = co_await follower_->ask(dualwrite::delete_stopped(options_.schema, table));
      if (!forgotten.ok()) co_return forgotten.status();
      stopped_.resume(table);
    } else if (source_->is_broken(table)) {
      continue;
    } else {
      const absl::Status done = co_await release_with_tied(table, CatchUp::compared);
      if (!done.ok()) co_return done;
    }
    released = released || !gone;
    retries_[table] = std::move(tried);
  }
  if (released) co_return absl::AbortedError("tables are caught up from where they stopped");
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
