// The rows of one long answer as they come, a few at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/packet.h"
#include "protocol/rows.h"
#include "proxy/backend/backend_link.h"

namespace crossfade::proxy {

// One SELECT on a link, which nothing else may use until its end has been read. After a failed Status the link is dead.
// Memory: one row, and what one read from the socket brings. While nobody asks, the server waits for its
// net_write_timeout.
class RowStream {
 public:
  static Task<absl::StatusOr<std::unique_ptr<RowStream>>> start(BackendLink& link, std::string sql, TimePoint deadline);
  // nullopt: that was all of them. FailedPrecondition: the server's error; the link is as it was.
  Task<absl::StatusOr<std::optional<std::vector<protocol::Cell>>>> next(TimePoint deadline);
  // Reads to the end without looking at the rows.
  Task<absl::Status> skip_rest(TimePoint deadline);
  bool at_end() const { return state_ == State::ended; }

 private:
  enum class State : std::uint8_t { head, columns, columns_eof, rows, ended };
  explicit RowStream(BackendLink& link);
  Task<absl::StatusOr<protocol::Bytes>> message(TimePoint deadline);
  // The next row's bytes; empty: the end.
  Task<absl::StatusOr<protocol::Bytes>> row(TimePoint deadline);
  bool is_terminator(protocol::Bytes payload) const;

  BackendLink& link_;
  protocol::MessageReader messages_;
  std::vector<std::uint8_t> buffer_;
  protocol::Bytes input_;
  State state_ = State::head;
  std::size_t columns_ = 0;
};

// All rows of a SELECT, one by one. FailedPrecondition: the server's error, and the link is as it was; after any other
// failure, also one that `take` gives, the link is dead.
using TakeRow = std::function<absl::Status(const std::vector<protocol::Cell>&)>;
Task<absl::Status> read_stream(BackendLink& link, std::string sql, TakeRow take, TimePoint deadline);

}  // namespace crossfade::proxy
