"""LOAD DATA LOCAL INFILE: without duplication relayed as it is, with it duplicated as rows."""

import os
import subprocess

import wire
from harness import APP, APP_PASSWORD, BOTH_ROLES, ROOT, raises, wait_until

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


# Without duplication: relayed.

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
    proxy = env.proxy(flags=OFF) if env.binary else env.proxy()
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


def test_a_client_without_the_capability_and_a_server_that_forbids_it_get_the_servers_error(env):
    env.tables(TABLE)
    for flags in (OFF,):
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
    target = env.proxy(flags=OFF) if env.binary else env.proxy()
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
    proxy = env.proxy(flags=OFF) if env.binary else env.proxy()
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
    for flags in (OFF,):
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
