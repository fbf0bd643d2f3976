#include "proxy/migrate/backfill.h"

#include <pthread.h>

#include <algorithm>
#include <random>

#include "dualwrite/chunk_marker.h"
#include "dualwrite/sql_text.h"
#include "proxy/deadlines.h"
#include "proxy/feed/server_answers.h"
#include "proxy/log_limit.h"
#include "proxy/migrate/backfill_state.h"

namespace crossfade::proxy {

using migrate::JobState;
using migrate::TableState;
using nlohmann::json;

namespace {

constexpr auto kIdle = std::chrono::milliseconds(200);
constexpr auto kRetry = std::chrono::milliseconds(500);
constexpr auto kStartMax = std::chrono::seconds(15);  // of a feed that is to apply
constexpr auto kOrderMax = std::chrono::seconds(60);  // a feed that is in the middle of a large transaction
constexpr std::string_view kKind = "backfill";
constexpr auto kRateWindow = std::chrono::seconds(5);

std::string full_name(const dualwrite::TableRef& table) { return table.schema + "." + table.table; }

}  // namespace

Backfill::Backfill(BackfillSetting setting, RowFeed& feed, Metrics& metrics)
    : setting_(std::move(setting)), feed_(feed), metrics_(metrics), counters_(metrics.make()), wake_(reactor_) {
  // What an earlier process has written into a marker is never one of ours.
  std::random_device device;
  next_token_ = (std::uint64_t{device()} << 32 | device()) >> 1;
  feed_.chunks().on_done = [this](std::uint64_t token, std::chrono::microseconds load_time) {
    reactor_.post([this, token, load_time] { on_written(token, load_time); });
  };
  shown_ = {{"state", "unknown"}};
}

Backfill::~Backfill() { stop(); }

void Backfill::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "backfill");
    reactor_.spawn(loop());
    reactor_.run();
  });
}

void Backfill::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
}

absl::StatusOr<std::string> Backfill::carry_out(BackfillOrder order, std::chrono::milliseconds at_most) {
  auto request = std::make_shared<Request>();
  request->order = std::move(order);
  std::future<absl::StatusOr<std::string>> answer = request->answer.get_future();
  reactor_.post([this, request] {
    requests_.push_back(request);
    wake_.notify();
  });
  if (answer.wait_for(at_most) == std::future_status::ready) return answer.get();
  // Taken back: what was answered to be undone must not happen later.
  if (request->taken.exchange(true)) return answer.get();
  return absl::UnavailableError("the proxy could not look at it now: nothing was done");
}

Task<void> Backfill::loop() {
  while (!stopping_) {
    const std::uint64_t applying = feed_.applying();
    absl::Status status;
    if (applying == 0) {
      job_.reset();
      feed_.chunks().forget_all();
      const FeedStatus feed = feed_.status();
      note_ = "this proxy does not apply changes now (" + feed.state + ")";
      refuse_requests(feed.state);
    } else {
      status = co_await step(applying);
    }
    if (!status.ok()) {
      note_ = std::string(status.message());
      limited_log().warn(LogKind::applier_error, "backfill error=\"{}\"", note_);
      job_.reset();
      feed_.chunks().forget_all();
      control_.reset();
      leader_.reset();
    }
    look_at_latency(job_ && job_->record.state == JobState::running);
    publish();
    const TimePoint until = Clock::now() + (status.ok() ? kIdle : kRetry);
    co_await wake_.wait(until);
  }
}

// One that has just started, or lost a server for a moment, is waited for.
void Backfill::refuse_requests(const std::string& feed_state) {
  const bool is_for_long = feed_state.starts_with("standing by") || feed_state.starts_with("paused");
  while (!requests_.empty() && (is_for_long || Clock::now() > requests_.front()->asked + kStartMax)) {
    const std::shared_ptr<Request> request = requests_.front();
    requests_.pop_front();
    if (!request->taken.exchange(true)) request->answer.set_value(absl::UnavailableError(note_));
  }
}

// Whatever there is to do while this process applies under that number.
Task<absl::Status> Backfill::step(std::uint64_t applying) {
  const absl::Status opened = co_await open_control();
  if (!opened.ok()) co_return opened;
  if (!job_ || applying_ != applying) {
    feed_.chunks().forget_all();
    applying_ = applying;
    note_.clear();
    const absl::Status loaded = co_await load_job();
    if (!loaded.ok()) co_return loaded;
  }
  co_await answer_requests();
  if (job_ && migrate::is_over(job_->record.state) && owes_indexes()) co_return co_await build_indexes();
  if (!job_ || job_->record.state != JobState::running) co_return absl::OkStatus();
  co_return co_await run_job(applying);
}

