#include "migrate/chunk_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::migrate {
namespace {

using dualwrite::defined;
using dualwrite::DefinedColumn;
using dualwrite::DefinedKey;
using dualwrite::key_over;
using dualwrite::SelectedTable;
using dualwrite::TableDefinition;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A table of NOT NULL columns c0, c1, .. with a primary key over all of them.
TableDefinition keyed(const std::vector<std::pair<std::string, std::string>>& types) {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.engine = "InnoDB";
  std::vector<std::string> names;
  for (const auto& [type, charset] : types) {
    names.push_back("c" + std::to_string(names.size()));
    DefinedColumn column = defined(names.back(), type, charset);
    column.nullable = false;
    table.columns.push_back(column);
  }
  DefinedKey primary = key_over("PRIMARY", names);
  primary.unique = true;
  table.keys.push_back(primary);
  return table;
}

struct Chosen {
  SelectedTable selected;
  ChunkKey key;
};
Chosen choose(const TableDefinition& table, bool mariadb = true) {
  auto selected = dualwrite::plan_select(table, mariadb, false);
  EXPECT_TRUE(selected.ok()) << selected.status();
  auto key = choose_key(table, *selected);
  EXPECT_TRUE(key.ok()) << key.status();
  return {.selected = *std::move(selected), .key = *std::move(key)};
}

std::string refusal(const TableDefinition& table) {
  auto selected = dualwrite::plan_select(table, true, false);
  auto key = choose_key(table, *selected);
  return key.ok() ? "chosen: " + key->index : std::string(key.status().message());
}

// The place behind a row of these texts, as the SELECT of the chunk gives them.
KeyPlace behind(const Chosen& chosen, const std::vector<protocol::Cell>& row, bool mariadb = true) {
  dualwrite::Buffer image;
  const absl::Status added = dualwrite::append_selected_row(chosen.selected, row, &image);
  EXPECT_TRUE(added.ok()) << added;
  auto place = place_behind(chosen.key, chosen.selected, image, mariadb);
  EXPECT_TRUE(place.ok()) << place.status();
  return place.ok() ? *place : KeyPlace();
}

TEST(ChunkKey, IsThePrimaryKeyBeforeAnyOther) {
  TableDefinition table = keyed({{"int", ""}, {"int", ""}});
  DefinedKey other = key_over("u", {"c1"});
  other.unique = true;
  table.keys.push_back(other);
  EXPECT_EQ(choose(table).key.index, "PRIMARY");
  table.keys.erase(table.keys.begin());
  EXPECT_EQ(choose(table).key.index, "u");
}

TEST(ChunkKey, MustGiveEveryRowOnePlace) {
  const TableDefinition table = keyed({{"varchar(20)", "latin1"}});
  const auto changed = [&](auto change) {
    TableDefinition copy = table;
    change(copy);
    return refusal(copy);
  };
  const std::string none = "has no primary key, and no unique key";
  EXPECT_EQ(refusal(table), "chosen: PRIMARY");
  EXPECT_THAT(changed([](auto& t) { t.keys[0].unique = false; }), HasSubstr(none));
  EXPECT_THAT(changed([](auto& t) { t.keys[0].parts[0].prefix = 5; }), HasSubstr(none));
  EXPECT_THAT(changed([](auto& t) { t.columns[0].nullable = true; }), HasSubstr(none));
  EXPECT_THAT(changed([](auto& t) { t.keys[0].type = "HASH"; }), HasSubstr(none));
  EXPECT_THAT(changed([](auto& t) { t.keys[0].parts[0].column = ""; }), HasSubstr(none));
  EXPECT_THAT(changed([](auto& t) { t.keys.clear(); }), HasSubstr("app.t"));
  EXPECT_THAT(changed([](auto& t) { t.engine = "MyISAM"; }), HasSubstr("cannot be locked"));
  EXPECT_THAT(changed([](auto& t) { t.kind = TableDefinition::Kind::view; }), HasSubstr("is a view"));
  EXPECT_THAT(changed([](auto& t) { t.kind = TableDefinition::Kind::sequence; }), HasSubstr("SETVAL"));
}

TEST(ChunkKey, ACopyReadsATableWithoutAKeyAtOnce) {
  TableDefinition table = keyed({{"int", ""}});
  table.keys[0].unique = false;
  table.keys[0].name = "k";
  const auto selected = dualwrite::plan_select(table, true, false);
  const auto key = choose_copy_key(table, *selected, false);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->parts.empty());
  EXPECT_THAT(select_chunk(*selected, *key, {}, "c0 > 1", 9),
              AllOf(HasSubstr(" WHERE (TRUE) AND (c0 > 1) LIMIT 9 LOCK IN SHARE MODE"), Not(HasSubstr("ORDER BY")),
                    Not(HasSubstr("FORCE INDEX"))));
  EXPECT_EQ(*parse_place(*key, pack_place({})), KeyPlace());
  EXPECT_FALSE(choose_copy_key(table, *selected, true).ok()) << "which triggers do not tell of";
  table.engine = "MyISAM";
  EXPECT_FALSE(choose_copy_key(table, *selected, false).ok());
}

