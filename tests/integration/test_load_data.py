"""LOAD DATA LOCAL INFILE: relayed as it is; what the leader makes of a file is on the other side."""

import os
import subprocess

import wire
from harness import BOTH_ROLES, raises
from machine import ROOT
from progress import wait_until
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES

OFF = {"dual_write": {"enabled": False}}
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), n INT)"
LOAD = "LOAD DATA LOCAL INFILE 'data' INTO TABLE t"


def allow_local_files(env):
    """MySQL comes with it switched off."""
    env.servers.run("SET GLOBAL local_infile = 1")


def wire_to(target, pieces, **more):
    """A raw client that answers every request for a file with these pieces."""
    more.setdefault("capabilities", wire.LOCAL_FILES | wire.MULTI_STATEMENTS)
    session = target.wire(database="app", **more)
    session.files = lambda name: pieces
    return session


def outcome(session, sql):
    try:
        return [r.facts() if not isinstance(r, wire.Err) else ("err", r.code, r.state, r.message)
                for r in session.query(sql)]
    except wire.Err as error:
        return [("err", error.code, error.state, error.message)]


def loads(user):
    """How many LOAD statements a server is running."""
    return lambda database: [row for row in database.run("SHOW FULL PROCESSLIST")
                             if row[1] == user and str(row[7]).startswith("LOAD")]


PLAIN = [
    (LOAD, [b"1\ta\t10\n2\tb\t20\n"]),
    (LOAD, [b"3\tc", b"\t30\n4", b"\td\t40\n"]),
    (LOAD, []),
    (LOAD, [b"1\tagain\t1\n5\te\t50\nx\ttoo\tfew\n6\n"]),
    (LOAD + " (id, @n) SET name = UPPER(@n), n = 7", [b"8\teight\n"]),
    (LOAD.replace("INTO", "REPLACE INTO"), [b"1\tnew\t11\n"]),
    (LOAD.replace("INTO", "REPLACE INTO"), [b"12\t%s\t11\n" % (b"x" * 30)]),
    ("LOAD DATA LOCAL INFILE 'data' INTO TABLE missing", [b"1\n"]),
    (LOAD + " (nothing)", [b"1\n"]),
    (LOAD + " FIELDS NONSENSE", [b"1\n"]),
    ("SELECT 1; " + LOAD + "; SELECT COUNT(*) FROM t; SHOW WARNINGS", [b"20\tm\t1\n20\tagain\t1\n"]),
    (LOAD + ";" + LOAD, [b"21\tm\t1\n"]),
    ("SELECT 1; LOAD DATA LOCAL INFILE 'data' INTO TABLE missing; SELECT 2", [b"1\n"]),
]


def test_relayed_files_are_answered_as_without_a_proxy(env):
    allow_local_files(env)
    direct, rows = env.old, []
    proxy = env.proxy()
    for capabilities in (0, wire.DEPRECATE_EOF, wire.SESSION_TRACK):
        found = []
        for target in (direct, proxy):
            env.tables("DROP TABLE IF EXISTS t", TABLE)
            answers = []
            for sql, pieces in PLAIN:
                session = wire_to(target, pieces, capabilities=wire.LOCAL_FILES | wire.MULTI_STATEMENTS | capabilities)
                answers.append((sql, outcome(session, sql), outcome(session, "SHOW WARNINGS")))
                session.close()
            found.append(answers)
            rows.append(env.old.run("SELECT * FROM t ORDER BY id", database="app"))
        for one, other in zip(*found):
            assert one == other, "\n%r\n%r" % (one, other)
    assert rows[0] == rows[1] and len(rows[0]) == 10, rows[:2]
    env.assert_equal(rows_min=10)


def test_a_client_without_the_capability_and_a_server_that_forbids_it_get_the_servers_error(env):
    env.tables(TABLE)
    for flags in (OFF, {}):
        target = env.proxy(flags=flags) if env.binary else env.proxy()
        allow_local_files(env)
        try:
            for capabilities in (0, wire.LOCAL_FILES):
                found = []
                for side in (env.old, target):
                    session = wire_to(side, [b"1\ta\t1\n"], capabilities=capabilities)
                    found.append(outcome(session, LOAD))
                    assert session.one("SELECT 1").rows == [["1"]]
                    session.close()
                assert found[0] == found[1] and found[0][0][0] == "err", found
                env.servers.run("SET GLOBAL local_infile = 0")
        finally:
            allow_local_files(env)
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)


