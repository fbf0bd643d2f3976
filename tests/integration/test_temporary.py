"""Temporary tables, handlers and table locks while writes are duplicated: they are one session's, on the
leader, and nothing of them reaches the follower."""

from harness import BOTH_ROLES, raises

ROLES = BOTH_ROLES

TABLES = ("CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(20))",
          "CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
          "INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')")


def setup(env, **options):
    env.tables(*TABLES)
    return env.proxy(**options)


def session_of(env, **options):
    return setup(env, **options).wire(database="app")


def run(session, *statements):
    for statement in statements:
        session.one(statement)


def rows(session, statement):
    return session.one(statement).rows


def test_a_temporary_table_hides_its_base_table(env):
    session = session_of(env)
    run(session, "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(20))",
        "INSERT INTO t VALUES (1, 77, 'temp'), (9, 9, 'x')", "UPDATE t SET v = 78 WHERE id = 1", "DELETE FROM t WHERE id = 9",
        "REPLACE INTO app.t VALUES (5, 5, 'five')")
    assert rows(session, "SELECT id, v FROM t ORDER BY id") == [["1", "78"], ["5", "5"]]
    run(session, "INSERT INTO other (v) VALUES (1)", "DROP TEMPORARY TABLE t", "UPDATE t SET v = 11 WHERE id = 1")
    assert rows(session, "SELECT id, v FROM t ORDER BY id") == [["1", "11"], ["2", "20"], ["3", "30"]]
    env.assert_equal(rows_min=4)


def test_temporary_tables_made_like_and_from_others(env):
    session = session_of(env)
    run(session, "CREATE TEMPORARY TABLE a LIKE t", "INSERT INTO a SELECT * FROM t WHERE id > 1",
        "CREATE TEMPORARY TABLE b (n INT AUTO_INCREMENT PRIMARY KEY) SELECT id, v FROM a",
        "CREATE TEMPORARY TABLE IF NOT EXISTS a LIKE t", "UPDATE b SET v = (SELECT MAX(v) FROM t) WHERE id = 2",
        "DELETE FROM a WHERE id IN (SELECT id FROM b WHERE v = 30)")
    assert rows(session, "SELECT COUNT(*) FROM a") == [["0"]]
    assert rows(session, "SELECT n, id, v FROM b ORDER BY n") == [["1", "2", "30"], ["2", "3", "30"]]
    assert session.one("INSERT INTO t SELECT id + 100, v, 'x' FROM b").affected == 2
    raises(1305, session.one, "CREATE TEMPORARY TABLE c SELECT unknown_function(1)")
    raises(1305, session.one, "INSERT INTO a VALUES (unknown_function(1), 1, 'x')")
    run(session, "TRUNCATE TABLE b", "ALTER TABLE b ADD COLUMN extra INT", "CREATE INDEX on_v ON b (v)", "DROP INDEX on_v ON b",
        "INSERT INTO b (id, v, extra) VALUES (1, 1, 1)", "ALTER TABLE b RENAME TO renamed")
    assert rows(session, "SELECT n, extra FROM renamed") == [["1", "1"]]
    raises(1146, session.one, "INSERT INTO b (id, v) VALUES (1, 1)")
    run(session, "INSERT INTO renamed (id, v) VALUES (1, 1)", "DROP TABLE a, renamed")
    raises(1146, session.one, "INSERT INTO renamed (id, v) VALUES (1, 1)")
    env.assert_equal(rows_min=5)


def test_what_a_failed_statement_left_of_temporary_tables_is_looked_up(env):
    session = session_of(env)
    run(session, "CREATE TEMPORARY TABLE t (id INT)", "CREATE TEMPORARY TABLE u (id INT)")
    # MariaDB drops those that are there, MySQL none.
    raises(1051, session.one, "DROP TEMPORARY TABLE t, missing, u")
    assert "missing" in str(rows(session, "SHOW WARNINGS"))
    if env.old.kind == "mysql":
        run(session, "INSERT INTO t VALUES (50)")
        assert rows(session, "SELECT * FROM t") == [["50"]]
        run(session, "DROP TEMPORARY TABLE t, u")
    raises(1136, session.one, "INSERT INTO t VALUES (51)")
    run(session, "INSERT INTO t VALUES (52, 1, 'base')")
    raises(1066, session.one, "CREATE TEMPORARY TABLE t LIKE t")
    run(session, "INSERT INTO t VALUES (53, 1, 'base')")
    if env.old.kind == "mariadb":
        run(session, "CREATE OR REPLACE TEMPORARY TABLE t (id INT)", "INSERT INTO t VALUES (1)")
        raises((1005, 1075, 1072), session.one, "CREATE OR REPLACE TEMPORARY TABLE t (id INT, KEY (nowhere))")
        run(session, "DROP TEMPORARY TABLE IF EXISTS t", "INSERT INTO t VALUES (54, 1, 'base')")
    assert env.old.run("SELECT COUNT(*) FROM app.t WHERE id > 50")[0][0] == (3 if env.old.kind == "mariadb" else 2)
    env.assert_equal(rows_min=5)


