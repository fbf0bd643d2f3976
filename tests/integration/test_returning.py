"""MariaDB's INSERT .. RETURNING of columns, by which SQLAlchemy 2 learns the ids of many rows at once: the leader's rows reach the client,
and the follower gets the INSERT."""

import struct

import harness
import wire
from harness import MARIADB_OLD

TABLES = ("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v TINYINT, made DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), note VARCHAR(10) DEFAULT 'none')",)

STATEMENTS = ("SET sql_mode = ''", "INSERT INTO t (v) VALUES (1) RETURNING id", "SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()",
              "INSERT INTO t (v, note) VALUES (300, 'a'), (2, NULL), (3, 'c') RETURNING id AS first, t.v, `note` n, app.t.id;", "SHOW WARNINGS",
              "SELECT LAST_INSERT_ID()", "INSERT INTO t (id, v, made) VALUES (40, 1, '2024-02-29') RETURNING *", "SELECT LAST_INSERT_ID()",
              "INSERT INTO t SET v = 5 RETURNING t.id, note", "INSERT INTO t (id) VALUES (1) RETURNING id", "INSERT INTO t (v) VALUES (1) RETURNING nothing",
              "BEGIN", "INSERT INTO t (v) VALUES (6), (7) RETURNING id", "SELECT LAST_INSERT_ID(), ROW_COUNT()",
              "INSERT INTO t (id) VALUES (1) RETURNING id", "INSERT INTO t (v) VALUES (8) RETURNING id", "COMMIT", "BEGIN",
              "INSERT INTO t (v) VALUES (9) RETURNING id", "ROLLBACK", "SET STATEMENT max_statement_time=9 FOR INSERT INTO t (v) VALUES (10) RETURNING id",
              "INSERT INTO t (v) VALUES (11) RETURNING id; SELECT v FROM t WHERE id = LAST_INSERT_ID(); INSERT INTO t (v) VALUES (12)",
              "SET foreign_key_checks = 0", "INSERT INTO t (v) VALUES (13) RETURNING id", "SET foreign_key_checks = 1", "INSERT INTO t (v) VALUES (14) RETURNING id + 1, (SELECT 1)", "INSERT IGNORE INTO t (id, v) VALUES (1, 1), (70, 1) RETURNING id",
              "REPLACE INTO t (id, v) VALUES (1, 1) RETURNING id, v", "DELETE FROM t WHERE v = 14 RETURNING id, note",
              "INSERT INTO t (id, v) VALUES (1, 1) ON DUPLICATE KEY UPDATE v = 77 RETURNING id, v", "PREPARE s FROM 'INSERT INTO t (v) VALUES (15) RETURNING id'",
              "EXECUTE s", "SELECT id, v, note FROM t ORDER BY id")


def answers(side, capabilities):
    session = side.wire(database="app", capabilities=capabilities | wire.MULTI_STATEMENTS)
    found = []
    for statement in STATEMENTS:
        try:
            found.append((statement, [result.facts() + (result.status & 0x3, getattr(result, "definitions", None)) for result in session.query(statement)]))
        except wire.Err as error:
            found.append((statement, error.args))
    prepared = session.prepare("INSERT INTO t (v, note) VALUES (?, ?) RETURNING id, note")[0]
    for values in ((20, "x"), (1000, None), (30, "much too long for it")):
        found.append((values, [result.facts() for result in session.execute(prepared, values)]))
        found.append((values, session.one("SHOW WARNINGS").facts()))
    # A client that would fetch the rows one by one gets them at once, as from the server.
    session.command(bytes([wire.EXECUTE]) + struct.pack("<IBI", prepared, 1, 1) + b"\0\x01\x08\0\xfe\0" + struct.pack("<q", 5) + b"\x01y")
    found.append(("cursor", len(session.results(binary=True))))
    return found


@harness.roles(MARIADB_OLD)
def test_rows_of_a_returning_are_the_leaders_and_the_follower_has_them_too(env):
    for capabilities in (0, wire.DEPRECATE_EOF):
        env.afresh(*TABLES)
        expected = answers(env.old, capabilities)
        env.afresh(*TABLES)
        proxy = env.proxies[-1] if env.proxies else env.proxy()
        found = answers(proxy, capabilities)
        assert expected == found, [pair for pair in zip(expected, found) if pair[0] != pair[1]]
        env.assert_equal(rows_min=10)
        status = proxy.status()["applier"]
        assert status["divergences"] == 0 and status["parked"] == [], status
