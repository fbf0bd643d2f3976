"""`crossfade backfill`: rows that are on `old` alone come to `new` while both are in use."""

import concurrent.futures
import contextlib
import json
import time

from backfill import backfill, copies, copy_under_attack, job, over, refused, state_of
from harness import ALL_FEEDS, BOTH_ROLES, LEADERS, feeds
from log_feed import execute, through
from progress import wait_until
from row_samples import TYPES

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0, s VARCHAR(100) NOT NULL DEFAULT '')"


def rows_on_old(env, count, table="t"):
    for at in range(0, count, 1000):
        env.old.run("INSERT INTO %s (id, v, s) VALUES %s" % (
            table, ", ".join("(%d, %d, 'row %d')" % (n, n % 7, n) for n in range(at, min(count, at + 1000)))), database="app")


def start(env, *tables, rows=3000, also=()):
    env.needs_proxy()
    env.tables(*tables)
    rows_on_old(env, rows)
    for table in also:
        rows_on_old(env, rows, table)
    return env.proxy()


def test_one_table_is_copied_and_follows(env):
    proxy = start(env, T)
    said = copies(proxy, "--chunk-time", "50ms")
    assert "1 of 1 tables, 3000 rows (100%)" in said, said
    env.assert_equal(proxy, rows_min=3000)
    through(proxy, "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id < 10", "INSERT INTO t VALUES (-1, 1, 'new')")
    env.assert_equal(proxy, rows_min=2900)
    applier = proxy.status()["applier"]
    assert applier["parked"] == [] and applier["divergences"] == 0, applier
    assert proxy.metric("crossfade_backfill_rows") == 3000 and proxy.metric("crossfade_backfill_tables_left") == 0
    refused(proxy, why="has rows on the follower")
    copies(proxy, "--replace")
    env.assert_equal(proxy, rows_min=2900)


def test_values_of_every_type(env):
    """As rows and as keys; the copy is read from the leader's answers, not from its log."""
    env.needs_proxy()
    columns = ", ".join("c%d %s" % (n, kind[0]) for n, kind in enumerate(TYPES))
    env.tables("CREATE TABLE every (id INT PRIMARY KEY, %s, j JSON, hidden INT %s, g INT AS (id * 2) STORED) ROW_FORMAT=DYNAMIC" % (
        columns, "INVISIBLE"))
    keys = [("TINYINT UNSIGNED", "0", "7", "255"), ("BIGINT", "-9223372036854775808", "0", "9223372036854775807"), ("FLOAT", "-1.5", "0.1", "3.4e38"),
            ("DOUBLE", "-1e300", "0.1", "5e-324"), ("DECIMAL(20,10)", "-1.5", "0", "0.0000000001"), ("BIT(40)", "0", "5", "1099511627775"),
            ("DATE", "'0000-00-00'", "'2024-02-29'", "'9999-12-31'"), ("DATETIME(3)", "'1000-01-01'", "'2024-02-29 01:02:03.004'"),
            ("TIMESTAMP", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"), ("TIME(2)", "'-838:59:59'", "'00:00:00.01'", "'838:59:59'"),
            ("YEAR", "1901", "2155"), ("CHAR(10) CHARACTER SET latin1", "''", "_latin1 x'e9'", "'Zz'"),
            ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "'A'", "'b'", "'C'", "_utf8mb4 x'f09f9880'", "'it''s'"),
            ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "'A'", "'a'", "'B'"), ("BINARY(4)", "x'00'", "x'61620000'", "x'ffffffff'"),
            ("VARBINARY(20)", "''", "x'00ff27'", "x'5c'"), ("ENUM('z','a','m')", "'z'", "'a'", "'m'"), ("SET('z','a','m')", "'z'", "'a,m'", "''")]
    env.tables(*["CREATE TABLE k%d (k %s NOT NULL, n INT NOT NULL, PRIMARY KEY (k, n))" % (n, key[0]) for n, key in enumerate(keys)])
    mode = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'"
    with env.old.connect(database="app") as session:
        execute(session, mode)
        for n in range(6):
            values = ", ".join(literals[1 + n % (len(literals) - 1)] if n < 5 else "NULL" for literals in TYPES)
            execute(session, "INSERT INTO every (id, %s, j, hidden) VALUES (%d, %s, '{\"a\": [1, 2.5, \"\\u00e9\"]}', %d)" % (
                ", ".join("c%d" % n for n in range(len(TYPES))), n, values, n))
        for n, key in enumerate(keys):
            execute(session, "INSERT INTO k%d VALUES %s" % (n, ", ".join("(%s, %d)" % (literal, i) for literal in key[1:] for i in range(40))))
    proxy = env.proxy()
    # A chunk of a few rows each: every place in the key's order is asked for.
    copies(proxy, "--chunk-time", "10ms", "--max-rows-per-second", "2000")
    env.assert_equal(proxy, rows_min=40 * len(keys))


