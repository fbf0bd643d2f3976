#include "proxy/applier.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"

namespace crossfade::proxy {

using dualwrite::EntryKey;
using dualwrite::Transaction;

namespace {

constexpr auto kAnswerMax = std::chrono::seconds(30);
constexpr auto kReconnectPause = std::chrono::milliseconds(200);
constexpr auto kLagInterval = std::chrono::milliseconds(250);
constexpr auto kPruneInterval = std::chrono::seconds(60);
constexpr std::uint32_t kPruneSeconds = 600;
constexpr std::uint32_t kPruneRows = 20000;
constexpr std::uint32_t kLookRows = 500;
constexpr std::size_t kLookBytesMax = 512u << 20;
constexpr std::size_t kMarksMax = 100000;

TimePoint soon() { return Clock::now() + kAnswerMax; }

EntryKey random_key() {
  std::random_device device;
  EntryKey key;
  for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(device());
  return key;
}

std::string key_text(const EntryKey& key) { return dualwrite::hex(key.bytes); }

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
  status_.state = "starting";
}

Applier::~Applier() { stop(); }

void Applier::start() {
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
  spdlog::error("unrecorded_write table={}.{}", table.schema, table.table);
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

ApplierStatus Applier::status() const {
  const std::lock_guard lock(status_mutex_);
  ApplierStatus copy = status_;
  copy.caught_up = copy.leader_up && copy.follower_up && copy.lag_entries == 0 && copy.parked.empty() &&
                   in_flight_.load(std::memory_order_acquire) == 0 &&
                   commits_.load(std::memory_order_acquire) == commits_seen_.load(std::memory_order_acquire);
  return copy;
}

void Applier::note(std::string state, const absl::Status& error) {
  const std::lock_guard lock(status_mutex_);
  if (status_.state != state) spdlog::info("applier={}", state);
  status_.state = std::move(state);
  if (error.ok()) return;
  const std::string text(error.message());
  if (status_.last_error != text) spdlog::warn("applier_error=\"{}\"", text);
  status_.last_error = text;
}

void Applier::refresh_usable() {
  const std::lock_guard lock(status_mutex_);
  const std::chrono::duration<double> lag(status_.lag_oldest_seconds);
  follower_usable_.store(status_.leader_up && status_.follower_up && status_.parked.empty() && lag <= options_.max_lag,
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
    const bool worked = co_await apply_once();
    refresh_usable();
    if (!worked && !stopping_) co_await wake_.wait(Clock::now() + options_.poll_interval);
  }
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> Applier::connect(const LinkOptions& options, bool is_leader) {
  auto opened = co_await BackendLink::open(reactor_, options, counters_, Clock::now() + std::chrono::seconds(5));
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
    co_return done.status();
  }
  // Every look must see the present, whatever the server's defaults are.
  auto fresh = co_await link.query("SET autocommit=1", soon());
  if (fresh.ok()) fresh = co_await link.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", soon());
  if (!fresh.ok()) co_return fresh.status();
  for (const std::string& user : options_.app_users_on_leader) {
    auto hosts = co_await link.query("SELECT Host FROM mysql.user WHERE User=CONVERT(0x" +
                                         dualwrite::hex(protocol::as_bytes(user)) + " USING utf8mb4)",
                                     soon());
    if (!hosts.ok() || hosts->front().rows.empty()) {
      spdlog::warn("user={} outbox_grant=failed why=\"{}\"", user,
                   hosts.ok() ? "no such account on the leader" : std::string(hosts.status().message()));
      continue;
    }
    for (const auto& row : hosts->front().rows) {
      auto granted =
          co_await link.query(dualwrite::grant_statement(options_.schema, user, row[0].value_or("%")), soon());
      if (!granted.ok()) {
        spdlog::warn("user={} outbox_grant=failed why=\"{}\" do=\"GRANT INSERT on the outbox table to it\"", user,
                     std::string(granted.status().message()));
      }
    }
  }
  co_return co_await read_fence(link);
}

Task<absl::Status> Applier::read_fence(BackendLink& link) {
  auto fence =
      co_await link.query("SELECT `epoch` FROM " + dualwrite::quote_name(options_.schema) + ".`fence`", soon());
  if (!fence.ok()) co_return fence.status();
  if (fence->front().rows.size() != 1)
    co_return absl::FailedPreconditionError("the fence table must have exactly one row");
  epoch_.store(std::strtoull(fence->front().rows[0][0].value_or("0").c_str(), nullptr, 10), std::memory_order_release);
  co_return absl::OkStatus();
}

// A named lock on the leader says who applies, over the whole fleet; the follower's row fences whoever
// still believes so.
Task<bool> Applier::elect() {
  if (!elected_) {
    auto got = co_await leader_->query("SELECT GET_LOCK(CONVERT(0x" +
                                           dualwrite::hex(protocol::as_bytes("crossfade_applier_" + options_.schema)) +
                                           " USING utf8mb4),0)",
                                       soon());
    if (!got.ok()) {
      drop_leader(got.status());
      co_return false;
    }
    elected_ = got->front().rows.at(0).at(0).value_or("0") == "1";
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
  auto lag = co_await leader_->query(dualwrite::lag_query(options_.schema), soon());
  if (!lag.ok()) {
    drop_leader(lag.status());
    co_return;
  }
  const auto& row = lag->front().rows.at(0);
  {
    const std::lock_guard lock(status_mutex_);
    status_.lag_entries = std::strtoull(row[0].value_or("0").c_str(), nullptr, 10);
    status_.lag_bytes = std::strtoull(row[1].value_or("0").c_str(), nullptr, 10);
    status_.lag_oldest_seconds = std::strtod(row[2].value_or("0").c_str(), nullptr);
  }
  refresh_usable();
}

// Another proxy applies: learn from the follower which of our writes have arrived.
Task<void> Applier::stand_by() {
  const TimePoint looked = Clock::now();
  const std::uint64_t commits = commits_.load(std::memory_order_acquire);
  std::erase_if(marks_, [](const auto& item) { return item.second.expired(); });
  std::vector<EntryKey> keys;
  for (const auto& [key, mark] : marks_) {
    keys.push_back(key);
    if (keys.size() == kLookRows) break;
  }
  if (!keys.empty()) {
    auto applied = co_await follower_->query(dualwrite::select_applied(options_.schema, keys), soon());
    if (applied.ok()) {
      auto done = co_await follower_->query("COMMIT", soon());  // the next look must see a newer snapshot
      if (!done.ok()) applied = done.status();
    }
    if (!applied.ok()) {
      drop_follower(applied.status());
      co_return;
    }
    for (const auto& row : applied->front().rows) {
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

// The outbox as it is now, joined. False through `rows`: the leader could not be asked.
Task<absl::StatusOr<dualwrite::Joined>> Applier::read_entries(std::size_t* rows_read) {
  const auto limit = static_cast<std::uint32_t>(kLookRows + held_rows_);
  auto look = co_await leader_->query(dualwrite::read_outbox(options_.schema, limit), soon(), kLookBytesMax);
  if (!look.ok()) co_return look.status();
  *rows_read = look->front().rows.size();
  std::vector<dualwrite::OutboxRow> rows;
  for (const auto& cells : look->front().rows) {
    auto row = dualwrite::decode_outbox_row(cells);
    if (!row.ok()) co_return row.status();
    rows.push_back(*std::move(row));
  }
  dualwrite::Joined joined = dualwrite::join_rows(rows);
  if (joined.incomplete.empty()) co_return joined;
  // The look cut a large transaction: its other rows are read by its key.
  auto rest =
      co_await leader_->query(dualwrite::read_outbox_of(options_.schema, joined.incomplete), soon(), kLookBytesMax);
  if (!rest.ok()) co_return rest.status();
  std::erase_if(rows, [&](const dualwrite::OutboxRow& row) {
    return std::find(joined.incomplete.begin(), joined.incomplete.end(), row.key) != joined.incomplete.end();
  });
  for (const auto& cells : rest->front().rows) {
    auto row = dualwrite::decode_outbox_row(cells);
    if (!row.ok()) co_return row.status();
    rows.push_back(*std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  co_return dualwrite::join_rows(std::move(rows));
}

// A row can be seen before the commit that wrote it has reached the disk: MariaDB 10.11 shows it as soon
// as the transaction has ended in memory, and kill -9 takes it back (docs/adr/0009). A commit of our own
// after the look flushes the log past all that was seen; only then may the follower have it.
Task<absl::Status> Applier::make_durable() {
  auto beat = co_await leader_->query(dualwrite::claim_applier(options_.schema, owner_), soon());
  co_return beat.status();
}

// Which side broke shows at the next turn: both are connected anew.
void Applier::lose_both(const absl::Status& why) {
  note("reconnecting", why);
  leader_.reset();
  follower_.reset();
}

// Entries that the follower has already: only their rows on the leader are left to remove.
Task<absl::Status> Applier::drop_applied(std::vector<Transaction>& transactions) {
  std::vector<EntryKey> keys;
  for (const Transaction& transaction : transactions) keys.push_back(transaction.key);
  auto applied = co_await follower_->query(dualwrite::select_applied(options_.schema, keys), soon());
  if (!applied.ok()) co_return applied.status();
  auto ended = co_await follower_->query("COMMIT", soon());
  if (!ended.ok()) co_return ended.status();
  std::set<EntryKey> known;
  for (const auto& row : applied->front().rows) {
    if (const auto key = dualwrite::parse_key(row[0].value_or(""))) known.insert(*key);
  }
  std::vector<Transaction> done;
  std::vector<Transaction> open;
  for (Transaction& transaction : transactions) {
    (known.contains(transaction.key) ? done : open).push_back(std::move(transaction));
  }
  transactions = std::move(open);
  if (!done.empty()) {
    const absl::Status forgotten = co_await forget(done);
    if (!forgotten.ok()) co_return forgotten;
  }
  check_applied_ = false;
  co_return absl::OkStatus();
}

Task<bool> Applier::apply_once() {
  absl::Status status = co_await drop_discarded();
  if (!status.ok()) {
    lose_both(status);
    co_return false;
  }
  const TimePoint looked = Clock::now();
  const std::uint64_t commits = commits_.load(std::memory_order_acquire);
  const std::size_t held_before = held_rows_;
  std::size_t rows_read = 0;
  auto joined = co_await read_entries(&rows_read);
  if (!joined.ok()) {
    drop_leader(joined.status());
    co_return false;
  }
  const bool complete = rows_read < kLookRows + held_before;
  if (complete) publish_parked(*joined);
  std::vector<Transaction> transactions = std::move(joined->transactions);
  if (rows_read == 0) {
    note_empty(looked, commits);
    check_applied_ = false;
    if (Clock::now() >= next_prune_) co_await prune();
    co_return false;
  }
  for (const auto& broken : joined->broken) {
    park(broken.key, {}, broken.why);
    // What it writes is unknown: nothing that came after it may pass.
    const std::uint64_t first = *std::min_element(broken.ids.begin(), broken.ids.end());
    std::erase_if(transactions, [first](const Transaction& transaction) { return transaction.first_id > first; });
  }
  status = co_await make_durable();
  if (status.ok() && check_applied_ && !transactions.empty()) status = co_await drop_applied(transactions);
  if (!status.ok()) {
    lose_both(status);
    co_return false;
  }
  if (Clock::now() >= next_parked_retry_ && !parked_.empty()) {
    next_parked_retry_ = Clock::now() + std::chrono::seconds(2);
    unpark();
  }
  std::set<EntryKey> parked_keys;
  for (const auto& [key, what] : parked_) parked_keys.insert(key);
  const dualwrite::Schedule schedule = dualwrite::hold_dependents(transactions, parked_keys, parked_tables_);
  std::vector<Transaction> runnable;
  for (const std::size_t index : schedule.runnable) runnable.push_back(std::move(transactions[index]));
  held_rows_ = 0;
  for (const std::size_t index : schedule.held) held_rows_ += transactions[index].ids.size();
  const bool all = schedule.held.empty() && joined->broken.empty() && complete;
  if (runnable.empty()) co_return false;
  status = co_await apply(std::move(runnable));
  if (!status.ok()) {
    note("applying", status);
    co_return false;
  }
  if (all && parked_.empty()) synced_through_.store(looked.time_since_epoch().count(), std::memory_order_release);
  co_return true;
}

// Entries whose transaction the leader lost are taken out by their key before the next look; what was
// applied before that could happen goes into the ledger.
Task<absl::Status> Applier::drop_discarded() {
  while (!discarded_.empty()) {
    const EntryKey key = *discarded_.begin();
    auto gone = co_await leader_->run(dualwrite::delete_entry(options_.schema, key), soon());
    if (!gone.ok()) co_return gone.status();
    if (gone->failed()) co_return absl::FailedPreconditionError(err_text(gone->last().err));
    if (gone->last().ok.affected_rows == 0) {
      const std::vector<EntryKey> keys(1, key);
      auto applied = co_await follower_->query(dualwrite::select_applied(options_.schema, keys), soon());
      if (!applied.ok()) co_return applied.status();
      if (!applied->front().rows.empty()) {
        const absl::Status noted =
            co_await note_in_ledger(key, dualwrite::TableRef(), "applied although the leader had lost its transaction");
        if (!noted.ok()) co_return noted;
      }
    }
    discarded_.erase(key);
  }
  while (!unrecorded_.empty()) {
    const dualwrite::TableRef table = unrecorded_.front();
    const absl::Status noted =
        co_await note_in_ledger(EntryKey(), table, "a write on the leader could not be recorded");
    if (!noted.ok()) co_return noted;
    unrecorded_.pop_front();
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Applier::note_in_ledger(EntryKey key, dualwrite::TableRef table, std::string what) {
  auto noted = co_await follower_->query(dualwrite::insert_ledger(options_.schema, key, table, what, -1, -1), soon());
  if (noted.ok()) noted = co_await follower_->query("COMMIT", soon());
  if (!noted.ok()) co_return noted.status();
  counters_.divergences.add();
  const std::lock_guard lock(status_mutex_);
  ++status_.divergences;
  co_return absl::OkStatus();
}

// Only after a look that found the outbox empty: no applied row can be needed any more that is older.
Task<void> Applier::prune() {
  next_prune_ = Clock::now() + kPruneInterval;
  auto pruned = co_await follower_->query(dualwrite::prune_applied(options_.schema, kPruneSeconds, kPruneRows), soon());
  if (pruned.ok()) pruned = co_await follower_->query("COMMIT", soon());
  if (!pruned.ok()) drop_follower(pruned.status());
}

void Applier::mark_applied(const EntryKey& key) {
  const auto found = marks_.find(key);
  if (found == marks_.end()) {
    constexpr std::size_t kUnaskedMax = 10000;
    applied_unasked_.insert(key);
    applied_unasked_order_.push_back(key);
    if (applied_unasked_order_.size() > kUnaskedMax) {
      applied_unasked_.erase(applied_unasked_order_.front());
      applied_unasked_order_.pop_front();
    }
    return;
  }
  if (const auto mark = found->second.lock()) AppliedMark::set(mark);
  marks_.erase(found);
}

void Applier::park(const EntryKey& key, const std::vector<dualwrite::StatementRecord>& statements,
                   const std::string& error) {
  ApplierStatus::Parked parked{.key = key_text(key), .table = "", .error = error};
  for (const auto& statement : statements) {
    parked_tables_.insert(statement.table);
    const std::string table = statement.table.schema + "." + statement.table.table;
    if (parked.table.find(table) == std::string::npos) parked.table += (parked.table.empty() ? "" : ", ") + table;
  }
  if (!parked_.contains(key)) spdlog::error("parked entry={} tables={} why=\"{}\"", parked.key, parked.table, error);
  parked_[key] = parked;
  const std::lock_guard lock(status_mutex_);
  std::erase_if(status_.parked, [&](const auto& known) { return known.key == parked.key; });
  status_.parked.push_back(parked);
}

// Every parked entry gets another chance; one that fails again is parked again.
void Applier::unpark() {
  parked_.clear();
  parked_tables_.clear();
}

// What has left the outbox is parked no more; while it is being tried again it still is.
void Applier::publish_parked(const dualwrite::Joined& joined) {
  std::set<std::string> present;
  for (const Transaction& transaction : joined.transactions) present.insert(key_text(transaction.key));
  for (const auto& broken : joined.broken) present.insert(key_text(broken.key));
  const std::lock_guard lock(status_mutex_);
  std::erase_if(status_.parked, [&](const auto& parked) { return !present.contains(parked.key); });
}

}  // namespace crossfade::proxy
