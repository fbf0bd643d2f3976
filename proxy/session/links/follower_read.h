// The read that the follower answers for a session, and how it is broken off.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/backend/backend_link.h"
#include "routing/kill_statement.h"

namespace crossfade::proxy {

// A client knows the connection id of the leader alone: its KILL goes there, where nothing of such a read
// runs. What the leader was told is therefore repeated on the follower, over a control connection that is
// opened for it; a query only if it is still running when that stands.
class FollowerRead {
 public:
  ~FollowerRead() { end(); }
  void begin(const BackendLink& link);
  void end();
  bool running() const { return running_ != nullptr; }
  void interrupt(Reactor& reactor, Counters& counters, LinkOptions control, routing::KillTarget::What what,
                 TimePoint deadline) const;

 private:
  std::uint32_t connection_id_ = 0;
  std::shared_ptr<bool> running_;
};

}  // namespace crossfade::proxy
