"""TLS towards clients and towards backends."""

import contextlib
import os
import ssl
import subprocess

import pymysql

import wire
from harness import BOTH_ROLES, MARIADB_OLD, Skip, raises, roles
from progress import wait_until
from servers import APP, APP_PASSWORD, CONTROL

ROLES = BOTH_ROLES


def certificates(env, name="certificates"):
    """A CA, and a certificate for localhost and 127.0.0.1 that it signed."""
    directory = os.path.join(env.directory, "%s-%s" % (name, env.name))
    os.makedirs(directory)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=Crossfade test CA")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=localhost")
    with open(os.path.join(directory, "names"), "w") as out:
        out.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tls.crt",
            "-days", "2", "-extfile", "names")
    return directory


@contextlib.contextmanager
def serving_tls(env, directory):
    """Both servers, restarted with certificates of our own, which MariaDB 10.11 needs and MySQL takes."""
    before = [(server, server.options) for server in env.servers.both]
    try:
        for server in env.servers.both:
            server.stop()
            server.options = server.options + ["--ssl-%s=%s" % (option, os.path.join(directory, name))
                                               for option, name in (("ca", "ca.pem"), ("cert", "tls.crt"), ("key", "tls.key"))]
            server.start()
        yield
    finally:
        for server, options in before:
            server.stop()
            server.options = options
            server.start()


def ciphers(server):
    """How many of the application's sessions on a MySQL server are encrypted."""
    return server.run("SELECT COUNT(*) FROM performance_schema.status_by_thread s JOIN performance_schema.threads t "
                      "USING (thread_id) WHERE s.variable_name = 'Ssl_cipher' AND s.variable_value <> '' AND "
                      "t.processlist_user = '%s'" % APP)[0][0]


def backends(mode, ca=None, **more):
    tls = dict({"mode": mode}, **({"ca": ca} if ca else {}))
    return {"backends": {"old": dict(more, tls=tls), "new": dict(more, tls=tls)}}


def listen(proxy_config, directory, mode):
    return {"listen": [dict(proxy_config["listen"][0], tls={"mode": mode, "cert": os.path.join(directory, "tls.crt"),
                                                             "key": os.path.join(directory, "tls.key")})]}


def tls_proxy(env, mode, directory, config=None, **more):
    proxy = env.proxy(config=config, start=False, **more)
    if env.binary:
        proxy.config.update(listen(proxy.config, directory, mode))
        proxy.write_config()
    proxy.start()
    return proxy


def test_clients_may_use_tls(env):
    directory = certificates(env)
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
    proxy = tls_proxy(env, "preferred", directory)
    with proxy.connect(database="app") as plain, plain.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 'plain')")
    with proxy.connect(database="app", ssl={"ca": os.path.join(directory, "ca.pem")}) as session:
        assert isinstance(session._sock, ssl.SSLSocket)
        with session.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (2, %s)", ("x" * 3000000,))
            cursor.execute("SELECT v FROM t WHERE id = 2")
            assert cursor.fetchone()[0] == "x" * 3000000
    for plugin in ("mysql_native_password", "caching_sha2_password"):
        session = proxy.wire(plugin=plugin, tls=wire.tls_context(os.path.join(directory, "ca.pem")))
        assert session.one("SELECT 1").rows == [["1"]]
    env.assert_equal(rows_min=2)


def test_required_tls_refuses_plain_clients(env):
    directory = certificates(env)
    proxy = tls_proxy(env, "required", directory)
    raises(3159, proxy.connect)
    with proxy.connect(ssl={"ca": os.path.join(directory, "ca.pem")}) as session, session.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    try:
        wire.Connection("127.0.0.1", proxy.port, APP, "wrong", tls=wire.tls_context())
        raise AssertionError("a wrong password was taken")
    except wire.Err as error:
        assert error.code == 1045 and APP_PASSWORD not in error.message


def test_a_disabled_listener_offers_no_tls(env):
    proxy = env.proxy()
    session = proxy.wire()
    if env.binary:
        assert not session.server_capabilities & wire.TLS


@roles(MARIADB_OLD)
def test_backends_over_tls(env):
    """MySQL serves TLS by itself with a certificate of its own making; MariaDB 10.11 does not."""
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    if env.new.kind != "mysql":
        raise Skip("needs MySQL as `new`")
    proxy = env.proxy(config={"backends": {"new": {"tls": {"mode": "required"}}}}, flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 1)")
        cursor.execute("SELECT v FROM t WHERE id = 1")
        assert cursor.fetchone() == (1,)
        if env.binary:
            assert ciphers(env.new) >= 1, "the application's session on `new` is not encrypted"
    env.assert_equal(rows_min=1)


