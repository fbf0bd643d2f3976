"""Wrong passwords, broken packets, refused statements, absent backends, bad files: each gets a clear answer, and
whoever did nothing wrong notices nothing."""

import os
import re
import socket
import statistics
import struct
import subprocess
import time

import pymysql

import wire
from harness import BOTH_ROLES, raises
from progress import wait_until
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES

TABLES = ["CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20), stock INT)",
          "CREATE TABLE other (id INT PRIMARY KEY, name VARCHAR(20), stock INT)",
          "CREATE TABLE no_key (a INT, b INT)",
          "CREATE TABLE parent (id INT PRIMARY KEY, v INT)",
          "CREATE TABLE child (id INT PRIMARY KEY, parent INT, "
          "FOREIGN KEY (parent) REFERENCES parent (id) ON UPDATE CASCADE ON DELETE CASCADE)",
          "CREATE TABLE watched (id INT PRIMARY KEY, v INT)",
          "CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW INSERT INTO no_key VALUES (NEW.id, NEW.v)",
          "CREATE PROCEDURE p() INSERT INTO items VALUES (1000, 'p', 0)",
          "INSERT INTO items VALUES (1, 'a', 1), (2, 'b', 2)", "INSERT INTO parent VALUES (1, 1)",
          "INSERT INTO child VALUES (1, 1)"]


def login_error(proxy, user, password, plugin):
    started = time.monotonic()
    try:
        wire.Connection("127.0.0.1", proxy.port, user, password, plugin=plugin)
    except wire.Err as error:
        return error, time.monotonic() - started
    raise AssertionError("logged in as %s" % user)


def test_wrong_password_and_unknown_user_look_alike(env):
    proxy = env.proxy()
    for plugin in ("mysql_native_password",) + (("caching_sha2_password",) if env.binary else ()):
        times = {"app": [], "nobody": []}
        for _ in range(15):
            for user in times:
                error, took = login_error(proxy, user, "wrong", plugin)
                assert (error.code, error.state) == (1045, "28000"), error
                assert error.message.replace(user, "U").startswith("Access denied for user 'U'@"), error
                assert "using password: YES" in error.message
                times[user].append(took)
        known, unknown = (statistics.median(t) for t in times.values())
        assert abs(known - unknown) < 0.02, (known, unknown)
    error, _ = login_error(proxy, APP, "", "mysql_native_password")
    assert error.code == 1045 and "using password: NO" in error.message, error
    if env.binary:
        proxy.metric_comes(lambda value: value >= 61, "crossfade_logins_failed_total")
    with proxy.connect() as session, session.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_unknown_commands_get_1047_and_the_connection_goes_on(env):
    proxy = env.proxy()
    session = proxy.wire()
    for command in (0x00, 0x0F, 0x14, 0x42, 0xFE):
        session.command(bytes([command]) + b"x")
        packet = session.read_packet()
        assert packet[0] == 0xFF, packet
        assert struct.unpack_from("<H", packet, 1)[0] == 1047, packet
        assert session.one("SELECT 1").rows == [["1"]]
    assert isinstance(session.simple(bytes([wire.PING])), wire.Ok)


