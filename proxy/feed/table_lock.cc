#include "proxy/feed/table_lock.h"

#include <algorithm>
#include <set>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "protocol/error_codes.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

namespace {

constexpr auto kLockMax = std::chrono::minutes(1);
constexpr auto kLockingMax = std::chrono::minutes(10);
constexpr auto kLooksMax = std::chrono::seconds(1);

std::string lock_statement(const TableLock& lock) {
  const std::string changes = dualwrite::changes_table(lock.changes);
  std::string sql = "LOCK TABLES " + changes + " WRITE," + changes + " AS " + std::string(dualwrite::kMoving) +
                    " WRITE," + dualwrite::quote_name(lock.changes) + ".`captured` WRITE";
  for (const TableRef& table : lock.write) sql += "," + dualwrite::quote_name(table) + " WRITE";
  for (const TableRef& table : lock.read) sql += "," + dualwrite::quote_name(table) + " READ";
  return sql;
}

std::string is_of(const TableRef& table) {
  return "(OBJECT_SCHEMA=" + dualwrite::quote_text(table.schema) +
         " AND OBJECT_NAME=" + dualwrite::quote_text(table.table) + ")";
}

// Those who have had them since a moment ago. Of a server that does not say: none.
Task<absl::StatusOr<bool>> is_held(BackendLink& link, std::string question) {
  std::set<std::string> before;
  for (int looks = 0; looks < 2; ++looks) {
    if (looks > 0) {
      const absl::Status slept = co_await run_locking(link, "DO SLEEP(0.05)");
      if (!slept.ok()) co_return slept;
    }
    auto held = co_await link.query_rows(question, 1, Clock::now() + kLockMax);
    if (absl::IsFailedPrecondition(held.status())) co_return false;
    if (!held.ok()) co_return held.status();
    std::set<std::string> now;
    for (const auto& row : *held) now.insert(row[0].value_or(""));
    if (looks > 0) {
      co_return std::any_of(now.begin(), now.end(), [&before](const auto& each) { return before.contains(each); });
    }
    if (now.empty()) co_return false;
    before = std::move(now);
  }
  co_return false;
}

Task<absl::Status> wait_for_holders(BackendLink& link, TableLock lock) {
  const std::string question = holders_query(lock);
  const TimePoint until = Clock::now() + kLooksMax;
  for (;;) {
    auto held = co_await is_held(link, question);
    if (!held.ok()) co_return held.status();
    if (!*held) co_return absl::OkStatus();
    if (Clock::now() >= until) co_return absl::AbortedError("an open transaction has one of its tables, or `changes`");
  }
}

}  // namespace

absl::Status failure_of(const protocol::Err& err) {
  const bool busy = err.code == protocol::kErrLockWaitTimeout || err.code == protocol::kErrDeadlock ||
                    err.code == protocol::kErrStatementTimeout;
  if (busy) return absl::AbortedError(err_text(err));
  if (err.code == protocol::kErrServerShutdown) return absl::UnavailableError(err_text(err));
  return absl::FailedPreconditionError(err_text(err));
}

Task<absl::Status> run_locking(BackendLink& link, std::string sql) {
  auto done = co_await link.run(std::move(sql), Clock::now() + kLockingMax);
  if (!done.ok()) co_return done.status();
  co_return done->failed() ? failure_of(done->last().err) : absl::OkStatus();
}

std::string holders_query(const TableLock& lock) {
  std::string written = is_of({.schema = lock.changes, .table = "changes"});
  for (const TableRef& table : lock.write) written += " OR " + is_of(table);
  std::string read;
  for (const TableRef& table : lock.read) read += (read.empty() ? "" : " OR ") + is_of(table);
  return "SELECT CONCAT(OWNER_THREAD_ID,':',OWNER_EVENT_ID,':',OBJECT_INSTANCE_BEGIN) FROM "
         "performance_schema.metadata_locks WHERE OBJECT_TYPE='TABLE' AND LOCK_STATUS='GRANTED' AND "
         "OWNER_THREAD_ID<>PS_CURRENT_THREAD_ID() AND LOCK_TYPE NOT IN ('SHARED','SHARED_HIGH_PRIO') AND ((" +
         written + ")" + (read.empty() ? "" : " OR (LOCK_TYPE<>'SHARED_READ' AND (" + read + "))") + ")";
}

Task<LockOutcome> lock_tables(BackendLink& link, TableLock lock) {
  LockOutcome out;
  const bool mariadb = link.is_mariadb();
  if (mariadb) {
    const std::string seconds = std::to_string(lock.patience.count() / 1000) + "." +
                                std::to_string(1000 + lock.patience.count() % 1000).substr(1);
    out.status = co_await run_locking(link, "SET SESSION max_statement_time=" + seconds);
  } else {
    out.status = co_await wait_for_holders(link, lock);
  }
  if (!out.status.ok()) co_return out;
  const TimePoint begun = Clock::now();
  out.status = co_await run_locking(link, lock_statement(lock));
  if (!out.status.ok()) out.blocked = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
  if (mariadb) {
    const absl::Status reset = co_await run_locking(link, "SET SESSION max_statement_time=0");
    if (out.status.ok()) out.status = reset;
  }
  co_return out;
}

}  // namespace crossfade::proxy
