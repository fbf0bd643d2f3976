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


def both_ways(env, proxy, capabilities, texts, prepare=()):
    """Each text through the proxy and directly, on the same fresh rows; the answers must be equal, flags and all."""
    for text in texts:
        answers = []
        for side in (proxy, env.old):
            env.tables("DROP TABLE IF EXISTS t", "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
                       "INSERT INTO t VALUES (1, 1), (2, 2)")
            session = side.wire(database="app", capabilities=capabilities)
            for sql in prepare:
                session.query(sql)
            try:
                found = session.query(text)
            except wire.Err as error:
                found = [error]
            found = [(r.code, r.state) if isinstance(r, wire.Err) else (r.facts(), r.status & ~0x4000) for r in found]
            try:
                after = session.one("SELECT COUNT(*), SUM(v), MAX(id) FROM t")
            except wire.Err as error:
                after = error
            answers.append((found, after.facts(), after.status & ~0x4000))
            session.close()
        assert answers[0] == answers[1], "%r:\n  proxy  %s\n  direct %s" % (text, answers[0], answers[1])


SEVERAL = (
    "BEGIN; INSERT INTO t VALUES (7, 70); COMMIT",
    "BEGIN; INSERT INTO t VALUES (7, 70); ROLLBACK; SELECT COUNT(*) FROM t",
    "BEGIN; INSERT INTO t VALUES (7, 70)",
    "INSERT INTO t (v) VALUES (5); SELECT LAST_INSERT_ID()",
    "UPDATE t SET v = 9 WHERE id = 1; SELECT ROW_COUNT()",
    "UPDATE t SET v = 9 WHERE id = 1; UPDATE t SET v = 9 WHERE id = 1; SELECT ROW_COUNT(), ROW_COUNT()",
    "INSERT INTO t VALUES (3, 3);INSERT INTO t VALUES (4, 4);INSERT INTO t VALUES (5, 5)",
    "INSERT INTO t VALUES (3, 3);INSERT INTO t VALUES (1, 4);INSERT INTO t VALUES (5, 5)",
    "SELECT 1; SELEC 2; SELECT 3",
    "SELECT 1; SELECT 'x",
    "SELECT 1;; SELECT 2",
    "SELECT 1; /* only a comment */",
    "SELECT 1; -- only a comment",
    "INSERT INTO t VALUES (3, 3); ; ",
    "SELECT id FROM t; DELETE FROM t WHERE id = 1; SELECT id FROM t; SELECT id FROM t WHERE id > 100",
    "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1; SELECT FOUND_ROWS()",
    "SET @a = 5; SELECT @a; INSERT INTO t VALUES (8, 8)",
    "SET sql_mode = 'ANSI_QUOTES'; SELECT \"id\" FROM t; INSERT INTO t (\"id\", v) VALUES (9, 9)",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; SELECT 'b; c'; DELETE FROM t WHERE id = 2",
    "SET autocommit = 0; INSERT INTO t VALUES (10, 10); SET autocommit = 1; SELECT COUNT(*) FROM t",
    "SELECT 1 FROM t WHERE id = 1 FOR UPDATE; INSERT INTO t VALUES (11, 1)",
    "SAVEPOINT a; BEGIN; INSERT INTO t VALUES (12, 1); SAVEPOINT b; INSERT INTO t VALUES (13, 1); ROLLBACK TO b; COMMIT",
    "USE app; SELECT DATABASE(); INSERT INTO t VALUES (14, 1)",
    "SHOW TABLES; DELETE FROM t WHERE id = 1",
    "DO 1; DO 2; INSERT INTO t VALUES (15, 1); DO 3",
    "; SELECT 1; INSERT INTO t VALUES (16, 1)",
)

WITH_DDL = (
    "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; DELETE FROM t WHERE id = 1; END; CALL p(); SELECT 3; DROP PROCEDURE p; SELECT 4",
    "CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO u VALUES (1), (2); INSERT INTO t SELECT id + 10, id FROM u; DROP TABLE u",
    "BEGIN; INSERT INTO t VALUES (3, 3); TRUNCATE TABLE t; ROLLBACK; SELECT COUNT(*) FROM t",
)


def test_several_statements_with_writes_answer_as_the_server_does(env):
    env.needs_proxy()
    proxy = env.proxy()
    for capabilities in (wire.MULTI_STATEMENTS, wire.MULTI_STATEMENTS | wire.DEPRECATE_EOF):
        both_ways(env, proxy, capabilities, SEVERAL + WITH_DDL)
    env.assert_equal(proxy, rows_min=0)


