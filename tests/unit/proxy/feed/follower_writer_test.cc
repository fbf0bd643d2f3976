#include "proxy/feed/follower_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "dualwrite/rows_statement.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using Expect = WriterStep::Expect;
using ServerAnswer = support::Answer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Outcome = absl::StatusOr<std::optional<StepFailure>>;

// A follower that answers as the test says: "two" affects two rows, "row x" answers with a row, "err n" with an error.
class FollowerWriterTest : public ::testing::Test {
 protected:
  FollowerWriterTest() {
    follower_.set_script([this](const std::string&, const std::string& sql) -> std::optional<ServerAnswer> {
      const std::lock_guard lock(mutex_);
      if (sql.starts_with("SELECT @@max_allowed_packet")) return ServerAnswer::of({"m"}, {{packet_bytes_}});
      if (sql.starts_with("BINLOG") && !may_run_events_) return ServerAnswer::failed(1227, "42000", "denied");
      if (sql.starts_with("two")) return ServerAnswer::done(2);
      if (sql.starts_with("row ")) return ServerAnswer::of({"r"}, {{sql.substr(4)}});
      if (sql.starts_with("no row")) return ServerAnswer::of({"r"}, {});
      if (sql.starts_with("err ")) {
        return ServerAnswer::failed(static_cast<std::uint16_t>(std::stoi(sql.substr(4))), "HY000", "no");
      }
      return ServerAnswer::done();
    });
  }

  // Its connection is the loop's.
  ~FollowerWriterTest() override {
    (void)loop_.await<absl::Status>([this]() -> Task<absl::Status> {
      writer_.reset();
      co_return absl::OkStatus();
    });
  }

  absl::Status open() {
    return loop_.await<absl::Status>([this] { return opened(); });
  }
  Task<absl::Status> opened() {
    LinkOptions options;
    options.address = follower_.address();
    options.user = "control";
    options.password = "secret";
    auto writer =
        co_await FollowerWriter::open(loop_.reactor, options, counters_, Clock::now() + std::chrono::seconds(10));
    if (!writer.ok()) co_return writer.status();
    writer_ = *std::move(writer);
    follower_.forget_packets();
    co_return absl::OkStatus();
  }
  Outcome run(std::vector<WriterStep> steps) {
    return loop_.await<Outcome>([&] { return writer_->run(std::move(steps)); });
  }
  // The step that failed, and its error or 0.
  std::pair<std::size_t, std::uint16_t> failure(std::vector<WriterStep> steps) {
    const Outcome outcome = run(std::move(steps));
    EXPECT_TRUE(outcome.ok() && outcome->has_value()) << outcome.status();
    if (!outcome.ok() || !*outcome) return {};
    return {(*outcome)->step, (*outcome)->err ? (*outcome)->err->code : 0};
  }
  std::vector<std::string> packets() const { return follower_.packets("control"); }

  std::mutex mutex_;  // guards the next two
  std::string packet_bytes_ = "67108864";
  bool may_run_events_ = true;
  support::FakeBackend follower_{{}};
  Metrics metrics_;
  Counters& counters_{metrics_.make()};
  support::LoopThread loop_;
  std::unique_ptr<FollowerWriter> writer_;
};

TEST_F(FollowerWriterTest, StepsGoTogetherUnlessOneWaitsForWhatIsBeforeIt) {
  ASSERT_TRUE(open().ok());
  const Outcome done = run({{.sql = "BEGIN"},
                            {.sql = "two", .expect = Expect::affected, .affected = 2},
                            {.sql = "row 1", .expect = Expect::one},
                            commit_step()});
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_FALSE(done->has_value());
  EXPECT_THAT(packets(), ElementsAre("BEGIN;two;row 1", "COMMIT"));
  follower_.forget_packets();
  // Servers stop by themselves at an error: nothing has to be looked at in between.
  ASSERT_TRUE(run({{.sql = "BEGIN"}, {.sql = "x"}, commit_step()}).ok());
  EXPECT_THAT(packets(), ElementsAre("BEGIN;x;COMMIT"));
  follower_.forget_packets();
  ASSERT_TRUE(run({}).ok());
  EXPECT_THAT(packets(), IsEmpty());
}

