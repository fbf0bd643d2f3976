#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "dualwrite/ddl.h"

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr ServerMakes kToMysql{.leader_is_mariadb = true, .follower_is_mariadb = false};
constexpr ServerMakes kToMariadb{.leader_is_mariadb = false, .follower_is_mariadb = true};

LoggedStatement logged(std::string sql) {
  LoggedStatement statement;
  statement.schema = "app";
  statement.sql = std::move(sql);
  statement.client_collation = statement.connection_collation = 45;
  return statement;
}

// The one statement it becomes, blanks made even; statements are parted by "; ", an error begins with "!".
std::string said(const std::string& sql, ServerMakes makes, const DdlContext& context = {}) {
  const auto statements = translate_ddl(logged(sql), makes, context);
  if (!statements.ok()) return "!" + std::string(statements.status().message());
  std::string all, out;
  for (const std::string& statement : *statements) all += (all.empty() ? "" : "; ") + statement;
  for (const char c : all) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}
std::string to_mysql(const std::string& sql, const DdlContext& context = {}) { return said(sql, kToMysql, context); }
std::string to_mariadb(const std::string& sql, const DdlContext& context = {}) {
  return said(sql, kToMariadb, context);
}

TEST(TranslateDdl, KeepsATextWithinOneMake) {
  const std::string sql = "CREATE /* x */ TABLE t (a UUID) ENGINE=Aria /*M! , COMMENT='x' */";
  EXPECT_EQ(said(sql, {.leader_is_mariadb = true, .follower_is_mariadb = true}), sql);
}

TEST(TranslateDdl, MakesTheTableOfCreateSelectAlone) {
  EXPECT_EQ(said("CREATE TABLE `t` (\n `a` int\n) START TRANSACTION",
                 {.leader_is_mariadb = false, .follower_is_mariadb = false}),
            "CREATE TABLE `t` (\n `a` int\n)");
  EXPECT_EQ(to_mariadb("CREATE TABLE `t` (`a` int) START TRANSACTION"), "CREATE TABLE `t` (`a` int)");
  for (const ServerMakes makes : {kToMysql, kToMariadb, ServerMakes{true, true}, ServerMakes{false, false}}) {
    EXPECT_THAT(said("CREATE TABLE t AS SELECT 1 AS a", makes), HasSubstr("binlog_format"));
    EXPECT_THAT(said("CREATE TABLE t (a INT) SELECT 1 AS a", makes), HasSubstr("binlog_format"));
  }
}

TEST(TranslateDdl, KeepsStringsAndQuotedNamesByteForByte) {
  const std::string strings = "COMMENT 'ENGINE=Aria, COLLATE \\' utf8mb4_uca1400_ai_ci''\xff'";
  EXPECT_EQ(to_mysql("CREATE TABLE `ROW_FORMAT=` (`COLLATE` INT " + strings + ")"),
            "CREATE TABLE `ROW_FORMAT=` (`COLLATE` INT " + strings + ")");
}

TEST(TranslateDdl, DropsOptionsOfTheOtherMake) {
  EXPECT_EQ(
      to_mysql("CREATE TABLE t (a INT) ENGINE=Aria, PAGE_CHECKSUM=1, TRANSACTIONAL = 0 ROW_FORMAT=PAGE COMMENT='c'"),
      "CREATE TABLE `t` (`a` INT) ENGINE=InnoDB COMMENT='c'");
  EXPECT_EQ(to_mysql("CREATE TABLE t (a INT) PAGE_COMPRESSED=1 ENCRYPTED=YES ENCRYPTION_KEY_ID=2, AUTO_INCREMENT=7"),
            "CREATE TABLE `t` (`a` INT) AUTO_INCREMENT=7");
  EXPECT_EQ(to_mariadb("CREATE TABLE t (a INT) TABLESPACE ts STORAGE DISK ENCRYPTION='N' COMPRESSION='zlib'"),
            "CREATE TABLE `t` (`a` INT)");
  EXPECT_EQ(to_mysql("ALTER TABLE t ROW_FORMAT=DYNAMIC, ADD a INT, ALGORITHM=INPLACE, LOCK=NONE"),
            "ALTER TABLE `t` ADD `a` INT");
  EXPECT_EQ(to_mysql("ALTER TABLE t ALGORITHM=INPLACE"), "");
  EXPECT_EQ(to_mysql("ALTER ONLINE TABLE t WAIT 5 ADD a INT"), "ALTER TABLE `t` ADD `a` INT");
  EXPECT_EQ(to_mysql("DROP TABLE a, wait WAIT 5"), "DROP TABLE `a`, `wait`");
  EXPECT_EQ(to_mysql("TRUNCATE TABLE nowait NOWAIT"), "TRUNCATE TABLE `nowait`");
}