def test_writes_to_base_tables_by_way_of_temporary_ones_are_duplicated(env):
    session = session_of(env)
    run(session, "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY, v INT)", "INSERT INTO tmp VALUES (1, 1), (3, 3)",
        "UPDATE tmp JOIN t ON t.id = tmp.id SET t.v = 0, tmp.v = 5", "UPDATE t SET v = (SELECT MAX(v) FROM tmp) WHERE id = 2",
        "DELETE t FROM tmp JOIN t ON t.id = tmp.id WHERE tmp.id = 3", "CREATE TABLE fresh (id INT PRIMARY KEY, v INT)",
        "INSERT INTO fresh SELECT * FROM tmp", "ALTER TABLE t ADD x INT", "CREATE INDEX i ON t (v)", "UPDATE tmp, t SET t.x = 1",
        "CREATE TEMPORARY TABLE fresh (id INT)", "DROP TEMPORARY TABLE fresh, tmp")
    raises(1051, session.one, "DROP TEMPORARY TABLE t")
    assert rows(session, "SELECT id, v, x FROM t ORDER BY id") == [["1", "0", "1"], ["2", "5", "1"]]
    run(session, "TRUNCATE t", "INSERT INTO t (id) VALUES (7)")
    assert rows(session, "SELECT * FROM fresh") == [["1", "5"], ["3", "5"]]
    env.assert_equal(rows_min=3)


def test_temporary_tables_and_transactions(env):
    session = session_of(env)
    run(session, "BEGIN", "INSERT INTO t VALUES (10, 1, 'x')", "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY)",
        "INSERT INTO tmp VALUES (1)", "ROLLBACK")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["3"]] and rows(session, "SELECT * FROM tmp") == []
    run(session, "BEGIN", "INSERT INTO tmp VALUES (2)", "INSERT INTO t VALUES (11, 1, 'x')", "DROP TEMPORARY TABLE tmp",
        "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY)", "COMMIT")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["4"]]
    # Without TEMPORARY, and for changes, the servers commit what is open: that is recorded.
    for number, statement in enumerate(("TRUNCATE TABLE tmp", "ALTER TABLE tmp ADD x INT", "CREATE INDEX i ON tmp (x)", "DROP TABLE tmp")):
        run(session, "BEGIN", "INSERT INTO t VALUES (%d, 1, 'x')" % (20 + number))
        assert session.one(statement).status & 1 == 0
        run(session, "ROLLBACK")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["8"]]
    run(session, "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY)", "BEGIN", "INSERT INTO t VALUES (30, 1, 'x')")
    raises(1064, session.one, "ALTER TABLE tmp NONSENSE")
    run(session, "ROLLBACK", "SET autocommit = 0", "INSERT INTO tmp VALUES (5)", "INSERT INTO t VALUES (40, 1, 'x')", "ROLLBACK")
    assert rows(session, "SELECT * FROM tmp") == []
    run(session, "INSERT INTO tmp VALUES (5)", "INSERT INTO t VALUES (41, 1, 'x')", "COMMIT", "SET autocommit = 1")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["9"]]
    env.assert_equal(rows_min=9)


def test_the_insert_id_of_a_temporary_table_is_the_servers(env):
    session = session_of(env)
    run(session, "INSERT INTO other (v) VALUES (1)", "INSERT INTO other (v) VALUES (2)")
    assert rows(session, "SELECT LAST_INSERT_ID()") == [["2"]]
    run(session, "CREATE TEMPORARY TABLE tmp (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 70",
        "INSERT INTO tmp (id, v) VALUES (5, 5)")
    assert rows(session, "SELECT LAST_INSERT_ID()") == [["2"]]
    run(session, "INSERT INTO tmp (v) VALUES (6)", "INSERT INTO t VALUES (10, 1, 'x')")
    assert rows(session, "SELECT LAST_INSERT_ID()") == [["70"]]
    run(session, "INSERT INTO other (v) VALUES (3)", "INSERT INTO tmp (v) VALUES (LAST_INSERT_ID())")
    assert rows(session, "SELECT v FROM tmp WHERE id = 71") == [["3"]]
    env.assert_equal(rows_min=6)


