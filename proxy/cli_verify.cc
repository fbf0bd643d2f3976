#include "proxy/cli_verify.h"

#include <ostream>
#include <utility>

#include "migrate/job_options.h"
#include "proxy/job_text.h"

namespace crossfade::proxy {
namespace {

constexpr int kDiffersCode = 4;
constexpr int kNotWholeCode = 8;

int verify_exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (status.value("differences_count", 0) > 0) return kDiffersCode;
  return state == "failed" || state == "cancelled" || state == "paused" ? kNotWholeCode : 0;
}

int repair_exit_code(const nlohmann::json& status) {
  const std::string state = status.value("state", "none");
  if (state == "failed") return 1;
  return state == "cancelled" || state == "paused" ? kNotWholeCode : 0;
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
      "Exit code 0: no row differs, or none so far; 4: rows differ; 8: paused, cancelled, or not all was compared.\n\n"
      "Examples:\n  crossfade verify status\n  crossfade verify status --wait --format json");
  controls_.add(*verify, admin_, "verify", "comparing");
}

void VerifyVerbs::add_start(CLI::App& verify) {
  start_ = add_admin_verb(verify, "start", "Begin a comparison, and watch it", admin_);
  flags_.add_tables(*start_);
  start_->add_option("--sample", sample_, "A share of the rows, a thousand here and there: 0.1%")->type_name("SHARE");
  start_->add_flag("--show-values", show_values_, "Of columns that differ the values, not hashes of them");
  flags_.add_limits(*start_, "Tables compared at once; 2");
  flags_.add_watching(*start_);
  start_->footer(
      "A row is said to differ only if it does at one place of the leader's changes, whatever is written meanwhile.\n"
      "Ending this command does not end the comparison. Exit code 0: no row differs; 4: rows differ; 8: not all was\n"
      "compared; 1: error.\n\n"
      "Examples:\n  crossfade verify start --config crossfade.yaml\n"
      "  crossfade verify start --tables shop.orders,crm --parallel 4\n"
      "  crossfade verify start --sample 0.1% --show-values --format json");
}

bool VerifyVerbs::parsed() const { return start_->parsed() || status_->parsed() || !controls_.parsed().empty(); }

int VerifyVerbs::run(const CliContext& context) const {
  if (status_->parsed()) {
    return wait_ ? watch_job(job_, admin_, flags_.interval(), context) : show_job(job_, admin_, context);
  }
  if (const std::string verb = controls_.parsed(); !verb.empty()) {
    return order_job(job_, admin_, {{"verb", verb}}, context);
  }
  absl::StatusOr<nlohmann::json> options = flags_.options();
  if (!options.ok()) return say_error(options.status(), context);
  if (!sample_.empty()) {
    const auto share = migrate::parse_share(sample_);
    if (!share.ok()) {
      return say_error(absl::InvalidArgumentError("--sample " + std::string(share.status().message())), context);
    }
    (*options)["sample_ppm"] = *share;
  }
  if (show_values_) (*options)["show_values"] = true;
  return start_and_watch(job_, admin_, *std::move(options), flags_, context);
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
  repair_->footer(
      "Rows are read on old under a lock and written at that place of its changes, so that it is right under writes.\n"
      "Exit code 0: done; 1: error, or rows that could not be repaired; 8: paused or cancelled.\n\n"
      "Examples:\n  crossfade repair --dry-run\n  crossfade repair --tables shop.orders --config crossfade.yaml\n"
      "  crossfade repair --from ledger");
}

int RepairVerb::run(const CliContext& context) const {
  absl::StatusOr<nlohmann::json> options = flags_.options();
  if (!options.ok()) return say_error(options.status(), context);
  if (from_ == "ledger") {
    const int compared = compare_ledger(context);
    if (compared != 0 && compared != kDiffersCode) return compared;
  }
  if (dry_run_) return dry_run(context);
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

int RepairVerb::dry_run(const CliContext& context) const {
  const absl::StatusOr<nlohmann::json> status = ask_admin(admin_, "/jobs/verify");
  if (!status.ok()) return say_error(status.status(), context);
  nlohmann::json open = nlohmann::json::array();
  for (const nlohmann::json& row : status->value("differences", nlohmann::json::array())) {
    if (!row.value("repaired", false)) open.push_back(row);
  }
  if (admin_.format == "json") {
    context.out << open.dump(2) << "\n";
    return 0;
  }
  for (const nlohmann::json& row : open) {
    const std::string kind = row.value("kind", "");
    context.out << (kind == "missing" ? "insert  "
                    : kind == "extra" ? "delete  "
                                      : "replace ")
                << row.value("table", "") << " " << row.value("row", "") << "\n";
  }
  context.out << open.size() << (open.size() == 1 ? " row" : " rows") << " to repair\n";
  return 0;
}

}  // namespace crossfade::proxy
