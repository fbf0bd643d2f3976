#include "dualwrite/trigger/captured_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_samples.h"
#include "dualwrite/log_decoder.h"
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

TEST(CapturedRow, WhatIsWrittenOverHasTheKindOfItsImages) {
  const Capture capture = sample_capture();
  const auto put = read({.op = "O", .after = "1:52:ab", .big = {std::nullopt, "T"}}, capture);
  EXPECT_EQ(images(put), "0005000000026162010054");
  EXPECT_EQ(put->change.kind, RowsKind::insert);
  EXPECT_TRUE(put->change.overwrites);
  const auto gone = read({.op = "O", .before = "1:5n", .big = {std::nullopt, std::nullopt}}, capture);
  EXPECT_EQ(gone->change.kind, RowsKind::delete_);
  const auto both = read({.op = "O", .before = "1:50:", .after = "2:-1n", .big = {"x", std::nullopt}}, capture);
  EXPECT_EQ(both->change.kind, RowsKind::update);
  EXPECT_FALSE(read({.op = "O", .big = {std::nullopt, std::nullopt}}, capture).ok());
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
  statement.auto_increment_increment = 10;
  statement.auto_increment_offset = 3;
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
  EXPECT_EQ(out.auto_increment_increment, 10);
  EXPECT_EQ(out.auto_increment_offset, 3);
  EXPECT_EQ(out.change_id, 42u);
}

TEST(CapturedStatement, AnIntentNamesNoOtherRow) {
  const IntentNote note{.client = 17, .state = "5:x", .error = "1050"};
  const LoggedStatement statement{.schema = "", .sql = "DROP TABLE t"};
  const std::string packed = noted(insert_intent("crossfade", statement, note, false));
  const std::string runner = noted(update_intent("crossfade", 42, note, false));
  const ChangesRow row{.id = 42, .table = 0, .op = "P", .before = runner, .after = packed};
  const auto read = captured_statement(*change_head(row.cells()), row.cells());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->intent, 0u);
  EXPECT_EQ(read->statement.sql, "DROP TABLE t");
  EXPECT_EQ(read->note.client, 17u);
  EXPECT_EQ(read->note.state, "5:x");
  EXPECT_EQ(read->note.error, "1050");
  const ChangesRow nobody{.id = 42, .table = 0, .op = "P", .after = packed};
  EXPECT_FALSE(captured_statement(*change_head(nobody.cells()), nobody.cells()).ok());
}

// A table of id, v and a text, of which `id` identifies a row.
Capture of_three() {
  return captured({.leader = innodb({defined("id", "int"), defined("v", "int"), defined("b", "text", "latin1")}),
                   .mariadb = false,
                   .number = 7});
}

TEST(CapturedIdentity, IsOfTheKindThatItsImagesSay) {
  const Capture capture = of_three();
  const std::string one = "1:1n", two = "1:2n";
  const auto kind = [&](protocol::Cell before, protocol::Cell after) {
    const auto row =
        read({.op = "F", .before = std::move(before), .after = std::move(after), .big = {{}, {}}}, capture);
    EXPECT_TRUE(row.ok() && row->identity_only) << row.status();
    return row->head.kind;
  };
  EXPECT_EQ(kind({}, one), ChangeKind::insert);
  EXPECT_EQ(kind(one, {}), ChangeKind::delete_);
  EXPECT_EQ(kind(one, two), ChangeKind::update);
  EXPECT_FALSE(read({.op = "K", .big = {{}, {}}}, capture).ok()) << "of nothing";
}

TEST(CapturedIdentity, OnlyADeleteLeavesSomethingToDo) {
  const Capture capture = of_three();
  const auto row = [&](protocol::Cell before, protocol::Cell after) {
    return *read({.op = "F", .before = std::move(before), .after = std::move(after), .big = {{}, {}}}, capture);
  };
  EXPECT_TRUE(*leaves_nothing_to_do(row({}, "1:1n"), capture));
  EXPECT_FALSE(*leaves_nothing_to_do(row("1:1n", {}), capture));
  EXPECT_TRUE(*leaves_nothing_to_do(row("1:1n", "1:1n"), capture));
  EXPECT_FALSE(leaves_nothing_to_do(row("1:1n", "1:2n"), capture).ok()) << "another row";
}

TEST(CapturedIdentity, IsPackedAnewForAnotherShapeOfItsTable) {
  const Capture from = of_three();
  TableDefinition turned = innodb({defined("x", "int"), defined("B", "text", "latin1"), defined("ID", "int")});
  turned.keys = {key_over("PRIMARY", {"ID"})};
  const Capture to = captured({.leader = turned, .mariadb = false, .number = 8});
  const ChangesRow row{.op = "K", .before = "1:1n", .big = {{}, {}}};
  const auto repacked = repack_identity(row.cells(), from, of_three());
  ASSERT_TRUE(repacked.ok()) << repacked.status();
  EXPECT_EQ(repacked->before, "1:1n");
  EXPECT_EQ(repacked->after, std::nullopt);
  EXPECT_EQ(repack_identity(row.cells(), from, to)->before, "n1:1");
  TableDefinition other = innodb({defined("number", "int")});
  other.keys = {key_over("PRIMARY", {"number"})};
  const Capture keyless = captured({.leader = other, .mariadb = false, .number = 9});
  EXPECT_FALSE(repack_identity(row.cells(), from, keyless).ok());
}

TEST(CapturedIdentity, OfAWholeRowTheOtherColumnsMayBeOfAnotherShape) {
  const Capture capture = of_three();
  const ChangesRow changed{.op = "I", .after = "1:13:abc", .big = {{}, "text"}};
  EXPECT_FALSE(read(changed, capture).ok());
  const auto cells = changed.cells();
  const auto row = captured_identity(*change_head(cells), cells, capture);
  ASSERT_TRUE(row.ok()) << row.status();
  Bytes images = row->change.images;
  const auto image = take_row(*capture.table, &images);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(*key_condition(capture, *image), "`id` = 1");
  EXPECT_TRUE((*image)[1].is_null && (*image)[2].is_null);
}

TEST(CapturedStatement, EveryCutIsRefused) {
  const LoggedStatement statement{.schema = "app", .sql = "DROP TABLE t"};
  const std::string packed = noted(insert_intent("crossfade", statement, {}, true));
  for (std::size_t bytes = 0; bytes < packed.size(); ++bytes) {
    const ChangesRow row{.id = 42, .table = 0, .op = "P", .after = packed.substr(0, bytes)};
    EXPECT_FALSE(captured_statement(*change_head(row.cells()), row.cells()).ok()) << bytes;
  }
  const ChangesRow nameless{.id = 42, .table = 0, .op = "S", .after = packed};
  EXPECT_FALSE(captured_statement(*change_head(nameless.cells()), nameless.cells()).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
