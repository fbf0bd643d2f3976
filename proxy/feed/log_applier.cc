#include "proxy/feed/log_applier.h"

#include <algorithm>
#include <variant>

#include "dualwrite/chunk_marker.h"
#include "dualwrite/trigger/capture_control.h"
#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"

namespace crossfade::proxy {

using dualwrite::LogAdvance;
using dualwrite::LoggedStatement;
using dualwrite::LogItem;
using dualwrite::LogPosition;
using dualwrite::RowsChange;
using dualwrite::TableMapping;
using dualwrite::TableRef;
using dualwrite::TransactionBegin;
using dualwrite::TransactionEnd;

namespace {

constexpr std::size_t kTransactionsMax = 500;     // of the leader, in one of the follower
constexpr std::size_t kBatchBytesMax = 4u << 20;  // built; then it is sent
constexpr std::size_t kStatementBytesMax = 2u << 20;
constexpr auto kAdvanceInterval = std::chrono::milliseconds(500);

// Why such a change could be applied to no table; empty: it can.
std::string why_not(const RowsChange& change) {
  switch (change.doubt) {
    case RowsChange::Doubt::savepoint:
      return "a transaction was rolled back to a savepoint that the leader's log does not tell from another, or behind "
             "which there is too much: which rows stay is not known; copy the table anew";
    case RowsChange::Doubt::branch:
      return "a prepared XA transaction has more rows than can be kept until it is committed; copy the table anew";
    case RowsChange::Doubt::none:
      break;
  }
  if (change.complete) return "";
  return "a session of the leader logs incomplete rows: SET GLOBAL binlog_row_image='FULL', reconnect its clients, and "
         "copy the table anew";
}

}  // namespace

LogApplier::LogApplier(ApplierSetting setting, FollowerWriter& follower, BackendLink& leader,
                       dualwrite::StoredPosition stored)
    : setting_(std::move(setting)),
      follower_(follower),
      leader_(leader),
      stored_(std::move(stored)),
      events_(std::min(kStatementBytesMax, follower.statement_bytes_max())),
      around_({.written = WrittenTables(setting_.catalog),
               .ties = AppliedTies(setting_.catalog, setting_.stopped, setting_.makes)}),
      next_(stored_),
      random_(static_cast<std::uint32_t>(stored_.applied.offset) + 1) {}

LogApplier::~LogApplier() {
  if (loader_) loader_->abandon();
}

Task<absl::Status> LogApplier::apply(LogQueue& queue, config::OnDivergence policy) {
  absl::Status status;
  if (!in_transaction_) status = co_await close_chunks();
  bool taken = false;
  while (status.ok() && !queue.items.empty()) {
    const bool between = !in_transaction_ && std::holds_alternative<LogAdvance>(queue.items.front());
    if (queue.ends == 0 && queue.bytes < kBatchBytesMax && !between) break;
    status = co_await take(queue.pop(), policy);
    taken = true;
  }
  if (!status.ok()) co_return status;
  // The follower is busy: there is time to take more.
  if (taken && under_way_) co_return status;
  if (in_transaction_) co_return co_await settle();
  co_return co_await hand_over();
}

Task<absl::Status> LogApplier::take(LogItem item, config::OnDivergence policy) {
  absl::Status status;
  if (auto* begin = std::get_if<TransactionBegin>(&item)) {
    current_ = std::move(*begin);
    in_transaction_ = true;
    looped_ = false;
  } else if (auto* rows = std::get_if<RowsChange>(&item)) {
    if (const auto token = dualwrite::marker_token(*rows, setting_.schema)) {
      status = co_await take_marker(*token);
      co_return status;
    }
    const TableRef table{.schema = rows->table->schema, .table = rows->table->table};
    if (is_followed(table)) {
      setting_.chunks.changed.note(table, Clock::now());
      status = co_await wait_for_chunks_of(table);
    }
    if (status.ok() && current_.at < careful_through_) {
      status = co_await settle();
      if (status.ok()) status = co_await apply_carefully(std::move(*rows), policy);
    } else if (status.ok()) {
      Obstacle obstacle;
      status = take_rows(std::move(*rows), &obstacle);
      if (status.ok() && obstacle.any()) status = co_await settle();
      if (status.ok() && obstacle.any()) status = co_await stop_for(table, std::move(obstacle));
    }
    if (status.ok() && built_bytes_ >= kBatchBytesMax) status = co_await flush();
  } else if (auto* statement = std::get_if<LoggedStatement>(&item)) {
    status = co_await settle();
    if (status.ok()) status = co_await wait_for_chunks();
    if (status.ok()) status = co_await take_statement(std::move(*statement));
  } else if (auto* end = std::get_if<TransactionEnd>(&item)) {
    const bool careful = current_.at < careful_through_;
    take_end(*end);
    if (careful || must_store_) {
      status = co_await commit();
    } else if (transactions_ >= kTransactionsMax || built_bytes_ >= kBatchBytesMax) {
      status = co_await hand_over();
    }
  } else if (auto* advance = std::get_if<LogAdvance>(&item)) {
    status = co_await take_advance(std::move(*advance));
  }
  co_return status;
}

// The servers' own schemas, and ours, belong to each side alone.
bool LogApplier::is_followed(const TableRef& table) const {
  return table.schema != setting_.schema && table.schema != "mysql" && table.schema != "sys" &&
         table.schema != "information_schema" && table.schema != "performance_schema";
}

std::shared_ptr<const TableMapping> LogApplier::mapping(const RowsChange& change) {
  auto found = setting_.catalog.mapping(change.table, current_.at, setting_.makes, follower_.may_run_events());
  std::string reason = why_not(change);
  if (reason.empty() || found->by == dualwrite::ApplyBy::nothing) return found;
  auto incomplete = std::make_shared<TableMapping>(*found);
  incomplete->by = dualwrite::ApplyBy::nothing;
  incomplete->reason = std::move(reason);
  incomplete->in_doubt = change.doubt != RowsChange::Doubt::none;
  return incomplete;
}

absl::Status LogApplier::take_rows(RowsChange change, Obstacle* obstacle) {
  const TableRef table{.schema = change.table->schema, .table = change.table->table};
  looped_ = looped_ || dualwrite::is_appliers_mark(setting_.schema, table);
  if (looped_ || !is_followed(table) || !setting_.stopped.takes(table, current_.at, stored_.applied)) {
    return absl::OkStatus();
  }
  if (setting_.fault.strikes(FeedFault::Kind::skip)) return absl::OkStatus();
  obstacle->tied_to = around_.ties.tie(change, current_.at < stored_.applied);
  if (obstacle->any()) return absl::OkStatus();
  around_.written.note(table);
  if (change.overwrites) return take_refresh(std::move(change), obstacle);
  const std::shared_ptr<const TableMapping> how = mapping(change);
  if (how->by == dualwrite::ApplyBy::nothing) {
    obstacle->unmapped = how;
    return absl::OkStatus();
  }
  absl::Status added;
  if (setting_.stopped.is_copying(table)) {
    loosen_foreign_keys(change);
    auto missing = missing_rows(change, *how);
    added = missing.status();
    collect_events();
    if (missing.ok()) {
      for (dualwrite::RowStatement& statement : *missing) add_row_statement(std::move(statement));
    }
  }
  sample(change, *how);
  const int times = setting_.fault.strikes(FeedFault::Kind::twice) ? 2 : 1;
  for (int i = 0; i < times && added.ok(); ++i) {
    if (how->by == dualwrite::ApplyBy::events) {
      added = events_.add(change, *how);
      built_bytes_ += change.bytes() * 4 / 3;
    } else {
      collect_events();
      auto statements = dualwrite::row_statements(change, *how);
      if (!statements.ok()) {
        added = statements.status();
        break;
      }
      for (dualwrite::RowStatement& statement : *statements) add_row_statement(std::move(statement));
    }
  }
  if (added.ok()) return added;
  // Found again, and named, row by row.
  be_careful();
  return absl::AbortedError(std::string(added.message()));
}

// A row as it is now, whatever the follower has of it.
absl::Status LogApplier::take_refresh(RowsChange change, Obstacle* obstacle) {
  const std::shared_ptr<const TableMapping> how = mapping(change);
  if (how->by == dualwrite::ApplyBy::nothing) {
    obstacle->unmapped = how;
    return absl::OkStatus();
  }
  auto statements = dualwrite::overwriting_statements(change, *how);
  if (!statements.ok()) {
    be_careful();
    return absl::AbortedError(std::string(statements.status().message()));
  }
  collect_events();
  for (dualwrite::RowStatement& statement : *statements) {
    statement.affected = dualwrite::kAnyAffected;
    add_row_statement(std::move(statement));
  }
  return absl::OkStatus();
}

// Through the transaction being taken, or the last one that was.
void LogApplier::be_careful() {
  LogPosition through = in_transaction_ ? LogPosition{current_.at.file, current_.at.offset + 1} : caught_up_to_;
  if (careful_through_ < through) careful_through_ = std::move(through);
}

void LogApplier::add_row_statement(dualwrite::RowStatement statement) {
  if (statement.no_foreign_key_checks != no_foreign_key_checks_) {
    no_foreign_key_checks_ = statement.no_foreign_key_checks;
    steps_.push_back({.sql = no_foreign_key_checks_ ? "SET foreign_key_checks=0" : "SET foreign_key_checks=1"});
  }
  built_bytes_ += statement.sql.size();
  steps_.push_back(
      {.sql = std::move(statement.sql), .expect = WriterStep::Expect::affected, .affected = statement.affected});
}

// Rows events find their row by its key alone. A share of the rows is looked at before, whether it is as it was on the
// leader.
void LogApplier::sample(const RowsChange& change, const TableMapping& how) {
  if (how.by != dualwrite::ApplyBy::events || change.kind == dualwrite::RowsKind::insert) return;
  if (random_() % config::Percent::kWhole >= setting_.config.check_rows_percent.ppm()) return;
  const auto rows = dualwrite::count_rows(change);
  if (!rows.ok() || *rows == 0) return;
  auto check = dualwrite::check_statement(change, random_() % *rows, how);
  if (!check.ok() || check->empty()) return;
  collect_events();
  built_bytes_ += check->size();
  steps_.push_back({.sql = *std::move(check), .expect = WriterStep::Expect::one});
}

// What is built of events becomes steps, so that a step behind it keeps its place.
void LogApplier::collect_events() {
  if (events_.empty()) return;
  for (std::string& statement : events_.take()) steps_.push_back({.sql = std::move(statement)});
}

void LogApplier::take_end(const TransactionEnd& end) {
  in_transaction_ = false;
  ++transactions_;
  if (!current_.gtid.empty()) gtids_.push_back(current_.gtid);
  if (end.next > next_.applied) {
    next_.applied = end.next;
    next_.resume = end.resume;
    next_.file_time = end.resume.file == end.next.file ? end.file_time : 0;
    next_.gtid = current_.gtid;
  }
  caught_up_to_ = end.next;
  if (end.taken.empty()) return;
  closing_.push_back(dualwrite::store_taken(setting_.schema, setting_.leader, end.taken));
  must_store_ = true;
}

// Nothing to apply up to here. It is stored now and then, so that a leader may purge what is behind.
Task<absl::Status> LogApplier::take_advance(LogAdvance advance) {
  if (in_transaction_) co_return absl::OkStatus();
  caught_up_to_ = advance.next;
  if (advance.next > next_.applied) {
    next_.file_time = advance.resume.file == advance.next.file ? advance.file_time : 0;
    next_.applied = std::move(advance.next);
    next_.resume = std::move(advance.resume);
  }
  if (Clock::now() >= next_advance_ && next_.applied != stored_.applied) must_store_ = true;
  co_return co_await commit();
}

// In front of COMMIT: how far the follower is then, and how far the tables that are being caught up.
std::vector<std::string> LogApplier::position_statements() {
  std::vector<std::string> out;
  for (const TableRef& table : setting_.stopped.released()) {
    if (caught_up_to_ >= stored_.applied) {
      out.push_back(dualwrite::delete_stopped(setting_.schema, table));
    } else if (caught_up_to_ > setting_.stopped.all().at(table).since) {
      out.push_back(dualwrite::move_stopped(setting_.schema, table, caught_up_to_));
    }
  }
  if (next_.applied != stored_.applied || next_.resume != stored_.resume) {
    out.push_back(dualwrite::update_position(setting_.schema, setting_.leader, next_, setting_.owner));
  }
  return out;
}

// In a transaction of ours, which begins here where none is open.
std::vector<WriterStep> LogApplier::opened(std::vector<WriterStep> steps) {
  if (!open_) {
    std::vector<WriterStep> begin;
    begin.push_back({.sql = "BEGIN"});
    begin.push_back({.sql = dualwrite::lock_position(setting_.schema, setting_.leader, setting_.owner)});
    steps.insert(steps.begin(), std::make_move_iterator(begin.begin()), std::make_move_iterator(begin.end()));
  }
  open_ = true;
  return steps;
}

Task<absl::StatusOr<std::optional<StepFailure>>> LogApplier::run_open(std::vector<WriterStep> steps) {
  co_return co_await follower_.run(opened(std::move(steps)));
}

Task<absl::Status> LogApplier::flush() {
  const absl::Status before = co_await settle();
  if (!before.ok()) co_return before;
  collect_events();
  built_bytes_ = 0;
  if (steps_.empty()) co_return absl::OkStatus();
  if (const absl::Status fits = check_sizes(); !fits.ok()) co_return fits;
  std::vector<WriterStep> steps = std::move(steps_);
  steps_.clear();
  auto failure = co_await run_open(std::move(steps));
  if (!failure.ok()) co_return failure.status();
  if (*failure) co_return co_await failed(**failure);
  co_return absl::OkStatus();
}

Task<absl::Status> LogApplier::commit() {
  const absl::Status given = co_await hand_over();
  if (!given.ok()) co_return given;
  co_return co_await settle();
}

Task<absl::Status> LogApplier::come_to_rest(OpenOne large) {
  if (!in_transaction_) co_return co_await commit();
  const absl::Status settled = co_await settle();
  co_return settled.ok() && large == OpenOne::ends ? keep_what_came_before() : settled;
}

// Sends what is built as a whole, once what was sent before is there.
Task<absl::Status> LogApplier::hand_over() {
  const absl::Status before = co_await settle();
  if (!before.ok()) co_return before;
  const absl::Status known = co_await around_.written.know(follower_);
  if (!known.ok()) co_return known;
  collect_events();
  const bool catching_up = !setting_.stopped.released().empty();
  if (caught_up_to_ >= stored_.applied && catching_up) must_store_ = true;
  Batch batch{.next = next_,
              .gtids = std::exchange(gtids_, {}),
              .transactions = std::exchange(transactions_, 0),
              .loaded = std::exchange(loaded_, {})};
  if (steps_.empty() && !open_ && !must_store_) {
    note_processed(std::move(batch));
    co_return absl::OkStatus();
  }
  if (const absl::Status fits = check_sizes(); !fits.ok()) co_return fits;
  std::vector<WriterStep> steps = std::exchange(steps_, {});
  for (WriterStep& look : around_.written.take_looks()) steps.push_back(std::move(look));
  if (no_foreign_key_checks_) steps.push_back({.sql = "SET foreign_key_checks=1"});
  no_foreign_key_checks_ = false;
  for (std::string& sql : position_statements()) steps.push_back({.sql = std::move(sql)});
  for (std::string& sql : std::exchange(closing_, {})) steps.push_back({.sql = std::move(sql)});
  steps.push_back(commit_step());
  steps = opened(std::move(steps));
  open_ = false;
  must_store_ = false;
  built_bytes_ = 0;
  under_way_ = std::move(batch);
  const absl::Status sent = co_await follower_.start(std::move(steps));
  if (!sent.ok()) {
    under_way_.reset();
    co_return sent;
  }
  // Which rows of these tables are taken hangs on what is stored.
  if (catching_up) co_return co_await settle();
  co_return absl::OkStatus();
}

Task<absl::Status> LogApplier::settle() {
  const absl::Status alive = co_await setting_.guard.show_life(leader_);
  if (!alive.ok()) co_return alive;
  if (!under_way_) co_return absl::OkStatus();
  auto failure = co_await follower_.finish();
  Batch batch = *std::exchange(under_way_, std::nullopt);
  if (!failure.ok()) co_return failure.status();
  if (*failure) co_return co_await failed(**failure);
  note_committed(batch);
  setting_.counters.applied_entries.add(batch.transactions);
  setting_.counters.applied_batches.add();
  note_processed(std::move(batch));
  co_return absl::OkStatus();
}

// Waits are for what is on the follower, stored or not: of the rest there was nothing to apply.
void LogApplier::note_processed(Batch batch) {
  counted_.transactions += batch.transactions;
  for (std::string& gtid : batch.gtids) setting_.commits.remember(std::move(gtid));
  setting_.commits.processed(batch.next.applied);
}

void LogApplier::note_committed(const Batch& batch) {
  for (const TableRef& table : setting_.stopped.released()) {
    if (caught_up_to_ >= stored_.applied) {
      limited_log().warn(LogKind::parked, "table={}.{} resumed=\"caught up\"", table.schema, table.table);
      setting_.stopped.resume(table);
    } else if (caught_up_to_ > setting_.stopped.all().at(table).since) {
      setting_.stopped.move(table, caught_up_to_);
    }
  }
  for (const std::shared_ptr<Chunk>& chunk : batch.loaded) {
    if (chunk->last) {
      limited_log().warn(LogKind::parked, "table={}.{} copied=true", chunk->table.schema, chunk->table.table);
      setting_.stopped.resume(chunk->table);
    }
    setting_.chunks.done(*chunk);
  }
  stored_ = batch.next;
  next_advance_ = Clock::now() + kAdvanceInterval;
}

// To a packet that is too large a server answers by closing: the row is to be found first.
absl::Status LogApplier::check_sizes() {
  for (const WriterStep& step : steps_) {
    if (step.sql.size() <= follower_.statement_bytes_max()) continue;
    be_careful();
    return absl::AbortedError("a row is larger than what the follower takes; looking for it");
  }
  return absl::OkStatus();
}

// A step of the transaction did not come out as it must. Whoever is to blame is found by reading again.
Task<absl::Status> LogApplier::failed(StepFailure failure) {
  setting_.counters.applier_retries.add();
  const absl::Status undone = co_await follower_.rollback();
  if (!undone.ok()) co_return undone;
  if (failure.err && failure.err->code == dualwrite::kErrNotOwner) {
    co_return absl::PermissionDeniedError("another proxy has taken over as the applier");
  }
  if (failure.is_of_a_state && !(failure.err && is_of_the_server(failure.err->code))) {
    co_return around_.written.are_others("a table that was written");
  }
  const std::string what = failure.err ? err_code(*failure.err) : std::string("an outcome that is not the leader's");
  if (failure.err && is_of_the_server(failure.err->code)) {
    // Less at a time may do.
    if (failure.err->code == protocol::kErrTransactionCacheFull) be_careful();
    co_return absl::AbortedError("the follower answered " + err_text(*failure.err) + "; trying again");
  }
  be_careful();
  co_return absl::AbortedError("the follower answered " + what + "; looking for the row");
}

}  // namespace crossfade::proxy
