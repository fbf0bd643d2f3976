// LOAD DATA LOCAL INFILE while writes are duplicated: the file is read here, checked, and written as rows.

#include <algorithm>

#include "dualwrite/inline/load_reader.h"
#include "dualwrite/inline/outbox.h"
#include "protocol/error_codes.h"
#include "proxy/deadlines.h"
#include "proxy/inline/write_answers.h"
#include "proxy/session.h"
#include "routing/load_data.h"

namespace crossfade::proxy {

using dualwrite::ShipVerdict;
using dualwrite::TableRef;
using routing::LoadData;

namespace {

constexpr std::uint64_t kPacketMargin = 1024;  // of the server's max_allowed_packet
constexpr std::string_view kSavepoint = "crossfade_load";

}  // namespace

Task<Session::Next> Session::on_load(Command command) {
  own(command);
  kept_.reset();
  const std::string sql(protocol::as_text(command.payload.subspan(1)));
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  auto variables = co_await load_variables();
  if (!variables.ok()) co_return co_await reply_lost(variables.status(), leader());
  if ((capabilities_ & protocol::kLocalFiles) == 0 || !variables->local_infile) {
    co_return co_await refuse_as_the_server(sql);
  }
  LoadData parsed = routing::parse_load_data(sql, lexer_mode_);
  if (!parsed.understood) co_return co_await refuse_load(sql, "it holds " + parsed.why);
  co_return co_await load(sql, std::move(parsed), *std::move(variables));
}

Task<absl::StatusOr<LoadVariables>> Session::load_variables() {
  auto results =
      co_await link(leader())->ask_row("@@local_infile,@@character_set_database,@@max_error_count,@@max_allowed_packet",
                                       4, worker_.reactor.now() + kStatementMax);
  if (!results.ok()) co_return results.status();
  const std::vector<protocol::Cell>& row = *results;
  LoadVariables variables;
  variables.local_infile = row[0].value_or("") == "1";
  variables.charset = row[1].value_or("");
  variables.warnings_max = std::strtoull(row[2].value_or("").c_str(), nullptr, 10);
  variables.packet_bytes_max = std::strtoull(row[3].value_or("").c_str(), nullptr, 10);
  co_return variables;
}

// Without the capability, or with local_infile off, the server refuses by itself, in its own words. Should it ask
// for the file after all, nobody answers: the connection ends, and nothing was written.
Task<Session::Next> Session::refuse_as_the_server(std::string sql) {
  BackendLink& leading = *link(leader());
  auto captured = co_await leading.run(std::move(sql), worker_.reactor.now() + kStatementMax);
  if (!captured.ok() || !captured->failed()) {
    leading.abandon();
    absl::Status why = absl::InternalError("a LOAD DATA was not refused");
    if (!captured.ok()) why = captured.status();
    co_return co_await reply_lost(std::move(why), leader());
  }
  note_error(captured->last().err.code);
  co_return co_await reply_captured(std::move(captured->wire));
}

Task<Session::Next> Session::refuse_load(std::string sql, std::string why) {
  ShipVerdict verdict;
  verdict.refusal = "crossfade: this LOAD DATA cannot be duplicated exactly yet: " + why +
                    "; load it in a simpler form, or write its rows with INSERT";
  co_return co_await refuse_write(std::move(sql), std::move(verdict), false);
}

// Everything that can be said without the file is said before the client is asked for it.
Task<Session::Next> Session::load(std::string sql, LoadData parsed, LoadVariables variables) {
  if (!context_) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return co_await reply_lost(fresh, leader());
  }
  const TableRef table = table_ref(parsed.table, schema_);
  std::shared_ptr<const dualwrite::TableSchema> schema = std::make_shared<dualwrite::TableSchema>();
  bool known = false;
  if (!table.schema.empty()) {
    auto found = co_await shared_.schemas.get(worker_.reactor, leader(), table.schema, table.table);
    if (!found.ok()) co_return co_await reply_unjudged(found.status());
    known = *found != nullptr;
    if (known) schema = *std::move(found);
  }
  const std::string charset_name = parsed.charset.empty() ? variables.charset : parsed.charset;
  const auto charset = dualwrite::file_charset(charset_name);
  const dualwrite::LoadTarget target =
      dualwrite::load_target(parsed, *schema, charset.value_or(dualwrite::FileCharset::utf8mb4));
  ShipVerdict verdict;
  if (!known) co_return co_await refuse_write(target.trial, verdict, true);
  if (!target.missing.empty())
    co_return co_await refuse_load(target.trial, "a column of it was not known a moment ago");
  if (!charset) {
    co_return co_await refuse_load(sql, "the file's character set is not utf8mb4, utf8mb3, ascii, latin1 or binary");
  }
  if (!target.why.empty()) co_return co_await refuse_load(target.trial, target.why);
  const routing::StatementFacts plain;
  auto judged = co_await judge(plain, target.shape, nullptr, schema_);
  if (!judged.ok()) co_return co_await reply_unjudged(judged.status());
  verdict = *std::move(judged);
  if (!verdict.shippable) co_return co_await refuse_write(target.trial, verdict, true);
  auto said = co_await servers_own_error(target.trial);
  if (!said.ok()) co_return co_await reply_lost(said.status(), leader());
  if (said->has_value()) co_return co_await reply_err(**said);
  if (shared_.applier.epoch() == 0) {
    co_return co_await reply_unreachable(absl::UnavailableError("the leader is not set up for dual writes yet"));
  }
  counters_.writes.add();

