"""Starting, stopping, reloading, watching."""

import json
import os
import signal
import subprocess
import threading
import time

import pymysql

from harness import raises
from progress import wait_until
from proxy_process import to_yaml

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT)"


def test_status_metrics_and_health_tell_the_state(env):
    env.tables(TABLE)
    proxy = env.proxy(flags={"version": 41, "read_from_new": {"percent": 12.5}})
    sessions = [proxy.connect(database="app") for _ in range(3)]
    with sessions[0].cursor() as cursor:
        for n in range(10):
            cursor.execute("INSERT INTO t VALUES (%s, 0)", (n,))
            cursor.execute("SELECT * FROM t")
    proxy.caught_up()
    status = proxy.status()
    assert status["caught_up"] is True and status["flags"]["version"] == 41, status
    assert set(("entries", "bytes", "oldest_seconds")) <= set(status["lag"]), status
    assert status["lag"]["entries"] == 0
    assert {"clients", "backends"} <= set(status), sorted(status)
    assert set(status["backends"]) == {"old", "new"}, status["backends"]
    proxy.metric_comes(lambda value: value == 3, "crossfade_clients_open")
    proxy.metric_comes(lambda value: value == 10, "crossfade_writes_total")
    proxy.metric_comes(lambda value: value == 10, "crossfade_transactions_total")
    proxy.metric_comes(lambda value: value >= 10, "crossfade_applied_entries_total")
    proxy.metric_comes(lambda value: value == 1, "crossfade_caught_up")
    proxy.metric_comes(lambda value: value == 41, "crossfade_flags_version")
    proxy.metric_comes(lambda value: value == 12.5, "crossfade_read_from_new_percent")
    proxy.metric_comes(lambda value: value == 1, "crossfade_backend_up", backend="old")
    for path in ("/liveness", "/readiness", "/startup"):
        proxy.get(path)
    for session in sessions:
        session.close()
    wait_until(lambda: proxy.metric("crossfade_clients_open") == 0, 10, "closed clients")


def test_the_token_guards_all_but_health(env):
    token = os.path.join(env.directory, "token-" + env.name)
    with open(token, "w") as out:
        out.write("s3cret\n")
    proxy = env.proxy(start=False)
    proxy.config["admin"]["token_file"] = token
    proxy.write_config()
    proxy.start()
    for path in ("/status", "/metrics", "/report"):
        for attempt in (None, "wrong"):
            try:
                proxy.get(path, token=attempt)
                raise AssertionError("%s without the token" % path)
            except OSError as error:
                assert error.code in (401, 403), error
        assert proxy.get(path, token="s3cret")


def test_command_line_status_and_report(env):
    env.tables(TABLE)
    proxy = env.proxy()

    def run(*arguments):
        return subprocess.run([env.binary, *arguments, "--config", proxy.config_file], capture_output=True, text=True, timeout=30)

    done = run("status", "--format", "json")
    assert done.returncode == 0 and "caught_up" in json.loads(done.stdout), done
    done = run("report", "--format", "json")
    assert done.returncode in (0, 8) and "verdict" in json.loads(done.stdout), done
    done = run("report")
    assert done.returncode in (0, 8) and done.stdout.split(":")[0] in ("SAFE", "HOLD", "DIVERGED"), done
    help_text = subprocess.run([env.binary, "--help"], capture_output=True, text=True)
    assert help_text.returncode == 0 and all(verb in help_text.stdout for verb in ("serve", "check", "status", "report"))


def test_sigterm_lets_transactions_finish(env):
    env.needs_proxy()
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.connect(database="app")
    idle = proxy.connect(database="app")
    with session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (1, 1)")
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(proxy), 10, "no new connections while draining")
        assert proxy.running(), "ended with a transaction open"
        cursor.execute("INSERT INTO t VALUES (2, 2)")
        cursor.execute("COMMIT")
    assert proxy.process.wait(15) == 0
    idle._force_close()
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((2,),)
    proxy.start()
    env.assert_equal(rows_min=2)


