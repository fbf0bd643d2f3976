// Who leads, as it is written down on both servers: table `leader` of the control schema. Text only.
//
// Until a first change of the leader there is no such table, and `old` leads. The row on `old` decides: a change is
// claimed there (`changing`), for so long at most and by a connection that holds a lock, and one UPDATE on that
// connection ends it. A claim whose connection is gone, or whose time is over, can no longer be decided, and anybody
// may undo it. The row on `new` is a copy of what was decided, for proxies that start when `old` is no more.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

struct LeaderRecord {
  bool new_leads = false;
  std::string changing{};  // who is just changing it; empty: nobody
  bool expired = false;    // and should have been done by now
};

std::vector<std::string> leader_setup_statements(std::string_view schema);  // idempotent; the schema is there
std::string count_leader_tables(std::string_view schema);                   // 0 or 1: asked before the next
std::string select_leader(std::string_view schema);
absl::StatusOr<LeaderRecord> leader_from(const protocol::ResultSet& result);

// Whether it was done is seen by select_leader: by whom it is being changed, who leads.
std::string claim_leader_change(std::string_view schema, std::string_view who, std::chrono::seconds at_most);
// Nothing is done for who has not claimed it, or no longer.
std::string decide_new_leads(std::string_view schema, std::string_view who);
std::string give_up_leader_change(std::string_view schema, std::string_view who);
// 1: the connection holds the lock, so nobody else's change is under way.
std::string lock_leader_change(std::string_view schema);
// The copy on `new`.
std::string note_new_leads(std::string_view schema);

}  // namespace crossfade::dualwrite
