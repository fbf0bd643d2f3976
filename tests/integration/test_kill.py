"""KILL in all its forms, Ctrl-C, and connections that the server ends."""

import os
import signal
import subprocess

import wire
from harness import BOTH_ROLES, raises
from machine import ROOT
from progress import wait_until
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES
HEAVY = "SELECT SUM(a.id * b.id + c.id) FROM big a, big b, big c"  # a minute; interrupted with 1317 by both makes


def big_table(env):
    env.tables("CREATE TABLE big (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 0)")
    for server in env.servers.both:
        server.run("INSERT INTO big VALUES " + ", ".join("(%d)" % n for n in range(1000)), database="app")


# What a thread is doing once it is past the point where MariaDB forgets a KILL that came a moment too early: the list
# names a statement before it has begun.
UNDER_WAY = ("sending data", "executing", "updating")


def running(server, fragment):
    """The connection id that is in the middle of a statement with this fragment, if any."""
    for row in server.run("SHOW FULL PROCESSLIST"):
        if row[4] == "Query" and (row[6] or "").lower() in UNDER_WAY and fragment in (row[7] or ""):
            return row[0]
    return None


def in_background(session, sql):
    """Sends a statement; the answer is read by whoever calls the result."""
    session.command(bytes([wire.QUERY]) + sql.encode())

    def answer():
        try:
            return session.results()
        except wire.Err as error:
            return error
        except wire.Closed as closed:
            return closed
    return answer


def is_end(answer):
    """What a killed connection gives: mostly nothing, sometimes the servers still get a word out."""
    return isinstance(answer, wire.Closed) or getattr(answer, "code", 0) in (1317, 1927)


def test_kill_query_interrupts_a_read_on_the_leader(env):
    big_table(env)
    proxy = env.proxy()
    victim, killer = proxy.wire(database="app"), proxy.wire(database="app")
    for sql in ("KILL QUERY %d", "KILL /* as drivers do */ QUERY %d;"):
        answer = in_background(victim, HEAVY)
        found = wait_until(lambda: running(env.old, "big a"), what="the read")
        assert found == victim.connection_id, "the client knows another id than the server"
        killer.query(sql % victim.connection_id)
        error = answer()
        code = error.code if isinstance(error, wire.Err) else error[-1].code
        assert code == 1317, error
    assert victim.one("SELECT 5").rows == [["5"]]
    assert raises(1094, killer.query, "KILL QUERY 99999999")[1] == "Unknown thread id: 99999999"


def test_kill_query_interrupts_a_read_on_the_other_side(env):
    env.needs_proxy()
    big_table(env)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    victim, killer = proxy.wire(database="app"), proxy.wire(database="app")
    answer = in_background(victim, HEAVY)
    wait_until(lambda: running(env.new, "big a"), what="the read on the other side")
    assert running(env.old, "big a") is None
    killer.query("KILL QUERY %d" % victim.connection_id)
    error = answer()
    code = error.code if isinstance(error, wire.Err) else error[-1].code
    assert code == 1317, error
    wait_until(lambda: running(env.new, "big a") is None, what="the end of the read")
    assert victim.one("SELECT COUNT(*) FROM t").rows == [["1"]]
    # And the whole connection: nothing keeps running there.
    answer = in_background(victim, HEAVY)
    wait_until(lambda: running(env.new, "big a"), what="the read on the other side")
    killer.query("KILL %d" % victim.connection_id)
    assert is_end(answer())
    wait_until(lambda: running(env.new, "big a") is None, what="the end of the read")


def test_kill_connection_closes_the_clients_connection(env):
    big_table(env)
    proxy = env.proxy()
    killer = proxy.wire(database="app")
    idle = proxy.wire(database="app")
    killer.query("KILL %d" % idle.connection_id)
    assert idle.closed_by_server()
    busy = proxy.wire(database="app")
    answer = in_background(busy, HEAVY)
    wait_until(lambda: running(env.old, "big a"), what="the read")
    killer.query("KILL CONNECTION %d" % busy.connection_id)
    assert is_end(answer()) and busy.closed_by_server()
    raises((1317, 1927), killer.query, "KILL %d" % killer.connection_id)
    assert killer.closed_by_server()


