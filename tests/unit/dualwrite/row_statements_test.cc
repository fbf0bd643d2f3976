#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dualwrite/rows_statement.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Fixture {
  explicit Fixture(std::vector<DefinedColumn> columns = {defined("id", "int"), defined("v", "varchar(9)", "latin1")})
      : table(table_of(std::move(columns))) {
    remap();
  }
  void remap() { mapping = map_table(logged_table(table, true), &table, table, kToMysql, false); }
  RowsChange change(RowsKind kind, std::string_view images, std::uint16_t flags = 1) const {
    RowsChange out;
    out.table = mapping.source;
    out.kind = kind;
    out.flags = flags;
    out.images = from_hex(images);
    return out;
  }
  TableDefinition table;
  TableMapping mapping;
};

const std::string kRow7 =
    "00"
    "07000000"
    "0161";
const std::string kNull8 =
    "02"
    "08000000";

std::vector<std::string> texts(const absl::StatusOr<std::vector<RowStatement>>& statements) {
  std::vector<std::string> out;
  if (!statements.ok()) return {std::string(statements.status().message())};
  for (const RowStatement& statement : *statements) out.push_back(statement.sql);
  return out;
}

TEST(RowStatements, OneForEachRow) {
  const Fixture fixture;
  ASSERT_EQ(fixture.mapping.by, ApplyBy::sql) << fixture.mapping.reason;
  EXPECT_THAT(texts(row_statements(fixture.change(RowsKind::insert, kRow7 + kNull8), fixture.mapping)),
              ElementsAre("INSERT INTO `app`.`t` (`id`, `v`) VALUES (7, _latin1 x'61')",
                          "INSERT INTO `app`.`t` (`id`, `v`) VALUES (8, NULL)"));
  EXPECT_THAT(texts(row_statements(fixture.change(RowsKind::update, kRow7 + kNull8), fixture.mapping)),
              ElementsAre("UPDATE `app`.`t` SET `id` = 8, `v` = NULL WHERE `id` = 7 AND `id` <=> 7 AND "
                          "CAST(`v` AS BINARY) <=> x'61'"));
  EXPECT_THAT(texts(row_statements(fixture.change(RowsKind::delete_, kNull8), fixture.mapping)),
              ElementsAre("DELETE FROM `app`.`t` WHERE `id` = 8 AND `id` <=> 8 AND `v` IS NULL"));
}

TEST(PutStatements, ManyRowsAStatementAndDuplicatesStayOrBecomeTheRow) {
  const Fixture fixture;
  const RowsChange rows = fixture.change(RowsKind::insert, kRow7 + kNull8);
  EXPECT_THAT(
      texts(put_statements(rows, fixture.mapping, PutRows::keep, 1000)),
      ElementsAre("INSERT INTO `app`.`t` (`id`, `v`) VALUES (7, _latin1 x'61'),(8, NULL) ON DUPLICATE KEY UPDATE "
                  "`id` = `app`.`t`.`id`"));
  EXPECT_THAT(
      texts(put_statements(rows, fixture.mapping, PutRows::overwrite, 1000)),
      ElementsAre("INSERT INTO `app`.`t` (`id`, `v`) VALUES (7, _latin1 x'61'),(8, NULL) ON DUPLICATE KEY UPDATE "
                  "`id` = VALUES(`id`), `v` = VALUES(`v`)"));
  const auto statements = put_statements(rows, fixture.mapping, PutRows::keep, 10);
  EXPECT_THAT(texts(statements), SizeIs(2)) << "a row that is larger than the bound goes alone";
  EXPECT_TRUE(statements->front().no_foreign_key_checks);
  EXPECT_EQ(statements->front().affected, kAnyAffected);
}

TEST(PutStatements, OfUpdatesAndDeletesTheRowsBefore) {
  const Fixture fixture;
  EXPECT_THAT(
      texts(put_statements(fixture.change(RowsKind::update, kRow7 + kNull8), fixture.mapping, PutRows::keep, 1000)),
      ElementsAre(HasSubstr("VALUES (7, _latin1 x'61') ON DUPLICATE")));
  EXPECT_THAT(texts(put_statements(fixture.change(RowsKind::delete_, kNull8), fixture.mapping, PutRows::keep, 1000)),
              ElementsAre(HasSubstr("VALUES (8, NULL) ON DUPLICATE")));
}

TEST(RowStatements, WithoutAKeyOneRowOfTheWholeImage) {
  const Fixture fixture({defined("a", "int"), defined("v", "varchar(9)", "latin1")});
  EXPECT_THAT(texts(row_statements(fixture.change(RowsKind::delete_, kNull8), fixture.mapping)),
              ElementsAre("DELETE FROM `app`.`t` WHERE `a` <=> 8 AND `v` IS NULL LIMIT 1"));
}

