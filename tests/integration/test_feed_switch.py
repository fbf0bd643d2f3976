"""The other feed takes over while clients write: nothing is lost, nothing is applied twice, and nothing stops."""

import contextlib
import random
import subprocess
import threading
import time

import pymysql

from harness import BOTH_ROLES
from log_feed import SENTINEL, assert_followed, execute, is_stopped, start, through
from progress import wait_until

ROLES, FEEDS = BOTH_ROLES, ("either",)

T = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40))"
SEED = "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')"
PARENT = "CREATE TABLE parent (id INT PRIMARY KEY, u INT UNIQUE, v INT)"
CHILD = ("CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id) "
         "ON DELETE CASCADE ON UPDATE CASCADE)")
COUNTS = "CREATE TABLE counts (id INT PRIMARY KEY, n INT NOT NULL)"
RETRIED = (1205, 1213)
FAULT = "CROSSFADE_TEST_FAULT"


def switch(env, proxy, to, wanted=0):
    done = subprocess.run([env.binary, "feed", "switch", to, "--config", proxy.config_file], capture_output=True, text=True, timeout=100)
    assert done.returncode == wanted, (done.stdout, done.stderr, proxy.log_tail())
    return done.stdout + done.stderr


def switched(env, proxy, to):
    done = subprocess.run([env.binary, "feed", "switch", to, "--config", proxy.config_file], capture_output=True, text=True, timeout=100)
    return done.returncode == 0


def kind(proxy):
    return proxy.status()["feed"]["kind"]


def triggers_left(env):
    return env.old.run("SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_NAME LIKE 'crossfade%'")[0][0]


def control_tables_left(env):
    return env.old.run("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'crossfade' AND TABLE_NAME IN "
                       "('changes', 'captured')")[0][0]


def anchor(env):
    return env.old.run("SELECT `file`, `change` FROM crossfade.anchor")[0]


class Writers:
    """Four sessions: transactions over several tables, cascades, upserts, deletes. A proxy that is gone is waited for."""

    def __init__(self, endpoints, patient=False):
        self.endpoints, self.patient = endpoints, patient
        self.done, self.failed, self.written = threading.Event(), [], [0] * 4
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(4)]

    def write(self, session, number, n):
        key = number * 1000000 + n
        execute(session, "BEGIN", "INSERT INTO parent VALUES (%d, %d, %d)" % (key, key, n),
                "INSERT INTO child (p, v) VALUES (%d, 1), (%d, 2)" % (key, key), "UPDATE t SET v = v + 1 WHERE id = %d" % (n % 3 + 1),
                "INSERT INTO counts (id, n) VALUES (%d, 1) ON DUPLICATE KEY UPDATE n = n + 1" % (n % 20), "COMMIT")
        if n % 3 == 0:
            execute(session, "UPDATE parent SET id = id + 500000 WHERE id = %d" % (key - 2))
        if n % 4 == 0:
            execute(session, "DELETE FROM parent WHERE id = %d" % (key - 3))
        if n % 7 == 0:
            execute(session, "BEGIN", "DELETE FROM parent WHERE id = %d" % (key - 1), "ROLLBACK")
        self.written[number] += 1

    def work(self, number):
        n = 10
        while not self.done.is_set() and not self.failed:
            try:
                with self.endpoints[number % len(self.endpoints)].connect(database="app") as session:
                    while not self.done.is_set() and not self.failed:
                        n += 1
                        try:
                            self.write(session, number, n)
                        except pymysql.MySQLError as error:
                            if error.args[0] not in RETRIED:
                                raise
                            execute(session, "ROLLBACK")
            except Exception as error:
                if not self.patient:
                    self.failed.append(error)
                time.sleep(0.1)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.done.set()
        for thread in self.threads:
            thread.join(60)

    def go_on(self, count=5):
        before = list(self.written)
        wait_until(lambda: self.failed or all(now >= then + count for now, then in zip(self.written, before)), 60, "writes of all four")
        assert not self.failed, self.failed


def begin(env, **more):
    env.tables(SENTINEL, T, SEED, PARENT, CHILD, COUNTS)
    proxy = env.proxy(**more)
    env.needs_proxy()
    wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    return proxy


