#include "proxy/session/links/follower_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using support::Fault;
using support::ProxyStack;
using support::SessionParts;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using KillWhat = routing::KillTarget::What;

class FollowerSessionTest : public ::testing::Test {
 protected:
  FollowerSessionTest() { parts_.enter(); }

  void know_state() {
    ASSERT_TRUE(parts_.await<absl::Status>([](Conversation& s) { return s.leader.refresh_context(); }).ok());
  }
  // The server's id of the connection that it gives.
  absl::StatusOr<std::uint32_t> ready() { return parts_.await<absl::StatusOr<std::uint32_t>>(ready_of); }
  static Task<absl::StatusOr<std::uint32_t>> ready_of(Conversation& s) {
    auto following = co_await s.follower.ready();
    if (!following.ok()) co_return following.status();
    EXPECT_EQ(*following, s.follower.link());
    co_return (*following)->greeting().connection_id;
  }
  bool has_link() {
    bool has = false;
    parts_.with([&](Conversation& s) { has = s.follower.link() != nullptr; });
    return has;
  }
  std::size_t logins() { return stack_.follower().logins("app"); }
  std::vector<std::string> said() { return stack_.follower().packets("app"); }
  std::vector<std::string> kills() {
    std::vector<std::string> out = stack_.follower().packets("control");
    std::erase_if(out, [](const std::string& sql) { return !sql.starts_with("KILL"); });
    return out;
  }

  ProxyStack stack_;
  SessionParts parts_{stack_};
};

TEST_F(FollowerSessionTest, WhileTheStateIsNotKnownNothingIsOpened) {
  EXPECT_TRUE(absl::IsUnavailable(ready().status()));
  EXPECT_FALSE(has_link());
  EXPECT_EQ(logins(), 0u);
}

TEST_F(FollowerSessionTest, TheFirstReadOpensAReadOnlyConnectionInTheSessionsState) {
  know_state();
  EXPECT_FALSE(has_link()) << "nobody has read";
  const auto first = ready();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto in_state =
      ElementsAre(AllOf(StartsWith("SET "), HasSubstr("sql_mode")), "SET SESSION TRANSACTION READ ONLY", "USE `shop`");
  EXPECT_THAT(said(), in_state);
  parts_.with([](Conversation& s) {
    EXPECT_NE(s.identity.capabilities & protocol::kLocalFiles, 0u);
    EXPECT_EQ(s.follower.link()->capabilities() & protocol::kLocalFiles, 0u) << "nothing there may ask for a file";
  });
  const auto second = ready();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_THAT(said(), in_state) << "and is not told again";
}

TEST_F(FollowerSessionTest, ANewStateIsRepeatedOnTheSameConnection) {
  know_state();
  const auto first = ready();
  parts_.with([](Conversation& s) { s.state.known.use_schema("other"); });
  EXPECT_TRUE(absl::IsUnavailable(ready().status())) << "until the leader has said what it is";
  EXPECT_EQ(said().size(), 3u);
  know_state();
  const auto second = ready();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(said().size(), 6u);
}

TEST_F(FollowerSessionTest, WhatWentWrongSaysWhetherTheConnectionIsKept) {
  struct Row {
    absl::Status why;
    bool kept;
  };
  const Row rows[] = {
      {absl::FailedPreconditionError("1146 (42S02)"), true},
      {absl::UnavailableError("gone"), false},
      {absl::DeadlineExceededError("late"), false},
      {absl::CancelledError("killed"), false},
      {absl::InternalError("no answer"), false},
      {absl::ResourceExhaustedError("too large"), false},
  };
  know_state();
  std::uint64_t fallen_back = 0;
  for (const Row& row : rows) {
    ASSERT_TRUE(ready().ok());
    parts_.with([&](Conversation& s) { s.follower.leave(row.why); });
    EXPECT_EQ(has_link(), row.kept) << row.why;
    fallen_back += row.kept ? 1 : 0;
    EXPECT_EQ(stack_.count([](const Counters& counters) { return counters.reads_fallen_back.get(); }), fallen_back);
  }
}

TEST_F(FollowerSessionTest, AStateThatIsRefusedPinsReadsAndALostConnectionDoesNot) {
  for (const Fault::Kind kind : {Fault::Kind::drop_before, Fault::Kind::drop_after, Fault::Kind::err}) {
    for (std::size_t at = 0; at < 3; ++at) {
      parts_.with([](Conversation& s) { s.state.known.reset(); });
      know_state();
      stack_.follower().arm({.kind = kind, .at = at, .code = 1193});
      EXPECT_TRUE(absl::IsUnavailable(ready().status())) << at;
      EXPECT_TRUE(stack_.follower().fired());
      EXPECT_FALSE(has_link()) << "in half a state";
      parts_.with([&](Conversation& s) { EXPECT_EQ(s.state.known.reads_pinned(), kind == Fault::Kind::err) << at; });
      stack_.follower().disarm();
    }
  }
}

