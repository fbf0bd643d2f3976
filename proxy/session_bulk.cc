// MariaDB's COM_STMT_BULK_EXECUTE: relayed as it is, or, while writes are duplicated, run row by row.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

#include "dualwrite/inline/outbox.h"
#include "protocol/bulk_execute.h"
#include "protocol/error_codes.h"
#include "proxy/bulk_answer.h"
#include "proxy/deadlines.h"
#include "proxy/inline/write_answers.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::ResponseKind;
using protocol::ResultEnd;
using routing::Action;

namespace {

constexpr std::uint16_t kErrNoSuchSavepoint = 1305;
// The names and lengths that the entry has of each statement, and its context, are less than these.
constexpr std::size_t kRowBytes = 512;
constexpr std::size_t kContextBytes = 16 << 10;
constexpr std::size_t kRowsPerTurn = 64;

// Before the rows of a statement that fails as a whole, inside the client's own transaction.
constexpr std::string_view kMark = "SAVEPOINT crossfade_bulk";
constexpr std::string_view kForgetMark = "RELEASE SAVEPOINT crossfade_bulk";
constexpr std::string_view kBackToMark = "ROLLBACK TO SAVEPOINT crossfade_bulk;RELEASE SAVEPOINT crossfade_bulk";

}  // namespace

Task<Session::Next> Session::on_bulk(Command command) {
  // Whatever the leader says to a client that has not asked for these.
  if ((capabilities_ & protocol::kBulkOperations) == 0) co_return co_await on_other_command(command);
  counters_.statements.add();
  own(command);
  Prepared* prepared = find_prepared(command.payload);
  if (prepared == nullptr) {
    co_return co_await reply_err(protocol::kErrUnknownStatement, "HY000",
                                 unknown_statement(command.payload, "mysqld_stmt_execute"));
  }
  const bool had_long_data = !prepared->long_data.empty();
  prepared->long_data = {};
  const std::optional<Next> lost = co_await before_execution(prepared->facts.kind);
  if (lost) co_return *lost;
  if (prepared->parameters == 0) co_return co_await refuse_bulk(BulkFault::not_for_bulk);
  const protocol::Buffer payload = std::exchange(owned_payload_, {});
  auto bulk = protocol::decode_bulk_execute(payload, prepared->parameters, prepared->types);
  if (!bulk.ok() || bulk->rows.empty() || had_long_data) co_return co_await refuse_bulk(BulkFault::arguments);

  routing::SessionFacts session = session_facts();
  session.client_multi_statements = true;
  session.schema = prepared->schema;
  const auto draw = static_cast<std::uint32_t>(worker_.random() % config::Percent::kWhole);
  const routing::Plan plan = routing::make_plan(prepared->facts, session, *flags_, leader(), draw);
  kept_.reset();
  if (plan.action != Action::refuse) hold_.note(prepared->facts);
  prepared->cursor = false;
  switch (plan.action) {
    case Action::refuse: {
      co_return co_await reply_refused(routing::refusal(plan.reason, prepared->facts));
    }
    case Action::write:
      if ((bulk->flags & ~protocol::kBulkSendsTypes) != 0) co_return co_await refuse_bulk(BulkFault::not_for_bulk);
      co_return co_await write_bulk(*prepared, *bulk);
    case Action::session_only:
    case Action::relay:
      co_return co_await relay_bulk(*prepared, plan.action, *bulk);
    default:  // transactions, SET and the like: the server does not take them either
      co_return co_await refuse_bulk(BulkFault::not_for_bulk);
  }
}

// In the server's words.
Task<Session::Next> Session::refuse_bulk(BulkFault fault) {
  constexpr std::uint16_t kErrWrongArguments = 1210;
  constexpr std::uint16_t kErrNotInPreparedProtocol = 1295;
  if (fault == BulkFault::arguments) {
    co_return co_await reply_err(kErrWrongArguments, "HY000", "Incorrect arguments to mysqld_stmt_bulk_execute");
  }
  co_return co_await reply_err(kErrNotInPreparedProtocol, "HY000",
                               "This command is not supported in the prepared statement protocol yet");
}

