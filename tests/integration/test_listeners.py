"""Where clients come in: Unix sockets, IPv6, and behind load balancers that speak the PROXY protocol."""

import os
import socket
import struct
import tempfile

import pymysql

import harness
import wire
from harness import BOTH_ROLES, Skip, raises
from logins import Roles
from machine import free_port
from proxy_process import Proxy
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(host, port=40000):
    return SIGNATURE + b"\x21\x11\0\x0c" + socket.inet_aton(host) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, 3306)


def after_header(proxy, header, password=APP_PASSWORD, user=APP):
    """A login whose first bytes are `header`."""
    session = wire.Connection.__new__(wire.Connection)
    session.user, session.password = user.encode(), password.encode()
    session.socket = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
    session.sequence, session.buffer, session.auth_path = 0, b"", []
    session.socket.sendall(header)
    session._greeting(session.read_packet())
    session.capabilities = wire.BASE
    session._log_in(b"", "mysql_native_password", None, 45)
    return session


def with_proxy_protocol(env, networks, servers=None, **config):
    address = "127.0.0.1:%d" % free_port()
    config = dict({"listen": [{"address": address, "proxy_protocol": {"from": networks}}], "limits": {"login_timeout": "1s"}}, **config)
    proxy = Proxy(env.binary, os.path.join(env.directory, "%s-%d" % (env.name, len(env.proxies))), servers or env.servers, config)
    env.proxies.append(proxy)
    proxy.port = int(address.split(":")[1])
    return proxy.start()


def test_a_trusted_load_balancer_says_who_the_client_is(env):
    env.needs_proxy()
    proxy = with_proxy_protocol(env, ["10.0.0.0/8", "127.0.0.1"])
    for header in (b"PROXY TCP4 203.0.113.7 127.0.0.1 40000 3306\r\n", v2("203.0.113.7")):
        assert after_header(proxy, header).one("SELECT 1").rows == [["1"]]
        _, message = raises(1045, lambda: after_header(proxy, header, "wrong"))
        assert "'%s'@'203.0.113.7'" % APP in message, message
    _, message = raises(1045, lambda: after_header(proxy, b"PROXY TCP6 2001:db8::7 ::1 40000 3306\r\n", "wrong"))
    assert "'%s'@'2001:db8::7'" % APP in message, message
    assert after_header(proxy, b"PROXY UNKNOWN\r\n").one("SELECT 1").rows == [["1"]]
    assert after_header(proxy, SIGNATURE + b"\x20\0\0\0").one("SELECT 1").rows == [["1"]]
    before = proxy.metric("crossfade_proxy_headers_bad_total")
    for bad in (b"PROXY TCP4 nonsense\r\n", b"\x03SELECT", v2("203.0.113.7").replace(b"QUIT", b"QUIP"), b"PROXY TCP4 203.0."):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
            client.sendall(bad)
            assert client.recv(100) == b"", "an answer to a malformed header"
    proxy.metric_comes(lambda value: value == before + 4, "crossfade_proxy_headers_bad_total")


def test_a_header_from_elsewhere_is_no_header(env):
    env.needs_proxy()
    proxy = with_proxy_protocol(env, ["10.0.0.0/8"])
    assert proxy.wire().one("SELECT 1").rows == [["1"]]
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        client.recv(4096)
        client.sendall(v2("203.0.113.7"))
        answer = client.recv(4096)
        assert answer == b"" or answer[4] == 0xFF, answer


@harness.roles(harness.MARIADB_OLD)
def test_a_backend_is_told_the_clients_address(env):
    with Roles(env, "mariadb", "mariadb", "--proxy-protocol-networks=*") as servers:
        proxy = with_proxy_protocol(env, ["127.0.0.1"], servers,
                                    backends={"old": {"address": "127.0.0.1:%d" % servers.old.port, "proxy_protocol": True},
                                              "new": {"address": "127.0.0.1:%d" % servers.new.port, "proxy_protocol": True}})
        proxy.caught_up()
        session = after_header(proxy, v2("203.0.113.7"))
        assert session.one("SELECT SUBSTRING_INDEX(USER(), '@', -1)").rows == [["203.0.113.7"]]
        hosts = servers.old.run("SELECT DISTINCT SUBSTRING_INDEX(host, ':', 1) FROM information_schema.processlist WHERE user = 'app'")
        assert hosts == (("203.0.113.7",),), hosts


def test_listeners_on_unix_sockets_and_ipv6(env):
    env.needs_proxy()
    path = os.path.join(tempfile.mkdtemp(dir="/tmp"), "s.sock")
    both, six = free_port(), free_port()
    proxy = Proxy(env.binary, os.path.join(env.directory, env.name), env.servers, {"listen": [
        {"address": "unix:" + path, "socket_mode": "0600"}, {"address": "[::]:%d" % both}, {"address": "[::1]:%d" % six}]})
    env.proxies.append(proxy)
    try:
        proxy.start()
    except AssertionError:
        if "Address family not supported" in proxy.log_tail():
            raise Skip("no IPv6 here")
        raise
    assert os.stat(path).st_mode & 0o777 == 0o600
    for host, port in (("127.0.0.1", both), ("::1", both), ("::1", six)):
        session = wire.Connection(host, port, APP, APP_PASSWORD)
        assert session.one("SELECT 1").rows == [["1"]], host
        _, message = raises(1045, lambda: wire.Connection(host, port, APP, "wrong"))
        assert "'%s'@'%s'" % (APP, host) in message, message  # an IPv4 client is one, whatever the listener
    try:
        socket.create_connection(("127.0.0.1", six), timeout=5)
        raise AssertionError("[::1] took an IPv4 client")
    except OSError:
        pass
    with pymysql.connect(unix_socket=path, user=APP, password=APP_PASSWORD) as session:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
