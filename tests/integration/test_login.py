"""From the first byte to the first command, on both makes of server."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import tempfile

import pymysql

import harness
import wire
from harness import APP, APP_PASSWORD, BOTH_ROLES, Database, Proxy, Skip, make_accounts, raises, wait_until
from test_tls import certificates

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
    assert head[7:17] == b"crossfade:" and b"backend 'old'" in head, head
    env.old.start()
    wait_until(proxy.wire, 20, "a login after the leader's return")


# COM_CHANGE_USER: on every pair of roles, what a client sees is what it sees without the proxy.

def change_user(session, user, password, database="", plugin=None, charset=45):
    """What the server says in the end: "ok", or the ERR's code; Closed when it hangs up."""
    plugin = plugin or "mysql_native_password"
    answer = wire.SCRAMBLES[plugin](password.encode(), session.nonce)
    session.send_packet(bytes([wire.CHANGE_USER]) + user.encode() + b"\0" + bytes([len(answer)]) + answer +
                        database.encode() + b"\0" + struct.pack("<H", charset) + plugin.encode() + b"\0", sequence=0)
    session.password, session.auth_path = password.encode(), []
    try:
        session.finish_login(plugin)
    except wire.Err as error:
        return error.code
    return "ok"


def what_is_left(session):
    """The session as its client sees it."""
    seen = []
    for sql in ("SELECT CURRENT_USER()", "SELECT DATABASE()", "SELECT @x, @@sql_mode",
                "SELECT IS_USED_LOCK('crossfade')", "SELECT COUNT(*) FROM app.t", "SELECT @@autocommit, @@character_set_client"):
        try:
            seen.append(session.one(sql).rows)
        except wire.Err as error:
            seen.append(error.code)
        except (wire.Closed, OSError):
            seen.append("closed")
    return seen


def prepare_session(connect):
    session = connect(database="app")
    for sql in ("SET @x = 5", "SET sql_mode = ''", "SET NAMES latin1", "SET autocommit = 0"):
        session.one(sql)
    session.one("INSERT INTO t VALUES (1, 1)")
    return session


def test_a_changed_user_is_seen_as_without_a_proxy(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS second@'%'", "CREATE USER second@'%' IDENTIFIED BY 'second secret'",
                   "GRANT SELECT ON app.* TO second@'%'")
    env.needs_proxy()
    proxy = env.proxy(config={"users": [{"name": APP, "password": APP_PASSWORD},
                                        {"name": "second", "password": "second secret"}]})
    for user, password, database in (("second", "second secret", "app"), ("second", "second secret", ""),
                                     ("second", "wrong", "app"), ("nobody", "wrong", ""), ("second", "second secret", "nosuch")):
        answers = []
        for connect in (env.old.wire, proxy.wire):
            session = prepare_session(connect)
            plugin = "mysql_native_password" if env.old.kind == "mariadb" else "caching_sha2_password"
            if user == "nobody" and connect == env.old.wire and env.old.kind == "mysql":
                answer = 1045  # it asks unknown users for sha256_password, which this client has not
                seen = ["closed"] * 6
            else:
                answer = change_user(session, user, password, database, plugin)
                seen = what_is_left(session)
            if answer == "ok":
                assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id
            answers.append((answer, seen))
            session.close()
        assert answers[0] == answers[1], (user, password, database, answers)
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)


def test_a_change_of_user_works_with_every_plugin_of_client_and_backend(env):
    env.needs_proxy()
    plugins = {"mariadb": ["mysql_native_password"], "mysql": ["caching_sha2_password", "sha256_password"]}[env.old.kind]
    users = [{"name": APP, "password": APP_PASSWORD}]
    for number, plugin in enumerate(plugins):
        for password in ("pass %d" % number, ""):
            name = "plug%d%s" % (number, "e" if not password else "")
            clause = "IDENTIFIED WITH %s BY '%s'" % (plugin, password) if env.old.kind == "mysql" else "IDENTIFIED BY '%s'" % password
            env.old.run("DROP USER IF EXISTS %s@'%%'" % name, "CREATE USER %s@'%%' %s" % (name, clause))
            users.append({"name": name, "password": password})
    proxy = env.proxy(config={"users": users})
    session = proxy.wire()
    for client_plugin in ("mysql_native_password", "caching_sha2_password"):
        for user in users[1:] + users[:1]:
            assert change_user(session, user["name"], user["password"], plugin=client_plugin) == "ok", user
            assert session.one("SELECT CURRENT_USER()").rows == [[user["name"] + "@%"]]
            assert int(session.one("SELECT CONNECTION_ID()").rows[0][0]) == session.connection_id


