// Sessions under a feed that follows the leader's row log: relays, which know their last commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "protocol/error_codes.h"
#include "session_writes.h"
#include "tests/support/fake_feed.h"
#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {
namespace {

using ServerAnswer = support::Answer;
using support::Client;
using support::FakeFeed;
using support::ProxyStack;
using support::Reply;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

config::Flags with(config::Ack ack, std::uint32_t read_from_new_ppm = 0) {
  config::Flags flags;
  flags.dual_write.ack = ack;
  flags.read_from_new.percent = config::Percent::from_ppm(read_from_new_ppm);
  return flags;
}
config::Flags reads_all_from_new() { return with(config::Ack::leader, config::Percent::kWhole); }

protocol::Buffer variable(std::string_view name, std::string_view value) {
  protocol::Buffer content;
  protocol::put_lenenc_text(content, name);
  protocol::put_lenenc_text(content, value);
  protocol::Buffer out;
  protocol::put_u8(out, 0);
  protocol::put_lenenc(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

ServerAnswer telling(ServerAnswer answer, const protocol::Buffer& state) {
  answer.ok.status |= protocol::kStatusSessionStateChanged;
  answer.ok.session_state = protocol::as_text(state);
  return answer;
}

// A MariaDB that tells the GTID of each INSERT, and of one CALL that it changed the session.
std::optional<ServerAnswer> mariadb_that_tells(const std::string& user, const std::string& sql) {
  if (user != "app") return std::nullopt;
  if (sql.starts_with("SELECT @@session_track_system_variables")) {
    return ServerAnswer::of({"variables", "state"}, {{"autocommit", "0"}});
  }
  if (sql.starts_with("SELECT @@wait_timeout")) return ServerAnswer::of({"wait_timeout"}, {{"28800"}});
  if (sql.starts_with("SHOW GLOBAL STATUS"))
    return ServerAnswer::of({"name", "value"}, {{"Com_kill", "0"}, {"Uptime", "9"}});
  if (sql.starts_with("INSERT")) return telling(ServerAnswer::done(1), variable("last_gtid", "0-1-54"));
  if (sql.starts_with("UPDATE")) {
    protocol::Buffer state = variable("time_zone", "UTC");
    const protocol::Buffer gtid = variable("last_gtid", "0-1-55");
    state.insert(state.end(), gtid.begin(), gtid.end());
    return telling(ServerAnswer::done(1), state);
  }
  if (sql == "CALL changes()") return telling(ServerAnswer::done(), protocol::Buffer{2, 2, 1, '1'});
  if (sql.starts_with("CALL")) return ServerAnswer::done();
  return std::nullopt;
}

std::vector<std::string> gtids(const std::vector<Commit>& commits) {
  std::vector<std::string> out;
  for (const Commit& commit : commits) out.push_back(commit.gtid);
  return out;
}

TEST(SessionRows, EverythingPassesAsItIsAndTheProxyAsksNothing) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.feed = &feed});
  Client::Options options;
  options.capabilities |= protocol::kMultiStatements;
  const auto client = stack.connect(options);
  stack.leader().forget_packets();
  const std::vector<std::string> texts = {
      "SET NAMES 'utf8mb4'",
      "SET SESSION sql_mode='ANSI_QUOTES'",
      "INSERT INTO t (name) VALUES (\"a\\\"b\") ON DUPLICATE KEY UPDATE v = v + 1",
      "INSERT INTO t SELECT UUID()",
      "UPDATE t SET v = v + 1 ORDER BY RAND() LIMIT 3",
      "BEGIN",
      "DELETE FROM t WHERE v > 3",
      "SAVEPOINT \xc3\xa9",
      "ROLLBACK TO \xc3\xa9",
      "COMMIT",
      "CREATE TABLE u (a INT)",
      "CREATE TEMPORARY TABLE tmp (a INT)",
      "CALL p()",
      "PREPARE s FROM 'DELETE FROM t'",
      "EXECUTE s",
      "LOCK TABLES t WRITE",
      "UNLOCK TABLES",
      "XA START 'x'",
      "GRANT SELECT ON t TO u",
      "SET autocommit=0",
      "SET autocommit=1",
      "SELECT f(1)",
      "SELECT v FROM t",
      "FROBNICATE",
      "SHOW WARNINGS",
  };
  for (const std::string& text : texts) EXPECT_NE(client->query(text).kind, Reply::Kind::err) << text;
  EXPECT_THAT(stack.leader().packets("app"), ElementsAreArray(texts));
  EXPECT_EQ(stack.count([](const Counters& c) { return c.writes.get(); }), 4u);
}

