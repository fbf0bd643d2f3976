// Do both backends mean the same by a time zone? Asked once for each zone, and again after a while.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "config/backend.h"
#include "dualwrite/zone_rules.h"
#include "proxy/backend/control_links.h"
#include "proxy/net/reactor.h"
#include "proxy/net/single_flight_cache.h"

namespace crossfade::proxy {

struct ZoneVerdict {
  std::string refusal;  // why a value under this zone may mean something else on the other side; empty: no
  std::optional<std::string> offset;  // the zone never changed on the leader: the same as an offset
};

// Any thread. The servers take about a second each to answer, of their time and not of a worker's; zones are asked
// about one after the other, so that other questions find a connection.
class ZoneAgreements {
 public:
  explicit ZoneAgreements(ControlLinks& links);
  // At once: nullopt when they have not been asked, or could not be; then they are, in the background. A verdict
  // outlives its time while they cannot be asked.
  std::optional<ZoneVerdict> known(config::Backend leader, const std::string& zone);

 private:
  using Key = std::pair<config::Backend, std::string>;  // leader, zone
  using Cache = SingleFlightCache<Key, ZoneVerdict>;
  // On the thread of the links.
  Task<void> ask_in_turn();
  Task<Cache::Landed> ask(config::Backend leader, std::string zone);

  ControlLinks& links_;
  Cache cache_;
  std::deque<std::pair<Key, Cache::Land>> queue_;  // on the thread of the links
  bool asking_ = false;
};

}  // namespace crossfade::proxy
