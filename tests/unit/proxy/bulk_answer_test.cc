#include "proxy/bulk_answer.h"

#include <gtest/gtest.h>

#include "protocol/rows.h"

namespace crossfade::proxy {
namespace {

routing::WriteShape shape_of(std::string_view sql) { return routing::parse_write(sql, routing::LexerMode()); }

protocol::Ok ok_of(std::uint64_t affected, std::uint64_t id = 0, std::uint16_t warnings = 0, std::string info = "") {
  protocol::Ok ok;
  ok.affected_rows = affected;
  ok.last_insert_id = id;
  ok.warnings = warnings;
  ok.info = std::move(info);
  return ok;
}

std::vector<std::vector<protocol::Cell>> shown(const BulkAnswer& answer) {
  const KeptDiagnostics kept = answer.kept({});
  if (kept.show_warnings.empty()) return {};
  auto results = protocol::decode_response(kept.show_warnings, protocol::ResponseKind::query, 0);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? results->front().rows : std::vector<std::vector<protocol::Cell>>();
}

// The expectations are what MariaDB 10.11 answers itself.
TEST(BulkAnswer, OfAnInsertHasTheFirstIdAndCountsRecords) {
  BulkAnswer answer(shape_of("INSERT INTO t (v) VALUES (?)"));
  EXPECT_TRUE(answer.is_one_statement());
  for (std::uint64_t id = 4; id < 7; ++id) answer.add(ok_of(1, id), true);
  EXPECT_EQ(answer.ok().affected_rows, 3u);
  EXPECT_EQ(answer.ok().last_insert_id, 4u);
  EXPECT_EQ(answer.ok().info, "Records: 3  Duplicates: 0  Warnings: 0");
  EXPECT_EQ(answer.first_generated_id(), 4u);
  EXPECT_EQ(answer.kept({}).row_count, -1);
  EXPECT_TRUE(shown(answer).empty());
}

TEST(BulkAnswer, OfIdsThatWereGivenHasTheLast) {
  BulkAnswer answer(shape_of("INSERT INTO t (id) VALUES (?)"));
  answer.add(ok_of(1, 50), false);
  answer.add(ok_of(1, 40), false);
  EXPECT_EQ(answer.ok().last_insert_id, 40u);
  EXPECT_FALSE(answer.first_generated_id().has_value());
}

TEST(BulkAnswer, OfOneRowIsTheRowsOwn) {
  BulkAnswer answer(shape_of("INSERT INTO t (v) VALUES (?)"));
  answer.add(ok_of(1, 9), true);
  EXPECT_EQ(answer.ok().info, "");
  EXPECT_EQ(answer.ok().last_insert_id, 9u);
}

TEST(BulkAnswer, CountsDuplicatesOfReplaceIgnoreAndSeveralRowsOfValues) {
  BulkAnswer replace(shape_of("REPLACE INTO u VALUES (?, ?)"));
  for (const std::uint64_t affected : {2, 1, 1}) replace.add(ok_of(affected), false);
  EXPECT_EQ(replace.ok().info, "Records: 3  Duplicates: 1  Warnings: 0");
  EXPECT_EQ(replace.ok().affected_rows, 4u);

  BulkAnswer ignore(shape_of("INSERT IGNORE INTO u VALUES (?, ?)"));
  for (const std::uint64_t affected : {0, 0, 1}) {
    ignore.add(ok_of(affected, 0, static_cast<std::uint16_t>(1 - affected)), false);
  }
  EXPECT_EQ(ignore.ok().info, "Records: 3  Duplicates: 2  Warnings: 2");
  EXPECT_EQ(ignore.ok().warnings, 2);

  BulkAnswer several(shape_of("INSERT IGNORE INTO u VALUES (?, ?), (5, ?)"));
  several.add(ok_of(2, 0, 0, "Records: 2  Duplicates: 0  Warnings: 0"), false);
  several.add(ok_of(1, 0, 1, "Records: 2  Duplicates: 1  Warnings: 1"), false);
  EXPECT_EQ(several.ok().info, "Records: 4  Duplicates: 1  Warnings: 1");
}

TEST(BulkAnswer, OfAnUpdateCountsWarningsAsTheServerDoes) {
  // Warnings of each row, and the number in the OK.
  const std::pair<std::vector<std::uint16_t>, std::uint16_t> cases[] = {{{1}, 1},    {{1, 0}, 2},    {{0, 1}, 2},
                                                                        {{1, 1}, 4}, {{1, 1, 1}, 8}, {{1, 0, 0}, 3}};
  for (const auto& [rows, expected] : cases) {
    BulkAnswer answer(shape_of("UPDATE u SET v = ? WHERE id = ?"));
    EXPECT_FALSE(answer.is_one_statement());
    std::uint64_t all = 0;
    for (const std::uint16_t warnings : rows) {
      answer.add(ok_of(1, 0, warnings), false);
      all += warnings;
    }
    EXPECT_EQ(answer.ok().warnings, expected);
    EXPECT_EQ(answer.kept({}).warnings, all);
    const std::string n = std::to_string(rows.size());
    EXPECT_EQ(answer.ok().info, "Rows matched: " + n + "  Changed: " + n + "  Warnings: " + std::to_string(all));
  }
  BulkAnswer removed(shape_of("DELETE FROM u WHERE id = ?"));
  removed.add(ok_of(1), false);
  removed.add(ok_of(0), false);
  EXPECT_EQ(removed.ok().info, "");
  EXPECT_EQ(removed.ok().affected_rows, 1u);
}

TEST(BulkAnswer, NumbersTheRowsInWhatAnInsertSays) {
  BulkAnswer answer(shape_of("INSERT INTO t (v) VALUES (?), (?)"));
  answer.add(ok_of(2), false);
  answer.add_condition({.level = "Warning", .code = 1265, .message = "Data truncated for column 's' at row 2"});
  answer.add(ok_of(2, 0, 1), false);
  const protocol::Err err = answer.failed({.code = 1406, .sqlstate = "22001", .message = "too long for 's' at row 1"});
  EXPECT_EQ(err.message, "too long for 's' at row 5");
  const auto rows = shown(answer);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0][2], "Data truncated for column 's' at row 4");
  EXPECT_EQ(rows[1][0], "Error");
  EXPECT_EQ(rows[1][1], "1406");
  EXPECT_EQ(answer.kept({}).warnings, 2u);
  EXPECT_EQ(answer.kept({}).errors, 1u);

