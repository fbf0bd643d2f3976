// What a statement that is relayed as it is may leave in its session on the leader.
#pragma once

#include <cstdint>
#include <string_view>

#include "routing/facts.h"

namespace crossfade::routing {

enum class SessionEffect : std::uint8_t {
  nothing,       // that bears on where reads may go
  objects,       // temporary tables, handlers, table locks: as its facts tell
  locks,         // tables are locked until UNLOCK TABLES
  not_followed,  // variables, temporary tables and the like: session_track_state_change tells whether any
  untold,        // a role, locks of tables somewhere in a text: of which no server tells
};
// `sql` is the statement's text. SET and USE have a place of their own in what is known of a session.
SessionEffect session_effect(const StatementFacts& statement, std::string_view sql);

}  // namespace crossfade::routing
