#include "dualwrite/transaction_assembly.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace crossfade::dualwrite {
namespace {

absl::Status out_of_place(const char* what) { return absl::FailedPreconditionError(what); }

RowsChange::Doubt known_doubt(const EarlierReadings& earlier, const LogPosition& begin) {
  return earlier.unclear.contains(begin) ? RowsChange::Doubt::savepoint : RowsChange::Doubt::none;
}

}  // namespace

TransactionAssembly::TransactionAssembly(LogPosition start, LogPosition known_from, EarlierReadings earlier,
                                         Limits limits)
    : earlier_(std::move(earlier)), known_from_(std::move(known_from)), limits_(limits), position_(std::move(start)) {}

const LogPosition& TransactionAssembly::resume_from() const {
  const LogPosition* oldest = prepared_.oldest();
  return oldest != nullptr ? *oldest : position_;
}

absl::Status TransactionAssembly::name(GtidEvent gtid, std::uint32_t timestamp, const LogPlace& place,
                                       std::vector<LogItem>* out) {
  if (phase_ != Phase::between) return out_of_place("a transaction begins before the last one has ended");
  begin_ = {.gtid = std::move(gtid.gtid), .timestamp = timestamp, .at = place.start()};
  phase_ = Phase::named;
  announces_ = gtid.follows == GtidEvent::Follows::announcement;
  switch (gtid.follows) {
    case GtidEvent::Follows::query:
    case GtidEvent::Follows::announcement:
    case GtidEvent::Follows::statement:
    case GtidEvent::Follows::completed:
      break;
    case GtidEvent::Follows::rows:
      open_for_rows(out);
      break;
    case GtidEvent::Follows::prepared:
      open_branch(*std::move(gtid.xid));
      break;
  }
  return absl::OkStatus();
}

// Of a leader that names nothing.
void TransactionAssembly::begin_unnamed(std::uint32_t timestamp, const LogPlace& place) {
  if (phase_ != Phase::between) return;
  begin_ = {.gtid = {}, .timestamp = timestamp, .at = place.start()};
  phase_ = Phase::named;
  announces_ = false;
}

void TransactionAssembly::open(std::vector<LogItem>* out) {
  out->emplace_back(begin_);
  kept_.begin(begin_.at, known_doubt(earlier_, begin_.at));
  phase_ = Phase::open;
}

void TransactionAssembly::open_for_rows(std::vector<LogItem>* out) {
  if (earlier_.undone.contains(begin_.at)) {
    phase_ = Phase::undone;
  } else {
    open(out);
  }
}

void TransactionAssembly::open_branch(Xid xid) {
  kept_.begin(begin_.at, known_doubt(earlier_, begin_.at));
  kept_.name(std::move(xid));
  phase_ = Phase::branch;
}

void TransactionAssembly::end(const LogPlace& place, std::vector<LogItem>* out) {
  position_ = place.end();
  out->emplace_back(TransactionEnd{.next = position_, .resume = resume_from(), .file_time = place.file_time()});
  phase_ = Phase::between;
}

absl::Status TransactionAssembly::put(LogItem item, std::vector<LogItem>* out) {
  using Doubt = RowsChange::Doubt;
  if (phase_ == Phase::undone) return absl::OkStatus();
  if (kept_.doubted() == Doubt::none) {
    const bool may_be_much = phase_ == Phase::branch || earlier_.doubted.contains(begin_.at);
    const std::size_t bytes = kept_.bytes() + item_bytes(item) + (may_be_much ? prepared_.bytes() : 0);
    const bool fits = bytes <= (may_be_much ? limits_.kept_bytes : limits_.at_savepoint_bytes);
    if (!fits && phase_ == Phase::open) give_kept(out);
    if (!fits && phase_ == Phase::branch) kept_.doubt(Doubt::branch);
  }
  if (phase_ == Phase::open && !kept_.has_savepoints()) {
    KeptRows::put_in_doubt(kept_.doubted(), &item);
    out->push_back(std::move(item));
  } else {
    kept_.add(std::move(item));
  }
  return absl::OkStatus();
}

// Of an open transaction, which can then be rolled back to none of its savepoints.
void TransactionAssembly::give_kept(std::vector<LogItem>* out) {
  std::ranges::move(kept_.take().items, std::back_inserter(*out));
}

// Logged where something in the transaction cannot be undone, a temporary table. Rows of tables that are not
// transactional are in groups of their own, in front; those in here never happened.
absl::Status TransactionAssembly::roll_back(const LogPlace& place, std::vector<LogItem>* out) {
  if (phase_ != Phase::open && phase_ != Phase::undone) return out_of_place("ROLLBACK outside of a transaction");
  position_ = place.end();
  if (abandon()) return absl::AbortedError("a transaction that was rolled back is in the log");
  advance(place, out);
  return absl::OkStatus();
}

