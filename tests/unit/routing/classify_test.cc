#include "routing/classify.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossfade::routing {
namespace {

const LexerMode kMariadb;
const LexerMode kMysql{.mariadb = false, .server_version = 90704};

StatementKind kind(std::string_view sql, const LexerMode& mode = kMariadb) { return classify(sql, mode).kind; }
bool has(std::string_view sql, Fact fact, const LexerMode& mode = kMariadb) {
  return classify(sql, mode).facts.has(fact);
}
bool reads_only(std::string_view sql, const LexerMode& mode = kMariadb) { return has(sql, Fact::reads_only, mode); }

struct Named {
  std::string_view sql;
  StatementKind kind;
};

TEST(Classify, TellsTheKindOfAStatement) {
  using K = StatementKind;
  const Named cases[] = {
      {"", K::empty},
      {" ; ", K::empty},
      {"-- x", K::empty},
      {"/* x */;;", K::empty},
      {"SELECT 1", K::select},
      {"select/**/1", K::select},
      {"(SELECT 1)", K::select},
      {"((SELECT 1) UNION (SELECT 2))", K::select},
      {"TABLE t", K::select},
      {"VALUES ROW(1)", K::select},
      {"VALUES (1),(2)", K::select},
      {"WITH x AS (SELECT 1) SELECT * FROM x", K::select},
      {"WITH RECURSIVE x(a) AS (SELECT 1) SELECT * FROM x", K::select},
      {"WITH x AS (SELECT 1) DELETE FROM t", K::delete_},
      {"WITH x AS (SELECT 1) UPDATE t SET a=1", K::update},
      {"WITH x AS (SELECT 1)", K::unknown},
      {"INSERT INTO t VALUES (1)", K::insert},
      {"REPLACE t VALUES (1)", K::replace},
      {"UPDATE t SET a=1", K::update},
      {"DELETE FROM t", K::delete_},
      {"/*!50000 DELETE FROM t */", K::delete_},
      {"/*! DELETE */ FROM t", K::delete_},
      {"/*M! DELETE */ FROM t", K::delete_},
      {"/*!80000 SELECT 1 */ DELETE FROM t", K::delete_},
      {"SHOW TABLES", K::show},
      {"HELP 'x'", K::show},
      {"DESC t", K::describe},
      {"DESCRIBE `t` a", K::describe},
      {"EXPLAIN t", K::describe},
      {"EXPLAIN SELECT 1", K::explain},
      {"EXPLAIN FORMAT=JSON DELETE FROM t", K::explain},
      {"EXPLAIN EXTENDED SELECT 1", K::explain},
      {"EXPLAIN FOR CONNECTION 5", K::explain},
      {"DESC UPDATE t SET a=1", K::explain},
      {"EXPLAIN ANALYZE SELECT 1", K::explain},
      {"EXPLAIN ANALYZE DELETE FROM t", K::unknown},
      {"EXPLAIN 1", K::unknown},
      {"ANALYZE UPDATE t SET a=1", K::unknown},
      {"ANALYZE FORMAT=JSON DELETE FROM t", K::unknown},
      {"ANALYZE SELECT 1", K::explain},
      {"ANALYZE FORMAT=JSON SELECT 1", K::explain},
      {"ANALYZE TABLE t", K::admin},
      {"ANALYZE WITH x AS (SELECT 1) DELETE FROM t", K::unknown},
      {"SET a=1", K::set},
      {"SET TRANSACTION READ ONLY", K::set_transaction},
      {"SET STATEMENT a=1 FOR DELETE FROM t", K::delete_},
      {"SET STATEMENT a=1, `B` = 'x', c=-1.5 FOR SELECT 1", K::select},
      {"SET STATEMENT a=1 FOR COMMIT", K::unknown},
      {"SET STATEMENT a=1 FOR SET STATEMENT b=1 FOR SELECT 1", K::unknown},
      {"SET STATEMENT a=(SELECT 1) FOR SELECT 1", K::unknown},
      {"SET STATEMENT a=@x FOR SELECT 1", K::unknown},
      {"SET STATEMENT a=1", K::unknown},
      {"SET STATEMENT a=1 FOR", K::unknown},
      {"SET STATEMENT a=1 FOR ;", K::unknown},
      {"SET PASSWORD = 'x'", K::account},
      {"SET ROLE x", K::account},
      {"SET DEFAULT ROLE x", K::account},
      {"SET", K::unknown},
      {"SET RESOURCE GROUP x", K::unknown},
      {"USE db", K::use},
      {"USE `d``b`;", K::use},
      {"USE a b", K::unknown},
      {"BEGIN", K::begin},
      {"BEGIN WORK", K::begin},
      {"BEGIN NOT ATOMIC DELETE FROM t; END", K::unknown},
      {"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", K::begin},
      {"START SLAVE", K::admin},
      {"START TRANSACTION x", K::unknown},
      {"COMMIT", K::commit},
      {"COMMIT WORK AND NO CHAIN NO RELEASE", K::commit},
      {"COMMIT x", K::unknown},
      {"ROLLBACK", K::rollback},
      {"ROLLBACK WORK TO SAVEPOINT a", K::rollback_to_savepoint},
      {"ROLLBACK TO a", K::rollback_to_savepoint},
      {"SAVEPOINT a", K::savepoint},
      {"RELEASE SAVEPOINT a", K::release_savepoint},
      {"DO 1", K::do_},
      {"CREATE TABLE t (a INT)", K::ddl},
      {"ALTER TABLE t ADD user INT", K::ddl},
      {"DROP TABLE t", K::ddl},
      {"TRUNCATE t", K::ddl},
      {"RENAME TABLE a TO b", K::ddl},
      {"CREATE USER u", K::account},
      {"RENAME USER a TO b", K::account},
      {"CREATE OR REPLACE ROLE r", K::account},
      {"DROP USER IF EXISTS u", K::account},
      {"GRANT ALL ON *.* TO u", K::account},
      {"REVOKE ALL ON *.* FROM u", K::account},
      {"CALL p(1)", K::call},
      {"LOAD DATA INFILE 'x' INTO TABLE t", K::load_data},
      {"LOAD INDEX INTO CACHE t", K::admin},
      {"LOCK TABLES t WRITE", K::lock_tables},
      {"UNLOCK TABLES", K::unlock_tables},
      {"PREPARE s FROM 'DELETE FROM t'", K::prepare},
      {"EXECUTE IMMEDIATE 'DELETE FROM t'", K::execute},
      {"DEALLOCATE PREPARE s", K::deallocate},
      {"DROP PREPARE s", K::deallocate},
      {"XA START 'x'", K::xa},
      {"HANDLER t OPEN", K::handler},
      {"KILL 5", K::kill},
      {"GET DIAGNOSTICS @a = ROW_COUNT", K::diagnostics},
      {"SIGNAL SQLSTATE '45000'", K::diagnostics},
      {"OPTIMIZE TABLE t", K::admin},
      {"FLUSH TABLES", K::admin},
      {"CHECKSUM TABLE t", K::admin},
      {"FOO", K::unknown},
      {"'a'", K::unknown},
      {"`SELECT` 1", K::unknown},
      {"(DELETE FROM t)", K::unknown},
      {"IF 1 THEN DELETE FROM t; END IF", K::unknown},
  };
  for (const Named& c : cases) EXPECT_EQ(kind(c.sql), c.kind) << c.sql << " is " << name(kind(c.sql));
}

TEST(Classify, CallsAReadARead) {
  for (const std::string_view sql :
       {"SELECT 1",
        "SELECT * FROM t WHERE a IN (1,2) AND (b OR c) ORDER BY d LIMIT 1",
        "(SELECT 1)",
        "TABLE t",
        "VALUES ROW(1)",
        "SELECT COUNT(*), MAX(a), IF(a,1,2), LEFT(b,1) FROM t GROUP BY c WITH ROLLUP HAVING COUNT(*) > 1",
        "WITH x(a, b) AS (SELECT 1, 2), y (c) AS (SELECT 3) SELECT * FROM x JOIN y USING (a)",
        "SELECT CAST(a AS DECIMAL(10,2)), CONVERT(b USING utf8mb4), a BETWEEN (1) AND (2)",
        "SELECT * FROM (SELECT 1) AS d(a)",
        "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t USE INDEX (i)",
        "SELECT EXISTS(SELECT 1), a = ANY (SELECT 2)",
        "SELECT `into`, `for update` FROM t",
        "SELECT 'INTO OUTFILE', ':=' FROM t",
        "SELECT a.into FROM a",
        "SHOW TABLES",
        "DESC t",
        "EXPLAIN DELETE FROM t",
        "EXPLAIN ANALYZE SELECT 1",
        "DO 1",
        "SELECT 1;",
        "SELECT 1; SELECT 2",
        "SELECT NOW(), RAND()",
        "SELECT 1 /*!80000 INTO OUTFILE 'x' */",
        "SELECT EXTRACT(YEAR FROM a) FROM t",
        "CHECKSUM TABLE t",
        "SELECT * FROM t PARTITION (p0) WHERE MATCH (a) AGAINST ('x' WITH QUERY EXPANSION)"}) {
    EXPECT_TRUE(reads_only(sql)) << sql;
  }
}

TEST(Classify, NeverCallsAnythingElseARead) {
  for (const std::string_view sql : {"",
                                     "SELECT 1 FOR UPDATE",
                                     "SELECT 1 FOR SHARE",
                                     "SELECT 1 LOCK IN SHARE MODE",
                                     "SELECT 1 FOR/**/UPDATE SKIP LOCKED",
                                     "SELECT 1 INTO OUTFILE 'x'",
                                     "SELECT 1 INTO DUMPFILE 'x'",
                                     "SELECT 1 INTO @a",
                                     "SELECT 1 /*! INTO OUTFILE 'x' */",
                                     "SELECT 1 /*!50000 INTO @a */",
                                     "SELECT @a := 1",
                                     "SELECT f(1)",
                                     "select f (1)",
                                     "SELECT `f`(1)",
                                     "SELECT db.f(1)",
                                     "SELECT db . f(1)",
                                     "SELECT `count`(1)",
                                     "SELECT COUNT (*)",
                                     "SELECT (SELECT f(1))",
                                     "SELECT 1 FROM t WHERE a = f(a)",
                                     "SELECT 1 GROUP BY a WITH ROLLUP ORDER BY b, f(1)",
                                     "SELECT a, lateral(1)",
                                     "SELECT any(1)",
                                     "SELECT against(1)",
                                     "SELECT 1 GROUP BY a WITH CUBE, f(1)",
                                     "SELECT of(1)",
                                     "SELECT columns(1)",
                                     "SELECT GET_LOCK('a',1)",
                                     "DO RELEASE_LOCK('a')",
                                     "SELECT RELEASE_ALL_LOCKS()",
                                     "SELECT SLEEP(1)",
                                     "SELECT BENCHMARK(1,1)",
                                     "SELECT LOAD_FILE('x')",
                                     "SELECT NEXTVAL(s)",
                                     "SELECT SETVAL(s,1)",
                                     "SELECT NEXT VALUE FOR s",
                                     "SELECT LAST_INSERT_ID(5)",
                                     "SELECT LAST_INSERT_ID( /* x */ 5)",
                                     "SELECT * FROM t PROCEDURE ANALYSE()",
                                     "SELECT 'a",
                                     "SELECT 1 /* x",
                                     "SELECT /*! 1",
                                     "SELECT 1; DELETE FROM t",
                                     "SELECT 1; SELECT f(1)",
                                     "DELETE FROM t; SELECT 1",
                                     "EXPLAIN ANALYZE DELETE FROM t",
                                     "ANALYZE UPDATE t SET a=1",
                                     "EXPLAIN SELECT f(1)",
                                     "WITH x AS (SELECT 1) DELETE FROM t",
                                     "SET a=1",
                                     "CALL p()",
                                     "SHOW TABLES WHERE f(1)",
                                     "DO f(1)",
                                     "SELECT MASTER_POS_WAIT('a',1)",
                                     "SELECT 1; 'a"}) {
    EXPECT_FALSE(reads_only(sql)) << sql;
  }
}

TEST(Classify, ARenameNamesEveryTableThatGetsAnotherName) {
  const auto renamed = [](std::string_view sql) {
    const StatementFacts facts = classify(sql, {.mariadb = true});
    EXPECT_EQ(facts.verb == TableVerb::rename, !facts.targets.empty()) << sql;
    return facts.targets;
  };
  const TableName a{"", "a"};
  const TableName b{"s", "b"};
  EXPECT_EQ(renamed("RENAME TABLE a TO x"), (std::vector<TableName>{a}));
  EXPECT_EQ(renamed("rename tables if exists a nowait to x, s.b wait 3 to `y`"), (std::vector<TableName>{a, b}));
  EXPECT_EQ(renamed("RENAME TABLE a TO x, s.b TO a, x TO s.b"), (std::vector<TableName>{a, b})) << "x is new";
  for (const std::string_view sql : {"RENAME TABLE a", "RENAME TABLE a TO", "RENAME TABLE a TO x, ",
                                     "RENAME USER a TO b", "RENAME TABLE a TO x y"}) {
    EXPECT_TRUE(renamed(sql).empty()) << sql;
  }
}

TEST(Classify, ACallNamesItsProcedureAndWhatItsArgumentsDo) {
  const auto call = [](std::string_view sql) { return classify(sql, {}); };
  EXPECT_EQ(call("CALL p()").targets, (std::vector<TableName>{{"", "p"}}));
  EXPECT_EQ(call("call `a b` . `p` (1, 'x')").targets, (std::vector<TableName>{{"a b", "p"}}));
  EXPECT_EQ(call("CALL p;").targets, (std::vector<TableName>{{"", "p"}}));
  for (const std::string_view sql : {"CALL a.b.c()", "CALL", "CALL 1", "CALL p 'x'"}) {
    EXPECT_TRUE(call(sql).targets.empty()) << sql;
  }
  EXPECT_TRUE(call("CALL p()").tables.empty());
  EXPECT_EQ(call("CALL app.p((SELECT MAX(id) FROM t))").tables, (std::vector<TableName>{{"", "t"}}));
  EXPECT_FALSE(call("CALL sha1 (MD5('x'), COUNT)").facts.has(Fact::unknown_function));
  EXPECT_FALSE(call("CALL app.f(1)").facts.has(Fact::unknown_function));
  for (const std::string_view sql : {"CALL p(f(1))", "CALL p(1, (SELECT app.f(1)))", "CALL a.p(`md5`(1))"}) {
    EXPECT_TRUE(call(sql).facts.has(Fact::unknown_function)) << sql;
  }
  EXPECT_EQ(call("CALL p(GET_LOCK('x', 1))").user_locks, UserLocks::takes);
  EXPECT_TRUE(call("CALL p(@x)").facts.has(Fact::user_variable));
  EXPECT_TRUE(call("CALL p(LAST_INSERT_ID())").facts.has(Fact::last_insert_id));
}

TEST(Classify, KnowsWhichServerHasAFunction) {
  EXPECT_TRUE(reads_only("SELECT NVL(a, 1) FROM t", kMariadb));
  EXPECT_FALSE(reads_only("SELECT NVL(a, 1) FROM t", kMysql));
  EXPECT_TRUE(reads_only("SELECT UUID_TO_BIN(a) FROM t", kMysql));
  EXPECT_FALSE(reads_only("SELECT UUID_TO_BIN(a) FROM t", kMariadb));
  EXPECT_FALSE(reads_only("SELECT 1 /*!80000 INTO OUTFILE 'x' */", kMysql));
  EXPECT_TRUE(reads_only("SELECT COUNT (*) FROM t", LexerMode{.ignore_space = true}));
}

struct WithFact {
  std::string_view sql;
  Fact fact;
};

TEST(Classify, NotesFacts) {
  const WithFact cases[] = {
      {"SELECT NOW()", Fact::time_dependent},
      {"SELECT CURRENT_TIMESTAMP", Fact::time_dependent},
      {"SELECT utc_date", Fact::time_dependent},
      {"SELECT UNIX_TIMESTAMP()", Fact::time_dependent},
      {"SELECT RAND()", Fact::random},
      {"SELECT UUID()", Fact::unrepeatable},
      {"SELECT SYSDATE()", Fact::unrepeatable},
      {"SELECT CURRENT_USER", Fact::session_status},
      {"SELECT DATABASE()", Fact::session_status},
      {"SELECT @a", Fact::user_variable},
      {"SELECT @a:=1", Fact::assigns_user_variable},
      {"SELECT 1 INTO @a", Fact::assigns_user_variable},
      {"SET @a=1", Fact::assigns_user_variable},
      {"SELECT LAST_INSERT_ID()", Fact::last_insert_id},
      {"SELECT @@identity", Fact::last_insert_id},
      {"SELECT @@session.`last_insert_id`", Fact::last_insert_id},
      {"UPDATE t SET a=LAST_INSERT_ID(a+1)", Fact::sets_last_insert_id},
      {"SET identity=5", Fact::sets_last_insert_id},
      {"SELECT ROW_COUNT()", Fact::row_count},
      {"SELECT FOUND_ROWS()", Fact::found_rows},
      {"SELECT SQL_CALC_FOUND_ROWS 1", Fact::found_rows},
      {"SHOW WARNINGS LIMIT 1", Fact::warnings},
      {"SHOW COUNT(*) ERRORS", Fact::warnings},
      {"SELECT @@warning_count", Fact::warnings},
      {"SELECT IS_FREE_LOCK('a')", Fact::user_lock},
      {"SELECT (SELECT 1)", Fact::subquery},
      {"INSERT INTO t SELECT 1", Fact::subquery},
      {"SELECT 1 ORDER BY 1", Fact::order_by},
      {"DELETE FROM t LIMIT 1", Fact::limit},
      {"SHOW GLOBAL STATUS", Fact::session_status},
      {"SHOW PROCESSLIST", Fact::session_status},
      {"SELECT f(1)", Fact::unknown_function},
      {"SELECT * FROM information_schema.tables", Fact::session_status},
      {"SELECT COUNT(*) FROM information_schema.processlist WHERE id = 5", Fact::session_status},
      {"INSERT INTO t VALUES (f(1))", Fact::unknown_function},
      {"SELECT ?", Fact::placeholder},
      {"SELECT 'a", Fact::unparseable},
      {"CREATE TEMPORARY TABLE t (a INT)", Fact::temporary_table},
      {"DROP TEMPORARY TABLE t", Fact::temporary_table},
      {"SELECT /*! 1 */", Fact::executable_comment},
      {"SELECT 1; SELECT 2", Fact::multi_statement},
      {"CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT 2", Fact::multi_statement},
  };
  for (const WithFact& c : cases) EXPECT_TRUE(has(c.sql, c.fact)) << c.sql;
}

TEST(Classify, NotesWhatIsSaidOfTheTransactionAfterThisOne) {
  struct Case {
    std::string_view sql;
    std::optional<bool> chain, release;
  };
  const Case cases[] = {{"COMMIT", {}, {}},
                        {"COMMIT WORK AND CHAIN", true, {}},
                        {"ROLLBACK AND NO CHAIN", false, {}},
                        {"ROLLBACK RELEASE", {}, true},
                        {"COMMIT AND NO CHAIN RELEASE", false, true},
                        {"COMMIT AND NO CHAIN NO RELEASE", false, false}};
  EXPECT_EQ(classify("COMMIT AND CHAIN RELEASE", {}).kind, StatementKind::unknown);
  for (const Case& c : cases) {
    const StatementFacts facts = classify(c.sql, {});
    EXPECT_EQ(facts.chain, c.chain) << c.sql;
    EXPECT_EQ(facts.release, c.release) << c.sql;
  }
}

TEST(Classify, NotesNoFactThatIsNotThere) {
  const WithFact cases[] = {
      {"SELECT UNIX_TIMESTAMP(a) FROM t", Fact::time_dependent},
      {"SELECT now FROM t", Fact::time_dependent},
      {"SELECT LAST_INSERT_ID()", Fact::sets_last_insert_id},
      {"SELECT 1;", Fact::multi_statement},
      {"SELECT 1 UNION ALL SELECT 2", Fact::subquery},
      {"SELECT GROUP_CONCAT(a ORDER BY b) FROM t", Fact::order_by},
      {"INSERT INTO t (a) VALUES (1)", Fact::unknown_function},
      {"INSERT INTO db.t(a) VALUES (1)", Fact::unknown_function},
      {"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a=VALUES(a)", Fact::unknown_function},
      {"INSERT INTO t VALUES (1)", Fact::into},
      {"CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; CASE WHEN 1 THEN SELECT 2; END CASE; END",
       Fact::multi_statement},
      {"SELECT 1 FROM t WHERE a=1", Fact::user_variable},
      {"SELECT 1 /* @a */", Fact::user_variable},
  };
  for (const WithFact& c : cases) EXPECT_FALSE(has(c.sql, c.fact)) << c.sql;
}

TEST(Classify, NamesTables) {
  using Tables = std::vector<TableName>;
  EXPECT_EQ(classify("SELECT * FROM a, `d`.`b` x JOIN c ON a.i=c.i, e", kMariadb).tables,
            (Tables{{"", "a"}, {"d", "b"}, {"", "c"}, {"", "e"}}));
  EXPECT_EQ(classify("INSERT IGNORE INTO d.t(a, b) SELECT x, y FROM u", kMariadb).tables,
            (Tables{{"d", "t"}, {"", "u"}}));
  EXPECT_EQ(classify("INSERT t VALUES (1)", kMariadb).tables, (Tables{{"", "t"}}));
  EXPECT_EQ(classify("UPDATE LOW_PRIORITY t SET a=1 WHERE b IN (SELECT c FROM u)", kMariadb).tables,
            (Tables{{"", "t"}, {"", "u"}}));
  EXPECT_EQ(classify("DELETE FROM t WHERE a=EXTRACT(YEAR FROM b)", kMariadb).tables, (Tables{{"", "t"}}));
  EXPECT_EQ(classify("SELECT TRIM(a FROM b), c FROM t", kMariadb).tables, (Tables{{"", "t"}}));
  EXPECT_EQ(classify("SELECT 1 FROM DUAL", kMariadb).tables, Tables{});
}

TEST(Classify, ReadsWhatSetSets) {
  const StatementFacts facts = classify(
      "SET a=1, @@session.B=(SELECT 2, 3), @X:=3, NAMES utf8mb4 COLLATE y, CHARACTER SET x, sql_mode=''", kMariadb);
  EXPECT_EQ(facts.kind, StatementKind::set);
  EXPECT_EQ(facts.variables, (std::vector<std::string>{"a", "b", "@x", "names", "character set", "sql_mode"}));
  EXPECT_FALSE(facts.sets_global);
  for (const std::string_view sql : {"SET GLOBAL a=1", "SET @@global.a=1", "SET PERSIST a=1", "SET a=1, GLOBAL b=2",
                                     "SET GLOBAL TRANSACTION READ ONLY", "SET hot.key_buffer_size=1"}) {
    EXPECT_TRUE(classify(sql, kMariadb).sets_global) << sql;
  }
}

TEST(Classify, NamesSavepointsAndSchemas) {
  EXPECT_EQ(classify("USE `a``b`", kMariadb).name, "a`b");
  EXPECT_EQ(classify("ROLLBACK TO SAVEPOINT s1", kMariadb).name, "s1");
}

TEST(Classify, ReadsHintsOfTheFirstComment) {
  using Hints = std::map<std::string, std::string>;
  EXPECT_EQ(classify("/* crossfade: tenant=42, canary = 1 */ SELECT 1", kMariadb).hints,
            (Hints{{"tenant", "42"}, {"canary", "1"}}));
  EXPECT_EQ(classify("SELECT 1 /*crossfade:a=b,,c,=d*/", kMariadb).hints, (Hints{{"a", "b"}}));
  EXPECT_EQ(classify("/* x */ /* crossfade: a=b */ SELECT 1", kMariadb).hints, Hints{});
}

}  // namespace
}  // namespace crossfade::routing
