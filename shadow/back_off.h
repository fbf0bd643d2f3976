// Which statements are compared less often because they keep differing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "shadow/fair_queue.h"

namespace crossfade::shadow {

// Each confirmed difference doubles the pause of its digest, from kPauseMin to kPauseMax, and each match halves it
// until it is gone; what was on its way when a pause began counts once. In a pause nothing of the digest is let
// through; behind it one is, and the pause begins again. So a statement that always differs still brings a fresh sample
// every kPauseMax.
class BackOff {
 public:
  static constexpr auto kPauseMin = std::chrono::milliseconds(250);
  static constexpr auto kPauseMax = std::chrono::milliseconds(10'000);

  explicit BackOff(std::size_t digests_max) : digests_max_(digests_max) {}

  bool lets_through(std::uint64_t digest, Moment now);
  void differed(std::uint64_t digest, Moment now);
  void matched(std::uint64_t digest);
  std::size_t size() const { return paused_.size(); }

 private:
  struct Paused {
    std::chrono::milliseconds pause{0};
    Moment until = {};
    bool asked = false;  // one was let through behind the pause, and nothing is known of it yet
  };
  std::size_t digests_max_;
  std::unordered_map<std::uint64_t, Paused> paused_;
};

}  // namespace crossfade::shadow