// ROLLBACK TO is logged as ROLLBACK is, by MariaDB. A name means the last savepoint that has it; the ones before are no
// more. But savepoints of triggers and functions are logged, too, have names of their own that are not told apart, and
// are over when these end. RELEASE SAVEPOINT would say nothing.
absl::Status TransactionAssembly::savepoint(const Control& control, std::vector<LogItem>* out) {
  if (kept_.doubted() != RowsChange::Doubt::none) return absl::OkStatus();
  const std::optional<std::string>& name = control.savepoint;
  if (control.word == ControlWord::savepoint) {
    if (name) {
      kept_.set_savepoint(*name);
    } else if (phase_ == Phase::open) {
      give_kept(out);  // it may be the same as any of the others, or have taken its place
    } else {
      kept_.forget_savepoints();
    }
  }
  if (control.word != ControlWord::rollback_to) return absl::OkStatus();
  if (kept_.roll_back_to(name, !kept_.has_triggers() && !earlier_.routines_set_savepoints)) return absl::OkStatus();
  last_undone_ = begin_.at;
  abandon();
  return absl::UnknownError(
      "a transaction was rolled back to a savepoint that may be a trigger's or a function's, whose name is not ASCII, "
      "or behind which there is much: which of its rows stay is not known");
}

absl::Status TransactionAssembly::control(const Control& control, std::uint32_t timestamp, const LogPlace& place,
                                          std::vector<LogItem>* out) {
  begin_unnamed(timestamp, place);
  switch (control.word) {
    case ControlWord::begin:
      if (phase_ != Phase::named) return out_of_place("BEGIN inside of a transaction");
      open_for_rows(out);
      return absl::OkStatus();
    case ControlWord::commit:
      return commit(place, out);
    case ControlWord::savepoint:
    case ControlWord::release_savepoint:
    case ControlWord::rollback_to:
      if (!takes_rows()) return out_of_place("a savepoint outside of a transaction");
      if (phase_ == Phase::undone) return absl::OkStatus();
      return savepoint(control, out);
    case ControlWord::rollback:
      return roll_back(place, out);
    case ControlWord::xa_start:
      if (phase_ != Phase::named) return out_of_place("XA START inside of a transaction");
      open_branch(*control.xid);
      return absl::OkStatus();
    case ControlWord::xa_end:
      if (phase_ != Phase::branch || kept_.branch().xid != *control.xid)
        return out_of_place("XA END of what did not begin");
      phase_ = Phase::branch_ended;
      return absl::OkStatus();
    case ControlWord::xa_commit:
    case ControlWord::xa_rollback:
      return settle(control, place, out);
    case ControlWord::unknown_xa:
      return absl::UnimplementedError("an XA statement that is not known");
    case ControlWord::none:
      break;
  }
  return out_of_place("not a statement that steers a transaction");
}

absl::Status TransactionAssembly::settle(const Control& control, const LogPlace& place, std::vector<LogItem>* out) {
  if (phase_ != Phase::named) return out_of_place("XA COMMIT or XA ROLLBACK inside of a transaction");
  std::optional<XaBranch> branch = prepared_.take(*control.xid);
  const bool commits = control.word == ControlWord::xa_commit;
  const bool was_taken = begin_.at < known_from_;
  if (commits && !branch && !was_taken) {
    return out_of_place("XA COMMIT of a branch that was prepared before this log was read: its rows are not known");
  }
  open(out);
  if (commits && branch) std::ranges::move(branch->items, std::back_inserter(*out));
  end(place, out);
  return absl::OkStatus();
}

absl::Status TransactionAssembly::statement(LoggedStatement statement, StatementKind kind, const LogPlace& place,
                                            std::vector<LogItem>* out) {
  begin_unnamed(statement.timestamp, place);
  if (takes_rows()) {
    statement.with_rows = true;
    return put(std::move(statement), out);
  }
  if (phase_ != Phase::named) return out_of_place("a statement between XA END and XA PREPARE");
  open(out);
  statement.with_rows = kind == StatementKind::opens;
  if (!announces_) out->emplace_back(std::move(statement));
  if (kind == StatementKind::whole) end(place, out);
  return absl::OkStatus();
}

absl::Status TransactionAssembly::rows(RowsChange change, std::vector<LogItem>* out) {
  if (!takes_rows()) return out_of_place("rows outside of a transaction");
  return put(std::move(change), out);
}

absl::Status TransactionAssembly::commit(const LogPlace& place, std::vector<LogItem>* out) {
  if (phase_ == Phase::undone) return out_of_place("a transaction is committed that was rolled back when last read");
  if (phase_ != Phase::open) return out_of_place("the end of a transaction that did not begin");
  give_kept(out);
  end(place, out);
  return absl::OkStatus();
}

absl::Status TransactionAssembly::prepare(const Xid& xid, Prepare how, const LogPlace& place,
                                          std::vector<LogItem>* out) {
  if (phase_ != Phase::branch_ended || kept_.branch().xid != xid)
    return out_of_place("XA PREPARE of what did not begin");
  XaBranch branch = kept_.take();
  open(out);
  if (how == Prepare::commit) {
    std::ranges::move(branch.items, std::back_inserter(*out));
  } else if (absl::Status status = prepared_.keep(std::move(branch)); !status.ok()) {
    return status;
  }
  end(place, out);
  return absl::OkStatus();
}

void TransactionAssembly::advance(const LogPlace& place, std::vector<LogItem>* out) {
  if (phase_ != Phase::between) return;
  position_ = place.end();
  out->emplace_back(LogAdvance{.next = position_, .resume = resume_from(), .file_time = place.file_time()});
}

bool TransactionAssembly::abandon() {
  const bool was_said = phase_ == Phase::open;
  if (was_said) last_undone_ = begin_.at;
  kept_.take();
  phase_ = Phase::between;
  return was_said;
}

}  // namespace crossfade::dualwrite
