// What hangs, and does not say so: connections to the follower, and another proxy that applies.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/counts/metrics.h"
#include "proxy/feed/follower_writer.h"

namespace crossfade::proxy {

// An answer of the follower may take long: a statement may run for hours, and a connection may have been lost without
// a word. Which of both it is the server says, on another connection: SHOW PROCESSLIST tells an account of its own
// connections, whatever rights it has. The feed's thread only.
class FeedGuard {
 public:
  struct Setting {
    Reactor& reactor;
    Counters& counters;
    std::function<LinkOptions()> follower;         // where and as whom to connect
    std::function<BackendLink*()> applying;        // the connection that applies; nullptr: there is none
    std::function<void(const std::string&)> tell;  // what is waited for; empty: nothing any more
    std::string schema;                            // the control schema
  };
  explicit FeedGuard(Setting setting) : setting_(std::move(setting)), wake_(setting_.reactor) {}

  // Until stop().
  Task<void> run();
  void stop();
  // The connection by which a schema change is under way; nullptr: none is.
  void watch_ddl(BackendLink* link) { ddl_ = link; }

  // It is about to be dropped.
  void leave_behind(const BackendLink& link);
  // What failed without a word may still hold locks there, for as long as the server waits for it.
  Task<void> end_lost(FollowerWriter& follower);

  // What a connection may do there, and how much it takes, is decided when it is made: asked once a minute. Aborted: a
  // new one is to be made, as after renew().
  Task<absl::Status> compare(FollowerWriter& follower);
  void renew() { renews_ = true; }
  bool take_renewal() { return std::exchange(renews_, false); }

  // A proxy that is stopped, or hangs, keeps the lock by which it was elected for as long as its connection lives: it
  // is ended. One that applies asks the leader something every few seconds (show_life()), but while the follower
  // carries out a statement, which shows there.
  Task<absl::Status> end_silent_applier(BackendLink& leader, FollowerWriter& follower);
  Task<absl::Status> show_life(BackendLink& leader);

 private:
  struct Awaited {
    std::uint32_t connection = 0;
    TimePoint since{};
    TimePoint idle_since = TimePoint::max();  // when the server was first seen not to be at work on it
    int in_vain = 0;                          // looks that failed, in a row
    bool is_told = false;
  };
  struct Lost {
    std::uint32_t connection = 0;
    TimePoint at{};
  };
  BackendLink* in_use() const { return ddl_ != nullptr ? ddl_ : setting_.applying(); }
  Task<void> look();
  Task<absl::StatusOr<protocol::ResultSet>> ask_processes();
  Task<absl::StatusOr<bool>> works_elsewhere(FollowerWriter& follower);

  Setting setting_;
  Signal wake_;
  bool stopping_ = false;
  BackendLink* ddl_ = nullptr;
  Awaited awaited_;         // an answer that is long in coming
  std::vector<Lost> lost_;  // connections of the follower that were dropped, the last few
  bool renews_ = false;
  TimePoint next_comparison_{};
  TimePoint next_holder_{};
  TimePoint next_word_{};
};

}  // namespace crossfade::proxy
