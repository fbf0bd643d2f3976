// Rows one by one: which one does not fit, and what becomes of it.

#include "dualwrite/sql_text.h"
#include "dualwrite/table_ties.h"
#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/log_applier.h"

namespace crossfade::proxy {

using dualwrite::RowIdentity;
using dualwrite::RowsChange;
using dualwrite::StopCause;
using dualwrite::TableMapping;
using dualwrite::TableRef;

namespace {

// To BINLOG servers only say 1105 where a right to the table is missing. What needs that right, too, and does nothing.
std::string statement_for_rights(dualwrite::RowsKind kind, const TableMapping& how) {
  const std::string table = dualwrite::quote_name(how.target);
  std::string column;
  for (const dualwrite::DefinedColumn& each : how.follower.columns) {
    if (each.generated == dualwrite::DefinedColumn::Generated::no) column = dualwrite::quote_name(each.name);
  }
  switch (kind) {
    case dualwrite::RowsKind::insert:
      return "INSERT INTO " + table + " (" + column + ") SELECT " + column + " FROM " + table + " WHERE 1=0";
    case dualwrite::RowsKind::update:
      return "UPDATE " + table + " SET " + column + "=" + column + " WHERE 1=0";
    case dualwrite::RowsKind::delete_:
      return "DELETE FROM " + table + " WHERE 1=0";
  }
  return "";
}

}  // namespace

// As take_rows, but each row is looked at, applied and answered for by itself.
Task<absl::Status> LogApplier::apply_carefully(RowsChange change, config::OnDivergence policy) {
  const TableRef table{.schema = change.table->schema, .table = change.table->table};
  looped_ = looped_ || dualwrite::is_appliers_mark(setting_.schema, table);
  if (looped_ || !is_followed(table) || !setting_.stopped.takes(table, current_.at, stored_.applied)) {
    co_return absl::OkStatus();
  }
  Obstacle obstacle{.tied_to = around_.ties.tie(change, current_.at < stored_.applied)};
  const std::shared_ptr<const TableMapping> how = mapping(change);
  if (how->by == dualwrite::ApplyBy::nothing) obstacle.unmapped = how;
  if (obstacle.any()) co_return co_await stop_for(table, std::move(obstacle));
  around_.written.note(table);
  if (setting_.stopped.is_copying(table)) loosen_foreign_keys(change);
  const auto rows = dualwrite::count_rows(change);
  if (!rows.ok()) co_return rows.status();
  for (std::size_t i = 0; i < *rows; ++i) {
    const absl::Status alive = co_await setting_.guard.show_life(leader_);
    if (!alive.ok()) co_return alive;
    auto row = dualwrite::single_row(change, i);
    if (!row.ok()) co_return row.status();
    absl::StatusOr<std::string> why;
    if (change.overwrites) {
      why = co_await overwrite(*row, how);
    } else {
      why = co_await try_row(*row, how);
    }
    if (!why.ok()) co_return why.status();
    if (why->empty()) continue;
    const absl::Status settled = co_await diverged(*std::move(row), how, policy, *std::move(why));
    if (!settled.ok()) co_return settled;
  }
  co_return absl::OkStatus();
}

// Empty: applied. Otherwise what is wrong with the row; the transaction is open and has nothing of it.
Task<absl::StatusOr<std::string>> LogApplier::try_row(RowsChange row, std::shared_ptr<const TableMapping> how) {
  const TableRef table{.schema = row.table->schema, .table = row.table->table};
  if (setting_.stopped.is_copying(table)) {
    auto missing = missing_rows(row, *how);
    if (!missing.ok()) co_return std::string(missing.status().message());
    for (dualwrite::RowStatement& statement : *missing) add_row_statement(std::move(statement));
    std::vector<WriterStep> putting = std::exchange(steps_, {});
    auto put = co_await run_open(std::move(putting));
    if (!put.ok()) co_return put.status();
    if (*put && (*put)->err && is_of_the_server((*put)->err->code)) co_return co_await again(**put);
    if (*put) co_return "the follower refuses the row: " + ((*put)->err ? err_code(*(*put)->err) : std::string());
  }
  auto check = dualwrite::check_statement(row, 0, *how);
  if (!check.ok()) co_return std::string(check.status().message());
  // One that is too large to be asked for is too large to be sent, which is found below.
  if (!check->empty() && check->size() <= follower_.statement_bytes_max()) {
    std::vector<WriterStep> looking;
    looking.push_back({.sql = *std::move(check), .expect = WriterStep::Expect::one});
    auto looked = co_await run_open(std::move(looking));
    if (!looked.ok()) co_return looked.status();
    if (*looked && !(*looked)->err) co_return std::string("the follower's row is not as it was on the leader");
    if (*looked && is_of_the_server((*looked)->err->code)) co_return co_await again(**looked);
    if (*looked) co_return "the follower cannot compare the row: " + err_code(*(*looked)->err);
  }
  std::vector<WriterStep> steps;
  if (how->by == dualwrite::ApplyBy::events) {
    dualwrite::BinlogStatement event(follower_.statement_bytes_max());
    const absl::Status added = event.add(row, *how);
    if (!added.ok()) co_return std::string(added.message());
    for (std::string& sql : event.take()) steps.push_back({.sql = std::move(sql)});
  } else {
    auto statements = dualwrite::row_statements(row, *how);
    if (!statements.ok()) co_return std::string(statements.status().message());
    for (dualwrite::RowStatement& statement : *statements) add_row_statement(std::move(statement));
    steps = std::exchange(steps_, {});
  }
  for (const WriterStep& step : steps) {
    if (step.sql.size() > follower_.statement_bytes_max()) {
      co_return std::string("the row is larger than the follower's max_allowed_packet: raise it there");
    }
  }
  auto failure = co_await run_open(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (!*failure) co_return std::string();
  if (!(*failure)->err) co_return std::string("the follower has no such row");
  if (is_of_the_server((*failure)->err->code)) co_return co_await again(**failure);
  if (how->by == dualwrite::ApplyBy::events && (*failure)->err->code == protocol::kErrUnknown) {
    std::vector<WriterStep> asking;
    asking.push_back({.sql = statement_for_rights(row.kind, *how)});
    auto refused = co_await run_open(std::move(asking));
    if (!refused.ok()) co_return refused.status();
    if (*refused && (*refused)->err && is_of_the_server((*refused)->err->code)) co_return co_await again(**refused);
  }
  co_return "the follower refuses the row: " + err_code(*(*failure)->err);
}

Task<absl::Status> LogApplier::again(StepFailure failure) {
  const absl::Status undone = co_await follower_.rollback();
  if (!undone.ok()) co_return undone;
  co_return absl::AbortedError("the follower answered " + err_text(*failure.err) + "; trying again");
}

Task<absl::Status> LogApplier::diverged(RowsChange row, std::shared_ptr<const TableMapping> how,
                                        config::OnDivergence policy, std::string why) {
  const TableRef table{.schema = row.table->schema, .table = row.table->table};
  auto identity = dualwrite::identify_row(row, 0, *how, dualwrite::ShowValues::hashed);
  if (!identity.ok()) co_return identity.status();
  setting_.counters.divergences.add();
  ++counted_.divergences;
  if (policy == config::OnDivergence::overwrite || setting_.stopped.overwrites(table)) {
    row.flags |= dualwrite::kRowsNoForeignKeyChecks;  // what hangs on the row stays
    auto overwritten = co_await overwrite(std::move(row), how);
    if (!overwritten.ok()) co_return overwritten.status();
    if (overwritten->empty()) {
      closing_.push_back(dualwrite::insert_divergence(setting_.schema, table, why, *identity, current_.at,
                                                      dualwrite::LedgerState::resolved));
      limited_log().warn(LogKind::divergence,
                         "divergence table={}.{} row={} position={} overwritten=from_leader why=\"{}\"", table.schema,
                         table.table, identity->key, current_.at.text(), why);
      co_return absl::OkStatus();
    }
    why += "; it cannot be overwritten: " + *overwritten;
  }
  limited_log().error(LogKind::divergence, "divergence table={}.{} row={} position={} why=\"{}\"", table.schema,
                      table.table, identity->key, current_.at.text(), why);
  std::vector<std::string> ledger;
  ledger.push_back(
      dualwrite::insert_divergence(setting_.schema, table, why, *identity, current_.at, dualwrite::LedgerState::open));
  std::string reason = why + ", row " + identity->key;
  std::vector<TableRef> tables(1, table);
  co_return co_await stop_tables(std::move(tables), StopCause::divergence, std::move(reason), std::move(ledger));
}

// Empty: done. Otherwise why it cannot be.
Task<absl::StatusOr<std::string>> LogApplier::overwrite(RowsChange row, std::shared_ptr<const TableMapping> how) {
  auto statements = dualwrite::overwriting_statements(row, *how);
  if (!statements.ok()) co_return std::string(statements.status().message());
  std::vector<WriterStep> steps;
  for (dualwrite::RowStatement& statement : *statements) {
    steps.push_back({.sql = statement.no_foreign_key_checks ? "SET foreign_key_checks=0" : "SET foreign_key_checks=1"});
    steps.push_back({.sql = std::move(statement.sql)});
  }
  no_foreign_key_checks_ = false;
  steps.push_back({.sql = "SET foreign_key_checks=1"});
  auto failure = co_await run_open(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (!*failure) co_return std::string();
  if ((*failure)->err && is_of_the_server((*failure)->err->code)) co_return co_await again(**failure);
  auto restored = co_await follower_.ask("SET foreign_key_checks=1");
  if (!restored.ok()) co_return restored.status();
  co_return (*failure)->err ? err_code(*(*failure)->err) : std::string("another outcome than expected");
}

// What was read of its definitions may have been of a moment in the middle of a schema change: it is read again first.
// One that is tied to another stops with whatever else has to stand still as long as that one does.
Task<absl::Status> LogApplier::stop_for(TableRef table, Obstacle obstacle) {
  std::vector<TableRef> tables(1, table);
  std::vector<std::string> no_ledger;
  if (obstacle.tied_to) {
    for (TableRef& each : around_.ties.stopped_with(*obstacle.tied_to)) {
      if (each != table) tables.push_back(std::move(each));
    }
    std::string why = reason_of_ties(*obstacle.tied_to);
    co_return co_await stop_tables(std::move(tables), StopCause::parent, std::move(why), std::move(no_ledger));
  }
  std::shared_ptr<const TableMapping> how = std::move(obstacle.unmapped);
  const bool may_run_events = follower_.may_run_events();
  const auto kept = setting_.catalog.mapping(how->source, current_.at, setting_.makes, may_run_events);
  if (kept->by == dualwrite::ApplyBy::nothing) {
    const absl::Status undone = co_await follower_.rollback();
    if (!undone.ok()) co_return undone;
    auto again = co_await setting_.catalog.map_again(leader_, follower_.link(), how->source, current_.at,
                                                     setting_.makes, may_run_events);
    if (!again.ok()) co_return again.status();
    if ((*again)->by != dualwrite::ApplyBy::nothing) {
      co_return absl::AbortedError("what was read of table " + table.schema + "." + table.table + " (" + how->reason +
                                   ") did not hold");
    }
    how = *std::move(again);
  }
  // Definitions that agree again help no row that is in doubt.
  const StopCause cause = how->in_doubt ? StopCause::divergence : StopCause::definition;
  co_return co_await stop_tables(std::move(tables), cause, how->reason, std::move(no_ledger));
}

// With the tables that foreign keys tie to these where the log does not say what they do: applied alone, such a row
// could be one that the leader has deleted long since. From the transaction being taken on. What of it is on the
// follower already is rolled back, and read again without these tables.
Task<absl::Status> LogApplier::stop_tables(std::vector<TableRef> tables, StopCause cause, std::string reason,
                                           std::vector<std::string> ledger) {
  // What was caught up of them in this follower transaction is only read again once they have stopped if it is kept.
  if (!setting_.stopped.released().empty()) {
    const absl::Status kept = keep_what_came_before();
    if (!kept.ok()) co_return kept;
  }
  const absl::Status undone = co_await follower_.rollback();
  if (!undone.ok()) co_return undone;
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "BEGIN"});
  steps.push_back({.sql = dualwrite::lock_position(setting_.schema, setting_.leader, setting_.owner)});
  std::vector<dualwrite::StoppedTable> stopping;
  std::vector<TableRef> children;
  if (setting_.makes.cascades_are_silent()) {
    children = dualwrite::tables_stopped_with(setting_.catalog.leader(), tables);
  }
  const std::string why_children = tables.empty() ? std::string() : reason_of_ties(tables.front());
  for (std::size_t i = 0; i < tables.size() + children.size(); ++i) {
    const bool is_child = i >= tables.size();
    const TableRef& table = is_child ? children[i - tables.size()] : tables[i];
    const dualwrite::StoppedTable* before = setting_.stopped.find(table);
    const bool is_copy = before != nullptr && before->is_copy();
    if (is_child && before != nullptr && before->catch_up == dualwrite::CatchUp::none) continue;
    // What was copied of it stays a part: it must not go on by itself.
    const StopCause own_cause = is_child ? StopCause::parent : cause;
    dualwrite::StoppedTable stopped{.table = table,
                                    .cause = is_copy ? StopCause::copy : own_cause,
                                    .since = current_.at,
                                    .reason = is_child ? why_children : reason,
                                    .stopped_at = unix_seconds()};
    // One that was being caught up is stopped again where it has come to.
    steps.push_back({.sql = dualwrite::delete_stopped(setting_.schema, table)});
    steps.push_back({.sql = dualwrite::insert_stopped(setting_.schema, stopped)});
    stopping.push_back(std::move(stopped));
  }
  for (std::string& sql : ledger) steps.push_back({.sql = std::move(sql)});
  steps.push_back(commit_step());
  auto failure = co_await follower_.run(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (*failure) co_return absl::UnavailableError("the follower does not keep which tables are stopped");
  for (dualwrite::StoppedTable& stopped : stopping) {
    limited_log().error(LogKind::parked, "table={}.{} stopped position={} why=\"{}\"", stopped.table.schema,
                        stopped.table.table, stopped.since.text(), stopped.reason);
    setting_.stopped.stop(std::move(stopped));
  }
  co_return absl::AbortedError("a table was stopped");
}

}  // namespace crossfade::proxy
