"""Feed `trigger`: what is changed past the proxy, and tables that go on after that."""

import threading
import time

from harness import BOTH_ROLES, raises
from log_feed import assert_followed, execute, is_stopped, released, start, stopped, through
from progress import wait_until
from test_trigger_feed import SEED, T

ROLES, FEEDS = BOTH_ROLES, ("trigger",)

def test_rows_that_are_replaced_past_the_proxy_stop_their_table(env):
    """TRUNCATE and changes of partitions fire no trigger, and may leave the definition as it was."""
    parts = "(id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20))"
    proxy = start(env, T, SEED, "CREATE TABLE `parts-1` " + parts, "CREATE TABLE parts2 " + parts, "CREATE TABLE parts3 " + parts,
                  "CREATE TABLE single (id INT PRIMARY KEY, v INT)", "CREATE TABLE rest (id INT PRIMARY KEY, v INT)")
    env.needs_proxy()
    through(proxy, "INSERT INTO `parts-1` VALUES (1, 1), (11, 1)", "INSERT INTO parts2 VALUES (1, 1), (11, 1)",
            "INSERT INTO parts3 VALUES (1, 1), (11, 1)", "OPTIMIZE TABLE rest", "INSERT INTO rest VALUES (1, 1)")
    with proxy.connect(database="app") as session:
        execute(session, "PREPARE p FROM 'TRUNCATE TABLE t'", "EXECUTE p")
    env.old.run("ALTER TABLE `parts-1` TRUNCATE PARTITION a", "ALTER TABLE parts2 DROP PARTITION b",
                "ALTER TABLE parts3 EXCHANGE PARTITION b WITH TABLE single", "ANALYZE TABLE rest", database="app")
    for name in ("t", "parts-1", "parts2", "parts3", "single"):
        wait_until(lambda: is_stopped(proxy, name), 20, "table %s, which is stopped" % name)
        assert "replaced past the proxy" in stopped(proxy)["app." + name], stopped(proxy)
    assert not is_stopped(proxy, "rest"), stopped(proxy)
    env.old.run("INSERT INTO rest VALUES (2, 2)", database="app")
    wait_until(lambda: env.new.run("SELECT COUNT(*) FROM app.rest")[0][0] == 2, 20, "the rows of the other table")


def test_a_table_that_is_dropped_past_the_proxy_stops_and_is_forgotten_when_both_have_dropped_it(env):
    """What has no table any more shows in no list of tables; nor does the old name of one that was renamed."""
    named = ["CREATE TABLE %s (id INT PRIMARY KEY, v INT)" % name for name in ("a", "b", "c", "renamed", "rest")]
    proxy = start(env, *named, flags={"read_from_new": {"percent": 100}})
    env.needs_proxy()
    through(proxy, *["INSERT INTO %s VALUES (1, 1)" % name for name in ("a", "b", "c", "renamed", "rest")])
    env.assert_equal(proxy)
    env.old.run("DROP TABLE a", "RENAME TABLE renamed TO another", database="app")
    with proxy.connect(database="app") as session:
        execute(session, "PREPARE p FROM 'DROP TABLE b'", "EXECUTE p")
        execute(session, "UPDATE rest SET v = 2")
        for name in ("a", "b", "renamed", "another"):
            wait_until(lambda: is_stopped(proxy, name), 20, "table %s, which is stopped" % name)
        for name in ("a", "b", "renamed"):
            assert "dropped, or given another name, past the proxy" in stopped(proxy)["app." + name], stopped(proxy)
            raises(1146, execute, session, "SELECT * FROM %s" % name)
    assert not is_stopped(proxy, "rest") and not is_stopped(proxy, "c"), stopped(proxy)
    through(proxy, "CREATE DATABASE app_extra", "CREATE TABLE app_extra.x (id INT PRIMARY KEY)", "INSERT INTO app_extra.x VALUES (1)",
            "DROP DATABASE app_extra")
    env.new.run("DROP TABLE a", "DROP TABLE b", database="app")
    wait_until(lambda: not is_stopped(proxy, "a") and not is_stopped(proxy, "b"), 30, "the tables that nobody has")
    through(proxy, "CREATE TABLE a (id INT PRIMARY KEY, w INT)", "INSERT INTO a VALUES (5, 5)", "DROP TABLE c")
    wait_until(lambda: env.new.run("SHOW TABLES FROM app LIKE 'c'") == (), 20, "DROP TABLE through the proxy")
    wait_until(lambda: env.new.run("SELECT * FROM app.a") == ((5, 5),), 20, "the rows of a table that was made again")
    assert set(stopped(proxy)) == {"app.renamed", "app.another"}, stopped(proxy)


