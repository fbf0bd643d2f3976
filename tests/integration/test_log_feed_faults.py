"""Feed `log`: what fails, stops or is switched around it costs no row and repeats none; what differs is found."""

import contextlib
import os
import signal
import threading

import pymysql

from harness import ALL_FEEDS, BOTH_ROLES, MARIADB_OLD, feeds, roles
from log_feed import (SENTINEL, arrived, assert_followed, assert_nothing_stopped, equal_or_named, execute, is_stopped, ledger,
                      rows_of, settings, start, stopped, through)
from progress import turns, wait_until
from servers import make_accounts

ROLES, FEEDS = BOTH_ROLES, ("log",)

T = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT NOT NULL DEFAULT 0, s VARCHAR(40))"
SEED = "INSERT INTO t (v) VALUES " + ", ".join("(%d)" % n for n in range(20))
OTHER = "CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"


class Writers:
    """Counts up rows through the proxy while something is broken; errors of broken connections are its life."""

    def __init__(self, proxy, count=3):
        self.proxy, self.stopping, self.done = proxy, threading.Event(), [0] * count
        self.threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(count)]

    def _work(self, number):
        while not self.stopping.is_set():
            try:
                with self.proxy.connect(database="app", connect_timeout=2, read_timeout=10) as session:
                    for _ in turns(self.stopping, 0.01):
                        execute(session, "UPDATE t SET v = v + 1, s = UUID() WHERE id <= %d" % (self.done[number] % 15 + 1),
                                "INSERT INTO other (v) VALUES (%d)" % number)
                        self.done[number] += 1
            except Exception:
                self.stopping.wait(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wrote(10)
        return self

    def wrote(self, more):
        """Waits until they have written more."""
        want = sum(self.done) + more
        wait_until(lambda: sum(self.done) >= want, 60, "%d more writes" % more)

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)


def test_the_proxy_is_killed_and_comes_back(env):
    proxy = start(env, T, SEED, OTHER)
    env.needs_proxy()
    with Writers(proxy) as writers:
        for _ in range(4):
            proxy.kill()
            proxy.start(ready=False)
            writers.wrote(20)
    assert_followed(env, proxy, rows_min=50)


