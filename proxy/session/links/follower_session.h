// The client's session on the other side, for reads that are answered there.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/session/links/follower_read.h"
#include "proxy/session/links/leader_session.h"

namespace crossfade::proxy {

// A connection that is opened with the first read, and read-only. It is never needed: whatever goes wrong here, the
// leader answers.
//
// Invariant: a link that ready() gives is in the state that KnownState describes; one that has broken is not used
// again.
class FollowerSession {
 public:
  FollowerSession(Site& site, const Identity& client, SessionState& state, const LeaderSession& leader)
      : site_(site), client_(client), state_(state), leader_(leader) {}
  ~FollowerSession() { quit(); }
  FollowerSession(const FollowerSession&) = delete;
  FollowerSession& operator=(const FollowerSession&) = delete;

  // nullptr: there is none.
  BackendLink* link() { return link_.get(); }
  // The connection in the session's state. A Status when reads must stay with the leader.
  Task<absl::StatusOr<BackendLink*>> ready();
  // After a read that was not answered here: FailedPrecondition, an error of the server's, leaves the link whole.
  void leave(const absl::Status& why);
  void drop() { link_.reset(); }
  // The next session is opened anew, when it is needed.
  void quit();

  // A read runs, until end_read(): a client's KILL reaches it.
  void begin_read() { read_.begin(*link_); }
  void end_read() { read_.end(); }
  void interrupt(routing::KillTarget::What what);

 private:
  Task<absl::Status> open();
  Task<absl::Status> repeat_state();

  Site& site_;
  const Identity& client_;
  SessionState& state_;
  const LeaderSession& leader_;
  std::unique_ptr<BackendLink> link_;
  std::uint64_t version_ = 0;  // of KnownState, that the link has seen
  FollowerRead read_;
};

}  // namespace crossfade::proxy
