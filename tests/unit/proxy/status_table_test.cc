#include "proxy/status_table.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(StatusTable, StartsWithTheHeadline) {
  EXPECT_EQ(status_table({{"version", "0.1.0"}, {"uptime_seconds", 11520}, {"ready", true}, {"draining", false}}),
            "crossfade 0.1.0, up 3h 12m, ready\n");
  EXPECT_EQ(status_table({{"version", "0.1.0"}, {"uptime_seconds", 59}, {"ready", false}, {"draining", true}}),
            "crossfade 0.1.0, up 59s, NOT READY, draining\n");
  EXPECT_THAT(status_table({{"uptime_seconds", 60}}), HasSubstr("up 1m 0s"));
  EXPECT_THAT(status_table({{"uptime_seconds", 90000}}), HasSubstr("up 1d 1h"));
  EXPECT_THAT(status_table({{"uptime_seconds", -5}}), HasSubstr("up 0s"));
  EXPECT_THAT(status_table({{"uptime_seconds", 1e300}}), HasSubstr("d "));
}

TEST(StatusTable, ShowsTheWholeStatusInOrder) {
  const json status = {{"version", "0.1.0"},
                       {"leader", "old"},
                       {"caught_up", true},
                       {"lag", {{"entries", 0}, {"bytes", 0}, {"oldest_seconds", 0.5}}},
                       {"applier", {{"state", "running"}, {"parked", 0}}},
                       {"backends",
                        {{"old", {{"state", "up"}, {"address", "db-old:3306"}, {"server_version", "10.11.19"}}},
                         {"new", {{"state", "down"}, {"address", "db-new:3306"}, {"error", "refused"}}}}},
                       {"pinned_sessions", json::array()},
                       {"another", nullptr}};
  EXPECT_EQ(status_table(status),
            "crossfade 0.1.0\n"
            "leader          old\n"
            "caught_up       yes\n"
            "lag             bytes 0, entries 0, oldest_seconds 0.5\n"
            "applier         state running, parked 0\n"
            "backends\n"
            "  new             state down, address db-new:3306, error refused\n"
            "  old             state up, address db-old:3306, server_version 10.11.19\n"
            "another         -\n"
            "pinned_sessions none\n");
}

TEST(StatusTable, SpreadsWhatIsTooLongForALine) {
  json counters = json::object();
  for (int i = 0; i < 9; ++i) counters["c" + std::to_string(i)] = i;
  const std::string text = status_table({{"counters", counters}});
  EXPECT_THAT(text, HasSubstr("\ncounters\n  c0              0\n"));
  EXPECT_THAT(text, HasSubstr("  c8              8\n"));
  counters.erase("c8");
  EXPECT_THAT(status_table({{"counters", counters}}), HasSubstr("counters        c0 0, c1 1"));
}

TEST(StatusTable, TakesListsOfAnything) {
  EXPECT_THAT(status_table({{"pinned", {"a", "b"}}}), HasSubstr("pinned          a, b\n"));
  EXPECT_THAT(status_table({{"pinned", {{{"session", 4}, {"why", "GET_LOCK"}}}}}),
              HasSubstr("pinned\n  session 4, why GET_LOCK\n"));
  EXPECT_THAT(status_table({{"deep", {{"a", {{"b", {{"c", 1}}}}}}}}), HasSubstr("  a               b (c 1)\n"));
}

TEST(StatusTable, LetsNoControlCharacterThrough) {
  const std::string text = status_table({{"version", "1\x1b[2J"}, {"leader", "a\nb"}, {"k\r", "x\x7f"}, {"empty", ""}});
  EXPECT_THAT(text, StartsWith("crossfade 1?[2J\n"));
  EXPECT_THAT(text, HasSubstr("a?b\n"));
  EXPECT_THAT(text, HasSubstr("k?              x?\n"));
  EXPECT_THAT(text, HasSubstr("empty           -\n"));
}

TEST(StatusTable, TakesAnyShape) {
  EXPECT_EQ(status_table(json::object()), "crossfade\n");
  EXPECT_EQ(status_table(nullptr), "-\n");
  EXPECT_EQ(status_table({1, 2}), "1, 2\n");
  EXPECT_EQ(status_table({{"ready", "yes"}, {"draining", 3}, {"uptime_seconds", "long"}, {"backends", 5}}),
            "crossfade, NOT READY\nbackends        5\n");
  EXPECT_EQ(status_table({{"a_name_longer_than_the_column", 1}}), "crossfade\na_name_longer_than_the_column 1\n");
}

}  // namespace
}  // namespace crossfade::proxy
