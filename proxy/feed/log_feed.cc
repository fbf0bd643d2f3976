#include "proxy/feed/log_feed.h"
#include "proxy/deadlines.h"
#include "proxy/log_limit.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "absl/cleanup/cleanup.h"
#include "dualwrite/sql_text.h"
#include "proxy/feed/server_answers.h"
#include "proxy/session_state.h"

namespace crossfade::proxy {

using dualwrite::LogPosition;
using dualwrite::StoredPosition;
using dualwrite::TableRef;

namespace {

constexpr auto kPause = std::chrono::milliseconds(200);
constexpr auto kStandByInterval = std::chrono::milliseconds(50);
constexpr auto kElectionInterval = std::chrono::milliseconds(500);
constexpr auto kSilenceMax = std::chrono::seconds(10);  // heartbeats come every second
constexpr std::size_t kQueueBytesMax = 8u << 20;
constexpr std::string_view kLeaderName = "old";

std::string draw_owner() {
  std::random_device device;
  std::string owner(16, '\0');
  for (char& c : owner) c = static_cast<char>(device());
  return owner;
}

// In the upper half, where no server of a replication topology usually is.
std::uint32_t draw_server_id() { return std::random_device()() | 0x80000000u; }

}  // namespace

LogFeed::LogFeed(LogFeedOptions options, Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      counters_(metrics_.make()),
      wake_(reactor_),
      wake_bound_(reactor_),
      fault_(FeedFault::from_environment()),
      owner_(draw_owner()),
      server_id_(draw_server_id()),
      catalog_(options_.schema) {
  status_.kind = FeedKind::log;
  status_.state = "starting";
}

LogFeed::~LogFeed() { stop(); }

void LogFeed::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "feed-log");  // as top -H shows it
    reactor_.spawn(loop());
    reactor_.spawn(bound_loop());
    reactor_.run();
  });
}

void LogFeed::stop() {
  if (!thread_.joinable()) return;
  reactor_.post([this] {
    stopping_ = true;
    wake_.notify();
    wake_bound_.notify();
  });
  reactor_.stop();
  thread_.join();
}