def test_a_change_past_the_proxy_does_not_pass_for_one_through_it_that_comes_at_once(env):
    """The triggers that the second makes anew would serve, and nobody would ever see the first."""
    proxy = start(env, T, SEED, *["CREATE TABLE %s (id INT PRIMARY KEY, v INT)" % name for name in ("a", "b", "c", "d")])
    env.needs_proxy()
    through(proxy, *["INSERT INTO %s VALUES (1, 1), (2, 2)" % name for name in ("a", "b", "c", "d")])
    env.assert_equal(proxy)
    update = env.old.run("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_TABLE = 'c' AND TRIGGER_NAME LIKE "
                         "'crossfade_u%'")[0][0]
    with proxy.connect(database="app") as session, env.old.connect(database="app") as past:
        execute(past, "TRUNCATE t", "INSERT INTO t VALUES (9, 9, 'i')")
        execute(session, "ALTER TABLE t ADD COLUMN w INT DEFAULT 3")
        execute(past, "ALTER TABLE a ADD COLUMN past INT DEFAULT 5")
        execute(session, "ALTER TABLE a ADD COLUMN through INT DEFAULT 6")
        execute(past, "DROP TRIGGER %s" % update, "UPDATE c SET v = 7")
        execute(session, "CREATE INDEX by_v ON c (v)")
        execute(past, "DROP TABLE b")
        execute(session, "DROP TABLE IF EXISTS b", "ALTER TABLE d ADD COLUMN w INT", "UPDATE d SET w = 4")
    for name, why in (("t", "rows were replaced past the proxy"), ("a", "past"), ("c", "is gone")):
        wait_until(lambda: is_stopped(proxy, name), 20, "table %s, which is stopped" % name)
        assert why in stopped(proxy)["app." + name], stopped(proxy)
    # That the follower lacks the column may be seen first; but that both have it again will not do.
    env.new.run("ALTER TABLE a ADD COLUMN past INT DEFAULT 5, ADD COLUMN through INT DEFAULT 6", database="app")
    wait_until(lambda: "definition was changed past the proxy" in stopped(proxy).get("app.a", ""), 90, "the reason: %s" % stopped(proxy))
    wait_until(lambda: env.new.run("SELECT SUM(w) FROM app.d") == ((8,),), 20, "what was changed through the proxy alone")
    wait_until(lambda: env.new.run("SHOW TABLES FROM app LIKE 'b'") == () and not is_stopped(proxy, "b"), 20, "what neither side has")
    # The copy; then it goes on.
    env.new.run("ALTER TABLE t ADD COLUMN w INT DEFAULT 3", "TRUNCATE t", "INSERT INTO t VALUES (9, 9, 'i', 3)", database="app")
    released(proxy, "app.t")
    wait_until(lambda: not is_stopped(proxy, "t"), 30, "the table that goes on")
    through(proxy, "UPDATE t SET v = 10, w = 11")
    wait_until(lambda: env.new.run("SELECT * FROM app.t") == ((9, 10, "i", 11),), 20, "its rows")
    assert not is_stopped(proxy, "t"), stopped(proxy)


