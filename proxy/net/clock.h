// The time, as all of the proxy sees it.
#pragma once

#include <chrono>

namespace crossfade::proxy {

// The machine's steady clock; on a thread that simulates (docs/adr/0036-simulation.md) the time that it tells.
struct Clock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return told_ == nullptr ? std::chrono::steady_clock::now() : *told_; }
  // On this thread, for as long as `told` lives; nullptr: the machine's again.
  static void tell(const time_point* told) noexcept { told_ = told; }

 private:
  static inline thread_local const time_point* told_ = nullptr;
};
using TimePoint = Clock::time_point;

}  // namespace crossfade::proxy
