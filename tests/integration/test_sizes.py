"""Packets around 2^24 bytes, the largest there may be, and results that are larger than any buffer."""

import socket

import wire
from harness import BOTH_ROLES, MARIADB_OLD, roles
from progress import wait_until

ROLES = BOTH_ROLES

FULL = 0xFFFFFF
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)"


def allow(env, size=128 << 20):
    for server in env.servers.both:
        server.run("SET GLOBAL max_allowed_packet = %d" % size)


def statement(id, size):
    """An INSERT whose COM_QUERY has `size` bytes."""
    head, tail = "INSERT INTO t VALUES (%d, '" % id, "')"
    return head + "x" * (size - 1 - len(head) - len(tail)) + tail


def test_statements_around_the_packet_boundary(env):
    allow(env)
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    for number, size in enumerate((FULL - 1, FULL, FULL + 1, 3 * (FULL + 1) + 5)):
        sql = statement(number, size)
        assert len(sql) + 1 == size
        assert session.one(sql).affected == 1
        length = sql.count("x")
        # An answer of our own, and a relayed one: both are numbered on from the command's packets.
        assert session.one("SELECT LENGTH(v) FROM t WHERE id = %d" % number).rows == [[str(length)]]
        assert session.one("SELECT /* %s */ 1" % ("y" * (size - 20))).rows == [["1"]]
    env.assert_equal(proxy)


def test_answers_are_numbered_on_from_large_commands(env):
    allow(env)
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)

    def first_number(payload):
        session.command(payload)
        header = session._receive(4)
        session._receive(int.from_bytes(header[:3], "little"))
        return header[3]

    assert first_number(bytes([wire.QUERY]) + statement(1, 100).encode()) == 1
    assert first_number(bytes([wire.QUERY]) + statement(2, FULL + 100).encode()) == 2
    assert first_number(bytes([wire.QUERY]) + b"DO 1 /* " + b"x" * (2 * FULL) + b"*/") == 3
    insert, _, _ = session.prepare("INSERT INTO t VALUES (?, ?)")
    assert first_number(session.execute_payload(insert, (3, b"z" * (FULL + 5)))) == 2


