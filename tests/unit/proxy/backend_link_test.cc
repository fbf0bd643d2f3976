#include "proxy/backend/backend_link.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protocol/command.h"
#include "tests/support/fake_backend.h"
#include "tests/support/loop_thread.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::FakeBackend;
using support::Fault;
using support::LoopThread;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using LinkOr = absl::StatusOr<std::unique_ptr<BackendLink>>;
using CapturedOr = absl::StatusOr<Captured>;
using ResultsOr = absl::StatusOr<std::vector<protocol::ResultSet>>;

TimePoint soon() { return Clock::now() + std::chrono::seconds(10); }

class BackendLinkTest : public ::testing::Test {
 protected:
  BackendLinkTest() { options_ = options(backend_); }
  // A link belongs to its loop's thread, also in its end.
  ~BackendLinkTest() override {
    loop_.await<bool>([this] { return drop(link_); });
  }

  static LinkOptions options(const FakeBackend& backend) {
    LinkOptions options;
    options.address = backend.address();
    options.user = "app";
    options.password = "secret";
    options.schema = "shop";
    options.mirrored = protocol::kDeprecateEof;
    return options;
  }
  static Task<bool> alive(BackendLink& link) { co_return link.alive(); }
  static Task<bool> drop(std::unique_ptr<BackendLink>& link) {
    link.reset();
    co_return true;
  }
  absl::Status open() {
    auto opened = loop_.await<LinkOr>(
        [this] { return BackendLink::open(loop_.reactor, options_, counters_, soon(), &refused_); });
    if (opened.ok()) link_ = *std::move(opened);
    return opened.status();
  }
  CapturedOr run(const std::string& sql, std::size_t bytes_max = BackendLink::kCaptureMax) {
    return loop_.await<CapturedOr>([&] { return link_->run(sql, soon(), bytes_max); });
  }
  ResultsOr query(const std::string& sql) {
    return loop_.await<ResultsOr>([&] { return link_->query(sql, soon()); });
  }
  std::uint64_t connections() const { return counters_.backend_connections_open[0].get(); }

  FakeBackend backend_{{}};
  LoopThread loop_;
  Counters counters_;
  LinkOptions options_;
  std::optional<Refusal> refused_;
  std::unique_ptr<BackendLink> link_;
};

TEST_F(BackendLinkTest, LogsInToMariadb) {
  ASSERT_TRUE(open().ok());
  EXPECT_TRUE(link_->is_mariadb());
  EXPECT_TRUE(link_->alive());
  EXPECT_EQ(link_->greeting().server_version, "5.5.5-10.11.19-MariaDB");
  EXPECT_NE(link_->capabilities() & protocol::kDeprecateEof, 0u);
  EXPECT_EQ(connections(), 1u);
}

// A server whose backlog is full greets nobody.
TEST_F(BackendLinkTest, ConnectsOnlyWhenThereIsAPlaceAtTheDoorAndLeavesItOnceGreeted) {
  Places door(1);
  options_.at_the_door = &door;
  auto place = loop_.await<absl::StatusOr<Places::Place>>([&] { return door.take(loop_.reactor, soon()); });
  auto early = loop_.await<LinkOr>([&] {
    return BackendLink::open(loop_.reactor, options_, counters_, Clock::now() + std::chrono::milliseconds(1), nullptr);
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(early.status())) << early.status();
  EXPECT_EQ(backend_.logins("app") + backend_.abandoned(), 0u);
  place = absl::CancelledError();
  ASSERT_TRUE(open().ok());
  auto free = loop_.await<absl::StatusOr<Places::Place>>([&] { return door.take(loop_.reactor, Clock::now()); });
  EXPECT_TRUE(free.ok()) << "the link that is open holds none";
}

TEST_F(BackendLinkTest, LogsInToMysqlAndAsksOnlyForWhatTheClientMirrors) {
  FakeBackend mysql({.name = "new", .version = "9.7.4", .without = 0});
  options_ = options(mysql);
  options_.mirrored = protocol::kFoundRows;
  ASSERT_TRUE(open().ok());
  EXPECT_FALSE(link_->is_mariadb());
  EXPECT_EQ(link_->capabilities() & protocol::kDeprecateEof, 0u);
  EXPECT_NE(link_->capabilities() & protocol::kFoundRows, 0u);
  EXPECT_EQ(query("SELECT v FROM t")->front().rows[0][0], "new");
  loop_.await<bool>([this] { return drop(link_); });
}

TEST_F(BackendLinkTest, ARefusalComesInTheServersOwnWords) {
  options_.password = "wrong";
  const absl::Status status = open();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("backend 'old' at 127.0.0.1:"));
  ASSERT_TRUE(refused_.has_value());
  EXPECT_EQ(refused_->err.code, 1045);
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(counters_.backend_connect_failures[0].get(), 1u);
}

