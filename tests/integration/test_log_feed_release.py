"""Feed `log`: a stopped table goes on when somebody says so; the leader's log, which keeps what it needs, is watched."""

from harness import BOTH_ROLES
from log_feed import (arrived, assert_nothing_stopped, is_mariadb, is_stopped, ledger, release, rows_of, settings, start, stopped,
                      through)
from progress import wait_until
from servers import CONTROL, CONTROL_PASSWORD, make_accounts

ROLES, FEEDS = BOTH_ROLES, ("log",)

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0)"
SEED = "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)"
OTHER = "CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"


def with_a_stopped_table(env):
    """Row 5 is missing on the follower and has changed on the leader; more has been written since."""
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    env.new.run("DELETE FROM t WHERE id = 5", database="app")
    through(proxy, "UPDATE t SET v = 50 WHERE id = 5")
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop of t")
    through(proxy, "UPDATE t SET v = v + 100", "INSERT INTO t VALUES (6, 6)", "INSERT INTO other (v) VALUES (1)", "DELETE FROM t WHERE id = 1")
    arrived(env, proxy)
    assert is_stopped(proxy, "t")
    return proxy


def assert_goes_on(env, proxy, *tables):
    wait_until(lambda: not stopped(proxy), 30, "the end of catching up: %s" % proxy.status()["applier"])
    env.assert_equal(proxy, rows_min=5)
    through(proxy, *("UPDATE %s SET v = v + 7" % table for table in tables))
    env.assert_equal(proxy, rows_min=5)


def test_a_mended_table_goes_on(env):
    proxy = with_a_stopped_table(env)
    env.new.run("INSERT INTO t VALUES (5, 5)", database="app")
    code, said = release(proxy, "app.t")
    assert code == 0 and "app.t is caught up from" in said, said
    assert_goes_on(env, proxy, "t", "other")


def test_one_that_does_not_fit_stops_again(env):
    proxy = with_a_stopped_table(env)
    lines = len(ledger(env))
    code, said = release(proxy, "app.t")
    assert code == 0 and "stops it again" in said, said
    wait_until(lambda: len(ledger(env)) > lines and not any("caught up" in why for why in stopped(proxy).values()), 30, "the second stop")
    assert is_stopped(proxy, "t"), proxy.status()["applier"]
    through(proxy, "INSERT INTO other (v) VALUES (2)")
    arrived(env, proxy)
    assert rows_of(env.old, "other") == rows_of(env.new, "other")


def test_one_is_overwritten_from_the_leader_and_the_next_is_held_again(env):
    proxy = with_a_stopped_table(env)
    code, said = release(proxy, "app.t", "--overwrite")
    assert code == 0 and "as the leader has it" in said and "compare the table" in said, said
    assert_goes_on(env, proxy, "t", "other")
    env.new.run("DELETE FROM t WHERE id = 5", database="app")
    through(proxy, "UPDATE t SET v = 1 WHERE id = 5")
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop: overwriting was for that time alone")


def test_tables_that_a_stopped_one_cascades_to_stop_and_go_on_with_it(env):
    """MariaDB does not log what its foreign keys do: a child that followed alone would lose rows when its parent catches up."""
    env.needs_proxy()
    child = "CREATE TABLE %s (id INT PRIMARY KEY, up INT, v INT NOT NULL DEFAULT 0, FOREIGN KEY (up) REFERENCES %s (id) ON DELETE CASCADE)"
    proxy = start(env, T, SEED, OTHER, child % ("child", "t"), child % ("grandchild", "child"),
                  "INSERT INTO child (id, up) VALUES (1, 1), (2, 1), (3, 2)", "INSERT INTO grandchild (id, up) VALUES (1, 1), (2, 3)")
    arrived(env, proxy)
    env.new.run("DELETE FROM t WHERE id = 5", database="app")
    through(proxy, "UPDATE t SET v = 50 WHERE id = 5")
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop of t")
    with_it = {"app.t", "app.child", "app.grandchild"} if is_mariadb(env.old) else {"app.t"}
    assert set(stopped(proxy)) == with_it, stopped(proxy)
    through(proxy, "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 10)", "INSERT INTO child (id, up) VALUES (9, 1)",
            "INSERT INTO grandchild (id, up) VALUES (9, 9)", "UPDATE child SET v = v + 1", "INSERT INTO other (v) VALUES (1)")
    arrived(env, proxy)
    assert rows_of(env.old, "other") == rows_of(env.new, "other")
    if is_mariadb(env.old):
        code, said = release(proxy, "app.grandchild")
        assert code == 1 and "cannot go on alone" in said and "app.t" in said, said
    code, said = release(proxy, "app.t", "--overwrite")
    assert code == 0, said
    assert_goes_on(env, proxy, "t", "child", "grandchild", "other")


