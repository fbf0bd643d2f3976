// Feed `log`: the follower is fed from the leader's row log.
//
// A thread of its own with its own reactor. Elected by a named lock on the leader, fenced by the owner of the position
// row; a proxy that does not hold the lock stands by: it learns from the position row what has arrived.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "config/flags.h"
#include "dualwrite/leader_settings.h"
#include "dualwrite/log_retention.h"
#include "proxy/feed/applied_commits.h"
#include "proxy/feed/feed.h"
#include "proxy/feed/feed_fault.h"
#include "proxy/feed/log_applier.h"
#include "proxy/feed/stopped_tables.h"
#include "proxy/feed/table_catalog.h"
#include "proxy/metrics.h"

namespace crossfade::proxy {

struct LogFeedOptions {
  // Where and as whom to connect now, with the control accounts: they may be rotated. Any thread.
  std::function<LinkOptions(config::Backend)> link;
  config::Backend leader = config::Backend::old_db;
  std::string schema;  // the control schema
  config::DualWriteConfig config;
  std::chrono::milliseconds max_lag{2000};  // past it the follower is not fit for reads
};

class LogFeed final : public Feed {
 public:
  LogFeed(LogFeedOptions options, Metrics& metrics);
  ~LogFeed() override;

  void start() override;
  void stop() override;
  Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) override;
  TimePoint synced_through() const override { return commits_.synced_through(); }
  void look_soon() override;
  bool usable_for_reads() const override { return usable_.load(std::memory_order_acquire); }
  bool stopped(std::string_view schema, std::string_view table) const override;
  bool any_stopped() const override { return stopped_.any(); }
  FeedStatus status() const override;
  bool settle(std::chrono::milliseconds at_most) override;
  // Any thread but the feed's; waits at most so long for the feed to look at it. A stopped table is caught up from
  // where it stopped: what will happen, or why it cannot (NotFound: it is not stopped). Where nothing is said in time
  // nothing is done.
  absl::StatusOr<std::string> release(dualwrite::TableRef table, dualwrite::CatchUp how,
                                      std::chrono::milliseconds at_most);

  // Set before start(); called on the feed's thread.
  // From here on the log tells everything: sessions may be relays.
  std::function<void()> on_anchored;
  // Writes are not duplicated, and no feed was needed yet: sessions may be relays.
  std::function<void()> on_idle;
  // The leader cannot be followed by its log, and never was: another feed is needed. Nothing more comes from this one.
  std::function<void(std::string why)> on_unsuitable;

  // Any thread. The flags that bear on it: paused while writes are not duplicated; what a divergence leads to. `then`
  // is called once writes may be relayed under these flags: at once, or on the feed's thread when the log is anchored.
  void set_flags(const config::DualWriteFlags& flags, std::function<void()> then);

 private:
  // log_feed.cc
  Task<void> loop();
  Task<absl::Status> follow();
  void call_anchored();
  Task<absl::Status> elect();
  Task<absl::StatusOr<dualwrite::StoredPosition>> take_position();
  Task<absl::Status> open_reader(const dualwrite::StoredPosition& stored);
  Task<absl::Status> stand_by();
  Task<absl::Status> pause();
  void drop_links();
  void note(std::string state, const absl::Status& error);
  dualwrite::ServerMakes makes() const;
  LinkOptions leader_link() const { return options_.link(options_.leader); }
  LinkOptions follower_link() const { return options_.link(config::other(options_.leader)); }

  // log_feed_connect.cc
  Task<absl::Status> connect_leader();
  Task<absl::Status> check_leader();
  Task<absl::Status> anchor();
  Task<absl::Status> connect_follower();

