#include "proxy/cli_verify.h"

#include <ostream>
#include <utility>

#include "migrate/job_options.h"
#include "proxy/job_text.h"

namespace crossfade::proxy {
namespace {

constexpr int kDiffersCode = 4;
constexpr auto kPeriodMax = std::chrono::hours(24 * 366);
constexpr auto kRoundsPause = std::chrono::minutes(10);
constexpr std::uint32_t kRoundsBusyPpm = 100000;

int verify_exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (status.value("differences_count", 0) > 0) return kDiffersCode;
  // A round of a continuous comparison is under way: the last one's word counts.
  if (state == "running" && status.contains("last")) return verify_exit_code(status["last"]);
  return state == "failed" || state == "cancelled" || state == "paused" || !has_job(status) ? kNotWholeCode : 0;
}

int repair_exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (state == "failed") return 1;
  return state == "cancelled" || state == "paused" || !has_job(status) ? kNotWholeCode : 0;
}

JobVerb verify_job() { return {.kind = "verify", .noun = "comparison", .exit_code = verify_exit_code}; }

}  // namespace

VerifyVerbs::VerifyVerbs(CLI::App& app, AdminOptions& admin) : admin_(admin), job_(verify_job()) {
  CLI::App* verify = app.add_subcommand("verify", "Compare the rows of old and new while both are in use");
  verify->require_subcommand(1);
  verify->footer(
      "The comparison runs in the proxy that applies changes, and goes on without this command, after any restart.\n\n"
      "Examples:\n  crossfade verify start\n  crossfade verify start --sample 0.1%\n  crossfade verify status");
  add_start(*verify);
  status_ = add_admin_verb(*verify, "status", "Show how far the comparison is, and what differs", admin_);
  status_->add_flag("--wait", wait_, "Stay until it is over");
  flags_.add_interval(*status_);
  status_->footer(
      "Exit code 0: no row differs, or none so far; 4: rows differ; 8: paused, cancelled, not all was compared, or\n"
      "none has been started.\n\n"
      "Examples:\n  crossfade verify status\n  crossfade verify status --wait --format json");
  controls_.add(*verify, admin_, "verify", "comparing");
}

void VerifyVerbs::add_start(CLI::App& verify) {
  start_ = add_admin_verb(verify, "start", "Begin a comparison, and watch it", admin_);
  flags_.add_tables(*start_);
  full_ = start_->add_flag("--full", given_.full, "All rows (this is the default)");
  start_->add_option("--sample", given_.sample, "A share of the rows, a thousand here and there: 0.1%")
      ->type_name("SHARE")
      ->excludes(full_);
  start_->add_flag("--show-values", given_.show_values, "Of columns that differ the values, not hashes of them");
  add_looks();
  add_rounds();
  flags_.add_limits(*start_, "Tables compared at once; 2");
  flags_.add_watching(*start_);
  start_->footer(
      "A row is said to differ only if it does at one place of the leader's changes, whatever is written meanwhile.\n"
      "Ending this command does not end the comparison. Exit code 0: no row differs; 4: rows differ; 8: not all was\n"
      "compared; 1: error.\n\n"
      "Examples:\n  crossfade verify start --config crossfade.yaml\n"
      "  crossfade verify start --tables shop.orders,crm --parallel 4\n"
      "  crossfade verify start --sample 0.1% --show-values --format json\n"
      "  crossfade verify start --aggregates --by created_at --tables shop.orders\n"
      "  crossfade verify start --continuous --since 2h --pause 30m");
}

// Quick looks, in place of the rows.
void VerifyVerbs::add_looks() {
  start_
      ->add_flag("--aggregates", given_.aggregates,
                 "Instead of rows: count, sum, min, max and distinct values of each column")
      ->excludes(full_);
  start_->add_option("--by", given_.by, "Group aggregates by this column: by days if it is a date or a time")
      ->type_name("COLUMN");
  start_->add_flag("--lengths", given_.lengths, "Instead of rows: sum and max of the lengths of texts and bytes")
      ->excludes(full_);
  start_->add_flag("--foreign-keys", given_.foreign_keys, "Instead of rows: rows that refer to none, on each side")
      ->excludes(full_);
}

void VerifyVerbs::add_rounds() {
  start_->add_option("--since", given_.since, "Only tables that may have changed since so long ago: 2h")
      ->type_name("DURATION")
      ->excludes(full_);
  start_->add_flag("--continuous", given_.continuous, "Again and again until it is cancelled; implies --detach");
  start_->add_option("--pause", given_.pause, "Between two rounds of --continuous; 10m")->type_name("DURATION");
  start_->add_option("--busy", given_.busy, "Share of the time that it works; 100%, with --continuous 10%")
      ->type_name("SHARE");
}

bool VerifyVerbs::parsed() const { return start_->parsed() || status_->parsed() || !controls_.parsed().empty(); }

int VerifyVerbs::run(const CliContext& context) const {
  if (status_->parsed()) {
    return wait_ ? watch_job(job_, admin_, flags_.interval(), context) : show_job(job_, admin_, context);
  }
  if (const std::string verb = controls_.parsed(); !verb.empty()) {
    return order_job(job_, admin_, {{"verb", verb}}, context);
  }
  return start(context);
}

int VerifyVerbs::start(const CliContext& context) const {
  absl::StatusOr<nlohmann::json> asked = options();
  if (!asked.ok()) return say_error(asked.status(), context);
  if (!given_.continuous) return start_and_watch(job_, admin_, *std::move(asked), flags_, context);
  return order_job(job_, admin_, {{"verb", "start"}, {"options", *std::move(asked)}}, context);
}

