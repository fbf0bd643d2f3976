"""Feed `trigger`: schema changes through the proxy."""

import threading
import time

import pymysql
import pymysql.constants.CLIENT

from harness import BOTH_ROLES, MARIADB_OLD, MYSQL_OLD, Skip, raises, roles
from log_feed import assert_followed, execute, is_mariadb, is_stopped, released, start, stopped, through
from progress import turns, wait_until
from test_trigger_feed import SEED, T

ROLES, FEEDS = BOTH_ROLES, ("trigger",)
HAS_COLUMN = "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = '%s' AND COLUMN_NAME = '%s'"


def test_schema_changes_through_the_proxy(env):
    proxy = start(env, T, SEED)
    through(proxy, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2",
            "CREATE TABLE fresh (id INT PRIMARY KEY, w VARCHAR(20))", "INSERT INTO fresh VALUES (1, 'x'), (2, 'y')",
            "ALTER TABLE t DROP COLUMN s", "UPDATE t SET v = v + 100", "RENAME TABLE fresh TO renamed",
            "UPDATE renamed SET w = 'z' WHERE id = 2", "CREATE TABLE gone (id INT PRIMARY KEY)", "INSERT INTO gone VALUES (1)",
            "DROP TABLE gone", "INSERT INTO t (v) VALUES (8)", "TRUNCATE TABLE renamed", "INSERT INTO renamed VALUES (9, 'n')",
            "CREATE TABLE made (id INT PRIMARY KEY) AS SELECT id, v FROM t", "DELETE FROM made WHERE id = 1",
            "CREATE INDEX by_v ON t (v)", "ALTER TABLE t MODIFY v BIGINT", "UPDATE t SET v = 5000000000 WHERE id = 3")
    assert_followed(env, proxy, rows_min=7)
    if env.binary:
        assert env.new.run("SELECT extra FROM app.t WHERE id = 2")[0][0] == 7


def test_numbers_that_nothing_has_any_more_are_forgotten(env):
    """Each schema change gives its table a new one; what a stopped table has put aside keeps its own."""
    proxy = start(env, T, SEED, T.replace(" t ", " other "))
    env.needs_proxy()
    env.new.run("DELETE FROM t WHERE id = 2", database="app")
    through(proxy, "UPDATE t SET v = 5 WHERE id = 2")
    wait_until(lambda: is_stopped(proxy, "t"), 20, "the stop of a table whose row is missing")
    for n in range(8):
        through(proxy, "ALTER TABLE other ADD COLUMN c%d INT" % n, "INSERT INTO other (v, c%d) VALUES (1, 2)" % n)
    through(proxy, "OPTIMIZE TABLE t", "UPDATE t SET v = 4 WHERE id = 1")
    numbers = "SELECT table_name, COUNT(*) FROM crossfade.captured GROUP BY table_name ORDER BY 1"
    wait_until(lambda: dict(env.old.run(numbers)) == {"other": 1, "sentinel": 1, "t": 2}, 40, "the numbers that are left")
    through(proxy, "ALTER TABLE other DROP COLUMN c0", "UPDATE other SET c1 = 9")
    env.new.run("INSERT INTO t VALUES (2, 2, 'b')", database="app")
    released(proxy, "app.t")
    wait_until(lambda: not is_stopped(proxy, "t"), 30, "the table that goes on")
    env.assert_equal(proxy, rows_min=11)
    wait_until(lambda: dict(env.old.run(numbers)) == {"other": 1, "sentinel": 1, "t": 1}, 40, "the numbers that are left behind that")