def test_a_client_that_leaves_in_the_middle_of_a_relayed_file_leaves_nothing(env):
    allow_local_files(env)
    env.tables(TABLE)
    target = env.proxy()
    for end in ("close", "out of order"):
        session = target.wire(database="app", capabilities=wire.LOCAL_FILES)
        session.command(bytes([wire.QUERY]) + LOAD.encode())
        assert session.read_packet() == b"\xfbdata"
        session.send_packet(b"".join(b"%d\tname\t1\n" % n for n in range(1000)))
        wait_until(lambda: loads(APP)(env.old), what="the running LOAD")
        if end == "close":
            session.close()
        else:
            session.send_packet(b"1001\tx\t1\n", sequence=0)
            raises((1156, 1158, 1159), lambda: session._result(session.read_packet()))
            assert session.closed_by_server()
        wait_until(lambda: not loads(APP)(env.old), what="the end of the LOAD")
        assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)
    env.assert_equal(rows_min=0)


def test_a_large_relayed_file_takes_no_memory(env):
    allow_local_files(env)
    env.tables("CREATE TABLE wide (id INT PRIMARY KEY, b LONGTEXT)")
    proxy = env.proxy(flags=OFF)
    session = wire_to(proxy, [b"0\ta\n"])
    session.one("LOAD DATA LOCAL INFILE 'x' INTO TABLE wide")
    before = proxy.rss()
    line = b"\t" + b"y" * 100000 + b"\n"
    session.files = lambda name: (b"%d" % n + line for n in range(1, 400))
    assert session.one("LOAD DATA LOCAL INFILE 'x' INTO TABLE wide").affected == 399
    assert proxy.rss() - before < 4 << 20, proxy.rss() - before


def test_packets_of_sixteen_megabytes_are_relayed(env):
    allow_local_files(env)
    env.servers.run("SET GLOBAL max_allowed_packet = 67108864")
    env.tables("CREATE TABLE wide (id INT PRIMARY KEY, b LONGTEXT)")
    proxy = env.proxy()
    text = b"1\t" + b"z" * 0xFFFFFF
    for size in (0xFFFFFE, 0xFFFFFF, 0x1000000):
        session = wire_to(proxy, [text[:size], b"\n2\ttail\n"])
        assert session.one("LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE wide").info.startswith("Records: 2 "), size
        assert env.old.run("SELECT LENGTH(b) FROM app.wide") == ((size - 2,), (4,)), size


CLIENTS = [["mariadb", "--skip-ssl"]]


def run_client(client, port, sql, password=APP_PASSWORD):
    arguments = ["--no-defaults"] + client[1:] + ["-h127.0.0.1", "-P%d" % port, "-u" + APP, "-p" + password,
                                                  "--local-infile=1", "-vvv", "app", "-e", sql]
    program = client[:1] if client[0] == "mariadb" else [os.path.join(ROOT, "scripts", "mysql9"), "run", "mysql"]
    done = subprocess.run(program + arguments, text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_command_line_clients_and_drivers_load_files(env):
    allow_local_files(env)
    env.tables(TABLE)
    clients = list(CLIENTS)
    if "mysql" in (env.old.kind, env.new.kind) and env.binary:
        clients.append(["mysql", "--ssl-mode=DISABLED", "--get-server-public-key"])
    path = os.path.join(env.directory, "load.txt")
    os.makedirs(env.directory, exist_ok=True)
    with open(path, "w") as out:
        out.write("".join("%d\tname %d\t%d\n" % (n, n, n * n) for n in range(2000)))
    for flags in ({}, OFF):
        target = env.proxy(flags=flags) if env.binary else env.proxy()
        for client in clients:
            code, out, err = run_client(client, target.port, "DELETE FROM t WHERE id = 1; LOAD DATA LOCAL INFILE '%s' "
                                        "REPLACE INTO TABLE t; SELECT COUNT(*) FROM t" % path)
            assert code == 0 and "Records: 2000 " in out and "| 2000 |" in out.replace("     2000", " 2000"), (out, err)
            code, out, err = run_client(client, target.port, "LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE t")
            assert code == 1 and "ERROR 2" in err or "ERROR 29" in err, (out, err)
        with target.connect(database="app", local_infile=True) as session, session.cursor() as cursor:
            assert cursor.execute("LOAD DATA LOCAL INFILE '%s' IGNORE INTO TABLE t" % path) == 0
            raises(1017, cursor.execute, "LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE t")
            cursor.execute("SELECT SUM(n) FROM t")
            assert int(cursor.fetchone()[0]) == sum(n * n for n in range(2000))
    if env.binary:
        env.assert_equal(env.proxies[0], rows_min=2000)


def both_ways(env, proxy, make, sql, pieces, after, before=(), **more):
    """The same LOAD on a fresh table, directly and through the proxy: answers, diagnostics, rows."""
    found = []
    for number, target in enumerate((env.old, proxy)):
        table = "t%d_%d" % (number, both_ways.count)
        env.tables(make.replace("TABLE t ", "TABLE %s " % table))
        session = wire_to(target, pieces, **more)
        answers = [outcome(session, statement) for statement in before]
        answers += [outcome(session, sql.replace("TABLE t", "TABLE " + table))]
        answers += [outcome(session, statement) for statement in after]
        session.close()
        if number == 1:
            proxy.caught_up()
        rows = [sorted(side.run("SELECT * FROM app." + table), key=repr)
                for side in (env.servers.both if number == 1 else [env.old])]
        found.append((repr(answers).replace(table, "t"), rows[0]))
        assert len(rows) == 1 or rows[0] == rows[1], rows
    both_ways.count += 1
    return found


both_ways.count = 0

WITH_IDS = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, u INT UNIQUE, s VARCHAR(5), at TIMESTAMP NOT NULL DEFAULT '2020-01-01')"
TYPES = """CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,2), f DOUBLE, day DATE, at DATETIME(3), c CHAR(6), b VARBINARY(20),
    e ENUM('x','y'), txt TEXT CHARACTER SET latin1, n BIGINT UNSIGNED)"""

