// Replays the leader's outbox on the follower, in order, exactly once; knows the lag; tells sessions
// when their writes have arrived.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "dualwrite/inline/apply_batch.h"
#include "dualwrite/inline/outbox.h"
#include "proxy/backend_link.h"
#include "proxy/feed/feed.h"
#include "proxy/metrics.h"
#include "proxy/reactor.h"

namespace crossfade::proxy {

// One committed write of this proxy, until the follower has it. The session that wrote it keeps it
// (read-your-writes, `ack: both`); the applier marks it.
class AppliedMark {
 public:
  explicit AppliedMark(Reactor& owner) : owner_(owner) {}
  bool applied() const { return applied_.load(std::memory_order_acquire); }
  // On the owner's thread. True when applied, false when the deadline passed first.
  static Task<bool> wait(std::shared_ptr<AppliedMark> mark, TimePoint deadline);
  // On the applier's thread.
  static void set(const std::shared_ptr<AppliedMark>& mark);

 private:
  Reactor& owner_;
  std::atomic<bool> applied_{false};
  std::atomic<bool> awaited_{false};
  Signal* signal_ = nullptr;  // the owner's thread only
};

struct ApplierOptions {
  LinkOptions leader;  // control accounts
  LinkOptions follower;
  std::function<LinkOptions(config::Backend)> current{};  // what these are by now, asked for each new connection
  std::string schema;                                     // the control schema
  std::vector<std::string> app_users_on_leader;
  std::chrono::milliseconds poll_interval{50};
  std::chrono::milliseconds max_lag{2000};  // past it the follower is not fit for reads
};

// A thread of its own with its own reactor. Makes the control schema on both backends when they are
// reachable. Elected by a named lock on the leader, fenced by the follower's applier row: a proxy that
// does not hold the lock stands by, measures the lag, and still marks its own writes by asking the
// follower.
class Applier final : public Feed {
 public:
  Applier(ApplierOptions options, Metrics& metrics);
  ~Applier() override;
  void start() override;
  void stop() override;
  // For good: its connections end, and with them the named lock.
  void retire();

  // Any thread. A write of this proxy was committed on the leader, or may have been.
  void committed(const dualwrite::EntryKey& key, std::shared_ptr<AppliedMark> mark);
  // Any thread. The entry of this key stands alone on the leader, its transaction lost: it is taken out
  // of the outbox before the next batch; if it was applied already, that goes into the ledger.
  void discard(const dualwrite::EntryKey& key);
  // Any thread. A write took effect on the leader and has no entry: for the ledger.
  void unrecorded(const dualwrite::TableRef& table);
  // Writes that have been sent to the leader and not been answered; for caught_up.
  void begin_write() { in_flight_.fetch_add(1, std::memory_order_acq_rel); }
  void end_write() { in_flight_.fetch_sub(1, std::memory_order_acq_rel); }
  // By the time of the commit alone; sessions of this feed have their marks.
  Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) override;
  TimePoint synced_through() const override {
    return TimePoint(Clock::duration(synced_through_.load(std::memory_order_acquire)));
  }
  void wake();
  // A fresh look soon, without a doubt about what was committed.
  void look_soon() override { look(); }
  bool usable_for_reads() const override { return follower_usable_.load(std::memory_order_acquire); }
  // A parked entry keeps all reads with the leader: no table is stopped by itself.
  bool stopped(std::string_view, std::string_view) const override { return false; }
  bool any_stopped() const override { return false; }
  FeedStatus status() const override;
  // The leader has the control schema; this is the fence epoch. 0: not yet.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // The follower's max_allowed_packet; 0: not known yet.
  std::uint64_t follower_packet_bytes_max() const { return follower_packet_max_.load(std::memory_order_acquire); }

