// The applier's follower transactions: many entries in one, with the proof that they were applied.

#include <algorithm>

#include "protocol/command.h"
#include "protocol/error_codes.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/deadlines.h"
#include "proxy/inline/applier.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using dualwrite::EntryKey;
using dualwrite::Transaction;

// In batches; one that fails for good is taken apart until the transaction to blame stands alone.
Task<absl::Status> Applier::apply(std::vector<Transaction> transactions) {
  constexpr std::size_t kBatchMax = 256;
  constexpr std::uint64_t kBatchBytesMax = 4u << 20;
  constexpr int kAttemptsMax = 20;
  std::size_t at = 0;
  std::size_t limit = kBatchMax;
  int attempts = 0;
  while (at < transactions.size()) {
    if (losses_.contains(transactions[at].key)) limit = 1;
    std::vector<Transaction> batch;
    std::uint64_t bytes = 0;
    for (std::size_t i = at; i < transactions.size() && batch.size() < limit; ++i) {
      if (!batch.empty() && bytes + transactions[i].payload_bytes > kBatchBytesMax) break;
      bytes += transactions[i].payload_bytes;
      batch.push_back(transactions[i]);
    }
    std::optional<protocol::Err> refused;
    const absl::Status status = co_await apply_batch(batch, &refused);
    if (status.ok()) {
      const absl::Status forgotten = co_await forget(batch);
      if (!forgotten.ok()) co_return forgotten;
      at += batch.size();
      losses_.clear();
      limit = kBatchMax;
      attempts = 0;
      continue;
    }
    if (!refused) {
      drop_follower(status);
      // An entry that the follower cannot even hear out (too large, too slow) must not stop the rest for ever.
      constexpr int kLossesMax = 5;
      const int losses = ++losses_[batch[0].key];
      if (batch.size() == 1 && losses >= kLossesMax) {
        park(batch[0].key, batch[0].entry.statements, "the connection to the follower breaks each time it is applied");
      }
      co_return status;
    }
    counters_.applier_retries.add();
    follower_context_.reset();
    auto undone = co_await follower_->query("ROLLBACK", soon());
    // The statement that resets these may not have been sent.
    if (undone.ok()) undone = co_await follower_->query("SET timestamp=DEFAULT,insert_id=0", soon());
    if (!undone.ok()) {
      drop_follower(undone.status());
      co_return undone.status();
    }
    if (dualwrite::is_transient(refused->code) && ++attempts < kAttemptsMax) {
      co_await reactor_.sleep_for(std::chrono::milliseconds(5 * attempts));
      continue;
    }
    if (batch.size() > 1) {
      limit = 1;
      attempts = 0;
      continue;
    }
    // This one alone fails for good: it waits, and with it all that touches its tables.
    std::string why = err_code(*refused);
    if (refused->code == protocol::kErrPacketTooLarge) {
      why +=
          ": larger than the follower's max_allowed_packet (" + std::to_string(follower_packet_) + "); raise it there";
    }
    park(batch[0].key, batch[0].entry.statements, why);
    next_parked_retry_ = Clock::now() + std::chrono::seconds(2);
    co_return absl::FailedPreconditionError("an entry cannot be applied: " + err_code(*refused));
  }
  co_return absl::OkStatus();
}

// To such a packet a server answers by closing.
bool Applier::fits_follower(const std::vector<dualwrite::FollowerCommand>& commands) const {
  return std::all_of(commands.begin(), commands.end(), [this](const dualwrite::FollowerCommand& command) {
    return std::max(command.sql.size(), command.payload.size()) + 1 < follower_packet_;
  });
}