def test_malformed_commands_do_no_harm(env):
    env.needs_proxy()
    proxy = env.proxy()
    for payload in (b"", bytes([wire.EXECUTE]), bytes([wire.EXECUTE]) + b"\1\0", bytes([wire.CLOSE]) + b"\1",
                    bytes([wire.LONG_DATA]) + b"\1\0\0", bytes([wire.RESET]), bytes([wire.CHANGE_USER]),
                    bytes([wire.CHANGE_USER]) + b"x" * 300, bytes([wire.SET_OPTION]), bytes([wire.FETCH]) + b"\1",
                    bytes([wire.EXECUTE]) + b"\xff" * 40, bytes([wire.INIT_DB])):
        session = proxy.wire(timeout=5)
        try:
            session.command(payload)
            if payload[:1] not in (bytes([wire.CLOSE]), bytes([wire.LONG_DATA])):
                packet = session.read_packet()
                assert packet[0] in (0xFF, 0xFE), (payload, packet)
        except wire.Closed:
            pass
        session.close()
    session = proxy.wire()
    insert, _, _ = session.prepare("SELECT ?, ?")
    good = session.execute_payload(insert, [1, "abc"])
    for cut in range(10, len(good)):
        session.command(good[:cut])
        try:
            packet = session.read_packet()
        except wire.Closed:
            session = proxy.wire()
            insert, _, _ = session.prepare("SELECT ?, ?")
            good = session.execute_payload(insert, [1, "abc"])
            continue
        if packet[0] != 0xFF:
            while session.one("SELECT 'sync'").rows != [["sync"]]:
                pass
            break
    with proxy.connect() as healthy, healthy.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_malformed_handshakes_are_closed(env):
    proxy = env.proxy()
    good = struct.pack("<IIB23x", wire.BASE, 1 << 24, 45) + APP.encode() + b"\0\x14" + b"x" * 20
    answers = [b"", b"\0", good[:4], good[:32], good[:35], good[:40], b"\xff" * 32, good[:36] + b"\xff" + b"x" * 10,
               struct.pack("<IIB23x", 0, 0, 0), struct.pack("<HBB", 0, 0, 0) + b"app\0", b"GET / HTTP/1.1\r\n\r\n",
               struct.pack("<IIB23x", wire.BASE | wire.TLS, 1 << 24, 45)]
    for answer in answers:
        session = wire.Connection("127.0.0.1", proxy.port, log_in=False, timeout=5)
        session.send_packet(answer)
        try:
            packet = session.read_packet()
            assert packet[0] in (0xFF, 0xFE), packet
            if packet[0] == 0xFF:
                assert session.closed_by_server()
        except wire.Closed:
            pass
        session.close()
    # Raw noise, a length without a body, and silence.
    for noise in (os.urandom(2000), b"\xff\xff\xff\x01", b""):
        raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        raw.recv(4096)
        raw.sendall(noise)
        raw.close()
    with proxy.connect() as healthy, healthy.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_login_that_does_not_come_is_timed_out(env):
    proxy = env.proxy(config={"limits": {"login_timeout": "500ms"}})
    env.needs_proxy()
    raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    raw.recv(4096)
    started = time.monotonic()
    while raw.recv(4096):
        pass
    assert time.monotonic() - started < 5


def test_too_large_packets_get_1153(env):
    env.needs_proxy()
    proxy = env.proxy(config={"limits": {"packet_bytes_max": "1MiB"}})
    session = proxy.wire()
    assert len(session.one("SELECT '" + "x" * 1000000 + "'").rows[0][0]) == 1000000
    try:
        session.one("SELECT '" + "x" * 1100000 + "'")
        raise AssertionError("a packet past the limit was taken")
    except wire.Err as error:
        assert (error.code, error.state) == (1153, "08S01"), error
    except (wire.Closed, ConnectionError, BrokenPipeError):
        raise AssertionError("closed without saying why")
    assert session.closed_by_server()
    before = proxy.rss()
    raw = proxy.wire()
    # Announces 16 MiB pieces without end.
    try:
        for n in range(40):
            raw.send_raw(b"\xff\xff\xff" + bytes([n]) + b"\x03" * 0xFFFFFF)
    except (ConnectionError, socket.timeout):
        pass
    assert proxy.rss() - before < 40 << 20
    with proxy.connect() as healthy, healthy.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_wrong_sequence_gets_1156(env):
    proxy = env.proxy()
    session = proxy.wire()
    session.send_packet(bytes([wire.QUERY]) + b"SELECT 1", sequence=7)
    packet = session.read_packet()
    assert packet[0] == 0xFF and struct.unpack_from("<H", packet, 1)[0] == 1156, packet
    assert session.closed_by_server()


def test_what_would_hide_writes_is_refused_by_name_and_counted(env):
    env.needs_proxy()
    env.tables(*TABLES)
    proxy = env.proxy()
    session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
    for what in ("SET sql_log_bin = 0", "SET @a = 1, SESSION binlog_format = 'ROW'", "SELECT 1; SET @@sql_log_bin = OFF",
                 "PREPARE s FROM 'SET sql_log_bin = 0'", lambda: session.prepare("SET binlog_row_image = 'MINIMAL'")):
        before = proxy.metric("crossfade_statements_refused_total")
        _, message = raises(1235, session.query if isinstance(what, str) else what, *([what] if isinstance(what, str) else []))
        assert message.startswith("crossfade: ") and "sql_log_bin" in message, message
        proxy.metric_comes(lambda value: value == before + 1, "crossfade_statements_refused_total")
        session.one("UPDATE items SET stock = stock + 1")
    env.assert_equal(rows_min=2)