# Backends.

def ed25519_plugin():
    """The folder of MariaDB's auth_ed25519, which is in Debian's mariadb-server; that is not set up as a service."""
    for folder in ("/usr/lib/mysql/plugin", os.environ.get("CROSSFADE_MARIADB_PLUGINS", "")):
        if os.path.exists(os.path.join(folder, "auth_ed25519.so")):
            return folder
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "crossfade", "mariadb-plugins")
    folder = os.path.join(cache, "usr", "lib", "mysql", "plugin")
    if not os.path.exists(os.path.join(folder, "auth_ed25519.so")):
        with tempfile.TemporaryDirectory() as directory:
            got = subprocess.run(["apt-get", "download", "mariadb-server"], cwd=directory, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            packages = [f for f in os.listdir(directory) if f.endswith(".deb")]
            if got.returncode or not packages:
                raise Skip("mariadb-server, with auth_ed25519, cannot be had")
            os.makedirs(cache, exist_ok=True)
            subprocess.run(["dpkg", "-x", os.path.join(directory, packages[0]), cache], check=True)
    return folder


@harness.roles(harness.MARIADB_OLD)
def test_ed25519_towards_mariadb(env):
    with Roles(env, "mariadb", "mariadb", "--plugin-dir=" + ed25519_plugin(), "--plugin-load-add=auth_ed25519") as servers:
        for server in servers.both:
            server.run("CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('ed secret')", "GRANT ALL ON app.* TO ed@'%'",
                       "CREATE TABLE app.t (id INT PRIMARY KEY)")
        proxy = Proxy(env.binary, os.path.join(env.directory, env.name), servers, flags={"read_from_new": {"percent": 100}},
                      config={"users": [{"name": "ed", "password": "ed secret"}, {"name": APP, "password": APP_PASSWORD}]})
        env.proxies.append(proxy)
        proxy.start()
        session = proxy.wire("ed", "ed secret", database="app")
        session.one("INSERT INTO t VALUES (7)")
        assert session.one("SELECT id FROM t").rows == [["7"]]
        assert session.one("SELECT CURRENT_USER()").rows == [["ed@%"]]
        raises(1045, lambda: proxy.wire("ed", "wrong"))
        other = proxy.wire()
        assert change_user(other, "ed", "ed secret") == "ok"
        assert other.one("SELECT CURRENT_USER()").rows == [["ed@%"]]


def test_credentials_of_each_backend_and_attributes(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for server, password in ((env.old, "on old"), (env.new, "on new")):
        name = "at_" + ("old" if server is env.old else "new")
        server.run("DROP USER IF EXISTS %s@'%%'" % name, "CREATE USER %s@'%%' IDENTIFIED BY '%s'" % (name, password),
                   "GRANT ALL ON app.* TO %s@'%%'" % name)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}}, config={"users": [
        {"name": "front", "password": "door", "old": {"user": "at_old", "password": "on old"},
         "new": {"user": "at_new", "password": "on new"}}]})
    with proxy.connect("front", "door", database="app", program_name="shop till") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("SELECT id FROM t WHERE id = 1")
        assert cursor.fetchone() == (1,)
        for server, name in ((env.old, "at_old"), (env.new, "at_new")):
            assert server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '%s'" % name)[0][0] >= 1, name
            if server.kind == "mysql":
                attributes = dict(server.run("SELECT attr_name, attr_value FROM performance_schema.session_connect_attrs a JOIN "
                                             "information_schema.processlist p ON p.id = a.processlist_id WHERE p.user = '%s'" % name))
                assert attributes.get("program_name") == "shop till" and attributes.get("_client_name") == "pymysql", attributes


