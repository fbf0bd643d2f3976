"""Feed `log`: the two sides' tables are not defined alike. What can be carried exactly is; what cannot stops that table
before anything is lost, and no other."""

from backfill import copies
from harness import ALL_FEEDS, BOTH_ROLES, MARIADB_OLD, feeds, raises, roles
from log_feed import (arrived, assert_followed, assert_nothing_stopped, equal_or_named, is_stopped, ledger, rows_of, start,
                      stopped, through)
from progress import wait_until
from test_log_feed_release import release

ROLES, FEEDS = BOTH_ROLES, ("log",)


def two_definitions(env, on_old, on_new, *more):
    """A proxy over one table `t` that each side defines in its own way, and `other`, which is the same on both."""
    env.needs_proxy()
    env.old.run(on_old, database="app")
    env.new.run(on_new, database="app")
    proxy = start(env, "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20))", *more)
    return proxy


def carried(env, on_old, on_new, *statements, rows_min=1):
    proxy = two_definitions(env, on_old, on_new)
    through(proxy, *statements)
    assert_followed(env, proxy, rows_min)
    return proxy


def stops(env, on_old, on_new, *statements):
    """Each statement would be lost in part: the table is named and stands, what follows in other tables goes on."""
    proxy = two_definitions(env, on_old, on_new)
    through(proxy, *statements)
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop of the table that cannot be carried")
    through(proxy, "INSERT INTO other VALUES (1, 'goes on')")
    equal_or_named(env, proxy, "t", "other")
    assert not is_stopped(proxy, "other") and rows_of(env.new, "other"), stopped(proxy)
    return proxy


def test_columns_in_another_order(env):
    carried(env, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b INT, c INT)",
            "CREATE TABLE t (c INT, b INT, id INT PRIMARY KEY, a VARCHAR(20))",
            "INSERT INTO t VALUES (1, 'one', 11, 111), (2, 'two', 22, 222)", "UPDATE t SET b = c, a = 'changed' WHERE id = 1",
            "UPDATE t SET id = 3 WHERE id = 2", rows_min=2)


def test_other_defaults_and_on_update_clauses(env):
    carried(env, "CREATE TABLE t (id INT PRIMARY KEY, a INT DEFAULT 1, at TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP, b INT NOT NULL DEFAULT 5)",
            "CREATE TABLE t (id INT PRIMARY KEY, a INT DEFAULT 2, at TIMESTAMP NULL DEFAULT '2001-01-01', "
            "b INT NOT NULL DEFAULT 6)",
            "INSERT INTO t (id, at) VALUES (1, '2020-01-01')", "UPDATE t SET a = 9 WHERE id = 1",
            "INSERT INTO t (id, at) VALUES (2, '2020-01-01')", "UPDATE t SET a = 4, at = at WHERE id = 2", rows_min=2)


def test_a_trigger_on_the_follower_does_not_fire(env):
    trigger = "CREATE TRIGGER twist BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 1000"
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    env.new.run(trigger, database="app")
    proxy = start(env)
    through(proxy, "INSERT INTO t VALUES (1, 1), (2, 2)", "UPDATE t SET a = a + 1")
    assert_followed(env, proxy, rows_min=2)


def test_a_trigger_on_the_leader_alone_has_its_effects_followed(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, a INT)", "CREATE TABLE audit (n INT PRIMARY KEY AUTO_INCREMENT, id INT)")
    env.old.run("CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW INSERT INTO audit (id) VALUES (NEW.id)", database="app")
    proxy = start(env)
    through(proxy, "INSERT INTO t VALUES (1, 1), (2, 2)")
    assert_followed(env, proxy, rows_min=4)


