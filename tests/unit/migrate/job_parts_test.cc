// The small parts of a job: sizes of chunks, limits, the order of tables, options, what is kept of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/chunk_size.h"
#include "migrate/copy_options.h"
#include "migrate/job_control.h"
#include "migrate/table_order.h"
#include "migrate/throttle.h"

namespace crossfade::migrate {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ChunkSizer, GrowsToTheTimeThatAChunkMayTake) {
  ChunkSizer sizer({.time = 500ms, .lock_time = 100ms, .rows_first = 1000});
  EXPECT_EQ(sizer.rows(), 1000u);
  sizer.observe({.rows = 1000, .bytes = 1000, .locked = 1ms, .written = 10ms});
  EXPECT_EQ(sizer.rows(), 2000u) << "twofold a step at most";
  sizer.observe({.rows = 2000, .bytes = 1000, .locked = 1ms, .written = 399ms});
  EXPECT_EQ(sizer.rows(), 2500u);
}

TEST(ChunkSizer, TheTimeOfTheLocksCountsForItself) {
  ChunkSizer sizer({.time = 500ms, .lock_time = 100ms, .rows_first = 1000});
  sizer.observe({.rows = 1000, .bytes = 1000, .locked = 160ms, .written = 0ms});
  EXPECT_EQ(sizer.rows(), 625u);
  sizer.observe({.rows = 625, .bytes = 1000, .locked = 10s, .written = 0ms});
  EXPECT_EQ(sizer.rows(), 312u) << "half a step at least";
}

TEST(ChunkSizer, StaysWithinItsBounds) {
  ChunkSizer sizer({.time = 500ms, .lock_time = 100ms, .rows_first = 10, .rows_max = 30, .bytes_max = 1000});
  for (int i = 0; i < 5; ++i) sizer.observe({.rows = sizer.rows(), .bytes = 10, .locked = 1us, .written = 1us});
  EXPECT_EQ(sizer.rows(), 30u);
  sizer.observe({.rows = 30, .bytes = 1500, .locked = 1us, .written = 1us});
  EXPECT_EQ(sizer.rows(), 20u) << "its bytes are too many";
  for (int i = 0; i < 10; ++i) sizer.shrink();
  EXPECT_EQ(sizer.rows(), 1u);
  sizer.observe({.rows = 0, .bytes = 0, .locked = 10s, .written = 10s});
  EXPECT_EQ(sizer.rows(), 1u);
}

TEST(ChunkSizer, TheEndOfATableTeachesNothing) {
  ChunkSizer sizer({.rows_first = 1000});
  sizer.observe({.rows = 3, .bytes = 3, .locked = 1us, .written = 1us});
  EXPECT_EQ(sizer.rows(), 1000u);
}

TEST(Throttle, NamesWhatIsTooMuch) {
  const ThrottleLimits limits{.lag_max = 2000ms, .threads_running_max = 10, .lock_waits_max = 3};
  EXPECT_EQ(throttle_reason(limits, {.lag = 2000ms, .threads_running = 10, .lock_waits = 3}), "");
  EXPECT_THAT(throttle_reason(limits, {.lag = 2001ms}), HasSubstr("the applier is 2001 ms behind"));
  EXPECT_THAT(throttle_reason(limits, {.threads_running = 11}), HasSubstr("11 threads run on the leader, at most 10"));
  EXPECT_THAT(throttle_reason(limits, {.lock_waits = 4}), HasSubstr("4 sessions of the leader wait for rows"));
}

TEST(RateLimit, IsAReasonToWait) {
  EXPECT_EQ(rate_reason({}), "");
  EXPECT_EQ(rate_reason({.rows_per_second = 1000}), "its own limit, 1000 rows a second");
  EXPECT_EQ(rate_reason({.rows_per_second = 1000, .mb_per_second = 2.5}),
            "its own limit, 1000 rows a second and 2.5 MB a second");
  EXPECT_EQ(rate_reason({}, 125000), "its own limit, 12.5 % of the time");
}

TEST(RateLimit, IsKeptOverManyChunks) {
  const ThrottleLimits limits{.rows_per_second = 1000, .mb_per_second = 1};
  RateLimit rate;
  RateLimit::TimePoint now{1h};
  EXPECT_TRUE(rate.allows(now));
  std::uint64_t rows = 0;
  const RateLimit::TimePoint end = now + 10s;
  while (now < end) {
    rate.spend(limits, 700, 100, now);
    rows += 700;
    EXPECT_FALSE(rate.allows(now));
    now = std::max(now, rate.free_at());
  }
  EXPECT_NEAR(static_cast<double>(rows), 10000, 700);
  rate.spend(limits, 1, 5000000, now);
  EXPECT_EQ(rate.free_at() - now, 5s) << "the dearer of both";
  RateLimit none;
  none.spend({}, 1000000, 1000000, now);
  EXPECT_TRUE(none.allows(now)) << "without limits";
}

