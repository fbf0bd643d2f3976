// What the control account and the application's accounts lack, with the GRANT that mends it.
#pragma once

#include "migrate/finding.h"
#include "migrate/judge_feed.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

// What the account is used for.
enum class ControlRole : std::uint8_t { leader_by_log, leader_by_triggers, follower };
// Of the control account of `server`.
Findings judge_control_account(const ServerFacts& server, ControlRole role, const std::string& control_schema);

// One user of the configuration on both sides. `schemas`: those with tables that travel. What the account may do to
// them on old and not on new is a blocker; what it may do to the server, a warning.
struct ApplicationUser {
  AccountFacts on_old;
  AccountFacts on_new;
};
Findings judge_application_user(const ApplicationUser& user, const std::vector<SchemaFacts>& schemas);

}  // namespace crossfade::migrate
