#include "dualwrite/stored_form.h"

#include <gtest/gtest.h>

#include "dualwrite/sql_text.h"
#include "dualwrite/table_map_writer.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

struct Known {
  const char* type;
  const char* charset;
  int log_type;
  std::uint16_t metadata;  // the log's bytes, the first in the low byte
};

// As both makes wrote it into TABLE_MAP of a table with these columns.
constexpr Known kKnown[] = {
    {"tinyint", "", 1, 0},
    {"smallint", "", 2, 0},
    {"mediumint unsigned", "", 9, 0},
    {"int", "", 3, 0},
    {"bigint unsigned", "", 8, 0},
    {"float", "", 4, 4},
    {"double", "", 5, 8},
    {"decimal(10,3)", "", 246, 0x030a},
    {"year", "", 13, 0},
    {"date", "", 10, 0},
    {"time", "", 19, 0},
    {"time(3)", "", 19, 3},
    {"datetime(6)", "", 18, 6},
    {"timestamp(1)", "", 17, 1},
    {"char(20)", "latin1", 254, 0x14fe},
    {"char(255)", "utf8mb4", 254, 0xfcce},
    {"varchar(20)", "latin1", 15, 0x0014},
    {"varchar(300)", "utf8mb4", 15, 0x04b0},
    {"binary(16)", "", 254, 0x10fe},
    {"varbinary(300)", "", 15, 0x012c},
    {"tinytext", "latin1", 252, 1},
    {"text", "utf8mb4", 252, 2},
    {"mediumblob", "", 252, 3},
    {"longtext", "utf8mb4", 252, 4},
    {"enum('a','b')", "latin1", 254, 0x01f7},
    {"set('a','b','c')", "latin1", 254, 0x01f8},
    {"bit(1)", "", 16, 0x0001},
    {"bit(17)", "", 16, 0x0201},
    {"bit(64)", "", 16, 0x0800},
    {"geometry", "", 255, 4},
    {"point", "", 255, 4},
};

TEST(StoredForm, DefinitionsHaveTheTypesAndMetadataThatServersLog) {
  for (const Known& known : kKnown) {
    for (const bool mariadb : {true, false}) {
      const auto form = stored_form(defined("c", known.type, known.charset), mariadb);
      ASSERT_TRUE(form.ok()) << known.type << form.status();
      EXPECT_EQ(static_cast<int>(form->type), known.log_type) << known.type;
      EXPECT_EQ(form->metadata, known.metadata) << known.type;
    }
  }
  EXPECT_EQ(static_cast<int>(stored_form(defined("c", "json"), false)->type), 245);
  EXPECT_EQ(stored_form(defined("c", "vector(3)"), false)->metadata, 4);
  EXPECT_EQ(stored_form(defined("c", "uuid"), true)->metadata, 0x10fe);
  EXPECT_EQ(stored_form(defined("c", "inet4"), true)->metadata, 0x04fe);
}

TEST(StoredForm, TheLogsColumnAndItsDefinitionAreOneForm) {
  for (const Known& known : kKnown) {
    const DefinedColumn column = defined("c", known.type, known.charset);
    const auto by_log = stored_form(logged(column, true), true);
    ASSERT_TRUE(by_log.ok()) << known.type << by_log.status();
    EXPECT_EQ(*by_log, *stored_form(column, true)) << known.type;
  }
}

TEST(StoredForm, WhatIsNotKnownIsRefused) {
  EXPECT_FALSE(stored_form(defined("c", "xml"), true).ok());
  EXPECT_FALSE(stored_form(defined("c", "json"), true).ok());
  EXPECT_FALSE(stored_form(defined("c", "varchar(5)", "klingon"), true).ok());
  EXPECT_FALSE(stored_form(defined("c", "timestamp /* mariadb-5.3 */"), true).ok());
  for (const int type : {0, 6, 7, 11, 12, 14, 20, 140, 141, 249, 253}) {
    LogColumn column;
    column.type = static_cast<std::uint8_t>(type);
    column.collation = 8;
    EXPECT_FALSE(stored_form(column, true).ok()) << type;
  }
  LogColumn text;
  text.type = 15;
  text.metadata = 20;
  EXPECT_FALSE(stored_form(text, true).ok()) << "no character set";
}

TEST(StoredForm, CompressedColumnsOfTheFollowerHaveBytesOfTheirOwn) {
  const auto form = stored_form(defined("c", "varchar(9) /*M!100301 COMPRESSED*/", "latin1"), true);
  EXPECT_EQ(form->type, LogType::mariadb_varchar_compressed);
  EXPECT_EQ(stored_form(defined("c", "blob /*M!100301 COMPRESSED*/"), true)->type, LogType::mariadb_blob_compressed);
}

TEST(StoredForm, MembersAreReadAsInformationSchemaWritesThem) {
  EXPECT_EQ(members_of("enum('a\\\\b','c''d','e\\nf','x,y')"),
            (std::vector<std::string>{"a\\b", "c'd", "e\nf", "x,y"}));
  EXPECT_EQ(members_of("set('','é')"), (std::vector<std::string>{"", "é"}));
  EXPECT_TRUE(members_of("varchar(5)").empty());
  EXPECT_TRUE(members_of("enum(").empty());
  EXPECT_EQ(members_of("enum(x'e9',x'ff27','b')"), (std::vector<std::string>{"\xe9", "\xff'", "b"})) << "MySQL's bytes";
  EXPECT_EQ(members_of("enum('(,)','it''s')"), (std::vector<std::string>{"(,)", "it's"}));
  EXPECT_EQ(members_of("enum('cut"), (std::vector<std::string>{"cut"}));
}

TEST(StoredForm, MembersInNoCharacterSetAreBytes) {
  const auto form = stored_form(defined("c", "enum('a','b')", "binary"), false);
  ASSERT_TRUE(form.ok()) << form.status();
  EXPECT_EQ(form->kind, StoredKind::enum_);
  EXPECT_EQ(form->charset, "binary");
}

TEST(TableMapWriter, TheEventIsTheFollowersTable) {
  TableDefinition table =
      table_of({defined("id", "int"), defined("v", "varchar(20)", "utf8mb4"), defined("f", "float")});
  const auto event = table_map_event(table, false);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(hex(*event),
            "00000000"
            "13"
            "00000000"
            "2c000000"
            "00000000"
            "0000"  // header, 44 bytes
            "000000000000"
            "0100"
            "03"
            "61707000"
            "01"
            "7400"
            "03"
            "030f04"
            "03"
            "500004"
            "06");
}

TEST(TableMapWriter, NamesThatTheLogCannotSayAreRefused) {
  TableDefinition table = table_of({defined("id", "int")});
  table.name.table = std::string(256, 'x');
  EXPECT_FALSE(table_map_event(table, false).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
