// The tables of both sides: what cannot be carried, what cannot be copied, and what happens to foreign keys, triggers,
// events and routines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "migrate/finding.h"
#include "migrate/judge_feed.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

struct TablesToJudge {
  const ServerFacts& leader;
  const ServerFacts& follower;
  FeedChoice feed = FeedChoice::log;
  std::string control_schema{};
};
// Definitions: compare_schemas(), and what a copy and the feed ask of a table beside.
Findings judge_tables(const TablesToJudge& sides);
// Foreign keys, triggers, events, routines.
Findings judge_objects(const TablesToJudge& sides);
// How much room AUTO_INCREMENT columns of the leader have left, here and on the follower.
Findings judge_auto_increment(const TablesToJudge& sides);

dualwrite::ServerMakes makes_of(const TablesToJudge& sides);

// The columns of the primary key, else of a unique key whose columns are all NOT NULL; empty: nothing identifies a row.
std::vector<std::string> identifying_columns(const dualwrite::TableDefinition& table);
// Of an InnoDB table without a key to go by: why its rows cannot be copied at once, behind a semicolon; empty: they
// can.
std::string why_not_at_once(const dualwrite::TableRef& table, const TablesToJudge& sides);
inline constexpr std::string_view kCopiedAtOnce =
    "a copy reads it at once, with all its rows locked, and a comparison of rows leaves it out";

}  // namespace crossfade::migrate
