#include "migrate/latency_watch.h"

#include <numeric>

namespace crossfade::migrate {

namespace {

constexpr auto kBefore = std::chrono::seconds(60), kRunning = std::chrono::seconds(5);
constexpr std::uint64_t kStatementsMin = 100;

}  // namespace

void LatencyWatch::observe(TimePoint now, Phase phase, std::vector<std::uint64_t> counts) {
  if (phase != phase_) {
    if (phase == Phase::running) before_ = p99_of_looks();
    phase_ = phase;
    looks_.clear();
  }
  looks_.push_back({.at = now, .counts = std::move(counts)});
  const auto window = phase == Phase::before ? kBefore : kRunning;
  while (looks_.size() > 2 && now - looks_[1].at >= window) looks_.pop_front();
}

std::optional<double> LatencyWatch::meanwhile() const {
  return phase_ == Phase::running ? p99_of_looks() : std::nullopt;
}

std::optional<double> LatencyWatch::p99_of_looks() const {
  if (looks_.size() < 2) return std::nullopt;
  std::vector<std::uint64_t> counts = looks_.back().counts;
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] -= looks_.front().counts[i];
  const std::uint64_t sum = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (sum < kStatementsMin) return std::nullopt;
  const double wanted = static_cast<double>(sum) * 0.99;
  double below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const double low = i == 0 ? 0 : bounds_[i - 1];
      return low + (bounds_[i] - low) * (wanted - below) / here;
    }
    below += here;
  }
  return bounds_.back();
}

}  // namespace crossfade::migrate