def test_a_column_added_past_the_proxy_stops_its_table(env):
    proxy = start(env, T, SEED)
    env.needs_proxy()
    env.old.run("ALTER TABLE t ADD COLUMN extra INT", database="app")
    wait_until(lambda: is_stopped(proxy, "t"), 20, "the table that was changed")
    env.old.run("UPDATE t SET extra = 5", database="app")
    # That `new` lacks the column may be seen first; with it the rows are still not those of `old`.
    env.new.run("ALTER TABLE t ADD COLUMN extra INT", database="app")
    wait_until(lambda: "past the proxy" in stopped(proxy).get("app.t", ""), 20, "the reason: %s" % stopped(proxy))


def test_a_table_is_released_while_a_schema_change_of_another_is_under_way(env):
    """While one is, nothing is judged of what was changed past the proxy; and whoever applies now has not seen it before."""
    first = start(env, T, SEED, "CREATE TABLE busy (id INT PRIMARY KEY)", "INSERT INTO busy VALUES (1)")
    env.needs_proxy()
    proxy = env.proxy()
    env.assert_equal(proxy)
    changed = "ALTER TABLE t ADD COLUMN extra INT NOT NULL DEFAULT 1"
    env.old.run(changed, "UPDATE t SET extra = 5", "INSERT INTO t VALUES (77, 7, 'past', 7)", database="app")
    wait_until(lambda: is_stopped(first, "t"), 20, "the table that was changed")
    with env.old.connect(database="app", autocommit=False) as holder:
        execute(holder, "SELECT * FROM busy")
        client = threading.Thread(target=through, args=(proxy, "ALTER TABLE busy ADD COLUMN w INT"))
        client.start()
        wait_until(lambda: env.old.run("SELECT COUNT(*) FROM crossfade.changes WHERE op = 'P'")[0][0] == 1, 20, "the schema change under way")
        first.kill()
        wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the proxy that takes over")
        # The copy, with a row that the triggers of before have told of, too.
        env.new.run(changed, "DELETE FROM t", database="app")
        rows = env.old.run("SELECT * FROM t ORDER BY id", database="app")
        with env.new.connect(database="app") as copy, copy.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (%s, %s, %s, %s)", rows)
        released(proxy, "app.t")
        time.sleep(2)
        assert client.is_alive(), "the test proves nothing: the schema change was over"
    client.join(60)
    through(proxy, "UPDATE t SET extra = extra + 1", "INSERT INTO busy VALUES (2, 2)")
    wait_until(lambda: not stopped(proxy), 30, "the table that goes on: %s" % stopped(proxy))
    assert_followed(env, proxy, rows_min=6)
    assert "table=app.t stopped" not in proxy.log_tail(200), "it stopped again"


def test_rows_are_followed_while_an_alter_past_the_proxy_waits_for_a_transaction(env):
    """MySQL says nothing of any table's files meanwhile, which are looked at each second."""
    proxy = start(env, T, SEED, "CREATE TABLE busy (id INT PRIMARY KEY)", "INSERT INTO busy VALUES (1)")
    env.needs_proxy()
    with env.old.connect(database="app", autocommit=False) as holder:
        execute(holder, "SELECT * FROM busy")
        past = threading.Thread(target=env.old.run, args=("ALTER TABLE app.busy ADD COLUMN w INT",))
        past.start()
        waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%' AND INFO LIKE 'ALTER%'"
        wait_until(lambda: env.old.run(waiting)[0][0] == 1, 20, "an ALTER that waits")
        time.sleep(2.5)  # so that looks fall into it
        for turn in range(3):
            through(proxy, "UPDATE t SET v = %d" % (100 + turn))
            wait_until(lambda: env.new.run("SELECT MIN(v), MAX(v) FROM app.t") == ((100 + turn, 100 + turn),), 15, "the rows of another table")
        assert past.is_alive(), "the test proves nothing: the ALTER was over"
    past.join(30)
    wait_until(lambda: is_stopped(proxy, "busy"), 20, "the table that was changed past the proxy")
    assert not is_stopped(proxy, "t"), stopped(proxy)
