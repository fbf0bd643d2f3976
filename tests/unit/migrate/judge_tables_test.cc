#include "migrate/judge_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using config::Backend;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class JudgeTables : public testing::Test {
 protected:
  TablesToJudge sides(FeedChoice feed = FeedChoice::log) const {
    return {.leader = leader_, .follower = follower_, .feed = feed, .control_schema = "crossfade"};
  }
  void both(const dualwrite::TableDefinition& definition) {
    add(leader_, definition);
    add(follower_, definition);
  }
  static auto finding(Severity severity, const std::string& code, const std::string& object = "table") {
    return AllOf(Field(&Finding::severity, severity), Field(&Finding::code, code), Field(&Finding::object, object));
  }

  ServerFacts leader_ = server(Backend::old_db);
  ServerFacts follower_ = server(Backend::new_db);
};

TEST_F(JudgeTables, EqualTablesGiveNothing) {
  both(table("t"));
  EXPECT_THAT(judge_tables(sides()), IsEmpty());
  EXPECT_THAT(judge_tables(sides(FeedChoice::trigger)), IsEmpty());
}

// MySQL does with innodb_native_foreign_keys=OFF, unless triggers tell of its rows.
TEST_F(JudgeTables, WhoCascadesIsSaidByWhatTheLeaderLogs) {
  both(table("parent"));
  dualwrite::TableDefinition child = table("child");
  child.foreign_keys = {{.name = "f",
                         .columns = {"id"},
                         .parent = {"app", "parent"},
                         .parent_columns = {"id"},
                         .on_update = "RESTRICT",
                         .on_delete = "CASCADE"}};
  both(child);
  leader_.mariadb = false;
  const auto told = [this](FeedChoice feed) {
    const Findings found = judge_objects(sides(feed));
    const auto note =
        std::find_if(found.begin(), found.end(), [](const Finding& each) { return each.code == "foreign_key"; });
    return note == found.end() ? std::string() : note->reason;
  };
  EXPECT_THAT(told(FeedChoice::log), HasSubstr("new cascades itself"));
  leader_.log.identity.logs_cascades = true;
  EXPECT_THAT(told(FeedChoice::log), HasSubstr("new does not cascade"));
  EXPECT_THAT(told(FeedChoice::trigger), HasSubstr("new cascades itself"));
}

TEST_F(JudgeTables, WhatFixSchemaMakesIsNotSpelledOut) {
  add(leader_, table("t"));
  leader_.schemas.push_back({.name = "two", .collation = "utf8mb4_bin"});
  const Findings found = judge_tables(sides());
  EXPECT_THAT(found, ElementsAre(finding(Severity::blocker, "schema_missing", "schema two"),
                                 finding(Severity::blocker, "table_missing")));
  for (const Finding& each : found) EXPECT_THAT(each.advice, HasSubstr("--fix-schema --execute"));
}

TEST_F(JudgeTables, ARowMustBeIdentified) {
  dualwrite::TableDefinition keyless = table("keyless");
  keyless.keys = {dualwrite::key_over("u", {"id"})};
  both(keyless);
  EXPECT_THAT(judge_tables(sides()), ElementsAre(finding(Severity::note, "no_primary_key")));
  EXPECT_THAT(judge_tables(sides(FeedChoice::trigger)), ElementsAre(finding(Severity::blocker, "not_captured")));
  keyless.columns[0].nullable = true;
  leader_.tables.clear();
  follower_.tables.clear();
  both(keyless);
  EXPECT_THAT(judge_tables(sides()), ElementsAre(finding(Severity::warning, "no_key")));
  leader_.sizes[keyless.name].data_bytes = std::uint64_t{33} << 20;
  EXPECT_THAT(judge_tables(sides()), ElementsAre(finding(Severity::blocker, "no_key")));
  EXPECT_THAT(judge_tables(sides(FeedChoice::trigger)), ElementsAre(finding(Severity::blocker, "no_key")));
}

TEST_F(JudgeTables, IdentifyingColumnsAreThoseOfTheBestKey) {
  dualwrite::TableDefinition one = table("t");
  one.columns.push_back(dualwrite::defined("a", "varchar(20)", "utf8mb4"));
  one.columns.push_back(dualwrite::defined("b", "int"));
  one.keys = {dualwrite::key_over("ab", {"a", "b"}), dualwrite::key_over("i", {"id"})};
  EXPECT_THAT(identifying_columns(one), ElementsAre("id"));  // a and b may be NULL
  one.columns[1].nullable = one.columns[2].nullable = false;
  EXPECT_THAT(identifying_columns(one), ElementsAre("a", "b"));
  one.keys[0].parts[0].prefix = 5;  // the first five characters identify nothing
  EXPECT_THAT(identifying_columns(one), ElementsAre("id"));
  one.keys[1].unique = false;
  EXPECT_THAT(identifying_columns(one), IsEmpty());
}