Task<Session::Next> Session::relay_bulk(Prepared& prepared, Action action, protocol::BulkExecute bulk) {
  if (action == Action::session_only) {
    const absl::Status ready = co_await before_session_only(prepared.facts);
    if (!ready.ok()) co_return co_await reply_lost(ready, leader());
  }
  auto leading = co_await leader_link(&prepared.facts);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  auto id = co_await backend_statement(**leading, prepared, nullptr);
  if (!id.ok()) co_return co_await reply_lost(id.status(), leader());
  bulk.statement_id = *id;
  // With its types in any case: a connection that has been attached anew has not heard of them.
  const protocol::Buffer body = protocol::encode_bulk_execute(bulk);
  const Numbers numbers =
      body.size() / protocol::kPayloadBytesMax + 1 == reply_sequence_ ? Numbers::kept : Numbers::anew;
  protocol::Buffer wire;
  protocol::append_command(wire, body);
  last_answered_ = leader();
  const TimePoint begun = worker_.reactor.now();
  expect_commit_of(prepared.facts);
  ResultEnd end;
  bool answered = false;
  absl::Status done = co_await (*leading)->send(wire, worker_.reactor.now() + kStatementMax);
  if (done.ok()) done = co_await relay(**leading, ResponseKind::execute, nullptr, &end, &answered, numbers);
  if (absl::IsCancelled(done) || (!done.ok() && answered)) co_return Next::close;
  if (!done.ok()) co_return co_await reply_lost(done, leader());
  after_statement(prepared.facts.kind, prepared.facts, end);
  note_relayed(routing::session_effect(prepared.facts, prepared.sql), prepared.facts, prepared.schema, end);
  count_relayed_write(prepared.facts, begun);
  if (prepared.facts.facts.has(routing::Fact::sets_last_insert_id)) last_insert_id_known_ = false;
  if (action == Action::session_only) {
    const absl::Status noted = co_await after_session_only(prepared.facts, prepared.schema, end);
    if (!noted.ok()) co_return Next::close;
  }
  co_return Next::go_on;
}

