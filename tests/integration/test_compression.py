"""The compressed protocol towards clients and towards backends: the same answers, whoever compresses."""

import os
import struct
import subprocess

import wire
from harness import BOTH_ROLES, MARIADB_OLD, Skip, roles
from machine import ROOT
from proxy_process import merge
from servers import APP, APP_PASSWORD
from test_tls import backends, certificates, serving_tls, tls_proxy

ROLES = BOTH_ROLES

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)"


def client(env, proxy, program, options, sql, ca=None):
    """What a command-line client prints; with `ca` over TLS, verified."""
    if program == "mysql":
        if not env.servers.has_mysql:
            raise Skip("no MySQL client here")
        command = [os.path.join(ROOT, "scripts", "mysql9"), "run", "mysql", "--no-defaults", "--get-server-public-key"]
        command += ["--ssl-mode=VERIFY_CA", "--ssl-ca=" + ca] if ca else ["--ssl-mode=DISABLED"]
    else:
        command = ["mariadb", "--no-defaults"] + (["--ssl-verify-server-cert", "--ssl-ca=" + ca] if ca else ["--skip-ssl"])
    done = subprocess.run(command + ["-h127.0.0.1", "-P%d" % proxy.port, "-u" + APP, "-p" + APP_PASSWORD, "-BN", "app",
                                     "--max-allowed-packet=64M"] + options, input=sql, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-300:]
    return done.stdout


CLIENTS = (("mariadb", ["--compress"]), ("mysql", ["--compression-algorithms=zlib"]),
           ("mysql", ["--compression-algorithms=zstd"]),
           ("mysql", ["--compression-algorithms=zstd", "--zstd-compression-level=12"]))
SCRIPT = """SELECT 'hello';
INSERT INTO t VALUES ({0}, REPEAT('ab', 1000)), ({0} + 1, 'x');
BEGIN;
UPDATE t SET v = CONCAT(v, 'y') WHERE id = {0};
COMMIT;
SELECT id, LENGTH(v) FROM t WHERE id IN ({0}, {0} + 1) ORDER BY id;
INSERT INTO t VALUES ({0}, 'again');
"""


def test_command_line_clients_compress(env):
    env.tables(TABLE)
    proxy = env.proxy()
    env.needs_proxy()
    for number, (program, options) in enumerate(CLIENTS):
        first = 10 * number
        out = client(env, proxy, program, options + ["--force"], SCRIPT.format(first))
        assert out == "hello\n%d\t2001\n%d\t1\n" % (first, first + 1), out
    proxy.caught_up()
    env.assert_equal(proxy)


