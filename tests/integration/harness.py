"""What a test gets and how it is run: roles and feeds that it asks for, servers and proxies of its own, and the verdict.
Everything lives in one throwaway folder and on loopback; nothing outlives the program."""

import os
import time
import traceback

import pymysql

from comparing import compare_databases
from machine import free_port
from proxy_process import Broken, Proxy, merge
from relay import Relay
from servers import APP, APP_PASSWORD
from wire import Err

# Which make is `old` and which is `new`. A test runs in the first of these unless its module has a ROLES of its own
# or the test is marked with @roles(...) or @both_roles.
MARIADB_OLD, MYSQL_OLD = "mariadb-mysql", "mysql-mariadb"
BOTH_ROLES = (MARIADB_OLD, MYSQL_OLD)
DEFAULT_ROLES = (MARIADB_OLD,)


def roles(*names):
    assert set(names) <= set(BOTH_ROLES), names

    def mark(function):
        function.roles = names
        return function
    return mark


both_roles = roles(*BOTH_ROLES)

# Where the proxy gets what the follower has to follow. A test runs under the first of these unless its module has FEEDS
# of its own or the test is marked with @feeds(...).
ALL_FEEDS = ("log", "trigger")
DEFAULT_FEEDS = ("log",)
# Under "either" the leader can be followed by both, and dual_write.feed is `auto`: for tests of a change from one to the other.
LEADERS = ALL_FEEDS + ("either",)


def feeds(*names):
    assert set(names) <= set(LEADERS), names

    def mark(function):
        function.feeds = names
        return function
    return mark


class Direct:
    """Stands in for a proxy to check the tests themselves: clients speak to `old`, what only a proxy has is
    skipped."""

    process = None

    def __init__(self, database):
        self.database, self.port = database, database.port

    def __getattr__(self, name):
        raise Skip("needs the proxy (%s)" % name)

    def connect(self, *arguments, **more):
        return self.database.connect(*(arguments or (APP, APP_PASSWORD)), **more)

    def wire(self, user=APP, password=APP_PASSWORD, **more):
        return self.database.wire(user, password, **more)

    def kill(self):
        pass

    caught_up = kill


class Env:
    """What one test gets: the shared servers, a fresh schema on both, and proxies of its own."""

    def __init__(self, servers, binary, directory, name, feed=DEFAULT_FEEDS[0]):
        # Without a binary the tests run directly against `old`.
        self.servers, self.binary, self.directory, self.name, self.feed = servers, binary, directory, name, feed
        self.old, self.new = servers.old, servers.new
        self.schema = "app"
        self.schemas = [self.schema]  # those that assert_equal compares
        self.proxies, self.relays = [], []
        self.reset()

    def reset(self):
        """As at the beginning of a test: running servers with an empty schema."""
        self.servers.start_missing()
        self.servers.run("DROP DATABASE IF EXISTS crossfade", "DROP DATABASE IF EXISTS app", "DROP DATABASE IF EXISTS app_direct",
                         "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        if self.feed != "trigger":
            self.servers.run("PURGE BINARY LOGS BEFORE NOW()")  # the logs of earlier tests fill the memory they lie in

    def tables(self, *statements):
        """DDL or seed data in the schema, for both servers."""
        self.both("SET time_zone = '+00:00'", *statements, database=self.schema)

    def both(self, *statements, database=None):
        """Runs on both servers what they are to have. While a proxy brings all that the leader does to the follower it
        runs on the leader alone, and is on the follower afterwards."""
        following = [proxy for proxy in self.proxies if proxy.brings_everything()]
        if not following:
            self.servers.run(*statements, database=database)
            return
        self.old.run(*statements, database=database)
        for proxy in following:
            proxy.caught_up()

    def afresh(self, *statements):
        """The schema anew, with these tables and rows, on both servers."""
        self.both("DROP DATABASE IF EXISTS " + self.schema,
                  "CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" % self.schema)
        self.tables(*statements)

    def beside(self, *statements):
        """A schema `app_direct` with these tables, for what is to run on the leader directly; it is duplicated as all
        that the leader does."""
        self.both("CREATE DATABASE app_direct CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        self.both(*statements, database="app_direct")
        self.schemas.append("app_direct")

    def proxy(self, config=None, flags=None, start=True, ready=True, **more):
        if not self.binary:
            if flags or not start:
                raise Skip("needs the proxy")
            return Direct(self.old)
        config = merge({"dual_write": {"feed": "auto" if self.feed == "either" else self.feed}}, config or {})
        proxy = Proxy(self.binary, os.path.join(self.directory, "%s-%d" % (self.name, len(self.proxies))), self.servers,
                      config, flags, **more)
        self.proxies.append(proxy)
        if start:
            proxy.start(ready)
            if ready and proxy.reads_from_new():
                proxy.reads_may_go()
        return proxy

    def needs_proxy(self):
        if not self.binary:
            raise Skip("needs the proxy")

    def relay(self, database, **behaviour):
        relay = Relay(free_port(), database.port, **behaviour)
        self.relays.append(relay)
        return relay

    def assert_equal(self, proxy=None, rows_min=1):
        """Both databases equal, row by row, once the proxy says that it caught up."""
        if not self.binary:
            return
        (proxy or self.proxies[-1]).caught_up()
        differences, count = compare_databases(self.old, self.new, self.schemas)
        if differences:
            raise Broken("databases differ:\n" + "\n".join(differences))
        assert count >= rows_min, "only %d rows to compare" % count

    def close(self, failed):
        for proxy in self.proxies:
            if failed and proxy.process:
                print("--- proxy %s; log of %s\n%s---" % ("running" if proxy.running() else "ended with exit code %s" %
                                                       proxy.process.returncode, proxy.directory, proxy.log_tail()))
            proxy.kill()
        for relay in self.relays:
            relay.stop()


class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


def raises(code, call, *arguments):
    """Calls what must fail with this MySQL error code (or one of several); (code, message)."""
    codes = code if isinstance(code, tuple) else (code,)
    try:
        call(*arguments)
    except pymysql.MySQLError as error:
        found, message = error.args[0], str(error.args[-1])
    except Err as error:
        found, message = error.code, error.message
    else:
        raise AssertionError("no error, expected %s" % (code,))
    assert found in codes, "error %s (%s), expected %s" % (found, message, code)
    return found, message


def run_one(name, function, env):
    """"passed", "skipped", "failed", "broken" (data that differ, or a proxy that died) or "ruined" (a server that died
    by a fault of its own: nothing is known of the proxy)."""
    started = time.monotonic()
    failed = False
    try:
        function(env)
        print("ok   %s (%.1f s)" % (name, time.monotonic() - started), flush=True)
        return "passed"
    except Skip as reason:
        print("skip %s: %s" % (name, reason), flush=True)
        return "skipped"
    except Exception as error:
        failed = True
        faults = [fault for fault in (database.own_fault() for database in env.servers.both) if fault]
        print("%s %s (%.1f s)\n%s" % ("ruined" if faults else "FAIL", name, time.monotonic() - started,
                                      "\n".join(faults) or traceback.format_exc()), flush=True)
        if faults:
            failed = False
            return "ruined"
        crashed = any(proxy.process and proxy.process.poll() not in (None, 0, -9) for proxy in env.proxies)
        return "broken" if isinstance(error, Broken) or crashed else "failed"
    finally:
        env.close(failed)
