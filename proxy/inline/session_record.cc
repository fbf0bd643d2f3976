// Writes step by step, inside transactions, and the COMMIT that records them.

#include "absl/cleanup/cleanup.h"
#include "dualwrite/inline/outbox.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/inline/write_answers.h"
#include "proxy/log_limit.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using dualwrite::ShipVerdict;
using dualwrite::TableRef;
using protocol::ResponseKind;
using protocol::ResultEnd;

// A write step by step: prepared statements, entries too large for one row, sessions without foreign
// key checks. START TRANSACTION and the statement go in one train; COMMIT waits for their answers.
Task<Session::Next> Session::write_stepwise(std::string sql, protocol::Buffer execute, Prepared* prepared,
                                            ShipVerdict verdict, TableRef table) {
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  auto outcome = co_await run_recorded(std::move(sql), std::move(execute), prepared, verdict, table, true);
  if (!outcome.ok()) co_return co_await reply_lost(outcome.status(), leader());
  if (outcome->err) {
    Captured failed;
    failed.results.push_back({});
    failed.results.back().outcome.kind = ResultEnd::Kind::err;
    failed.results.back().outcome.err = *outcome->err;
    co_return co_await undo_failed_write(failed, 0, verdict.freeze_time);
  }
  if (outcome->lost) {
    counters_.lost_transactions.add();
    co_return co_await reply_err(lost_transaction());
  }
  Kept kept{.row_count = static_cast<std::int64_t>(outcome->ok.affected_rows), .warnings = outcome->ok.warnings};
  if (outcome->ok.warnings > 0) {
    auto shown = co_await link(leader())->run("SHOW WARNINGS", worker_.reactor.now() + kStatementMax);
    if (!shown.ok()) co_return co_await reply_lost(shown.status(), leader());
    kept.show_warnings = standalone(shown->wire, link(leader())->capabilities());
  }
  dualwrite::Entry entry;
  entry.contexts.push_back(write_context(prepared));
  entry.statements.push_back(std::move(outcome->record));
  Committed done = co_await record_and_commit(std::move(entry), std::string(dualwrite::kCommit));
  next_transaction_read_committed_ = false;
  hold_.note_transaction_ended();
  if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
  if (done.fate == Committed::Fate::unknown)
    co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
  if (outcome->rows) kept.row_count = -1;
  kept_ = std::move(kept);
  if (outcome->rows) {
    protocol::Buffer alone = standalone(*outcome->rows, link(leader())->capabilities());
    co_return co_await reply_captured(std::move(alone));
  }
  co_return co_await reply_ok(unwrapped(outcome->ok));
}