TEST(ChunkKey, RowsBehindAPlaceOfSeveralParts) {
  const Chosen one = choose(keyed({{"int", ""}}));
  EXPECT_EQ(rows_behind(one.key, {}), "TRUE");
  EXPECT_EQ(rows_behind(one.key, {"5"}), "`c0`>5");
  EXPECT_EQ(rows_through(one.key, {}), "FALSE");
  EXPECT_EQ(rows_through(one.key, {"5"}), "`c0`<5 OR (`c0`=5)");
  const Chosen three = choose(keyed({{"int", ""}, {"int", ""}, {"int", ""}}));
  EXPECT_EQ(rows_behind(three.key, {"1", "2", "3"}), "`c0`>1 OR (`c0`=1 AND `c1`>2) OR (`c0`=1 AND `c1`=2 AND `c2`>3)");
  EXPECT_EQ(rows_through(three.key, {"1", "2", "3"}),
            "`c0`<1 OR (`c0`=1 AND `c1`<2) OR (`c0`=1 AND `c1`=2 AND `c2`<3) OR (`c0`=1 AND `c1`=2 AND `c2`=3)");
  EXPECT_EQ(key_order(three.key), "`c0`,`c1`,`c2`");
}

TEST(ChunkKey, ADescendingPartTurnsItsComparison) {
  TableDefinition table = keyed({{"int", ""}, {"int", ""}});
  table.keys[0].parts[1].descending = true;
  const Chosen chosen = choose(table);
  EXPECT_EQ(rows_behind(chosen.key, {"1", "2"}), "`c0`>1 OR (`c0`=1 AND `c1`<2)");
  EXPECT_EQ(rows_through(chosen.key, {"1", "2"}), "`c0`<1 OR (`c0`=1 AND `c1`>2) OR (`c0`=1 AND `c1`=2)");
  EXPECT_EQ(key_order(chosen.key), "`c0`,`c1` DESC");
}

