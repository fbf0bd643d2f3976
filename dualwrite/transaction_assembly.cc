#include "dualwrite/transaction_assembly.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace crossfade::dualwrite {
namespace {

absl::Status out_of_place(const char* what) { return absl::FailedPreconditionError(what); }

}  // namespace

TransactionAssembly::TransactionAssembly(LogPosition start, LogPosition known_from, std::set<LogPosition> undone,
                                         std::size_t kept_bytes_max)
    : undone_(std::move(undone)),
      known_from_(std::move(known_from)),
      kept_bytes_max_(kept_bytes_max),
      position_(std::move(start)) {}

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
  branch_ = {};
  savepoints_.clear();
  phase_ = Phase::open;
}

void TransactionAssembly::open_for_rows(std::vector<LogItem>* out) {
  if (undone_.contains(begin_.at)) {
    phase_ = Phase::undone;
  } else {
    open(out);
  }
}

void TransactionAssembly::open_branch(Xid xid) {
  branch_ = {.xid = std::move(xid), .start = begin_.at, .items = {}, .bytes = 0};
  savepoints_.clear();
  phase_ = Phase::branch;
}

void TransactionAssembly::end(const LogPlace& place, std::vector<LogItem>* out) {
  position_ = place.end();
  out->emplace_back(TransactionEnd{.next = position_, .resume = resume_from(), .file_time = place.file_time()});
  phase_ = Phase::between;
}

absl::Status TransactionAssembly::put(LogItem item, std::vector<LogItem>* out) {
  if (phase_ == Phase::undone) return absl::OkStatus();
  const bool fits = prepared_.bytes() + branch_.bytes + item_bytes(item) <= kept_bytes_max_;
  if (phase_ == Phase::open) {
    if (!fits) give_kept(out);
    if (savepoints_.empty()) {
      out->push_back(std::move(item));
      return absl::OkStatus();
    }
  } else if (!fits) {
    return absl::ResourceExhaustedError("the rows of XA transactions that are not committed pass the limit of " +
                                        std::to_string(kept_bytes_max_) + " bytes");
  }
  branch_.add(std::move(item));
  return absl::OkStatus();
}

// Of an open transaction, which can then be rolled back to none of its savepoints.
void TransactionAssembly::give_kept(std::vector<LogItem>* out) {
  std::ranges::move(branch_.items, std::back_inserter(*out));
  branch_ = {};
  savepoints_.clear();
}

void TransactionAssembly::set_savepoint(const std::optional<std::string>& name, std::vector<LogItem>* out) {
  if (name) {
    savepoints_.push_back({.name = *name, .items = branch_.items.size()});
    return;
  }
  // It may be the same as any of the others, or have taken its place.
  if (phase_ == Phase::open) give_kept(out);
  savepoints_.clear();
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

// Logged as ROLLBACK is. Where the name was set more than once, the last one may be that of a trigger, which is over:
// savepoints of triggers are logged, too, and have names of their own that are not told apart.
absl::Status TransactionAssembly::roll_back_to(const std::optional<std::string>& name) {
  const auto is_it = [&](const Savepoint& each) { return each.name == name; };
  const auto first = std::ranges::find_if(savepoints_, is_it);
  const auto last = std::find_if(savepoints_.rbegin(), savepoints_.rend(), is_it).base();
  if (first == savepoints_.end() || first->items != (last - 1)->items) {
    return absl::UnimplementedError(
        "a transaction was rolled back to a savepoint that was set more than once, whose name is not ASCII, or behind "
        "which there are more than " +
        std::to_string(kept_bytes_max_) + " bytes of rows: which of its rows stay is not known");
  }
  branch_.cut(first->items);
  savepoints_.erase(last, savepoints_.end());
  return absl::OkStatus();
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
      if (control.word == ControlWord::savepoint) set_savepoint(control.savepoint, out);
      return control.word == ControlWord::rollback_to ? roll_back_to(control.savepoint) : absl::OkStatus();
    case ControlWord::rollback:
      return roll_back(place, out);
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
  if (was_said) last_undone_ = begin_.at;
  branch_ = {};
  savepoints_.clear();
  phase_ = Phase::between;
  return was_said;
}

}  // namespace crossfade::dualwrite
