"""Large results, large packets, pipelined commands, several results: relayed whole, in bounded memory."""

import hashlib
import threading

import wire
from harness import BOTH_ROLES

ROLES = BOTH_ROLES

WORDS = "CREATE TABLE words (id INT PRIMARY KEY, word VARCHAR(1000))"


def fill(env, rows):
    env.tables(WORDS)
    for server in env.servers.both:
        server.run("INSERT INTO words VALUES " + ", ".join("(%d, REPEAT('%c', 1000))" % (n, 97 + n % 26) for n in range(rows)),
                   database="app")


def test_a_large_result_streams_in_bounded_memory(env):
    fill(env, 1000)
    proxy = env.proxy()
    sql = "SELECT a.id, b.id, a.word FROM words a JOIN words b ON b.id < 50 ORDER BY a.id, b.id"  # 50 MB
    for capabilities in (0, wire.DEPRECATE_EOF):
        before = proxy.rss() if env.binary else 0
        digests = []
        for source in (proxy, env.old):
            session = source.wire(database="app", capabilities=capabilities)
            session.command(bytes([wire.QUERY]) + sql.encode())
            digest, packets, size = hashlib.sha256(), 0, 0
            for _ in range(4):  # count and columns
                digest.update(session.read_packet())
            while True:
                packet = session.read_packet()
                packets, size = packets + 1, size + len(packet)
                digest.update(packet)
                if packet[0] == 0xFE and len(packet) < 100 and packets > 1000:
                    break
                if source is proxy and packets % 5000 == 0 and env.binary:
                    assert proxy.rss() - before < 24 << 20, "the result is buffered"
            assert size > 50_000_000, size
            digests.append(digest.digest())
        assert digests[0] == digests[1], "not the leader's own bytes"


def test_a_client_that_does_not_read_does_not_grow_the_proxy(env):
    fill(env, 1000)
    env.needs_proxy()
    proxy = env.proxy()
    before = proxy.rss()
    session = proxy.wire(database="app")
    session.command(bytes([wire.QUERY]) + b"SELECT a.word FROM words a JOIN words b")  # 1 GB
    for n in range(20):
        with proxy.connect() as other, other.cursor() as cursor:
            cursor.execute("SELECT SLEEP(0.05)")
    assert proxy.rss() - before < 24 << 20
    session.close()


