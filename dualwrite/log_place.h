// Where a dump is in the leader's log, event by event.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "dualwrite/log_event_header.h"
#include "dualwrite/log_position.h"

namespace crossfade::dualwrite {

// Events say the low 32 bits of their end; the rest is counted along, so that files of more than 4 GiB are right.
// Events that the dump leaves out make gaps (MariaDB's ANNOTATE_ROWS); a step back is an error. Invariant: start() <=
// end(), both of the event that was passed last.
class LogPlace {
 public:
  explicit LogPlace(const LogPosition& start) : file_(start.file), start_(start.offset), end_(start.offset) {}

  // Made by the dump: not a part of the file.
  bool artificial(const EventHeader& header) const;
  absl::Status pass(const EventHeader& header);
  // The log is here now, and nothing is left out (a heartbeat). What is behind says nothing.
  void reach(std::uint32_t low_bits);
  void jump(std::string file, std::uint64_t offset);
  // The file's format description says when the file was made.
  void made(std::uint32_t timestamp) { file_time_ = timestamp; }

  const std::string& file() const { return file_; }
  std::uint32_t file_time() const { return file_time_; }  // 0: not said yet
  LogPosition start() const { return {.file = file_, .offset = start_}; }
  LogPosition end() const { return {.file = file_, .offset = end_}; }

 private:
  std::string file_;
  std::uint64_t start_;
  std::uint64_t end_;
  std::uint32_t file_time_ = 0;
};

}  // namespace crossfade::dualwrite
