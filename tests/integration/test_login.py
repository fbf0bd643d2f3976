"""The plugins that a login goes by, of clients and towards backends."""

import os
import subprocess
import tempfile

import pymysql

import harness
from harness import BOTH_ROLES, Skip, raises
from logins import Roles, change_user, over_tls
from proxy_process import Proxy
from servers import APP, APP_PASSWORD
from test_tls import certificates

ROLES = BOTH_ROLES


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


def test_empty_passwords(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS bare@'%'", "CREATE USER bare@'%' IDENTIFIED BY ''", "GRANT ALL ON app.* TO bare@'%'")
    proxy = env.proxy(config={"users": [{"name": "bare", "password": ""}, {"name": APP, "password": APP_PASSWORD}]},
                      flags={"read_from_new": {"percent": 100}})
    proxy.reads_may_go()
    for number, plugin in enumerate(("mysql_native_password", "caching_sha2_password")):
        session = proxy.wire("bare", "", plugin=plugin, database="app")
        assert session.one("INSERT INTO t VALUES (%d)" % number).affected == 1
        assert session.one("SELECT COUNT(*) FROM t").rows == [[str(number + 1)]]
        for user, password, using in (("bare", "some", "YES"), (APP, "", "NO")):
            code, message = raises(1045, lambda: proxy.wire(user, password, plugin=plugin))
            assert message == "Access denied for user '%s'@'127.0.0.1' (using password: %s)" % (user, using), message
    assert env.new.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'bare'")[0][0] >= 1
    env.assert_equal(proxy)


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
        proxy.reads_may_go()
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
