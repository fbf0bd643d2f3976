#include "dualwrite/trigger/captured_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_samples.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

// id INT, v VARCHAR(20), g generated, t TEXT.
Capture sample_capture() {
  DefinedColumn generated = defined("g", "int");
  generated.generated = DefinedColumn::Generated::stored;
  return captured({.leader = innodb({defined("id", "int"), defined("v", "varchar(20)", "latin1"), generated,
                                     defined("t", "text", "latin1")}),
                   .number = 7});
}

std::string images(const absl::StatusOr<CapturedRow>& row) {
  return row.ok() ? hex(row->change.images) : std::string(row.status().message());
}

TEST(CapturedRow, EachKindHasItsImages) {
  const Capture capture = sample_capture();
  const auto insert = read({.op = "I", .after = "1:52:ab", .big = {std::nullopt, "T"}}, capture);
  EXPECT_EQ(images(insert), "0005000000026162010054");
  EXPECT_EQ(insert->change.kind, RowsKind::insert);
  EXPECT_EQ(insert->change.flags, kRowsEndOfStatement);
  EXPECT_EQ(insert->change.table->columns.size(), 3u) << "a generated column is in no row";
  const auto gone = read({.op = "D", .before = "1:5n", .big = {std::nullopt, std::nullopt}}, capture);
  EXPECT_EQ(images(gone), "0605000000");
  EXPECT_EQ(gone->change.kind, RowsKind::delete_);
  const auto update = read({.op = "U", .before = "1:50:", .after = "2:-1n", .big = {"x", std::nullopt}}, capture);
  EXPECT_EQ(images(update), "00050000000001007806ffffffff");
  EXPECT_EQ(update->change.kind, RowsKind::update);
  const auto refresh = read({.op = "R", .after = "1:5n", .big = {std::nullopt, std::nullopt}}, capture);
  EXPECT_EQ(refresh->change.kind, RowsKind::insert);
  EXPECT_EQ(refresh->head.kind, ChangeKind::refresh);
}

TEST(CapturedRow, TheSessionsForeignKeyChecksTravel) {
  const auto row =
      read({.foreign_keys = false, .after = "1:5n", .big = {std::nullopt, std::nullopt}}, sample_capture());
  EXPECT_EQ(row->change.flags, kRowsEndOfStatement | kRowsNoForeignKeyChecks);
}

TEST(CapturedRow, MorePairsThanTheTableNeedsAreNull) {
  std::vector<protocol::Cell> big = {std::nullopt, "T", std::nullopt, std::nullopt};
  EXPECT_TRUE(read({.after = "1:5n", .big = big}, sample_capture()).ok());
}

TEST(CapturedRow, WhatIsMalformedIsRefusedWithItsIdAndWithoutItsValue) {
  const Capture capture = sample_capture();
  const std::vector<protocol::Cell> none = {std::nullopt, std::nullopt};
  const auto refused = [&](const ChangesRow& row, const char* why) {
    const auto out = read(row, capture);
    ASSERT_FALSE(out.ok()) << why;
    EXPECT_THAT(std::string(out.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(out.status().message()), HasSubstr("row 4711 of `changes`"));
    EXPECT_THAT(std::string(out.status().message()), ::testing::Not(HasSubstr("secret")));
  };
  refused({.id = 4711, .after = "6:secretn", .big = none}, "no integer of this column");
  refused({.id = 4711, .after = "1:5", .big = none}, "cut off");
  refused({.id = 4711, .after = "1:59:secret", .big = none}, "cut off");
  refused({.id = 4711, .after = "1:5nn", .big = none}, "more fields");
  refused({.id = 4711, .after = "nn", .big = none}, "NULL where none may be");
  refused({.id = 4711, .after = std::nullopt, .big = none}, "not there");
  refused({.id = 4711, .before = "1:5n", .after = "1:5n", .big = none}, "its kind has not");
  refused({.id = 4711, .after = "1:5n", .big = {"secret", std::nullopt}}, "its kind has not");
  refused({.id = 4711, .after = "1:521:" + std::string(21, 's'), .big = none}, "no value of this column");
  refused({.id = 4711, .after = "1:5n", .big = {}}, "too few columns");
  refused({.id = 4711, .table = 8, .after = "1:5n", .big = none}, "of another table");
  refused({.id = 4711, .op = "X", .after = "1:5n", .big = none}, "none of its kind");
  refused({.id = 4711, .table = 0, .after = "1:5n", .big = none}, "of no table");
  refused({.id = 4711, .table = 7, .op = "S", .after = "1:5n", .big = none}, "of no table");
  refused({.id = 4711, .after = "1:5n", .big = {std::nullopt}}, "another number of columns");
}

TEST(CapturedRow, EveryCutOfAnImageIsRefused) {
  const Capture capture = sample_capture();
  const std::string whole = "1:512:abcdefghijkl";
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_FALSE(read({.after = whole.substr(0, bytes), .big = {std::nullopt, std::nullopt}}, capture).ok()) << bytes;
  }
  EXPECT_TRUE(read({.after = whole, .big = {std::nullopt, std::nullopt}}, capture).ok());
}

