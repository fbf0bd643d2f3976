#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/unit/config/lines.h"

namespace crossfade::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> refused_flags(const std::string& yaml) {
  const Loaded<Flags> loaded = load_flags(yaml);
  EXPECT_EQ(loaded.value.has_value(), loaded.problems.empty());
  return lines(loaded.problems);
}
// Of keys below a good version, so that their first line is line 2.
std::vector<std::string> refused_below_version(const std::string& yaml) { return refused_flags("version: 1\n" + yaml); }

Flags accepted_flags(const std::string& yaml) {
  Loaded<Flags> loaded = load_flags(yaml);
  EXPECT_THAT(lines(loaded.problems), IsEmpty());
  return loaded.value.value_or(Flags{});
}

TEST(LoadFlags, NeedsOnlyAVersionAndLeavesTheRestAtItsDefaults) {
  Flags expected;
  expected.version = 1;
  EXPECT_EQ(accepted_flags("version: 1\n"), expected);
  EXPECT_TRUE(expected.dual_write.enabled);
  EXPECT_TRUE(expected.shadow_read.percent.none());
  EXPECT_TRUE(expected.read_from_new.percent.none());
  EXPECT_EQ(expected.read_from_new.by.key, BucketBy::Key::session);
  EXPECT_FALSE(expected.freeze_writes);
  EXPECT_FALSE(expected.kill_switch);
}

