"""What the tests of a change of feed share: the command, and clients that write all the time."""

import contextlib
import subprocess
import threading
import time

import pymysql

from log_feed import SENTINEL, execute
from progress import turns, wait_until

T = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40))"
SEED = "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')"
PARENT = "CREATE TABLE parent (id INT PRIMARY KEY, u INT UNIQUE, v INT)"
CHILD = ("CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id) "
         "ON DELETE CASCADE ON UPDATE CASCADE)")
COUNTS = "CREATE TABLE counts (id INT PRIMARY KEY, n INT NOT NULL)"
RETRIED = (1205, 1213)


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


def triggers_of_tables(env):
    return env.old.run("SELECT EVENT_OBJECT_TABLE, COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_NAME LIKE 'crossfade%' GROUP BY 1")


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
                    for _ in turns(self.done, 0.01, unless=self.failed):
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


def begin(env, tables=(), **more):
    env.tables(SENTINEL, T, SEED, PARENT, CHILD, COUNTS, *tables)
    proxy = env.proxy(**more)
    env.needs_proxy()
    wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    return proxy


class Switching:
    """A change of feed that is waited for in the background."""

    def __init__(self, env, proxy, to):
        self.to, self.proxy, self.done = to, proxy, []
        self.thread = threading.Thread(target=lambda: self.done.append(switched(env, proxy, to)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.thread.join(120)

    def waits(self):
        """Until it says what for."""
        wait_until(lambda: "(" in self.proxy.status()["feed"]["change"], 30, "a change that waits: %s" % self.proxy.status()["feed"])


def eventually(check, seconds=30):
    until = time.time() + seconds
    while True:
        try:
            return check()
        except (AssertionError, pymysql.MySQLError):
            if time.time() > until:
                raise
            time.sleep(0.5)


@contextlib.contextmanager
def prepared_branch(env, name):
    """An XA transaction that is neither committed nor rolled back, and has no session any more."""
    with env.old.connect(database="app") as session:
        execute(session, "XA START '%s'" % name, "UPDATE t SET v = v + 100 WHERE id = 1", "INSERT INTO t (v) VALUES (77)", "XA END '%s'" % name,
                "XA PREPARE '%s'" % name)
    try:
        yield
    finally:
        with contextlib.suppress(pymysql.MySQLError):
            env.old.run("XA ROLLBACK '%s'" % name)  # another test could do nothing with the table
