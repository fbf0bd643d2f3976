// Rows of a transaction that may still come to nothing, or of which that cannot be known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dualwrite/prepared_branches.h"

namespace crossfade::dualwrite {

// Of an XA branch all of its rows, of another transaction those behind its first savepoint, in order.
class KeptRows {
 public:
  using Doubt = RowsChange::Doubt;

  void begin(LogPosition start, Doubt doubt);
  void add(LogItem item);
  // One of the same name stays known: it may have been set by another than this one.
  void set_savepoint(std::string name);
  void forget_savepoints() { savepoints_.clear(); }
  bool has_savepoints() const { return !savepoints_.empty(); }
  // The last savepoint of that name, behind which everything goes. False: which one is meant is not known.
  // `by_session`: all of them are the session's own.
  bool roll_back_to(const std::optional<std::string>& name, bool by_session);
  // No more than which tables they are of is kept from here on.
  void doubt(Doubt why);
  Doubt doubted() const { return doubt_; }
  // The item as it is to be given, if these rows are in doubt.
  static void put_in_doubt(Doubt why, LogItem* item);

  std::size_t bytes() const { return branch_.bytes; }
  const XaBranch& branch() const { return branch_; }
  void name(Xid xid) { branch_.xid = std::move(xid); }
  // Empty behind it, without savepoints.
  XaBranch take();

  // A table that has triggers is among those that the transaction has mapped.
  void note_triggers() { has_triggers_ = true; }
  bool has_triggers() const { return has_triggers_; }

 private:
  struct Savepoint {
    std::string name;
    std::size_t items = 0;  // in front of it
  };
  XaBranch branch_;
  std::vector<Savepoint> savepoints_;  // oldest first
  Doubt doubt_ = Doubt::none;
  bool has_triggers_ = false;
};

}  // namespace crossfade::dualwrite
