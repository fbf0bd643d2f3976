// What prepared XA transactions will do once they are committed.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/log_event.h"
#include "dualwrite/xid.h"

namespace crossfade::dualwrite {

struct XaBranch {
  Xid xid;
  LogPosition start;
  std::vector<LogItem> items;  // RowsChange and LoggedStatement
  std::size_t bytes = 0;
  void add(LogItem item) {
    bytes += item_bytes(item);
    items.push_back(std::move(item));
  }
  // All but the first `kept` never happened.
  void cut(std::size_t kept) {
    for (; items.size() > kept; items.pop_back()) bytes -= item_bytes(items.back());
  }
};

// Invariant: bytes() is the sum of the branches' bytes.
class PreparedBranches {
 public:
  std::size_t bytes() const { return bytes_; }
  // AlreadyExists: a branch of that name is open.
  absl::Status keep(XaBranch branch);
  std::optional<XaBranch> take(const Xid& xid);
  // Where the oldest begins; nullptr: there is none.
  const LogPosition* oldest() const { return starts_.empty() ? nullptr : &starts_.begin()->first; }

 private:
  std::map<Xid, XaBranch> branches_;
  std::map<LogPosition, std::size_t> starts_;  // how many begin there
  std::size_t bytes_ = 0;
};

}  // namespace crossfade::dualwrite
