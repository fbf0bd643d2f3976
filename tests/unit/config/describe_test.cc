#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace crossfade::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Describe, WritesAPlaceAndAMessageALine) {
  EXPECT_EQ(describe({{.line = 3, .column = 7, .message = "a: wrong"}, {.line = 4, .column = 1, .message = "b: wrong"}},
                     "/etc/flags.yaml"),
            "/etc/flags.yaml:3:7: a: wrong\n/etc/flags.yaml:4:1: b: wrong");
}

TEST(Describe, LeavesOutThePlaceOfAProblemOfTheWholeFile) {
  EXPECT_EQ(describe({{.line = 0, .column = 0, .message = "the file is empty"}}, "f.yaml"),
            "f.yaml: the file is empty");
}

TEST(Describe, IsEmptyWithoutProblems) { EXPECT_EQ(describe({}, "f.yaml"), ""); }

Rule rule_for(const std::string& user) {
  Rule rule;
  rule.match.user = user;
  rule.shadow_read = ShadowReadFlags{.percent = Percent::from_ppm(10'000)};
  return rule;
}

TEST(DescribeChanges, IsEmptyForEqualFlags) {
  Flags flags;
  flags.rules.push_back(rule_for("app"));
  EXPECT_THAT(describe_changes(flags, flags), IsEmpty());
}

TEST(DescribeChanges, NamesEveryChangedValueOnce) {
  Flags before;
  before.version = 1;
  before.read_from_new.percent = Percent::from_ppm(50'000);
  Flags after;
  after.version = 2;
  after.dual_write = {.enabled = false, .ack = Ack::both};
  after.shadow_read.percent = Percent::from_ppm(125'000);
  after.read_from_new = {.percent = Percent::from_ppm(500'000), .by = {.key = BucketBy::Key::hint, .hint = "tenant"}};
  after.freeze_writes = true;
  after.kill_switch = true;
  EXPECT_THAT(describe_changes(before, after),
              ElementsAre("version: 1 -> 2", "dual_write.enabled: true -> false", "dual_write.ack: leader -> both",
                          "shadow_read.percent: 0 -> 12.5", "read_from_new.percent: 5 -> 50",
                          "read_from_new.by: session -> hint:tenant", "freeze_writes: false -> true",
                          "kill_switch: false -> true"));
}

TEST(DescribeChanges, NamesWhatARuleGainsAndLoses) {
  Flags before;
  before.rules.push_back(rule_for("app"));
  Flags after;
  Rule rule;
  rule.match.schema = "shop";
  rule.match.tables = {"orders", "items"};
  rule.match.user = "batch";
  rule.match.digest = 0x5f;
  rule.match.hint = {{"canary", "1"}};
  rule.read_from_new = ReadFromNewFlags{.percent = Percent::from_ppm(1'000'000), .by = {}};
  after.rules.push_back(rule);
  EXPECT_THAT(describe_changes(before, after),
              ElementsAre("rules[0].match.schema: added: shop", "rules[0].match.tables: added: [orders, items]",
                          "rules[0].match.user: app -> batch", "rules[0].match.digest: added: 0x000000000000005f",
                          "rules[0].match.hint.canary: added: 1", "rules[0].read_from_new.percent: added: 100",
                          "rules[0].read_from_new.by: added: session", "rules[0].shadow_read.percent: removed: 1"));
}

TEST(DescribeChanges, NamesAWholeRuleThatGoes) {
  Flags before;
  before.rules = {rule_for("app"), rule_for("batch")};
  Flags after;
  after.rules = {rule_for("app")};
  EXPECT_THAT(describe_changes(before, after),
              ElementsAre("rules[1].match.user: removed: batch", "rules[1].shadow_read.percent: removed: 1"));
}

}  // namespace
}  // namespace crossfade::config
