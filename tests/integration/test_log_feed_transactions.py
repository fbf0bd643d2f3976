"""Feeds `log` and `trigger`: transactions of every kind arrive whole, once and in order."""

import os
import threading

from harness import BOTH_ROLES, ALL_FEEDS, Skip, feeds
from log_feed import SENTINEL, arrived, assert_followed, execute, follows, is_mariadb, settings, start, stopped, through
from logins import Roles
from progress import wait_until
from servers import APP, APP_PASSWORD

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

T = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40))"
SEED = "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')"


def test_savepoints_leave_what_was_kept(env):
    follows(env, [T, SEED], "BEGIN", "UPDATE t SET v = 10 WHERE id = 1", "SAVEPOINT a", "UPDATE t SET v = 20 WHERE id = 2",
            "SAVEPOINT b", "DELETE FROM t", "ROLLBACK TO b", "INSERT INTO t (v) VALUES (4)", "ROLLBACK TO a", "SAVEPOINT a",
            "INSERT INTO t (v) VALUES (5)", "RELEASE SAVEPOINT a", "COMMIT", "BEGIN", "DELETE FROM t", "ROLLBACK",
            "BEGIN", "INSERT INTO t (v) VALUES (6)", "COMMIT AND CHAIN", "INSERT INTO t (v) VALUES (7)", "ROLLBACK AND CHAIN",
            "INSERT INTO t (v) VALUES (8)", "COMMIT", "SET autocommit = 0", "INSERT INTO t (v) VALUES (9)", "SET autocommit = 1",
            rows_min=6)


def test_what_was_rolled_back_beside_a_temporary_table_never_happened(env):
    """Servers then write the rows into their log all the same, with the ROLLBACK or ROLLBACK TO behind them."""
    temporary = "CREATE TEMPORARY TABLE IF NOT EXISTS picked (id INT, v INT)"
    follows(env, [T, SEED], "BEGIN", temporary, "INSERT INTO t (v) VALUES (10)", "SAVEPOINT a", "UPDATE t SET v = 20 WHERE id = 2",
            "SAVEPOINT b", "INSERT INTO picked SELECT id, v FROM t", "DELETE FROM t", "ROLLBACK TO B", "INSERT INTO t (v) VALUES (30)",
            "ROLLBACK TO a", "INSERT INTO t (v) VALUES (40)", "DROP TEMPORARY TABLE picked", "SAVEPOINT c", "UPDATE t SET v = 0", "ROLLBACK TO c", "COMMIT",
            "BEGIN", temporary, "UPDATE t SET v = 50 WHERE id = 1", "ROLLBACK", "INSERT INTO t (v) VALUES (60)", rows_min=6)


def test_a_savepoint_whose_name_is_taken_again_beside_a_temporary_table(env):
    """The last one of a name counts, as where frameworks name savepoints by their depth; RELEASE is in no log."""
    follows(env, [T, SEED], "BEGIN", "CREATE TEMPORARY TABLE picked (id INT)", "INSERT INTO t (v) VALUES (10)", "SAVEPOINT a",
            "INSERT INTO t (v) VALUES (20)", "RELEASE SAVEPOINT a", "SAVEPOINT a", "INSERT INTO t (v) VALUES (30)", "SAVEPOINT b",
            "DELETE FROM t", "SAVEPOINT A", "INSERT INTO t (v) VALUES (40)", "ROLLBACK TO a", "INSERT INTO t (v) VALUES (50)",
            "ROLLBACK TO b", "INSERT INTO t (v) VALUES (60)", "COMMIT", "INSERT INTO t (v) VALUES (70)", rows_min=7)


def test_a_savepoint_of_a_trigger_is_not_taken_for_the_clients_of_the_same_name(env):
    """MariaDB logs both, by the name alone: what the transaction has written stops rather than that it be guessed."""
    proxy = start(env, T, SEED, "CREATE TABLE u (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "CREATE TABLE other (id INT PRIMARY KEY)",
                  "CREATE TRIGGER u_ai AFTER INSERT ON u FOR EACH ROW BEGIN SAVEPOINT a; INSERT INTO t (v) VALUES (NEW.v); END")
    through(proxy, "BEGIN", "CREATE TEMPORARY TABLE picked (id INT)", "INSERT INTO t (v) VALUES (5)", "SAVEPOINT a",
            "INSERT INTO u (v) VALUES (70)", "ROLLBACK TO a", "INSERT INTO t (v) VALUES (8)", "COMMIT", "INSERT INTO other VALUES (1)")
    if not env.binary or env.feed != "log" or not is_mariadb(env.old):
        assert_followed(env, proxy, rows_min=5)
        return
    wait_until(lambda: set(stopped(proxy)) == {"app.t", "app.u"}, 20, "the stop of both: %s" % proxy.status()["applier"])
    assert "savepoint" in stopped(proxy)["app.t"]
    arrived(env, proxy)
    assert env.new.run("SELECT id FROM app.other") == ((1,),)
    assert env.new.run("SELECT COUNT(*) FROM app.u") == ((0,),)


