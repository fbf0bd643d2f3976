// From the statements, rows and ends of a log to whole transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/earlier_readings.h"
#include "dualwrite/gtid_events.h"
#include "dualwrite/kept_rows.h"
#include "dualwrite/log_event.h"
#include "dualwrite/log_place.h"
#include "dualwrite/transaction_words.h"

namespace crossfade::dualwrite {

// Called once for each event that says something, in order; what follows from it is appended to `out`.
//   between --gtid--> named --BEGIN--> open --XID, COMMIT--> between
//                           --statement--> between          (one that is a transaction by itself; of an ALTER that
//                                                            is only announced nothing is said)
//                           --XA START--> branch --XA END--> ended --XA_PREPARE--> between, rows kept aside
//                           --XA COMMIT--> between, with the kept rows
//                           --ROLLBACK--> between: what was said of it never happened
// Behind a savepoint rows are kept aside until the transaction ends: a ROLLBACK TO takes them back. Of a transaction
// that is known to come to nothing, from an earlier reading, nothing is said. Where it cannot be known which rows stay,
// not at a second reading either, they are given without their images, in doubt.
// Invariant: position() is the end of the last whole transaction, or what advance() said since.
class TransactionAssembly {
 public:
  struct Limits {
    std::size_t kept_bytes = 0;          // of prepared branches, and of what was doubted before, together
    std::size_t at_savepoint_bytes = 0;  // behind savepoints, as long as no reading has been in vain
  };
  TransactionAssembly(LogPosition start, LogPosition known_from, EarlierReadings earlier, Limits limits);

  absl::Status name(GtidEvent gtid, std::uint32_t timestamp, const LogPlace& place, std::vector<LogItem>* out);
  // A QUERY that steers; never ControlWord::none.
  absl::Status control(const Control& control, std::uint32_t timestamp, const LogPlace& place,
                       std::vector<LogItem>* out);
  // `opens`: the rows of it follow (MySQL's CREATE TABLE .. START TRANSACTION).
  enum class StatementKind : std::uint8_t { whole, opens };
  absl::Status statement(LoggedStatement statement, StatementKind kind, const LogPlace& place,
                         std::vector<LogItem>* out);
  // The statement whose rows follow may run triggers.
  void note_triggers() { kept_.note_triggers(); }
  absl::Status rows(RowsChange change, std::vector<LogItem>* out);
  absl::Status commit(const LogPlace& place, std::vector<LogItem>* out);
  enum class Prepare : std::uint8_t { keep, commit };  // commit: XA COMMIT .. ONE PHASE
  absl::Status prepare(const Xid& xid, Prepare how, const LogPlace& place, std::vector<LogItem>* out);
  // Between transactions: the log goes on at the place's end. Within one: nothing.
  void advance(const LogPlace& place, std::vector<LogItem>* out);
  // What is not complete never happened. True: its begin was said already.
  bool abandon();

  bool takes_rows() const { return phase_ == Phase::open || phase_ == Phase::undone || phase_ == Phase::branch; }
  bool between() const { return phase_ == Phase::between; }
  const LogPosition& position() const { return position_; }
  const LogPosition& resume_from() const;
  // Where the last one began that came to nothing after its begin was said, or that must be read anew (Unknown).
  const LogPosition& last_undone() const { return last_undone_; }

 private:
  enum class Phase : std::uint8_t { between, named, open, undone, branch, branch_ended };
  void begin_unnamed(std::uint32_t timestamp, const LogPlace& place);
  void open(std::vector<LogItem>* out);
  void open_for_rows(std::vector<LogItem>* out);
  absl::Status roll_back(const LogPlace& place, std::vector<LogItem>* out);
  void open_branch(Xid xid);
  void end(const LogPlace& place, std::vector<LogItem>* out);
  absl::Status put(LogItem item, std::vector<LogItem>* out);
  void give_kept(std::vector<LogItem>* out);
  absl::Status savepoint(const Control& control, std::vector<LogItem>* out);
  absl::Status settle(const Control& control, const LogPlace& place, std::vector<LogItem>* out);

  Phase phase_ = Phase::between;
  TransactionBegin begin_;  // from `named` on
  bool announces_ = false;  // in `named`: the statement that follows is only about to happen
  KeptRows kept_;           // in `branch`, `branch_ended`; in `open` what lies behind a savepoint
  PreparedBranches prepared_;
  EarlierReadings earlier_;
  LogPosition last_undone_;
  LogPosition known_from_;
  Limits limits_;
  LogPosition position_;
};

}  // namespace crossfade::dualwrite
