#include "proxy/shadow_run/shadow_pool.h"

#include <latch>
#include <mutex>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/response.h"
#include "tests/support/fake_feed.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using shadow::SkipReason;
using shadow::Verdict;
using ServerAnswer = support::Answer;
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
  return [value](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return ServerAnswer::of({"v"}, {{value}});
  };
}

class ShadowPoolTest : public ::testing::Test {
 protected:
  explicit ShadowPoolTest(std::function<void(config::Config&)> tune = [](config::Config&) {})
      : stack_(ProxyStack::Options{.flags = shadow_everything(), .tune = std::move(tune), .feed = &feed_}),
        client_(stack_.connect()) {
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

  support::FakeFeed feed_;
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
  EXPECT_TRUE(eventually([&] { return stack_.shadow().report().dump().find("\"value\"") != std::string::npos; }));
}

TEST_F(ShadowPoolTest, AnAnswerThatIsEqualWhenRunAgainIsTransient) {
  std::atomic<int> asked{0};
  stack_.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return ServerAnswer::of({"v"}, {{asked++ == 0 ? "late" : "same"}});
  });
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::transient) == 1; }));
  EXPECT_EQ(finished(), 1u);
}

TEST_F(ShadowPoolTest, AnErrorOnOneSideIsADifference) {
  stack_.follower().set_script([](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    return ServerAnswer::failed(1054, "42S22", "Unknown column 'v'");
  });
  EXPECT_EQ(client_->query(kRead).cell(), "same");
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::error_one_side) == 1; }));
}

TEST_F(ShadowPoolTest, TheCandidateHasTheWritesThatTheControlHad) {
  feed_.set_synced(false);
  stack_.follower().set_script(reads_give("old value"));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return feed_.looks() > 1; }));
  EXPECT_EQ(finished(), 0u);
  stack_.follower().set_script(reads_give("same"));
  feed_.set_synced(true);
  EXPECT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(verdicts(Verdict::match), 1u);
}

TEST_F(ShadowPoolTest, ACandidateThatDropsIsSkippedAndTheNextComparisonWorks) {
  stack_.follower().arm({.kind = support::Fault::Kind::drop_after, .on = "SELECT v"});
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::skipped) == 1; }));
  EXPECT_EQ(skips(SkipReason::candidate_unreachable), 1u);
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::match) == 1; }));
}

class ImpatientShadowPoolTest : public ShadowPoolTest {
 protected:
  ImpatientShadowPoolTest()
      : ShadowPoolTest([](config::Config& config) {
          config.shadow.deadline = std::chrono::milliseconds(500);
          config.shadow.recheck_delay = std::chrono::milliseconds(10);
          config.shadow.rechecks = 1;
        }) {}
};

// It is said, after as many looks as a difference in rows that change would have had.
TEST_F(ImpatientShadowPoolTest, ADifferenceThatCannotBeLookedAtAgainIsUnconfirmed) {
  std::atomic<int> asked{0};
  stack_.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app" || !sql.starts_with("SELECT v")) return std::nullopt;
    if (asked++ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    return ServerAnswer::of({"v"}, {{"other"}});
  });
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::unconfirmed) == 1; }));
  EXPECT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(asked, 1 + 4);
}

TEST_F(ShadowPoolTest, TheServerEndsWhatIsGivenUpHere) {
  std::mutex mutex;
  std::vector<std::string> limits;
  for (FakeBackend* backend : {&stack_.follower(), &stack_.leader()}) {
    backend->set_script([&](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
      if (user != "app") return std::nullopt;
      if (sql.find("max_statement_time=IF(") != std::string::npos ||
          sql.find("max_execution_time=IF(") != std::string::npos) {
        const std::lock_guard lock(mutex);
        limits.push_back(sql);
      }
      if (!sql.starts_with("SELECT v")) return std::nullopt;
      return ServerAnswer::of({"v"}, {{"same"}});
    });
  }
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::match) == 1; }));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(limits.size(), 1u) << "of shadow reads alone";
  EXPECT_THAT(limits.front(), ::testing::HasSubstr("LEAST("));
}

TEST_F(ShadowPoolTest, TheKillSwitchDropsWhatWaits) {
  feed_.set_synced(false);
  for (int i = 0; i < 10; ++i) client_->query("SELECT v FROM t WHERE id = " + std::to_string(i));
  stack_.shadow().set_enabled(false);
  feed_.set_synced(true);
  EXPECT_TRUE(eventually([&] { return finished() == 10; }));
  EXPECT_GE(skips(SkipReason::switched_off), 5u) << "all but those under way";
}

