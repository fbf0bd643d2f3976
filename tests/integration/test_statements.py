"""Statements that are prepared by SQL: what an EXECUTE runs is planned as the text it stands for."""

from harness import BOTH_ROLES, raises

ROLES = BOTH_ROLES
TABLES = ("CREATE TABLE t (id INT PRIMARY KEY, v BIGINT, s VARCHAR(20), d DECIMAL(20, 6), b VARBINARY(20), u BIGINT UNSIGNED)",
          "CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
          "INSERT INTO t (id, v, s) VALUES (1, 10, 'a'), (2, 20, 'b')")


def session_of(env, **options):
    env.tables(*TABLES)
    return env.proxy(**options).wire(database="app")


def run(session, *statements):
    for statement in statements:
        session.one(statement)


def rows(session, statement):
    return session.one(statement).rows


def test_executions_that_write_are_duplicated_with_the_values_of_their_variables(env):
    session = session_of(env)
    run(session, "PREPARE ins FROM 'INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)'",
        "SET @id = 10, @v = -9223372036854775808, @s = '\u00e9\U0001f600''\\\\', @d = 12345678901234.567891, @b = x'00ff41', "
        "@u = 18446744073709551615")
    ok = session.one("EXECUTE ins USING @id, @v, @s, @d, @b, @u")
    assert (ok.affected, ok.warnings) == (1, 0), ok
    run(session, "SET @id = 11, @s = NULL, @d = 0.1", "EXECUTE INS USING @id, @id, @s, @d, @s, @s",
        "PREPARE `up` FROM 'UPDATE t SET v = v + ? WHERE id = ?'", "SET @one = 1", "EXECUTE up USING @one, @one",
        "PREPARE del FROM 'DELETE FROM t WHERE id = 2'", "EXECUTE del")
    assert rows(session, "SELECT id, v, s, d, HEX(b), u FROM t ORDER BY id") == [
        ["1", "11", "a", None, None, None],
        ["10", "-9223372036854775808", "\u00e9\U0001f600'\\", "12345678901234.567891", "00FF41", "18446744073709551615"],
        ["11", "11", None, "0.100000", None, None]]
    env.assert_equal(rows_min=3)


def test_texts_may_come_from_variables(env):
    session = session_of(env)
    run(session, "SET @sql = 'UPDATE t SET v = 7 WHERE id = 1', @read = 'SELECT v FROM t WHERE id = ?', @id = 1", "PREPARE s FROM @sql", "EXECUTE s",
        "SET @sql = 'nonsense'", "EXECUTE s", "PREPARE s FROM @read")
    assert rows(session, "EXECUTE s USING @id") == [["7"]]
    raises(1064, session.one, "PREPARE s FROM @missing")
    raises(1243, session.one, "EXECUTE s")
    env.assert_equal(rows_min=2)


def test_executions_in_transactions(env):
    session = session_of(env)
    run(session, "PREPARE ins FROM 'INSERT INTO numbered (v) VALUES (?)'", "PREPARE done FROM 'COMMIT'", "PREPARE back FROM 'ROLLBACK'",
        "SET @v = 5", "BEGIN", "EXECUTE ins USING @v", "EXECUTE ins USING @v", "EXECUTE back", "BEGIN", "EXECUTE ins USING @v")
    assert int(rows(session, "SELECT LAST_INSERT_ID()")[0][0]) == 3
    run(session, "EXECUTE done", "ROLLBACK", "EXECUTE ins USING @v")
    assert rows(session, "SELECT id FROM numbered ORDER BY id") == [["3"], ["4"]]
    assert rows(session, "SELECT LAST_INSERT_ID()") == [["4"]]
    env.assert_equal(rows_min=4)


def test_executions_that_change_the_session_are_followed(env):
    session = session_of(env)
    run(session, "PREPARE m FROM 'SET sql_mode = ?'", "SET @m = 'ANSI_QUOTES'", "EXECUTE m USING @m",
        'UPDATE t SET s = "s" WHERE "id" = 1', "UPDATE t SET s = 'quoted' WHERE \"id\" = 2")
    assert rows(session, "SELECT s FROM t ORDER BY id") == [["a"], ["quoted"]]
    run(session, "PREPARE c FROM 'CREATE TEMPORARY TABLE t (id INT)'", "EXECUTE c", "INSERT INTO t VALUES (1)",
        "PREPARE i FROM 'INSERT INTO t VALUES (?)'", "SET @v = 2", "EXECUTE i USING @v")
    assert rows(session, "SELECT COUNT(*) FROM t") == [["2"]]
    run(session, "DROP TEMPORARY TABLE t")
    env.assert_equal(rows_min=2)


