#include "proxy/migrate/job_runner.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/chunk_marker.h"
#include "dualwrite/sql_text.h"
#include "migrate/copy_parts.h"
#include "migrate/difference_control.h"
#include "migrate/table_selection.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::JobState;

namespace {

constexpr auto kIdlePause = std::chrono::milliseconds(200);
constexpr auto kAgainPause = std::chrono::milliseconds(500);
constexpr auto kStartMax = std::chrono::seconds(15);  // of a feed that is to apply
constexpr auto kOrderMax = std::chrono::seconds(60);  // a feed that is in the middle of a large transaction
constexpr auto kRateWindow = std::chrono::seconds(5);

}  // namespace

absl::StatusOr<JobOrder> parse_job_order(const nlohmann::json& order) {
  using Verb = JobOrder::Verb;
  const std::string verb = order.is_object() ? order.value("verb", "") : "";
  const auto verbs = std::to_array<std::pair<std::string_view, Verb>>(
      {{"start", Verb::start}, {"pause", Verb::pause}, {"resume", Verb::resume}, {"cancel", Verb::cancel}});
  const auto* found = std::find_if(verbs.begin(), verbs.end(), [&](const auto& each) { return each.first == verb; });
  if (found == verbs.end()) return absl::InvalidArgumentError("send a verb: start, pause, resume or cancel");
  return JobOrder{.verb = found->second, .options = order.value("options", nlohmann::json::object())};
}

absl::Status check_words(const std::vector<std::string>& words, const Definitions& leading) {
  for (const std::string& word : words) {
    const bool any = std::any_of(leading.begin(), leading.end(),
                                 [&](const auto& each) { return migrate::names_table(word, each.first); });
    if (!any) return absl::NotFoundError("the leader has no table " + word);
  }
  return absl::OkStatus();
}

void RateWindow::add(TimePoint now, std::uint64_t rows, std::uint64_t bytes) {
  if (samples_.empty() || now - samples_.back().at > kIdlePause) {
    samples_.push_back({.at = now, .rows = rows, .bytes = bytes});
  }
  while (samples_.size() > 2 && now - samples_.front().at > kRateWindow) samples_.pop_front();
}

double RateWindow::per_second(std::uint64_t Sample::*member) const {
  if (samples_.size() < 2) return 0;
  const Sample &first = samples_.front(), &last = samples_.back();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  return static_cast<double>(last.*member - first.*member) / seconds;
}

JobRunner::JobRunner(std::string kind, JobSetting setting, RowFeed& feed, Metrics& metrics)
    : setting_(std::move(setting)), feed_(feed), counters_(metrics.make()), wake_(reactor_), kind_(std::move(kind)) {
  shown_ = {{"state", "unknown"}};
  // What an earlier process has written into a marker is never one of ours.
  std::random_device device;
  last_token_ = (std::uint64_t{device()} << 32 | device()) >> 1;
}

void JobRunner::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), kind_.c_str());
    reactor_.spawn(loop());
    reactor_.run();
  });
}

void JobRunner::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
}

// One that is under way knows better itself.
void JobRunner::read_again() {
  reactor_.post([this] {
    seen_.is_stale = true;
    wake_.notify();
  });
}