def test_a_wider_scale_and_precision_on_the_follower(env):
    proxy = two_definitions(env, "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(6,2), at DATETIME)",
                            "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(12,4), at DATETIME(6))")
    through(proxy, "INSERT INTO t VALUES (1, 12.34, '2024-01-02 03:04:05'), (2, -9999.99, NULL)", "UPDATE t SET d = d + 1")
    proxy.caught_up()
    assert_nothing_stopped(proxy)
    values = "SELECT id, CAST(d AS DECIMAL(20,10)), CAST(at AS DATETIME) FROM t ORDER BY id"
    assert env.old.run(values, database="app") == env.new.run(values, database="app")


def test_wider_types_on_the_follower(env):
    carried(env, "CREATE TABLE t (id INT PRIMARY KEY, n SMALLINT, d DECIMAL(6,2), s VARCHAR(10), c CHAR(5))",
            "CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, d DECIMAL(12,2), s VARCHAR(50), c CHAR(9))",
            "INSERT INTO t VALUES (1, -5, 12.34, 'text', 'ab'), (2, NULL, -9999.99, '', '')",
            "UPDATE t SET d = d + 1, n = 7", "DELETE FROM t WHERE id = 2")


@roles(MARIADB_OLD)
@feeds(*ALL_FEEDS)
def test_uuids_and_addresses_become_texts(env):
    """Made by translation of the leader's statement; every row has the text that the leader shows."""
    if env.new.kind == "mariadb":
        return
    proxy = start(env)
    through(proxy, "CREATE TABLE own (id UUID PRIMARY KEY, six INET6, four INET4, n INT, UNIQUE KEY (six))")
    addresses = ["::", "::1", "::1.2.3.4", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "1:0:0:4::8", "1:0:3:0:5:0:7:0", "fe80::1:0:0:2", "::2:3", "0:0:1::", "1::", "::ffff:0:1:2", "2001:db8::"]
    for number, address in enumerate(addresses):
        through(proxy, "INSERT INTO own VALUES ('550E8400-e29b-%x1d4-a716-4466554400%02x', '%s', '10.0.0.%d', %d)" % (number, number, address, number, number))
    through(proxy, "INSERT INTO own VALUES (UUID(), NULL, NULL, 99), (UUID(), NULL, '255.255.255.255', 100)", "UPDATE own SET n = n + 1, six = NULL WHERE n < 3",
            "UPDATE own SET id = '00000000-0000-0000-0000-000000000000' WHERE n = 8", "DELETE FROM own WHERE n IN (5, 6)")
    assert_followed(env, proxy, rows_min=13)


# What a side that is narrower loses: found by the definitions, or at the latest by the value.
def test_a_smaller_decimal_scale_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,4))", "CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,2))",
          "INSERT INTO t VALUES (1, 1.2345)")


def test_a_smaller_precision_of_seconds_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME(6))", "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME(0))",
          "INSERT INTO t VALUES (1, '2024-01-02 03:04:05.678901')")


def test_a_shorter_text_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20))", "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(5))",
          "INSERT INTO t VALUES (1, 'longer than five')")


def test_varchar_into_char_loses_no_trailing_space_silently(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10))", "CREATE TABLE t (id INT PRIMARY KEY, s CHAR(10))",
          "INSERT INTO t VALUES (1, 'space  ')")


def test_a_smaller_integer_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "CREATE TABLE t (id INT PRIMARY KEY, n SMALLINT)",
          "INSERT INTO t VALUES (1, 70000)")


def test_signed_against_unsigned_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "CREATE TABLE t (id INT PRIMARY KEY, n INT UNSIGNED)",
          "INSERT INTO t VALUES (1, -1)")


def test_null_where_the_follower_has_none_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)",
          "INSERT INTO t VALUES (1, NULL)")


def test_a_missing_column_stops_the_table(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, n INT, extra INT)", "CREATE TABLE t (id INT PRIMARY KEY, n INT)",
          "INSERT INTO t VALUES (1, 1, 1)")