  BulkAnswer update(shape_of("UPDATE u SET v = ? WHERE id = ?"));
  update.add(ok_of(1), false);
  EXPECT_EQ(update.failed({.code = 1, .message = "x at row 1"}).message, "x at row 1");
  BulkAnswer other(shape_of("INSERT INTO t (v) VALUES (?)"));
  other.add(ok_of(1), false);
  EXPECT_EQ(other.failed({.code = 1062, .message = "Duplicate entry ' at row x'"}).message,
            "Duplicate entry ' at row x'");
}

TEST(BulkAnswer, KeepsAsManyConditionsAsTheServer) {
  BulkAnswer answer(shape_of("INSERT INTO t (v) VALUES (?)"));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(answer.wants_conditions(), i < BulkAnswer::kConditionsMax);
    answer.add_condition({.level = "Warning", .code = 1265, .message = "cut at row 1"});
    answer.add(ok_of(1, 0, 1), false);
  }
  EXPECT_EQ(shown(answer).size(), BulkAnswer::kConditionsMax);
  EXPECT_EQ(shown(answer).back()[2], "cut at row 64");
  EXPECT_EQ(answer.ok().warnings, 100);
  EXPECT_EQ(answer.kept({}).warnings, 100u);
}

}  // namespace
}  // namespace crossfade::proxy