EQUAL = [
    (TYPES, LOAD, b"1\t1.50\t0.25\t2024-02-29\t2024-02-29 10:11:12.123\tabc\tbytes\\0\\\\\tx\tcaf\xc3\xa9\t18446744073709551615\n"
                  b"2\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n-3\t-0.05\t-1\t1000-01-01\t9999-12-31 23:59:59.999\t\t''\ty\t\t0\n"),
    (TYPES, LOAD + " CHARACTER SET latin1 (id, txt, c)", b"1\tcaf\xe9\t\xe9\n"),
    (TYPES, LOAD + " CHARACTER SET binary (id, b)", bytes([49, 9]) + bytes(range(128, 148)) + b"\n"),
    (TYPES, LOAD + " CHARACTER SET ascii FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n' IGNORE 1 LINES (id, c, txt)",
     b"id,c,txt\r\n1,\"a\"\"b\",\"x,\r\ny\"\r\n2,NULL,\"NULL\""),
    (TYPES, LOAD + " (id, c) SET txt = 'it''s', n = 7, f = NULL", b"1\ta\n2\tb\n"),
    (WITH_IDS, LOAD + " (u, s)", b"10\ta\n20\tb\n10\tc\n30\td\n"),
    (WITH_IDS, LOAD + " (id, u)", b"5\t1\n7\t2\n"),
    (WITH_IDS, LOAD + " (id, u)", b"\\N\t1\n0\t2\n"),
    (WITH_IDS, LOAD, b""),
    (WITH_IDS, LOAD.replace("INTO", "REPLACE INTO"), b"1\t1\ta\t2021-01-01 00:00:00\n1\t2\tb\t2021-01-01 00:00:00\n2\t2\tc\t2021-01-01 00:00:00\n"),
    (WITH_IDS, LOAD.replace("INTO", "IGNORE INTO").replace("LOAD DATA", "LOAD DATA CONCURRENT") + " (u)",
     b"".join(b"%d\n" % (n % 50) for n in range(200))),
    (WITH_IDS, "LOAD DATA LOCAL INFILE 'x' INTO TABLE t (u) SET id = NULL", b"4\n5\n"),
    # Errors of the servers' own.
    (WITH_IDS, LOAD + " FIELDS NONSENSE", b""),
    (WITH_IDS, LOAD.replace("TABLE t", "TABLE t_missing"), b""),
    # A last line without an end is taken with more fields than there are columns.
    (WITH_IDS, LOAD + " (id, u)", b"1\t2\n3\t4\tmore"),
]