def test_several_statements_without_the_capability_and_open_quotes_are_the_servers_1064(env):
    env.tables(*TABLES)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    direct = env.old.wire(database="app")
    for sql in ("SELECT 1; SELECT 2", "INSERT INTO items VALUES (9, 'x', 1); DROP TABLE items",
                "UPDATE items SET stock = 0 WHERE id = 1; COMMIT", "SELECT 'no end", "SELECT `no end", "SELECT 1 /* no end"):
        assert raises(1064, session.one, sql) == raises(1064, direct.one, sql), sql
    assert session.one("SELECT COUNT(*) FROM items").rows == [["2"]]
    env.assert_equal(rows_min=2)


def test_old_down_at_the_start_and_back(env):
    env.tables(*TABLES)
    env.needs_proxy()
    env.old.kill()
    proxy = env.proxy(ready=False)
    error = raises(1053, proxy.connect)
    assert "old" in error[1], error
    try:
        proxy.get("/readiness")
        raise AssertionError("ready without its leader")
    except OSError:
        pass
    env.old.restart()
    with wait_until(lambda: proxy.connect(database="app"), 30, "a login after `old` came back") as session:
        with session.cursor() as cursor:
            cursor.execute("UPDATE items SET stock = 7 WHERE id = 1")
    wait_until(lambda: proxy.get("/readiness"), 10)
    env.assert_equal(rows_min=2)


