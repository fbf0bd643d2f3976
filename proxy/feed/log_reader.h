// One dump connection to the leader: its row log as items, in order.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dualwrite/log_decoder.h"
#include "dualwrite/log_event.h"
#include "protocol/packet.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// What has been read and not been applied yet.
struct LogQueue {
  std::deque<dualwrite::LogItem> items;
  std::size_t bytes = 0;
  std::size_t ends = 0;  // whole transactions in it
  void push(dualwrite::LogItem item);
  dualwrite::LogItem pop();
  // Drops the transaction that has begun and not ended. False: its begin was taken already.
  bool forget_open();
  // Drops what begins at this place or behind it. True: everything in front of it is here, or was taken from here.
  bool cut(const dualwrite::LogPosition& at);

 private:
  void drop_last();
};

// Where the leader's log ends now.
Task<absl::StatusOr<dualwrite::LogPosition>> ask_log_end(BackendLink& leader);

// Where to begin; see LogDecoderOptions.
struct LogStart {
  dualwrite::LogPosition at;
  dualwrite::LogPosition known_from;
  dualwrite::EarlierReadings earlier;
  std::uint32_t file_time = 0;
};

// Lives as long as its connection: after any failed Status it must be dropped, and a new one opened at a stored place.
// Memory: the queue's bound, and one event.
class LogReader {
 public:
  // `options` is the control account's, which needs REPLICATION SLAVE. OutOfRange: the leader does not have this
  // place any more, or not yet (1236).
  static Task<absl::StatusOr<std::unique_ptr<LogReader>>> open(Reactor& reactor, LinkOptions options,
                                                               Counters& counters, LogStart start,
                                                               std::uint32_t server_id);
  // Takes what has arrived into the queue, until it holds `bytes_max`. Waits only while nothing has come: for the next
  // event, or a heartbeat, until the deadline. FailedPrecondition: the log says what cannot be followed. Aborted: a
  // transaction that has come to nothing was taken from the queue in part; it began at last_undone(). Unknown: as of
  // LogDecoder.
  Task<absl::Status> read(LogQueue& queue, std::size_t bytes_max, TimePoint deadline);
  // Takes one buffer of what has arrived, if anything has.
  absl::Status read_ahead(LogQueue& queue);
  const dualwrite::LogPosition& last_undone() const { return decoder_.last_undone(); }

 private:
  LogReader(std::unique_ptr<BackendLink> link, LogStart start);
  absl::Status take(protocol::Bytes input, LogQueue& queue);
  absl::Status take_message(protocol::Bytes payload, LogQueue& queue);
  absl::Status take_more(LogQueue& queue);
  // Something can be taken without reading from the connection.
  bool has_kept() const { return decoder_.has_more() || !kept_.empty(); }

  std::unique_ptr<BackendLink> link_;
  dualwrite::LogDecoder decoder_;
  protocol::MessageReader messages_;
  std::vector<dualwrite::LogItem> decoded_;
  std::vector<std::uint8_t> buffer_;
  protocol::Buffer kept_;  // read behind an event that holds more than fits the queue
};

}  // namespace crossfade::proxy
