// What a feed that is not in force yet waits for, in words.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/clock.h"

namespace crossfade::proxy {

// Whoever has it guards it.
class Undecided {
 public:
  // It has failed, and is tried again. The same words: it has waited since they came first.
  void failed(const std::string& why, TimePoint now) {
    if (why_ != why) since_ = now;
    why_ = why;
  }
  // prepare() is at this, and comes to `next`: what was waited for is there, unless it is just that.
  void is_at(std::string progress, std::string_view next) {
    progress_ = std::move(progress);
    if (!why_.starts_with(std::string(next) + " ")) why_.clear();
  }
  void is_over() {
    progress_.clear();
    why_.clear();
  }
  const std::string& progress() const { return progress_; }
  std::string text(TimePoint now) const {
    if (why_.empty()) return progress_;
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - since_);
    return why_ + ", for " + std::to_string(waited.count()) + " s now";
  }

 private:
  std::string why_;
  TimePoint since_{};
  std::string progress_;
};

}  // namespace crossfade::proxy
