// Where a RowFeed's changes come from: the seam between what reads a leader and what applies rows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "dualwrite/leader_settings.h"
#include "dualwrite/log_control.h"
#include "proxy/backend/backend_link.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/feed.h"
#include "proxy/feed/follower_writer.h"
#include "proxy/feed/log_reader.h"
#include "proxy/feed/stopped_tables.h"

namespace crossfade::proxy {

// Whose place it is.
FeedKind kind_of_place(const dualwrite::LogPosition& place);

class ChangeSource;
std::string_view name_of(const ChangeSource* source);  // of its kind; nullptr: undecided

// What a source works with; all of it outlives it.
struct SourceSetting {
  Reactor& reactor;
  Counters& counters;
  std::string schema;  // the control schema
  std::function<LinkOptions()> leader_options;
  const config::DualWriteConfig& config;
  // prepare() has come to something new, in words, and what it does next ("table app.t"). Empty: nobody wants to know.
  std::function<void(const std::string& progress, const std::string& next)> on_progress{};
};

// Where reading begins, and behind what it ends, if it does (end_at()).
struct SourceStart {
  dualwrite::StoredPosition stored;
  const StoppedTables& stopped;
  std::optional<dualwrite::LogPosition> fence{};
};

// The feed's thread only. After any failed Status of read() it is to be closed, and opened at a stored place.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  virtual FeedKind kind() const = 0;
  // Can this leader be followed in this way? FailedPrecondition: no; the message says what to do.
  virtual Task<absl::StatusOr<dualwrite::LeaderIdentity>> judge(BackendLink& leader) = 0;
  // The same of what only shows when it is done, of one that did not feed until now.
  virtual Task<absl::Status> try_out(BackendLink& leader) {
    static_cast<void>(leader);
    co_return absl::OkStatus();
  }
  // It did not feed until now: nothing holds that is known of another time when it did.
  virtual void begin_anew() {}
  // What has to be there before a client's write is made, with each new connection to the leader.
  virtual Task<absl::Status> prepare(BackendLink& leader) = 0;
  // The place that everything begins at: before the first client's write, and after prepare().
  virtual Task<absl::StatusOr<dualwrite::LogPosition>> first_place(BackendLink& leader) = 0;

  virtual Task<absl::Status> open(BackendLink& leader, FollowerWriter& follower, SourceStart start) = 0;
  virtual void close() = 0;
  // Takes what has come into the queue, up to the queue's bound; waits a while for the first of it.
  virtual Task<absl::Status> read(LogQueue& queue) = 0;
  // Until close() nothing is taken that lies behind this fence; see FeedChange.
  virtual void end_at(dualwrite::LogPosition fence) = 0;
  // Everything in front of the fence has been put into the queue.
  virtual bool is_at_fence() const = 0;
  // Takes a little of what has come, without waiting: the follower is busy with what was read before.
  virtual Task<absl::Status> read_ahead(LogQueue& queue) {
    static_cast<void>(queue);
    co_return absl::OkStatus();
  }
  // The follower has everything before this place, and it is stored there.
  virtual Task<absl::Status> stored(dualwrite::LogPosition applied) = 0;
  // Everything that was committed on the leader before the call lies before this place. On a connection for this alone.
  virtual Task<absl::StatusOr<dualwrite::LogPosition>> end(BackendLink& leader) = 0;
  // How far the follower is while another proxy applies; nowhere: not known yet.
  virtual Task<absl::StatusOr<dualwrite::LogPosition>> others_place(BackendLink& leader, FollowerWriter& follower) = 0;
  // Tables that can no longer be followed, though nobody has said so: looked for every second.
  struct Broken {
    dualwrite::TableRef table;
    std::string reason;
  };
  virtual Task<absl::StatusOr<std::vector<Broken>>> look(BackendLink& leader) = 0;
  // Nothing is broken, and nothing looks as if it were; Unavailable: something does, and the next look will tell.
  virtual Task<absl::Status> vouch(BackendLink& leader) {
    static_cast<void>(leader);
    co_return absl::OkStatus();
  }
  // As of the last look.
  virtual bool is_broken(const dualwrite::TableRef& table) const = 0;
  // Neither side has this stopped table any more: what is left of it goes. False: not all of it yet.
  virtual Task<absl::StatusOr<bool>> forget_gone(BackendLink& leader, dualwrite::TableRef table) {
    static_cast<void>(leader);
    static_cast<void>(table);
    co_return true;
  }
  // For the status; also while prepare() is under way.
  virtual std::vector<FeedStatus::Captured> captured() const = 0;
  virtual FeedStatus::Changes changes() const = 0;
  // False: transactions may be there in part, as while a long backlog is worked off; the status says so.
  virtual bool is_consistent() const = 0;
  // What was read may have made tables that it tells nothing of: look() has to say so before anybody relies on it.
  virtual bool owes_look() const { return false; }
  // What is not there any more: FailedPrecondition and OutOfRange of read() may come from tables that are caught up.
  virtual bool forgets() const = 0;
};

}  // namespace crossfade::proxy