TEST(RowStatements, ForeignKeysByTheEventsFlag) {
  const Fixture fixture;
  for (const auto& [flags, off] : {std::pair{0x01, false}, {0x02, true}, {0x04, false}, {0x11, true}, {0x13, true}}) {
    const auto made =
        row_statements(fixture.change(RowsKind::delete_, kRow7, static_cast<std::uint16_t>(flags)), fixture.mapping);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)[0].no_foreign_key_checks, off) << flags;
    EXPECT_EQ((*made)[0].affected, 1u);
  }
}

TEST(RowStatements, GeneratedColumnsAreLeftToTheFollower) {
  Fixture fixture({defined("id", "int"), defined("g", "int")});
  fixture.table.columns[1].generated = DefinedColumn::Generated::stored;
  fixture.remap();
  EXPECT_THAT(texts(row_statements(fixture.change(RowsKind::update,
                                                  "00"
                                                  "01000000"
                                                  "02000000"
                                                  "00"
                                                  "01000000"
                                                  "03000000"),
                                   fixture.mapping)),
              ElementsAre("UPDATE `app`.`t` SET `id` = 1 WHERE `id` = 1 AND `id` <=> 1"));
}

TEST(RowStatements, WhatCannotBeSaidIsAnError) {
  Fixture fixture;
  EXPECT_FALSE(row_statements(fixture.change(RowsKind::insert, "0007"), fixture.mapping).ok());
  TableMapping nothing = fixture.mapping;
  nothing.by = ApplyBy::nothing;
  EXPECT_FALSE(row_statements(fixture.change(RowsKind::insert, kRow7), nothing).ok());
  RowsChange incomplete = fixture.change(RowsKind::insert, "");
  incomplete.complete = false;
  EXPECT_FALSE(row_statements(incomplete, fixture.mapping).ok());
  TableMapping triggered = fixture.mapping;
  triggered.follower.triggers = {"x"};
  EXPECT_FALSE(row_statements(fixture.change(RowsKind::insert, kRow7), triggered).ok());
  EXPECT_FALSE(overwriting_statements(fixture.change(RowsKind::insert, kRow7), triggered).ok());
  EXPECT_TRUE(check_statement(fixture.change(RowsKind::delete_, kRow7), 0, triggered).ok());
}

TEST(OverwritingStatements, TheRowIsMadeWhateverItWas) {
  Fixture fixture;
  fixture.table.keys.push_back(key_over("u", {"v"}));
  fixture.remap();
  ASSERT_EQ(fixture.mapping.by, ApplyBy::sql) << fixture.mapping.reason;
  const std::string put =
      "INSERT INTO `app`.`t` (`id`, `v`) VALUES (7, _latin1 x'61') ON DUPLICATE KEY UPDATE `id` = 7, `v` = _latin1 "
      "x'61'";
  const auto inserted = overwriting_statements(fixture.change(RowsKind::insert, kRow7), fixture.mapping);
  EXPECT_THAT(texts(inserted), ElementsAre("DELETE FROM `app`.`t` WHERE `v` = _latin1 x'61' AND NOT (`id` = 7)", put));
  for (const RowStatement& statement : *inserted) {
    EXPECT_EQ(statement.affected, kAnyAffected);
    EXPECT_TRUE(statement.no_foreign_key_checks) << "what hangs on a removed row stays";
  }
  EXPECT_THAT(texts(overwriting_statements(fixture.change(RowsKind::update, kNull8 + kRow7), fixture.mapping)),
              ElementsAre("DELETE FROM `app`.`t` WHERE `id` = 7 AND NOT (`id` = 8)",
                          "DELETE FROM `app`.`t` WHERE `v` = _latin1 x'61' AND NOT (`id` = 8)",
                          "UPDATE `app`.`t` SET `id` = 7, `v` = _latin1 x'61' WHERE `id` = 8", put));
  const auto deleted = overwriting_statements(fixture.change(RowsKind::delete_, kRow7), fixture.mapping);
  EXPECT_THAT(texts(deleted), ElementsAre("DELETE FROM `app`.`t` WHERE `id` = 7"));
  EXPECT_FALSE((*deleted)[0].no_foreign_key_checks) << "a cascade that the leader did not log";
}

TEST(OverwritingStatements, HoldersOfAPrefixAreFound) {
  Fixture fixture;
  fixture.table.keys.push_back(key_over("u", {"v"}));
  fixture.table.keys[1].parts[0].prefix = 4;
  fixture.remap();
  EXPECT_THAT(texts(overwriting_statements(fixture.change(RowsKind::insert, kRow7), fixture.mapping))[0],
              "DELETE FROM `app`.`t` WHERE LEFT(`v`, 4) = LEFT(_latin1 x'61', 4) AND NOT (`id` = 7)");
  fixture.table.keys[1].parts[0].column = "";
  fixture.mapping.follower = fixture.table;
  EXPECT_FALSE(overwriting_statements(fixture.change(RowsKind::insert, kRow7), fixture.mapping).ok());
}

TEST(OverwritingStatements, WithoutAKeyTheOldRowGoesAndTheNewOneComes) {
  const Fixture fixture({defined("a", "int"), defined("v", "varchar(9)", "latin1")});
  EXPECT_THAT(texts(overwriting_statements(fixture.change(RowsKind::update, kRow7 + kNull8), fixture.mapping)),
              ElementsAre("DELETE FROM `app`.`t` WHERE `a` <=> 7 AND CAST(`v` AS BINARY) <=> x'61' LIMIT 1",
                          "INSERT INTO `app`.`t` (`a`, `v`) VALUES (8, NULL)"));
}

