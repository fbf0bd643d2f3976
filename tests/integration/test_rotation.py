"""Passwords and certificates towards the backends, replaced while the proxy runs: SIGHUP, and no restart."""

import os
import shutil
import signal
import subprocess

from harness import BOTH_ROLES, raises
from progress import wait_until
from test_tls import certificates, serving_tls

ROLES = BOTH_ROLES

USER, CONTROL = "rotated", "rotator"


def account(server, user, password, rights, more=""):
    server.run("DROP USER IF EXISTS %s@'%%'" % user,
               "CREATE USER %s@'%%' IDENTIFIED BY '%s' %s" % (user, password, more), "GRANT %s TO %s@'%%'" % (rights, user))


def accounts(env, generation):
    for server in env.servers.both:
        account(server, USER, "app secret %d" % generation, "ALL ON app.*")
        account(server, CONTROL, "control secret %d" % generation, "ALL ON *.*", "")
        server.run("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION" % CONTROL)


def replace_passwords(env, generation):
    for server in env.servers.both:
        server.run("ALTER USER %s@'%%' IDENTIFIED BY 'app secret %d'" % (USER, generation),
                   "ALTER USER %s@'%%' IDENTIFIED BY 'control secret %d'" % (CONTROL, generation))


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as out:
        out.write(text + "\n")
    return path


def end_sessions_of(server, user):
    for (number,) in server.run("SELECT id FROM information_schema.processlist WHERE user = '%s'" % user):
        try:
            server.run("KILL %d" % number)
        except Exception:  # it has gone by itself
            pass


def logged(proxy, text):
    with open(proxy.log_file) as log:
        return text in log.read()


def test_passwords_are_read_again_without_a_restart(env):
    env.needs_proxy()
    directory = os.path.join(env.directory, "secrets-" + env.name)
    os.makedirs(directory)
    accounts(env, 1)
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    app, control = write(directory, "app", "app secret 1"), write(directory, "control", "control secret 1")
    by_file = {"user": CONTROL, "password_file": control}
    proxy = env.proxy(config={"users": [{"name": USER, "password_file": app}],
                              "control": {"schema": "crossfade", "old": dict(by_file), "new": dict(by_file)}}, start=False)
    for side in ("old", "new"):
        proxy.config["control"][side].pop("password", None)
    proxy.write_config()
    proxy.start()
    # This one has no connection to the follower yet.
    early = proxy.wire(USER, "app secret 1", database="app")
    early.one("INSERT INTO t VALUES (1)")
    proxy.caught_up()

    replace_passwords(env, 2)
    for server in env.servers.both:
        end_sessions_of(server, CONTROL)
    raises((1045, 1053), lambda: proxy.wire(USER, "app secret 1"))
    write(directory, "app", "app secret 2")
    write(directory, "control", "control secret 2")
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: logged(proxy, "user=%s password=reloaded" % USER), 10, "the new password")
    assert logged(proxy, "backend=old control_password=reloaded") and logged(proxy, "backend=new control_password=reloaded")

    # Logins, the applier, the catalogue's connection, and the follower's of old and new sessions.
    raises(1045, lambda: proxy.wire(USER, "app secret 1"))
    env.tables("CREATE TABLE u (id INT PRIMARY KEY)")
    late = proxy.wire(USER, "app secret 2", database="app")
    late.one("INSERT INTO u VALUES (2)")
    proxy.caught_up()
    proxy.set_flags(read_from_new={"percent": 100})

    def answered_by_new(session, table, value):
        before = proxy.metric("crossfade_reads_total", backend="new")
        assert session.one("SELECT id FROM %s" % table).rows == [[value]]
        return proxy.metric("crossfade_reads_total", backend="new") > before
    # Whether both servers mean the same by their time zone is asked beside the first of these.
    wait_until(lambda: answered_by_new(late, "u", "2"), 20, "a read on new")
    wait_until(lambda: answered_by_new(early, "t", "1"), 20, "a read on new by a session from before")
    env.assert_equal(proxy)

    # What cannot be read stays in force, and the log says why.
    os.remove(app)
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: logged(proxy, "user=%s password=kept why=" % USER), 10, "the complaint")
    assert proxy.wire(USER, "app secret 2", database="app").one("SELECT id FROM t").rows == [["1"]]
    with open(proxy.log_file) as log:
        text = log.read()
    assert "app secret" not in text and "control secret" not in text, "a password is in the log"


def client_certificate(directory, name):
    for arguments in (["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=" + name],
                      ["x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                       "client.crt", "-days", "2"]):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def test_certificates_towards_backends_are_read_again_without_a_restart(env):
    env.needs_proxy()
    directory = certificates(env, "rotation")
    client_certificate(directory, "first")
    with serving_tls(env, directory):
        for server in env.servers.both:
            account(server, USER, "app secret", "ALL ON app.*", "REQUIRE SUBJECT '/CN=first'")
        tls = {"tls": {"mode": "required", "ca": os.path.join(directory, "ca.pem"),
                       "cert": os.path.join(directory, "client.crt"), "key": os.path.join(directory, "client.key")}}
        proxy = env.proxy(config={"users": [{"name": USER, "password": "app secret"}], "backends": {"old": tls, "new": tls}})

        def log_in():
            return proxy.wire(USER, "app secret").one("SELECT 1").rows
        assert log_in() == [["1"]]

        def reload(count):
            proxy.process.send_signal(signal.SIGHUP)
            wait_until(lambda: occurrences(proxy, "backend=new tls=") == count, 10, "the files to be read")
        client_certificate(directory, "second")
        for server in env.servers.both:
            server.run("ALTER USER %s@'%%' REQUIRE SUBJECT '/CN=second'" % USER)
        raises(1045, log_in)
        reload(1)
        assert log_in() == [["1"]]

        # Whom the proxy trusts is read again, too.
        right = os.path.join(directory, "ca.pem")
        shutil.copy(right, right + ".kept")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "ca.pem", "-days",
                        "2", "-subj", "/CN=another CA"], cwd=directory, check=True, capture_output=True)
        reload(2)
        raises(1053, log_in)
        shutil.copy(right + ".kept", right)
        reload(3)
        assert log_in() == [["1"]]

        # A broken file leaves the good ones in force.
        write(directory, "client.key", "broken")
        reload(4)
        assert logged(proxy, "backend=old tls=kept") and logged(proxy, "client.key")
        assert log_in() == [["1"]]


def occurrences(proxy, text):
    with open(proxy.log_file) as log:
        return log.read().count(text)
