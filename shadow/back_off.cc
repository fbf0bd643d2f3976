#include "shadow/back_off.h"

#include <algorithm>

namespace crossfade::shadow {

bool BackOff::lets_through(std::uint64_t digest, Moment now) {
  const auto found = paused_.find(digest);
  if (found == paused_.end()) {
    return true;
  }
  if (now < found->second.until) {
    return false;
  }
  found->second.until = now + found->second.pause;
  found->second.asked = true;
  return true;
}

void BackOff::differed(std::uint64_t digest, Moment now) {
  if (paused_.size() >= digests_max_ && !paused_.contains(digest)) {
    // Whoever is through with its pause differs no more often than it is asked: it may begin anew.
    std::erase_if(paused_, [&](const auto& entry) { return entry.second.until <= now; });
    if (paused_.size() >= digests_max_) {
      return;
    }
  }
  Paused& paused = paused_[digest];
  if (now < paused.until && !paused.asked) {
    return;
  }
  paused.asked = false;
  paused.pause = std::clamp(paused.pause * 2, kPauseMin, kPauseMax);
  paused.until = now + paused.pause;
}

void BackOff::matched(std::uint64_t digest) {
  const auto found = paused_.find(digest);
  if (found == paused_.end()) {
    return;
  }
  found->second.pause /= 2;
  if (found->second.pause < kPauseMin) {
    paused_.erase(found);
  }
}

}  // namespace crossfade::shadow