def test_long_data_is_answered_as_its_own_execution(env):
    """The proxy sends it as one large execution; the client has sent a small one."""
    allow(env)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    select, _, _ = session.prepare("SELECT LENGTH(?)")
    for _ in range(3):
        session.send_long_data(select, 0, b"x" * (FULL // 2))
    session.command(session.execute_payload(select, (b"",), (0,)))
    header = session._receive(4)
    assert header[3] == 1, header
    session.buffer = header + session.buffer
    assert session.results(binary=True)[0].rows == [[3 * (FULL // 2)]]


def test_cells_around_the_packet_boundary(env):
    allow(env)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    for size in (FULL - 5, FULL - 4, FULL - 3, FULL, 3 * (FULL + 1) + 5):
        (row,) = session.one("SELECT REPEAT('x', %d)" % size).rows
        assert row[0] == "x" * size


def test_packets_up_to_the_limit_and_past_it(env):
    env.needs_proxy()
    allow(env)
    limit = 20 << 20
    proxy = env.proxy(config={"limits": {"packet_bytes_max": limit}})
    session = proxy.wire(database="app", timeout=60)
    text = "SELECT /*%s*/ 1"
    exact = text % ("x" * (limit - 1 - len(text % "")))
    assert len(exact) + 1 == limit
    assert session.one(exact).rows == [["1"]]
    try:
        session.query(exact + " ")
        raise AssertionError("no error")
    except wire.Err as error:
        assert error.code == 1153 and error.state == "08S01", error
    except (wire.Closed, ConnectionError):
        pass  # as with the servers: what is still being sent may meet a closed connection
    assert any(session.closed_by_server() for _ in range(2))  # the error may still be there to be read


def test_thousands_of_columns(env):
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    count = 4096
    result = session.one("SELECT " + ", ".join(str(n) for n in range(count)))
    assert result.rows == [[str(n) for n in range(count)]] and len(result.columns) == count


def test_as_many_parameters_as_there_can_be(env):
    env.tables("CREATE TABLE n (id INT PRIMARY KEY)")
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    count = 65535
    insert, parameters, _ = session.prepare("INSERT INTO n VALUES " + ", ".join(["(?)"] * count))
    assert parameters == count
    assert session.execute(insert, tuple(range(count)))[0].affected == count
    try:
        session.prepare("INSERT INTO n VALUES " + ", ".join(["(?)"] * (count + 1)))
        raise AssertionError("no error")
    except wire.Err as error:
        assert error.code == 1390, error
    env.assert_equal(proxy)


@roles(MARIADB_OLD)
def test_a_client_that_stops_reading_costs_no_memory(env):
    """400 MB of rows, none of them read for a while; then all of them, whole."""
    env.needs_proxy()
    allow(env)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=120)
    before = proxy.rss()
    rows, size = 400, 1 << 20
    session.command(bytes([wire.QUERY]) +
                    b"SELECT REPEAT('x', %d) FROM information_schema.columns a, information_schema.columns b LIMIT %d" %
                    (size, rows))
    session.socket.recv(1, socket.MSG_PEEK)
    sent = [0]
    # Until the buffers between are full the proxy reads on; then it stands still.
    def stands_still():
        now = proxy.rss()
        still = now == sent[0]
        sent[0] = now
        return still
    wait_until(stands_still, 20, "the proxy to stand still", 0.3)
    assert proxy.rss() - before < 32 << 20, (before, proxy.rss())
    count = sum(1 for row in session.results()[0].rows if len(row[0]) == size)
    assert count == rows
    assert proxy.rss() - before < 32 << 20, (before, proxy.rss())


def test_gigabytes_of_a_result_take_no_memory(env):
    """2.5 GB, from the leader and from `new`: the client waits until nothing moves, and then reads all of it."""
    env.needs_proxy()
    env.tables(TABLE, "INSERT INTO t VALUES " + ", ".join("(%d, REPEAT('y', 1000000))" % n for n in range(50)))
    for flags in ({}, {"read_from_new": {"percent": 100}}):
        proxy = env.proxy(flags=flags)
        proxy.caught_up()
        before = proxy.rss()
        session = proxy.wire(database="app", timeout=120)
        session.command(bytes([wire.QUERY]) + b"SELECT a.v FROM t a JOIN t b")
        session.socket.recv(1, socket.MSG_PEEK)
        seen = [0]

        def stands_still():
            last, seen[0] = seen[0], proxy.rss()
            return last == seen[0]
        wait_until(stands_still, 20, "the proxy to stand still", 0.3)
        received, tail, reads = 0, b"", 0
        # 2500 rows of 1,000,000 characters, and then an EOF in a packet of five bytes.
        while received < 2_500_000_000 or not (tail[:3] == b"\5\0\0" and tail[4] == 0xFE):
            piece = session.socket.recv(1 << 20)
            assert piece, "the connection ended after %d bytes" % received
            received, tail, reads = received + len(piece), (tail + piece)[-9:], reads + 1
            if reads % 500 == 0:
                assert proxy.rss() - before < 24 << 20, (before, proxy.rss(), received)
        assert session.one("SELECT 1").rows == [["1"]]


def test_wide_rows_and_many_parameters_on_new(env):
    env.needs_proxy()
    env.tables("CREATE TABLE n (id INT PRIMARY KEY)", "INSERT INTO n VALUES (1)")
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    session = proxy.wire(database="app", timeout=60)
    columns = ", ".join("%d AS c%d" % (n, n) for n in range(4096))
    before = proxy.metric("crossfade_reads_total", backend="new")
    assert session.one("SELECT %s FROM n" % columns).rows == [[str(n) for n in range(4096)]]
    wide, _, count = session.prepare("SELECT %s FROM n WHERE id = ?" % columns)
    assert count == 4096 and session.execute(wide, [1])[0].rows == [list(range(4096))]
    many, parameters, _ = session.prepare("SELECT id FROM n WHERE id IN (" + ", ".join("?" * 65535) + ")")
    assert parameters == 65535 and session.execute(many, list(range(65535)))[0].rows == [[1]]
    proxy.metric_comes(lambda value: value == before + 3, "crossfade_reads_total", backend="new")