def test_names_and_numbers_of_values_are_the_servers(env):
    session = session_of(env)
    run(session, "PREPARE `A b` FROM 'INSERT INTO numbered (v) VALUES (?)'", "SET @v = 1")
    raises(1210, session.one, "EXECUTE `a B`")
    raises(1210, session.one, "EXECUTE `a B` USING @v, @v")
    run(session, "EXECUTE `a B` USING @v", "DEALLOCATE PREPARE `a b`")
    assert raises(1243, session.one, "EXECUTE `a b` USING @v")[1] == "Unknown prepared statement handler (a b) given to EXECUTE"
    raises(1243, session.one, "DROP PREPARE nothing")
    run(session, "PREPARE s FROM 'INSERT INTO numbered (v) VALUES (2)'")
    session.command(bytes([0x1F]))  # COM_RESET_CONNECTION
    session.read_packet()
    raises(1243, session.one, "EXECUTE s")
    env.assert_equal(rows_min=3)


def test_execute_immediate(env):
    session = session_of(env)
    if env.old.kind == "mysql":
        raises(1064, session.one, "EXECUTE IMMEDIATE 'SELECT 1'")
        return
    run(session, "SET @id = 20", "EXECUTE IMMEDIATE 'INSERT INTO t (id, v, d) VALUES (?, ?, ?)' USING @id, 3 + 4, 1.5",
        "SET @text = CONCAT('UPDATE t SET v = v', ' + 1 WHERE id = 20')", "EXECUTE IMMEDIATE @text")
    run(session, "EXECUTE IMMEDIATE CONCAT('UPDATE t SET v = v', ' + 1 WHERE id = 20')")
    assert rows(session, "EXECUTE IMMEDIATE 'SELECT v, d FROM t WHERE id = ?' USING 20") == [["9", "1.500000"]]
    run(session, "EXECUTE IMMEDIATE 'DROP TABLE numbered'")
    raises(1062, session.one, "EXECUTE IMMEDIATE 'INSERT INTO t (id) VALUES (1)'")
    run(session, "EXECUTE IMMEDIATE 'INSERT INTO t (id, s) VALUES (?, ?)' USING 21, NOW()")
    # A text that names itself.
    run(session, "SET @s = 'EXECUTE IMMEDIATE @s'")
    raises(1295, session.one, "EXECUTE IMMEDIATE @s")
    env.assert_equal(rows_min=4)


def test_a_freeze_stops_executions_of_what_is_not_known_here(env):
    env.needs_proxy()
    session = session_of(env)
    run(session, "PREPARE w FROM 'INSERT INTO numbered (v) VALUES (?)'", "SET @v = 1")
    read, *_ = session.prepare("SELECT ?")
    write, *_ = session.prepare("INSERT INTO numbered (v) VALUES (?)")
    env.proxies[-1].set_flags(freeze_writes=True)
    assert session.execute(read, [1])[0].rows == [[1]]
    raises(1290, session.execute, write, [1])
    raises(1290, session.one, "EXECUTE w USING @v")
    env.proxies[-1].set_flags(freeze_writes=False)
    run(session, "EXECUTE w USING @v")
    env.assert_equal(rows_min=3)


def test_set_in_the_prepared_protocol_takes_parameters(env):
    session = session_of(env)
    statement, *_ = session.prepare("SET sql_mode = ?")
    session.execute(statement, ["ANSI_QUOTES"])
    run(session, "UPDATE t SET s = 'quoted' WHERE \"id\" = 2")
    statement, *_ = session.prepare("SET @a = ?, @b = ?")
    session.execute(statement, [5, "text"])
    assert rows(session, "SELECT @a, @b") == [["5", "text"]]
    statement, *_ = session.prepare("SET time_zone = ?")
    session.execute(statement, ["+03:00"])
    run(session, "UPDATE t SET v = 5 WHERE id = 2")
    raises(1231, session.execute, session.prepare("SET sql_mode = ?")[0], ["NO_SUCH_MODE"])
    env.assert_equal(rows_min=2)


def test_a_chained_transaction_releases_table_locks_and_is_duplicated(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy()
    session = proxy.wire(database="app")
    for sql in ("LOCK TABLES t READ", "COMMIT AND CHAIN", "INSERT INTO t VALUES (1, 1)", "COMMIT"):
        session.query(sql)
    env.assert_equal()


def test_writes_under_an_offset_that_mariadb_lacks_follow(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP)")
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    session = proxy.wire(database="app")
    for number, offset in enumerate(("+13:00", "+14:00") if env.old.kind == "mysql" else ("+13:00",)):
        session.query("SET time_zone = '%s'" % offset)
        session.query("INSERT INTO t VALUES (%d, '2024-05-06 12:00:00')" % number)
        assert session.one("SELECT at FROM t WHERE id = %d" % number).rows == [["2024-05-06 12:00:00"]]
    env.assert_equal()