TEST(TranslateDdl, WritesOutTheCollationThatTheLeaderMeant) {
  EXPECT_EQ(to_mysql("CREATE TABLE t (a TEXT) CHARSET=utf8mb4"),
            "CREATE TABLE `t` (`a` TEXT) CHARSET=utf8mb4 COLLATE utf8mb4_general_ci");
  EXPECT_EQ(to_mariadb("CREATE TABLE t (a TEXT) CHARSET=utf8mb4"),
            "CREATE TABLE `t` (`a` TEXT) CHARSET=utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci");
  EXPECT_EQ(to_mysql("CREATE TABLE t (a TEXT)", {.schema_collation = "utf8mb4_general_ci", .follower = nullptr}),
            "CREATE TABLE `t` (`a` TEXT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci");
  EXPECT_EQ(to_mysql("CREATE TABLE t (a TEXT CHARACTER SET utf8mb4, b CHAR(3) CHARSET latin1)"),
            "CREATE TABLE `t` (`a` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, `b` CHAR(3) CHARSET latin1)");
  EXPECT_EQ(to_mysql("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4"),
            "ALTER TABLE `t` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
  EXPECT_EQ(to_mysql("CREATE TABLE t (a TEXT CHARACTER SET utf8 COLLATE utf8_bin)"),
            "CREATE TABLE `t` (`a` TEXT CHARACTER SET utf8mb3 COLLATE utf8mb3_bin)");
}

TEST(TranslateDdl, WritesOutWhatASchemaInheritsFromItsServer) {
  LoggedStatement statement = logged("CREATE DATABASE x");
  statement.server_collation = 45;
  EXPECT_THAT(*translate_ddl(statement, kToMysql),
              ElementsAre("CREATE DATABASE `x` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"));
  statement.server_collation = 255;
  EXPECT_THAT(*translate_ddl(statement, kToMariadb),
              ElementsAre("CREATE DATABASE `x` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci"));
  EXPECT_EQ(to_mysql("CREATE OR REPLACE DATABASE x COMMENT 'c'"), "DROP DATABASE IF EXISTS `x`; CREATE DATABASE `x`");
  EXPECT_EQ(to_mysql("ALTER DATABASE x COMMENT 'c'"), "");
  EXPECT_EQ(to_mariadb("ALTER DATABASE x READ ONLY = 1"), "");
}

TEST(TranslateDdl, GivesAUniqueKeyACollationThatFoldsNoMore) {
  EXPECT_EQ(
      to_mysql("CREATE TABLE t (a VARCHAR(9) UNIQUE, b VARCHAR(9)) COLLATE utf8mb4_general_nopad_ci"),
      "CREATE TABLE `t` (`a` VARCHAR(9) COLLATE utf8mb4_0900_bin UNIQUE, `b` VARCHAR(9)) COLLATE utf8mb4_0900_ai_ci");
  EXPECT_EQ(to_mariadb("CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_sv_0900_ai_ci, UNIQUE KEY k (a(3)))"),
            "CREATE TABLE `t` (`a` VARCHAR(9) COLLATE utf8mb4_nopad_bin, UNIQUE KEY `k` (`a`(3)))");
  EXPECT_EQ(to_mariadb("CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_sv_0900_ai_ci, KEY k (a))"),
            "CREATE TABLE `t` (`a` VARCHAR(9) COLLATE utf8mb4_uca1400_swedish_nopad_ai_ci, KEY `k` (`a`))");
}

TEST(TranslateDdl, PutsDefaultsInTheOtherMakesForm) {
  const auto column = [](const std::string& definition) {
    const std::string out = to_mysql("CREATE TABLE t (a " + definition + ")");
    if (out.starts_with("!")) return out;
    const std::string inside = out.substr(22, out.size() - 23);
    return inside.substr(0, inside.find_last_not_of(' ') + 1);
  };
  EXPECT_EQ(column("VARCHAR(36) DEFAULT uuid()"), "VARCHAR(36) DEFAULT (uuid())");
  EXPECT_EQ(column("TEXT DEFAULT 'x' NOT NULL"), "TEXT DEFAULT ('x') NOT NULL");
  EXPECT_EQ(column("TEXT DEFAULT NULL"), "TEXT DEFAULT NULL");
  EXPECT_EQ(column("JSON DEFAULT '{}'"), "JSON DEFAULT ('{}')");
  EXPECT_EQ(column("INT DEFAULT -1"), "INT DEFAULT -1");
  EXPECT_EQ(column("INT DEFAULT (1 + 1)"), "INT DEFAULT (1 + 1)");
  EXPECT_EQ(column("DATE DEFAULT current_date"), "DATE DEFAULT (current_date)");
  EXPECT_EQ(column("DATETIME DEFAULT now() ON UPDATE current_timestamp()"),
            "DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP");
  EXPECT_EQ(column("DATETIME(6) DEFAULT current_timestamp ON UPDATE now()"),
            "DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)");
  EXPECT_EQ(column("BIGINT DEFAULT NEXT VALUE FOR s").substr(0, 1), "!");
  EXPECT_EQ(column("VARCHAR(9) DEFAULT _utf8'x' COMMENT 'DEFAULT uuid()'"),
            "VARCHAR(9) DEFAULT _utf8mb3'x' COMMENT 'DEFAULT uuid()'");
}

TEST(TranslateDdl, MakesJsonOfWhatMariaDBPrintsForIt) {
  EXPECT_EQ(to_mysql("CREATE TABLE t (`j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK "
                     "(json_valid(`j`)))"),
            "CREATE TABLE `t` (`j` json DEFAULT NULL )");
  // Of another collation, or of another column, it is a text with a check.
  EXPECT_THAT(to_mysql("CREATE TABLE t (j LONGTEXT COLLATE utf8mb4_general_ci CHECK (json_valid(j)))"),
              HasSubstr("LONGTEXT"));
  EXPECT_THAT(to_mysql("CREATE TABLE t (j LONGTEXT COLLATE utf8mb4_bin CHECK (json_valid(k)))"),
              HasSubstr("json_valid(k)"));
}

TEST(TranslateDdl, QuotesNamesThatAreReservedOnTheOtherSide) {
  EXPECT_EQ(to_mysql("CREATE TABLE groups (rank INT, KEY lead (rank, `of`))"),
            "CREATE TABLE `groups` (`rank` INT, KEY `lead` (`rank`, `of`))");
  EXPECT_EQ(
      to_mysql(
          "ALTER TABLE t DROP rank, CHANGE lag lead INT AFTER of, RENAME COLUMN a TO window, RENAME KEY b TO system"),
      "ALTER TABLE `t` DROP `rank`, CHANGE `lag` `lead` INT AFTER `of`, RENAME COLUMN `a` TO `window`, RENAME KEY `b` "
      "TO `system`");
  EXPECT_EQ(
      to_mariadb(
          "CREATE TABLE t (a INT, CONSTRAINT offset FOREIGN KEY (a) REFERENCES x.returning (b) ON DELETE CASCADE)"),
      "CREATE TABLE `t` (`a` INT, CONSTRAINT `offset` FOREIGN KEY (`a`) REFERENCES `x`.`returning` (`b`) ON DELETE "
      "CASCADE)");
}

TEST(TranslateDdl, ReplacesByDroppingFirst) {
  EXPECT_EQ(to_mysql("CREATE OR REPLACE TABLE x.t (a INT)"),
            "DROP TABLE IF EXISTS `x`.`t`; CREATE TABLE `x`.`t` (`a` INT)");
  EXPECT_EQ(to_mysql("CREATE OR REPLACE PROCEDURE p() SELECT 1"),
            "DROP PROCEDURE IF EXISTS `p`; CREATE PROCEDURE `p`() SELECT 1");
  EXPECT_EQ(to_mysql("CREATE OR REPLACE VIEW v AS SELECT 1"), "CREATE OR REPLACE VIEW `v` AS SELECT 1");
}

TEST(TranslateDdl, ResolvesIfExistsByTheFollowersTable) {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.columns.resize(1);
  table.columns[0].name = "Here";
  table.keys.resize(1);
  table.keys[0].name = "k";
  const std::map<TableRef, TableDefinition> follower = {{table.name, table}};
  const DdlContext context{.schema_collation = "", .follower = &follower};
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD COLUMN IF NOT EXISTS here INT, ADD b INT", context),
            "ALTER TABLE `t` ADD `b` INT");
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT", context), "ALTER TABLE `t` ADD COLUMN `c` INT");
  EXPECT_EQ(to_mysql("ALTER TABLE t ADD COLUMN IF NOT EXISTS here INT", context), "");
  EXPECT_EQ(to_mysql("ALTER TABLE t DROP COLUMN IF EXISTS c, DROP KEY IF EXISTS k", context),
            "ALTER TABLE `t` DROP KEY `k`");
  EXPECT_EQ(to_mysql("ALTER TABLE IF EXISTS u ADD a INT", context), "");
  EXPECT_EQ(to_mysql("ALTER TABLE IF EXISTS t ADD a INT", context), "ALTER TABLE `t` ADD `a` INT");
  EXPECT_EQ(to_mysql("CREATE OR REPLACE INDEX k ON t (here)", context),
            "DROP INDEX `k` ON `app`.`t`; CREATE INDEX `k` ON `t` (`here`)");
  EXPECT_EQ(to_mysql("DROP INDEX IF EXISTS l ON t", context), "");
  for (const char* sql : {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT", "ALTER TABLE IF EXISTS t ADD a INT",
                          "DROP INDEX IF EXISTS k ON t"})
    EXPECT_THAT(to_mysql(sql), HasSubstr("IF")) << sql;
  // MariaDB has them itself.
  EXPECT_EQ(to_mariadb("DROP TABLE IF EXISTS t"), "DROP TABLE IF EXISTS `t`");
}