TEST(SessionRows, AnErrorInsideATransactionIsTheServersAndNothingIsProbed) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.feed = &feed});
  const auto client = stack.connect();
  stack.leader().forget_packets();
  client->query("BEGIN");
  stack.leader().arm({.kind = support::Fault::Kind::err, .code = 1205, .on = "UPDATE"});
  EXPECT_EQ(client->query(kUpdate).code(), 1205);
  EXPECT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_THAT(stack.leader().packets("app"), ElementsAre("BEGIN", kUpdate, "COMMIT"));
}

TEST(SessionRows, PreparedStatementsOfAllKindsAreRelayed) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.feed = &feed});
  const auto client = stack.connect();
  for (const char* sql : {"INSERT INTO t (id) VALUES (?) ON DUPLICATE KEY UPDATE v = UUID()", "CALL p(?)",
                          "UPDATE t SET v = ?", "DO f(?)"}) {
    const std::uint32_t statement = client->prepare(sql);
    ASSERT_NE(statement, 0u) << sql;
    EXPECT_NE(client->execute(statement, {1}).kind, Reply::Kind::err) << sql;
  }
}

TEST(SessionRows, SetsThatHideWritesAreRefusedInEveryForm) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.feed = &feed});
  Client::Options options;
  options.capabilities |= protocol::kMultiStatements;
  const auto client = stack.connect(options);
  stack.leader().forget_packets();
  for (const char* sql : {"SET sql_log_bin=0", "SET STATEMENT binlog_format='STATEMENT' FOR DELETE FROM t",
                          "SELECT 1; SET sql_log_bin=0", "PREPARE s FROM 'SET sql_log_bin=0'"}) {
    const Reply reply = client->query(sql);
    EXPECT_EQ(reply.code(), 1235) << sql;
    EXPECT_THAT(reply.err.message, HasSubstr("row log")) << sql;
  }
  Reply refused;
  EXPECT_EQ(client->prepare("SET sql_log_bin=?", &refused), 0u);
  EXPECT_EQ(refused.code(), 1235);
  EXPECT_THAT(stack.leader().packets("app"), IsEmpty());
  EXPECT_EQ(stack.count([](const Counters& c) { return c.refused_statements.get(); }), 5u);
}

TEST(SessionRows, UnderAckBothTheOkIsHeldUntilItsGtidIsThere) {
  FakeFeed feed;
  feed.set_applies(false);
  ProxyStack stack(ProxyStack::Options{
      .flags = with(config::Ack::both),
      .tune = [](config::Config& config) { config.dual_write.ack_timeout = std::chrono::seconds(60); },
      .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_query(kInsert));
  ASSERT_TRUE(client->send(wire));
  ASSERT_TRUE(support::eventually([&] { return feed.awaited().size() == 1; }));
  EXPECT_THAT(gtids(feed.awaited()), ElementsAre("0-1-54"));
  feed.set_applies(true);
  EXPECT_TRUE(client->read(protocol::ResponseKind::query).is_ok());
  const std::uint32_t statement = client->prepare("INSERT INTO t (id, v) VALUES (?, ?)");
  EXPECT_TRUE(client->execute(statement, {1, 2}).is_ok());
  EXPECT_THAT(feed.awaited(), SizeIs(2));
  EXPECT_EQ(client->query("SELECT v FROM t").kind, Reply::Kind::rows);
  EXPECT_TRUE(client->query("SET @a = 1").is_ok());
  EXPECT_THAT(feed.awaited(), SizeIs(2));  // an OK without a GTID has committed nothing
  EXPECT_EQ(stack.count([](const Counters& c) { return c.ack_timeouts.get(); }), 0u);
  EXPECT_EQ(stack.count([](const Counters& c) { return c.transactions.get(); }), 2u);
}

TEST(SessionRows, PastItsTimeoutAnOkIsGivenAllTheSameAndCounted) {
  FakeFeed feed;
  feed.set_applies(false);
  ProxyStack stack(ProxyStack::Options{
      .flags = with(config::Ack::both),
      .tune = [](config::Config& config) { config.dual_write.ack_timeout = std::chrono::milliseconds(5); },
      .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_EQ(stack.count([](const Counters& c) { return c.ack_timeouts.get(); }), 1u);
}

TEST(SessionRows, WithoutTrackingWhateverMayHaveCommittedIsWaitedForByItsTime) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.flags = with(config::Ack::both), .feed = &feed});
  const auto client = stack.connect();  // the fake backend tells nothing: its answer to the question is odd
  EXPECT_TRUE(client->query("BEGIN").is_ok());
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_THAT(feed.awaited(), IsEmpty());
  EXPECT_TRUE(client->query("COMMIT").is_ok());
  EXPECT_THAT(gtids(feed.awaited()), ElementsAre(""));
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_THAT(feed.awaited(), SizeIs(2));
  EXPECT_EQ(client->query("SELECT v FROM t").kind, Reply::Kind::rows);
  EXPECT_TRUE(client->query("BEGIN").is_ok());
  EXPECT_TRUE(client->query("ROLLBACK").is_ok());
  EXPECT_THAT(feed.awaited(), SizeIs(3));  // what has no transactions would have stayed
}

