#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "shadow/report.h"

namespace crossfade::shadow {
namespace {

using nlohmann::json;

DigestReport digest(std::uint64_t id, std::uint64_t calls, std::uint64_t matches) {
  DigestReport made;
  made.digest = id;
  made.text = "SELECT price FROM items WHERE id = ?";
  made.tables = "shop.items";
  made.calls = calls;
  made.verdicts[static_cast<std::size_t>(Verdict::match)] = matches;
  return made;
}

void set(DigestReport& made, Verdict verdict, std::uint64_t count) {
  made.verdicts[static_cast<std::size_t>(verdict)] = count;
}

json report_of(std::initializer_list<DigestReport> digests) {
  Report report({});
  for (const DigestReport& made : digests) {
    report.restore(made);
  }
  return report_json(report.digests());
}

TEST(ReportVerdict, IsSafeWithTheEvidence) {
  const json report = report_of({digest(1, 99200, 12345), digest(2, 800, 0)});
  EXPECT_EQ(report["verdict"], "SAFE");
  EXPECT_EQ(report["why"],
            "0 of 12,345 compared reads differed (95 % upper bound 0.024 %), 2 digests, coverage 99.2 %");
  EXPECT_EQ(report_exit_code(report), 0);
  EXPECT_DOUBLE_EQ(report["totals"]["upper_bound_95"].get<double>(), 3.0 / 12345);
}

TEST(ReportVerdict, NeedsAThousandComparedReads) {
  EXPECT_EQ(report_of({digest(1, 1000, 1000)})["verdict"], "SAFE");
  const json report = report_of({digest(1, 999, 999)});
  EXPECT_EQ(report["verdict"], "HOLD");
  EXPECT_NE(report["why"].get<std::string>().find("at least 1,000 compared reads are needed"), std::string::npos);
  EXPECT_EQ(report_exit_code(report), 8);
}

TEST(ReportVerdict, NeedsCoverageByWeightOfCalls) {
  EXPECT_EQ(report_of({digest(1, 9500, 2000), digest(2, 500, 19)})["verdict"], "SAFE");
  const json report = report_of({digest(1, 9499, 2000), digest(2, 501, 19)});
  EXPECT_EQ(report["verdict"], "HOLD");
  EXPECT_NE(report["why"].get<std::string>().find("coverage 94.9 %; coverage of 95.0 % is needed"), std::string::npos);
  EXPECT_EQ(report["coverage"]["digests_covered"], 1);
}

TEST(ReportVerdict, CoversADigestWithTwentyComparisonsOrAsManyAsItsCalls) {
  EXPECT_EQ(report_of({digest(1, 100, 20)})["coverage"]["calls_covered"], 100);
  EXPECT_EQ(report_of({digest(1, 100, 19)})["coverage"]["calls_covered"], 0);
  EXPECT_EQ(report_of({digest(1, 3, 3)})["coverage"]["calls_covered"], 3);
  EXPECT_EQ(report_of({digest(1, 3, 2)})["coverage"]["calls_covered"], 0);
  EXPECT_EQ(report_of({digest(1, 0, 0)})["coverage"]["digests_covered"], 0);
}

TEST(ReportVerdict, HoldsWhenMostPickedReadsWereNotCompared) {
  DigestReport half = digest(1, 5000, 2000);
  set(half, Verdict::skipped, 2000);
  EXPECT_EQ(report_of({half})["verdict"], "SAFE");
  set(half, Verdict::timeout, 1);
  const json report = report_of({half});
  EXPECT_EQ(report["verdict"], "HOLD");
  EXPECT_NE(report["why"].get<std::string>().find("50.0 % of the reads picked for comparison were not compared"),
            std::string::npos);
}

TEST(ReportVerdict, HoldsForADifferenceThatCouldNotBeLookedAtAgain) {
  DigestReport slow = digest(1, 100, 5000);
  slow.verdicts[static_cast<std::size_t>(Verdict::skipped)] = 1;
  slow.skips[static_cast<std::size_t>(SkipReason::unconfirmed)] = 1;
  const json report = report_of({slow});
  EXPECT_EQ(report["verdict"], "HOLD");
  EXPECT_NE(report["why"].get<std::string>().find("1 difference could not be looked at again"), std::string::npos);
}

TEST(ReportVerdict, IsDivergedByOneDifferenceHoweverMuchMatched) {
  for (const Verdict verdict : {Verdict::value, Verdict::order, Verdict::row_missing, Verdict::row_extra,
                                Verdict::error_one_side, Verdict::error_differs}) {
    DigestReport bad = digest(1, 100000, 99999);
    set(bad, verdict, 1);
    const json report = report_of({bad, digest(2, 1, 1)});
    EXPECT_EQ(report["verdict"], "DIVERGED") << name(verdict);
    EXPECT_EQ(report["why"], "1 of 100,001 compared reads differed (0.001 %), 1 of 2 digests, coverage 100.0 %");
    EXPECT_TRUE(report["totals"]["upper_bound_95"].is_null());
    EXPECT_EQ(report_exit_code(report), 4);
  }
}

TEST(ReportVerdict, IsDivergedEvenWhenLittleWasCompared) {
  DigestReport bad = digest(1, 10, 9);
  set(bad, Verdict::value, 1);
  const json report = report_of({bad});
  EXPECT_EQ(report["verdict"], "DIVERGED");
  EXPECT_EQ(report["why"].get<std::string>().substr(0, 40), "1 of 10 compared reads differed (10.0 %)");
}

TEST(ReportVerdict, NotesAreNoDifference) {
  DigestReport noted = digest(1, 4000, 1000);
  for (const Verdict verdict : {Verdict::order_only, Verdict::precision, Verdict::metadata, Verdict::transient}) {
    set(noted, verdict, 500);
  }
  const json report = report_of({noted});
  EXPECT_EQ(report["verdict"], "SAFE");
  EXPECT_EQ(report["totals"]["compared"], 3000);
}

TEST(ReportVerdict, AnEmptyReportHolds) {
  const json report = report_of({});
  EXPECT_EQ(report["verdict"], "HOLD");
  EXPECT_EQ(report["why"].get<std::string>().substr(0, 64),
            "0 of 0 compared reads differed (95 % upper bound 100.0 %), 0 dig");
  EXPECT_TRUE(report["digests"].is_array());
}

TEST(ReportJson, TotalsNameEveryVerdictAndReason) {
  DigestReport one = digest(1, 10, 4);
  one.skips[static_cast<std::size_t>(SkipReason::bytes_full)] = 3;
  const json totals = report_of({one, digest(2, 5, 5)})["totals"];
  EXPECT_EQ(totals["calls"], 15);
  EXPECT_EQ(totals["verdicts"].size(), kVerdicts);
  EXPECT_EQ(totals["verdicts"]["match"], 9);
  EXPECT_EQ(totals["verdicts"]["value"], 0);
  EXPECT_EQ(totals["skips"].size(), kSkipReasons);
  EXPECT_EQ(totals["skips"]["bytes_full"], 3);
}

TEST(ReportJson, ListsDigestsByDifferencesThenCallsThenId) {
  DigestReport bad = digest(4, 1, 0);
  set(bad, Verdict::value, 1);
  const json digests = report_of({digest(3, 10, 1), digest(2, 10, 1), digest(1, 5, 1), bad})["digests"];
  ASSERT_EQ(digests.size(), 4u);
  EXPECT_EQ(digests[0]["id"], "0x0000000000000004");
  EXPECT_EQ(digests[1]["id"], "0x0000000000000002");
  EXPECT_EQ(digests[2]["id"], "0x0000000000000003");
  EXPECT_EQ(digests[3]["id"], "0x0000000000000001");
  EXPECT_EQ(digests[0]["verdicts"], json::parse(R"({"value":1})"));
  EXPECT_EQ(digests[0]["skips"], json::object());
}

TEST(ReportJson, ComparesLatenciesNewOverOld) {
  DigestReport timed = digest(1, 1, 1);
  timed.old_latency.last_byte.record(1000);
  timed.new_latency.last_byte.record(1500);
  timed.new_latency.first_byte.record(700);
  const json latency = report_of({timed})["digests"][0]["latency"];
  EXPECT_EQ(latency["old"]["p50_us"], 1000);
  EXPECT_EQ(latency["new"]["p99_us"], 1500);
  EXPECT_EQ(latency["new"]["count"], 1);
  EXPECT_EQ(latency["new"]["first_byte"]["p50_us"], 700);
  EXPECT_DOUBLE_EQ(latency["ratio_p50"].get<double>(), 1.5);
  EXPECT_DOUBLE_EQ(latency["ratio_p95"].get<double>(), 1.5);
  DigestReport half = digest(1, 1, 1);
  half.old_latency.last_byte.record(1000);
  EXPECT_TRUE(report_of({half})["digests"][0]["latency"]["ratio_p50"].is_null());
}

DigestReport with_sample() {
  DigestReport bad = digest(0xc0ffee, 10, 9);
  set(bad, Verdict::value, 1);
  bad.old_latency.first_byte.record(400);
  bad.new_latency.first_byte.record(500);
  bad.old_latency.last_byte.record(1000);
  bad.new_latency.last_byte.record(2500);
  Sample sample;
  sample.at = 1795219200;
  sample.row = 17;
  sample.row_key = "'42'";
  sample.column = "price";
  sample.control = "'10.00'";
  sample.candidate = "'10.01'";
  sample.rechecks = 3;
  bad.samples.push_back(sample);
  return bad;
}

TEST(ReportTable, IsReadable) {
  EXPECT_EQ(
      report_table(report_of({with_sample(), digest(2, 5, 5)})),
      "DIVERGED: 1 of 15 compared reads differed (6.6 %), 1 of 2 digests, coverage 100.0 %; at least 1,000 "
      "compared reads are needed\n"
      "\n"
      "digest                                calls  compared  differ  notes  not compared  old first ms  new "
      "first ms  old p50 ms  new p50 ms  p50 ratio  p95 ratio\n"
      "SELECT price FROM items WHERE id = ?     10        10       1      0             0          0.40          0.50  "
      "      1.00        2.50      2.50x      2.50x\n"
      "SELECT price FROM items WHERE id = ?      5         5       0      0             0             -             -  "
      "         -           -          -          -\n"
      "\n"
      "Differences\n"
      "0x0000000000c0ffee SELECT price FROM items WHERE id = ?\n"
      "  row 17 (key '42'), column price: control '10.00', candidate '10.01' (value, confirmed 3 times, "
      "2026-11-21 00:00:00Z)\n");
}

TEST(ReportTable, ShowsWholeRowsAndDetails) {
  DigestReport bad = with_sample();
  bad.samples[0].column = "";
  bad.samples[0].verdict = Verdict::row_missing;
  bad.samples[0].candidate = "(no row)";
  bad.samples[0].rechecks = 1;
  Sample error;
  error.verdict = Verdict::error_one_side;
  error.detail = "control: ok; candidate: ERR 1146 (42S02)";
  bad.samples.push_back(error);
  const std::string table = report_table(report_of({bad}));
  EXPECT_NE(table.find("  row 17 (key '42'): control '10.00', candidate (no row) (row_missing, confirmed 1 time, 2026"),
            std::string::npos);
  EXPECT_NE(table.find("  control: ok; candidate: ERR 1146 (42S02) (error_one_side, 1970-01-01 00:00:00Z)\n"),
            std::string::npos);
}

TEST(ReportTable, CutsLongTextsByCharacters) {
  DigestReport fits = digest(1, 1, 1);
  DigestReport cut = digest(2, 1, 1);
  for (int i = 0; i < 60; ++i) {
    fits.text = i == 0 ? "é" : fits.text + "é";
  }
  cut.text = fits.text + "x";
  const std::string table = report_table(report_of({fits, cut}));
  EXPECT_NE(table.find("\n" + fits.text + "  "), std::string::npos);
  EXPECT_NE(table.find("\n" + fits.text.substr(0, 57 * 2) + "...  "), std::string::npos);
}

TEST(ReportTable, WritesTimesByTheCalendar) {
  const auto shown = [](std::int64_t at) {
    DigestReport bad = with_sample();
    bad.samples[0].at = at;
    const std::string table = report_table(report_of({bad}));
    const std::size_t from = table.rfind(", ") + 2;
    return table.substr(from, table.rfind(')') - from);
  };
  EXPECT_EQ(shown(0), "1970-01-01 00:00:00Z");
  EXPECT_EQ(shown(951782400), "2000-02-29 00:00:00Z");
  EXPECT_EQ(shown(1709251199), "2024-02-29 23:59:59Z");
  EXPECT_EQ(shown(253402300799), "9999-12-31 23:59:59Z");
  EXPECT_EQ(shown(253402300800), "253402300800");
  EXPECT_EQ(shown(-1), "-1");
}

TEST(ReportTable, AndExitCodeTakeAnyJson) {
  for (const char* text :
       {"null", "5", "[]", "{}", R"({"verdict":5,"why":[],"digests":{}})",
        R"({"digests":[1,null,{"samples":[3,{}],"latency":7}]})",
        R"({"digests":[{"verdicts":{"value":-1},"latency":{"old":{"count":"x"},"ratio_p50":"y"},"samples":{}}]})"}) {
    const json report = json::parse(text);
    EXPECT_EQ(report_table(report).substr(0, 31), "UNREADABLE: this is not a repor") << text;
    EXPECT_EQ(report_exit_code(report), 1) << text;
  }
}

}  // namespace
}  // namespace crossfade::shadow