def test_rows_answers_and_diagnostics_are_as_without_a_proxy(env):
    env.needs_proxy()
    allow_local_files(env)
    proxy = env.proxy()
    ids = ["SELECT ROW_COUNT()", "SELECT LAST_INSERT_ID()"]
    for capabilities, after in ((0, ["SHOW WARNINGS"]), (wire.DEPRECATE_EOF, ["SHOW WARNINGS LIMIT 3, 4"]), (0, ids)):
        for make, sql, data in EQUAL:
            direct, through = both_ways(env, proxy, make, sql, [data[:5], data[5:]], after,
                                        capabilities=wire.LOCAL_FILES | capabilities)
            assert direct == through, "%s\n%r\n%r\n%r" % (sql, data, direct, through)


REFUSED = [
    # (statement, file, words of the error); nothing may be written.
    (LOAD + " (id, c)", b"1\ta\n2\n", "line 2, column 'c': the line has fewer than 2 fields"),
    (LOAD + " (id, c)", b"1\ta\n2\tb\tc\n", "line 2: the line has more than 2 fields"),
    (LOAD + " (id, c)", b"1\ta\n\n", "line 2, column 'c': the line has fewer"),
    (LOAD + " (id, c)", b"1\ta\n2x\tb\n", "line 2, column 'id': its text is no plain number"),
    (LOAD + " (id, c)", b"1\ta\n\\N\tb\n", "line 2, column 'id': NULL in a column that is NOT NULL"),
    (LOAD + " (id, c)", b"1\ta\n2\ttoo long\n", "line 2: Data truncated for column 'c'"),
    (LOAD + " (id, c)", b"1\ta\n99999999999\tb\n", "line 2: Out of range value for column 'id'"),
    (LOAD + " (id, d)", b"1\t1.005\n", "line 1: Data truncated for column 'd'"),
    (LOAD + " (id, d)", b"1\t1e3\n", "line 1, column 'd'"),
    (LOAD + " (id, day)", b"1\t24-02-01\n", "line 1, column 'day'"),
    (LOAD + " (id, day)", b"1\t2024-02-31\n", "line 1: "),
    (LOAD + " (id, e)", b"1\tz\n", "line 1: Data truncated for column 'e'"),
    (LOAD + " CHARACTER SET utf8mb4 (id, c)", b"1\tok\n2\tcaf\xe9\n", "line 2, column 'c': its text is not well-formed in its character set"),
    (LOAD + " CHARACTER SET utf8mb3 (id, c)", b"1\t\xf0\x9f\x98\x80\n", "line 1, column 'c': its text is not well-formed in its character set"),
    (LOAD + " CHARACTER SET ascii (id, c)", b"1\t\xc3\xa9\n", "line 1, column 'c': its text is not well-formed in its character set"),
    (LOAD + " (id, txt)", "1\t日\n".encode(), "line 1, column 'txt': its text has characters that the column"),
    # Before the file is asked for.
    (LOAD + " (id, @c) SET c = @c", None, "a user variable"),
    (LOAD + " (id) SET c = UPPER('a')", None, "SET to something else"),
    (LOAD + " CHARACTER SET cp1251 (id)", None, "character set"),
    (LOAD + " FIELDS TERMINATED BY '' ENCLOSED BY '' (id)", None, "fixed size"),
    (LOAD + " LINES TERMINATED BY '' (id)", None, "lines without an end"),
    (LOAD + " FIELDS TERMINATED BY 'é' (id)", None, "not ASCII"),
    (LOAD + " (id, id)", None, "twice"),
    ("LOAD XML LOCAL INFILE 'x' INTO TABLE t", None, "XML"),
    ("LOAD DATA INFILE 'x' INTO TABLE t", None, "LOCAL"),
]


# With a value or a line that a server has to change, or refuses.
CHANGED = [(TYPES, sql, data or b"1\t2\n") for sql, data, _ in REFUSED] + [
    ("CREATE TABLE t (id INT PRIMARY KEY, twice INT AS (id * 2))", LOAD, b"1\n2\t7\n"),
    (WITH_IDS, LOAD + " (@u, s) SET u = @u + 1, s = UPPER(s), at = NOW()", b"1\ta\n2\tbcdefg\n"),
]


def test_what_the_server_changes_is_changed_as_without_a_proxy(env):
    env.needs_proxy()
    allow_local_files(env)
    proxy = env.proxy()
    for mode, begin in (("", "DO 0"), ("STRICT_ALL_TABLES", "DO 0"), ("STRICT_TRANS_TABLES", "BEGIN")):
        for make, sql, data in CHANGED:
            direct, through = both_ways(env, proxy, make, sql, [data], ["SHOW WARNINGS", "SELECT ROW_COUNT()", "COMMIT"],
                                        ["SET sql_mode = '%s'" % mode, begin])
            if "NOW()" not in sql:
                assert direct == through, "%s\n%r\n%r\n%r" % (sql, data, direct, through)
    env.assert_equal()


