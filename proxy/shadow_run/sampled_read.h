// A read that is to be compared, while its answer goes past.
#pragma once

#include <algorithm>

#include "proxy/net/reactor.h"
#include "shadow/recording.h"
#include "shadow/report.h"

namespace crossfade::proxy {

// From the last byte sent to the first and to the last byte received.
inline shadow::Latency latency_between(TimePoint sent, TimePoint first_byte, TimePoint last_byte) {
  const auto microseconds = [&](TimePoint until) {
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(until - sent).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(1, passed));
  };
  return {.first_byte = microseconds(first_byte), .last_byte = microseconds(last_byte)};
}

// A copy of the answer, and when it came. Only for reads that are sampled: a clock call for each piece.
class SampledRead {
 public:
  explicit SampledRead(std::uint64_t bytes_max) : recording(bytes_max) {}

  shadow::Recording recording;

  // The command's last byte; another backend may be asked after one that failed.
  void note_sent() {
    sent_ = Clock::now();
    first_byte_ = last_byte_ = TimePoint();
    behind_client_ = waited_ = {};
  }
  void note_bytes() {
    last_byte_ = Clock::now();
    behind_client_ = waited_;
    if (first_byte_ == TimePoint()) first_byte_ = last_byte_;
  }
  // What the server sends meanwhile is not read: that time is the client's.
  void note_client_is_slow() { slow_since_ = Clock::now(); }
  void note_client_took_it() { waited_ += Clock::now() - slow_since_; }
  shadow::Latency latency() const { return latency_between(sent_, first_byte_, last_byte_ - behind_client_); }

 private:
  TimePoint sent_{}, first_byte_{}, last_byte_{}, slow_since_{};
  Clock::duration waited_{};         // for the client
  Clock::duration behind_client_{};  // of that, before the last byte
};

}  // namespace crossfade::proxy
