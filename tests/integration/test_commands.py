"""Every command byte, and the ends of transactions in all their forms: as the server itself answers."""

import socket

import wire
from harness import BOTH_ROLES

ROLES = BOTH_ROLES

# What is not as the server says, and why.
EXPLAINED = {
    0x12: "COM_BINLOG_DUMP: replicas connect to a server itself",
    0x13: "COM_TABLE_DUMP: the same",
    0x15: "COM_REGISTER_SLAVE: the same",
    0x1E: "COM_BINLOG_DUMP_GTID: the same",
    0x20: "COM_CLONE: the same",
    0x21: "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: the same",
}
# Tested where their area is: statements, prepared statements, changes of user.
ELSEWHERE = {0x01, 0x03, 0x11, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0xFA}
UNLIKE = {0x09, 0x0A}  # their text holds times and counts


def answer(session, payload):
    """The whole answer's first packet, and whether the connection lives on."""
    session.command(payload)
    try:
        packet = session.read_packet()
    except wire.Closed:
        return "closed", False
    if packet[0] not in (0x00, 0xFE, 0xFF):
        return packet, None
    try:
        return packet, session.simple(bytes([wire.PING])).status is not None
    except (wire.Closed, wire.Err):
        return packet, False


def test_every_command_byte_is_answered_as_the_server_does(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    proxy = env.proxy()
    for byte in range(256):
        if byte in ELSEWHERE:
            continue
        body = {0x02: b"app", 0x04: b"t\0", 0x05: b"app_other", 0x06: b"app_other", 0x0C: b"\xff\xff\xff\x7f"}.get(byte, b"")
        found = []
        for side in (proxy, env.old):
            if side is env.old and byte in EXPLAINED:
                continue
            if byte in (0x05, 0x06):  # COM_CREATE_DB and COM_DROP_DB
                env.both("DROP DATABASE IF EXISTS app_other")
                if byte == 0x06:
                    env.both("CREATE DATABASE app_other")
            session = side.wire(database="app")
            found.append(answer(session, bytes([byte]) + body))
            session.close()
        if byte in EXPLAINED and env.binary:
            code = int.from_bytes(found[0][0][1:3], "little")
            assert found[0][0][0] == 0xFF and found[0][1] and code == 1235 and b"crossfade: " in found[0][0], (hex(byte), found)
        elif byte in UNLIKE and env.binary:
            assert found[0][0][:1] == found[1][0][:1] and found[0][1] == found[1][1], (hex(byte), found)
        elif env.binary:
            assert found[0] == found[1], (hex(byte), found)
    env.assert_equal(rows_min=0)


def test_commands_too_short_for_an_id(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    proxy = env.proxy()
    for byte in (0x17, 0x18, 0x19, 0x1A, 0x1C):
        found = []
        for side in (proxy, env.old):
            session = side.wire(database="app")
            session.command(bytes([byte]) + b"\0\0")
            session.socket.settimeout(0.5)
            try:
                found.append(session.read_packet())
            except socket.timeout:
                found.append("silence")
            session.close()
        assert found[0] == found[1], (hex(byte), found)


def test_schema_and_admin_commands_while_writes_are_not_duplicated(env):
    env.needs_proxy()
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    for byte, body in ((0x05, b"app_direct"), (0x06, b"app_direct")):
        found = []
        for side in (proxy, env.old):
            env.old.run("DROP DATABASE IF EXISTS app_direct")
            if byte == 0x06:
                env.old.run("CREATE DATABASE app_direct")
            found.append(answer(side.wire(), bytes([byte]) + body))
        assert found[0] == found[1], (hex(byte), found)


def test_chain_and_release(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    compare_scripts(env, env.proxy(), CHAIN_AND_RELEASE)


def test_completion_type(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    for enabled in (False, True):
        compare_scripts(env, env.proxy(flags={"dual_write": {"enabled": enabled}}), COMPLETION_TYPE + CHAIN_AND_RELEASE)


COMPLETION_TYPE = (
    ("SET SESSION completion_type = 1", "BEGIN", "SELECT id FROM t", "COMMIT", "SELECT id FROM t", "COMMIT AND NO CHAIN"),
    ("SET SESSION completion_type = 1", "BEGIN", "INSERT INTO t VALUES (1, 1)", "COMMIT", "INSERT INTO t VALUES (2, 2)", "ROLLBACK",
     "SELECT id FROM t", "COMMIT AND NO CHAIN", "INSERT INTO t VALUES (4, 4)", "SELECT id FROM t"),
    ("SET SESSION completion_type = 1", "INSERT INTO t VALUES (5, 5)", "INSERT INTO t VALUES (5, 5)", "INSERT INTO t VALUES (6, 6)",
     "SELECT id FROM t"),
)
CHAIN_AND_RELEASE = (
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "COMMIT AND CHAIN", "INSERT INTO t VALUES (2, 1)", "ROLLBACK", "SELECT id FROM t"),
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "ROLLBACK AND CHAIN", "INSERT INTO t VALUES (2, 1)", "COMMIT", "SELECT id FROM t"),
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "COMMIT AND NO CHAIN NO RELEASE", "SELECT id FROM t"),
    ("COMMIT AND CHAIN", "INSERT INTO t VALUES (3, 3)", "ROLLBACK", "SELECT id FROM t"),
    ("START TRANSACTION READ ONLY", "COMMIT AND CHAIN", "SELECT id FROM t", "COMMIT"),
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "COMMIT RELEASE", "SELECT 1"),
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "ROLLBACK RELEASE", "SELECT 1"),
    ("COMMIT RELEASE", "SELECT 1"),
    ("BEGIN", "INSERT INTO t VALUES (1, 1)", "COMMIT AND CHAIN RELEASE", "SELECT id FROM t", "COMMIT"),
)