# Passwords that clients bring.

def learning(env, **more):
    directory = certificates(env)
    listen = {"address": "127.0.0.1:%d" % harness.free_port(),
              "tls": {"mode": "preferred", "cert": os.path.join(directory, "tls.crt"), "key": os.path.join(directory, "tls.key")}}
    users = dict({"from_client": True}, **more)
    proxy = env.proxy(config={"users": users, "listen": [listen]}, start=False)
    proxy.port = int(listen["address"].split(":")[1])
    proxy.start()
    return proxy


def over_tls(proxy, user=APP, password=APP_PASSWORD, plugin="caching_sha2_password", **more):
    return proxy.wire(user, password, tls=wire.tls_context(), plugin=plugin, **more)


def test_a_password_is_learned_over_tls_and_used_for_both_backends(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS brought@'%'", "CREATE USER brought@'%' IDENTIFIED BY 'one secret'",
                   "GRANT ALL ON app.* TO brought@'%'")
    proxy = learning(env, cache_ttl="1h")
    proxy.set_flags(read_from_new={"percent": 100})

    first = over_tls(proxy, "brought", "one secret", database="app")
    assert first.auth_path == ["full_tls"], first.auth_path
    first.one("INSERT INTO t VALUES (1)")
    assert first.one("SELECT id FROM t WHERE id = 1").rows == [["1"]]
    assert env.new.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'brought'")[0][0] >= 1
    assert over_tls(proxy, "brought", "one secret").auth_path == ["fast"]
    assert over_tls(proxy, "brought", "one secret", plugin="mysql_native_password").auth_path == ["switch", "fast"]
    env.assert_equal(proxy)

    # Another password: refused by the server, and the right one is still good.
    raises(1045, lambda: over_tls(proxy, "brought", "wrong"))
    raises(1045, lambda: over_tls(proxy, "nobody", "wrong"))
    # Changed on the servers: the old one goes, the new one is learned.
    for server in env.servers.both:
        server.run("ALTER USER brought@'%' IDENTIFIED BY 'two secret'")
    raises(1045, lambda: over_tls(proxy, "brought", "one secret"))
    assert over_tls(proxy, "brought", "two secret").auth_path == ["full_tls"]
    assert over_tls(proxy, "brought", "two secret").auth_path == ["fast"]
    # SIGHUP forgets.
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: over_tls(proxy, "brought", "two secret").auth_path == ["full_tls"], 10, "full authentication")
    # Never learned in the clear; once it is known, a scramble is as good as elsewhere.
    assert proxy.wire("brought", "two secret", plugin="caching_sha2_password").auth_path == ["fast"]
    proxy.process.send_signal(signal.SIGHUP)

    def refused_in_the_clear():
        try:
            proxy.wire("brought", "two secret", plugin="caching_sha2_password").close()
        except wire.Err as error:
            assert error.code == 1045, error
            return True
    wait_until(refused_in_the_clear, 10, "a refusal")
    with open(proxy.log_file) as log:
        text = log.read()
    assert "secret" not in text.replace(APP_PASSWORD, ""), "a password is in the log"


