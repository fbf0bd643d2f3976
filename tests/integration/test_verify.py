"""`crossfade verify`: what differs is found, whatever it is; and nothing else is told, whatever is written meanwhile."""

import random
import time

import backfill_writers
from backfill import backfill
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import execute, through
from progress import say, wait_until
from row_samples import TYPES
from verify import crossfade, differs, equal, found, job, over, repair, verify

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT NULL, s VARCHAR(100) NOT NULL DEFAULT '', u INT NULL, UNIQUE KEY (u))"


def fill(env, count, table="t"):
    for at in range(0, count, 1000):
        env.old.run("INSERT INTO %s (id, v, s) VALUES %s" % (
            table, ", ".join("(%d, %d, 'row %d')" % (n, n % 7, n) for n in range(at, min(count, at + 1000)))), database="app")


def copies(proxy):
    """All rows are on both sides; triggers may be made a moment later than clients are let in."""
    def copied():
        code, said = backfill(proxy, "start")
        assert code == 0 or "not captured by triggers yet" in said, said
        return code == 0
    wait_until(copied, 60, "the copy")


def start(env, *tables, rows=5000):
    env.needs_proxy()
    env.tables(*tables)
    if rows:
        fill(env, rows)
    proxy = env.proxy()
    if rows:
        copies(proxy)
    return proxy