def test_there_and_back_while_clients_write(env):
    proxy = begin(env)
    with Writers([proxy]) as writers:
        writers.go_on()
        assert "trigger since changes." in switch(env, proxy, "trigger")
        assert kind(proxy) == "trigger", proxy.status()["feed"]
        writers.go_on()
        through(proxy, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2",
                "CREATE TABLE fresh (id INT PRIMARY KEY, w VARCHAR(20))", "INSERT INTO fresh VALUES (1, 'x')")
        writers.go_on()
        assert "log since" in switch(env, proxy, "log")
        assert kind(proxy) == "log", proxy.status()["feed"]
        through(proxy, "UPDATE fresh SET w = 'y'", "ALTER TABLE t DROP COLUMN s")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, proxy, rows_min=50)
    wait_until(lambda: triggers_left(env) == 0 and control_tables_left(env) == 0, 30, "no trigger, and no table of theirs")
    # Nobody needs them any more.
    env.old.run("UPDATE t SET v = v * 2", "INSERT INTO fresh VALUES (2, 'past')", database="app")
    assert_followed(env, proxy, rows_min=50)


def test_ten_times_under_load_with_schema_changes(env):
    proxy = begin(env)
    draw = random.Random(7)
    stop, failed = threading.Event(), []

    def alter():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                through(proxy, "ALTER TABLE counts ADD COLUMN c%d INT DEFAULT %d" % (n, n), "ALTER TABLE counts DROP COLUMN c%d" % n,
                        "CREATE TABLE made%d (id INT PRIMARY KEY, v INT)" % n, "INSERT INTO made%d VALUES (1, %d)" % (n, n))
            except Exception as error:
                failed.append(error)
                return
            time.sleep(draw.random())

    thread = threading.Thread(target=alter)
    with Writers([proxy, env.old]) as writers:
        thread.start()
        try:
            for to in ("trigger", "log") * 5:
                # Definitions that are read while they change may stop a table for a moment, under either feed.
                wait_until(lambda: not proxy.status()["applier"]["parked"] and switched(env, proxy, to), 90, "feed " + to)
                time.sleep(draw.random())
        finally:
            stop.set()
            thread.join(60)
        writers.go_on()
    assert not writers.failed and not failed, (writers.failed, failed)
    assert_followed(env, proxy, rows_min=100)


def test_what_is_written_past_the_proxy_follows_either_feed(env):
    proxy = begin(env)
    env.old.run("UPDATE t SET v = 10", database="app")
    switch(env, proxy, "trigger")
    env.old.run("UPDATE t SET v = v + 1", "INSERT INTO t (v) VALUES (8)", database="app")
    assert_followed(env, proxy, rows_min=4)
    wait_until(lambda: env.old.run("SELECT COUNT(*) FROM crossfade.changes")[0][0] == 0, 10, "an empty table of changes")


def test_both_have_it_when_the_client_is_told_during_a_switch(env):
    proxy = begin(env, flags={"dual_write": {"ack": "both"}})
    stale, stop = [], threading.Event()

    def work():
        with proxy.connect(database="app") as session, env.new.connect(database="app") as follower:
            n = 100
            while not stop.is_set():
                n += 1
                execute(session, "UPDATE t SET v = %d WHERE id = 1" % n)
                found = execute(follower, "SELECT v FROM t WHERE id = 1")[0][0]
                if found != n:
                    stale.append((n, found))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for to in ("trigger", "log", "trigger"):
            switch(env, proxy, to)
            time.sleep(0.5)
    finally:
        stop.set()
        thread.join(60)
    assert not stale, stale
    assert_followed(env, proxy, rows_min=3)


def test_a_stand_by_comes_along(env):
    first = begin(env)
    second = env.proxy(flags={"dual_write": {"ack": "both"}})
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 20, "the second proxy's standing by")
    assert "ask that one" in switch(env, second, "trigger", wanted=1)
    with Writers([first, second]) as writers:
        switch(env, first, "trigger")
        wait_until(lambda: kind(second) == "trigger", 10, "the second proxy's feed")
        through(second, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2")
        writers.go_on()
        with second.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(1, 10):
                execute(session, "INSERT INTO counts VALUES (1000, %d) ON DUPLICATE KEY UPDATE n = VALUES(n)" % n)
                assert execute(follower, "SELECT n FROM counts WHERE id = 1000")[0][0] == n
        switch(env, first, "log")
        with second.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(10, 20):
                execute(session, "INSERT INTO counts VALUES (1000, %d) ON DUPLICATE KEY UPDATE n = VALUES(n)" % n)
                assert execute(follower, "SELECT n FROM counts WHERE id = 1000")[0][0] == n
        wait_until(lambda: kind(second) == "log", 10, "the second proxy's feed")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, first, rows_min=20)
    first.kill()
    through(second, "UPDATE t SET v = 1000 WHERE id = 2")
    assert_followed(env, second, rows_min=20)