def test_wrong_users_and_wrong_passwords_are_answered_alike(env):
    env.needs_proxy()
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS brought@'%'", "CREATE USER brought@'%' IDENTIFIED BY 'one secret'")
    listed, learned = env.proxy(), learning(env, list=[{"name": APP, "password": APP_PASSWORD}])
    over_tls(learned, "brought", "one secret")

    def path(connect, user, plugin):
        session = connect(user)
        session.password = b"wrong"
        try:
            session._log_in(b"", plugin, session.test_tls, 45)
        except wire.Err as error:
            return session.auth_path, session.sequence, error.code, error.state, error.message.replace(user, "U")
        raise AssertionError("logged in")

    def plain(user):
        session = listed.wire(user, log_in=False)
        session.test_tls = None
        return session

    def encrypted(user):
        session = learned.wire(user, log_in=False)
        session.capabilities |= wire.TLS
        session.test_tls = wire.tls_context()
        return session
    for plugin in ("mysql_native_password", "caching_sha2_password"):
        assert path(plain, APP, plugin) == path(plain, "nobody", plugin), plugin
        paths = [path(encrypted, user, plugin) for user in (APP, "brought", "nobody")]
        assert paths[0] == paths[1] == paths[2], paths
    # Each is asked about, so that the time tells nothing either.
    def refused_by_the_leader():
        return int(env.old.run("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])
    for user in (APP, "brought", "nobody"):
        before = refused_by_the_leader()
        path(encrypted, user, "caching_sha2_password")
        wait_until(lambda: refused_by_the_leader() == before + 1, 10, "the leader's refusal of " + user)


def test_empty_passwords(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS bare@'%'", "CREATE USER bare@'%' IDENTIFIED BY ''", "GRANT ALL ON app.* TO bare@'%'")
    proxy = env.proxy(config={"users": [{"name": "bare", "password": ""}, {"name": APP, "password": APP_PASSWORD}]},
                      flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    for number, plugin in enumerate(("mysql_native_password", "caching_sha2_password")):
        session = proxy.wire("bare", "", plugin=plugin, database="app")
        assert session.one("INSERT INTO t VALUES (%d)" % number).affected == 1
        assert session.one("SELECT COUNT(*) FROM t").rows == [[str(number + 1)]]
        for user, password, using in (("bare", "some", "YES"), (APP, "", "NO")):
            code, message = raises(1045, lambda: proxy.wire(user, password, plugin=plugin))
            assert message == "Access denied for user '%s'@'127.0.0.1' (using password: %s)" % (user, using), message
    assert env.new.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'bare'")[0][0] >= 1
    env.assert_equal(proxy)


def test_a_user_has_as_many_connections_as_its_limit(env):
    env.needs_proxy()
    proxy = env.proxy(config={"users": [{"name": APP, "password": APP_PASSWORD, "connections_max": 2}]})
    one, two = proxy.wire(), proxy.wire()
    code, message = raises(1203, proxy.wire)
    assert message == "User %s already has more than 'max_user_connections' active connections" % APP
    one.close()
    wait_until(proxy.wire, 10, "a free place")
    two.close()


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


# PROXY protocol.

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
    address = "127.0.0.1:%d" % harness.free_port()
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
    assert proxy.metric("crossfade_proxy_headers_bad_total") == before + 4


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


# Listeners.

def test_listeners_on_unix_sockets_and_ipv6(env):
    env.needs_proxy()
    path = os.path.join(tempfile.mkdtemp(dir="/tmp"), "s.sock")
    both, six = harness.free_port(), harness.free_port()
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


# TLS.

def client_certificate(directory):
    for arguments in (["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=client"],
                      ["x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "client.crt",
                       "-days", "2"]):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def context(directory, certificate=False, highest=None):
    made = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))
    if certificate:
        made.load_cert_chain(os.path.join(directory, "client.crt"), os.path.join(directory, "client.key"))
    if highest:
        made.maximum_version = highest
    return made


def with_tls(env, directory, tls=None, users=None):
    proxy = env.proxy(start=False)
    proxy.config["listen"][0]["tls"] = dict({"mode": "preferred", "cert": os.path.join(directory, "tls.crt"),
                                             "key": os.path.join(directory, "tls.key")}, **(tls or {}))
    if users:
        proxy.config["users"] = users
    proxy.write_config()
    return proxy


def no_session(call):
    try:
        call().one("SELECT 1")
    except (wire.Closed, ssl.SSLError, OSError):
        return
    raise AssertionError("the session was let in")


def test_client_certificates(env):
    env.needs_proxy()
    directory = certificates(env)
    client_certificate(directory)
    proxy = with_tls(env, directory, {"client_ca": os.path.join(directory, "ca.pem"), "client_cert": "required"})
    proxy.start()
    assert proxy.wire(tls=context(directory, certificate=True)).one("SELECT 1").rows == [["1"]]
    no_session(lambda: proxy.wire(tls=context(directory)))
    proxy.stop()
    proxy = with_tls(env, directory, {"client_ca": os.path.join(directory, "ca.pem"), "client_cert": "optional"},
                     [{"name": APP, "password": APP_PASSWORD, "require": "x509"}])
    proxy.start()
    assert proxy.wire(tls=context(directory, certificate=True)).one("SELECT 1").rows == [["1"]]
    raises(1045, lambda: proxy.wire(tls=context(directory)))
    raises(1045, proxy.wire)


def test_the_least_version_of_tls(env):
    env.needs_proxy()
    directory = certificates(env)
    proxy = with_tls(env, directory, {"min_version": "TLSv1.3"})
    proxy.start()
    assert proxy.wire(tls=context(directory)).one("SELECT 1").rows == [["1"]]
    no_session(lambda: proxy.wire(tls=context(directory, highest=ssl.TLSVersion.TLSv1_2)))


def test_certificates_are_read_again_without_a_restart(env):
    env.needs_proxy()
    directory = certificates(env)
    other = os.path.join(directory, "other")
    os.makedirs(other)
    proxy = with_tls(env, directory)
    proxy.start()
    old = proxy.wire(tls=context(directory))

    def serial():
        return proxy.wire(tls=context(directory)).socket.getpeercert()["serialNumber"]
    first = serial()
    for arguments in (["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=localhost"],
                      ["x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tls.crt",
                       "-days", "2", "-extfile", "names"]):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    assert serial() == first, "read without being asked"
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: serial() != first, 10, "the new certificate")
    assert old.one("SELECT 1").rows == [["1"]]
    second = serial()
    with open(os.path.join(directory, "tls.key"), "w") as out:
        out.write("broken")
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "certificate=kept" in proxy.log_tail() and "tls.key" in proxy.log_tail(), 10, "the complaint")
    assert serial() == second


