#include "migrate/preflight_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrate/quantity_text.h"
#include "migrate/table_selection.h"
#include "tests/unit/migrate/server_samples.h"

namespace crossfade::migrate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

PreflightReport report(Findings findings) {
  sort_by_severity(findings);
  return {.old_server = summary_of(server(config::Backend::old_db), "a:1"),
          .new_server = summary_of(server(config::Backend::new_db, false), "b:2"),
          .feed = {.choice = FeedChoice::log, .why = "because", .findings = {}},
          .findings = std::move(findings)};
}

TEST(PreflightReport, OnlyBlockersMakeTheExitCode) {
  EXPECT_EQ(preflight_exit_code(report({})), 0);
  EXPECT_EQ(preflight_exit_code(report({{.severity = Severity::warning}, {.severity = Severity::note}})), 0);
  EXPECT_EQ(preflight_exit_code(report({{.severity = Severity::note}, {.severity = Severity::blocker}})), 4);
}

TEST(PreflightReport, BlockersComeFirstInBothForms) {
  const PreflightReport one = report({
      {.severity = Severity::note, .object = "old", .code = "version", .reason = "MariaDB"},
      {.severity = Severity::blocker,
       .table = {"app", "t"},
       .object = "column a",
       .code = "type_narrower",
       .reason = "too narrow",
       .advice = "MODIFY it",
       .rows = 3,
       .longest = 12},
      {.severity = Severity::warning, .table = {"app", "t"}, .object = "table", .code = "x", .reason = "y"},
  });
  const nlohmann::json told = preflight_json(one);
  EXPECT_EQ(told["verdict"], "blocked");
  EXPECT_EQ(told["blockers"], 1);
  EXPECT_EQ(told["findings"][0], (nlohmann::json{{"severity", "blocker"},
                                                 {"object", "app.t column a"},
                                                 {"table", "app.t"},
                                                 {"code", "type_narrower"},
                                                 {"reason", "too narrow"},
                                                 {"advice", "MODIFY it"},
                                                 {"rows", 3},
                                                 {"longest", 12}}));
  EXPECT_EQ(told["findings"][1]["object"], "app.t");
  EXPECT_FALSE(told["findings"][1].contains("rows"));
  const std::string text = preflight_text(one);
  EXPECT_LT(text.find("BLOCKERS"), text.find("WARNINGS"));
  EXPECT_LT(text.find("WARNINGS"), text.find("NOTES"));
  EXPECT_THAT(text, HasSubstr("  app.t column a [type_narrower]\n    too narrow\n    -> MODIFY it\n"));
  EXPECT_THAT(text, HasSubstr("1 blocker, 1 warning, 1 note: not ready\n"));
  EXPECT_THAT(text, Not(HasSubstr("TABLES")));
}

TEST(PreflightReport, TablesHaveWhatWasCountedElseTheEstimate) {
  ServerFacts leader = server(config::Backend::old_db);
  dualwrite::TableDefinition small = table("small"), large = table("large"), view = table("view");
  small.rows_estimate = 7;
  large.rows_estimate = 1000;
  view.kind = dualwrite::TableDefinition::Kind::view;
  for (const auto& each : {small, large, view}) add(leader, each);
  leader.sizes[small.name] = {.data_bytes = 100, .index_bytes = 1, .auto_increment = 500, .age_seconds = 10 * 86400};
  leader.sizes[large.name] = {.data_bytes = 100 * kCopyBytesPerSecond};
  const std::vector<TableReport> tables = table_reports(leader, {{large.name, {.rows = 1234, .largest_row_bytes = 9}}});
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].table.table, "large");
  EXPECT_EQ(tables[0].rows, 1234u);
  EXPECT_TRUE(tables[0].counted);
  EXPECT_EQ(tables[0].copy_seconds, 100u);
  EXPECT_EQ(tables[1].rows, 7u);
  EXPECT_FALSE(tables[1].counted);
  EXPECT_EQ(tables[1].rows_per_day, 50u);
  PreflightReport one = report({});
  one.tables = tables;
  EXPECT_THAT(preflight_text(one), HasSubstr("1,234"));
  EXPECT_THAT(preflight_text(one), HasSubstr("~7"));
}

