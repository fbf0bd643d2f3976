"""`crossfade verify start --aggregates|--lengths|--foreign-keys`: quick looks at all rows, at one place of the changes; and
which tables are compared how often: `--since`, `--continuous`."""

import json
import time

import backfill_writers
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import execute, through
from progress import say, wait_until
from row_samples import TYPES
from test_rights import LEAN, lean_accounts
from test_verify import T, copies, fill, plant, start
from verify import crossfade, differs, equal, job, over, repair, verify

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

LOOKS = ("--aggregates", "--lengths", "--foreign-keys")


def nothing(proxy, *arguments):
    code, said = verify(proxy, *arguments)
    assert code == 0 and "no figure differs" in said, (code, said)


def figures(proxy, *arguments):
    """What differs, as {(table, kind, rows): {figure: (old, new)}}."""
    code, said = verify(proxy, *arguments)
    assert code == 4, (code, said)
    return {(row["table"], row["kind"], row["row"]): {c["column"]: (c["old"], c["new"]) for c in row["columns"]}
            for row in job(proxy)["differences"]}


def test_aggregates_of_every_type(env):
    env.needs_proxy()
    columns = ", ".join("c%d %s" % (n, kind[0]) for n, kind in enumerate(TYPES))
    env.tables("CREATE TABLE every (id INT PRIMARY KEY, %s, j JSON, g INT AS (id * 2) STORED) ROW_FORMAT=DYNAMIC" % columns)
    with env.old.connect(database="app") as session:
        execute(session, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'")
        for row in range(6):
            values = ", ".join(kind[1 + row % (len(kind) - 1)] if row < 5 else "NULL" for kind in TYPES)
            execute(session, "INSERT INTO every (id, %s, j) VALUES (%d, %s, '{\"b\": 1.50}')" % (
                ", ".join("c%d" % n for n in range(len(TYPES))), row, values))
    proxy = env.proxy()
    copies(proxy)
    nothing(proxy, *LOOKS)
    nothing(proxy, "--aggregates", "--by", "id")
    # Each type by itself: a value that is gone shows in its count, at least.
    for n in range(len(TYPES)):
        plant(env, "UPDATE every SET c%d = NULL WHERE id = 1" % n)
    found = figures(proxy, "--aggregates")
    assert set(found) == {("app.every", "aggregate", "all rows")}, found
    told = found[("app.every", "aggregate", "all rows")]
    missed = [TYPES[n][0] for n in range(len(TYPES)) if "count(c%d)" % n not in told]
    assert not missed and "count(*)" not in told, (missed, told)


def test_aggregates_by_day_and_value(env):
    env.needs_proxy()
    env.tables("CREATE TABLE sales (id INT PRIMARY KEY, at DATETIME NOT NULL, shop VARCHAR(20) NOT NULL, price DECIMAL(10,2))",
               "CREATE TABLE other (id INT PRIMARY KEY)")
    env.old.run("INSERT INTO other VALUES (1)", *("INSERT INTO sales VALUES (%d, '2026-01-%02d 10:00:00', '%s', %d.50)" % (
        n, 1 + n % 5, "abc"[n % 3], n) for n in range(30)), database="app")
    proxy = env.proxy()
    copies(proxy)
    nothing(proxy, "--aggregates", "--by", "at")
    plant(env, "UPDATE sales SET price = price + 1 WHERE id = 7", "DELETE FROM sales WHERE at < '2026-01-02'",
          "INSERT INTO sales VALUES (100, '2026-02-01', 'd', 1)")
    found = figures(proxy, "--aggregates", "--by", "at", "--show-values")
    day = found[("app.sales", "aggregate", "day(at)='2026-01-03'")]
    assert day["sum(price)"] == ("90.00", "91.00") and "count(*)" not in day, day
    assert found[("app.sales", "aggregate", "day(at)='2026-01-01'")] == {"count(*)": ("6", "0")}, found
    assert found[("app.sales", "aggregate", "day(at)='2026-02-01'")] == {"count(*)": ("0", "1")}, found
    assert len(found) == 3, found
    hidden = figures(proxy, "--aggregates", "--by", "shop")
    assert hidden[("app.sales", "aggregate", "shop='d'")] == {"count(*)": ("0", "1")}, hidden
    assert all(value.startswith("#") for value in hidden[("app.sales", "aggregate", "shop='b'")]["sum(price)"]), hidden
    code, said = crossfade(proxy, "verify", "status")
    assert code == 4 and "figures differ" in said and "aggregate" in said, said
    # Of a look nothing can be repaired.
    code, said = crossfade(proxy, "repair")
    assert code == 1 and "compared no rows" in said, said


def test_lengths_tell_of_values_cut_short(env):
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(100) NOT NULL, b BLOB)")
    plant(env, "UPDATE t SET s = LEFT(s, 5) WHERE id = 4000")
    assert figures(proxy, "--lengths") == {("app.t", "length", "all rows"): {"sum(length(s))": ("38890", "38887")}}, job(proxy)
    assert list(differs(proxy)) == [("app.t", "differs", "id=4000")]


