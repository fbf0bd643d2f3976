"""Feed `log`: tables that foreign keys tie to one that is stopped. None of them is taken for one that differs, nothing of
them is lost, and where they cannot go on without the other they wait for it and go on with it by themselves."""

from backfill import copies, refused
from harness import BOTH_ROLES
from log_feed import arrived, is_mariadb, is_stopped, ledger, rows_of, start, stopped, through
from progress import wait_until
from test_log_feed_release import release

ROLES, FEEDS = BOTH_ROLES, ("log",)

PARENT = "CREATE TABLE parent (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0)"
CHILD = "CREATE TABLE %s (id INT PRIMARY KEY, up INT, v INT NOT NULL DEFAULT 0, FOREIGN KEY (up) REFERENCES %s (id) %s)"
PARENTS = "INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)"


def stop_by_a_row(env, proxy, table):
    """Row 5 of it is away on the follower; everything else is as on the leader."""
    arrived(env, proxy)
    env.new.run("SET foreign_key_checks = 0", "DELETE FROM %s WHERE id = 5" % table, database="app")
    through(proxy, "UPDATE %s SET v = 50 WHERE id = 5" % table)
    wait_until(lambda: is_stopped(proxy, table), 30, "the stop of %s" % table)


def mend(env, proxy, table, row):
    env.new.run("SET foreign_key_checks = 0", "INSERT INTO %s VALUES (%s)" % (table, row), database="app")
    code, said = release(proxy, "app." + table)
    assert code == 0, said
    wait_until(lambda: not stopped(proxy), 30, "the end of catching up: %s" % proxy.status()["applier"])


def assert_equal_and_followed(env, proxy, *tables):
    env.assert_equal(proxy, rows_min=3)
    through(proxy, *("UPDATE %s SET v = v + 7" % table for table in tables))
    env.assert_equal(proxy, rows_min=3)
    assert len(ledger(env)) == 1, ledger(env)


def test_children_of_a_stopped_table_go_on(env):
    """Their rows refer to rows that are not there yet."""
    env.needs_proxy()
    proxy = start(env, PARENT, PARENTS, CHILD % ("child", "parent", ""), CHILD % ("grandchild", "child", "ON DELETE CASCADE"),
                  "INSERT INTO child (id, up) VALUES (1, 1), (2, 2)")
    stop_by_a_row(env, proxy, "parent")
    through(proxy, "INSERT INTO parent VALUES (6, 6)", "INSERT INTO child (id, up) VALUES (3, 6), (4, 1)", "UPDATE child SET up = 6 WHERE id = 2",
            "INSERT INTO grandchild (id, up) VALUES (1, 3), (2, 4), (3, 1)", "DELETE FROM child WHERE id IN (1, 4)", "DELETE FROM parent WHERE id IN (1, 2)",
            "INSERT INTO parent VALUES (1, 100)", "INSERT INTO child (id, up) VALUES (7, 1)")
    arrived(env, proxy)
    assert set(stopped(proxy)) == {"app.parent"}, stopped(proxy)
    for table in ("child", "grandchild"):
        assert rows_of(env.old, table) == rows_of(env.new, table), (table, rows_of(env.new, table))
    mend(env, proxy, "parent", "5, 5")
    assert_equal_and_followed(env, proxy, "parent", "child", "grandchild")


def test_parents_of_a_stopped_table_go_on(env):
    """Their rows go although rows that refer to them are still there."""
    env.needs_proxy()
    proxy = start(env, PARENT, PARENTS, CHILD % ("child", "parent", ""), "INSERT INTO child (id, up) VALUES (1, 1), (2, 2), (3, 3), (5, 4)")
    stop_by_a_row(env, proxy, "child")
    through(proxy, "DELETE FROM child WHERE id IN (1, 2)", "DELETE FROM parent WHERE id = 1", "UPDATE parent SET id = 12 WHERE id = 2",
            "INSERT INTO child (id, up) VALUES (8, 12)", "UPDATE child SET up = 12 WHERE id = 3", "DELETE FROM parent WHERE id = 3",
            "DELETE FROM child WHERE id = 8", "INSERT INTO parent VALUES (1, 100)", "INSERT INTO child (id, up) VALUES (9, 1)")
    arrived(env, proxy)
    assert set(stopped(proxy)) == {"app.child"}, stopped(proxy)
    assert rows_of(env.old, "parent") == rows_of(env.new, "parent"), rows_of(env.new, "parent")
    mend(env, proxy, "child", "5, 4, 0")
    assert_equal_and_followed(env, proxy, "parent", "child")