 private:
  Task<void> loop();
  void look();
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> connect(const LinkOptions& options, bool is_leader);
  Task<bool> ensure_leader();
  Task<bool> ensure_follower();
  void drop_leader(const absl::Status& why);
  void drop_follower(const absl::Status& why);
  Task<absl::Status> set_up(BackendLink& link, bool is_leader);
  Task<bool> elect();
  Task<void> measure_lag();
  Task<void> stand_by();
  void note_empty(TimePoint looked, std::uint64_t commits);
  Task<absl::StatusOr<dualwrite::Joined>> read_entries(std::size_t* rows_read);
  Task<absl::Status> drop_applied(std::vector<dualwrite::Transaction>& transactions);
  Task<absl::Status> drop_discarded();
  Task<absl::Status> note_in_ledger(dualwrite::EntryKey key, dualwrite::TableRef table, std::string what);
  Task<absl::Status> make_durable();
  Task<absl::Status> read_fence(BackendLink& link);
  void lose_both(const absl::Status& why);
  Task<bool> apply_once();  // false: nothing more to do at once
  Task<absl::Status> apply(std::vector<dualwrite::Transaction> transactions);
  Task<absl::Status> apply_batch(const std::vector<dualwrite::Transaction>& transactions,
                                 std::optional<protocol::Err>* refused);
  Task<absl::Status> close_batch(const std::vector<dualwrite::Transaction>& transactions,
                                 std::vector<std::string> closing, std::optional<protocol::Err>* refused);
  Task<void> count_ledger();
  Task<absl::Status> prepare(const dualwrite::FollowerCommand& command, std::optional<protocol::Err>* refused);
  Task<absl::Status> run_train(const std::vector<dualwrite::FollowerCommand>& commands, std::size_t from,
                               std::size_t to, const std::vector<dualwrite::Transaction>& transactions,
                               std::vector<std::string>* ledger, std::optional<protocol::Err>* refused);
  Task<absl::Status> forget(const std::vector<dualwrite::Transaction>& done);
  Task<void> prune();
  void park(const dualwrite::EntryKey& key, const std::vector<dualwrite::StatementRecord>& statements,
            const std::string& error);
  void unpark();
  void publish_parked(const dualwrite::Joined& joined);
  void mark_applied(const dualwrite::EntryKey& key);
  void note(std::string state, const absl::Status& error);
  void refresh_usable();
  bool fits_follower(const std::vector<dualwrite::FollowerCommand>& commands) const;

  ApplierOptions options_;
  Metrics& metrics_;
  Counters& counters_;
  Reactor reactor_;
  Signal wake_;
  std::thread thread_;
  bool stopping_ = false;

  // The applier's thread only.
  std::unique_ptr<BackendLink> leader_;
  std::unique_ptr<BackendLink> follower_;
  dualwrite::EntryKey owner_;
  bool elected_ = false;
  bool claimed_ = false;
  bool check_applied_ = true;          // after any doubt: look what the follower has already
  std::uint64_t follower_packet_ = 0;  // what follower_ takes: a connection keeps the value that it began with
  std::optional<dualwrite::StatementContext> follower_context_;
  std::map<std::string, std::uint32_t> prepared_;
  std::map<dualwrite::EntryKey, std::weak_ptr<AppliedMark>> marks_;
  // Applied before their session's message came (or another proxy's): the newest few thousand.
  std::set<dualwrite::EntryKey> applied_unasked_;
  std::deque<dualwrite::EntryKey> applied_unasked_order_;
  std::map<dualwrite::EntryKey, FeedStatus::Parked> parked_;
  std::set<dualwrite::TableRef> parked_tables_;
  std::set<dualwrite::EntryKey> discarded_;
  std::deque<dualwrite::TableRef> unrecorded_;
  std::map<dualwrite::EntryKey, int> losses_;  // connections lost while applying, by the batch's first entry
  std::size_t held_rows_ = 0;                  // of the last look: the next one reads past them
  TimePoint next_parked_retry_{};
  TimePoint next_lag_{};
  TimePoint next_prune_{};
  TimePoint next_ledger_{};

  // Shared.
  std::atomic<std::int64_t> in_flight_{0};
  std::atomic<std::uint64_t> commits_{0};       // committed() calls
  std::atomic<std::uint64_t> commits_seen_{0};  // of those, before the last look that found nothing
  std::atomic<Clock::rep> synced_through_{0};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<bool> follower_usable_{false};
  std::atomic<std::uint64_t> follower_packet_max_{0};  // of connections that begin now
  std::atomic<bool> wake_posted_{false};
  mutable std::mutex status_mutex_;
  FeedStatus status_;
};

}  // namespace crossfade::proxy