def test_check_names_the_place_of_a_broken_certificate(env):
    env.needs_proxy()
    directory = certificates(env)
    client_certificate(directory)
    proxy = with_tls(env, directory, {"key": os.path.join(directory, "client.key")})
    line = next(i for i, text in enumerate(harness.to_yaml(proxy.config).splitlines(), 1) if "mode:" in text)
    done = subprocess.run([env.binary, "check", "--config", proxy.config_file], capture_output=True, text=True)
    assert done.returncode == 1, done
    assert "%s:%d:" % (proxy.config_file, line) in done.stderr and "client.key" in done.stderr, (line, done.stderr)


@harness.roles(harness.MYSQL_OLD)
def test_a_certificate_towards_a_backend(env):
    """MySQL makes a client's certificate for itself, beside its own."""
    env.needs_proxy()
    if env.old.kind != "mysql":
        raise Skip("needs MySQL")
    env.old.run("DROP USER IF EXISTS certified@'%'", "CREATE USER certified@'%' IDENTIFIED BY 'certified secret' REQUIRE X509")
    files = {"cert": os.path.join(env.old.directory, "client-cert.pem"), "key": os.path.join(env.old.directory, "client-key.pem")}
    users = [{"name": "certified", "password": "certified secret"}]
    proxy = env.proxy(config={"users": users, "backends": {"old": {"tls": dict({"mode": "required"}, **files)}}})
    assert proxy.wire("certified", "certified secret").one("SELECT 1").rows == [["1"]]
    without = env.proxy(config={"users": users, "backends": {"old": {"tls": {"mode": "required"}}}})
    raises(1045, lambda: without.wire("certified", "certified secret"))


