#include "proxy/session/state/known_state.h"

#include <gtest/gtest.h>

#include "routing/classify.h"

namespace crossfade::proxy {
namespace {

using routing::Known;
using routing::SessionEffect;
using Outcome = KnownState::Outcome;

SessionContext context_in(const std::string& zone) {
  SessionContext context;
  context.statement.schema = "shop";
  context.statement.time_zone = context.zone = zone;
  return context;
}

// What a session of the tests' own has read from its leader.
struct Read {
  PinnedSessions sessions{};
  KnownState known{sessions};
  explicit Read(const std::string& zone = "+00:00") { known.take(context_in(zone), {}); }
};

TEST(KnownState, AReadMayBeRepeatedWhereEverythingIsKnownAndNothingPins) {
  EXPECT_EQ(Read().known.repeatable(), Known::yes);
  EXPECT_EQ(Read("Europe/Berlin").known.repeatable(), Known::unknown);
  Read forgotten;
  forgotten.known.forget();
  EXPECT_EQ(forgotten.known.repeatable(), Known::unknown);
  Read pinned;
  pinned.known.pin("has set `old` to 1");
  EXPECT_EQ(pinned.known.repeatable(), Known::no);
}

TEST(KnownState, AVerdictOnTheZoneSettlesIt) {
  Read fixed("Europe/Berlin");
  fixed.known.take_zone({.refusal = "", .offset = "+01:00"});
  EXPECT_EQ(fixed.known.repeatable(), Known::yes);
  EXPECT_EQ(fixed.known.context()->zone, "Europe/Berlin");
  Read refused("Europe/Berlin");
  refused.known.take_zone({.refusal = "has a time zone that differs", .offset = std::nullopt});
  EXPECT_EQ(refused.known.repeatable(), Known::no);
  Read agreed("Europe/Berlin");  // as long as both sides' tables are the same: asked again
  agreed.known.take_zone({.refusal = "", .offset = std::nullopt});
  EXPECT_EQ(agreed.known.repeatable(), Known::unknown);
}

TEST(KnownState, EveryStatementThatMayChangeItMakesANewVersion) {
  const std::vector<std::pair<const char*, void (*)(KnownState&)>> changes = {
      {"forget", [](KnownState& known) { known.forget(); }},
      {"use", [](KnownState& known) { known.use_schema("other"); }},
      {"set", [](KnownState& known) { known.note_set({"sql_mode"}); }},
      {"unobserved", [](KnownState& known) { known.note_unobserved(); }},
      {"reset", [](KnownState& known) { known.reset(); }},
  };
  for (const auto& [name, change] : changes) {
    Read read;
    const std::uint64_t before = read.known.version();
    change(read.known);
    EXPECT_GT(read.known.version(), before) << name;
    EXPECT_EQ(read.known.context(), nullptr) << name;
    EXPECT_NE(read.known.repeatable(), Known::yes) << name;
  }
}

TEST(KnownState, IsUnclearWhereTheTextHangsOnWhatIsNotKnown) {
  struct Row {
    std::string_view sql;
    bool fresh, used, forgotten;  // unclear after: take(), use_schema(), forget()
  };
  const Row rows[] = {
      {"SELECT 1", false, false, false},        {"SELECT 'a'", false, false, false},
      {"SELECT \"a\"", false, false, true},     {"SELECT 'a\\'", false, false, true},
      {"SELECT '\xc3\xa9'", false, true, true},
  };
  for (const Row& row : rows) {
    Read read;
    EXPECT_EQ(read.known.is_unclear(row.sql), row.fresh) << row.sql;
    read.known.use_schema("other");
    EXPECT_EQ(read.known.is_unclear(row.sql), row.used) << row.sql;
    read.known.forget();
    EXPECT_EQ(read.known.is_unclear(row.sql), row.forgotten) << row.sql;
    EXPECT_EQ(read.known.is_unclear(routing::UnclearBytes(row.sql), row.sql), row.forgotten) << row.sql;
  }
}

TEST(KnownState, UseChangesTheSchemaAndLeavesAPinWhereItIs) {
  Read read;
  read.known.pin("has set `old` to 1");
  read.known.use_schema("other");
  EXPECT_EQ(read.known.schema(), "other");
  EXPECT_TRUE(read.known.reads_pinned());
  read.known.take(context_in("+00:00"), {});
  EXPECT_FALSE(read.known.reads_pinned());
}

TEST(KnownState, APinIsCountedAsLongAsItsReasonStands) {
  Read read;
  read.known.note_set({"no_such_variable"});
  EXPECT_EQ(read.sessions.by_reason().size(), 1u);
  read.known.take(context_in("+00:00"), {});
  EXPECT_TRUE(read.known.reads_pinned());  // whatever the leader's values are
  read.known.reset();
  EXPECT_EQ(read.sessions.total(), 0u);
  read.known.note_unobserved();
  EXPECT_TRUE(read.known.reads_pinned());
}

TEST(KnownState, WhatAStatementLeftIsFollowedOrNot) {
  struct Row {
    SessionEffect effect;
    std::string_view sql;
    Outcome outcome;
    bool followed;
  };
  const Row rows[] = {
      {SessionEffect::nothing, "INSERT INTO t VALUES (1)", Outcome::done, true},
      {SessionEffect::untold, "SET ROLE r", Outcome::done, false},
      {SessionEffect::untold, "SET ROLE r", Outcome::failed, true},
      {SessionEffect::objects, "CREATE TEMPORARY TABLE b (a INT)", Outcome::done, true},
      {SessionEffect::objects, "DROP TABLE tmp", Outcome::done, true},
      {SessionEffect::objects, "RENAME TABLE tmp TO b", Outcome::done, false},
      {SessionEffect::objects, "RENAME TABLE base TO b", Outcome::done, true},
      {SessionEffect::objects, "RENAME TABLE tmp TO b", Outcome::failed, true},
      {SessionEffect::objects, "RENAME TABLE base TO b, tmp TO c", Outcome::done, false},
      {SessionEffect::objects, "RENAME TABLE base TO x, other TO base, x TO other", Outcome::done, true},
  };
  for (const Row& row : rows) {
    Read read;
    ASSERT_TRUE(read.known.note_relayed(
        SessionEffect::objects, routing::classify("CREATE TEMPORARY TABLE tmp (a INT)", {}), "shop", Outcome::done));
    EXPECT_EQ(read.known.note_relayed(row.effect, routing::classify(row.sql, {}), "shop", row.outcome), row.followed)
        << row.sql;
  }
}

TEST(KnownState, TemporaryTablesPastTheirLimitAreNotFollowed) {
  Read read;
  const auto create = [&](std::size_t i) {
    const std::string sql = "CREATE TEMPORARY TABLE t" + std::to_string(i) + " (a INT)";
    return read.known.note_relayed(SessionEffect::objects, routing::classify(sql, {}), "shop", Outcome::done);
  };
  for (std::size_t i = 0; i < routing::TemporaryTables::kMax; ++i) ASSERT_TRUE(create(i));
  EXPECT_FALSE(create(routing::TemporaryTables::kMax));
}

TEST(KnownState, LocksEndWithTheNextTransaction) {
  Read read;
  ASSERT_TRUE(read.known.note_relayed(SessionEffect::locks, routing::classify("FLUSH TABLES WITH READ LOCK", {}),
                                      "shop", Outcome::done));
  EXPECT_TRUE(read.known.objects().has_table_locks());
  read.known.note_begin();
  EXPECT_FALSE(read.known.objects().has_table_locks());
}

}  // namespace
}  // namespace crossfade::proxy
