"""How TCP cuts the streams changes nothing: one rich scenario through relays that pass single bytes, or glue together
whatever comes without a pause, before the proxy and before the backends; every packet equal to that without a relay."""

import os

import wire
from harness import BOTH_ROLES
from proxy_process import merge
from servers import APP, APP_PASSWORD
from test_tls import backends, certificates, serving_tls, tls_proxy

ROLES = BOTH_ROLES

TABLES = ["CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(50), big LONGTEXT, UNIQUE KEY (v))",
          "CREATE TABLE e (id BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(40))",
          "CREATE TABLE seen (id INT PRIMARY KEY, f DOUBLE, d DECIMAL(20,4), at DATETIME(6), b BLOB, y YEAR)",
          "CREATE PROCEDURE p(n INT) BEGIN SELECT n; SELECT id FROM seen WHERE id < n; END"]
SEED = ["INSERT INTO seen VALUES " + ", ".join("(%d, %d.5, %d.25, '2024-02-29 10:11:12.%06d', REPEAT(x'00ff', %d), 2024)" %
                                                (n, n, n, n, n) for n in range(60))]
GLUE = 0.003  # seconds of silence


class Recorded(wire.Connection):
    """Keeps every packet that it reads, with its sequence number, but those of a login: they hold random bytes."""

    packets = None

    def read_packet(self):
        packet = super().read_packet()
        if self.packets is not None:
            self.packets.append((self.sequence, packet))
        return packet

    def attempt(self, call, *arguments):
        try:
            return call(*arguments)
        except wire.Err as error:
            return error


def writes(session):
    run = session.attempt
    for sql in ("INSERT INTO t (id, v, s) VALUES (1, 1, 'one'), (2, 2, 'zwei')", "INSERT INTO e (what) VALUES ('a'), ('b')",
                "SELECT LAST_INSERT_ID()", "UPDATE t SET v = 10 WHERE id = 1", "INSERT INTO t (id, v) VALUES (3, 10)", "SHOW WARNINGS",
                "INSERT IGNORE INTO t (id, v) VALUES (1, 5)", "SHOW WARNINGS", "SELEC", "SELECT * FROM missing",
                "BEGIN", "INSERT INTO t (id, v) VALUES (4, 4)", "SAVEPOINT s", "INSERT INTO t (id, v) VALUES (5, 5)", "ROLLBACK TO s",
                "COMMIT", "SELECT ROW_COUNT()", "BEGIN", "DELETE FROM t WHERE id = 4", "ROLLBACK", "DELETE FROM t WHERE v > 3",
                "SET sql_mode = 'ANSI_QUOTES'", "SET NAMES latin1", "SET NAMES utf8mb4", "USE app", "SET sql_mode = ''",
                "INSERT INTO t (id, v, big) VALUES (6, 6, '%s')" % ("0123456789" * 7000), "SELECT big FROM t WHERE id = 6"):
        run(session.query, sql)
    insert, *_ = session.prepare("INSERT INTO t (id, v, s, big) VALUES (?, ?, ?, ?)")
    for n in range(10, 15):
        run(session.execute, insert, [n, n, None if n % 2 else "é" * n, "x" * 300 * (n - 10)])
    run(session.execute, insert, [10, 99, "again", ""])
    for piece in (b"long ", b"data " * 2000):
        session.send_long_data(insert, 3, piece)
    run(session.execute, insert, [20, 20, "", b""], (3,))
    session.simple(bytes([wire.RESET]) + insert.to_bytes(4, "little"))
    session.close_statement(insert)
    run(session.execute, insert, [21, 21, "", ""])
    session.attempt(session.prepare, "SELECT nope FROM t")


def reads(session):
    for sql in ("SELECT * FROM seen ORDER BY id", "SELECT id, v, s FROM t ORDER BY id", "SELECT * FROM seen WHERE id > 900",
                "SELECT NULL, '', 1.5, x'00ff'", "SHOW TABLES", "DO 1"):
        session.attempt(session.query, sql)
    select, *_ = session.prepare("SELECT * FROM seen WHERE id < ? ORDER BY id")
    for n in (0, 3, 60):
        session.execute(select, [n])


def cursors(session):
    select, *_ = session.prepare("SELECT id, f FROM seen WHERE id < ? ORDER BY id")
    payload = bytearray(session.execute_payload(select, [25]))
    payload[5] = 1  # CURSOR_TYPE_READ_ONLY
    session.command(bytes(payload))
    columns = wire.lenenc(session.read_packet(), 0)[0]
    for _ in range(columns + 1):
        session.read_packet()
    for _ in range(4):
        session.command(bytes([wire.FETCH]) + select.to_bytes(4, "little") + (8).to_bytes(4, "little"))
        while True:
            packet = session.read_packet()
            if packet[0] in (0xFE, 0xFF) and len(packet) < 9:
                break


def several(session):
    session.files = lambda name: [b"100\t100\tfrom a file\n", b"101\t101\tfrom", b" a file\n" * 1]
    for sql in ("SELECT 1; SELECT id FROM seen WHERE id < 3; SELECT 'x;y'", "SELECT 1; SELECT nope; SELECT 2", "CALL p(3)",
                "INSERT INTO t (id, v) VALUES (30, 30); SELECT v FROM t WHERE id = 30",
                "LOAD DATA LOCAL INFILE 'f' INTO TABLE t (id, v, s)", "SELECT COUNT(*) FROM t"):
        session.attempt(session.query, sql)
    for command in (bytes([wire.PING]), bytes([wire.INIT_DB]) + b"app", bytes([wire.INIT_DB]) + b"no_such", b"\x42",
                    bytes([wire.SET_OPTION]) + b"\0\0", bytes([wire.RESET_CONNECTION])):
        if command[0] == wire.SET_OPTION:
            session.command(command)
            session.read_packet()
        else:
            session.attempt(session.simple, command)


