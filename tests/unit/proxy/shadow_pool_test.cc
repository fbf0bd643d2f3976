#include "proxy/shadow_pool.h"

#include <latch>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using shadow::SkipReason;
using shadow::Verdict;
using support::Answer;
using support::eventually;
using support::FakeBackend;
using support::ProxyStack;

constexpr const char* kRead = "SELECT v FROM t WHERE id = 1";

config::Flags shadow_everything() {
  config::Flags flags;
  flags.shadow_read.percent = config::Percent::from_ppm(config::Percent::kWhole);
  return flags;
}

// Application reads give `value`.
FakeBackend::Script reads_give(std::string value) {
  return [value](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return Answer::of({"v"}, {{value}});
  };
}

class ShadowPoolTest : public ::testing::Test {
 protected:
  explicit ShadowPoolTest(std::function<void(config::Config&)> tune = [](config::Config&) {})
      : stack_(ProxyStack::Options{.flags = shadow_everything(), .tune = std::move(tune)}), client_(stack_.connect()) {
    stack_.leader().set_script(reads_give("same"));
    stack_.follower().set_script(reads_give("same"));
  }

  std::uint64_t verdicts(Verdict verdict) {
    return stack_.count(
        [verdict](const Counters& c) { return c.shadow_verdicts[static_cast<std::size_t>(verdict)].get(); });
  }
  std::uint64_t skips(SkipReason reason) {
    return stack_.count([reason](const Counters& c) { return c.shadow_skips[static_cast<std::size_t>(reason)].get(); });
  }
  // All comparisons that have come to an end.
  std::uint64_t finished() {
    return stack_.count([](const Counters& c) {
      std::uint64_t total = 0;
      for (const auto& counter : c.shadow_verdicts) total += counter.get();
      return total;
    });
  }

  ProxyStack stack_;
  std::unique_ptr<support::Client> client_;
};

TEST_F(ShadowPoolTest, EqualAnswersMatch) {
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  const std::uint32_t statement = client_->prepare("SELECT v FROM t WHERE id = ?");
  EXPECT_EQ(client_->execute(statement, {1}).cell(), "same");
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::match) == 2; }));
  EXPECT_EQ(finished(), 2u);
}

TEST_F(ShadowPoolTest, AnAnswerThatStaysDifferentIsADifference) {
  stack_.follower().set_script(reads_give("other"));
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::value) == 1; }));
  EXPECT_EQ(finished(), 1u);
  EXPECT_THAT(stack_.shadow().report().dump(), ::testing::HasSubstr("\"value\""));
}

TEST_F(ShadowPoolTest, AnAnswerThatIsEqualWhenRunAgainIsTransient) {
  std::atomic<int> asked{0};
  stack_.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return Answer::of({"v"}, {{asked++ == 0 ? "late" : "same"}});
  });
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::transient) == 1; }));
  EXPECT_EQ(finished(), 1u);
}

TEST_F(ShadowPoolTest, AnErrorOnOneSideIsADifference) {
  stack_.follower().set_script([](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return Answer::failed(1054, "42S22", "Unknown column 'v'");
  });
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::error_one_side) == 1; }));
}

TEST_F(ShadowPoolTest, TheCandidateHasTheWritesThatTheControlHad) {
  // What the follower answers shows whether the write had arrived when it was asked.
  stack_.follower().set_script([this](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return Answer::of({"v"}, {{stack_.follower().database().contents().writes.empty() ? "old value" : "same"}});
  });
  ASSERT_TRUE(client_->query("UPDATE t SET v = 1 WHERE id = 1").is_ok());
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(verdicts(Verdict::match), 1u);
}

TEST_F(ShadowPoolTest, ACandidateThatDropsIsSkippedAndTheNextComparisonWorks) {
  stack_.follower().arm({.kind = support::Fault::Kind::drop_after, .on = "SELECT v"});
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::candidate_unreachable) == 1; }));
  EXPECT_EQ(verdicts(Verdict::skipped), 1u);
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::match) == 1; }));
}

class TightShadowPoolTest : public ShadowPoolTest {
 protected:
  TightShadowPoolTest()
      : ShadowPoolTest([](config::Config& config) {
          config.shadow.connections = 1;
          config.shadow.queue_max = 1;
          config.shadow.recording_bytes_max = 300;
        }) {}
};

TEST_F(TightShadowPoolTest, TheClientNeverWaitsAndWhatFindsNoRoomIsCounted) {
  std::latch reached(1);
  std::latch released(1);
  stack_.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<Answer> {
    if (user != "app" || sql != "SELECT v FROM t WHERE id = 0") return std::nullopt;
    reached.count_down();
    released.wait();
    return Answer::of({"v"}, {{"same"}});
  });
  EXPECT_EQ(client_->query("SELECT v FROM t WHERE id = 0").cell(), "same");
  reached.wait();  // the one slot is busy
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::queue_full) == 2; }));
  EXPECT_EQ(stack_.shadow().queued(), 1u);
  released.count_down();
  EXPECT_TRUE(eventually([&] { return finished() == 4; }));
  EXPECT_EQ(stack_.shadow().queued(), 0u);
}

TEST_F(TightShadowPoolTest, AnAnswerPastTheRecordingIsRelayedWholeAndNotCompared) {
  const std::string large(400, 'x');
  stack_.leader().set_script(reads_give(large));
  EXPECT_EQ(client_->query(kRead).cell(), large);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::too_large) == 1; }));
}

TEST_F(ShadowPoolTest, CallsAreCountedInTheReport) {
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return finished() == 1; }));
  std::vector<std::pair<std::uint64_t, CallCounts::Count>> taken;
  stack_.on_worker([&](Worker& worker) { taken = worker.calls.take(); });
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].second.calls, 1u);
  stack_.shadow().count_calls(taken[0].first, taken[0].second.text, 3);
  EXPECT_THAT(stack_.shadow().report().dump(), ::testing::HasSubstr("\"calls\":3"));
}

}  // namespace
}  // namespace crossfade::proxy
