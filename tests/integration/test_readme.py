"""The README's commands, each run as it stands there, in its order, with its configuration, its flags and its GRANTs: only
addresses, ports and the names of the account and of the binary's folder are this machine's."""

import contextlib
import os
import re
import subprocess

from harness import ALL_FEEDS, BOTH_ROLES
from machine import ROOT, free_port
from proxy_process import Proxy
from readme_rights import readme_rights
from servers import APP_PASSWORD

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

ACCOUNT = "readme"
PASSWORD = "its password"
# Not run here: these build and run everything, this test among it. A build's result is the binary that is tested; of the
# other two each run of the tests runs one, and the demo is run by itself.
ELSEWHERE = {"scripts/demo", "scripts/test", "scripts/build"}
# What else than 0 a command ends with here: before the schema was made preflight says that it is missing, and no read has
# been compared yet.
EXPECTED = {"preflight --config": 4, "report": 8}
TABLES = ["CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(40))",
          "CREATE TABLE shop.orders (id INT PRIMARY KEY, customer INT, total DECIMAL(10,2), FOREIGN KEY (customer) REFERENCES shop.customers (id))",
          "INSERT INTO shop.customers VALUES (1, 'Ada'), (2, 'Håkon')", "INSERT INTO shop.orders VALUES (1, 1, 10.50), (2, 2, 3.00)"]


def readme():
    with open(os.path.join(ROOT, "README.md")) as text:
        return text.read()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```" % language, readme(), re.S | re.M)


def commands():
    """What a shell would be given, line by line, without the remarks."""
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


@contextlib.contextmanager
def accounts(env):
    drop = "DROP USER IF EXISTS %s" % ACCOUNT
    env.servers.run(drop, "CREATE USER %s IDENTIFIED BY '%s'" % (ACCOUNT, PASSWORD))
    for server, side in ((env.old, "leader"), (env.new, "follower")):
        server.run(*readme_rights(side, env.feed, server.kind, ACCOUNT))
    try:
        yield
    finally:
        env.servers.run(drop, "DROP DATABASE IF EXISTS shop")


class Place:
    """A folder in which the README's lines are right: its two files, and what scripts/build would have made."""

    def __init__(self, env):
        self.env, self.directory = env, os.path.join(env.directory, env.name)
        self.port, self.admin_port = free_port(), free_port()
        os.makedirs(os.path.join(self.directory, "build", "release"))
        os.symlink(env.binary, os.path.join(self.directory, "build", "release", "crossfade"))
        config, flags = blocks("yaml")
        for old, new in (("0.0.0.0:3306", "127.0.0.1:%d" % self.port), ("db-old:3306", "127.0.0.1:%d" % env.old.port),
                         ("db-new:3306", "127.0.0.1:%d" % env.new.port), ("user: crossfade", "user: " + ACCOUNT)):
            assert old in config, old
            config = config.replace(old, new)
        # What two tests on one machine must not share.
        config += "admin: { address: \"127.0.0.1:%d\" }\nstate_dir: state\n" % self.admin_port
        self.write("crossfade.yaml", config)
        self.write("flags.yaml", flags)
        self.secrets = {name: APP_PASSWORD if name == "APP_PASSWORD" else PASSWORD for name in re.findall(r"password_env: (\w+)", config)}
        self.proxy = None

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as out:
            out.write(text)

    def run(self, line):
        line = line.replace("-P 3306", "-P %d" % self.port)
        if line.endswith("&"):
            self.serve(line.rstrip("& "))
            return
        done = subprocess.run(["bash", "-c", line], cwd=self.directory, env=dict(os.environ, **self.secrets), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        expected = next((code for words, code in EXPECTED.items() if " %s " % words in line + " "), 0)
        assert done.returncode == expected, "%s: exit code %d, not %d\n%s" % (line, done.returncode, expected, done.stdout)

    def serve(self, line):
        assert line == "build/release/crossfade serve --config crossfade.yaml", line
        self.proxy = Running(self)
        self.env.proxies.append(self.proxy)
        self.proxy.start(deadline=60)


class Running(Proxy):
    """The proxy of a place, whose files are the README's."""

    def __init__(self, place):
        self.binary, self.directory, self.environment = place.env.binary, place.directory, place.secrets
        self.port, self.admin_port, self.prefix, self.process, self.starts = place.port, place.admin_port, [], None, 0
        self.config_file, self.log_file = (os.path.join(place.directory, name) for name in ("crossfade.yaml", "crossfade.log"))
        self.config, self.flags = {}, {"dual_write": {"enabled": True}, "read_from_new": {"percent": 0}}


def test_every_command_of_the_readme(env):
    env.needs_proxy()
    given = commands()
    assert [line for line in given if " serve " in line] and len(given) > len(ELSEWHERE), given
    env.servers.run("DROP DATABASE IF EXISTS shop")
    env.old.run("CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", *TABLES)
    env.schemas = ["shop"]
    with accounts(env):
        place = Place(env)
        for line in given:
            if line.split()[0] in ELSEWHERE:
                assert os.access(os.path.join(ROOT, line.split()[0]), os.X_OK), line
            else:
                place.run(line)
        with place.proxy.connect(database="shop") as session, session.cursor() as cursor:
            cursor.execute("INSERT INTO orders VALUES (3, 1, 7.25)")
        env.assert_equal(place.proxy, rows_min=5)
        assert place.proxy.status()["feed"]["kind"] == env.feed, place.proxy.status()["feed"]
        place.proxy.stop()
        if env.feed == "trigger":
            place.run("build/release/crossfade remove-triggers --config crossfade.yaml")
