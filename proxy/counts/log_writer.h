// Lines on their way to a descriptor whose reader may stand still.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace crossfade::proxy {

// Any thread puts lines in and never waits for the descriptor; a thread of its own writes them, in their order. At
// most `bytes_max` wait: a line that finds no room is dropped and counted, and so is one that cannot be written.
//   lines put == lines written + lines waiting + dropped()
class LogWriter {
 public:
  // The descriptor stays the caller's; it may be blocking, and it may be shared with other processes.
  LogWriter(int fd, std::size_t bytes_max);
  // Does not wait: what has not been written by now is dropped.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // With its line end. False: dropped. More than one line, too: they go together, and are counted as one.
  bool put(std::string_view line);
  // Waits until all that was put before has been written; false: it has not been within `at_most`.
  bool flush(std::chrono::milliseconds at_most);
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  // The whole of `writing_`, or what could be written of it.
  void write_out();
  bool wait_writable() const;

  const int fd_;
  const std::size_t bytes_max_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  std::string writing_;  // the thread's own
  std::mutex mutex_;     // guards all below
  std::condition_variable changed_;
  std::string waiting_;
  std::size_t bytes_writing_ = 0;
  std::thread thread_;
};

}  // namespace crossfade::proxy
