"""Prepared statements of the binary protocol: one script, on `old` directly, through the proxy, and with reads on `new`."""

import struct

import wire
from harness import BOTH_ROLES, raises

ROLES = BOTH_ROLES
EXECUTE, RESET, FETCH = 0x17, 0x1A, 0x1C
CURSOR_EXISTS, LAST_ROW_SENT = 0x40, 0x80
TABLES = ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')",
          "CREATE TABLE long_ones (id INT PRIMARY KEY, s LONGTEXT, b LONGBLOB, v VARCHAR(200), vb VARBINARY(200), c CHAR(20), m MEDIUMTEXT)",
          "CREATE TABLE texts (id INT PRIMARY KEY, p VARCHAR(40) CHARACTER SET utf8mb4, l VARCHAR(40) CHARACTER SET utf8mb4)")


def attempt(call, *arguments):
    """What a client sees of it. Statement ids are in the servers' words for an unknown one: only its number counts."""
    try:
        return [result.facts() for result in call(*arguments)]
    except wire.Err as error:
        return ("error", error.code) if error.code == 1243 else ("error", error.code, error.state, error.message)


def through_all(env, script, capabilities=0):
    """Runs `script(session, settle)` on `old`, through the proxy, and with reads on `new`; all have to see the same."""
    seen = []
    for flags in (None, {}, {"read_from_new": {"percent": 100}}):
        if flags is not None and not env.binary:
            continue
        env.afresh(*TABLES)
        if flags is None:
            connect, proxy = env.old.wire, None
        else:
            proxy = env.proxy(flags=flags or None)
            proxy.caught_up()
            connect = proxy.wire
        settle = proxy.caught_up if proxy else (lambda: None)
        seen.append(list(script(connect(database="app", capabilities=capabilities), settle)))
        if proxy:
            env.assert_equal(proxy)
    for found in seen[1:]:
        for number, (direct, through) in enumerate(zip(seen[0], found)):
            assert direct == through, "step %d\ndirect:  %s\nthrough: %s" % (number, direct, through)
        assert len(found) == len(seen[0])


def test_statements_outlive_changes_of_their_tables(env):
    def script(session, settle):
        read, *_ = session.prepare("SELECT * FROM t WHERE id = ?")
        write, *_ = session.prepare("INSERT INTO t (id, v) VALUES (?, ?)")
        star, *_ = session.prepare("SELECT * FROM t ORDER BY id")
        for change in ("ALTER TABLE app.t COMMENT 'nothing'", "ALTER TABLE app.t ADD COLUMN more INT DEFAULT 7",
                       "ALTER TABLE app.t MODIFY v VARCHAR(100)", "ALTER TABLE app.t DROP COLUMN more", "RENAME TABLE app.t TO app.away",
                       "RENAME TABLE app.away TO app.t", "TRUNCATE TABLE app.t"):
            yield attempt(session.execute, read, [1])
            yield attempt(session.execute, star)
            yield attempt(session.execute, write, [len(change) + 100, "before"])
            settle()
            env.both(change)
            yield attempt(session.execute, read, [1])
            yield attempt(session.execute, star)
            yield attempt(session.execute, write, [len(change) + 200, "after"])

    through_all(env, script)


def test_parameters_may_change_their_types_or_keep_them(env):
    def script(session, settle):
        read, *_ = session.prepare("SELECT CONCAT(?, '-', ?), id FROM t WHERE id = 1")
        write, *_ = session.prepare("REPLACE INTO t (id, v) VALUES (?, ?)")
        for values in ([1, 2], ["a", 5], [b"bytes", None], [1.5, "z"], [None, None], ["1", "2"]):
            yield attempt(session.execute, read, values)
        for values in ([20, "x"], ["21", "y"], [22, None], [22, b"bytes"]):
            yield attempt(session.execute, write, values)
        # The flag "new parameters bound" is 0: the types are those of the execution before.
        head = bytes([EXECUTE]) + struct.pack("<IBI", write, 0, 1)
        session.command(head + b"\0\0" + struct.pack("<q", 23) + b"\x05again")
        yield attempt(lambda: session.results(binary=True))
        session.command(head + b"\x02\0" + struct.pack("<q", 24))  # the text is NULL this time
        yield attempt(lambda: session.results(binary=True))
        yield attempt(session.query, "SELECT * FROM t ORDER BY id")
        # The flag of new parameters although there are none, as Node's mariadb sends it.
        star, *_ = session.prepare("SELECT * FROM t ORDER BY id")
        session.command(session.execute_payload(star, []) + b"\x01")
        yield attempt(lambda: session.results(binary=True))

    through_all(env, script)


