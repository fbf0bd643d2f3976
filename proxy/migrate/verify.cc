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

// `table`: a TableCheck, whose name is Verify's own.
nlohmann::json table_json(const auto& table) {
  const TableRecord& at = table.record;
  nlohmann::json out = {{"table", at.table.schema + "." + at.table.table},
                        {"state", at.state == TableState::copying ? "comparing" : migrate::name(at.state)},
                        {"rows", at.rows},
                        {"rows_estimate", migrate::is_over(at.state) ? at.rows : std::max(at.rows, at.rows_estimate)},
                        {"chunks", at.chunks},
                        {"differences", table.differences},
                        {"repaired", table.repaired}};
  if (const std::string reason = shown_reason(table); !reason.empty()) out["reason"] = reason;
  return out;
}

nlohmann::json round_json(const migrate::JobRecord& job, std::uint64_t differences) {
  return {{"job", job.id},
          {"state", migrate::name(job.state)},
          {"why", job.why},
          {"differences_count", differences},
          {"started_at", job.started_at},
          {"ended_at", job.ended_at}};
}

}  // namespace

Verify::Verify(JobSetting setting, RowFeed& feed, Metrics& metrics)
    : JobRunner(std::string(kVerifyKind), std::move(setting), feed, metrics) {}

Verify::~Verify() { stop(); }

const migrate::JobRecord* Verify::job_record() const { return job_ ? &job_->record : nullptr; }

void Verify::drop_job() {
  meetings_.forget_all();
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
  if (job->options.continuous) {
    const absl::Status round = co_await look_at_rounds(*job);
    if (!round.ok()) co_return round;
  }
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
    if (row.size() != 5) continue;
    for (const auto& table : job.tables) {
      if (table->record.table.schema != row[0] || table->record.table.table != row[1]) continue;
      table->differences = to_number(row[2]);
      table->repaired = to_number(row[3]);
    }
  }
  co_return absl::OkStatus();
}

// Where a continuous one is: what the last round came to, and when the next begins.
Task<absl::Status> Verify::look_at_rounds(Job& job) {
  auto asked = co_await ask(migrate::select_job_that_is_over(setting_.schema, kVerifyKind));
  if (!asked.ok()) co_return asked.status();
  auto last = migrate::job_from(*asked);
  if (!last.ok()) co_return last.status();
  if (!*last || (*last)->id >= job.record.id || job.options.round == 0) co_return absl::OkStatus();
  job.last = *std::move(last);
  auto counts = co_await ask(migrate::count_differences(setting_.schema, job.last->id));
  if (!counts.ok()) co_return counts.status();
  for (const auto& row : counts->rows) job.last_differences += row.size() == 5 ? to_number(row[2]) : 0;
  auto now = co_await query_number(*control_, "SELECT FLOOR(UNIX_TIMESTAMP())", soon());
  if (!now.ok()) co_return now.status();
  const std::chrono::seconds waited(std::int64_t(*now) - job.record.started_at);
  job.rests_until = Clock::now() + job.options.pause - waited;
  co_return absl::OkStatus();
}

Task<absl::StatusOr<std::string>> Verify::start_job(nlohmann::json asked) {
  const auto options = migrate::parse_verify_options(asked);
  if (!options.ok()) co_return options.status();
  auto chosen = co_await choose_tables(*options);
  if (!chosen.ok()) co_return chosen.status();
  const std::vector<TableRecord>& tables = chosen->tables;
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
  std::string said = "job " + std::to_string(id) + (options->looks.empty() ? " compares " : " looks at ") +
                     counted(tables.size(), "table");
  if (options->since.count() > 0) said += "; " + std::to_string(chosen->unchanged) + " have not changed since";
  co_return said;
}

