#include "proxy/session/links/ddl_announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/packed_fields.h"
#include "routing/classify.h"
#include "tests/support/fake_feed.h"
#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using support::FakeBackend;
using support::FakeFeed;
using support::ProxyStack;
using support::SessionParts;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kIntent = 41;

// A packed field, as it is written in a statement of the control account's.
std::string field(const std::string& text) {
  std::string out;
  dualwrite::put_field(out, text);
  return dualwrite::hex(protocol::as_bytes(out));
}

routing::StatementFacts ddl_facts(std::string_view sql) { return routing::classify(sql, {.mariadb = true}); }

// A leader with triggers, whose schema changes all come through this proxy.
class DdlAnnouncementTest : public ::testing::Test {
 protected:
  explicit DdlAnnouncementTest(FakeBackend::Options leader = {.name = "old"})
      : stack_({.feed = &feed_, .leader = std::move(leader)}) {
    stack_.feed().choose(FeedKind::trigger, feed_, "chosen by the test");
    stack_.leader().set_script([this](const std::string&, const std::string& sql) { return answer(sql); });
    parts_.enter();
  }

  std::optional<support::Answer> answer(const std::string& sql) const {
    using support::Answer;
    const std::lock_guard lock(mutex_);
    if (!refused_.empty() && sql.starts_with(refused_)) return Answer::failed(1142, "42000", "denied");
    if (sql.find("UNIX_TIMESTAMP(),@@time_zone") != std::string::npos) {
      return Answer::of(std::vector<std::string>(kStatementSessionColumns, "c"),
                        {{"shop", "", "utf8mb4_general_ci", "utf8mb4_general_ci", "utf8mb4_general_ci",
                          "utf8mb4_general_ci", "1", "1", "1700000000", "SYSTEM", "1", "1", ""}});
    }
    if (sql.starts_with("SELECT GET_LOCK")) return Answer::of({"l"}, {{turn_is_ours_ ? "1" : "0"}});
    if (sql.find("NAME,TABLE_ID FROM") != std::string::npos) return Answer::of({"n", "i"}, {});
    if (sql.starts_with("SELECT id,tbl,op")) return Answer::of(std::vector<std::string>(8, "c"), {});
    if (sql.starts_with("SELECT 1 FROM")) return Answer::of({"1"}, {});                 // an applier has taken it up
    if (sql.starts_with("SELECT `number`,`state`")) return Answer::of({"n", "s"}, {});  // nothing is captured
    if (sql.starts_with("SELECT COUNT(*) FROM information_schema.COLUMNS")) return Answer::of({"n"}, {{"8"}});
    if (sql.starts_with("SHOW CREATE")) return Answer::of({"t", "c"}, {{"t", "CREATE TABLE t (a INT)"}});
    if (sql.starts_with("INSERT INTO `crossfade`.`changes`")) {
      Answer written = Answer::done(1);
      written.ok.last_insert_id = kIntent;
      return written;
    }
    if (sql.starts_with("UPDATE `crossfade`.`changes`")) return Answer::done(1);
    return std::nullopt;
  }
  absl::Status say(const std::string& sql) {
    return parts_.await<absl::Status>([&](Conversation& s) { return said_by(s, sql); });
  }
  static Task<absl::Status> said_by(Conversation& s, std::string sql) {
    const routing::StatementFacts facts = ddl_facts(sql);
    EXPECT_TRUE(s.ddl.is_due(facts)) << sql;
    co_return co_await s.ddl.say(facts, sql, "shop");
  }
  void conclude(std::uint16_t error) {
    const bool done = parts_.await<bool>([error](Conversation& s) { return concluded(s, error); });
    EXPECT_TRUE(done);
  }
  static Task<bool> concluded(Conversation& s, std::uint16_t error) {
    co_await s.ddl.conclude(error);
    co_return !s.ddl.is_open();
  }
  bool is_open() {
    bool open = false;
    parts_.with([&](Conversation& s) { open = s.ddl.is_open(); });
    return open;
  }
  // What was written into `changes`.
  std::vector<std::string> written() const {
    std::vector<std::string> out = stack_.leader().packets("control");
    std::erase_if(out, [](const std::string& sql) { return sql.find("`changes`") == std::string::npos; });
    std::erase_if(out, [](const std::string& sql) { return sql.starts_with("SELECT"); });
    return out;
  }

  void refuse(std::string beginning) {
    const std::lock_guard lock(mutex_);
    refused_ = std::move(beginning);
  }
  void set_turn_is_ours(bool ours) {
    const std::lock_guard lock(mutex_);
    turn_is_ours_ = ours;
  }

  mutable std::mutex mutex_;  // guards the next two
  std::string refused_;
  bool turn_is_ours_ = true;
  FakeFeed feed_;
  mutable ProxyStack stack_;
  SessionParts parts_{stack_};
};