def test_schema_changes_in_texts_of_several_statements(env):
    """As migration tools send their files: each statement is carried out, and said, by itself."""
    proxy = start(env, T, SEED)
    several = {"client_flag": pymysql.constants.CLIENT.MULTI_STATEMENTS}
    through(proxy, "DROP TABLE IF EXISTS a; CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1), (2, 2); "
            "ALTER TABLE a ADD COLUMN w INT DEFAULT 5; UPDATE a SET w = 6 WHERE id = 2;", **several)
    through(proxy, "BEGIN; UPDATE t SET v = 9; CREATE TABLE b (id INT PRIMARY KEY, s TEXT); CREATE INDEX by_s ON b (s(9)); "
            "INSERT INTO b VALUES (1, 'x;y'); COMMIT", "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END; ALTER TABLE t ADD COLUMN c INT; "
            "UPDATE t SET c = id; TRUNCATE a; INSERT INTO a (id, v) VALUES (7, 7)", **several)
    with proxy.connect(database="app", **several) as session, session.cursor() as cursor:
        cursor.execute("ALTER TABLE t ADD COLUMN z INT; ALTER TABLE t ADD COLUMN z INT; DROP TABLE t")
        raises(1060, cursor.nextset)
    through(proxy, "UPDATE t SET z = 4")
    assert_followed(env, proxy, rows_min=5)
    if env.binary:
        assert env.new.run("SELECT * FROM app.a") == ((7, 7, 5),) and env.new.run("SELECT SUM(c), SUM(z) FROM app.t") == ((6, 12),)


def test_reads_of_a_table_that_triggers_do_not_tell_of_stay_on_the_leader(env):
    """From the moment at which it is there, not from when it is stopped."""
    env.tables(T, SEED)
    env.needs_proxy()
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    with proxy.connect(database="app") as session:
        execute(session, "CREATE TABLE keyless (a INT NOT NULL, b INT, UNIQUE KEY (a))")
        for n in range(60):
            execute(session, "INSERT INTO keyless VALUES (%d, 1)" % n)
            assert execute(session, "SELECT COUNT(*) FROM keyless") == ((n + 1,),), stopped(proxy)
            time.sleep(0.02)
        wait_until(lambda: is_stopped(proxy, "keyless"), 30, "the stop")
        assert "no primary key" in stopped(proxy)["app.keyless"]
        execute(session, "UPDATE t SET v = 77")
        assert execute(session, "SELECT COUNT(*) FROM keyless") == ((60,),)
        wait_until(lambda: env.new.run("SELECT COUNT(*) FROM app.t WHERE v = 77") == ((3,),), 30, "the other table")


def test_a_schema_change_that_fails_changes_nothing(env):
    proxy = start(env, T, SEED)
    with proxy.connect(database="app") as session:
        for statement in ("ALTER TABLE t ADD COLUMN v INT", "CREATE TABLE t (id INT PRIMARY KEY)", "DROP TABLE missing"):
            try:
                execute(session, statement)
            except Exception:
                pass
        execute(session, "UPDATE t SET v = 77")
    assert_followed(env, proxy, rows_min=3)


def test_writes_of_others_during_a_schema_change(env):
    """Past the proxy, where nothing can be made to wait."""
    proxy = start(env, T, SEED)
    done, failed = threading.Event(), []

    def work():
        try:
            with env.old.connect(database="app") as session:
                n = 10
                for _ in turns(done):
                    n += 1
                    execute(session, "INSERT INTO t (id, v) VALUES (%d, %d)" % (n, n), "UPDATE t SET v = v + 1 WHERE id > %d" % (n - 5))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(3):
            through(proxy, "ALTER TABLE t ADD COLUMN c%d INT DEFAULT %d" % (number, number))
    finally:
        done.set()
        thread.join(60)
    assert not failed, failed
    assert_followed(env, proxy, rows_min=5)