TEST(SessionRows, ReadsFollowTheSessionsOwnLastCommit) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{
      .flags = reads_all_from_new(),
      .tune = [](config::Config& config) { config.reads.read_your_writes_timeout = std::chrono::milliseconds(5); },
      .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  EXPECT_THAT(feed.awaited(), IsEmpty());
  feed.set_applies(false);
  EXPECT_TRUE(client->query(kInsert).is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_THAT(gtids(feed.awaited()), ElementsAre("0-1-54"));
  const std::uint32_t statement = client->prepare("SELECT v FROM t WHERE id = ?");
  EXPECT_EQ(client->execute(statement, {1}).cell(), "old");
  feed.set_applies(true);
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  feed.forget();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  EXPECT_THAT(feed.awaited(), IsEmpty());  // known to have arrived
}

TEST(SessionRows, StrictReadsFollowWhatAnybodyHasCommitted) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.flags = reads_all_from_new(),
                                       .tune =
                                           [](config::Config& config) {
                                             config.reads.consistency = config::ReadConfig::Consistency::strict;
                                             config.reads.read_your_writes_timeout = std::chrono::milliseconds(5);
                                           },
                                       .feed = &feed});
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  EXPECT_THAT(gtids(feed.awaited()), ElementsAre(""));  // by its time, though this session has written nothing
  feed.set_applies(false);
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  const std::uint32_t statement = client->prepare("SELECT v FROM t WHERE id = ?");
  EXPECT_EQ(client->execute(statement, {1}).cell(), "old");
  feed.set_applies(true);
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
}

TEST(SessionRows, WhatOnlyTheProxyAskedForReachesNoClientHoweverItArrives) {
  for (const protocol::Capabilities asked : {protocol::Capabilities{0}, protocol::kSessionTrack}) {
    FakeFeed feed;
    ProxyStack stack(ProxyStack::Options{.flags = with(config::Ack::both), .feed = &feed});
    stack.leader().set_script(mariadb_that_tells);
    Client::Options options;
    options.capabilities |= asked;
    const auto client = stack.connect(options);
    const std::string left(protocol::as_text(variable("time_zone", "UTC")));
    for (std::size_t piece = 0; piece < 50; ++piece) {
      feed.forget();
      stack.leader().set_piece_bytes(piece);
      const Reply insert = client->query(kInsert);
      EXPECT_TRUE(insert.is_ok()) << piece;
      EXPECT_EQ(insert.ok.session_state, "") << piece;
      EXPECT_EQ(insert.ok.status & protocol::kStatusSessionStateChanged, 0) << piece;
      const Reply update = client->query(kUpdate);
      EXPECT_TRUE(update.is_ok()) << piece;
      EXPECT_EQ(update.ok.session_state, asked != 0 ? left : "") << piece;
      EXPECT_THAT(gtids(feed.awaited()), ElementsAre("0-1-54", "0-1-55")) << piece;
    }
  }
}

