#include "proxy/session/links/leader_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/classify.h"
#include "tests/support/session_parts.h"

namespace crossfade::proxy {
namespace {

using support::FakeBackend;
using support::ProxyStack;
using support::SessionParts;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ServerSays = std::optional<support::Answer>;

// What a leader says of itself to whoever has lost a connection to it.
struct AfterLoss {
  std::string wait_timeout = "28800";
  std::string kills = "0";
};

FakeBackend::Script says(const AfterLoss& loss) {
  return [loss](const std::string&, const std::string& sql) -> ServerSays {
    if (sql == "SELECT @@wait_timeout") return support::Answer::of({"w"}, {{loss.wait_timeout}});
    if (sql.starts_with("SHOW GLOBAL STATUS")) {
      return support::Answer::of({"n", "v"}, {{"Com_kill", loss.kills}, {"Uptime", "100000"}});
    }
    return std::nullopt;
  };
}

class LeaderSessionTest : public ::testing::Test {
 protected:
  explicit LeaderSessionTest(const ProxyStack::Options& options = ProxyStack::Options()) : stack_(options) {
    stack_.leader().set_script(says({}));
  }

  // The connection it has been given, and the server's id of it.
  absl::StatusOr<std::uint32_t> ready(SessionParts& parts, std::string sql = "") {
    return parts.await<absl::StatusOr<std::uint32_t>>(
        [&](Conversation& s) { return ready_for(s, sql.empty() ? std::nullopt : std::optional(sql)); });
  }
  static Task<absl::StatusOr<std::uint32_t>> ready_for(Conversation& s, std::optional<std::string> sql) {
    routing::StatementFacts facts;
    if (sql) facts = routing::classify(*sql, {.mariadb = true});
    const routing::StatementFacts* about = sql ? &facts : nullptr;
    auto leading = co_await s.leader.ready_for(about);
    if (!leading.ok()) co_return leading.status();
    co_return (*leading)->greeting().connection_id;
  }
  // Every connection to the leader is gone, and the session's own has been seen to be.
  void lose(SessionParts& parts) {
    stack_.leader().go_down();
    expect_loss_seen(parts);
  }
  void expect_loss_seen(SessionParts& parts) {
    EXPECT_TRUE(support::eventually([&] {
      bool alive = true;
      parts.with([&](Conversation& s) { alive = s.leader.link().alive(); });
      return !alive;
    }));
  }
  std::uint64_t reattached() {
    return stack_.count([](const Counters& counters) { return counters.leader_reattached.get(); });
  }