def test_columns_are_dropped_and_renamed_while_others_write(env):
    """Through the proxy and past it: nobody hears of a column that a trigger still names, and what hangs on a row follows it."""
    proxy = start(env, "CREATE TABLE parent (id INT PRIMARY KEY, v INT, s VARCHAR(20), body TEXT, other INT DEFAULT 3, UNIQUE KEY (s))",
                  "CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id) "
                  "ON DELETE CASCADE)",
                  "CREATE TABLE grandchild (id INT PRIMARY KEY AUTO_INCREMENT, c INT, FOREIGN KEY (c) REFERENCES child (id) ON DELETE CASCADE)")
    done, failed, written = threading.Event(), [], []

    def write(session, n):
        execute(session, "BEGIN", "INSERT INTO parent (id, v, s) VALUES (%d, %d, 's%d')" % (n, n, n),
                "INSERT INTO child (p, v) VALUES (%d, 1), (%d, 2)" % (n, n), "INSERT INTO grandchild (c) VALUES (LAST_INSERT_ID())", "COMMIT",
                "UPDATE parent SET v = v + 1, s = 't%d', body = REPEAT('b', 500) WHERE id = %d" % (n, n - 1),
                "UPDATE child SET v = v + 1 WHERE p = %d" % (n - 1))
        for back in (2, 40):  # a row that came while nothing but its key was captured, and an older one
            if n % 3 == 0:
                execute(session, "DELETE FROM parent WHERE id = %d" % (n - back))
            if n % 5 == 0:
                execute(session, "REPLACE INTO parent (id, v, s) VALUES (%d, 5, 'r%d')" % (n - back, n * 100 + back))

    def work(number, endpoint):
        try:
            with endpoint.connect(database="app") as session:
                n = number * 1000000
                for _ in turns(done, unless=failed):
                    n += 1
                    try:
                        write(session, n)
                    except pymysql.OperationalError as error:
                        if error.args[0] != 1213:  # deadlocks of the ends of the index of p
                            raise
                        execute(session, "ROLLBACK")
                written.append(n % 1000000)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number + 1, proxy if number % 2 else env.old)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            through(proxy, "ALTER TABLE parent ADD COLUMN extra INT DEFAULT %d" % number, "ALTER TABLE parent DROP COLUMN extra",
                    "ALTER TABLE parent ADD COLUMN more TEXT, RENAME COLUMN other TO another",
                    "ALTER TABLE parent DROP COLUMN more, RENAME COLUMN another TO other")
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    assert not failed, failed
    assert min(written) > 20, written  # each of the four
    assert_followed(env, proxy, rows_min=50)


def test_a_key_that_is_renamed_while_others_write(env):
    """Not even which rows they are is known then: the table begins anew."""
    proxy = start(env, T, SEED)
    done, failed = threading.Event(), []

    def work():
        try:
            with env.old.connect(database="app") as session:
                for _ in turns(done):
                    execute(session, "INSERT INTO t (v) VALUES (1)", "UPDATE t SET v = v + 1", "DELETE FROM t WHERE v > 20 LIMIT 1")
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for names in ("id TO number", "number TO id"):
            through(proxy, "ALTER TABLE t RENAME COLUMN " + names)
    finally:
        done.set()
        thread.join(60)
    assert not failed, failed
    assert_followed(env, proxy, rows_min=3)


def test_a_schema_change_comes_behind_what_a_killed_proxy_left(env):
    """Two proxies: one is killed while its ALTER waits for a transaction, the other's comes at once."""
    first = start(env, T, SEED)
    env.needs_proxy()
    second = env.proxy()
    holder = env.old.connect(database="app", autocommit=False)
    execute(holder, "SELECT * FROM t")

    def alter(proxy, statement):
        try:
            through(proxy, statement)
        except pymysql.MySQLError:
            pass

    lost = threading.Thread(target=alter, args=(first, "ALTER TABLE t ADD COLUMN first_one INT DEFAULT 1"))
    lost.start()
    waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%' AND INFO LIKE 'ALTER%'"
    wait_until(lambda: env.old.run(waiting)[0][0] == 1, 20, "an ALTER that waits")
    first.kill()
    lost.join(30)
    third = threading.Thread(target=alter, args=(second, "ALTER TABLE t ADD COLUMN second_one INT DEFAULT 2"))
    third.start()
    holder.close()
    third.join(60)
    through(second, "UPDATE t SET v = v + 1")
    assert_followed(env, second, rows_min=3)
    if env.binary:
        names = [row[0] for row in env.new.run("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'app' AND "
                                               "TABLE_NAME = 't' ORDER BY ORDINAL_POSITION")]
        assert names == ["id", "v", "s", "first_one", "second_one"], names