def test_reads_stay_with_the_leader_while_there_is_a_temporary_table(env):
    env.tables(*TABLES)
    env.needs_proxy()
    env.new.run("UPDATE app.t SET s = 'new'")
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    session = proxy.wire(database="app")
    assert rows(session, "SELECT s FROM t WHERE id = 1") == [["new"]]
    run(session, "CREATE TEMPORARY TABLE tmp (id INT)")
    assert rows(session, "SELECT s FROM t WHERE id = 1") == [["a"]]
    run(session, "DROP TEMPORARY TABLE tmp")
    assert rows(session, "SELECT s FROM t WHERE id = 1") == [["new"]]
    run(session, "CREATE TEMPORARY TABLE t (id INT, s VARCHAR(9))")
    assert rows(session, "SELECT s FROM t") == []
    session.command(bytes([0x1F]))  # COM_RESET_CONNECTION
    session.read_packet()
    assert rows(session, "SELECT s FROM app.t WHERE id = 1") == [["new"]]
    run(session, "USE app", "INSERT INTO t VALUES (60, 1, 'x')")
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((4,),)


def test_prepared_statements_follow_the_table_that_a_name_means(env):
    session = session_of(env)
    statement, *_ = session.prepare("INSERT INTO t VALUES (?, ?, ?)")
    session.execute(statement, [10, 1, "base"])
    run(session, "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(20))")
    session.execute(statement, [11, 1, "temp"])
    other, *_ = session.prepare("UPDATE t SET v = v + ? WHERE id = ?")
    session.execute(other, [5, 11])
    assert rows(session, "SELECT id, v FROM t") == [["11", "6"]]
    run(session, "DROP TEMPORARY TABLE t")
    session.execute(statement, [12, 1, "base"])
    session.execute(other, [5, 12])
    made, *_ = session.prepare("CREATE TEMPORARY TABLE made SELECT id FROM t WHERE id > ?")
    session.execute(made, [10])
    assert rows(session, "SELECT id FROM made") == [["12"]]
    drop, *_ = session.prepare("DROP TABLE made")
    session.execute(drop)
    raises(1146, session.one, "SELECT id FROM made")
    env.assert_equal(rows_min=5)


def test_handlers_are_the_leaders(env):
    session = session_of(env)
    run(session, "HANDLER t OPEN AS h")
    assert rows(session, "HANDLER h READ FIRST") == [["1", "10", "a"]]
    run(session, "INSERT INTO t VALUES (9, 1, 'x')")
    assert rows(session, "HANDLER h READ NEXT") == [["2", "20", "b"]]
    assert rows(session, "HANDLER h READ `PRIMARY` = (9)") == [["9", "1", "x"]]
    run(session, "HANDLER h CLOSE")
    raises(1109, session.one, "HANDLER h READ FIRST")
    env.assert_equal(rows_min=4)


def test_read_locks_are_kept_and_the_servers_own_errors_come(env):
    session = session_of(env)
    run(session, "LOCK TABLES t READ")
    raises(1099, session.one, "INSERT INTO t VALUES (9, 1, 'x')")
    raises(1100, session.one, "INSERT INTO other (v) VALUES (1)")
    raises(1100, session.one, "SELECT * FROM other")
    statement, *_ = session.prepare("SELECT v FROM t WHERE id = ?")
    assert session.execute(statement, [1])[0].rows == [[10]]
    raises(1099, session.one, "UPDATE t SET v = 1 WHERE id = 1")
    run(session, "COMMIT")
    raises(1100, session.one, "DELETE FROM other WHERE id = 1")
    run(session, "UNLOCK TABLES", "INSERT INTO t VALUES (9, 1, 'x')", "LOCK TABLE t AS a READ LOCAL, other READ", "BEGIN",
        "INSERT INTO t VALUES (10, 1, 'x')", "COMMIT")
    run(session, "LOCK TABLES t READ")
    raises(1146, session.one, "LOCK TABLES missing READ")
    run(session, "INSERT INTO other (v) VALUES (1)")
    run(session, "LOCK TABLES t WRITE", "INSERT INTO t VALUES (11, 1, 'x')")
    raises(1100, session.one, "INSERT INTO other (v) VALUES (2)")
    run(session, "UNLOCK TABLES", "INSERT INTO other (v) VALUES (2)")
    env.assert_equal(rows_min=8)


def test_locking_tables_duplicates_what_it_commits(env):
    session = session_of(env)
    run(session, "BEGIN", "INSERT INTO t VALUES (9, 1, 'x')", "UNLOCK TABLES", "ROLLBACK", "BEGIN", "INSERT INTO t VALUES (10, 1, 'x')",
        "LOCK TABLES t READ", "ROLLBACK", "UNLOCK TABLES")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["4"]]
    run(session, "BEGIN", "INSERT INTO t VALUES (11, 1, 'x')")
    raises(1146, session.one, "LOCK TABLES missing READ")
    run(session, "ROLLBACK")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["5"]]
    env.assert_equal(rows_min=5)
