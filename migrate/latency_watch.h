// How long clients' statements take while a job runs, beside how long they took before it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace crossfade::migrate {

// Told now and then how many statements have taken how long since the process began. Time is the caller's.
class LatencyWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Upper bounds of the buckets, in seconds; the last bucket has none.
  explicit LatencyWatch(std::vector<double> bounds) : bounds_(std::move(bounds)) {}

  enum class Phase : std::uint8_t { before, running };
  // `counts`: one more than bounds.
  void observe(TimePoint now, Phase phase, std::vector<std::uint64_t> counts);
  // Seconds: the 99th percentile of the minute before the job, and of its last five seconds, within a bucket by even
  // shares. nullopt: too few statements to say.
  std::optional<double> before() const { return before_; }
  std::optional<double> meanwhile() const;

 private:
  struct Look {
    TimePoint at;
    std::vector<std::uint64_t> counts;
  };
  std::optional<double> p99_of_looks() const;

  std::vector<double> bounds_;
  Phase phase_ = Phase::before;
  std::deque<Look> looks_;  // of this phase
  std::optional<double> before_;
};

}  // namespace crossfade::migrate
