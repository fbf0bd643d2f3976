"""What capture_log.py runs: each scenario is what one golden file of the row log shows. Statements run in database `lab`;
`a: sql` and `b: sql` in sessions of their own, `!sql` is expected to fail. `before` is not captured."""

NUMBERS = """CREATE TABLE numbers (id INT PRIMARY KEY, t TINYINT, ut TINYINT UNSIGNED, s SMALLINT, us SMALLINT UNSIGNED,
 m MEDIUMINT, um MEDIUMINT UNSIGNED, i INT, ui INT UNSIGNED, b BIGINT, ub BIGINT UNSIGNED, y YEAR, f FLOAT, d DOUBLE,
 uf FLOAT UNSIGNED, d10 DECIMAL(10,2), d65 DECIMAL(65,30), du DECIMAL(9,0) UNSIGNED, b1 BIT(1), b8 BIT(8), b33 BIT(33),
 z INT UNSIGNED ZEROFILL)"""
NUMBER_ROWS = [
    "1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 1901, -3.402823e38, "
    "-1.7976931348623157e308, 0, -99999999.99, -99999999999999999999999999999999999.999999999999999999999999999999, 0, "
    "b'0', b'0', b'0', 0",
    "2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, "
    "2155, 3.402823e38, 1.7976931348623157e308, 1.5, 99999999.99, "
    "99999999999999999999999999999999999.999999999999999999999999999999, 999999999, b'1', b'11111111', "
    "b'111111111111111111111111111111111', 42",
    "3" + ", NULL" * 21,
    "4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', b'0', b'0', 0",
]
TEMPORALS = """CREATE TABLE temporals (id INT PRIMARY KEY, d DATE, t TIME, t1 TIME(1), t3 TIME(3), t6 TIME(6), dt DATETIME,
 dt2 DATETIME(2), dt4 DATETIME(4), dt6 DATETIME(6), ts TIMESTAMP NULL, ts3 TIMESTAMP(3) NULL, ts6 TIMESTAMP(6) NULL)"""
TEMPORAL_ROWS = [
    "1, '1000-01-01', '-838:59:59', '-838:59:58.9', '-00:00:00.001', '-838:59:58.999999', '1000-01-01', "
    "'1000-01-01 00:00:00.01', '1000-01-01', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', "
    "'1970-01-01 00:00:01.001', '1970-01-01 00:00:01.000001'",
    "2, '9999-12-31', '838:59:59', '838:59:58.9', '838:59:58.999', '838:59:58.999999', '9999-12-31 23:59:59', "
    "'9999-12-31 23:59:59.99', '9999-12-31 23:59:59.9999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', "
    "'2038-01-19 03:14:07.999', '2038-01-19 03:14:07.999999'",
    "3" + ", NULL" * 12,
    "4, '0000-00-00', '0', '0', '0', '0', '0000-00-00', '2024-00-10', '0000-00-00', '0000-00-00', '0000-00-00', "
    "'0000-00-00', '0000-00-00'",
]
TEXTS = """CREATE TABLE texts (id INT PRIMARY KEY, c0 CHAR(0), c CHAR(10), c255 CHAR(255), v VARCHAR(20),
 v300 VARCHAR(300), b BINARY(6), vb VARBINARY(20), b255 BINARY(255), tt TINYTEXT, t TEXT, mt MEDIUMTEXT, lt LONGTEXT,
 tb TINYBLOB, bb BLOB, mb MEDIUMBLOB, lb LONGBLOB, l1 VARCHAR(20) CHARACTER SET latin1, l1c CHAR(200) CHARACTER SET latin1,
 bin VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, e ENUM('x','y','zä') , s SET('a','b','c'),
 e2 ENUM('é','ü') CHARACTER SET latin1, s9 SET('1','2','3','4','5','6','7','8','9'), g GEOMETRY, p POINT)"""
