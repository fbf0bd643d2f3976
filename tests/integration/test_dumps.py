"""What a dump of the leader has goes back through the proxy, as an application's administrator loads it."""

import os
import subprocess

from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import assert_followed, execute, is_mariadb, start
from machine import ROOT
from servers import APP, APP_PASSWORD

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

TABLES = ("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40), KEY by_v (v))",
          "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES t (id) ON DELETE CASCADE)",
          "INSERT INTO t VALUES " + ", ".join("(%d, %d, 's%d')" % (n, n * 7 % 50, n) for n in range(1, 301)),
          "INSERT INTO child VALUES (1, 1), (2, 250)")


def tool(server, name):
    """The client program of the server's own make."""
    if is_mariadb(server):
        return [{"mysqldump": "mariadb-dump", "mysql": "mariadb"}[name]]
    return [os.path.join(ROOT, "scripts", "mysql9"), "run", name]


def run(command, **more):
    done = subprocess.run(command, capture_output=True, timeout=180, **more)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_a_dump_of_the_leader_is_loaded_through_the_proxy(env):
    """It locks each table and switches its keys off within the lock, DISABLE KEYS, which changes nothing that is followed."""
    proxy = start(env, *TABLES)
    env.needs_proxy()
    dump = run(tool(env.old, "mysqldump") + ["--host=127.0.0.1", "--port=%d" % env.old.port, "--user=root", "--skip-triggers"] +
               ([] if is_mariadb(env.old) else ["--set-gtid-purged=OFF"]) + ["app"])
    assert b"LOCK TABLES `t` WRITE" in dump and b"DISABLE KEYS" in dump
    with proxy.connect(database="app") as session:
        execute(session, "DELETE FROM child WHERE id = 2", "UPDATE t SET v = 0", "INSERT INTO t (v) VALUES (5)")
    login = ["--host=127.0.0.1", "--port=%d" % proxy.port, "--user=" + APP, "--password=" + APP_PASSWORD]
    login += [] if is_mariadb(env.old) else ["--get-server-public-key"]
    run(tool(env.old, "mysql") + login + ["app"], input=dump)
    assert_followed(env, proxy, rows_min=302)
    assert env.new.run("SELECT COUNT(*), SUM(v = 0) FROM app.t")[0] == env.old.run("SELECT COUNT(*), SUM(v = 0) FROM app.t")[0]
    assert env.new.run("SELECT COUNT(*) FROM app.t")[0][0] == 300
