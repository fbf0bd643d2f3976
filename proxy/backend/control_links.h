// The proxy's own questions to the backends: a thread for all workers, and few connections.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/backend.h"
#include "proxy/backend/backend_link.h"
#include "proxy/counts/metrics.h"
#include "proxy/net/places.h"
#include "proxy/net/reactor.h"
#include "proxy/net/reactor_thread.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// Connections of the control accounts, at most `kLinksMax` a backend at any time. Whoever needs one waits for its turn
// on this thread's reactor; a worker waits for the answer alone (proxy/net/reply.h).
class ControlLinks {
 public:
  static constexpr std::size_t kLinksMax = 2;

  ControlLinks(std::function<LinkOptions(config::Backend)> options, Metrics& metrics);
  ~ControlLinks();
  ControlLinks(const ControlLinks&) = delete;
  ControlLinks& operator=(const ControlLinks&) = delete;
  // Questions under way are never answered then.
  void stop();

  Reactor& reactor() { return reactor_; }

  // The use of one connection, given back at the end: to be used again after keep(), else it is closed.
  class Lease {
   public:
    Lease(ControlLinks& links, Places::Place place, std::unique_ptr<BackendLink> link)
        : links_(&links), place_(std::move(place)), link_(std::move(link)) {}
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    BackendLink& operator*() const { return *link_; }
    BackendLink* operator->() const { return link_.get(); }
    // All went well, and the session on it is as it was.
    void keep() { kept_ = true; }

   private:
    ControlLinks* links_;
    Places::Place place_;  // given back when the link has been
    std::unique_ptr<BackendLink> link_;
    bool kept_ = false;
  };
  // On this thread. With autocommit, so that every look sees the present; several statements in a packet may be sent.
  Task<absl::StatusOr<Lease>> take(config::Backend which, TimePoint deadline);
  // From any thread: a client has found the server full, so connections that wait for the next question are closed
  // there. Whether there were any.
  bool give_up_idle(config::Backend which);

 private:
  struct Side {
    Places places{kLinksMax};
    std::vector<std::unique_ptr<BackendLink>> idle;
    std::atomic<std::size_t> idle_count = 0;  // of `idle`, for other threads
  };
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> link_for(config::Backend which, TimePoint deadline);
  void put_idle(std::unique_ptr<BackendLink> link);
  std::unique_ptr<BackendLink> take_idle(Side& here);
  Side& side(config::Backend which) { return sides_[static_cast<std::size_t>(which)]; }

  std::function<LinkOptions(config::Backend)> options_;
  Counters& counters_;
  Reactor reactor_;
  std::array<Side, 2> sides_;  // by config::Backend
  ReactorThread thread_;
};

}  // namespace crossfade::proxy
