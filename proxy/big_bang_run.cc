#include "proxy/big_bang_run.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ostream>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "proxy/settings/config_file.h"

namespace crossfade::proxy {
namespace {

using SteadyNow = std::chrono::steady_clock;
using migrate::Progress;
using ProgressKind = Progress::Kind;

constexpr std::chrono::milliseconds kBigBangLook{100};
constexpr std::chrono::milliseconds kLease{15'000};
constexpr std::chrono::milliseconds kLongLease{
    100'000};  // while an order is carried out, for which nothing else is heard
constexpr std::chrono::seconds kRenewEvery{3};
constexpr std::chrono::seconds kAwayMax{40};  // a proxy that is not heard of
constexpr std::chrono::seconds kSwitchMax{120};
constexpr std::chrono::seconds kReadyMax{60};
constexpr int kBlockersCode = 4;  // of preflight

std::atomic<bool> migration_interrupted{false};

std::string draw_holder() {
  std::random_device device;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "migrate-" + std::to_string(getpid()) + "-";
  for (int i = 0; i < 8; ++i) out += kDigits[device() % kDigits.size()];
  return out;
}

Progress step_failed(std::string why, int exit_code = 1) {
  return {.kind = ProgressKind::failed, .why = std::move(why), .exit_code = exit_code};
}
const Progress kStepDone{.kind = ProgressKind::done};

// "connection 12 of app: a transaction is open"
std::string in_the_way(const nlohmann::json& told) {
  std::string out;
  for (const nlohmann::json& each : told.value("in_the_way", nlohmann::json::array())) {
    out += (out.empty() ? "" : "; ") + std::string("connection ") + std::to_string(each.value("connection", 0)) +
           " of " + each.value("user", "") + ": " + each.value("what", "");
  }
  return out.empty() ? "the proxy did not say what it waits for" : out;
}

}  // namespace

BigBangRun::BigBangRun(BigBangOrder order, const AdminOptions& admin, const CliContext& context)
    : order_(std::move(order)), admin_(admin), context_(context), holder_(draw_holder()) {}

int BigBangRun::run() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(signal, [](int) { migration_interrupted = true; });
  }
  migrate::BigBang steps(order_.copy);
  while (steps.step() != Step::over) {
    const Step step = steps.step();
    const std::string named(migrate::name(step));
    if (step != Step::thaw) say(named, "begun", "");
    const Progress end =
        step == Step::thaw ? thaw(std::string(migrate::name(steps.failed_in())) + ": " + steps.why()) : carry_out(step);
    say(named, end.kind == ProgressKind::done ? "done" : "failed", end.why);
    steps.take(end);
  }
  if (steps.succeeded()) {
    say("end", "done", "'new' leads: reads and writes are its own. 'old' is read-only and does not follow");
    return 0;
  }
  const bool was_frozen = steps.failed_in() != Step::preflight;
  say("end", "failed",
      "'old' leads as before" + std::string(was_frozen ? ", and writes go on there" : "") + ". " +
          std::string(migrate::name(steps.failed_in())) + ": " + steps.why());
  return steps.exit_code();
}

Progress BigBangRun::carry_out(Step step) {
  if (migration_interrupted && step != Step::change_leader) return step_failed("interrupted");
  switch (step) {
    case Step::preflight:
      return preflight();
    case Step::freeze:
      return freeze();
    case Step::copy:
      return copy();
    case Step::verify:
      return verify();
    case Step::change_leader:
      return change_leader();
    case Step::thaw:
    case Step::over:
      break;
  }
  return kStepDone;
}

Progress BigBangRun::preflight() const {
  const absl::StatusOr<config::Config> config = load_config_file(admin_.config_file);
  if (!config.ok()) return step_failed(std::string(config.status().message()));
  // Then rows of new are as they should be.
  const auto led = ask_admin(admin_, "/jobs/switch");
  if (led.ok() && led->value("leader", "") == "new") return step_failed("'new' leads already");
  std::ostringstream told;
  PreflightOrder look;
  look.format = PreflightOrder::Format::json;
  look.new_is_to_be_empty =
      order_.copy == migrate::BigBang::Copy::wanted && order_.copy_options.value("existing", "refuse") == "refuse";
  const int code = context_.preflight(*config, look, told, context_.err);
  const nlohmann::json report = nlohmann::json::parse(told.str(), nullptr, false);
  Progress seen = migrate::preflight_progress(report, order_.for_later);
  if (code != 0 && code != kBlockersCode) seen = step_failed("it could not be looked at", code);
  return seen;
}

Progress BigBangRun::freeze() {
  const absl::Status asked =
      order_switch("freeze", {{"lease_ms", kLongLease.count()}, {"hold_ms", order_.hold.count()}});
  if (!asked.ok()) return step_failed(std::string(asked.message()));
  const auto until = SteadyNow::now() + order_.freeze_max;
  heard_ = SteadyNow::now();
  for (;;) {
    const absl::Status renewed = renew(kLease);
    const auto told = ask_admin(admin_, "/jobs/switch");
    if (!renewed.ok() || !told.ok()) {
      Progress away = lost(renewed.ok() ? told.status() : renewed);
      if (away.kind == ProgressKind::failed) return away;
    } else {
      heard_ = SteadyNow::now();
      Progress seen = migrate::freeze_progress(*told, holder_);
      if (seen.kind != ProgressKind::under_way) return seen;
      if (SteadyNow::now() > until) return step_failed("writes that were under way did not end: " + in_the_way(*told));
    }
    if (migration_interrupted) return step_failed("interrupted");
    std::this_thread::sleep_for(kBigBangLook);
  }
}

Progress BigBangRun::copy() {
  nlohmann::json options = order_.job_options;
  options.update(order_.copy_options);
  return start_job("backfill", std::move(options), migrate::copy_progress);
}

Progress BigBangRun::verify() { return start_job("verify", order_.job_options, migrate::verify_progress); }

// Started, and watched to its end; what does not end well is not left running.
Progress BigBangRun::start_job(const std::string& kind, nlohmann::json options,
                               const std::function<Progress(const nlohmann::json&, std::uint64_t)>& judge) {
  const std::string path = "/jobs/" + kind;
  if (const absl::Status held = order_switch("renew", {{"lease_ms", kLongLease.count()}}); !held.ok()) {
    return step_failed(std::string(held.message()));
  }
  const auto started = ask_admin(admin_, path, {{"verb", "start"}, {"options", std::move(options)}});
  if (!started.ok()) return step_failed(std::string(started.status().message()));
  say(kind == "backfill" ? "copy" : kind, "under way", started->value("text", ""));
  renewed_ = {};  // from here on it is for as long as it ever is
  std::uint64_t number = 0;
  Progress seen;
  heard_ = SteadyNow::now();
  while (seen.kind == ProgressKind::under_way) {
    const absl::Status renewed = renew(kLease);
    const auto told = ask_admin(admin_, path);
    if (!renewed.ok() || !told.ok()) {
      seen = lost(renewed.ok() ? told.status() : renewed);
    } else {
      heard_ = SteadyNow::now();
      if (number == 0) number = told->value("job", std::uint64_t{0});
      seen = judge(*told, number);
    }
    if (seen.kind == ProgressKind::under_way && migration_interrupted) seen = step_failed("interrupted");
    if (seen.kind == ProgressKind::under_way) std::this_thread::sleep_for(kBigBangLook);
  }
  if (seen.kind == ProgressKind::failed) static_cast<void>(ask_admin(admin_, path, {{"verb", "cancel"}}));
  return seen;
}

// Up to the order it can be undone, from there on it is the proxy's to finish or to undo.
Progress BigBangRun::change_leader() {
  if (migration_interrupted) return step_failed("interrupted");
  absl::Status asked = order_switch("renew", {{"lease_ms", kLongLease.count()}});
  if (asked.ok()) asked = order_switch("switch");
  // Without an answer it may have been taken all the same: that is seen below.
  if (!asked.ok() && !absl::IsUnavailable(asked)) return step_failed(std::string(asked.message()));
  const auto until = SteadyNow::now() + kSwitchMax;
  for (;;) {
    const auto told = ask_admin(admin_, "/jobs/switch");
    Progress seen = told.ok() ? migrate::switch_progress(*told, holder_) : Progress();
    if (seen.kind == ProgressKind::done) wait_until_ready();
    if (seen.kind != ProgressKind::under_way) return seen;
    if (SteadyNow::now() > until) return step_failed("the proxy does not say who leads: look at crossfade status");
    std::this_thread::sleep_for(kBigBangLook);
  }
}

// It begins anew.
void BigBangRun::wait_until_ready() const {
  const auto until = SteadyNow::now() + kReadyMax;
  while (SteadyNow::now() < until) {
    const auto told = ask_admin(admin_, "/status");
    if (told.ok() && told->value("leader", "") == "new" && told->value("ready", false)) return;
    std::this_thread::sleep_for(kBigBangLook);
  }
}

// A proxy that has begun anew knows nothing of a freeze, and one that cannot be reached lets it end by itself.
Progress BigBangRun::thaw(const std::string& why) {
  const absl::Status asked = order_switch("unfreeze", {{"why", why}});
  return asked.ok() ? kStepDone : step_failed("by itself, if not already: " + std::string(asked.message()));
}

absl::Status BigBangRun::order_switch(const std::string& verb, nlohmann::json options) const {
  options["holder"] = holder_;
  return ask_admin(admin_, "/jobs/switch", {{"verb", verb}, {"options", std::move(options)}}).status();
}

absl::Status BigBangRun::renew(std::chrono::milliseconds lease) {
  if (SteadyNow::now() < renewed_ + kRenewEvery) return absl::OkStatus();
  absl::Status renewed = order_switch("renew", {{"lease_ms", lease.count()}});
  if (renewed.ok()) renewed_ = SteadyNow::now();
  return renewed;
}

Progress BigBangRun::lost(const absl::Status& status) {
  if (absl::IsUnavailable(status) && SteadyNow::now() < heard_ + kAwayMax) return {};
  return step_failed(std::string(status.message()));
}

void BigBangRun::say(const std::string& step, const std::string& state, const std::string& text) const {
  if (admin_.format == "json") {
    context_.out << nlohmann::json({{"step", step}, {"state", state}, {"text", text}})
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                 << "\n";
  } else {
    context_.out << step << ": " << state << (text.empty() ? "" : ": ") << text << "\n";
  }
  context_.out << std::flush;
}

}  // namespace crossfade::proxy