// Views have no rows of their own; sequences no key.
Task<absl::StatusOr<Verify::Chosen>> Verify::choose_tables(migrate::VerifyOptions options) {
  const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {setting_.schema}};
  auto leading = co_await ask_definitions(*leader_, all);
  if (!leading.ok()) co_return absl::UnavailableError(std::string(leading.status().message()));
  std::vector<std::string> words = options.tables;
  words.insert(words.end(), options.exclude.begin(), options.exclude.end());
  const absl::Status known = options.round == 0 ? check_words(words, *leading) : absl::OkStatus();
  if (!known.ok()) co_return known;
  std::vector<dualwrite::TableRef> listed;
  if (options.of_ledger) {
    auto ledger = co_await ask(dualwrite::select_open_ledger_tables(setting_.schema));
    if (!ledger.ok()) co_return ledger.status();
    for (const auto& row : ledger->rows) {
      if (row.size() == 2) listed.push_back({.schema = row[0].value_or(""), .table = row[1].value_or("")});
    }
  }
  Chosen out;
  bool any = false, has_groups = options.by.empty();
  for (const auto& [name, definition] : *leading) {
    if (options.of_ledger && std::find(listed.begin(), listed.end(), name) == listed.end()) continue;
    const bool has_rows =
        definition.kind != TableDefinition::Kind::view && definition.kind != TableDefinition::Kind::sequence;
    if (!has_rows || !options.chooses(name)) continue;
    any = true;
    has_groups = has_groups || definition.column(options.by) != nullptr;
    if (options.since.count() > 0 && !feed_.chunks().changed.may_have_changed(name, Clock::now() - options.since)) {
      ++out.unchanged;
      continue;
    }
    out.tables.push_back(
        {.table = name, .rows_estimate = definition.rows_estimate, .bytes_estimate = definition.bytes_estimate});
  }
  if (options.of_ledger || options.round > 0) co_return out;
  if (!any) co_return absl::NotFoundError("no table is chosen");
  if (!has_groups) co_return absl::NotFoundError("by: no table that is chosen has a column " + options.by);
  co_return out;
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
  const auto fail = [this](TableCheck& table, std::string reason) {
    return end_table(table, TableState::failed, std::move(reason));
  };
  absl::Status status;
  for (;;) {
    job.stopping = job.stopping || !status.ok() || feed_.applying() != applying || has_requests();
    const absl::Status settled = co_await settle_ended(job.tables, fail);
    if (status.ok()) status = settled;
    std::size_t running = 0, left = 0;
    for (const auto& table : job.tables) {
      running += table->running || table->ended ? 1 : 0;
      left += migrate::is_over(table->record.state) ? 0 : 1;
    }
    if (running == 0 && !job.looking && job.stopping) break;
    const bool rests = Clock::now() < job.rests_until;
    for (const auto& table : job.tables) {
      if (rests || job.stopping || !status.ok() || running >= job.options.parallel) break;
      if (table->running || table->ended || migrate::is_over(table->record.state)) continue;
      table->running = true;
      ++running;
      reactor_.spawn(check_table(*table));
    }
    if (left == 0 && running == 0 && status.ok() && !job.stopping && !rests) {
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

bool Verify::starts_by_itself() const { return job_ && job_->options.continuous; }

// The next round of a continuous one. A round that has found nothing is of no use once the next has come to its end.
Task<absl::Status> Verify::between_jobs() {
  if (!job_) co_return absl::OkStatus();
  const JobState state = job_->record.state;
  if (!job_->options.continuous || (state != JobState::done && state != JobState::failed)) co_return absl::OkStatus();
  for (const std::string& sql : migrate::forget_rounds(setting_.schema, job_->record.id)) {
    auto forgotten = co_await ask(sql);
    if (!forgotten.ok()) co_return forgotten.status();
  }
  migrate::VerifyOptions options = job_->options;
  ++options.round;
  auto started = co_await start_job(migrate::to_json(options));
  co_return started.status();
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
  const std::string what = job_->options.looks.empty() ? "row" : "figure";
  std::string why = differences == 0 ? "no " + what + " differs"
                                     : counted(differences, what) + (differences == 1 ? " differs" : " differ") +
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
    job.throttled = Clock::now() < job.rests_until ? "the pause between two rounds"
                    : load.ok()                    ? migrate::throttle_reason(job.options.limits, *load)
                                                   : migrate::load_unknown(std::string(load.status().message()));
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
    std::uint64_t bytes = 0, rows_left = 0;
    nlohmann::json tables = nlohmann::json::array();
    for (const auto& table : job.tables) {
      const TableRecord& at = table->record;
      gauges.rows += at.rows;
      bytes += at.bytes;
      gauges.differences += table->differences;
      if (!migrate::is_over(at.state)) {
        rows_left += at.rows_estimate > at.rows ? at.rows_estimate - at.rows : 0;
        ++gauges.tables_left;
      }
      if (at.state == TableState::failed) ++gauges.tables_failed;
      tables.push_back(table_json(*table));
    }
    gauges.running = job.record.state == JobState::running;
    std::string throttled = job.throttled;
    if (gauges.running && throttled.empty() && !job.rate.allows(Clock::now())) {
      throttled = migrate::rate_reason(job.options.limits, job.options.busy_ppm);
    }
    gauges.throttled = gauges.running && !throttled.empty();
    job.rates.add(Clock::now(), gauges.rows, bytes);
    const double rate = gauges.running ? job.rates.rows_per_second() : 0;
    shown = {{"job", job.record.id},
             {"state", migrate::name(job.record.state)},
             {"why", job.record.why},
             {"throttled", throttled},
             {"rows", gauges.rows},
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
    if (job.last) {
      shown["last"] = round_json(*job.last, job.last_differences);
      // Until a round has come to its end the last one's word counts.
      gauges.differences = std::max(gauges.differences, job.last_differences);
    }
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