def begun_in_vain(env, proxy, change, is_there):
    """The client's schema change is done, and making triggers anew has to wait: for who gives that up, and for the client."""
    holder = env.old.connect(database="app", autocommit=False)
    execute(holder, "INSERT INTO beside VALUES (1)")  # LOCK TABLES of `changes` waits for it
    client = threading.Thread(target=through, args=(proxy, change))
    client.start()
    wait_until(lambda: env.old.run(is_there), 20, "the schema change")
    return holder, client


def test_writers_hardly_wait_while_the_end_of_a_schema_change_waits_for_an_open_transaction(env):
    """LOCK TABLES makes everybody wait behind it, for as long as it waits itself."""
    proxy = start(env, T, SEED, "CREATE TABLE beside (id INT PRIMARY KEY)", "CREATE TABLE busy (id INT PRIMARY KEY, v INT)",
                  "INSERT INTO busy VALUES (1, 0)")
    env.needs_proxy()
    holder, client = begun_in_vain(env, proxy, "ALTER TABLE t ADD COLUMN w INT DEFAULT 5", HAS_COLUMN % ("t", "w"))
    begun, waited = time.monotonic(), 0
    with env.old.connect(database="app") as writer, holder:
        while (spent := time.monotonic() - begun) < 8:
            before = time.monotonic()
            execute(writer, "UPDATE busy SET v = v + 1")
            took = time.monotonic() - before
            waited += took if took > 0.08 else 0
        assert client.is_alive(), "the test proves nothing: the schema change was over"
    client.join(60)
    assert waited < spent / 4, "writers waited %.1f s of %.1f" % (waited, spent)
    through(proxy, "UPDATE t SET w = 7 WHERE id = 2")
    assert_followed(env, proxy, rows_min=4)


def said(env):
    return env.old.run("SELECT COUNT(*) FROM crossfade.changes WHERE op = 'S'")[0][0]


# The schema change, what shows that it was run, the table whose triggers cannot be dropped then, what clients write before
# the first try, and what between two.
BETWEEN_TRIES = {
    "rename": ("RENAME TABLE a TO gone, b TO a", "SHOW TABLES FROM app LIKE 'gone'", "a", ["INSERT INTO a (v) VALUES (43)"],
               ["INSERT INTO a (v) VALUES (44)", "UPDATE a SET v = 45 WHERE id = 1", "DELETE FROM a WHERE id = 2",
                "UPDATE gone SET v = 9 WHERE id = 3"]),
    "alter_rename": ("ALTER TABLE c RENAME TO d", "SHOW TABLES FROM app LIKE 'd'", "d", ["INSERT INTO d (v) VALUES (43)"],
                     ["INSERT INTO d (v) VALUES (44)", "UPDATE d SET v = 45 WHERE id = 1", "DELETE FROM d WHERE id = 2"]),
    "column": ("ALTER TABLE e ADD COLUMN w INT DEFAULT 5", HAS_COLUMN % ("e", "w"), "e", ["UPDATE e SET w = 7 WHERE id = 3"],
               ["INSERT INTO e (v, w) VALUES (44, 6)", "UPDATE e SET w = 8 WHERE id = 1", "DELETE FROM e WHERE id = 2",
                "UPDATE e SET v = 8 WHERE id = 3"]),
    "truncate": ("TRUNCATE TABLE f", "SELECT 1 FROM (SELECT COUNT(*) AS n FROM app.f) q WHERE n = 0", "f",
                 ["INSERT INTO f (v) VALUES (1), (2), (3)"], ["UPDATE f SET v = 45 WHERE id = 1", "DELETE FROM f WHERE id = 2",
                                                              "INSERT INTO f (v) VALUES (4)"]),
}


