// Texts of any size that have many names in them, all different.
#pragma once

#include <string>
#include <vector>

#include "tests/steps/linear.h"

namespace crossfade::steps {

// `unit` over and over, each `#` of it a number of its own: what is compared with each other is never the same.
inline Input numbered(std::string head, std::string unit, std::string tail = "") {
  return [=](std::size_t bytes) {
    std::string out = head;
    for (int i = 0; out.size() + tail.size() < bytes; ++i) {
      const std::string number = std::to_string(i);
      for (const char c : unit) c == '#' ? out += number : out += c;
    }
    return out + tail;
  };
}

// Lists of names and values that differ: what is kept of each and compared with the next.
inline std::vector<NamedInput> lists_of_different_names() {
  std::vector<NamedInput> out;
  const auto add = [&out](std::string head, std::string unit, std::string tail) {
    out.push_back({head + unit + "...", numbered(head, unit, tail)});
  };
  // Tables.
  add("RENAME TABLE ", "a# TO b#,", "a TO b");
  add("RENAME TABLE ", "a# TO t,t TO b#,", "a TO b");
  add("RENAME TABLE ", "s.a# WAIT 5 TO s.b#,", "a TO b");
  add("RENAME USER ", "a# TO b#,", "a TO b");
  add("DROP TABLE ", "a#,", "b");
  add("DROP TABLE IF EXISTS ", "s#.a#,", "b");
  add("DROP TEMPORARY TABLE ", "`a#`,", "b");
  add("DROP VIEW ", "v#,", "v");
  add("LOCK TABLES ", "a# READ,", "b READ");
  add("LOCK TABLES ", "s.a# AS b# LOW_PRIORITY WRITE,", "b READ");
  add("OPTIMIZE TABLE ", "a#,", "b");
  add("ANALYZE TABLE ", "a#,", "b");
  add("FLUSH TABLES ", "a#,", "b");
  add("SELECT 1 FROM ", "t#,", "t");
  add("SELECT 1 FROM t ", "JOIN s#.t# ON t#.a=t.a ", "");
  add("DELETE ", "t#,", "t FROM t");
  add("UPDATE ", "t#,", "t SET a=1");
  add("WITH ", "c# AS (SELECT 1),", "c AS (SELECT 1) SELECT 1");
  add("CREATE VIEW v AS SELECT 1 FROM ", "t#,", "t");
  add("CREATE TABLE t (a INT", ", FOREIGN KEY (a) REFERENCES p# (a)", ")");
  add("SHOW TABLES WHERE a IN (", "'t#',", "'t')");
  // Columns, keys, partitions.
  add("SELECT ", "c#,", "c FROM t");
  add("SELECT ", "c# AS a#,", "c FROM t");
  add("SELECT c FROM t GROUP BY ", "c#,", "c");
  add("SELECT c FROM t ORDER BY ", "c#,", "c");
  add("SELECT c FROM t ORDER BY ", "t.c# DESC,", "c");
  add("SELECT ", "f#(),", "1");
  add("INSERT INTO t (", "c#,", "c) VALUES (1)");
  add("INSERT INTO t SET ", "c#=1,", "c=1");
  add("INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE ", "c#=VALUES(c#),", "c=1");
  add("REPLACE INTO t (", "c#,", "c) VALUES (1)");
  add("UPDATE t SET ", "c#=c#+1,", "c=1 WHERE id=1");
  add("UPDATE t SET c=1 WHERE ", "c#=# AND ", "c=1");
  add("LOAD DATA LOCAL INFILE 'f' INTO TABLE t (", "c#,", "c)");
  add("LOAD DATA LOCAL INFILE 'f' INTO TABLE t (a) SET ", "c#=1,", "c=1");
  add("CREATE TABLE t (", "c# INT,", "c INT)");
  add("CREATE TABLE t (", "c# VARCHAR(10) CHARACTER SET utf8mb3 UNIQUE DEFAULT 'a' COMMENT 'b',", "c INT)");
  add("CREATE TABLE t (", "c# JSON DEFAULT (JSON_ARRAY()) CHECK (JSON_VALID(c#)),", "c INT)");
  add("CREATE TABLE t (c INT", ",c# INT GENERATED ALWAYS AS (c+#) VIRTUAL", ")");
  add("CREATE TABLE t (c INT", ",KEY k# (c)", ")");
  add("CREATE TABLE t (c INT", ",CONSTRAINT k# UNIQUE KEY USING BTREE (c# (10) DESC)", ")");
  add("CREATE TABLE t (c INT", ",CONSTRAINT k# CHECK (c>#)", ")");
  add("CREATE TABLE t (c INT) ", "COMMENT='#' ", "");
  add("CREATE TABLE t (c INT) PARTITION BY RANGE (c) (", "PARTITION p# VALUES LESS THAN (#),",
      "PARTITION p VALUES LESS THAN MAXVALUE)");
  add("CREATE INDEX i ON t (", "c#,", "c)");
  add("ALTER TABLE t ", "ADD COLUMN c# INT AFTER d#,", "ADD c INT");
  add("ALTER TABLE t ", "ADD COLUMN IF NOT EXISTS c# INT,", "ADD c INT");
  add("ALTER TABLE t ", "DROP COLUMN IF EXISTS c#,", "DROP c");
  add("ALTER TABLE t ", "DROP KEY k#,", "DROP KEY c");
  add("ALTER TABLE t ", "RENAME COLUMN c# TO d#,", "RENAME COLUMN c TO d");
  add("ALTER TABLE t ", "CHANGE c# d# TEXT,", "ADD c INT");
  add("ALTER TABLE t ", "MODIFY c# DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6),", "ADD c INT");
  add("ALTER TABLE t ", "ADD UNIQUE KEY k# (c#),", "ADD c INT");
  add("ALTER TABLE t ", "ALTER c# SET DEFAULT #,", "ADD c INT");
  add("ALTER TABLE t ", "RENAME TO t#,", "RENAME TO t");
  add("ALTER TABLE t ", "EXCHANGE PARTITION p# WITH TABLE t#,", "ADD c INT");
  add("ALTER TABLE t ", "CONVERT PARTITION p# TO TABLE t#,", "ADD c INT");
  add("ALTER TABLE t ", "ALGORITHM=INPLACE, LOCK=NONE, ENGINE=InnoDB, ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=#,",
      "ADD c INT");
  add("ALTER TABLE t DROP PARTITION ", "p#,", "p");
  // Variables, accounts, hints, statements within statements.
  add("SET ", "@v#=#,", "@v=1");
  add("SET ", "v#=#,", "v=1");
  add("SET ", "SESSION v#=DEFAULT,", "v=1");
  add("SET ", "GLOBAL v#=1,", "v=1");
  add("SET ", "@@session.v#='#',", "v=1");
  add("SET STATEMENT ", "v#=#,", "v=1 FOR SELECT 1");
  add("SELECT ", "@v#:=#,", "1");
  add("SELECT ", "@v#,", "1");
  add("SELECT ", "@@v#,", "1");
  add("SELECT 1 INTO ", "@v#,", "@v");
  add("CALL p(", "@v#,", "1)");
  add("EXECUTE s USING ", "@v#,", "@v");
  add("EXECUTE IMMEDIATE 's' USING ", "@v#,", "@v");
  add("GET DIAGNOSTICS ", "@a#=NUMBER,", "@b=NUMBER");
  add("GET DIAGNOSTICS CONDITION 1 ", "@a#=MESSAGE_TEXT,", "@b=MYSQL_ERRNO");
  add("GRANT SELECT (", "c#,", "c) ON t TO u");
  add("DROP USER ", "u#@'%',", "u");
  add("SELECT /*+ ", "SET_VAR(v#=#) ", "*/ 1");
  add("SELECT ", "/*+ NO_INDEX(t#) */ ", "1");
  add("", "/* crossfade: k#=# */ ", "SELECT 1");
  add("", "PREPARE s# FROM 'SELECT #';", "SELECT 1");
  add("", "CREATE TEMPORARY TABLE t# (a INT);", "SELECT 1");
  add("", "SAVEPOINT s#;", "SELECT 1");
  add("", "SET @v#=#;", "SELECT 1");
  add("CREATE PROCEDURE p(", "p# INT,", "p INT) SELECT 1");
  add("CREATE PROCEDURE p() BEGIN ", "DECLARE v# INT;", "SELECT 1; END");
  add("CREATE PROCEDURE p() BEGIN ", "l#: LOOP LEAVE l#; END LOOP;", "SELECT 1; END");
  add("CREATE FUNCTION f(", "p# INT,", "p INT) RETURNS INT RETURN 1");
  return out;
}

}  // namespace crossfade::steps