// All rows are judged before the first one runs. They run as executions of their own: only so is it known which id
// each row was given.
Task<Session::Next> Session::write_bulk(Prepared& prepared, protocol::BulkExecute bulk) {
  std::vector<dualwrite::ShipVerdict> verdicts;
  std::size_t bytes = kContextBytes;
  for (protocol::Reader reader(bulk.rows); !reader.at_end();) {
    auto row = protocol::take_bulk_row(reader, bulk.types);
    if (!row.ok()) co_return co_await refuse_bulk(BulkFault::arguments);
    if (row->instead_of_a_value) {
      std::string why = "crossfade: row " + std::to_string(verdicts.size() + 1) +
                        " of this bulk execution has DEFAULT or IGNORE in place of a value, which cannot be duplicated "
                        "exactly yet; give a value or NULL, or leave the column out of the statement";
      co_return co_await reply_not_supported(std::move(why));
    }
    protocol::Execute execute;
    execute.parameters = std::move(row->parameters);
    const std::size_t row_bytes = protocol::encode_execute(execute).size();
    bytes += prepared.sql.size() + row_bytes + kRowBytes;
    if (!log_.fits(bytes)) co_return co_await refuse_too_large();
    if (std::string no = why_too_large_to_repeat(std::max(row_bytes, prepared.sql.size())); !no.empty()) {
      co_return co_await refuse_too_large_to_repeat(std::move(no));
    }
    auto verdict = co_await judge_execution(prepared, &execute.parameters);
    if (!verdict.ok()) co_return co_await reply_unjudged(verdict.status());
    if (verdict->returning_at) {
      verdict->shippable = false;
      verdict->refusal = "crossfade: RETURNING in a bulk execution is not supported while writes are duplicated";
    }
    if (!verdict->shippable) {
      co_return co_await reply_not_supported(std::move(verdict->refusal));
    }
    verdicts.push_back(*std::move(verdict));
    // Others of this thread have their turn, and the stack ends here.
    if (verdicts.size() % kRowsPerTurn == 0) co_await worker_.reactor.sleep_for(std::chrono::milliseconds(0));
  }
  counters_.writes.add();
  const bool alone = !in_transaction_ && autocommit_;
  if (alone && shared_.applier.epoch() == 0) {
    co_return co_await reply_unreachable(absl::UnavailableError("the leader is not set up for dual writes yet"));
  }
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  BulkAnswer answer(prepared.shape);
  const TimePoint deadline = worker_.reactor.now() + kStatementMax;
  const bool marked = !alone && answer.is_one_statement() && verdicts.size() > 1;
  if (marked) {
    auto set = co_await (*ready)->run(std::string(kMark), deadline);
    if (!set.ok()) co_return co_await reply_lost(set.status(), leader());
    if (set->failed()) co_return co_await reply_lost(absl::InternalError(err_code(set->last().err)), leader());
  }
  const dualwrite::TableRef table = table_ref(prepared.shape.table, prepared.schema);
  std::vector<dualwrite::StatementRecord> records;
  std::optional<protocol::Err> err;
  protocol::Reader reader(bulk.rows);
  for (const dualwrite::ShipVerdict& verdict : verdicts) {
    protocol::Execute execute;
    execute.parameters = std::move(protocol::take_bulk_row(reader, bulk.types)->parameters);
    protocol::Buffer body = protocol::encode_execute(execute);
    const bool begin = alone && answer.rows() == 0;
    auto outcome = co_await run_recorded(prepared.sql, std::move(body), &prepared, verdict, table, begin);
    if (!outcome.ok()) co_return co_await reply_lost(outcome.status(), leader());
    if (outcome->lost) {
      in_transaction_ = false;
      log_.clear();
      counters_.lost_transactions.add();
      co_return co_await reply_err(lost_transaction());
    }
    if ((outcome->err || outcome->ok.warnings > 0) && answer.wants_conditions()) {
      auto shown = co_await link(leader())->query_rows("SHOW WARNINGS", 3, deadline);
      if (!shown.ok()) co_return co_await reply_lost(shown.status(), leader());
      for (const std::vector<protocol::Cell>& row : *shown) {
        const auto code = static_cast<std::uint16_t>(std::strtoul(row[1].value_or("0").c_str(), nullptr, 10));
        answer.add_condition({.level = row[0].value_or(""), .code = code, .message = row[2].value_or("")});
      }
    }
    if (outcome->err) {
      err = answer.failed(*std::move(outcome->err));
      break;
    }
    answer.add(outcome->ok, verdict.sets_last_insert_id);
    records.push_back(std::move(outcome->record));
  }
  if (answer.first_generated_id()) {  // of all rows, as after one statement
    last_insert_id_ = *answer.first_generated_id();
    last_insert_id_known_ = last_insert_id_dirty_ = true;
  }
  if (err && (answer.is_one_statement() || err->code == protocol::kErrDeadlock)) records.clear();
  if (alone) {
    co_return co_await end_bulk_alone(prepared, std::move(answer), std::move(err), std::move(records),
                                      verdicts.front().freeze_time);
  }
  if (marked && !(err && err->code == protocol::kErrDeadlock)) {
    const std::string_view to = err ? kBackToMark : kForgetMark;
    auto done = co_await link(leader())->run(std::string(to), deadline);
    if (!done.ok()) co_return co_await reply_lost(done.status(), leader());
    // Without the savepoint the transaction is gone: the next statement finds that out.
    if (done->failed() && done->last().err.code != kErrNoSuchSavepoint) {
      co_return co_await reply_lost(absl::InternalError(err_code(done->last().err)), leader());
    }
  }
  if (!records.empty()) in_transaction_ = true;
  const dualwrite::StatementContext context = write_context(&prepared);
  for (dualwrite::StatementRecord& record : records) {
    const absl::Status added = log_.add(context, std::move(record));
    if (!added.ok()) co_return co_await reply_lost(added, leader());  // closing rolls it back
  }
  kept_ = answer.kept(answer_form());
  last_answered_ = leader();
  if (err) {
    note_error(err->code);
    co_return co_await reply_err(*std::move(err));
  }
  protocol::Ok ok = answer.ok();
  ok.status &= static_cast<std::uint16_t>(~protocol::kStatusMoreResults);
  co_return co_await reply_ok(std::move(ok));
}

// The rows ran in a transaction of the proxy's: `records` are what is to stay.
Task<Session::Next> Session::end_bulk_alone(Prepared& prepared, BulkAnswer answer, std::optional<protocol::Err> err,
                                            std::vector<dualwrite::StatementRecord> records, bool reset_time) {
  if (records.empty()) {
    auto undone = co_await undo_write(err->code, reset_time);
    if (!undone.ok()) co_return co_await reply_lost(undone.status(), leader());
  } else {
    dualwrite::Entry entry;
    entry.contexts.push_back(write_context(&prepared));
    entry.statements = std::move(records);
    Committed done = co_await record_and_commit(std::move(entry), std::string(dualwrite::kCommit));
    next_transaction_read_committed_ = false;
    hold_.note_transaction_ended();
    if (done.fate == Committed::Fate::refused) co_return co_await reply_err(std::move(done.err));
    if (done.fate == Committed::Fate::unknown) {
      co_return co_await reply_lost(absl::UnavailableError("during COMMIT"), leader());
    }
  }
  last_answered_ = leader();
  kept_ = answer.kept(answer_form());
  if (err) co_return co_await reply_err(*std::move(err));
  co_return co_await reply_ok(unwrapped(answer.ok()));
}

}  // namespace crossfade::proxy
