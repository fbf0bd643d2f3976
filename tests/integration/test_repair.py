"""`crossfade repair`: rows of the follower become what the leader has, whatever is written meanwhile."""

import concurrent.futures
import json
import time

import backfill_writers
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import execute, through
from progress import wait_until
from test_verify import T, copies, plant, start
from verify import crossfade, differs, equal, job, over, repair, verify

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS


def test_what_would_be_done_is_shown_and_not_done(env):
    proxy = start(env, T)
    plant(env, "DELETE FROM t WHERE id = 7", "INSERT INTO t VALUES (-1, 1, 'it''s', NULL)", "UPDATE t SET v = 77 WHERE id = 9")
    rows = differs(proxy)
    code, said = crossfade(proxy, "repair", "--dry-run")
    assert code == 0 and sorted(said.splitlines()) == sorted(
        ["insert  app.t id=7", "delete  app.t id=-1", "replace app.t id=9", "3 rows to repair"]), said
    code, sql = crossfade(proxy, "repair", "--print")
    assert code == 0 and "DELETE FROM `app`.`t`" in sql and "INSERT INTO" in sql, sql
    assert differs(proxy) == rows
    # What is printed is what would be done.
    _, sql = crossfade(proxy, "repair", "--print")
    with env.new.connect(database="app") as session, session.cursor() as cursor:
        for statement in sql.strip().split(";\n"):
            cursor.execute(statement.rstrip(";\n"))
    equal(proxy)
    code, sql = crossfade(proxy, "repair", "--print")
    assert code == 0 and "no row is to be repaired" in sql, sql


def test_tables_are_chosen(env):
    proxy = start(env, T, "CREATE TABLE other (id INT PRIMARY KEY)")
    plant(env, "DELETE FROM t WHERE id = 7", "INSERT INTO other VALUES (1)")
    assert len(differs(proxy)) == 2
    repair(proxy, "--tables", "app.other")
    assert list(differs(proxy)) == [("app.t", "missing", "id=7")]
    repair(proxy)
    equal(proxy)


def test_all_rows_of_the_tables_that_are_asked_for_are_listed(env):
    proxy = start(env, T, "CREATE TABLE other (id INT PRIMARY KEY)", rows=2500)
    plant(env, "UPDATE t SET v = -1", "INSERT INTO other VALUES (1)")
    assert verify(proxy)[0] == 4
    code, said = crossfade(proxy, "repair", "--dry-run")
    assert code == 0 and said.endswith("2501 rows to repair\n") and len(set(said.splitlines())) == 2502, said[-200:]
    code, said = crossfade(proxy, "repair", "--dry-run", "--tables", "app.other")
    assert code == 0 and said == "delete  app.other id=1\n1 row to repair\n", said
    code, said = crossfade(proxy, "repair", "--dry-run", "--format", "json")
    assert code == 0 and len(json.loads(said)) == 2501 and json.loads(said)[0]["table"].startswith("app."), said[:200]
    repair(proxy, "--tables", "app.other")
    code, said = crossfade(proxy, "repair", "--dry-run", "--format", "json", "--tables", "app.other")
    assert code == 0 and json.loads(said) == [], said