// One follower transaction. On an ERR the status is not ok and `refused` says what; the caller rolls back.
Task<absl::Status> Applier::apply_batch(const std::vector<Transaction>& transactions,
                                        std::optional<protocol::Err>* refused) {
  const dualwrite::FollowerTraits traits{.follower_is_mariadb = follower_->is_mariadb(),
                                         .leader_is_mariadb = leader_ && leader_->is_mariadb()};
  std::vector<dualwrite::FollowerCommand> commands = dualwrite::plan_commands(transactions, traits, follower_context_);
  if (!fits_follower(commands)) {
    *refused = protocol::Err{
        .code = protocol::kErrPacketTooLarge, .sqlstate = "08S01", .message = "larger than its max_allowed_packet"};
    co_return absl::AbortedError(err_code(**refused));
  }
  std::vector<std::string> ledger;
  dualwrite::FollowerCommand begin;
  begin.sql = "START TRANSACTION";
  commands.insert(commands.begin(), std::move(begin));
  absl::Status status = absl::OkStatus();
  // As many commands as possible travel in one train; a statement that is not prepared yet ends it,
  // since preparing it needs the session as it is at that point.
  std::size_t from = 0;
  for (std::size_t i = 0; status.ok() && i <= commands.size(); ++i) {
    const bool end = i == commands.size();
    const bool unprepared = !end && commands[i].kind == dualwrite::FollowerCommand::Kind::execute &&
                            !prepared_.contains(commands[i].statement_key);
    if (!end && !unprepared && i - from < 200) continue;
    status = co_await run_train(commands, from, i, transactions, &ledger, refused);
    from = i;
    if (status.ok() && unprepared) status = co_await prepare(commands[i], refused);
  }
  if (!status.ok()) co_return status;

  const std::size_t divergences = ledger.size();
  status = co_await close_batch(transactions, std::move(ledger), refused);
  if (!status.ok()) co_return status;
  auto committed = co_await follower_->run("COMMIT", soon());
  if (!committed.ok() || committed->failed()) {
    check_applied_ = true;
    co_return committed.ok() ? absl::UnavailableError(err_text(committed->last().err)) : committed.status();
  }
  for (const Transaction& transaction : transactions) mark_applied(transaction.key);
  counters_.applied_entries.add(transactions.size());
  counters_.applied_batches.add();
  counters_.divergences.add(divergences);
  const std::lock_guard lock(status_mutex_);
  status_.applied_entries += transactions.size();
  status_.divergences += divergences;
  status_.ledger_open += divergences;
  co_return absl::OkStatus();
}

// What makes the batch provable: the ledger's rows, the applied keys, the applier's own row.
Task<absl::Status> Applier::close_batch(const std::vector<Transaction>& transactions, std::vector<std::string> closing,
                                        std::optional<protocol::Err>* refused) {
  std::vector<std::pair<std::uint64_t, EntryKey>> keys;
  for (const Transaction& transaction : transactions) keys.emplace_back(transaction.first_id, transaction.key);
  closing.push_back(dualwrite::insert_applied(options_.schema, keys));
  closing.push_back(dualwrite::touch_applier(options_.schema, owner_));
  protocol::Buffer wire;
  for (const std::string& sql : closing) protocol::append_command(wire, protocol::encode_query(sql));
  const absl::Status sent = co_await follower_->send(wire, soon());
  if (!sent.ok()) co_return sent;
  absl::Status status = absl::OkStatus();
  for (std::size_t i = 0; i < closing.size(); ++i) {
    auto answer = co_await follower_->capture(protocol::ResponseKind::query, soon());
    if (!answer.ok()) co_return answer.status();
    if (!status.ok()) continue;
    const protocol::ResultEnd& end = answer->last();
    if (end.kind == protocol::ResultEnd::Kind::err && end.err.code == protocol::kErrDuplicateKey) {
      check_applied_ = true;  // somebody has applied some of these
      status = absl::UnavailableError("applied already");
    } else if (end.kind == protocol::ResultEnd::Kind::err) {
      *refused = end.err;
      status = absl::AbortedError(err_code(end.err));
    } else if ((end.ok.status & protocol::kStatusInTransaction) == 0) {
      *refused = protocol::Err{.code = 1213, .sqlstate = "40001", .message = "the follower lost the transaction"};
      status = absl::AbortedError("the follower lost the transaction");
    } else if (i + 1 == closing.size() && end.ok.affected_rows != 1) {
      // Another proxy has claimed the follower: nothing of this may stay.
      elected_ = false;
      claimed_ = false;
      status = absl::UnavailableError("another proxy has taken over as the applier");
    }
  }
  co_return status;
}

