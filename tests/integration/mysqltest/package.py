"""The files of Debian's mariadb-test, and the running of one of its tests in a process group with a deadline."""

import os
import re
import select
import shutil
import signal
import subprocess

from machine import ROOT
from progress import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINES = {"direct": 60, "proxy": 180}  # in seconds; what takes longer without the proxy is not compared
PROTOCOLS = {"text": [], "ps": ["--ps-protocol"], "cursor": ["--cursor-protocol", "--ps-protocol"],
             "view": ["--view-protocol"], "sp": ["--sp-protocol"]}


def read_list(path):
    """[(name, words)] of a file with a name and words on each line, and comments."""
    found = []
    with open(path) as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                found.append((words[0], words[1:]))
    return found


def run_group(command, seconds, log, **more):
    """The exit code of a command, or None at the deadline. Nothing that it started in its process group outlives it,
    and its output goes to a file: a grandchild that holds a pipe open cannot hold up the caller."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **more)
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        done = bool(poll.poll(seconds * 1000))
    finally:
        os.close(ended)
        # Before the process is waited for: until then its number is nobody else's.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
    return process.returncode if done else None


def check_groups(directory):
    """A child that goes on in the background, holding the output open, is gone with its parent or at the deadline. The
    test of run_group."""
    log = os.path.join(directory, "groups.log")
    for script, wanted in (("sleep 600 & echo $!; exit 3", 3), ("sleep 600 & echo $!; wait", None)):
        assert run_group(["sh", "-c", script], 1, log) == wanted, script
        with open(log) as said:
            child = "/proc/%s/stat" % said.read().strip()
        # A killed process may take a moment, and whoever inherited it another to take note.
        wait_until(lambda: not os.path.exists(child) or open(child).read().rpartition(")")[2].split()[0] == "Z",
                   20, "the end of the child of: " + script)


def without_last_drops(text):
    """The same test without the DROPs at its end, so that there is something to compare; the same text runs directly."""
    lines = text.split("\n")
    while lines and re.match(r"\s*(#.*|--echo\b.*|drop\s+(temporary\s+)?(table|view|procedure|function|trigger)\b[^;]*;\s*)?$", lines[-1], re.I):
        lines.pop()
    return "\n".join(lines) + "\n"


# A table's key for triggers. Where the statement has columns, it comes before them.
KEY = "crossfade_row BIGINT NOT NULL INVISIBLE AUTO_INCREMENT PRIMARY KEY"
# Up to the end of the columns' names and types, or what can be found of it without parsing.
TABLE = re.compile(r"^([ \t]*create\s+(?:or\s+replace\s+)?table\s+(?:if\s+not\s+exists\s+)?[`\w.]+\s*\()(?!\s*(?:select|like)\b)([^;]*)", re.I | re.M)
AS_SELECT = re.compile(r"^([ \t]*create\s+(?:or\s+replace\s+)?table\s+(?:if\s+not\s+exists\s+)?[`\w.]+)(\s*(?:\(\s*select\b|(?:as\s+)?select\b|engine\b[^;(]*\bselect\b))",
                       re.I | re.M)
ENGINE = re.compile(r"\b(engine|type)(\s*=\s*|\s+)'?(?:myisam|aria|memory|heap)\b'?", re.I)


def with_keys(text):
    """The same test with tables that triggers can tell of: with a primary key, which no statement sees that does not name
    it, and of InnoDB; the same text runs directly."""
    def keyed(found):
        head, rest = found.groups()
        has_key = re.search(r"\b(primary\s+key|auto_increment|serial|key\s+(comment|,|\)))\b|\bunsigned\s+key\b", rest, re.I)
        return head + ("" if has_key else KEY + ", ") + rest
    return ENGINE.sub(r"\1\2InnoDB", AS_SELECT.sub(r"\1 (%s)\2" % KEY, TABLE.sub(keyed, text)))


def keys_self_test():
    for text, wanted in (("CREATE TABLE t1 (a INT) ENGINE=MyISAM;", "CREATE TABLE t1 (%s, a INT) ENGINE=InnoDB;" % KEY),
                         ("create table if not exists a.b(a int primary key);", "create table if not exists a.b(a int primary key);"),
                         ("create table t1 as select 1;", "create table t1 (%s) as select 1;" % KEY),
                         ("create table t1 (select 1);", "create table t1 (%s) (select 1);" % KEY),
                         ("create table t1 engine=heap select 1;", "create table t1 (%s) engine=InnoDB select 1;" % KEY),
                         ("create table t1 like t2;", "create table t1 like t2;"),
                         ("create temporary table t1 (a int);", "create temporary table t1 (a int);")):
        assert with_keys(text) == wanted, with_keys(text)


CLIENTS = "`SELECT COUNT(*) FROM information_schema.processlist WHERE user NOT IN ('crossfade', 'event_scheduler', 'system user')`"


class Package:
    """The package's files and the folder that the tests write into."""

    def __init__(self, directory):
        found = subprocess.run([os.path.join(ROOT, "scripts", "mariadb-test"), "path"], capture_output=True, text=True)
        self.path = found.stdout.strip() if found.returncode == 0 else None
        # The servers' data lies two folders below: tests reach ../../std_data from there.
        self.var = directory
        if self.path:
            self.tests = os.path.join(self.path, "usr/share/mysql/mysql-test")
            self.driver = os.path.join(self.path, "usr/bin/mariadb-test")
            os.symlink(os.path.join(self.tests, "std_data"), os.path.join(self.var, "std_data"))

    def fresh(self):
        for folder in ("tmp", "log", "run"):
            shutil.rmtree(os.path.join(self.var, folder), True)
            os.makedirs(os.path.join(self.var, folder))
        # What a test includes is looked for beside its text.
        beside = os.path.join(self.tests, "main")
        for file in os.listdir(beside):
            if file.endswith((".inc", ".test")):
                os.symlink(os.path.join(beside, file), os.path.join(self.var, "run", file))

    def file(self, name):
        suite, test = name.split(".", 1)
        folder = "main" if suite == "main" else os.path.join("suite", suite, "t")
        path = os.path.join(self.tests, folder, test + ".test")
        return path if os.path.exists(path) else os.path.join(self.tests, "suite", suite, test + ".test")

    def accounts(self, names):
        """{name: password} of whom tests log in as: the proxy lets in only whom it knows. Who comes with several
        passwords, none among them, has none."""
        found = {"root": {""}}
        for name in names:
            with open(self.file(name), encoding="latin1") as lines:
                text = lines.read()
            for user, password in re.findall(r"connect *\(?\s*\w+ *, *\w+ *, *(\w+) *(?:, *([\w\"]*) *)?[,;)\n]", text):
                found.setdefault(user, set()).add(password.strip('"'))
        return {user: "" if "" in passwords else min(passwords) for user, passwords in sorted(found.items())}

    def text_to_run(self, test, feed):
        """The path of the test's text in its mode."""
        path = self.file(test.name)
        if test.mode != "dual":
            return path
        changed = os.path.join(self.var, "run", test.name + ".test")
        with open(path, encoding="latin1") as before, open(changed, "w", encoding="latin1") as after:
            text = without_last_drops(before.read())
            self.count_clients()
            after.write(with_keys(text) if feed == "trigger" else text)
        return changed

    def count_clients(self):
        """Tests that wait until a session is gone do not wait for the proxy's own, which come and go."""
        os.makedirs(os.path.join(self.var, "run", "include"))
        for file in ("count_sessions.inc", "wait_until_count_sessions.inc"):
            with open(os.path.join(self.tests, "include", file)) as before:
                text = before.read()
            counted = text.replace("query_get_value(SHOW STATUS LIKE 'Threads_connected', Value, 1)", CLIENTS)
            assert counted != text, file
            with open(os.path.join(self.var, "run", "include", file), "w") as after:
                after.write(counted)

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

    def run(self, test, way, port, datadir, record, goes_on, feed):
        """Records one test's transcript: (exit code or None, what the driver said). A test that fails leaves in `record`
        what came before that."""
        self.fresh()
        command = [self.driver, "--no-defaults", "--silent", "--host=127.0.0.1", "--port=%d" % port, "--user=root", "--password=",
                   "--protocol=tcp", "--database=test", "--basedir=%s/" % self.tests, "--tmpdir=%s/tmp" % self.var,
                   "--logdir=%s/log" % self.var, "--character-sets-dir=/usr/share/mysql/charsets",
                   "--plugin-dir=/usr/lib/%s-linux-gnu/libmariadb3/plugin" % os.uname().machine,
                   "--test-file=%s" % self.text_to_run(test, feed), "--record", "--result-file=%s" % record,
                   "--timer-file=%s/timer" % self.var, "--tail-lines=10000", "--ssl-verify-server-cert=0",
                   "--skip-ssl"] + PROTOCOLS[test.protocol]
        if goes_on:
            command.append("--continue-on-error")
        log = os.path.join(self.var, "driver.log")
        code = run_group(command, DEADLINES[way], log, cwd=self.tests, env=self.environment(port, datadir))
        with open(log, "rb") as said:
            message, _, before = said.read().partition(b"\nThe result from queries just before the failure was:\n")
        if before:
            with open(record, "wb") as lines:
                lines.write(before.rpartition(b"\nMore results from queries before failure can be found in")[0] or before)
        message = message.decode(errors="replace").strip()
        return code, message if code is not None else "not done in %d s: %s" % (DEADLINES[way], message)
