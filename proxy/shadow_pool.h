// Runs sampled reads on the candidate, compares, rechecks, reports. Never in a client's path.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "protocol/wire.h"
#include "proxy/backend_link.h"
#include "proxy/feed/feed.h"
#include "proxy/metrics.h"
#include "proxy/reactor.h"
#include "proxy/report_store.h"
#include "proxy/session_state.h"
#include "shadow/recording.h"
#include "shadow/report.h"

namespace crossfade::proxy {

// One sampled read, with the control's answer.
struct ShadowJob {
  std::string sql;
  bool prepared = false;
  protocol::Buffer execute;  // prepared: self-contained COM_STMT_EXECUTE payload
  std::string user;          // whose credentials; also the pool's key
  SessionContext context;
  bool control_is_mariadb = true;  // whose names `context` holds: the leader's
  bool ordered = false;            // ORDER BY at the top level
  std::uint64_t digest = 0;
  std::string digest_text;
  std::string tables;
  config::Backend control = config::Backend::old_db;
  protocol::Capabilities capabilities = 0;  // the control link's: how `recording` is framed
  shadow::Recording recording;
  std::uint64_t control_microseconds = 0;
  TimePoint finished;  // when the control read ended
};

// A thread of its own; `shadow.connections` jobs at a time and as many rechecks, bounded queue in number and bytes. A
// job that cannot be taken is counted with its reason. The candidate read starts when the follower has applied what was
// committed when the control read ended. A mismatch is run again on both sides, several times with delay, before it
// counts; one that vanishes is `transient`.
class ShadowPool {
 public:
  // How to log in to a backend as `user`; nullopt: its password is not known any more.
  using Credentials = std::function<std::optional<LinkOptions>(config::Backend, const std::string& user)>;
  ShadowPool(const config::ShadowConfig& config, Feed& feed, Metrics& metrics, std::unique_ptr<ReportStore> store,
             Credentials credentials);
  ~ShadowPool();
  absl::Status start();
  void stop();

  // Any thread. False when dropped (counted).
  bool submit(std::unique_ptr<ShadowJob> job);
  // Any thread. Counts production reads, compared or not, for the coverage. Batched by the caller.
  void count_calls(std::uint64_t digest, const std::string& text, std::uint64_t calls);
  std::uint64_t queued() const { return queued_.load(std::memory_order_relaxed); }
  nlohmann::json report() const;

 private:
  struct Pooled;
  // A comparison that differed, to be made again.
  struct Suspect {
    std::unique_ptr<ShadowJob> job = nullptr;
    shadow::Comparison comparison = {};
    std::uint32_t attempts = 0;
    TimePoint not_before = {};
  };
  Task<void> work(std::size_t slot);
  Task<void> recheck_work(std::size_t slot);
  void suspect(Suspect suspect);
  Task<void> recheck(Suspect now, std::size_t slot);
  Task<void> save_regularly();
  Task<void> run(std::unique_ptr<ShadowJob> job, std::size_t slot);
  struct Ran {
    absl::Status status;
    shadow::Answer answer;
    std::uint64_t microseconds = 0;
  };
  Task<Ran> run_on(config::Backend which, const ShadowJob& job, std::size_t slot, TimePoint deadline);
  Task<bool> wait_synced(TimePoint since, TimePoint deadline);
  void skip(const ShadowJob& job, shadow::SkipReason reason);
  void finish(const ShadowJob& job, shadow::Comparison comparison);
  void save();

  config::ShadowConfig config_;
  Feed& feed_;
  Metrics& metrics_;
  Counters& counters_;
  std::unique_ptr<ReportStore> store_;
  Credentials credentials_;
  Reactor reactor_;
  std::thread thread_;
  std::deque<Suspect> suspects_;  // this thread's only; at most queue_max
  std::vector<std::unique_ptr<Pooled>> slots_;
  std::vector<std::unique_ptr<Signal>> idle_;  // one a slot

  std::atomic<std::uint64_t> queued_{0};
  std::atomic<std::uint64_t> queued_bytes_{0};
  mutable std::mutex queue_mutex_;
  std::deque<std::unique_ptr<ShadowJob>> queue_;
  mutable std::mutex report_mutex_;
  std::unique_ptr<shadow::Report> report_;
};

}  // namespace crossfade::proxy
