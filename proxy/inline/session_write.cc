// Writes: run in a transaction on the leader together with the outbox row that records them.

#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "dualwrite/inline/apply_batch.h"
#include "dualwrite/inline/outbox.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/inline/write_answers.h"
#include "proxy/log_limit.h"
#include "proxy/session.h"
#include "routing/statement_prefix.h"

namespace crossfade::proxy {

using dualwrite::ShipVerdict;
using dualwrite::TableRef;
using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::StatementFacts;

namespace {
// A client's statement may end in a semicolon; ours follow it in one packet.
std::string without_final_semicolon(std::string_view sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(sql, mode);
  for (routing::Token token = tokens.next();
       token.kind != routing::TokenKind::end && token.kind != routing::TokenKind::error; token = tokens.next()) {
    if (token.kind == routing::TokenKind::semicolon) return std::string(sql.substr(0, token.offset));
  }
  return std::string(sql);
}

}  // namespace

TableRef Session::table_ref(const routing::TableName& name, const std::string& schema) const {
  return {.schema = name.schema.empty() ? schema : name.schema, .table = name.table};
}

// A prepared statement keeps schema, sql_mode and character set of the moment it was prepared.
dualwrite::StatementContext Session::write_context(const Prepared* prepared) const {
  dualwrite::StatementContext context = context_->statement;
  if (prepared != nullptr && prepared->context) {
    context.schema = prepared->context->schema;
    context.sql_mode = prepared->context->sql_mode;
    context.character_set_client = prepared->context->character_set_client;
    context.collation_connection = prepared->context->collation_connection;
  }
  return context;
}

dualwrite::EntryKey Session::draw_key() {
  dualwrite::EntryKey key;
  for (std::size_t i = 0; i < key.bytes.size(); i += 8) {
    const std::uint64_t bits = worker_.random();
    std::memcpy(&key.bytes[i], &bits, 8);
  }
  return key;
}

std::shared_ptr<AppliedMark> Session::note_committed(const dualwrite::EntryKey& key) {
  last_write_ = std::make_shared<AppliedMark>(worker_.reactor);
  shared_.applier.committed(key, last_write_);
  counters_.entries_recorded.add();
  last_insert_id_dirty_ = true;
  return last_write_;
}

Task<void> Session::wait_for_follower(std::shared_ptr<AppliedMark> mark) {
  if (flags_->dual_write.ack != config::Ack::both) co_return;
  // Past the time-out this behaves as `ack: leader`, counted, as semi-synchronous replication does.
  const bool applied = co_await AppliedMark::wait(mark, worker_.reactor.now() + shared_.config.dual_write.ack_timeout);
  if (!applied) counters_.ack_timeouts.add();
}

void Session::learn_insert_id(const ShipVerdict& verdict, const protocol::Ok& ok) {
  if (!verdict.sets_last_insert_id || ok.last_insert_id == 0) return;
  last_insert_id_ = ok.last_insert_id;
  last_insert_id_known_ = true;
}

// Our outbox row is about to overwrite the server's LAST_INSERT_ID(): know it first.
Task<absl::Status> Session::secure_last_insert_id() {
  if (last_insert_id_known_) co_return absl::OkStatus();
  auto results = co_await link(leader())->ask_row("LAST_INSERT_ID()", 1, worker_.reactor.now() + kStatementMax);
  if (!results.ok()) co_return results.status();
  last_insert_id_ = std::strtoull(results->front().value_or("0").c_str(), nullptr, 10);
  last_insert_id_known_ = true;
  co_return absl::OkStatus();
}

dualwrite::StatementRecord Session::make_record(std::string sql, const ShipVerdict& verdict,
                                                const TableRef& table) const {
  dualwrite::StatementRecord record;
  // A limit of the client's is for the leader: it has been kept, or there is nothing to record.
  record.sql = routing::without_prefix(sql, lexer_mode_);
  if (verdict.returning_at) record.sql.resize(*verdict.returning_at);
  record.found_rows = (capabilities_ & protocol::kFoundRows) != 0;
  record.generates_id = verdict.generates_id;
  record.table = table;
  return record;
}

Task<absl::StatusOr<ShipVerdict>> Session::judge(const StatementFacts& facts, const routing::WriteShape& shape,
                                                 const std::vector<protocol::Parameter>* parameters,
                                                 std::string schema_name) {
  if (!context_) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  ShipVerdict verdict;
  if (const std::string why = why_writes_are_refused(); !why.empty()) {
    verdict.refusal = "crossfade: this session " + why +
                      ": a duplicated write cannot reproduce that; set it back, or write from a fresh session";
    co_return verdict;
  }
  if (context_->read_committed || next_transaction_read_committed_) {
    verdict.refusal =
        "crossfade: writes under READ COMMITTED cannot be duplicated exactly yet; use REPEATABLE READ for this session";
    co_return verdict;
  }
  const dualwrite::StatementContext& now = context_->statement;
  if (const std::string problem = co_await zone_problem(); !problem.empty()) {
    verdict.refusal = "crossfade: a write cannot be duplicated exactly: " + problem;
    co_return verdict;
  }
  const dualwrite::FollowerTraits traits{.follower_is_mariadb = shared_.traits.get(config::other(leader())).mariadb,
                                         .leader_is_mariadb = link(leader())->is_mariadb()};
  const std::string mode = dualwrite::untranslatable_sql_mode(now.sql_mode, traits);
  if (!mode.empty()) {
    verdict.refusal =
        "crossfade: writes under sql_mode " + mode + " cannot be duplicated exactly: the other side has no such mode";
    co_return verdict;
  }
  std::shared_ptr<const dualwrite::TableSchema> schema;
  if (shape.understood) {
    const TableRef table = table_ref(shape.table, schema_name);
    if (!table.schema.empty()) {
      auto found = co_await shared_.schemas.get(worker_.reactor, leader(), table.schema, table.table);
      if (!found.ok()) co_return found.status();
      schema = *std::move(found);
    }
  }
  dualwrite::WriterSession writer = writer_session(*context_);
  writer.knows_returning = traits.leader_is_mariadb;
  co_return dualwrite::ship_verdict(facts, shape, schema.get(), writer, parameters);
}

// The leader could not be asked what the write needs to know: mostly because it has just gone.
Task<Session::Next> Session::reply_unjudged(absl::Status status) {
  const bool answered = absl::IsFailedPrecondition(status) || absl::IsInternal(status);
  if (!answered || link(leader())->parting() || !link(leader())->alive())
    co_return co_await reply_lost(status, leader());
  co_return co_await reply_err(protocol::kErrUnknown, "HY000", "crossfade: " + std::string(status.message()));
}

Task<Session::Next> Session::on_write(StatementFacts facts, Command command) {
  own(command);
  const std::string sql = without_final_semicolon(protocol::as_text(command.payload.subspan(1)), lexer_mode_);
  const routing::WriteShape shape = routing::parse_write(routing::without_prefix(sql, lexer_mode_), lexer_mode_);
  kept_.reset();
  auto verdict = co_await judge(facts, shape, nullptr, schema_);
  if (!verdict.ok()) {
    co_return co_await reply_unjudged(verdict.status());
  }
  if (!verdict->shippable) co_return co_await refuse_write(sql, *verdict, shape.understood);
  if (std::string no = why_too_large_to_repeat(sql.size()); !no.empty()) {
    co_return co_await refuse_too_large_to_repeat(std::move(no));
  }
  const TableRef table = table_ref(shape.table, schema_);
  counters_.writes.add();
  if (in_transaction_ || !autocommit_)
    co_return co_await write_in_transaction(sql, protocol::Buffer(), nullptr, *verdict, table);
  co_return co_await write_autocommit(sql, *verdict, table);
}

// What the leader itself says to a statement that will not be run: a syntax error or an unknown table
// is the server's to report. Preparing it resolves all names and runs nothing.
Task<absl::StatusOr<std::optional<protocol::Err>>> Session::servers_own_error(std::string sql) {
  constexpr std::uint16_t kNotPreparable = 1295;
  Prepared trial;
  trial.sql = std::move(sql);
  std::optional<Captured> refused;
  auto id = co_await backend_statement(*link(leader()), trial, &refused);
  if (refused) {
    const protocol::Err err = refused->last().err;
    if (err.code == kNotPreparable) co_return std::nullopt;
    if (in_transaction_) {
      needs_probe_ = true;
      last_error_ = err.code;
    }
    co_return err;
  }
  if (!id.ok()) co_return id.status();
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_stmt_close(*id));
  const absl::Status closed = co_await link(leader())->send(wire, worker_.reactor.now() + kStatementMax);
  if (!closed.ok()) co_return closed;
  co_return std::nullopt;
}