def test_the_proxy_is_stopped_while_others_write(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    through(proxy, "UPDATE t SET v = v + 1")
    proxy.stop()
    env.old.run("UPDATE t SET v = v + 100", "INSERT INTO t (v) VALUES (7)", "FLUSH BINARY LOGS", "DELETE FROM t WHERE id = 2", database="app")
    proxy.start()
    through(proxy, "UPDATE t SET v = v + 1 WHERE id = 3")
    assert_followed(env, proxy, rows_min=20)


def test_the_leader_restarts(env):
    proxy = start(env, T, SEED, OTHER)
    env.needs_proxy()
    with Writers(proxy) as writers:
        env.old.kill()
        env.old.restart()
        writers.wrote(20)
        env.old.stop()
        env.old.restart()
        writers.wrote(20)
    assert_followed(env, proxy, rows_min=50)


def test_the_follower_restarts_and_is_away_for_a_while(env):
    proxy = start(env, T, SEED, OTHER)
    env.needs_proxy()
    with Writers(proxy) as writers:
        env.new.kill()
        env.new.restart()
        writers.wrote(20)
        env.new.stop()
        writers.wrote(100)
        env.old.run("FLUSH BINARY LOGS")
        env.new.restart()
        writers.wrote(10)
    assert_followed(env, proxy, rows_min=100)


def test_connections_of_the_feed_are_cut(env):
    env.needs_proxy()
    env.tables(T, SEED, OTHER)
    to_old, to_new = env.relay(env.old), env.relay(env.new)
    proxy = env.proxy(old_port=to_old.port, new_port=to_new.port)
    with Writers(proxy) as writers:
        for number in range(8):
            cut = (to_old, to_new)[number % 2]
            (cut.drop_all if number % 4 < 2 else cut.reset_all)()
            writers.wrote(5)
    assert_followed(env, proxy, rows_min=30)


def test_a_connection_to_the_follower_that_swallows_what_is_sent_is_given_up(env):
    """Neither end hears of it. The server says on another connection that it waits for a statement, and holds the locks."""
    env.needs_proxy()
    env.tables(SENTINEL, T, SEED, OTHER)
    to_new = env.relay(env.new)
    proxy = env.proxy(new_port=to_new.port)
    through(proxy, "UPDATE t SET v = v + 1")
    arrived(env, proxy)
    to_new.swallow_all()
    through(proxy, "UPDATE t SET v = v + 1")
    wait_until(lambda: rows_of(env.old, "t") == rows_of(env.new, "t"), 60, "the rows: %s" % proxy.status()["applier"])
    assert "given_up=" in proxy.log_tail(200)
    assert_followed(env, proxy, rows_min=20)


def test_a_statement_that_the_follower_takes_long_for_is_waited_for_and_said(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    with env.new.connect(database="app") as reader:
        execute(reader, "BEGIN", "SELECT COUNT(*) FROM t")
        through(proxy, "ALTER TABLE t ADD COLUMN w INT")
        wait_until(lambda: "still at work" in proxy.status()["applier"]["state"], 30, "word of the ALTER: %s" % proxy.status()["applier"])
        assert "metadata lock" in proxy.status()["applier"]["state"]
    assert_followed(env, proxy, rows_min=20)
    assert "given_up=" not in proxy.log_tail(200)


@feeds(*ALL_FEEDS)
def test_an_idle_connection_to_the_follower_is_closed(env):
    """Nothing is under way on it: what was to be written by it next goes by another."""
    env.needs_proxy()
    proxy = start(env, T, SEED)
    assert_followed(env, proxy, rows_min=20)
    for n in range(8):
        before = control_connections(env.new)
        for connection in before:
            execute_quietly(env.new, "KILL %d" % connection)
        if n % 2 == 0:  # the feed has noticed by itself, while there was nothing to write; else the write finds it
            wait_until(lambda old=before: len(control_connections(env.new) - old) >= len(old), 20, "new connections")
        through(proxy, "UPDATE t SET v = v + 1 WHERE id = %d" % (n + 1), "INSERT INTO t (s) VALUES ('%s')" % ("x" * n))
        assert_followed(env, proxy, rows_min=20)


def control_connections(database):
    return {number for (number,) in database.run(
        "SELECT id FROM information_schema.processlist WHERE user = 'crossfade' AND command = 'Sleep'")}


def execute_quietly(database, statement):
    """What a connection that has ended by itself makes of a KILL does not matter."""
    with contextlib.suppress(pymysql.MySQLError):
        database.run(statement)


def test_the_answer_to_the_followers_commit_is_lost(env):
    """Committed or not: the position tells. Nothing is applied twice."""
    env.needs_proxy()
    env.tables(T, SEED, OTHER)
    to_new = env.relay(env.new)
    proxy = env.proxy(new_port=to_new.port)
    with Writers(proxy) as writers:
        for _ in range(5):
            to_new.cut_after_commit = 1
            writers.wrote(10)
    assert_followed(env, proxy, rows_min=50)


def test_the_log_rotates(env):
    proxy = start(env, T, SEED, OTHER)
    env.needs_proxy()
    with Writers(proxy) as writers:
        for _ in range(5):
            env.old.run("FLUSH BINARY LOGS")
            writers.wrote(10)
    assert_followed(env, proxy, rows_min=50)


def test_a_compressed_log(env):
    env.needs_proxy()
    with contextlib.ExitStack() as stack:
        name = {"mariadb": "log_bin_compress", "mysql": "binlog_transaction_compression"}[env.old.kind]
        stack.enter_context(settings(env.old, **{name: 1}))
        proxy = start(env, T, SEED, "CREATE TABLE big (id INT PRIMARY KEY, s LONGTEXT)")
        through(proxy, "INSERT INTO big VALUES (1, REPEAT('abc', 100000)), (2, 'x')", "UPDATE t SET v = v + 1", "BEGIN",
                "UPDATE big SET s = CONCAT(s, 'd')", "DELETE FROM t WHERE id = 3", "COMMIT", "ALTER TABLE big ADD COLUMN n INT",
                "INSERT INTO big SELECT id + 10, s, 5 FROM big", "TRUNCATE t", "INSERT INTO t (v) VALUES (1)")
        assert_followed(env, proxy, rows_min=5)


def test_a_statement_in_the_log_stops_the_feed_loudly(env):
    """A session with binlog_format=STATEMENT: its rows are not known, and nothing after it may be guessed."""
    env.needs_proxy()
    proxy = start(env, T, SEED)
    through(proxy, "UPDATE t SET v = 5 WHERE id = 1")
    arrived(env, proxy)
    env.old.run("SET SESSION binlog_format = 'STATEMENT'", "UPDATE t SET v = v + 1 WHERE id = 2", database="app")
    through(proxy, "UPDATE t SET v = 9 WHERE id = 3")
    wait_until(lambda: proxy.status()["applier"]["last_error"], 30, "word of the statement in the log")
    status = proxy.status()
    assert status["caught_up"] is False, status
    error = status["applier"]["last_error"].lower()
    assert any(word in error for word in ("statement", "row", "query")), error
    assert ":" in error and ("bin" in error), "file and position: %s" % error
    assert env.new.run("SELECT v FROM app.t WHERE id = 2") == ((1,),), "nothing was guessed"


def stops_at_a_statement(env, *statements):
    """With what was written before, since the follower was last there: all of it one reading of the log."""
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    proxy.stop()
    env.old.run(*("INSERT INTO other (v) VALUES (%d)" % n for n in range(30)), "UPDATE t SET v = 77 WHERE id = 1", database="app")
    before = rows_of(env.old, "other"), rows_of(env.old, "t")
    env.old.run(*statements, database="app")
    env.old.run("SET SESSION binlog_format = 'ROW'", "INSERT INTO other (v) VALUES (1000)", database="app")
    proxy.start(ready=False)
    wait_until(lambda: "as a statement" in proxy.status()["applier"]["last_error"], 30, "word of the statement")
    on_follower = lambda: (rows_of(env.new, "other"), rows_of(env.new, "t"))
    wait_until(lambda: on_follower() == before, 10, "what came before it, and nothing more: %s" % (on_follower(),))
    proxy.kill()
    proxy.start(ready=False)
    wait_until(lambda: "as a statement" in proxy.status()["applier"]["last_error"], 30, "the same word again")
    assert on_follower() == before and not stopped(proxy), (on_follower(), stopped(proxy))


def test_what_came_before_a_statement_in_the_log_is_on_the_follower(env):
    stops_at_a_statement(env, "SET SESSION binlog_format = 'STATEMENT'", "UPDATE t SET v = v + 1 WHERE id = 2")


def test_rows_of_the_statements_own_transaction_are_not(env):
    """Mixed: the first is logged as a row, since nobody could repeat it; its transaction is not to be had in part."""
    stops_at_a_statement(env, "SET SESSION binlog_format = 'MIXED'", "BEGIN", "UPDATE t SET s = UUID() WHERE id = 3",
                         "UPDATE t SET v = v + 1 WHERE id = 2", "COMMIT")


def test_a_session_may_not_change_how_the_leader_logs(env):
    env.needs_proxy()
    env.old.run("GRANT ALL PRIVILEGES ON *.* TO app@'%'")
    try:
        proxy = start(env, T, SEED)
        for statement in ("SET SESSION binlog_format = 'STATEMENT'", "SET sql_log_bin = 0", "SET binlog_row_image = 'MINIMAL'",
                          "SET @@session.sql_log_bin = OFF", "SET @a = 1, SESSION binlog_format = MIXED"):
            with proxy.connect(database="app") as session:
                try:
                    execute(session, statement)
                except Exception as error:
                    assert error.args[0] in (1235, 1227), error
                execute(session, "UPDATE t SET v = v + 1 WHERE id = 1", "INSERT INTO t (v) VALUES (1)")
        assert_followed(env, proxy, rows_min=20)
    finally:
        env.old.run("DROP USER app@'%'")
        make_accounts(env.old)


def test_a_row_deleted_behind_the_followers_back_is_found_at_its_next_change(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    env.new.run("DELETE FROM t WHERE id = 5", database="app")
    through(proxy, "UPDATE t SET v = 500 WHERE id = 5", "INSERT INTO other (v) VALUES (1)", "UPDATE t SET v = 600 WHERE id = 6")
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] >= 1, 30, "the divergence in the ledger")
    assert is_stopped(proxy, "t"), proxy.status()["applier"]
    through(proxy, "INSERT INTO other (v) VALUES (2)", "UPDATE other SET v = v + 1")
    assert not equal_or_named(env, proxy, "t", "other")["other"]
    assert rows_of(env.old, "other") == rows_of(env.new, "other")
    entries = ledger(env)
    assert any("t" in entry and "5" in entry for entry in entries), entries


def test_a_row_added_behind_the_followers_back_is_found_when_its_key_comes(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    env.new.run("INSERT INTO t (id, v) VALUES (1000, 1)", database="app")
    through(proxy, "INSERT INTO t (id, v) VALUES (1000, 2)", "INSERT INTO other (v) VALUES (1)")
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] >= 1, 30, "the divergence in the ledger")
    assert is_stopped(proxy, "t"), proxy.status()["applier"]
    assert not equal_or_named(env, proxy, "other")["other"]