TEST(TranslateDdl, RefusesWhatHasNoCounterpartAndNamesNoLiteral) {
  for (const char* sql :
       {"CREATE TABLE t (a UUID DEFAULT 'secret')", "CREATE TABLE t (a INET6)", "CREATE TABLE t (a TEXT COMPRESSED)",
        "CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "ALTER TABLE t ADD SYSTEM VERSIONING", "CREATE SEQUENCE s",
        "ALTER IGNORE TABLE t ADD UNIQUE (a)", "CREATE TABLE t (a INT) ENGINE=CONNECT",
        "ALTER TABLE t ADD PERIOD FOR p (a, b)", "CREATE AGGREGATE FUNCTION f(a INT) RETURNS INT RETURN 1",
        "ALTER TABLE t CONVERT PARTITION p TO TABLE u"}) {
    const auto statements = translate_ddl(logged(sql), kToMysql);
    EXPECT_TRUE(absl::IsUnimplemented(statements.status())) << sql;
    EXPECT_THAT(std::string(statements.status().message()), Not(HasSubstr("secret")));
  }
  for (const char* sql :
       {"CREATE TABLE t (a VECTOR(3))", "CREATE INDEX i ON t ((a + 1))", "ALTER TABLE t ALTER CHECK c NOT ENFORCED",
        "CREATE TABLE t (a CHAR(3) CHARACTER SET gb18030)", "ALTER TABLE t DISCARD TABLESPACE"})
    EXPECT_TRUE(absl::IsUnimplemented(translate_ddl(logged(sql), kToMariadb).status())) << sql;
}