def test_what_cannot_be_released_is_said(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    code, said = release(proxy, "app.t")
    assert code == 1 and "app.t is not stopped" in said, said
    code, said = release(proxy, "t")
    assert code == 1 and "schema.table" in said, said
    env.new.run("ALTER TABLE t MODIFY v SMALLINT NOT NULL", database="app")
    through(proxy, "ALTER TABLE other ADD COLUMN w INT")  # definitions are compared after each
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop for a narrower column")
    code, said = release(proxy, "app.t", "--overwrite")
    assert code == 1 and "cannot go on" in said and "column v" in said, said
    code, said = release(proxy, "app.other")
    assert code == 1 and "stopped are: app.t" in said, said
    env.new.run("ALTER TABLE t MODIFY v INT NOT NULL", database="app")
    code, said = release(proxy, "app.t")  # it could have lost values: that is for people to say
    assert code == 0, said
    assert_goes_on(env, proxy, "t", "other")


def test_a_table_is_caught_up_although_the_log_ends_behind_it(env):
    """What stops the feed lies behind the table's changes: its log is not gone."""
    proxy = with_a_stopped_table(env)
    env.new.run("INSERT INTO t VALUES (5, 5)", database="app")
    equal_until = rows_of(env.old, "t")
    env.old.run("SET SESSION binlog_format = 'STATEMENT'", "UPDATE other SET v = v + 1000", database="app")
    wait_until(lambda: "as a statement" in proxy.status()["applier"]["last_error"], 30, "word of the statement")
    wait_until(lambda: release(proxy, "app.t")[0] == 0 or not is_stopped(proxy, "t"), 60, "the release")
    wait_until(lambda: not stopped(proxy), 30, "the end of catching up: %s" % proxy.status()["applier"])
    assert rows_of(env.new, "t") == equal_until, rows_of(env.new, "t")
    wait_until(lambda: "as a statement" in proxy.status()["applier"]["last_error"], 30, "word of the statement, again")


def with_an_account_of_few_rights(env):
    """On the follower; with a table of its own rights."""
    env.needs_proxy()
    env.tables("CREATE TABLE sentinel (id INT PRIMARY KEY AUTO_INCREMENT)", T, SEED, OTHER)
    right = "BINLOG REPLAY" if is_mariadb(env.new) else "REPLICATION_APPLIER"
    env.new.run("DROP USER %s@'%%'" % CONTROL, "CREATE USER %s@'%%' IDENTIFIED BY '%s'" % (CONTROL, CONTROL_PASSWORD),
                "GRANT %s ON *.* TO %s@'%%'" % (right, CONTROL), "GRANT ALL ON crossfade.* TO %s@'%%'" % CONTROL,
                *("GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON app.%s TO %s@'%%'" % (table, CONTROL) for table in ("t", "other", "sentinel")))
    return env.proxy()


def test_a_right_that_is_missing_stops_no_table(env):
    """To rows events MySQL only says that something is unknown. The feed waits, and says for what. MariaDB asks for no right
    to the table."""
    try:
        proxy = with_an_account_of_few_rights(env)
        through(proxy, "UPDATE t SET v = v + 1")
        arrived(env, proxy)
        for right, statement in (("UPDATE", "UPDATE t SET v = v + 1"), ("DELETE", "DELETE FROM t WHERE id = 1"), ("INSERT", "INSERT INTO t VALUES (7, 7)")):
            env.new.run("REVOKE %s ON app.t FROM %s@'%%'" % (right, CONTROL))
            through(proxy, statement, "INSERT INTO other (v) VALUES (1)")
            if is_mariadb(env.new):
                env.assert_equal(proxy, rows_min=4)
                continue
            wait_until(lambda: "1142" in proxy.status()["applier"]["last_error"] and right in proxy.status()["applier"]["last_error"], 30,
                       "word of it: %s" % proxy.status()["applier"])
            applier = proxy.status()["applier"]
            assert not applier["parked"] and applier["ledger_open"] == 0, applier
            assert proxy.status()["caught_up"] is False
            env.new.run("GRANT %s ON app.t TO %s@'%%'" % (right, CONTROL))
            env.assert_equal(proxy, rows_min=4)
        assert_nothing_stopped(proxy)
        proxy.stop()
    finally:
        env.new.run("DROP USER %s@'%%'" % CONTROL)
        make_accounts(env.new)


def test_a_followers_log_cache_that_is_too_small_stops_no_table(env):
    """A transaction of many rows needs more (1197)."""
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER, "CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(2000))")
    arrived(env, proxy)
    proxy.stop()
    with settings(env.new, max_binlog_cache_size=1 << 16, binlog_cache_size=1 << 15):
        proxy.start()
        through(proxy, "BEGIN", *["INSERT INTO big (s) VALUES (REPEAT('x', 2000))"] * 100, "COMMIT", "INSERT INTO other (v) VALUES (1)")
        wait_until(lambda: "1197" in proxy.status()["applier"]["last_error"], 30, "word of it: %s" % proxy.status()["applier"])
        applier = proxy.status()["applier"]
        assert not applier["parked"] and applier["ledger_open"] == 0, applier
    proxy.stop()
    proxy.start()
    env.assert_equal(proxy, rows_min=100)
    assert_nothing_stopped(proxy)


