// What stands in one form on one make and in another on the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ddl_said.h"

namespace crossfade::dualwrite {
namespace {

using testing::HasSubstr;

TEST(DdlForms, CharsetMayBeAName) {
  for (const char* sql : {"CREATE PROCEDURE `fix`() UPDATE mail SET seen=1 WHERE charset = 'ISO-8859-1'",
                          "CREATE PROCEDURE `fix`() BEGIN IF charset = 'utf8' THEN SET charset = 'Big5'; END IF; END",
                          "CREATE VIEW `v` AS SELECT id FROM mail WHERE a = 1 AND charset = 'utf8'",
                          "CREATE VIEW `v` AS SELECT id, charset = 'gb18030' FROM mail WHERE BINARY charset = 'utf8'",
                          "CREATE TABLE `t` (`charset` VARCHAR(9) CHECK (charset = 'latin1'))"})
    EXPECT_EQ(to_mysql(sql), sql);
  EXPECT_EQ(to_mariadb("CREATE TABLE t (charset VARCHAR(9), CHECK (charset = 'gb18030'))"),
            "CREATE TABLE `t` (`charset` VARCHAR(9), CONSTRAINT `t_chk_1` CHECK (charset = 'gb18030'))");
  // As a clause.
  EXPECT_EQ(to_mysql("CREATE PROCEDURE `p`(x VARCHAR(9) CHARSET utf8) CREATE TABLE x (a TEXT CHARSET utf8) ENGINE=Aria "
                     "CHARSET=utf8"),
            "CREATE PROCEDURE `p`(x VARCHAR(9) CHARSET utf8mb3) CREATE TABLE x (a TEXT CHARSET utf8mb3) ENGINE=Aria "
            "CHARSET=utf8mb3");
  EXPECT_EQ(to_mysql("ALTER TABLE t CHARSET utf8"), "ALTER TABLE `t` CHARSET utf8mb3");
  EXPECT_EQ(to_mysql("ALTER DATABASE d CHARSET = 'utf8'"), "ALTER DATABASE `d` CHARSET = utf8mb3");
}

TEST(DdlForms, QuotedOptionsAreMariadbsOwn) {
  EXPECT_EQ(to_mysql("CREATE TABLE `t` (`a` int `x`='y') ENGINE=InnoDB `PAGE_COMPRESSED`='ON' "
                     "`PAGE_COMPRESSION_LEVEL`=9 `ENCRYPTED`=YES COMMENT='c' `ENCRYPTION_KEY_ID`=1"),
            "CREATE TABLE `t` (`a` int ) ENGINE=InnoDB COMMENT='c'");
}

TEST(DdlForms, ChecksUnderIfNotExists) {
  const TableDefinition table = table_of({defined("id", "int"), defined("a", "varchar(9)", "utf8mb4")});
  const std::map<TableRef, TableDefinition> follower = {{table.name, table}};
  const DdlContext known{.schema_collation = "", .follower = &follower};
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD CONSTRAINT IF NOT EXISTS chk CHECK (char_length(a) > 3)", known),
            "ALTER TABLE `t` ADD CONSTRAINT `chk` CHECK (char_length(a) > 3)");
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD CONSTRAINT IF NOT EXISTS chk CHECK (NOT a = 'x')", known),
            "ALTER TABLE `t` ADD CONSTRAINT `chk` CHECK (NOT a = 'x')");
}

TEST(DdlForms, KeysWithoutANameUnderIfNotExists) {
  TableDefinition table = table_of({defined("id", "int"), defined("a", "int")});
  table.keys.push_back(key_over("a", {"a"}));
  table.foreign_keys.resize(1);
  table.foreign_keys[0].name = "fk";
  const std::map<TableRef, TableDefinition> follower = {{table.name, table}};
  const DdlContext known{.schema_collation = "", .follower = &follower};
  for (const char* there : {"UNIQUE IF NOT EXISTS (a)", "INDEX IF NOT EXISTS (A, id)", "PRIMARY KEY IF NOT EXISTS (id)",
                            "CONSTRAINT fk FOREIGN KEY IF NOT EXISTS (a) REFERENCES p (id)"})
    EXPECT_EQ(to_mysql(std::string("ALTER TABLE t ADD ") + there, known), "") << there;
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD UNIQUE IF NOT EXISTS (id)", known), "ALTER TABLE `t` ADD UNIQUE (`id`)");
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD CONSTRAINT f2 FOREIGN KEY IF NOT EXISTS (a) REFERENCES p (id)", known),
            "ALTER TABLE `t` ADD CONSTRAINT `f2` FOREIGN KEY (`a`) REFERENCES `p` (`id`)");
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD FOREIGN KEY IF NOT EXISTS (a) REFERENCES p (id)", known),
            "ALTER TABLE `t` ADD FOREIGN KEY (`a`) REFERENCES `p` (`id`)");
  EXPECT_THAT(to_mysql("ALTER TABLE t ADD UNIQUE IF NOT EXISTS (id)"), HasSubstr("is not known"));
}