TEST(TranslateDdl, SaysNothingOfWhatIsNotForTheFollower) {
  for (const char* sql :
       {"ANALYZE TABLE t", "GRANT ALL ON *.* TO a", "CREATE TEMPORARY TABLE t (a INT)", "DROP SEQUENCE s"})
    EXPECT_EQ(to_mysql(sql), "") << sql;
  for (const char* sql : {"INSERT INTO t VALUES (1)", "nonsense"})
    EXPECT_TRUE(absl::IsInvalidArgument(translate_ddl(logged(sql), kToMysql).status())) << sql;
}

TEST(TranslateDdl, LeavesTheLeadersMakeOutOfComments) {
  EXPECT_EQ(to_mysql("CREATE TABLE t (a INT /*M! COMMENT 'x' */) /*!50100 PARTITION BY KEY (a) */ /*!80000 NO */"),
            "CREATE TABLE `t` (`a` INT COMMENT 'x' ) PARTITION BY KEY (a)");
  EXPECT_EQ(to_mariadb("CREATE TABLE t (a INT /*M! COMMENT 'x' */) /*!80016 COMMENT='y' */"),
            "CREATE TABLE `t` (`a` INT ) COMMENT='y'");
}

TEST(TranslateDdl, LeavesOutAnIntroducerThatMariaDBCannotReadAgain) {
  EXPECT_EQ(to_mariadb(R"(CREATE TABLE t (a TEXT AS (concat(b, _utf8mb4'it\'s', _utf8mb4'x'))))"),
            R"(CREATE TABLE `t` (`a` TEXT AS (concat(b, 'it\'s', _utf8mb4'x'))))");
  EXPECT_EQ(to_mariadb(R"(CREATE VIEW v AS SELECT _utf8mb4'x\\y')"), R"(CREATE VIEW `v` AS SELECT 'x\\y')");
  LoggedStatement statement = logged("CREATE VIEW v AS SELECT _utf8mb4'it''s'");
  statement.connection_collation = 8;  // latin1: there the text would be another
  EXPECT_THAT(*translate_ddl(statement, kToMariadb), ElementsAre("CREATE VIEW `v` AS SELECT _utf8mb4'it''s'"));
}