@roles(MARIADB_OLD)
def test_a_backend_certificate_that_does_not_verify_is_refused(env):
    directory = certificates(env)
    env.needs_proxy()
    if env.new.kind != "mysql":
        raise Skip("needs MySQL as `new`")
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    proxy = env.proxy(config={"backends": {"new": {"tls": {"mode": "required", "ca": os.path.join(directory, "ca.pem")}}}})
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 1)")  # the leader is not concerned
    assert proxy.status()["caught_up"] is False
    assert env.new.run("SELECT COUNT(*) FROM app.t") == ((0,),)
    proxy.metric_comes(lambda value: value > 0, "crossfade_backend_connect_failures_total", backend="new")


@roles(MARIADB_OLD)  # MySQL speaks it unasked
def test_a_backend_that_must_speak_tls_and_does_not_is_an_error(env):
    env.needs_proxy()
    proxy = env.proxy(config={"backends": {"old": {"tls": {"mode": "required"}}}}, ready=False)

    def refusal():
        try:
            proxy.connect()
        except pymysql.MySQLError as error:
            return error
        raise AssertionError("logged in over an unencrypted backend")

    # At first the proxy says that it has not asked the leader yet.
    wait_until(lambda: "'old'" in str(refusal()), 20, "the reason")
    assert refusal().args[0] in (1053, 2013, 1105)


def test_both_backends_over_verified_tls(env):
    """Either make in either role, with accounts that are let in over TLS only."""
    env.needs_proxy()
    directory = certificates(env)
    ca = os.path.join(directory, "ca.pem")
    with serving_tls(env, directory):
        env.tables("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
        env.servers.run("ALTER USER '%s'@'%%' REQUIRE SSL" % APP, "ALTER USER '%s'@'%%' REQUIRE SSL" % CONTROL)
        try:
            proxy = env.proxy(config=backends("required", ca), flags={"read_from_new": {"percent": 50}, "shadow_read": {"percent": 100}})
            proxy.caught_up()
            for capabilities in (0, wire.DEPRECATE_EOF):
                session = proxy.wire(database="app", capabilities=capabilities)
                first = 1 if capabilities else 100
                session.query("INSERT INTO t VALUES (%d, REPEAT('a', 100)), (%d, '%s')" % (first, first + 1, "b" * 300000))
                prepared = session.prepare("INSERT INTO t VALUES (?, ?)")[0]
                session.execute(prepared, (first + 2, "c" * 3000000))
                session.query("BEGIN")
                session.query("UPDATE t SET v = 'changed' WHERE id = %d" % first)
                session.query("COMMIT")
                for _ in range(10):
                    assert session.one("SELECT LENGTH(v) FROM t WHERE id = %d" % (first + 2)).rows == [["3000000"]]
                cipher = session.one("SHOW SESSION STATUS LIKE 'Ssl_cipher'").rows
                assert cipher[0][1] != "", cipher
            proxy.metric_comes(lambda value: value > 0, "crossfade_reads_total", backend="new")
            env.assert_equal(proxy, rows_min=6)
        finally:
            env.servers.run("ALTER USER '%s'@'%%' REQUIRE NONE" % APP, "ALTER USER '%s'@'%%' REQUIRE NONE" % CONTROL)


def test_a_backend_signed_by_another_ca_is_refused_with_the_reason(env):
    env.needs_proxy()
    directory = certificates(env)
    with serving_tls(env, directory):
        env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
        good = os.path.join(directory, "ca.pem")
        other = os.path.join(certificates(env, "other"), "ca.pem")
        # The leader: clients hear of it.
        config = backends("required", good)
        config["backends"]["old"]["tls"] = {"mode": "required", "ca": other}
        proxy = env.proxy(config=config, ready=False)
        wait_until(lambda: "certificate" in proxy.status()["backends"]["old"].get("error", ""), what="the refusal in the status")
        code, text = raises(1053, proxy.wire)
        assert "'old'" in text and "certificate verify failed" in text, text
        # The follower: its entries wait, and the status says why.
        config = backends("required", good)
        config["backends"]["new"]["tls"] = {"mode": "required", "ca": other}
        proxy = env.proxy(config=config)
        session = proxy.wire(database="app")
        session.query("INSERT INTO t VALUES (1, 1)")
        status = proxy.status()
        assert "certificate" in status["backends"]["new"]["error"] and status["caught_up"] is False, status["backends"]
        assert env.new.run("SELECT COUNT(*) FROM app.t") == ((0,),)
        # With the right one they arrive.
        proxy.kill()
        env.proxy(config=backends("required", good)).caught_up()
        env.assert_equal(rows_min=1)