def ordered_while_it_waits(proxy, holder, verb):
    """Behind the row it would be done before anybody says so."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        said = pool.submit(crossfade, proxy, "repair", verb)
        time.sleep(1)
        execute(holder, "ROLLBACK")
        return said.result()


def test_pause_resume_and_cancel(env):
    proxy = start(env, T)
    plant(env, "UPDATE t SET v = -1")
    assert verify(proxy)[0] == 4
    code, said = crossfade(proxy, "repair", "pause")
    assert code == 1 and "no repair is under way" in said, said
    with env.new.connect(database="app") as session:
        # The applier waits for this row, and the repair with it.
        execute(session, "BEGIN", "UPDATE t SET v = -2 WHERE id = 4500")
        assert crossfade(proxy, "repair", "--detach")[0] == 0
        wait_until(lambda: job(proxy, "repair").get("rows", 0) >= 4000, 60, "the rows before it: %s" % job(proxy, "repair"))
        assert ordered_while_it_waits(proxy, session, "pause")[0] == 0
    assert crossfade(proxy, "repair", "status")[0] == 8 and job(proxy, "repair")["state"] == "paused"
    rows = job(proxy, "repair")["rows"]
    assert crossfade(proxy, "repair", "resume")[0] == 0
    status = over(proxy, "repair")
    assert status["state"] == "done" and status["rows"] == 5000 >= rows, status
    code, said = crossfade(proxy, "repair", "status")
    assert code == 0 and "5000 rows were repaired" in said, said
    equal(proxy)
    plant(env, "UPDATE t SET v = -1")
    assert verify(proxy)[0] == 4
    with env.new.connect(database="app") as session:
        execute(session, "BEGIN", "UPDATE t SET v = -2 WHERE id = 1000")
        assert crossfade(proxy, "repair", "--detach")[0] == 0
        wait_until(lambda: job(proxy, "repair").get("rows", 0) >= 800, 60, "the rows before it: %s" % job(proxy, "repair"))
        assert ordered_while_it_waits(proxy, session, "cancel")[0] == 0
    assert job(proxy, "repair")["state"] == "cancelled" and crossfade(proxy, "repair", "status")[0] == 8
    # What was not written is still known.
    code, said = crossfade(proxy, "repair", "--dry-run")
    assert code == 0, said
    repair(proxy)
    equal(proxy)


def test_a_row_that_the_follower_refuses_ends_the_repair_of_its_table(env):
    env.needs_proxy()
    env.tables("CREATE TABLE part (id INT PRIMARY KEY, v INT)", "CREATE TABLE other (id INT PRIMARY KEY, v INT)")
    env.old.run("INSERT INTO part VALUES (1, 1), (2, 2), (7, 7), (8, 8)", "INSERT INTO other VALUES (1, 1), (2, 2)", database="app")
    proxy = env.proxy()
    copies(proxy)
    plant(env, "DELETE FROM part WHERE id IN (7, 8)", "UPDATE part SET v = 5 WHERE id = 1", "DELETE FROM other WHERE id = 2")
    assert len(differs(proxy)) == 4
    # Known only when it is written: no partition has this row's place.
    env.new.run("ALTER TABLE part PARTITION BY RANGE (id) (PARTITION few VALUES LESS THAN (8))", database="app")
    code, said = crossfade(proxy, "repair")
    assert code == 1 and "app.part" in said and "the follower refuses rows: 1526" in said, (code, said)
    tables = {table["table"]: table for table in job(proxy, "repair")["tables"]}
    assert tables["app.part"]["state"] == "failed" and tables["app.other"]["state"] == "done", tables
    # Nothing of the batch is there, and the table follows on.
    assert not proxy.status()["applier"]["parked"], proxy.status()["applier"]
    through(proxy, "UPDATE part SET v = 99 WHERE id = 2", "INSERT INTO part VALUES (3, 3)")
    proxy.caught_up()
    assert sorted(env.new.run("SELECT id, v FROM app.part")) == [(1, 5), (2, 99), (3, 3)]
    env.new.run("ALTER TABLE part REMOVE PARTITIONING", database="app")
    repair(proxy)
    equal(proxy)
    env.assert_equal(proxy)


def test_children_of_what_is_repaired_stay(env):
    env.needs_proxy()
    env.tables("CREATE TABLE parent (id INT PRIMARY KEY, v INT)",
               "CREATE TABLE child (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE)")
    env.old.run("INSERT INTO parent VALUES (1, 1), (2, 2)", "INSERT INTO child VALUES (10, 1), (20, 2), (21, 2)", database="app")
    proxy = env.proxy()
    copies(proxy)
    plant(env, "UPDATE parent SET v = 5 WHERE id = 2", "DELETE FROM parent WHERE id = 1", "DELETE FROM child WHERE id = 21")
    assert len(differs(proxy)) == 3
    repair(proxy)
    equal(proxy)
    through(proxy, "DELETE FROM parent WHERE id = 2")
    env.assert_equal(proxy)


def test_under_writers(env):
    env.needs_proxy()
    env.tables(*backfill_writers.TABLES)
    backfill_writers.seed_rows(env.old, 6, count=2000)
    # A row that differs meets writers: it is the applier's, too.
    proxy = env.proxy(flags={"dual_write": {"enabled": True, "on_divergence": "overwrite"}})
    copies(proxy)
    writers = backfill_writers.start_writers(env, proxy, 6)
    try:
        plant(env, "UPDATE moves SET pad = 'planted' WHERE id % 3 = 0", "INSERT INTO moves SELECT id + 50000000, 0, 'planted' FROM moves WHERE id < 300")
        code, said = verify(proxy, "--tables", "app.moves", "--max-lag", "60s")
        assert code == 4, said
        repair(proxy)
        time.sleep(0.5)
    finally:
        written = backfill_writers.stop_writers(writers)
    assert written > 10, written
    proxy.caught_up()
    assert not env.new.run("SELECT id FROM app.moves WHERE pad = 'planted'")
    code, said = verify(proxy, "--tables", "app.moves")
    assert code == 0, said


def test_kills_in_the_middle(env):
    proxy = start(env, T)
    plant(env, "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id % 10 = 0")
    assert len(differs(proxy)) == 1000
    assert crossfade(proxy, "repair", "--detach")[0] == 0
    for _ in range(2):
        time.sleep(0.15)
        proxy.kill()
        proxy.start(ready=False)
    status = over(proxy, "repair")
    assert status["state"] == "done" and status["rows"] == 5000, status
    equal(proxy)
    env.assert_equal(proxy, rows_min=5000)


def test_the_ledgers_rows_close(env):
    proxy = start(env, T)
    # A row that does not fit stops its table; released, it is caught up, and what else differs is found and repaired.
    plant(env, "DELETE FROM t WHERE id IN (5, 6)")
    through(proxy, "UPDATE t SET v = 50 WHERE id = 5")
    wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stopped table")
    code, said = verify(proxy)
    assert code == 8 and "stopped" in said, (code, said)
    assert crossfade(proxy, "tables", "release", "app.t", "--overwrite")[0] == 0
    wait_until(lambda: not proxy.status()["applier"]["parked"], 30, "the released table: %s" % proxy.status()["applier"])
    said = repair(proxy, "--from", "ledger")
    assert "id=6" in said, said
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] == 0, 30, "the closed ledger: %s" % proxy.status()["applier"])
    equal(proxy)
    env.assert_equal(proxy, rows_min=5000)
    assert "no row differs" in repair(proxy, "--from", "ledger")


def test_the_ledgers_tables_are_repaired_without_asking(env):
    env.needs_proxy()
    env.tables(T)
    env.old.run("INSERT INTO t (id, v) VALUES (1, 1), (2, 2), (3, 3)", database="app")
    proxy = env.proxy({"dual_write": {"repair": "auto"}})
    copies(proxy)
    plant(env, "DELETE FROM t WHERE id IN (1, 3)")
    # Nothing is in the ledger: what somebody compares is not repaired by itself.
    assert verify(proxy)[0] == 4
    time.sleep(6)
    assert job(proxy, "repair")["state"] == "none" and job(proxy)["options"]["automatic"] is False, job(proxy)
    through(proxy, "UPDATE t SET v = 5 WHERE id = 1")
    wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stopped table")
    time.sleep(6)
    assert job(proxy)["options"]["automatic"] is False, "a stopped table is not compared: %s" % job(proxy)
    assert crossfade(proxy, "tables", "release", "app.t", "--overwrite")[0] == 0
    wait_until(lambda: job(proxy, "repair")["state"] == "done", 60, "the repair")
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] == 0, 30, "the closed ledger: %s" % proxy.status()["applier"])
    assert job(proxy)["options"]["automatic"] is True and job(proxy, "repair")["rows"] == 1, job(proxy, "repair")
    proxy.metric_comes(lambda value: value == 1, "crossfade_repair_automatic")
    env.assert_equal(proxy)
    equal(proxy)


def test_a_table_that_must_not_be_written_is_said(env):
    proxy = start(env, T)
    plant(env, "DELETE FROM t WHERE id = 7")
    assert len(differs(proxy)) == 1
    env.new.run("CREATE TRIGGER touches BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 5", database="app")
    code, said = crossfade(proxy, "repair")
    assert code == 1 and "app.t" in said and "trigger" in said, (code, said)
    assert job(proxy, "repair")["state"] == "failed"
    env.new.run("DROP TRIGGER touches", database="app")
    wait_until(lambda: not proxy.status()["applier"]["parked"], 30, "the table that follows again")
    repair(proxy)
    equal(proxy)
