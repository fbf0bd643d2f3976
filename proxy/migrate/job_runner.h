// Carries out the long jobs of one kind, each the work of one class that derives from this: copying, comparing,
// repairing.
//
// A thread of its own with its own reactor, in every proxy; the one whose feed applies does the work, from what the
// follower's control schema says: the last job of the kind, and for each of its tables how far it is. So a job goes on
// after any crash, in any proxy, and nobody needs to watch it.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "migrate/job_control.h"
#include "migrate/throttle.h"
#include "nlohmann/json.hpp"
#include "proxy/backend/definitions.h"
#include "proxy/feed/row_feed.h"

namespace crossfade::proxy {

struct JobSetting {
  // Where and as whom to connect now, with the control accounts. Any thread.
  std::function<LinkOptions(config::Backend)> link;
  config::Backend leader = config::Backend::old_db;
  std::string schema;  // the control schema
};

// What is asked for over the admin server.
struct JobOrder {
  enum class Verb : std::uint8_t { start, pause, resume, cancel } verb = Verb::start;
  nlohmann::json options = nlohmann::json::object();  // of start
};
// {"verb": "start", "options": {..}}. InvalidArgument: no such verb.
absl::StatusOr<JobOrder> parse_job_order(const nlohmann::json& json);

// NotFound: a word that names no table of the leader is a mistake.
absl::Status check_words(const std::vector<std::string>& words, const Definitions& leading);

// How much of something a second, over the last seconds.
class RateWindow {
 public:
  void add(TimePoint now, std::uint64_t rows, std::uint64_t bytes);
  // 0: not known yet.
  double rows_per_second() const { return per_second(&Sample::rows); }
  double bytes_per_second() const { return per_second(&Sample::bytes); }

 private:
  struct Sample {
    TimePoint at;
    std::uint64_t rows = 0, bytes = 0;
  };
  double per_second(std::uint64_t Sample::*member) const;
  std::deque<Sample> samples_;
};

class JobRunner {
 public:
  JobRunner(std::string kind, JobSetting setting, RowFeed& feed, Metrics& metrics);
  // Whoever derives from this stops it first.
  virtual ~JobRunner() = default;
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;
  void start();
  void stop();
  const std::string& kind() const { return kind_; }
  // Any thread but its own; waits at most so long. What was done, or why it was not (InvalidArgument, NotFound,
  // FailedPrecondition: it cannot be; Unavailable: it could not be looked at now).
  absl::StatusOr<std::string> carry_out(JobOrder order, std::chrono::milliseconds at_most);
  // Any thread: what is written of the last job has changed.
  void read_again();
  // Any thread. The last job that this process knows of: see docs/configuration.md.
  nlohmann::json status() const;

 protected:
  // All of these on its own thread.
  virtual Task<absl::Status> load_job() = 0;
  // Nothing that this process knows of the job is worth anything any more.
  virtual void drop_job() = 0;
  virtual const migrate::JobRecord* job_record() const = 0;  // nullptr: there is none
  virtual Task<absl::StatusOr<std::string>> start_job(nlohmann::json options) = 0;
  virtual Task<absl::StatusOr<std::string>> change_state(migrate::JobState state) = 0;
  // Until the job is over, somebody wants something else of it, or this process no longer applies.
  virtual Task<absl::Status> run_job(std::uint64_t applying) = 0;
  // While no job is running or paused: what is owed then. Nothing, as a rule.
  virtual Task<absl::Status> between_jobs();
  // Jobs that nobody orders: these ask the leader, too.
  virtual bool starts_by_itself() const { return false; }
  // Calls show().
  virtual void publish() = 0;

  struct StoredJob {
    migrate::JobRecord record;
    std::vector<migrate::TableRecord> tables;
  };
  // The last job of this kind as it is written; nullopt: there is none.
  Task<absl::StatusOr<std::optional<StoredJob>>> read_job();
  // What is not known now stays as it was shown before.
  void show(nlohmann::json shown);
  std::string state_without_job() const;  // "none", "unknown"
  // Written down, and said in the log.
  Task<absl::Status> write_state(std::uint64_t id, migrate::JobState state, std::string why);
  Task<absl::StatusOr<protocol::ResultSet>> ask(std::string sql);  // the follower
  Task<absl::Status> order_feed(std::shared_ptr<RowFeed::CopyOrder> wanted);
  Task<absl::StatusOr<migrate::ServerLoad>> ask_load();
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_link(config::Backend which);
  dualwrite::ServerMakes makes() const;
  bool is_stopped(const dualwrite::TableRef& table, std::string* why) const;
  bool has_requests() const { return !requests_.empty(); }
  std::uint64_t new_token() { return ++last_token_; }

  const JobSetting setting_;
  RowFeed& feed_;
  Counters& counters_;
  Reactor reactor_;
  Signal wake_;
  std::unique_ptr<BackendLink> control_;  // the follower
  // For questions that are no chunks; nullptr while there is nothing to do.
  std::unique_ptr<BackendLink> leader_;
  std::uint64_t applying_ = 0;  // what the job was loaded under
  std::string note_;            // why nothing goes on

 private:
  struct Request {
    JobOrder order;
    std::promise<absl::StatusOr<std::string>> answer;
    std::atomic<bool> taken{false};
    const TimePoint asked = Clock::now();
  };
  Task<void> loop();
  Task<absl::Status> step(std::uint64_t applying);
  Task<absl::Status> open_control();  // of the follower
  Task<absl::Status> open_leader();
  Task<absl::Status> make_marker_table();
  void refuse_requests(const std::string& feed_state);
  Task<void> answer_requests();
  Task<absl::StatusOr<std::string>> answer(JobOrder order);

  const std::string kind_;
  std::thread thread_;
  bool stopping_ = false;
  struct Seen {
    bool is_stale = false;  // the job is to be read again if it is over
    bool is_none = false;   // the follower has said that there is none
  } seen_;
  std::deque<std::shared_ptr<Request>> requests_;
  std::uint64_t last_token_;
  mutable std::mutex mutex_;
  nlohmann::json shown_;  // guarded by mutex_
};

}  // namespace crossfade::proxy