def large_rows(env):
    """More than what is read before it is applied."""
    return start(env, T.replace("VARCHAR(40)", "LONGTEXT"), SEED), ["INSERT INTO t (v, s) VALUES (%d, REPEAT('x', 1000000))" % n for n in range(20)]


def test_a_large_transaction_that_was_rolled_back_beside_a_temporary_table_is_passed_by(env):
    proxy, fill = large_rows(env)
    through(proxy, "BEGIN", "CREATE TEMPORARY TABLE picked (id INT)", *fill, "ROLLBACK", "INSERT INTO t (v) VALUES (20)")
    assert_followed(env, proxy, rows_min=4)


def test_much_that_was_rolled_back_to_a_savepoint_beside_a_temporary_table_is_passed_by(env):
    proxy, fill = large_rows(env)
    through(proxy, "BEGIN", "CREATE TEMPORARY TABLE picked (id INT)", *fill[:2], "SAVEPOINT a", *fill, "ROLLBACK TO a",
            "INSERT INTO t (v) VALUES (20)", "COMMIT")
    assert_followed(env, proxy, rows_min=6)


def test_every_isolation_level(env):
    proxy = start(env, T, SEED)
    for level in ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        through(proxy, "SET SESSION TRANSACTION ISOLATION LEVEL " + level, "UPDATE t SET v = v + 1 WHERE v > 1",
                "INSERT INTO t (v) SELECT v FROM t WHERE v < 100", "BEGIN", "DELETE FROM t WHERE v = 3", "UPDATE t SET s = UUID()", "COMMIT")
    assert_followed(env, proxy, rows_min=10)


def test_concurrent_writers_under_read_committed(env):
    """Two that insert and select from each other: what a replay of statements cannot order, rows do."""
    proxy = start(env, T, SEED, "CREATE TABLE sums (id INT PRIMARY KEY AUTO_INCREMENT, n INT)")
    failed = []

    def work(number):
        try:
            with proxy.connect(database="app") as session, session.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                for n in range(60):
                    try:
                        cursor.execute("BEGIN")
                        cursor.execute("INSERT INTO sums (n) SELECT SUM(v) FROM t")
                        cursor.execute("UPDATE t SET v = v + 1 WHERE v %% 4 = %s", (number,))
                        cursor.execute("INSERT INTO t (v) VALUES (%s)", (n,))
                        cursor.execute("COMMIT")
                    except Exception as error:
                        if error.args[0] not in (1213, 1205):
                            raise
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed, failed
    assert_followed(env, proxy, rows_min=100)


def test_xa_in_one_phase_and_in_two(env):
    proxy = start(env, T, SEED)
    through(proxy, "XA START 'one'", "INSERT INTO t (v) VALUES (11)", "XA END 'one'", "XA COMMIT 'one' ONE PHASE",
            "XA START 'two','branch',5", "UPDATE t SET v = 22 WHERE id = 2", "XA END 'two','branch',5", "XA PREPARE 'two','branch',5",
            "XA COMMIT 'two','branch',5", "XA START 'gone'", "DELETE FROM t", "XA END 'gone'", "XA PREPARE 'gone'", "XA ROLLBACK 'gone'",
            "XA START 'early'", "DELETE FROM t", "XA END 'early'", "XA ROLLBACK 'early'", "INSERT INTO t (v) VALUES (33)")
    assert_followed(env, proxy, rows_min=5)


def test_a_prepared_branch_takes_effect_when_it_is_committed(env):
    """Other transactions come between; the branch is ended by another session, or not at all."""
    proxy = start(env, T, SEED)
    through(proxy, "XA START 'held'", "INSERT INTO t (id, v) VALUES (50, 50)", "XA END 'held'", "XA PREPARE 'held'")
    through(proxy, "XA START 'undone'", "INSERT INTO t (id, v) VALUES (51, 51)", "XA END 'undone'", "XA PREPARE 'undone'")
    through(proxy, "INSERT INTO t (id, v) VALUES (60, 60)", "UPDATE t SET v = 0 WHERE id = 1")
    if env.binary:
        wait_until(lambda: env.new.run("SELECT id FROM app.t WHERE id = 60"), 20, "what came after the branch")
        assert env.new.run("SELECT id FROM app.t WHERE id IN (50, 51)") == ()
    through(proxy, "XA COMMIT 'held'", "XA ROLLBACK 'undone'")
    assert_followed(env, proxy, rows_min=5)


