"""`crossfade backfill` of a table that several readers share, each with a range of its key."""

import hashlib
import random
import time

import backfill_writers
from backfill import backfill, job, over, said_of, state_of
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import execute, through
from progress import say, wait_until

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

COUNT = 24000
# Keys that are far apart or close together, that compare without case, that have an order of their own.
KEYS = {
    "skewed": ("k BIGINT UNSIGNED NOT NULL", "k", lambda n: str(n if n < COUNT - 5 else 2 ** 64 - 1 - (COUNT - 1 - n) * 10 ** 15)),
    "signs": ("k INT NOT NULL", "k", lambda n: str((n - COUNT // 2) * 7)),
    "texts": ("k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, n INT NOT NULL", "k, n",
              lambda n: "'%s%s', %d" % ("aAbBzZ\u00e9\u00c9"[n % 8], "it''s" if n % 3 else "", n)),
    "decimals": ("k DECIMAL(20, 6) NOT NULL", "k", lambda n: "%d.%06d" % (n // 1000 - 10, n % 1000)),
    "bytes": ("k BINARY(16) NOT NULL", "k", lambda n: "0x" + hashlib.md5(b"%d" % n).hexdigest()),
    "moments": ("k TIMESTAMP(3) NOT NULL, n SMALLINT NOT NULL", "k, n",
                lambda n: "'2024-02-%02d 01:02:03.%03d', %d" % (1 + n % 28, n % 10, n)),
    "backwards": ("k INT NOT NULL, n INT NOT NULL", "k, n DESC", lambda n: "%d, %d" % (n % 3, n)),
}


def fill(server, table, value, count=COUNT):
    with server.connect(database="app") as session:
        execute(session, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'")
        for at in range(0, count, 2000):
            execute(session, "INSERT INTO %s VALUES %s" % (
                table, ", ".join("(%s, %d, 'row %d')" % (value(n), n % 7, n) for n in range(at, min(at + 2000, count)))))


def most_readers(proxy, table, deadline=120):
    """Until the copy is over: how many read the table at once, and the job."""
    most, end = 0, time.monotonic() + deadline
    while time.monotonic() < end:
        status = job(proxy)
        for each in status.get("tables", []):
            if each["table"] == "app." + table:
                most = max(most, each.get("readers", 0))
        if status["state"] in ("done", "failed", "cancelled"):
            return most, status
        time.sleep(0.01)
    raise AssertionError("the copy does not end: %s" % job(proxy))


def test_keys_of_every_kind_are_divided(env):
    env.needs_proxy()
    env.tables(*["CREATE TABLE %s (%s, v INT, s VARCHAR(40), PRIMARY KEY (%s))" % (name, columns, key)
                 for name, (columns, key, _) in KEYS.items()])
    for name, (_, _, value) in KEYS.items():
        fill(env.old, name, value)
    proxy = env.proxy()
    for name in KEYS:
        code, said = backfill(proxy, "start", "--tables", "app." + name, "--detach", "--parallel", "4", "--chunk-time", "20ms",
                              "--max-rows-per-second", "20000")
        assert code == 0, said
        most, status = most_readers(proxy, name)
        assert status["state"] == "done" and status["rows"] == COUNT, status
        say("%s: %d readers" % (name, most))
        assert 2 <= most <= 4, "%d readers of %s" % (most, name)
    assert not parts_of(env), parts_of(env)
    env.assert_equal(proxy, rows_min=COUNT * len(KEYS))


def test_small_tables_are_not_divided(env):
    env.needs_proxy()
    env.tables("CREATE TABLE none (k INT PRIMARY KEY, v INT, s VARCHAR(40))", "CREATE TABLE one (k INT PRIMARY KEY, v INT, s VARCHAR(40))",
               "CREATE TABLE some (k INT PRIMARY KEY, v INT, s VARCHAR(40))")
    fill(env.old, "one", str, 1)
    fill(env.old, "some", str, 900)
    proxy = env.proxy()
    assert backfill(proxy, "start", "--parallel", "8")[0] == 0
    status = over(proxy)
    assert [each["rows"] for each in status["tables"]] == [0, 1, 900], status
    env.assert_equal(proxy, rows_min=901)


class Mover(backfill_writers.Writer):
    """Rows go from anywhere in the key's order to anywhere else."""

    def statements(self):
        draw, low = self.random, self.random.randrange(COUNT)
        letter, other = draw.choice("abcXYZ"), draw.choice("abcXYZ")
        kind = draw.randrange(8)
        if kind == 0:
            return ["UPDATE big SET a = '%s', b = %d WHERE a = '%s' AND b = %d" % (letter, self.new_id(), other, low)]
        if kind == 1:
            return ["UPDATE big SET a = CONCAT('%s', a) WHERE b BETWEEN %d AND %d AND LENGTH(a) < 9" % (letter, low, low + 5)]
        if kind == 2:
            return ["UPDATE big SET v = v + 1, pad = CONCAT('p', v) WHERE a = '%s' AND b BETWEEN %d AND %d" % (letter, low, low + 300)]
        if kind == 3:
            return ["DELETE FROM big WHERE a = '%s' AND b BETWEEN %d AND %d" % (letter, low, low + 20)]
        if kind == 4:
            return ["INSERT INTO big VALUES ('%s', %d, 1, 'new'), ('%s', %d, 1, 'new')" % (letter, self.new_id(), other, self.fresh + 500)]
        if kind == 5:
            return ["INSERT INTO big VALUES ('%s', %d, 1, '') ON DUPLICATE KEY UPDATE v = v + 1" % (letter, low)]
        if kind == 6:
            return ["UPDATE big SET b = 18446744073709551615 - %d WHERE a = '%s' AND b = %d" % (self.new_id(), letter, low)]
        return ["REPLACE INTO big VALUES ('%s', %d, 9, 'replaced')" % (letter, low), "DELETE FROM big WHERE a = '%s' AND b = %d" % (other, low)]


def copy_while_rows_move(env, seed, kills):
    env.needs_proxy()
    draw = random.Random(seed)
    env.tables("CREATE TABLE big (a VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, b BIGINT UNSIGNED NOT NULL, "
               "v INT NOT NULL, pad VARCHAR(100) NOT NULL, PRIMARY KEY (a, b))")
    fill(env.old, "big", lambda n: "'%s', %d" % ("abcXYZ"[n % 6], n))
    proxy = env.proxy()
    writers = backfill_writers.start_writers(env, proxy, seed, writer=Mover)
    most = rows = 0
    try:
        code, said = backfill(proxy, "start", "--replace", "--detach", "--chunk-time", "20ms", "--parallel", "4",
                              "--max-rows-per-second", "6000", "--max-lag", "10s")
        assert code == 0, said
        for number in range(kills):
            # Several parts have got somewhere, and the copy on.
            wait_until(lambda: state_of(proxy, "big").get("readers", 0) > 1 and state_of(proxy, "big")["rows"] > rows or over_by_then(proxy), 60,
                       "several readers: %s" % proxy.get("/jobs/backfill"), 0.01)
            rows = state_of(proxy, "big")["rows"]
            most = max(most, state_of(proxy, "big").get("readers", 0))
            time.sleep(draw.uniform(0, 0.5))
            say("kill %d of %d (%s; %s)" % (number + 1, kills, said_of(proxy), parts_of(env)))
            proxy.kill()
            proxy.start(ready=False)
        later, status = most_readers(proxy, "big")
        most = max(most, later)
        assert status["state"] == "done", status
        time.sleep(0.5)
    finally:
        written = backfill_writers.stop_writers(writers)
    say("%d transactions were written, %d rows copied, by %d readers" % (written, status["rows"], most))
    assert written > 50 and most > 1, (written, most)
    env.assert_equal(proxy, rows_min=1000)
    assert proxy.status()["applier"]["parked"] == [], proxy.status()["applier"]
    assert not parts_of(env), parts_of(env)
    return status


def over_by_then(proxy):
    return job(proxy)["state"] == "done"


def parts_of(env):
    return env.new.run("SELECT part, done, `rows` FROM crossfade.job_part ORDER BY part")


def test_rows_that_move_over_the_borders(env):
    copy_while_rows_move(env, seed=1, kills=0)


def test_kills_while_several_parts_are_under_way(env):
    copy_while_rows_move(env, seed=2, kills=5)


def test_nothing_is_read_twice_after_a_kill_but_what_was_under_way(env):
    """Without writers the number of rows is known, and so is what every part has counted."""
    env.needs_proxy()
    env.tables("CREATE TABLE t (k INT PRIMARY KEY, v INT, s VARCHAR(40))")
    fill(env.old, "t", str)
    proxy = env.proxy()
    assert backfill(proxy, "start", "--detach", "--chunk-time", "20ms", "--parallel", "4", "--max-rows-per-second", "8000")[0] == 0
    for _ in range(3):
        wait_until(lambda: state_of(proxy, "t").get("readers", 0) > 1, 60, "several readers: %s" % proxy.get("/jobs/backfill"), 0.01)
        time.sleep(0.2)
        proxy.kill()
        stored = sum(row[2] for row in parts_of(env))
        # What is remembered is there; what was being written may be, too.
        there = env.new.run("SELECT COUNT(*) FROM app.t")[0][0]
        assert 0 < stored <= there <= COUNT, (stored, there)
        proxy.start(ready=False)
    status = over(proxy)
    assert status["state"] == "done" and status["rows"] == COUNT, status
    env.assert_equal(proxy, rows_min=COUNT)


def test_a_paused_copy_keeps_its_parts_for_a_later_one(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (k INT PRIMARY KEY, v INT, s VARCHAR(40))")
    fill(env.old, "t", str)
    proxy = env.proxy()
    assert backfill(proxy, "start", "--detach", "--chunk-time", "20ms", "--parallel", "4", "--max-rows-per-second", "6000")[0] == 0
    wait_until(lambda: state_of(proxy, "t").get("readers", 0) > 1, 60, "several readers: %s" % proxy.get("/jobs/backfill"), 0.01)
    assert backfill(proxy, "pause")[0] == 0
    through(proxy, "UPDATE t SET v = v + 1 WHERE k % 3 = 0", "UPDATE t SET k = -k - 1 WHERE k % 1000 = 1", "DELETE FROM t WHERE k % 1000 = 7")
    assert backfill(proxy, "resume")[0] == 0
    wait_until(lambda: state_of(proxy, "t").get("readers", 0) > 1, 60, "readers again: %s" % proxy.get("/jobs/backfill"), 0.01)
    assert backfill(proxy, "cancel")[0] == 0
    # Fewer readers than parts: they take turns.
    code, said = backfill(proxy, "start", "--resume", "--parallel", "1")
    assert code == 0, said
    env.assert_equal(proxy, rows_min=COUNT - 100)


def test_a_record_without_parts_goes_on_as_one(env):
    """As a version wrote it that knew none."""
    env.needs_proxy()
    env.tables("CREATE TABLE t (k INT PRIMARY KEY, v INT, s VARCHAR(40))")
    fill(env.old, "t", str)
    proxy = env.proxy()
    assert backfill(proxy, "start", "--detach", "--chunk-time", "20ms", "--parallel", "1", "--max-rows-per-second", "4000")[0] == 0
    wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
    proxy.kill()
    assert len(parts_of(env)) == 1, parts_of(env)
    env.new.run("UPDATE crossfade.job_table t JOIN crossfade.job_part p USING (job, table_schema, table_name) SET t.place = p.place, "
                "t.key_name = p.key_name, t.`rows` = p.`rows`, t.bytes = p.bytes, t.chunks = p.chunks", "DROP TABLE crossfade.job_part")
    proxy.start(ready=False)
    status = over(proxy)
    assert status["state"] == "done" and status["rows"] == COUNT, status
    env.assert_equal(proxy, rows_min=COUNT)
