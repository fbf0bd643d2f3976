#include "proxy/migrate/preflight.h"

#include <unistd.h>

#include <utility>

#include "proxy/counts/metrics.h"
#include "proxy/migrate/preflight_run.h"
#include "proxy/migrate/progress_line.h"
#include "proxy/migrate/schema_fix.h"
#include "proxy/net/reactor.h"

namespace crossfade::proxy {
namespace {

constexpr int kExitError = 1;

int fail_preflight(const absl::Status& status, std::ostream& err) {
  err << "crossfade: " << std::string(status.message()) << "\n";
  return kExitError;
}

// Runs a task by itself, to its end.
template <typename Result>
Task<void> keep_result(Task<absl::StatusOr<Result>> task, Reactor& reactor, absl::StatusOr<Result>& out) {
  out = co_await std::move(task);
  reactor.stop();
}
template <typename Result>
absl::StatusOr<Result> run_alone(Reactor& reactor, Task<absl::StatusOr<Result>> task) {
  absl::StatusOr<Result> out = absl::UnknownError("it did not end");
  reactor.spawn(keep_result(std::move(task), reactor, out));
  reactor.run();
  return out;
}

// Names and texts of servers are outside input.
std::string spelled_json(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int preflight(const config::Config& config, const PreflightOrder& order, std::ostream& out, std::ostream& err) {
  auto selection = migrate::TableSelection::parse(order.tables, order.excluded);
  if (!selection.ok()) return fail_preflight(selection.status(), err);
  const auto credentials = read_credentials(config);
  if (!credentials.ok()) return fail_preflight(credentials.status(), err);
  Metrics metrics;
  Reactor reactor;
  ProgressLine line(err, isatty(STDERR_FILENO) == 1);
  const std::function<void(const std::string&)> progress = [&line](const std::string& text) { line.show(text); };
  const VerbContext context{
      .reactor = reactor, .counters = metrics.make(), .config = config, .credentials = *credentials};
  const bool as_json = order.format == PreflightOrder::Format::json;
  if (order.fix_schema) {
    const auto plan = run_alone(reactor, fix_schema(context, order, *std::move(selection), progress));
    line.clear();
    if (!plan.ok()) return fail_preflight(plan.status(), err);
    out << (as_json ? spelled_json(migrate::schema_plan_json(*plan, order.execute))
                    : migrate::schema_plan_text(*plan, order.execute));
    return migrate::schema_plan_exit_code(*plan);
  }
  const auto report = run_alone(reactor, run_preflight(context, order, *std::move(selection), progress));
  line.clear();
  if (!report.ok()) return fail_preflight(report.status(), err);
  out << (as_json ? spelled_json(migrate::preflight_json(*report)) : migrate::preflight_text(*report));
  return migrate::preflight_exit_code(*report);
}

}  // namespace crossfade::proxy