// Runs one write on the leader and makes its record. `begin`: in a transaction of its own.
Task<absl::StatusOr<Session::Recorded>> Session::run_recorded(std::string sql, protocol::Buffer execute,
                                                              Prepared* prepared, ShipVerdict verdict, TableRef table,
                                                              bool begin) {
  BackendLink& leading = *link(leader());
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  Recorded recorded;
  recorded.record = make_record(sql, verdict, table);
  if (verdict.seed_rand) {
    recorded.record.seeds = dualwrite::RandSeeds{.seed1 = static_cast<std::uint32_t>(worker_.random() & 0x3fffffff),
                                                 .seed2 = static_cast<std::uint32_t>(worker_.random() & 0x3fffffff)};
  }
  std::string first = begin ? "START TRANSACTION" : "";
  if (!begin && std::exchange(last_insert_id_dirty_, false)) {
    // Before the statement, so that its ROW_COUNT() and warnings stay: reads in this transaction go by
    // the server's own values.
    first = "SET last_insert_id=" + std::to_string(last_insert_id_);
  }
  const std::string pins = dualwrite::set_timestamp_and_seeds(verdict.freeze_time, recorded.record.seeds);
  if (!pins.empty()) first += (first.empty() ? "" : ";") + pins;
  if (verdict.freeze_time) first += ";SELECT @@timestamp LIMIT 1";
  protocol::Buffer train;
  if (!first.empty()) protocol::append_command(train, protocol::encode_query(first));
  ResponseKind kind = ResponseKind::query;
  if (prepared != nullptr) {
    kind = ResponseKind::execute;
    recorded.record.prepared = true;
    recorded.record.parameters = execute;
    auto id = co_await backend_statement(leading, *prepared, nullptr);
    if (!id.ok()) co_return id.status();
    protocol::replace_statement_id(recorded.record.parameters, 0);
    protocol::replace_statement_id(execute, *id);
    protocol::append_command(train, execute);
  } else {
    protocol::append_command(train, protocol::encode_query(sql));
  }
  const absl::Status sent = co_await leading.send(train, deadline);
  if (!sent.ok()) co_return sent;
  std::optional<protocol::Err> begin_err;
  if (!first.empty()) {
    auto before = co_await leading.capture(ResponseKind::query, deadline);
    if (!before.ok()) co_return before.status();
    if (before->failed()) {
      if (!begin) co_return absl::InternalError(err_code(before->last().err));
      begin_err = before->last().err;
    } else if (verdict.freeze_time) {
      fixup_ = dualwrite::kResetTimestamp;
      auto rows = protocol::decode_response(before->bytes_of(before->results.back()), ResponseKind::query,
                                            leading.capabilities());
      if (!rows.ok()) co_return rows.status();
      const auto row = protocol::only_row(*std::move(rows), 1);
      if (!row.ok()) co_return row.status();
      recorded.record.timestamp = row->front().value_or("");
    }
  }
  auto captured = co_await leading.capture(kind, deadline);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) {
    recorded.err = begin_err ? *begin_err : captured->last().err;
    co_return recorded;
  }
  if (begin_err) {
    // The statement behind a failed START TRANSACTION was on its way already and is committed by
    // itself. It is recorded all the same, unless time or seeds should have been pinned before it.
    const bool alone = !in_transaction(captured->last());
    if (alone)
      limited_log().error(LogKind::begin_failed, "session={} begin=failed code={} table={}.{} ran=alone", id_,
                          begin_err->code, table.schema, table.table);
    if (alone && !pins.empty()) shared_.applier.unrecorded(table);
    if (!alone || !pins.empty()) co_return absl::InternalError(err_code(*begin_err));
    auto again = co_await leading.run("START TRANSACTION", deadline);
    if (!again.ok()) co_return again.status();
    if (again->failed()) co_return absl::InternalError(err_code(again->last().err));
  }
  recorded.ok = captured->last().ok;
  if (verdict.returning_at) {
    recorded.ok.affected_rows = captured->last().rows;
    recorded.rows = std::move(captured->wire);
    if (verdict.generates_id) {
      // The first of its ids, which the answer does not tell.
      auto asked = co_await leading.ask_row("LAST_INSERT_ID()", 1, deadline);
      if (!asked.ok()) co_return asked.status();
      recorded.ok.last_insert_id = std::strtoull(asked->front().value_or("0").c_str(), nullptr, 10);
    }
  }
  recorded.lost = !begin_err && !in_transaction(captured->last());
  recorded.record.affected = static_cast<std::int64_t>(recorded.ok.affected_rows);
  if (verdict.generates_id) recorded.record.insert_id = recorded.ok.last_insert_id;
  learn_insert_id(verdict, recorded.ok);
  co_return recorded;
}

Task<Session::Next> Session::refuse_too_large() {
  co_return co_await reply_err(
      protocol::kErrUnknown, "HY000",
      "crossfade: this transaction has written more than dual_write.transaction_bytes_max; commit "
      "in smaller steps or raise it");
}

Task<Session::Next> Session::write_in_transaction(std::string sql, protocol::Buffer execute, Prepared* prepared,
                                                  ShipVerdict verdict, TableRef table) {
  if (!log_.fits(sql.size() + execute.size())) co_return co_await refuse_too_large();
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  auto outcome = co_await run_recorded(std::move(sql), std::move(execute), prepared, verdict, std::move(table), false);
  if (!outcome.ok()) co_return co_await reply_lost(outcome.status(), leader());
  if (outcome->err) {
    note_error(outcome->err->code);
    co_return co_await reply_err(*outcome->err);
  }
  if (outcome->lost) {
    in_transaction_ = false;
    log_.clear();
    counters_.lost_transactions.add();
    co_return co_await reply_err(lost_transaction());
  }
  in_transaction_ = true;
  const absl::Status added = log_.add(write_context(prepared), std::move(outcome->record));
  if (!added.ok()) co_return co_await reply_lost(added, leader());  // closing rolls it back
  if (outcome->rows) co_return co_await reply_captured(*std::move(outcome->rows));
  outcome->ok.status &= static_cast<std::uint16_t>(~protocol::kStatusMoreResults);
  co_return co_await reply_ok(std::move(outcome->ok));
}

protocol::Err Session::recording_error(const protocol::Err& err) const {
  if (err.code == protocol::kErrQueryInterrupted) return err;  // a KILL that came in time
  if (err.code == protocol::kErrNoReferencedRow || err.code == protocol::kErrDeadlock) {
    // The fence has moved: another side leads now. The application runs the transaction again.
    return {.code = protocol::kErrDeadlock,
            .sqlstate = "40001",
            .message =
                "Deadlock found when trying to get lock; try restarting transaction (crossfade: the write could not be "
                "recorded under the present leader)"};
  }
  return {.code = protocol::kErrUnknown,
          .sqlstate = "HY000",
          .message = "crossfade: the write could not be recorded and was rolled back: " + err_text(err)};
}

