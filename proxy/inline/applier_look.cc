// What the applier sees in the outbox, and what of it may go on: durable, not applied yet, not parked.

#include <algorithm>

#include "proxy/inline/applier.h"

#include "proxy/deadlines.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using dualwrite::EntryKey;
using dualwrite::Transaction;

namespace {

constexpr auto kPruneInterval = std::chrono::seconds(60);
constexpr std::uint32_t kPruneSeconds = 600;
constexpr std::uint32_t kPruneRows = 20000;
constexpr std::uint32_t kLookRows = 500;
constexpr std::size_t kLookBytesMax = 512u << 20;

std::string key_text(const EntryKey& key) { return dualwrite::hex(key.bytes); }

}  // namespace

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
  auto applied = co_await follower_->query_rows(dualwrite::select_applied(options_.schema, keys), 1, soon());
  if (!applied.ok()) co_return applied.status();
  auto ended = co_await follower_->query("COMMIT", soon());
  if (!ended.ok()) co_return ended.status();
  std::set<EntryKey> known;
  for (const auto& row : *applied) {
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
      auto applied = co_await follower_->query_rows(dualwrite::select_applied(options_.schema, keys), 1, soon());
      if (!applied.ok()) co_return applied.status();
      if (!applied->empty()) {
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
  ++status_.ledger_open;
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
  FeedStatus::Parked parked{.key = key_text(key), .table = "", .error = error};
  for (const auto& statement : statements) {
    parked_tables_.insert(statement.table);
    const std::string table = statement.table.schema + "." + statement.table.table;
    if (parked.table.find(table) == std::string::npos) parked.table += (parked.table.empty() ? "" : ", ") + table;
  }
  if (!parked_.contains(key))
    limited_log().error(LogKind::parked, "parked entry={} tables={} why=\"{}\"", parked.key, parked.table, error);
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
