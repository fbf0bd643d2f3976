"""The leader's connection is lost under an idle session: it goes on if nothing irreplaceable is lost, else it ends."""

import wire
from harness import BOTH_ROLES
from progress import wait_until
from servers import APP
from two_sides import TABLE, UPDATE, assert_t, is_mariadb, lost, ready_again, restart, run, setup

ROLES = BOTH_ROLES


def test_idle_sessions_outlive_a_restart_of_the_leader(env):
    proxy = setup(env)
    for how in ("kill", "stop"):
        session = proxy.wire(database="app")
        run(session, "SET NAMES utf8mb4", "SET group_concat_max_len=99, sql_mode='ANSI_QUOTES'", "SET SESSION wait_timeout=777",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", UPDATE)
        read, *_ = session.prepare("SELECT v + ? FROM t WHERE id = 2")
        write, *_ = session.prepare("UPDATE t SET v = v + ? WHERE id = 2")
        session.execute(read, [1])
        session.execute(write, [1])
        off = proxy.wire(database="app")
        run(off, "SET autocommit=0", "SELECT 1 FROM t", "COMMIT")
        restart(env, how)
        ready_again(proxy)
        state = session.one("SELECT @@group_concat_max_len, @@sql_mode, @@wait_timeout, DATABASE(), "
                            "@@autocommit, @@%s" % ("tx_isolation" if is_mariadb(session) else "transaction_isolation")).rows[0]
        assert state == ["99", "ANSI_QUOTES", "777", "app", "1", "SERIALIZABLE"], state
        before = int(env.old.run("SELECT v FROM app.t WHERE id = 2")[0][0])
        session.execute(write, [10])
        assert session.execute(read, [1])[0].rows[0][0] == before + 11
        assert off.one("SELECT @@autocommit").rows == [["0"]]
        run(off, UPDATE, "COMMIT")
        assert session.simple(bytes([wire.PING]))
        assert_t(env, proxy)
    proxy.metric_comes(lambda value: value == 4, "crossfade_leader_reattached_total")


def test_what_cannot_be_given_back_ends_the_session(env):
    proxy = setup(env)
    off = {"dual_write": {"enabled": False}}
    env.tables("CREATE TABLE lone (id INT PRIMARY KEY)")
    held = [("BEGIN", "SELECT * FROM who FOR UPDATE"), ("SELECT GET_LOCK('a', 1)",), ("SET @a = 1",),
            ("BEGIN", UPDATE), ("SET autocommit=0", "SELECT * FROM t"), ("SELECT LAST_INSERT_ID(7)",),
            ("INSERT INTO t (v) VALUES (5)",), ("SET TRANSACTION READ ONLY",)]
    relayed = [("CREATE TEMPORARY TABLE tmp (a INT)",), ("LOCK TABLES lone READ",), ("HANDLER lone OPEN",),
               ("PREPARE p FROM 'SELECT 1'",)]
    sessions = []
    for statements in held:
        session = proxy.wire(database="app")
        run(session, *statements)
        sessions.append((statements, session))
    proxy.set_flags(**off)
    for statements in relayed:
        session = proxy.wire(database="app")
        run(session, *statements)
        sessions.append((statements, session))
    released = proxy.wire(database="app")
    run(released, "SELECT GET_LOCK('b', 1)", "SELECT RELEASE_ALL_LOCKS()")
    cursor = proxy.wire(database="app")
    statement, *_ = cursor.prepare("SELECT id FROM t")
    payload = bytearray(cursor.execute_payload(statement, []))
    payload[5] = 1  # CURSOR_TYPE_READ_ONLY
    cursor.command(bytes(payload))
    while cursor.read_packet()[0] != 0xFE:  # the columns; rows come with COM_STMT_FETCH
        pass
    asks = proxy.wire(database="app")
    run(asks, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1")
    restart(env, "kill")
    ready_again(proxy)
    for statements, session in sessions:
        lost(session, "SELECT 1 FROM t FOR UPDATE")
    lost(cursor, "SELECT 1 FROM t FOR UPDATE")
    lost(asks, "SELECT FOUND_ROWS()")
    assert released.one("SELECT 1").rows == [["1"]]


def gone(server, session):
    wait_until(lambda: server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % session.connection_id)[0][0] == 0,
               20, "the end of the connection")


def kill_one(server):
    """From here on the server has seen a KILL."""
    victim = server.connect()
    server.run("KILL %d" % victim.thread_id())


def test_a_kill_that_comes_past_the_proxy_ends_an_idle_session(env):
    proxy = setup(env)
    statements = ["KILL %d", "KILL CONNECTION %d"] + (["KILL USER " + APP] if env.old.kind == "mariadb" else [])
    for kill in statements:
        session = proxy.wire(database="app")
        run(session, "SET NAMES utf8mb4", "SELECT 1", UPDATE)
        env.old.run(kill % session.connection_id if "%d" in kill else kill)
        gone(env.old, session)
        lost(session, "SELECT 1 FROM t FOR UPDATE")
    # What is no KILL is outlived as before, on a server where there have been some.
    session = proxy.wire(database="app")
    if env.old.kind == "mariadb":  # closes without a word
        run(session, "SET wait_timeout=1")
        gone(env.old, session)
        assert session.one("SELECT @@wait_timeout").rows == [["1"]]
    restart(env, "kill")
    ready_again(proxy)
    kill_one(env.old)
    assert session.one("SELECT DATABASE()").rows == [["app"]]
    assert_t(env, proxy)


def test_a_network_that_breaks_is_no_kill(env):
    env.needs_proxy()
    env.tables(TABLE)
    relay = env.relay(env.old)
    proxy = env.proxy(old_port=relay.port)
    kill_one(env.old)
    session = proxy.wire(database="app")
    run(session, "SET group_concat_max_len=99", "SELECT 1")
    relay.reset_all()
    ready_again(proxy)
    assert session.one("SELECT @@group_concat_max_len").rows == [["99"]]
    proxy.metric_comes(lambda value: value == 1, "crossfade_leader_reattached_total")


def test_a_reset_needs_nothing_of_a_lost_connection(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET autocommit=0", "SET @a=1", "SELECT * FROM t FOR UPDATE")
    restart(env, "kill")
    ready_again(proxy)
    session.simple(bytes([wire.RESET_CONNECTION]))
    run(session, "USE app")
    assert session.one("SELECT @a, @@autocommit").rows == [[None, "1"]]