// The outbox rows of `entry`, then COMMIT: in one packet, which stops at the first error.
Task<Session::Committed> Session::record_and_commit(dualwrite::Entry entry, std::string end) {
  Committed done;
  const bool of_client = in_transaction_ || !autocommit_;
  const std::uint64_t epoch = shared_.applier.epoch();
  const dualwrite::EntryKey key = draw_key();
  if (!context_) {  // a SET came after the last write: are foreign keys still checked?
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return done;
  }
  const bool unchecked = context_ && !context_->statement.foreign_key_checks;
  const std::string checks_on = unchecked ? "SET foreign_key_checks=1;" : "";
  const std::string checks_off = unchecked ? ";SET foreign_key_checks=0" : "";
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return done;
  const absl::Status secured = co_await secure_last_insert_id();
  if (!secured.ok()) co_return done;
  const protocol::Buffer payload = dualwrite::encode_entry(entry);
  std::vector<std::string> rows = dualwrite::record_statements(shared_.config.control.schema, epoch, key, payload,
                                                               dualwrite::row_payload_max(context_->packet_bytes_max));
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  if (rows.empty()) {
    auto undone = co_await (*ready)->run(std::string(dualwrite::kRollback), deadline);
    if (!undone.ok()) co_return done;
    in_transaction_ = false;
    done.fate = Committed::Fate::refused;
    done.err.code = protocol::kErrUnknown;
    done.err.sqlstate = "HY000";
    done.err.message =
        "crossfade: the write was rolled back: it would need more than 65535 rows of the outbox under the server's "
        "max_allowed_packet; raise that, or write less at once";
    co_return done;
  }
  shared_.applier.begin_write();
  const absl::Cleanup settle = [this] { shared_.applier.end_write(); };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool last = i + 1 == rows.size();
    std::string sql = checks_on + rows[i] + checks_off + (last ? ";" + end : "");
    auto captured = co_await (*ready)->run(std::move(sql), deadline);
    if (!captured.ok()) {
      if (last) {
        counters_.unknown_fate.add();
        shared_.applier.wake();
      }
      co_return done;
    }
    if (captured->failed()) {
      auto undone = co_await (*ready)->run(std::string(dualwrite::kRollback) + checks_off, deadline);
      if (!undone.ok()) co_return done;
      in_transaction_ = false;
      done.fate = Committed::Fate::refused;
      done.err = recording_error(captured->last().err);
      // To a client 1317 means that its transaction is still open, and a second COMMIT worth trying.
      if (of_client && done.err.code == protocol::kErrQueryInterrupted) done.err = lost_transaction();
      co_return done;
    }
    const std::size_t of_row = unchecked ? 1 : 0;
    if (captured->results.size() <= of_row || !in_transaction(captured->results[of_row].outcome)) {
      // The server lost the transaction in silence: the row stands alone and must not be applied.
      shared_.applier.discard(key);
      counters_.lost_transactions.add();
      in_transaction_ = false;
      done.fate = Committed::Fate::refused;
      done.err = lost_transaction();
      co_return done;
    }
    if (last) done.ok = captured->last().ok;
  }
  done.fate = Committed::Fate::committed;
  in_transaction_ = (done.ok.status & protocol::kStatusInTransaction) != 0;  // AND CHAIN
  std::shared_ptr<AppliedMark> mark = note_committed(key);
  co_await wait_for_follower(std::move(mark));
  co_return done;
}

Task<Session::Next> Session::reply_committed_transaction(routing::StatementFacts facts) {
  kept_.reset();
  last_answered_ = leader();
  counters_.transactions.add();
  if (shared_.applier.epoch() == 0) {
    co_return co_await reply_lost(absl::UnavailableError("the leader is not set up for dual writes yet"), leader());
  }
  // What the client does not say is for @@completion_type to decide, on the server.
  std::string commit = "COMMIT";
  if (facts.chain) commit += *facts.chain ? " AND CHAIN" : " AND NO CHAIN";
  if (facts.release) commit += *facts.release ? " RELEASE" : " NO RELEASE";
  Committed done = co_await record_and_commit(log_.entry(), std::move(commit));
  log_.clear();
  if (!in_transaction_) {  // a chained one keeps its characteristics
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
  }
  if (done.fate == Committed::Fate::unknown)
    co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
  if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
  done.ok.affected_rows = 0;
  done.ok.last_insert_id = 0;
  done.ok.status &= static_cast<std::uint16_t>(~protocol::kStatusMoreResults);
  const Next next = co_await reply_ok(std::move(done.ok));
  co_return facts.release.value_or(false) ? Next::close : next;
}

}  // namespace crossfade::proxy
