#include "proxy/serve/jobs.h"

#include <utility>

namespace crossfade::proxy {
namespace {

constexpr auto kJobOrderMax = std::chrono::seconds(60);
constexpr auto kCompareOrderMax = std::chrono::seconds(10);

}  // namespace

Jobs::Jobs(const JobSetting& setting, RowFeed& feed, Metrics& metrics)
    : backfill(setting, feed, metrics), verify(setting, feed, metrics), repair(setting, feed, metrics) {
  repair.on_repaired = [this] { verify.read_again(); };
}

void Jobs::start() {
  for (JobRunner* runner : all()) runner->start();
}

void Jobs::repair_by_itself() {
  repair.compare = [this](nlohmann::json options) {
    return verify.carry_out({.verb = JobOrder::Verb::start, .options = std::move(options)}, kCompareOrderMax);
  };
}

void Jobs::stop() {
  for (JobRunner* runner : all()) runner->stop();
}

absl::StatusOr<std::string> order_job(JobRunner& runner, const nlohmann::json& json) {
  auto order = parse_job_order(json);
  if (!order.ok()) return order.status();
  return runner.carry_out(*std::move(order), kJobOrderMax);
}

}  // namespace crossfade::proxy
