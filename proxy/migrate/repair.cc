#include "proxy/migrate/repair.h"

#include <algorithm>
#include <utility>

#include "dualwrite/log_control.h"
#include "proxy/backend/server_errors.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::JobState;
using migrate::RepairOptions;
using migrate::TableRecord;
using migrate::TableState;

namespace {

constexpr std::string_view kRepairKind = "repair";

std::string full_text(const dualwrite::TableRef& table) { return table.schema + "." + table.table; }

std::string rows_text(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " row" : " rows"); }

}  // namespace

Repair::Repair(JobSetting setting, RowFeed& feed, Metrics& metrics)
    : JobRunner(std::string(kRepairKind), std::move(setting), feed, metrics) {}

Repair::~Repair() { stop(); }

Task<absl::Status> Repair::load_job() {
  job_.reset();
  auto stored = co_await read_job();
  if (!stored.ok()) co_return stored.status();
  if (!*stored) co_return absl::OkStatus();
  auto job = std::make_unique<Job>();
  job->record = std::move((*stored)->record);
  auto options = migrate::parse_repair_options(nlohmann::json::parse(job->record.options, nullptr, false));
  if (!options.ok()) co_return options.status();
  job->options = *std::move(options);
  job->tables = std::move((*stored)->tables);
  job_ = std::move(job);
  co_return absl::OkStatus();
}

// The comparison whose rows are repaired: the last one, or the last round of a continuous one that has come to its end.
Task<absl::StatusOr<std::optional<migrate::JobRecord>>> Repair::last_comparison() {
  auto asked = co_await ask(migrate::select_job(setting_.schema, "verify"));
  if (!asked.ok()) co_return asked.status();
  auto last = migrate::job_from(*asked);
  if (!last.ok() || !*last || migrate::is_over((*last)->state)) co_return last;
  const auto options = migrate::parse_verify_options(nlohmann::json::parse((*last)->options, nullptr, false));
  if (!options.ok() || !options->continuous) co_return last;
  auto rounds = co_await ask(migrate::select_job_that_is_over(setting_.schema, "verify"));
  if (!rounds.ok()) co_return rounds.status();
  auto round = migrate::job_from(*rounds);
  if (!round.ok() || !*round) co_return last;
  co_return round;
}

// Tables of which a row is open. Says in `options` which comparison that was.
Task<absl::StatusOr<std::vector<TableRecord>>> Repair::choose_tables(RepairOptions* options) {
  auto verify = co_await last_comparison();
  if (!verify.ok()) co_return verify.status();
  if (!*verify) co_return absl::NotFoundError("nothing has been compared: crossfade verify start");
  const migrate::JobRecord job = **std::move(verify);
  if (options->of_job == 0) options->of_job = job.id;
  if (options->of_job == job.id) {
    const std::string which = "job " + std::to_string(job.id);
    if (job.state == JobState::running) {
      co_return absl::FailedPreconditionError(which + " is still comparing: wait for its end, or pause it");
    }
    const auto compared = migrate::parse_verify_options(nlohmann::json::parse(job.options, nullptr, false));
    if (compared.ok() && !compared->looks.empty()) {
      co_return absl::FailedPreconditionError(which +
                                              " has compared no rows, and so found none to repair: crossfade "
                                              "verify start, without a quick look");
    }
    options->of_whole = compared.ok() && compared->is_of_all_rows() && job.state == JobState::done;
  }
  auto counts = co_await ask(migrate::count_differences(setting_.schema, options->of_job));
  if (!counts.ok()) co_return counts.status();
  std::vector<TableRecord> out;
  for (const auto& row : counts->rows) {
    if (row.size() != 5) continue;
    const std::uint64_t open = to_number(row[4]);
    TableRecord table{.table = {.schema = row[0].value_or(""), .table = row[1].value_or("")}, .rows_estimate = open};
    if (open > 0 && options->chooses(table.table)) out.push_back(std::move(table));
  }
  co_return out;
}

