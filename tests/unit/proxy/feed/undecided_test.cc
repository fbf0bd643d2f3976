#include "proxy/feed/undecided.h"

#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

TEST(Undecided, SaysForHowLongItHasWaitedForTheSame) {
  using std::chrono::seconds;
  const TimePoint begin = Clock::now();
  Undecided undecided;
  EXPECT_EQ(undecided.text(begin), "");
  undecided.is_at("triggers are made: 3 of 7 tables have theirs, and table app.t is next", "table app.t");
  EXPECT_EQ(undecided.text(begin), "triggers are made: 3 of 7 tables have theirs, and table app.t is next");
  undecided.failed("table app.t is held", begin);
  undecided.is_at("triggers are made: 0 of 4 tables have theirs, and table app.t is next", "table app.t");
  undecided.failed("table app.t is held", begin + seconds(2));
  EXPECT_EQ(undecided.text(begin + seconds(5)), "table app.t is held, for 5 s now");
  EXPECT_EQ(undecided.progress(), "triggers are made: 0 of 4 tables have theirs, and table app.t is next");
  undecided.is_at("triggers are made: 1 of 4 tables have theirs, and table app.t2 is next", "table app.t2");
  EXPECT_EQ(undecided.text(begin + seconds(6)),
            "triggers are made: 1 of 4 tables have theirs, and table app.t2 is next");
  undecided.failed("table app.t2 is held", begin + seconds(7));
  EXPECT_EQ(undecided.text(begin + seconds(7)), "table app.t2 is held, for 0 s now");
  undecided.is_over();
  EXPECT_EQ(undecided.text(begin + seconds(8)), "");
}

}  // namespace
}  // namespace crossfade::proxy
