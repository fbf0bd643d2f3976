#include "proxy/cli_job.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>
#include <utility>

#include "config/quantity.h"
#include "migrate/job_options.h"
#include "proxy/job_text.h"

namespace crossfade::proxy {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(500);
constexpr auto kLineInterval = std::chrono::seconds(5);
constexpr int kLostMax = 60;  // looks that may fail one after the other: a proxy that is just restarted

std::string path_of(const JobVerb& job) { return "/jobs/" + job.kind; }

}  // namespace

absl::Status take_duration(nlohmann::json& options, const char* member, const std::string& flag,
                           const std::string& text, std::chrono::milliseconds most) {
  if (text.empty()) return absl::OkStatus();
  const config::DurationBounds bounds{.min = std::chrono::milliseconds(10), .max = most};
  const auto parsed = config::parse_duration(text, bounds);
  if (!parsed.ok()) return absl::InvalidArgumentError(flag + " " + std::string(parsed.status().message()));
  options[member] = parsed->count();
  return absl::OkStatus();
}

absl::Status take_share(nlohmann::json& options, const char* member, const std::string& flag, const std::string& text) {
  if (text.empty()) return absl::OkStatus();
  const auto share = migrate::parse_share(text);
  if (!share.ok()) return absl::InvalidArgumentError(flag + " " + std::string(share.status().message()));
  options[member] = *share;
  return absl::OkStatus();
}

void JobFlags::add_tables(CLI::App& verb) {
  verb.add_option("--tables", tables_, "Only these: SCHEMA or SCHEMA.TABLE, several with commas")
      ->delimiter(',')
      ->type_name("TABLES");
  verb.add_option("--exclude", exclude_, "Without these")->delimiter(',')->type_name("TABLES");
}

void JobFlags::add_limits(CLI::App& verb, const std::string& parallel) {
  verb.add_option("--chunk-time", chunk_time_, "How long a chunk is to take; 500ms")->type_name("DURATION");
  verb.add_option("--parallel", parallel_, parallel)->check(CLI::Range(1, 64))->type_name("N");
  verb.add_option("--max-rows-per-second", rows_per_second_, "No faster than this")->type_name("N");
  verb.add_option("--max-mb-per-second", mb_per_second_, "No faster than this")->type_name("N");
  verb.add_option("--max-lag", max_lag_, "Wait while the applier is further behind; 2s")->type_name("DURATION");
  verb.add_option("--max-threads-running", threads_running_, "Wait while more threads run on old; 64")->type_name("N");
  verb.add_option("--max-lock-waits", lock_waits_, "Wait while more sessions of old wait for rows; 8")->type_name("N");
}

void JobFlags::add_watching(CLI::App& verb) {
  CLI::Option* wait = verb.add_flag("--wait", wait_, "Stay until it is over (this is the default)");
  verb.add_flag("--detach", detach_, "Begin it, and leave")->excludes(wait);
  add_interval(verb);
}

void JobFlags::add_interval(CLI::App& verb) {
  verb.add_option("--interval", interval_, "Seconds between two lines")->type_name("SECONDS");
}

absl::StatusOr<nlohmann::json> JobFlags::options() const {
  nlohmann::json out = nlohmann::json::object();
  if (!tables_.empty()) out["tables"] = tables_;
  if (!exclude_.empty()) out["exclude"] = exclude_;
  if (auto status = take_duration(out, "chunk_time_ms", "--chunk-time", chunk_time_); !status.ok()) return status;
  if (auto status = take_duration(out, "lag_max_ms", "--max-lag", max_lag_); !status.ok()) return status;
  if (parallel_ != 0) out["parallel"] = parallel_;
  if (rows_per_second_ != 0) out["rows_per_second"] = rows_per_second_;
  if (mb_per_second_ > 0) out["mb_per_second"] = mb_per_second_;
  if (threads_running_ != 0) out["threads_running_max"] = threads_running_;
  if (lock_waits_ != 0) out["lock_waits_max"] = lock_waits_;
  return out;
}

