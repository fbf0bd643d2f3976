// Tables of the ledger are repaired without anybody asking (`dual_write.repair: auto`): they are compared by a job of
// `verify`, slowly, and what that has found is repaired by one of this kind.

#include <algorithm>
#include <utility>

#include "dualwrite/log_control.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/repair.h"

namespace crossfade::proxy {

using migrate::JobRecord;

namespace {

constexpr auto kLedgerLook = std::chrono::seconds(5);
constexpr auto kComparePause = std::chrono::minutes(1);  // between two comparisons that are ordered here
constexpr std::uint32_t kCompareBusyPpm = 100000;

}  // namespace

// Only one at a time, and never beside one that somebody has asked for.
Task<absl::Status> Repair::between_jobs() {
  if (!compare || Clock::now() < next_look_) co_return absl::OkStatus();
  next_look_ = Clock::now() + kLedgerLook;
  auto asked = co_await ask(migrate::select_job(setting_.schema, "verify"));
  if (!asked.ok()) co_return asked.status();
  auto last = migrate::job_from(*asked);
  if (!last.ok()) co_return last.status();
  if (*last && !migrate::is_over((*last)->state)) co_return absl::OkStatus();
  if (*last) {
    const absl::Status repaired = co_await repair_findings(**last);
    if (!repaired.ok()) co_return repaired;
    if (job_ && !migrate::is_over(job_->record.state)) co_return absl::OkStatus();
  }
  if (Clock::now() < next_compare_) co_return absl::OkStatus();
  auto ledger = co_await ask(dualwrite::select_open_ledger_tables(setting_.schema));
  if (!ledger.ok()) co_return ledger.status();
  // Stopped tables are neither compared nor repaired.
  const bool any = std::any_of(ledger->rows.begin(), ledger->rows.end(), [this](const auto& row) {
    std::string why;
    return row.size() == 2 && !is_stopped({.schema = row[0].value_or(""), .table = row[1].value_or("")}, &why);
  });
  if (!any) co_return absl::OkStatus();
  next_compare_ = Clock::now() + kComparePause;
  const auto ordered =
      compare({{"of_ledger", true}, {"automatic", true}, {"parallel", 1}, {"busy_ppm", kCompareBusyPpm}});
  const std::string said = ordered.ok() ? *ordered : std::string(ordered.status().message());
  limited_log().warn(LogKind::applier_state, "repair=auto ledger=\"{}\"", said);
  co_return absl::OkStatus();
}

// Of a comparison that was ordered here, once. What others have ordered is theirs.
Task<absl::Status> Repair::repair_findings(JobRecord comparison) {
  const auto options = migrate::parse_verify_options(nlohmann::json::parse(comparison.options, nullptr, false));
  const bool is_ours = options.ok() && options->automatic && comparison.state != migrate::JobState::cancelled;
  const bool is_done = job_ && job_->record.id > comparison.id;
  if (!is_ours || is_done) co_return absl::OkStatus();
  auto counts = co_await ask(migrate::count_differences(setting_.schema, comparison.id));
  if (!counts.ok()) co_return counts.status();
  const bool any = std::any_of(counts->rows.begin(), counts->rows.end(),
                               [](const auto& row) { return row.size() == 5 && to_number(row[4]) > 0; });
  if (!any) co_return absl::OkStatus();
  ++started_by_itself_;
  auto started = co_await start_job(nlohmann::json::object());
  co_return started.status();
}

}  // namespace crossfade::proxy