def test_old_lost_while_serving(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy()
    session = proxy.connect(database="app")
    env.old.kill()
    with session.cursor() as cursor:
        raises((2006, 2013), cursor.execute, "UPDATE items SET stock = 1 WHERE id = 1")
    error = raises(1053, proxy.connect)
    assert "old" in error[1], error
    env.old.restart()
    with wait_until(lambda: proxy.connect(database="app"), 30, "a login again") as session, session.cursor() as cursor:
        cursor.execute("UPDATE items SET stock = 8 WHERE id = 1")
    env.assert_equal(rows_min=2)


def test_new_down_is_not_the_clients_affair(env):
    env.tables(*TABLES)
    env.needs_proxy()
    env.new.kill()
    proxy = env.proxy()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(10, 30):
            cursor.execute("INSERT INTO items VALUES (%s, 'while away', 1)", (n,))
        assert proxy.status()["caught_up"] is False
        proxy.metric_comes(lambda value: value == 0, "crossfade_backend_up", backend="new")
        env.new.restart()
        proxy.caught_up(30)
        env.assert_equal(rows_min=22)
        # And once more, after it was there.
        env.new.kill()
        started = time.monotonic()
        for n in range(30, 50):
            cursor.execute("INSERT INTO items VALUES (%s, 'away again', 1)", (n,))
        assert time.monotonic() - started < 2
        wait_until(lambda: proxy.status()["lag"]["bytes"] > 0, 10, "a lag")
        env.new.restart()
    env.assert_equal(rows_min=42)
    proxy.metric_comes(lambda value: value == 1, "crossfade_backend_up", backend="new")


def test_ack_both_is_bounded_when_new_is_down(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy(config={"dual_write": {"ack_timeout": "300ms"}}, flags={"dual_write": {"ack": "both"}})
    env.new.kill()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        started = time.monotonic()
        cursor.execute("INSERT INTO items VALUES (10, 'x', 1)")
        assert 0.2 < time.monotonic() - started < 3
    proxy.metric_comes(lambda value: value >= 1, "crossfade_ack_timeouts_total")
    env.new.restart()
    env.assert_equal(rows_min=3)


def test_a_commit_whose_fate_is_unknown_is_not_called_either(env):
    env.tables(*TABLES)
    env.needs_proxy()
    relay = env.relay(env.old)
    proxy = env.proxy(old_port=relay.port)
    for begin, statements in (("BEGIN", ["UPDATE items SET stock = stock + 1 WHERE id = 1", "COMMIT /* lost */"]),
                              ("SELECT 1", ["UPDATE items SET stock = stock + 1 WHERE /* lost */ id = 2"])):
        session = proxy.wire(database="app")
        session.one(begin)
        for statement in statements[:-1]:
            session.one(statement)
        relay.cut_after = b"/* lost */"  # nobody else says that
        try:
            session.one(statements[-1])
        except wire.Closed:
            pass
        else:
            raise AssertionError("acknowledged without an answer of the leader: " + statements[-1])
    for server in (env.old, env.new):
        wait_until(lambda: server.run("SELECT stock FROM app.items ORDER BY id") == ((2,), (3,)), 10, "the commits")
    wait_until(lambda: proxy.connect().close() is None, 20)
    env.assert_equal(rows_min=2)


def test_bad_flags_are_kept_out(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy()
    good = open(proxy.flags_file).read()
    for bad in ("", "version: x\n", good + "version: 3\n", good.replace("percent: 0", "percent: 200"), good + "unknown: 1\n",
                good + "---\n" + good, "\x00\x01", good.replace("kill_switch: false", "kill_switch: yes")):
        proxy.write_flags(bad)
        wait_until(lambda: proxy.metric("crossfade_flags_last_reload_ok") == 0, 10, "refusal of %r" % bad[:40])
        assert proxy.status()["flags"]["version"] == 1
        with proxy.connect() as session, session.cursor() as cursor:
            cursor.execute("SELECT 1")
        proxy.write_flags(good)
        wait_until(lambda: proxy.metric("crossfade_flags_last_reload_ok") == 1, 10)
    proxy.set_flags(read_from_new={"percent": 1})


def run_crossfade(env, *arguments):
    return subprocess.run([env.binary, *arguments], capture_output=True, text=True, timeout=30)


def test_bad_config_names_every_error_with_its_place(env):
    env.needs_proxy()
    proxy = env.proxy(start=False)
    good = open(proxy.config_file).read()
    assert run_crossfade(env, "check", "--config", proxy.config_file).returncode == 0
    bad = good.replace("127.0.0.1:%d" % proxy.port, "nowhere") + "typo: 1\nlimits:\n  connections_max: 010\nthreads: -1\n"
    with open(proxy.config_file, "w") as out:
        out.write(bad)
    for verb in ("check", "serve"):
        done = run_crossfade(env, verb, "--config", proxy.config_file)
        output = done.stdout + done.stderr
        assert done.returncode == 1, (verb, done.returncode, output)
        places = re.findall(r"crossfade\.yaml:(\d+):(\d+): ", output)
        assert len(places) >= 4, output
        assert "typo" in output and "connections_max" in output and "threads" in output, output
    done = run_crossfade(env, "serve", "--config", "/no/such/file.yaml")
    assert done.returncode == 1 and "/no/such/file.yaml" in done.stdout + done.stderr


def test_connections_past_the_limit_get_1040(env):
    env.needs_proxy()
    proxy = env.proxy(config={"limits": {"connections_max": 5}})
    sessions = [proxy.connect() for _ in range(5)]
    raises(1040, proxy.connect)
    sessions.pop().close()
    wait_until(lambda: proxy.connect().close() is None, 10, "a free place")


def test_prepared_statements_past_the_limit_get_1461(env):
    env.needs_proxy()
    proxy = env.proxy(config={"limits": {"prepared_statements_max": 3}})
    session = proxy.wire()
    statements = [session.prepare("SELECT %d" % n)[0] for n in range(3)]
    raises(1461, session.prepare, "SELECT 3")
    session.close_statement(statements[0])
    session.prepare("SELECT 4")


def test_passwords_and_literals_stay_out_of_logs(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO items VALUES (10, 'a private value', 1)")
        raises(1062, cursor.execute, "INSERT INTO items VALUES (10, 'a private value', 1)")
        try:
            cursor.execute("DELETE FROM items WHERE name = 'a private value'")
        except pymysql.MySQLError as error:
            assert "a private value" not in str(error)
    proxy.caught_up()
    seen = open(proxy.log_file).read() + proxy.get("/metrics") + proxy.get("/status") + proxy.get("/report")
    assert "a private value" not in seen and APP_PASSWORD not in seen
