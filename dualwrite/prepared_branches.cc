#include "dualwrite/prepared_branches.h"

#include <utility>

namespace crossfade::dualwrite {

absl::Status PreparedBranches::keep(XaBranch branch) {
  if (branches_.contains(branch.xid)) {
    return absl::AlreadyExistsError("XA branch " + xid_text(branch.xid) + " is prepared twice");
  }
  bytes_ += branch.bytes;
  ++starts_[branch.start];
  const Xid xid = branch.xid;
  branches_.emplace(xid, std::move(branch));
  return absl::OkStatus();
}

std::optional<XaBranch> PreparedBranches::take(const Xid& xid) {
  const auto found = branches_.find(xid);
  if (found == branches_.end()) return std::nullopt;
  XaBranch branch = std::move(found->second);
  branches_.erase(found);
  bytes_ -= branch.bytes;
  const auto start = starts_.find(branch.start);
  if (--start->second == 0) starts_.erase(start);
  return branch;
}

}  // namespace crossfade::dualwrite
