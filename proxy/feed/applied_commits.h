// Who waits for what to be on the follower: commits by name, and moments by the leader's end of the log.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dualwrite/log_position.h"
#include "proxy/feed/feed.h"
#include "proxy/net/reactor.h"

namespace crossfade::proxy {

// One session's wait. Lives until both sides have let go of it; the feed marks it, the session's reactor wakes.
class CommitWait {
 public:
  explicit CommitWait(Reactor& owner) : owner_(owner) {}
  // On the owner's thread. True when applied, false when the deadline passed first.
  static Task<bool> wait(std::shared_ptr<CommitWait> self, TimePoint deadline);
  bool is_done() const { return done_.load(); }
  // On the feed's thread.
  static void done(const std::shared_ptr<CommitWait>& self);

 private:
  Reactor& owner_;
  std::atomic<bool> done_{false};
  std::atomic<bool> awaited_{false};
  Signal* signal_ = nullptr;  // the owner's thread only
};

// The feed's thread only, but for synced_through(). Bounded: GTIDs are kept for the last kRememberedMax commits, which
// is longer than any session waits.
// Invariant: synced_through() only grows; everything the leader had committed by then is on the follower.
class AppliedCommits {
 public:
  // Names known or answered here: this proxy reads the log itself. A stand-by knows moments alone.
  void remember(std::string gtid);
  // The follower has everything before this place.
  void processed(const dualwrite::LogPosition& position);
  // At `at` the leader's log ended at `end`.
  void bound(TimePoint at, dualwrite::LogPosition end);
  void wait_for(std::shared_ptr<CommitWait> waiter, const Commit& commit);
  // Somebody waits for a moment that no bound covers yet.
  bool wants_bound() const;
  // The oldest moment that is not reached, for the lag; max(): none.
  TimePoint oldest_unreached() const;
  TimePoint synced_through() const {
    return TimePoint(Clock::duration(synced_through_.load(std::memory_order_acquire)));
  }
  const dualwrite::LogPosition& last_bound() const { return last_bound_; }
  std::size_t bounds() const { return bounds_.size(); }
  const dualwrite::LogPosition& position() const { return position_; }
  // Another leader's log, or another place in it: what is known of places is void.
  void forget_places();
  // Names, too: they may come again.
  void begin_anew();

 private:
  static constexpr std::size_t kRememberedMax = 100000;
  static constexpr std::size_t kMomentsMax = 1000;  // past it, those that nobody waits for any more go
  static constexpr std::size_t kBoundsMax = 1024;   // past it, every second one goes: times are told less finely
  void settle();
  void thin_out();

  struct Bound {
    TimePoint at;
    dualwrite::LogPosition end;
  };
  struct Moment {
    TimePoint at;
    bool named = false;  // its name is waited for, too: no bound is asked for because of it
    std::shared_ptr<CommitWait> waiter;
  };
  dualwrite::LogPosition position_;
  dualwrite::LogPosition last_bound_;
  std::deque<Bound> bounds_;  // not reached yet, in order
  std::unordered_set<std::string> remembered_;
  std::deque<std::string> remembered_order_;
  std::unordered_map<std::string, std::vector<std::weak_ptr<CommitWait>>> named_;
  std::deque<Moment> moments_;
  std::atomic<Clock::rep> synced_through_{TimePoint().time_since_epoch().count()};
};

}  // namespace crossfade::proxy
