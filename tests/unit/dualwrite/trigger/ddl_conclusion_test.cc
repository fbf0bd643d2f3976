#include "dualwrite/trigger/ddl_conclusion.h"

#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using Outcome = DdlOutcome;
using Conclusion = DdlConclusion;

Conclusion of(Outcome outcome, bool said, bool changed, bool captured) {
  return conclude_ddl({.outcome = outcome, .said = said, .state_changed = changed, .captured_as_is = captured});
}

TEST(ConcludeDdl, WhatChangedSomethingIsCapturedWhoeverHeardOfIt) {
  for (const Outcome outcome : {Outcome::unknown, Outcome::ran, Outcome::failed}) {
    for (const bool captured : {false, true}) {
      EXPECT_EQ(of(outcome, false, true, captured), Conclusion::capture);
      EXPECT_EQ(of(outcome, true, false, captured), Conclusion::capture) << "a proxy died behind that";
    }
  }
}

TEST(ConcludeDdl, WhatChangedNothingIsForgottenUnlessItsClientHeardThatItRan) {
  for (const bool captured : {false, true}) {
    EXPECT_EQ(of(Outcome::unknown, false, false, captured), Conclusion::nothing);
    EXPECT_EQ(of(Outcome::failed, false, false, captured), Conclusion::nothing);
  }
  EXPECT_EQ(of(Outcome::ran, false, false, true), Conclusion::say) << "AUTO_INCREMENT, IF NOT EXISTS";
  EXPECT_EQ(of(Outcome::ran, false, false, false), Conclusion::capture);
}

}  // namespace
}  // namespace crossfade::dualwrite
