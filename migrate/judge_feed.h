// Which feed would be taken from a leader, and what stands in its way.
#pragma once

#include <string>

#include "config/config.h"
#include "migrate/finding.h"
#include "migrate/server_facts.h"

namespace crossfade::migrate {

enum class FeedChoice : std::uint8_t { none, log, trigger };
std::string_view name(FeedChoice choice);

struct FeedJudgement {
  FeedChoice choice = FeedChoice::none;
  std::string why;  // "the row log is on and says everything"
  Findings findings;
};
// As RowFeed chooses: what has begun stays; else the first that is configured and fit. `begun`: none, or what the
// anchor on the leader says.
FeedJudgement judge_feed(const ServerFacts& leader, config::DualWriteConfig::Feed configured, FeedChoice begun);
// Could `later` be followed when it leads, so that there is a way back? Never a blocker.
Findings judge_way_back(const ServerFacts& later);

}  // namespace crossfade::migrate
