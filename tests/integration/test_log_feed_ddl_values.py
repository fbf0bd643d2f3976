"""Feeds `log` and `trigger`: what a schema change makes of the rows that its table has already. They are the leader's afterwards, or
the table stops and says so."""

import time

from harness import ALL_FEEDS, BOTH_ROLES, MARIADB_OLD, feeds, roles
from log_feed import arrived, equal_or_named, execute, is_stopped, rows_of, start, stopped, through
from progress import wait_until
from test_time_zones import load_zones

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

KEYED = "CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))"


def assert_equal_or_stopped(env, proxy, *tables, equal=()):
    """None is silently different; those of `equal` are equal."""
    for name, named in equal_or_named(env, proxy, *tables).items():
        if named:
            assert name not in equal, (name, stopped(proxy))
            assert "copy it anew: crossfade backfill start --replace --tables app.%s" % name in stopped(proxy)["app." + name], stopped(proxy)


def test_the_clients_clock_zone_and_steps(env):
    for server in (env.old, env.new):
        load_zones(server, ("Europe/Berlin",))
    proxy = start(env, "CREATE TABLE z (id INT PRIMARY KEY, at DATETIME)", "INSERT INTO z VALUES (1, '2024-07-01 12:00:00')",
                  "CREATE TABLE o (id INT PRIMARY KEY, at DATETIME)", "INSERT INTO o VALUES (1, '2024-07-01 12:00:00')",
                  KEYED % "y", "INSERT INTO y VALUES (1, 'y')", KEYED % "n", "INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    through(proxy, "SET time_zone = 'Europe/Berlin'", "ALTER TABLE z MODIFY at TIMESTAMP NULL",
            "ALTER TABLE y ADD COLUMN at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP",
            "ALTER TABLE y ADD COLUMN fine DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
            "SET time_zone = '+05:00'", "ALTER TABLE o MODIFY at TIMESTAMP NULL",
            "SET auto_increment_increment = 10, auto_increment_offset = 3", "ALTER TABLE n ADD COLUMN number INT AUTO_INCREMENT UNIQUE")
    if env.binary:
        # Triggers tell of a statement before it runs: its clock is not known.
        assert_equal_or_stopped(env, proxy, "z", "o", "y", "n", equal=("z", "o", "n") + (("y",) if env.feed == "log" else ()))


def test_a_zone_that_the_follower_lacks(env):
    zone = {"mariadb": "Asia/Kathmandu", "mysql": "Asia/Tbilisi"}[env.old.kind]  # the other role's leader is this one's follower
    load_zones(env.old, (zone,))
    proxy = start(env, "CREATE TABLE z (id INT PRIMARY KEY, at DATETIME)", "INSERT INTO z VALUES (1, '2024-07-01 12:00:00')")
    through(proxy, "SET time_zone = '%s'" % zone, "ALTER TABLE z MODIFY at TIMESTAMP NULL")
    if env.binary:
        wait_until(lambda: is_stopped(proxy, "z"), 30, "the stop for want of a zone")
        assert "1298" in stopped(proxy)["app.z"], stopped(proxy)


@feeds("log")
def test_numbers_for_rows_that_lie_in_no_order(env):
    proxy = start(env, "CREATE TABLE k (v VARCHAR(9))", "CREATE TABLE none (v INT)")
    with proxy.connect(database="app") as one, proxy.connect(database="app") as two:
        execute(one, "BEGIN", "INSERT INTO k VALUES ('first')")
        execute(two, "INSERT INTO k VALUES ('second')")
        execute(one, "COMMIT")
    through(proxy, "ALTER TABLE k ADD COLUMN id INT AUTO_INCREMENT PRIMARY KEY", "ALTER TABLE none ADD COLUMN id INT AUTO_INCREMENT PRIMARY KEY",
            "INSERT INTO none (v) VALUES (1)")
    if env.binary:
        wait_until(lambda: is_stopped(proxy, "k"), 30, "the stop of rows in no order")
        assert_equal_or_stopped(env, proxy, "k", "none")