Task<absl::Status> Backfill::open_control() {
  if (!control_ || !control_->alive()) {
    control_.reset();
    auto opened = co_await BackendLink::open(reactor_, setting_.link(config::other(setting_.leader)), counters_,
                                             Clock::now() + kConnectMax);
    if (!opened.ok()) co_return opened.status();
    control_ = *std::move(opened);
    for (const std::string& sql : migrate::job_setup_statements(setting_.schema)) {
      auto made = co_await control_->query(sql, soon());
      if (!made.ok()) co_return made.status();
    }
    auto prepared = co_await control_->query("SET SESSION foreign_key_checks=0", soon());
    if (!prepared.ok()) co_return prepared.status();
  }
  if (!leader_ || !leader_->alive()) {
    leader_.reset();
    auto opened =
        co_await BackendLink::open(reactor_, setting_.link(setting_.leader), counters_, Clock::now() + kConnectMax);
    if (!opened.ok()) co_return opened.status();
    leader_ = *std::move(opened);
    const absl::Status made = co_await make_marker_table();
    if (!made.ok()) co_return made;
  }
  co_return absl::OkStatus();
}

// Even IF NOT EXISTS waits for open transactions: it is asked for first.
Task<absl::Status> Backfill::make_marker_table() {
  if (feed_.kind() != FeedKind::log) co_return absl::OkStatus();
  auto there = co_await leader_->query("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=" +
                                           dualwrite::quote_text(setting_.schema) + " AND TABLE_NAME='marker'",
                                       soon());
  if (!there.ok()) co_return there.status();
  if (first_number(there->front().rows.front()) == 1) co_return absl::OkStatus();
  auto made = co_await leader_->query(dualwrite::marker_setup_statement(setting_.schema), soon());
  co_return made.status();
}

Task<absl::StatusOr<protocol::ResultSet>> Backfill::ask(std::string sql) {
  auto results = co_await control_->query(std::move(sql), soon());
  if (!results.ok()) co_return results.status();
  if (results->empty()) co_return absl::InternalError("the follower gave no result");
  co_return std::move(results->front());
}

Task<absl::Status> Backfill::load_job() {
  job_.reset();
  orphan_search_.reset();
  auto asked = co_await ask(migrate::select_job(setting_.schema, kKind));
  if (!asked.ok()) co_return asked.status();
  auto found = migrate::job_from(*asked);
  if (!found.ok()) co_return found.status();
  if (!*found) co_return absl::OkStatus();
  auto job = std::make_unique<Job>();
  job->record = **std::move(found);
  auto options = migrate::parse_copy_options(json::parse(job->record.options, nullptr, false));
  if (!options.ok()) co_return options.status();
  job->options = *std::move(options);
  auto tables = co_await ask(migrate::select_job_tables(setting_.schema, job->record.id));
  if (!tables.ok()) co_return tables.status();
  auto records = migrate::job_tables_from(*tables);
  if (!records.ok()) co_return records.status();
  const migrate::ChunkSizeLimits limits{.time = job->options.chunk_time, .lock_time = job->options.chunk_time / 5};
  for (migrate::TableRecord& record : *records) {
    auto copy = std::make_unique<TableCopy>(reactor_, limits);
    copy->written = record;
    copy->record = std::move(record);
    job->tables.push_back(std::move(copy));
  }
  job_ = std::move(job);
  co_return absl::OkStatus();
}

Task<void> Backfill::answer_requests() {
  while (!requests_.empty()) {
    const std::shared_ptr<Request> request = requests_.front();
    requests_.pop_front();
    if (request->taken.exchange(true)) continue;
    auto answered = co_await answer(request->order);
    // Whoever looks now must not see the job before.
    publish();
    request->answer.set_value(std::move(answered));
  }
}

Task<absl::StatusOr<std::string>> Backfill::answer(BackfillOrder order) {
  const bool is_open = job_ && !migrate::is_over(job_->record.state);
  if (order.verb == BackfillOrder::Verb::start) {
    if (is_open) {
      co_return absl::FailedPreconditionError("job " + std::to_string(job_->record.id) + " is " +
                                              std::string(migrate::name(job_->record.state)) +
                                              ": crossfade backfill resume, or cancel");
    }
    if (owes_indexes()) co_return absl::FailedPreconditionError("indexes of the last copy are still being built");
    co_return co_await start_job(std::move(order.options));
  }
  if (!is_open) co_return absl::FailedPreconditionError("no copy is under way");
  switch (order.verb) {
    case BackfillOrder::Verb::start:
      break;
    case BackfillOrder::Verb::pause:
      co_return co_await change_state(JobState::paused);
    case BackfillOrder::Verb::resume:
      co_return co_await change_state(JobState::running);
    case BackfillOrder::Verb::cancel:
      co_return co_await change_state(JobState::cancelled);
  }
  co_return absl::InternalError("no such order");
}

