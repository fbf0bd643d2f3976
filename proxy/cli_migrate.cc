#include "proxy/cli_migrate.h"

#include <ostream>
#include <sstream>
#include <utility>

#include "config/quantity.h"
#include "migrate/migration_plan.h"
#include "proxy/big_bang_run.h"
#include "proxy/settings/config_file.h"

namespace crossfade::proxy {
namespace {

absl::StatusOr<std::chrono::milliseconds> take_wait(const std::string& flag, const std::string& text,
                                                    std::chrono::milliseconds otherwise) {
  if (text.empty()) return otherwise;
  const config::DurationBounds bounds{.min = std::chrono::milliseconds(0), .max = std::chrono::hours(1)};
  auto parsed = config::parse_duration(text, bounds);
  if (!parsed.ok()) return absl::InvalidArgumentError(flag + " " + std::string(parsed.status().message()));
  return *parsed;
}

// The lines before it tell how far preflight was.
std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

MigrateVerb::MigrateVerb(CLI::App& app, AdminOptions& admin) : admin_(admin) {
  migrate_ = add_admin_verb(app, "migrate", "Show the steps of a migration; or carry out a small one at once", admin_);
  CLI::Option* plan = migrate_->add_flag("--plan", plan_, "Show the steps, what is done and what is next");
  CLI::Option* bang =
      migrate_
          ->add_flag("--big-bang", big_bang_,
                     "Freeze writes, copy, compare everything, let new lead, unfreeze: for small databases and "
                     "maintenance windows")
          ->excludes(plan);
  migrate_->add_flag("--copied", copied_, "With --big-bang: the rows are there already, and follow")->needs(bang);
  migrate_->add_flag("--replace", replace_, "With --big-bang: delete the rows that new has first")->needs(bang);
  migrate_->add_flag("--defer-indexes", defer_indexes_, "With --big-bang: build indexes once the rows are there")
      ->needs(bang);
  migrate_
      ->add_flag("--objects-later", objects_later_,
                 "With --big-bang: new leads without triggers and events of old, which somebody makes there then")
      ->needs(bang);
  migrate_->add_option("--hold", hold_, "How long a client's write waits before it is refused (1290); 30s")
      ->type_name("DURATION")
      ->needs(bang);
  migrate_
      ->add_option("--freeze-timeout", freeze_timeout_,
                   "How long transactions that are open may take to end; then writes go on, and nothing is done; 30s")
      ->type_name("DURATION")
      ->needs(bang);
  flags_.add_limits(*migrate_, "With --big-bang: tables at once; 2");
  migrate_->footer(
      "--big-bang: whatever is not clean, writes go on on old, and it is said why; so they do when this command or "
      "the\n"
      "proxy ends. Clients are disconnected when new begins to lead. It then leads alone: old is read-only and does "
      "not\n"
      "follow, so there is no way back but by hand. Exit code 0: new leads; 1: error, 4: blockers, or rows differ, 8: "
      "not\n"
      "all was copied or compared.\n\n"
      "Examples:\n  crossfade migrate --plan --config crossfade.yaml\n"
      "  crossfade migrate --big-bang --config crossfade.yaml\n"
      "  crossfade migrate --big-bang --copied --hold 10s --config crossfade.yaml");
}

int MigrateVerb::run(const CliContext& context) const {
  if (!plan_ && !big_bang_) return say_error(absl::InvalidArgumentError("give --plan or --big-bang"), context);
  if (admin_.config_file.empty()) {
    return say_error(absl::InvalidArgumentError("give --config: both servers are looked at"), context);
  }
  return plan_ ? plan(context) : big_bang(context);
}

// What cannot be looked at is a step that is not done.
int MigrateVerb::plan(const CliContext& context) const {
  const absl::StatusOr<config::Config> config = load_config_file(admin_.config_file);
  if (!config.ok()) return say_error(config.status(), context);
  migrate::PlanFacts facts;
  const auto status = ask_admin(admin_, "/status");
  if (status.ok()) facts.status = *status;
  if (!status.ok()) facts.status_error = std::string(status.status().message());
  const auto report = ask_admin(admin_, "/report");
  if (report.ok()) facts.report = *report;
  std::ostringstream told, failed;
  PreflightOrder look;
  look.quick = true;
  look.format = PreflightOrder::Format::json;
  context.preflight(*config, look, told, failed);
  nlohmann::json seen = nlohmann::json::parse(told.str(), nullptr, false);
  if (seen.is_object()) facts.preflight = std::move(seen);
  facts.preflight_error = last_line(failed.str());
  const std::vector<migrate::PlanStep> steps = migrate::migration_plan(facts);
  context.out << (admin_.format == "json" ? migrate::plan_json(steps).dump(2) + "\n" : migrate::plan_text(steps));
  return 0;
}

int MigrateVerb::big_bang(const CliContext& context) const {
  using Copy = migrate::BigBang::Copy;
  BigBangOrder order;
  const auto hold = take_wait("--hold", hold_, order.hold);
  const auto freeze_max = take_wait("--freeze-timeout", freeze_timeout_, order.freeze_max);
  const absl::StatusOr<nlohmann::json> options = flags_.options();
  for (const absl::Status& status : {hold.status(), freeze_max.status(), options.status()}) {
    if (!status.ok()) return say_error(status, context);
  }
  order.copy = copied_ ? Copy::already_there : Copy::wanted;
  order.for_later = objects_later_ ? migrate::ForLater::accept : migrate::ForLater::refuse;
  order.hold = *hold;
  order.freeze_max = *freeze_max;
  order.job_options = *options;
  order.copy_options["existing"] = replace_ ? "replace" : "refuse";
  if (defer_indexes_) order.copy_options["defer_indexes"] = true;
  return BigBangRun(std::move(order), admin_, context).run();
}

}  // namespace crossfade::proxy