TEST_F(DdlAnnouncementTest, IsDueForWhatMayRebuildATableWhereTriggersTellTheChanges) {
  struct Row {
    const char* sql;
    bool due;  // with feed `trigger`; with no other
  };
  const Row rows[] = {
      {"CREATE TABLE a (a INT)", true},
      {"ALTER TABLE a ADD b INT", true},
      {"DROP TABLE a", true},
      {"TRUNCATE TABLE a", true},
      {"RENAME TABLE a TO b", true},
      {"CREATE INDEX i ON a (b)", true},
      {"CREATE DATABASE d", true},
      {"OPTIMIZE TABLE a", true},
      {"CREATE TEMPORARY TABLE a (a INT)", true},
      {"INSERT INTO a VALUES (1)", false},
      {"SELECT 1", false},
      {"SET sql_mode=''", false},
      {"GRANT SELECT ON a TO u", false},
      {"BEGIN", false},
      {"LOCK TABLES a WRITE", false},
      {"CALL p()", false},
      {"DROP TABLE a; SELECT 1", false},  // its table stops, as past the proxy
  };
  for (const FeedKind kind : {FeedKind::trigger, FeedKind::log, FeedKind::undecided}) {
    stack_.feed().choose(kind, feed_, "chosen by the test");
    parts_.with([&](Conversation& s) {
      for (const Row& row : rows) {
        EXPECT_EQ(s.ddl.is_due(ddl_facts(row.sql)), row.due && kind == FeedKind::trigger) << row.sql;
      }
    });
  }
}

TEST_F(DdlAnnouncementTest, IsDueAlsoWhileWritesAreNotDuplicated) {
  config::Flags flags;
  flags.dual_write.enabled = false;
  parts_.with([&](Conversation& s) {
    s.state.transaction.take_flags(std::make_shared<const config::Flags>(flags));
    EXPECT_FALSE(s.commits.duplicates());
    EXPECT_TRUE(s.ddl.is_due(ddl_facts("DROP TABLE a")));
  });
}

TEST_F(DdlAnnouncementTest, SaysWhatTheFollowerIsToDoAndNothingOfWhatItHasNothingOf) {
  struct Row {
    const char* sql;
    bool said;
  };
  const Row rows[] = {
      {"ALTER TABLE a ADD b INT", true},
      {"DROP TABLE a, b", true},
      {"CREATE TABLE c (a INT)", true},
      {"OPTIMIZE TABLE a", true},  // rebuilt
      {"CREATE DATABASE d", true},
      {"ANALYZE TABLE a", false},
      {"FLUSH TABLES", false},
      {"CREATE TRIGGER x BEFORE INSERT ON a FOR EACH ROW SET @a=1", false},
      {"CREATE TEMPORARY TABLE tmp2 (a INT)", false},
      {"ALTER TABLE tmp ADD b INT", false},
      {"ALTER TABLE other.tmp ADD b INT", true},
      {"DROP TABLE tmp", false},
      {"DROP TABLE tmp, a", true},
      {"CREATE INDEX i ON tmp (a)", false},
      {"CREATE TABLE tmp (a INT)", true},  // one that the temporary one hides
      {"RENAME TABLE tmp TO b", false},
      {"RENAME TABLE tmp TO b, a TO c", true},
      {"RENAME TABLE tmp TO x, b TO tmp, x TO b", true},
  };
  parts_.with([](Conversation& s) {
    ASSERT_TRUE(s.state.known.note_relayed(routing::SessionEffect::objects,
                                           ddl_facts("CREATE TEMPORARY TABLE tmp (a INT)"), "shop",
                                           KnownState::Outcome::done));
  });
  for (const Row& row : rows) {
    stack_.leader().forget_packets();
    const absl::Status said = say(row.sql);
    EXPECT_TRUE(said.ok()) << row.sql << ": " << said;
    EXPECT_EQ(is_open(), row.said) << row.sql;
    EXPECT_EQ(written().size(), row.said ? 1u : 0u) << row.sql;
    if (is_open()) conclude(0);
  }
}

class MySqlDdlAnnouncementTest : public DdlAnnouncementTest {
 protected:
  MySqlDdlAnnouncementTest() : DdlAnnouncementTest({.name = "old", .version = "9.7.4", .without = 0}) {}
};

TEST_F(MySqlDdlAnnouncementTest, ARenameIsOfTheTableThatATemporaryOneHides) {
  parts_.with([](Conversation& s) {
    ASSERT_EQ(s.leader.make(), protocol::Make::mysql);
    ASSERT_TRUE(s.state.known.note_relayed(routing::SessionEffect::objects,
                                           ddl_facts("CREATE TEMPORARY TABLE tmp (a INT)"), "shop",
                                           KnownState::Outcome::done));
  });
  EXPECT_TRUE(say("ALTER TABLE tmp ADD b INT").ok());
  EXPECT_FALSE(is_open());
  EXPECT_TRUE(say("RENAME TABLE tmp TO b").ok());
  EXPECT_TRUE(is_open());
  conclude(0);
}

