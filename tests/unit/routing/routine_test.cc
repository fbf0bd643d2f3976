#include "routing/routine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "routing/routine_parts.h"

namespace crossfade::routing {
namespace {

using testing::HasSubstr;

constexpr LexerMode kMariadb{};
constexpr LexerMode kMysql{.mariadb = false, .server_version = 90704};

RoutineVerdict judge(const std::string& body, const LexerMode& mode = kMariadb, const std::string& parameters = "") {
  return judge_routine({.create = "CREATE DEFINER=`root`@`localhost` PROCEDURE `p`(" + parameters + ")\n" + body,
                        .sql_mode = "",
                        .character_set_client = "utf8mb4"},
                       mode);
}

TEST(Routine, WhatOnlyReadsIsAccepted) {
  for (const std::string body : {
           "SELECT 1",
           "SELECT 1;",
           "BEGIN END",
           "BEGIN SELECT * FROM t; SELECT COUNT(*) FROM t WHERE id = 1; END",
           "BEGIN SELECT 1; (SELECT 2) UNION (SELECT 3); WITH x AS (SELECT 1) SELECT * FROM x; VALUES (1); TABLE t; "
           "END",
           "BEGIN DECLARE n INT DEFAULT 0; SELECT COUNT(*) INTO n FROM t; SET n = n + 1; SELECT n; END",
           "BEGIN DECLARE a, b DECIMAL(10, 2) DEFAULT (1); DECLARE e ENUM('x', 'y'); SET a = 1, b := a * 2; END",
           "BEGIN SELECT id, v INTO @x, @y FROM t LIMIT 1; SET @z = CONCAT(@x, ','), @w = NOW(); END",
           "BEGIN IF 1 > 0 THEN SELECT 1; ELSEIF (2) THEN SELECT 2; SELECT 3; ELSE BEGIN END; END IF; END",
           "IF EXISTS (SELECT 1 FROM t) THEN SELECT 1; END IF",
           "IF CASE WHEN 1 THEN 2 END THEN SELECT 1; END IF",
           "BEGIN CASE @x WHEN 1 THEN SELECT 1; WHEN (2) THEN SELECT 2; ELSE SELECT 3; END CASE; END",
           "CASE WHEN @x > 1 THEN SELECT CASE WHEN 1 THEN 2 ELSE 3 END; END CASE",
           "BEGIN DECLARE i INT DEFAULT 0; w: WHILE i < 3 DO SET i = i + 1; ITERATE w; END WHILE w; END",
           "BEGIN DECLARE i INT DEFAULT 0; REPEAT SET i = i + 1; UNTIL (i > 3) END REPEAT; END",
           "BEGIN l: LOOP LEAVE l; END LOOP; LOOP SELECT 1; END LOOP; END",
           "`begin`: BEGIN SELECT 1; LEAVE `begin`; END `begin`",
           "begin: BEGIN END begin",
           "until: LOOP LEAVE until; END LOOP until",
           "BEGIN SELECT `delete`, `t`.delete, `update t set x=1` FROM `insert`; END",
           "BEGIN SELECT 'DELETE FROM t; COMMIT' AS `;`, \"END; DROP TABLE t\" /* DELETE; */ -- DELETE;\n; END",
           "BEGIN SELECT REPLACE(v, 'a', 'b'), INSERT(v, 1, 1, 'x'), TRUNCATE(1.5, 0) FROM t; END",
           "BEGIN SELECT * FROM t WHERE id = 1 FOR UPDATE; SELECT * FROM t LOCK IN SHARE MODE; END",
           "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT; RESIGNAL; "
           "END; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
           "BEGIN DECLARE gone CONDITION FOR 1146; DECLARE CONTINUE HANDLER FOR gone, NOT FOUND, SQLWARNING, SQLSTATE "
           "VALUE '42S02', 1305 SET @x = 1; SELECT 1; END",
           "BEGIN DECLARE done INT; DECLARE x INT; DECLARE c CURSOR FOR SELECT id FROM t FOR UPDATE; DECLARE CONTINUE "
           "HANDLER FOR NOT FOUND SET done = 1; OPEN c; l: LOOP FETCH NEXT FROM c INTO x; FETCH c INTO x; IF done THEN "
           "LEAVE l; END IF; END LOOP; CLOSE c; END",
           "BEGIN SHOW TABLES; SHOW WARNINGS; DESCRIBE t; EXPLAIN SELECT 1; DO SLEEP(0); END",
           "BEGIN DECLARE autocommit INT; SET autocommit = 0; BEGIN SET autocommit = 1; END; END",
       }) {
    EXPECT_EQ(judge(body).refusal, "") << body;
    EXPECT_EQ(judge(body, kMysql).refusal, "") << body;
  }
}

TEST(Routine, WhatWritesOrMayWriteIsRefused) {
  for (const std::string statement : {
           "INSERT INTO t VALUES (1)",
           "REPLACE INTO t VALUES (1)",
           "UPDATE t SET v = 1",
           "DELETE FROM t",
           "DELETE t FROM t JOIN u",
           "TRUNCATE t",
           "TRUNCATE TABLE t",
           "CREATE TABLE x (id INT)",
           "CREATE TEMPORARY TABLE x (id INT)",
           "DROP TEMPORARY TABLE x",
           "DROP TABLE t",
           "ALTER TABLE t ADD x INT",
           "RENAME TABLE t TO u",
           "CREATE INDEX i ON t (v)",
           "COMMIT",
           "ROLLBACK",
           "START TRANSACTION",
           "SAVEPOINT s",
           "ROLLBACK TO s",
           "RELEASE SAVEPOINT s",
           "XA START 'x'",
           "LOCK TABLES t READ",
           "UNLOCK TABLES",
           "PREPARE s FROM 'SELECT 1'",
           "EXECUTE s",
           "EXECUTE IMMEDIATE 'SELECT 1'",
           "DEALLOCATE PREPARE s",
           "LOAD DATA INFILE 'x' INTO TABLE t",
           "HANDLER t OPEN",
           "GRANT ALL ON *.* TO x",
           "CREATE USER x",
           "SET PASSWORD = 'x'",
           "SET ROLE r",
           "SET autocommit = 0",
           "SET @@autocommit = 0",
           "SET SESSION sql_mode = ''",
           "SET GLOBAL max_connections = 1",
           "SET PERSIST max_connections = 1",
           "SET NAMES utf8mb4",
           "SET CHARACTER SET utf8mb4",
           "SET TRANSACTION READ ONLY",
           "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
           "SET DEFAULT ROLE r",
           "SET @x = 1, autocommit = 0",
           "SET @x = 1, GLOBAL max_connections = 1",
           "SET last_insert_id = 5",
           "SET @x = (SELECT f(1))",
           "SET @x = f(1)",
           "ANALYZE TABLE t",
           "OPTIMIZE TABLE t",
           "CHECK TABLE t",
           "REPAIR TABLE t",
           "FLUSH TABLES",
           "KILL 1",
           "RESET QUERY CACHE",
           "INSTALL PLUGIN x SONAME 'y'",
           "BINLOG 'x'",
           "CHECKSUM TABLE t",
           "USE app",
           "SELECT f(1)",
           "SELECT app.f(1)",
           "SELECT `sha1`(1)",
           "SELECT app.sha1(1)",
           "SELECT COUNT (1)",
           "DO f(1)",
           "SELECT 1 INTO OUTFILE 'x'",
           "SELECT v FROM t INTO DUMPFILE 'x'",
           "SELECT v into\n/* x */ outfile 'x' FROM t",
           "WITH x AS (SELECT 1) DELETE FROM t",
           "WITH x AS (SELECT 1) UPDATE t SET v = 1",
           "ANALYZE UPDATE t SET v = 1",
           "EXPLAIN ANALYZE DELETE FROM t",
           "RETURN 1",
           "RETURN f(1)",
           "NONSENSE",
           "IF f(1) THEN SELECT 1; END IF",
           "IF 1 THEN DELETE FROM t; END IF",
           "IF 1 THEN SELECT 1; ELSEIF f(1) THEN SELECT 1; END IF",
           "IF 1 THEN SELECT 1; ELSE DELETE FROM t; END IF",
           "CASE f(1) WHEN 1 THEN SELECT 1; END CASE",
           "CASE 1 WHEN f(1) THEN SELECT 1; END CASE",
           "CASE WHEN 1 THEN DELETE FROM t; END CASE",
           "CASE WHEN 1 THEN SELECT 1; ELSE DELETE FROM t; END CASE",
           "WHILE f(1) DO SELECT 1; END WHILE",
           "WHILE 1 DO DELETE FROM t; END WHILE",
           "REPEAT SELECT 1; UNTIL f(1) END REPEAT",
           "REPEAT DELETE FROM t; UNTIL 1 END REPEAT",
           "LOOP DELETE FROM t; END LOOP",
           "x: LOOP DELETE FROM t; END LOOP x",
           "BEGIN DELETE FROM t; END",
           "BEGIN DECLARE x INT DEFAULT f(1); END",
           "BEGIN DECLARE c CURSOR FOR SELECT f(id) FROM t; END",
           "BEGIN DECLARE c CURSOR FOR s; END",
           "BEGIN DECLARE c CURSOR FOR SELECT 1 INTO @x; END",
           "BEGIN DECLARE EXIT HANDLER FOR NOT FOUND DELETE FROM t; END",
           "BEGIN DECLARE EXIT HANDLER FOR NOT FOUND BEGIN DELETE FROM t; END; END",
           "BEGIN DECLARE EXIT HANDLER FOR DELETE DELETE FROM t; END",
           "FOR i IN 1..3 DO DELETE FROM t; END FOR",
           "CALL q(f(1))",
           "CALL",
           "/*! DELETE FROM t */",
           "SELECT 1 /*M! , f(1) */",
           "SELECT 1 /*!99999 x */",
       }) {
    for (const LexerMode& mode : {kMariadb, kMysql}) {
      EXPECT_NE(judge(statement, mode).refusal, "") << statement;
      EXPECT_NE(judge("BEGIN SELECT 1; " + statement + "; SELECT 2; END", mode).refusal, "") << statement;
      EXPECT_NE(judge("BEGIN IF 0 THEN " + statement + "; END IF; END", mode).refusal, "") << statement;
    }
  }
}

TEST(Routine, SequencesAreWrites) {
  EXPECT_NE(judge("SELECT NEXTVAL(s)").refusal, "");
  EXPECT_NE(judge("SELECT NEXT VALUE FOR s").refusal, "");
  EXPECT_NE(judge("SELECT SETVAL(s, 1)").refusal, "");
  EXPECT_EQ(judge("SELECT LASTVAL(s)").refusal, "");
}

TEST(Routine, NamesThatCouldBeTakenForStructureAreRefused) {
  // WHILE do DO DELETE FROM t: the first DO is the variable.
  EXPECT_NE(judge("BEGIN DECLARE `do` INT; WHILE do DO SELECT 1; END WHILE; END").refusal, "");
  EXPECT_NE(judge("WHILE do DO DELETE FROM t; END WHILE", kMysql, "IN do INT").refusal, "");
  EXPECT_NE(judge("BEGIN DECLARE `End` INT; END").refusal, "");
  EXPECT_NE(judge("REPEAT SELECT 1; UNTIL end END REPEAT", kMysql, "`end` INT").refusal, "");
  // Not declared, so no variable: the statement behind it would be taken for an expression.
  EXPECT_NE(judge("WHILE @x = do DO DELETE FROM t; END WHILE").refusal, "");
  EXPECT_NE(judge("REPEAT SELECT 1; UNTIL @x = end END REPEAT").refusal, "");
  // A field's name is no structure.
  EXPECT_EQ(judge("BEGIN DECLARE r ROW(end INT, `do` INT); WHILE r.do DO SET r.end = 1; END WHILE; END").refusal, "");
}

TEST(Routine, ASetIsOfAVariableInSightOrRefused) {
  EXPECT_EQ(judge("SET a = 1", kMariadb, "OUT a INT").refusal, "");
  EXPECT_EQ(judge("SET `A` = 1", kMariadb, "INOUT a VARCHAR(10) CHARACTER SET latin1, b INT").refusal, "");
  EXPECT_NE(judge("SET c = 1", kMariadb, "OUT a INT, b INT").refusal, "");
  EXPECT_NE(judge("BEGIN BEGIN DECLARE sql_mode INT; SET sql_mode = 1; END; SET sql_mode = ''; END").refusal, "");
  EXPECT_NE(judge("BEGIN DECLARE sql_mode CURSOR FOR SELECT 1; SET sql_mode = ''; END").refusal, "");
  EXPECT_NE(judge("BEGIN DECLARE password INT; SET password = 'x'; END").refusal, "");
  EXPECT_NE(judge("BEGIN DECLARE x INT; SET x.key_buffer_size = 1; END", kMysql).refusal, "");
}

TEST(Routine, AParameterMayNotHaveADefault) {
  EXPECT_NE(judge("SELECT 1", kMariadb, "a INT DEFAULT f(1)").refusal, "");
  EXPECT_EQ(
      judge("SELECT 1", kMariadb, "IN a ENUM('x, y', ')'), OUT b DECIMAL(5, 2) UNSIGNED, c TYPE OF t.default").refusal,
      "");
}

TEST(Routine, TheHeadIsReadInAllItsForms) {
  const auto verdict = [](const std::string& create, const LexerMode& mode = kMariadb) {
    return judge_routine({.create = create, .sql_mode = "", .character_set_client = "utf8mb4"}, mode).refusal;
  };
  EXPECT_EQ(verdict("CREATE PROCEDURE p() SELECT 1"), "");
  EXPECT_EQ(verdict("CREATE OR REPLACE DEFINER=root@localhost PROCEDURE app.p (a INT)\n    READS SQL DATA\n"
                    "    DETERMINISTIC\n    SQL SECURITY INVOKER\n    COMMENT 'DELETE; it''s \\\\'\nSELECT 1"),
            "");
  EXPECT_EQ(verdict("CREATE DEFINER=\"r\"\"o\"@\"%\" PROCEDURE \"p\"()\n    MODIFIES SQL DATA\nSELECT \"id\" FROM t",
                    {.ansi_quotes = true}),
            "");
  EXPECT_EQ(verdict("CREATE DEFINER=`role` PROCEDURE `p`()\n    NO SQL\n    NOT DETERMINISTIC\nSELECT 1"), "");
  EXPECT_NE(verdict("CREATE PROCEDURE p() LANGUAGE JAVASCRIPT AS $$ SELECT 1 $$", kMysql), "");
  EXPECT_NE(verdict("CREATE FUNCTION p() RETURNS INT RETURN 1"), "");
  EXPECT_NE(verdict("CREATE PROCEDURE p() COMMENT 'x' DELETE FROM t"), "");
  EXPECT_NE(verdict("CREATE PROCEDURE p()"), "");
  EXPECT_NE(verdict(""), "");
}

TEST(Routine, TheSqlModeDecidesHowItIsRead) {
  // Under ANSI_QUOTES the quotes hold a name, and the string begins with the apostrophe.
  const std::string quotes = "BEGIN SELECT \"'; DELETE FROM t; -- \"; SELECT '\"'; END";
  EXPECT_EQ(judge(quotes).refusal, "");
  EXPECT_EQ(judge(quotes, {.ansi_quotes = true}).refusal, "");
  const std::string backslash = "BEGIN SELECT '\\'; DELETE FROM t; -- '; END";
  EXPECT_NE(judge(backslash, {.no_backslash_escapes = true}).refusal, "");
  EXPECT_NE(judge("SELECT COUNT (1)").refusal, "");
  EXPECT_EQ(judge("SELECT COUNT (1)", {.ignore_space = true}).refusal, "");
  RoutineDefinition oracle{.create = "CREATE PROCEDURE p() SELECT 1",
                           .sql_mode = "PIPES_AS_CONCAT,ORACLE",
                           .character_set_client = "utf8mb4"};
  EXPECT_THAT(judge_routine(oracle, kMariadb).refusal, HasSubstr("ORACLE"));
}

TEST(Routine, OtherThanAsciiIsReadWhereItsCharacterSetIsKnown) {
  RoutineDefinition definition{
      .create = "CREATE PROCEDURE p() SELECT 'h\xc3\xa9'", .sql_mode = "", .character_set_client = "latin1"};
  EXPECT_EQ(judge_routine(definition, kMariadb).refusal, "");
  definition.character_set_client = "utf8mb3";
  EXPECT_EQ(judge_routine(definition, kMariadb).refusal, "");
  definition.character_set_client = "gbk";
  EXPECT_THAT(judge_routine(definition, kMariadb).refusal, HasSubstr("gbk"));
  definition.create = "CREATE PROCEDURE p() SELECT 1";
  EXPECT_EQ(judge_routine(definition, kMariadb).refusal, "");
  definition = {.create = "CREATE PROCEDURE p() SELECT 1 INTO\xc2\xa0OUTFILE 'x'",
                .sql_mode = "",
                .character_set_client = "latin1"};
  EXPECT_THAT(judge_routine(definition, kMariadb).refusal, HasSubstr("latin1"));
}

TEST(Routine, TheRefusalNamesTheLineAndNoLiteral) {
  const std::string refusal = judge("BEGIN\n  SELECT 'secret';\n  DELETE FROM t WHERE v = 'secret';\nEND").refusal;
  EXPECT_EQ(refusal, "line 4 of its definition is a statement of the kind 'delete'");
  EXPECT_THAT(judge("BEGIN\n SET sql_mode = 'secret';\nEND").refusal,
              HasSubstr("line 3 of its definition sets something"));
}

TEST(Routine, WhatItLeavesInTheSessionIsTold) {
  EXPECT_FALSE(judge("SELECT 1").facts.has(Fact::assigns_user_variable));
  for (const char* body :
       {"SET @x = 1", "SELECT 1 INTO @x", "SELECT @x := 1", "IF @x := 1 THEN SELECT 1; END IF", "CALL q(@x)",
        "GET DIAGNOSTICS @x = NUMBER", "BEGIN DECLARE c CURSOR FOR SELECT 1; FETCH c INTO @x; END"}) {
    EXPECT_TRUE(judge(body).facts.has(Fact::assigns_user_variable)) << body;
  }
  EXPECT_TRUE(judge("SELECT LAST_INSERT_ID(5)").facts.has(Fact::sets_last_insert_id));
  EXPECT_TRUE(judge("SELECT @@identity").facts.has(Fact::last_insert_id));
  EXPECT_TRUE(judge("SELECT 1 FROM t FOR UPDATE").facts.has(Fact::locks_rows));
  EXPECT_EQ(judge("DO GET_LOCK('x', 1)").user_locks, UserLocks::takes);
  EXPECT_EQ(judge("DO RELEASE_ALL_LOCKS()").user_locks, UserLocks::leaves);
}

TEST(Routine, ItsCallsAreNamed) {
  const RoutineVerdict verdict = judge("BEGIN CALL q; CALL `other`.r(1, (SELECT 2)); END");
  EXPECT_EQ(verdict.refusal, "");
  EXPECT_EQ(verdict.calls, (std::vector<TableName>{{"", "q"}, {"other", "r"}}));
  std::string many = "BEGIN ";
  for (int i = 0; i < 64; ++i) many += "CALL q; ";
  EXPECT_EQ(judge(many + "END").refusal, "");
  EXPECT_NE(judge(many + "CALL q; END").refusal, "");
}

TEST(Routine, AHandlerForMoreThanNotFoundCatchesErrors) {
  const auto catches = [](const std::string& conditions) {
    return judge("BEGIN DECLARE CONTINUE HANDLER FOR " + conditions + " SET @x = 1; END").catches_errors;
  };
  EXPECT_FALSE(catches("NOT FOUND"));
  EXPECT_FALSE(catches("SQLWARNING, SQLSTATE '02000', SQLSTATE VALUE \"01000\""));
  EXPECT_TRUE(catches("SQLEXCEPTION"));
  EXPECT_TRUE(catches("NOT FOUND, 1213"));
  EXPECT_TRUE(catches("SQLSTATE '40001'"));
  EXPECT_TRUE(catches("named"));
}

TEST(Routine, AskingForWhatWasBeforeTheCallIsTold) {
  const auto asks = [](const std::string& body) { return judge(body).asks_what_was_before; };
  EXPECT_TRUE(asks("SELECT FOUND_ROWS()"));
  EXPECT_TRUE(asks("SHOW WARNINGS"));
  EXPECT_TRUE(asks("BEGIN SELECT 1; SELECT @@warning_count; END"));
  EXPECT_TRUE(asks("BEGIN IF @x THEN SELECT 1 FROM t; END IF; SELECT FOUND_ROWS(); END"));
  EXPECT_TRUE(asks("BEGIN l: BEGIN LEAVE l; SELECT 1 FROM t; END; SELECT FOUND_ROWS(); END"));
  EXPECT_TRUE(asks("BEGIN WHILE @x DO SELECT 1 FROM t; END WHILE; GET DIAGNOSTICS @n = NUMBER; END"));
  EXPECT_FALSE(asks("BEGIN SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1; SELECT FOUND_ROWS(); END"));
  EXPECT_FALSE(asks("p: BEGIN IF @x THEN LEAVE p; END IF; SELECT id FROM t; SELECT FOUND_ROWS(); END p"));
  EXPECT_FALSE(
      asks("BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN GET DIAGNOSTICS @n = NUMBER; SHOW WARNINGS; END; END"));
  EXPECT_TRUE(asks("SELECT ROW_COUNT()"));
  EXPECT_TRUE(asks("BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION GET DIAGNOSTICS @n = row_count; END"));
  EXPECT_FALSE(asks("BEGIN SELECT v FROM t; SELECT ROW_COUNT(); END"));
}

TEST(Routine, WhatIsLargerThanIsLookedAtIsRefused) {
  const std::string head = "CREATE PROCEDURE p() ";
  const auto padded = [&head](std::size_t bytes) {
    RoutineDefinition definition{.create = head + "SELECT 1 ", .sql_mode = "", .character_set_client = "utf8mb4"};
    definition.create.resize(bytes, ' ');
    return judge_routine(definition, kMariadb).refusal;
  };
  EXPECT_EQ(padded(kRoutineBytesMax), "");
  EXPECT_NE(padded(kRoutineBytesMax + 1), "");
  const auto nested = [](std::size_t depth) {
    std::string body;
    for (std::size_t i = 0; i < depth; ++i) body += "BEGIN ";
    for (std::size_t i = 0; i < depth; ++i) body += i + 1 < depth ? "END; " : "END";
    return judge(body).refusal;
  };
  EXPECT_EQ(nested(64), "");
  EXPECT_NE(nested(65), "");
  const auto pieces = [](std::size_t count) {
    std::string body = "BEGIN ";
    for (std::size_t i = 0; i < count; ++i) body += "DO 1;";
    return judge(body + "END").refusal;
  };
  EXPECT_EQ(pieces(4096), "");
  EXPECT_NE(pieces(4097), "");
  const auto names = [](std::size_t count) {
    std::string list = "a";
    for (std::size_t i = 1; i < count; ++i) list += ",a" + std::to_string(i);
    return judge("BEGIN DECLARE " + list + " INT; END").refusal;
  };
  EXPECT_EQ(names(1024), "");
  EXPECT_NE(names(1025), "");
}

TEST(Routine, WhatIsCutOffAnywhereIsRefused) {
  const std::string whole =
      "CREATE PROCEDURE p(a INT) BEGIN DECLARE x INT DEFAULT 1; IF a THEN SELECT 'x'; END IF; SELECT 1; END";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    RoutineDefinition definition{.create = whole.substr(0, size), .sql_mode = "", .character_set_client = "utf8mb4"};
    EXPECT_NE(judge_routine(definition, kMariadb).refusal, "") << definition.create;
  }
}

TEST(Routine, MergingKeepsWhatEitherDoes) {
  RoutineVerdict both = judge("SELECT 1");
  merge(both, judge("BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; SHOW WARNINGS; SELECT GET_LOCK('x', 1) "
                    "FROM t INTO @x; END"));
  EXPECT_TRUE(both.catches_errors && both.asks_what_was_before && both.reads_tables);
  EXPECT_TRUE(both.facts.has(Fact::assigns_user_variable));
  EXPECT_EQ(both.user_locks, UserLocks::takes);
}

}  // namespace
}  // namespace crossfade::routing