def test_orphans_of_each_side(env):
    env.needs_proxy()
    env.tables("CREATE TABLE parent (id INT PRIMARY KEY)",
               "CREATE TABLE child (id INT PRIMARY KEY, up INT, FOREIGN KEY f (up) REFERENCES parent (id))",
               "CREATE TABLE self (id INT PRIMARY KEY, up INT, CONSTRAINT own FOREIGN KEY (up) REFERENCES self (id))")
    env.old.run("INSERT INTO parent VALUES (1), (2)", "INSERT INTO child VALUES (10, 1), (20, 2), (21, 2), (22, NULL)",
                "INSERT INTO self VALUES (1, NULL), (2, 1)", database="app")
    proxy = env.proxy()
    copies(proxy)
    nothing(proxy, "--foreign-keys")
    plant(env, "DELETE FROM parent WHERE id = 2", "INSERT INTO self VALUES (3, 9)")
    found = figures(proxy, "--foreign-keys")
    key = next(row for table, _, row in found if table == "app.child")
    assert found[("app.child", "orphans", key)] == {
        "rows": ("0", "2"), "id=20": ("", "refers to none"), "id=21": ("", "refers to none")}, found
    assert found[("app.self", "orphans", "foreign key own")]["rows"] == ("0", "1"), found
    code, said = crossfade(proxy, "verify", "status")
    assert code == 4 and "id=21" in said, said


def test_looks_are_right_under_writers(env):
    env.needs_proxy()
    env.tables(*backfill_writers.TABLES)
    backfill_writers.seed_rows(env.old, 8, count=2000)
    proxy = env.proxy()
    copies(proxy)
    writers = backfill_writers.start_writers(env, proxy, 8)
    try:
        until, looks = time.time() + 8, 0
        while time.time() < until or looks < 2:
            nothing(proxy, "--aggregates", "--lengths", "--max-lag", "60s")
            looks += 1
        plant(env, "INSERT INTO moves VALUES (-77, 1, '')")
        assert list(figures(proxy, "--aggregates", "--max-lag", "60s", "--tables", "app.moves")) == [
            ("app.moves", "aggregate", "all rows")]
    finally:
        written = backfill_writers.stop_writers(writers)
    say("%d transactions were written in %d looks" % (written, looks))
    assert written > 50, written


def test_a_look_is_paused_and_goes_on_after_a_kill(env):
    """A query that takes long is ended on both servers when the job is."""
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(100) NOT NULL DEFAULT '')",
               "CREATE TABLE child (id INT PRIMARY KEY, up INT, KEY (up), FOREIGN KEY (up) REFERENCES t (id))")
    fill(env, 3000)
    proxy = env.proxy()
    copies(proxy)
    with env.new.connect(database="app") as session:
        # Writers of the follower wait for the lock, and so does a look at it.
        execute(session, "LOCK TABLES t WRITE")
        verify(proxy, "--detach", "--aggregates", "--tables", "app.t")
        wait_until(lambda: waiting(env), 30, "the query that waits on new")
        began = time.time()
        assert crossfade(proxy, "verify", "pause")[0] == 0 and time.time() - began < 20
        assert job(proxy)["state"] == "paused" and not waiting(env)
        execute(session, "UNLOCK TABLES")
    proxy.kill()
    proxy.start(ready=False)
    wait_until(lambda: job(proxy)["state"] == "paused", 30, "the job of the last process")
    assert crossfade(proxy, "verify", "resume")[0] == 0
    status = over(proxy)
    assert status["state"] == "done" and status["rows"] == 3000 and status["differences_count"] == 0, status


def waiting(env):
    return [row for row in env.new.run("SELECT info FROM information_schema.PROCESSLIST") if row[0] and "COUNT(DISTINCT" in row[0]
            and "PROCESSLIST" not in row[0]]


