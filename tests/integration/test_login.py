"""From the first byte to the first command, on both makes of server."""

import os
import socket
import tempfile

from harness import APP, Database, Proxy, Skip, make_accounts, raises, wait_until


def own_address():
    """An address of this machine that servers do not take for loopback, which they never lock out."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("198.51.100.1", 9))
        address = probe.getsockname()[0]
    except OSError:
        raise Skip("no address but loopback")
    finally:
        probe.close()
    if address.startswith("127."):
        raise Skip("no address but loopback")
    return address


class Roles:
    """Servers of a test's own, in either role."""

    def __init__(self, env, old, new, *options):
        env.needs_proxy()
        if "mysql" in (old, new) and env.new.kind != "mysql":
            raise Skip("needs MySQL 9")
        directory = tempfile.mkdtemp(dir=env.directory)  # short: it holds sockets
        self.old = Database(old, os.path.join(directory, "old"), options)
        self.new = Database(new, os.path.join(directory, "new"), options)
        self.both = (self.old, self.new)
        for database in self.both:
            database.start()
            make_accounts(database)
            database.run("CREATE DATABASE app")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for database in self.both:
            database.kill()


def first_packet(port):
    """What the proxy says first, and the connection, still open."""
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = b""
    while len(head) < 4 or len(head) < 4 + int.from_bytes(head[:3], "little"):
        piece = client.recv(4096)
        if not piece:
            break
        head += piece
    return head, client


def test_ids_in_the_greeting_in_sql_and_in_the_process_list_agree(env):
    proxy = env.proxy()
    sessions = [proxy.wire() for _ in range(3)]
    for session in sessions:
        assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id
        assert session.server_version == env.old.wire().server_version
    ids = {int(row[0]) for row in env.old.run("SELECT id FROM information_schema.processlist WHERE user = '%s'" % APP)}
    assert {s.connection_id for s in sessions} <= ids, (ids, [s.connection_id for s in sessions])


def test_the_greeting_follows_the_leader_whichever_make_it_is(env):
    with Roles(env, "mysql", "mariadb") as servers:
        proxy = Proxy(env.binary, os.path.join(env.directory, env.name), servers)
        env.proxies.append(proxy)
        proxy.start()
        session, direct = proxy.wire(), servers.old.wire()
        assert session.server_version == direct.server_version and "MariaDB" not in session.server_version
        assert session.server_status == direct.server_status and session.server_charset == direct.server_charset
        assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id


def lock_out(env, old, new):
    address = own_address()
    with Roles(env, old, new, "--max-connect-errors=10", "--bind-address=0.0.0.0") as servers:
        def proxy():
            made = Proxy(env.binary, os.path.join(env.directory, "%s-%d" % (env.name, len(env.proxies))), servers,
                         config={"backends": {"old": {"address": "%s:%d" % (address, servers.old.port)}}})
            env.proxies.append(made)
            return made.start()
        crossfade = proxy()
        for i in range(150):
            if i % 3 == 0:
                raises(1045, lambda: crossfade.wire(password="wrong"))
            elif i % 3 == 1:
                raises(1045, lambda: crossfade.wire(user="nobody"))
            else:
                head, client = first_packet(crossfade.port)
                assert head[4] == 10, head
                client.close()
        assert int(crossfade.wire().one("SELECT 1").rows[0][0]) == 1
        crossfade.stop()
        if old == "mysql":
            errors = servers.old.run("SELECT SUM_CONNECT_ERRORS, COUNT_HANDSHAKE_ERRORS FROM performance_schema.host_cache "
                                     "WHERE IP = '%s'" % address)
            assert errors == ((0, 0),), errors
        # The test can fail: without the logins the same number of knocks locks the host out.
        for _ in range(12):
            socket.create_connection((address, servers.old.port), timeout=10).close()

        def locked_out():
            with socket.create_connection((address, servers.old.port), timeout=10) as direct:
                return b"blocked" in direct.recv(4096)
        wait_until(locked_out, 10, "the lock-out")
        relayed = Proxy(env.binary, os.path.join(env.directory, env.name + "-out"), servers,
                        config={"backends": {"old": {"address": "%s:%d" % (address, servers.old.port)}}})
        env.proxies.append(relayed)
        relayed.start(ready=False)
        with socket.create_connection((address, servers.old.port), timeout=10) as direct:
            expected = direct.recv(4096)
        head, client = first_packet(relayed.port)
        client.close()
        assert head == expected, (head, expected)


def test_failed_logins_do_not_lock_the_proxy_out_of_mariadb(env):
    lock_out(env, "mariadb", "mysql")


def test_failed_logins_do_not_lock_the_proxy_out_of_mysql(env):
    lock_out(env, "mysql", "mariadb")


def test_a_server_without_room_says_so_in_its_own_first_packet(env):
    env.needs_proxy()
    proxy = env.proxy()
    before = env.old.run("SELECT @@GLOBAL.max_connections")[0][0]
    root = env.old.connect()
    crowd = []
    try:
        root.cursor().execute("SET GLOBAL max_connections = 10")
        expected = b"     "
        while expected[4] != 0xFF:
            expected, client = first_packet(env.old.port)
            crowd.append(client)
            assert len(crowd) < 30, "never full"
        assert b"Too many connections" in expected, expected
        head, client = first_packet(proxy.port)
        client.close()
        assert head == expected, (head, expected)
    finally:
        root.cursor().execute("SET GLOBAL max_connections = %d" % before)
        root.close()
        for session in crowd:
            session.close()


def test_an_unreachable_leader_is_named_before_any_greeting(env):
    env.needs_proxy()
    proxy = env.proxy()
    env.old.kill()
    head, client = first_packet(proxy.port)
    client.close()
    assert head[3] == 0 and head[4] == 0xFF and int.from_bytes(head[5:7], "little") == 1053, head
    assert b"backend 'old'" in head, head
    env.old.start()
    wait_until(proxy.wire, 20, "a login after the leader's return")
