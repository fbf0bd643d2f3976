// From the packets of a binlog dump to transactions. Sans-io: bytes in, values out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dualwrite/earlier_readings.h"
#include "dualwrite/log_event.h"

namespace crossfade::dualwrite {

struct LogDecoderOptions {
  LogPosition start = {};  // where the dump was asked to begin
  // Everything before this has been taken: an XA COMMIT there of a branch that is not known gives no rows. Behind it,
  // such a commit is an error.
  LogPosition known_from = {};
  EarlierReadings earlier = {};  // last_undone() of earlier decoders
  // When the file of `start` was made, as it was when that place was stored; 0: not known. A file of the same name that
  // was made at another time has other things in it: the leader's logs began anew (RESET MASTER).
  std::uint32_t start_file_time = 0;
  bool checksums = true;  // CRC32 was asked for: verified from the first artificial ROTATE on
  // Of rows that are kept aside, together: of the branches of prepared XA transactions, and behind savepoints where
  // that turned out to be needed. Past it they are in doubt.
  std::size_t kept_bytes_max = 256u << 20;
  // Of rows behind savepoints at the first reading: past it they are given, and a rollback to there is Unknown.
  std::size_t at_savepoint_bytes_max = 8u << 20;
  // Of items that one call gives of a compressed transaction (MySQL's TRANSACTION_PAYLOAD) before has_more() is true.
  std::size_t step_bytes_max = 16u << 20;
};

// One per dump connection. Contract:
// - feed() takes one event (the dump packet without its leading 0x00) and gives what it says, in order: between a
//   TransactionBegin and its TransactionEnd come only RowsChange and LoggedStatement; outside only LogAdvance. A large
//   transaction comes in as many calls as it has events: nothing of it is kept here but what lies behind a savepoint.
// - One event can hold a whole transaction (compression): while has_more(), call more() before the next feed().
// - Rows of a prepared XA branch are kept until its XA COMMIT, which then gives Begin, rows, End at its own place; XA
//   ROLLBACK drops them. XA PREPARE and XA ROLLBACK give a Begin with their GTID and an End, with nothing in between.
// - Rows behind a savepoint are kept until their transaction ends, and dropped at a ROLLBACK TO, which is logged where
//   a transaction had to do with temporary or not transactional tables. (Rows of the latter are in groups of their
//   own.)
// - Everything that is unknown, not to be guessed or unsafe is an error (FailedPrecondition) whose message names file,
//   offset, event type and reason; after it the decoder is dead.
// - One error is none of the log's: Aborted. A transaction whose begin was said was rolled back, or the leader died
//   while it wrote it; it never happened. The caller rolls back what it has of it and goes on with the next event, or
//   reads again from an earlier place, with last_undone() in EarlierReadings::undone.
// - So is Unknown, after which the decoder is dead: which rows of the transaction at last_undone() stay hangs on a
//   savepoint of which too little is known. It is read again with that place in `doubted`; if that was in vain, in
//   `unclear`: then its rows come without their images, in doubt.
// Invariant: position() is always the end of a whole transaction, or the start.
class LogDecoder {
 public:
  explicit LogDecoder(LogDecoderOptions options);
  ~LogDecoder();
  LogDecoder(LogDecoder&&) noexcept;
  LogDecoder& operator=(LogDecoder&&) noexcept;

  absl::Status feed(Bytes event, std::vector<LogItem>* out);
  bool has_more() const;
  absl::Status more(std::vector<LogItem>* out);

  const LogPosition& position() const;
  // As of the last item given, TransactionEnd::resume.
  const LogPosition& resume_from() const;
  bool in_transaction() const;
  // Where the transaction of the last Aborted or Unknown began.
  const LogPosition& last_undone() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Takes one image apart. `image` is advanced past it. Errors: the bytes do not fit the columns.
absl::StatusOr<RowImage> take_row(const LogTable& table, Bytes* image);
// How many bytes the value takes, its length prefix included.
absl::StatusOr<std::size_t> value_bytes(const LogColumn& column, Bytes at);

}  // namespace crossfade::dualwrite
