#include "proxy/inline/applier.h"

#include <algorithm>
#include <random>

#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/deadlines.h"
#include "proxy/inline/outbox_grant.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using dualwrite::EntryKey;
using dualwrite::Transaction;

namespace {

constexpr auto kReconnectPause = std::chrono::milliseconds(200);
constexpr auto kLagInterval = std::chrono::milliseconds(250);
constexpr auto kSyncedPause = std::chrono::milliseconds(2);
constexpr std::size_t kMarksMax = 100000;

EntryKey random_key() {
  std::random_device device;
  EntryKey key;
  for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(device());
  return key;
}

}  // namespace

Task<bool> AppliedMark::wait(std::shared_ptr<AppliedMark> mark, TimePoint deadline) {
  if (mark->applied()) co_return true;
  Signal signal(mark->owner_);
  mark->signal_ = &signal;
  mark->awaited_.store(true);
  if (!mark->applied_.load()) co_await signal.wait(deadline);
  mark->awaited_.store(false);
  mark->signal_ = nullptr;
  co_return mark->applied();
}

void AppliedMark::set(const std::shared_ptr<AppliedMark>& mark) {
  mark->applied_.store(true);
  if (!mark->awaited_.load()) return;
  mark->owner_.post([mark] {
    if (mark->signal_ != nullptr) mark->signal_->notify();
  });
}

Applier::Applier(ApplierOptions options, Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      counters_(metrics_.make()),
      wake_(reactor_),
      owner_(random_key()) {
  status_.kind = FeedKind::inline_;
  status_.state = "starting";
}

Applier::~Applier() { stop(); }

void Applier::start() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    reactor_.spawn(loop());
    reactor_.run();
  });
}

void Applier::stop() {
  if (!thread_.joinable()) return;
  reactor_.post([this] {
    stopping_ = true;
    wake_.notify();
  });
  reactor_.stop();
  thread_.join();
}

void Applier::retire() {
  stop();
  leader_.reset();
  follower_.reset();
}

void Applier::committed(const EntryKey& key, std::shared_ptr<AppliedMark> mark) {
  commits_.fetch_add(1, std::memory_order_acq_rel);
  reactor_.post([this, key, mark = std::move(mark)] {
    if (applied_unasked_.erase(key) != 0) {
      AppliedMark::set(mark);  // faster than this message
      return;
    }
    if (marks_.size() >= kMarksMax) {
      std::erase_if(marks_, [](const auto& item) { return item.second.expired(); });
    }
    if (marks_.size() < kMarksMax) marks_[key] = mark;
    wake_.notify();
  });
}

void Applier::discard(const EntryKey& key) {
  reactor_.post([this, key] {
    discarded_.insert(key);
    wake_.notify();
  });
}

void Applier::unrecorded(const dualwrite::TableRef& table) {
  limited_log().error(LogKind::unrecorded_write, "unrecorded_write table={}.{}", table.schema, table.table);
  reactor_.post([this, table] {
    unrecorded_.push_back(table);
    wake_.notify();
  });
}

void Applier::wake() {
  commits_.fetch_add(1, std::memory_order_acq_rel);
  look();
}

void Applier::look() {
  if (wake_posted_.exchange(true)) return;
  reactor_.post([this] {
    wake_posted_.store(false);
    wake_.notify();
  });
}

Task<bool> Applier::wait_applied(Reactor& on, Commit commit, TimePoint deadline) {
  while (synced_through() < commit.at) {
    if (Clock::now() >= deadline) co_return false;
    look();
    co_await on.sleep_for(kSyncedPause);
  }
  co_return true;
}

FeedStatus Applier::status() const {
  const std::lock_guard lock(status_mutex_);
  FeedStatus copy = status_;
  copy.caught_up = copy.leader_up && copy.follower_up && copy.lag_entries == 0 && copy.parked.empty() &&
                   in_flight_.load(std::memory_order_acquire) == 0 &&
                   commits_.load(std::memory_order_acquire) == commits_seen_.load(std::memory_order_acquire);
  return copy;
}

void Applier::note(std::string state, const absl::Status& error) {
  const std::lock_guard lock(status_mutex_);
  if (status_.state != state) limited_log().info(LogKind::applier_state, "applier={}", state);
  status_.state = std::move(state);
  if (error.ok()) return;
  const std::string text(error.message());
  if (status_.last_error != text) limited_log().warn(LogKind::applier_error, "applier_error=\"{}\"", text);
  status_.last_error = text;
}

void Applier::refresh_usable() {
  const std::lock_guard lock(status_mutex_);
  const std::chrono::duration<double> lag(status_.lag_oldest_seconds);
  follower_usable_.store(status_.leader_up && status_.follower_up && status_.parked.empty() &&
                             status_.ledger_open == 0 && lag <= options_.max_lag,
                         std::memory_order_release);
}

