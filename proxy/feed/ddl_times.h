// The schema changes of one snapshot of `changes` that removed rows: from when to when, and what wrote of their tables.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "dualwrite/trigger/captured_row.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/leader_capture.h"

namespace crossfade::proxy {

// Whether a row was written before a TRUNCATE or after it, its place between intent and outcome does not say. But what
// it has become is written down behind the outcome.
class DdlTimes {
 public:
  struct Snapshot {
    BackendLink& link;     // within its transaction
    BackendLink& control;  // what is captured is read anew on this one
    LeaderCapture& capture;
    std::string schema;  // the control schema
  };
  Task<absl::Status> read(Snapshot snapshot);
  // Was it written while one of them was under way?
  bool have(const dualwrite::ChangeHead& head) const;

 private:
  struct Time {
    std::uint64_t intent = 0;
    std::uint64_t done = 0;
    std::set<std::uint32_t> numbers{};
  };
  std::vector<Time> times_;
};

}  // namespace crossfade::proxy
