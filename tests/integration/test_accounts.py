"""Who may log in, as whom on each backend, and how many at once; passwords that clients bring."""

import os
import signal

import wire
from harness import BOTH_ROLES, raises
from logins import change_user, over_tls
from machine import free_port
from progress import wait_until
from servers import APP, APP_PASSWORD
from test_tls import certificates

ROLES = BOTH_ROLES


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
        proxy.caught_up()
        cursor.execute("SELECT id FROM t WHERE id = 1")
        assert cursor.fetchone() == (1,)
        for server, name in ((env.old, "at_old"), (env.new, "at_new")):
            assert server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '%s'" % name)[0][0] >= 1, name
            if server.kind == "mysql":
                attributes = dict(server.run("SELECT attr_name, attr_value FROM performance_schema.session_connect_attrs a JOIN "
                                             "information_schema.processlist p ON p.id = a.processlist_id WHERE p.user = '%s'" % name))
                assert attributes.get("program_name") == "shop till" and attributes.get("_client_name") == "pymysql", attributes


def learning(env, **more):
    directory = certificates(env)
    listen = {"address": "127.0.0.1:%d" % free_port(),
              "tls": {"mode": "preferred", "cert": os.path.join(directory, "tls.crt"), "key": os.path.join(directory, "tls.key")}}
    users = dict({"from_client": True}, **more)
    proxy = env.proxy(config={"users": users, "listen": [listen]}, start=False)
    proxy.port = int(listen["address"].split(":")[1])
    proxy.start()
    return proxy


def test_a_password_is_learned_over_tls_and_used_for_both_backends(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for server in env.servers.both:
        server.run("DROP USER IF EXISTS brought@'%'", "CREATE USER brought@'%' IDENTIFIED BY 'one secret'",
                   "GRANT ALL ON app.* TO brought@'%'")
    proxy = learning(env, cache_ttl="1h")
    proxy.set_flags(read_from_new={"percent": 100})
    proxy.caught_up()

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


def test_a_user_has_as_many_connections_as_its_limit(env):
    env.needs_proxy()
    proxy = env.proxy(config={"users": [{"name": APP, "password": APP_PASSWORD, "connections_max": 2}]})
    one, two = proxy.wire(), proxy.wire()
    code, message = raises(1203, proxy.wire)
    assert message == "User %s already has more than 'max_user_connections' active connections" % APP
    one.close()
    wait_until(proxy.wire, 10, "a free place")
    two.close()


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