def test_text_that_the_followers_character_set_lacks_is_never_silent(env):
    stops(env, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10) CHARACTER SET utf8mb4)",
          "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10) CHARACTER SET latin1)", "INSERT INTO t VALUES (1, '日本')")


def test_members_in_another_order_are_carried_by_name(env):
    proxy = two_definitions(env, "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','b','c'), s SET('x','y'))",
                            "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('c','b','a','d'), s SET('y','x'))")
    through(proxy, "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'c', 'x,y'), (3, 'b', 'y'), (4, NULL, '')")
    named = equal_or_named(env, proxy, "t")
    assert not named["t"] or stopped(proxy)


def test_another_character_set_that_holds_the_text_is_carried(env):
    carried(env, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10) CHARACTER SET latin1)",
            "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10) CHARACTER SET utf8mb4)",
            "INSERT INTO t VALUES (1, 'é€ÿ'), (2, ''), (3, 'plain')", "UPDATE t SET s = CONCAT(s, 'ü')", rows_min=3)


def test_a_unique_key_on_the_follower_alone_is_found_when_it_bites(env):
    proxy = two_definitions(env, "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "CREATE TABLE t (id INT PRIMARY KEY, n INT, UNIQUE KEY (n))")
    through(proxy, "INSERT INTO t VALUES (1, 1), (2, 2)", "INSERT INTO t VALUES (3, 1)", "INSERT INTO other VALUES (1, 'on')")
    named = equal_or_named(env, proxy, "t", "other")
    assert named["t"] and not named["other"], named


def test_a_unique_key_over_hashes_is_carried(env):
    """MariaDB's log has a hidden column for one, as a follower's table has, which nothing else shows."""
    hashed = "CREATE TABLE t (id INT PRIMARY KEY, v TEXT CHARACTER SET latin1, UNIQUE KEY v (v(100)) USING HASH)"
    plain = "CREATE TABLE t (id INT PRIMARY KEY, v TEXT CHARACTER SET latin1, UNIQUE KEY v (v(100)))"
    leader, follower = (hashed if side.kind == "mariadb" else plain for side in (env.old, env.new))
    carried(env, leader, follower, "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'four')", "UPDATE t SET v = 'new' WHERE id = 1",
            "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (5, 'one'), (6, 'two')", "UPDATE t SET id = 7 WHERE id = 4", rows_min=5)
    for side in (env.old, env.new):
        raises(1062, side.run, "INSERT INTO app.t VALUES (8, 'new')")
        raises(1062, side.run, "INSERT INTO app.t VALUES (8, 'four')")
        assert side.run("CHECK TABLE app.t EXTENDED")[-1][-1] == "OK"


def test_another_primary_key_is_never_silently_wrong(env):
    proxy = two_definitions(env, "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a))",
                            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (b))")
    through(proxy, "INSERT INTO t VALUES (1, 10), (2, 20)", "UPDATE t SET b = 30 WHERE a = 1", "INSERT INTO t VALUES (3, 20)",
            "INSERT INTO other VALUES (1, 'on')")
    named = equal_or_named(env, proxy, "t", "other")
    assert named["t"] and not named["other"], named


def test_a_cascade_on_one_side_only_is_never_silent(env):
    parent = "CREATE TABLE parent (id INT PRIMARY KEY)"
    child = "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id)%s)"
    env.needs_proxy()
    env.tables(parent)
    env.old.run(child % " ON DELETE CASCADE", database="app")
    env.new.run(child % "", database="app")
    proxy = start(env, "CREATE TABLE other (id INT PRIMARY KEY)")
    through(proxy, "INSERT INTO parent VALUES (1), (2)", "INSERT INTO child VALUES (1, 1), (2, 1), (3, 2)",
            "DELETE FROM parent WHERE id = 1", "INSERT INTO other VALUES (1)")
    named = equal_or_named(env, proxy, "parent", "child", "other")
    assert not named["other"], named


def test_a_generated_column_with_another_expression_is_never_silent(env):
    proxy = two_definitions(env, "CREATE TABLE t (id INT PRIMARY KEY, a INT, g INT AS (a + 1) STORED)",
                            "CREATE TABLE t (id INT PRIMARY KEY, a INT, g INT AS (a + 2) STORED)")
    through(proxy, "INSERT INTO t (id, a) VALUES (1, 1)")
    assert equal_or_named(env, proxy, "t")["t"]
    text = next(finding["text"] for finding in proxy.status()["feed"]["findings"] if finding["object"] == "app.t column g")
    assert "+ 1" in text and "+ 2" in text, text


def test_a_table_that_the_follower_lacks_stops_alone(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE only_here (id INT PRIMARY KEY)", database="app")
    proxy = start(env, "CREATE TABLE other (id INT PRIMARY KEY)")
    through(proxy, "INSERT INTO only_here VALUES (1)", "INSERT INTO other VALUES (1)")
    wait_until(lambda: is_stopped(proxy, "only_here"), 30, "the stop of a table without a counterpart")
    assert not equal_or_named(env, proxy, "other")["other"]


def test_tables_that_nobody_writes_are_compared_at_the_start(env):
    """A finding before the first row: it stands in the status, and no row was lost."""
    proxy = two_definitions(env, "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)", "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
    wait_until(lambda: "app.t" in proxy.get("/status").replace("`", ""), 30, "a finding about the table")


def test_collations_that_differ_in_name_only_between_makes_stop_nothing(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE t (id VARCHAR(20) PRIMARY KEY, v TEXT, j JSON, n INT(11), d DOUBLE DEFAULT 1.5, "
                "at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)", database="app")
    env.new.run("CREATE TABLE t (id VARCHAR(20) PRIMARY KEY, v TEXT, j JSON, n INT, d DOUBLE DEFAULT '1.5', "
                "at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)", database="app")
    proxy = start(env)
    through(proxy, "INSERT INTO t (id, v, j) VALUES ('ä', 'x', '[1]'), ('Z', NULL, NULL)", "UPDATE t SET n = 1")
    assert_followed(env, proxy, rows_min=2)
    assert_nothing_stopped(proxy)


@roles(MARIADB_OLD)
def test_a_definition_that_is_changed_by_hand_while_nobody_writes_is_found(env):
    """Definitions are compared every so often: the table stops before a row comes that it could not hold. What it had may
    have been cut, so it goes on when somebody says so, and from where it stopped."""
    env.needs_proxy()
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    through(proxy, "UPDATE t SET v = 2")
    arrived(env, proxy)
    env.new.run("ALTER TABLE t MODIFY v SMALLINT", database="app")
    wait_until(lambda: is_stopped(proxy, "t"), 90, "the stop of the table: %s" % proxy.status()["applier"])
    through(proxy, "UPDATE t SET v = 70000")
    arrived(env, proxy)
    assert env.new.run("SELECT v FROM app.t") == ((2,),)
    env.new.run("ALTER TABLE t MODIFY v INT", database="app")
    code, said = release(proxy, "app.t")
    assert code == 0, said
    wait_until(lambda: not stopped(proxy), 30, "the table that goes on")
    env.assert_equal(proxy, rows_min=1)  # the ledger tells of it


def changed_by_hand(env):
    """Both sides alike, and rows on both; the feed has written to the table."""
    env.needs_proxy()
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, e ENUM('x', 'y') DEFAULT 'x')", "INSERT INTO t VALUES (1, 11, 12, 'x'), (2, 21, 22, 'y')",
                  "CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20))")
    through(proxy, "UPDATE t SET a = a + 1, b = b + 1")
    assert_followed(env, proxy, rows_min=2)
    return proxy


def test_columns_of_the_follower_that_are_moved_while_rows_come(env):
    """By name they still go where they belong: no row lands in the wrong column, and nothing stops."""
    proxy = changed_by_hand(env)
    for move in ("MODIFY a INT AFTER b", "MODIFY id INT FIRST, MODIFY b INT AFTER e", "MODIFY a INT FIRST"):
        env.new.run("ALTER TABLE t " + move, database="app")
        through(proxy, "UPDATE t SET a = a + 100, b = b + 1000", "INSERT INTO t SELECT MAX(id) + 1, 5, 6, 'y' FROM t")
        assert_followed(env, proxy, rows_min=2)


def test_a_column_of_the_follower_that_is_dropped_by_hand_stops_the_table(env):
    """Its values are gone there. That somebody adds it again does not bring them back: it does not go on by itself."""
    proxy = changed_by_hand(env)
    env.new.run("ALTER TABLE t DROP COLUMN b", database="app")
    through(proxy, "UPDATE t SET a = a + 1 WHERE id = 1")
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop: %s" % proxy.status()["applier"])
    why = stopped(proxy)["app.t"]
    assert "column b was dropped" in why and "crossfade repair" in why and "backfill" in why and ":" in why, why
    assert len(ledger(env)) == 1, ledger(env)
    env.new.run("ALTER TABLE t ADD COLUMN b INT AFTER a", database="app")
    through(proxy, "INSERT INTO t VALUES (3, 1, 1, 'x')", "ALTER TABLE other ADD COLUMN w INT", "INSERT INTO other VALUES (1, 'goes on', 1)")
    wait_until(lambda: rows_of(env.old, "other") == rows_of(env.new, "other"), 30, "the other table")
    assert is_stopped(proxy, "t"), "definitions agree, rows do not"
    copies(proxy, "--replace", "--tables", "app.t")
    env.assert_equal(proxy, rows_min=3)
    through(proxy, "UPDATE t SET b = b + 1")
    env.assert_equal(proxy, rows_min=3)


def test_a_column_that_is_dropped_and_added_while_nothing_is_written_is_found(env):
    proxy = changed_by_hand(env)
    env.new.run("ALTER TABLE t DROP COLUMN b", database="app")
    through(proxy, "ALTER TABLE other ADD COLUMN w INT")  # definitions are compared after each
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop: %s" % proxy.status()["applier"])
    assert len(ledger(env)) == 1, ledger(env)
    env.new.run("ALTER TABLE t ADD COLUMN b INT AFTER a", database="app")
    through(proxy, "ALTER TABLE other ADD COLUMN x INT", "INSERT INTO other VALUES (1, 'goes on', 1, 1)")
    wait_until(lambda: rows_of(env.old, "other") == rows_of(env.new, "other"), 30, "the other table")
    assert is_stopped(proxy, "t"), proxy.status()["applier"]


def test_members_that_are_changed_by_hand(env):
    """An ENUM travels as a number: the same number is another member now."""
    proxy = changed_by_hand(env)
    env.new.run("ALTER TABLE t MODIFY e ENUM('y', 'x') DEFAULT 'x'", database="app")
    through(proxy, "UPDATE t SET a = a + 1, e = 'x' WHERE id = 2", "INSERT INTO t VALUES (4, 1, 1, 'y')", "INSERT INTO other VALUES (1, 'goes on')")
    wait_until(lambda: is_stopped(proxy, "t"), 30, "the stop: %s" % proxy.status()["applier"])
    wait_until(lambda: rows_of(env.old, "other") == rows_of(env.new, "other"), 30, "the other table")
    assert not env.new.run("SELECT 1 FROM app.t WHERE id = 4"), "nothing was written under other members"


def test_a_wider_column_on_the_follower_goes_on(env):
    proxy = changed_by_hand(env)
    env.new.run("ALTER TABLE t MODIFY a BIGINT, COMMENT 'by hand'", database="app")
    through(proxy, "UPDATE t SET a = a + 1", "INSERT INTO t VALUES (3, 1, 1, 'x')")
    assert_followed(env, proxy, rows_min=3)