TEST(TranslateDdl, KeepsTheDefinerOfAView) {
  EXPECT_EQ(to_mysql("CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW v AS SELECT 1"),
            "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW `v` AS SELECT 1");
}

// A text of `count` times a piece, behind a beginning.
std::string repeated(std::string text, std::string_view piece, int count) {
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

// Processor time, so that it does not hang on what else runs: four times the text may take ten times as long, where
// quadratic work would take sixteen times.
TEST(TranslateDdl, TakesTimeInProportionToTheText) {
  struct Case {
    const char* begin;
    const char* piece;
    int count;
  };
  const Case cases[] = {{"ALTER TABLE t ADD COLUMN (", "((((", 60'000},
                        {"CREATE TABLE t (", "a b,", 60'000},
                        {"ALTER TABLE t ", "RENAME,", 40'000},
                        {"CREATE TABLE t (a INT", " UNIQUE (", 25'000},
                        {"DROP TABLE ", ".", 125'000}};
  const auto ticks = [](const std::string& sql, ServerMakes makes) {
    const std::clock_t started = std::clock();
    (void)translate_ddl(logged(sql), makes);
    return std::clock() - started;
  };
  constexpr std::clock_t kTooShortToTell = CLOCKS_PER_SEC / 50;
  for (const Case& each : cases) {
    const std::string once = repeated(each.begin, each.piece, each.count);
    const std::string four_times = repeated(each.begin, each.piece, 4 * each.count);
    for (const ServerMakes makes : {kToMysql, kToMariadb}) {
      EXPECT_LT(ticks(four_times, makes), 10 * std::max(ticks(once, makes), kTooShortToTell)) << each.piece;
    }
  }
}

TEST(FollowerSession, CarriesModesWithoutThoseThatTheFollowerDoesNotKnow) {
  LoggedStatement statement = logged("");
  statement.sql_mode =
      4 | (1u << 28) | (std::uint64_t{1} << 34);  // ANSI_QUOTES, NO_AUTO_CREATE_USER, TIME_ROUND_FRACTIONAL
  statement.no_foreign_key_checks = true;
  statement.explicit_defaults_for_timestamp = false;
  statement.server_collation = 2304;  // utf8mb4_uca1400_ai_ci
  EXPECT_THAT(
      follower_session(statement, kToMysql),
      ElementsAre(
          "SET /*!80400 restrict_fk_on_non_standard_key=0,*/ sql_mode='ANSI_QUOTES',foreign_key_checks=0,"
          "explicit_defaults_for_timestamp=0,character_set_client=utf8mb4,collation_connection=utf8mb4_general_ci,"
          "collation_server=utf8mb4_0900_ai_ci"));
  statement.sql_mode = std::uint64_t{1} << 32;
  EXPECT_THAT(follower_session(statement, kToMariadb)[0], HasSubstr("sql_mode=''"));
  EXPECT_EQ(sql_mode_text(std::uint64_t{1} << 32, true), "EMPTY_STRING_IS_NULL");
  EXPECT_EQ(sql_mode_text(std::uint64_t{1} << 32, false), "TIME_TRUNCATE_FRACTIONAL");
}

}  // namespace
}  // namespace crossfade::dualwrite
