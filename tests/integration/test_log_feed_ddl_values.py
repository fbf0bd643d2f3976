"""Feeds `log` and `trigger`: what a schema change makes of the rows that its table has already. They are the leader's afterwards, or
the table stops and says so."""

import time

from harness import ALL_FEEDS, BOTH_ROLES, MARIADB_OLD, feeds, roles
from log_feed import arrived, equal_or_named, execute, is_stopped, ledger, rows_of, start, stopped, through
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


def test_an_alter_of_which_one_clause_is_there_already(env):
    """The server does nothing of it then. The others are carried out all the same, or the table stops: never neither."""
    env.needs_proxy()
    rows = "INSERT INTO %s VALUES (1, '2024-01-01 10:00:00.567891', 'a', 1), (2, '2024-01-02 10:00:00.9', 'b', 2)"
    tables = "t", "u", "w"
    proxy = start(env, *["CREATE TABLE %s (id INT PRIMARY KEY, at DATETIME(6), email VARCHAR(20), n INT)" % table for table in tables],
                  *[rows % table for table in tables])
    arrived(env, proxy)
    env.new.run("CREATE INDEX i ON t (at)", "CREATE INDEX i ON u (at)", "CREATE INDEX i ON w (email)", database="app")
    through(proxy, "ALTER TABLE t ADD INDEX i (at), ADD UNIQUE KEY u (email), MODIFY at DATETIME NOT NULL, ALTER n SET DEFAULT 5, ADD z INT DEFAULT 7",
            "ALTER TABLE u ADD INDEX i (at), CHANGE n renamed INT, MODIFY at DATETIME", "CREATE UNIQUE INDEX i ON w (email)",
            "INSERT INTO t (id, at, email) VALUES (3, '2024-01-03', 'c')")
    wait_until(lambda: is_stopped(proxy, "u"), 30, "the stop of what cannot be carried out clause by clause: %s" % stopped(proxy))
    assert "its clauses cannot be told apart" in stopped(proxy)["app.u"], stopped(proxy)
    assert_equal_or_stopped(env, proxy, "t", "u", equal=("t",))
    there = env.new.run("SHOW CREATE TABLE app.t")[0][1]
    assert "UNIQUE KEY `u`" in there and "DEFAULT 5" in there.replace("'", "") and "`at` datetime NOT NULL" in there, there
    # That it is not unique there is said, although rows can go on.
    wait_until(lambda: any("1061" in str(line) for line in ledger(env)), 30, "what is said of the index that is another one")


def test_columns_are_new_by_their_clause(env):
    env.needs_proxy()
    proxy = start(env, "CREATE TABLE renamed (id INT PRIMARY KEY, created DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))",
                  "INSERT INTO renamed VALUES (1, '2024-01-01 10:00:00.5'), (2, '2024-01-02 10:00:00.5')",
                  "CREATE TABLE again (id INT PRIMARY KEY, at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6))", "INSERT INTO again VALUES (1, '2024-01-01'), (2, '2024-01-02')",
                  "CREATE TABLE numbered (v VARCHAR(9) PRIMARY KEY, n INT AUTO_INCREMENT UNIQUE)", "INSERT INTO numbered (v) VALUES ('b'), ('A'), ('c')")
    arrived(env, proxy)
    time.sleep(0.1)  # the clock of `again` is another one by now
    through(proxy, "ALTER TABLE renamed RENAME COLUMN created TO created_at", "ALTER TABLE again DROP at, ADD at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)",
            "ALTER TABLE numbered DROP n, ADD n INT AUTO_INCREMENT UNIQUE", "INSERT INTO renamed (id) VALUES (3)")
    wait_until(lambda: is_stopped(proxy, "numbered"), 30, "the stop of rows that are numbered anew: %s" % stopped(proxy))
    assert_equal_or_stopped(env, proxy, "renamed", "again", "numbered", equal=("renamed",) + (("again",) if env.feed == "log" else ()))
    assert is_stopped(proxy, "again") == (env.feed == "trigger"), stopped(proxy)


def test_rows_lie_in_the_order_of_the_leaders_engine(env):
    env.needs_proxy()
    proxy = start(env, "CREATE TABLE s (slug VARCHAR(50) PRIMARY KEY, legacy INT NOT NULL UNIQUE)", "INSERT INTO s VALUES ('apple', 2), ('Banana', 1)")
    through(proxy, "ALTER TABLE s ADD n INT AUTO_INCREMENT UNIQUE")
    wait_until(lambda: is_stopped(proxy, "s"), 30, "the stop of rows that lie by a text")
    if env.feed == "log":
        through(proxy, "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO m VALUES (5), (3), (4)", "ALTER TABLE m ADD n INT AUTO_INCREMENT UNIQUE")
        wait_until(lambda: is_stopped(proxy, "m"), 30, "the stop of rows that lie as they came")
        assert_equal_or_stopped(env, proxy, "s", "m")


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