TEST_F(BackendLinkTest, ABackendThatHangsUpDuringLoginIsUnavailable) {
  backend_.go_down();
  EXPECT_TRUE(absl::IsUnavailable(open()));
  EXPECT_FALSE(refused_.has_value());
  EXPECT_EQ(connections(), 0u);
}

TEST_F(BackendLinkTest, LogsInWhateverThePieces) {
  for (const std::size_t piece : {1, 2, 3, 7}) {
    backend_.set_piece_bytes(piece);
    ASSERT_TRUE(open().ok()) << piece;
    loop_.await<bool>([this] { return drop(link_); });
  }
}

TEST_F(BackendLinkTest, ABackendThatHangsUpAtAnyPointOfALoginIsUnavailable) {
  std::size_t messages = 0;
  for (;; ++messages) {
    backend_.hang_up_after(messages);
    const absl::Status status = open();
    if (status.ok()) break;
    EXPECT_TRUE(absl::IsUnavailable(status)) << messages;
    EXPECT_EQ(connections(), 0u);
  }
  EXPECT_EQ(messages, 2u);
}

TEST_F(BackendLinkTest, AsksAgainWhatAKillOfTheClientsStatementHasMet) {
  ASSERT_TRUE(open().ok());
  const auto ask = [this] { return loop_.await<ResultsOr>([&] { return link_->ask("SELECT v FROM t", soon()); }); };
  for (const auto& [code, times] : {std::pair(1317, 2), std::pair(1205, 1)}) {
    backend_.arm({.kind = Fault::Kind::err, .code = static_cast<std::uint16_t>(code), .on = "SELECT v"});
    backend_.forget_packets();
    const ResultsOr answer = ask();
    EXPECT_EQ(answer.ok(), code == 1317) << answer.status();
    EXPECT_THAT(backend_.packets("app"), SizeIs(times));
    EXPECT_TRUE(backend_.fired());
  }
  EXPECT_EQ(ask()->front().rows[0][0], "old");
}

TEST_F(BackendLinkTest, ChangesTheUserOrHearsWhyNot) {
  ASSERT_TRUE(open().ok());
  const auto change = [this](const std::string& user) {
    LinkOptions other = options_;
    other.user = user;
    return loop_.await<absl::Status>([&] { return link_->change_user(other, soon(), &refused_); });
  };
  EXPECT_TRUE(change("other").ok());
  EXPECT_EQ(backend_.connections("other"), 1u);
  EXPECT_EQ(backend_.connections("app"), 0u);
  EXPECT_TRUE(absl::IsPermissionDenied(change("nobody")));
  ASSERT_TRUE(refused_.has_value());
  EXPECT_EQ(refused_->err.code, 1045);
  EXPECT_TRUE(query("SELECT 1").ok());  // MariaDB goes on as the old user
  EXPECT_EQ(backend_.connections("other"), 1u);
}

TEST_F(BackendLinkTest, ABackendThatSaysNothingMeetsTheDeadline) {
  // The listening queue takes the connection; nobody greets.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof local;
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&local), sizeof local), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&local), &length), 0);
  options_.address.port = ntohs(local.sin_port);
  const auto opened = loop_.await<LinkOr>([this] {
    return BackendLink::open(loop_.reactor, options_, counters_, Clock::now() + std::chrono::milliseconds(5), nullptr);
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(opened.status())) << opened.status();
  EXPECT_EQ(connections(), 0u);
  close(listener);
}

