"""What comes before and behind the rows of a copy: indexes that are built last, orphans, another proxy that takes over."""

import os
import shutil
import subprocess
import tempfile
import types

import pymysql

from backfill import backfill, copies, job, over, state_of
from harness import ALL_FEEDS, BOTH_ROLES, Skip, feeds
from log_feed import execute, through
from progress import wait_until
from proxy_process import Proxy
from servers import Database, make_accounts

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

T = ("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0, s VARCHAR(100) NOT NULL DEFAULT '', KEY by_v (v), "
     "KEY `by``s` (s(10), v), UNIQUE KEY u (id, v))")


def rows_on_old(env, count):
    for at in range(0, count, 1000):
        env.old.run("INSERT INTO t (id, v, s) VALUES %s" % ", ".join("(%d, %d, 'row %d')" % (n, n % 7, n) for n in range(at, at + 1000)),
                    database="app")


def indexes(server):
    return sorted({row[2] for row in server.run("SHOW INDEX FROM app.t")})


ALL, KEPT = ["PRIMARY", "by_v", "by`s", "u"], ["PRIMARY", "u"]


def slowly(env, proxy, *more):
    def begun():
        code, said = backfill(proxy, "start", "--defer-indexes", "--detach", "--max-rows-per-second", "2000", "--chunk-time", "20ms", *more)
        # The server shows an index a moment before the last copy knows that it is built.
        assert code == 0 or "still being built" in said, said
        return code == 0

    wait_until(begun, 20, "the beginning of a copy")
    wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
    assert indexes(env.new) == KEPT, indexes(env.new)


def test_indexes_are_built_last_and_no_kill_loses_one(env):
    env.needs_proxy()
    env.tables(T)
    rows_on_old(env, 5000)
    proxy = env.proxy()
    slowly(env, proxy)
    proxy.kill()
    proxy.start(ready=False)
    wait_until(lambda: proxy.connect().close() is None, 30, "the way in")
    through(proxy, "UPDATE t SET v = v + 1 WHERE id % 3 = 0", "DELETE FROM t WHERE id % 10 = 0")
    # Whoever has read the table keeps its definition until the transaction ends.
    with env.new.connect(database="app", autocommit=False) as reader:
        execute(reader, "SELECT COUNT(*) FROM t WHERE id = 1")
        wait_until(lambda: state_of(proxy, "t")["state"] == "indexing", 60, "the indexes' turn: %s" % proxy.get("/jobs/backfill"))
        assert proxy.status()["caught_up"] is False
        proxy.kill()
        proxy.start(ready=False)
        wait_until(lambda: state_of(proxy, "t")["state"] == "indexing", 60, "the indexes' turn, in another process")
        reader.rollback()
    status = over(proxy)
    assert status["state"] == "done", status
    assert indexes(env.new) == ALL, indexes(env.new)
    env.assert_equal(proxy, rows_min=4000)
    through(proxy, "UPDATE t SET v = v + 1")
    env.assert_equal(proxy, rows_min=4000)
    assert proxy.status()["applier"]["parked"] == []


def test_a_copy_that_is_cancelled_or_fails_has_its_indexes(env):
    env.needs_proxy()
    env.tables(T)
    rows_on_old(env, 5000)
    proxy = env.proxy()
    slowly(env, proxy)
    assert backfill(proxy, "cancel")[0] == 0
    wait_until(lambda: indexes(env.new) == ALL, 30, "the indexes of a cancelled copy: %s" % indexes(env.new))
    slowly(env, proxy, "--replace")
    env.new.run("ALTER TABLE t ADD CONSTRAINT none CHECK (id < 4000)", database="app")
    assert over(proxy)["state"] == "failed", job(proxy)
    assert indexes(env.new) == ALL, indexes(env.new)
    env.new.run("ALTER TABLE t DROP CONSTRAINT none", database="app")
    copies(proxy, "--replace", "--defer-indexes")
    assert indexes(env.new) == ALL, indexes(env.new)
    env.assert_equal(proxy, rows_min=5000)


def test_tables_that_waited_for_a_cancelled_copy_are_told_of(env):
    env.needs_proxy()
    env.tables(T, "CREATE TABLE later (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES t (id))")
    rows_on_old(env, 5000)
    env.old.run("INSERT INTO later VALUES (1, 1)", database="app")
    proxy = env.proxy()
    assert backfill(proxy, "start", "--detach", "--max-rows-per-second", "1000", "--chunk-time", "20ms")[0] == 0
    wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
    assert state_of(proxy, "later")["state"] == "waiting", job(proxy)
    assert backfill(proxy, "cancel")[0] == 0
    stopped = proxy.status()["applier"]["parked"]
    assert [each["tables"] for each in stopped] == ["app.later"] and "cancelled before its turn" in stopped[0]["error"], stopped
    copies(proxy, "--resume")
    env.assert_equal(proxy, rows_min=5001)


