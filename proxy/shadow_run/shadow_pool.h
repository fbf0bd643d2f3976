// Runs sampled reads on the candidate, compares, rechecks, reports. Never in a client's path.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "proxy/catalogue/unique_keys.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/feed.h"
#include "proxy/net/reactor.h"
#include "proxy/shadow_run/report_store.h"
#include "proxy/shadow_run/shadow_compare.h"
#include "proxy/shadow_run/shadow_links.h"
#include "proxy/shadow_run/shadow_run.h"
#include "proxy/shadow_run/side_thread.h"
#include "shadow/back_off.h"
#include "shadow/fair_queue.h"
#include "shadow/report.h"

namespace crossfade::proxy {

// A thread of its own, and one beside it for comparing and saving, so that the first sees answers when they come.
// `shadow.connections` jobs at a time and as many rechecks, each from a queue that is fair to all digests and bounded
// in number and bytes. A job that cannot be taken is counted with its reason. The candidate read starts when the
// follower has applied what was committed when the control read ended. A difference is run again on both sides, several
// times with delay, before it counts; one that vanishes is `transient`. A digest that keeps differing is taken less
// often.
class ShadowPool {
 public:
  ShadowPool(const config::ShadowConfig& config, Feed& feed, Metrics& metrics, std::unique_ptr<ReportStore> store,
             ShadowLinks::Credentials credentials);
  ~ShadowPool();
  absl::Status start();
  void stop();

  // Any thread. False when dropped (counted).
  bool submit(std::unique_ptr<ShadowJob> job);
  // Any thread. Off: what waits is dropped, too (counted).
  void set_enabled(bool enabled) { shared_.enabled.store(enabled, std::memory_order_relaxed); }
  // Any thread. Counts production reads, compared or not, for the coverage. Batched by the caller.
  void count_calls(std::uint64_t digest, const std::string& text, std::uint64_t calls);
  std::uint64_t queued() const { return shared_.queued.load(std::memory_order_relaxed); }
  nlohmann::json report() const;
  // Any thread. A server refuses a client for want of connections: those held here go at once. False: there are none.
  bool make_room(config::Backend which) { return links_.give_up(which); }
  std::uint64_t connections(config::Backend which) const { return links_.open(which); }

 private:
  using Job = std::unique_ptr<ShadowJob>;
  // A comparison that differed, to be made again.
  struct Suspect {
    Job job = nullptr;
    shadow::Comparison comparison = {};
    std::uint32_t attempts = 0;
  };

  Task<void> work(std::size_t slot);
  Task<void> recheck_work(std::size_t slot);
  void suspect(Suspect suspect);
  Task<void> recheck(Suspect now);
  Task<void> save_regularly();
  Task<void> run(Job job);
  Task<ShadowRun> run_on(config::Backend which, const ShadowJob& job, TimePoint deadline);
  Task<Compared> compare(ShadowJob& job, Recorded control, Recorded candidate, TimePoint deadline);
  Task<bool> is_total(const ShadowJob& job, routing::OrderBy order, TimePoint deadline);
  Task<absl::StatusOr<UniqueKeys::Keys>> ask_unique_keys(UniqueKeys::Question question);
  Task<bool> wait_synced(TimePoint since, TimePoint deadline);
  void skip(const ShadowJob& job, shadow::SkipReason reason);
  void finish(const ShadowJob& job, shadow::Comparison comparison);
  void save();

  config::ShadowConfig config_;
  Feed& feed_;
  Metrics& metrics_;
  Counters& counters_;
  std::unique_ptr<ReportStore> store_;
  Reactor reactor_;
  std::thread thread_;
  SideThread side_;
  ShadowLinks links_;
  UniqueKeys unique_keys_;
  shadow::FairQueue<Suspect> suspects_;        // this thread's only
  std::vector<std::unique_ptr<Signal>> idle_;  // one a slot

  struct {
    std::atomic<bool> enabled{true};
    std::atomic<std::uint64_t> queued{0};
  } shared_;
  mutable std::mutex queue_mutex_;  // guards the next three
  shadow::FairQueue<Job> queue_;
  shadow::BackOff back_off_;
  std::size_t idle_workers_ = 0;
  mutable std::mutex report_mutex_;
  std::unique_ptr<shadow::Report> report_;
};

}  // namespace crossfade::proxy
