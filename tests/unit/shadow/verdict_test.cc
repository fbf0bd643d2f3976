#include "shadow/verdict.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace crossfade::shadow {
namespace {

TEST(Verdict, HasANameOfItsOwnForEach) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    names.insert(std::string(name(static_cast<Verdict>(i))));
  }
  EXPECT_EQ(names.size(), kVerdicts);
  EXPECT_EQ(names.count("unknown"), 0u);
  EXPECT_EQ(name(Verdict::skipped), "skipped");
  EXPECT_EQ(static_cast<std::size_t>(Verdict::skipped) + 1, kVerdicts);
}

TEST(Verdict, TellsDifferencesFromNotes) {
  const std::set<Verdict> differences = {Verdict::value, Verdict::row_missing,    Verdict::row_extra,
                                         Verdict::order, Verdict::error_one_side, Verdict::error_differs};
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(is_difference(verdict), differences.contains(verdict)) << name(verdict);
  }
}

TEST(Verdict, CountsAsComparedUnlessItWasCutTimedOutOrSkipped) {
  const std::set<Verdict> not_compared = {Verdict::too_large, Verdict::timeout, Verdict::skipped};
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(is_compared(verdict), !not_compared.contains(verdict)) << name(verdict);
  }
}

TEST(Verdict, OutOfRangeIsUnknownAndNoDifference) {
  EXPECT_EQ(name(static_cast<Verdict>(200)), "unknown");
  EXPECT_FALSE(is_difference(static_cast<Verdict>(200)));
  EXPECT_EQ(name(static_cast<SkipReason>(200)), "unknown");
}

TEST(SkipReason, HasANameOfItsOwnForEach) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kSkipReasons; ++i) {
    names.insert(std::string(name(static_cast<SkipReason>(i))));
  }
  EXPECT_EQ(names.size(), kSkipReasons);
  EXPECT_EQ(names.count("unknown"), 0u);
  EXPECT_EQ(static_cast<std::size_t>(SkipReason::unconfirmed) + 1, kSkipReasons);
}

}  // namespace
}  // namespace crossfade::shadow
