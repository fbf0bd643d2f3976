// Whether a transaction is open on the leader, as the leader itself has said last.
#pragma once

#include <cstdint>
#include <memory>

#include "config/flags.h"
#include "protocol/response.h"

namespace crossfade::proxy {

// Follows the status flags of the leader's answers, and holds the operator's flags still while a transaction runs. Asks
// nobody.
//
// Invariant: the snapshot of the flags changes only while no transaction is open, so that one transaction is judged by
// one set of flags; but for one that froze writes, under which a transaction has done nothing yet.
class Transaction {
 public:
  explicit Transaction(std::shared_ptr<const config::Flags> flags) : flags_(std::move(flags)) {}

  bool open() const { return open_; }
  bool autocommit() const { return autocommit_; }
  // A statement of now belongs to a transaction: under autocommit=0 the first read opens one, too.
  bool has_next_statement() const { return open_ || !autocommit_; }
  // As the leader would send them.
  std::uint16_t status_flags() const {
    return static_cast<std::uint16_t>((autocommit_ ? protocol::kStatusAutocommit : 0) |
                                      (open_ ? protocol::kStatusInTransaction : 0));
  }
  const config::Flags& flags() const { return *flags_; }

  // A statement is about to be judged, by the newest flags if it may. Under flags that froze writes nothing was
  // written.
  void take_flags(const std::shared_ptr<const config::Flags>& newest) {
    if ((!open_ || flags_->freeze_writes) && flags_ != newest) flags_ = newest;
  }
  enum class Change : std::uint8_t { none, ended };
  // An answer of the leader's has these status flags. `ended`: by it, and no other has begun.
  Change note_status(std::uint16_t status) {
    const bool was_open = open_;
    open_ = (status & protocol::kStatusInTransaction) != 0;
    autocommit_ = (status & protocol::kStatusAutocommit) != 0;
    return was_open && !open_ ? Change::ended : Change::none;
  }
  // What failed had more than one step: the first may have begun a transaction. The next answer's flags tell. An error
  // alone, be it a deadlock's, says nothing of what was open: it need not have been rolled back (GET_LOCK, XA, SIGNAL).
  void note_may_have_begun() { open_ = true; }

 private:
  std::shared_ptr<const config::Flags> flags_;
  bool open_ = false;
  bool autocommit_ = true;
};

}  // namespace crossfade::proxy
