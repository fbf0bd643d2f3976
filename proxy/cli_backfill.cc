#include "proxy/cli_backfill.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>
#include <utility>

#include "config/quantity.h"
#include "migrate/copy_options.h"
#include "proxy/backfill_text.h"

namespace crossfade::proxy {
namespace {

constexpr int kOkCode = 0;
constexpr int kErrorCode = 1;
constexpr int kDifferencesCode = 4;
constexpr int kIncompleteCode = 8;
constexpr auto kTerminalInterval = std::chrono::milliseconds(500);
constexpr auto kLineInterval = std::chrono::seconds(5);
constexpr int kLostMax = 60;  // looks that may fail one after the other: a proxy that is just restarted
constexpr std::string_view kPath = "/jobs/backfill";

absl::Status take_duration(nlohmann::json& options, const char* member, const std::string& flag,
                           const std::string& text) {
  if (text.empty()) return absl::OkStatus();
  const config::DurationBounds bounds{.min = std::chrono::milliseconds(10), .max = std::chrono::hours(1)};
  const auto parsed = config::parse_duration(text, bounds);
  if (!parsed.ok()) return absl::InvalidArgumentError(flag + " " + std::string(parsed.status().message()));
  options[member] = parsed->count();
  return absl::OkStatus();
}

int exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (state == "failed") return kErrorCode;
  if (state == "orphans") return kDifferencesCode;
  if (state == "cancelled" || state == "paused") return kIncompleteCode;
  return kOkCode;
}

int say(const absl::Status& status, const CliContext& context) {
  context.err << "crossfade: " << std::string(status.message()) << "\n";
  return kErrorCode;
}

}  // namespace

BackfillVerbs::BackfillVerbs(CLI::App& app, AdminOptions& admin) : admin_(admin) {
  CLI::App* backfill = app.add_subcommand("backfill", "Copy the rows of tables from old to new while both are in use");
  backfill->require_subcommand(1);
  backfill->footer(
      "The copy runs in the proxy that applies changes, and goes on without this command, after any restart.\n\n"
      "Examples:\n  crossfade backfill start\n  crossfade backfill status --wait\n  crossfade backfill pause");
  add_start(*backfill);
  status_ = add_admin_verb(*backfill, "status", "Show how far the copy is", admin_);
  status_->add_flag("--wait", wait_, "Stay until it is over");
  status_->add_option("--interval", interval_, "Seconds between two lines")->type_name("SECONDS");
  status_->footer(
      "Exit code 0: done, or under way; 1: error, or a table was not copied; 4: rows refer to rows that are not "
      "there;\n"
      "8: paused or cancelled.\n\n"
      "Examples:\n  crossfade backfill status\n  crossfade backfill status --wait --format json");
  const std::map<std::string, std::string> about = {
      {"pause", "Stop copying until it is resumed; changes are followed meanwhile"},
      {"resume", "Go on with a paused copy"},
      {"cancel", "End the copy; what is copied stays, and `start --resume` goes on there"}};
  for (const auto& [verb, text] : about) {
    others_[verb] = add_admin_verb(*backfill, verb, text, admin_);
    others_[verb]->footer("Example:\n  crossfade backfill " + verb + " --config crossfade.yaml");
  }
}

void BackfillVerbs::add_start(CLI::App& backfill) {
  start_ = add_admin_verb(backfill, "start", "Begin a copy, and watch it", admin_);
  start_->add_option("--tables", tables_, "Only these: SCHEMA or SCHEMA.TABLE, several with commas")
      ->delimiter(',')
      ->type_name("TABLES");
  start_->add_option("--exclude", exclude_, "Without these")->delimiter(',')->type_name("TABLES");
  start_
      ->add_option("--where", where_, "SCHEMA.TABLE=CONDITION: only rows of which this SQL of old is true; repeatable")
      ->allow_extra_args(false)
      ->type_name("TABLE=COND");
  start_->add_option("--subset", subset_, "A share of the rows, to rehearse with: 1%")->type_name("SHARE");
  CLI::Option* replace = start_->add_flag("--replace", replace_, "Delete the rows that new has of these tables first");
  start_->add_flag("--resume", resume_, "Go on where an earlier copy was")->excludes(replace);
  start_->add_flag("--defer-indexes", defer_indexes_,
                   "Drop indexes of empty tables that are not unique, and build them once the rows are there");
  start_->add_option("--chunk-time", chunk_time_, "How long a chunk is to take; 500ms")->type_name("DURATION");
  start_->add_option("--parallel", parallel_, "Tables read at once, and connections that write; 2")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  start_->add_option("--max-rows-per-second", rows_per_second_, "Copy no faster")->type_name("N");
  start_->add_option("--max-mb-per-second", mb_per_second_, "Copy no faster")->type_name("N");
  start_->add_option("--max-lag", max_lag_, "Wait while the applier is further behind; 2s")->type_name("DURATION");
  start_->add_option("--max-threads-running", threads_running_, "Wait while more threads run on old; 64")
      ->type_name("N");
  start_->add_option("--max-lock-waits", lock_waits_, "Wait while more sessions of old wait for rows; 8")
      ->type_name("N");
  start_
      ->add_option("--max-latency-growth", latency_growth_,
                   "Wait while the p99 of clients' statements is more times what it was before the copy: 1.3")
      ->check(CLI::Range(1.0, 100.0))
      ->type_name("TIMES");
  CLI::Option* wait = start_->add_flag("--wait", wait_, "Stay until it is over (this is the default)");
  start_->add_flag("--detach", detach_, "Begin it, and leave")->excludes(wait);
  start_->add_option("--interval", interval_, "Seconds between two lines")->type_name("SECONDS");
  start_->footer(
      "Tables that refer to others are copied behind them. A table that new has rows of is refused, unless --replace\n"
      "or --resume says what becomes of them. Ending this command does not end the copy.\n"
      "Exit code 0: done, 1: error, or a table was not copied, 4: rows refer to rows that are not there, 8: paused or\n"
      "cancelled.\n\n"
      "Examples:\n  crossfade backfill start --config crossfade.yaml\n"
      "  crossfade backfill start --tables shop.orders,crm --parallel 4 --max-rows-per-second 20000\n"
      "  crossfade backfill start --subset 1% --replace --detach");
}