def compare_scripts(env, proxy, scripts):
    for script in scripts:
        found = []
        for side in (proxy, env.old):
            if side is env.old and env.binary and proxy.flags["dual_write"]["enabled"]:
                env.assert_equal(proxy, rows_min=0)
            env.both("DELETE FROM app.t")
            session = side.wire(database="app")
            answers = []
            for sql in script:
                try:
                    answers.append((session.one(sql).facts(), ))
                except wire.Err as error:
                    answers.append((error.code, error.state))
                except (wire.Closed, BrokenPipeError):
                    answers.append("closed")
                    break
            session.close()
            found.append((answers, env.old.run("SELECT id FROM app.t ORDER BY id")))
        assert found[0] == found[1], "%s:\n  proxy  %s\n  direct %s" % (script, found[0], found[1])
        env.both("DELETE FROM app.t")


def test_release_ends_a_packet_of_several_statements(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy()
    for sql in ("BEGIN; INSERT INTO t VALUES (1, 1); COMMIT RELEASE; INSERT INTO t VALUES (2, 2)",):
        session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        session.command(bytes([wire.QUERY]) + sql.encode())
        for _ in range(3):
            assert session._result(session.read_packet()).status & wire.MORE_RESULTS
        assert session.closed_by_server()
    assert env.old.run("SELECT id FROM app.t") == ((1,),)
    env.assert_equal(rows_min=1)


def test_procedures_pass_while_writes_are_not_duplicated(env):
    """CALL with several results and OUT parameters, as text and prepared."""
    env.needs_proxy()
    env.old.run("CREATE PROCEDURE app.p(IN a INT, OUT b INT, INOUT c VARCHAR(20)) BEGIN SELECT a; SELECT a + 1, c; SET b = a * 2; "
                "SET c = CONCAT(c, '!'); END")
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    found = []
    for side in (proxy, env.old):
        session = side.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        answers = [r.facts() for r in session.query("SET @c = 'x'; CALL p(5, @b, @c); SELECT @b, @c")]
        statement, _, _ = session.prepare("CALL p(?, ?, ?)")
        for _ in range(2):
            results = session.execute(statement, [7, None, "y"])
            answers.append([(r.facts(), r.status & ~0x4000) for r in results])
            assert any(r.status & 0x1000 for r in results), "no result set of OUT parameters"
        answers.append(session.one("SELECT 1").facts())
        found.append(answers)
    assert repr(found[0]) == repr(found[1]), found