def test_a_row_changed_behind_the_followers_back_is_found_by_its_image_before(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER, check_rows_percent=100)
    arrived(env, proxy)
    env.new.run("UPDATE t SET v = 999 WHERE id = 5", database="app")
    through(proxy, "UPDATE t SET s = 'x' WHERE id = 5", "INSERT INTO other (v) VALUES (1)")
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] >= 1, 30, "the divergence in the ledger")
    assert not equal_or_named(env, proxy, "other")["other"]


def test_divergent_rows_are_overwritten_where_the_flags_say_so(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER, flags={"dual_write": {"on_divergence": "overwrite"}}, check_rows_percent=100)
    arrived(env, proxy)
    env.new.run("DELETE FROM t WHERE id = 5", "UPDATE t SET v = 999 WHERE id = 6", "INSERT INTO t (id, v) VALUES (1000, 1)", database="app")
    through(proxy, "UPDATE t SET v = 500 WHERE id = 5", "UPDATE t SET s = 'x' WHERE id = 6", "INSERT INTO t (id, v) VALUES (1000, 2)")
    env.assert_equal(proxy, rows_min=20)
    applier = proxy.status()["applier"]
    # A changed row beside others that do not fit may be overwritten unseen: its images are those of the leader then.
    assert applier["parked"] == [] and applier["divergences"] >= 2, applier
    assert len(ledger(env)) >= 2


