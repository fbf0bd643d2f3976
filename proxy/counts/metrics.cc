#include "proxy/counts/metrics.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "config/backend.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"

namespace crossfade::proxy {
namespace {

using config::Backend;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::array<Backend, 2> kBackends = {Backend::old_db, Backend::new_db};

Labels backend_label(Backend backend) { return {{"backend", std::string(config::name(backend))}}; }

ClientMetric counter(std::uint64_t value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  return metric;
}

ClientMetric gauge(double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

// Collects families in the order in which they are written.
class Exposition {
 public:
  explicit Exposition(const Metrics& metrics) : metrics_(metrics) {}

  void add(std::string name, std::string help, MetricType type, std::vector<ClientMetric> values) {
    families_.push_back({std::move(name), std::move(help), type, std::move(values)});
  }
  void counter_of(std::string name, std::string help, Counter Counters::*member) {
    add(std::move(name), std::move(help), MetricType::Counter, {counter(sum_of(member))});
  }
  void gauge_of(std::string name, std::string help, Counter Counters::*member) {
    add(std::move(name), std::move(help), MetricType::Gauge, {gauge(static_cast<double>(sum_of(member)))});
  }
  void gauge_value(std::string name, std::string help, double value) {
    add(std::move(name), std::move(help), MetricType::Gauge, {gauge(value)});
  }
  // `get` gives the LatencyCounter of a Counters.
  template <typename Get>
  ClientMetric histogram(Get get, Labels labels) const {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= kLatencyBuckets.size(); ++i) {
      count += metrics_.sum([&](const Counters& c) { return get(c).buckets[i].get(); });
      const double bound = i < kLatencyBuckets.size() ? kLatencyBuckets[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    const std::uint64_t sum = metrics_.sum([&](const Counters& c) { return get(c).sum_microseconds.get(); });
    metric.histogram.sample_sum = static_cast<double>(sum) / 1e6;
    return metric;
  }
  std::uint64_t sum_of(Counter Counters::*member) const {
    return metrics_.sum([&](const Counters& c) { return (c.*member).get(); });
  }
  // `get` gives the Counter of a Counters for one backend.
  template <typename Get>
  std::vector<ClientMetric> by_backend(Get get) const {
    std::vector<ClientMetric> values;
    for (const Backend backend : kBackends) {
      values.push_back(
          counter(metrics_.sum([&](const Counters& c) { return get(c, backend).get(); }), backend_label(backend)));
    }
    return values;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  const Metrics& metrics_;
  std::vector<MetricFamily> families_;
};

void add_clients(Exposition& out) {
  out.gauge_of("crossfade_clients_open", "Client connections open now.", &Counters::clients_open);
  out.counter_of("crossfade_clients_accepted_total", "Client connections accepted.", &Counters::clients_accepted);
  out.counter_of("crossfade_clients_refused_total",
                 "Client connections refused: too many were open, or the proxy was draining.",
                 &Counters::clients_refused);
  out.counter_of("crossfade_proxy_headers_bad_total",
                 "Connections closed because a PROXY header was to come first and did not, or was malformed.",
                 &Counters::proxy_headers_bad);
  out.counter_of("crossfade_logins_failed_total", "Client logins that failed.", &Counters::logins_failed);
  out.counter_of("crossfade_client_received_bytes_total", "Bytes received from clients.",
                 &Counters::bytes_from_clients);
  out.counter_of("crossfade_client_sent_bytes_total", "Bytes sent to clients.", &Counters::bytes_to_clients);
  out.counter_of("crossfade_statements_total", "Statements that clients sent.", &Counters::statements);
  out.counter_of("crossfade_statements_refused_total", "Statements refused with an error of the proxy's own.",
                 &Counters::refused_statements);
}

void add_reads(Exposition& out) {
  out.add("crossfade_reads_total", "Reads answered, by the backend that answered.", MetricType::Counter,
          out.by_backend([](const Counters& c, Backend backend) -> const Counter& {
            return backend == Backend::old_db ? c.reads_old : c.reads_new;
          }));
  out.counter_of("crossfade_reads_fallen_back_total",
                 "Reads that the follower answered with an error, and the leader was asked instead.",
                 &Counters::reads_fallen_back);
  std::vector<ClientMetric> durations;
  for (const Backend backend : kBackends) {
    durations.push_back(out.histogram(
        [backend](const Counters& c) -> const LatencyCounter& {
          return c.read_latency[static_cast<std::size_t>(backend)];
        },
        backend_label(backend)));
  }
  out.add("crossfade_read_duration_seconds", "Time from a read's arrival to the end of its answer, by backend.",
          MetricType::Histogram, std::move(durations));
}

void add_writes(Exposition& out) {
  out.counter_of("crossfade_writes_total", "Write statements executed on the leader.", &Counters::writes);
  out.counter_of("crossfade_transactions_total", "Write transactions committed on the leader.",
                 &Counters::transactions);
  out.add("crossfade_write_duration_seconds", "Time from a write's arrival to the end of its answer.",
          MetricType::Histogram,
          {out.histogram([](const Counters& c) -> const LatencyCounter& { return c.write_latency; }, {})});
  out.counter_of("crossfade_ack_timeouts_total",
                 "Commits that waited for the follower (ack: both) until the timeout and were then answered.",
                 &Counters::ack_timeouts);
  out.counter_of("crossfade_leader_reattached_total",
                 "Sessions whose idle connection to the leader was lost and replaced without the client noticing.",
                 &Counters::leader_reattached);
}

void add_applier(Exposition& out, const Metrics::Gauges& gauges) {
  out.gauge_value("crossfade_lag_entries", "Committed transactions of the leader that the follower does not have yet.",
                  static_cast<double>(gauges.lag_entries));
  out.gauge_value("crossfade_lag_bytes", "Bytes of what the leader has committed and the follower does not have yet.",
                  static_cast<double>(gauges.lag_bytes));
  out.gauge_value("crossfade_lag_oldest_seconds", "Age of the oldest change that the follower does not have yet.",
                  gauges.lag_oldest_seconds);
  out.gauge_value("crossfade_log_retention_seconds", "How long the leader keeps its log; 0: for ever, or not known.",
                  static_cast<double>(gauges.log_retention_seconds));
  out.gauge_value("crossfade_log_waiting_seconds",
                  "For how long the part of the leader's log that is needed longest has waited to be applied.",
                  static_cast<double>(gauges.log_waiting_seconds));
  out.gauge_value("crossfade_caught_up", "1 when the follower has all that the leader has committed.",
                  gauges.caught_up ? 1 : 0);
  out.gauge_value("crossfade_parked_entries", "Tables whose changes wait, because a change did not fit.",
                  static_cast<double>(gauges.parked_entries));
  out.gauge_value("crossfade_ledger_open", "Open findings in the divergence ledger; the cutover needs 0.",
                  static_cast<double>(gauges.ledger_open));
  out.counter_of("crossfade_applied_entries_total", "Transactions of the leader applied on the follower.",
                 &Counters::applied_entries);
  out.counter_of("crossfade_applied_batches_total", "Follower transactions in which they were applied.",
                 &Counters::applied_batches);
  out.counter_of("crossfade_applier_retries_total", "Batches rolled back on the follower and tried again.",
                 &Counters::applier_retries);
  out.counter_of("crossfade_divergences_total", "Rows that were not as they had to be on the follower.",
                 &Counters::divergences);
}

void add_backfill(Exposition& out, const Metrics::Gauges& gauges) {
  out.gauge_value("crossfade_backfill_running", "1 while tables are being copied to the follower.",
                  gauges.backfill_running ? 1 : 0);
  out.gauge_value("crossfade_backfill_throttled", "1 while the copy waits for the servers or for its own limits.",
                  gauges.backfill_throttled ? 1 : 0);
  out.gauge_value("crossfade_backfill_rows", "Rows that the last copy has brought to the follower.",
                  static_cast<double>(gauges.backfill_rows));
  out.gauge_value("crossfade_backfill_bytes", "Bytes of these rows, as the leader's log would have them.",
                  static_cast<double>(gauges.backfill_bytes));
  out.gauge_value("crossfade_backfill_tables_left", "Tables of the last copy that are not done.",
                  static_cast<double>(gauges.backfill_tables_left));
  out.gauge_value("crossfade_backfill_tables_failed", "Tables that the last copy could not copy.",
                  static_cast<double>(gauges.backfill_tables_failed));
}

void add_verify(Exposition& out, const Metrics::Gauges& gauges) {
  out.gauge_value("crossfade_verify_running", "1 while both databases are being compared.",
                  gauges.verify_running ? 1 : 0);
  out.gauge_value("crossfade_verify_throttled", "1 while the comparison waits for the servers or for its own limits.",
                  gauges.verify_throttled ? 1 : 0);
  out.gauge_value("crossfade_verify_rows", "Rows of the leader that the last comparison has compared.",
                  static_cast<double>(gauges.verify_rows));
  out.gauge_value("crossfade_verify_differences", "Rows that it has confirmed to differ.",
                  static_cast<double>(gauges.verify_differences));
  out.gauge_value("crossfade_verify_tables_left", "Tables of it that are not done.",
                  static_cast<double>(gauges.verify_tables_left));
  out.gauge_value("crossfade_verify_tables_failed", "Tables that it could not compare.",
                  static_cast<double>(gauges.verify_tables_failed));
  out.gauge_value("crossfade_repair_running", "1 while rows of the follower are written anew.",
                  gauges.repair_running ? 1 : 0);
  out.gauge_value("crossfade_repair_rows", "Rows that the last repair has written.",
                  static_cast<double>(gauges.repair_rows));
  out.gauge_value("crossfade_repair_automatic", "Repairs that this process has started by itself.",
                  static_cast<double>(gauges.repair_automatic));
}

void add_backends(Exposition& out, const Metrics::Gauges& gauges) {
  std::vector<ClientMetric> up;
  std::vector<ClientMetric> open;
  for (const Backend backend : kBackends) {
    const auto index = static_cast<std::size_t>(backend);
    up.push_back(gauge(gauges.backend_up[index] ? 1 : 0, backend_label(backend)));
  }
  for (const ClientMetric& value : out.by_backend([](const Counters&c, Backend backend) -> const Counter& {
         return c.backend_connections_open[static_cast<std::size_t>(backend)];
       })) {
    open.push_back(gauge(value.counter.value, value.label));
  }
  out.add("crossfade_backend_up", "1 when the backend could be reached at the last attempt.", MetricType::Gauge,
          std::move(up));
  out.add("crossfade_backend_connections_open", "Connections open to the backend now.", MetricType::Gauge,
          std::move(open));
  out.add("crossfade_backend_connect_failures_total", "Attempts to connect or log in to the backend that failed.",
          MetricType::Counter, out.by_backend([](const Counters& c, Backend backend) -> const Counter& {
            return c.backend_connect_failures[static_cast<std::size_t>(backend)];
          }));
}

void add_shadow(Exposition& out, const Metrics& metrics, const Metrics::Gauges& gauges) {
  std::vector<ClientMetric> verdicts;
  for (std::size_t i = 0; i < shadow::kVerdicts; ++i) {
    const auto verdict = static_cast<shadow::Verdict>(i);
    verdicts.push_back(counter(metrics.sum([i](const Counters& c) { return c.shadow_verdicts[i].get(); }),
                               {{"verdict", std::string(shadow::name(verdict))}}));
  }
  out.add("crossfade_shadow_comparisons_total", "Shadow reads, by the verdict of the comparison.", MetricType::Counter,
          std::move(verdicts));
  std::vector<ClientMetric> skips;
  for (std::size_t i = 0; i < shadow::kSkipReasons; ++i) {
    const auto reason = static_cast<shadow::SkipReason>(i);
    skips.push_back(counter(metrics.sum([i](const Counters& c) { return c.shadow_skips[i].get(); }),
                            {{"reason", std::string(shadow::name(reason))}}));
  }
  out.add("crossfade_shadow_skipped_total", "Shadow reads that were chosen and not compared, by reason.",
          MetricType::Counter, std::move(skips));
  out.gauge_value("crossfade_shadow_queue", "Shadow reads waiting now.", static_cast<double>(gauges.shadow_queue));
}

void add_flags(Exposition& out, const Metrics::Gauges& gauges) {
  out.gauge_value("crossfade_flags_version", "Version of the flags in force.",
                  static_cast<double>(gauges.flags_version));
  out.gauge_value("crossfade_flags_last_reload_ok", "1 when the flags file was good at its last reading.",
                  gauges.flags_last_reload_ok ? 1 : 0);
  out.gauge_value("crossfade_read_from_new_percent", "Share of reads that the flags give to the new backend.",
                  gauges.read_from_new_percent);
  out.gauge_value("crossfade_shadow_read_percent", "Share of reads that the flags compare in the shadow.",
                  gauges.shadow_read_percent);
}

void add_log(Exposition& out, const Metrics::Gauges& gauges) {
  out.add("crossfade_log_dropped_total", "Log lines dropped because nobody read them, or they could not be written.",
          MetricType::Counter, {counter(gauges.log_dropped)});
  std::vector<ClientMetric> suppressed;
  for (std::size_t i = 0; i < kLogKinds; ++i) {
    suppressed.push_back(counter(gauges.log_suppressed[i], {{"kind", std::string(name(static_cast<LogKind>(i)))}}));
  }
  out.add("crossfade_log_suppressed_total", "Log lines held back because many of their kind came, by kind.",
          MetricType::Counter, std::move(suppressed));
}

}  // namespace

void LatencyCounter::record(std::uint64_t microseconds) {
  const double seconds = static_cast<double>(microseconds) / 1e6;
  // A bucket's bound belongs to it ("le").
  const auto* bound = std::lower_bound(kLatencyBuckets.begin(), kLatencyBuckets.end(), seconds);
  buckets[static_cast<std::size_t>(bound - kLatencyBuckets.begin())].add();
  sum_microseconds.add(microseconds);
}

Counters& Metrics::make() {
  const std::lock_guard lock(mutex_);
  return *all_.emplace_back(std::make_unique<Counters>());
}

std::string Metrics::prometheus(const Gauges& gauges) const {
  Exposition out(*this);
  add_clients(out);
  add_reads(out);
  add_writes(out);
  add_applier(out, gauges);
  add_backfill(out, gauges);
  add_verify(out, gauges);
  add_backends(out, gauges);
  add_shadow(out, *this, gauges);
  add_flags(out, gauges);
  add_log(out, gauges);
  return out.text();
}

}  // namespace crossfade::proxy
