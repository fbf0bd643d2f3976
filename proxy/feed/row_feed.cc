#include "proxy/feed/row_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "absl/cleanup/cleanup.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::StoredPosition;
using dualwrite::TableRef;

namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(200);
constexpr auto kStandByInterval = std::chrono::milliseconds(50);
constexpr auto kElectionInterval = std::chrono::milliseconds(500);
constexpr auto kShownInterval = std::chrono::seconds(1);
constexpr auto kLoadingMax = std::chrono::milliseconds(5);
constexpr std::string_view kLeaderName = "old";

// It will be the same at the next try, unless somebody mends it.
bool is_halt(const absl::Status& status) { return absl::IsFailedPrecondition(status) || absl::IsOutOfRange(status); }

std::string draw_owner() {
  std::random_device device;
  std::string owner(16, '\0');
  for (char& c : owner) c = static_cast<char>(device());
  return owner;
}

// Where triggers begin to tell lies behind every place of those before them.
bool is_behind_new_triggers(const dualwrite::Anchor& anchor, const LogPosition& stored) {
  const bool by_triggers = kind_of_place(anchor.at) == FeedKind::trigger;
  return by_triggers && kind_of_place(stored) == FeedKind::trigger && stored < anchor.at;
}

}  // namespace

RowFeed::RowFeed(RowFeedOptions options, Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      counters_(metrics_.make()),
      wake_(reactor_),
      wake_bound_(reactor_),
      fault_(FeedFault::from_environment()),
      owner_(draw_owner()),
      catalog_(options_.schema),
      changer_(source_setting(), fault_),
      guard_({.reactor = reactor_,
              .counters = counters_,
              .follower = [this] { return follower_link(); },
              .applying = [this] { return follower_ ? &follower_->link() : nullptr; },
              .tell =
                  [this](const std::string& state) {
                    if (!state.empty() || loaded_) note(state.empty() ? "applying" : state, absl::OkStatus());
                  },
              .schema = options_.schema}) {
  for (const FeedKind kind : {FeedKind::log, FeedKind::trigger}) {
    SourceSetting setting = source_setting();
    setting.on_progress = [this](const std::string& progress, const std::string& next) {
      const std::lock_guard lock(status_mutex_);
      status_.undecided.is_at(progress, next);
    };
    sources_.push_back(make_source(kind, std::move(setting)));
  }
  status_.state = "starting";
}

RowFeed::~RowFeed() { stop(); }

void RowFeed::start() {
  reactor_.post([this] {
    reactor_.spawn(loop());
    reactor_.spawn(bound_loop());
    reactor_.spawn(guard_.run());
  });
  thread_.start(reactor_, "feed");
}

void RowFeed::stop() {
  reactor_.post([this] {
    stopping_ = true;
    wake_.notify();
    wake_bound_.notify();
    guard_.stop();
  });
  thread_.stop();
}

void RowFeed::set_flags(const config::DualWriteFlags& flags, std::function<void()> then) {
  policy_.store(flags.on_divergence);
  enabled_.store(flags.enabled);
  if (!flags.enabled || settled_.load()) {
    then();
    reactor_.post([this] { wake_.notify(); });
    return;
  }
  reactor_.post([this, then = std::move(then)] {
    when_anchored_.push_back(then);
    if (settled_.load()) call_anchored();
    wake_.notify();
  });
}

void RowFeed::call_anchored() {
  settled_.store(true);
  for (const auto& each : std::exchange(when_anchored_, {})) each();
}

bool RowFeed::stopped(std::string_view schema, std::string_view table) const {
  return stopped_.contains(schema, table);
}

Task<bool> RowFeed::wait_applied(Reactor& on, Commit commit, TimePoint deadline) {
  if (commit.at <= synced_through()) co_return true;
  if (fault_.strikes(FeedFault::Kind::early)) co_return true;
  if (standby_.load(std::memory_order_acquire) || !names_commits_.load(std::memory_order_acquire)) commit.gtid.clear();
  auto waiter = std::make_shared<CommitWait>(on);
  reactor_.post([this, waiter, commit = std::move(commit)] {
    commits_.wait_for(waiter, commit);
    if (commits_.wants_bound()) wake_bound_.notify();
  });
  co_return co_await CommitWait::wait(waiter, deadline);
}

void RowFeed::look_soon() {
  if (look_posted_.exchange(true)) return;
  reactor_.post([this] {
    look_posted_.store(false);
    wake_bound_.notify();
  });
}

bool RowFeed::settle(std::chrono::milliseconds at_most) {
  if (idle_.load(std::memory_order_acquire)) return true;
  const TimePoint asked = Clock::now();
  look_soon();
  std::unique_lock lock(status_mutex_);
  return synced_.wait_for(lock, at_most, [&] { return synced_through() >= asked; });
}

dualwrite::ServerMakes RowFeed::makes() const {
  return {.leader_is_mariadb = leader_->is_mariadb(),
          .follower_is_mariadb = follower_->link().is_mariadb(),
          .by_triggers = source_->kind() == FeedKind::trigger,
          .logs_cascades = identity_.logs_cascades};
}

void RowFeed::drop_links() {
  stop_applying();
  if (follower_) guard_.leave_behind(follower_->link());
  follower_.reset();
  leader_.reset();
  chunks_.changed.forget();
  changer_.forget();
  elected_ = false;
  fit_ = false;
}

void RowFeed::stop_applying() {
  if (applier_ && careful_through_ < applier_->careful_through()) careful_through_ = applier_->careful_through();
  applying_.store(0, std::memory_order_release);
  applier_.reset();
  if (source_ != nullptr) source_->close();
  queue_ = {};
  loaded_ = false;
}

Task<void> RowFeed::loop() {
  while (!stopping_) {
    absl::Status status = co_await follow();
    if (!status.ok() && applier_ && !stopping_) {
      // What the follower is busy with is neither undone nor sent a second time.
      const absl::Status settled = co_await applier_->settle();
      if (absl::IsAborted(status) && !settled.ok()) status = settled;
    }
    if (status.ok()) {
      failures_ = 0;
      continue;
    }
    if (absl::IsAborted(status)) {
      // Nothing is wrong with the connections: read again from the stored position, at once if that helps.
      note("reading again", status);
      // A part of a large transaction may be open: BEGIN would commit it.
      if (follower_) {
        const absl::Status undone = co_await follower_->rollback();
        if (!undone.ok()) drop_links();
      }
      stop_applying();
      if (guard_.take_renewal()) follower_.reset();
      if (++failures_ > 3) co_await wake_.wait(Clock::now() + kRetryPause);
      continue;
    }
    const bool halted = is_halt(status);
    if (halted && reading_ && source_->forgets() && follower_ && !stopped_.released().empty()) {
      const absl::Status given_up = co_await give_up_released(std::string(status.message()));
      if (given_up.ok()) {
        stop_applying();
        continue;
      }
    }
    note(halted ? "stopped: " + std::string(status.message()) : "waiting: " + std::string(status.message()), status);
    drop_links();
    changer_.give_up_waiting("nothing is applied now: " + std::string(status.message()));
    {
      const std::lock_guard lock(status_mutex_);
      if (halted) status_.leader_error = std::string(status.message());
    }
    std::chrono::milliseconds pause = kRetryPause;
    if (halted) pause *= 10;
    co_await wake_.wait(Clock::now() + pause);
  }
  drop_links();
  bound_link_.reset();
}

// One step: whatever is missing is made, then a piece of what has changed is read and applied.
Task<absl::Status> RowFeed::follow() {
  reading_ = false;
  if (!leader_ || !leader_->alive()) {
    drop_links();
    const absl::Status connected = co_await connect_leader();
    if (!connected.ok()) co_return connected;
  }
  const bool enabled = enabled_.load();
  // Without writes to duplicate nothing is owed to the follower.
  idle_.store(!enabled && !anchor_, std::memory_order_release);
  if (enabled && !fit_) {
    const absl::Status fit = co_await anchor();
    if (!fit.ok()) co_return fit;
    fit_ = true;
  }
  if (idle_.load()) on_idle();
  const bool under_way = applier_ && applier_->is_under_way();
  // With it goes the applier, which writes there.
  if (follower_ && !under_way && !follower_->link().alive()) {
    co_return absl::UnavailableError("the follower closed the connection");
  }
  if (!follower_) {
    const absl::Status connected = co_await connect_follower();
    if (!connected.ok()) co_return connected;
  }
  if (!enabled) co_return co_await pause();
  if (!elected_ && Clock::now() >= next_election_) {
    const absl::Status asked = co_await elect();
    if (!asked.ok()) co_return asked;
    // Whoever applied until now may have changed to another feed.
    if (elected_) fit_ = false;
    if (elected_) co_return absl::OkStatus();
  }
  if (!elected_) co_return co_await stand_by();
  if (!loaded_) {
    auto stored = co_await take_position();
    if (!stored.ok()) co_return stored.status();
    if (kind_of_place(stored->applied) != source_->kind()) co_return co_await finish_change(*stored);
    const absl::Status opened = co_await open_source(*stored);
    if (!opened.ok()) co_return opened;
    loaded_ = true;
    note("applying", absl::OkStatus());
    changer_.conclude(*anchor_);
    if (!anchor_->change) changer_.retire_other(source_->kind());
  }
  const absl::Status watched = co_await watch();
  if (!watched.ok()) co_return watched;
  absl::Status read;
  if (under_way) {
    read = co_await source_->read_ahead(queue_);
  } else if (applier_->is_loading()) {
    // The leader may have nothing to say until a chunk is there.
    read = co_await source_->read_ahead(queue_);
    if (read.ok() && queue_.ends == 0) co_await applier_->wait_for_a_chunk(Clock::now() + kLoadingMax);
    if (read.ok() && source_->kind() == FeedKind::trigger) read = co_await source_->read(queue_);
  } else {
    read = co_await source_->read(queue_);
  }
  if (!source_->is_consistent()) usable_.store(false, std::memory_order_release);
  // What was read before something that cannot be followed still is.
  absl::Status applied = co_await applier_->apply(queue_, policy_.load());
  if (applied.ok() && is_halt(read)) applied = co_await applier_->come_to_rest(LogApplier::OpenOne::ends);
  {
    const std::lock_guard lock(status_mutex_);
    status_.position = commits_.position().text();
    status_.applied_entries += applier_->take_applied_transactions();
    status_.divergences += applier_->take_divergences();
  }
  synced_.notify_all();
  if (!applied.ok()) co_return applied;
  reading_ = !read.ok();
  retention_look_.note(applier_->stored());
  if (!applier_->is_busy()) {
    const absl::Status settled = co_await source_->stored(applier_->stored().applied);
    if (!settled.ok()) co_return settled;
    if (read.ok() && source_->is_at_fence() && queue_.items.empty()) co_return co_await cross_fence();
  }
  co_return read;
}

Task<absl::Status> RowFeed::elect() {
  auto got = co_await leader_->ask_row("GET_LOCK(" + dualwrite::applier_lock(options_.schema) + ",0)", 1, soon());
  if (!got.ok()) co_return got.status();
  next_election_ = Clock::now() + kElectionInterval;
  elected_ = first_number(*got) == 1;
  standby_.store(!elected_, std::memory_order_release);
  co_return absl::OkStatus();
}

// The stored place, or the anchor if there is none yet; and from now on it is this process's.
Task<absl::StatusOr<StoredPosition>> RowFeed::take_position() {
  // A new name each time: what an earlier connection of ours has under way can no longer commit.
  owner_ = draw_owner();
  const StoredPosition here{.applied = anchor_->at, .resume = anchor_->at, .server = anchor_->server, .gtid = ""};
  auto made = co_await follower_->ask("BEGIN");
  if (made.ok()) {
    made = co_await follower_->ask(dualwrite::insert_position(options_.schema, std::string(kLeaderName), here, owner_));
  }
  if (made.ok()) made = co_await follower_->ask(dualwrite::claim_position(options_.schema, kLeaderName, owner_));
  if (made.ok()) made = co_await follower_->ask(dualwrite::claim_loader(options_.schema, kLeaderName, owner_));
  if (made.ok()) made = co_await follower_->ask("COMMIT");
  if (made.ok()) made = co_await follower_->ask(dualwrite::select_position(options_.schema, kLeaderName));
  if (!made.ok()) co_return made.status();
  auto stored = dualwrite::position_from(*made);
  if (!stored.ok()) co_return stored.status();
  if (!*stored) co_return absl::InternalError("the follower has lost the position");
  if ((*stored)->server != identity_.server) {
    co_return absl::FailedPreconditionError("the leader is another server (" + identity_.server +
                                            ") than the one that was followed (" + (*stored)->server +
                                            "), or its logs began anew: copy the data again, then delete the row of `" +
                                            options_.schema + "`.`position` on the follower");
  }
  if (is_behind_new_triggers(*anchor_, (*stored)->applied)) {
    co_return absl::FailedPreconditionError(
        "the triggers on the leader were removed since the follower was at " + (*stored)->applied.text() +
        ", and what was written before they were made anew is told by nobody: copy the data again, then delete the row "
        "of `" +
        options_.schema + "`.`position` on the follower");
  }
  auto stopped = co_await follower_->ask(dualwrite::select_stopped(options_.schema));
  if (!stopped.ok()) co_return stopped.status();
  auto tables = dualwrite::stopped_from(*stopped);
  if (!tables.ok()) co_return tables.status();
  stopped_.assign(*std::move(tables));
  retention_look_.note(**stored);
  co_return **stored;
}

Task<absl::Status> RowFeed::open_source(const StoredPosition& stored) {
  SourceStart start{.stored = stored, .stopped = stopped_};
  if (is_fenced()) start.fence = anchor_->change->fence;
  reading_ = true;
  const absl::Status opened = co_await source_->open(*leader_, *follower_, start);
  if (!opened.ok()) co_return opened;
  reading_ = false;
  // The source counts its places anew from here on, and nobody has asked it since.
  commits_.forget_places();
  commits_.processed(stored.applied);
  const absl::Status loaded = co_await catalog_.load(*leader_, follower_->link());
  if (!loaded.ok()) co_return loaded;
  next_compare_ = {};
  queue_ = {};
  ApplierSetting setting{.schema = options_.schema,
                         .leader = std::string(kLeaderName),
                         .owner = owner_,
                         .applying = times_applied_ + 1,
                         .config = options_.config,
                         .makes = makes(),
                         .reactor = reactor_,
                         .follower_options = [this] { return follower_link(); },
                         .counters = counters_,
                         .catalog = catalog_,
                         .stopped = stopped_,
                         .commits = commits_,
                         .chunks = chunks_,
                         .fault = fault_,
                         .guard = guard_};
  applier_ = std::make_unique<LogApplier>(std::move(setting), *follower_, *leader_, stored);
  applier_->be_careful_through(careful_through_);
  chunks_.changed.begin(Clock::now());
  compare_due_ = true;
  applying_.store(++times_applied_, std::memory_order_release);
  co_return co_await stop_suspects(stored.applied);
}

// Writes are not duplicated: where they go on is kept.
Task<absl::Status> RowFeed::pause() {
  note("paused: dual_write is off", absl::OkStatus());
  refuse_releases("the feed is paused, dual_write is off: nothing is applied");
  refuse_copy_orders("the feed is paused, dual_write is off: nothing is applied");
  changer_.answer_all(absl::FailedPreconditionError("the feed is paused, dual_write is off: switch it on first"));
  usable_.store(false);
  if (loaded_) drop_links();
  co_await wake_.wait(Clock::now() + std::chrono::seconds(1));
  co_return absl::OkStatus();
}

// Another proxy applies: how far it is the source knows.
Task<absl::Status> RowFeed::stand_by() {
  note("standing by: another proxy applies", absl::OkStatus());
  catalog_.begin_anew();
  refuse_releases("another proxy applies: ask that one");
  refuse_copy_orders("another proxy applies");
  changer_.conclude(*anchor_);
  changer_.answer_all(absl::FailedPreconditionError("another proxy applies: ask that one"));
  auto place = co_await source_->others_place(*leader_, *follower_);
  if (!place.ok()) co_return place.status();
  // Read behind the place: it holds if this is still the feed.
  auto anchored = co_await read_anchor(*leader_);
  if (!anchored.ok()) co_return anchored.status();
  if (*anchored && *anchored != anchor_) {
    fit_ = false;
    co_return absl::OkStatus();
  }
  auto stopped = co_await follower_->ask(dualwrite::select_stopped(options_.schema));
  if (!stopped.ok()) co_return stopped.status();
  auto tables = dualwrite::stopped_from(*stopped);
  if (!tables.ok()) co_return tables.status();
  stopped_.assign(*std::move(tables));
  if (Clock::now() >= next_compare_) {
    next_compare_ = Clock::now() + kShownInterval;  // means nothing else here
    publish_source();
  }
  // Behind what is stopped there: whoever waits for the place must not read a table that has stopped before it.
  if (place->known() && kind_of_place(*place) == source_->kind()) commits_.processed(*place);
  synced_.notify_all();
  const absl::Status looked = co_await guard_.end_silent_applier(*leader_, *follower_);
  if (!looked.ok()) co_return looked;
  co_await wake_.wait(Clock::now() + kStandByInterval);
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