// Workers count what they have read each second: whoever renders the report does not let them wait for it.
TEST_F(ShadowPoolTest, ReadsAreCountedWhileTheReportIsRendered) {
  ShadowPool& shadow = stack_.shadow();
  const std::string text(4000, 'x');
  for (std::uint64_t digest = 1; digest <= 1500; ++digest) shadow.count_calls(digest, text, 1);
  std::atomic<bool> rendering{true};
  std::atomic<std::size_t> counted{0};
  std::thread worker([&] {
    while (rendering) {
      shadow.count_calls(7, text, 1);
      ++counted;
    }
  });
  EXPECT_TRUE(eventually([&] { return counted > 0; }));
  const std::size_t before = counted;
  const nlohmann::json report = shadow.report();
  const std::size_t meanwhile = counted - before;
  rendering = false;
  worker.join();
  EXPECT_EQ(report["digests"].size(), 1500u);
  EXPECT_GT(meanwhile, 100u) << "no more than what came in before the lock and behind it";
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
  stack_.follower().set_script([&](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app" || sql != "SELECT v FROM t WHERE id = 0") return std::nullopt;
    reached.count_down();
    released.wait();
    return ServerAnswer::of({"v"}, {{"same"}});
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

// Application reads give `value`; the server says that it takes `most` connections and has `now`.
FakeBackend::Script crowded(std::string value, std::string most, std::string now) {
  return
      [=, reads = reads_give(value)](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
        if (user == "app" && sql.starts_with("SELECT @@max_connections")) return ServerAnswer::of({"m"}, {{most}});
        if (user == "app" && sql.starts_with("SHOW GLOBAL STATUS")) {
          return ServerAnswer::of({"Variable_name", "Value"}, {{"Threads_connected", now}});
        }
        return reads(user, sql);
      };
}

class ShadowConnectionsTest : public ShadowPoolTest {
 protected:
  ShadowConnectionsTest()
      : ShadowPoolTest([](config::Config& config) {
          config.shadow.connections = 2;
          config.shadow.idle_timeout = std::chrono::milliseconds(20);
        }) {}
};

TEST_F(ShadowConnectionsTest, AreFewAndClosedWhenIdle) {
  stack_.follower().set_script(reads_give("other"));  // rechecks ask both sides
  for (int i = 0; i < 20; ++i) {
    client_->query("SELECT v AS v" + std::to_string(i) + " FROM t");
    EXPECT_LE(stack_.shadow().connections(config::Backend::new_db), 2u);
    EXPECT_LE(stack_.shadow().connections(config::Backend::old_db), 2u);
  }
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::value) == 20; }));
  EXPECT_TRUE(eventually([&] { return stack_.follower().connections("app") == 0; }));
  EXPECT_TRUE(eventually([&] { return stack_.leader().connections("app") == 1; })) << "the client's own";
  EXPECT_TRUE(eventually([&] { return stack_.shadow().connections(config::Backend::old_db) == 0; }));
}

TEST_F(ShadowPoolTest, AServerThatIsNearlyFullIsLeftAlone) {
  stack_.follower().set_script(crowded("same", "100", "95"));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::no_connection) == 1; }));
  EXPECT_TRUE(eventually([&] { return stack_.follower().connections("app") == 0; }));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::no_connection) == 2; }));
  EXPECT_EQ(stack_.follower().logins("app"), 1u) << "it is not asked again while it is backed off";
  stack_.follower().set_script(crowded("same", "100", "20"));
  EXPECT_TRUE(eventually([&] {
    client_->query(kRead);
    return verdicts(Verdict::match) > 0;
  }));
}

TEST_F(ShadowPoolTest, ARefusalForWantOfConnectionsIsNoReasonToInsist) {
  stack_.follower().refuse_with(protocol::encode_err_before_greeting(1040, "Too many connections"));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::no_connection) == 1; }));
  stack_.follower().refuse_with({});
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return skips(SkipReason::no_connection) == 2; })) << "backed off";
  EXPECT_TRUE(eventually([&] {
    client_->query(kRead);
    return verdicts(Verdict::match) > 0;
  }));
}