TEST(LoadFlags, ReadsEveryKey) {
  const Flags flags = accepted_flags(R"(version: 12
dual_write: { enabled: false, ack: both }
shadow_read:    { percent: 20 }
read_from_new:  { percent: 12.5, by: client_host }
write_to_new:   { percent: 0, by: schema }
rules:
  - match: { schema: shop, tables: [orders, items], user: app, digest: "0x5F0a", hint: { canary: "1", tier: gold } }
    read_from_new: { percent: 50, by: "hint:tenant" }
  - match: { user: batch }
    shadow_read: { percent: 100 }
freeze_writes: true
kill_switch: true
)");
  EXPECT_EQ(flags.version, 12u);
  EXPECT_FALSE(flags.dual_write.enabled);
  EXPECT_EQ(flags.dual_write.ack, Ack::both);
  EXPECT_EQ(flags.shadow_read.percent.ppm(), 200'000u);
  EXPECT_EQ(flags.read_from_new.percent.ppm(), 125'000u);
  EXPECT_EQ(flags.read_from_new.by.key, BucketBy::Key::client_host);
  ASSERT_EQ(flags.rules.size(), 2u);
  const Rule& first = flags.rules[0];
  EXPECT_EQ(first.match.schema, "shop");
  EXPECT_THAT(first.match.tables, ElementsAre("orders", "items"));
  EXPECT_EQ(first.match.user, "app");
  EXPECT_EQ(first.match.digest, 0x5F0Au);
  EXPECT_EQ(first.match.hint, (std::map<std::string, std::string>{{"canary", "1"}, {"tier", "gold"}}));
  EXPECT_FALSE(first.shadow_read.has_value());
  ASSERT_TRUE(first.read_from_new.has_value());
  EXPECT_EQ(first.read_from_new->percent.ppm(), 500'000u);
  EXPECT_EQ(first.read_from_new->by, (BucketBy{.key = BucketBy::Key::hint, .hint = "tenant"}));
  EXPECT_FALSE(flags.rules[1].read_from_new.has_value());
  EXPECT_TRUE(flags.rules[1].shadow_read->percent.all());
  EXPECT_TRUE(flags.freeze_writes);
  EXPECT_TRUE(flags.kill_switch);
}

TEST(LoadFlags, RefusesAMissingOrMalformedVersion) {
  EXPECT_THAT(refused_flags("kill_switch: true\n"), ElementsAre("1:1: version: this key is missing"));
  EXPECT_THAT(refused_flags("version: 0\n"),
              ElementsAre("1:10: version: must be a whole number from 1 to 9223372036854775807, in plain digits, not "
                          "\"0\""));
  for (const char* version : {"-1", "1.0", "010", "0x1", "1e3", "0o7", "9223372036854775808", "one", "1_0"}) {
    EXPECT_THAT(refused_flags("version: " + std::string(version) + "\n"),
                ElementsAre(StartsWith("1:10: version: must be a")));
  }
  EXPECT_EQ(accepted_flags("version: 9223372036854775807\n").version, 9223372036854775807u);
}

TEST(LoadFlags, RefusesAQuotedNumber) {
  EXPECT_THAT(refused_flags("version: \"1\"\n"), ElementsAre("1:10: version: must be a number, without quotes"));
  EXPECT_THAT(refused_below_version("shadow_read: { percent: '5' }\n"),
              ElementsAre("2:25: shadow_read.percent: must be a number, without quotes"));
}

TEST(LoadFlags, RefusesEveryBooleanButTrueAndFalse) {
  for (const char* word : {"yes", "no", "on", "off", "True", "FALSE", "y", "1"}) {
    EXPECT_THAT(refused_below_version("kill_switch: " + std::string(word) + "\n"),
                ElementsAre("2:14: kill_switch: must be true or false, not \"" + std::string(word) + "\""));
  }
  EXPECT_THAT(refused_below_version("freeze_writes: \"true\"\n"),
              ElementsAre("2:16: freeze_writes: must be true or false, without quotes"));
}

TEST(LoadFlags, RefusesAPercentOutsideItsRangeOrPrecision) {
  for (const char* text : {"-1", "100.0001", "101", "1.23456", "05", "1e1", "5%", ".5"}) {
    EXPECT_THAT(refused_below_version("read_from_new: { percent: " + std::string(text) + " }\n"),
                ElementsAre("2:27: read_from_new.percent: must be a number from 0 to 100 with at most four decimals, "
                            "not \"" +
                            std::string(text) + "\""));
  }
}

TEST(LoadFlags, NeedsAPercentWhereAShareIsGiven) {
  EXPECT_THAT(
      refused_below_version("shadow_read: {}\nread_from_new: { by: user }\nwrite_to_new: {}\n"),
      ElementsAre("2:14: shadow_read.percent: this key is missing", "3:16: read_from_new.percent: this key is missing",
                  "4:15: write_to_new.percent: this key is missing"));
}

TEST(LoadFlags, ReadsEveryBucketKey) {
  const std::pair<const char*, BucketBy> cases[] = {
      {"session", {BucketBy::Key::session, ""}},
      {"user", {BucketBy::Key::user, ""}},
      {"schema", {BucketBy::Key::schema, ""}},
      {"client_host", {BucketBy::Key::client_host, ""}},
      {"hint:tenant_id", {BucketBy::Key::hint, "tenant_id"}},
  };
  for (const auto& [text, by] : cases) {
    EXPECT_EQ(accepted_flags("version: 1\nread_from_new: { percent: 1, by: \"" + std::string(text) + "\" }\n")
                  .read_from_new.by,
              by);
  }
  EXPECT_EQ(accepted_flags("version: 1\nread_from_new: { percent: 1, by: \"hint:" + std::string(64, 'k') + "\" }\n")
                .read_from_new.by.hint.size(),
            64u);
}

TEST(LoadFlags, RefusesOtherBucketKeys) {
  for (const std::string& text : {std::string("table"), std::string("Session"), std::string("hint"),
                                  std::string("hint:"), std::string("hint:a b"), "hint:" + std::string(65, 'k')}) {
    EXPECT_THAT(refused_below_version("read_from_new: { percent: 1, by: \"" + text + "\" }\n"),
                ElementsAre(StartsWith("2:34: read_from_new.by: must be session, user, schema, client_host or hint:")));
  }
}

TEST(LoadFlags, RefusesAnUnknownAcknowledgement) {
  EXPECT_THAT(refused_below_version("dual_write: { ack: follower }\n"),
              ElementsAre("2:20: dual_write.ack: must be one of leader, both, not \"follower\""));
}

TEST(LoadFlags, RefusesToMoveTheWrites) {
  for (const char* percent : {"0.0001", "1", "100"}) {
    EXPECT_THAT(refused_below_version("write_to_new: { percent: " + std::string(percent) + " }\n"),
                ElementsAre("2:26: write_to_new.percent: moving the writes is not supported yet: leave write_to_new at "
                            "0"));
  }
}

TEST(LoadFlags, TakesForWritesOnlyKeysThatOwnTheirRows) {
  for (const char* by : {"schema", "table", "user", "hint:tenant"}) {
    accepted_flags("version: 1\nwrite_to_new: { percent: 0, by: \"" + std::string(by) + "\" }\n");
  }
  for (const char* by : {"session", "client_host", "hint:", "hint:a b"}) {
    EXPECT_THAT(refused_below_version("write_to_new: { percent: 0, by: \"" + std::string(by) + "\" }\n"),
                ElementsAre("2:33: write_to_new.by: must be schema, table, user or hint:<key>: whatever moves must own "
                            "its rows"));
  }
}

TEST(LoadFlags, RefusesARuleThatMatchesEverything) {
  EXPECT_THAT(refused_below_version("rules:\n  - match: {}\n    shadow_read: { percent: 1 }\n"),
              ElementsAre("3:12: rules[0].match: must name at least one of schema, tables, user, digest, hint; for all "
                          "traffic, use the keys outside rules"));
  EXPECT_THAT(refused_below_version("rules:\n  - shadow_read: { percent: 1 }\n"),
              ElementsAre("3:5: rules[0].match: this key is missing"));
}

TEST(LoadFlags, RefusesARuleThatDoesNothing) {
  EXPECT_THAT(refused_below_version("rules:\n  - match: { user: app }\n"),
              ElementsAre("3:5: rules[0]: does nothing: give it shadow_read or read_from_new"));
}

TEST(LoadFlags, RefusesMalformedConditions) {
  EXPECT_THAT(
      refused_below_version(R"(rules:
  - shadow_read: { percent: 1 }
    match:
      schema: ""
      tables: orders
      user: [app]
      digest: "5f"
      hint: { "a b": x }
  - shadow_read: { percent: 1 }
    match: { tables: [], hint: {} }
  - shadow_read: { percent: 1 }
    match: { tables: ["", { a: b }], hint: { k: } }
)"),
      ElementsAre("5:15: rules[0].match.schema: must not be empty", "6:15: rules[0].match.tables: must be a list",
                  "7:13: rules[0].match.user: must be a text, not a list",
                  "8:15: rules[0].match.digest: must be a digest like \"0x5f3a\": 0x and up to 16 hex digits",
                  "9:22: rules[0].match.hint.a b: a hint's key has 1 to 64 letters, digits, _, - or .",
                  "11:22: rules[1].match.tables: must not be empty", "11:32: rules[1].match.hint: must not be empty",
                  "13:23: rules[2].match.tables[0]: must not be empty",
                  "13:27: rules[2].match.tables[1]: must be a text, not a map",
                  "13:46: rules[2].match.hint.k: no value: give it one or remove the key"));
}

TEST(LoadFlags, TakesDigestsOf1To16HexDigits) {
  const auto with = [](const std::string& digest) {
    return "version: 1\nrules:\n  - { match: { digest: \"" + digest + "\" }, shadow_read: { percent: 1 } }\n";
  };
  EXPECT_EQ(accepted_flags(with("0x0")).rules[0].match.digest, 0u);
  EXPECT_EQ(accepted_flags(with("0xFFFFffffFFFFffff")).rules[0].match.digest, UINT64_MAX);
  for (const char* digest : {"0x", "0x12345678123456781", "0X1", "0xg", "x1", "0x-1"}) {
    EXPECT_THAT(refused_flags(with(digest)), ElementsAre(StartsWith("3:24: rules[0].match.digest: must be a digest")));
  }
}

TEST(LoadFlags, BoundsTheRulesTablesAndHints) {
  const auto rules = [](int count) {
    std::string text = "version: 1\nrules:\n";
    for (int i = 0; i < count; ++i) text += "  - { match: { user: app }, shadow_read: { percent: 1 } }\n";
    return text;
  };
  EXPECT_EQ(accepted_flags(rules(1000)).rules.size(), 1000u);
  EXPECT_THAT(refused_flags(rules(1001)), ElementsAre("3:3: rules: must have 0 to 1000 entries"));
  const auto hints = [](int count) {
    std::string text = "version: 1\nrules: [{ shadow_read: { percent: 1 }, match: { hint: {";
    for (int i = 0; i < count; ++i) text += "k" + std::to_string(i) + ": x,";
    return text + "} } }]\n";
  };
  EXPECT_EQ(accepted_flags(hints(16)).rules[0].match.hint.size(), 16u);
  EXPECT_THAT(refused_flags(hints(17)), ElementsAre("2:55: rules[0].match.hint: must have 1 to 16 entries"));
}

TEST(LoadFlags, SuggestsTheNearestKey) {
  EXPECT_THAT(refused_flags("version: 1\nkil_switch: true\n"),
              ElementsAre("2:1: unknown key \"kil_switch\": did you mean \"kill_switch\"?"));
  EXPECT_THAT(refused_below_version("shadow_read: { percent: 1, precent: 2 }\n"),
              ElementsAre("2:28: shadow_read: unknown key \"precent\": did you mean \"percent\"?"));
  EXPECT_THAT(refused_below_version("dual_write: { colour: blue }\n"),
              ElementsAre("2:15: dual_write: unknown key \"colour\": the keys here are ack, enabled, on_divergence"));
}

TEST(LoadFlags, RefusesTheWrongKindOfValue) {
  EXPECT_THAT(refused_flags("- version: 1\n"), ElementsAre("1:1: must be a map of keys and values"));
  EXPECT_THAT(refused_flags("version\n"), ElementsAre("1:1: must be a map of keys and values"));
  EXPECT_THAT(
      refused_flags("version: [1]\ndual_write: on\nrules: { a: b }\nkill_switch: { a: b }\nshadow_read:\n"),
      ElementsAre("1:10: version: must be a number, not a list", "2:13: dual_write: must be a map of keys and values",
                  "3:8: rules: must be a list", "4:14: kill_switch: must be true or false, not a map",
                  "5:1: shadow_read: no value: give it one or remove the key"));
}

TEST(LoadFlags, ReportsAllProblemsAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      refused_flags("kill_switch: yes\nversion: 01\nversion: 2\nshadow_read: { percent: 200 }\nbogus_key_here: 1\n"),
      ElementsAre(StartsWith("1:14: kill_switch: "), StartsWith("2:10: version: "),
                  "3:1: duplicate key \"version\": it stands at 2:1 already", StartsWith("4:25: shadow_read.percent: "),
                  StartsWith("5:1: unknown key \"bogus_key_here\"")));
}

TEST(LoadFlags, DoesNotReportAnAliasTwice) {
  EXPECT_THAT(refused_flags("version: &v 1\nshadow_read: *v\nrules: *v\nkill_switch: *v\n"),
              ElementsAre(StartsWith("1:10: anchors"), StartsWith("2:14: aliases"), StartsWith("3:8: aliases"),
                          StartsWith("4:14: aliases")));
}

}  // namespace
}  // namespace crossfade::config