@feeds(*LEADERS)  # MySQL logs its cascades under "log" alone
def test_writers_of_every_kind(env):
    copy_under_attack(env, seed=1, kills=0)


def test_kills_in_the_middle(env):
    copy_under_attack(env, seed=2, kills=6)


def test_a_paused_copy_goes_on_and_a_cancelled_one_is_resumed(env):
    proxy = start(env, T)
    code, said = backfill(proxy, "start", "--detach", "--max-rows-per-second", "200", "--chunk-time", "20ms")
    assert code == 0 and "copies 1 table" in said, said
    wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
    assert backfill(proxy, "start")[0] == 1
    code, said = backfill(proxy, "pause")
    assert code == 0 and "paused" in said, said
    rows = state_of(proxy, "t")["rows"]
    through(proxy, "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id % 5 = 0")
    proxy.stop()
    proxy.start(ready=False)
    wait_until(lambda: job(proxy)["state"] == "paused", 30, "the paused job of the last process")
    assert state_of(proxy, "t")["rows"] >= rows
    assert backfill(proxy, "status")[0] == 8
    assert backfill(proxy, "resume")[0] == 0
    wait_until(lambda: state_of(proxy, "t").get("rows", 0) > rows, 30, "more rows")
    assert backfill(proxy, "cancel")[0] == 0
    assert job(proxy)["state"] == "cancelled" and proxy.status()["caught_up"] is False
    through(proxy, "UPDATE t SET v = v + 1", "UPDATE t SET id = id + 10000 WHERE id < 100")
    refused(proxy, why="--resume goes on")
    copies(proxy, "--resume")
    env.assert_equal(proxy, rows_min=2000)


def test_what_cannot_be_copied_is_refused_by_name(env):
    env.needs_proxy()
    env.tables(T, "CREATE TABLE keyless (a INT, b INT)", "CREATE TABLE narrow (id INT PRIMARY KEY, v BIGINT)",
               "CREATE TABLE here (id INT PRIMARY KEY)",
               "CREATE TABLE flat (id INT PRIMARY KEY) ENGINE=MyISAM")
    env.new.run("ALTER TABLE narrow MODIFY v SMALLINT", "DROP TABLE here", database="app")
    proxy = env.proxy()
    refused(proxy, "--tables", "app.nothing", why="the leader has no table app.nothing")
    if env.feed == "log":
        refused(proxy, "--tables", "app.keyless", "--where", "app.keyless=a > 1", why="app.keyless has no key")
    else:
        refused(proxy, "--tables", "app.keyless", why="app.keyless has no primary key")
    refused(proxy, "--tables", "app.flat", why="app.flat has the engine MyISAM")
    refused(proxy, "--tables", "app.narrow", why="column v")
    refused(proxy, "--tables", "app.here", why="app.here is missing on the follower")
    said = refused(proxy, why="app.flat")
    assert "app.narrow" in said and "app.here" in said, said
    refused(proxy, "--tables", "app.t", "--where", "app.t=nonsense +", why="--where app.t")
    code, said = backfill(proxy, "start", "--subset", "0%")
    assert code == 1 and "no share" in said, said
    code, said = backfill(proxy, "pause")
    assert code == 1 and "no backfill is under way" in said, said
    code, said = backfill(proxy, "status")
    assert code == 8 and "no copy has been started" in said, said
    copies(proxy, "--tables", "app.t")


