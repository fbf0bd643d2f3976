"""What a client is told before it has said anything; and failed logins never lock the proxy out."""

import os
import socket

import harness
from harness import BOTH_ROLES, Skip, raises
from logins import Roles, first_packet
from progress import wait_until
from proxy_process import Proxy
from servers import APP

ROLES = BOTH_ROLES


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


def test_ids_in_the_greeting_in_sql_and_in_the_process_list_agree(env):
    proxy = env.proxy()
    sessions = [proxy.wire() for _ in range(3)]
    for session in sessions:
        assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id
        assert session.server_version == env.old.wire().server_version
    ids = {int(row[0]) for row in env.old.run("SELECT id FROM information_schema.processlist WHERE user = '%s'" % APP)}
    assert {s.connection_id for s in sessions} <= ids, (ids, [s.connection_id for s in sessions])


@harness.roles(harness.MARIADB_OLD)
def test_the_greeting_follows_the_leader_whichever_make_it_is(env):
    with Roles(env, "mysql", "mariadb") as servers:
        proxy = Proxy(env.binary, os.path.join(env.directory, env.name), servers)
        env.proxies.append(proxy)
        proxy.start()
        session, direct = proxy.wire(), servers.old.wire()
        assert session.server_version == direct.server_version and "MariaDB" not in session.server_version
        assert session.server_status == direct.server_status and session.server_charset == direct.server_charset
        assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id


@harness.both_roles
def test_the_greeting_names_the_plugin_of_the_leaders_make(env):
    # Connector/J reads an answer to caching_sha2_password wrongly under MariaDB's version number.
    session, direct = env.proxy().wire(), env.old.wire()
    assert session.server_plugin == direct.server_plugin == ("caching_sha2_password" if env.old.kind == "mysql" else "mysql_native_password")


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


@harness.roles(harness.MARIADB_OLD)
def test_failed_logins_do_not_lock_the_proxy_out_of_mariadb(env):
    lock_out(env, "mariadb", "mysql")


@harness.roles(harness.MARIADB_OLD)
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
        # The proxy's own idle connections give way to clients first.
        head = b"     "
        while head[4] != 0xFF:
            head, client = first_packet(proxy.port)
            crowd.append(client)
            assert len(crowd) < 40, "always room"
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
    assert head[7:17] == b"crossfade:" and b"backend 'old'" in head, head
    env.old.start()
    wait_until(proxy.wire, 20, "a login after the leader's return")


def test_too_many_connections_are_refused_as_the_server_does(env):
    env.needs_proxy()
    proxy = env.proxy(config={"limits": {"connections_max": 2}})
    one, two = proxy.wire(), proxy.wire()
    head, client = first_packet(proxy.port)
    client.close()
    assert head == b"\x17\0\0\0\xff\x10\x04Too many connections", head  # to the byte what both servers send
    one.close()
    wait_until(lambda: first_packet(proxy.port)[0][4] == 10, 10, "a free place")
    two.close()
