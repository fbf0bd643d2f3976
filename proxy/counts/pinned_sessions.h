// How many sessions have their reads pinned to the leader, by reason: for /status.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace crossfade::proxy {

// Any thread. Reasons are few: names of variables, and constants.
class PinnedSessions {
 public:
  std::map<std::string, std::uint64_t> by_reason() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  std::uint64_t total() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : counts_) sum += count;
    return sum;
  }

 private:
  friend class ReadPin;
  void add(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++counts_[reason];
  }
  void remove(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(reason);
    if (--found->second == 0) counts_.erase(found);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
};

// One session's: it counts as long as it has a reason.
class ReadPin {
 public:
  explicit ReadPin(PinnedSessions& sessions) : sessions_(sessions) {}
  ~ReadPin() { set(""); }
  ReadPin(const ReadPin&) = delete;
  ReadPin& operator=(const ReadPin&) = delete;

  // Empty: reads may go elsewhere again.
  void set(const std::string& reason) {
    if (reason == reason_) return;
    if (!reason_.empty()) sessions_.remove(reason_);
    if (!reason.empty()) sessions_.add(reason);
    reason_ = reason;
  }
  bool active() const { return !reason_.empty(); }
  const std::string& reason() const { return reason_; }

 private:
  PinnedSessions& sessions_;
  std::string reason_;
};

}  // namespace crossfade::proxy