TEST(PreflightReport, OfAServerThatHasJustStartedNoRateIsSaid) {
  ServerFacts leader = server(config::Backend::old_db);
  leader.status = {{"uptime", 59}, {"innodb_os_log_written", 1000000}};
  EXPECT_EQ(log_bytes_per_day(leader), 0u);
  leader.status["uptime"] = 100;
  EXPECT_EQ(log_bytes_per_day(leader), 864000000u);
}

TEST(QuantityText, IsReadable) {
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(99999), "99 kB");
  EXPECT_EQ(bytes_text(1500000000), "1.5 GB");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(seconds_text(59), "59 s");
  EXPECT_EQ(seconds_text(61), "1 min 1 s");
  EXPECT_EQ(seconds_text(7200), "2 h");
  EXPECT_EQ(seconds_text(3 * 86400 + 3600), "3 d 1 h");
}

TEST(TableSelection, TakesSchemasAndTables) {
  struct Case {
    std::vector<std::string> tables, excluded;
    std::vector<std::string> left;
  };
  for (const Case& each : {Case{{}, {}, {"app.a", "app.b", "shop.a"}}, Case{{"app"}, {}, {"app.a", "app.b"}},
                           Case{{"app.*"}, {"app.b"}, {"app.a"}}, Case{{"app.a", "shop"}, {}, {"app.a", "shop.a"}},
                           Case{{}, {"app"}, {"shop.a"}}}) {
    ServerFacts facts = server(config::Backend::old_db);
    facts.schemas = {{.name = "app", .collation = ""}, {.name = "shop", .collation = ""}};
    for (const char* schema : {"app", "app", "shop"}) {
      dualwrite::TableDefinition one =
          table(facts.tables.contains({"app", "a"}) && std::string(schema) == "app" ? "b" : "a");
      one.name.schema = schema;
      add(facts, one);
    }
    const auto selection = TableSelection::parse(each.tables, each.excluded);
    ASSERT_TRUE(selection.ok());
    ASSERT_TRUE(selection->check(facts).ok());
    selection->apply(facts);
    std::vector<std::string> left;
    for (const auto& [name, definition] : facts.tables) left.push_back(name.schema + "." + name.table);
    EXPECT_EQ(left, each.left);
  }
}

TEST(TableSelection, RefusesWhatIsNotThere) {
  ServerFacts facts = server(config::Backend::old_db);
  add(facts, table("t"));
  EXPECT_FALSE(TableSelection::parse({"app."}, {}).ok());
  EXPECT_FALSE(TableSelection::parse({""}, {}).ok());
  EXPECT_FALSE(TableSelection::parse({".t"}, {}).ok());
  EXPECT_THAT(TableSelection::parse({"shop"}, {})->check(facts).message(),
              HasSubstr("--tables: old has no schema 'shop'"));
  EXPECT_THAT(TableSelection::parse({}, {"app.x"})->check(facts).message(),
              HasSubstr("--exclude: old has no table 'app.x'"));
  EXPECT_TRUE(TableSelection::parse({"app.t"}, {})->check(facts).ok());
}

TEST(ServerFacts, AreReadFromTheAnswersInTheirOrder) {
  const std::vector<std::string> queries = facts_queries("crossfade");
  std::vector<protocol::ResultSet> answers(queries.size());
  ServerFacts out;
  ASSERT_TRUE(read_facts(answers, out).ok());
  answers[0].rows = {{"Sql_Mode", "ANSI"}};
  answers[6].rows = {{"app", "tr", "t", "AFTER", "INSERT"}, {"app", "crossfade_i_1", "t", "AFTER", "INSERT"}};
  ASSERT_TRUE(read_facts(answers, out).ok());
  EXPECT_EQ(out.variable("sql_mode"), "ANSI");
  EXPECT_EQ(out.objects.size(), 1u) << "the triggers of feed trigger are its own";
  answers[2].rows = {{"too", "many", "cells"}};
  EXPECT_FALSE(read_facts(answers, out).ok());
  answers.pop_back();
  EXPECT_FALSE(read_facts(answers, out).ok());
}

}  // namespace
}  // namespace crossfade::migrate
