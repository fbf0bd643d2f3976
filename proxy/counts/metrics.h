// What happened, counted. One Counters per worker thread, written by it alone, read by the admin
// thread: relaxed atomics, no lock and no sharing of cache lines in the data path.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/counts/log_kind.h"
#include "shadow/verdict.h"

namespace crossfade::proxy {

class Counter {
 public:
  // Only the owning thread adds.
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub(std::uint64_t n = 1) { add(static_cast<std::uint64_t>(0) - n); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Bucket upper bounds in seconds, the same for both backends so that they can be subtracted.
inline constexpr std::array<double, 18> kLatencyBuckets = {0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032,
                                                           0.0064, 0.0128, 0.0256, 0.05,   0.1,    0.2,
                                                           0.4,    0.8,    1.6,    3.2,    6.4,    10.0};
struct LatencyCounter {
  std::array<Counter, kLatencyBuckets.size() + 1> buckets;
  Counter sum_microseconds;
  void record(std::uint64_t microseconds);
};

struct alignas(64) Counters {
  Counter clients_accepted, clients_open, clients_refused, logins_failed, proxy_headers_bad;
  Counter statements, reads_old, reads_new, reads_fallen_back, writes, transactions, refused_statements;
  Counter ack_timeouts, leader_reattached;
  Counter bytes_to_clients, bytes_from_clients;
  std::array<Counter, 2> backend_connections_open, backend_connect_failures;  // by config::Backend
  std::array<LatencyCounter, 2> read_latency;                                 // by config::Backend
  LatencyCounter write_latency;
  std::array<Counter, shadow::kVerdicts> shadow_verdicts;
  std::array<Counter, shadow::kSkipReasons> shadow_skips;
  Counter applied_entries, applied_batches, applier_retries, divergences;
};

class Metrics {
 public:
  // A Counters that lives as long as this; any thread may ask for one.
  Counters& make();
  // Sum over all threads of one member, e.g. sum([](const Counters& c) { return c.writes.get(); }).
  template <typename Get>
  std::uint64_t sum(Get get) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t total = 0;
    for (const auto& counters : all_) total += get(*counters);
    return total;
  }
  struct Gauges {
    std::uint64_t lag_entries = 0, lag_bytes = 0;
    double lag_oldest_seconds = 0;
    std::uint64_t log_retention_seconds = 0, log_waiting_seconds = 0;
    bool caught_up = false;
    std::array<bool, 2> backend_up = {};
    std::uint64_t flags_version = 0;
    bool flags_last_reload_ok = true;
    double read_from_new_percent = 0, shadow_read_percent = 0;
    std::uint64_t shadow_queue = 0;
    std::uint64_t parked_entries = 0;
    std::uint64_t ledger_open = 0;
    std::uint64_t backfill_rows = 0, backfill_bytes = 0, backfill_tables_left = 0, backfill_tables_failed = 0;
    bool backfill_running = false, backfill_throttled = false;
    std::uint64_t verify_rows = 0, verify_differences = 0, verify_tables_left = 0, verify_tables_failed = 0;
    bool verify_running = false, verify_throttled = false;
    std::uint64_t repair_rows = 0, repair_automatic = 0;
    bool repair_running = false;
    std::uint64_t log_dropped = 0;
    std::array<std::uint64_t, kLogKinds> log_suppressed = {};  // by LogKind
  };
  // Prometheus text exposition format, names crossfade_<thing>_<unit>[_total].
  std::string prometheus(const Gauges& gauges) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Counters>> all_;
};

}  // namespace crossfade::proxy
