// Which semicolons belong to a statement that holds statements.
#include "routing/compound.h"

#include <gtest/gtest.h>

#include <string>

#include "routing/classify.h"
#include "routing/split.h"

namespace crossfade::routing {
namespace {

// What is behind it is another statement, wherever the texts end; to a classifier, too.
void expect_one(const std::string& statement) {
  const FirstStatement alone = first_statement(statement, {});
  EXPECT_EQ(alone.statement, statement);
  EXPECT_TRUE(alone.rest.empty());
  EXPECT_FALSE(classify(statement, {}).facts.has(Fact::multi_statement)) << statement;
  const std::string two = statement + "; DROP TABLE x";
  const FirstStatement first = first_statement(two, {});
  EXPECT_EQ(first.statement, statement);
  EXPECT_EQ(first.rest, "DROP TABLE x");
  EXPECT_TRUE(classify(two, {}).facts.has(Fact::multi_statement)) << two;
}

TEST(Compound, BodiesOfOneStatementThatHoldsOthers) {
  for (const char* body :
       {"IF NEW.a < 0 THEN SET NEW.a = 0; END IF",
        "IF (NEW.a < 0) THEN SET NEW.a = 0; ELSEIF 1 THEN DO 1; ELSE DO 2; END IF",
        "CASE NEW.a WHEN 1 THEN SET @a = 1; ELSE BEGIN END; END CASE", "BEGIN SET NEW.end = NOW(); SET NEW.x = 1; END",
        "BEGIN END", "label: BEGIN SET @a = 1; LEAVE label; END label", "`l`: LOOP LEAVE `l`; END LOOP `l`",
        "BEGIN IF a THEN DO 1; END IF; WHILE a DO DO 1; END WHILE; REPEAT DO 1; UNTIL a END REPEAT; DO 1; END",
        "BEGIN SET @a = CASE WHEN NEW.end THEN 1 WHEN end > 1 THEN 2 ELSE 3 END; SET @b = IF(1, REPEAT('a', 2), 3); "
        "END",
        "BEGIN SET @a = CASE CASE 1 WHEN 1 THEN 2 END WHEN 2 THEN 3 END + 1; DO 1; END",
        "BEGIN SELECT begin, `end`, t.case FROM t INTO @a, @b, @c; INSERT INTO x VALUES (1); END",
        "BEGIN REPEAT SET @a = CASE 1 WHEN 1 THEN 2 END; UNTIL CASE 1 WHEN 1 THEN 2 END END REPEAT; END",
        "BEGIN DECLARE done INT; DECLARE c CURSOR FOR SELECT a FROM t; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done "
        "= 1; "
        "DECLARE EXIT HANDLER FOR SQLSTATE VALUE '23000', 1062, SQLWARNING BEGIN ROLLBACK; END; OPEN c; END",
        "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION IF 1 THEN DO 1; END IF; DO 1; END", "SET NEW.a = 1",
        "INSERT INTO begin VALUES (IF(1, 2, 3))", "CALL p(1)"}) {
    for (const char* head :
         {"CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW ",
          "CREATE TRIGGER b AFTER DELETE ON t FOR EACH ROW FOLLOWS begin ",
          "CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY STARTS NOW() + INTERVAL 1 DAY COMMENT 'do' DO ",
          "ALTER EVENT e ON COMPLETION PRESERVE DO ", "CREATE DEFINER=`root`@`%` PROCEDURE begin() ",
          "CREATE DEFINER = event@localhost PROCEDURE IF NOT EXISTS if.p(IN begin INT, OUT x ENUM('a')) ",
          "CREATE OR REPLACE PROCEDURE p(a CHAR(3) CHARACTER SET utf8mb4) COMMENT 'begin' SQL SECURITY INVOKER "}) {
      expect_one(std::string(head) + body);
    }
  }
}

TEST(Compound, Functions) {
  expect_one(
      "CREATE FUNCTION f(a INT) RETURNS ENUM('a','b') CHARACTER SET utf8mb4 DETERMINISTIC IF a THEN RETURN 'a'; END "
      "IF");
  expect_one("CREATE FUNCTION f() RETURNS INT NO SQL BEGIN RETURN CASE 1 WHEN 1 THEN 2 END; END");
  expect_one("CREATE FUNCTION f(a INT) RETURNS INT RETURN CASE a WHEN 1 THEN 2 END");
  expect_one("CREATE FUNCTION f RETURNS INTEGER SONAME 'begin.so'");
}

TEST(Compound, MariadbsProgramsOfTheirOwn) {
  expect_one("BEGIN NOT ATOMIC SET @a = 1; DO 1; END");
  expect_one("IF 1 THEN DO 1; ELSE DO 2; END IF");
  expect_one("l: WHILE @a < 3 DO SET @a = @a + 1; END WHILE l");
  expect_one("FOR i IN 1..3 DO INSERT INTO t VALUES (i); END FOR");
  expect_one("FOR r IN (SELECT a FROM t) DO INSERT INTO u VALUES (r.a); END FOR");
  expect_one("REPEAT SET @a = 1; UNTIL 1 END REPEAT");
  expect_one("CASE 1 WHEN 1 THEN DO 1; END CASE");
}

TEST(Compound, OraclesMode) {
  expect_one("CREATE PROCEDURE p AS x INT := 1; CURSOR c IS SELECT 1; BEGIN NULL; END");
  expect_one("CREATE OR REPLACE FUNCTION f(a INT) RETURN INT IS BEGIN <<l>> LOOP EXIT l; END LOOP; RETURN 1; END");
  expect_one(
      "CREATE PROCEDURE p(a INT) AS BEGIN WHILE a LOOP a := 1; END LOOP; EXCEPTION WHEN OTHERS THEN a := 2; b := 3; "
      "END");
  expect_one("CREATE PACKAGE k AS PROCEDURE p(a INT); FUNCTION f RETURN INT; END");
  expect_one("CREATE PACKAGE BODY k AS v INT; PROCEDURE p(a INT) AS b INT; BEGIN NULL; END; BEGIN v := 1; END");
  expect_one("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DECLARE x INT; BEGIN x := 1; :NEW.a := x; END");
}

// What is no compound statement must not hide what follows it.
TEST(Compound, NamesOpenNothing) {
  expect_one("CREATE PROCEDURE p() BEGIN SELECT t.begin FROM t; END");
  expect_one("CREATE PROCEDURE p() SELECT t.begin, if, loop FROM t");
  expect_one("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.case = 1");
  expect_one("CREATE TABLE begin (end INT, `if` INT)");
  expect_one("CREATE VIEW v AS SELECT CASE 1 WHEN 1 THEN 2 END");
  expect_one("ALTER TABLE t ADD begin INT");
  expect_one("DROP PROCEDURE begin");
  expect_one("CREATE PROCEDURE p() BEGIN DECLARE handler INT; SELECT a.in END FROM a; END");
  expect_one("ALTER PROCEDURE p COMMENT 'x'");
  expect_one("BEGIN");
  expect_one("BEGIN WORK");
}

}  // namespace
}  // namespace crossfade::routing