def killed_at(env, step, to):
    """The process ends at this step of the change; the next one goes on from there."""
    proxy = begin(env, environment={FAULT: "die:%d" % step} if to == "trigger" else {})
    if to == "log":
        switch(env, proxy, "trigger")
        proxy.stop()
        proxy.environment = {FAULT: "die:%d" % step}
        proxy.start()
        wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    with Writers([proxy], patient=True) as writers:
        writers.go_on()
        with contextlib.suppress(AssertionError):
            switch(env, proxy, to)
        wait_until(lambda: not proxy.running(), 10, "the end of the process at step %d" % step)
        at = anchor(env)
        env.old.run("UPDATE t SET v = v + 100", "INSERT INTO t (v) VALUES (%d)" % step, database="app")
        proxy.environment = {}
        proxy.start()
        if to == "log" and at[1] is None and at[0].startswith("changes."):
            switch(env, proxy, to)  # nothing had begun
        wait_until(lambda: kind(proxy) == to and anchor(env)[1] is None, 60, "the change's end: %s" % (at,))
        writers.go_on()
    assert_followed(env, proxy, rows_min=20)
    return at


def test_a_kill_on_the_way_to_triggers(env):
    """Triggers are to be made; sessions announce; the fence is there; the follower is over it; the anchor says so."""
    seen = []
    for step in (1, 2, 3, 4, 5):
        env.reset()
        seen.append(killed_at(env, step, "trigger")[1])
        for proxy in env.proxies:
            proxy.kill()
    assert seen == ["preparing", "announced", "fenced", "fenced", None], seen


def test_a_kill_on_the_way_to_the_log(env):
    seen = []
    for step in (1, 2, 3):
        env.reset()
        seen.append(killed_at(env, step, "log")[1])
        for proxy in env.proxies:
            proxy.kill()
    assert seen == ["fenced", "fenced", None], seen


def test_the_follower_is_away_while_the_feed_changes(env):
    proxy = begin(env)
    with Writers([proxy]) as writers:
        writers.go_on()
        env.new.kill()
        writers.go_on()
        env.new.restart()
        wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 60, "the applier")
        switch(env, proxy, "trigger")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, proxy, rows_min=20)


def test_what_is_refused_says_what_to_do(env):
    proxy = begin(env)
    assert "already" in switch(env, proxy, "log", wanted=1)
    env.new.run("DELETE FROM t WHERE id = 1", database="app")
    through(proxy, "UPDATE t SET v = 5 WHERE id = 1")
    wait_until(lambda: is_stopped(proxy, "t"), 20, "a table that stops")
    assert "app.t is stopped" in switch(env, proxy, "trigger", wanted=1)
    done = subprocess.run([env.binary, "tables", "release", "app.t", "--overwrite", "--config", proxy.config_file], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: not is_stopped(proxy, "t"), 30, "the table that follows again")
    through(proxy, "CREATE TABLE keyless (a INT)")
    assert "app.keyless" in switch(env, proxy, "trigger", wanted=1)
    assert kind(proxy) == "log" and anchor(env)[1] is None, proxy.status()["feed"]
    wait_until(lambda: triggers_left(env) == 0, 30, "no trigger of what was given up")
    through(proxy, "DROP TABLE keyless")
    proxy.set_flags(dual_write={"enabled": False})
    wait_until(lambda: "paused" in proxy.status()["applier"]["state"], 20, "a pause")
    assert "dual_write is off" in switch(env, proxy, "trigger", wanted=1)


def test_an_open_transaction_is_waited_for_and_then_it_stays(env):
    proxy = begin(env)
    switch(env, proxy, "trigger")
    holder = env.old.connect(database="app", autocommit=False)
    execute(holder, "UPDATE t SET v = 50 WHERE id = 1")
    told = switch(env, proxy, "log", wanted=1)
    assert "transaction is open" in told and kind(proxy) == "trigger", told
    holder.commit()
    holder.close()
    assert_followed(env, proxy, rows_min=3)
    switch(env, proxy, "log")
    assert_followed(env, proxy, rows_min=3)


def test_a_configuration_that_names_a_feed(env):
    proxy = start(env, T, SEED, feed="log")
    env.needs_proxy()
    wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    assert "set auto" in switch(env, proxy, "trigger", wanted=1)
