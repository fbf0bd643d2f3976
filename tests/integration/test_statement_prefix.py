"""MariaDB's SET STATEMENT variable = value FOR statement, which MariaDB's Connector/J puts around everything under a query time-out."""

import harness
import wire
from harness import BOTH_ROLES, MARIADB_OLD, raises

ROLES = BOTH_ROLES
TABLE = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v TINYINT, made DATETIME(6))"
LIMIT = "SET STATEMENT max_statement_time=30 FOR "


def scenario(session):
    found = []
    for statement in ("SET sql_mode = ''", LIMIT + "INSERT INTO t (v, made) VALUES (1, '2024-02-29 01:02:03'), (300, NULL)", "SHOW WARNINGS",
                      "SELECT LAST_INSERT_ID()", LIMIT + "SELECT id, v FROM t ORDER BY id", LIMIT + "SELECT @@max_statement_time",
                      "SELECT @@max_statement_time", "/* a comment */ SET STATEMENT lock_wait_timeout = 1, innodb_lock_wait_timeout=2 FOR UPDATE t SET v = 5 WHERE id = 2",
                      "SET STATEMENT sort_buffer_size=100000 FOR SELECT COUNT(*) FROM t", LIMIT + "REPLACE INTO t (id, v) VALUES (1, 9)", "SELECT ROW_COUNT()",
                      LIMIT + "DELETE FROM t WHERE id = 2", LIMIT + "INSERT INTO t (id) VALUES (1)", LIMIT + "SELEC 1", LIMIT + "SELECT * FROM missing",
                      "SET STATEMENT max_statement_time=0.01 FOR SELECT SLEEP(5)", "SET STATEMENT nothing=1 FOR SELECT 1", "SET STATEMENT max_statement_time='x' FOR INSERT INTO t (v) VALUES (1)",
                      "BEGIN", LIMIT + "INSERT INTO t (id, v) VALUES (50, 1)", LIMIT + "UPDATE t SET v = 2 WHERE id = 50", "COMMIT", LIMIT + "SELECT * FROM t ORDER BY id",
                      LIMIT + "INSERT INTO t (id, v) VALUES (60, 1); " + LIMIT + "SELECT v FROM t WHERE id = 60", LIMIT + "SHOW TABLES", LIMIT + "DO 1",
                      "SET STATEMENT sql_mode='' FOR INSERT INTO t (v) VALUES (1000)", "SHOW WARNINGS", "SET @x = 1",
                      "SET STATEMENT timestamp=100 FOR INSERT INTO t (v, made) VALUES (3, NOW())", "SET STATEMENT max_statement_time=@x FOR DELETE FROM t WHERE v = 3",
                      "SET STATEMENT max_statement_time=1, time_zone='+01:00' FOR UPDATE t SET made = FROM_UNIXTIME(0) WHERE v = 1", LIMIT + "COMMIT",
                      LIMIT + "SET @x = 1", LIMIT + LIMIT + "SELECT 1", LIMIT + "CREATE TABLE u (id INT PRIMARY KEY)", LIMIT + "INSERT INTO u VALUES (1)"):
        try:
            found.append((statement, [result.facts() for result in session.query(statement)]))
        except wire.Err as error:
            found.append((statement, error.args))
    insert, select = session.prepare(LIMIT + "INSERT INTO t (id, v) VALUES (?, ?)")[0], session.prepare(LIMIT + "SELECT v FROM t WHERE id = ?")[0]
    for values in ((70, 1), (71, 2)):
        found.append((values, [result.facts() for result in session.execute(insert, values)]))
        found.append((values, [result.facts() for result in session.execute(select, values[:1])]))
    return found


@harness.roles(MARIADB_OLD)
def test_statements_with_a_limit_of_their_own_are_answered_and_duplicated(env):
    env.tables(TABLE)
    options = dict(database="app", capabilities=wire.MULTI_STATEMENTS)
    expected = scenario(env.old.wire(**options))
    env.afresh(TABLE)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    found = scenario(proxy.wire(**options))
    assert expected == found, [pair for pair in zip(expected, found) if pair[0] != pair[1]]
    env.assert_equal(rows_min=5)
    status = proxy.status()["applier"]
    assert status["divergences"] == 0 and status["parked"] == [], status


@harness.roles(MARIADB_OLD)
def test_a_write_that_exceeds_its_limit_leaves_nothing(env):
    env.tables(TABLE)
    env.old.wire(database="app").one("INSERT INTO t (id, v) VALUES (1, 1)")
    env.new.wire(database="app").one("INSERT INTO t (id, v) VALUES (1, 1)")
    holder, session = env.old.wire(database="app"), env.proxy().wire(database="app")
    holder.one("BEGIN")
    holder.one("SELECT * FROM t WHERE id = 1 FOR UPDATE")
    raises(1969, session.one, "SET STATEMENT max_statement_time=0.2 FOR UPDATE t SET v = 2 WHERE id = 1")
    holder.one("ROLLBACK")
    session.one("INSERT INTO t (id, v) VALUES (2, 1)")
    env.assert_equal(rows_min=2)


@harness.roles(harness.MYSQL_OLD)
def test_mysql_says_that_it_has_no_such_statement(env):
    env.tables(TABLE)
    directly, session = env.old.wire(database="app"), env.proxy().wire(database="app")
    for statement in (LIMIT + "SELECT 1", LIMIT + "INSERT INTO t (v) VALUES (1)"):
        assert raises(1064, session.one, statement) == raises(1064, directly.one, statement)
