#include "proxy/migrate/verify.h"

#include <algorithm>
#include <utility>

#include "dualwrite/log_control.h"
#include "migrate/difference_control.h"
#include "migrate/table_selection.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/verify_state.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableDefinition;
using migrate::JobState;
using migrate::TableRecord;
using migrate::TableState;

namespace {

constexpr std::string_view kVerifyKind = "verify";
constexpr auto kVerifyTurn = std::chrono::milliseconds(100);
constexpr auto kVerifyLook = std::chrono::milliseconds(250);
constexpr std::size_t kDifferencesShown = 1000;

std::string counted(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

Verify::Verify(JobSetting setting, RowFeed& feed, Metrics& metrics)
    : JobRunner(std::string(kVerifyKind), std::move(setting), feed, metrics) {}

Verify::~Verify() { stop(); }

const migrate::JobRecord* Verify::job_record() const { return job_ ? &job_->record : nullptr; }

void Verify::drop_job() {
  for (const auto& [token, table] : waiting_) feed_.chunks().forget(token);
  waiting_.clear();
  job_.reset();
}

bool Verify::goes_on() const { return !job_->stopping && feed_.applying() == applying_; }

Task<absl::Status> Verify::load_job() {
  job_.reset();
  auto stored = co_await read_job();
  if (!stored.ok()) co_return stored.status();
  if (!*stored) co_return absl::OkStatus();
  auto job = std::make_unique<Job>();
  job->record = std::move((*stored)->record);
  auto options = migrate::parse_verify_options(nlohmann::json::parse(job->record.options, nullptr, false));
  if (!options.ok()) co_return options.status();
  job->options = *std::move(options);
  const migrate::ChunkSizeLimits limits{.time = job->options.chunk_time};
  for (TableRecord& record : (*stored)->tables) {
    auto check = std::make_unique<TableCheck>(reactor_, limits);
    check->record = std::move(record);
    job->tables.push_back(std::move(check));
  }
  const absl::Status looked = co_await look_at_differences(*job);
  if (!looked.ok()) co_return looked;
  job_ = std::move(job);
  co_return absl::OkStatus();
}

// As they are written; a repair may have closed some.
Task<absl::Status> Verify::look_at_differences(Job& job) {
  auto counts = co_await ask(migrate::count_differences(setting_.schema, job.record.id));
  if (!counts.ok()) co_return counts.status();
  auto rows = co_await ask(migrate::show_differences(setting_.schema, job.record.id, kDifferencesShown));
  if (!rows.ok()) co_return rows.status();
  auto shown = migrate::shown_differences(*rows);
  if (!shown.ok()) co_return shown.status();
  auto repair = co_await ask(migrate::select_job(setting_.schema, "repair"));
  if (!repair.ok()) co_return repair.status();
  auto last = migrate::job_from(*repair);
  if (!last.ok()) co_return last.status();
  job.repaired_since = *last && (*last)->id > job.record.id;
  job.differences = *std::move(shown);
  for (const auto& row : counts->rows) {
    if (row.size() != 4) continue;
    for (const auto& table : job.tables) {
      if (table->record.table.schema != row[0] || table->record.table.table != row[1]) continue;
      table->differences = to_number(row[2]);
      table->repaired = to_number(row[3]);
    }
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::string>> Verify::start_job(nlohmann::json asked) {
  const auto options = migrate::parse_verify_options(asked);
  if (!options.ok()) co_return options.status();
  std::vector<TableRecord> tables;
  const absl::Status chosen = co_await choose_tables(*options, &tables);
  if (!chosen.ok()) co_return chosen;
  const migrate::JobRecord record{.kind = std::string(kVerifyKind), .options = migrate::to_json(*options).dump()};
  auto begun = co_await ask("BEGIN");
  if (begun.ok()) begun = co_await ask(migrate::insert_job(setting_.schema, record));
  if (!begun.ok()) co_return begun.status();
  const std::uint64_t id = begun->end.ok.last_insert_id;
  for (const TableRecord& table : tables) {
    auto made = co_await ask(migrate::insert_job_table(setting_.schema, id, table));
    if (!made.ok()) co_return made.status();
  }
  auto kept = co_await ask("COMMIT");
  if (!kept.ok()) co_return kept.status();
  const absl::Status loaded = co_await load_job();
  if (!loaded.ok()) co_return loaded;
  limited_log().warn(LogKind::applier_state, "verify job={} state=running tables={}", id, tables.size());
  co_return "job " + std::to_string(id) + " compares " + counted(tables.size(), "table");
}

// Views have no rows of their own; sequences no key.
Task<absl::Status> Verify::choose_tables(migrate::VerifyOptions options, std::vector<TableRecord>* tables) {
  const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {setting_.schema}};
  auto leading = co_await ask_definitions(*leader_, all);
  if (!leading.ok()) co_return absl::UnavailableError(std::string(leading.status().message()));
  std::vector<std::string> words = options.tables;
  words.insert(words.end(), options.exclude.begin(), options.exclude.end());
  const absl::Status known = check_words(words, *leading);
  if (!known.ok()) co_return known;
  std::vector<dualwrite::TableRef> listed;
  if (options.of_ledger) {
    auto ledger = co_await ask(dualwrite::select_open_ledger_tables(setting_.schema));
    if (!ledger.ok()) co_return ledger.status();
    for (const auto& row : ledger->rows) {
      if (row.size() == 2) listed.push_back({.schema = row[0].value_or(""), .table = row[1].value_or("")});
    }
  }
  for (const auto& [name, definition] : *leading) {
    if (options.of_ledger && std::find(listed.begin(), listed.end(), name) == listed.end()) continue;
    const bool has_rows =
        definition.kind != TableDefinition::Kind::view && definition.kind != TableDefinition::Kind::sequence;
    if (!has_rows || !options.chooses(name)) continue;
    TableRecord& record = tables->emplace_back();
    record.table = name;
    record.rows_estimate = definition.rows_estimate;
    record.bytes_estimate = definition.bytes_estimate;
  }
  if (tables->empty() && !options.of_ledger) co_return absl::NotFoundError("no table is chosen");
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::string>> Verify::change_state(JobState state) {
  const std::string why = state == JobState::cancelled ? "somebody has cancelled it" : "";
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  co_return "job " + std::to_string(job_->record.id) + " is " + std::string(migrate::name(state));
}

Task<absl::Status> Verify::run_job(std::uint64_t applying) {
  Job& job = *job_;
  job.stopping = false;
  job.looking = true;
  reactor_.spawn(look_at_load());
  absl::Status status;
  for (;;) {
    job.stopping = job.stopping || !status.ok() || feed_.applying() != applying || has_requests();
    const absl::Status settled = co_await settle_ended();
    if (status.ok()) status = settled;
    std::size_t running = 0, left = 0;
    for (const auto& table : job.tables) {
      running += table->running || table->ended ? 1 : 0;
      left += migrate::is_over(table->record.state) ? 0 : 1;
    }
    if (running == 0 && !job.looking && job.stopping) break;
    for (const auto& table : job.tables) {
      if (job.stopping || !status.ok() || running >= job.options.parallel) break;
      if (table->running || table->ended || migrate::is_over(table->record.state)) continue;
      table->running = true;
      ++running;
      reactor_.spawn(check_table(*table));
    }
    if (left == 0 && running == 0 && status.ok() && !job.stopping) {
      status = co_await finish_job();
      job.stopping = true;
    }
    publish();
    co_await wake_.wait(Clock::now() + kVerifyTurn);
  }
  job.throttled.clear();
  publish();
  co_return status;
}

// What has become of tables that are no longer under way. A failed Status: nothing of the job can go on now.
Task<absl::Status> Verify::settle_ended() {
  absl::Status first;
  for (const auto& table : job_->tables) {
    if (!table->ended) continue;
    table->ended = false;
    const absl::Status outcome = std::exchange(table->outcome, absl::OkStatus());
    if (outcome.ok()) continue;
    const bool is_its_own = absl::IsFailedPrecondition(outcome) || absl::IsNotFound(outcome);
    absl::Status ended = outcome;
    if (is_its_own) ended = co_await end_table(*table, TableState::failed, std::string(outcome.message()));
    if (first.ok()) first = ended;
  }
  co_return first;
}

Task<absl::Status> Verify::end_table(TableCheck& table, TableState state, std::string reason) {
  table.record.state = state;
  table.record.reason = reason;
  auto written = co_await ask(migrate::update_job_table(setting_.schema, job_->record.id, table.record));
  co_return written.status();
}

Task<absl::Status> Verify::finish_job() {
  const absl::Status looked = co_await look_at_differences(*job_);
  if (!looked.ok()) co_return looked;
  std::uint64_t differences = 0, tables = 0, failed = 0;
  for (const auto& table : job_->tables) {
    differences += table->differences;
    tables += table->differences != 0 ? 1 : 0;
    failed += table->record.state == TableState::failed ? 1 : 0;
  }
  std::string why = differences == 0 ? "no row differs"
                                     : counted(differences, "row") + (differences == 1 ? " differs" : " differ") +
                                           " in " + counted(tables, "table");
  if (failed != 0) why += "; " + counted(failed, "table") + (failed == 1 ? " was" : " were") + " not compared";
  why += "; at " + feed_.status().position;
  const JobState state = failed == 0 ? JobState::done : JobState::failed;
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  co_return absl::OkStatus();
}

Task<void> Verify::look_at_load() {
  Job& job = *job_;
  while (!job.stopping) {
    auto load = co_await ask_load();
    if (!load.ok()) break;
    job.throttled = migrate::throttle_reason(job.options.limits, *load);
    co_await reactor_.sleep_for(kVerifyLook);
  }
  job.looking = false;
  wake_.notify();
}

void Verify::publish() {
  nlohmann::json shown = {{"state", state_without_job()}};
  Gauges gauges;
  if (job_) {
    Job& job = *job_;
    std::uint64_t rows = 0, rows_left = 0;
    nlohmann::json tables = nlohmann::json::array();
    for (const auto& table : job.tables) {
      const TableRecord& at = table->record;
      const bool over = migrate::is_over(at.state);
      rows += at.rows;
      gauges.differences += table->differences;
      if (!over) {
        rows_left += at.rows_estimate > at.rows ? at.rows_estimate - at.rows : 0;
        ++gauges.tables_left;
      }
      if (at.state == TableState::failed) ++gauges.tables_failed;
      nlohmann::json one = {{"table", at.table.schema + "." + at.table.table},
                            {"state", at.state == TableState::copying ? "comparing" : migrate::name(at.state)},
                            {"rows", at.rows},
                            {"rows_estimate", over ? at.rows : std::max(at.rows, at.rows_estimate)},
                            {"chunks", at.chunks},
                            {"differences", table->differences},
                            {"repaired", table->repaired}};
      if (!at.reason.empty()) one["reason"] = at.reason;
      tables.push_back(std::move(one));
    }
    const bool runs = job.record.state == JobState::running;
    job.rates.add(Clock::now(), rows, 0);
    const double rate = runs ? job.rates.rows_per_second() : 0;
    shown = {{"job", job.record.id},
             {"state", migrate::name(job.record.state)},
             {"why", job.record.why},
             {"throttled", job.throttled},
             {"rows", rows},
             {"rows_left", rows_left},
             {"rows_per_second", static_cast<std::uint64_t>(rate)},
             {"differences_count", gauges.differences},
             {"differences", job.differences},
             {"repaired_since", job.repaired_since},
             {"started_at", job.record.started_at},
             {"ended_at", job.record.ended_at},
             {"options", migrate::to_json(job.options)},
             {"tables", std::move(tables)}};
    if (rate >= 1) shown["eta_seconds"] = static_cast<std::uint64_t>(static_cast<double>(rows_left) / rate);
    gauges.rows = rows;
    gauges.running = runs;
    gauges.throttled = runs && !job.throttled.empty();
  }
  show(std::move(shown));
  const std::lock_guard lock(gauges_mutex_);
  gauges_ = gauges;
}

Verify::Gauges Verify::gauges() const {
  const std::lock_guard lock(gauges_mutex_);
  return gauges_;
}

}  // namespace crossfade::proxy