def test_a_load_is_a_part_of_the_clients_transaction(env):
    env.needs_proxy()
    allow_local_files(env)
    env.tables(WITH_IDS, "CREATE TABLE other (id INT PRIMARY KEY)")
    proxy = env.proxy()
    session = wire_to(proxy, [b"".join(b"%d\ta\n" % n for n in range(3000))])
    session.one("BEGIN")
    session.one("INSERT INTO other VALUES (1)")
    loaded = session.one(LOAD + " (u, s)")
    assert loaded.facts() == ("ok", 3000, 0, wire.IN_TRANSACTION | wire.AUTOCOMMIT, 0,
                              "Records: 3000  Deleted: 0  Skipped: 0  Warnings: 0"), loaded
    assert session.one("SELECT LAST_INSERT_ID(), ROW_COUNT()").rows == [["1", "3000"]]
    session.one("ROLLBACK")
    assert env.old.run("SELECT (SELECT COUNT(*) FROM app.t) + (SELECT COUNT(*) FROM app.other)") == ((0,),)
    session.one("BEGIN")
    session.one("INSERT INTO other VALUES (2)")
    session.one("SAVEPOINT a")
    session.one(LOAD + " (u, s)")
    session.one("ROLLBACK TO SAVEPOINT a")
    session.files = lambda name: [b"7\tb\n7\tb\n"]
    assert session.one(LOAD + " (u, s)").affected == 1
    session.one("INSERT INTO other VALUES (3)")
    session.one("COMMIT")
    assert env.old.run("SELECT u, s FROM app.t") == ((7, "b"),)
    assert env.old.run("SELECT id FROM app.other") == ((2,), (3,))
    session.one("SET autocommit = 0")
    session.files = lambda name: [b"50\tc\n"]
    session.one(LOAD + " (u, s)")
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((1,),)
    session.one("COMMIT")
    env.assert_equal(rows_min=4)


def test_clients_and_proxies_that_end_in_the_middle_leave_both_sides_equal(env):
    env.needs_proxy()
    allow_local_files(env)
    env.tables(TABLE)
    proxy = env.proxy()
    # The client leaves, or breaks the sequence, while the file is on its way.
    for end in ("close", "out of order"):
        session = proxy.wire(database="app", capabilities=wire.LOCAL_FILES)
        session.command(bytes([wire.QUERY]) + LOAD.encode())
        assert session.read_packet() == b"\xfbdata"
        session.send_packet(b"1\tname\t1\n")
        if end == "close":
            session.close()
        else:
            session.send_packet(b"2\tx\t1\n", sequence=0)
            raises((1156, 1158, 1159), lambda: session._result(session.read_packet()))
            assert session.closed_by_server()
    # The proxy is killed with half of the file, and at moments around its writing.
    lines = b"".join(b"%d\tname\t1\n" % n for n in range(20000))
    for wait in (0, 0.02, 0.1, 0.3):
        session = proxy.wire(database="app", capabilities=wire.LOCAL_FILES)
        session.command(bytes([wire.QUERY]) + LOAD.encode())
        session.read_packet()
        session.send_packet(lines)
        if wait:
            session.send_packet(b"")
            session.socket.settimeout(wait)
            session.closed_by_server()  # or it has answered: either way the kill comes now
        proxy.kill()
        wait_until(lambda: not loads(APP)(env.old), what="the end of the LOAD")
        proxy.start()
        proxy.caught_up()
        assert env.old.run("SELECT COUNT(*) FROM app.t")[0][0] in (0, 20000)
        env.assert_equal(rows_min=0)
    session = wire_to(proxy, [lines])
    session.one(LOAD)
    env.assert_equal(rows_min=20000)


def test_mariadbs_prepared_loads_and_mysqls_refusal_of_them(env):
    env.needs_proxy()
    allow_local_files(env)
    env.tables(TABLE)
    for flags in ({}, OFF):
        session = wire_to(env.proxy(flags=flags), [b"1\ta\t1\n"])
        if env.old.kind == "mysql":
            raises(1295, session.prepare, LOAD)
            continue
        statement = session.prepare(LOAD.replace("INTO", "REPLACE INTO"))[0]
        for _ in range(2):
            assert session.execute(statement)[0].info.startswith("Records: 1 ")
    env.assert_equal(env.proxies[0], rows_min=0)


