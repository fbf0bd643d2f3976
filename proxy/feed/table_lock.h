// LOCK TABLES at the end of a schema change. While it waits, everybody waits behind it who begins to use one of the
// tables; `changes` is one of them, and so that is everybody who writes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "dualwrite/table_ref.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// What the leader's refusal says. Aborted: a lock was not to be had in time, or not without a deadlock. Unavailable:
// the server goes away. Otherwise FailedPrecondition.
absl::Status failure_of(const protocol::Err& err);
// A statement without rows; fails so.
Task<absl::Status> run_locking(BackendLink& link, std::string sql);

struct TableLock {
  std::string changes{};                     // its control schema
  std::vector<dualwrite::TableRef> write{};  // beside `changes`
  std::vector<dualwrite::TableRef> read{};   // nobody writes to these
  std::chrono::milliseconds patience{100};
};

// Between two tries: others wait for a tenth of the time.
inline constexpr int kPausesForEach = 9;

struct LockOutcome {
  absl::Status status;
  std::chrono::milliseconds blocked{0};  // so long others may have waited for nothing
};

// Ok: it is had. Aborted: it was not to be had without others having to wait for longer than `patience`. MySQL waits a
// second at least; there it is looked first whether a transaction, or a statement, has a table for longer than a moment
// (that is not asked of a server without performance_schema), for a second at most, and nothing is tried while one has.
Task<LockOutcome> lock_tables(BackendLink& link, TableLock lock);

// MySQL's metadata locks that stand in the way of `lock`: one text each, the same as long as it is held.
std::string holders_query(const TableLock& lock);

}  // namespace crossfade::proxy
