#include "proxy/migrate/backfill.h"

#include <algorithm>

#include "proxy/migrate/backfill_state.h"

namespace crossfade::proxy {

using migrate::JobState;
using migrate::TableState;

namespace {

constexpr std::string_view kKind = "backfill";

}  // namespace

Backfill::Backfill(JobSetting setting, RowFeed& feed, Metrics& metrics)
    : JobRunner(std::string(kKind), std::move(setting), feed, metrics), metrics_(metrics) {}

Backfill::~Backfill() { stop(); }

const migrate::JobRecord* Backfill::job_record() const { return job_ ? &job_->record : nullptr; }

void Backfill::drop_job() {
  if (!job_) return;
  for (const auto& table : job_->tables) job_->forget_chunks(*table, feed_.chunks());
  job_.reset();
}

Task<absl::Status> Backfill::load_job() {
  job_.reset();
  orphan_search_.reset();
  auto stored = co_await read_job();
  if (!stored.ok()) co_return stored.status();
  if (!*stored) co_return absl::OkStatus();
  auto job = std::make_unique<Job>();
  job->record = std::move((*stored)->record);
  auto options = migrate::parse_copy_options(nlohmann::json::parse(job->record.options, nullptr, false));
  if (!options.ok()) co_return options.status();
  job->options = *std::move(options);
  auto answer = co_await ask(migrate::select_parts(setting_.schema, job->record.id));
  if (!answer.ok()) co_return answer.status();
  auto parts = migrate::parts_from(*answer);
  if (!parts.ok()) co_return parts.status();
  const migrate::ChunkSizeLimits limits{.time = job->options.chunk_time, .lock_time = job->options.chunk_time / 5};
  for (migrate::TableRecord& record : (*stored)->tables) {
    auto copy = std::make_unique<TableCopy>(reactor_, limits);
    if (record.state == TableState::copying) copy->parts = {record, std::move((*parts)[record.table])};
    copy->written = record;
    copy->record = std::move(record);
    job->tables.push_back(std::move(copy));
  }
  job_ = std::move(job);
  co_return absl::OkStatus();
}

Task<absl::Status> Backfill::between_jobs() {
  if (!job_ || !job_->owes_indexes()) co_return absl::OkStatus();
  co_return co_await build_indexes();
}

Task<absl::StatusOr<std::string>> Backfill::change_state(JobState state) {
  if (state == JobState::cancelled) {
    const absl::Status left = co_await leave_cancelled();
    if (!left.ok()) co_return left;
  }
  const std::string why = state == JobState::cancelled ? "somebody has cancelled it" : "";
  const absl::Status changed = co_await write_state(job_->record.id, state, why);
  if (!changed.ok()) co_return changed;
  job_->record.state = state;
  job_->record.why = why;
  co_return "job " + std::to_string(job_->record.id) + " is " + std::string(migrate::name(state));
}

// Of what this proxy's clients send to the leader.
void Backfill::look_at_latency(bool running) {
  std::vector<std::uint64_t> counts(kLatencyBuckets.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = metrics_.sum([i, this](const Counters& each) {
      const auto leader = static_cast<std::size_t>(setting_.leader);
      return each.read_latency[leader].buckets[i].get() + each.write_latency.buckets[i].get();
    });
  }
  using Phase = migrate::LatencyWatch::Phase;
  latency_.observe(Clock::now(), running ? Phase::running : Phase::before, std::move(counts));
}

void Backfill::publish() {
  look_at_latency(job_ && job_->record.state == JobState::running);
  nlohmann::json shown = {{"state", state_without_job()}};
  Gauges gauges;
  if (job_) {
    Job& job = *job_;
    std::uint64_t rows = 0, bytes = 0, rows_left = 0;
    nlohmann::json tables = nlohmann::json::array();
    for (const auto& table : job.tables) {
      const migrate::TableRecord at = table->parts.counted(table->written);
      const bool over = migrate::is_over(at.state);
      rows += at.rows;
      bytes += at.bytes;
      if (!over) {
        rows_left += at.rows_estimate > at.rows ? at.rows_estimate - at.rows : 0;
        ++gauges.tables_left;
      }
      if (at.state == TableState::failed) ++gauges.tables_failed;
      tables.push_back(table->shown(at));
    }
    job.rates.add(Clock::now(), rows, bytes);
    const bool runs = job.record.state == JobState::running;
    std::string throttled = job.throttled;
    if (runs && throttled.empty() && !job.rate.allows(Clock::now())) {
      throttled = migrate::rate_reason(job.options.limits);
    }
    const double rows_rate = runs ? job.rates.rows_per_second() : 0;
    const double bytes_rate = runs ? job.rates.bytes_per_second() : 0;
    shown = {{"job", job.record.id},
             {"state", migrate::name(job.record.state)},
             {"why", job.record.why},
             {"throttled", throttled},
             {"rows", rows},
             {"rows_left", rows_left},
             {"bytes", bytes},
             {"rows_per_second", static_cast<std::uint64_t>(rows_rate)},
             {"mb_per_second", bytes_rate / 1e6},
             {"started_at", job.record.started_at},
             {"options", migrate::to_json(job.options)},
             {"tables", std::move(tables)}};
    if (rows_rate >= 1) shown["eta_seconds"] = static_cast<std::uint64_t>(static_cast<double>(rows_left) / rows_rate);
    gauges.rows = rows;
    gauges.bytes = bytes;
    gauges.running = runs;
    gauges.throttled = gauges.running && !throttled.empty();
  }
  show(std::move(shown));
  const std::lock_guard lock(gauges_mutex_);
  gauges_ = gauges;
}

Backfill::Gauges Backfill::gauges() const {
  const std::lock_guard lock(gauges_mutex_);
  return gauges_;
}

}  // namespace crossfade::proxy