def test_a_part_of_a_table_does_not_call_itself_done(env):
    proxy = start(env, T)
    copies(proxy, "--subset", "10%")
    count = env.new.run("SELECT COUNT(*) FROM app.t")[0][0]
    assert 100 < count < 800 and state_of(proxy, "t")["state"] == "partial", (count, state_of(proxy, "t"))
    copies(proxy, "--replace", "--where", "app.t=v = 3 AND s LIKE 'row %'")
    assert env.new.run("SELECT COUNT(*), MIN(v), MAX(v) FROM app.t") == env.old.run("SELECT COUNT(*), MIN(v), MAX(v) FROM app.t WHERE v = 3")
    assert proxy.status()["caught_up"] is False
    # Each condition has to be true, and its parts belong together.
    copies(proxy, "--replace", "--where", "app.t=v = 3 OR v = 4", "--where", "app.t=id < 2000", "--subset", "20%")
    counts = "SELECT COUNT(*), MIN(v), MAX(v), MAX(id) < 2000 FROM app.t"
    count, *rest = env.new.run(counts)[0]
    assert 30 < count < 250 and rest == [3, 4, 1], (count, rest)
    copies(proxy, "--replace")
    env.assert_equal(proxy, rows_min=3000)


def test_a_table_that_is_altered_or_dropped_in_mid_copy(env):
    proxy = start(env, T, "CREATE TABLE gone (id INT PRIMARY KEY, v INT, s VARCHAR(20))",
                  "CREATE TABLE rekeyed (id INT PRIMARY KEY, v INT, s VARCHAR(20))", rows=20000,
                  also=("gone", "rekeyed"))
    code, said = backfill(proxy, "start", "--detach", "--max-rows-per-second", "3000", "--chunk-time", "20ms", "--parallel", "3")
    assert code == 0, said
    wait_until(lambda: all(state_of(proxy, each).get("rows", 0) > 0 for each in ("t", "gone", "rekeyed")), 30, "rows of each")
    assert backfill(proxy, "pause")[0] == 0
    through(proxy, "ALTER TABLE t ADD COLUMN more VARCHAR(10) NOT NULL DEFAULT 'x', MODIFY v BIGINT NOT NULL", "DROP TABLE gone",
            "ALTER TABLE rekeyed DROP PRIMARY KEY, ADD PRIMARY KEY (v, id)", "UPDATE t SET more = 'y' WHERE id % 3 = 0")
    assert backfill(proxy, "resume")[0] == 0
    status = over(proxy)
    assert status["state"] == "failed", status
    assert state_of(proxy, "t")["state"] == "done", status
    assert state_of(proxy, "gone")["state"] == "failed" and state_of(proxy, "rekeyed")["state"] == "failed", status
    assert "dropped" in state_of(proxy, "gone")["reason"] or "no such table" in state_of(proxy, "gone")["reason"], status
    assert "key is another one" in state_of(proxy, "rekeyed")["reason"], status
    assert [each["tables"] for each in proxy.status()["applier"]["parked"]] == ["app.rekeyed"], proxy.status()["applier"]
    assert backfill(proxy, "status")[0] == 1
    copies(proxy, "--tables", "app.rekeyed", "--replace")
    env.assert_equal(proxy, rows_min=3000)


def test_rows_that_the_follower_refuses_fail_their_table_alone(env):
    env.needs_proxy()
    env.tables(T, "CREATE TABLE checked (id INT PRIMARY KEY, v INT)")
    env.new.run("ALTER TABLE checked ADD CONSTRAINT positive CHECK (v > 0)", database="app")
    env.old.run("INSERT INTO checked VALUES (1, 1), (2, -2)", "INSERT INTO t (id) VALUES (1)", database="app")
    proxy = env.proxy()
    code, said = backfill(proxy, "start")
    assert code == 1 and "the follower refuses rows" in said, said
    status = over(proxy)
    assert state_of(proxy, "t")["state"] == "done" and state_of(proxy, "checked")["state"] == "failed", status


