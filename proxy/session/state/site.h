// Where a session lives: its thread, and what all threads share.
#pragma once

#include <cstdint>

#include "proxy/worker/worker.h"

namespace crossfade::proxy {

struct Site {
  Site(Worker& of, std::uint32_t session_id)
      : worker(of), shared(of.shared), counters(of.counters), reactor(of.reactor), id(session_id) {}

  Worker& worker;
  Shared& shared;
  Counters& counters;
  Reactor& reactor;
  std::uint32_t id;  // the session's name in logs and for bucketing

  config::Backend leader() const { return shared.leader; }
  config::Backend follower() const { return config::other(shared.leader); }
  TimePoint in(Clock::duration from_now) const { return reactor.now() + from_now; }
};

}  // namespace crossfade::proxy