Task<Session::Next> Session::refuse_write(std::string sql, ShipVerdict verdict, bool understood) {
  if (!understood || verdict.refusal.empty()) {
    auto ready = co_await leader_link(nullptr);
    if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
    auto said = co_await servers_own_error(std::move(sql));
    if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
    if (said->has_value()) co_return co_await reply_err(**said);
  }
  std::string why =
      verdict.refusal.empty() ? "crossfade: the table was not known a moment ago; try again" : verdict.refusal;
  co_return co_await reply_not_supported(std::move(why));
}

// The applier sends a statement as one packet of so many bytes. Empty: the other side takes it, as far as is known.
std::string Session::why_too_large_to_repeat(std::size_t bytes) const {
  const std::uint64_t most = shared_.applier.follower_packet_bytes_max();
  if (most == 0 || bytes + 1 < most) return "";
  return "crossfade: this write takes a packet of " + std::to_string(bytes) + " bytes, and backend '" +
         std::string(config::name(config::other(leader()))) + "' takes less than " + std::to_string(most) +
         " (max_allowed_packet): it could not be repeated there; raise it there, or write less at once";
}

Task<Session::Next> Session::refuse_too_large_to_repeat(std::string why) {
  counters_.refused_statements.add();
  co_return co_await reply_err(protocol::kErrUnknown, "HY000", std::move(why));
}

