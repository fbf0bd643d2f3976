"""What a server says when it ends a session, and what only sounds like it."""

import wire
from harness import BOTH_ROLES, raises
from progress import wait_until
from two_sides import assert_t, is_mariadb, run, setup

ROLES = BOTH_ROLES


def test_last_words_of_the_server_are_passed_on(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET wait_timeout=1", "SELECT 1")
    own = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % session.connection_id
    wait_until(lambda: env.old.run(own)[0][0] == 0, 20, "the time-out")
    if is_mariadb(session):  # closes without a word: the session goes on
        assert session.one("SELECT @@wait_timeout").rows == [["1"]]
    else:
        raises(4031, session.query, "SELECT @@wait_timeout")
        assert session.closed_by_server()


def test_a_failed_init_connect_ends_the_session_as_on_the_server(env):
    # The server answers the first command with 1184 and closes: the proxy must not go on with another connection.
    proxy = setup(env, dual_write={"enabled": False})
    env.old.run("SET GLOBAL init_connect = 'no such statement'")
    try:
        for session in (env.old.wire(), proxy.wire()):
            raises(1184, session.query, "SELECT 1")
            assert session.closed_by_server()
    finally:
        env.old.run("SET GLOBAL init_connect = ''")


def first_prepared(session, sql):
    session.execute(session.prepare(sql)[0])


FIRST = [(wire.Connection.query, "INSERT INTO t (v) VALUES (1)"), (first_prepared, "INSERT INTO t (v) VALUES (1)"),
         (wire.Connection.query, "BEGIN"), (wire.Connection.query, "SET @a = 1"), (wire.Connection.query, "NONSENSE"),
         (wire.Connection.query, 'SELECT "x", v FROM t'), (wire.Connection.query, "UPDATE t SET v = 1"),
         (wire.Connection.query, "SELECT 1; INSERT INTO t (v) VALUES (1)"), (first_prepared, "SELECT v FROM t"),
         (wire.Connection.query, "PREPARE p FROM 'SELECT 1'"), (wire.Connection.query, "SHOW WARNINGS")]


def test_a_failed_init_connect_is_heard_of_whatever_comes_first(env):
    """Also where the proxy's own question is the first thing that the server hears."""
    proxy = setup(env)
    proxy.wire(database="app").query("INSERT INTO t (v) VALUES (1)")
    env.old.run("SET GLOBAL init_connect = 'no such statement'")
    try:
        for send, sql in FIRST:
            session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
            code, text = raises(1184, send, session, sql)
            assert "init_connect" in text and "crossfade" not in text, (sql, text)
            assert session.closed_by_server(), sql
    finally:
        env.old.run("SET GLOBAL init_connect = ''")
    proxy.caught_up()
    assert_t(env, proxy)


def test_a_signal_with_the_number_of_a_servers_last_words_ends_nothing(env):
    proxy = setup(env, dual_write={"enabled": False})
    for side in (env.old, proxy):
        session = side.wire(database="app")
        run(session, "SET @a = 5")
        for number in (1184, 1927, 1153, 1053):
            raises(number, session.query, "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'mine'" % number)
            assert session.one("SELECT ROW_COUNT()").rows == [["-1"]]  # and the proxy's question has left no trace
            raises(number, session.query, "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'mine'" % number)
            assert session.one("SHOW WARNINGS").rows == [["Error", str(number), "mine"]]
            assert session.one("SELECT @a").rows == [["5"]]