def test_values_that_are_converted(env):
    proxy = start(env, KEYED % "i", "INSERT INTO i VALUES (1, '1.5'), (2, '2.5'), (3, '1e3')", KEYED % "w", "INSERT INTO w VALUES (1, 'x')",
                  "CREATE TABLE d (id INT PRIMARY KEY, v DOUBLE, at DATETIME(6), n BIGINT)",
                  "INSERT INTO d VALUES (1, 0.1, '2024-01-01 10:00:00.567', 300), (2, 1e10, '2024-12-31 23:59:59.999999', -1)",
                  "CREATE TABLE j (id INT PRIMARY KEY, v JSON)", "INSERT INTO j VALUES (1, '{\"b\": 1, \"a\":[1,2]}')")
    through(proxy, "SET sql_mode = ''", "ALTER TABLE i MODIFY v INT", "ALTER TABLE w MODIFY v VARCHAR(300), ADD COLUMN x INT NOT NULL DEFAULT 5",
            "ALTER TABLE d CHANGE v text VARCHAR(30), MODIFY at DATETIME, MODIFY n TINYINT UNSIGNED", "ALTER TABLE j MODIFY v LONGTEXT")
    if env.binary:
        assert_equal_or_stopped(env, proxy, "i", "w", "d", "j", equal=("w", "d"))


@roles(MARIADB_OLD)  # MySQL refuses such a default itself, 1674
def test_a_default_of_each_servers_own(env):
    proxy = start(env, KEYED % "u", "INSERT INTO u VALUES (1, 'a'), (2, 'b')", KEYED % "n")
    through(proxy, "ALTER TABLE u ADD COLUMN own VARCHAR(40) DEFAULT (UUID())", "ALTER TABLE n ADD COLUMN own VARCHAR(40) DEFAULT (UUID())")
    if env.binary:
        wait_until(lambda: is_stopped(proxy, "u"), 30, "the stop of rows with values of their own")
        assert_equal_or_stopped(env, proxy, "u")


def test_a_definition_made_by_hand_does_not_make_the_rows(env):
    proxy = start(env, "CREATE TABLE h (id INT PRIMARY KEY)", "INSERT INTO h VALUES (1), (2)", "CREATE TABLE e (id INT PRIMARY KEY)", ddl="refuse")
    if not env.binary:
        return
    through(proxy, "ALTER TABLE h ADD COLUMN c INT DEFAULT 5", "ALTER TABLE e ADD COLUMN c INT DEFAULT 5")
    wait_until(lambda: is_stopped(proxy, "h") and is_stopped(proxy, "e"), 30, "the stops")
    for table in "he":
        env.new.run("ALTER TABLE %s ADD COLUMN c INT" % table, "ALTER TABLE %s ALTER c SET DEFAULT 5" % table, database="app")
    wait_until(lambda: not is_stopped(proxy, "e"), 60, "the table that had no rows: %s" % stopped(proxy))
    time.sleep(3)
    assert is_stopped(proxy, "h") and "crossfade tables release" in stopped(proxy)["app.h"], stopped(proxy)
    assert rows_of(env.old, "h") != rows_of(env.new, "h")


def test_a_proxy_that_is_killed_while_the_follower_is_at_it(env):
    """What it had sent runs on after it: the next one waits for that, and does it once."""
    env.needs_proxy()
    proxy = start(env, "CREATE TABLE c (id INT PRIMARY KEY, a INT, b INT)", "INSERT INTO c VALUES (1, 10, 20)",
                  "CREATE TABLE p1 (id INT PRIMARY KEY, v INT)", "INSERT INTO p1 VALUES (1, 1)",
                  "CREATE TABLE p2 (id INT PRIMARY KEY, w INT)", "INSERT INTO p2 VALUES (2, 2)")
    arrived(env, proxy)

    def waiting():
        return env.new.run("SELECT id FROM information_schema.processlist WHERE state LIKE '%metadata lock%' AND command <> 'Daemon'")

    for table, statement in (("c", "ALTER TABLE c CHANGE a b INT, CHANGE b a INT"), ("p1", "RENAME TABLE p1 TO px, p2 TO p1, px TO p2")):
        with env.new.connect(autocommit=False) as holder:
            execute(holder, "SELECT * FROM app.%s" % table)
            through(proxy, statement)
            wait_until(waiting, 30, "the statement that waits")
            proxy.kill()
            proxy.start(ready=False)
            time.sleep(3)
            holder.commit()
        arrived(env, proxy, 60)
    for table in ("c", "p1", "p2"):
        sides = rows_of(env.old, table), rows_of(env.new, table)
        assert sides[0] == sides[1], (table, sides, proxy.status()["applier"])
    assert stopped(proxy) == {}, stopped(proxy)
