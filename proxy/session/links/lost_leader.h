// Why the leader closed an idle connection without a word: somebody's KILL, or something that a session may outlive.
#pragma once

#include <cstdint>

namespace crossfade::proxy {

// What is known when another connection to the server has been made. Seconds are whole ones of the server's, or
// measured here.
struct LeaderLoss {
  bool in_good_order = false;  // closed by the peer: neither reset nor timed out
  std::uint32_t lost_id = 0;   // connection ids grow as long as a server runs
  std::uint32_t new_id = 0;
  double age_seconds = 0;   // of the lost connection, at this moment
  double idle_seconds = 0;  // from its last answer to its end
  std::uint64_t wait_timeout_seconds = 0;
  std::uint64_t uptime_seconds = 0;  // of the server
  std::uint64_t kills = 0;           // that the server has carried out since it started (Com_kill)
};

// The server is the one that had the connection, has not run out of patience with it, and somebody has killed
// something. False whenever that is not sure: then the session goes on.
bool was_killed(const LeaderLoss& loss);

}  // namespace crossfade::proxy