TEST_F(FollowerSessionTest, AConnectionThatBrokeIsFollowedByANewOneInTheSameState) {
  know_state();
  ASSERT_TRUE(ready().ok());
  parts_.with([](Conversation& s) {
    PreparedStatement known;
    known.id_on(s.site.leader()) = 7;
    known.id_on(s.site.follower()) = 8;
    s.state.prepared.add(std::move(known));
  });
  stack_.follower().go_down();
  EXPECT_TRUE(support::eventually([&] {
    bool alive = true;
    parts_.with([&](Conversation& s) { alive = s.follower.link()->alive(); });
    return !alive;
  }));
  EXPECT_FALSE(ready().ok()) << "the leader answers";
  EXPECT_FALSE(has_link());
  stack_.follower().come_back();
  stack_.follower().forget_packets();
  EXPECT_TRUE(ready().ok());
  EXPECT_EQ(logins(), 2u);
  EXPECT_EQ(said().size(), 3u);
  parts_.with([](Conversation& s) {
    PreparedStatement& known = *s.state.prepared.find(s.state.prepared.last());
    EXPECT_EQ(known.id_on(s.site.leader()), 7u);
    EXPECT_FALSE(known.id_on(s.site.follower()).has_value()) << "the new connection knows none";
  });
}

TEST_F(FollowerSessionTest, QuitLeavesTheServerAndTheNextReadOpensAnew) {
  know_state();
  const auto first = ready();
  parts_.with([](Conversation& s) { s.follower.quit(); });
  EXPECT_TRUE(support::eventually([&] { return stack_.follower().connections("app") == 0; }));
  const auto second = ready();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second);
  EXPECT_EQ(said().size(), 6u) << "in the session's state again";
}

// What of a KILL is repeated here: only what a read is about, and of a query only while it runs.
TEST_F(FollowerSessionTest, AKillReachesTheReadThatRuns) {
  struct Row {
    bool begun;
    KillWhat what;
    bool ended;  // by the time the control connection stands
    const char* said;
  };
  const Row rows[] = {
      {false, KillWhat::query, false, ""},
      {false, KillWhat::connection, false, ""},
      {true, KillWhat::query, false, "KILL QUERY "},
      {true, KillWhat::connection, false, "KILL "},
      {true, KillWhat::query, true, ""},
      {true, KillWhat::connection, true, "KILL "},
  };
  know_state();
  for (const Row& row : rows) {
    const auto id = ready();
    ASSERT_TRUE(id.ok()) << id.status();
    stack_.follower().forget_packets();
    parts_.with([&](Conversation& s) {
      if (row.begun) s.follower.begin_read();
      s.follower.interrupt(row.what);
      if (row.ended) s.follower.end_read();
    });
    ASSERT_TRUE(parts_.no_task_left());
    const std::string text = row.said;
    const std::vector<std::string> expected =
        text.empty() ? std::vector<std::string>() : std::vector<std::string>{text + std::to_string(*id)};
    EXPECT_EQ(kills(), expected) << row.begun << row.ended;
    parts_.with([](Conversation& s) {
      s.follower.end_read();
      s.follower.interrupt(KillWhat::query);
    });
    EXPECT_TRUE(parts_.no_task_left());
    EXPECT_EQ(kills(), expected) << "nothing runs any more";
  }
}

Task<absl::Status> read_slowly(Conversation& s) {
  auto following = co_await s.follower.ready();
  if (!following.ok()) co_return following.status();
  s.follower.begin_read();
  const TimePoint deadline = s.site.in(std::chrono::seconds(20));
  auto answer = co_await (*following)->run("SELECT slowly", deadline);
  s.follower.end_read();
  s.follower.leave(answer.status());
  co_return answer.status();
}

TEST_F(FollowerSessionTest, WhoseConnectionIsKilledDoesNotWaitForTheAnswer) {
  know_state();
  std::promise<void> asked;
  std::promise<void> may_answer;
  stack_.follower().set_script([&](const std::string&, const std::string& sql) -> std::optional<support::Answer> {
    if (sql != "SELECT slowly") return std::nullopt;
    asked.set_value();
    may_answer.get_future().wait();
    return std::nullopt;
  });
  auto read = parts_.start<absl::Status>(read_slowly);
  asked.get_future().wait();
  parts_.with([](Conversation& s) { s.follower.interrupt(KillWhat::connection); });
  EXPECT_TRUE(absl::IsCancelled(read.get()));
  EXPECT_FALSE(has_link()) << "in the middle of an answer";
  may_answer.set_value();
  EXPECT_TRUE(support::eventually([&] { return stack_.follower().connections("app") == 0; }));
}

}  // namespace
}  // namespace crossfade::proxy