TEXT_ROWS = [
    "1" + ", ''" * 19 + ", 'x', '', 'é', '', NULL, NULL",
    "2" + ", NULL" * 25,
    "3, '', 'abcäöü€😀', REPEAT('€', 255), REPEAT('😀', 20), REPEAT('a', 300), X'610000000000', X'0001', "
    "REPEAT(X'FF', 255), 'tiny', 'text', 'medium', 'long', X'00', X'FF', X'0102', REPEAT('z', 300), 'é', REPEAT('ü', 200), "
    "'bin', 'zä', 'a,c', 'ü', '1,9', ST_GeomFromText('LINESTRING(0 0,1 1,2 5)'), ST_GeomFromText('POINT(1 2)')",
    "4, '', 'x ', ' y', 'v  ', '', X'00', '', '', '', '', '', '', '', '', '', '', '', '', '', 'y', 'b', 'é', '9', NULL, NULL",
]


def inserts(table, rows):
    return ["INSERT INTO %s VALUES (%s)" % (table, row) for row in rows]


def scenarios(kind):
    mariadb = kind == "mariadb"
    lax = "SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00'"
    found = {
        "start_of_file": {"whole_file": True, "before": ["CREATE TABLE t (id INT PRIMARY KEY)"],
                          "run": ["INSERT INTO t VALUES (1)", "FLUSH BINARY LOGS", "INSERT INTO t VALUES (2)"]},
        "without_checksum": {"whole_file": True, "checksum": "CRC32",
                             "before": ["CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL binlog_checksum=NONE"],
                             "run": ["INSERT INTO t VALUES (1)"], "after": ["SET GLOBAL binlog_checksum=CRC32"]},
        "numbers": {"before": [NUMBERS, lax], "run": [
            "INSERT INTO numbers VALUES " + ", ".join("(%s)" % row for row in NUMBER_ROWS),
            "UPDATE numbers SET t=1 WHERE id IN (1,3)", "DELETE FROM numbers WHERE id > 2"]},
        "temporals": {"before": [TEMPORALS, lax], "run": inserts("temporals", TEMPORAL_ROWS) + [
            "UPDATE temporals SET d='2024-02-29' WHERE id=3", "DELETE FROM temporals"]},
        "texts": {"before": [TEXTS, lax], "run": inserts("texts", TEXT_ROWS) + [
            "UPDATE texts SET e=0 WHERE id=2", "DELETE FROM texts WHERE id<3"]},
        "minimal_image": {"before": ["CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(9))",
                                     "INSERT INTO t VALUES (1,1,'x')", "SET binlog_row_image=MINIMAL"],
                          "run": ["UPDATE t SET a=2", "INSERT INTO t (id) VALUES (2)", "DELETE FROM t WHERE id=1"]},
        "default_metadata": {"before": [
            "SET GLOBAL binlog_row_metadata=%s" % ("NO_LOG" if mariadb else "MINIMAL"), TEXTS, NUMBERS, lax],
            "run": inserts("texts", TEXT_ROWS[2:3]) + inserts("numbers", NUMBER_ROWS[:1]),
            "after": ["SET GLOBAL binlog_row_metadata=FULL"]},
        "many_columns": {"before": ["CREATE TABLE wide (%s, PRIMARY KEY (c3, c1), KEY (c9))" %
                                    ", ".join("c%d %s" % (i, "INT NOT NULL" if i % 2 else "VARCHAR(9)")
                                              for i in range(300)),
                                    "CREATE TABLE p (a VARCHAR(50), b TEXT, PRIMARY KEY (a(5), b(7)))",
                                    "SET sql_mode=''"],
                         "run": ["INSERT INTO wide (c3,c1,c8) VALUES (1,2,'x')", "INSERT INTO p VALUES ('k','l')"]},
        "multi_table": {"before": ["CREATE TABLE t1 (id INT PRIMARY KEY, v INT)", "CREATE TABLE t2 (id INT PRIMARY KEY, v INT)",
                                   "CREATE TABLE audit (n INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20))",
                                   "CREATE TRIGGER tr AFTER INSERT ON t1 FOR EACH ROW INSERT INTO audit (what) VALUES ('in')",
                                   "INSERT INTO t1 VALUES (1,1),(2,2)", "INSERT INTO t2 VALUES (1,1),(2,2)"],
                        "run": ["UPDATE t1 JOIN t2 USING (id) SET t1.v=t1.v+10, t2.v=t2.v+20", "INSERT INTO t1 VALUES (3,3)",
                                "DELETE t1, t2 FROM t1 JOIN t2 USING (id) WHERE id=1",
                                "INSERT INTO t1 VALUES (2,2),(4,4) ON DUPLICATE KEY UPDATE v=99",
                                "REPLACE INTO t2 VALUES (2,77)", "SET foreign_key_checks=0, unique_checks=0",
                                "INSERT INTO t2 VALUES (9,9)"]},
        "cascades": {"before": ["CREATE TABLE parent (id INT PRIMARY KEY)",
                                "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) "
                                "ON DELETE CASCADE ON UPDATE CASCADE)",
                                "INSERT INTO parent VALUES (1),(2)", "INSERT INTO child VALUES (10,1),(20,2)"],
                     "run": ["UPDATE parent SET id=3 WHERE id=2", "DELETE FROM parent WHERE id=1"]},
        "transactions": {"before": ["CREATE TABLE t (id INT PRIMARY KEY, v INT)"],
                         "run": ["BEGIN", "INSERT INTO t VALUES (1,1)", "SAVEPOINT s", "INSERT INTO t VALUES (2,2)",
                                 "ROLLBACK TO SAVEPOINT s", "SAVEPOINT s2", "INSERT INTO t VALUES (3,3)", "RELEASE SAVEPOINT s2",
                                 "COMMIT", "BEGIN", "INSERT INTO t VALUES (4,4)", "ROLLBACK",
                                 "!INSERT INTO t VALUES (5,5),(1,1)", "BEGIN", "COMMIT",
                                 "UPDATE t SET v=v WHERE id=1"]},
        "ddl": {"before": [], "run": [
            "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))", "ALTER TABLE t ADD w TIMESTAMP NULL DEFAULT '2024-01-01 10:00:00'",
            "INSERT INTO t VALUES (1,'a','2024-02-03 04:05:06')", "SET time_zone='+02:00', sql_mode='', foreign_key_checks=0",
            "ALTER TABLE t MODIFY w DATETIME", "INSERT INTO t VALUES (2,'b','2024-02-03 04:05:06')", "TRUNCATE TABLE t",
            "RENAME TABLE t TO u", "SET NAMES latin1", "CREATE INDEX k ON u (v)", "CREATE VIEW vw AS SELECT 1",
            "SET explicit_defaults_for_timestamp=0", "ALTER TABLE u ADD ts2 TIMESTAMP", "DROP VIEW vw",
            "!DROP TABLE u, missing" if mariadb else "DROP TABLE IF EXISTS u, missing",
            "CREATE USER someone@localhost IDENTIFIED BY 'x'", "DROP USER someone@localhost",
            "CREATE DATABASE lab2", "DROP DATABASE lab2"]},
        "create_select": {"before": ["CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1),(2)"],
                          "run": ["CREATE TABLE copy AS SELECT * FROM t", "CREATE TABLE copy2 LIKE t",
                                  "CREATE TEMPORARY TABLE tmp (id INT)", "INSERT INTO tmp VALUES (5)",
                                  "INSERT INTO copy SELECT * FROM tmp", "DROP TEMPORARY TABLE tmp"]},
        "xa": {"before": ["CREATE TABLE t (id INT PRIMARY KEY, v INT)"], "run": [
            "a: XA START 'one'", "a: INSERT INTO t VALUES (1,1)", "a: XA END 'one'", "a: XA COMMIT 'one' ONE PHASE",
            "a: XA START 'two','br',7", "a: INSERT INTO t VALUES (2,2)", "a: UPDATE t SET v=3 WHERE id=2", "a: XA END 'two','br',7",
            "a: XA PREPARE 'two','br',7", "b: INSERT INTO t VALUES (10,10)",
            "b: XA START 'gone'", "b: INSERT INTO t VALUES (3,3)", "b: XA END 'gone'", "b: XA PREPARE 'gone'",
            "INSERT INTO t VALUES (11,11)", "b: XA ROLLBACK 'gone'", "a: XA COMMIT 'two','br',7",
            "a: XA START 'empty'", "a: XA END 'empty'", "a: XA PREPARE 'empty'", "a: XA COMMIT 'empty'",
            "a: XA START 'sp'", "a: INSERT INTO t VALUES (20,1)", "a: SAVEPOINT s", "a: INSERT INTO t VALUES (21,1)",
            "a: ROLLBACK TO s", "a: SAVEPOINT q", "a: INSERT INTO t VALUES (22,1)", "a: XA END 'sp'", "a: XA PREPARE 'sp'",
            "a: XA COMMIT 'sp'"]},
        "not_transactional": {"before": ["CREATE TABLE my (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE t (id INT PRIMARY KEY)"],
                              "run": ["INSERT INTO my VALUES (1)", "UPDATE my SET id=2", "TRUNCATE my",
                                      "INSERT INTO my VALUES (7),(8)", "DELETE FROM my"]},
        "json": {"before": ["CREATE TABLE j (id INT PRIMARY KEY, j JSON)"], "run": [
            """INSERT INTO j VALUES (1, '{"a": [1, 2.5, "x", null, true]}'), (2, NULL), (3, '"text"')""",
            """UPDATE j SET j=JSON_SET(j, '$.b', 'new') WHERE id=1"""]},
        "generated": {"before": ["CREATE TABLE g (id INT PRIMARY KEY, a INT, v INT GENERATED ALWAYS AS (a+1) VIRTUAL, "
                                 "s INT GENERATED ALWAYS AS (a*2) STORED, h INT DEFAULT 5 INVISIBLE)"] +
                      ([] if mariadb else ["CREATE INDEX fi ON g ((a * 3))"]),
                      "run": ["INSERT INTO g (id,a) VALUES (1,10)", "UPDATE g SET a=NULL, h=6"]},
        "mixed": {"before": ["CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40))", "SET binlog_format=MIXED"],
                  "run": ["INSERT INTO t (v) VALUES ('plain')", "INSERT INTO t (v) VALUES (UUID())",
                          "SET @v='user'", "SET binlog_format=STATEMENT", "INSERT INTO t (v) VALUES (@v)",
                          "INSERT INTO t (v) VALUES (CONCAT('r', RAND(3)))"]},
        "rename_swap": {"before": ["CREATE TABLE t (id INT PRIMARY KEY, a INT)", "CREATE TABLE _t_new (id INT PRIMARY KEY, b TEXT, a INT)",
                                   "INSERT INTO t VALUES (1,1)"],
                        "run": ["INSERT INTO _t_new (id,a) SELECT id,a FROM t", "RENAME TABLE t TO _t_old, _t_new TO t",
                                "INSERT INTO t VALUES (2,'x',2)", "INSERT INTO _t_old VALUES (3,3)"]},
        "rows_query": {"before": ["CREATE TABLE t (id INT PRIMARY KEY)",
                                  "SET binlog_annotate_row_events=1" if mariadb else "SET binlog_rows_query_log_events=1"],
                       "run": ["INSERT INTO t VALUES (1)"]},
        "no_key": {"before": ["CREATE TABLE n (a FLOAT, b VARCHAR(9))"],
                   "run": ["INSERT INTO n VALUES (0.1,'x'),(0.1,'x')", "DELETE FROM n LIMIT 1"]},
        "load_data": {"before": ["CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL local_infile=1"],
                      "run": ["LOAD DATA LOCAL INFILE 'f' INTO TABLE t"]},
        "load_data_statement": {"before": ["CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL local_infile=1",
                                           "SET binlog_format=STATEMENT"],
                                "run": ["LOAD DATA LOCAL INFILE 'f' INTO TABLE t"]},
        "heartbeat": {"flags": 0, "before": ["CREATE TABLE t (id INT PRIMARY KEY)"], "run": ["INSERT INTO t VALUES (1)"]},
        # 2 asks MariaDB for ANNOTATE_ROWS and MySQL for the second version of heartbeats.
        "heartbeat_2": {"flags": 2, "before": ["CREATE TABLE t (id INT PRIMARY KEY)",
                                               "SET binlog_annotate_row_events=1" if mariadb else "DO 1"],
                        "run": ["INSERT INTO t VALUES (1)"]},
        "large": {"before": ["CREATE TABLE t (id INT PRIMARY KEY, v TEXT)"],
                  "run": ["BEGIN"] + ["INSERT INTO t VALUES (%d, REPEAT('%d', 500))" % (i, i) for i in range(12)] + ["COMMIT"]},
    }
    compressed = ["CREATE TABLE c (id INT PRIMARY KEY, v TEXT, w VARCHAR(500))"]
    rows = ["INSERT INTO c VALUES (1, REPEAT('abc', 2000), 'w')", "UPDATE c SET v=REPEAT('xyz', 3000)",
            "INSERT INTO c VALUES (2, 'short', NULL)", "DELETE FROM c WHERE id=1",
            "CREATE TABLE d (id INT /* %s */)" % ("long comment " * 60)]
    if mariadb:
        found["compressed"] = {"before": compressed + ["SET GLOBAL log_bin_compress=1, GLOBAL log_bin_compress_min_len=10"],
                               "run": rows, "after": ["SET GLOBAL log_bin_compress=0"]}
        found["sequences"] = {"before": [], "run": ["CREATE SEQUENCE s", "SELECT NEXTVAL(s)", "DROP SEQUENCE s"]}
        found["aria_in_transaction"] = {
            "before": ["CREATE TABLE ar (id INT PRIMARY KEY) ENGINE=Aria", "CREATE TABLE t (id INT PRIMARY KEY)"],
            "run": ["BEGIN", "INSERT INTO t VALUES (1)", "INSERT INTO ar VALUES (1)", "COMMIT",
                    "BEGIN", "INSERT INTO t VALUES (2)", "INSERT INTO ar VALUES (2)", "ROLLBACK"]}
        found["mariadb_types"] = {"before": [
            "CREATE TABLE mt (id INT PRIMARY KEY, t1 VARCHAR(10) CHARACTER SET latin1, u UUID, i6 INET6, i4 INET4, "
            "t2 VARCHAR(10) CHARACTER SET utf8mb4, vc VARCHAR(100) COMPRESSED, bc BLOB COMPRESSED, e ENUM('a'))"],
            "run": ["INSERT INTO mt VALUES (1, 'x', '00112233-4455-6677-8899-aabbccdd0000', '2001:db8::', '10.0.0.0', 'y', "
                    "'compressed', REPEAT('z', 300), 'a')"]}
        found["versioned"] = {"before": ["CREATE TABLE ve (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING"],
                              "run": ["INSERT INTO ve VALUES (1,1)", "UPDATE ve SET v=2"]}
        found["old_temporals"] = {"before": ["SET GLOBAL mysql56_temporal_format=OFF", "CREATE TABLE ot (id INT PRIMARY KEY, "
                                             "d DATETIME)", "CREATE TABLE od (id INT PRIMARY KEY, d DATE)",
                                             "SET GLOBAL mysql56_temporal_format=ON"],
                                  "run": ["INSERT INTO ot VALUES (1,'2024-01-02 03:04:05')", "INSERT INTO od VALUES (1,'2024-01-02')"]}
        found["two_phase_alter"] = {"before": ["CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)",
                                               "SET binlog_alter_two_phase=1"],
                                    "run": ["ALTER TABLE t ADD a INT NOT NULL DEFAULT 7", "!ALTER TABLE t ADD UNIQUE (a)",
                                            "INSERT INTO t VALUES (3, 8)"]}
        found["rolled_back_to"] = {"before": ["CREATE TABLE my (id INT) ENGINE=MyISAM", "CREATE TABLE t (id INT PRIMARY KEY)"],
                                   "run": ["BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT s", "INSERT INTO t VALUES (2)",
                                           "INSERT INTO my SELECT id FROM t", "CREATE TEMPORARY TABLE q (id INT)", "ROLLBACK TO s", "COMMIT"]}
    else:
        found["compressed"] = {"before": compressed + ["SET binlog_transaction_compression=1"], "run": rows}
        found["tagged"] = {"before": ["CREATE TABLE t (id INT PRIMARY KEY)"],
                           "run": ["SET gtid_next='AUTOMATIC:deploy_tag'", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
                                   "CREATE TABLE u (id INT)", "SET gtid_next='AUTOMATIC'", "INSERT INTO t VALUES (3)"]}
        found["anonymous"] = {
            "before": ["CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL gtid_mode=ON_PERMISSIVE", "SET GLOBAL gtid_mode=OFF_PERMISSIVE"],
            "run": ["INSERT INTO t VALUES (1)"],
            "after": ["SET GLOBAL gtid_mode=ON_PERMISSIVE", "SET GLOBAL gtid_mode=ON"]}
        found["partial_json"] = {"before": ["CREATE TABLE j (id INT PRIMARY KEY, j JSON)", """INSERT INTO j VALUES (1, '{"a": 1, "b": "%s"}')""" % ("x" * 100),
                                            "SET binlog_row_value_options=PARTIAL_JSON, binlog_row_image=MINIMAL"],
                                 "run": ["UPDATE j SET j=JSON_SET(j, '$.a', 2)"]}
        found["vector"] = {"before": ["CREATE TABLE ve (id INT PRIMARY KEY, v VECTOR(3), t TEXT)"],
                           "run": ["INSERT INTO ve VALUES (1, STRING_TO_VECTOR('[1,2,3.5]'), 'x')"]}
        found["multi_valued"] = {"before": ["CREATE TABLE mv (id INT PRIMARY KEY, j JSON, KEY k ((CAST(j->'$.a' AS UNSIGNED ARRAY))))"],
                                 "run": ["""INSERT INTO mv VALUES (1, '{"a": [1,2]}')"""]}
        found["no_key_invisible"] = {"before": ["SET sql_generate_invisible_primary_key=1", "CREATE TABLE ik (v VARCHAR(9))"],
                                     "run": ["INSERT INTO ik VALUES ('x')"]}
    return found