def test_long_data_of_every_type_in_pieces(env):
    def script(session, settle):
        statement, *_ = session.prepare("INSERT INTO long_ones (id, s, b, v, vb, c, m) VALUES (?, ?, ?, ?, ?, ?, ?)")
        text, raw = "grün 😀 " * 3, b"\0\xff'\\" * 5
        for number, size in enumerate((1, 1000, 70000)):
            for _ in range(3):
                session.send_long_data(statement, 1, text.encode() * size)
                session.send_long_data(statement, 2, raw * size)
            session.send_long_data(statement, 3, text.encode())
            session.send_long_data(statement, 4, raw)
            session.send_long_data(statement, 4, b"")
            yield attempt(session.execute, statement, [number, "", b"", "", b"", "plain", "plain"], (1, 2, 3, 4))
        session.send_long_data(statement, 1, b"forgotten")
        session.command(bytes([RESET]) + struct.pack("<I", statement))
        yield attempt(session.results)
        yield attempt(session.execute, statement, [10, "text", b"bytes", "v", b"vb", "c", "m"])
        session.send_long_data(statement, 1, b"")
        yield attempt(session.execute, statement, [11, "", b"bytes", "v", b"vb", "c", "m"], (1,))
        yield attempt(session.query, "SELECT id, SHA2(s, 256), SHA2(b, 256), LENGTH(s), LENGTH(b), v, HEX(vb), c, m FROM long_ones ORDER BY id")
        session.close_statement(statement)
        yield attempt(session.execute, statement, [12, "", b"", "", b"", "", ""])

    through_all(env, script)


def open_cursor(session, statement, values=()):
    """(columns, whether a cursor is open); without CLIENT_DEPRECATE_EOF."""
    payload = bytearray(session.execute_payload(statement, values))
    payload[5] = 1  # read only
    session.command(bytes(payload))
    packet = session.read_packet()
    if packet[0] == 0xFF:
        raise session._err(packet)
    columns = [session._column(session.read_packet()) for _ in range(packet[0])]
    end = session.read_packet()
    return columns, bool(struct.unpack_from("<H", end, 3)[0] & CURSOR_EXISTS)


def fetch(session, statement, columns, count):
    session.command(bytes([FETCH]) + struct.pack("<II", statement, count))
    rows = []
    while True:
        packet = session.read_packet()
        if packet[0] == 0xFF:
            return rows, session._err(packet).code
        if packet[0] == 0xFE and len(packet) < 9:
            return rows, bool(struct.unpack_from("<H", packet, 3)[0] & LAST_ROW_SENT)
        rows.append(session._binary_row(packet, columns))


def test_cursors_take_turns_with_each_other_and_with_other_commands(env):
    def script(session, settle):
        one, *_ = session.prepare("SELECT id, v FROM t ORDER BY id")
        two, *_ = session.prepare("SELECT v FROM t WHERE id > ? ORDER BY id DESC")
        write, *_ = session.prepare("UPDATE t SET v = ? WHERE id = ?")
        columns_one, is_open = open_cursor(session, one)
        yield is_open
        columns_two, is_open = open_cursor(session, two, [1])
        yield is_open
        yield fetch(session, one, columns_one, 2)
        yield fetch(session, two, columns_two, 1)
        yield attempt(session.query, "SELECT COUNT(*) FROM t")
        yield attempt(session.execute, write, ["changed", 4])
        yield attempt(session.query, "UPDATE t SET v = 'by text' WHERE id = 5")
        yield fetch(session, two, columns_two, 1)
        yield fetch(session, one, columns_one, 1)
        session.close_statement(one)
        yield fetch(session, one, columns_one, 1)
        yield fetch(session, two, columns_two, 100)
        yield fetch(session, two, columns_two, 1)
        columns_two, _ = open_cursor(session, two, [3])  # an execution closes the cursor before
        yield fetch(session, two, columns_two, 10)
        session.command(bytes([RESET]) + struct.pack("<I", two))
        yield attempt(session.results)
        yield fetch(session, two, columns_two, 1)
        yield attempt(session.query, "SELECT * FROM t ORDER BY id")

    through_all(env, script)


def test_what_cannot_be_prepared_is_said_in_the_servers_words(env):
    def script(session, settle):
        for sql in ("SELECT nonsense from", "SELECT * FROM missing", "SELECT missing FROM t", "SELECT 1; SELECT 2", "",
                    "INSERT INTO missing VALUES (?)", "SELECT " + ", ".join("?" * 65536)):
            yield attempt(lambda: [] if session.prepare(sql) else [])
        statement, parameters, columns = session.prepare("SELECT ?, v FROM t WHERE id = ?")
        yield parameters, columns
        session.command(bytes([EXECUTE]) + struct.pack("<IBI", statement, 0, 1))  # no values at all
        yield attempt(lambda: session.results(binary=True))
        yield attempt(session.query, "SELECT 'still here'")

    through_all(env, script)