def test_packets_past_16_mib(env):
    size = 17 << 20
    env.tables("CREATE TABLE blobs (id INT PRIMARY KEY, data LONGTEXT)")
    for server in env.servers.both:
        server.run("SET GLOBAL max_allowed_packet = %d" % (64 << 20))
    try:
        proxy = env.proxy()
        session = proxy.wire(database="app", timeout=60)
        text = "0123456789abcdef" * (size // 16)
        assert session.one("INSERT INTO blobs VALUES (1, '%s')" % text).affected == 1
        assert session.one("SELECT LENGTH(data), SHA2(data, 256) FROM blobs").rows == [
            [str(size), hashlib.sha256(text.encode()).hexdigest()]]
        assert session.one("SELECT data FROM blobs WHERE id = 1").rows[0][0] == text
        # Exactly at the border, where an empty packet ends the series.
        border = 0xFFFFFF - len("\x03SELECT ''")
        assert len(session.one("SELECT '%s'" % ("x" * border)).rows[0][0]) == border
        insert, _, _ = session.prepare("INSERT INTO blobs VALUES (?, ?)")
        assert session.execute(insert, [2, text])[0].affected == 1
        for piece in (text[:5 << 20], text[5 << 20:]):
            session.send_long_data(insert, 1, piece.encode())
        assert session.execute(insert, [3, ""], long_data=(1,))[0].affected == 1
        env.assert_equal(rows_min=3)
    finally:
        for server in env.servers.both:
            server.run("SET GLOBAL max_allowed_packet = DEFAULT")


def test_pipelined_commands_are_answered_in_order(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy()
    session = proxy.wire(database="app")
    out = []
    for n in range(200):
        for sql in ("INSERT INTO t VALUES (%d, 0)" % n, "SELECT %d" % n, "UPDATE t SET v = %d WHERE id = %d" % (n, n), "SELEC"):
            payload = bytes([wire.QUERY]) + sql.encode()
            out.append(len(payload).to_bytes(3, "little") + b"\0" + payload)
    sender = threading.Thread(target=session.send_raw, args=(b"".join(out),))
    sender.start()
    for n in range(200):
        assert session.results()[0].affected == 1
        assert session.results()[0].rows == [[str(n)]]
        assert session.results()[0].affected == (1 if n else 0)
        try:
            session.results()
            raise AssertionError("a syntax error was taken")
        except wire.Err as error:
            assert error.code == 1064
    sender.join()
    env.assert_equal(rows_min=200)


def test_commands_in_single_bytes(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy()
    session = proxy.wire(database="app")
    for sql in ("INSERT INTO t VALUES (1, 1)", "SELECT v FROM t", "UPDATE t SET v = 2 WHERE id = 1"):
        payload = bytes([wire.QUERY]) + sql.encode()
        for byte in len(payload).to_bytes(3, "little") + b"\0" + payload:
            session.send_raw(bytes([byte]))
        session.results()
    env.assert_equal(rows_min=1)


def test_fragmented_backends(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(300))")
    relays = [env.relay(server, fragment=size) for server, size in ((env.old, 3), (env.new, 7))]
    proxy = env.proxy(old_port=relays[0].port, new_port=relays[1].port)
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(20):
            cursor.execute("INSERT INTO t VALUES (%s, %s)", (n, "v" * n * 10))
        cursor.execute("SELECT id, v FROM t ORDER BY id")
        assert [r[0] for r in cursor.fetchall()] == list(range(20))
    env.assert_equal(rows_min=20)


def test_several_results_of_one_command(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
    proxy = env.proxy()
    for capabilities in (wire.MULTI_STATEMENTS, wire.MULTI_STATEMENTS | wire.DEPRECATE_EOF):
        through = proxy.wire(database="app", capabilities=capabilities)
        direct = env.old.wire(database="app", capabilities=capabilities)
        for sql in ("SELECT 1; SELECT 2, 3; SELECT * FROM t", "SELECT id FROM t; SELECT nope; SELECT 1", "SELECT 1;",
                    "SELECT * FROM t WHERE id > 5; SELECT 'x; y'"):
            answers = [[r.facts() if hasattr(r, "facts") else r.args for r in side.query(sql)] for side in (through, direct)]
            assert answers[0] == answers[1], answers
        assert through.one("SELECT 1").rows == [["1"]]


def test_empty_and_strange_results(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, b BLOB, n DECIMAL(65,30), y YEAR, bits BIT(9), j JSON, d DATE)",
               "INSERT INTO t VALUES (1, x'00fffe', -0.000000000000000000000000000001, 2024, b'101', '[1]', '2024-02-29'), "
               "(2, '', 0, 0, 0, 'null', NULL)")
    proxy = env.proxy()
    for sql in ("SELECT * FROM t WHERE id = 99", "SELECT * FROM t", "SHOW TABLES", "DO 1", "SELECT NULL", "EXPLAIN SELECT * FROM t",
                "SHOW COLUMNS FROM t", "SELECT 1 FROM t LIMIT 0"):
        answers = [side.wire(database="app").one(sql).facts() for side in (proxy, env.old)]
        assert repr(answers[0]) == repr(answers[1]), (sql, answers)
    answers = []
    for side in (proxy, env.old):
        session = side.wire(database="app")
        statement, _, _ = session.prepare("SELECT * FROM t WHERE id >= ?")
        answers.append([r.facts() for r in session.execute(statement, [1])])
    assert repr(answers[0]) == repr(answers[1]), answers