def json_documents():
    """SQL expressions of JSON values, for MySQL."""
    import json
    import random
    quoted = lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    texts = ["null", "true", "false", "0", "-1", "1", "32767", "-32768", "32768", "-32769", "65535", "65536", "2147483647",
             "2147483648", "-2147483648", "-2147483649", "4294967296", "9223372036854775807", "-9223372036854775808",
             "9223372036854775808", "18446744073709551615", "18446744073709551616", "0.0", "-0.0", "-0", "1.0", "1.5", "0.1", "1e0",
             "1e14", "1e15", "1e16", "123456789012345.0", "1234567890123456.0", "12345678901234567.0", "1e17", "1e22", "1e100",
             "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "1e-1", "1e-4", "1e-5", "1e-14", "1e-15", "1e-16",
             "1.25e-15", "123e-17", "0.30000000000000004", "0.1234567890123456789", "1e-300", "-1.5e-300", "3.141592653589793",
             "100.5", "999999999999999.9", "9999999999999999.9", '""', '"a"', '"\\u00e4\\u20ac"', '"\\ud83d\\ude00"',
             '"quote \\" back \\\\ slash \\/ tab \\t nl \\n cr \\r bs \\b ff \\f"', '"\\u0000\\u0001\\u001f\\u007f\\u0080"',
             "[]", "{}", "[[]]", "[{}]", '{"": ""}', "[1, 2, 3]", "[null, true, false, -5, 70000, \"x\"]", '{"b": 1, "a": 2, "aa": 3}',
             '{"a": {"b": {"c": [1, [2, [3]]]}}}', '{"k\\"ey": "v"}', "[1.5, 2.5]", '{"ä": "ö"}', "[32768, 65535, 65536, 4294967295]",
             '["%s"]' % ("x" * 127), '["%s"]' % ("x" * 128), '"%s"' % ("y" * 16383), '"%s"' % ("y" * 16384), "[" * 99 + "1" + "]" * 99]
    texts.append(json.dumps(["%05d" % i for i in range(9000)]))  # past 64 KiB: the large format
    texts.append(json.dumps({"key%05d" % i: i for i in range(4000)}))
    texts.append(json.dumps({"small": [1, 2], "large": "z" * 70000, "n": [1, 2, {"x": 70000}]}))
    documents = [quoted(text) for text in texts]
    documents += ["CAST(%s AS JSON)" % value for value in (
        "CAST(1.50 AS DECIMAL(5,2))", "CAST(-12345678901234567890.123456789 AS DECIMAL(40,9))", "CAST(0 AS DECIMAL(5,2))", "CAST(0.001 AS DECIMAL(3,3))",
        "CAST(-0.5 AS DECIMAL(2,1))", "CAST('99999999999999999999999999999999999999999999999999999999999999999' AS DECIMAL(65,0))",
        "DATE'2024-02-29'", "TIME'12:34:56'", "TIME'-838:59:59'", "TIME'-00:00:00.5'", "TIME'01:02:03.000456'", "TIMESTAMP'2024-02-29 23:59:59.123456'",
        "TIMESTAMP'1000-01-01 00:00:00'", "X'00FF'", "X''", "b'101'", "2024", "POINT(1,2)")]
    documents += ["JSON_ARRAY(%s)" % value for value in (
        "DATE'0001-01-01'", "TIMESTAMP'9999-12-31 23:59:59.999999'", "TIME'838:59:59'", "1.10", "-7.0", "123456789.123456789", "1e3", "X'0102030405060708090a'", "NOW(6) IS NULL",
        "CAST('x' AS BINARY)", "REPEAT(X'41', 300)", "CAST(REPEAT(X'41', 300) AS BINARY)", "18446744073709551615", "YEAR('2024-01-01')", "CAST(2024 AS YEAR)", "b'1'",
        "CAST(1.5 AS FLOAT)", "CAST(0.1 AS FLOAT)", "CAST(123456792 AS FLOAT)", "TRUE", "NULL", "'quoted'", "DATE'2024-01-01', TIME'10:00:00', 3.14, 'x'", "ST_GeomFromText('POINT(1 2)')",
        "0.00", "10.", "-.5", "100000000.00")]
    documents += ["JSON_OBJECT('d', DATE'2024-01-01', 'n', 1.10, 'b', X'FF', 'nested', JSON_ARRAY(2.20, TIME'00:00:01'))"]
    source = random.Random(4711)

    def value(depth):
        kind = source.randrange(9 if depth else 6)
        if kind == 0:
            return source.choice([None, True, False])
        if kind == 1:
            return source.randrange(-2 ** 63, 2 ** 64) >> source.randrange(64)
        if kind in (2, 3):
            return source.uniform(-1, 1) * 10 ** source.randrange(-30, 30)
        if kind in (4, 5):
            return "".join(chr(source.choice([source.randrange(1, 0x7f), source.randrange(0x80, 0xd800), source.randrange(0x1f300, 0x1f600)]))
                           for _ in range(source.randrange(20)))
        if kind == 6:
            return {str(value(0))[:20]: value(depth - 1) for _ in range(source.randrange(6))}
        return [value(depth - 1) for _ in range(source.randrange(6))]
    documents += [quoted(json.dumps(value(4), ensure_ascii=False)) for _ in range(150)]
    return documents