def test_several_statements_reach_the_other_side(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    proxy = env.proxy()
    session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
    session.query("INSERT INTO t VALUES (1, 1); UPDATE t SET v = 5 WHERE id = 1; BEGIN; INSERT INTO t VALUES (2, 2), (3, 3); "
                  "DELETE FROM t WHERE id = 2; COMMIT; BEGIN; INSERT INTO t VALUES (4, 4); ROLLBACK")
    batch = session.query(";".join("INSERT INTO t VALUES (%d, %d)" % (n, n) for n in range(100, 400)))
    assert len(batch) == 300 and all(r.affected == 1 for r in batch)
    assert session.one("SELECT COUNT(*) FROM t").rows == [["302"]]
    env.assert_equal(rows_min=302)


def test_several_statements_for_who_did_not_ask_for_them(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy()
    messages = []
    for side in (proxy, env.old):
        session = side.wire(database="app")
        try:
            session.query("INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2)")
            raise AssertionError("taken")
        except wire.Err as error:
            messages.append(error.args)
        # COM_SET_OPTION turns it on and off.
        for option, good in ((0, True), (1, False), (0, True)):
            session.command(bytes([wire.SET_OPTION]) + option.to_bytes(2, "little"))
            session.read_packet()
            try:
                assert len(session.query("DO 1; SELECT ROW_COUNT(); DO 2")) == 3 and good
            except wire.Err as error:
                assert error.code == 1064 and not good
    assert messages[0] == messages[1], messages
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)


# What may stand behind the only statement of a text.
ENDS = ("; -- x", "; /* x */", ";# x\n", ";/* x */;", ";\0", "; \0 ", ";;  ;", "; ;", ";-- x\n;", "; -- ;", " /* ; */", ";/* x", ";/*! */",
        ";/*!50000 SELECT 2 */", "; SELECT 2", "\0;SELECT 2", ";--", " -- ; x")


def test_what_stands_behind_the_one_statement_is_no_second_one(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    flags = ({}, {"dual_write": {"enabled": False}}, {"read_from_new": {"percent": 100}})
    sides = [env.old] + ([env.proxy(flags=change) for change in flags] if env.binary else [])
    for end in ENDS:
        for capabilities in (0, wire.DEPRECATE_EOF):
            seen = []
            for side in sides:
                session = side.wire(database="app", capabilities=capabilities)
                answers = []
                for sql in ("SELECT 1", "SELECT 'a;b'", "SET @a = 1", "INSERT INTO t (v) VALUES (1)", "UPDATE t SET v = 2 WHERE id = 0"):
                    try:
                        answers.append([result.facts()[:2 if result.facts()[0] == "ok" else None] for result in session.query(sql + end)])
                    except wire.Err as error:
                        answers.append((error.code, error.state))
                    answers.append(session.one("SELECT 'next', @a").rows)
                seen.append(answers)
            assert all(answers == seen[0] for answers in seen), (end, seen)
    if env.binary:
        env.assert_equal(sides[1], rows_min=len(ENDS))


def test_writes_are_duplicated_whatever_stands_behind_them(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    session = env.proxy().wire(database="app")
    for number, end in enumerate(ENDS):
        try:
            session.query("INSERT INTO t (v) VALUES (%d)%s" % (number, end))
        except wire.Err as error:
            assert error.code == 1064, error
    env.assert_equal(rows_min=len(ENDS) // 2)


def test_several_statements_while_writes_are_not_duplicated(env):
    """Relayed whole; what they did to the session is known afterwards."""
    env.needs_proxy()
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    for capabilities in (wire.MULTI_STATEMENTS, wire.MULTI_STATEMENTS | wire.DEPRECATE_EOF):
        both_ways(env, proxy, capabilities, SEVERAL + WITH_DDL)
    session = proxy.wire(capabilities=wire.MULTI_STATEMENTS)
    session.query("USE app; SET sql_mode = 'ANSI_QUOTES'; BEGIN; INSERT INTO t VALUES (100, 1)")
    assert session.one('SELECT "v" FROM t WHERE id = 100').rows == [["1"]]
    assert session.one("ROLLBACK").status & wire.IN_TRANSACTION == 0
    assert session.one("SELECT COUNT(*) FROM t WHERE id = 100").rows == [["0"]]


def test_several_statements_in_steps_of_a_few_bytes(env):
    """The seams of the joined response do not hang on how the backends' bytes arrive."""
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(300))")
    for size in (1, 7):
        relay = env.relay(env.old, fragment=size)
        proxy = env.proxy(old_port=relay.port)
        session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS | (wire.DEPRECATE_EOF if size == 7 else 0))
        results = session.query("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (1, 'a'); SELECT * FROM t; SELECT ROW_COUNT(); SHOW TABLES")
        assert [getattr(r, "rows", None) for r in results[1:]] == [None, [["1", "a"]], [["-1"]], [["t"]]], results


def test_drivers_that_send_several_statements(env):
    """PyMySQL with MULTI_STATEMENTS, as ORMs and migration tools use it."""
    import pymysql
    env.tables("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))")
    proxy = env.proxy()
    with proxy.connect(database="app", client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS, autocommit=False) as session:
        with session.cursor() as cursor:
            cursor.execute("INSERT INTO t (v) VALUES ('a'); INSERT INTO t (v) VALUES ('b;''c'); SELECT LAST_INSERT_ID(), COUNT(*) FROM t")
            counts = [cursor.rowcount]
            while cursor.nextset():
                counts.append(cursor.rowcount)
            assert counts == [1, 1, 1], counts
            assert cursor.fetchall() == ((2, 2),)
        session.commit()
    env.assert_equal(rows_min=2)
