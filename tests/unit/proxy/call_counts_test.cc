#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/worker/worker.h"

namespace crossfade::proxy {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CallCounts, TakesWhatWasCountedAndKeepsTheDigestKnown) {
  CallCounts calls(10);
  EXPECT_FALSE(calls.knows(7));
  calls.add(7, "select ?");
  calls.count(7);
  calls.count(7);
  const auto taken = calls.take();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].first, 7u);
  EXPECT_EQ(taken[0].second.text, "select ?");
  EXPECT_EQ(taken[0].second.calls, 2u);
  EXPECT_TRUE(calls.knows(7));
  EXPECT_THAT(calls.take(), IsEmpty());
}

TEST(CallCounts, PastTheLimitDigestsAreCountedTogether) {
  CallCounts calls(2);
  for (std::uint64_t digest = 1; digest <= 4; ++digest) {
    calls.add(digest, "d" + std::to_string(digest));
    calls.count(digest);
  }
  EXPECT_TRUE(calls.knows(2));
  EXPECT_FALSE(calls.knows(3));
  std::map<std::uint64_t, std::uint64_t> counted;
  for (const auto& [digest, count] : calls.take()) counted[digest] = count.calls;
  EXPECT_EQ(counted, (std::map<std::uint64_t, std::uint64_t>{{0, 2}, {1, 1}, {2, 1}}));
  EXPECT_THAT(calls.take(), IsEmpty());
}

}  // namespace
}  // namespace crossfade::proxy