// One packet: START TRANSACTION, the statement, its diagnostics, the outbox row, COMMIT.
Task<Session::Next> Session::write_autocommit(std::string sql, ShipVerdict verdict, TableRef table) {
  const std::uint64_t epoch = shared_.applier.epoch();
  if (epoch == 0)
    co_return co_await reply_unreachable(absl::UnavailableError("the leader is not set up for dual writes yet"));
  dualwrite::Entry entry;
  entry.contexts.push_back(context_->statement);
  dualwrite::StatementRecord record = make_record(sql, verdict, table);
  std::optional<dualwrite::RandSeeds> seeds;
  if (verdict.seed_rand) {
    seeds = dualwrite::RandSeeds{.seed1 = static_cast<std::uint32_t>(worker_.random() & 0x3fffffff),
                                 .seed2 = static_cast<std::uint32_t>(worker_.random() & 0x3fffffff)};
  }
  record.seeds = seeds;
  if (verdict.freeze_time) record.timestamp = "";  // the row's `at` column has it
  entry.statements.push_back(std::move(record));
  const dualwrite::EntryKey key = draw_key();
  std::optional<dualwrite::WrappedWrite> wrapped;
  if (context_->statement.foreign_key_checks && !verdict.returning_at) {
    wrapped = dualwrite::wrap_autocommit(sql, dualwrite::encode_entry(entry),
                                         {.schema = shared_.config.control.schema,
                                          .epoch = epoch,
                                          .key = key,
                                          .freeze_time = verdict.freeze_time,
                                          .seeds = seeds});
    if (wrapped && wrapped->sql.size() + 1 >= context_->packet_bytes_max) wrapped.reset();
  }
  if (!wrapped)
    co_return co_await write_stepwise(std::move(sql), protocol::Buffer(), nullptr, verdict, std::move(table));
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  const absl::Status secured = co_await secure_last_insert_id();
  if (!secured.ok()) co_return co_await reply_lost(secured, leader());

  const TimePoint begun = Clock::now();
  shared_.applier.begin_write();
  auto captured = co_await (*ready)->run(std::move(wrapped->sql), worker_.reactor.now() + kStatementMax);
  const absl::Cleanup settle = [this] { shared_.applier.end_write(); };
  if (!captured.ok()) {
    // The COMMIT was on its way: nobody here can know.
    counters_.unknown_fate.add();
    shared_.applier.wake();
    co_return co_await reply_lost(captured.status(), leader());
  }
  // [before] statement, diagnostics, warnings, outbox row, COMMIT [after]
  const std::size_t own = wrapped->results_before;
  const std::size_t commit = own + 4;
  const auto& results = captured->results;
  if (results.size() <= commit || results[commit].outcome.kind == ResultEnd::Kind::err) {
    co_return co_await undo_failed_write(*captured, own, verdict.freeze_time);
  }
  const protocol::Ok statement_ok = results[own].outcome.ok;
  if (!in_transaction(results[own].outcome) || !in_transaction(results[own + 3].outcome)) {
    // The server lost the transaction and said OK: the outbox row stands alone and must not be applied.
    shared_.applier.discard(key);
    counters_.lost_transactions.add();
    limited_log().error(LogKind::lost_transaction, "session={} lost_transaction=autocommit table={}.{}", id_,
                        table.schema, table.table);
    co_return co_await reply_err(lost_transaction());
  }
  counters_.write_latency.record(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count()));
  Kept kept{.row_count = static_cast<std::int64_t>(statement_ok.affected_rows), .warnings = statement_ok.warnings};
  if (statement_ok.warnings > 0) {
    kept.show_warnings = standalone(captured->bytes_of(results[own + 2]), (*ready)->capabilities());
  }
  kept_ = std::move(kept);
  learn_insert_id(verdict, statement_ok);
  next_transaction_read_committed_ = false;
  hold_.note_transaction_ended();
  std::shared_ptr<AppliedMark> mark = note_committed(key);
  co_await wait_for_follower(std::move(mark));
  last_answered_ = leader();
  co_return co_await reply_ok(unwrapped(statement_ok));
}