TEST_F(BackendLinkTest, TakesApartSeveralResults) {
  ASSERT_TRUE(open().ok());
  for (const std::size_t piece : {0, 1, 2, 3, 7}) {
    backend_.set_piece_bytes(piece);
    const auto captured = run("BEGIN;SELECT v FROM t;UPDATE t SET v=1;COMMIT");
    ASSERT_TRUE(captured.ok()) << captured.status();
    ASSERT_THAT(captured->results, SizeIs(4));
    EXPECT_EQ(captured->results[1].outcome.kind, protocol::ResultEnd::Kind::rows);
    EXPECT_EQ(captured->results[2].outcome.ok.affected_rows, 1u);
    EXPECT_NE(captured->results[2].outcome.ok.status & protocol::kStatusInTransaction, 0);
    EXPECT_EQ(captured->last().ok.status & protocol::kStatusInTransaction, 0);
    EXPECT_EQ(captured->results.back().end, captured->wire.size());
    const auto rows = protocol::decode_response(captured->bytes_of(captured->results.back()),
                                                protocol::ResponseKind::query, link_->capabilities());
    EXPECT_TRUE(rows.ok());
  }
}

TEST_F(BackendLinkTest, AnErrorIsAValueOfRunAndAStatusOfQuery) {
  ASSERT_TRUE(open().ok());
  const auto captured = run("SELECT 1;INSERT INTO missing VALUES(1);SELECT 2");
  ASSERT_TRUE(captured.ok());
  EXPECT_TRUE(captured->failed());
  EXPECT_THAT(captured->results, SizeIs(2));
  const auto results = query("INSERT INTO missing VALUES(1)");
  EXPECT_EQ(std::string(results.status().message()), "1146 (42S02): Table 'shop.missing' doesn't exist");
  EXPECT_TRUE(absl::IsFailedPrecondition(results.status()));
  EXPECT_TRUE(query("SELECT 1").ok());
}

TEST_F(BackendLinkTest, AnAnswerAtTheLimitPassesAndOnePastItFails) {
  ASSERT_TRUE(open().ok());
  const std::size_t size = run("SELECT v FROM t")->wire.size();
  EXPECT_TRUE(run("SELECT v FROM t", size).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(run("SELECT v FROM t", size - 1).status()));
}

TEST_F(BackendLinkTest, ADroppedConnectionIsUnavailableWhereverItDrops) {
  for (const auto kind : {Fault::Kind::drop_before, Fault::Kind::drop_after}) {
    for (std::size_t at = 0; at < 3; ++at) {
      ASSERT_TRUE(open().ok());
      backend_.arm({.kind = kind, .at = at});
      EXPECT_TRUE(absl::IsUnavailable(run("SELECT 1;SELECT 2;SELECT 3").status())) << at;
      EXPECT_TRUE(backend_.fired());
      backend_.disarm();
      loop_.await<bool>([this] { return drop(link_); });
      EXPECT_EQ(connections(), 0u);
    }
  }
}

TEST_F(BackendLinkTest, KnowsThatTheServerHasLeftWhileIdle) {
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(query("SELECT 1").ok());
  backend_.go_down();
  EXPECT_TRUE(support::eventually([this] { return !loop_.await<bool>([this] { return alive(*link_); }); }));
}

Task<CapturedOr> two_at_once(BackendLink& link) {
  protocol::Buffer wire;
  for (const char* sql : {"SELECT 1", "UPDATE t SET v=1"}) protocol::append_command(wire, protocol::encode_query(sql));
  const absl::Status sent = co_await link.send(wire, soon());
  if (!sent.ok()) co_return sent;
  auto first = co_await link.capture(protocol::ResponseKind::query, soon());
  if (!first.ok()) co_return first.status();
  EXPECT_EQ(first->last().kind, protocol::ResultEnd::Kind::rows);
  co_return co_await link.capture(protocol::ResponseKind::query, soon());
}

TEST_F(BackendLinkTest, PipelinedCommandsAreAnsweredOneByOne) {
  ASSERT_TRUE(open().ok());
  const auto second = loop_.await<CapturedOr>([this] { return two_at_once(*link_); });
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->last().ok.affected_rows, 1u);
  EXPECT_TRUE(link_->early().empty());
}

}  // namespace
}  // namespace crossfade::proxy