def plant(env, *statements):
    """On the follower alone, past everything."""
    with env.new.connect(database="app") as session:
        execute(session, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', foreign_key_checks = 0")
        for statement in statements:
            execute(session, statement)


def test_equal_tables_are_equal(env):
    proxy = start(env, T, "CREATE TABLE nothing (id INT PRIMARY KEY)")
    said = equal(proxy, "--chunk-time", "50ms")
    assert "2 of 2 tables, 5000 rows" in said, said
    assert proxy.metric("crossfade_verify_rows") == 5000 and proxy.metric("crossfade_verify_differences") == 0
    code, said = crossfade(proxy, "verify", "status")
    assert code == 0 and "no row differs" in said and "job" in said, said
    assert proxy.status()["verify"]["state"] == "done"
    equal(proxy, "--tables", "app.t", "--parallel", "4")


def test_differences_of_every_kind(env):
    proxy = start(env, T)
    plant(env, "DELETE FROM t WHERE id IN (0, 17, 4999)", "INSERT INTO t VALUES (-5, 1, 'extra', NULL), (2000000, 1, 'extra', NULL)",
          "UPDATE t SET v = v + 1 WHERE id = 100", "UPDATE t SET v = NULL WHERE id = 101", "UPDATE t SET s = '' WHERE id = 102",
          "UPDATE t SET s = CONCAT(s, ' ') WHERE id = 103", "UPDATE t SET s = UPPER(s) WHERE id = 104",
          # What a sum over CRCs would not see: rows that have exchanged their values.
          "UPDATE t SET s = IF(id = 200, 'row 201', 'row 200'), v = IF(id = 200, 4, 4) WHERE id IN (200, 201)",
          "UPDATE t SET s = IF(id = 301, 'row 302', 'row 301') WHERE id IN (301, 302)")
    through(proxy, "UPDATE t SET u = 1 WHERE id = 400", "UPDATE t SET u = 2 WHERE id = 401")
    wait_until(lambda: proxy.status()["caught_up"], 30, "the follower")
    plant(env, "UPDATE t SET u = NULL WHERE id IN (400, 401)", "UPDATE t SET u = 402 - id WHERE id IN (400, 401)")
    v200 = ["s", "v"] if 200 % 7 != 4 else ["s"]
    expected = {("app.t", "missing", "id=%d" % n): [] for n in (0, 17, 4999)}
    expected.update({("app.t", "extra", "id=%d" % n): [] for n in (-5, 2000000)})
    expected.update({("app.t", "differs", "id=%d" % n): columns for n, columns in (
        (100, ["v"]), (101, ["v"]), (102, ["s"]), (103, ["s"]), (104, ["s"]), (200, v200), (201, ["s", "v"] if 201 % 7 != 4 else ["s"]),
        (301, ["s"]), (302, ["s"]), (400, ["u"]), (401, ["u"]))})
    assert differs(proxy, "--chunk-time", "50ms") == expected, found(proxy)
    proxy.metric_comes(lambda value: value == len(expected), "crossfade_verify_differences")
    code, said = crossfade(proxy, "verify", "status")
    assert code == 4 and "missing" in said and "id=17" in said and "s: old #" in said, said
    verify(proxy, "--show-values", "--tables", "app.t")
    columns = [row["columns"] for row in job(proxy)["differences"] if row["row"] == "id=104"]
    assert columns == [[{"column": "s", "old": "'row 104'", "new": "'ROW 104'"}]], columns
    said = repair(proxy)
    assert "%d rows" % len(expected) in said, said
    wait_until(lambda: job(proxy)["repaired_since"] is True, 10, "the word that this is not the last one")
    equal(proxy)
    env.assert_equal(proxy, rows_min=5000)
    assert job(proxy)["repaired_since"] is False


def test_every_type(env):
    """A column of each type; all are equal first, then each differs by itself."""
    env.needs_proxy()
    columns = ", ".join("c%d %s" % (n, kind[0]) for n, kind in enumerate(TYPES))
    env.tables("CREATE TABLE every (id INT PRIMARY KEY, %s, j JSON, g INT AS (id * 2) STORED) ROW_FORMAT=DYNAMIC" % columns)
    with env.old.connect(database="app") as session:
        execute(session, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'")
        for row in range(6):
            values = ", ".join(kind[1 + row % (len(kind) - 1)] if row < 5 else "NULL" for kind in TYPES)
            execute(session, "INSERT INTO every (id, %s, j) VALUES (%d, %s, '{\"b\": 1.50, \"a\": [1, 2.5, \"\\u00e9\"]}')" % (
                ", ".join("c%d" % n for n in range(len(TYPES))), row, values))
        # The same row once more for each type, to be changed there.
        for n in range(len(TYPES)):
            values = ", ".join(kind[1] for kind in TYPES)
            execute(session, "INSERT INTO every (id, %s, j) VALUES (%d, %s, '[1]')" % (", ".join("c%d" % k for k in range(len(TYPES))), 1000 + n, values))
    proxy = env.proxy()
    copies(proxy)
    equal(proxy)
    expected = {}
    for n, kind in enumerate(TYPES):
        other = kind[2] if len(kind) > 2 and kind[2] != kind[1] else "NULL"
        plant(env, "UPDATE every SET c%d = %s WHERE id = %d" % (n, other, 1000 + n))
        expected[("app.every", "differs", "id=%d" % (1000 + n))] = ["c%d" % n]
    plant(env, "UPDATE every SET j = '{\"b\": 1.51, \"a\": [1, 2.5, \"\\u00e9\"]}' WHERE id = 1")
    expected[("app.every", "differs", "id=1")] = ["j"]
    # Another spelling of the same value is none.
    plant(env, "UPDATE every SET j = '{\"a\":[1,2.5,\"\\u00e9\"],   \"b\":1.5}' WHERE id = 2")
    rows = differs(proxy)
    assert rows == expected, {"told too much": {k: v for k, v in rows.items() if expected.get(k) != v},
                              "not told": {k: (v, TYPES[int(k[2][3:]) - 1000][0]) for k, v in expected.items() if rows.get(k) != v and k[2] != "id=1"}}
    repair(proxy)
    equal(proxy)
    env.assert_equal(proxy, rows_min=6)


def test_keys_of_every_kind(env):
    """Composite keys, texts whose order is another on the follower, keys that differ in case alone."""
    env.needs_proxy()
    collation = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    env.tables("CREATE TABLE pair (a VARCHAR(20) %s, b INT, v INT, PRIMARY KEY (a, b))" % collation,
               "CREATE TABLE words (w VARCHAR(40) %s PRIMARY KEY, v INT)" % collation,
               "CREATE TABLE bytes (k VARBINARY(20) PRIMARY KEY, v INT)",
               "CREATE TABLE moment (at DATETIME(3) PRIMARY KEY, v INT)",
               # Triggers follow tables with a primary key alone.
               "CREATE TABLE backwards (a INT NOT NULL, b DECIMAL(10,2) NOT NULL, v INT, %s (a, b))" % (
                   "UNIQUE KEY" if env.feed == "log" else "PRIMARY KEY"))
    # On the follower every letter has a place of its own.
    env.new.run("ALTER TABLE words MODIFY w VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", database="app")
    draw = random.Random(7)
    letters = "abcXYZ_-. \u00e9\u00df\u4e2d"
    words = {"".join(draw.choice(letters) for _ in range(draw.randrange(1, 12))).strip().lower() for _ in range(3000)}
    words = sorted(words - {""})
    # general_ci takes these for equal.
    seen, unique = set(), []
    for word in words:
        folded = word.replace("\u00e9", "e").replace("\u00df", "s")
        if folded not in seen:
            seen.add(folded)
            unique.append(word.upper() if draw.random() < 0.3 and "\u00df" not in word else word)
    with env.old.connect(database="app", charset="utf8mb4") as session, session.cursor() as cursor:
        cursor.executemany("INSERT INTO words VALUES (%s, %s)", [(word, n) for n, word in enumerate(unique)])
        cursor.executemany("INSERT INTO pair VALUES (%s, %s, 1)", [(draw.choice("aAbBzZ") + str(n % 50), n) for n in range(3000)])
        cursor.executemany("INSERT INTO bytes VALUES (%s, 1)", [(b"\x00\xff'\\" + bytes([n % 256, n // 256]),) for n in range(1000)])
        cursor.executemany("INSERT INTO moment VALUES ('2024-01-01 00:00:00' + INTERVAL %s * 1000 MICROSECOND, 1)", [(n,) for n in range(1000)])
        cursor.executemany("INSERT INTO backwards VALUES (%s, %s, 1)", [(n % 10, n / 100) for n in range(1000)])
    proxy = env.proxy()
    copies(proxy)
    equal(proxy, "--chunk-time", "10ms")
    gone = unique[len(unique) // 2]
    turned = next(word for word in unique[10:] if word.isascii() and word != word.swapcase())
    with env.new.connect(database="app", charset="utf8mb4") as session, session.cursor() as cursor:
        cursor.execute("DELETE FROM words WHERE w = %s", (gone,))
        cursor.execute("UPDATE words SET w = %s WHERE w = %s", (turned.swapcase(), turned))
        cursor.execute("INSERT INTO words VALUES ('~ nobody has this', 1)")
        cursor.execute("UPDATE pair SET v = 2 WHERE b IN (5, 2999)")
        cursor.execute("UPDATE pair SET a = UPPER(a) WHERE b = 77")
        cursor.execute("UPDATE pair SET a = LOWER(a) WHERE b = 77")
        cursor.execute("DELETE FROM bytes ORDER BY k LIMIT 1")
        cursor.execute("UPDATE moment SET at = at + INTERVAL 1 YEAR WHERE at = '2024-01-01 00:00:00.500'")
        cursor.execute("UPDATE backwards SET b = b + 1000 WHERE a = 3 AND b = 0.03")
        cursor.execute("SELECT a FROM pair WHERE b = 77")
        was = env.old.run("SELECT a FROM app.pair WHERE b = 77")[0][0]
        is_turned = cursor.fetchone()[0] != was
    rows = differs(proxy, "--chunk-time", "10ms")
    kinds = sorted((table, kind) for table, kind, row in rows)
    expected = [("app.words", "missing")] * 2 + [("app.words", "extra")] * 2 + [("app.pair", "differs")] * 2 + [("app.bytes", "missing")] + [
        ("app.moment", "missing"), ("app.moment", "extra"), ("app.backwards", "missing"), ("app.backwards", "extra")]
    expected += [("app.pair", "missing"), ("app.pair", "extra")] if is_turned else []
    assert kinds == sorted(expected), rows
    repair(proxy)
    equal(proxy)


def test_nothing_is_told_falsely_under_writers(env):
    env.needs_proxy()
    env.tables(*backfill_writers.TABLES)
    backfill_writers.seed_rows(env.old, 5, count=2000)
    proxy = env.proxy()
    copies(proxy)
    writers = backfill_writers.start_writers(env, proxy, 5)
    try:
        until, looks = time.time() + 20, 0
        while time.time() < until or looks < 2:
            equal(proxy, "--chunk-time", "20ms", "--max-lag", "60s", "--parallel", "3")
            looks += 1
        # One that is real is found among them.
        plant(env, "INSERT INTO moves VALUES (-77, 1, '')")
        assert list(differs(proxy, "--max-lag", "60s", "--tables", "app.moves")) == [("app.moves", "extra", "id=-77")]
        repair(proxy)
        equal(proxy, "--max-lag", "60s")
    finally:
        written = backfill_writers.stop_writers(writers)
    say("%d transactions were written in %d comparisons" % (written, looks))
    assert written > 50, written
    env.assert_equal(proxy, rows_min=1000)


def test_kill_in_the_middle(env):
    proxy = start(env, T, rows=6000)
    plant(env, "DELETE FROM t WHERE id IN (3, 3000, 5990)", "INSERT INTO t VALUES (9000000, 1, '', NULL)")
    code, said = verify(proxy, "--detach", "--chunk-time", "20ms", "--max-rows-per-second", "1500")
    assert code == 0 and "compares 1 table" in said, said
    for rows in (1000, 3000):
        wait_until(lambda: job(proxy).get("rows", 0) > rows, 60, "more rows: %s" % job(proxy), 0.02)
        proxy.kill()
        proxy.start(ready=False)
        wait_until(lambda: job(proxy)["state"] == "running", 30, "the job of the last process", 0.05)
        assert job(proxy)["rows"] >= rows, job(proxy)
    status = over(proxy)
    assert status["state"] == "done" and status["rows"] == 5997 + 3, status
    assert sorted(found(proxy)) == sorted([("app.t", "extra", "id=9000000")] + [("app.t", "missing", "id=%d" % n) for n in (3, 3000, 5990)]), found(proxy)


def test_pause_resume_and_cancel(env):
    proxy = start(env, T)
    verify(proxy, "--detach", "--chunk-time", "20ms", "--max-rows-per-second", "1000")
    wait_until(lambda: job(proxy).get("rows", 0) > 0, 30, "the first rows")
    code, said = verify(proxy)
    assert code == 1 and "crossfade verify resume" in said, said
    assert crossfade(proxy, "verify", "pause")[0] == 0 and crossfade(proxy, "verify", "status")[0] == 8
    rows = job(proxy)["rows"]
    assert crossfade(proxy, "verify", "resume")[0] == 0
    wait_until(lambda: job(proxy)["rows"] > rows, 30, "more rows")
    assert crossfade(proxy, "verify", "cancel")[0] == 0 and job(proxy)["state"] == "cancelled"
    equal(proxy)


def test_all_rows_may_be_asked_for_by_name(env):
    proxy = start(env, T)
    equal(proxy, "--full")
    assert job(proxy)["options"]["sample_ppm"] == 1000000 and job(proxy)["tables"][0]["state"] == "done", job(proxy)
    code, said = verify(proxy, "--full", "--sample", "1%")
    assert code == 1 and "--full" in said, (code, said)


def test_a_sample_finds_what_is_everywhere(env):
    proxy = start(env, T, rows=20000)
    equal(proxy, "--sample", "10%")
    rows = job(proxy)["rows"]
    assert 0 < rows < 8000, rows
    assert job(proxy)["tables"][0]["state"] == "partial"
    plant(env, "UPDATE t SET v = 99 WHERE id % 100 = 0")
    assert differs(proxy, "--sample", "20%")


def test_definitions_that_change_in_the_middle(env):
    proxy = start(env, T, "CREATE TABLE going (id INT PRIMARY KEY, v INT)", rows=0)
    with proxy.connect(database="app") as session:
        for table in ("t", "going"):
            for at in range(0, 4000, 1000):
                execute(session, "INSERT INTO %s (id, v) VALUES %s" % (table, ", ".join("(%d, 1)" % n for n in range(at, at + 1000))))
    wait_until(lambda: proxy.status()["caught_up"], 30, "the follower")
    verify(proxy, "--detach", "--chunk-time", "20ms", "--max-rows-per-second", "1500", "--parallel", "2")
    wait_until(lambda: job(proxy).get("rows", 0) > 500, 30, "the first rows")
    through(proxy, "ALTER TABLE t ADD COLUMN more INT NOT NULL DEFAULT 5", "DROP TABLE going")
    status = over(proxy)
    tables = {table["table"]: table for table in status["tables"]}
    assert tables["app.t"]["state"] == "done" and tables["app.t"]["rows"] == 4000, status
    assert tables["app.going"]["state"] == "failed" and "no such table" in tables["app.going"]["reason"], status
    assert status["differences_count"] == 0 and crossfade(proxy, "verify", "status")[0] == 8, status


def test_what_cannot_be_compared_is_said_by_name(env):
    env.needs_proxy()
    env.tables(T, "CREATE TABLE keyless (a INT, b INT)", "CREATE TABLE here (id INT PRIMARY KEY)")
    proxy = env.proxy()
    env.new.run("DROP TABLE here", database="app")
    code, said = verify(proxy, "--tables", "app.nothing")
    assert code == 1 and "the leader has no table app.nothing" in said, said
    code, said = verify(proxy, "--sample", "0%")
    assert code == 1 and "no share" in said, said
    code, said = crossfade(proxy, "verify", "pause")
    assert code == 1 and "no verify is under way" in said, said
    code, said = crossfade(proxy, "repair")
    assert code == 1 and "nothing has been compared" in said, said
    code, said = verify(proxy)
    assert code == 8 and "app.keyless" in said and "has no primary key" in said, said
    assert "app.here" in said and ("no such table" in said or "stopped" in said), said
    equal(proxy, "--tables", "app.t")
