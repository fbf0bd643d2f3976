"""COM_CHANGE_USER: what a client sees on every pair of roles is what it sees without the proxy."""

import wire
from harness import BOTH_ROLES
from logins import change_user
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES


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
