// The follower is fed with the rows that changed on the leader: from its row log (feed `log`), or from what triggers
// have written down (feed `trigger`).
//
// A thread of its own with its own reactor. Elected by a named lock on the leader, fenced by the owner of the position
// row; a proxy that does not hold the lock stands by: it learns from the position row what has arrived.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/flags.h"
#include "dualwrite/leader_settings.h"
#include "dualwrite/log_retention.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/change_source.h"
#include "proxy/feed/feed.h"
#include "proxy/feed/feed_changer.h"
#include "proxy/feed/log_applier.h"
#include "proxy/feed/retention_look.h"
#include "proxy/feed/stopped_tables.h"
#include "proxy/feed/table_catalog.h"
#include "proxy/migrate/chunk_store.h"
#include "proxy/net/reactor_thread.h"
#include "proxy/net/reply.h"

namespace crossfade::proxy {

struct RowFeedOptions {
  // Where and as whom to connect now, with the control accounts: they may be rotated. Any thread.
  std::function<LinkOptions(config::Backend)> link;
  config::Backend leader = config::Backend::old_db;
  std::string schema;  // the control schema
  config::DualWriteConfig config;
  std::chrono::milliseconds max_lag{2000};  // past it the follower is not fit for reads
};

class RowFeed final : public Feed {
 public:
  RowFeed(RowFeedOptions options, Metrics& metrics);
  ~RowFeed() override;

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
  // The same for a change to another feed; see FeedChanger.
  absl::StatusOr<std::string> switch_to(FeedKind kind, std::chrono::milliseconds at_most) {
    return changer_.switch_to(kind, at_most);
  }

  // For copying tables, from any thread. What becomes of tables, between two transactions of the applier: those that
  // are set are stopped from here on in the way that they say, those that are cleared follow from here on.
  struct CopyOrder {
    std::vector<dualwrite::StoppedTable> set{};
    std::vector<dualwrite::TableRef> cleared{};
    std::vector<std::string> sql{};  // in the same transaction of the follower
    std::shared_ptr<Reply<absl::Status>> reply{};
    std::atomic<bool> taken{false};  // by whoever answers it, or by whoever gave up waiting
  };
  void order(std::shared_ptr<CopyOrder> wanted);
  ChunkStore& chunks() { return chunks_; }
  // Another number each time that this process begins to apply; 0: it does not.
  std::uint64_t applying() const { return applying_.load(std::memory_order_acquire); }
  std::vector<dualwrite::StoppedTable> stopped_tables() const { return stopped_.list(); }
  // Decided before anything is applied; changes while applying() is 0.
  FeedKind kind() const { return kind_.load(std::memory_order_acquire); }

  // Set before start(); called on the feed's thread.
  // From here on the source tells everything: sessions may be relays.
  std::function<void(FeedKind kind, const std::string& why)> on_anchored;
  // Writes are not duplicated, and no feed was needed yet: sessions may be relays.
  std::function<void()> on_idle;

  // Any thread. The flags that bear on it: paused while writes are not duplicated; what a divergence leads to. `then`
  // is called once writes may be relayed under these flags: at once, or on the feed's thread when the source is
  // anchored.
  void set_flags(const config::DualWriteFlags& flags, std::function<void()> then);

 private:
  void note(std::string state, const absl::Status& error);  // row_feed_status.cc
  void publish_source();
  // row_feed.cc
  Task<void> loop();
  Task<absl::Status> follow();
  void call_anchored();
  Task<absl::Status> elect();
  Task<absl::StatusOr<dualwrite::StoredPosition>> take_position();
  Task<absl::Status> open_source(const dualwrite::StoredPosition& stored);
  Task<absl::Status> stand_by();
  Task<absl::Status> pause();
  void drop_links();
  void stop_applying();
  dualwrite::ServerMakes makes() const;
  LinkOptions leader_link() const { return options_.link(options_.leader); }
  LinkOptions follower_link() const { return options_.link(config::other(options_.leader)); }

  // row_feed_connect.cc
  Task<absl::Status> connect_leader();
  Task<absl::Status> judge_leader(ChangeSource& source);
  Task<absl::Status> anchor();
  Task<absl::StatusOr<std::string>> choose_source(const std::optional<dualwrite::Anchor>& found);
  Task<absl::StatusOr<std::optional<dualwrite::Anchor>>> read_anchor(BackendLink& leader);
  void take_source(ChangeSource& source, const std::optional<dualwrite::Anchor>& found);
  void tell_kind(const dualwrite::Anchor& anchor, const std::string& why);
  Task<absl::Status> make_anchor_table();
  Task<absl::Status> make_anchor();
  Task<absl::Status> connect_follower();

  // row_feed_release.cc
  struct ReleaseRequest {
    dualwrite::TableRef table;
    dualwrite::CatchUp how = dualwrite::CatchUp::none;
    std::promise<absl::StatusOr<std::string>> answer;
    std::atomic<bool> taken{false};  // by whoever answers it, or by whoever gave up waiting
  };
  Task<absl::Status> release_requested();
  Task<absl::StatusOr<std::string>> release_one(dualwrite::TableRef asked, dualwrite::CatchUp how);
  void refuse_releases(const std::string& why);