TEST(CheckStatement, CountsTheBeforeImage) {
  const Fixture fixture;
  const RowsChange change = fixture.change(RowsKind::update, kNull8 + kNull8 + kRow7 + kNull8);
  EXPECT_EQ(*check_statement(change, 1, fixture.mapping),
            "SELECT COUNT(*) FROM (SELECT 1 FROM `app`.`t` WHERE `id` = 7 AND `id` <=> 7 AND CAST(`v` AS BINARY) <=> "
            "x'61' LIMIT 1) AS found");
  EXPECT_EQ(*check_statement(fixture.change(RowsKind::insert, kRow7), 0, fixture.mapping), "");
  EXPECT_FALSE(check_statement(change, 2, fixture.mapping).ok());
}

TEST(SqlSession, IsUtcAndNotStrict) {
  for (const bool mariadb : {true, false}) {
    EXPECT_THAT(sql_session(mariadb), HasSubstr("time_zone = '+00:00'"));
    EXPECT_THAT(sql_session(mariadb), HasSubstr("'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"));
  }
}

TEST(RowIdentity, KeysAndHashes) {
  const Fixture fixture;
  const RowsChange change = fixture.change(RowsKind::update, kRow7 + kNull8);
  const auto shown = identify_row(change, 0, fixture.mapping, ShowValues::plaintext);
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->key, "id=7");
  EXPECT_THAT(shown->before_hash, SizeIs(16));
  EXPECT_THAT(shown->after_hash, SizeIs(16));
  EXPECT_NE(shown->before_hash, shown->after_hash);
  const auto hidden = identify_row(change, 0, fixture.mapping, ShowValues::hashed);
  EXPECT_THAT(hidden->key, SizeIs(17));
  EXPECT_EQ(hidden->key[0], '#');
  const auto inserted =
      identify_row(fixture.change(RowsKind::insert, kRow7), 0, fixture.mapping, ShowValues::plaintext);
  EXPECT_EQ(inserted->before_hash, "");
  EXPECT_EQ(inserted->after_hash, shown->before_hash) << "the same image";
  EXPECT_EQ(identify_row(fixture.change(RowsKind::delete_,
                                        "fc"
                                        "07000000"
                                        "0161"),
                         0, fixture.mapping, ShowValues::plaintext)
                ->before_hash,
            shown->before_hash)
      << "the spare bits among the NULL bits say nothing";
  EXPECT_EQ(
      identify_row(fixture.change(RowsKind::delete_, kRow7), 0, fixture.mapping, ShowValues::plaintext)->after_hash,
      "");
}

TEST(RowIdentity, TextsOfAKeyAreShownWhereTheyArePlain) {
  Fixture fixture({defined("id", "varchar(9)", "latin1")});
  const auto key = [&](std::string_view value) {
    return identify_row(fixture.change(RowsKind::insert, "00" + std::string(value)), 0, fixture.mapping,
                        ShowValues::plaintext)
        ->key;
  };
  EXPECT_EQ(key("026162"), "id='ab'");
  EXPECT_EQ(key("02610a"), "id=_latin1 x'610a'");
  EXPECT_EQ(key("0127"), "id=_latin1 x'27'");
  EXPECT_EQ(key("01e9"), "id=_latin1 x'e9'");
}

TEST(RowIdentity, WithoutAKeyTheWholeRowIsHashed) {
  const Fixture fixture({defined("a", "int"), defined("v", "varchar(9)", "latin1")});
  const auto identity =
      identify_row(fixture.change(RowsKind::delete_, kRow7), 0, fixture.mapping, ShowValues::plaintext);
  EXPECT_EQ(identity->key, "#" + identity->before_hash);
}

TEST(SingleRow, CountsAndTakesOut) {
  const Fixture fixture;
  const RowsChange inserts = fixture.change(RowsKind::insert, kRow7 + kNull8 + kRow7, 0x13);
  EXPECT_EQ(*count_rows(inserts), 3u);
  EXPECT_EQ(single_row(inserts, 1)->images, from_hex(kNull8));
  EXPECT_EQ(single_row(inserts, 2)->images, from_hex(kRow7));
  EXPECT_EQ(single_row(inserts, 1)->flags, 0x13);
  EXPECT_FALSE(single_row(inserts, 3).ok());
  const RowsChange updates = fixture.change(RowsKind::update, kRow7 + kNull8 + kNull8 + kRow7);
  EXPECT_EQ(*count_rows(updates), 2u);
  EXPECT_EQ(single_row(updates, 1)->images, from_hex(kNull8 + kRow7));
  EXPECT_EQ(*count_rows(fixture.change(RowsKind::insert, "")), 0u);
  EXPECT_FALSE(count_rows(fixture.change(RowsKind::insert, "00")).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