TEST_F(DdlAnnouncementTest, WhatIsSaidNamesTheStatementAndTheConnectionThatRunsIt) {
  const std::string sql = "ALTER TABLE a ADD b INT";
  ASSERT_TRUE(say(sql).ok());
  std::uint32_t connection = 0;
  parts_.with([&](Conversation& s) { connection = s.leader.link().greeting().connection_id; });
  const std::vector<std::string> intent = written();
  ASSERT_EQ(intent.size(), 1u);
  EXPECT_THAT(intent[0], StartsWith("INSERT INTO `crossfade`.`changes`"));
  EXPECT_THAT(intent[0], HasSubstr("'P'"));
  EXPECT_THAT(intent[0], HasSubstr(field("shop") + field(sql)));
  EXPECT_THAT(intent[0], HasSubstr("x'" + field(std::to_string(connection))));
  EXPECT_THAT(stack_.leader().packets("app"), testing::Not(testing::Contains(sql))) << "it has not run";
}

TEST_F(DdlAnnouncementTest, ConcludingTellsWhatBecameOfItAndHasTheFeedLook) {
  for (const std::uint16_t error : {std::uint16_t{0}, std::uint16_t{1050}}) {
    ASSERT_TRUE(say("CREATE TABLE a (a INT)").ok());
    stack_.leader().forget_packets();
    const int looks = feed_.looks();
    conclude(error);
    EXPECT_EQ(feed_.looks(), looks + 1);
    EXPECT_THAT(written(), ElementsAre(StartsWith("UPDATE `crossfade`.`changes`")));
    EXPECT_THAT(written()[0], HasSubstr(field(std::to_string(error)) + "' WHERE id=" + std::to_string(kIntent)));
  }
}

TEST_F(DdlAnnouncementTest, WhatFailsAtTheEndIsLeftToWhoeverApplies) {
  ASSERT_TRUE(say("CREATE TABLE a (a INT)").ok());
  refuse("UPDATE `crossfade`");
  const int looks = feed_.looks();
  conclude(0);
  EXPECT_EQ(feed_.looks(), looks + 1);
}

// Each failure of the saying: the statement must not run, and nothing is to be concluded.
TEST_F(DdlAnnouncementTest, WhatCannotBeSaidMustNotRun) {
  for (const char* refused : {"SELECT DATABASE()", "SET SESSION sql_mode", "SELECT GET_LOCK", "SELECT id,tbl,op",
                              "SELECT `number`,`state`", "SELECT NAME,TABLE_ID", "INSERT INTO `crossfade`"}) {
    refuse(refused);
    EXPECT_TRUE(absl::IsFailedPrecondition(say("DROP TABLE a"))) << refused;
    EXPECT_FALSE(is_open()) << refused;
  }
  refuse("");
  set_turn_is_ours(false);
  EXPECT_TRUE(absl::IsAborted(say("DROP TABLE a"))) << "another one is under way";
  EXPECT_FALSE(is_open());
  set_turn_is_ours(true);
  EXPECT_TRUE(say("DROP TABLE a").ok());
  conclude(0);
}

// Each takes questions of its own: as many as one statement may name, and one more.
TEST_F(DdlAnnouncementTest, AStatementOfTooManyTablesMustNotRun) {
  std::string sql = "DROP TABLE t0";
  for (std::size_t i = 1; i < CapturedDdl::kTablesMax; ++i) sql += ",t" + std::to_string(i);
  EXPECT_TRUE(say(sql + ",t0").ok()) << "the same one twice is one";
  EXPECT_TRUE(is_open());
  conclude(0);
  stack_.leader().forget_packets();
  const absl::Status refused = say(sql + ",more");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("names 1001 tables, and at most 1000"));
  EXPECT_FALSE(is_open());
  EXPECT_THAT(stack_.leader().packets("control"), testing::IsEmpty()) << "nothing was locked or asked for";
}

TEST_F(DdlAnnouncementTest, ALeaderThatIsLostMustNotRunIt) {
  stack_.leader().go_down();
  EXPECT_TRUE(support::eventually([&] {
    bool alive = true;
    parts_.with([&](Conversation& s) {
      alive = s.leader.link().alive();
      s.leader.note_killed();
    });
    return !alive;
  }));
  EXPECT_TRUE(absl::IsUnavailable(say("DROP TABLE a")));
  EXPECT_FALSE(is_open());
}

}  // namespace
}  // namespace crossfade::proxy