def test_large_statements_and_results_are_compressed(env):
    env.tables(TABLE)
    for server in env.servers.both:
        server.run("SET GLOBAL max_allowed_packet = 64 << 20" if server.kind == "mysql"
                   else "SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
    proxy = env.proxy()
    env.needs_proxy()
    size = (1 << 24) + 5
    for number, (program, options) in enumerate(CLIENTS[:3]):
        text = "%d%s" % (number, "z" * size)
        client(env, proxy, program, options, "INSERT INTO t VALUES (%d, '%s');" % (number, text))
        out = client(env, proxy, program, options + ["--quick"], "SELECT v FROM t WHERE id = %d;" % number)
        assert out == text + "\n", len(out)
        # Much of little, which does not fit in one packet.
        rows = client(env, proxy, program, options + ["--quick"],
                      "SELECT a.n, REPEAT('r', 50) FROM (%s) a, (%s) b, (%s) c, (%s) d;" % (
                          (" UNION ALL ".join("SELECT %d AS n" % i for i in range(17)),) * 4))
        assert rows.count("\n") == 17 ** 4
    proxy.caught_up()
    env.assert_equal(proxy)


def test_frames_are_numbered_as_the_servers_number_them(env):
    """Our own client checks each frame's number, as C clients do."""
    env.tables(TABLE)
    proxy = env.proxy()
    env.needs_proxy()
    session = proxy.wire(database="app", capabilities=wire.COMPRESS | wire.MULTI_STATEMENTS)
    assert session.compressing
    assert session.one("SELECT 1").rows == [["1"]]
    assert session.one("INSERT INTO t VALUES (1, 'a')").affected == 1
    assert len(session.one("SELECT REPEAT('x', 3000000)").rows[0][0]) == 3000000
    assert [r.rows for r in session.query("SELECT 1; SELECT 2")] == [[["1"]], [["2"]]]
    try:
        session.query("SELECT nothing FROM nowhere")
        raise AssertionError("no error")
    except wire.Err as error:
        assert error.code in (1146, 1142, 1054), error
    statement, _, _ = session.prepare("INSERT INTO t VALUES (?, ?)")
    session.send_long_data(statement, 1, b"long " * 10)
    session.send_long_data(statement, 1, b"data " * 10)
    assert session.execute(statement, (2, b""), long_data=(1,))[0].affected == 1
    assert session.one("SELECT LENGTH(v) FROM t WHERE id = 2").rows == [["100"]]
    session.simple(bytes([wire.RESET_CONNECTION]))
    session.simple(bytes([wire.INIT_DB]) + b"app")
    assert session.one("SELECT COUNT(*) FROM t").rows == [["2"]]
    proxy.caught_up()
    env.assert_equal(proxy)


def test_two_commands_in_one_frame_are_answered_one_after_the_other(env):
    proxy = env.proxy()
    env.needs_proxy()
    session = proxy.wire(capabilities=wire.COMPRESS)
    session.frame_sequence = 0
    one = b"\x09\0\0\0\x03SELECT 1"
    two = b"\x09\0\0\0\x03SELECT 2"
    session.send_raw(one + two)
    assert session.results()[0].rows == [["1"]]
    assert session.results()[0].rows == [["2"]]


def test_a_change_of_user_stays_compressed(env):
    proxy = env.proxy()
    env.needs_proxy()
    session = proxy.wire(capabilities=wire.COMPRESS)
    assert session.one("SELECT 1").rows == [["1"]]
    session.command(bytes([wire.CHANGE_USER]) + APP.encode() + b"\0" + b"\0" + b"app\0" + b"\x2d\0" +
                    b"mysql_native_password\0")
    session.finish_login("mysql_native_password")
    assert session.one("SELECT DATABASE()").rows == [["app"]]


def test_a_listener_may_offer_less(env):
    env.needs_proxy()
    for offered, flags in (([], 0), (["zlib"], wire.COMPRESS), (["zstd"], 1 << 26), (["zlib", "zstd"], wire.COMPRESS | 1 << 26)):
        proxy = env.proxy(start=False)
        proxy.config["listen"][0]["compression"] = offered
        proxy.write_config()
        proxy.start()
        session = proxy.wire()
        assert session.server_capabilities & (wire.COMPRESS | 1 << 26) == flags, (offered, session.server_capabilities)


def compression_of(session):
    return session.one("SHOW STATUS LIKE 'Compression'").rows[0][1]


def backend_compression(env, algorithm, config=None):
    env.tables(TABLE)
    compressed = {"backends": {"old": {"compression": algorithm}, "new": {"compression": algorithm}}}
    proxy = env.proxy(config=merge(config or {}, compressed), flags={"shadow_read": {"percent": 100}})
    # A plain client counts on packet numbers without a gap, which a compressing server does not have.
    session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
    assert session.one("INSERT INTO t VALUES (1, REPEAT('a', 5000)), (2, 'b')").affected == 2
    rows = session.one("SELECT * FROM t ORDER BY id").rows
    assert rows == [["1", "a" * 5000], ["2", "b"]]
    assert [r.rows for r in session.query("SELECT 1; SELECT REPEAT('x', 40000); SELECT 3")] == [
        [["1"]], [["x" * 40000]], [["3"]]]
    statement, _, _ = session.prepare("SELECT v FROM t WHERE id = ?")
    assert session.execute(statement, (1,))[0].rows == [["a" * 5000]]
    write, _, _ = session.prepare("INSERT INTO t VALUES (?, ?)")
    assert session.execute(write, (3, "c" * 100000))[0].affected == 1
    state = compression_of(session)
    proxy.caught_up()
    env.assert_equal(proxy)
    out = client(env, proxy, "mariadb", ["--compress"], "SELECT REPEAT('y', 100000);")
    assert out == "y" * 100000 + "\n"
    return proxy, state


def test_backends_are_spoken_to_in_zlib(env):
    env.needs_proxy()
    _, state = backend_compression(env, "zlib")
    assert state == "ON", state


def test_a_backend_without_zstd_is_spoken_to_uncompressed_and_the_log_says_so(env):
    env.needs_proxy()
    if not env.servers.has_mysql:
        raise Skip("no MySQL here")
    proxy, state = backend_compression(env, "zstd")
    assert state == ("ON" if env.old.kind == "mysql" else "OFF"), state
    with open(proxy.log_file) as log:
        assert "the server does not offer zstd" in log.read()


def test_clients_compress_under_tls(env):
    env.needs_proxy()
    directory = certificates(env)
    ca = os.path.join(directory, "ca.pem")
    env.tables(TABLE)
    proxy = tls_proxy(env, "required", directory)
    for number, (program, options) in enumerate(CLIENTS):
        first = 10 * number
        out = client(env, proxy, program, options + ["--force"], SCRIPT.format(first), ca)
        assert out == "hello\n%d\t2001\n%d\t1\n" % (first, first + 1), out
        text = "%d%s" % (number, "z" * 700000)
        client(env, proxy, program, options, "INSERT INTO t VALUES (%d, '%s');" % (first + 2, text), ca)
        assert client(env, proxy, program, options + ["--quick"], "SELECT v FROM t WHERE id = %d;" % (first + 2), ca) == text + "\n"
    session = proxy.wire(database="app", capabilities=wire.COMPRESS, tls=wire.tls_context(ca))
    assert session.compressing
    for length in (1, 49, 50, 16384, 3000000):
        assert session.one("SELECT REPEAT('x', %d)" % length).rows == [["x" * length]]
        assert session.one("SELECT LENGTH('%s')" % ("y" * length)).rows == [[str(length)]]
    env.assert_equal(proxy, rows_min=12)


def test_backends_are_compressed_under_tls(env):
    env.needs_proxy()
    directory = certificates(env)
    ca = os.path.join(directory, "ca.pem")
    with serving_tls(env, directory):
        for algorithm in ("zlib", "zstd"):
            env.servers.run("DROP DATABASE app", "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                            "DROP DATABASE IF EXISTS crossfade")
            proxy, state = backend_compression(env, algorithm, backends("required", ca))
            assert state == ("ON" if algorithm == "zlib" or env.old.kind == "mysql" else "OFF"), (algorithm, state)
            session = proxy.wire(database="app")
            assert session.one("SHOW STATUS LIKE 'Ssl_cipher'").rows[0][1] != ""
            # And the other side's answers.
            proxy.caught_up()
            proxy.set_flags(read_from_new={"percent": 100})
            proxy.reads_may_go()
            assert session.one("SELECT v FROM t WHERE id = 3").rows == [["c" * 100000]]
            proxy.metric_comes(lambda value: value > 0, "crossfade_reads_total", backend="new")
            proxy.kill()


@roles(MARIADB_OLD)
def test_broken_frames_end_the_connection(env):
    env.needs_proxy()
    proxy = env.proxy()
    good = bytes.fromhex("22000000320000789cd3636060602e4ecd494d2e51503230343236313533b7b0c4cd5202000cd10a6c")
    for bad in (good[:3] + b"\x07" + good[4:], good[:4] + b"\x33\0\0" + good[7:], good[:4] + b"\x31\0\0" + good[7:],
                good[:-1] + b"\0", b"\x05\0\0\0\x05\0\0hello"):
        session = proxy.wire(capabilities=wire.COMPRESS)
        session.socket.sendall(bad)
        try:
            session.read_packet()
            raise AssertionError("an answer")
        except wire.Closed:
            pass
    session = proxy.wire(capabilities=wire.COMPRESS)
    session.socket.sendall(good)
    session.frame_sequence = 1
    assert session.results()[0].rows == [["012345678901234567890123456789012345"]]


@roles(MARIADB_OLD)
def test_levels_of_zstd_are_checked_as_mysql_checks_them(env):
    env.needs_proxy()
    proxy = env.proxy()
    for level, good in ((0, False), (1, True), (22, True), (23, False)):
        session = proxy.wire(log_in=False)
        head = struct.pack("<IIB23x", session.capabilities | 1 << 26, 1 << 30, 45)
        answer = wire.native(APP_PASSWORD.encode(), session.nonce)
        session.send_packet(head + APP.encode() + b"\0" + bytes([len(answer)]) + answer + b"mysql_native_password\0" +
                            bytes([level]))
        try:
            session.finish_login("mysql_native_password")
            assert good, level
        except wire.Err as error:
            assert not good and error.code == 3923, (level, error)
            assert error.message == "Invalid zstd compression level for algorithm 'zstd'.", error