def test_a_killed_write_leaves_nothing(env):
    env.needs_proxy()
    big_table(env)
    proxy = env.proxy()
    victim, killer = proxy.wire(database="app"), proxy.wire(database="app")
    holder = env.old.connect(database="app", autocommit=False)
    for before, sql in ((None, "UPDATE t SET v = 1 WHERE id = 1"), ("BEGIN", "UPDATE t SET v = 2 WHERE id = 1")):
        holder.cursor().execute("SELECT * FROM t WHERE id = 1 FOR UPDATE")
        if before:
            victim.query(before)
        answer = in_background(victim, sql)
        wait_until(lambda: running(env.old, "UPDATE t SET v"), what="the waiting write")
        killer.query("KILL QUERY %d" % victim.connection_id)
        error = answer()
        assert isinstance(error, wire.Err) and error.code == 1317, error
        holder.rollback()
        victim.query("ROLLBACK")
        assert victim.one("SELECT v FROM t").rows == [["0"]]
    assert victim.one("UPDATE t SET v = 9 WHERE id = 1").affected == 1
    # The connection while its write waits.
    holder.cursor().execute("SELECT * FROM t WHERE id = 1 FOR UPDATE")
    answer = in_background(victim, "UPDATE t SET v = 3 WHERE id = 1")
    wait_until(lambda: running(env.old, "UPDATE t SET v"), what="the waiting write")
    killer.query("KILL %d" % victim.connection_id)
    assert is_end(answer())
    holder.rollback()
    assert killer.one("SELECT v FROM t").rows == [["9"]]
    env.assert_equal(rows_min=1)


def test_who_may_kill_whom_is_the_servers_to_say(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    proxy = env.proxy()
    with env.old.connect() as root, proxy.connect() as session:
        mine = root.thread_id()
        raises((1095, 1094), session.cursor().execute, "KILL %d" % mine)
        with root.cursor() as cursor:
            cursor.execute("SELECT 1")


def test_the_process_kill_command(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    proxy = env.proxy()
    answers = []
    for side in (proxy, env.old):
        victim, killer = side.wire(), side.wire()
        try:
            killer.simple(bytes([0x0C]) + victim.connection_id.to_bytes(4, "little"))
            answers.append(("killed", victim.closed_by_server()))
        except wire.Err as error:
            answers.append(error.args)
    assert answers[0] == answers[1], answers


def ctrl_c(env, program, proxy, on):
    """Starts a command-line client on a heavy read, interrupts it as a terminal would, and gives what it said."""
    process = subprocess.Popen(program + ["-h", "127.0.0.1", "-P", str(proxy.port), "-u", APP, "-p" + APP_PASSWORD, "app",
                                          "-e", HEAVY], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    try:
        wait_until(lambda: process.poll() is not None or running(on, "big a"), 30, "the read")
        assert process.poll() is None, process.stdout.read()
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=20)[0]
    finally:
        process.kill()
    wait_until(lambda: running(on, "big a") is None, what="the end of the read")
    return said


def test_ctrl_c_in_the_command_line_clients(env):
    env.needs_proxy()
    big_table(env)
    clients = [["mariadb", "--no-defaults"]]
    if "mysql" in (env.old.kind, env.new.kind):
        clients.append([os.path.join(ROOT, "scripts", "mysql9"), "run", "mysql", "--no-defaults"])
    for flags, on in ((None, env.old), ({"read_from_new": {"percent": 100}}, env.new)):
        proxy = env.proxy(flags=flags)
        proxy.caught_up()
        for program in clients:
            said = ctrl_c(env, program, proxy, on)
            assert "interrupted" in said or "Ctrl-C" in said or "^C" in said, said


def test_a_killed_connection_is_never_attached_again(env):
    """The leader closes the victim before the victim's session has heard of the KILL, and the client may be faster still."""
    proxy = env.proxy()
    killer = proxy.wire()
    for _ in range(50):
        victim = proxy.wire()
        killer.query("KILL %d" % victim.connection_id)
        try:
            victim.query("SELECT 1")
        except (wire.Closed, OSError):
            continue
        except wire.Err as error:
            assert error.code in (1317, 1927), error.args
            continue
        raise AssertionError("a killed connection goes on")
