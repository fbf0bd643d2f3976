#include "proxy/counts/log_limit.h"

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "spdlog/sinks/ostream_sink.h"

namespace crossfade::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LimitedLogTest : public ::testing::Test {
 protected:
  LimitedLogTest() {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~LimitedLogTest() override { spdlog::set_default_logger(before_); }

  // Since the last call.
  std::vector<std::string> lines() {
    std::istringstream text(out_.str());
    out_.str("");
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }
  void use_up(LogKind kind) {
    for (std::uint32_t i = 0; i < LimitedLog::kBurst; ++i) log_.warn(kind, "line={}", i);
    lines();
  }

  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream out_;
  LimitedLog::Clock::time_point now_{std::chrono::hours(1)};
  LimitedLog log_{[this] { return now_; }};
};

TEST_F(LimitedLogTest, ABurstIsSaidAndTheRestIsHeldBack) {
  for (int i = 0; i < 1000; ++i) log_.error(LogKind::parked, "parked entry={}", i);
  EXPECT_EQ(lines().size(), LimitedLog::kBurst);
  EXPECT_EQ(log_.suppressed(LogKind::parked), 1000 - LimitedLog::kBurst);
}

TEST_F(LimitedLogTest, TheNextLineSaysHowManyWereHeldBack) {
  use_up(LogKind::parked);
  for (int i = 0; i < 312; ++i) log_.error(LogKind::parked, "parked entry={}", i);
  now_ += LimitedLog::kEvery - std::chrono::nanoseconds(1);
  log_.error(LogKind::parked, "parked entry={}", 312);
  EXPECT_THAT(lines(), IsEmpty());
  now_ += std::chrono::nanoseconds(1);
  log_.error(LogKind::parked, "parked entry={}", 313);
  EXPECT_THAT(lines(), ElementsAre("error parked entry=313 suppressed=313"));
  now_ += LimitedLog::kEvery;
  log_.error(LogKind::parked, "parked entry={}", 314);
  EXPECT_THAT(lines(), ElementsAre("error parked entry=314"));
}

TEST_F(LimitedLogTest, KindsDoNotShareTheirLines) {
  use_up(LogKind::login_refused);
  log_.info(LogKind::connection_lost, "lost");
  EXPECT_THAT(lines(), ElementsAre("info lost"));
}

TEST_F(LimitedLogTest, AfterAPauseThereIsOneBurstAndNoMore) {
  use_up(LogKind::parked);
  now_ += std::chrono::hours(100);
  for (int i = 0; i < 100; ++i) log_.error(LogKind::parked, "x");
  EXPECT_EQ(lines().size(), LimitedLog::kBurst);
}

TEST_F(LimitedLogTest, ASweepSaysWhatNoLaterLineHasSaid) {
  use_up(LogKind::parked);
  log_.sweep();
  EXPECT_THAT(lines(), IsEmpty()) << "nothing was held back";
  for (int i = 0; i < 7; ++i) log_.error(LogKind::parked, "x");
  log_.sweep();
  EXPECT_THAT(lines(), IsEmpty()) << "it may not speak yet";
  now_ += LimitedLog::kEvery;
  log_.sweep();
  EXPECT_THAT(lines(), ElementsAre("warning log_kind=parked suppressed=7"));
  now_ += LimitedLog::kEvery;
  log_.sweep();
  EXPECT_THAT(lines(), IsEmpty());
  EXPECT_EQ(log_.suppressed(LogKind::parked), 7u) << "the metric counts on";
}

TEST_F(LimitedLogTest, TheEndSaysAll) {
  use_up(LogKind::parked);
  log_.error(LogKind::parked, "x");
  log_.finish();
  EXPECT_THAT(lines(), ElementsAre("warning log_kind=parked suppressed=1"));
}

TEST_F(LimitedLogTest, EveryKindHasANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kLogKinds; ++i) {
    EXPECT_THAT(names, ::testing::Not(::testing::Contains(name(static_cast<LogKind>(i)))));
    names.push_back(name(static_cast<LogKind>(i)));
    EXPECT_FALSE(names.back().empty());
  }
}

}  // namespace
}  // namespace crossfade::proxy
