#include "proxy/job_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::proxy {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json table_at(const char* name, const char* state, int rows, int estimate) {
  return {{"table", name}, {"state", state}, {"rows", rows}, {"rows_estimate", estimate}};
}

TEST(JobText, ABarForEachTableAndInTotal) {
  const json status = {{"job", 3},
                       {"state", "running"},
                       {"throttled", "the applier is 3000 ms behind, at most 2000"},
                       {"rows_per_second", 1200},
                       {"mb_per_second", 1.25},
                       {"eta_seconds", 3700},
                       {"tables", {table_at("app.a", "done", 10, 10), table_at("app.b", "copying", 25, 50)}}};
  const std::string text = job_table(status);
  EXPECT_THAT(text, HasSubstr("job 3 running; waits: the applier is 3000 ms behind"));
  EXPECT_THAT(text, HasSubstr("[####################] 100% done, 10 rows\n"));
  EXPECT_THAT(text, HasSubstr("[##########..........]  50% copying, 25 rows\n"));
  EXPECT_THAT(text, HasSubstr("total: 1 of 2 tables"));
  EXPECT_THAT(text, HasSubstr("35 rows, 1200 rows/s, 1.2 MB/s, 1h 1m left\n"));
  EXPECT_EQ(job_line(status).find('\n'), job_line(status).size() - 1);
}

TEST(JobText, HowManyReadATableIsSaid) {
  json table = table_at("app.b", "copying", 25, 50);
  table["readers"] = 1;
  json status = {{"job", 3}, {"state", "running"}, {"tables", json::array({table})}};
  EXPECT_THAT(job_table(status), HasSubstr("copying, 25 rows\n"));
  status["tables"][0]["readers"] = 4;
  EXPECT_THAT(job_table(status), HasSubstr("copying, 25 rows, 4 readers\n"));
}

TEST(JobText, AnEstimateThatIsTooSmallIsNotAnEnd) {
  const json status = {{"job", 3}, {"state", "running"}, {"tables", {table_at("app.b", "copying", 500, 50)}}};
  EXPECT_THAT(job_table(status), HasSubstr(" 99% copying"));
  EXPECT_THAT(job_line(status), HasSubstr("(99%)"));
}

TEST(JobText, WhatFailedIsNamed) {
  json failed = table_at("app.b", "failed", 5, 50);
  failed["reason"] = "the follower refuses\nrows";
  const json status = {
      {"job", 3}, {"state", "failed"}, {"why", "1 table was not copied"}, {"tables", json::array({failed})}};
  EXPECT_THAT(job_table(status), HasSubstr("failed, 5 rows: the follower refuses?rows\n"));
  EXPECT_THAT(job_line(status), HasSubstr("job 3 failed: 1 table was not copied"));
  EXPECT_THAT(job_line(status), HasSubstr("1 failed"));
}

TEST(JobText, OfManyTablesThoseOfInterest) {
  json status = {{"job", 3}, {"state", "running"}, {"tables", json::array()}};
  for (int i = 0; i < 40; ++i) status["tables"].push_back(table_at("app.t", "waiting", 0, 5));
  status["tables"].push_back(table_at("app.now", "copying", 1, 5));
  EXPECT_THAT(job_table(status), HasSubstr("app.now"));
  EXPECT_THAT(job_table(status), HasSubstr("and 40 more tables"));
}

TEST(JobText, NoJobIsSaid) {
  EXPECT_EQ(job_table({{"state", "none"}}), "no copy has been started\n");
  EXPECT_THAT(job_line({{"state", "unknown"}, {"waiting", "this proxy does not apply"}}),
              HasSubstr("not known yet whether there is a copy; this proxy does not apply"));
  EXPECT_THAT(job_table(json::object()), HasSubstr("no copy"));
}

TEST(JobText, AStandByNamesWhoKnows) {
  const std::string waiting = "this proxy does not apply changes now (standing by: another proxy applies)";
  EXPECT_THAT(job_line({{"state", "unknown"}, {"waiting", waiting}}),
              AllOf(HasSubstr("the proxy that applies changes knows"), HasSubstr("another proxy applies")));
}

}  // namespace
}  // namespace crossfade::proxy
