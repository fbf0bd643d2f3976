// Texts of any size, each the worst that somebody could think of for some loop over a client's SQL.
#pragma once

#include <string>
#include <vector>

#include "tests/steps/different_names.h"
#include "tests/steps/linear.h"

namespace crossfade::steps {

// `unit` over and over between `head` and `tail`.
inline Input repeated(std::string head, std::string unit, std::string tail = "") {
  return [=](std::size_t bytes) {
    std::string out = head;
    while (out.size() + tail.size() < bytes) out += unit;
    return out + tail;
  };
}

// `open`, as often, then `middle`, then `close` as often.
inline Input nested(std::string head, std::string open, std::string middle, std::string close, std::string tail = "") {
  return [=](std::size_t bytes) {
    const std::size_t count = bytes / (open.size() + close.size());
    std::string out = head;
    for (std::size_t i = 0; i < count; ++i) out += open;
    out += middle;
    for (std::size_t i = 0; i < count; ++i) out += close;
    return out + tail;
  };
}

// INSERT INTO t (c0, ...) VALUES (1, ...), ...: as many columns as a table may have.
inline Input many_cells(std::size_t columns, std::string value) {
  return [=](std::size_t bytes) {
    std::string out = "INSERT INTO t (";
    std::string row;
    for (std::size_t i = 0; i < columns; ++i) {
      out += (i == 0 ? "c" : ",c") + std::to_string(i);
      row += (i == 0 ? "(" : ",") + value;
    }
    row += ")";
    out += ") VALUES " + row;
    while (out.size() < bytes) out += "," + row;
    return out;
  };
}

inline std::vector<NamedInput> worst_texts() {
  std::vector<NamedInput> out;
  const auto add = [&out](std::string name, Input make) { out.push_back({std::move(name), std::move(make)}); };
  const auto repeat = [&out](std::string head, std::string unit, std::string tail = "") {
    out.push_back({head + unit + "...", repeated(head, unit, tail)});
  };
  // Parentheses and conditions.
  repeat("SELECT ", "(");
  repeat("SELECT ", ")");
  add("parentheses in a WHERE", nested("UPDATE t SET v=1 WHERE id=1 AND ", "(", "v=2", ")"));
  add("parentheses side by side", repeated("UPDATE t SET v=1 WHERE id=1 AND (", "()", ")"));
  add("conjunctions within each other", nested("UPDATE t SET v=1 WHERE ", "(id=1 AND ", "v=2", ")"));
  add("AND of IN lists", nested("DELETE FROM t WHERE id=1 AND ", "(v IN (1) AND ", "(1)", ")"));
  repeat("UPDATE t SET v=1 WHERE ", "id=1 AND ", "v=2");
  repeat("UPDATE t SET v=1 WHERE ", "c9=1 AND ", "v=2");
  repeat("DELETE FROM t WHERE id IN (", "1,", "1)");
  repeat("DELETE FROM t WHERE id=1 AND (v IN (", "1,", "1) OR v=1)");
  repeat("DELETE FROM t WHERE id=1 AND (1 OR v=", "'a' ", ")");
  repeat("DELETE FROM t WHERE id=1 AND (1 OR v=a", ".a", "=1)");
  repeat("UPDATE t SET v=1 WHERE id=1 AND v BETWEEN ", "1 AND ", "1");
  repeat("UPDATE t SET v=1 WHERE id=1 AND ", "CASE WHEN 1 THEN ");
  // Values.
  repeat("INSERT INTO t VALUES (", "1,", "1)");
  repeat("INSERT INTO t VALUES ", "(1,'a'),", "(1,'a')");
  repeat("INSERT INTO t (id,v) VALUES ", "(1,DEFAULT(v)),", "(1,'a')");
  repeat("INSERT INTO t (id,v) VALUES ", "(?,?),", "(?,?)");
  repeat("INSERT INTO t SET ", "v=1,", "id=1");
  add("many columns and rows", many_cells(1000, "1"));
  add("many columns and rows of expressions", many_cells(1000, "1+?"));
  repeat("UPDATE t SET v=", "1.5+", "1 WHERE id=1");
  repeat("UPDATE t SET v=", "c1+", "1 WHERE id=1");
  repeat("UPDATE t SET v=", "abs(", "1");
  repeat("UPDATE t SET ", "v=v+1,", "v=1 WHERE id=1");
  repeat("UPDATE t SET s=", "'a' ", " WHERE id=1");
  repeat("UPDATE t SET s=CONCAT(", "'a\\\\',", "?) WHERE id=1");
  repeat("REPLACE INTO t VALUES (", "-", "1)");
  // Comments, strings, names, numbers.
  repeat("SELECT ", "/**/");
  repeat("SELECT ", "/*");
  repeat("SELECT 1 ", "/*!99999 x*/");
  repeat("SELECT 1 ", "/*!10000 +1*/");
  repeat("SELECT 1 /*!99999 ", "/* */");
  repeat("SELECT 1 /*!99999 ", "/*");
  repeat("SELECT ", "-- \n");
  repeat("SELECT ", "#\n");
  repeat("SELECT 1 FROM ", "--");
  repeat("SELECT '", "''");
  repeat("SELECT '", "\\'", "'");
  repeat("SELECT \"", "\\\\", "\"");
  repeat("SELECT `", "``", "`");
  repeat("SELECT ", "_utf8mb4'x' ");
  repeat("SELECT ", "\xa0");
  repeat("SELECT '", "\x81\x30", "'");
  repeat("SELECT @@a", ".a");
  repeat("SELECT ", "@a,");
  repeat("SELECT ", "@`a`,");
  repeat("SELECT ", "@@warning_count,");
  repeat("SELECT ", "0x");
  repeat("SELECT ", "0x1,");
  repeat("SELECT ", "1e1,");
  repeat("SELECT ", "1.");
  repeat("SELECT ", "1");
  repeat("SELECT x'", "4f", "'");
  repeat("SELECT ", "x'4f',");
  repeat("SELECT ", "a.");
  repeat("SELECT ", "<=>");
  repeat("", "a");
  repeat("", "a ");
  repeat("", "?");
  // Lists, tables, functions.
  repeat("SELECT 1 FROM t WHERE a IN (", "1,", "a)");
  repeat("SELECT 1 FROM t WHERE a IN (", "(1,2),", "(1,a))");
  repeat("SELECT 1 FROM t WHERE a IN ", "((");
  repeat("SELECT ", "IN (1,");
  repeat("SELECT 1 FROM ", "t,", "t");
  repeat("SELECT 1 FROM t ", "JOIN t ");
  repeat("SELECT ", "ROW_COUNT(),", "1");
  repeat("SELECT ", "ROW_COUNT()+", "1");
  repeat("SELECT ", "COUNT(*),");
  repeat("SELECT ", "(SELECT ");
  repeat("SELECT ", "LAST_INSERT_ID(");
  repeat("WITH ", "a AS (SELECT 1),", "b AS (SELECT 1) SELECT 1");
  repeat("SELECT 1 ", "UNION SELECT 1 ");
  repeat("SHOW ", "STATUS ");
  repeat("EXPLAIN ", "EXTENDED ");
  repeat("EXPLAIN ", "ANALYZE ");
  repeat("CALL p(", "1,", "1)");
  // Several statements.
  repeat("", ";");
  repeat("", "SELECT 1;");
  repeat("", "/**/;");
  repeat("", "SELECT 1;/*");
  repeat("", "SET sql_mode='';");
  repeat("CREATE PROCEDURE p() BEGIN ", "SELECT 1;", "END;SELECT 1");
  repeat("", "CREATE PROCEDURE p() BEGIN SELECT 1; END;");
  repeat("SELECT 1 ", std::string(1, '\0'));
  // SET, hints, definitions.
  repeat("SET ", "a=1,", "b=1");
  repeat("SET ", "@a=1,", "@b=1");
  repeat("SET ", "tx_isolation=1,", "b=1");
  repeat("SET ", "@@session.transaction_isolation='READ-COMMITTED',", "b=1");
  repeat("SET NAMES utf8", ",NAMES utf8");
  repeat("SET TRANSACTION ", "READ ONLY,");
  repeat("SET STATEMENT ", "a=1,", "b=1 FOR SELECT 1");
  repeat("", "SET STATEMENT a=1 FOR ", "SELECT 1");
  repeat("/* crossfade: ", "a=1,", "*/ SELECT 1");
  repeat("/* crossfade: ", " ,", "*/ SELECT 1");
  repeat("/* ", " ", "crossfade: a=1 */ SELECT 1");
  add("hints of different keys", [](std::size_t bytes) {
    std::string text = "/* crossfade: ";
    for (int i = 0; text.size() < bytes; ++i) text += "k" + std::to_string(i) + "=1,";
    return text + "*/ SELECT 1";
  });
  add("different variables", [](std::size_t bytes) {
    std::string text = "SET a=1";
    for (int i = 0; text.size() < bytes; ++i) text += ",v" + std::to_string(i) + "=1";
    return text;
  });
  repeat("CREATE TABLE t (", "a int,", "b int)");
  repeat("DROP TABLE ", "a,", "b");
  repeat("ALTER TABLE t ", "RENAME a ");
  repeat("ALTER TABLE t ", "RENAME COLUMN ");
  repeat("CREATE INDEX ", "a ");
  repeat("LOCK TABLES ", "a READ,", "b READ");
  repeat("KILL ", "1");
  // Procedures.
  repeat("CREATE PROCEDURE p() ", "BEGIN ");
  add("blocks within each other", nested("CREATE PROCEDURE p() ", "BEGIN ", "SELECT 1", "; END"));
  repeat("CREATE PROCEDURE p() BEGIN ", "DECLARE a INT; ", "SELECT 1; END");
  repeat("CREATE PROCEDURE p(a INT) BEGIN ", "SET a=a+1;\n", "END");
  repeat("CREATE PROCEDURE p(a INT) SET ", "a=1,", "a=2");
  repeat("CREATE PROCEDURE p() SELECT CASE ", "WHEN 1 THEN ", "1");
  repeat("CREATE PROCEDURE p() IF ", "(", "1 THEN SELECT 1; END IF");
  add("a procedure with many variables", [](std::size_t bytes) {
    std::string text = "CREATE PROCEDURE p() BEGIN ";
    const std::string name(40, 'v');
    for (int i = 0; i < 1000 && text.size() < bytes / 2; ++i) text += "DECLARE " + name + std::to_string(i) + " INT;";
    while (text.size() < bytes) text += "SET " + name + "0=1;";
    return text + "END";
  });
  // Prepared statements, files, diagnostics.
  repeat("PREPARE s FROM '", "\\'", "'");
  repeat("PREPARE s FROM ", "(");
  repeat("EXECUTE s USING ", "@a,", "@b");
  repeat("EXECUTE IMMEDIATE '", "SELECT 1;", "'");
  repeat("LOAD DATA LOCAL INFILE 'f' INTO TABLE t (", "a,", "b)");
  repeat("LOAD DATA LOCAL INFILE 'f' INTO TABLE t SET ", "a=1,", "b=1");
  repeat("LOAD DATA LOCAL INFILE 'f' INTO TABLE t SET a=", "(", "1");
  repeat("LOAD DATA LOCAL INFILE 'f' INTO TABLE t FIELDS ", "TERMINATED BY ',' ");
  repeat("LOAD DATA LOCAL INFILE 'f' INTO TABLE t LINES TERMINATED BY 0x", "0a");
  repeat("GET DIAGNOSTICS ", "@a=NUMBER,", "@b=NUMBER");
  repeat("GET DIAGNOSTICS CONDITION 1 ", "@a=MYSQL_ERRNO,", "@b=MESSAGE_TEXT");
  repeat("SHOW WARNINGS LIMIT ", "1");
  for (NamedInput& list : lists_of_different_names()) out.push_back(std::move(list));
  return out;
}

}  // namespace crossfade::steps