  // log_feed_release.cc
  struct ReleaseRequest {
    dualwrite::TableRef table;
    dualwrite::CatchUp how = dualwrite::CatchUp::none;
    std::promise<absl::StatusOr<std::string>> answer;
    std::atomic<bool> taken{false};  // by whoever answers it, or by whoever gave up waiting
  };
  Task<absl::Status> release_requested();
  Task<absl::StatusOr<std::string>> release_one(dualwrite::TableRef asked, dualwrite::CatchUp how);
  void refuse_releases(const std::string& why);

  // log_feed_retention.cc
  std::vector<dualwrite::NeededLog> needed_log() const;
  Task<absl::Status> look_at_retention();
  void publish(const dualwrite::LogRetention& retention);

  // log_feed_watch.cc: what is looked at now and then
  Task<void> bound_loop();
  Task<absl::Status> open_bound_link();
  Task<absl::Status> look_at_log_end();
  Task<absl::Status> watch();
  Task<absl::Status> compare_definitions();
  Task<absl::Status> retry_stopped();
  Task<absl::Status> give_up_released();
  void publish(const std::vector<dualwrite::SchemaFinding>& findings);
  Task<absl::Status> stop_blocked(const dualwrite::LogPosition& since);
  Task<absl::Status> stop_with_children(dualwrite::StoppedTable first);
  Task<absl::Status> release_with_children(dualwrite::TableRef table, dualwrite::CatchUp how);
  std::vector<dualwrite::TableRef> children_of(const dualwrite::TableRef& table) const;
  bool waits_for_parent(const dualwrite::StoppedTable& table) const;
  Task<absl::Status> count_ledger();

  LogFeedOptions options_;
  Metrics& metrics_;
  Counters& counters_;
  Reactor reactor_;
  Signal wake_;        // of loop()
  Signal wake_bound_;  // of bound_loop()
  std::thread thread_;
  FeedFault fault_;

  // The feed's thread only.
  bool stopping_ = false;
  std::string owner_;
  std::uint32_t server_id_ = 0;
  std::unique_ptr<BackendLink> leader_;
  std::unique_ptr<BackendLink> bound_link_;
  std::unique_ptr<FollowerWriter> follower_;
  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<LogApplier> applier_;
  LogQueue queue_;
  bool fit_ = false;  // its settings were judged since the connection began
  bool unsuitable_ = false;
  std::optional<dualwrite::Anchor> anchor_;
  std::vector<std::function<void()>> when_anchored_;
  bool in_log_ = false;  // what failed was the log itself, not a connection, a setting or a right
  bool elected_ = false;
  bool loaded_ = false;  // position, stopped tables, definitions
  dualwrite::LeaderIdentity identity_;
  dualwrite::LogPosition careful_through_;
  TableCatalog catalog_;
  struct Retry {
    TimePoint at;
    std::chrono::seconds pause{1};
  };
  std::map<dualwrite::TableRef, Retry> retries_;
  std::deque<std::shared_ptr<ReleaseRequest>> release_requests_;
  TimePoint next_election_{};
  TimePoint next_compare_{};
  bool compare_due_ = false;  // definitions were read, and are not of one moment yet
  TimePoint next_retry_{};
  TimePoint next_ledger_{};
  TimePoint next_settings_{};
  TimePoint next_retention_{};
  int failures_ = 0;
  const TimePoint started_ = Clock::now();

  // Shared.
  AppliedCommits commits_;
  StoppedTables stopped_;
  std::atomic<bool> usable_{false};
  std::atomic<bool> standby_{false};
  std::atomic<bool> idle_{false};     // writes are not duplicated, and never were by the log
  std::atomic<bool> settled_{false};  // anchored, or unsuitable
  std::atomic<bool> enabled_{true};
  std::atomic<config::OnDivergence> policy_{config::OnDivergence::hold};
  std::atomic<bool> look_posted_{false};
  mutable std::mutex status_mutex_;
  mutable std::condition_variable synced_;
  FeedStatus status_;
  std::vector<FeedStatus::Finding> retention_findings_;  // guarded by status_mutex_
};

}  // namespace crossfade::proxy
