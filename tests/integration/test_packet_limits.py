"""Servers with a small max_allowed_packet, the leader or the other side."""

import wire
from harness import BOTH_ROLES, raises
from progress import wait_until

ROLES = BOTH_ROLES
SMALL = 128 << 10
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)"
DEFAULT = 64 << 20


def limit(server, size):
    server.run("SET GLOBAL max_allowed_packet = %d" % size)


def insert(id, size):
    """An INSERT whose packet has `size` bytes."""
    head, tail = "INSERT INTO t VALUES (%d, '" % id, "')"
    return head + "x" * (size - 1 - len(head) - len(tail)) + tail


def run_prepared(session, sql, values=()):
    return session.execute(session.prepare(sql)[0], values)


def heard(session, send, *arguments):
    """The server's last word, and that there are no more."""
    code, text = raises(1153, send, session, *arguments)
    assert session.closed_by_server()
    return code, text


def begin_and(session, sql):
    session.query("BEGIN")
    session.query("INSERT INTO t VALUES (500, 'rolled back')")
    session.query(sql)


OVER = [(wire.Connection.query, "SELECT '%s'" % ("x" * SMALL)), (wire.Connection.query, insert(1, SMALL + 1)),
        (begin_and, insert(1, SMALL + 1)), (wire.Connection.prepare, "SELECT '%s'" % ("x" * SMALL)),
        (run_prepared, "SELECT LENGTH(?)", ["x" * SMALL]), (run_prepared, "INSERT INTO t VALUES (1, ?)", ["x" * SMALL])]


def test_a_packet_over_the_leaders_limit_is_answered_as_by_the_server(env):
    env.tables(TABLE)
    limit(env.old, SMALL)
    try:
        proxy = env.proxy()
        for number, (send, *arguments) in enumerate(OVER):
            answers = [heard(side.wire(database="app"), send, *arguments) for side in (env.old, proxy)]
            assert answers[0] == answers[1], (number, answers)
        for compress in (0, wire.COMPRESS):
            session = proxy.wire(database="app", capabilities=compress)
            assert session.one("SELECT COUNT(*) FROM t").rows == [["0"]]
            heard(session, wire.Connection.query, insert(1, SMALL + 1))
    finally:
        limit(env.old, DEFAULT)
    env.assert_equal(rows_min=0)


def test_long_data_over_the_leaders_limit(env):
    env.needs_proxy()
    limit(env.old, SMALL)
    try:
        proxy = env.proxy()
        for side in (env.old, proxy):
            session = side.wire()
            two = session.prepare("SELECT LENGTH(?) + LENGTH(?)")[0]
            for _ in range(3):
                session.send_long_data(two, 0, b"x" * (SMALL // 2))
            code, text = raises(1105, session.execute, two, (b"", b"y"), (0,))
            assert text.startswith("Parameter of prepared statement which is set through mysql_send_long_data() is longer"), text
            raises(1105, session.execute, two, (b"a", b"b"))
            session.simple(bytes([wire.RESET]) + two.to_bytes(4, "little"))
            assert session.execute(two, (b"a", b"b"))[0].rows == [[2]]
        # Each fits; both together, as the proxy sends them, do not.
        for parameter in (0, 1):
            session.send_long_data(two, parameter, b"x" * (SMALL // 2 + 1000))
        assert "max_allowed_packet" in raises(1235, session.execute, two, (b"", b""), (0, 1))[1]
        session.send_long_data(two, 0, b"x" * (SMALL - 1000))
        assert session.execute(two, (b"", b"b"), (0,))[0].rows == [[SMALL - 999]]
    finally:
        limit(env.old, DEFAULT)


def test_what_the_leader_takes_is_duplicated_however_small_its_packets_are(env):
    env.tables(TABLE)
    limit(env.old, SMALL)
    try:
        proxy = env.proxy()
        session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        sizes = [1000, SMALL // 4, SMALL // 3 - 600, SMALL // 3 - 400, SMALL // 3, SMALL // 2 - 400, SMALL // 2, SMALL - 1100, SMALL - 1]
        for number, size in enumerate(sizes):
            assert session.one(insert(number, size)).affected == 1
            assert session.one("SHOW WARNINGS").rows == []
        session.query("SET foreign_key_checks=0")
        for number, size in enumerate(sizes):
            assert session.one(insert(100 + number, size)).affected == 1
        assert session.one("SELECT @@foreign_key_checks").rows == [["0"]]
        session.query("SET foreign_key_checks=1")
        session.query("BEGIN")
        for number, size in enumerate(sizes):
            session.query(insert(200 + number, size))
        session.query("COMMIT")
        prepared = session.prepare("INSERT INTO t VALUES (?, ?)")[0]
        for number, size in enumerate(sizes):
            session.execute(prepared, (300 + number, "y" * (size - 60 if size > 1000 else size)))
        session.send_long_data(prepared, 1, b"z" * (SMALL // 2))
        session.execute(prepared, (400, b""), (1,))
        assert session.one("SELECT COUNT(*) FROM t").rows == [[str(4 * len(sizes) + 1)]]
        env.assert_equal(proxy, rows_min=4 * len(sizes) + 1)
    finally:
        limit(env.old, DEFAULT)


def test_reads_over_the_other_sides_limit_are_the_leaders(env):
    env.needs_proxy()
    env.tables(TABLE)
    limit(env.new, SMALL)
    try:
        proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
        proxy.caught_up()
        session = proxy.wire(database="app")
        session.query(insert(3, SMALL // 4))
        assert session.one("SELECT LENGTH('%s') FROM t WHERE id = 3" % ("x" * SMALL)).rows == [[str(SMALL)]]
        before = proxy.metric("crossfade_reads_total", backend="new")
        assert session.one("SELECT id FROM t WHERE id = 3").rows == [["3"]]
        proxy.metric_comes(lambda value: value == before + 1, "crossfade_reads_total", backend="new")
        env.assert_equal(proxy)
    finally:
        limit(env.new, DEFAULT)


def test_a_row_that_the_other_side_does_not_take_stops_its_table_and_no_other(env):
    env.tables(TABLE, "CREATE TABLE other (id INT PRIMARY KEY)")
    env.needs_proxy()
    limit(env.new, SMALL)
    try:
        proxy = env.proxy()
        session = proxy.wire(database="app")
        session.query(insert(1, SMALL + 100))
        session.query("INSERT INTO other VALUES (100)")
        (stopped,) = wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stopped table")
        assert stopped["tables"] == "app.t" and "max_allowed_packet" in stopped["error"], stopped
        session.query("INSERT INTO other VALUES (101)")
        session.query("INSERT INTO t VALUES (2, 'after it')")
        wait_until(lambda: env.new.run("SELECT COUNT(*) FROM app.other") == ((2,),), 20, "the other table's rows")
        assert env.new.run("SELECT COUNT(*) FROM app.t") == ((0,),)
    finally:
        limit(env.new, DEFAULT)