// Brute force: the condition splits the pairs exactly at the place.
TEST(ChunkKey, BehindAndThroughShareNothingAndLeaveNothing) {
  const auto less = [](int a0, int a1, int b0, int b1) { return a0 < b0 || (a0 == b0 && a1 < b1); };
  const auto holds = [](const std::string& sql, int c0, int c1) {
    // `c0`>1 OR (`c0`=1 AND `c1`>2): evaluated term by term.
    const auto compare = [&](std::string term) {
      std::erase(term, '(');
      std::erase(term, ')');
      const int value = term[2] == '0' ? c0 : c1;
      const int wanted = std::stoi(term.substr(5));
      return term[4] == '>' ? value > wanted : term[4] == '<' ? value < wanted : value == wanted;
    };
    bool any = false;
    for (std::size_t at = 0; at <= sql.size();) {
      const std::size_t end = std::min(sql.find(" OR ", at), sql.size());
      const std::string conjunction = sql.substr(at, end - at);
      bool all = true;
      for (std::size_t from = 0; from <= conjunction.size();) {
        const std::size_t to = std::min(conjunction.find(" AND ", from), conjunction.size());
        all = all && compare(conjunction.substr(from, to - from));
        from = to + 5;
      }
      any = any || all;
      at = end + 4;
    }
    return any;
  };
  const Chosen chosen = choose(keyed({{"int", ""}, {"int", ""}}));
  for (int p0 = 0; p0 < 3; ++p0) {
    for (int p1 = 0; p1 < 3; ++p1) {
      const KeyPlace place = {std::to_string(p0), std::to_string(p1)};
      for (int c0 = 0; c0 < 3; ++c0) {
        for (int c1 = 0; c1 < 3; ++c1) {
          EXPECT_EQ(holds(rows_behind(chosen.key, place), c0, c1), less(p0, p1, c0, c1)) << p0 << p1 << c0 << c1;
          EXPECT_EQ(holds(rows_through(chosen.key, place), c0, c1), !less(p0, p1, c0, c1)) << p0 << p1 << c0 << c1;
        }
      }
    }
  }
}

TEST(ChunkKey, APlaceSaysEachTypeExactly) {
  struct Case {
    const char* type;
    const char* charset;
    const char* text;  // as the SELECT gives it
    const char* literal;
    bool mariadb = true;
  };
  const Case cases[] = {{"int", "", "-5", "-5"},
                        {"bigint unsigned", "", "18446744073709551615", "18446744073709551615"},
                        {"decimal(10,3)", "", "-1.500", "-1.500"},
                        {"bit(40)", "", "1099511627775", "1099511627775"},
                        {"year", "", "2155", "2155"},
                        {"date", "", "0000-00-00", "'0000-00-00'"},
                        {"datetime(3)", "", "2024-02-29 01:02:03.004", "'2024-02-29 01:02:03.004'"},
                        {"time(2)", "", "-838:59:59.00", "'-838:59:59.00'"},
                        {"timestamp", "", "1", "'1970-01-01 00:00:01'"},
                        {"varchar(20)", "latin1", "\xe9'", "_latin1 x'e927'"},
                        {"varchar(20)", "utf8mb4", "\xf0\x9f\x98\x80", "_utf8mb4 x'f09f9880'"},
                        {"binary(4)", "", "ab", "_binary x'61620000'"},
                        {"varbinary(4)", "", "\x5c", "_binary x'5c'"},
                        {"enum('z','a')", "latin1", "2", "2"},
                        {"set('z','a')", "latin1", "3", "3"}};
  for (const Case& each : cases) {
    const Chosen chosen = choose(keyed({{each.type, each.charset}}), each.mariadb);
    EXPECT_EQ(behind(chosen, {each.text}, each.mariadb), KeyPlace{each.literal}) << each.type;
  }
}

TEST(ChunkKey, APlaceIsKeptAsText) {
  const Chosen chosen = choose(keyed({{"int", ""}, {"varchar(20)", "latin1"}}));
  const KeyPlace place = {"-5", "_latin1 x'3a31'"};
  auto again = parse_place(chosen.key, pack_place(place));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, place);
  EXPECT_EQ(*parse_place(chosen.key, ""), KeyPlace());
  EXPECT_FALSE(parse_place(chosen.key, pack_place({"1"})).ok());
  EXPECT_FALSE(parse_place(chosen.key, "7:x").ok());
  EXPECT_FALSE(parse_place(chosen.key, "junk").ok());
}

TEST(ChunkKey, ItsSignatureChangesWithItsOrder) {
  const std::string plain = choose(keyed({{"varchar(20)", "latin1"}})).key.signature;
  EXPECT_EQ(choose(keyed({{"varchar(99)", "latin1"}})).key.signature, plain);
  EXPECT_NE(choose(keyed({{"varchar(20)", "utf8mb4"}})).key.signature, plain);
  EXPECT_NE(choose(keyed({{"varbinary(20)", ""}})).key.signature, plain);
  EXPECT_NE(choose(keyed({{"varchar(20)", "latin1"}, {"int", ""}})).key.signature, plain);
  EXPECT_EQ(choose(keyed({{"int", ""}})).key.signature, choose(keyed({{"bigint", ""}})).key.signature);
}