def test_a_prepared_branch_outlives_the_proxy(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    through(proxy, "XA START 'long'", "INSERT INTO t (id, v) VALUES (50, 50)", "XA END 'long'", "XA PREPARE 'long'")
    through(proxy, "INSERT INTO t (id, v) VALUES (60, 60)")
    wait_until(lambda: env.new.run("SELECT id FROM app.t WHERE id = 60"), 20, "what came after the branch")
    proxy.kill()
    proxy.start()
    through(proxy, "XA COMMIT 'long'", "UPDATE t SET v = v + 1")
    assert_followed(env, proxy, rows_min=5)


@feeds("log")
def test_a_branch_that_is_prepared_before_the_log_is_followed_is_asked_for(env):
    """Its rows are in front of where the feed would begin: it does not begin before the branch is ended, and says so."""
    env.needs_proxy()
    env.tables(SENTINEL, T, SEED)
    env.old.run("XA START 'first'", "INSERT INTO t (id, v) VALUES (50, 50)", "XA END 'first'", "XA PREPARE 'first'", database="app")
    proxy = env.proxy(start=False)
    try:
        proxy.start(ready=False)
        wait_until(lambda: "XA RECOVER" in proxy.log_tail(200), 20, "word of the branch")
    finally:
        env.old.run("XA ROLLBACK 'first'")
    proxy.caught_up()
    through(proxy, "UPDATE t SET v = v + 1")
    assert_followed(env, proxy, rows_min=3)


def test_load_data_of_the_client_and_of_the_server(env):
    path = os.path.join(env.directory, env.name + ".tsv")
    with open(path, "w", encoding="utf-8") as out:
        out.writelines("%d\t%d\tgrün %d\n" % (n, n * n, n) for n in range(100, 3000))
    os.chmod(path, 0o644)
    proxy = start(env, T, SEED)
    env.old.run("SET GLOBAL local_infile = 1")
    with proxy.connect(database="app", local_infile=True) as session:
        assert execute(session, "LOAD DATA LOCAL INFILE '%s' INTO TABLE t" % path) == ()
        execute(session, "LOAD DATA LOCAL INFILE '%s' REPLACE INTO TABLE t (id, v, @s) SET s = UPPER(@s), v = v + 1" % path)
    if is_mariadb(env.old):
        env.old.run("GRANT FILE ON *.* TO '%s'@'%%'" % APP)
        try:
            through(proxy, "DELETE FROM t WHERE id > 100", "LOAD DATA INFILE '%s' IGNORE INTO TABLE t CHARACTER SET utf8mb4" % path)
        finally:
            env.old.run("REVOKE FILE ON *.* FROM '%s'@'%%'" % APP)
    assert_followed(env, proxy, rows_min=2900)


def test_load_data_from_a_file_of_a_mysql_leader(env):
    if is_mariadb(env.old):
        raise Skip("the servers of all tests can do it")
    folder = os.path.join(env.directory, "files")
    os.makedirs(folder, exist_ok=True)
    with Roles(env, "mysql", "mariadb", "--secure-file-priv=" + folder) as servers:
        with open(os.path.join(folder, "rows.tsv"), "w", encoding="utf-8") as out:
            out.writelines("%d\t%d\tx\n" % (n, n) for n in range(500))
        servers.old.run("GRANT FILE ON *.* TO '%s'@'%%'" % APP)
        for side in servers.both:
            side.run(T, database="app")
        env.old, env.new, env.servers = servers.old, servers.new, servers
        proxy = env.proxy()
        through(proxy, "LOAD DATA INFILE '%s/rows.tsv' INTO TABLE t" % folder, "DELETE FROM t WHERE id % 3 = 0")
        env.assert_equal(proxy, rows_min=300)


def test_a_large_transaction_is_applied_in_bounded_memory(env):
    """About 100 MB of rows in one transaction, behind a savepoint too; the proxy holds a part of it at a time."""
    proxy = start(env, "CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, filler LONGTEXT)", T, SEED)
    env.needs_proxy()
    through(proxy, "UPDATE t SET v = v + 1")
    before, highest, done = proxy.rss(), [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            highest[0] = max(highest[0], proxy.rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with proxy.connect(database="app") as session:
            execute(session, "BEGIN", "INSERT INTO t (v) VALUES (100)", "SAVEPOINT a",
                    "INSERT INTO big (filler) VALUES (REPEAT('x', 100000))")
            for _ in range(10):
                execute(session, "INSERT INTO big (filler) SELECT CONCAT(REPEAT('y', 99990), id) FROM big")
            execute(session, "UPDATE t SET s = 'in the same transaction'", "COMMIT", "UPDATE t SET v = v + 1")
        env.assert_equal(proxy, rows_min=1000)
    finally:
        done.set()
        watcher.join()
    grown = (highest[0] - before) >> 20
    # Had it held all rows once, it would have grown by more than 100; it grew by 44 when this was written.
    assert grown < (80 if env.feed == "log" else 160), "the proxy grew by %d MiB for a transaction of 100 MiB, sent as rows and in base64" % grown


def test_a_row_near_the_packet_limit(env):
    """MariaDB's default limit is a quarter of MySQL's: there the row is named, with what to raise."""
    small = env.new.kind == "mariadb"
    with settings(env.new, max_allowed_packet=(16 if small else 64) << 20):
        proxy = start(env, "CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB)")
        with proxy.connect(database="app", max_allowed_packet=1 << 26) as session:
            execute(session, "INSERT INTO big VALUES (1, REPEAT('a', 9 << 20)), (2, 'small')", "UPDATE big SET v = CONCAT(v, 'b')",
                    "INSERT INTO big VALUES (3, REPEAT('c', 4 << 20))", "DELETE FROM big WHERE id = 3")
        if env.binary and small:
            wait_until(lambda: "max_allowed_packet" in str(stopped(proxy)), 60, "the stop of a row that the follower cannot take")
            return
        assert_followed(env, proxy, rows_min=2)


def test_foreign_keys_cascade_once(env):
    """One make's log has the children's rows, the other's has not: on the follower they change once."""
    follows(env, ["CREATE TABLE parent (id INT PRIMARY KEY, v INT)",
                  "CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, note VARCHAR(20), FOREIGN KEY (p) REFERENCES parent (id) "
                  "ON DELETE CASCADE ON UPDATE CASCADE)",
                  "CREATE TABLE grandchild (id INT PRIMARY KEY AUTO_INCREMENT, c INT, FOREIGN KEY (c) REFERENCES child (id) ON DELETE CASCADE)",
                  "CREATE TABLE loose (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE SET NULL)",
                  "CREATE TABLE tree (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)"],
            "INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)",
            "INSERT INTO child (p, note) VALUES (1, 'a'), (1, 'b'), (2, 'c'), (3, 'd'), (4, 'e'), (5, 'f')",
            "INSERT INTO grandchild (c) SELECT id FROM child", "INSERT INTO loose VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
            "INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 1), (5, NULL)", "DELETE FROM parent WHERE id = 1",
            "UPDATE parent SET id = 20 WHERE id = 2", "UPDATE child SET note = 'kept' WHERE p = 20", "DELETE FROM child WHERE note = 'd'",
            "DELETE FROM tree WHERE id = 1", "REPLACE INTO parent VALUES (4, 44)", "DELETE p, l FROM parent p JOIN loose l ON l.p = p.id",
            "SET foreign_key_checks = 0", "INSERT INTO child (p) VALUES (777)", "DELETE FROM parent WHERE id = 5",
            "SET foreign_key_checks = 1", rows_min=5)


def test_writes_past_the_proxy_follow(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    env.old.run("INSERT INTO t (v) VALUES (100)", "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id = 2", database="app")
    through(proxy, "UPDATE t SET s = 'by the proxy'")
    if env.feed == "log":  # a table that appears past the proxy has no triggers: it is stopped
        env.old.run("CREATE TABLE beside (id INT PRIMARY KEY)", "INSERT INTO beside VALUES (1)", database="app")
    assert_followed(env, proxy, rows_min=3)


def test_unique_values_that_swap_and_shift(env):
    follows(env, ["CREATE TABLE u (id INT PRIMARY KEY, n INT, UNIQUE KEY (n))"], "INSERT INTO u VALUES (1, 1), (2, 2), (3, 3)",
            "UPDATE u SET n = n + 1 ORDER BY n DESC", "BEGIN", "UPDATE u SET n = 100 WHERE id = 1", "UPDATE u SET n = 2 WHERE id = 2",
            "UPDATE u SET n = 3 WHERE id = 1", "COMMIT", "UPDATE u SET id = id + 1 ORDER BY id DESC", "DELETE FROM u WHERE id = 2",
            "INSERT INTO u VALUES (2, 3)", rows_min=3)


def test_many_small_transactions_of_many_sessions_arrive_in_order(env):
    proxy = start(env, "CREATE TABLE hot (id INT PRIMARY KEY, v INT, trail VARCHAR(2000) NOT NULL)",
                  "INSERT INTO hot VALUES (1, 0, ''), (2, 0, '')")

    def work(number):
        session = proxy.wire(APP, APP_PASSWORD, database="app")
        for n in range(100):
            session.query("UPDATE hot SET v = v + 1, trail = RIGHT(CONCAT(trail, '%d.%d,'), 1000) WHERE id = %d" % (number, n, n % 2 + 1))
        session.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert env.old.run("SELECT SUM(v) FROM app.hot") == ((800,),)
    assert_followed(env, proxy, rows_min=2)