TEST(DdlForms, ArrowsIntoADocument) {
  EXPECT_EQ(to_mariadb("CREATE TABLE t (doc JSON, total INT GENERATED ALWAYS AS (doc->>'$.total') VIRTUAL)"),
            "CREATE TABLE `t` (`doc` JSON, `total` INT GENERATED ALWAYS AS "
            "(JSON_UNQUOTE(JSON_EXTRACT(doc,'$.total'))) VIRTUAL)");
  EXPECT_EQ(to_mariadb("CREATE VIEW `v` AS SELECT s.t.doc->'$.a' FROM s.t WHERE `doc` -> '$.b' = 1"),
            "CREATE VIEW `v` AS SELECT JSON_EXTRACT(s.t.doc,'$.a') FROM s.t WHERE JSON_EXTRACT(`doc` , '$.b') = 1");
}

TEST(DdlForms, AColumnsCheckBecomesTheTablesOnMariadb) {
  EXPECT_EQ(to_mariadb("CREATE TABLE t (qty INT CONSTRAINT qty_pos CHECK (qty > 0) NOT NULL, b INT CHECK (b > 1) CHECK "
                       "(b < 9), c INT CHECK (c > 0) NOT ENFORCED)"),
            "CREATE TABLE `t` (`qty` INT NOT NULL, CONSTRAINT `qty_pos` CHECK (qty > 0), `b` INT, CONSTRAINT "
            "`t_chk_1` CHECK (b > 1), CONSTRAINT `t_chk_2` CHECK (b < 9), `c` INT )");
  EXPECT_EQ(to_mariadb("ALTER TABLE t ADD qty INT CHECK (qty > 0) NOT NULL AFTER id, ADD (a INT CHECK (a > _utf8'x'))"),
            "ALTER TABLE `t` ADD `qty` INT NOT NULL AFTER `id`, ADD CHECK (qty > 0), ADD (`a` INT, CHECK (a > "
            "_utf8mb3'x'))");
  EXPECT_EQ(to_mysql("CREATE TABLE t (qty INT CHECK (qty > 0))"), "CREATE TABLE `t` (`qty` INT CHECK (qty > 0))");
}

TEST(DdlForms, ADefaultThatIsCalledWithoutParentheses) {
  EXPECT_EQ(to_mysql("ALTER TABLE t ALTER at SET DEFAULT CURRENT_TIMESTAMP, ALTER b SET DEFAULT 5"),
            "ALTER TABLE `t` ALTER `at` SET DEFAULT (CURRENT_TIMESTAMP), ALTER `b` SET DEFAULT 5");
}

TEST(DdlForms, JsonOfATableWhoseTextsAreBinary) {
  EXPECT_EQ(to_mysql("CREATE TABLE `t` (`j` longtext DEFAULT NULL CHECK (json_valid(`j`))) ENGINE=InnoDB DEFAULT "
                     "CHARSET=utf8mb4 COLLATE=utf8mb4_bin"),
            "CREATE TABLE `t` (`j` json DEFAULT NULL ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin");
  EXPECT_THAT(to_mysql("CREATE TABLE t (j longtext CHARACTER SET utf8mb4 CHECK (json_valid(j))) COLLATE=utf8mb4_bin"),
              HasSubstr("longtext"));
}

TEST(DdlForms, WhatHasNoCounterpartIsSaid) {
  const TableDefinition table = table_of({defined("id", "int")});
  const std::map<TableRef, TableDefinition> follower = {{table.name, table}};
  const DdlContext known{.schema_collation = "", .follower = &follower};
  EXPECT_THAT(to_mysql("ALTER TABLE t ADD COLUMN IF NOT EXISTS (a VARCHAR(9), b TEXT DEFAULT '')", known),
              HasSubstr("add them one by one"));
  EXPECT_THAT(to_mysql("ALTER TABLE t ADD PARTITION IF NOT EXISTS (PARTITION p VALUES LESS THAN (9))", known),
              HasSubstr("ADD PARTITION IF NOT EXISTS"));
  EXPECT_EQ(to_mysql("CREATE TABLE t (engine INT) PARTITION BY LIST COLUMNS (engine) (PARTITION p VALUES IN (1) "
                     "ENGINE=Aria)"),
            "CREATE TABLE `t` (`engine` INT) PARTITION BY LIST COLUMNS (engine) (PARTITION p VALUES IN (1) "
            "ENGINE=InnoDB)");
}

}  // namespace
}  // namespace crossfade::dualwrite