def test_a_parent_whose_cascade_would_come_too_early_waits(env):
    """MariaDB does not log what a cascade does: carried out while the child stands still it would meet other rows there."""
    env.needs_proxy()
    proxy = start(env, PARENT, PARENTS, CHILD % ("child", "parent", "ON DELETE CASCADE"), CHILD % ("beside", "parent", ""), CHILD % ("of_beside", "beside", ""),
                  "INSERT INTO child (id, up) VALUES (1, 1), (2, 2), (3, 3), (5, 4)", "INSERT INTO beside (id, up) VALUES (1, 2)")
    stop_by_a_row(env, proxy, "child")
    through(proxy, "UPDATE parent SET v = v + 1", "INSERT INTO parent VALUES (6, 6)", "INSERT INTO of_beside (id, up) VALUES (1, 1)")
    arrived(env, proxy)
    assert set(stopped(proxy)) == {"app.child"}, stopped(proxy)
    assert rows_of(env.old, "parent") == rows_of(env.new, "parent")
    through(proxy, "UPDATE child SET v = 11 WHERE id = 1", "DELETE FROM parent WHERE id = 1", "INSERT INTO parent VALUES (1, 100)",
            "INSERT INTO child (id, up) VALUES (1, 1)", "INSERT INTO beside (id, up) VALUES (2, 1)", "INSERT INTO of_beside (id, up) VALUES (2, 2)",
            "UPDATE child SET v = 12 WHERE id = 1")
    arrived(env, proxy)
    with_it = {"app.child", "app.parent", "app.beside"} if is_mariadb(env.old) else {"app.child"}
    assert set(stopped(proxy)) == with_it, stopped(proxy)
    assert rows_of(env.old, "of_beside") == rows_of(env.new, "of_beside")
    if is_mariadb(env.old):
        code, said = release(proxy, "app.parent")
        assert code == 1 and "cannot go on alone" in said and "app.child" in said, said
    mend(env, proxy, "child", "5, 4, 0")
    assert_equal_and_followed(env, proxy, "parent", "child", "beside", "of_beside")


def test_one_of_two_that_are_mended_does_not_carry_off_the_other(env):
    """Both are children of one parent, which waits for both."""
    env.needs_proxy()
    proxy = start(env, PARENT, PARENTS, *(CHILD % (name, "parent", "ON DELETE CASCADE") for name in ("one", "two")),
                  *("INSERT INTO %s (id, up) VALUES (1, 1), (2, 2), (3, 3), (5, 4)" % name for name in ("one", "two")))
    stop_by_a_row(env, proxy, "one")
    stop_by_a_row(env, proxy, "two")
    again = ("DELETE FROM parent WHERE id = 1", "INSERT INTO parent VALUES (1, 100)", "INSERT INTO one (id, up) VALUES (1, 1)", "INSERT INTO two (id, up) VALUES (1, 1)")
    through(proxy, *again)
    arrived(env, proxy)
    env.new.run("INSERT INTO one VALUES (5, 4, 0)", database="app")
    code, said = release(proxy, "app.one")
    assert code == 0, said
    through(proxy, *again, "UPDATE one SET v = v + 1", "UPDATE two SET v = v + 1")
    arrived(env, proxy)
    wait_until(lambda: not any("caught up" in why for why in stopped(proxy).values()), 30, "an end of it: %s" % stopped(proxy))
    assert is_stopped(proxy, "two"), stopped(proxy)
    mend(env, proxy, "two", "5, 4, 0")
    env.assert_equal(proxy, rows_min=3)
    assert len(ledger(env)) == 2, ledger(env)


def test_what_stopped_with_another_is_copied_with_it(env):
    """What the other's foreign keys had to do to it nobody will tell it any more."""
    env.needs_proxy()
    proxy = start(env, PARENT, PARENTS, CHILD % ("child", "parent", "ON DELETE CASCADE"), "INSERT INTO child (id, up) VALUES (1, 1), (2, 2), (5, 4)")
    stop_by_a_row(env, proxy, "parent")
    through(proxy, "DELETE FROM parent WHERE id = 1")
    arrived(env, proxy)
    if not is_mariadb(env.old):
        assert set(stopped(proxy)) == {"app.parent"}, stopped(proxy)  # its log tells what its foreign keys do
        return
    assert set(stopped(proxy)) == {"app.parent", "app.child"}, stopped(proxy)
    refused(proxy, "--replace", "--tables", "app.parent", why="app.child has stopped with app.parent")
    copies(proxy, "--replace", "--tables", "app.parent,app.child")
    wait_until(lambda: not stopped(proxy), 60, "the copies: %s" % proxy.status()["applier"])
    env.assert_equal(proxy, rows_min=2)