TEST_F(ShadowPoolTest, AClientIsLetInWhenShadowReadsLeaveAFullServer) {
  stack_.follower().set_script(reads_give("other"));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::value) == 1; }));
  ASSERT_GT(stack_.shadow().connections(config::Backend::old_db), 0u);
  stack_.leader().refuse_with(protocol::encode_err_before_greeting(1040, "Too many connections"));
  std::thread server([&] {
    eventually([&] { return stack_.leader().connections("app") == 1; });
    stack_.leader().refuse_with({});
  });
  const auto second = stack_.try_connect({});
  server.join();
  EXPECT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(eventually([&] { return stack_.shadow().connections(config::Backend::old_db) == 0; }));
}

TEST_F(ShadowPoolTest, AStatementThatKeepsDifferingIsComparedLessOften) {
  stack_.follower().set_script(reads_give("other"));
  EXPECT_TRUE(eventually([&] {
    client_->query(kRead);
    return skips(SkipReason::backed_off) >= 10;
  }));
  stack_.follower().set_script(reads_give("same"));
  EXPECT_TRUE(eventually([&] {
    client_->query("SELECT v AS w FROM t");
    return verdicts(Verdict::match) > 0;
  })) << "others are not held back";
}

// `old` and `new` hold v of the two rows the other way round; id is the primary key.
FakeBackend::Script two_rows(std::string first, std::string second) {
  return [=](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (user != "app") return std::nullopt;
    if (sql.find("information_schema.STATISTICS") != std::string::npos) {
      return ServerAnswer::of({"INDEX_NAME", "COLUMN_NAME", "NULLABLE", "SUB_PART"},
                              {{"PRIMARY", "id", "", std::nullopt},
                               {"loose", "kind", "YES", std::nullopt},
                               {"part", "name", "", "3"},
                               {"pair", "a", "", std::nullopt},
                               {"pair", "B", "", std::nullopt}});
    }
    if (!sql.starts_with("SELECT v")) return std::nullopt;
    return ServerAnswer::of({"v"}, {{first}, {second}});
  };
}

TEST_F(ShadowPoolTest, AnotherOrderIsADifferenceWhereOrderByHoldsAUniqueKey) {
  stack_.leader().set_script(two_rows("1", "2"));
  stack_.follower().set_script(two_rows("2", "1"));
  std::uint64_t total = 0;
  for (const char* order : {"id", "kind, t.id DESC", "a, b"}) {
    client_->query("SELECT v AS v" + std::to_string(++total) + " FROM t ORDER BY " + order);
  }
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::order) == total; }));
  std::uint64_t open = 0;
  for (const char* order : {"kind", "name", "a", "id + 0", "v, b"}) {
    client_->query("SELECT v AS w" + std::to_string(++open) + " FROM t ORDER BY " + order);
  }
  client_->query("SELECT v AS w6 FROM t");
  client_->query("SELECT v AS w7 FROM t, u ORDER BY id");
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::order_only) == open + 2; }));
  EXPECT_EQ(verdicts(Verdict::order), total);
}

// The first sampled read of a session asks for its context, which takes longer than the read.
TEST_F(ShadowPoolTest, TheControlsTimeIsOfItsAnswerAlone) {
  constexpr auto kSlow = std::chrono::milliseconds(1000);
  constexpr auto kAnswer = std::chrono::milliseconds(20);
  const auto slow = [&](bool leads) {
    return [=, reads = reads_give("same")](const std::string& user,
                                           const std::string& sql) -> std::optional<ServerAnswer> {
      if (user == "app" && sql.starts_with("SELECT v")) std::this_thread::sleep_for(kAnswer);
      if (user == "app" && leads && sql.find("@@") != std::string::npos) std::this_thread::sleep_for(kSlow);
      return reads(user, sql);
    };
  };
  stack_.leader().set_script(slow(true));
  stack_.follower().set_script(slow(false));
  client_->query(kRead);
  EXPECT_TRUE(eventually([&] { return verdicts(Verdict::match) == 1; }));
  const nlohmann::json latency = stack_.shadow().report()["digests"][0]["latency"];
  const auto bound = [](auto duration) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  };
  for (const char* side : {"old", "new"}) {
    EXPECT_EQ(latency[side]["count"], 1) << side;
    // The server may have begun before the clock of a busy machine did.
    EXPECT_GE(latency[side]["p50_us"].get<std::uint64_t>(), bound(kAnswer) / 2) << side;
    EXPECT_LT(latency[side]["p50_us"].get<std::uint64_t>(), bound(kSlow)) << side;
    EXPECT_LE(latency[side]["first_byte"]["p50_us"], latency[side]["p50_us"]) << side;
  }
}

}  // namespace
}  // namespace crossfade::proxy
