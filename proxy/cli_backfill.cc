#include "proxy/cli_backfill.h"

#include <utility>

#include "migrate/job_options.h"

namespace crossfade::proxy {
namespace {

constexpr int kOkCode = 0;
constexpr int kErrorCode = 1;
constexpr int kDifferencesCode = 4;

int exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (state == "failed") return kErrorCode;
  if (state == "orphans") return kDifferencesCode;
  if (state == "cancelled" || state == "paused" || !has_job(status)) return kNotWholeCode;
  return kOkCode;
}

}  // namespace

BackfillVerbs::BackfillVerbs(CLI::App& app, AdminOptions& admin)
    : admin_(admin), job_{.kind = "backfill", .noun = "copy", .exit_code = exit_code} {
  CLI::App* backfill = app.add_subcommand("backfill", "Copy the rows of tables from old to new while both are in use");
  backfill->require_subcommand(1);
  backfill->footer(
      "The copy runs in the proxy that applies changes, and goes on without this command, after any restart.\n\n"
      "Examples:\n  crossfade backfill start\n  crossfade backfill status --wait\n  crossfade backfill pause");
  add_start(*backfill);
  status_ = add_admin_verb(*backfill, "status", "Show how far the copy is", admin_);
  status_->add_flag("--wait", wait_, "Stay until it is over");
  flags_.add_interval(*status_);
  status_->footer(
      "Exit code 0: done, or under way; 1: error, or a table was not copied; 4: rows refer to rows that are not "
      "there;\n"
      "8: paused, cancelled, or none has been started.\n\n"
      "Examples:\n  crossfade backfill status\n  crossfade backfill status --wait --format json");
  controls_.add(*backfill, admin_, "backfill", "copying");
}

void BackfillVerbs::add_start(CLI::App& backfill) {
  start_ = add_admin_verb(backfill, "start", "Begin a copy, and watch it", admin_);
  flags_.add_tables(*start_);
  start_
      ->add_option("--where", where_,
                   "SCHEMA.TABLE=CONDITION: only rows of which this SQL of old is true; repeatable, and all have to be")
      ->allow_extra_args(false)
      ->type_name("TABLE=COND");
  start_->add_option("--subset", subset_, "A share of the rows, to rehearse with: 1%")->type_name("SHARE");
  CLI::Option* replace = start_->add_flag("--replace", replace_, "Delete the rows that new has of these tables first");
  start_->add_flag("--resume", resume_, "Go on where an earlier copy was")->excludes(replace);
  start_->add_flag("--defer-indexes", defer_indexes_,
                   "Drop indexes of empty tables that are not unique, and build them once the rows are there");
  flags_.add_limits(*start_, "Readers of tables and parts of them, and connections that write; 2");
  start_
      ->add_option("--max-latency-growth", latency_growth_,
                   "Wait while the p99 of clients' statements is more times what it was before the copy: 1.3")
      ->check(CLI::Range(1.0, 100.0))
      ->type_name("TIMES");
  flags_.add_watching(*start_);
  start_->footer(
      "Tables that refer to others are copied behind them. A table that new has rows of is refused, unless --replace\n"
      "or --resume says what becomes of them. Ending this command does not end the copy.\n"
      "Exit code 0: done, 1: error, or a table was not copied, 4: rows refer to rows that are not there, 8: paused or\n"
      "cancelled.\n\n"
      "Examples:\n  crossfade backfill start --config crossfade.yaml\n"
      "  crossfade backfill start --tables shop.orders,crm --parallel 4 --max-rows-per-second 20000\n"
      "  crossfade backfill start --subset 1% --replace --detach");
}

bool BackfillVerbs::parsed() const { return start_->parsed() || status_->parsed() || !controls_.parsed().empty(); }

int BackfillVerbs::run(const CliContext& context) const {
  if (status_->parsed()) {
    return wait_ ? watch_job(job_, admin_, flags_.interval(), context) : show_job(job_, admin_, context);
  }
  if (const std::string verb = controls_.parsed(); !verb.empty()) {
    return order_job(job_, admin_, {{"verb", verb}}, context);
  }
  return start(context);
}

absl::StatusOr<nlohmann::json> BackfillVerbs::start_options() const {
  absl::StatusOr<nlohmann::json> given = flags_.options();
  if (!given.ok()) return given.status();
  nlohmann::json options = *std::move(given);
  for (const std::string& each : where_) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError("--where wants SCHEMA.TABLE=CONDITION, not '" + each + "'");
    }
    // Each that is given has to be true.
    const std::string table = each.substr(0, equals), condition = each.substr(equals + 1);
    nlohmann::json& kept = options["where"][table];
    kept = kept.is_null() ? condition : "(" + kept.get<std::string>() + ") AND (" + condition + ")";
  }
  if (!subset_.empty()) {
    const auto share = migrate::parse_share(subset_);
    if (!share.ok()) return absl::InvalidArgumentError("--subset " + std::string(share.status().message()));
    options["subset_ppm"] = *share;
  }
  if (defer_indexes_) options["defer_indexes"] = true;
  options["existing"] = replace_ ? "replace" : resume_ ? "resume" : "refuse";
  if (latency_growth_ > 0) options["latency_growth_max"] = latency_growth_;
  return options;
}

int BackfillVerbs::start(const CliContext& context) const {
  const absl::StatusOr<nlohmann::json> options = start_options();
  if (!options.ok()) return say_error(options.status(), context);
  return start_and_watch(job_, admin_, *options, flags_, context);
}

}  // namespace crossfade::proxy