def pipelined(session):
    train = [b"SELECT %d" % n for n in range(30)] + [b"INSERT INTO t (id, v) VALUES (40, 40)", b"SELEC", b"SELECT v FROM t WHERE id = 40"]
    session.send_raw(b"".join((len(sql) + 1).to_bytes(3, "little") + b"\0\x03" + sql for sql in train))
    for _ in train:
        session.attempt(session.results)


def scenario(env, proxy, port, tls=None, extra=0):
    """All packets of three sessions, from the same rows."""
    proxy.caught_up()
    env.tables("TRUNCATE TABLE t", "TRUNCATE TABLE e")
    packets = []
    for plugin, capabilities, steps in (
            ("mysql_native_password", 0, (writes, reads, cursors)),
            ("caching_sha2_password", wire.DEPRECATE_EOF | wire.SESSION_TRACK | wire.MULTI_STATEMENTS | wire.LOCAL_FILES,
             (several, reads, pipelined))):
        session = Recorded("127.0.0.1", port, APP, APP_PASSWORD, database="app", plugin=plugin,
                           capabilities=capabilities | extra, tls=tls,
                           timeout=60)
        for step in steps:
            session.packets = packets
            step(session)
            session.packets = None
        answer = wire.native(APP_PASSWORD.encode(), session.nonce)
        session.command(bytes([wire.CHANGE_USER]) + APP.encode() + b"\0" + bytes([len(answer)]) + answer + b"app\0" +
                        (45).to_bytes(2, "little") + b"mysql_native_password\0")
        session.finish_login("mysql_native_password", tls)
        session.packets = packets
        session.query("SELECT DATABASE(), @@sql_mode")
        session.close()
    proxy.caught_up()
    # And the other server's answers.
    proxy.set_flags(read_from_new={"percent": 100})
    session = Recorded("127.0.0.1", port, APP, APP_PASSWORD, database="app", capabilities=extra, tls=tls, timeout=60)
    session.packets = packets
    reads(session)
    session.close()
    proxy.set_flags(read_from_new={"percent": 0})
    return packets


def assert_same(what, packets, plain):
    assert len(plain) > 700, len(plain)
    for n, (one, two) in enumerate(zip(packets, plain)):
        assert one == two, "%s: packet %d: %r, without: %r" % (what, n, one, two)
    assert len(packets) == len(plain), (what, len(packets), len(plain))


def run(env, listening=None, behind_tls=None, compression=""):
    """`listening`: certificates of the proxy's; `behind_tls`: what verifies those of the backends."""
    env.tables(*TABLES, *SEED)
    env.needs_proxy()
    behind = [env.relay(env.old), env.relay(env.new)]
    config = merge({"reads": {"read_your_writes_timeout": "20s"}}, backends("required", behind_tls) if behind_tls else {})
    if compression:
        config = merge(config, {"backends": {side: {"compression": compression} for side in ("old", "new")}})
    ports = {"old_port": behind[0].port, "new_port": behind[1].port}
    proxy = tls_proxy(env, "preferred", listening, config=config, **ports) if listening else env.proxy(config=config, **ports)
    before = env.relay(proxy)
    context = wire.tls_context() if listening else None
    extra = wire.COMPRESS if compression else 0
    plain = scenario(env, proxy, proxy.port, context, extra)
    for what, relays, behaviour in (("single bytes to and from clients", [before], {"fragment": 1}),
                                    ("single bytes to and from backends", behind, {"fragment": 1}),
                                    ("glued to and from clients", [before], {"glue": GLUE}),
                                    ("glued to and from backends", behind, {"glue": GLUE}),
                                    ("glued clients, backends in threes", [before, *behind], {"glue": GLUE, "fragment": 3})):
        if listening and not behind_tls and before not in relays:
            continue
        for relay in (before, *behind):
            relay.fragment = behaviour.get("fragment", 0) if relay in relays else 0
            relay.glue = behaviour.get("glue", 0) if relay in relays else 0
        sent = sum(relay.pieces_sent for relay in relays)
        assert_same(what, scenario(env, proxy, before.port, context, extra), plain)
        assert sum(relay.pieces_sent for relay in relays) > sent + 100, "the relay was not used"
    env.assert_equal(rows_min=60)


def test_cutting_and_gluing_the_streams_changes_no_packet(env):
    run(env)


def test_cutting_and_gluing_tls_changes_no_packet(env):
    run(env, listening=certificates(env))


def test_cutting_and_gluing_compressed_streams_changes_no_packet(env):
    run(env, compression="zlib")


def test_cutting_and_gluing_compressed_tls_on_both_sides_changes_no_packet(env):
    """zstd where the backend has it."""
    env.needs_proxy()
    directory = certificates(env)
    with serving_tls(env, directory):
        run(env, listening=directory, behind_tls=os.path.join(directory, "ca.pem"), compression="zstd")
