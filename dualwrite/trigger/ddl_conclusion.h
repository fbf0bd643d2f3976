// A schema change under feed `trigger` that is over: did it do anything, and what is to be done then?
#pragma once

#include <cstdint>

namespace crossfade::dualwrite {

// What its client heard; unknown: nobody lives who has heard it.
enum class DdlOutcome : std::uint8_t { unknown, ran, failed };

struct DdlFacts {
  DdlOutcome outcome = DdlOutcome::unknown;
  bool said = false;           // `changes` has it already as one that ran: a proxy died behind that
  bool state_changed = false;  // what it names is another than before it (definitions, InnoDB's ids)
  bool captured_as_is = true;  // the triggers that stand tell everything of its tables
};

enum class DdlConclusion : std::uint8_t {
  nothing,  // it did nothing: the intent goes
  say,      // it ran, and no table needs other triggers: it is said, and the intent goes
  capture   // said unless it is, then its tables are captured anew, and what was written meanwhile is as it is
};

// A statement that fails may have done a part of its work; one that ran may have had nothing to do, and says so to the
// follower, which has nothing to do then, either.
constexpr DdlConclusion conclude_ddl(const DdlFacts& facts) {
  if (facts.said || facts.state_changed) return DdlConclusion::capture;
  if (facts.outcome != DdlOutcome::ran) return DdlConclusion::nothing;
  return facts.captured_as_is ? DdlConclusion::say : DdlConclusion::capture;
}

}  // namespace crossfade::dualwrite