TEST(ChunkKey, AChunkIsReadInOrderUnderShareLocks) {
  TableDefinition table = keyed({{"int", ""}});
  table.columns.push_back(defined("e", "enum('a')", "latin1"));
  table.columns.push_back(defined("g", "int"));
  table.columns.back().generated = DefinedColumn::Generated::stored;
  const Chosen chosen = choose(table);
  EXPECT_EQ(select_chunk(chosen.selected, chosen.key, {}, "", 100),
            "SELECT `c0`,CAST(`e` AS UNSIGNED) FROM `app`.`t` FORCE INDEX (`PRIMARY`) WHERE (TRUE) ORDER BY `c0` LIMIT "
            "100 LOCK IN SHARE MODE");
  EXPECT_THAT(select_chunk(chosen.selected, chosen.key, {.behind = {"7"}}, "v=1 OR v=2", 5),
              HasSubstr("WHERE (`c0`>7) AND (v=1 OR v=2) ORDER BY `c0` LIMIT 5"));
  EXPECT_THAT(select_chunk(chosen.selected, chosen.key, {.behind = {"7"}, .through = {"9"}}, "", 5),
              HasSubstr("WHERE (`c0`>7) AND (`c0`<9 OR (`c0`=9)) ORDER BY `c0` LIMIT 5"));
}

TEST(ChunkKey, ABorderIsTheKeyAloneOfARowAhead) {
  TableDefinition table = keyed({{"varchar(20)", "utf8mb4"}, {"int", ""}, {"enum('z','a')", "latin1"}});
  table.columns.push_back(defined("blob", "longblob"));
  // The key has another order than the columns.
  std::swap(table.keys[0].parts[0], table.keys[0].parts[2]);
  const Chosen chosen = choose(table);
  const SelectedKey key = select_key(chosen.selected, chosen.key, true);
  EXPECT_EQ(select_border(key, {}, 1),
            "SELECT CAST(`c2` AS UNSIGNED),`c1`,`c0` FROM `app`.`t` FORCE INDEX (`PRIMARY`) WHERE TRUE ORDER BY "
            "`c2`,`c1`,`c0` LIMIT 1 OFFSET 0");
  EXPECT_THAT(select_border(key, {"1", "2", "'x'"}, 500), HasSubstr("LIMIT 1 OFFSET 499"));
  const auto border = border_from(key, {"2", "-7", "\xc3\xa9"}, true);
  ASSERT_TRUE(border.ok()) << border.status();
  const KeyPlace same = behind(chosen, {"\xc3\xa9", "-7", "2", "x"});
  EXPECT_EQ(*border, same) << "as a chunk that ends with that row says it";
  EXPECT_EQ(border->front(), "2");
  EXPECT_FALSE(border_from(key, {"2", "seven", "x"}, true).ok());
  EXPECT_FALSE(border_from(key, {"2", "7"}, true).ok());
}

TEST(SelectedRow, WhatIsNoneOfItsColumnIsAnErrorThatNamesIt) {
  TableDefinition table = keyed({{"int", ""}, {"date", ""}});
  const Chosen chosen = choose(table);
  const auto why = [&](const std::vector<protocol::Cell>& row) {
    dualwrite::Buffer image;
    const absl::Status status = dualwrite::append_selected_row(chosen.selected, row, &image);
    return status.ok() ? std::string("ok") : std::string(status.message());
  };
  EXPECT_EQ(why({"1", "2024-01-01"}), "ok");
  EXPECT_THAT(why({"1"}), HasSubstr("another number of columns"));
  EXPECT_THAT(why({std::nullopt, "2024-01-01"}), HasSubstr("column c0: NULL"));
  EXPECT_THAT(why({"1", "yesterday"}), HasSubstr("column c1"));
  EXPECT_THAT(why({"1", "yesterday"}), Not(HasSubstr("yesterday")));
}

}  // namespace
}  // namespace crossfade::migrate
