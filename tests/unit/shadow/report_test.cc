#include "shadow/report.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "shadow/sample_text.h"

namespace crossfade::shadow {
namespace {

using nlohmann::json;

constexpr std::int64_t kReportTime = 1795219200;  // 2026-11-21 00:00:00Z

Comparison comparison(Verdict verdict, std::uint64_t digest = 1) {
  Comparison made;
  made.digest = digest;
  made.digest_text = "SELECT * FROM items WHERE id = ?";
  made.tables = "shop.items";
  made.diff.verdict = verdict;
  made.old_latency = {.first_byte = 400, .last_byte = 1000};
  made.new_latency = {.first_byte = 500, .last_byte = 1500};
  made.at = kReportTime;
  return made;
}

Comparison differing(const std::string& column, const std::string& candidate, Verdict kind = Verdict::value,
                     const std::string& row_key = "42") {
  Comparison made = comparison(kind);
  made.rechecks = 3;
  made.diff.samples.push_back(
      {.kind = kind, .row = 17, .row_key = row_key, .column = column, .control = "10.00", .candidate = candidate});
  return made;
}

Report plaintext_report(std::uint32_t samples_max = 5) {
  return Report(
      {.digests_max = 2000, .samples_per_digest_max = samples_max, .plaintext_samples = true, .hash_salt = 0});
}

void feed(Report& report, std::uint64_t digest, int times, Verdict verdict = Verdict::match) {
  for (int i = 0; i < times; ++i) {
    report.count_calls(digest, "SELECT " + std::to_string(digest), 1);
    report.add(comparison(verdict, digest));
  }
}

std::vector<std::string> candidates(const Report& report) {
  std::vector<std::string> texts;
  for (const Sample& sample : report.digests().at(1).samples) {
    texts.push_back(sample.candidate);
  }
  return texts;
}

TEST(Report, CountsCallsVerdictsSkipsAndLatencies) {
  Report report({});
  report.count_calls(1, "SELECT ?", 1);
  report.count_calls(1, "SELECT ?", 1);
  report.count_calls(2, "SELECT ??", std::uint64_t{1} << 60);  // in one step
  EXPECT_EQ(report.digests().at(2).calls, std::uint64_t{1} << 60);
  report.add(comparison(Verdict::match));
  report.add(comparison(Verdict::transient));
  report.add(comparison(Verdict::too_large));
  Comparison skipped = comparison(Verdict::skipped);
  skipped.skip = SkipReason::follower_behind;
  skipped.old_latency = {};
  skipped.at = kReportTime - 5;
  report.add(skipped);
  const DigestReport& digest = report.digests().at(1);
  EXPECT_EQ(digest.text, "SELECT ?");
  EXPECT_EQ(digest.tables, "shop.items");
  EXPECT_EQ(digest.calls, 2u);
  EXPECT_EQ(digest.compared(), 2u);
  EXPECT_EQ(digest.differences(), 0u);
  EXPECT_EQ(digest.skips[static_cast<std::size_t>(SkipReason::follower_behind)], 1u);
  EXPECT_EQ(digest.skips[static_cast<std::size_t>(SkipReason::queue_full)], 0u);
  EXPECT_EQ(digest.old_latency.last_byte.count(), 3u);
  EXPECT_EQ(digest.new_latency.first_byte.count(), 3u);
  EXPECT_EQ(digest.first_at, kReportTime - 5);
  EXPECT_EQ(digest.last_at, kReportTime);
  EXPECT_EQ(digest.last_difference_at, 0);
}

TEST(Report, TakesChangedDigestsOnce) {
  Report report({});
  report.count_calls(9, "a", 1);
  report.count_calls(3, "b", 1);
  report.count_calls(9, "a", 1);
  EXPECT_EQ(report.take_changed(), (std::vector<std::uint64_t>{3, 9}));
  EXPECT_TRUE(report.take_changed().empty());
  report.add(comparison(Verdict::match, 3));
  EXPECT_EQ(report.take_changed(), (std::vector<std::uint64_t>{3}));
}

TEST(Report, CountsDigestsPastTheLimitAsOther) {
  Report report({.digests_max = 2});
  feed(report, 1, 1);
  feed(report, 2, 1);
  EXPECT_EQ(report.digests().size(), 2u);
  feed(report, 3, 2);
  feed(report, 4, 1);
  feed(report, 1, 1);
  ASSERT_EQ(report.digests().size(), 3u);
  EXPECT_EQ(report.digests().at(0).text, "(other)");
  EXPECT_EQ(report.digests().at(0).tables, "");
  EXPECT_EQ(report.digests().at(0).calls, 3u);
  EXPECT_EQ(report.digests().at(0).compared(), 3u);
  EXPECT_EQ(report.digests().at(1).calls, 2u);
}

TEST(Report, HashesCellsUnlessAsked) {
  Report report({.hash_salt = 7});
  report.add(differing("price", "10.01"));
  const Sample& sample = report.digests().at(1).samples.at(0);
  EXPECT_EQ(sample.control.find("10.00"), std::string::npos);
  EXPECT_EQ(sample.control.substr(0, 1), "#");
  EXPECT_EQ(sample.control.substr(9), " (5 bytes)");
  EXPECT_NE(sample.control, sample.candidate);
  EXPECT_EQ(sample.row_key.substr(9), " (2 bytes)");
  EXPECT_EQ(sample.column, "price");
  EXPECT_EQ(to_json(report.digests().at(1)).dump().find("10.0"), std::string::npos);
}

TEST(Report, KeepsPlaintextWhenAsked) {
  Report report = plaintext_report();
  report.add(differing("price", "10.01"));
  const Sample& sample = report.digests().at(1).samples.at(0);
  EXPECT_EQ(sample.row, 17u);
  EXPECT_EQ(sample.row_key, "'42'");
  EXPECT_EQ(sample.control, "'10.00'");
  EXPECT_EQ(sample.candidate, "'10.01'");
  EXPECT_EQ(sample.rechecks, 3u);
  EXPECT_EQ(report.digests().at(1).last_difference_at, kReportTime);
}

TEST(Report, SaysWhichSideHasNoRow) {
  Report report = plaintext_report();
  Comparison missing = differing("", "x", Verdict::row_missing);
  missing.diff.samples[0].candidate.reset();
  report.add(missing);
  Comparison extra = differing("", "x", Verdict::row_extra);
  extra.diff.samples[0].control.reset();
  report.add(extra);
  const std::vector<Sample>& samples = report.digests().at(1).samples;
  EXPECT_EQ(samples.at(0).candidate, "(no row)");
  EXPECT_EQ(samples.at(0).control, "'10.00'");
  EXPECT_EQ(samples.at(1).control, "(no row)");
  EXPECT_EQ(samples.at(1).candidate, "'x'");
}

TEST(Report, KeepsTheDetailOfAnErrorAsASample) {
  Report report({});
  Comparison failed = comparison(Verdict::error_one_side);
  failed.diff.detail = "control: ok; candidate: ERR 1146 (42S02)";
  report.add(failed);
  ASSERT_EQ(report.digests().at(1).samples.size(), 1u);
  EXPECT_EQ(report.digests().at(1).samples[0].detail, failed.diff.detail);
  EXPECT_EQ(report.digests().at(1).samples[0].row, 0u);
}

TEST(Report, KeepsNoSamplesOfWhatIsNoDifference) {
  Report report({});
  for (const Verdict verdict : {Verdict::match, Verdict::order_only, Verdict::metadata, Verdict::transient,
                                Verdict::too_large, Verdict::timeout, Verdict::skipped}) {
    report.add(comparison(verdict));
  }
  EXPECT_TRUE(report.digests().at(1).samples.empty());
}

Comparison in_row(const std::string& row_key, const std::string& column, const std::string& candidate) {
  return differing(column, candidate, Verdict::value, row_key);
}

TEST(Report, KeepsOneSampleOfARowAndColumnTheNewest) {
  Report report = plaintext_report(3);
  report.add(in_row("8", "a", "other row"));
  for (int i = 0; i < 100; ++i) {
    report.add(in_row("7", "a", std::to_string(i)));
  }
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'other row'", "'99'"}));
}

TEST(Report, KeepsSamplesUpToTheLimitThenTheNewest) {
  Report report = plaintext_report(2);
  report.add(in_row("1", "a", "1"));
  report.add(in_row("2", "a", "2"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'1'", "'2'"}));
  report.add(in_row("3", "a", "3"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'2'", "'3'"}));
}

TEST(Report, PrefersSamplesOfOtherRowsAndOtherColumns) {
  Report report = plaintext_report(3);
  report.add(in_row("1", "b", "first"));
  report.add(in_row("2", "a", "1"));
  report.add(in_row("3", "a", "2"));
  report.add(in_row("4", "c", "3"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'first'", "'2'", "'3'"}));
  report.add(in_row("5", "c", "4"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'first'", "'2'", "'4'"}));
  report.add(in_row("6", "d", "5"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'2'", "'4'", "'5'"}));
}

TEST(Report, AStreamOfOneColumnLeavesTheOtherColumnsTheirSamples) {
  Report report = plaintext_report(4);
  for (const char* column : {"a", "b", "c"}) {
    report.add(in_row("1", column, column));
  }
  for (int i = 2; i < 50; ++i) {
    report.add(in_row(std::to_string(i), "d", std::to_string(i)));
  }
  const std::vector<std::string> kept = candidates(report);
  EXPECT_EQ(kept, (std::vector<std::string>{"'a'", "'b'", "'c'", "'49'"}));
}

TEST(Report, ErrorsWithOtherCodesAreOtherSamples) {
  Report report({});
  for (const char* detail : {"ERR 1146", "ERR 1064", "ERR 1146"}) {
    Comparison failed = comparison(Verdict::error_one_side);
    failed.diff.detail = detail;
    report.add(failed);
  }
  ASSERT_EQ(report.digests().at(1).samples.size(), 2u);
  EXPECT_EQ(report.digests().at(1).samples[1].detail, "ERR 1146");
}

TEST(Report, LatenciesAreOfReadsThatBothSidesHaveAnswered) {
  Report report({});
  Comparison timeout = comparison(Verdict::timeout);
  timeout.new_latency = {};
  report.add(timeout);
  EXPECT_EQ(report.digests().at(1).old_latency.last_byte.count(), 0u);
  report.add(comparison(Verdict::match));
  EXPECT_EQ(report.digests().at(1).old_latency.first_byte.quantile(0.5), 400u);
  EXPECT_EQ(report.digests().at(1).new_latency.last_byte.quantile(0.5), 1500u);
}

TEST(Report, NeverGivesADifferenceUpForANote) {
  Report report = plaintext_report(2);
  report.add(differing("a", "note", Verdict::precision));
  report.add(in_row("1", "b", "1"));
  report.add(in_row("2", "b", "2"));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'1'", "'2'"}));
  report.add(differing("a", "note", Verdict::precision));
  EXPECT_EQ(candidates(report), (std::vector<std::string>{"'1'", "'2'"}));
}

TEST(Report, KeepsNoSampleWhenNoneIsAllowed) {
  Report report = plaintext_report(0);
  report.add(differing("a", "1"));
  EXPECT_TRUE(report.digests().at(1).samples.empty());
  EXPECT_EQ(report.digests().at(1).differences(), 1u);
}

TEST(Report, CanAlwaysBeDumpedWhateverBytesCameIn) {
  Report report = plaintext_report();
  Comparison bad = differing("caf\xe9", "\xff\xfe\x1b[31m");
  bad.digest_text = "SELECT \xff\n";
  bad.tables = "\xc3";
  report.add(bad);
  const std::string text = report_json(report.digests()).dump();
  EXPECT_NE(text.find("caf\\\\xe9"), std::string::npos);
  EXPECT_EQ(report_table(report_json(report.digests())).find('\x1b'), std::string::npos);
}

TEST(SampleText, ShowsNullAndBoundsPlaintext) {
  EXPECT_EQ(sample_text(std::nullopt, {.plaintext = true}), "NULL");
  EXPECT_EQ(sample_text(std::nullopt, {}), "NULL");
  EXPECT_EQ(sample_text("NULL", {.plaintext = true}), "'NULL'");
  EXPECT_EQ(sample_text(std::string(256, 'x'), {.plaintext = true}), "'" + std::string(256, 'x') + "'");
  EXPECT_EQ(sample_text(std::string(257, 'x'), {.plaintext = true}), "'" + std::string(256, 'x') + "...'");
}

TEST(SampleText, HashDependsOnValueAndSalt) {
  EXPECT_EQ(sample_text("a", {.salt = 1}), sample_text("a", {.salt = 1}));
  EXPECT_NE(sample_text("a", {.salt = 1}), sample_text("a", {.salt = 2}));
  EXPECT_NE(sample_text("a", {.salt = 1}), sample_text("b", {.salt = 1}));
}

TEST(Printable, PassesUtf8AndEscapesTheRest) {
  const std::string good = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  EXPECT_EQ(printable(good, 100), good);
  EXPECT_EQ(printable("\n\x7f\xc2\x85", 100), "\\x0a\\x7f\\xc2\\x85");
  EXPECT_EQ(printable("\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80", 100),
            "\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe0\\x80\\x80");
  EXPECT_EQ(printable("\xc3", 100), "\\xc3");
  EXPECT_EQ(printable("\xc3\xa9\xc3\xa9", 3), "\xc3\xa9...");
}

Report busy_report() {
  Report report = plaintext_report();
  feed(report, 1, 30);
  report.add(differing("price", "10.01"));
  Comparison skipped = comparison(Verdict::skipped);
  skipped.skip = SkipReason::shutdown;
  report.add(skipped);
  return report;
}

TEST(DigestRow, LatenciesOfAnEarlierVersionBeginAnew) {
  json row = to_json(busy_report().digests().at(1));
  for (const char* key : {"old_first_byte", "old_last_byte", "new_first_byte", "new_last_byte"}) {
    row.erase(key);
  }
  row["old_latency"] = row["new_latency"] = "";
  const std::optional<DigestReport> back = digest_from_json(row);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->old_latency.last_byte.count(), 0u);
  EXPECT_EQ(back->compared(), busy_report().digests().at(1).compared());
}

TEST(DigestRow, SurvivesTheRoundTripThroughText) {
  const Report report = busy_report();
  const json row = to_json(report.digests().at(1));
  EXPECT_EQ(row["digest"], "0x0000000000000001");
  const std::optional<DigestReport> direct = digest_from_json(row);
  ASSERT_TRUE(direct.has_value());
  const std::optional<DigestReport> back = digest_from_json(json::parse(row.dump(), nullptr, false));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(to_json(*back), row);
  EXPECT_EQ(back->differences(), 1u);
  EXPECT_EQ(back->samples.size(), 1u);
  EXPECT_EQ(back->new_latency.last_byte.quantile(0.5), report.digests().at(1).new_latency.last_byte.quantile(0.5));
}

TEST(DigestRow, IsRefusedWhenAnythingIsMissingOrOfAnotherType) {
  const json row = to_json(busy_report().digests().at(1));
  for (auto item = row.begin(); item != row.end(); ++item) {
    json without = row;
    without.erase(item.key());
    EXPECT_FALSE(digest_from_json(without).has_value()) << item.key();
    for (const json& wrong : {json(nullptr), json(true), json(1.5), json(std::string("x")), json::array({1})}) {
      json changed = row;
      changed[item.key()] = wrong;
      const bool text = (item.key() == "text" || item.key() == "tables") && wrong.is_string();
      EXPECT_EQ(digest_from_json(changed).has_value(), text) << item.key() << " " << wrong.dump();
    }
  }
  const json& sample = row["samples"][0];
  for (auto item = sample.begin(); item != sample.end(); ++item) {
    json changed = row;
    changed["samples"][0].erase(item.key());
    EXPECT_FALSE(digest_from_json(changed).has_value()) << item.key();
  }
}

TEST(DigestRow, IsRefusedWhenAValueIsOutOfRange) {
  const json row = to_json(busy_report().digests().at(1));
  const std::vector<std::pair<std::string, json>> changes = {{"/digest", "1"},
                                                             {"/digest", "0x000000000000000g"},
                                                             {"/digest", "0x00000000000000011"},
                                                             {"/calls", -1},
                                                             {"/verdicts/match", -1},
                                                             {"/verdicts/unheard", 1},
                                                             {"/skips/unheard", 1},
                                                             {"/skips/shutdown", "1"},
                                                             {"/samples/0/verdict", "unheard"},
                                                             {"/samples/0/rechecks", 4294967296},
                                                             {"/samples/0/at", UINT64_MAX},
                                                             {"/samples/0", 5}};
  for (const auto& [path, value] : changes) {
    json changed = row;
    changed[json::json_pointer(path)] = value;
    EXPECT_FALSE(digest_from_json(changed).has_value()) << path;
  }
  for (const json& none : {json(), json(5), json::array(), json("x"), json::parse("{", nullptr, false)}) {
    EXPECT_FALSE(digest_from_json(none).has_value());
  }
}

TEST(Report, RestoresADigestAndGoesOnCounting) {
  const Report before = busy_report();
  Report after = plaintext_report();
  after.restore(*digest_from_json(to_json(before.digests().at(1))));
  EXPECT_TRUE(after.take_changed().empty());
  EXPECT_EQ(report_json(after.digests()), report_json(before.digests()));
  feed(after, 1, 1);
  EXPECT_EQ(after.digests().at(1).calls, 31u);
}

TEST(Report, RestoresWithinItsLimits) {
  Report report({.digests_max = 1, .samples_per_digest_max = 1});
  DigestReport one;
  one.digest = 1;
  one.calls = 5;
  one.samples.resize(3);
  one.samples[2].detail = "newest";
  report.restore(one);
  ASSERT_EQ(report.digests().at(1).samples.size(), 1u);
  EXPECT_EQ(report.digests().at(1).samples[0].detail, "newest");
  DigestReport two;
  two.digest = 2;
  two.calls = 7;
  two.verdicts[static_cast<std::size_t>(Verdict::value)] = 2;
  two.skips[0] = 3;
  two.first_at = 10;
  two.last_difference_at = 20;
  two.old_latency.last_byte.record(100);
  report.restore(two);
  ASSERT_EQ(report.digests().size(), 2u);
  const DigestReport& other = report.digests().at(0);
  EXPECT_EQ(other.calls, 7u);
  EXPECT_EQ(other.differences(), 2u);
  EXPECT_EQ(other.skips[0], 3u);
  EXPECT_EQ(other.first_at, 10);
  EXPECT_EQ(other.last_difference_at, 20);
  EXPECT_EQ(other.old_latency.last_byte.count(), 1u);
}

}  // namespace
}  // namespace crossfade::shadow