  dualwrite::LoadStatements::Limits limits;
  std::uint64_t packet = variables.packet_bytes_max;
  if (const auto there = shared_.applier.follower_packet_bytes_max(); there != 0) packet = std::min(packet, there);
  limits.packet_bytes_max = std::max(packet, 2 * kPacketMargin) - kPacketMargin;
  // A skipped row is a warning, and each must be seen to be no more than that.
  if (!parsed.replace) limits.rows_max = std::clamp<std::size_t>(variables.warnings_max, 1, limits.rows_max);
  // What an entry needs besides the text of its statements is left out of it.
  limits.bytes_max = shared_.config.dual_write.transaction_bytes_max - log_.bytes();
  limits.bytes_max -= limits.bytes_max / 32;
  const dualwrite::TextPath path = writer_session(*context_).text;
  const auto client_text = path.client == "utf8mb4" && path.connection == "utf8mb4"
                               ? dualwrite::LoadStatements::ClientText::utf8mb4
                               : dualwrite::LoadStatements::ClientText::other;
  dualwrite::LoadReader reader(parsed.format, target.columns.size(), shared_.config.limits.packet_bytes_max);
  dualwrite::LoadStatements statements(target, *charset, client_text, context_->no_auto_value_on_zero, limits);
  absl::Status problem = absl::OkStatus();
  const absl::Status received = co_await receive_file(parsed.file, reader, statements, &problem);
  if (!received.ok()) co_return Next::close;
  const std::string of = "crossfade: the file for table '" + parsed.table.table + "' ";
  const std::string after = "; nothing of it was written";
  if (absl::IsResourceExhausted(problem)) {
    co_return co_await reply_err(protocol::kErrUnknown, "HY000",
                                 of + "is too large: " + std::string(problem.message()) + after);
  }
  if (!problem.ok()) {
    co_return co_await reply_not_supported(of + "cannot be duplicated exactly: " + std::string(problem.message()) +
                                           after);
  }
  if (!in_transaction_ && worker_.flags->freeze_writes) {  // while the file was on its way
    co_return co_await reply_refused(routing::refusal(routing::Reason::freeze, plain));
  }
  if (statements.ids()) {
    verdict.generates_id = *statements.ids() == dualwrite::IdSource::server;
    verdict.sets_last_insert_id = verdict.generates_id;
  }
  LoadOutcome outcome(parsed.replace ? LoadOutcome::Duplicates::replaced : LoadOutcome::Duplicates::skipped,
                      variables.warnings_max, link(leader())->capabilities());
  co_return co_await write_loaded(statements.take(), std::move(verdict), table, std::move(outcome));
}