absl::StatusOr<nlohmann::json> VerifyVerbs::options() const {
  absl::StatusOr<nlohmann::json> out = flags_.options();
  if (!out.ok()) return out;
  const Given& given = given_;
  if (!given.continuous && !given.pause.empty()) {
    return absl::InvalidArgumentError("--pause is between two rounds of --continuous");
  }
  if (given.continuous) {
    (*out)["continuous"] = true;
    (*out)["pause_ms"] = std::chrono::milliseconds(kRoundsPause).count();
    (*out)["busy_ppm"] = kRoundsBusyPpm;
    if (!out->contains("parallel")) (*out)["parallel"] = 1;
  }
  for (const absl::Status& status :
       {take_share(*out, "sample_ppm", "--sample", given.sample), take_share(*out, "busy_ppm", "--busy", given.busy),
        take_duration(*out, "since_ms", "--since", given.since, kPeriodMax),
        take_duration(*out, "pause_ms", "--pause", given.pause, kPeriodMax)}) {
    if (!status.ok()) return status;
  }
  if (given.show_values) (*out)["show_values"] = true;
  nlohmann::json looks = nlohmann::json::array();
  if (given.aggregates) looks.push_back("aggregates");
  if (given.lengths) looks.push_back("lengths");
  if (given.foreign_keys) looks.push_back("foreign_keys");
  if (!looks.empty()) (*out)["looks"] = std::move(looks);
  if (!given.by.empty()) (*out)["by"] = given.by;
  return out;
}

RepairVerb::RepairVerb(CLI::App& app, AdminOptions& admin)
    : admin_(admin), job_{.kind = "repair", .noun = "repair", .exit_code = repair_exit_code} {
  repair_ = add_admin_verb(app, "repair", "Write rows of new that differ as old has them", admin_);
  repair_
      ->add_option("--from", from_,
                   "verify: rows that the last comparison found; ledger: tables of the ledger, compared first")
      ->check(CLI::IsMember({"verify", "ledger"}));
  CLI::Option* dry = repair_->add_flag("--dry-run", dry_run_, "Show which rows would be written, and change nothing");
  repair_->add_flag("--print", print_, "Print the SQL, and change nothing")->excludes(dry);
  flags_.add_tables(*repair_);
  flags_.add_watching(*repair_);
  repair_->require_subcommand(0, 1);
  status_ = add_admin_verb(*repair_, "status", "Show how far the repair is", admin_);
  status_->footer(
      "Exit code 0: done, or under way; 1: rows could not be repaired; 8: paused, cancelled, or none has been started."
      "\n\nExample:\n  crossfade repair status --config crossfade.yaml");
  controls_.add(*repair_, admin_, "repair", "repairing");
  repair_->footer(
      "Rows are read on old under a lock and written at that place of its changes, so that it is right under writes.\n"
      "Exit code 0: done; 1: error, or rows that could not be repaired; 8: paused or cancelled.\n\n"
      "Examples:\n  crossfade repair --dry-run\n  crossfade repair --tables shop.orders --config crossfade.yaml\n"
      "  crossfade repair --from ledger");
}

int RepairVerb::run(const CliContext& context) const {
  if (status_->parsed()) return show_job(job_, admin_, context);
  if (const std::string verb = controls_.parsed(); !verb.empty()) {
    return order_job(job_, admin_, {{"verb", verb}}, context);
  }
  absl::StatusOr<nlohmann::json> options = flags_.options();
  if (!options.ok()) return say_error(options.status(), context);
  if (from_ == "ledger") {
    const int compared = compare_ledger(context);
    if (compared != 0 && compared != kDiffersCode) return compared;
  }
  if (dry_run_) return dry_run(*std::move(options), context);
  if (!print_) return start_and_watch(job_, admin_, *std::move(options), flags_, context);
  (*options)["print"] = true;
  return order_job(job_, admin_, {{"verb", "start"}, {"options", *std::move(options)}}, context);
}

// The ledger has hashes of keys: which rows differ is found by comparing its tables.
int RepairVerb::compare_ledger(const CliContext& context) const {
  absl::StatusOr<nlohmann::json> options = flags_.options();
  if (!options.ok()) return say_error(options.status(), context);
  (*options)["of_ledger"] = true;
  return start_and_watch(verify_job(), admin_, *std::move(options), JobFlags(), context);
}

// The rows come some at a time: memory is bounded, whatever there is.
int RepairVerb::dry_run(nlohmann::json options, const CliContext& context) const {
  const bool json = admin_.format == "json";
  std::uint64_t count = 0, next = 0;
  options["list"] = true;
  do {
    options["behind"] = next;
    const auto answer = ask_admin(admin_, "/jobs/repair", {{"verb", "start"}, {"options", options}});
    if (!answer.ok()) return say_error(answer.status(), context);
    const nlohmann::json some = nlohmann::json::parse(answer->value("text", ""), nullptr, false);
    if (!some.is_object() || !some.contains("rows")) {
      return say_error(absl::InternalError("the proxy is of another version"), context);
    }
    for (const nlohmann::json& row : some["rows"]) {
      const std::string kind = row.value("kind", "");
      if (json) {
        context.out << (count == 0 ? "[\n" : ",\n") << row.dump();
      } else {
        context.out << (kind == "missing" ? "insert  "
                        : kind == "extra" ? "delete  "
                                          : "replace ")
                    << row.value("table", "") << " " << row.value("row", "") << "\n";
      }
      ++count;
    }
    next = some.value("next", std::uint64_t{0});
  } while (next != 0);
  if (json) {
    context.out << (count == 0 ? "[]\n" : "\n]\n");
  } else {
    context.out << count << (count == 1 ? " row" : " rows") << " to repair\n";
  }
  return 0;
}

}  // namespace crossfade::proxy