def test_a_stopped_table_is_mended_by_a_copy(env):
    """Rows that are not there stop a table; a copy brings them, and closes what the ledger said."""
    proxy = start(env, T)
    through(proxy, "UPDATE t SET v = v + 1 WHERE id = 5")
    wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stop")
    copies(proxy)
    env.assert_equal(proxy, rows_min=3000)
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] == 0, 30, "the closed ledger: %s" % proxy.status()["applier"])


def test_limits_hold_and_their_reason_is_shown(env):
    proxy = start(env, T)
    begun = time.monotonic()
    code, said = backfill(proxy, "start", "--interval", "0.3", "--max-rows-per-second", "1000", "--chunk-time", "20ms")
    took = time.monotonic() - begun
    # What is read last costs nobody time; a chunk has 100 rows at least.
    assert code == 0 and said.count("job ") >= 5, said
    assert took > 1.5, "3000 rows in %.1f s, at 1000 a second" % took
    assert "waits: its own limit, 1000 rows a second" in said, said
    env.assert_equal(proxy, rows_min=3000)
    # More threads run than may, until they are told to end.
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(env.old.connect()) for _ in range(12)]
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(busy)))
        asleep = [pool.submit(execute, session, "DO (SELECT SLEEP(300))") for session in busy]
        wait_until(lambda: int(env.old.run("SHOW GLOBAL STATUS LIKE 'Threads_running'")[0][1]) > 11, 30, "threads that run")
        assert backfill(proxy, "start", "--replace", "--detach", "--max-threads-running", "10")[0] == 0
        wait_until(lambda: "threads run on the leader, at most 10" in job(proxy).get("throttled", ""), 30, "the reason: %s" % job(proxy))
        wait_until(lambda: proxy.metric("crossfade_backfill_throttled") == 1, 30, "the metric")
        # Chunks that had been begun before anybody looked are all that there is.
        rows = job(proxy)["rows"]
        time.sleep(1)
        assert job(proxy)["rows"] <= rows + 2000 and job(proxy)["state"] == "running", (rows, job(proxy))
        for session in busy:
            env.old.run("KILL QUERY %d" % session.thread_id())
        for each in asleep:
            each.exception()
    assert over(proxy)["state"] == "done", job(proxy)
    env.assert_equal(proxy, rows_min=3000)
    said = copies(proxy, "--replace", "--format", "json")
    assert json.loads(said.splitlines()[-1])["state"] == "done", said


@feeds("log")  # triggers do not tell of such tables
def test_a_table_without_a_key_is_copied_at_once(env):
    """Also one that refers to others; and rows that are equal stay as many as they are."""
    env.needs_proxy()
    env.tables("CREATE TABLE parents (id INT PRIMARY KEY)",
               "CREATE TABLE links (a INT, b VARCHAR(20), j JSON, f DOUBLE, KEY (a), UNIQUE KEY u (b), FOREIGN KEY (a) REFERENCES parents (id) ON DELETE CASCADE)",
               "CREATE TABLE prefixed (name VARCHAR(200) NOT NULL, v INT, PRIMARY KEY (name(20)))", "CREATE TABLE nothing_yet (a INT)")
    env.old.run("INSERT INTO parents VALUES (1), (2), (3)",
                "INSERT INTO links VALUES (1, NULL, '{\"x\": 1.5}', 0.1), (1, NULL, '{\"x\": 1.5}', 0.1), (2, 'b', NULL, NULL), (NULL, NULL, NULL, NULL)",
                "INSERT INTO prefixed VALUES ('one', 1), ('two', 2)", database="app")
    proxy = env.proxy()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [through(proxy, "INSERT INTO links (a, f) VALUES (3, 0.25)", "DELETE FROM links WHERE f = 0.25 LIMIT 1",
                                               "INSERT INTO links (a, f) VALUES (3, 0.5)") for _ in range(60)])
        copies(proxy, "--replace")  # the feed may have brought the first of these
        writing.result()
    through(proxy, "DELETE FROM parents WHERE id = 1", "UPDATE links SET b = 'c' WHERE b = 'b'", "INSERT INTO nothing_yet VALUES (1), (1)",
            "DELETE FROM nothing_yet LIMIT 1")
    env.assert_equal(proxy, rows_min=60)
    copies(proxy, "--replace", "--tables", "app.links")
    env.assert_equal(proxy, rows_min=60)