Task<absl::Status> Applier::prepare(const dualwrite::FollowerCommand& command, std::optional<protocol::Err>* refused) {
  constexpr std::size_t kPreparedMax = 1000;
  if (prepared_.size() >= kPreparedMax) {
    protocol::Buffer closing;
    for (const auto& [key, id] : prepared_) protocol::append_command(closing, protocol::encode_stmt_close(id));
    const absl::Status closed = co_await follower_->send(closing, soon());
    if (!closed.ok()) co_return closed;
    prepared_.clear();
  }
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_prepare(command.sql));
  const absl::Status sent = co_await follower_->send(wire, soon());
  if (!sent.ok()) co_return sent;
  auto captured = co_await follower_->capture(protocol::ResponseKind::prepare, soon());
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) {
    *refused = captured->last().err;
    co_return absl::AbortedError(err_code(captured->last().err));
  }
  const auto header = protocol::decode_header(captured->wire);
  auto ok = protocol::decode_prepare_ok(
      protocol::Bytes(captured->wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
  if (!ok.ok()) co_return ok.status();
  prepared_[command.statement_key] = ok->statement_id;
  co_return absl::OkStatus();
}

// Sends commands [from, to) pipelined and reads every answer, whatever goes wrong: COMMIT is not among
// them, so what runs after an error is rolled back with it.
Task<absl::Status> Applier::run_train(const std::vector<dualwrite::FollowerCommand>& commands, std::size_t from,
                                      std::size_t to, const std::vector<Transaction>& transactions,
                                      std::vector<std::string>* ledger, std::optional<protocol::Err>* refused) {
  using Kind = dualwrite::FollowerCommand::Kind;
  if (from == to) co_return absl::OkStatus();
  protocol::Buffer wire;
  for (std::size_t i = from; i < to; ++i) {
    if (commands[i].kind == Kind::execute) {
      protocol::Buffer payload = commands[i].payload;
      protocol::replace_statement_id(payload, prepared_.at(commands[i].statement_key));
      protocol::append_command(wire, payload);
    } else {
      protocol::append_command(wire, protocol::encode_query(commands[i].sql));
    }
  }
  const absl::Status sent = co_await follower_->send(wire, soon());
  if (!sent.ok()) co_return sent;
  absl::Status status = absl::OkStatus();
  for (std::size_t i = from; i < to; ++i) {
    const dualwrite::FollowerCommand& command = commands[i];
    const auto kind = command.kind == Kind::execute ? protocol::ResponseKind::execute : protocol::ResponseKind::query;
    auto answer = co_await follower_->capture(kind, soon());
    if (!answer.ok()) co_return answer.status();
    if (!status.ok()) continue;
    const protocol::ResultEnd& end = answer->last();
    if (answer->failed()) {
      *refused = end.err;
      status = absl::AbortedError(err_code(end.err));
    } else if ((end.ok.status & protocol::kStatusInTransaction) == 0) {
      *refused = protocol::Err{.code = 1213, .sqlstate = "40001", .message = "the follower lost the transaction"};
      status = absl::AbortedError("the follower lost the transaction");
    } else if (command.kind != Kind::context && (!dualwrite::same_outcome(command, end.ok.affected_rows, end.ok.info) ||
                                                 (command.insert_id && *command.insert_id != end.ok.last_insert_id))) {
      limited_log().error(LogKind::divergence,
                          "divergence entry={} table={}.{} leader_affected={} follower_affected={}",
                          dualwrite::hex(transactions[command.transaction].key.bytes), command.table.schema,
                          command.table.table, command.affected.value_or(-1), end.ok.affected_rows);
      ledger->push_back(dualwrite::insert_ledger(options_.schema, transactions[command.transaction].key, command.table,
                                                 "affected rows or insert id differ", command.affected.value_or(-1),
                                                 static_cast<std::int64_t>(end.ok.affected_rows)));
    }
  }
  co_return status;
}

Task<absl::Status> Applier::forget(const std::vector<Transaction>& done) {
  std::vector<std::uint64_t> ids;
  for (const Transaction& transaction : done) {
    mark_applied(transaction.key);
    parked_.erase(transaction.key);
    ids.insert(ids.end(), transaction.ids.begin(), transaction.ids.end());
  }
  auto deleted = co_await leader_->query(dualwrite::delete_outbox(options_.schema, ids), soon());
  if (!deleted.ok()) {
    check_applied_ = true;
    drop_leader(deleted.status());
    co_return deleted.status();
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
