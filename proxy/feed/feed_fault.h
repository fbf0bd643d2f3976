// Faults on purpose, for the tests that must be seen to fail: CROSSFADE_TEST_FAULT=skip:1000 leaves out one rows event
// in 1000, twice:1000 applies one twice, early:1000 calls one commit in 1000 applied before it is, die:3 ends the
// process at the third step of a change of feed. Said loudly at start.
#pragma once

#include <atomic>
#include <cstdint>

namespace crossfade::proxy {

class FeedFault {
 public:
  enum class Kind : std::uint8_t { none, skip, twice, early, die };
  // Reads the environment.
  static FeedFault from_environment();
  FeedFault() = default;
  FeedFault(const FeedFault& other) : kind_(other.kind_), every_(other.every_) {}
  FeedFault& operator=(const FeedFault&) = delete;
  // Does the fault of this kind strike now? Any thread.
  bool strikes(Kind kind) {
    return kind_ == kind && seen_.fetch_add(1, std::memory_order_relaxed) % every_ == every_ - 1;
  }

 private:
  Kind kind_ = Kind::none;
  std::uint64_t every_ = 1;
  std::atomic<std::uint64_t> seen_{0};
};

}  // namespace crossfade::proxy