TEST(RateLimit, RestsSoThatItWorksAShareOfTheTime) {
  EXPECT_EQ(rest_after(100ms, 100000), 900ms);
  EXPECT_EQ(rest_after(100ms, 500000), 100ms);
  EXPECT_EQ(rest_after(100ms, 1000000), 0ms);
  RateLimit rate;
  const RateLimit::TimePoint now{1h};
  rate.rest_until(now + 900ms);
  rate.rest_until(now + 100ms);
  EXPECT_EQ(rate.free_at(), now + 900ms) << "the longer one";
}

TableRef app(const std::string& name) { return {.schema = "app", .table = name}; }

std::map<TableRef, TableDefinition> tables(const std::vector<std::pair<std::string, std::vector<std::string>>>& all) {
  std::map<TableRef, TableDefinition> out;
  for (const auto& [name, parents] : all) {
    TableDefinition table;
    table.name = app(name);
    for (const std::string& parent : parents) {
      dualwrite::DefinedForeignKey key;
      key.parent = app(parent);
      table.foreign_keys.push_back(key);
    }
    out.emplace(table.name, table);
  }
  return out;
}

TEST(CopyGroups, ParentsComeFirst) {
  const auto all = tables({{"a", {"b"}}, {"b", {"c"}}, {"c", {}}, {"d", {}}});
  EXPECT_THAT(copy_groups(all, {app("a"), app("b"), app("c"), app("d")}),
              ElementsAre(ElementsAre(app("c")), ElementsAre(app("b")), ElementsAre(app("a")), ElementsAre(app("d"))));
  EXPECT_THAT(copy_groups(all, {app("a")}), ElementsAre(ElementsAre(app("a")))) << "the others are not chosen";
  EXPECT_THAT(copy_groups(all, {}), ElementsAre());
}

TEST(CopyGroups, ARingIsOneGroup) {
  const auto all = tables({{"a", {"b"}}, {"b", {"a", "b"}}, {"below", {"a"}}, {"self", {"self"}}});
  EXPECT_THAT(copy_groups(all, {app("a"), app("b"), app("below"), app("self")}),
              ElementsAre(ElementsAre(app("a"), app("b")), ElementsAre(app("below")), ElementsAre(app("self"))));
  EXPECT_THAT(parents_of(all, app("b")), ElementsAre(app("a"))) << "itself left out";
}

TEST(CopyGroups, ALongChainNeedsNoDeepStack) {
  std::vector<std::pair<std::string, std::vector<std::string>>> chain;
  std::vector<TableRef> names;
  for (int i = 0; i < 2000; ++i) {
    chain.push_back({std::to_string(i), {std::to_string(i + 1)}});
    names.push_back(app(std::to_string(i)));
  }
  EXPECT_EQ(copy_groups(tables(chain), names).front(), std::vector<TableRef>{app("1999")});
}

TEST(CopyOptions, SurviveTheirText) {
  const json written = {{"tables", {"shop.orders", "crm"}},
                        {"exclude", {"crm.log"}},
                        {"where", {{"shop.orders", "id>5"}}},
                        {"subset_ppm", 10000},
                        {"existing", "replace"},
                        {"defer_indexes", true},
                        {"chunk_time_ms", 200},
                        {"parallel", 4},
                        {"rows_per_second", 1000},
                        {"mb_per_second", 2.5},
                        {"lag_max_ms", 3000},
                        {"threads_running_max", 20},
                        {"latency_growth_max", 1.5},
                        {"lock_waits_max", 0}};
  const auto options = parse_copy_options(written);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(to_json(*options), written);
  EXPECT_TRUE(parse_copy_options(to_json(CopyOptions())).ok());
}

TEST(CopyOptions, NameWhatIsWrong) {
  const auto why = [](const json& value) {
    const auto options = parse_copy_options(value);
    return options.ok() ? std::string("taken") : std::string(options.status().message());
  };
  EXPECT_THAT(why({{"colour", 1}}), HasSubstr("colour: is no option"));
  EXPECT_THAT(why({{"parallel", 0}}), HasSubstr("parallel: a number from 1 to 64"));
  EXPECT_THAT(why({{"parallel", "two"}}), HasSubstr("parallel"));
  EXPECT_THAT(why({{"chunk_time_ms", 1}}), HasSubstr("chunk_time_ms"));
  EXPECT_THAT(why({{"tables", {"shop."}}}), HasSubstr("'shop.' is no SCHEMA"));
  EXPECT_THAT(why({{"tables", "shop"}}), HasSubstr("a list"));
  EXPECT_THAT(why({{"where", {{"shop.orders", ""}}}}), HasSubstr("no condition for shop.orders"));
  EXPECT_THAT(why({{"existing", "perhaps"}}), HasSubstr("refuse, replace or resume"));
  EXPECT_THAT(why({{"mb_per_second", -1}}), HasSubstr("mb_per_second"));
  EXPECT_THAT(why(json::array()), HasSubstr("options are wanted"));
}

