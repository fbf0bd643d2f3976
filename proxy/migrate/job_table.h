// What every job knows of a table whose work is a coroutine of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "migrate/job_control.h"
#include "proxy/backend/server_errors.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

struct JobTable {
  migrate::TableRecord record;
  bool running = false;  // its coroutine is
  bool ended = false;    // it has ended, with `outcome`
  absl::Status outcome;
  std::string trying;  // why what it does now is done again
};

inline std::string shown_reason(const JobTable& table) {
  const bool tries = table.running && !table.trying.empty() && table.record.reason.empty();
  return tries ? "tries again: " + table.trying : table.record.reason;
}

// What has become of tables that are no longer under way. `end`, of a table and the reason: it has failed by itself.
// A failed Status: nothing of the job can go on now.
template <typename Table, typename End>
Task<absl::Status> settle_ended(const std::vector<std::unique_ptr<Table>>& tables, End end) {
  absl::Status first;
  for (const auto& table : tables) {
    if (!table->ended) continue;
    table->ended = false;
    const absl::Status outcome = told_apart(std::exchange(table->outcome, absl::OkStatus()));
    if (outcome.ok()) continue;
    const bool is_its_own = absl::IsFailedPrecondition(outcome) || absl::IsNotFound(outcome);
    absl::Status ended = outcome;
    std::string reason(outcome.message());
    if (is_its_own) ended = co_await end(*table, std::move(reason));
    if (first.ok()) first = ended;
  }
  co_return first;
}

}  // namespace crossfade::proxy
