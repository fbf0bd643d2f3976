#include "proxy/migrate/marker_meetings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/support/loop_thread.h"

namespace crossfade::proxy {
namespace {

using Applier = MarkerMeetings::Applier;
using support::LoopThread;

constexpr std::uint64_t kToken = 7;
const dualwrite::TableRef kTable{.schema = "shop", .table = "t"};

// One thread waits, and the test is the feed's.
class MarkerMeetingsTest : public ::testing::Test {
 protected:
  std::shared_ptr<Chunk> expect(Applier applier) {
    std::shared_ptr<Chunk> made;
    on_loop([&] { made = meetings_.expect(kToken, kTable, applier); });
    return made;
  }
  // Returns when it waits, or has ended.
  std::future<absl::Status> wait(std::shared_ptr<Chunk> chunk) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    on_loop([&] { loop_.reactor.spawn(deliver(std::move(chunk), promise)); });
    return promise->get_future();
  }
  Task<void> deliver(std::shared_ptr<Chunk> chunk, std::shared_ptr<std::promise<absl::Status>> promise) {
    std::function<absl::Status()> why_not = [this] {
      const std::lock_guard lock(mutex_);
      return why_not_;
    };
    absl::Status waited = co_await meetings_.wait(std::move(chunk), std::move(why_not));
    promise->set_value(std::move(waited));
  }
  void on_loop(const std::function<void()>& work) {
    std::promise<void> ran;
    loop_.reactor.post([&] {
      work();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  bool end(const std::shared_ptr<Chunk>& chunk) {
    bool held = false;
    on_loop([&] { held = meetings_.end(chunk); });
    return held;
  }
  void refuse(absl::Status why) {
    const std::lock_guard lock(mutex_);
    why_not_ = std::move(why);
  }
  static bool is_over(std::future<absl::Status>& waiting) {
    return waiting.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  std::mutex mutex_;  // guards the next one
  absl::Status why_not_;
  ChunkStore chunks_;
  LoopThread loop_;
  MarkerMeetings meetings_{loop_.reactor, chunks_};
};

TEST_F(MarkerMeetingsTest, WaitsUntilTheApplierHasDoneWhatTheChunkIsFor) {
  const auto chunk = expect(Applier::stays);
  EXPECT_EQ(chunks_.find(kToken), chunk) << "before the marker is written";
  EXPECT_EQ(chunk->use, Chunk::Use::compare);
  EXPECT_EQ(chunk->table, kTable);
  EXPECT_TRUE(chunk->holds);
  auto waiting = wait(chunk);
  EXPECT_FALSE(is_over(waiting));
  chunks_.done(*chunk);
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_FALSE(chunk->let_go) << "the applier stays until the follower has been read";
  EXPECT_TRUE(end(chunk));
  EXPECT_TRUE(chunk->let_go);
}

TEST_F(MarkerMeetingsTest, AMarkerThatWasMetBeforeAnybodyWaitedIsNotWaitedFor) {
  const auto chunk = expect(Applier::goes_on);
  EXPECT_FALSE(chunk->holds);
  chunks_.done(*chunk);
  on_loop([] {});  // behind the applier's post
  EXPECT_TRUE(wait(chunk).get().ok());
}

// Where the applier has gone on by itself (it stays for two seconds at most), what was read of the follower does not
// count.
TEST_F(MarkerMeetingsTest, TheEndTellsWhetherTheApplierHadGoneOnBefore) {
  const auto chunk = expect(Applier::stays);
  chunk->let_go = true;
  EXPECT_FALSE(end(chunk));
  EXPECT_EQ(chunks_.find(kToken), nullptr);
}

TEST_F(MarkerMeetingsTest, WhatIsInTheWayEndsTheWaiting) {
  const auto chunk = expect(Applier::goes_on);
  auto waiting = wait(chunk);
  EXPECT_FALSE(is_over(waiting));
  refuse(absl::FailedPreconditionError("the table has stopped"));
  EXPECT_EQ(waiting.get(), absl::FailedPreconditionError("the table has stopped"));
  EXPECT_EQ(chunks_.find(kToken), chunk) << "until end()";
}

TEST_F(MarkerMeetingsTest, WhoeverWaitsIsToldThatNobodyWaitsAnyMore) {
  const auto chunk = expect(Applier::goes_on);
  auto waiting = wait(chunk);
  on_loop([this] { meetings_.forget_all(); });
  ASSERT_EQ(waiting.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_TRUE(absl::IsCancelled(waiting.get()));
  EXPECT_EQ(chunks_.find(kToken), nullptr);
  EXPECT_TRUE(absl::IsCancelled(wait(chunk).get())) << "nor later";
}

TEST_F(MarkerMeetingsTest, AnApplierThatComesTooLateIsNoMatter) {
  const auto chunk = expect(Applier::goes_on);
  EXPECT_TRUE(end(chunk));
  chunks_.done(*chunk);
  on_loop([] {});
  EXPECT_TRUE(absl::IsCancelled(wait(chunk).get()));
}

}  // namespace
}  // namespace crossfade::proxy