Task<absl::StatusOr<std::string>> Backfill::change_state(JobState state) {
  if (state == JobState::cancelled && !job_->looking && !job_->stopping) {
    const absl::Status left = co_await leave_cancelled();
    if (!left.ok()) co_return left;
  }
  const std::string why = state == JobState::cancelled ? "somebody has cancelled it" : "";
  auto changed = co_await ask(migrate::update_job(setting_.schema, job_->record.id, state, why));
  if (!changed.ok()) co_return changed.status();
  job_->record.state = state;
  job_->record.why = why;
  limited_log().warn(LogKind::applier_state, "backfill job={} state={}", job_->record.id, migrate::name(state));
  co_return "job " + std::to_string(job_->record.id) + " is " + std::string(migrate::name(state));
}

Task<absl::Status> Backfill::order_feed(std::shared_ptr<RowFeed::CopyOrder> wanted) {
  wanted->reply = std::make_shared<Reply<absl::Status>>(reactor_);
  feed_.order(wanted);
  auto answered = co_await wanted->reply->wait(Clock::now() + kOrderMax);
  if (answered) co_return *answered;
  if (!wanted->taken.exchange(true)) co_return absl::UnavailableError("the feed is busy, or away");
  // It is just being carried out.
  auto late = co_await wanted->reply->wait(Clock::now() + kOrderMax);
  co_return late.value_or(absl::UnavailableError("the feed gave no answer"));
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
  json shown = {{"state", applying_ == 0 || applying_ != feed_.applying() ? "unknown" : "none"}};
  Gauges gauges;
  if (job_) {
    Job& job = *job_;
    std::uint64_t rows = 0, bytes = 0, rows_left = 0, bytes_left = 0;
    json tables = json::array();
    for (const auto& table : job.tables) {
      const migrate::TableRecord& at = table->written;
      const bool over = migrate::is_over(at.state);
      rows += at.rows;
      bytes += at.bytes;
      if (!over) {
        rows_left += at.rows_estimate > at.rows ? at.rows_estimate - at.rows : 0;
        bytes_left += at.bytes_estimate > at.bytes ? at.bytes_estimate - at.bytes : 0;
        ++gauges.tables_left;
      }
      if (at.state == TableState::failed) ++gauges.tables_failed;
      json one = {{"table", full_name(at.table)},
                  {"state", migrate::name(at.state)},
                  {"rows", at.rows},
                  {"rows_estimate", over ? at.rows : std::max(at.rows, at.rows_estimate)},
                  {"bytes", at.bytes},
                  {"chunks", at.chunks},
                  {"chunk_rows", table->sizer.rows()}};
      if (!at.reason.empty()) one["reason"] = at.reason;
      tables.push_back(std::move(one));
    }
    const TimePoint now = Clock::now();
    if (job.samples.empty() || now - job.samples.back().at > kIdle) job.samples.push_back({now, rows, bytes});
    while (job.samples.size() > 2 && now - job.samples.front().at > kRateWindow) job.samples.pop_front();
    const double seconds = std::chrono::duration<double>(now - job.samples.front().at).count();
    const bool measured = seconds > 0.2 && job.record.state == JobState::running;
    const double rows_rate = measured ? static_cast<double>(rows - job.samples.front().rows) / seconds : 0;
    const double bytes_rate = measured ? static_cast<double>(bytes - job.samples.front().bytes) / seconds : 0;
    shown = {{"job", job.record.id},
             {"state", migrate::name(job.record.state)},
             {"why", job.record.why},
             {"throttled", job.throttled},
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
    gauges.running = job.record.state == JobState::running;
    gauges.throttled = gauges.running && !job.throttled.empty();
  }
  if (!note_.empty()) shown["waiting"] = note_;
  const std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
  gauges_ = gauges;
}

json Backfill::status() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

Backfill::Gauges Backfill::gauges() const {
  const std::lock_guard lock(mutex_);
  return gauges_;
}

}  // namespace crossfade::proxy
