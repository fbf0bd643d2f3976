// Where the follower's changes come from, and what a commit waits for: one interface over the feeds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/table_ref.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/undecided.h"
#include "proxy/net/reactor.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

enum class FeedKind : std::uint8_t {
  undecided,  // the leader has not been asked yet: no client is let in
  log,        // the leader's row log
  trigger     // row triggers on the leader
};
std::string_view name(FeedKind kind);

// What a session knows of its last commit. One with a GTID is found exactly; one without is covered by whatever the
// leader had committed at `at`.
struct Commit {
  std::string gtid;  // as the leader's session tracker gave it; empty: it gave none
  TimePoint at;      // the OK had been read by then
};

// What /status says of it.
struct FeedStatus {
  FeedKind kind = FeedKind::undecided;
  std::string why;             // of the choice
  std::string state;           // "starting", "waiting for new", "applying", "standby", ...
  std::string change;          // to another feed, and how far it is; empty: none
  std::string change_outcome;  // of the last one that was asked for
  std::string last_error;
  Undecided undecided;         // while no feed is in force: what that waits for
  bool logs_cascades = false;  // ServerMakes, of the leader as it was judged last
  bool leader_up = false;
  bool follower_up = false;
  bool follower_tried = false;  // the first attempt to reach it is over, whatever came of it
  std::string leader_version, follower_version;
  std::string leader_error, follower_error;
  std::uint64_t lag_entries = 0;  // transactions
  std::uint64_t lag_bytes = 0;
  double lag_oldest_seconds = 0;
  bool caught_up = false;
  bool readable = false;  // reads may go to the follower now, but for those of stopped tables
  std::uint64_t applied_entries = 0;
  std::uint64_t divergences = 0;  // rows put into the ledger by this process
  std::uint64_t ledger_open = 0;  // unresolved rows of it
  // Tables that are stopped.
  struct Parked {
    std::string key, table, error;
  };
  std::vector<Parked> parked;
  // log: where the definitions of both sides differ, the first of them; notes left out.
  struct Finding {
    std::string severity, object, text;  // "blocker"; "app.t column price"; what differs, and what to do
  };
  std::vector<Finding> findings;
  // log: how long the leader keeps its log, and what of it has been needed for the longest time.
  struct Retention {
    bool known = false;
    std::uint64_t seconds = 0;  // 0: for ever
    std::string oldest_file;
    std::string by, needed;  // "the feed" or "table app.t"; from where on
    std::uint64_t waiting_seconds = 0;
  };
  Retention retention;
  // trigger: tables that are captured, and by which number.
  struct Captured {
    std::string table;
    std::uint32_t number = 0;
  };
  std::vector<Captured> captured;
  // trigger: the table `changes` on the leader.
  struct Changes {
    std::uint64_t rows_max = 0;  // as many rows wait at most: from the first id to the last
    std::uint64_t consistent_at =
        0;  // a backlog is cut: the follower has whole transactions again behind about this id
  };
  Changes changes;
  std::string position;         // applied up to
  std::string leader_position;  // log: the leader's end when last asked
};

class Feed {
 public:
  virtual ~Feed() = default;
  virtual void start() = 0;
  virtual void stop() = 0;
  // True once the follower has the commit; false when the deadline passed first. Called on the session's own thread,
  // which `on` is.
  virtual Task<bool> wait_applied(Reactor& on, Commit commit, TimePoint deadline) = 0;
  // Any thread. Everything that was committed on the leader before this moment is on the follower.
  virtual TimePoint synced_through() const = 0;
  // Any thread. Asks for a fresh synced_through() soon.
  virtual void look_soon() = 0;
  // Any thread. May reads of these tables be answered by the follower now? Reachable, within max_lag, and none of them
  // stopped. `schema` is the session's, for names without one.
  virtual bool usable_for_reads() const = 0;
  virtual bool stopped(std::string_view schema, std::string_view table) const = 0;
  // Any thread: is any table stopped at all? Cheap.
  virtual bool any_stopped() const = 0;
  // Any thread, without waiting.
  virtual FeedStatus status() const = 0;
  // Waits at most so long (the admin thread may) until everything that was committed on the leader before the call is
  // on the follower; true when it is, or where status() knows it by itself.
  virtual bool settle(std::chrono::milliseconds at_most) {
    static_cast<void>(at_most);
    return true;
  }
  // Called on the feed's thread with each fresh greeting; set before start().
  std::function<void(config::Backend, const protocol::Greeting&)> on_connected;
};

}  // namespace crossfade::proxy
