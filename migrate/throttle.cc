#include "migrate/throttle.h"

#include <cstdio>

namespace crossfade::migrate {

namespace {

std::string past(std::uint64_t value, const char* what, std::uint64_t most) {
  return std::to_string(value) + " " + what + ", at most " + std::to_string(most);
}

}  // namespace

std::string throttle_reason(const ThrottleLimits& limits, const ServerLoad& load) {
  if (load.lag > limits.lag_max) {
    return "the applier is " + std::to_string(load.lag.count()) + " ms behind, at most " +
           std::to_string(limits.lag_max.count());
  }
  if (load.threads_running > limits.threads_running_max) {
    return past(load.threads_running, "threads run on the leader", limits.threads_running_max);
  }
  if (load.lock_waits > limits.lock_waits_max) {
    return past(load.lock_waits, "sessions of the leader wait for rows", limits.lock_waits_max);
  }
  const double growth = limits.latency_growth_max;
  if (growth > 0 && load.latency_before && load.latency_now && *load.latency_now > *load.latency_before * growth) {
    char text[120];
    std::snprintf(text, sizeof text, "clients' p99 is %.1f ms, before the copy %.1f ms, at most %.1f times that",
                  *load.latency_now * 1000, *load.latency_before * 1000, growth);
    return text;
  }
  return "";
}

std::string rate_reason(const ThrottleLimits& limits, std::uint32_t busy_ppm) {
  std::string out;
  const auto add = [&out](const std::string& limit) { out += (out.empty() ? "its own limit, " : " and ") + limit; };
  char text[80];
  if (limits.rows_per_second > 0) add(std::to_string(limits.rows_per_second) + " rows a second");
  if (limits.mb_per_second > 0) {
    std::snprintf(text, sizeof text, "%g MB a second", limits.mb_per_second);
    add(text);
  }
  if (busy_ppm < 1000000) {
    std::snprintf(text, sizeof text, "%g %% of the time", static_cast<double>(busy_ppm) / 1e4);
    add(text);
  }
  return out;
}

std::string load_unknown(std::string_view why) {
  return "it is not known what the leader has to do: " + std::string(why);
}

std::chrono::steady_clock::duration rest_after(std::chrono::steady_clock::duration work, std::uint32_t busy_ppm) {
  const double share = static_cast<double>(busy_ppm) / 1e6;
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(work * (1 / share - 1));
}

void RateLimit::spend(const ThrottleLimits& limits, std::uint64_t rows, std::uint64_t bytes, TimePoint now) {
  double seconds = 0;
  if (limits.rows_per_second > 0) {
    seconds = static_cast<double>(rows) / static_cast<double>(limits.rows_per_second);
  }
  if (limits.mb_per_second > 0) seconds = std::max(seconds, static_cast<double>(bytes) / 1e6 / limits.mb_per_second);
  const auto cost = std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds));
  free_at_ = std::max(free_at_, now) + cost;
}

}  // namespace crossfade::migrate