bool BackfillVerbs::parsed() const {
  bool any = start_->parsed() || status_->parsed();
  for (const auto& [verb, app] : others_) any = any || app->parsed();
  return any;
}

int BackfillVerbs::run(const CliContext& context) const {
  if (status_->parsed()) return wait_ ? watch(context) : show_once(context);
  for (const auto& [verb, app] : others_) {
    if (app->parsed()) return order(verb, context);
  }
  return order("start", context);
}

absl::StatusOr<nlohmann::json> BackfillVerbs::start_order() const {
  nlohmann::json options = nlohmann::json::object();
  if (!tables_.empty()) options["tables"] = tables_;
  if (!exclude_.empty()) options["exclude"] = exclude_;
  for (const std::string& each : where_) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError("--where wants SCHEMA.TABLE=CONDITION, not '" + each + "'");
    }
    options["where"][each.substr(0, equals)] = each.substr(equals + 1);
  }
  if (!subset_.empty()) {
    const auto share = migrate::parse_share(subset_);
    if (!share.ok()) return absl::InvalidArgumentError("--subset " + std::string(share.status().message()));
    options["subset_ppm"] = *share;
  }
  if (defer_indexes_) options["defer_indexes"] = true;
  options["existing"] = replace_ ? "replace" : resume_ ? "resume" : "refuse";
  if (auto status = take_duration(options, "chunk_time_ms", "--chunk-time", chunk_time_); !status.ok()) return status;
  if (auto status = take_duration(options, "lag_max_ms", "--max-lag", max_lag_); !status.ok()) return status;
  if (parallel_ != 0) options["parallel"] = parallel_;
  if (rows_per_second_ != 0) options["rows_per_second"] = rows_per_second_;
  if (mb_per_second_ > 0) options["mb_per_second"] = mb_per_second_;
  if (latency_growth_ > 0) options["latency_growth_max"] = latency_growth_;
  if (threads_running_ != 0) options["threads_running_max"] = threads_running_;
  if (lock_waits_ != 0) options["lock_waits_max"] = lock_waits_;
  return options;
}

int BackfillVerbs::order(const std::string& verb, const CliContext& context) const {
  nlohmann::json asked = {{"verb", verb}};
  if (verb == "start") {
    absl::StatusOr<nlohmann::json> options = start_order();
    if (!options.ok()) return say(options.status(), context);
    asked["options"] = *std::move(options);
  }
  const absl::StatusOr<nlohmann::json> answer = ask_admin(admin_, std::string(kPath), asked);
  if (!answer.ok()) return say(answer.status(), context);
  const bool watches = verb == "start" && !detach_;
  if (admin_.format != "json" || !watches) {
    context.out << (admin_.format == "json" ? answer->dump(2) : answer->value("text", "")) << "\n" << std::flush;
  }
  return watches ? watch(context) : kOkCode;
}

int BackfillVerbs::show_once(const CliContext& context) const {
  const absl::StatusOr<nlohmann::json> status = ask_admin(admin_, std::string(kPath));
  if (!status.ok()) return say(status.status(), context);
  context.out << (admin_.format == "json" ? status->dump(2) + "\n" : backfill_table(*status));
  return exit_code(*status);
}

// A table that is drawn anew on a terminal, else a line now and then; of JSON one object a line.
int BackfillVerbs::watch(const CliContext& context) const {
  const bool json = admin_.format == "json";
  const bool redraws = !json && interval_ <= 0 && isatty(STDOUT_FILENO) == 1;
  const auto interval =
      interval_ > 0
          ? std::chrono::milliseconds(static_cast<std::int64_t>(interval_ * 1000))
          : std::chrono::duration_cast<std::chrono::milliseconds>(redraws ? kTerminalInterval : kLineInterval);
  constexpr auto kLook = std::chrono::milliseconds(200);
  std::size_t drawn = 0;
  int lost = 0;
  auto next_line = std::chrono::steady_clock::now();
  for (;;) {
    const absl::StatusOr<nlohmann::json> status = ask_admin(admin_, std::string(kPath));
    lost = status.ok() ? 0 : lost + 1;
    if (!status.ok() && lost > kLostMax) return say(status.status(), context);
    const std::string state = status.ok() ? status->value("state", "none") : "unknown";
    const bool over = state != "running" && state != "unknown";
    if (status.ok() && (over || std::chrono::steady_clock::now() >= next_line)) {
      next_line = std::chrono::steady_clock::now() + interval;
      if (redraws) {
        const std::string table = backfill_table(*status);
        if (drawn > 0) context.out << "\x1b[" << drawn << "A\x1b[J";
        context.out << table;
        drawn = static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
      } else {
        const bool explains = over && state == "failed";
        context.out << (json ? status->dump() + "\n" : explains ? backfill_table(*status) : backfill_line(*status));
      }
      context.out << std::flush;
    }
    if (over) return exit_code(*status);
    std::this_thread::sleep_for(status.ok() ? std::min<std::chrono::milliseconds>(kLook, interval) : interval);
  }
}

}  // namespace crossfade::proxy
