"""Real servers, MariaDB and MySQL, on loopback."""

import atexit
import contextlib
import copy
import os
import signal
import subprocess

import pymysql

from machine import ROOT, SERVERS, free_port, script, tail
from progress import say, wait_until
from wire import Connection as Wire

# What each feed needs of a server, by make. A row log says names and signs of columns (FULL), and nothing of it is sent
# before it is durable (sync_binlog=1).
FEED_OPTIONS = {
    "log": {"mariadb": ["--log-bin=bin", "--max-binlog-size=32M", "--binlog-format=ROW", "--binlog-row-metadata=FULL",
                        "--sync-binlog=1",
                        "--innodb-flush-log-at-trx-commit=1", "--log-bin-trust-function-creators=1"],
            "mysql": ["--max-binlog-size=32M", "--binlog-row-metadata=FULL", "--log-bin-trust-function-creators=1"]},
    # A leader without a row log, as MariaDB is by default.
    "trigger": {"mariadb": ["--innodb-flush-log-at-trx-commit=1"], "mysql": ["--skip-log-bin", "--innodb-native-foreign-keys=ON"]},
}

# A leader that either feed can follow.
FEED_OPTIONS["either"] = {"mariadb": FEED_OPTIONS["log"]["mariadb"],
                          "mysql": FEED_OPTIONS["log"]["mysql"] + ["--innodb-native-foreign-keys=ON"]}

APP, APP_PASSWORD = "app", "app secret"
CONTROL, CONTROL_PASSWORD = "crossfade", "control secret"


class Database:
    """One server; its data folder and port stay the same over restarts."""

    def __init__(self, kind, directory, options=()):
        self.kind, self.directory, self.options = kind, directory, list(options)
        self.port, self.pid, self.unstartable, self.feed = free_port(), None, "", "log"
        script(SERVERS, "init", kind, directory)

    def start(self):
        # Two servers of one migration are told apart by their ids. The lowest byte stays small: UUID_SHORT() begins with it, as a signed number.
        options = FEED_OPTIONS[self.feed][self.kind] + ["--server-id=%d" % (self.port << 8 | 1)] + self.options
        self.pid = int(script(SERVERS, "start", self.kind, self.directory, str(self.port), *options))

    def use_feed(self, feed):
        """Restarts the server with what the feed needs, where it does not run with that."""
        if self.feed != feed:
            self.stop()
            self.feed = feed
            self.restart()

    @contextlib.contextmanager
    def started_with(self, *options):
        """Restarts the server with these, too, the last of which count; then as it was."""
        before = self.options
        self.stop()
        self.options = before + list(options)
        self.restart()
        try:
            yield
        finally:
            self.stop()
            self.options = before
            self.restart()

    def kill(self):
        """kill -9, and waits until nothing of the process is left that holds its port and files."""
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            wait_until(lambda: not self._lives(), 20, "the end of the killed server", 0.01)
            self.pid = None

    def _lives(self):
        # The first thread of a killed process can be gone while others still hold the sockets.
        try:
            threads = os.listdir("/proc/%d/task" % self.pid)
            with open("/proc/%d/stat" % self.pid) as stat:
                return len(threads) > 1 or stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def restart(self):
        if self.pid is None:
            self.unstartable = ""
            try:
                self.start()
            except RuntimeError as error:
                self.unstartable = str(error)
                raise

    def own_fault(self):
        """What is to be said of a server that ended although nobody stopped it, or that does not start again after a
        kill; else nothing."""
        if self.unstartable:
            return "%s does not start again: %s" % (self.kind, self.unstartable)
        if self.pid and not self._lives():
            return "%s ended by itself; its log ends with\n%s" % (self.kind, self.log_tail())
        return ""

    def restart_if_gone(self):
        if self.pid and not self._lives():
            say(self.own_fault())
            self.pid = None
        self.restart()

    def log_tail(self):
        lines = tail(self.directory + ".log", 1000).splitlines(True)
        return "".join([line for line in lines if "Aborted connection" not in line][-100:])

    def stop(self):
        if self.pid:
            script(SERVERS, "stop", str(self.pid))
            self.pid = None

    def connect(self, user="root", password="", **more):
        options = {"autocommit": True, "charset": "utf8mb4", "connect_timeout": 10, "read_timeout": 60}
        options.update(more)
        return pymysql.connect(host="127.0.0.1", port=self.port, user=user, password=password, **options)

    def run(self, *statements, database=None):
        """Runs statements as root; the rows of the last."""
        with self.connect(database=database) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def wire(self, user=APP, password=APP_PASSWORD, **more):
        more.setdefault("plugin", "caching_sha2_password" if self.kind == "mysql" else "mysql_native_password")
        return Wire("127.0.0.1", self.port, user, password, **more)


class Servers:
    """Two servers as `old` and `new`, of the makes named; a second MariaDB stands in where MySQL 9 cannot be had."""

    def __init__(self, directory, old_options=(), new_options=(), old_kind="mariadb", new_kind="mysql"):
        self.has_mysql = subprocess.run([os.path.join(ROOT, "scripts", "mysql9"), "path"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL).returncode == 0
        old_kind, new_kind = (kind if self.has_mysql else "mariadb" for kind in (old_kind, new_kind))
        os.makedirs(directory, exist_ok=True)
        self.old = Database(old_kind, os.path.join(directory, "old"), old_options)
        self.new = Database(new_kind, os.path.join(directory, "new"), new_options)
        self.both = (self.old, self.new)
        atexit.register(self.kill)
        for database in self.both:
            database.start()
            make_accounts(database)

    def in_roles(self, name):
        """The same two servers with `old` and `new` as `name` wants them."""
        view = copy.copy(self)
        if "%s-%s" % (view.old.kind, view.new.kind) != name:
            view.old, view.new = view.new, view.old
            view.both = (view.old, view.new)
        return view

    def use_feed(self, feed):
        for database in self.both:
            database.use_feed(feed)

    def kill(self):
        for database in self.both:
            database.kill()

    def run(self, *statements, database=None):
        for server in self.both:
            server.run(*statements, database=database)

    def assert_alive(self):
        for database in self.both:
            assert not database.own_fault(), "a server is gone"

    def start_missing(self):
        for database in self.both:
            database.restart_if_gone()


def make_accounts(database):
    for user, password, rights in ((APP, APP_PASSWORD, "ALL PRIVILEGES ON `app%`.*"),
                                   (APP, APP_PASSWORD, "ALL PRIVILEGES ON `shop`.*"),
                                   (CONTROL, CONTROL_PASSWORD, "ALL PRIVILEGES ON *.*")):
        database.run("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY '%s'" % (user, password),
                     "GRANT %s TO %s@'%%'%s" % (rights, user, " WITH GRANT OPTION" if user == CONTROL else ""))