def refused(proxy):
    try:
        proxy.connect(connect_timeout=1).close()
    except (pymysql.MySQLError, OSError):
        return True
    return False


def test_draining_is_bounded(env):
    env.tables(TABLE)
    proxy = env.proxy(config={"limits": {"drain_timeout": "500ms"}})
    session = proxy.connect(database="app")
    with session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (1, 1)")
        started = time.monotonic()
        if env.binary:
            assert proxy.stop() == 0
            assert time.monotonic() - started < 5
            raises((2006, 2013, 1053), cursor.execute, "COMMIT")
    if env.binary:
        proxy.start()
        assert env.old.run("SELECT COUNT(*) FROM app.t") == ((0,),)


def test_sighup_reloads_flags(env):
    proxy = env.proxy()
    proxy.set_flags(wait=False, read_from_new={"percent": 33})
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: proxy.status()["flags"]["version"] == 2, 5, "the flags")
    assert proxy.running()


def test_flags_through_a_configmaps_symlinks(env):
    env.needs_proxy()
    mount = os.path.join(env.directory, "configmap-" + env.name)
    os.makedirs(mount)

    def publish(version):
        """What a kubelet does: a new folder, and ..data swapped over to it in one rename."""
        folder = os.path.join(mount, "..2026_%d" % version)
        os.makedirs(folder)
        flags = dict(proxy.flags, version=version)
        with open(os.path.join(folder, "flags.yaml"), "w") as out:
            out.write(to_yaml(flags) + "\n")
        os.symlink(os.path.basename(folder), os.path.join(mount, "..data_tmp"))
        os.rename(os.path.join(mount, "..data_tmp"), os.path.join(mount, "..data"))

    proxy = env.proxy(start=False)
    proxy.config["flags"]["file"] = os.path.join(mount, "flags.yaml")
    proxy.write_config()
    publish(1)
    os.symlink("..data/flags.yaml", os.path.join(mount, "flags.yaml"))
    proxy.start()
    for version in (2, 3, 4):
        publish(version)
        # Sooner than the poll of five seconds would see it.
        wait_until(lambda: proxy.status()["flags"]["version"] == version, 3, "version %d" % version)


def test_a_restart_resumes_where_it_was(env):
    env.tables(TABLE)
    env.needs_proxy()
    proxy = env.proxy()
    env.new.kill()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(50):
            cursor.execute("INSERT INTO t VALUES (%s, 0)", (n,))
            cursor.execute("UPDATE t SET v = v + 1 WHERE id = %s", (n // 2,))
    proxy.kill()
    env.new.restart()
    proxy.start()
    env.assert_equal(rows_min=50)
    with env.new.connect(database="crossfade") as session, session.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM ledger")
        assert cursor.fetchone() == (0,), "entries differ in what they did"


def test_two_proxies_share_one_applier(env):
    env.tables(TABLE, "INSERT INTO t VALUES " + ", ".join("(%d, 0)" % n for n in range(10)))
    proxies = [env.proxy(), env.proxy()]
    failures = []

    def work(number):
        try:
            with proxies[number % 2].connect(database="app") as session, session.cursor() as cursor:
                for n in range(100):
                    cursor.execute("UPDATE t SET v = v * 3 %% 1009 + %s WHERE id = %s", (number, (n + number) % 10))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    if env.binary:
        time.sleep(0.3)
        # Whichever of them applies: the other goes on.
        proxies[0].caught_up()
    for thread in threads:
        thread.join()
    assert not failures, failures
    if env.binary:
        proxies[0].kill()
        with proxies[1].connect(database="app") as session, session.cursor() as cursor:
            cursor.execute("UPDATE t SET v = 5000 WHERE id = 0")
    env.assert_equal(proxies[1], rows_min=10)