def test_bad_input_is_named(env):
    proxy = start(env, T, "CREATE TABLE moments (id INT PRIMARY KEY, at DATETIME)", rows=10)
    for arguments, expected in (
            (("--aggregates", "--by", "nothing"), "no table that is chosen has a column nothing"),
            (("--by", "v"), "by: groups aggregates"), (("--since", "yesterday"), "--since"), (("--since", "0s"), "--since"),
            (("--aggregates", "--sample", "1%"), "all rows"), (("--pause", "1m"), "--continuous"), (("--busy", "0%"), "no share"),
            (("--continuous", "--pause", "soon"), "--pause")):
        code, said = verify(proxy, *arguments)
        assert code == 1 and expected in said, (arguments, code, said)
    nothing(proxy, "--aggregates", "--by", "at")


def test_the_right_that_is_missing_is_named(env):
    env.needs_proxy()
    env.tables(T)
    env.old.run("INSERT INTO t (id, v) VALUES (1, 1)", database="app")
    with lean_accounts(env) as config:
        proxy = env.proxy(config)
        copies(proxy)
        if env.feed == "log":
            code, said = verify(proxy, "--aggregates")
            assert code == 8 and "GRANT LOCK TABLES ON `app`.* on the leader" in said, (code, said)
            env.old.run("GRANT LOCK TABLES ON app.* TO %s@'%%'" % LEAN)
        nothing(proxy, *LOOKS)


def test_tables_that_have_changed_since(env):
    proxy = start(env, T, "CREATE TABLE other (id INT PRIMARY KEY, v INT)", "CREATE TABLE altered (id INT PRIMARY KEY)", rows=100)
    # Longer than this proxy knows of: every table may have changed.
    said = equal(proxy, "--since", "2h")
    assert "3 of 3 tables" in said, said
    time.sleep(2.5)
    through(proxy, "INSERT INTO other VALUES (1, 1)", "ALTER TABLE altered ADD COLUMN v INT")
    wait_until(lambda: proxy.status()["caught_up"], 30, "the follower")
    plant(env, "DELETE FROM other WHERE id = 1", "DELETE FROM t WHERE id = 5")
    code, said = verify(proxy, "--since", "2s")
    assert code == 4 and "1 have not changed since" in said, said
    assert {table["table"] for table in job(proxy)["tables"]} == {"app.other", "app.altered"}, job(proxy)
    assert [row["table"] for row in job(proxy)["differences"]] == ["app.other"], job(proxy)
    proxy.kill()
    proxy.start()
    # Another process knows nothing.
    code, said = verify(proxy, "--since", "2s")
    assert code == 4 and "3 of 3 tables" in said, said


def test_again_and_again(env):
    proxy = start(env, T, rows=500)
    code, said = verify(proxy, "--continuous", "--pause", "500ms", "--busy", "50%")
    assert code == 0 and "compares 1 table" in said, said
    first = job(proxy)["job"]
    wait_until(lambda: job(proxy).get("last", {}).get("job", 0) >= first + 1, 60, "the second round: %s" % job(proxy))
    assert job(proxy)["last"]["differences_count"] == 0 and job(proxy)["last"]["state"] == "done", job(proxy)
    plant(env, "DELETE FROM t WHERE id = 7")
    wait_until(lambda: job(proxy).get("last", {}).get("differences_count") == 1, 60, "the round that finds it")
    # The last one that came to its end counts, and is what is repaired.
    code, said = crossfade(proxy, "verify", "status")
    assert code == 4, (code, said)
    repair(proxy)
    wait_until(lambda: job(proxy).get("last", {}).get("differences_count") == 0, 60, "the round after the repair")
    proxy.kill()
    proxy.start(ready=False)
    wait_until(lambda: job(proxy)["state"] == "running", 30, "the job of the last process", 0.05)
    now = job(proxy)["job"]
    wait_until(lambda: job(proxy)["job"] > now, 60, "another round")
    # Rounds that found nothing do not stay for ever.
    kept = env.new.run("SELECT COUNT(*) FROM crossfade.job WHERE kind = 'verify'")[0][0]
    assert kept <= 4, kept
    assert crossfade(proxy, "verify", "cancel")[0] == 0
    now = job(proxy)["job"]
    time.sleep(1.5)
    assert job(proxy)["state"] == "cancelled" and job(proxy)["job"] == now, job(proxy)


def test_bytes_a_second_are_a_limit(env):
    proxy = start(env, T, rows=5000)
    env.old.run("ANALYZE TABLE t", database="app")
    began = time.time()
    equal(proxy, "--max-mb-per-second", "0.1", "--chunk-time", "20ms")
    took = time.time() - began
    size = float(env.old.run("SELECT DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 't'")[0][0])
    assert took > size / 1e5 * 0.5 > 0.5, (took, size)
    assert json.loads(proxy.get("/jobs/verify"))["options"]["mb_per_second"] == 0.1
