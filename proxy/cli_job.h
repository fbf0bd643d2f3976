// What the verbs of long jobs share: `crossfade backfill|verify|repair`.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "migrate/big_bang.h"
#include "proxy/cli.h"
#include "proxy/cli_admin.h"

namespace crossfade::proxy {

// Each puts what a flag was given as into a job's options, if it was. InvalidArgument: the flag, and what is wrong.
absl::Status take_duration(nlohmann::json& options, const char* member, const std::string& flag,
                           const std::string& text, std::chrono::milliseconds most = std::chrono::hours(1));
absl::Status take_share(nlohmann::json& options, const char* member, const std::string& flag, const std::string& text);

// Which tables, how fast, when to wait; how long to watch. Lives as long as the command line is parsed and carried out.
class JobFlags {
 public:
  void add_tables(CLI::App& verb);
  void add_limits(CLI::App& verb, const std::string& parallel);
  void add_watching(CLI::App& verb);
  void add_interval(CLI::App& verb);
  // What was given, as members of a job's options. InvalidArgument: which flag, and what is wrong with it.
  absl::StatusOr<nlohmann::json> options() const;
  bool detaches() const { return detach_; }
  double interval() const { return interval_; }

 private:
  std::vector<std::string> tables_, exclude_;
  std::string chunk_time_, max_lag_;
  std::uint64_t rows_per_second_ = 0, threads_running_ = 0, lock_waits_ = 0;
  double mb_per_second_ = 0;
  std::uint32_t parallel_ = 0;
  bool wait_ = false, detach_ = false;
  double interval_ = 0;  // seconds between two lines; 0: as the output is
};

// One kind of job, as the command line speaks of it.
struct JobVerb {
  std::string kind;  // "backfill": of its path, too
  std::string noun;  // "copy"
  std::function<int(const nlohmann::json& status)> exit_code;
};

// Each gives an exit code: what the job's end means, or 1 after an error.
int order_job(const JobVerb& job, const AdminOptions& admin, const nlohmann::json& order, const CliContext& context);
// The job's start; then it is watched, unless the flags say otherwise.
int start_and_watch(const JobVerb& job, const AdminOptions& admin, nlohmann::json options, const JobFlags& flags,
                    const CliContext& context);
int show_job(const JobVerb& job, const AdminOptions& admin, const CliContext& context);
// Until it is over: a table that is drawn anew on a terminal, else a line now and then; of JSON one object a line.
int watch_job(const JobVerb& job, const AdminOptions& admin, double interval, const CliContext& context);
// Without a job to speak of nothing was done that an exit code of 0 would stand for.
bool has_job(const nlohmann::json& status);
using migrate::kNotWholeCode;
int say_error(const absl::Status& status, const CliContext& context);

// `pause`, `resume` and `cancel` of a job.
class JobControls {
 public:
  void add(CLI::App& parent, AdminOptions& admin, const std::string& kind, const std::string& doing);
  // Empty: none of them.
  std::string parsed() const;

 private:
  std::map<std::string, CLI::App*> verbs_;
};

}  // namespace crossfade::proxy
