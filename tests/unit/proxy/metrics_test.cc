#include "proxy/counts/metrics.h"

#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Counter, AddsAndTakesAway) {
  Counter counter;
  EXPECT_EQ(counter.get(), 0u);
  counter.add();
  counter.add(5);
  counter.sub();
  EXPECT_EQ(counter.get(), 5u);
}

TEST(LatencyCounter, CountsABoundIntoItsOwnBucket) {
  LatencyCounter latency;
  latency.record(0);
  latency.record(100);  // exactly 0.0001 s
  latency.record(101);
  latency.record(10'000'000);
  latency.record(10'000'001);
  EXPECT_EQ(latency.buckets[0].get(), 2u);
  EXPECT_EQ(latency.buckets[1].get(), 1u);
  EXPECT_EQ(latency.buckets[kLatencyBuckets.size() - 1].get(), 1u);
  EXPECT_EQ(latency.buckets[kLatencyBuckets.size()].get(), 1u);
  EXPECT_EQ(latency.sum_microseconds.get(), 20'000'202u);
}

TEST(Metrics, SumsOverThreads) {
  Metrics metrics;
  std::thread one([&] { metrics.make().writes.add(3); });
  std::thread two([&] { metrics.make().writes.add(4); });
  one.join();
  two.join();
  EXPECT_EQ(metrics.sum([](const Counters& c) { return c.writes.get(); }), 7u);
}

TEST(Metrics, AConnectionMayCloseOnAnotherThreadThanItOpenedOn) {
  Metrics metrics;
  metrics.make().clients_open.add(1);
  metrics.make().clients_open.sub(1);
  EXPECT_THAT(metrics.prometheus({}), HasSubstr("\ncrossfade_clients_open 0\n"));
}

TEST(Metrics, TellsWhatTheLogDoesNot) {
  Metrics::Gauges gauges;
  gauges.log_dropped = 3;
  gauges.log_suppressed[static_cast<std::size_t>(LogKind::parked)] = 312;
  const std::string text = Metrics().prometheus(gauges);
  EXPECT_THAT(text, HasSubstr("\ncrossfade_log_dropped_total 3\n"));
  EXPECT_THAT(text, HasSubstr("\ncrossfade_log_suppressed_total{kind=\"parked\"} 312\n"));
  EXPECT_THAT(text, HasSubstr("\ncrossfade_log_suppressed_total{kind=\"admin\"} 0\n"));
}

TEST(Metrics, WritesEveryFamilyWithHelpAndType) {
  const std::string text = Metrics().prometheus({});
  for (const std::string name : {"crossfade_clients_open gauge",
                                 "crossfade_clients_accepted_total counter",
                                 "crossfade_statements_total counter",
                                 "crossfade_reads_total counter",
                                 "crossfade_read_duration_seconds histogram",
                                 "crossfade_writes_total counter",
                                 "crossfade_write_duration_seconds histogram",
                                 "crossfade_lag_entries gauge",
                                 "crossfade_lag_bytes gauge",
                                 "crossfade_lag_oldest_seconds gauge",
                                 "crossfade_caught_up gauge",
                                 "crossfade_backend_up gauge",
                                 "crossfade_shadow_comparisons_total counter",
                                 "crossfade_shadow_skipped_total counter",
                                 "crossfade_flags_version gauge",
                                 "crossfade_flags_last_reload_ok gauge",
                                 "crossfade_parked_entries gauge",
                                 "crossfade_ledger_open gauge",
                                 "crossfade_log_dropped_total counter",
                                 "crossfade_log_suppressed_total counter"}) {
    EXPECT_THAT(text, HasSubstr("# TYPE " + name + "\n"));
    EXPECT_THAT(text, HasSubstr("# HELP " + name.substr(0, name.find(' ')) + " "));
  }
}

TEST(Metrics, TellsTheBackendsApart) {
  Metrics metrics;
  Counters& counters = metrics.make();
  counters.reads_old.add(8);
  counters.reads_new.add(2);
  counters.backend_connections_open[1].add(3);
  counters.backend_connect_failures[0].add(4);
  Metrics::Gauges gauges;
  gauges.backend_up = {true, false};
  const std::string text = metrics.prometheus(gauges);
  EXPECT_THAT(text, HasSubstr("crossfade_reads_total{backend=\"old\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_reads_total{backend=\"new\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_backend_connections_open{backend=\"new\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_backend_connect_failures_total{backend=\"old\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_backend_up{backend=\"old\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_backend_up{backend=\"new\"} 0\n"));
}

TEST(Metrics, HistogramsAreCumulativeAndInSeconds) {
  Metrics metrics;
  metrics.make().read_latency[1].record(150);         // second bucket
  metrics.make().read_latency[1].record(50'000);      // 0.05
  metrics.make().read_latency[1].record(60'000'000);  // past the last
  const std::string text = metrics.prometheus({});
  const std::string name = "crossfade_read_duration_seconds";
  EXPECT_THAT(text, HasSubstr(name + "_bucket{backend=\"new\",le=\"0.0001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{backend=\"new\",le=\"0.0002\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{backend=\"new\",le=\"10\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket{backend=\"new\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(name + "_count{backend=\"new\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(name + "_sum{backend=\"new\"} 60.05015\n"));
  EXPECT_THAT(text, HasSubstr(name + "_count{backend=\"old\"} 0\n"));
  EXPECT_EQ(text.find(name + "_bucket{backend=\"new\",le=\"+Inf\"}"),
            text.rfind(name + "_bucket{backend=\"new\",le=\"+Inf\"}"));
}

TEST(Metrics, NamesVerdictsAndReasons) {
  Metrics metrics;
  Counters& counters = metrics.make();
  counters.shadow_verdicts[static_cast<std::size_t>(shadow::Verdict::row_missing)].add(2);
  counters.shadow_skips[static_cast<std::size_t>(shadow::SkipReason::queue_full)].add(9);
  const std::string text = metrics.prometheus({});
  EXPECT_THAT(text, HasSubstr("crossfade_shadow_comparisons_total{verdict=\"row_missing\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_shadow_comparisons_total{verdict=\"match\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("crossfade_shadow_skipped_total{reason=\"queue_full\"} 9\n"));
}

TEST(Metrics, ShowsTheGauges) {
  const Metrics::Gauges gauges{.lag_entries = 12,
                               .lag_bytes = 3400,
                               .lag_oldest_seconds = 1.5,
                               .caught_up = true,
                               .flags_version = 7,
                               .flags_last_reload_ok = false,
                               .read_from_new_percent = 12.5,
                               .shadow_read_percent = 100,
                               .shadow_queue = 5,
                               .parked_entries = 1,
                               .ledger_open = 2};
  const std::string text = Metrics().prometheus(gauges);
  for (const std::string line : {"lag_entries 12", "lag_bytes 3400", "lag_oldest_seconds 1.5", "caught_up 1",
                                 "flags_version 7", "flags_last_reload_ok 0", "read_from_new_percent 12.5",
                                 "shadow_read_percent 100", "shadow_queue 5", "parked_entries 1", "ledger_open 2"}) {
    EXPECT_THAT(text, HasSubstr("\ncrossfade_" + line + "\n"));
  }
  EXPECT_THAT(text, Not(HasSubstr("digest")));
}

}  // namespace
}  // namespace crossfade::proxy
