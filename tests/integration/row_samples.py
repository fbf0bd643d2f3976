"""Tables with every type that both makes have, and work on them, for tests of how rows travel without a proxy."""

import atexit
import os
import random

from row_codec import LOG_OPTIONS, Tool
from servers import Database

PRIVATE = {}

# (type, literals at the limits)
TYPES = [
    ("TINYINT", "-128", "127"), ("TINYINT UNSIGNED", "0", "255"), ("SMALLINT", "-32768", "32767"),
    ("MEDIUMINT", "-8388608", "8388607"), ("MEDIUMINT UNSIGNED", "0", "16777215"), ("INT", "-2147483648", "2147483647"),
    ("INT UNSIGNED", "0", "4294967295"), ("BIGINT", "-9223372036854775808", "9223372036854775807"),
    ("BIGINT UNSIGNED", "0", "18446744073709551615"), ("FLOAT", "-3.4028234663852886e38", "0.1e0", "1.401298464324817e-45"),
    ("DOUBLE", "-1.7976931348623157e308", "0.1e0", "5e-324"), ("DECIMAL(10,3)", "-9999999.999", "9999999.999", "0.001"),
    ("DECIMAL(65,30)", "-12345678901234567890123456789012345.123456789012345678901234567890", "-0.000000000000000000000000000001"),
    ("DECIMAL(9,0)", "-999999999", "0"), ("DECIMAL(5,5)", "0.99999", "-0.00001"), ("BIT(1)", "b'1'", "b'0'"),
    ("BIT(17)", "b'10000000000000001'"), ("BIT(64)", "18446744073709551615", "1"), ("YEAR", "1901", "2155", "0"),
    ("DATE", "'0000-00-00'", "'9999-12-31'", "'2024-00-10'", "'1000-01-01'"), ("TIME", "'-838:59:59'", "'838:59:59'", "'00:00:00'"),
    ("TIME(1)", "'-00:00:00.1'", "'12:13:14.9'"), ("TIME(3)", "'-01:02:03.004'", "'23:59:59.999'"),
    ("TIME(6)", "'-838:59:58.999999'", "'-00:00:00.000001'"),
    ("DATETIME", "'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'"), ("DATETIME(2)", "'1999-12-31 23:59:59.99'"),
    ("DATETIME(5)", "'2001-02-03 04:05:06.00001'"), ("DATETIME(6)", "'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"),
    ("TIMESTAMP NULL", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'", "'2000-02-29 12:00:00'"),
    ("TIMESTAMP(4) NULL", "'2024-03-01 00:00:00.0001'"), ("TIMESTAMP(6) NULL", "'2038-01-19 03:14:07.999999'"),
    ("CHAR(10) CHARACTER SET latin1", "''", "_latin1 x'e980a4'", "'a  '"), ("CHAR(255) CHARACTER SET utf8mb4", "_utf8mb4 x'f09f9880'", "''"),
    ("VARCHAR(20) CHARACTER SET utf8mb4", "''", "'  '", "_utf8mb4 x'f09f988020'", "'it''s \\\\ x'"),
    ("VARCHAR(300) CHARACTER SET latin1", "_latin1 x'e9ff00'", "REPEAT('z', 300)"), ("VARCHAR(10) CHARACTER SET utf16", "_utf8mb4 x'f09f9880c3a9'", "''"),
    ("VARCHAR(10) CHARACTER SET cp1251", "_cp1251 x'c0c1'"), ("BINARY(4)", "x'00'", "x'61620000'", "x'ffffffff'"),
    ("BINARY(255)", "x'01'"), ("VARBINARY(300)", "''", "x'00ff2700'", "REPEAT(x'00', 300)"), ("TINYBLOB", "''", "x'00'"),
    ("BLOB", "REPEAT(x'ff', 65535)"), ("MEDIUMBLOB", "x'2700'"), ("LONGBLOB", "REPEAT('q', 70000)"),
    ("TINYTEXT CHARACTER SET utf8mb4", "''", "REPEAT('t', 255)"), ("TEXT CHARACTER SET latin1", "_latin1 x'80'", "' '"),
    ("MEDIUMTEXT CHARACTER SET utf8mb4", "_utf8mb4 x'e282ac'"), ("LONGTEXT CHARACTER SET utf8mb4", "REPEAT('l', 70000)"),
    ("ENUM('a','b','99') CHARACTER SET utf8mb4", "'99'", "1", "0"), ("SET('a','b','99') CHARACTER SET utf8mb4", "'a,99'", "''", "7"),
    ("SET(%s)" % ",".join("'m%d'" % i for i in range(64)), "18446744073709551615", "1", "9223372036854775808"),
    ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('LINESTRING(0 0,1 1)')"),
    ("POINT", "ST_GeomFromText('POINT(-1.5 2)')"),
]
# The follower's own type where the server converts exactly: (leader's, follower's, literals).
WIDER = [
    ("TINYINT", "BIGINT", "-128", "127"), ("SMALLINT UNSIGNED", "INT", "65535"), ("INT UNSIGNED", "BIGINT UNSIGNED", "4294967295"),
    ("DECIMAL(10,3)", "DECIMAL(20,6)", "-9999999.999"), ("FLOAT", "DOUBLE", "0.1e0", "-3.4028234663852886e38", "1.401298464324817e-45"),
    ("TIME(1)", "TIME(6)", "'-00:00:00.1'"), ("DATETIME", "DATETIME(3)", "'9999-12-31 23:59:59'"),
    ("TIMESTAMP NULL", "TIMESTAMP(6) NULL", "'2038-01-19 03:14:07'"), ("CHAR(5) CHARACTER SET latin1", "CHAR(8) CHARACTER SET utf8mb4", "_latin1 x'e980ff'"),
    ("CHAR(5) CHARACTER SET utf8mb4", "VARCHAR(5) CHARACTER SET utf8mb4", "'a '", "''"), ("VARCHAR(5) CHARACTER SET cp1251", "VARCHAR(5) CHARACTER SET utf8mb4", "_cp1251 x'c0ff80'"),
    ("VARCHAR(5) CHARACTER SET utf8mb3", "VARCHAR(5) CHARACTER SET utf8mb4", "_utf8mb3 x'e282ac20'"), ("VARCHAR(5) CHARACTER SET utf16", "VARCHAR(5) CHARACTER SET utf8mb4", "_utf16 x'd83dde00'"),
    ("VARCHAR(9) CHARACTER SET ascii", "TEXT CHARACTER SET latin1", "'a  '"), ("TEXT CHARACTER SET latin1", "MEDIUMTEXT CHARACTER SET utf8mb4", "_latin1 x'8081ff'"),
    ("TINYTEXT CHARACTER SET latin1", "VARCHAR(255) CHARACTER SET utf8mb4", "_latin1 x'e9'"), ("VARBINARY(9)", "BLOB", "x'0027ff'"), ("BINARY(4)", "VARBINARY(4)", "x'61'"),
    ("BLOB", "LONGBLOB", "x'00'"), ("BIT(5)", "BIT(40)", "b'10101'"), ("ENUM('a','b')", "ENUM(%s)" % ",".join(["'a'", "'b'"] + ["'x%d'" % i for i in range(300)]), "'b'", "0"),
    ("SET('a','b')", "SET('a','b',%s)" % ",".join("'y%d'" % i for i in range(9)), "'a,b'", "''"),
]
JSON = ["{}", "[]", '"text"', "-1", "1.5", "true", "null", '{"a": {"b": [1, 2, "\\u00e9", null]}, "": 18446744073709551615}',
        '[0.1, 1e300, -9223372036854775808]', '"' + "long" * 20000 + '"', "[" + ",".join('{"k%d": %d}' % (i, i) for i in range(3000)) + "]"]
TABLES = {"every": "id", "wider": "id", "docs": "id", "keyless": "n, c1", "shuffled": "id", "parent": "id", "child": "id", "uniq": "id"}


def servers_with_logs(env):
    if env.old.kind not in PRIVATE:
        for server in (env.old, env.new):
            PRIVATE[server.kind] = Database(server.kind, os.path.join(env.directory, "logged-" + server.kind), LOG_OPTIONS[server.kind])
            atexit.register(PRIVATE[server.kind].kill)
            PRIVATE[server.kind].start()
    return PRIVATE[env.old.kind], PRIVATE[env.new.kind]


def tool_of(env):
    return Tool(os.path.join(os.path.dirname(env.binary), "tests", "log_replay"))


def columns_of(types, which=0):
    return ", ".join("c%d %s" % (i, entry[which]) for i, entry in enumerate(types))


def make_tables(leader, follower):
    for server, wide in ((leader, 0), (follower, 1)):
        server.run("DROP DATABASE IF EXISTS app_rows", "CREATE DATABASE app_rows CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        order = ("a INT, b INT, c VARCHAR(5), g INT AS (a + b) STORED", "c VARCHAR(5), g INT AS (a + b) STORED, b INT, a INT")[wide]
        with server.connect(database="app_rows") as session, session.cursor() as cursor:
            cursor.execute("SET sql_mode=''")
            for statement in (
                    "CREATE TABLE every (id INT PRIMARY KEY, %s)" % columns_of(TYPES),
                    "CREATE TABLE keyless (n INT, %s)" % columns_of(TYPES),
                    "CREATE TABLE wider (id INT PRIMARY KEY, %s)" % columns_of(WIDER, wide),
                    "CREATE TABLE docs (id INT PRIMARY KEY, j JSON)",
                    "CREATE TABLE shuffled (id INT PRIMARY KEY, %s)" % order,
                    "CREATE TABLE parent (id INT PRIMARY KEY, u VARCHAR(9) UNIQUE)",
                    "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
                    "CREATE TABLE uniq (id INT PRIMARY KEY, a INT, b VARCHAR(9), UNIQUE (a), UNIQUE (b, a))"):
                cursor.execute(statement)


def rows_of(types, literals_at, rng, count=40):
    """Rows of literals: all NULL, each limit of each type, and random choices."""
    yield ["NULL"] * len(types)
    for i in range(max(len(entry) for entry in types) - literals_at):
        yield [entry[literals_at + i % (len(entry) - literals_at)] for entry in types]
    for _ in range(count):
        yield [rng.choice(("NULL",) + tuple(entry[literals_at:])) for entry in types]


def work(leader, seed):
    rng = random.Random(seed)
    with leader.connect(database="app_rows") as session, session.cursor() as cursor:
        cursor.execute("SET time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES'")
        fill(cursor, "every", TYPES, 1, rng)
        fill(cursor, "wider", WIDER, 2, rng)
        for i, row in enumerate(rows_of(TYPES, 1, rng, 10)):
            cursor.execute("INSERT INTO keyless VALUES (%d, %s)" % (i % 5, ", ".join(row)))
        for i in range(200):
            bits = rng.getrandbits(62)
            cursor.execute("INSERT INTO every (id, c9, c10, c7, c42) VALUES (%d, %.9g, %.17g, %d, x'%s')" %
                           (1000 + i, rng.uniform(-1, 1) * 10 ** rng.randint(-37, 37), rng.uniform(-1, 1) * 10 ** rng.randint(-300, 300),
                            bits - 2 ** 61, rng.randbytes(rng.randint(0, 50)).hex()))
        for i, text in enumerate(JSON):
            cursor.execute("INSERT INTO docs VALUES (%s, %s)", (i, text))
        cursor.execute("INSERT INTO docs VALUES (100, NULL)")
        cursor.execute("UPDATE docs SET j = JSON_OBJECT('new', id) WHERE id % 2 = 0")
        cursor.execute("DELETE FROM docs WHERE id % 3 = 0")
        cursor.execute("UPDATE every SET id = id + 100000 WHERE id % 7 = 0")
        cursor.execute("UPDATE every AS t JOIN (SELECT MAX(id) AS m FROM every) AS s SET t.c0 = 5, t.c33 = 'new ', t.c9 = t.c9 / 3 WHERE t.id % 3 = 0")
        cursor.execute("UPDATE wider SET c0 = 7, c8 = 'z' WHERE id % 3 = 0")
        cursor.execute("DELETE FROM every WHERE id % 5 = 0")
        cursor.execute("DELETE FROM wider WHERE id % 5 = 0")
        cursor.execute("UPDATE keyless SET c5 = 77 WHERE n = 2")
        cursor.execute("DELETE FROM keyless WHERE n = 3")
        cursor.execute("INSERT INTO shuffled (id, a, b, c) VALUES (1, 1, 2, 'x'), (2, NULL, 4, ''), (3, 5, 6, NULL)")
        cursor.execute("UPDATE shuffled SET a = 50 WHERE id = 3")
        cursor.execute("DELETE FROM shuffled WHERE id = 2")
        cursor.execute("INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, NULL)")
        cursor.execute("INSERT INTO child VALUES (1, 1), (2, 1), (3, 2), (4, 3), (5, NULL)")
        cursor.execute("DELETE FROM parent WHERE id = 1")
        cursor.execute("UPDATE parent SET id = 20 WHERE id = 2")
        cursor.execute("INSERT INTO uniq VALUES (1, 10, 'x'), (2, 20, 'y'), (3, NULL, NULL)")
        cursor.execute("UPDATE uniq SET a = a + 100, id = id + 10")
        session.commit()


def fill(cursor, table, types, literals_at, rng):
    for i, row in enumerate(rows_of(types, literals_at, rng)):
        cursor.execute("INSERT INTO %s VALUES (%d, %s)" % (table, i, ", ".join(row)))
