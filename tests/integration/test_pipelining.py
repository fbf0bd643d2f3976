"""Several commands in one segment: answered in order and unmixed, whatever they are."""

import struct

import wire
from harness import BOTH_ROLES, MARIADB_OLD, MYSQL_OLD, roles

ROLES = BOTH_ROLES

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)"


def packet(payload):
    assert len(payload) < 0xFFFFFF
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def query(sql):
    return packet(bytes([wire.QUERY]) + sql.encode())


def answer(session, binary=False):
    """One command's results; an Err as a value."""
    try:
        return session.results(binary)
    except wire.Err as error:
        return [error]


def test_queries_in_one_segment_are_answered_in_order(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
    commands = [query("SELECT 1"), query("INSERT INTO t VALUES (1, 'a')"), query("SELECT v FROM t WHERE id = 1"),
                query("INSERT INTO t VALUES (1, 'again')"), query("SELECT nothing FROM t"), query("BEGIN"),
                query("UPDATE t SET v = 'b' WHERE id = 1"), query("SELECT v FROM t WHERE id = 1"), query("ROLLBACK"),
                query("SELECT v FROM t WHERE id = 1"), packet(bytes([wire.PING])), query("SELECT 'last'")]
    session.send_raw(b"".join(commands))
    answers = [answer(session)[0] for _ in commands]
    assert answers[0].rows == [["1"]]
    assert answers[1].affected == 1
    assert answers[2].rows == [["a"]]
    assert answers[3].code == 1062, answers[3]
    assert answers[4].code == 1054, answers[4]
    assert answers[6].affected == 1
    assert answers[7].rows == [["b"]]
    assert answers[9].rows == [["a"]]
    assert answers[11].rows == [["last"]]
    env.assert_equal(proxy)


def test_prepared_statements_in_one_segment(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    insert, _, _ = session.prepare("INSERT INTO t VALUES (?, ?)")
    select, _, _ = session.prepare("SELECT v FROM t WHERE id = ?")
    train = b""
    for number in range(20):
        for piece in (b"long ", b"data "):
            train += packet(bytes([wire.LONG_DATA]) + struct.pack("<IH", insert, 1) + piece * 100)
        train += packet(session.execute_payload(insert, (number, b""), (1,)))
        train += packet(session.execute_payload(select, (number,)))
    train += packet(bytes([wire.CLOSE]) + struct.pack("<I", insert)) + query("SELECT COUNT(*) FROM t")
    session.send_raw(train)
    for number in range(20):
        assert answer(session, True)[0].affected == 1
        assert answer(session, True)[0].rows == [["long " * 100 + "data " * 100]]
    assert answer(session)[0].rows == [["20"]]
    env.assert_equal(proxy)


LAST = 0xFFFFFFFF


def read_prepared(session, parameters, columns):
    packet_ = session.read_packet()
    if packet_[0] == 0xFF:
        return session._err(packet_)
    for count in (parameters, columns):
        for _ in range(count + (1 if count else 0)):
            session.read_packet()
    return None


@roles(MARIADB_OLD)
def test_a_statement_is_prepared_and_executed_at_once_in_mariadb(env):
    """The id of all ones means the statement prepared last; after a failed PREPARE there is none."""
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")

    def prepare(sql):
        return packet(bytes([wire.PREPARE]) + sql.encode())

    close = packet(bytes([wire.CLOSE]) + struct.pack("<I", LAST))
    session.send_raw(prepare("INSERT INTO t VALUES (?, ?)") + packet(session.execute_payload(LAST, (1, "a"))) +
                     packet(session.execute_payload(LAST, (2, "b"))) + close +
                     packet(session.execute_payload(LAST, (3, "c"))) +
                     prepare("SELECT v FROM t WHERE id = ?") + packet(session.execute_payload(LAST, (2,))) +
                     prepare("SELECT nothing FROM t") + packet(session.execute_payload(LAST, ())) + query("SELECT 1"))
    assert read_prepared(session, 2, 0) is None
    assert answer(session, True)[0].affected == 1
    assert answer(session, True)[0].affected == 1
    assert answer(session, True)[0].code == 1243
    assert read_prepared(session, 1, 1) is None
    assert answer(session, True)[0].rows == [["b"]]
    assert read_prepared(session, 0, 0).code == 1054
    assert answer(session, True)[0].code == 1243
    assert answer(session)[0].rows == [["1"]]
    env.assert_equal(proxy)


@roles(MYSQL_OLD)
def test_mysql_knows_no_last_statement(env):
    proxy = env.proxy()
    session = proxy.wire()
    session.prepare("SELECT 1")
    session.command(session.execute_payload(LAST, ()))
    assert answer(session, True)[0].code == 1243


def test_large_commands_in_one_train(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    sizes = [1, 3000000, 70000, 2000000]
    session.send_raw(b"".join(query("INSERT INTO t VALUES (%d, '%s')" % (size, "x" * size)) +
                              query("SELECT LENGTH(v), v FROM t WHERE id = %d" % size) for size in sizes))
    for size in sizes:
        assert answer(session)[0].affected == 1
        assert answer(session)[0].rows == [[str(size), "x" * size]]
    env.assert_equal(proxy)


def test_reads_of_the_new_backend_among_writes(env):
    env.needs_proxy()
    env.tables(TABLE)
    proxy = env.proxy(config={"reads": {"read_your_writes_timeout": "5s"}}, flags={"read_from_new": {"percent": 100}})
    session = proxy.wire(database="app")
    count = 30
    session.send_raw(b"".join(query("INSERT INTO t VALUES (%d, 'v%d')" % (n, n)) +
                              query("SELECT v FROM t WHERE id = %d" % n) for n in range(count)))
    for number in range(count):
        assert answer(session)[0].affected == 1
        assert answer(session)[0].rows == [["v%d" % number]]
    env.assert_equal(proxy)


def test_what_stands_before_a_quit_is_carried_out(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    session.send_raw(query("INSERT INTO t VALUES (1, 'a')") + query("SELECT 1") + packet(bytes([wire.QUIT])))
    assert answer(session)[0].affected == 1
    assert answer(session)[0].rows == [["1"]]
    assert session.closed_by_server()
    env.assert_equal(proxy)
