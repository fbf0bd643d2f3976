#include "migrate/latency_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/throttle.h"

namespace crossfade::migrate {
namespace {

using std::chrono::milliseconds;
using Phase = LatencyWatch::Phase;

struct Clients {
  LatencyWatch watch{{0.001, 0.002, 0.004}};
  LatencyWatch::TimePoint now{};
  std::vector<std::uint64_t> counts = {0, 0, 0, 0};
  // A second in which so many statements fall into each bucket.
  void second(Phase phase, const std::vector<std::uint64_t>& more) {
    now += milliseconds(1000);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
    watch.observe(now, phase, counts);
  }
};

TEST(LatencyWatch, ComparesWithWhatWasBefore) {
  Clients clients;
  clients.second(Phase::before, {0, 0, 0, 0});
  clients.second(Phase::before, {1000, 0, 0, 0});
  EXPECT_EQ(clients.watch.before(), std::nullopt);
  clients.second(Phase::running, {1000, 0, 0, 0});
  ASSERT_TRUE(clients.watch.before());
  EXPECT_NEAR(*clients.watch.before(), 0.00099, 1e-9);
  EXPECT_EQ(clients.watch.meanwhile(), std::nullopt);
  clients.second(Phase::running, {0, 0, 1000, 0});
  EXPECT_NEAR(*clients.watch.meanwhile(), 0.002 + 0.002 * 0.99, 1e-9);
  // What was slow is forgotten.
  for (int i = 0; i < 6; ++i) clients.second(Phase::running, {1000, 0, 0, 0});
  EXPECT_NEAR(*clients.watch.meanwhile(), 0.00099, 1e-9);
  clients.second(Phase::running, {0, 0, 0, 5000});
  EXPECT_EQ(*clients.watch.meanwhile(), 0.004);
}

TEST(LatencyWatch, OfFewStatementsNothingIsSaid) {
  Clients clients;
  clients.second(Phase::before, {0, 0, 0, 0});
  clients.second(Phase::before, {99, 0, 0, 0});
  clients.second(Phase::running, {0, 0, 0, 0});
  clients.second(Phase::running, {0, 99, 0, 0});
  EXPECT_EQ(clients.watch.before(), std::nullopt);
  EXPECT_EQ(clients.watch.meanwhile(), std::nullopt);
}

TEST(LatencyWatch, TheThrottleSaysWhatItWaitsFor) {
  ThrottleLimits limits;
  ServerLoad load{.latency_before = 0.002, .latency_now = 0.0071};
  EXPECT_EQ(throttle_reason(limits, load), "");
  limits.latency_growth_max = 1.5;
  EXPECT_EQ(throttle_reason(limits, load), "clients' p99 is 7.1 ms, before the copy 2.0 ms, at most 1.5 times that");
  load.latency_now = 0.0029;
  EXPECT_EQ(throttle_reason(limits, load), "");
  load.latency_before = std::nullopt;
  load.latency_now = 9;
  EXPECT_EQ(throttle_reason(limits, load), "");
}

}  // namespace
}  // namespace crossfade::migrate