def test_rows_that_refer_to_none_are_counted(env):
    env.needs_proxy()
    env.tables("CREATE TABLE parent (id INT PRIMARY KEY)",
               "CREATE TABLE child (id INT PRIMARY KEY, up INT NULL, CONSTRAINT to_parent FOREIGN KEY (up) REFERENCES parent (id))")
    env.old.run("INSERT INTO parent VALUES (1)", "SET foreign_key_checks = 0", "INSERT INTO child VALUES (1, 1), (2, 77), (3, NULL), (4, 78)",
                database="app")
    proxy = env.proxy()
    code, said = backfill(proxy, "start")
    assert code == 4 and "completed with 2 orphans" in said and "app.child, foreign key to_parent: 2" in said, (code, said)
    env.assert_equal(proxy, rows_min=5)
    assert backfill(proxy, "status")[0] == 4
    env.old.run("INSERT INTO parent VALUES (77), (78)", database="app")
    proxy.caught_up()
    copies(proxy, "--replace")


def test_another_proxy_goes_on(env):
    env.needs_proxy()
    env.tables(T)
    rows_on_old(env, 5000)
    first = env.proxy()
    second = env.proxy()
    code, said = backfill(first, "start", "--detach", "--max-rows-per-second", "1500", "--chunk-time", "20ms")
    assert code == 0, said
    wait_until(lambda: state_of(first, "t").get("rows", 0) > 0, 30, "the first rows")
    rows = state_of(first, "t")["rows"]
    first.kill()
    through(second, "UPDATE t SET v = v + 1 WHERE id % 3 = 0", "DELETE FROM t WHERE id % 10 = 0")
    wait_until(lambda: state_of(second, "t").get("rows", 0) > rows, 60, "more rows: %s" % second.get("/jobs/backfill"))
    assert over(second)["state"] == "done", job(second)
    env.assert_equal(second, rows_min=4000)
    assert second.status()["applier"]["parked"] == []


def test_connections_that_are_killed_in_mid_chunk(env):
    """The server is well, so that the feed begins again at once, while chunks that were read before are still known."""
    env.needs_proxy()
    env.tables(T)
    rows_on_old(env, 80000)
    proxy = env.proxy()
    code, said = backfill(proxy, "start", "--detach", "--chunk-time", "30ms", "--parallel", "4", "--max-lag", "1m")
    assert code == 0, said
    killed = 0
    with env.new.connect() as session:
        while state_of(proxy, "t")["state"] in ("none", "waiting", "copying") and killed < 15:
            running = execute(session, "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO `app`.`t`%'")
            for each in running[:1]:
                try:
                    execute(session, "KILL %d" % each[0])
                    killed += 1
                except pymysql.MySQLError as error:
                    assert error.args[0] == 1094, error  # it is gone by itself
    assert killed >= 2, killed
    assert over(proxy)["state"] == "done", job(proxy)
    env.assert_equal(proxy, rows_min=80000)


@feeds("log")
def test_a_full_disk_of_the_follower_is_waited_for(env):
    env.needs_proxy()
    env.tables(T)
    rows_on_old(env, 60000)
    where = tempfile.mkdtemp(prefix="small-", dir=env.directory)  # a socket's path may not be long
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "none", where], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("a small disk cannot be mounted here")
    new = None
    try:
        logs = where + "-logs"
        os.makedirs(logs)
        # A log that finds no room ends the server, and so may a redo log that grows.
        redo = "--innodb-redo-log-capacity=8M" if env.new.kind == "mysql" else "--innodb-log-file-size=8M"
        options = ["--log-bin=%s/bin" % logs, "--innodb-buffer-pool-size=32M", redo]
        new = Database(env.new.kind, os.path.join(where, "data"), options)
        new.start()
        make_accounts(new)
        new.run("CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        new.run(T, database="app")
        proxy = Proxy(env.binary, os.path.join(env.directory, env.name + "-full"), types.SimpleNamespace(old=env.old, new=new),
                      {"dual_write": {"feed": env.feed}}).start()
        env.proxies.append(proxy)
        filler = os.path.join(where, "filler")
        with open(filler, "wb") as out:
            out.write(b"x" * (shutil.disk_usage(where).free - (3 << 20)))
        code, said = backfill(proxy, "start", "--detach", "--chunk-time", "50ms")
        assert code == 0, said
        # The server may say so, or end.
        wait_until(lambda: "1114" in proxy.get("/status") or new.own_fault(), 60, "the full disk: %s" % proxy.get("/jobs/backfill"), 0.05)
        assert job(proxy)["state"] in ("running", "unknown"), job(proxy)
        assert state_of(proxy, "t")["state"] in ("copying", "none"), job(proxy)
        os.remove(filler)
        new.restart_if_gone()
        assert over(proxy)["state"] == "done", job(proxy)
        proxy.caught_up()
        sums = [server.run("SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#', id, v, s))) FROM app.t") for server in (env.old, new)]
        assert sums[0] == sums[1] and sums[0][0][0] == 60000, sums
    finally:
        for each in env.proxies:
            each.kill()
        if new:
            new.kill()
        subprocess.run(["umount", "-l", where], check=False)