void LogFeed::set_flags(const config::DualWriteFlags& flags, std::function<void()> then) {
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

void LogFeed::call_anchored() {
  settled_.store(true);
  for (const auto& each : std::exchange(when_anchored_, {})) each();
}

bool LogFeed::stopped(std::string_view schema, std::string_view table) const {
  return stopped_.contains(schema, table);
}

Task<bool> LogFeed::wait_applied(Reactor& on, Commit commit, TimePoint deadline) {
  if (commit.at <= synced_through()) co_return true;
  if (fault_.strikes(FeedFault::Kind::early)) co_return true;
  if (standby_.load(std::memory_order_acquire)) commit.gtid.clear();
  auto waiter = std::make_shared<CommitWait>(on);
  reactor_.post([this, waiter, commit = std::move(commit)] {
    commits_.wait_for(waiter, commit);
    if (commits_.wants_bound()) wake_bound_.notify();
  });
  co_return co_await CommitWait::wait(waiter, deadline);
}

void LogFeed::look_soon() {
  if (look_posted_.exchange(true)) return;
  reactor_.post([this] {
    look_posted_.store(false);
    wake_bound_.notify();
  });
}

bool LogFeed::settle(std::chrono::milliseconds at_most) {
  if (idle_.load(std::memory_order_acquire)) return true;
  const TimePoint asked = Clock::now();
  look_soon();
  std::unique_lock lock(status_mutex_);
  return synced_.wait_for(lock, at_most, [&] { return synced_through() >= asked; });
}

FeedStatus LogFeed::status() const {
  constexpr auto kFresh = std::chrono::seconds(1);
  const std::lock_guard lock(status_mutex_);
  FeedStatus copy = status_;
  const bool synced = idle_.load(std::memory_order_acquire) || synced_through() + kFresh >= Clock::now();
  copy.caught_up = copy.leader_up && copy.follower_up && !stopped_.any() && synced;
  for (const dualwrite::StoppedTable& stopped : stopped_.list()) {
    copy.parked.push_back(
        {.key = stopped.since.text(),
         .table = stopped.table.schema + "." + stopped.table.table,
         .error = (stopped.released() ? "being caught up; it had stopped for: " : "") + stopped.reason});
  }
  copy.findings.insert(copy.findings.begin(), retention_findings_.begin(), retention_findings_.end());
  return copy;
}

void LogFeed::note(std::string state, const absl::Status& error) {
  const std::lock_guard lock(status_mutex_);
  if (status_.state != state) limited_log().info(LogKind::applier_state, "feed=log state=\"{}\"", state);
  status_.state = std::move(state);
  if (error.ok()) return;
  const std::string text(error.message());
  if (status_.last_error != text) limited_log().warn(LogKind::applier_error, "feed=log error=\"{}\"", text);
  status_.last_error = text;
}

dualwrite::ServerMakes LogFeed::makes() const {
  return {.leader_is_mariadb = leader_->is_mariadb(), .follower_is_mariadb = follower_->link().is_mariadb()};
}

void LogFeed::drop_links() {
  if (applier_ && careful_through_ < applier_->careful_through()) careful_through_ = applier_->careful_through();
  applier_.reset();
  reader_.reset();
  queue_ = {};
  follower_.reset();
  leader_.reset();
  elected_ = false;
  loaded_ = false;
  fit_ = false;
}

// Ends when another feed has to do.
Task<void> LogFeed::loop() {
  while (!stopping_ && !unsuitable_) {
    const absl::Status status = co_await follow();
    if (status.ok()) {
      failures_ = 0;
      continue;
    }
    if (absl::IsAborted(status)) {
      // Nothing is wrong with the connections: read again from the stored position, at once if that helps.
      note("reading again", status);
      if (applier_ && careful_through_ < applier_->careful_through()) careful_through_ = applier_->careful_through();
      // A part of a large transaction may be open: BEGIN would commit it.
      if (follower_) {
        const absl::Status undone = co_await follower_->rollback();
        if (!undone.ok()) drop_links();
      }
      applier_.reset();
      reader_.reset();
      queue_ = {};
      loaded_ = false;
      if (++failures_ > 3) co_await wake_.wait(Clock::now() + kPause);
      continue;
    }
    const bool log_is_short = in_log_ && (absl::IsOutOfRange(status) || absl::IsFailedPrecondition(status));
    if (log_is_short && follower_ && !stopped_.released().empty()) {
      const absl::Status given_up = co_await give_up_released();
      if (given_up.ok()) {
        applier_.reset();
        reader_.reset();
        loaded_ = false;
        continue;
      }
    }
    const bool halted = absl::IsFailedPrecondition(status) || absl::IsOutOfRange(status);
    note(halted ? "stopped: " + std::string(status.message()) : "waiting: " + std::string(status.message()), status);
    drop_links();
    {
      const std::lock_guard lock(status_mutex_);
      if (halted) status_.leader_error = std::string(status.message());
    }
    std::chrono::milliseconds pause = kPause;
    if (halted) pause *= 10;
    co_await wake_.wait(Clock::now() + pause);
  }
  drop_links();
  bound_link_.reset();
}

// One step: whatever is missing is made, then a piece of the log is read and applied.
Task<absl::Status> LogFeed::follow() {
  in_log_ = false;
  if (!leader_ || !leader_->alive()) {
    drop_links();
    const absl::Status connected = co_await connect_leader();
    if (!connected.ok()) co_return connected;
  }
  const bool enabled = enabled_.load();
  // Without writes to duplicate nothing is owed to the follower.
  idle_.store(!enabled && !anchor_, std::memory_order_release);
  if (enabled && !fit_) {
    absl::Status fit;
    if (anchor_) {
      fit = co_await check_leader();
    } else {
      fit = co_await anchor();
    }
    if (!fit.ok() || unsuitable_) co_return fit;
    fit_ = true;
  }
  if (idle_.load()) on_idle();
  if (!follower_ || !follower_->link().alive()) {
    follower_.reset();
    const absl::Status connected = co_await connect_follower();
    if (!connected.ok()) co_return connected;
  }
  if (!enabled) co_return co_await pause();
  if (!elected_ && Clock::now() >= next_election_) {
    const absl::Status asked = co_await elect();
    if (!asked.ok()) co_return asked;
  }
  if (!elected_) co_return co_await stand_by();
  if (!loaded_) {
    auto stored = co_await take_position();
    if (!stored.ok()) co_return stored.status();
    in_log_ = true;
    const absl::Status opened = co_await open_reader(*stored);
    if (!opened.ok()) co_return opened;
    loaded_ = true;
    note("applying", absl::OkStatus());
  }
  in_log_ = false;
  const absl::Status watched = co_await watch();
  if (!watched.ok()) co_return watched;
  in_log_ = true;
  const absl::Status read = co_await reader_->read(queue_, kQueueBytesMax, Clock::now() + kSilenceMax);
  // What was read before something that cannot be followed still is.
  const absl::Status applied = co_await applier_->apply(queue_, policy_.load());
  {
    const std::lock_guard lock(status_mutex_);
    status_.position = commits_.position().text();
    status_.applied_entries += applier_->take_applied_transactions();
    status_.divergences += applier_->take_divergences();
  }
  synced_.notify_all();
  if (!applied.ok()) co_return applied;
  co_return read;
}

Task<absl::Status> LogFeed::elect() {
  auto got = co_await leader_->ask_row("GET_LOCK(CONVERT(0x" +
                                           dualwrite::hex(protocol::as_bytes("crossfade_applier_" + options_.schema)) +
                                           " USING utf8mb4),0)",
                                       1, soon());
  if (!got.ok()) co_return got.status();
  next_election_ = Clock::now() + kElectionInterval;
  elected_ = first_number(*got) == 1;
  standby_.store(!elected_, std::memory_order_release);
  co_return absl::OkStatus();
}

// The stored place, or the anchor if there is none yet; and from now on it is this process's.
Task<absl::StatusOr<StoredPosition>> LogFeed::take_position() {
  // A new name each time: what an earlier connection of ours has under way can no longer commit.
  owner_ = draw_owner();
  const StoredPosition here{.applied = anchor_->at, .resume = anchor_->at, .server = anchor_->server, .gtid = ""};
  auto made =
      co_await follower_->ask(dualwrite::insert_position(options_.schema, std::string(kLeaderName), here, owner_));
  if (made.ok()) made = co_await follower_->ask(dualwrite::claim_position(options_.schema, kLeaderName, owner_));
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
  auto stopped = co_await follower_->ask(dualwrite::select_stopped(options_.schema));
  if (!stopped.ok()) co_return stopped.status();
  auto tables = dualwrite::stopped_from(*stopped);
  if (!tables.ok()) co_return tables.status();
  stopped_.assign(*std::move(tables));
  co_return **stored;
}

Task<absl::Status> LogFeed::open_reader(const StoredPosition& stored) {
  const absl::Status loaded = co_await catalog_.load(*leader_, follower_->link());
  if (!loaded.ok()) co_return loaded;
  next_compare_ = {};
  LogStart start{.at = stored.resume, .known_from = {}, .file_time = stored.file_time};
  for (const TableRef& table : stopped_.released()) {
    const LogPosition& since = stopped_.all().at(table).since;
    if (since < start.at) start.at = since;
  }
  if (start.at.file != stored.resume.file) start.file_time = 0;
  // While a table is caught up, rows of XA branches that began before it stopped would be missed: that is an error
  // then.
  if (stopped_.released().empty()) start.known_from = stored.applied;
  commits_.forget_places();
  commits_.processed(stored.applied);
  auto opened = co_await LogReader::open(reactor_, leader_link(), counters_, start, server_id_);
  if (!opened.ok()) co_return opened.status();
  reader_ = *std::move(opened);
  queue_ = {};
  ApplierSetting setting{.schema = options_.schema,
                         .leader = std::string(kLeaderName),
                         .owner = owner_,
                         .config = options_.config,
                         .makes = makes(),
                         .reactor = reactor_,
                         .follower_options = [this] { return follower_link(); },
                         .counters = counters_,
                         .catalog = catalog_,
                         .stopped = stopped_,
                         .commits = commits_,
                         .fault = fault_};
  applier_ = std::make_unique<LogApplier>(std::move(setting), *follower_, *leader_, stored);
  applier_->be_careful_through(careful_through_);
  compare_due_ = true;
  co_return absl::OkStatus();
}

// Writes are not duplicated: where they go on is kept.
Task<absl::Status> LogFeed::pause() {
  note("paused: dual_write is off", absl::OkStatus());
  refuse_releases("the feed is paused, dual_write is off: nothing is applied");
  usable_.store(false);
  if (loaded_) drop_links();
  co_await wake_.wait(Clock::now() + std::chrono::seconds(1));
  co_return absl::OkStatus();
}

// Another proxy applies: the position row says how far it is.
Task<absl::Status> LogFeed::stand_by() {
  note("standing by: another proxy applies", absl::OkStatus());
  refuse_releases("another proxy applies: ask that one");
  auto asked = co_await follower_->ask(dualwrite::select_position(options_.schema, kLeaderName));
  if (!asked.ok()) co_return asked.status();
  auto stored = dualwrite::position_from(*asked);
  if (!stored.ok()) co_return stored.status();
  if (*stored) commits_.processed((*stored)->applied);
  auto stopped = co_await follower_->ask(dualwrite::select_stopped(options_.schema));
  if (!stopped.ok()) co_return stopped.status();
  auto tables = dualwrite::stopped_from(*stopped);
  if (!tables.ok()) co_return tables.status();
  stopped_.assign(*std::move(tables));
  synced_.notify_all();
  co_await wake_.wait(Clock::now() + kStandByInterval);
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