def test_a_temporary_table_is_loaded_on_the_leader_alone(env):
    env.needs_proxy()
    allow_local_files(env)
    env.tables(TABLE)
    session = wire_to(env.proxy(), [b"1\ttemp\t1\n"])
    session.one("CREATE TEMPORARY TABLE t (id INT, name VARCHAR(20), n INT)")
    assert session.one(LOAD).affected == 1
    assert session.one(LOAD + " (id, name)").affected == 1
    assert session.one("SELECT name FROM t").rows == [["temp"], ["temp"]]
    session.close()
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)
    env.assert_equal(rows_min=0)


def test_files_among_several_statements_are_taken_in_their_turn(env):
    env.needs_proxy()
    allow_local_files(env)
    proxy, number = env.proxy(), 0
    for capabilities in (0, wire.DEPRECATE_EOF):
        for statements in ("SELECT 1; {load}; SELECT COUNT(*) FROM {t}; {load}; SHOW WARNINGS",
                           "{load}; INSERT INTO {t} VALUES (900, 'i', 1); {load}",
                           "BEGIN; {load}; SAVEPOINT a; INSERT INTO {t} VALUES (901, 'i', 1); ROLLBACK TO a; COMMIT; SELECT 2",
                           "SELECT 1; {load} (nothing); SELECT 2",
                           "CREATE TEMPORARY TABLE temp{t} LIKE {t}; LOAD DATA LOCAL INFILE 'x' INTO TABLE temp{t}; "
                           "SELECT COUNT(*) FROM temp{t}"):
            found = []
            for target in (env.old, proxy):
                number += 1
                table = "m%d" % number
                env.tables(TABLE.replace("TABLE t ", "TABLE %s " % table))
                session = wire_to(target, [b"1\ta\t1\n2\t", b"b\t2\n"],
                                  capabilities=wire.LOCAL_FILES | wire.MULTI_STATEMENTS | capabilities)
                sql = statements.format(t=table, load=LOAD.replace("TABLE t", "TABLE " + table))
                found.append(repr([outcome(session, sql), outcome(session, "SELECT COUNT(*) FROM " + table)]).replace(table, "t"))
                session.close()
            assert found[0] == found[1], "%s\n%s\n%s" % (statements, found[0], found[1])
            proxy.caught_up()
            assert env.old.run("SELECT * FROM app." + table) == env.new.run("SELECT * FROM app." + table), statements


def test_a_load_among_several_statements_answers_as_without_a_proxy(env):
    """Flags and diagnostics too: SHOW WARNINGS behind it is still inside the client's transaction."""
    allow_local_files(env)
    proxy = env.proxy()
    found = []
    for side in (env.old, proxy):
        env.tables("DROP TABLE IF EXISTS t", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40))", "INSERT INTO t VALUES (1, 'a')")
        for capabilities in (0, wire.DEPRECATE_EOF):
            session = wire_to(side, [b"10\tten\n11\tel", b"even\n"],
                              capabilities=wire.LOCAL_FILES | wire.MULTI_STATEMENTS | capabilities)
            for sql in ("BEGIN; REPLACE INTO t VALUES (5, 'x'); LOAD DATA LOCAL INFILE 'f' REPLACE INTO TABLE t; SELECT COUNT(*) FROM t; COMMIT; "
                        "SELECT COUNT(*) FROM t",
                        "BEGIN; DELETE FROM t WHERE id = 10; SAVEPOINT s; LOAD DATA LOCAL INFILE 'f' IGNORE INTO TABLE t; SHOW WARNINGS; "
                        "SELECT ROW_COUNT(); ROLLBACK TO s; COMMIT",
                        "LOAD DATA LOCAL INFILE 'f' IGNORE INTO TABLE t; SHOW WARNINGS; LOAD DATA LOCAL INFILE 'f' REPLACE INTO TABLE t; "
                        "SELECT * FROM t"):
                found.append((side, sql, [result.args if isinstance(result, wire.Err) else (result.facts(), result.status & ~0x4000)
                                          for result in session.query(sql)]))
            session.close()
    direct, through = ([answer[1:] for answer in found if answer[0] is side] for side in (env.old, proxy))
    for one, other in zip(direct, through):
        assert one == other, "\n%r\n%r" % (one, other)
    env.assert_equal(proxy)