// In a transaction of its own, or behind a savepoint in the client's: all of the file or nothing.
Task<Session::Next> Session::write_loaded(std::vector<dualwrite::LoadStatement> statements, ShipVerdict verdict,
                                          TableRef table, LoadOutcome outcome) {
  const bool alone = !in_transaction_ && autocommit_;
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  BackendLink& leading = **ready;
  std::uint16_t status = static_cast<std::uint16_t>((autocommit_ ? protocol::kStatusAutocommit : 0) |
                                                    (in_transaction_ ? protocol::kStatusInTransaction : 0));
  dualwrite::Entry entry;
  if (!statements.empty() && !alone) {
    auto marked = co_await leading.run("SAVEPOINT " + std::string(kSavepoint), worker_.reactor.now() + kStatementMax);
    if (!marked.ok()) co_return co_await reply_lost(marked.status(), leader());
    if (marked->failed()) co_return co_await reply_err(marked->last().err);
  }
  for (dualwrite::LoadStatement& statement : statements) {
    auto ran = co_await run_recorded(std::move(statement.sql), protocol::Buffer(), nullptr, verdict, table,
                                     alone && entry.statements.empty());
    if (!ran.ok()) co_return co_await reply_lost(ran.status(), leader());
    if (ran->err) co_return co_await undo_load(std::move(verdict), std::move(ran->err), "");
    if (ran->lost) {
      in_transaction_ = false;
      log_.clear();
      counters_.lost_transactions.add();
      co_return co_await reply_err(lost_transaction());
    }
    protocol::Buffer shown;
    if (ran->ok.warnings > 0) {
      auto captured = co_await leading.run("SHOW WARNINGS", worker_.reactor.now() + kStatementMax);
      if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
      shown = std::move(captured->wire);
    }
    std::string changed = outcome.add(statement, ran->ok, shown);
    if (!changed.empty()) {
      co_return co_await undo_load(std::move(verdict), std::nullopt,
                                   "crossfade: the file for table '" + table.table +
                                       "' cannot be duplicated exactly: " + changed + "; nothing of it was written");
    }
    status = ran->ok.status;
    entry.statements.push_back(std::move(ran->record));
  }
  if (!entry.statements.empty() && alone) {
    entry.contexts.push_back(write_context(nullptr));
    Committed done = co_await record_and_commit(std::move(entry), std::string(dualwrite::kCommit));
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
    if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
    if (done.fate == Committed::Fate::unknown)
      co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
  } else if (!entry.statements.empty()) {
    auto released =
        co_await leading.run("RELEASE SAVEPOINT " + std::string(kSavepoint), worker_.reactor.now() + kStatementMax);
    if (!released.ok()) co_return co_await reply_lost(released.status(), leader());
    in_transaction_ = true;
    const dualwrite::StatementContext context = write_context(nullptr);
    for (dualwrite::StatementRecord& record : entry.statements) {
      const absl::Status added = log_.add(context, std::move(record));
      if (!added.ok()) co_return co_await reply_lost(added, leader());  // closing rolls it back
    }
  }
  if (verdict.sets_last_insert_id && outcome.first_insert_id() != 0) {
    last_insert_id_ = outcome.first_insert_id();
    last_insert_id_known_ = true;
    last_insert_id_dirty_ = true;
  }
  kept_ = Kept{.row_count = static_cast<std::int64_t>(outcome.affected()),
               .warnings = outcome.warnings(),
               .show_warnings = outcome.show_warnings()};
  last_answered_ = leader();
  protocol::Ok ok = outcome.ok(status);
  ok.status &= static_cast<std::uint16_t>(~protocol::kStatusMoreResults);
  if (alone) ok = unwrapped(std::move(ok));
  co_return co_await reply_ok(std::move(ok));
}

// `servers`: its error, with which one of our statements ended; else the refusal is ours.
Task<Session::Next> Session::undo_load(ShipVerdict verdict, std::optional<protocol::Err> servers, std::string ours) {
  const bool alone = !in_transaction_ && autocommit_;
  const std::string savepoint(kSavepoint);
  std::string sql = "SHOW WARNINGS;";
  sql += alone ? std::string(dualwrite::kRollback)
               : "ROLLBACK TO SAVEPOINT " + savepoint + ";RELEASE SAVEPOINT " + savepoint;
  if (alone && verdict.freeze_time) sql += ";" + std::string(dualwrite::kResetTimestamp);
  // As for any write: what a read-only transaction refuses has not taken part in it.
  constexpr std::uint16_t kReadOnlyTransaction = 1792;
  if (alone && servers && servers->code == kReadOnlyTransaction) {
    for (const std::string& set : hold_.next_transaction_sets()) sql += ";" + set;
  } else if (alone) {
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
  }
  auto undone = co_await link(leader())->run(std::move(sql), worker_.reactor.now() + kStatementMax);
  if (!undone.ok()) co_return co_await reply_lost(undone.status(), leader());
  // After a deadlock there is no savepoint, and nothing left to undo.
  const bool gone = undone->failed() && !alone && servers;
  if (undone->failed() && !gone) {
    co_return co_await reply_lost(absl::InternalError(err_code(undone->last().err)), leader());
  }
  if (!servers) {
    co_return co_await reply_not_supported(std::move(ours));
  }
  if (!alone) note_error(servers->code);
  kept_ = Kept{.row_count = -1,
               .warnings = undone->results[0].outcome.rows,
               .errors = 1,
               .show_warnings = standalone(undone->bytes_of(undone->results[0]), link(leader())->capabilities()),
               .error_sqlstate = servers->sqlstate};
  co_return co_await reply_err(std::move(*servers));
}

}  // namespace crossfade::proxy