// How often an application's connection has been told to track.
std::size_t track_requests(support::FakeBackend& leader) {
  std::size_t count = 0;
  for (const std::string& sql : leader.packets("app")) {
    if (sql.find("session_track_system_variables=CONCAT") != std::string::npos) ++count;
  }
  return count;
}

TEST(SessionRows, TrackingIsAskedForOnlyWhereTheFlagsNeedItAndAgainAfterEachReset) {
  FakeFeed feed;
  {
    ProxyStack stack(ProxyStack::Options{.feed = &feed});
    const auto client = stack.connect();
    EXPECT_EQ(track_requests(stack.leader()), 0u);
  }
  ProxyStack stack(ProxyStack::Options{.flags = reads_all_from_new(), .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  EXPECT_EQ(track_requests(stack.leader()), 1u);
  EXPECT_TRUE(
      client
          ->command(protocol::encode_simple(protocol::CommandByte::reset_connection), protocol::ResponseKind::ok_or_err)
          .is_ok());
  EXPECT_EQ(track_requests(stack.leader()), 2u);
}

TEST(SessionRows, ACallKeepsReadsWithTheLeaderOnlyIfItHasChangedTheSession) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.flags = reads_all_from_new(), .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  EXPECT_TRUE(client->query("CALL p()").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  EXPECT_TRUE(client->query("CALL changes()").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_TRUE(
      client
          ->command(protocol::encode_simple(protocol::CommandByte::reset_connection), protocol::ResponseKind::ok_or_err)
          .is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
}

TEST(SessionRows, TemporaryTablesAndLocksKeepReadsWithTheLeader) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.flags = reads_all_from_new(), .feed = &feed});
  stack.leader().set_script([](const std::string& user, const std::string& sql) -> std::optional<ServerAnswer> {
    if (sql.starts_with("DROP") || sql.starts_with("LOCK") || sql.starts_with("UNLOCK")) return ServerAnswer::done();
    return mariadb_that_tells(user, sql);
  });
  const auto client = stack.connect();
  EXPECT_TRUE(client->query("CREATE TEMPORARY TABLE tmp (a INT)").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_TRUE(client->query("DROP TEMPORARY TABLE tmp").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
  EXPECT_TRUE(client->query("LOCK TABLES t WRITE").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_TRUE(client->query("UNLOCK TABLES").is_ok());
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "new");
}

TEST(SessionRows, ReadsOfAStoppedTableStayWithTheLeader) {
  FakeFeed feed;
  feed.stop_table("shop", "t");
  ProxyStack stack(ProxyStack::Options{.flags = reads_all_from_new(), .feed = &feed});
  const auto client = stack.connect();
  EXPECT_EQ(client->query("SELECT v FROM t").cell(), "old");
  EXPECT_EQ(client->query("SELECT v FROM other").cell(), "new");
  EXPECT_EQ(client->query("SELECT v FROM missing_view").cell(), "old");  // may be a view over it
  const std::uint32_t statement = client->prepare("SELECT v FROM shop.t WHERE id = ?");
  EXPECT_EQ(client->execute(statement, {1}).cell(), "old");
}

TEST(SessionRows, AnIdleConnectionThatIsLostIsReplacedAndTracksAgain) {
  FakeFeed feed;
  ProxyStack stack(ProxyStack::Options{.flags = with(config::Ack::both), .feed = &feed});
  stack.leader().set_script(mariadb_that_tells);
  const auto client = stack.connect();
  ASSERT_TRUE(client->query(kInsert).is_ok());
  stack.leader().go_down();
  stack.leader().come_back();
  EXPECT_TRUE(client->query(kUpdate).is_ok());
  EXPECT_THAT(gtids(feed.awaited()), ElementsAre("0-1-54", "0-1-55"));
  EXPECT_EQ(stack.count([](const Counters& c) { return c.leader_reattached.get(); }), 1u);
}

TEST(SessionRows, WhileNoFeedIsChosenNoClientIsLetIn) {
  ProxyStack stack;
  FakeFeed feed;
  stack.feed().choose(FeedKind::undecided, feed, "the leader has not been asked yet");
  const auto refused = stack.try_connect({});
  EXPECT_FALSE(refused.ok());
}

}  // namespace
}  // namespace crossfade::proxy