absl::StatusOr<std::string> JobRunner::carry_out(JobOrder order, std::chrono::milliseconds at_most) {
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

Task<void> JobRunner::loop() {
  while (!stopping_) {
    const std::uint64_t applying = feed_.applying();
    absl::Status status;
    if (applying == 0) {
      drop_job();
      seen_.is_none = false;
      const FeedStatus feed = feed_.status();
      note_ = "this proxy does not apply changes now (" + feed.state + ")";
      refuse_requests(feed.state);
    } else {
      status = co_await step(applying);
    }
    if (!status.ok()) {
      note_ = std::string(status.message());
      limited_log().warn(LogKind::applier_error, "{} error=\"{}\"", kind_, note_);
      publish();
      drop_job();
      seen_.is_none = false;
      control_.reset();
      leader_.reset();
    }
    publish();
    const TimePoint until = Clock::now() + (status.ok() ? kIdlePause : kAgainPause);
    co_await wake_.wait(until);
  }
}

// One that has just started, or lost a server for a moment, is waited for.
void JobRunner::refuse_requests(const std::string& feed_state) {
  const bool is_for_long = feed_state.starts_with("standing by") || feed_state.starts_with("paused");
  while (!requests_.empty() && (is_for_long || Clock::now() > requests_.front()->asked + kStartMax)) {
    const std::shared_ptr<Request> request = requests_.front();
    requests_.pop_front();
    if (!request->taken.exchange(true)) request->answer.set_value(absl::UnavailableError(note_));
  }
}

// Whatever there is to do while this process applies under that number.
Task<absl::Status> JobRunner::step(std::uint64_t applying) {
  const absl::Status opened = co_await open_control();
  if (!opened.ok()) co_return opened;
  const bool is_over = job_record() != nullptr && migrate::is_over(job_record()->state);
  if (std::exchange(seen_.is_stale, false) && is_over) drop_job();
  if (job_record() == nullptr || applying_ != applying) {
    drop_job();
    applying_ = applying;
    const absl::Status loaded = co_await load_job();
    if (!loaded.ok()) co_return loaded;
    note_.clear();
  }
  // Who has nothing to do keeps no connection of the leader's from a client.
  const bool is_idle = job_record() == nullptr || migrate::is_over(job_record()->state);
  if (requests_.empty() && is_idle && !starts_by_itself()) {
    leader_.reset();
    co_return co_await between_jobs();
  }
  const absl::Status led = co_await open_leader();
  if (!led.ok()) co_return led;
  co_await answer_requests();
  if (job_record() == nullptr || migrate::is_over(job_record()->state)) co_return co_await between_jobs();
  if (job_record()->state != JobState::running) co_return absl::OkStatus();
  co_return co_await run_job(applying);
}

Task<absl::Status> JobRunner::between_jobs() { co_return absl::OkStatus(); }

Task<absl::Status> JobRunner::open_control() {
  if (!control_ || !control_->alive()) {
    control_.reset();
    auto opened = co_await open_link(config::other(setting_.leader));
    if (!opened.ok()) co_return opened.status();
    control_ = *std::move(opened);
    std::vector<std::string> setup = migrate::job_setup_statements(setting_.schema);
    setup.push_back(migrate::difference_setup_statement(setting_.schema));
    setup.push_back(migrate::part_setup_statement(setting_.schema));
    for (const std::string& sql : setup) {
      auto made = co_await control_->query(sql, soon());
      if (!made.ok()) co_return made.status();
    }
    auto prepared = co_await control_->query("SET SESSION foreign_key_checks=0", soon());
    if (!prepared.ok()) co_return prepared.status();
  }
  co_return absl::OkStatus();
}

Task<absl::Status> JobRunner::open_leader() {
  if (leader_ && leader_->alive()) co_return absl::OkStatus();
  leader_.reset();
  auto opened = co_await open_link(setting_.leader);
  if (!opened.ok()) co_return opened.status();
  leader_ = *std::move(opened);
  co_return co_await make_marker_table();
}

// Even IF NOT EXISTS waits for open transactions: it is asked for first.
Task<absl::Status> JobRunner::make_marker_table() {
  if (feed_.kind() != FeedKind::log) co_return absl::OkStatus();
  auto there = co_await query_number(*leader_,
                                     "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=" +
                                         dualwrite::quote_text(setting_.schema) + " AND TABLE_NAME='marker'",
                                     soon());
  if (!there.ok()) co_return there.status();
  if (*there == 1) co_return absl::OkStatus();
  auto made = co_await leader_->query(dualwrite::marker_setup_statement(setting_.schema), soon());
  co_return made.status();
}

Task<absl::StatusOr<protocol::ResultSet>> JobRunner::ask(std::string sql) {
  auto results = co_await control_->query(std::move(sql), soon());
  if (!results.ok()) co_return results.status();
  if (results->empty()) co_return absl::InternalError("the follower gave no result");
  co_return std::move(results->front());
}

Task<void> JobRunner::answer_requests() {
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

Task<absl::StatusOr<std::string>> JobRunner::answer(JobOrder order) {
  const migrate::JobRecord* job = job_record();
  const bool is_open = job != nullptr && !migrate::is_over(job->state);
  if (order.verb == JobOrder::Verb::start) {
    if (is_open) {
      co_return absl::FailedPreconditionError("job " + std::to_string(job->id) + " is " +
                                              std::string(migrate::name(job->state)) + ": crossfade " + kind_ +
                                              " resume, or cancel");
    }
    co_return co_await start_job(std::move(order.options));
  }
  if (!is_open) co_return absl::FailedPreconditionError("no " + kind_ + " is under way");
  switch (order.verb) {
    case JobOrder::Verb::start:
      break;
    case JobOrder::Verb::pause:
      co_return co_await change_state(JobState::paused);
    case JobOrder::Verb::resume:
      co_return co_await change_state(JobState::running);
    case JobOrder::Verb::cancel:
      co_return co_await change_state(JobState::cancelled);
  }
  co_return absl::InternalError("no such order");
}

Task<absl::StatusOr<std::optional<JobRunner::StoredJob>>> JobRunner::read_job() {
  seen_.is_none = false;
  auto asked = co_await ask(migrate::select_job(setting_.schema, kind_));
  if (!asked.ok()) co_return asked.status();
  auto found = migrate::job_from(*asked);
  if (!found.ok()) co_return found.status();
  seen_.is_none = !*found;
  if (!*found) co_return std::optional<StoredJob>();
  StoredJob out{.record = **std::move(found), .tables = {}};
  auto tables = co_await ask(migrate::select_job_tables(setting_.schema, out.record.id));
  if (!tables.ok()) co_return tables.status();
  auto records = migrate::job_tables_from(*tables);
  if (!records.ok()) co_return records.status();
  out.tables = *std::move(records);
  co_return std::optional<StoredJob>(std::move(out));
}

Task<absl::Status> JobRunner::write_state(std::uint64_t id, JobState state, std::string why) {
  auto changed = co_await ask(migrate::update_job(setting_.schema, id, state, why));
  if (!changed.ok()) co_return changed.status();
  limited_log().warn(LogKind::applier_state, "{} job={} state={} why=\"{}\"", kind_, id, migrate::name(state), why);
  co_return absl::OkStatus();
}

// What the leader and the applier have to do. After a failure another connection is asked.
Task<absl::StatusOr<migrate::ServerLoad>> JobRunner::ask_load() {
  if (!leader_->alive()) {
    auto opened = co_await open_link(setting_.leader);
    if (!opened.ok()) co_return opened.status();
    leader_ = *std::move(opened);
  }
  auto asked = co_await leader_->query_rows(
      "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running','Innodb_row_lock_current_waits')", 2, soon());
  if (!asked.ok()) {
    leader_->abandon();
    co_return asked.status();
  }
  migrate::ServerLoad load;
  for (const auto& row : *asked) {
    (row[0] == "Threads_running" ? load.threads_running : load.lock_waits) = to_number(row[1]);
  }
  const std::chrono::duration<double> lag(feed_.status().lag_oldest_seconds);
  load.lag = std::chrono::duration_cast<std::chrono::milliseconds>(lag);
  co_return load;
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> JobRunner::open_link(config::Backend which) {
  co_return co_await BackendLink::open(reactor_, setting_.link(which), counters_, Clock::now() + kConnectMax);
}

Task<absl::Status> JobRunner::order_feed(std::shared_ptr<RowFeed::CopyOrder> wanted) {
  wanted->reply = std::make_shared<Reply<absl::Status>>(reactor_);
  feed_.order(wanted);
  auto answered = co_await wanted->reply->wait(Clock::now() + kOrderMax);
  if (answered) co_return *answered;
  if (!wanted->taken.exchange(true)) co_return absl::UnavailableError("the feed is busy, or away");
  // It is just being carried out.
  auto late = co_await wanted->reply->wait(Clock::now() + kOrderMax);
  co_return late.value_or(absl::UnavailableError("the feed gave no answer"));
}

dualwrite::ServerMakes JobRunner::makes() const {
  return {.leader_is_mariadb = leader_->is_mariadb(),
          .follower_is_mariadb = control_->is_mariadb(),
          .by_triggers = feed_.kind() == FeedKind::trigger,
          .logs_cascades = feed_.status().logs_cascades};
}

bool JobRunner::is_stopped(const dualwrite::TableRef& table, std::string* why) const {
  for (const dualwrite::StoppedTable& each : feed_.stopped_tables()) {
    if (!dualwrite::same_ignoring_case(each.table.schema, table.schema) ||
        !dualwrite::same_ignoring_case(each.table.table, table.table)) {
      continue;
    }
    *why = "it is stopped: " + each.reason;
    return true;
  }
  return false;
}

std::string JobRunner::state_without_job() const {
  return seen_.is_none && applying_ != 0 && applying_ == feed_.applying() ? "none" : "unknown";
}

// A job that is read again, and then goes on, is neither over nor gone.
void JobRunner::show(nlohmann::json shown) {
  const bool is_known = job_record() != nullptr || seen_.is_none || feed_.applying() == 0;
  if (!is_known) shown = status();
  shown.erase("waiting");
  if (!note_.empty()) shown["waiting"] = note_;
  const std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
}

nlohmann::json JobRunner::status() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

}  // namespace crossfade::proxy