def test_a_released_table_whose_log_is_gone_stops_alone(env):
    proxy = with_a_stopped_table(env)
    env.old.run("FLUSH BINARY LOGS")
    through(proxy, "INSERT INTO other (v) VALUES (2)")
    keep = env.old.run("SHOW BINARY LOGS")[-1][0]

    def purged():
        through(proxy, "INSERT INTO other (v) VALUES (3)")
        arrived(env, proxy)
        env.old.run("PURGE BINARY LOGS TO '%s'" % keep)
        return env.old.run("SHOW BINARY LOGS")[0][0] == keep

    wait_until(purged, 60, "the purge")
    wait_until(lambda: any(f["severity"] == "blocker" and "table app.t" in f["text"] for f in proxy.status()["feed"]["findings"]), 30,
               "word that the log is gone: %s" % proxy.status()["feed"])
    code, said = release(proxy, "app.t")
    assert code == 0, said
    wait_until(lambda: "no longer has its changes" in stopped(proxy).get("app.t", ""), 30, "word of it: %s" % proxy.status()["applier"])
    through(proxy, "INSERT INTO other (v) VALUES (4)", "UPDATE other SET v = v + 1")
    arrived(env, proxy)
    assert rows_of(env.old, "other") == rows_of(env.new, "other")


def test_the_leaders_retention_is_watched(env):
    """A stopped table needs the log: past half of the time that the leader keeps it there is a warning."""
    proxy = with_a_stopped_table(env)
    wait_until(lambda: proxy.status()["feed"]["retention"], 30, "what the leader keeps")
    assert not any(f["object"] == "the leader's log" for f in proxy.status()["feed"]["findings"]), proxy.status()["feed"]
    with settings(env.old, binlog_expire_logs_seconds=4):
        wait_until(lambda: any(f["object"] == "the leader's log" and f["severity"] == "warning" and "table app.t" in f["text"]
                               for f in proxy.status()["feed"]["findings"]), 60, "the warning")
        retention = proxy.status()["feed"]["retention"]
        assert retention["seconds"] == 4 and retention["needed_by"] == "table app.t" and retention["waiting_seconds"] >= 2, retention
        assert proxy.metric("crossfade_log_retention_seconds") == 4 and proxy.metric("crossfade_log_waiting_seconds") >= 2
        wait_until(lambda: "table app.t needs the leader's log" in proxy.log_tail(100), 10, "the line of the log")