def test_the_servers_own_limit_of_statements(env):
    """max_prepared_stmt_count: the leader's is the client's error, the other side's only keeps reads with the leader."""
    env.needs_proxy()
    env.tables(*TABLES)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    for server in env.servers.both:
        session = proxy.wire(database="app")
        session.query("SELECT v FROM t WHERE id = 1")
        before = server.run("SELECT @@max_prepared_stmt_count")[0][0]
        server.run("SET GLOBAL max_prepared_stmt_count = 0")
        try:
            if server is env.old:
                assert raises(1461, session.prepare, "SELECT 1") == raises(1461, server.wire().prepare, "SELECT 1")
            else:
                read, *_ = session.prepare("SELECT v FROM t WHERE id = ?")
                write, *_ = session.prepare("UPDATE t SET v = ? WHERE id = ?")
                assert session.execute(write, ["w", 1])[0].affected == 1
                assert session.execute(read, [1])[0].rows == [["w"]]
            assert session.one("SELECT v FROM t WHERE id = 2").rows == [["b"]]
        finally:
            server.run("SET GLOBAL max_prepared_stmt_count = %d" % before)
    env.assert_equal(proxy)


def test_executions_and_their_rows_around_the_packet_boundary(env):
    full = 0xFFFFFF
    env.servers.run("SET GLOBAL max_allowed_packet = %d" % (64 << 20))
    env.tables(*TABLES)
    proxy = env.proxy()
    session = proxy.wire(database="app", timeout=60)
    insert, *_ = session.prepare("INSERT INTO long_ones (id, s) VALUES (?, ?)")
    select, *_ = session.prepare("SELECT s FROM long_ones WHERE id = ?")
    around = len(session.execute_payload(insert, (0, "x" * 0x10000))) - 0x10000
    for size in (full - 1, full, full + 1, 2 * full):
        # The length of the text takes four bytes up to 2^24-1, then nine.
        text = "x" * (size - around - (5 if size - around > full else 0))
        payload = session.execute_payload(insert, (size, text))
        assert len(payload) == size, (len(payload), size)
        session.command(payload)
        assert session.results(binary=True)[0].affected == 1
        assert session.execute(select, [size])[0].rows == [[text]], size
    env.assert_equal(proxy, rows_min=4)


def test_texts_are_those_of_the_character_set_of_their_execution(env):
    """Literals are read in the character set of PREPARE, parameters in that of the execution."""
    literals = {"latin1": b"\xe9", "utf8mb4": "é".encode(), "gbk": b"\xa8\xa6", "cp1251": b"\xe9"}

    def script(session, settle):
        number = 0
        for then, literal in literals.items():
            for now in literals:
                session.one("SET NAMES " + then)
                inserts = [session.prepare(b"INSERT INTO texts VALUES (?, ?, '%s')" % text)[0] for text in (literal, b"x")]
                session.one("SET NAMES " + now)
                for insert in inserts:
                    number += 1
                    yield attempt(session.execute, insert, [number, literals[now].decode(errors="surrogateescape")])
                session.one("SET NAMES " + then)
                yield attempt(session.execute, inserts[0], [100 + number, literal.decode(errors="surrogateescape")])
        yield attempt(session.query, "SELECT id, HEX(p), HEX(l) FROM texts ORDER BY id")

    through_all(env, script)


def raw_execution(session, statement, body):
    session.command(bytes([EXECUTE]) + struct.pack("<I", statement) + body)
    return session.results(binary=True)


def test_long_data_that_a_server_does_not_take_is_refused_as_by_the_server(env):
    text = b"\0\1\0\0\0\0\1\xfe\0\x0212"
    number = b"\0\1\0\0\0\0\1\x08\0M\0\0\0\0\0\0\0"

    def script(session, settle):
        seen = []
        for sends in ((), ((5, b"aa"),), ((0, b"aa"),), ((0, b""),)):
            statement = session.prepare("INSERT INTO t VALUES (100, ?)")[0]
            for body in (text, number, text + b"more"):
                for parameter, data in sends:
                    session.send_long_data(statement, parameter, data)
                seen.append((sends, body, attempt(raw_execution, session, statement, body)))
                seen.append(session.query("SELECT v FROM t WHERE id = 100")[0].rows)
                session.simple(bytes([RESET]) + struct.pack("<I", statement))
                session.query("DELETE FROM t WHERE id = 100")
                settle()
            session.close_statement(statement)
        return seen

    through_all(env, script)


def test_the_answer_to_set_option_has_the_sessions_flags_and_warnings(env):
    def script(session, settle):
        seen = []
        for before in ("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "START TRANSACTION READ ONLY", "SELECT nothing", "DO 1 + 'x'",
                       "INSERT INTO t VALUES (1, 'a')", "INSERT IGNORE INTO t VALUES (1, 'a')"):
            for option in (b"\0\0", b"\1\0"):
                for command in (b"\x1b" + option, b"\x0e"):
                    attempt(session.query, before)
                    session.command(command)
                    seen.append((before, command, session.read_packet()))
            session.query("ROLLBACK")
        return seen

    for capabilities in (0, wire.DEPRECATE_EOF):
        through_all(env, script, capabilities)