Task<void> Applier::loop() {
  while (!stopping_) {
    if (!co_await ensure_leader()) {
      co_await wake_.wait(Clock::now() + kReconnectPause);
      continue;
    }
    if (Clock::now() >= next_lag_) co_await measure_lag();
    if (!co_await ensure_follower()) {
      co_await wake_.wait(Clock::now() + kReconnectPause);
      continue;
    }
    if (!leader_ || !co_await elect()) {
      if (leader_ && follower_) co_await stand_by();
      co_await wake_.wait(Clock::now() + options_.poll_interval);
      continue;
    }
    if (Clock::now() >= next_ledger_) co_await count_ledger();
    const bool worked = follower_ && co_await apply_once();
    refresh_usable();
    if (!worked && !stopping_) co_await wake_.wait(Clock::now() + options_.poll_interval);
  }
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> Applier::connect(const LinkOptions& options, bool is_leader) {
  LinkOptions current = options;
  if (options_.current) current = options_.current(options.which);
  auto opened =
      co_await BackendLink::open(reactor_, std::move(current), counters_, Clock::now() + std::chrono::seconds(5));
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<BackendLink> link = *std::move(opened);
  const absl::Status ready = co_await set_up(*link, is_leader);
  if (!ready.ok()) co_return ready;
  if (on_connected) on_connected(options.which, link->greeting());
  co_return link;
}

Task<bool> Applier::ensure_leader() {
  if (leader_ && leader_->alive()) co_return true;
  leader_.reset();
  elected_ = false;
  auto link = co_await connect(options_.leader, true);
  {
    const std::lock_guard lock(status_mutex_);
    status_.leader_up = link.ok();
    status_.leader_error = link.ok() ? "" : std::string(link.status().message());
    if (link.ok()) status_.leader_version = (*link)->greeting().server_version;
  }
  refresh_usable();
  if (!link.ok()) {
    note("waiting for the leader", link.status());
    co_return false;
  }
  leader_ = *std::move(link);
  check_applied_ = true;
  co_return true;
}

Task<bool> Applier::ensure_follower() {
  if (follower_ && follower_->alive()) co_return true;
  follower_.reset();
  auto link = co_await connect(options_.follower, false);
  {
    const std::lock_guard lock(status_mutex_);
    status_.follower_up = link.ok();
    status_.follower_tried = true;
    status_.follower_error = link.ok() ? "" : std::string(link.status().message());
    if (link.ok()) status_.follower_version = (*link)->greeting().server_version;
  }
  refresh_usable();
  if (!link.ok()) {
    note("waiting for the follower", link.status());
    co_return false;
  }
  follower_ = *std::move(link);
  follower_context_.reset();
  prepared_.clear();
  claimed_ = false;
  check_applied_ = true;
  co_return true;
}

void Applier::drop_leader(const absl::Status& why) {
  note("waiting for the leader", why);
  leader_.reset();
}

void Applier::drop_follower(const absl::Status& why) {
  note("waiting for the follower", why);
  follower_.reset();
}

// The control schema, idempotent; on the leader also the application accounts' right to write the outbox.
Task<absl::Status> Applier::set_up(BackendLink& link, bool is_leader) {
  for (const std::string& sql : dualwrite::setup_statements(options_.schema)) {
    auto done = co_await link.query(sql, soon());
    if (!done.ok()) {
      co_return absl::FailedPreconditionError("cannot make the control schema with account '" +
                                              (is_leader ? options_.leader.user : options_.follower.user) +
                                              "': " + std::string(done.status().message()));
    }
  }
  if (!is_leader) {
    auto done = co_await link.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", soon());
    if (done.ok()) done = co_await link.query("SET autocommit=0,innodb_lock_wait_timeout=5", soon());
    if (!done.ok()) co_return done.status();
    auto packet = co_await link.query_row("SELECT @@max_allowed_packet", 1, soon());
    if (!packet.ok()) co_return packet.status();
    follower_packet_ = std::strtoull(packet->front().value_or("0").c_str(), nullptr, 10);
    follower_packet_max_.store(follower_packet_, std::memory_order_release);
    co_return absl::OkStatus();
  }
  // Every look must see the present, whatever the server's defaults are.
  auto fresh = co_await link.query("SET autocommit=1", soon());
  if (fresh.ok()) fresh = co_await link.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", soon());
  if (!fresh.ok()) co_return fresh.status();
  for (const std::string& user : options_.app_users_on_leader) {
    const absl::Status granted = co_await grant_outbox(link, options_.schema, user, soon());
    if (!granted.ok()) {
      limited_log().warn(LogKind::outbox_grant,
                         "user={} outbox_grant=failed why=\"{}\" do=\"GRANT INSERT on the outbox table to it\"", user,
                         std::string(granted.message()));
    }
  }
  co_return co_await read_fence(link);
}

Task<absl::Status> Applier::read_fence(BackendLink& link) {
  auto fence =
      co_await link.query_rows("SELECT `epoch` FROM " + dualwrite::quote_name(options_.schema) + ".`fence`", 1, soon());
  if (!fence.ok()) co_return fence.status();
  if (fence->size() != 1) co_return absl::FailedPreconditionError("the fence table must have exactly one row");
  const std::vector<protocol::Cell>& row = fence->front();
  epoch_.store(std::strtoull(row[0].value_or("0").c_str(), nullptr, 10), std::memory_order_release);
  co_return absl::OkStatus();
}

// A named lock on the leader says who applies, over the whole fleet; the follower's row fences whoever
// still believes so.
Task<bool> Applier::elect() {
  if (!elected_) {
    std::string lock = "SELECT GET_LOCK(CONVERT(0x" +
                       dualwrite::hex(protocol::as_bytes("crossfade_applier_" + options_.schema)) +
                       " USING utf8mb4),0)";
    auto got = co_await leader_->query_row(std::move(lock), 1, soon());
    if (!got.ok()) {
      drop_leader(got.status());
      co_return false;
    }
    elected_ = got->front().value_or("0") == "1";
    if (!elected_) {
      note("standing by: another proxy applies", absl::OkStatus());
      co_return false;
    }
    claimed_ = false;
    check_applied_ = true;
  }
  if (!claimed_) {
    auto claimed = co_await follower_->query(dualwrite::claim_applier(options_.schema, owner_), soon());
    if (claimed.ok()) claimed = co_await follower_->query("COMMIT", soon());
    if (!claimed.ok()) {
      drop_follower(claimed.status());
      co_return false;
    }
    claimed_ = true;
    note("applying", absl::OkStatus());
  }
  co_return true;
}

Task<void> Applier::measure_lag() {
  next_lag_ = Clock::now() + kLagInterval;
  auto lag = co_await leader_->query_row(dualwrite::lag_query(options_.schema), 3, soon());
  if (!lag.ok()) {
    drop_leader(lag.status());
    co_return;
  }
  const std::vector<protocol::Cell>& row = *lag;
  {
    const std::lock_guard lock(status_mutex_);
    status_.lag_entries = std::strtoull(row[0].value_or("0").c_str(), nullptr, 10);
    status_.lag_bytes = std::strtoull(row[1].value_or("0").c_str(), nullptr, 10);
    status_.lag_oldest_seconds = std::strtod(row[2].value_or("0").c_str(), nullptr);
  }
  refresh_usable();
}

// Differences that nobody has looked into yet: until then `new` is not to be trusted with reads. And how large a
// packet it takes by now.
Task<void> Applier::count_ledger() {
  next_ledger_ = Clock::now() + std::chrono::seconds(2);
  std::string sql = "SELECT COUNT(*),@@GLOBAL.max_allowed_packet FROM " + dualwrite::quote_name(options_.schema) +
                    ".`ledger` WHERE `resolved`=0";
  auto open = co_await follower_->query_row(std::move(sql), 2, soon());
  if (open.ok()) {
    auto ended = co_await follower_->query("COMMIT", soon());
    if (!ended.ok()) open = ended.status();
  }
  if (!open.ok()) {
    drop_follower(open.status());
    co_return;
  }
  const std::vector<protocol::Cell>& row = *open;
  {
    const std::lock_guard lock(status_mutex_);
    status_.ledger_open = std::strtoull(row[0].value_or("0").c_str(), nullptr, 10);
  }
  const std::uint64_t packet = std::strtoull(row[1].value_or("0").c_str(), nullptr, 10);
  follower_packet_max_.store(packet, std::memory_order_release);
  if (packet > follower_packet_) drop_follower(absl::UnavailableError("max_allowed_packet was raised there"));
}

// Another proxy applies: learn from the follower which of our writes have arrived.
Task<void> Applier::stand_by() {
  const TimePoint looked = Clock::now();
  const std::uint64_t commits = commits_.load(std::memory_order_acquire);
  std::erase_if(marks_, [](const auto& item) { return item.second.expired(); });
  std::vector<EntryKey> keys;
  constexpr std::size_t kAskedMax = 500;
  for (const auto& [key, mark] : marks_) {
    keys.push_back(key);
    if (keys.size() == kAskedMax) break;
  }
  if (!keys.empty()) {
    auto applied = co_await follower_->query_rows(dualwrite::select_applied(options_.schema, keys), 1, soon());
    if (applied.ok()) {
      auto done = co_await follower_->query("COMMIT", soon());  // the next look must see a newer snapshot
      if (!done.ok()) applied = done.status();
    }
    if (!applied.ok()) {
      drop_follower(applied.status());
      co_return;
    }
    for (const auto& row : *applied) {
      if (const auto key = dualwrite::parse_key(row[0].value_or(""))) mark_applied(*key);
    }
  }
  auto left = co_await leader_->query(dualwrite::read_outbox(options_.schema, 1), soon());
  if (!left.ok()) {
    drop_leader(left.status());
    co_return;
  }
  if (left->front().rows.empty()) note_empty(looked, commits);
}

void Applier::note_empty(TimePoint looked, std::uint64_t commits) {
  synced_through_.store(looked.time_since_epoch().count(), std::memory_order_release);
  commits_seen_.store(commits, std::memory_order_release);
  unpark();
  const std::lock_guard lock(status_mutex_);
  status_.parked.clear();
  status_.lag_entries = 0;
  status_.lag_bytes = 0;
  status_.lag_oldest_seconds = 0;
}

}  // namespace crossfade::proxy