@roles(MYSQL_OLD)
def test_writes_between_two_tries_of_making_triggers_anew(env):
    """What says that the statement has run is written down already, and the triggers of before are still there."""
    if is_mariadb(env.old):
        raise Skip("MariaDB locks no table that a HANDLER reads")
    tables = [statement for name in "abcef" for statement in (T.replace(" t ", " %s " % name), SEED.replace(" t ", " %s " % name))]
    proxy = start(env, "CREATE TABLE beside (id INT PRIMARY KEY)", *tables)
    env.needs_proxy()
    for name, (change, is_there, table, before, between) in BETWEEN_TRIES.items():
        holder, client = begun_in_vain(env, proxy, change, is_there)
        with env.old.connect(database="app") as writer:
            execute(writer, *before)
        with env.old.connect(database="app") as reader:
            execute(reader, "HANDLER %s OPEN" % table)  # a trigger of it cannot be dropped, though it can be locked
            holder.close()
            wait_until(lambda: said(env) == 1, 20, "what says that it has run: " + name)
            with env.old.connect(database="app") as writer:
                execute(writer, *between)
        client.join(60)
        through(proxy, "UPDATE %s SET v = v + 1" % table)
        assert_followed(env, proxy, rows_min=7)
        env.old.run("DELETE FROM app.beside")


def test_writes_between_two_tries_of_making_triggers_anew_behind_a_column_that_went(env):
    """The new triggers are there, and what was written by keys alone has not been brought behind the statement."""
    proxy = start(env, T, "CREATE TABLE beside (id INT PRIMARY KEY)", "INSERT INTO t (id, v) VALUES " +
                  ", ".join("(%d, 1)" % n for n in range(1, 3001)))
    env.needs_proxy()
    triggers = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_TABLE = 't' AND TRIGGER_NAME LIKE 'crossfade_d%'"
    before = env.old.run(triggers)
    holder, client = begun_in_vain(env, proxy, "ALTER TABLE t DROP COLUMN s", "SELECT 1 FROM information_schema.TABLES WHERE NOT EXISTS "
                                   "(SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_NAME = 't' AND COLUMN_NAME = 's') LIMIT 1")
    env.old.run("UPDATE app.t SET v = 2")
    holder.close()
    wait_until(lambda: env.old.run(triggers) not in ((), before), 20, "the new triggers", 0.002)
    with env.old.connect(database="app") as session:
        for (number,) in execute(session, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'crossfade'"):
            try:
                execute(session, "KILL %d" % number)
            except pymysql.MySQLError:
                pass  # it has gone by itself
        execute(session, "INSERT INTO t (v) VALUES (44)", "UPDATE t SET v = 45 WHERE id = 1", "DELETE FROM t WHERE id = 2")
    client.join(60)
    through(proxy, "INSERT INTO t (v) VALUES (46)", "UPDATE t SET v = 10 WHERE id = 3")
    assert_followed(env, proxy, rows_min=3000)


def test_schema_changes_while_nothing_is_duplicated_are_followed_later(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    proxy.set_flags(dual_write={"enabled": False})
    through(proxy, "TRUNCATE t", "INSERT INTO t (id, v) VALUES (7, 7)", "ALTER TABLE t ADD COLUMN more INT DEFAULT 5",
            "INSERT INTO t (id, v, more) VALUES (8, 8, 8)")
    proxy.set_flags(dual_write={"enabled": True})
    assert_followed(env, proxy, rows_min=2)


@roles(MARIADB_OLD)
def test_a_schema_change_that_cannot_be_written_down_is_not_run_and_can_be_tried_again(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    with env.old.connect() as other, other.cursor() as holds, proxy.connect(database="app") as session, session.cursor() as cursor:
        # Under READ it can be read, and not written into; under WRITE neither.
        for lock in ("READ", "WRITE"):
            holds.execute("LOCK TABLES crossfade.changes " + lock)
            _, message = raises(1205, cursor.execute, "ALTER TABLE t ADD COLUMN w INT DEFAULT 3")
            holds.execute("UNLOCK TABLES")
            assert message.startswith("crossfade: the schema change cannot be written down for the follower, and was not run: "), message
            cursor.execute("SHOW COLUMNS FROM t LIKE 'w'")
            assert cursor.fetchall() == ()
        proxy.metric_comes(lambda value: value == 2, "crossfade_statements_refused_total")
        cursor.execute("ALTER TABLE t ADD COLUMN w INT DEFAULT 3")
        cursor.execute("UPDATE t SET w = 4 WHERE id = 2")
    assert_followed(env, proxy, rows_min=3)