void JobControls::add(CLI::App& parent, AdminOptions& admin, const std::string& kind, const std::string& doing) {
  const std::map<std::string, std::string> about = {{"pause", "Stop " + doing + " until it is resumed"},
                                                    {"resume", "Go on with a paused job"},
                                                    {"cancel", "End it; what was done stays"}};
  for (const auto& [verb, text] : about) {
    verbs_[verb] = add_admin_verb(parent, verb, text, admin);
    verbs_[verb]->footer("Example:\n  crossfade " + kind + " " + verb + " --config crossfade.yaml");
  }
}

std::string JobControls::parsed() const {
  for (const auto& [verb, app] : verbs_) {
    if (app->parsed()) return verb;
  }
  return {};
}

bool has_job(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  return state != "none" && state != "unknown";
}

int say_error(const absl::Status& status, const CliContext& context) {
  context.err << "crossfade: " << std::string(status.message()) << "\n";
  return 1;
}

int order_job(const JobVerb& job, const AdminOptions& admin, const nlohmann::json& order, const CliContext& context) {
  const absl::StatusOr<nlohmann::json> answer = ask_admin(admin, path_of(job), order);
  if (!answer.ok()) return say_error(answer.status(), context);
  context.out << (admin.format == "json" ? answer->dump(2) : answer->value("text", "")) << "\n" << std::flush;
  return 0;
}

int start_and_watch(const JobVerb& job, const AdminOptions& admin, nlohmann::json options, const JobFlags& flags,
                    const CliContext& context) {
  const nlohmann::json order = {{"verb", "start"}, {"options", std::move(options)}};
  if (flags.detaches()) return order_job(job, admin, order, context);
  const absl::StatusOr<nlohmann::json> answer = ask_admin(admin, path_of(job), order);
  if (!answer.ok()) return say_error(answer.status(), context);
  // JSON that is watched is one object a line, of the job alone.
  if (admin.format != "json") context.out << answer->value("text", "") << "\n" << std::flush;
  return watch_job(job, admin, flags.interval(), context);
}

int show_job(const JobVerb& job, const AdminOptions& admin, const CliContext& context) {
  const absl::StatusOr<nlohmann::json> status = ask_admin(admin, path_of(job));
  if (!status.ok()) return say_error(status.status(), context);
  context.out << (admin.format == "json" ? status->dump(2) + "\n" : job_table(*status, job.noun));
  return job.exit_code(*status);
}

int watch_job(const JobVerb& job, const AdminOptions& admin, double interval, const CliContext& context) {
  const bool json = admin.format == "json";
  const bool redraws = !json && interval <= 0 && isatty(STDOUT_FILENO) == 1;
  const auto pause =
      interval > 0 ? std::chrono::milliseconds(static_cast<std::int64_t>(interval * 1000))
                   : std::chrono::duration_cast<std::chrono::milliseconds>(redraws ? kTerminalInterval : kLineInterval);
  constexpr auto kStatusPause = std::chrono::milliseconds(200);
  std::size_t drawn = 0;
  int lost = 0;
  auto next_line = std::chrono::steady_clock::now();
  for (;;) {
    const absl::StatusOr<nlohmann::json> status = ask_admin(admin, path_of(job));
    lost = status.ok() ? 0 : lost + 1;
    if (!status.ok() && lost > kLostMax) return say_error(status.status(), context);
    const std::string state = status.ok() ? status->value("state", "none") : "unknown";
    const bool over = state != "running" && state != "unknown";
    if (status.ok() && (over || std::chrono::steady_clock::now() >= next_line)) {
      next_line = std::chrono::steady_clock::now() + pause;
      if (redraws) {
        const std::string table = job_table(*status, job.noun);
        if (drawn > 0) context.out << "\x1b[" << drawn << "A\x1b[J";
        context.out << table;
        drawn = static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
      } else {
        const bool explains = over && (state == "failed" || status->value("differences_count", 0) > 0);
        context.out << (json       ? status->dump() + "\n"
                        : explains ? job_table(*status, job.noun)
                                   : job_line(*status, job.noun));
      }
      context.out << std::flush;
    }
    if (over) return job.exit_code(*status);
    std::this_thread::sleep_for(status.ok() ? std::min<std::chrono::milliseconds>(kStatusPause, pause) : pause);
  }
}

}  // namespace crossfade::proxy