def test_a_leader_without_what_the_log_needs_is_refused_with_what_to_change(env):
    env.needs_proxy()
    with settings(env.old, sync_binlog=0):
        env.tables(T, SEED)
        proxy = env.proxy(start=False)
        proxy.start(ready=False)
        wait_until(lambda: "sync_binlog" in proxy.get("/status") + proxy.log_tail(200), 30, "word of sync_binlog")
        assert "SET GLOBAL sync_binlog" in (proxy.get("/status") + proxy.log_tail(200))


def test_a_setting_that_changes_while_the_feed_runs_is_noticed(env):
    """Nobody writes: what is said comes from watching, with the statement that mends it; and it goes on behind that."""
    env.needs_proxy()
    proxy = start(env, T, SEED)
    through(proxy, "UPDATE t SET v = 1")
    arrived(env, proxy)
    changed = {"binlog_row_image": "MINIMAL", "binlog_row_metadata": "MINIMAL", "binlog_format": "STATEMENT", "sync_binlog": 0,
               "innodb_flush_log_at_trx_commit": 2}
    mending = ["SET GLOBAL binlog_row_image='FULL'", "SET GLOBAL binlog_row_metadata='FULL'", "SET GLOBAL binlog_format='ROW'",
               "SET GLOBAL sync_binlog=1", "SET GLOBAL innodb_flush_log_at_trx_commit=1"]
    with settings(env.old, **changed):
        wait_until(lambda: proxy.status()["applier"]["state"].startswith("stopped: the leader's row log cannot be followed"), 30,
                   "word of the settings: %s" % proxy.status()["applier"])
        state = proxy.status()["applier"]["state"]
        assert [each for each in mending if each not in state] == [], state
    through(proxy, "UPDATE t SET v = v + 1")
    assert_followed(env, proxy, rows_min=20)


def test_a_log_that_was_purged_is_an_alarm_not_a_gap(env):
    env.needs_proxy()
    proxy = start(env, T, SEED)
    through(proxy, "UPDATE t SET v = 1")
    arrived(env, proxy)
    proxy.stop()
    env.old.run("UPDATE t SET v = v + 1", "FLUSH BINARY LOGS", database="app")
    keep = env.old.run("SHOW BINARY LOGS")[-1][0]
    env.old.run("FLUSH BINARY LOGS")

    def purged():
        env.old.run("PURGE BINARY LOGS TO '%s'" % keep)
        return env.old.run("SHOW BINARY LOGS")[0][0] == keep

    wait_until(purged, 60, "the purge: a file is kept while the connection that reads it is not known to be gone")
    proxy.start(ready=False)
    wait_until(lambda: proxy.status()["applier"]["last_error"], 30, "word of the missing log")
    assert proxy.status()["caught_up"] is False


def test_two_proxies_one_applies_and_the_other_takes_over(env):
    env.needs_proxy()
    first = start(env, T, SEED, OTHER)
    second = env.proxy()
    with Writers(second) as writers:
        writers.wrote(20)
        first.kill()
        writers.wrote(40)
        first.start(ready=False)
        writers.wrote(10)
    for proxy in (first, second):
        proxy.caught_up()
    assert_followed(env, second, rows_min=50)
    assert_nothing_stopped(first)


@roles(MARIADB_OLD)
def test_a_proxy_that_hangs_while_it_applies_is_succeeded(env):
    """Its connections live on, and with them the lock by which one proxy is elected."""
    env.needs_proxy()
    first = start(env, T, SEED)
    through(first, "UPDATE t SET v = v + 1")
    arrived(env, first)
    second = env.proxy()
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 20, "a stand-by")
    os.kill(first.process.pid, signal.SIGSTOP)
    try:
        through(second, "UPDATE t SET v = v + 1")
        wait_until(lambda: rows_of(env.old, "t") == rows_of(env.new, "t"), 60, "the rows: %s" % second.status()["applier"])
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    through(first, "UPDATE t SET v = v + 1")
    wait_until(lambda: "standing by" in first.status()["applier"]["state"], 20, "the first one as a stand-by: %s" % first.status()["applier"])
    assert_followed(env, second, rows_min=20)
