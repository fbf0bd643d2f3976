// When a job on both servers has to wait, and why.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::migrate {

struct ThrottleLimits {
  std::chrono::milliseconds lag_max{2000};  // of the applier
  std::uint64_t threads_running_max = 64;   // on the leader
  std::uint64_t lock_waits_max = 8;         // sessions of the leader that wait for a row
  double latency_growth_max = 0;            // of clients' p99, times what it was before; 0: it is not looked at
  std::uint64_t rows_per_second = 0;        // 0: as many as there are
  double mb_per_second = 0;                 // 10^6 bytes
};

// As last looked at.
struct ServerLoad {
  std::chrono::milliseconds lag{};
  std::uint64_t threads_running = 0;
  std::uint64_t lock_waits = 0;
  std::optional<double> latency_before{}, latency_now{};  // seconds; nullopt: not known
};

// Why nothing is to be read now; empty: it may be.
std::string throttle_reason(const ThrottleLimits& limits, const ServerLoad& load);

// Of one that keeps its own limits and rests for them just now.
std::string rate_reason(const ThrottleLimits& limits, std::uint32_t busy_ppm = 1000000);
// While what would give a reason cannot be asked: nothing is known to hold then.
std::string load_unknown(std::string_view why);

// How long to rest after so much work, so that the work has that share of the time, in millionths.
std::chrono::steady_clock::duration rest_after(std::chrono::steady_clock::duration work, std::uint32_t busy_ppm);

// Spends rows and bytes, and says from when on the next may be taken. Time is the caller's.
class RateLimit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  void spend(const ThrottleLimits& limits, std::uint64_t rows, std::uint64_t bytes, TimePoint now);
  void rest_until(TimePoint when) { free_at_ = std::max(free_at_, when); }
  bool allows(TimePoint now) const { return now >= free_at_; }
  TimePoint free_at() const { return free_at_; }

 private:
  TimePoint free_at_{};
};

}  // namespace crossfade::migrate
