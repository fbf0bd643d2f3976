// Feed `trigger`: how far the follower is while another proxy applies.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "proxy/backend/backend_link.h"
#include "proxy/feed/follower_writer.h"
#include "proxy/feed/leader_capture.h"

namespace crossfade::proxy {

// What was visible in `changes` at the beginning of a round has to be gone at its end: all ids that there were then are
// smaller than the last of them. A smaller one that becomes visible later is waited for, too, which comes to an end.
// While a schema change is under way rows may have gone under a new id (MovedChanges), which the next round waits for.
// Rows of stopped tables stay for a while, and whoever waits does not read these; one that goes on in the middle of a
// round ends it in vain.
class StandByRounds {
 public:
  explicit StandByRounds(std::string control_schema) : schema_(std::move(control_schema)) {}
  void begin_anew() { awaited_.reset(); }
  // True: a round is over. `capture` learns each second what others have captured.
  Task<absl::StatusOr<bool>> look(BackendLink& leader, FollowerWriter& follower, LeaderCapture& capture);

 private:
  struct Awaited {
    std::uint64_t last = 0;
    std::set<dualwrite::TableRef> passed_by{};
    bool may_move = false;
  };
  Task<absl::StatusOr<bool>> is_over(BackendLink& leader, std::set<dualwrite::TableRef> passed_by);
  Task<absl::Status> begin(BackendLink& leader, std::set<dualwrite::TableRef> passed_by);

  std::string schema_;
  std::optional<Awaited> awaited_;
  TimePoint next_load_{};
};

}  // namespace crossfade::proxy