  ProxyStack stack_;
  KillsUnderWay::Ticket ticket_;
};

TEST_F(LeaderSessionTest, GivesTheConnectionThatItHas) {
  SessionParts parts(stack_);
  parts.with([](Conversation& s) {
    EXPECT_FALSE(s.leader.is_attached());
    EXPECT_EQ(s.leader.make(), protocol::Make::mariadb) << "as long as nothing is known";
  });
  parts.enter();
  parts.with([](Conversation& s) { EXPECT_TRUE(s.leader.is_attached()); });
  const auto first = ready(parts);
  const auto second = ready(parts, "SELECT ROW_COUNT()");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(stack_.leader().logins("app"), 1u);
  EXPECT_EQ(reattached(), 0u);
}

TEST_F(LeaderSessionTest, LeavesTheServerAtItsEnd) {
  {
    SessionParts parts(stack_);
    parts.enter();
    EXPECT_TRUE(support::eventually([&] { return stack_.leader().connections("app") == 1; }));
  }
  EXPECT_TRUE(support::eventually([&] { return stack_.leader().connections("app") == 0; }));
}

// What a lost connection may have held decides whether another takes its place.
TEST_F(LeaderSessionTest, ALostConnectionIsReplacedUnlessItHeldWhatNoOtherCanBeGiven) {
  struct Row {
    const char* name;
    std::function<void(Conversation&)> before;
    const char* sql;  // what is about to run; "": a question of the proxy's own
    const char* why;  // "": it is replaced
  };
  const auto nothing = [](Conversation&) {};
  const auto ran = [](const char* sql) {
    return [sql](Conversation& s) { s.leader.hold().note(routing::classify(sql, {.mariadb = true})); };
  };
  const Row rows[] = {
      {"nothing", nothing, "SELECT 1", ""},
      {"a question of ours", nothing, "", ""},
      {"a read that leaves nothing", ran("SELECT v FROM t"), "UPDATE t SET v=1", ""},
      {"a transaction",
       [](Conversation& s) {
         s.state.transaction.note_status(protocol::kStatusAutocommit | protocol::kStatusInTransaction);
       },
       "SELECT 1", "an open transaction"},
      {"a lock", ran("SELECT GET_LOCK('a',1)"), "SELECT 1", "a user lock (GET_LOCK)"},
      {"a variable", ran("SET @a=1"), "SELECT 1", "user variables"},
      {"a temporary table", ran("CREATE TEMPORARY TABLE x (a INT)"), "SELECT 1", "temporary tables"},
      {"a state that cannot be repeated", [](Conversation& s) { s.leader.hold().note_unfollowed(); }, "SELECT 1",
       "what statements that are not followed here have left"},
      {"a collation past one byte", [](Conversation& s) { s.identity.account.collation = 309; }, "SELECT 1",
       "a collation that only a change of user can name"},
      {"a collation of one byte", [](Conversation& s) { s.identity.account.collation = 255; }, "SELECT 1", ""},
      {"a row count", nothing, "SELECT ROW_COUNT()", "the diagnostics that are asked for"},
      {"warnings", nothing, "SHOW WARNINGS", "the diagnostics that are asked for"},
      {"a row count that is known here", [](Conversation& s) { s.state.diagnostics.keep(KeptDiagnostics()); },
       "SELECT ROW_COUNT()", ""},
      {"a cursor",
       [](Conversation& s) {
         PreparedStatement open;
         open.context_version = s.state.known.version();
         open.cursor = true;
         s.state.prepared.add(std::move(open));
       },
       "SELECT 1", "an open cursor"},
      {"a statement prepared in another state",
       [](Conversation& s) {
         PreparedStatement old;
         old.context_version = s.state.known.version() + 1;
         s.state.prepared.add(std::move(old));
       },
       "SELECT 1", "a statement prepared in another state of the session"},
  };
  for (const Row& row : rows) {
    SessionParts parts(stack_);
    parts.enter();
    const std::uint64_t before = reattached();
    const std::size_t logins = stack_.leader().logins("app");
    parts.with(row.before);
    lose(parts);
    stack_.leader().come_back();
    const auto given = ready(parts, row.sql);
    const bool replaced = row.why[0] == '\0';
    EXPECT_EQ(given.ok(), replaced) << row.name << ": " << given.status();
    EXPECT_EQ(reattached() - before, replaced ? 1u : 0u) << row.name;
    if (replaced) continue;
    EXPECT_EQ(given.status(),
              absl::UnavailableError("the server has closed the connection, which held " + std::string(row.why)));
    EXPECT_EQ(stack_.leader().logins("app"), logins) << row.name << ": the server is not asked in vain";
    parts.with([&](Conversation& s) { EXPECT_TRUE(s.leader.is_attached()) << row.name; });
  }
}

TEST_F(LeaderSessionTest, WhatAKillEndsIsNotAttachedAgain) {
  const std::function<void(Conversation&)> kills[] = {
      [](Conversation& s) { s.leader.note_killed(); },
      [this](Conversation& s) { ticket_ = s.site.shared.kills.begin(s.identity.connection_id); },
  };
  for (const auto& kill : kills) {
    SessionParts parts(stack_);
    parts.enter();
    parts.with(kill);
    lose(parts);
    stack_.leader().come_back();
    EXPECT_EQ(ready(parts).status(), absl::UnavailableError("the server has closed the connection"));
    ticket_.reset();
  }
  EXPECT_EQ(reattached(), 0u);
}

// Whose wiring was_killed() decides by; it has a test of its own.
TEST_F(LeaderSessionTest, WhatTheServerSaysTellsAKillFromAnythingElse) {
  struct Row {
    AfterLoss loss;
    bool replaced;
  };
  const Row rows[] = {
      {{}, true},
      {{.kills = "1"}, false},
      {{.wait_timeout = "0", .kills = "1"}, true},
  };
  for (const Row& row : rows) {
    stack_.leader().set_script(says(row.loss));
    SessionParts parts(stack_);
    parts.enter();
    lose(parts);
    stack_.leader().come_back();
    const auto given = ready(parts);
    EXPECT_EQ(given.ok(), row.replaced) << row.loss.kills << " " << given.status();
    if (!row.replaced) {
      EXPECT_THAT(std::string(given.status().message()), HasSubstr("KILL"));
    }
  }
}

TEST_F(LeaderSessionTest, TheServersLastWordsAreKeptForTheClientAndItIsNotReplaced) {
  const protocol::Buffer words =
      protocol::encode_err({.code = 4031, .sqlstate = "HY000", .message = "The client was disconnected"});
  SessionParts parts(stack_);
  parts.enter();
  stack_.leader().part_with(words);
  expect_loss_seen(parts);
  EXPECT_EQ(ready(parts).status(), absl::UnavailableError("the server has closed the connection"));
  parts.with([&](Conversation& s) {
    EXPECT_EQ(s.leader.take_last_words(), words);
    EXPECT_TRUE(s.leader.take_last_words().empty()) << "once";
  });
  EXPECT_EQ(reattached(), 0u);
}

TEST_F(LeaderSessionTest, ASilentEndHasNoLastWords) {
  SessionParts parts(stack_);
  parts.enter();
  lose(parts);
  parts.with([](Conversation& s) { EXPECT_TRUE(s.leader.take_last_words().empty()); });
}

TEST_F(LeaderSessionTest, TheStateIsRepeatedInItsOrderBeforeTheConnectionIsGiven) {
  SessionParts parts(stack_);
  parts.enter();
  parts.with([](Conversation& s) {
    for (const char* sql : {"SET sql_mode='ANSI'", "SET wait_timeout=77"}) {
      s.leader.hold().note_set(routing::classify(sql, {.mariadb = true}), sql);
    }
    s.state.transaction.note_status(0);  // autocommit is off
    PreparedStatement known;
    known.context_version = s.state.known.version();
    known.id_on(s.site.leader()) = 7;
    known.id_on(s.site.follower()) = 8;
    s.state.prepared.add(std::move(known));
  });
  lose(parts);
  stack_.leader().come_back();
  stack_.leader().forget_packets();
  ASSERT_TRUE(ready(parts).ok());
  EXPECT_THAT(stack_.leader().packets("app"), ElementsAre("SET sql_mode='ANSI'", "SET wait_timeout=77",
                                                          "SET autocommit=0", HasSubstr("SELECT @@wait_timeout")));
  parts.with([](Conversation& s) {
    PreparedStatement& known = *s.state.prepared.find(s.state.prepared.last());
    EXPECT_FALSE(known.id_on(s.site.leader()).has_value()) << "the new connection knows none";
    EXPECT_EQ(known.id_on(s.site.follower()), 8u);
  });
}

TEST_F(LeaderSessionTest, AStateThatIsRefusedNowEndsTheSession) {
  SessionParts parts(stack_);
  parts.enter();
  parts.with([](Conversation& s) {
    const char* sql = "SET sql_mode='ANSI'";
    s.leader.hold().note_set(routing::classify(sql, {.mariadb = true}), sql);
  });
  lose(parts);
  stack_.leader().come_back();
  stack_.leader().arm({.kind = support::Fault::Kind::err, .code = 1231, .on = "SET sql_mode"});
  EXPECT_THAT(std::string(ready(parts).status().message()), HasSubstr("a state that is refused now: 1231"));
  EXPECT_EQ(reattached(), 0u);
}

TEST_F(LeaderSessionTest, ValuesThatAreKnownAreCheckedOnTheNewConnection) {
  for (const bool changed : {false, true}) {
    SessionParts parts(stack_);
    parts.enter();
    ASSERT_TRUE(parts.await<absl::Status>([](Conversation& s) { return s.leader.refresh_context(); }).ok());
    lose(parts);
    stack_.leader().set_script([&, changed](const std::string& user, const std::string& sql) -> ServerSays {
      if (!changed || !sql.starts_with("SELECT DATABASE(),@@sql_mode")) return says({})(user, sql);
      support::FakeDatabase::Session session;
      session.schema = "shop";
      support::Answer context = stack_.leader().database().execute(session, sql);
      context.rows[0][1] = "ANSI_QUOTES";
      return context;
    });
    stack_.leader().come_back();
    const auto given = ready(parts);
    EXPECT_EQ(given.ok(), !changed) << given.status();
    if (changed) {
      EXPECT_THAT(std::string(given.status().message()), HasSubstr("values that are no longer the server's defaults"));
    }
  }
}

TEST_F(LeaderSessionTest, AnotherServerDoesNotTakeTheLostOnesPlace) {
  SessionParts parts(stack_);
  parts.enter();
  lose(parts);
  stack_.leader().set_version("5.5.5-11.4.2-MariaDB");
  stack_.leader().come_back();
  EXPECT_EQ(ready(parts).status(),
            absl::UnavailableError("the server has closed the connection, and is another version now"));
  EXPECT_EQ(reattached(), 0u);
}

TEST_F(LeaderSessionTest, AServerThatIsAwayIsWaitedForAndOneThatRefusesIsNot) {
  SessionParts parts(stack_);
  parts.enter();
  lose(parts);
  auto waiting = parts.start<absl::StatusOr<std::uint32_t>>([](Conversation& s) { return ready_for(s, std::nullopt); });
  EXPECT_TRUE(support::eventually([&] {
    return stack_.count([](const Counters& counters) { return counters.backend_connect_failures[0].get(); }) > 1;
  })) << "it is tried again and again";
  stack_.leader().come_back();
  EXPECT_TRUE(waiting.get().ok());
  lose(parts);
  stack_.leader().refuse_with(
      protocol::encode_err({.code = 1130, .sqlstate = "HY000", .message = "Host is not allowed"}));
  stack_.leader().come_back();
  EXPECT_TRUE(absl::IsPermissionDenied(ready(parts).status()));
  EXPECT_EQ(stack_.leader().refused(), 1u);
}

TEST_F(LeaderSessionTest, ReadsTheContextFromTheServerAndWhatItsAnswerSaysOfTheTransaction) {
  SessionParts parts(stack_);
  parts.enter();
  parts.with([](Conversation& s) {
    EXPECT_EQ(s.state.known.context(), nullptr);
    s.state.transaction.note_status(protocol::kStatusAutocommit | protocol::kStatusInTransaction);
  });
  ASSERT_TRUE(parts.await<absl::Status>([](Conversation& s) { return s.leader.refresh_context(); }).ok());
  parts.with([](Conversation& s) {
    ASSERT_NE(s.state.known.context(), nullptr);
    EXPECT_EQ(s.state.known.context()->statement.schema, "shop");
    EXPECT_FALSE(s.state.transaction.open()) << "an error had ended it unseen";
    EXPECT_FALSE(s.state.known.reads_pinned());
  });
}

class LeaderSessionOnMysql : public LeaderSessionTest {
 protected:
  LeaderSessionOnMysql()
      : LeaderSessionTest({.leader = {.name = "old", .version = "9.7.4", .without = 0}, .follower = {.name = "new"}}) {}
};

TEST_F(LeaderSessionOnMysql, ACharacterSetThatTheOtherSideLacksPinsReads) {
  stack_.leader().set_script([this](const std::string&, const std::string& sql) -> ServerSays {
    if (!sql.starts_with("SELECT DATABASE(),@@sql_mode")) return std::nullopt;
    support::FakeDatabase::Session session;
    support::Answer context = stack_.leader().database().execute(session, sql);
    context.rows[0][3] = "gb18030";
    return context;
  });
  for (const bool known : {false, true}) {
    SessionParts parts(stack_);
    parts.enter();
    if (known) {
      parts.with([](Conversation& s) {
        protocol::Greeting other;
        other.server_version = "5.5.5-10.11.19-MariaDB";
        s.site.shared.traits.set(s.site.follower(), other);
      });
    }
    ASSERT_TRUE(parts.await<absl::Status>([](Conversation& s) { return s.leader.refresh_context(); }).ok());
    parts.with([&](Conversation& s) {
      EXPECT_EQ(s.leader.make(), protocol::Make::mysql);
      EXPECT_EQ(s.state.known.reads_pinned(), known);
    });
  }
}

}  // namespace
}  // namespace crossfade::proxy
