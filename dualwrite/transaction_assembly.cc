#include "dualwrite/transaction_assembly.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace crossfade::dualwrite {
namespace {

absl::Status out_of_place(const char* what) { return absl::FailedPreconditionError(what); }

}  // namespace

TransactionAssembly::TransactionAssembly(LogPosition start, LogPosition known_from, std::size_t prepared_bytes_max)
    : known_from_(std::move(known_from)), prepared_bytes_max_(prepared_bytes_max), position_(std::move(start)) {}

const LogPosition& TransactionAssembly::resume_from() const {
  const LogPosition* oldest = prepared_.oldest();
  return oldest != nullptr ? *oldest : position_;
}

absl::Status TransactionAssembly::name(GtidEvent gtid, std::uint32_t timestamp, const LogPlace& place,
                                       std::vector<LogItem>* out) {
  if (phase_ != Phase::between) return out_of_place("a transaction begins before the last one has ended");
  begin_ = {.gtid = std::move(gtid.gtid), .timestamp = timestamp, .at = place.start()};
  phase_ = Phase::named;
  switch (gtid.follows) {
    case GtidEvent::Follows::query:
    case GtidEvent::Follows::statement:
    case GtidEvent::Follows::completed:
      break;
    case GtidEvent::Follows::rows:
      open(out);
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
}

void TransactionAssembly::open(std::vector<LogItem>* out) {
  out->emplace_back(begin_);
  phase_ = Phase::open;
}

void TransactionAssembly::open_branch(Xid xid) {
  branch_ = {.xid = std::move(xid), .start = begin_.at, .items = {}, .bytes = 0};
  phase_ = Phase::branch;
}

void TransactionAssembly::end(const LogPlace& place, std::vector<LogItem>* out) {
  position_ = place.end();
  out->emplace_back(TransactionEnd{.next = position_, .resume = resume_from(), .file_time = place.file_time()});
  phase_ = Phase::between;
}

absl::Status TransactionAssembly::put(LogItem item, std::vector<LogItem>* out) {
  if (phase_ == Phase::open) {
    out->push_back(std::move(item));
    return absl::OkStatus();
  }
  if (prepared_.bytes() + branch_.bytes + item_bytes(item) > prepared_bytes_max_) {
    return absl::ResourceExhaustedError("the rows of XA transactions that are not committed pass the limit of " +
                                        std::to_string(prepared_bytes_max_) + " bytes");
  }
  branch_.add(std::move(item));
  return absl::OkStatus();
}

absl::Status TransactionAssembly::control(const Control& control, std::uint32_t timestamp, const LogPlace& place,
                                          std::vector<LogItem>* out) {
  begin_unnamed(timestamp, place);
  switch (control.word) {
    case ControlWord::begin:
      if (phase_ != Phase::named) return out_of_place("BEGIN inside of a transaction");
      open(out);
      return absl::OkStatus();
    case ControlWord::commit:
      return commit(place, out);
    case ControlWord::savepoint:
      if (!takes_rows()) return out_of_place("a savepoint outside of a transaction");
      return absl::OkStatus();
    case ControlWord::rollback:
      // Logged where something in the transaction cannot be undone, a temporary table. Rows of tables that are not
      // transactional are in groups of their own, in front; those in here never happened.
      if (phase_ != Phase::open) return out_of_place("ROLLBACK outside of a transaction");
      position_ = place.end();
      abandon();
      return absl::AbortedError("a transaction that was rolled back is in the log");
    case ControlWord::rollback_to:
      return absl::UnimplementedError(
          "a transaction with tables that are not transactional was rolled back to a "
          "savepoint; which of its rows stay is not in the log");
    case ControlWord::xa_start:
      if (phase_ != Phase::named) return out_of_place("XA START inside of a transaction");
      open_branch(*control.xid);
      return absl::OkStatus();
    case ControlWord::xa_end:
      if (phase_ != Phase::branch || branch_.xid != *control.xid) return out_of_place("XA END of what did not begin");
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
  out->emplace_back(std::move(statement));
  if (kind == StatementKind::whole) end(place, out);
  return absl::OkStatus();
}

absl::Status TransactionAssembly::rows(RowsChange change, std::vector<LogItem>* out) {
  if (!takes_rows()) return out_of_place("rows outside of a transaction");
  return put(std::move(change), out);
}

absl::Status TransactionAssembly::commit(const LogPlace& place, std::vector<LogItem>* out) {
  if (phase_ != Phase::open) return out_of_place("the end of a transaction that did not begin");
  end(place, out);
  return absl::OkStatus();
}

absl::Status TransactionAssembly::prepare(const Xid& xid, Prepare how, const LogPlace& place,
                                          std::vector<LogItem>* out) {
  if (phase_ != Phase::branch_ended || branch_.xid != xid) return out_of_place("XA PREPARE of what did not begin");
  XaBranch branch = std::exchange(branch_, {});
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
  branch_ = {};
  phase_ = Phase::between;
  return was_said;
}

}  // namespace crossfade::dualwrite
