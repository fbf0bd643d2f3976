"""Real servers, a real proxy, and what tests ask of them. Everything lives in one throwaway folder and on
loopback; nothing outlives the program."""

import atexit
import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

import pymysql

from relay import Relay
from wire import Connection as Wire
from wire import Err

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVERS = os.path.join(ROOT, "scripts", "servers")
APP, APP_PASSWORD = "app", "app secret"
CONTROL, CONTROL_PASSWORD = "crossfade", "control secret"
STARTED = time.time()


def say(text):
    print("[%ds] %s" % (time.time() - STARTED, text), flush=True)


def script(*arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("%s: exit code %d: %s%s" % (" ".join(arguments), done.returncode, done.stdout, done.stderr))
    return done.stdout.strip()


_used_ports = set()


def free_port():
    while True:
        port = int(script(SERVERS, "port"))
        if port not in _used_ports:
            _used_ports.add(port)
            return port


class Timeout(AssertionError):
    pass


class Broken(AssertionError):
    """Data that differ, or a proxy that ended: once is too often, whatever a second run says."""


def wait_until(condition, deadline=20, what=None, pause=0.05):
    """Returns the first true value of `condition`; exceptions of the network count as "not yet"."""
    end = time.monotonic() + deadline
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, pymysql.MySQLError, urllib.error.URLError, Err) as error:
            last = error
        if time.monotonic() > end:
            raise Timeout("not within %s s: %s (last: %r)" % (deadline, what or condition, last))
        time.sleep(pause)


def tail(path, lines):
    try:
        with open(path, errors="replace") as text:
            return "".join(text.readlines()[-lines:])
    except OSError:
        return ""


class Database:
    """One server; its data folder and port stay the same over restarts."""

    def __init__(self, kind, directory, options=()):
        self.kind, self.directory, self.options = kind, directory, list(options)
        self.port, self.pid, self.unstartable = free_port(), None, ""
        script(SERVERS, "init", kind, directory)

    def start(self):
        self.pid = int(script(SERVERS, "start", self.kind, self.directory, str(self.port), *self.options))

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


# What both sides hold, row by row.

def tables_of(database, schema):
    rows = database.run("SELECT table_name FROM information_schema.tables WHERE table_schema = '%s' AND "
                        "table_type = 'BASE TABLE'" % schema)
    return sorted(row[0] for row in rows)


def columns_of(database, schema, table):
    return database.run("SELECT column_name, data_type, column_key FROM information_schema.columns WHERE "
                        "table_schema = '%s' AND table_name = '%s' ORDER BY ordinal_position" % (schema, table))


def table_rows(database, schema, table, columns, json_columns):
    """{primary key: row}, all as text; JSON as its value. Without a primary key every row is its own key."""
    keys = [i for i, (_, _, key) in enumerate(columns) if key == "PRI"] or range(len(columns))
    with database.connect(conv={}) as session, session.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute("SELECT %s FROM `%s`.`%s`" % (", ".join("`%s`" % c[0] for c in columns), schema, table))
        rows = {}
        for row in cursor.fetchall():
            row = tuple(json.dumps(json.loads(cell), sort_keys=True) if i in json_columns and cell is not None else cell
                        for i, cell in enumerate(row))
            key = tuple(row[i] for i in keys)
            while key in rows:
                key += ("again",)
            rows[key] = row
        return rows


def compare_databases(one, two, schemas, differences_max=10):
    """Differences as readable lines, and the number of rows compared."""
    differences, count = [], 0
    for schema in schemas:
        tables = tables_of(one, schema)
        if tables != tables_of(two, schema):
            differences.append("%s: tables differ: %s, %s" % (schema, tables, tables_of(two, schema)))
        for table in tables:
            columns = columns_of(one, schema, table)
            kinds = [{c[0]: c[1] for c in columns_of(side, schema, table)} for side in (one, two)]
            json_columns = {i for i, c in enumerate(columns) if any(str(k.get(c[0])).lower() == "json" for k in kinds)}
            left = table_rows(one, schema, table, columns, json_columns)
            right = table_rows(two, schema, table, columns, json_columns)
            count += len(left)
            for key in sorted(set(left) | set(right), key=repr):
                if left.get(key) != right.get(key):
                    differences.append("%s.%s %s: %s / %s" % (schema, table, key, left.get(key), right.get(key)))
    if len(differences) > differences_max:
        differences[differences_max:] = ["... and %d more" % (len(differences) - differences_max)]
    return differences, count


# The proxy.

def to_yaml(value, indent=0):
    """Block style, every string that is not plainly a word or a quantity in quotes."""
    pad = "  " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append("%s%s:%s" % (pad, key, "\n" + to_yaml(item, indent + 1) if item else " {}"))
        elif isinstance(item, list):
            lines.append("%s%s:" % (pad, key) if item else "%s%s: []" % (pad, key))
            for element in item:
                if isinstance(element, dict):
                    inner = to_yaml(element, indent + 2)
                    lines.append("%s  -%s" % (pad, inner[len(pad) + 3:]))
                else:
                    lines.append("%s  - %s" % (pad, scalar(element)))
        else:
            lines.append("%s%s: %s" % (pad, key, scalar(item)))
    return "\n".join(lines)


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if re.fullmatch(r"\d+(ms|s|m|h|B|KiB|MiB|GiB)", value):
        return value
    return json.dumps(value)