def test_full_authentication_on_every_transport(env):
    """Of a client whose user has only a hash here, and towards a MySQL that has nothing cached: in the clear over TLS and
    unix sockets, by RSA over plain TCP."""
    env.needs_proxy()
    directory = certificates(env)
    mysql = next((server for server in env.servers.both if server.kind == "mysql"), None)
    if mysql is None:
        raise Skip("needs MySQL 9")
    which = "old" if mysql is env.old else "new"
    native = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"  # of "password"
    accounts = {"user": "full", "password": "full secret"}
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS full@'%', full@localhost", *["CREATE USER full@%s IDENTIFIED BY 'full secret'" % host
                                                                     for host in ("'%'", "localhost")],
                   *["GRANT ALL ON app.* TO full@%s" % host for host in ("'%'", "localhost")])
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    backends = {"tcp": {}, "tls": {"tls": {"mode": "required"}}, "unix": {"address": "unix:" + os.path.join(mysql.directory, "s.sock")}}
    for transport, backend in backends.items():
        mysql.run("FLUSH PRIVILEGES")  # empties the cache of caching_sha2_password
        path = os.path.join(tempfile.mkdtemp(dir="/tmp"), "s.sock")
        proxy = env.proxy(start=False, flags={"read_from_new": {"percent": 100}}, config={
            "backends": {which: backend}, "users": [{"name": "front", "native_hash": native, "old": accounts, "new": accounts}]})
        proxy.config["listen"] = [dict(proxy.config["listen"][0], tls={
            "mode": "preferred", "cert": os.path.join(directory, "tls.crt"), "key": os.path.join(directory, "tls.key")}),
            {"address": "unix:" + path}]
        if transport == "unix":
            # The control account comes from localhost then.
            mysql.run("DROP USER IF EXISTS crossfade@localhost", "CREATE USER crossfade@localhost IDENTIFIED BY 'control secret'",
                      "GRANT ALL PRIVILEGES ON *.* TO crossfade@localhost WITH GRANT OPTION")
        proxy.write_config()
        proxy.start()
        proxy.caught_up()
        plain = proxy.wire("front", "password", plugin="caching_sha2_password", database="app")
        assert plain.auth_path == ["full_rsa"], plain.auth_path
        encrypted = over_tls(proxy, "front", "password", database="app")
        assert encrypted.auth_path == ["full_tls"], encrypted.auth_path
        with pymysql.connect(unix_socket=path, user="front", password="password", database="app") as session, session.cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER()")
            assert cursor.fetchone()[0].startswith("full@")
            cursor.execute("SELECT COUNT(*) FROM t")
            assert cursor.fetchone() == (0,)
        assert plain.one("SELECT COUNT(*) FROM t").rows == [["0"]]
        assert mysql.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'full'")[0][0] >= 1, transport
        raises(1045, lambda: proxy.wire("front", "wrong", plugin="caching_sha2_password"))
        proxy.stop()
    mysql.run("DROP USER IF EXISTS crossfade@localhost", "DROP USER full@localhost")


def test_what_the_leader_says_to_a_login_reaches_the_client(env):
    env.needs_proxy()
    users = [{"name": "locked", "password": "a"}, {"name": "strange", "password": "b"},
             {"name": "front", "password": "c", "old": {"user": "hidden", "password": "d"}}]
    env.old.run("DROP USER IF EXISTS locked@'%', strange@'%', hidden@'%'", "CREATE USER locked@'%' IDENTIFIED BY 'a' ACCOUNT LOCK",
                "CREATE USER strange@'%' IDENTIFIED BY 'another'")
    proxy = env.proxy(config={"users": users + [{"name": APP, "password": APP_PASSWORD}]})
    locked = {"mariadb": 4151, "mysql": 3118}[env.old.kind]
    assert raises(locked, lambda: proxy.wire("locked", "a")) == raises(locked, lambda: env.old.wire("locked", "a"))
    assert raises(1045, lambda: proxy.wire("strange", "b")) == raises(1045, lambda: env.old.wire("strange", "b"))
    _, message = raises(1053, lambda: proxy.wire("front", "c"))
    assert "'old'" in message and "hidden" not in message, message
    assert raises((1049, 1044), lambda: proxy.wire(database="nosuch")) == raises((1049, 1044), lambda: env.old.wire(database="nosuch"))
    session = proxy.wire()
    plugin = "mysql_native_password" if env.old.kind == "mariadb" else "caching_sha2_password"
    assert change_user(session, "locked", "a", plugin=plugin) == locked
    if env.old.kind == "mariadb":
        assert session.one("SELECT CURRENT_USER()").rows == [[APP + "@%"]]
    # A collation past 255 reaches the leader as it is.
    if env.old.kind == "mysql":
        session = proxy.wire()
        assert change_user(session, APP, APP_PASSWORD, plugin=plugin, charset=309) == "ok"
        assert session.one("SELECT @@collation_connection").rows == [["utf8mb4_0900_bin"]]