def test_a_prepared_transaction_needs_the_log_too(env):
    """Its rows are read again from where it began, after any lost connection."""
    env.needs_proxy()
    proxy = start(env, T, SEED, OTHER)
    arrived(env, proxy)
    begun = env.old.run("SHOW BINARY LOGS")[-1][0]
    env.old.run("XA START 'kept'", "UPDATE t SET v = 99 WHERE id = 3", "XA END 'kept'", "XA PREPARE 'kept'", database="app")
    ended = False
    try:
        env.old.run("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
        through(proxy, "INSERT INTO other (v) VALUES (1)")
        arrived(env, proxy)
        of_the_log = lambda severity: [f["text"] for f in proxy.status()["feed"]["findings"]
                                       if f["object"] == "the leader's log" and f["severity"] == severity]
        assert not of_the_log("warning"), of_the_log("warning")
        with settings(env.old, binlog_expire_logs_seconds=4):
            wait_until(lambda: any("XA RECOVER" in text and begun in text for text in of_the_log("warning")), 60,
                       "the warning: %s" % proxy.status()["feed"])
            assert proxy.status()["feed"]["retention"]["needed_by"].startswith("an XA transaction"), proxy.status()["feed"]
        keep = env.old.run("SHOW BINARY LOGS")[-1][0]

        def purged():
            through(proxy, "INSERT INTO other (v) VALUES (2)")
            arrived(env, proxy)
            env.old.run("PURGE BINARY LOGS TO '%s'" % keep)
            return env.old.run("SHOW BINARY LOGS")[0][0] == keep

        wait_until(purged, 60, "the purge")
        wait_until(lambda: any("XA RECOVER" in text for text in of_the_log("blocker")), 30, "the alarm: %s" % proxy.status()["feed"])
        env.old.run("XA COMMIT 'kept'")
        ended = True
        env.assert_equal(proxy, rows_min=5)
        wait_until(lambda: not proxy.status()["feed"]["findings"], 30, "the end of the alarm")
    finally:
        if not ended:
            env.old.run("XA ROLLBACK 'kept'")


def test_the_follower_is_away_and_the_log_is_watched(env):
    env.needs_proxy()
    proxy = start(env, T, SEED)
    arrived(env, proxy)
    with settings(env.old, binlog_expire_logs_seconds=6):
        env.new.kill()
        try:
            through(proxy, "UPDATE t SET v = v + 1")
            wait_until(lambda: any(f["object"] == "the leader's log" and "the feed" in f["text"]
                                   for f in proxy.status()["feed"]["findings"]), 60, "the warning: %s" % proxy.status()["feed"])
        finally:
            env.new.restart()
        env.assert_equal(proxy, rows_min=5)
        wait_until(lambda: not proxy.status()["feed"]["findings"], 30, "the end of the warning")


def test_an_account_that_may_only_replay_applies_rows_events(env):
    """MariaDB's BINLOG REPLAY without BINLOG ADMIN; MySQL's REPLICATION_APPLIER without SUPER and the like."""
    env.needs_proxy()
    env.tables(T, SEED, "CREATE TABLE audit (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    # Only rows events spare the follower's triggers.
    env.new.run("CREATE TRIGGER tr AFTER UPDATE ON t FOR EACH ROW INSERT INTO audit (v) VALUES (NEW.v)", database="app")
    right = "BINLOG REPLAY" if is_mariadb(env.new) else "REPLICATION_APPLIER"
    env.new.run("DROP USER %s@'%%'" % CONTROL, "CREATE USER %s@'%%' IDENTIFIED BY '%s'" % (CONTROL, CONTROL_PASSWORD),
                "GRANT %s ON *.* TO %s@'%%'" % (right, CONTROL), "GRANT ALL ON app.* TO %s@'%%'" % CONTROL,
                "GRANT ALL ON crossfade.* TO %s@'%%'" % CONTROL)
    try:
        proxy = env.proxy()
        through(proxy, "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (9, 9)")
        env.assert_equal(proxy, rows_min=5)
        assert_nothing_stopped(proxy)
        assert "apply=sql" not in proxy.log_tail(200), proxy.log_tail(200)
        assert env.new.run("SELECT COUNT(*) FROM app.audit") == ((0,),), "the trigger ran"
        proxy.stop()
    finally:
        env.new.run("DROP USER %s@'%%'" % CONTROL)
        make_accounts(env.new)


def test_an_account_without_the_right_to_rows_events_applies_by_key_and_finds_what_differs_at_once(env):
    env.needs_proxy()
    env.tables(T, SEED, OTHER, "CREATE TABLE texts (id INT PRIMARY KEY, s VARCHAR(40), d DECIMAL(9,3), f DOUBLE, at DATETIME(3), b BLOB)")
    env.new.run("DROP USER %s@'%%'" % CONTROL, "CREATE USER %s@'%%' IDENTIFIED BY '%s'" % (CONTROL, CONTROL_PASSWORD),
                "GRANT ALL ON app.* TO %s@'%%'" % CONTROL, "GRANT ALL ON crossfade.* TO %s@'%%'" % CONTROL)
    try:
        proxy = env.proxy()
        through(proxy, "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (9, 9), (10, 0)", "UPDATE t SET id = 11 WHERE id = 10",
                "INSERT INTO texts VALUES (1, 'it''s\\\\', 1.005, 0.1, '2024-02-29 23:59:59.999', UNHEX('00FF27')), (2, NULL, NULL, RAND(), NOW(3), '')",
                "UPDATE texts SET s = CONCAT(s, 'x'), f = f / 3 WHERE id < 9", "BEGIN", "INSERT INTO other (v) VALUES (1)", "ROLLBACK",
                "INSERT INTO other (v) VALUES (2)")
        env.assert_equal(proxy, rows_min=5)
        assert_nothing_stopped(proxy)
        assert "apply=sql" in proxy.log_tail(200), proxy.log_tail(200)
        env.new.run("UPDATE t SET v = 77 WHERE id = 3", database="app")
        through(proxy, "UPDATE t SET v = v + 1 WHERE id = 3", "INSERT INTO other (v) VALUES (3)")
        wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop: %s" % proxy.status()["applier"])
        assert [entry for entry in ledger(env) if " t " in " %s " % entry], ledger(env)
        wait_until(lambda: rows_of(env.old, "other") == rows_of(env.new, "other"), 30, "the other table's rows")
        # The right comes later: taken at the next release, without a restart.
        right = "BINLOG REPLAY" if is_mariadb(env.new) else "REPLICATION_APPLIER"
        env.new.run("GRANT %s ON *.* TO %s@'%%'" % (right, CONTROL), "UPDATE app.t SET v = 4 WHERE id = 3",
                    "CREATE TABLE app.audit (id INT PRIMARY KEY AUTO_INCREMENT, v INT)",
                    "CREATE TRIGGER app.tr AFTER UPDATE ON app.other FOR EACH ROW INSERT INTO app.audit (v) VALUES (NEW.v)")
        code, said = release(proxy, "app.t")
        assert code == 0, said
        through(proxy, "UPDATE other SET v = v + 1")
        wait_until(lambda: rows_of(env.old, "other") == rows_of(env.new, "other"), 30, "rows: %s" % proxy.status()["applier"])
        wait_until(lambda: rows_of(env.old, "t") == rows_of(env.new, "t"), 30, "t: %s" % proxy.status()["applier"])
        assert env.new.run("SELECT COUNT(*) FROM app.audit") == ((0,),), "the trigger ran"
        proxy.stop()
    finally:
        env.new.run("DROP USER %s@'%%'" % CONTROL)
        make_accounts(env.new)


def test_a_row_too_large_for_the_follower_stops_its_table_alone(env):
    """An UPDATE travels with both images in base64: three eighths of max_allowed_packet."""
    env.needs_proxy()
    with settings(env.new, max_allowed_packet=1 << 20):
        proxy = start(env, T, SEED, OTHER, "CREATE TABLE big (id INT PRIMARY KEY, s MEDIUMBLOB)")
        through(proxy, "INSERT INTO big VALUES (1, REPEAT('a', 380000))", "UPDATE big SET s = REPEAT('b', 380000)")
        env.assert_equal(proxy, rows_min=5)
        through(proxy, "INSERT INTO big VALUES (2, REPEAT('c', 500000))")
        env.assert_equal(proxy, rows_min=5)
        through(proxy, "UPDATE big SET s = REPEAT('d', 500000) WHERE id = 2", "INSERT INTO other (v) VALUES (1)")
        wait_until(lambda: "max_allowed_packet" in stopped(proxy).get("app.big", ""), 30, "the stop: %s" % proxy.status()["applier"])
        arrived_rows = lambda: rows_of(env.old, "other") == rows_of(env.new, "other")
        wait_until(arrived_rows, 30, "the other table's rows")
        through(proxy, "UPDATE t SET v = v + 1")
        wait_until(lambda: rows_of(env.old, "t") == rows_of(env.new, "t"), 30, "t's rows")
    # Raised, as was advised: it goes on, when somebody says so.
    code, said = release(proxy, "app.big")
    assert code == 0, said
    assert_goes_on(env, proxy, "t", "other")


def test_a_log_that_began_anew_is_noticed(env):
    """RESET MASTER: files have the same names, and other things in them."""
    env.needs_proxy()
    reset = "RESET MASTER" if is_mariadb(env.old) else "RESET BINARY LOGS AND GTIDS"
    env.tables(T, SEED, OTHER)
    env.old.run(reset)
    proxy = env.proxy()
    through(proxy, *["UPDATE t SET v = v + 1"] * 20)
    proxy.caught_up()
    wait_until(lambda: proxy.status()["feed"]["position"] == proxy.status()["feed"]["leader_position"], 30, "the end of the log")
    proxy.stop()
    file = env.new.run("SELECT `file` FROM crossfade.position")[0][0]
    second = env.old.run("SELECT UNIX_TIMESTAMP()")[0][0]
    wait_until(lambda: env.old.run("SELECT UNIX_TIMESTAMP()")[0][0] > second, 5, "another second")
    env.old.run(reset)
    env.old.run(*["UPDATE t SET v = v + 1"] * 5, database="app")
    again, offset = env.old.run("SHOW BINARY LOGS")[-1][:2]
    assert again == file, (again, file)
    env.old.run("UPDATE t SET v = v + 1000", database="app")
    # Worst luck: the stored place is an end of a transaction in the new log, too.
    env.new.run("UPDATE crossfade.position SET `offset` = %d, resume_offset = %d" % (offset, offset))
    proxy.start(ready=False)
    try:
        wait_until(lambda: proxy.status()["applier"]["last_error"], 30, "word of the new log")
        status = proxy.status()
        assert status["caught_up"] is False, status
        assert "began anew" in status["applier"]["last_error"], status
        assert env.new.run("SELECT MAX(v) FROM app.t")[0][0] < 1000, "nothing of the new log was taken for the old one's"
    finally:
        proxy.stop()
        for database in (env.old, env.new):
            database.run("DROP SCHEMA IF EXISTS crossfade")
