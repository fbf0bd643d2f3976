"""MariaDB's own regression tests, run directly and through the proxy: what they record must be the same.

Each test of tests.txt runs in the protocols named there (text, ps, cursor, view) against a leading server directly, and
again through the proxy with both backends, from the same state. The two transcripts (all results, metadata, warnings and
errors) are compared after ports and connection ids were made equal. As the tests make and drop schemas all the time,
`dual_write` is off: the proxy carries everything else a session has.

    /usr/bin/python3 tests/integration/mysqltest/run.py [--binary build/release/crossfade] [--all]
        [--leader mariadb|mysql|both] [--only SUBSTRING] [--keep DIRECTORY] [--protocol text,ps]
"""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402
from harness import ROOT, say  # noqa: E402

DEADLINE = 60
SKIPPED = 62  # the exit code of a test that finds itself not applicable
PROTOCOLS = {"text": [], "ps": ["--ps-protocol"], "cursor": ["--cursor-protocol", "--ps-protocol"],
             "view": ["--view-protocol"], "sp": ["--sp-protocol"]}
ACCOUNTS = ("root", "app", "crossfade", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC", "")
SYSTEM = ("mysql", "information_schema", "performance_schema", "sys", "crossfade")

# What the tests expect of a server (include/default_mysqld.cnf of the package).
MARIADB_OPTIONS = ["--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--local-infile=1",
                   "--log-bin-trust-function-creators=1", "--default-storage-engine=MyISAM", "--key-buffer-size=1M",
                   "--max-heap-table-size=1M", "--sort-buffer-size=256K", "--debug-no-sync", "--plugin-maturity=unknown",
                   "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]
MYSQL_OPTIONS = ["--character-set-server=utf8mb4", "--local-infile=1", "--log-bin-trust-function-creators=1",
                 "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite"]


def read_list(path):
    """[(name, words)] of a file with a name and words on each line, and comments."""
    found = []
    with open(path) as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                found.append((words[0], words[1:]))
    return found


def read_exceptions(path):
    """{(test, leader): reason}: `test leader: reason`."""
    found = {}
    with open(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                head, reason = line.split(":", 1)
                name, leader = head.split()
                assert reason.strip(), line
                found[name, leader] = reason.strip()
    return found


class Suite:
    """The package's files and the folder that the tests write into."""

    def __init__(self, directory):
        package = subprocess.run([os.path.join(ROOT, "scripts", "mariadb-test"), "path"], capture_output=True, text=True)
        self.package = package.stdout.strip() if package.returncode == 0 else None
        if self.package:
            self.tests = os.path.join(self.package, "usr/share/mysql/mysql-test")
            self.driver = os.path.join(self.package, "usr/bin/mariadb-test")
            self.client_test = os.path.join(self.package, "usr/bin/mariadb-client-test")
        # The servers' data lies two folders below: tests reach ../../std_data from there.
        self.var = directory
        if self.package:
            os.symlink(os.path.join(self.tests, "std_data"), os.path.join(self.var, "std_data"))
        self.fresh()

    def fresh(self):
        for folder in ("tmp", "log", "run"):
            shutil.rmtree(os.path.join(self.var, folder), True)
            os.makedirs(os.path.join(self.var, folder))

    def accounts(self):
        """Names that tests log in with, without a password: the proxy lets in only whom it knows."""
        found = {"root"}
        for path in (self.file(name) for name, _ in read_list(os.path.join(HERE, "tests.txt"))):
            with open(path, encoding="latin1") as lines:
                text = lines.read()
            found.update(re.findall(r"connect *\(?\w+ *, *\w+ *, *(\w+) *(?:;|\)|, *(?:,|;|\)))", text))
        return sorted(found)

    def file(self, name):
        suite, test = name.split(".", 1)
        folder = "main" if suite == "main" else os.path.join("suite", suite, "t")
        path = os.path.join(self.tests, folder, test + ".test")
        return path if os.path.exists(path) else os.path.join(self.tests, "suite", suite, test + ".test")

    def expected(self, name):
        path = self.file(name)
        beside = path[:-5] + ".result"
        return beside if os.path.exists(beside) else beside.replace("/t/", "/r/")

    def environment(self, port, datadir):
        client = "mariadb --no-defaults --host=127.0.0.1 --port=%d --user=root " % port
        program = {"MYSQL": client, "MYSQL_DUMP": client.replace("mariadb", "mariadb-dump", 1) + "--debug-check=0 ",
                   "MYSQL_CHECK": client.replace("mariadb", "mariadb-check", 1), "MYSQLADMIN": client.replace("mariadb", "mariadb-admin", 1),
                   "MYSQL_SHOW": client.replace("mariadb", "mariadb-show", 1), "MYSQL_IMPORT": client.replace("mariadb", "mariadb-import", 1)}
        return dict(os.environ, **program, MYSQL_TEST_DIR=self.tests, MYSQLTEST_VARDIR=self.var, LC_ALL="C", TZ="UTC",
                    MYSQL_TMP_DIR=os.path.join(self.var, "tmp"), MASTER_MYPORT=str(port), MASTER_MYSOCK="/no/such/socket",
                    MASTER_MYPORT1=str(port), SLAVE_MYPORT="0", MYSQL_SHAREDIR="/usr/share/mysql", MYSQLD_DATADIR=datadir,
                    MYSQL_CHARSETSDIR="/usr/share/mysql/charsets", MYSQL_LIBDIR="/usr/lib/mysql", CHARSETSDIR="/usr/share/mysql/charsets",
                    DEFAULT_MASTER_PORT="3306", BIG_TEST="", HOSTNAME="localhost",
                    LIBMYSQL_PLUGIN_DIR="/usr/lib/%s-linux-gnu/libmariadb3/plugin" % os.uname().machine)

    def run(self, name, protocol, port, datadir, record, goes_on):
        """Records one test's transcript; its exit code."""
        self.fresh()
        command = [self.driver, "--no-defaults", "--silent", "--host=127.0.0.1", "--port=%d" % port, "--user=root", "--password=",
                   "--protocol=tcp", "--database=test", "--basedir=%s/" % self.tests, "--tmpdir=%s/tmp" % self.var,
                   "--logdir=%s/log" % self.var, "--character-sets-dir=/usr/share/mysql/charsets",
                   "--plugin-dir=/usr/lib/%s-linux-gnu/libmariadb3/plugin" % os.uname().machine,
                   "--test-file=%s" % self.file(name), "--record", "--result-file=%s" % record, "--timer-file=%s/timer" % self.var,
                   "--tail-lines=0", "--ssl-verify-server-cert=0", "--skip-ssl"] + PROTOCOLS[protocol]
        if goes_on:
            command.append("--continue-on-error")
        try:
            done = subprocess.run(command, capture_output=True, cwd=self.tests, env=self.environment(port, datadir), timeout=DEADLINE)
            return done.returncode, (done.stderr + done.stdout).decode(errors="replace").strip()
        except subprocess.TimeoutExpired:
            return -1, "not done in %d s" % DEADLINE


class Leader:
    """One make as `old`, its proxy, and the state that each run starts from."""

    def __init__(self, servers, roles, options, directory, accounts):
        self.servers = servers.in_roles(roles)
        self.server = self.servers.old
        self.kind = self.server.kind
        self.server.run("CREATE DATABASE test")
        self.globals = self.global_variables()
        users = [{"name": name, "password": ""} for name in accounts]
        self.proxy = harness.Proxy(options.binary, os.path.join(directory, "proxy-" + self.kind), self.servers,
                                   config={"users": users}, flags={"dual_write": {"enabled": False}})
        self.proxy.start()

    def global_variables(self):
        return dict(self.server.run("SHOW GLOBAL VARIABLES"))

    def reset(self):
        """As after the start: schemas, accounts and global variables."""
        self.server.restart_if_gone()
        with self.server.connect() as session, session.cursor() as cursor:
            def run(statement, *values):
                try:
                    cursor.execute(statement, values or None)
                    return cursor.fetchall()
                except harness.pymysql.MySQLError:
                    return ()
            for (other,) in run("SELECT id FROM information_schema.processlist WHERE user NOT IN ('crossfade', 'event_scheduler', "
                                "'system user') AND id <> CONNECTION_ID()"):
                run("KILL %d" % other)
            run("SET foreign_key_checks = 0")
            for (schema,) in run("SHOW DATABASES"):
                if schema not in SYSTEM:
                    run("DROP DATABASE `%s`" % schema.replace("`", "``"))
            # Files that are no table's stop a schema from being dropped, and from being made again.
            shutil.rmtree(os.path.join(self.server.directory, "test"), True)
            run("DROP DATABASE IF EXISTS test")
            for user, host in run("SELECT user, host FROM mysql.user"):
                if user not in ACCOUNTS:
                    run("DROP USER %s@%s", user, host)
            for name, value in self.global_variables().items():
                wanted = self.globals.get(name)
                if value != wanted and wanted is not None:
                    run("SET GLOBAL `%s` = %s" % (name, wanted if re.fullmatch(r"-?[0-9.]+", wanted) else "'%s'" % wanted))
            run("FLUSH STATUS")
            cursor.execute("CREATE DATABASE test")
            # The package's runner collects expected warnings in there; here they are not looked at.
            run("CREATE DATABASE mtr")
            run("CREATE PROCEDURE mtr.add_suppression(pattern TEXT) BEGIN END")


def comparable(path, port, var):
    """A transcript without what differs between any two runs."""
    try:
        with open(path, "rb") as lines:
            text = lines.read().decode("latin1")
    except OSError:
        return []
    text = text.replace(str(port), "PORT").replace(var, "VAR")
    return text.splitlines()


def outcome(code, message, leader, goes_on):
    if code == SKIPPED:
        return "skipped"
    # Where errors do not end a test, its exit code says only whether there were any.
    return "ran" if code == 0 or (goes_on and code > 0) else "failed: " + message[-400:]


def transcript(suite, leader, name, protocol, directory, way):
    port = leader.proxy.port if way == "proxy" else leader.server.port
    goes_on = leader.kind == "mysql"
    leader.reset()
    record = os.path.join(directory, "%s-%s-%s.%s" % (name, protocol, leader.kind, way))
    if os.path.exists(record):
        os.remove(record)
    code, message = suite.run(name, protocol, port, leader.server.directory, record, goes_on)
    leader.proxy.died()
    return (outcome(code, message, leader, goes_on).replace(str(port), "PORT").replace(suite.var, "VAR"),
            comparable(record, port, suite.var), message[-400:])


def equal(one, two):
    return one[1] == two[1] and one[0].split(":")[0] == two[0].split(":")[0]


def compare(suite, leader, name, protocol, directory):
    """(verdict, explanation): same, skipped, unsteady or different."""
    direct, through = (transcript(suite, leader, name, protocol, directory, way) for way in ("direct", "proxy"))
    if direct[0] == through[0] == "skipped":
        return "skipped", ""
    if not direct[1] and leader.kind == "mysql":
        return "skipped", "ends early against MySQL: " + direct[2]
    if not direct[1]:
        return "different", "no transcript of the direct run: %s: %s" % (direct[0], direct[2])
    if equal(direct, through):
        return "same", direct[0]
    # A difference is one only where the server agrees with itself.
    again = transcript(suite, leader, name, protocol, directory, "again")
    if equal(again, through):
        return "same", direct[0]
    if not equal(direct, again):
        if sorted(direct[1]) == sorted(again[1]) == sorted(through[1]):
            return "same", direct[0]
        return "unsteady", "two direct runs differ"
    lines = list(difflib.unified_diff(direct[1], through[1], "direct", "through the proxy", lineterm="", n=2))
    return "different", "directly: %s\nthrough the proxy: %s\n%s" % (direct[0], through[0], "\n".join(lines[:60]))


def run_leader(suite, leader, tests, exceptions, options, directory, counts):
    for name, protocol in tests:
        started = time.monotonic()
        label = "%s %s %s" % (leader.kind, name, protocol)
        verdict, why = compare(suite, leader, name, protocol, directory)
        took = time.monotonic() - started
        reason = exceptions.get((name, leader.kind)) or exceptions.get((name, "any"))
        if verdict == "different" and reason:
            verdict = "explained"
        elif verdict == "different":
            print("FAIL %s (%.1f s)\n%s" % (label, took, why), flush=True)
        if verdict == "same" and leader.kind == "mariadb" and why != "ran":
            verdict = "neither"
        counts[verdict] = counts.get(verdict, 0) + 1
        if options.verbose or verdict not in ("same", "different"):
            print("%-9s %s (%.1f s)%s" % (verdict, label, took, ": " + (reason or why).replace("\n", " ")[-200:] if verdict != "same" else ""), flush=True)


def chosen(listed, kind, options):
    """[(test, protocol)] to run: MySQL's part of the list is what is marked for it, as text but for the ps_ tests."""
    wanted = []
    for name, words in listed:
        if not (options.all or "quick" in words) or not (kind == "mariadb" or "mysql" in words or options.all):
            continue
        for protocol in words:
            fits = protocol in PROTOCOLS and (kind == "mariadb" or protocol == "text" or name.startswith("main.ps_"))
            if fits and (not options.protocol or protocol in options.protocol.split(",")):
                wanted.append((name, protocol))
    return wanted


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--all", action="store_true", help="every test of the list; default: those marked quick")
    parser.add_argument("--leader", choices=("mariadb", "mysql", "both"), default="both")
    parser.add_argument("--only", default="", help="tests whose name has this; several with commas")
    parser.add_argument("--protocol", default="", help="only these protocols")
    parser.add_argument("--list", default=os.path.join(HERE, "tests.txt"))
    parser.add_argument("--keep", help="folder that keeps the transcripts")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    directory = harness.throwaway_directory()
    suite = Suite(directory)
    if not suite.package:
        print("skip mysqltest: scripts/mariadb-test install did not get the package\n0 passed, 0 failed, 1 skipped")
        return 0
    listed = [(name, words) for name, words in read_list(options.list) if any(part in name for part in options.only.split(","))]
    exceptions = read_exceptions(os.path.join(HERE, "exceptions.txt"))
    say("starting servers")
    servers = harness.Servers(os.path.join(directory, "servers"), MARIADB_OPTIONS, MYSQL_OPTIONS)
    kept = options.keep or os.path.join(directory, "transcripts")
    os.makedirs(kept, exist_ok=True)
    counts = {}
    for roles in harness.BOTH_ROLES:
        kind = roles.split("-")[0]
        if options.leader in (kind, "both") and (kind == "mariadb" or servers.has_mysql):
            tests = chosen(listed, kind, options)
            say("%d runs with %s as the leader" % (len(tests), kind))
            run_leader(suite, Leader(servers, roles, options, directory, suite.accounts()), tests, exceptions, options, kept, counts)
    say(", ".join("%d %s" % (count, verdict) for verdict, count in sorted(counts.items())))
    print("%d passed, %d failed, %d skipped" % (counts.get("same", 0) + counts.get("explained", 0),
                                                counts.get("different", 0) + counts.get("neither", 0), counts.get("skipped", 0)))
    return 1 if counts.get("different") or counts.get("neither") or not counts.get("same") else 0


if __name__ == "__main__":
    sys.exit(main())