Task<absl::StatusOr<std::string>> Repair::start_job(nlohmann::json asked) {
  const auto parsed = migrate::parse_repair_options(asked);
  if (!parsed.ok()) co_return parsed.status();
  RepairOptions options = *parsed;
  auto tables = co_await choose_tables(&options);
  if (!tables.ok()) co_return tables.status();
  if (options.list) co_return co_await list(options, *tables);
  if (options.print) co_return co_await print(options, *tables);
  const migrate::JobRecord record{.kind = std::string(kRepairKind), .options = migrate::to_json(options).dump()};
  auto begun = co_await ask("BEGIN");
  if (begun.ok()) begun = co_await ask(migrate::insert_job(setting_.schema, record));
  if (!begun.ok()) co_return begun.status();
  const std::uint64_t id = begun->end.ok.last_insert_id;
  std::uint64_t rows = 0;
  for (const TableRecord& table : *tables) {
    auto made = co_await ask(migrate::insert_job_table(setting_.schema, id, table));
    if (!made.ok()) co_return made.status();
    rows += table.rows_estimate;
  }
  auto kept = co_await ask("COMMIT");
  if (!kept.ok()) co_return kept.status();
  const absl::Status loaded = co_await load_job();
  if (!loaded.ok()) co_return loaded;
  limited_log().warn(LogKind::applier_state, "repair job={} state=running rows={}", id, rows);
  co_return "job " + std::to_string(id) + " repairs " + rows_text(rows);
}

Task<absl::StatusOr<std::string>> Repair::change_state(JobState state) {
  const std::string why = state == JobState::cancelled ? "somebody has cancelled it" : "";
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  co_return "job " + std::to_string(job_->record.id) + " is " + std::string(migrate::name(state));
}

Task<absl::Status> Repair::run_job(std::uint64_t applying) {
  for (TableRecord& table : job_->tables) {
    if (migrate::is_over(table.state)) continue;
    publish();
    const absl::Status done = told_apart(co_await repair_table(table));
    if (absl::IsCancelled(done) || feed_.applying() != applying) co_return absl::OkStatus();
    if (on_repaired) on_repaired();
    if (done.ok()) continue;
    const bool is_its_own = absl::IsFailedPrecondition(done) || absl::IsNotFound(done) || absl::IsOutOfRange(done);
    if (!is_its_own) co_return done;
    const absl::Status ended = co_await end_table(table, TableState::failed, std::string(done.message()));
    if (!ended.ok()) co_return ended;
  }
  co_return co_await finish_job();
}

Task<absl::Status> Repair::end_table(TableRecord& table, TableState state, std::string reason) {
  table.state = state;
  table.reason = reason;
  auto written = co_await ask(migrate::update_job_table(setting_.schema, job_->record.id, table));
  publish();
  co_return written.status();
}

Task<absl::Status> Repair::finish_job() {
  std::uint64_t rows = 0, failed = 0;
  for (const TableRecord& table : job_->tables) {
    rows += table.rows;
    failed += table.state == TableState::failed ? 1 : 0;
  }
  std::string why = rows_text(rows) + (rows == 1 ? " was" : " were") + " repaired";
  if (failed != 0) why += "; " + std::to_string(failed) + (failed == 1 ? " table was" : " tables were") + " not";
  const JobState state = failed == 0 ? JobState::done : JobState::failed;
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  publish();
  if (on_repaired) on_repaired();
  co_return absl::OkStatus();
}

void Repair::publish() {
  nlohmann::json shown = {{"state", state_without_job()}};
  Gauges gauges{.started_by_itself = started_by_itself_};
  if (job_) {
    nlohmann::json tables = nlohmann::json::array();
    std::uint64_t left = 0;
    for (const TableRecord& table : job_->tables) {
      gauges.rows += table.rows;
      left += migrate::is_over(table.state) || table.rows_estimate < table.rows ? 0 : table.rows_estimate - table.rows;
      nlohmann::json one = {{"table", full_text(table.table)},
                            {"state", table.state == TableState::copying ? "repairing" : migrate::name(table.state)},
                            {"rows", table.rows},
                            {"rows_estimate", table.rows_estimate}};
      if (!table.reason.empty()) one["reason"] = table.reason;
      tables.push_back(std::move(one));
    }
    gauges.running = job_->record.state == JobState::running;
    shown = {{"job", job_->record.id},
             {"state", migrate::name(job_->record.state)},
             {"why", job_->record.why},
             {"of_job", job_->options.of_job},
             {"rows", gauges.rows},
             {"rows_left", left},
             {"started_at", job_->record.started_at},
             {"tables", std::move(tables)}};
  }
  show(std::move(shown));
  const std::lock_guard lock(gauges_mutex_);
  gauges_ = gauges;
}

Repair::Gauges Repair::gauges() const {
  const std::lock_guard lock(gauges_mutex_);
  return gauges_;
}

}  // namespace crossfade::proxy
