// From the packets of a binlog dump to transactions. Sans-io: bytes in, values out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dualwrite/log_event.h"

namespace crossfade::dualwrite {

struct LogDecoderOptions {
  LogPosition start;      // where the dump was asked to begin
  bool checksums = true;  // CRC32 was asked for: verified from the first artificial ROTATE on
  // Of rows that are kept aside in the branches of prepared XA transactions, together; past it the feed stops.
  std::size_t prepared_bytes_max = 256u << 20;
};

// One per dump connection. Contract:
// - feed() takes one event (the dump packet without its leading 0x00) and gives what it says, in order: between a
//   TransactionBegin and its TransactionEnd come only RowsChange and LoggedStatement; outside only LogAdvance. A large
//   transaction comes in as many calls as it has events: nothing of it is kept here.
// - Rows of a prepared XA branch are kept until its XA COMMIT, which then gives Begin, rows, End at its own place; XA
//   ROLLBACK drops them. Rows behind a savepoint that was rolled back within the transaction (ROLLBACK TO, logged only
//   with tables that are not transactional) make the feed stop.
// - Everything that is unknown, not to be guessed or unsafe is an error (FailedPrecondition) whose message names file,
//   offset, event type and reason; after it the decoder is dead.
// Invariant: position() is always the end of a whole transaction, or the start.
class LogDecoder {
 public:
  explicit LogDecoder(LogDecoderOptions options);
  ~LogDecoder();
  LogDecoder(LogDecoder&&) noexcept;
  LogDecoder& operator=(LogDecoder&&) noexcept;

  absl::Status feed(Bytes event, std::vector<LogItem>* out);

  const LogPosition& position() const;
  bool in_transaction() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Takes one image apart. `image` is advanced past it. Errors: the bytes do not fit the columns.
absl::StatusOr<RowImage> take_row(const LogTable& table, Bytes* image);
// How many bytes the value takes, its length prefix included.
absl::StatusOr<std::size_t> value_bytes(const LogColumn& column, Bytes at);

}  // namespace crossfade::dualwrite
