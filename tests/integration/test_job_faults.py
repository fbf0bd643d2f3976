"""Long jobs while connections are cut, statements killed and rows locked: whoever watches one is told of its end, and of what
passes by itself nothing is given up."""

import concurrent.futures
import contextlib
import time

import pymysql

from backfill import backfill, copies, job, over, refused, state_of
from harness import ALL_FEEDS, BOTH_ROLES, feeds
from log_feed import execute, through
from progress import wait_until
from servers import CONTROL
from verify import crossfade, found, verify
from verify import job as job_of

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0, s VARCHAR(100) NOT NULL DEFAULT '')"
SLOWLY = ("--max-rows-per-second", "2000", "--chunk-time", "20ms")


def start(env, rows, *tables, on_both=False):
    env.needs_proxy()
    env.tables(T, *tables)
    for server in (env.old, env.new) if on_both else (env.old,):
        for at in range(0, rows, 1000):
            server.run("INSERT INTO t (id, v, s) VALUES %s" % ", ".join("(%d, %d, 'row %d')" % (n, n % 7, n) for n in range(at, at + 1000)),
                       database="app")
    return env.proxy()


def kill(server, condition, how="KILL"):
    """What the control account does that is so; how many that were."""
    killed = 0
    with server.connect() as session:
        for each in execute(session, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '%s' AND (%s)" % (CONTROL, condition)):
            try:
                execute(session, "%s %d" % (how, each[0]))
                killed += 1
            except pymysql.MySQLError as error:
                assert error.args[0] == 1094, error  # it is gone by itself
    return killed


@contextlib.contextmanager
def watched(look):
    """What `look` tells meanwhile, each once."""
    seen, pool = [], concurrent.futures.ThreadPoolExecutor(1)
    ending = []

    def watch():
        while not ending:
            told = look()
            if told not in seen:
                seen.append(told)
            time.sleep(0.02)

    watching = pool.submit(watch)
    try:
        yield seen
    finally:
        ending.append(True)
        watching.result()
        pool.shutdown()


def cut_while(running, server):
    """The connections of the control account that wait, three times, while the command runs."""
    for _ in range(3):
        time.sleep(0.7)
        assert not running.done(), running.result()
        wait_until(lambda: kill(server, "COMMAND = 'Sleep'"), 20, "a connection to cut", 0.01)


def test_a_copy_is_watched_to_its_end_though_connections_are_lost(env):
    proxy = start(env, 12000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, watched(lambda: job(proxy)["state"]) as states:
        running = pool.submit(backfill, proxy, "start", *SLOWLY)
        wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
        states.clear()
        cut_while(running, env.old)
        code, said = running.result()
        assert job(proxy)["state"] == "done" and code == 0 and "12000 rows (100%)" in said, (code, said, job(proxy))
    assert set(states) <= {"running", "unknown", "done"}, states
    env.assert_equal(proxy, rows_min=12000)


def test_a_comparison_is_watched_to_its_end_though_connections_are_lost(env):
    proxy = start(env, 12000, on_both=True)
    env.new.run("UPDATE t SET v = 99 WHERE id = 11990", database="app")
    with concurrent.futures.ThreadPoolExecutor(1) as pool, watched(lambda: job_of(proxy)["state"]) as states:
        running = pool.submit(verify, proxy, *SLOWLY)
        wait_until(lambda: job_of(proxy).get("rows", 0) > 0, 30, "the first rows")
        states.clear()
        cut_while(running, env.old)
        code, said = running.result()
    assert code == 4 and list(found(proxy)) == [("app.t", "differs", "id=11990")], (code, said)
    assert set(states) <= {"running", "unknown", "done"}, states


def test_what_was_never_started_is_not_done(env):
    proxy = start(env, 0)
    for verbs, said in (("backfill", "no copy"), ("verify", "no comparison"), ("repair", "no repair")):
        wait_until(lambda kind=verbs: job_of(proxy, kind)["state"] == "none", 30, "an answer of the follower")
        code, text = crossfade(proxy, verbs, "status")
        assert code == 8 and said + " has been started" in text, (code, text)


@feeds("log")  # triggers tell of the marker by a table into which nobody waits to insert
def test_a_marker_that_is_locked_is_written_once_it_is_free(env):
    proxy = start(env, 12000)
    with watched(lambda: job(proxy)["state"]) as states:
        assert backfill(proxy, "start", "--detach", *SLOWLY)[0] == 0
        wait_until(lambda: state_of(proxy, "t").get("rows", 0) > 0, 30, "the first rows")
        states.clear()
        with env.old.connect(database="crossfade", autocommit=False) as holder:
            execute(holder, "SELECT * FROM marker FOR UPDATE")
            wait_until(lambda: "marker of a chunk is locked" in state_of(proxy, "t").get("reason", ""), 30, "the reason: %s" % job(proxy), 0.02)
            holder.rollback()
        assert over(proxy)["state"] == "done", job(proxy)
    assert set(states) <= {"running", "done"}, states
    env.assert_equal(proxy, rows_min=12000)


def test_a_chunk_whose_statement_is_killed_is_read_again(env):
    proxy = start(env, 3000)
    with env.old.connect(database="app", autocommit=False) as holder:
        execute(holder, "SELECT * FROM t WHERE id = 2500 FOR UPDATE")
        assert backfill(proxy, "start", "--detach")[0] == 0
        # Whoever waits for the row is killed, and not before its time is over.
        for _ in range(3):
            wait_until(lambda: kill(env.old, "INFO LIKE 'SELECT%LOCK IN SHARE MODE' AND TIME_MS > 20" if env.old.kind == "mariadb" else
                                    "INFO LIKE 'SELECT%LOCK IN SHARE MODE'", "KILL QUERY"), 30, "a chunk that waits: %s" % job(proxy), 0.02)
        wait_until(lambda: "tries again" in state_of(proxy, "t").get("reason", ""), 30, "the reason: %s" % job(proxy), 0.02)
        assert job(proxy)["state"] == "running", job(proxy)
    assert over(proxy)["state"] == "done", job(proxy)
    env.assert_equal(proxy, rows_min=3000)


def test_a_comparison_whose_statement_is_killed_goes_on(env):
    proxy = start(env, 3000, on_both=True)
    with env.old.connect(database="app") as holder:
        execute(holder, "LOCK TABLES t WRITE")
        assert verify(proxy, "--detach")[0] == 0
        for _ in range(3):
            wait_until(lambda: kill(env.old, "STATE LIKE 'Waiting for table metadata lock%'", "KILL QUERY"), 30, "one that waits: %s" % job_of(proxy), 0.05)
        execute(holder, "UNLOCK TABLES")
    code, said = crossfade(proxy, "verify", "status", "--wait")
    assert code == 0 and "no row differs" in said, (code, said)


def test_a_copy_that_has_failed_says_why_it_cannot_go_on(env):
    proxy = start(env, 3000)
    env.old.run("UPDATE t SET v = -1 WHERE id = 2990", database="app")
    env.new.run("ALTER TABLE t ADD CONSTRAINT positive CHECK (v >= 0)", database="app")
    code, said = backfill(proxy, "start", "--chunk-time", "20ms")
    assert code == 1 and "the follower refuses rows" in said, said
    env.new.run("ALTER TABLE t DROP CONSTRAINT positive", database="app")
    refused(proxy, "--resume", why="of a copy that has failed (the follower refuses rows")
    copies(proxy, "--replace")
    env.assert_equal(proxy, rows_min=3000)


def test_rows_that_come_in_before_a_table_is_taken_do_not_stay(env):
    """Between the look at whether it is empty and its being taken out of the feed."""
    env.needs_proxy()
    env.tables("CREATE TABLE up (id INT PRIMARY KEY)", "CREATE TABLE busy (id INT PRIMARY KEY, v INT)", "INSERT INTO busy VALUES (1, 1)",
               "CREATE TABLE t (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES up (id))")
    env.old.run("INSERT INTO up VALUES %s" % ", ".join("(%d)" % n for n in range(3000)), database="app")
    proxy = env.proxy()
    through(proxy, "UPDATE busy SET v = 2")
    wait_until(lambda: env.new.run("SELECT v FROM app.busy")[0][0] == 2, 30, "the change")
    with env.new.connect(database="app", autocommit=False) as holder:
        execute(holder, "SELECT * FROM busy FOR UPDATE")
        through(proxy, "BEGIN", "UPDATE busy SET v = 3", "INSERT INTO t VALUES (7, NULL)", "COMMIT")
        wait_until(lambda: proxy.status()["lag"]["entries"] > 0, 30, "the applier, which waits for the row")
        code, said = backfill(proxy, "start", "--detach", "--tables", "app.up,app.t", "--max-rows-per-second", "500", "--chunk-time", "20ms")
        assert code == 0 and "copies 2 tables" in said, said
    # Its parent's rows come first; until then nothing of it is followed.
    wait_until(lambda: state_of(proxy, "up").get("rows", 0) > 0, 60, "the first rows: %s" % job(proxy))
    assert state_of(proxy, "t")["state"] == "waiting", job(proxy)
    through(proxy, "DELETE FROM t WHERE id = 7", "INSERT INTO t VALUES (8, 1)")
    assert over(proxy)["state"] == "done", job(proxy)
    env.assert_equal(proxy, rows_min=3000)


def test_limits_are_looked_at_again_after_a_look_that_failed(env):
    proxy = start(env, 3000)
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(env.old.connect()) for _ in range(12)]
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(busy)))
        asleep = [pool.submit(raises_nothing, session) for session in busy]
        wait_until(lambda: int(env.old.run("SHOW GLOBAL STATUS LIKE 'Threads_running'")[0][1]) > 11, 30, "threads that run")
        assert backfill(proxy, "start", "--detach", "--max-threads-running", "10")[0] == 0
        wait_until(lambda: "threads run on the leader" in job(proxy).get("throttled", ""), 30, "the reason: %s" % job(proxy))
        looks = "INFO LIKE 'SHOW GLOBAL STATUS WHERE Variable_name IN%Threads_running%'"
        with env.old.connect() as session:
            def caught():
                for each in execute(session, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '%s' AND %s" % (CONTROL, looks)):
                    with contextlib.suppress(pymysql.MySQLError):
                        execute(session, "KILL %d" % each[0])
                        return True
                return False
            wait_until(caught, 60, "a look at the load", 0)
        assert job(proxy)["state"] == "running" and state_of(proxy, "t")["state"] != "done", job(proxy)
        for session in busy:
            kill_session(env.old, session)
        for each in asleep:
            each.result()
    assert over(proxy)["state"] == "done", job(proxy)
    env.assert_equal(proxy, rows_min=3000)


def raises_nothing(session):
    with contextlib.suppress(pymysql.MySQLError):
        execute(session, "SELECT SLEEP(300)")


def kill_session(server, session):
    with contextlib.suppress(pymysql.MySQLError):
        server.run("KILL %d" % session.thread_id())
