// How far a long verb is, for who waits for it.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

namespace crossfade::proxy {

// On a terminal one line that is written over; elsewhere a line of its own every few seconds at most.
class ProgressLine {
 public:
  // `out` is stderr, or a test's.
  ProgressLine(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const std::string& text);
  void clear();

 private:
  std::ostream& out_;
  bool is_terminal_;
  std::size_t shown_ = 0;  // characters of the line on the terminal
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace crossfade::proxy