TEST_F(JudgeTables, OtherEnginesHaveNoLocksToCopyUnder) {
  dualwrite::TableDefinition flat = table("flat");
  flat.engine = "MyISAM";
  add(leader_, flat);
  add(follower_, table("flat"));
  EXPECT_THAT(judge_tables(sides()), Contains(finding(Severity::blocker, "engine_not_innodb")));
}

TEST_F(JudgeTables, StoredObjectsEachHaveTheirFate) {
  both(table("t"));
  using Kind = StoredObject::Kind;
  leader_.objects = {{.kind = Kind::trigger, .schema = "app", .name = "tr", .table = "t", .detail = "AFTER INSERT"},
                     {.kind = Kind::event, .schema = "app", .name = "ev", .detail = "ENABLED"},
                     {.kind = Kind::function, .schema = "app", .name = "fn"}};
  EXPECT_THAT(judge_objects(sides()), ElementsAre(finding(Severity::note, "trigger_for_later", "trigger tr"),
                                                  finding(Severity::note, "event_for_later", "event app.ev"),
                                                  finding(Severity::warning, "routine_missing", "function app.fn")));
  follower_.objects = leader_.objects;
  EXPECT_THAT(judge_objects(sides()), ElementsAre(finding(Severity::warning, "event_enabled_on_new", "event app.ev")));
  follower_.variables["event_scheduler"] = "ON";
  EXPECT_THAT(judge_objects(sides()), ElementsAre(finding(Severity::blocker, "event_enabled_on_new", "event app.ev")));
  follower_.objects[1].detail = "SLAVESIDE_DISABLED";
  EXPECT_THAT(judge_objects(sides()), IsEmpty());
}

TEST_F(JudgeTables, ForeignKeysNeedTheirParentInTheSelection) {
  dualwrite::TableDefinition child = table("c");
  child.foreign_keys = {{.name = "f",
                         .columns = {"id"},
                         .parent = {"app", "p"},
                         .parent_columns = {"id"},
                         .on_update = "RESTRICT",
                         .on_delete = "CASCADE"}};
  both(child);
  EXPECT_THAT(judge_objects(sides()), Contains(finding(Severity::blocker, "parent_left_out", "foreign key f")));
  both(table("p"));
  const Findings found = judge_objects(sides());
  EXPECT_THAT(found, ElementsAre(finding(Severity::note, "foreign_key", "foreign key f")));
  EXPECT_THAT(found[0].reason, HasSubstr("new cascades itself"));  // MariaDB leads
}

TEST_F(JudgeTables, HeadRoomOfIds) {
  struct Case {
    std::string type;
    bool is_unsigned;
    std::uint64_t next;
    std::optional<Severity> found;
  };
  for (const Case& each : {
           Case{"tinyint", false, 95, std::nullopt},
           Case{"tinyint", false, 97, Severity::warning},
           Case{"tinyint", false, 128, Severity::blocker},
           Case{"tinyint", true, 128, std::nullopt},
           Case{"int", false, 2147483647, Severity::warning},
           Case{"int", true, 2147483647, std::nullopt},
           Case{"bigint", true, 1, std::nullopt},
           Case{"bigint", true, ~std::uint64_t{0}, Severity::warning},
       }) {
    dualwrite::TableDefinition one = table("t");
    one.columns[0] = dualwrite::defined("id", each.type);
    one.columns[0].is_unsigned = each.is_unsigned;
    one.columns[0].auto_increment = true;
    leader_.tables.clear();
    add(leader_, one);
    leader_.sizes[one.name] = {.auto_increment = each.next, .age_seconds = 86400};
    const Findings found = judge_auto_increment(sides());
    EXPECT_EQ(found.empty() ? std::nullopt : std::optional(found[0].severity), each.found) << each.type << each.next;
  }
}

TEST_F(JudgeTables, AFollowersNarrowerIdHasLessRoom) {
  dualwrite::TableDefinition one = table("t");
  one.columns[0].auto_increment = true;
  add(leader_, one);
  one.columns[0].data_type = one.columns[0].column_type = "smallint";
  add(follower_, one);
  leader_.sizes[one.name] = {.auto_increment = 32000};
  const Findings found = judge_auto_increment(sides());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].reason, AllOf(HasSubstr("smallint on new"), Not(HasSubstr("days"))));
}

}  // namespace
}  // namespace crossfade::migrate