// Undoes a write that failed with `code`, and puts the session back; the first result is what SHOW WARNINGS said of it.
Task<absl::StatusOr<Captured>> Session::undo_write(std::uint16_t code, bool reset_time) {
  std::string sql = "SHOW WARNINGS;" + std::string(dualwrite::kRollback);
  if (reset_time) sql += ";" + std::string(dualwrite::kResetTimestamp);
  if (context_ && !context_->statement.foreign_key_checks) sql += ";SET foreign_key_checks=0";
  // A statement that a read-only transaction refuses takes no part in one: had it run alone, the characteristics for
  // the next transaction would still be waiting.
  constexpr std::uint16_t kReadOnlyTransaction = 1792;
  if (code == kReadOnlyTransaction) {
    for (const std::string& set : hold_.next_transaction_sets()) sql += ";" + set;
  } else {
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
  }
  auto undone = co_await link(leader())->run(std::move(sql), worker_.reactor.now() + kStatementMax);
  if (undone.ok() && undone->failed()) co_return absl::InternalError(err_code(undone->last().err));
  co_return undone;
}

// A wrapped write failed somewhere: what the server says of it is kept, the transaction is undone, and
// the client gets the error that its own statement would have got.
Task<Session::Next> Session::undo_failed_write(const Captured& captured, std::size_t own, bool reset_time) {
  const std::size_t at = captured.results.size() - 1;
  protocol::Err err = captured.last().err;
  auto undone = co_await undo_write(err.code, reset_time);
  if (!undone.ok()) co_return co_await reply_lost(undone.status(), leader());
  if (at == own) {
    kept_ = Kept{.row_count = -1,
                 .warnings = undone->results[0].outcome.rows,
                 .errors = 1,
                 .show_warnings = standalone(undone->bytes_of(undone->results[0]), link(leader())->capabilities()),
                 .error_sqlstate = err.sqlstate};
    co_return co_await reply_err(std::move(err));
  }
  co_return co_await reply_err(recording_error(err));
}

}  // namespace crossfade::proxy
