#include "proxy/session/login/greeted_link.h"

#include <gtest/gtest.h>

#include <set>

#include "protocol/error_codes.h"
#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using support::ProxyStack;
using support::SessionParts;

// As servers say it ahead of a greeting: without a SQLSTATE.
protocol::Buffer early_refusal(std::uint16_t code, const std::string& text) {
  protocol::Buffer payload = {0xff};
  protocol::put_u16(payload, code);
  protocol::put_text(payload, text);
  return payload;
}

class GreetedLinkTest : public ::testing::Test {
 protected:
  ~GreetedLinkTest() override { drop(); }
  void drop() {
    stack_.on_worker([this](Worker&) {
      taken_.reset();
      link_.reset();
    });
  }
  absl::Status open() {
    refused_.reset();
    stack_.on_worker([this](Worker& worker) { link_ = std::make_unique<GreetedLink>(worker); });
    return parts_.await<absl::Status>(
        [this](Conversation&) { return link_->open(config::Backend::old_db, {}, &refused_); });
  }
  // A connection of the proxy's own, for which no client waits.
  void leave_one_idle() {
    std::promise<absl::Status> promise;
    std::future<absl::Status> left = promise.get_future();
    stack_.on_worker([&](Worker& worker) {
      ControlLinks& links = worker.shared.control_links;
      links.reactor().post(
          [&] { links.reactor().spawn(support::deliver_result(keep_one(links), std::move(promise))); });
      left.wait();
    });
    ASSERT_TRUE(left.get().ok());
  }
  static Task<absl::Status> keep_one(ControlLinks& links) {
    auto lease = co_await links.take(config::Backend::old_db, Clock::now() + std::chrono::seconds(10));
    if (lease.ok()) lease->keep();
    co_return lease.status();
  }

  ProxyStack stack_;
  SessionParts parts_{stack_};
  std::optional<Refusal> refused_;
  std::unique_ptr<GreetedLink> link_;
  std::unique_ptr<BackendLink> taken_;
};

TEST_F(GreetedLinkTest, HasTheServersGreetingAndHasNotLoggedIn) {
  ASSERT_TRUE(open().ok());
  stack_.on_worker([this](Worker&) {
    EXPECT_EQ(link_->greeting().server_version, "5.5.5-10.11.19-MariaDB");
    EXPECT_NE(link_->greeting().connection_id, 0u);
  });
  EXPECT_EQ(stack_.leader().logins("control") + stack_.leader().logins("app"), 0u);
  EXPECT_FALSE(refused_.has_value());
}

TEST_F(GreetedLinkTest, WhatNoClientCameToOwnIsLeftInGoodOrder) {
  ASSERT_TRUE(open().ok());
  drop();
  EXPECT_TRUE(parts_.no_task_left());
  EXPECT_EQ(stack_.leader().logins("control"), 1u);
  EXPECT_TRUE(support::eventually([&] { return stack_.leader().connections("control") == 0; }));
  EXPECT_EQ(stack_.leader().abandoned(), 0u);
}

TEST_F(GreetedLinkTest, WhatWasTakenIsTheTakersAffair) {
  ASSERT_TRUE(open().ok());
  stack_.on_worker([this](Worker&) {
    taken_ = link_->take();
    EXPECT_NE(taken_, nullptr);
    link_.reset();
  });
  EXPECT_TRUE(parts_.no_task_left());
  EXPECT_EQ(stack_.leader().logins("control"), 0u);
}

TEST_F(GreetedLinkTest, WhatWasNeverOpenedLeavesNothing) {
  stack_.leader().go_down();
  EXPECT_FALSE(open().ok());
  EXPECT_FALSE(refused_.has_value()) << "the server has said nothing";
  stack_.leader().come_back();
  drop();
  EXPECT_TRUE(parts_.no_task_left());
  EXPECT_EQ(stack_.leader().logins("control"), 0u);
}

// What a server refuses by decides whether the way in is tried again, and only where something can give way.
TEST_F(GreetedLinkTest, AFullServerIsTriedAgainWhileRoomIsMadeAndNoOther) {
  struct Row {
    std::uint16_t code;
    bool idle;  // a connection that can be given up
    std::size_t refusals;
    bool opened;
    std::size_t tries;
  };
  constexpr auto kMost = static_cast<std::size_t>(kAttemptsForRoom);
  const Row rows[] = {
      {1130, true, 3, false, 1},                 // this host is not let in
      {1129, true, 3, false, 1},                 // nor one that has failed too often
      {1040, false, 3, false, 1},                // full, and of nobody's connections that could go
      {1040, true, 1, true, 1},                  // room at once
      {1040, true, 3, true, 3},                  // room after a while: one that has been asked to go needs that
      {1040, true, kMost - 1, true, kMost - 1},  // at the last moment
      {1040, true, kMost, false, kMost},         // and no later
  };
  for (const Row& row : rows) {
    if (row.idle) leave_one_idle();
    const std::size_t before = stack_.leader().refused();
    const protocol::Buffer payload = early_refusal(row.code, "No");
    stack_.leader().refuse_with(payload, row.refusals);
    const absl::Status opened = open();
    EXPECT_EQ(opened.ok(), row.opened) << row.code << ": " << opened;
    EXPECT_EQ(stack_.leader().refused() - before, row.tries) << row.code;
    EXPECT_EQ(refused_.has_value(), !row.opened);
    if (refused_) {
      EXPECT_EQ(refused_->payload, payload) << "in the server's own words";
    }
    stack_.leader().refuse_with({});
    drop();
    EXPECT_TRUE(parts_.no_task_left());
    // The next row begins without what this one has left idle.
    stack_.on_worker([](Worker& worker) { worker.shared.make_room(config::Backend::old_db); });
    EXPECT_TRUE(support::eventually([&] { return stack_.leader().connections("control") == 0; }));
  }
}

TEST(DrawNonce, HasNoByteThatOldClientsTripOver) {
  std::mt19937_64 random(1);
  std::set<std::uint8_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const protocol::Nonce nonce = draw_nonce(random);
    seen.insert(nonce.begin(), nonce.end());
  }
  EXPECT_EQ(seen.size(), 126u) << "all others come";
  EXPECT_FALSE(seen.contains(0));
  EXPECT_FALSE(seen.contains('$'));
  EXPECT_LT(*seen.rbegin(), 128);
}

}  // namespace
}  // namespace crossfade::proxy