  // row_feed_switch.cc
  SourceSetting source_setting();
  Task<absl::Status> change_feed();
  Task<absl::Status> cross_fence();
  Task<absl::Status> finish_change(dualwrite::StoredPosition stored);
  bool is_fenced() const;

  // row_feed_copy.cc
  Task<absl::Status> carry_out_copy_order();
  Task<absl::StatusOr<std::optional<StepFailure>>> write_copy_order(std::shared_ptr<CopyOrder> wanted);
  void refuse_copy_orders(const std::string& why);

  // row_feed_retention.cc
  std::vector<dualwrite::NeededLog> needed_log() const;
  Task<absl::Status> look_at_retention();
  void publish(const dualwrite::LogRetention& retention);

  // row_feed_watch.cc: what is looked at now and then
  Task<void> bound_loop();
  Task<absl::Status> open_bound_link();
  Task<absl::Status> look_at_end();
  Task<absl::Status> watch();
  Task<absl::Status> compare_definitions();
  Task<absl::Status> stop_broken();
  Task<absl::Status> retry_stopped();
  Task<absl::Status> give_up_released(std::string why);
  void publish(const std::vector<dualwrite::SchemaFinding>& findings);
  Task<absl::Status> stop_blocked(const dualwrite::LogPosition& since);
  Task<absl::Status> count_ledger();

  // row_feed_suspects.cc, and row_feed_ties.cc
  Task<absl::Status> stop_suspects(dualwrite::LogPosition since);
  Task<absl::Status> stop_with_tied(dualwrite::StoppedTable first);
  Task<absl::Status> release_with_tied(dualwrite::TableRef table, dualwrite::CatchUp how);
  bool waits_for_others(const dualwrite::StoppedTable& table) const;

  RowFeedOptions options_;
  Metrics& metrics_;
  Counters& counters_;
  Reactor reactor_;
  Signal wake_;        // of loop()
  Signal wake_bound_;  // of bound_loop()
  ReactorThread thread_;
  FeedFault fault_;

  // The feed's thread only.
  bool stopping_ = false;
  std::string owner_;
  std::unique_ptr<BackendLink> leader_;
  std::unique_ptr<BackendLink> bound_link_;
  std::unique_ptr<FollowerWriter> follower_;
  std::unique_ptr<LogApplier> applier_;
  LogQueue queue_;
  std::vector<std::unique_ptr<ChangeSource>> sources_;  // in the order of preference
  ChangeSource* source_ = nullptr;                      // one of them, from the anchor on
  bool fit_ = false;                                    // its settings were judged since the connection began
  std::optional<dualwrite::Anchor> anchor_;
  std::vector<std::function<void()>> when_anchored_;
  bool reading_ = false;  // what failed was the log itself, not a connection, a setting or a right
  bool elected_ = false;
  bool loaded_ = false;  // position, stopped tables, definitions
  dualwrite::LeaderIdentity identity_;
  dualwrite::LogPosition careful_through_;
  TableCatalog catalog_;
  std::map<dualwrite::TableRef, StoppedRetry> retries_;
  std::deque<std::shared_ptr<ReleaseRequest>> release_requests_;
  std::deque<std::shared_ptr<CopyOrder>> copy_orders_;
  FeedChanger changer_;
  FeedGuard guard_;
  std::uint64_t times_applied_ = 0;
  TimePoint next_election_{};
  TimePoint next_compare_{};
  TimePoint next_look_{};
  bool compare_due_ = false;  // definitions were read, and are not of one moment yet
  TimePoint next_retry_{};
  struct {
    TimePoint ledger{}, settings{};
  } next_;
  RetentionLook retention_look_;
  int failures_ = 0;
  const TimePoint started_ = Clock::now();

  // Shared.
  AppliedCommits commits_;
  StoppedTables stopped_;
  ChunkStore chunks_;
  std::atomic<std::uint64_t> applying_{0};
  std::atomic<FeedKind> kind_{FeedKind::undecided};
  std::atomic<bool> usable_{false};
  std::atomic<bool> standby_{false};
  std::atomic<bool> names_commits_{true};  // commits are found by their GTIDs
  std::atomic<bool> idle_{false};          // writes are not duplicated, and never were by rows
  std::atomic<bool> settled_{false};       // anchored
  std::atomic<bool> enabled_{true};
  std::atomic<config::OnDivergence> policy_{config::OnDivergence::hold};
  std::atomic<bool> look_posted_{false};
  mutable std::mutex status_mutex_;
  mutable std::condition_variable synced_;
  FeedStatus status_;
  std::vector<FeedStatus::Finding> retention_findings_;  // guarded by status_mutex_
};

}  // namespace crossfade::proxy
