// Do both backends mean the same by a time zone? Asked once for each zone, and again after a while.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "config/backend.h"
#include "dualwrite/zone_rules.h"
#include "proxy/reactor.h"

namespace crossfade::proxy {

class Worker;

struct ZoneVerdict {
  std::string refusal;  // why a value under this zone may mean something else on the other side; empty: no
  std::optional<std::string> offset;  // the zone never changed on the leader: the same as an offset
};

// Any thread. The servers take about a second each to answer, of their time and not of the worker's.
class ZoneAgreements {
 public:
  // Asks both backends if nothing fresh is known. A good verdict outlives its time while the other side cannot be
  // asked.
  Task<ZoneVerdict> judge(Worker& worker, config::Backend leader, std::string zone);
  // At once: nullopt when they have not been asked; then they are, in the background.
  std::optional<ZoneVerdict> known(Worker& worker, config::Backend leader, const std::string& zone);

 private:
  static constexpr auto kFresh = std::chrono::minutes(10);
  static constexpr auto kRetry = std::chrono::seconds(2);  // after a failure
  static constexpr std::size_t kZonesMax = 1000;
  struct Slot {
    ZoneVerdict verdict;
    TimePoint until;
  };
  enum class Turn : std::uint8_t { known, ask, wait };  // `wait`: somebody else is asking
  Turn take_turn(const std::string& zone, TimePoint now, std::optional<Slot>* before);
  Task<Slot> ask(Worker& worker, config::Backend leader, std::string zone, std::optional<Slot> before);
  Task<void> ask_in_background(Worker& worker, config::Backend leader, std::string zone);

  std::mutex mutex_;
  std::map<std::string, Slot> slots_;
  std::set<std::string> asking_;
};

}  // namespace crossfade::proxy