TEST(JobOptions, ChooseTables) {
  JobOptions options{.tables = {"shop", "crm.people", "log.*"}, .exclude = {"shop.Cart"}};
  EXPECT_TRUE(options.chooses({.schema = "shop", .table = "orders"}));
  EXPECT_TRUE(options.chooses({.schema = "SHOP", .table = "orders"}));
  EXPECT_FALSE(options.chooses({.schema = "shop", .table = "cart"}));
  EXPECT_TRUE(options.chooses({.schema = "crm", .table = "people"}));
  EXPECT_FALSE(options.chooses({.schema = "crm", .table = "peoples"}));
  EXPECT_TRUE(options.chooses({.schema = "log", .table = "any"}));
  EXPECT_FALSE(options.chooses({.schema = "shopping", .table = "orders"}));
  EXPECT_TRUE(JobOptions().chooses({.schema = "any", .table = "any"}));
}

TEST(CopyOptions, KnowWhatIsCopiedInPart) {
  CopyOptions options;
  EXPECT_FALSE(options.is_partial({.schema = "shop", .table = "orders"}));
  options.where["shop.orders"] = "id>5";
  EXPECT_TRUE(options.is_partial({.schema = "shop", .table = "orders"}));
  EXPECT_FALSE(options.is_partial({.schema = "shop", .table = "items"}));
}

TEST(CopyOptions, EachConditionThatNamesATableHasToBeTrue) {
  CopyOptions options;
  EXPECT_EQ(options.condition_of({.schema = "shop", .table = "orders"}), "");
  options.where["shop"] = "deleted=0";
  options.where["shop.orders"] = "v=1 OR v=2";
  EXPECT_EQ(options.condition_of({.schema = "shop", .table = "orders"}), "(deleted=0) AND (v=1 OR v=2)");
  EXPECT_EQ(options.condition_of({.schema = "shop", .table = "items"}), "(deleted=0)");
  EXPECT_EQ(options.condition_of({.schema = "crm", .table = "orders"}), "");
}

TEST(CopyOptions, Shares) {
  EXPECT_EQ(*parse_share("1%"), 10000u);
  EXPECT_EQ(*parse_share("0.5"), 5000u);
  EXPECT_EQ(*parse_share("100%"), 1000000u);
  for (const char* text : {"0%", "", "%", "101%", "-1%", "one", "1%%"}) EXPECT_FALSE(parse_share(text).ok()) << text;
}

TEST(JobControl, ReadsWhatItWrites) {
  protocol::ResultSet result;
  EXPECT_FALSE(job_from(result)->has_value());
  result.rows.push_back({"3", "backfill", "paused", "{}", "", "1700000000", "0"});
  const auto job = job_from(result);
  ASSERT_TRUE(job.ok() && job->has_value());
  EXPECT_EQ((*job)->id, 3u);
  EXPECT_EQ((*job)->state, JobState::paused);
  result.rows.front()[2] = "dreaming";
  EXPECT_FALSE(job_from(result).ok());

  protocol::ResultSet rows;
  rows.rows.push_back({"app", "t", "copying", "1:5", "id 0/0", "7", "70", "2", "100", "1000", "", "[]"});
  const auto tables_read = job_tables_from(rows);
  ASSERT_TRUE(tables_read.ok()) << tables_read.status();
  EXPECT_EQ(tables_read->front().state, TableState::copying);
  EXPECT_EQ(tables_read->front().place, "1:5");
  EXPECT_EQ(tables_read->front().rows, 7u);
  EXPECT_EQ(tables_read->front().indexes, "[]");
  rows.rows.front().pop_back();
  EXPECT_FALSE(job_tables_from(rows).ok());
}

TEST(JobControl, SaysPlacesAsBytesAndReasonsInPlainCharacters) {
  const TableRecord record{
      .table = app("it's"), .state = TableState::failed, .place = "1:\xff", .reason = "a \xc3\xa9 and 'more'"};
  const std::string sql = update_job_table("crossfade", 3, record);
  EXPECT_THAT(sql, HasSubstr("`place`=0x313aff"));
  EXPECT_THAT(sql, HasSubstr("`state`="));
  EXPECT_THAT(sql, testing::Not(HasSubstr("'more'")));
  EXPECT_THAT(sql, testing::Not(HasSubstr("it's")));
}

}  // namespace
}  // namespace crossfade::migrate
