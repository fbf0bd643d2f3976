// Connections that a client of this proxy is ending by KILL.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

namespace crossfade::proxy {

// Any thread. The leader closes a victim's connection before its session has been told, which must not take that for a
// loss and attach itself anew. From before the KILL is sent until every worker has told its sessions, or it has failed.
class KillsUnderWay {
 public:
  using Ticket = std::shared_ptr<const void>;

  Ticket begin(std::uint64_t connection_id) {
    const std::lock_guard lock(mutex_);
    const auto entry = victims_.insert(connection_id);
    return {this, [entry](KillsUnderWay* kills) {
              const std::lock_guard guard(kills->mutex_);
              kills->victims_.erase(entry);
            }};
  }

  bool concerns(std::uint64_t connection_id) const {
    const std::lock_guard lock(mutex_);
    return victims_.contains(connection_id);
  }

 private:
  mutable std::mutex mutex_;
  std::multiset<std::uint64_t> victims_;  // one entry for each client that is killing
};

}  // namespace crossfade::proxy