TEST(ChangeHead, IsCheckedCellByCell) {
  const std::vector<protocol::Cell> good = ChangesRow{.after = "n"}.cells();
  EXPECT_EQ(*change_head(good), (ChangeHead{.id = 1, .table = 7, .connection = 30, .statement = 1700000000000000}));
  for (std::size_t at = 0; at < 6; ++at) {
    for (const protocol::Cell& bad :
         {protocol::Cell(), protocol::Cell(""), protocol::Cell("x"), protocol::Cell("1x")}) {
      std::vector<protocol::Cell> row = good;
      row[at] = bad;
      EXPECT_FALSE(change_head(row).ok()) << at << " " << bad.value_or("NULL");
    }
  }
  EXPECT_FALSE(change_head({}).ok());
  EXPECT_FALSE(change_head({"0", "7", "I", "1", "1", "1", "n", "n"}).ok());
}

// What stands between the quotes of the last hex literal.
std::string noted(const std::string& sql) {
  const std::size_t begin = sql.rfind("x'") + 2;
  const Buffer bytes = from_hex(std::string_view(sql).substr(begin, sql.find('\'', begin) - begin));
  return std::string(protocol::as_text(bytes));
}

TEST(CapturedStatement, IsReadAsItWasWritten) {
  LoggedStatement statement{.schema = "app", .sql = "ALTER TABLE t ADD c INT COMMENT '5:x'", .sql_mode = 1ull << 40};
  statement.client_collation = 45;
  statement.connection_collation = 46;
  statement.server_collation = 8;
  statement.utf8mb4_collation = 255;
  statement.database_collation = 63;
  statement.no_foreign_key_checks = true;
  statement.explicit_defaults_for_timestamp = false;
  statement.timestamp = 1700000000;
  statement.time_zone = "+02:00";
  const std::string sql = insert_done("crossfade", statement, 41, false);
  EXPECT_THAT(sql, HasSubstr("INSERT INTO `crossfade`.`changes`(tbl,op,cid,fk,st,oi,ni) VALUES(0,'S',"));
  EXPECT_THAT(sql, HasSubstr(",'41',x'"));
  const ChangesRow row{.id = 42, .table = 0, .op = "S", .before = "41", .after = noted(sql)};
  const auto head = change_head(row.cells());
  ASSERT_TRUE(head.ok()) << head.status();
  const auto read = captured_statement(*head, row.cells());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->intent, 41u);
  const LoggedStatement& out = read->statement;
  EXPECT_EQ(std::tie(out.schema, out.sql, out.sql_mode, out.time_zone),
            std::tie(statement.schema, statement.sql, statement.sql_mode, statement.time_zone));
  EXPECT_EQ(out.client_collation, 45);
  EXPECT_EQ(out.connection_collation, 46);
  EXPECT_EQ(out.server_collation, 8);
  EXPECT_EQ(out.utf8mb4_collation, 255);
  EXPECT_EQ(out.database_collation, 63);
  EXPECT_TRUE(out.no_foreign_key_checks);
  EXPECT_FALSE(out.explicit_defaults_for_timestamp);
  EXPECT_EQ(out.timestamp, 1700000000u);
}

TEST(CapturedStatement, AnIntentNamesNoOtherRow) {
  const std::string packed = noted(insert_intent("crossfade", {.schema = "", .sql = "DROP TABLE t"}, false));
  const ChangesRow row{.id = 42, .table = 0, .op = "P", .after = packed};
  const auto read = captured_statement(*change_head(row.cells()), row.cells());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->intent, 0u);
  EXPECT_EQ(read->statement.sql, "DROP TABLE t");
}

TEST(CapturedStatement, EveryCutIsRefused) {
  const std::string packed = noted(insert_intent("crossfade", {.schema = "app", .sql = "DROP TABLE t"}, true));
  for (std::size_t bytes = 0; bytes < packed.size(); ++bytes) {
    const ChangesRow row{.id = 42, .table = 0, .op = "P", .after = packed.substr(0, bytes)};
    EXPECT_FALSE(captured_statement(*change_head(row.cells()), row.cells()).ok()) << bytes;
  }
  const ChangesRow nameless{.id = 42, .table = 0, .op = "S", .after = packed};
  EXPECT_FALSE(captured_statement(*change_head(nameless.cells()), nameless.cells()).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