TEST_F(FollowerWriterTest, TheFirstStepThatDidNotComeOutAsExpectedIsToldAndNothingBehindItIsCommitted) {
  ASSERT_TRUE(open().ok());
  using Failure = std::pair<std::size_t, std::uint16_t>;
  EXPECT_EQ(failure({{.sql = "BEGIN"}, {.sql = "err 1062"}, {.sql = "x"}, commit_step()}), Failure(1, 1062));
  EXPECT_EQ(failure({{.sql = "BEGIN"}, {.sql = "two", .expect = Expect::affected, .affected = 1}, commit_step()}),
            Failure(1, 0));
  EXPECT_EQ(failure({{.sql = "row 0", .expect = Expect::one}, commit_step()}), Failure(0, 0));
  EXPECT_EQ(failure({{.sql = "no row", .expect = Expect::one}, commit_step()}), Failure(0, 0));
  EXPECT_EQ(failure({{.sql = "x", .expect = Expect::one}, commit_step()}), Failure(0, 0)) << "no result set at all";
  EXPECT_EQ(failure({{.sql = "two", .expect = Expect::affected, .affected = 2}, {.sql = "err 1213"}, commit_step()}),
            Failure(1, 1213));
  for (const std::string& packet : packets()) {
    EXPECT_TRUE(packet.find("COMMIT") == std::string::npos || packet.find("err 1062") != std::string::npos) << packet;
  }
  const Outcome any = run({{.sql = "two", .expect = Expect::affected, .affected = dualwrite::kAnyAffected}});
  EXPECT_TRUE(any.ok() && !any->has_value());
}

TEST_F(FollowerWriterTest, NoPacketIsLargerThanTheFollowerTakes) {
  packet_bytes_ = "65536";
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(writer_->statement_bytes_max(), 65536u - 1024u);
  const std::string half(writer_->statement_bytes_max() / 2, 'x');
  ASSERT_TRUE(run({{.sql = half}, {.sql = half}, {.sql = "y"}, {.sql = "z"}}).ok());
  EXPECT_THAT(packets(), ElementsAre(half, half + ";y;z"));
}

TEST_F(FollowerWriterTest, WhatAServerSaysOfItsPacketsIsHeldToWhatIsSensible) {
  const std::pair<const char*, std::size_t> rows[] = {
      {"0", 65536}, {"1024", 65536}, {"1048576", 1048576}, {"99999999999", std::size_t{1} << 30}};
  for (const auto& [said, kept] : rows) {
    packet_bytes_ = said;
    ASSERT_TRUE(open().ok());
    EXPECT_EQ(writer_->statement_bytes_max(), kept - 1024) << said;
  }
}

TEST_F(FollowerWriterTest, AnAccountThatMayNotRunEventsWritesStatementsAndSaysWhatToGrant) {
  ASSERT_TRUE(open().ok());
  EXPECT_TRUE(writer_->may_run_events());
  may_run_events_ = false;
  ASSERT_TRUE(open().ok());
  EXPECT_FALSE(writer_->may_run_events());
  EXPECT_THAT(writer_->why_no_events(), HasSubstr("GRANT BINLOG REPLAY ON *.* TO it"));
  EXPECT_TRUE(run({{.sql = "x"}}).ok());
}

TEST_F(FollowerWriterTest, BetweenItsTwoHalvesTheFollowerWorks) {
  ASSERT_TRUE(open().ok());
  std::vector<WriterStep> steps = {{.sql = "two", .expect = Expect::affected, .affected = 2}, commit_step()};
  ASSERT_TRUE(loop_.await<absl::Status>([&] { return writer_->start(steps); }).ok());
  EXPECT_TRUE(support::eventually([this] { return packets().size() == 1; })) << "nobody has asked for its answer yet";
  const Outcome done = loop_.await<Outcome>([this] { return writer_->finish(); });
  ASSERT_TRUE(done.ok());
  EXPECT_FALSE(done->has_value());
  EXPECT_THAT(packets(), ElementsAre("two", "COMMIT"));
}

// Whatever is lost is a Status, at each step: never a failure of a row.
TEST_F(FollowerWriterTest, AConnectionThatIsLostIsNoStepsFailure) {
  for (const auto kind : {support::Fault::Kind::drop_before, support::Fault::Kind::drop_after}) {
    for (std::size_t at = 0; at < 3; ++at) {
      ASSERT_TRUE(open().ok());
      follower_.arm({.kind = kind, .at = at, .user = "control"});
      const Outcome outcome =
          run({{.sql = "BEGIN"}, {.sql = "two", .expect = Expect::affected, .affected = 2}, commit_step()});
      EXPECT_FALSE(outcome.ok()) << at;
      EXPECT_TRUE(follower_.fired()) << at;
      follower_.disarm();
    }
  }
}

TEST(FollowerWriterErrors, AreTheServersOwnOrARows) {
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{1205, 1213, 1290, 1114, 1021, 1142, 1317, 1180})
    EXPECT_TRUE(is_of_the_server(code));
  for (const std::uint16_t code :
       std::initializer_list<std::uint16_t>{1062, 1452, 1451, 1048, 1264, 1406, 1146, 1054, 0}) {
    EXPECT_FALSE(is_of_the_server(code)) << code;
  }
}

}  // namespace
}  // namespace crossfade::proxy
