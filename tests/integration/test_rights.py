"""The rights that the README lists for the control account, no others: each feed runs with them, whichever make leads."""

import contextlib
import subprocess

from backfill import copies
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import SENTINEL, arrived, assert_followed, is_stopped, released, through
from progress import wait_until
from readme_rights import readme_rights
from servers import APP_PASSWORD

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

LEAN = "lean"
TABLES = [SENTINEL, "CREATE TABLE parents (id INT PRIMARY KEY, v INT)",
          "CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE)",
          "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40))", "INSERT INTO t (v, s) VALUES (1, 'a'), (2, 'b')"]


@contextlib.contextmanager
def lean_accounts(env):
    drop = "DROP USER IF EXISTS %s@'%%'" % LEAN
    env.servers.run(drop, "CREATE USER %s@'%%' IDENTIFIED BY '%s'" % (LEAN, APP_PASSWORD))
    for server, side in ((env.old, "leader"), (env.new, "follower")):
        statements = readme_rights(side, env.feed, server.kind, LEAN + "@'%'")
        assert statements, (side, env.feed, server.kind)
        server.run(*statements)
    try:
        yield {"control": {which: {"user": LEAN, "password": APP_PASSWORD} for which in ("old", "new")}}
    finally:
        env.servers.run(drop)


def test_the_rights_in_the_readme_are_enough(env):
    env.needs_proxy()
    env.tables(*TABLES)
    with lean_accounts(env) as config:
        proxy = env.proxy(config)
        through(proxy, "INSERT INTO parents VALUES (1, 1), (2, 2)", "INSERT INTO children VALUES (1, 1), (2, 2), (3, 2)",
                "UPDATE t SET v = v + 1", "DELETE FROM parents WHERE id = 2", "INSERT INTO t (v, s) VALUES (9, 'ü')")
        assert_followed(env, proxy, rows_min=4)
        assert "apply=sql" not in proxy.log_tail(200), proxy.log_tail(200)
        through(proxy, "CREATE TABLE made (id INT PRIMARY KEY, parent INT, KEY (parent))", "INSERT INTO made VALUES (1, 1)",
                "ALTER TABLE made ADD COLUMN v INT DEFAULT 5", "CREATE INDEX by_v ON made (v)",
                "ALTER TABLE made ADD FOREIGN KEY (parent) REFERENCES parents (id)", "UPDATE made SET v = 6",
                "RENAME TABLE made TO other", "CREATE VIEW shown AS SELECT id, v FROM other", "CREATE PROCEDURE p() SELECT 1",
                "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1", "CREATE TABLE gone (id INT PRIMARY KEY)", "DROP TABLE gone")
        assert_followed(env, proxy, rows_min=5)
        named = "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'app' ORDER BY 1"
        assert env.new.run(named) == env.old.run(named) == (("f",), ("p",))
        assert env.new.run("SELECT id, v FROM app.shown") == ((1, 6),)
        through(proxy, "DROP VIEW shown", "DROP PROCEDURE p", "DROP FUNCTION f", "DROP TABLE other")
        copies(proxy, "--tables", "app.t", "--replace")
        assert_followed(env, proxy, rows_min=4)


def test_a_row_that_does_not_fit_and_its_release(env):
    env.needs_proxy()
    env.tables(*TABLES)
    with lean_accounts(env) as config:
        proxy = env.proxy(config)
        arrived(env, proxy)
        env.new.run("DELETE FROM t WHERE id = 1", database="app")
        through(proxy, "UPDATE t SET v = 50 WHERE id = 1")
        wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop of a table with a row that does not fit")
        released(proxy, "app.t", "--overwrite")
        env.assert_equal(proxy, rows_min=2)
        assert proxy.status()["applier"]["parked"] == []
        proxy.stop()
        if env.feed == "trigger":
            done = subprocess.run([env.binary, "remove-triggers", "--config", proxy.config_file], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done
            assert env.old.run("SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'app'") == ((0,),)