def merge(base, changes):
    result = dict(base)
    for key, value in changes.items():
        result[key] = merge(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


FLAGS = {"version": 1, "dual_write": {"enabled": True, "ack": "leader"}, "shadow_read": {"percent": 0},
         "read_from_new": {"percent": 0, "by": "session"}, "freeze_writes": False, "kill_switch": False}


class Proxy:
    """One crossfade process on fixed ports. `config` and `flags` are merged over the defaults."""

    def __init__(self, binary, directory, servers, config=None, flags=None, old_port=None, new_port=None):
        self.binary, self.directory = binary, directory
        self.port, self.admin_port = free_port(), free_port()
        self.process, self.starts = None, 0
        self.config_file = os.path.join(directory, "crossfade.yaml")
        self.flags_file = os.path.join(directory, "flags.yaml")
        self.log_file = os.path.join(directory, "crossfade.log")
        os.makedirs(directory, exist_ok=True)
        self.flags = merge(FLAGS, flags or {})
        self.config = merge({
            "listen": [{"address": "127.0.0.1:%d" % self.port}],
            "admin": {"address": "127.0.0.1:%d" % self.admin_port},
            "state_dir": os.path.join(directory, "state"),
            "backends": {"old": {"address": "127.0.0.1:%d" % (old_port or servers.old.port)},
                         "new": {"address": "127.0.0.1:%d" % (new_port or servers.new.port)}},
            "control": {"schema": "crossfade", "old": {"user": CONTROL, "password": CONTROL_PASSWORD},
                        "new": {"user": CONTROL, "password": CONTROL_PASSWORD}},
            "users": [{"name": APP, "password": APP_PASSWORD}],
            "flags": {"file": self.flags_file}}, config or {})
        self.write_config()
        self.set_flags(wait=False)

    def write_config(self):
        with open(self.config_file, "w") as out:
            out.write(to_yaml(self.config) + "\n")

    def start(self, ready=True, deadline=30):
        self.starts += 1
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--config", self.config_file], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory)
        atexit.register(self.kill)
        wait_until(lambda: self.died() or self.get("/liveness"), deadline, "the proxy's liveness")
        if ready:
            wait_until(lambda: self.died() or self.get("/readiness"), deadline, "the proxy's readiness")
        return self

    def died(self):
        code = self.process.poll()
        if code is not None:
            raise Broken("the proxy ended with exit code %s; log:\n%s" % (code, self.log_tail()))
        return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, deadline=30):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(deadline)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_tail(self, lines=40):
        return tail(self.log_file, lines)

    # Admin.

    def get(self, path, token=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.admin_port, path))
        if token:
            request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.get("/status"))

    def report(self):
        return json.loads(self.get("/report"))

    def metric(self, name, **labels):
        """Sum of a metric over the samples that have these labels."""
        total, found = 0.0, False
        for line in self.get("/metrics").splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name and all('%s="%s"' % pair in (match[2] or "") for pair in labels.items()):
                total, found = total + float(match[3]), True
        if not found:
            raise AssertionError("no metric %s %s" % (name, labels))
        return total

    def caught_up(self, deadline=60):
        try:
            return wait_until(lambda: not self.died() and self.status()["caught_up"] is True, deadline, "caught_up")
        except Timeout as error:
            raise Timeout("%s; status: %s" % (error, self.get("/status"))) from None

    def set_flags(self, wait=True, **changes):
        """Changes flags as an operator's tool would (atomic rename), with the next version."""
        self.flags = merge(self.flags, dict(changes, version=self.flags["version"] + (1 if changes else 0)))
        self.write_flags(to_yaml(self.flags) + "\n")
        if wait:
            wait_until(lambda: not self.died() and self.status()["flags"]["version"] == self.flags["version"], 10, "the new flags")

    def write_flags(self, text):
        with open(self.flags_file + ".part", "w") as out:
            out.write(text)
        os.rename(self.flags_file + ".part", self.flags_file)

    # Clients.

    def connect(self, user=APP, password=APP_PASSWORD, **more):
        options = {"autocommit": True, "charset": "utf8mb4", "connect_timeout": 10, "read_timeout": 60}
        options.update(more)
        return pymysql.connect(host="127.0.0.1", port=self.port, user=user, password=password, **options)

    def wire(self, user=APP, password=APP_PASSWORD, **more):
        return Wire("127.0.0.1", self.port, user, password, **more)

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024


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

    def __init__(self, servers, binary, directory, name):
        # Without a binary the tests run directly against `old`.
        self.servers, self.binary, self.directory, self.name = servers, binary, directory, name
        self.old, self.new = servers.old, servers.new
        self.schema = "app"
        self.proxies, self.relays = [], []
        servers.start_missing()
        servers.run("DROP DATABASE IF EXISTS crossfade", "DROP DATABASE IF EXISTS app", "DROP DATABASE IF EXISTS app_direct",
                    "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")

    def tables(self, *statements):
        """Runs DDL or seed data in the schema, on both servers."""
        self.servers.run("SET time_zone = '+00:00'", *statements, database=self.schema)

    def proxy(self, config=None, flags=None, start=True, ready=True, **more):
        if not self.binary:
            if flags or not start:
                raise Skip("needs the proxy")
            return Direct(self.old)
        proxy = Proxy(self.binary, os.path.join(self.directory, "%s-%d" % (self.name, len(self.proxies))), self.servers,
                      config, flags, **more)
        self.proxies.append(proxy)
        if start:
            proxy.start(ready)
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
        differences, count = compare_databases(self.old, self.new, [self.schema])
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


def throwaway_directory():
    path = tempfile.mkdtemp(prefix="crossfade-test-")
    atexit.register(shutil.rmtree, path, True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    return path


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
