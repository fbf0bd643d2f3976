#include "migrate/judge_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using testing::HasSubstr;
using Configured = config::DualWriteConfig::Feed;

ServerFacts leader(bool log_fits, bool triggers_fit) {
  ServerFacts out = server(config::Backend::old_db);
  if (!log_fits) out.log.problems = {{.setting = "sync_binlog", .found = "0", .advice = "SET GLOBAL sync_binlog=1"}};
  if (!triggers_fit)
    out.by_triggers = {{.setting = "innodb_flush_log_at_trx_commit", .found = "2", .advice = "SET GLOBAL ..=1"}};
  return out;
}

std::size_t blockers(const Findings& findings) { return count(findings, Severity::blocker); }
std::size_t warnings(const Findings& findings) { return count(findings, Severity::warning); }

// As RowFeed::choose_source does.
TEST(JudgeFeed, ChoosesAsTheProxyWould) {
  struct Case {
    bool log_fits, triggers_fit;
    Configured configured;
    FeedChoice begun, chosen;
    std::size_t blockers, warnings;
  };
  using C = FeedChoice;
  for (const Case& each : {
           Case{true, true, Configured::automatic, C::none, C::log, 0, 0},
           Case{true, false, Configured::automatic, C::none, C::log, 0, 0},
           Case{false, true, Configured::automatic, C::none, C::trigger, 0, 1},
           Case{false, false, Configured::automatic, C::none, C::none, 2, 0},
           Case{true, true, Configured::log, C::none, C::log, 0, 0},
           Case{false, true, Configured::log, C::none, C::none, 1, 0},
           Case{true, true, Configured::trigger, C::none, C::trigger, 0, 0},
           Case{true, false, Configured::trigger, C::none, C::none, 1, 0},
           // What has begun stays.
           Case{true, true, Configured::automatic, C::trigger, C::trigger, 0, 0},
           Case{false, true, Configured::automatic, C::log, C::none, 1, 0},
           Case{true, true, Configured::trigger, C::log, C::none, 1, 0},
           Case{true, true, Configured::log, C::trigger, C::none, 1, 0},
       }) {
    const FeedJudgement judged = judge_feed(leader(each.log_fits, each.triggers_fit), each.configured, each.begun);
    const std::string what = std::to_string(each.log_fits) + std::to_string(each.triggers_fit) + " " +
                             std::to_string(static_cast<int>(each.configured)) + " " + std::string(name(each.begun));
    EXPECT_EQ(judged.choice, each.chosen) << what;
    EXPECT_EQ(blockers(judged.findings), each.blockers) << what;
    EXPECT_EQ(warnings(judged.findings), each.warnings) << what;
  }
}

TEST(JudgeFeed, TriggersNeedTheirRightAndTrust) {
  ServerFacts facts = leader(false, true);
  facts.control.grants = Grants::parse({"GRANT SELECT ON *.* TO `crossfade`@`%`"});
  const FeedJudgement judged = judge_feed(facts, Configured::trigger, FeedChoice::none);
  EXPECT_EQ(judged.choice, FeedChoice::none);
  ASSERT_EQ(blockers(judged.findings), 2u);
  EXPECT_THAT(judged.findings[0].advice, HasSubstr("SET GLOBAL log_bin_trust_function_creators=1"));
  EXPECT_THAT(judged.findings[1].advice, HasSubstr("GRANT TRIGGER ON *.* TO `crossfade`@`%`"));
  facts.variables["log_bin"] = "OFF";
  EXPECT_EQ(blockers(judge_feed(facts, Configured::trigger, FeedChoice::none).findings), 1u);
}

TEST(JudgeFeed, AShortRetentionIsAWarning) {
  ServerFacts facts = leader(true, true);
  facts.retention.seconds = 3600;
  EXPECT_EQ(warnings(judge_feed(facts, Configured::automatic, FeedChoice::none).findings), 1u);
  facts.retention.seconds = 0;  // for ever
  EXPECT_EQ(warnings(judge_feed(facts, Configured::automatic, FeedChoice::none).findings), 0u);
}

TEST(JudgeFeed, TheWayBackIsNeverABlocker) {
  EXPECT_EQ(judge_way_back(leader(true, false)).front().code, "way_back");
  EXPECT_EQ(judge_way_back(leader(false, true)).front().code, "way_back_by_triggers");
  const Findings none = judge_way_back(leader(false, false));
  EXPECT_EQ(none.front().code, "way_back_missing");
  EXPECT_EQ(none.front().severity, Severity::warning);
}

}  // namespace
}  // namespace crossfade::migrate
