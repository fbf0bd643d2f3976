"""Feeds `log` and `trigger`: statements of every kind pass untouched, and their rows are the same on both sides."""

import pymysql

from harness import BOTH_ROLES, ALL_FEEDS, Skip, feeds
from log_feed import assert_followed, execute, follows, is_mariadb, start, through
from progress import wait_until

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

ITEMS = "CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40), price DECIMAL(10,2), stock INT, " \
        "changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), UNIQUE KEY by_name (name))"
SEED = "INSERT INTO items (id, name, price, stock, changed) VALUES (1, 'a', 1.5, 10, '2020-01-01'), (2, 'b', 2, 20, " \
       "'2020-01-01'), (3, 'c', 3, 30, '2020-01-01'), (4, 'd', NULL, 40, '2020-01-01')"
ORDERS = "CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, item INT, amount INT, KEY (item))"


def test_updates_by_unique_key_by_range_and_by_nothing(env):
    follows(env, [ITEMS, SEED],
            "UPDATE items SET stock = stock + 1 WHERE name = 'b'", "UPDATE items SET stock = stock + 1 WHERE id > 1 AND id < 4",
            "UPDATE items SET stock = stock * 2", "UPDATE items SET price = price + 1 ORDER BY stock DESC LIMIT 2",
            "UPDATE items SET name = 'moved', id = 100 WHERE id = 1", "DELETE FROM items WHERE stock > 70",
            "DELETE FROM items LIMIT 1", rows_min=2)


def test_insert_on_duplicate_key_update(env):
    follows(env, [ITEMS, SEED],
            "INSERT INTO items (id, name, stock) VALUES (1, 'x', 1) ON DUPLICATE KEY UPDATE stock = stock + VALUES(stock)",
            "INSERT INTO items (name, stock) VALUES ('b', 5), ('new', 6) ON DUPLICATE KEY UPDATE stock = items.stock + 7",
            "INSERT INTO items (id, name) SELECT id, CONCAT(name, '!') FROM items i ON DUPLICATE KEY UPDATE name = VALUES(name)",
            rows_min=5)


def test_replace_insert_select_and_insert_ignore(env):
    follows(env, [ITEMS, SEED, ORDERS],
            "REPLACE INTO items (id, name, stock) VALUES (1, 'b', 9)",  # deletes two rows, makes one
            "INSERT INTO orders (item, amount) SELECT id, stock FROM items WHERE stock > 5 ORDER BY stock DESC",
            "INSERT INTO orders (item, amount) SELECT item, amount + 1 FROM orders",
            "INSERT IGNORE INTO items (id, name) VALUES (3, 'dup'), (50, 'c'), (51, 'fresh')",
            "REPLACE INTO orders SELECT id, item, 0 FROM orders WHERE id % 2", rows_min=6)


def test_updates_and_deletes_of_several_tables(env):
    follows(env, [ITEMS, SEED, ORDERS, "INSERT INTO orders VALUES (1, 1, 2), (2, 1, 3), (3, 2, 4), (4, 9, 5)"],
            "UPDATE items i JOIN orders o ON o.item = i.id SET i.stock = i.stock - o.amount, o.amount = 0",
            "DELETE i, o FROM items i JOIN orders o ON o.item = i.id WHERE i.id = 2",
            "DELETE orders FROM orders LEFT JOIN items ON items.id = orders.item WHERE items.id IS NULL",
            "UPDATE items SET stock = (SELECT COUNT(*) FROM orders)", rows_min=3)


def outcome(endpoint, statement, schema):
    """The error's code, 0 without one."""
    try:
        with endpoint.connect(database=schema) as session:
            execute(session, statement)
        return 0
    except pymysql.MySQLError as error:
        return error.args[0]


def test_delete_with_an_alias_and_insert_delayed_as_the_leader_takes_them(env):
    z = ["CREATE TABLE z (id INT PRIMARY KEY, v INT)", "INSERT INTO z VALUES (1, 1), (2, 2), (3, 3)"]
    env.servers.run("CREATE DATABASE app_direct", "USE app_direct", *z)
    proxy = start(env, *z)
    for statement in ("DELETE FROM z AS t WHERE t.id = 1", "INSERT DELAYED INTO z VALUES (4, 4)"):
        assert outcome(proxy, statement, "app") == outcome(env.old, statement, "app_direct"), statement
    through(proxy, "DELETE t FROM z AS t WHERE t.id = 2")
    assert_followed(env, proxy)


@feeds("log")
def test_insert_delayed_into_tables_that_take_it(env):
    """The leader writes these rows later, and by itself. Aria's tables do not take it. The follower has them in InnoDB."""
    for side, engines in ((env.old, ("MyISAM", "Aria" if is_mariadb(env.old) else "MyISAM")), (env.new, ("InnoDB", "InnoDB"))):
        tables = ["CREATE TABLE d%d (id INT PRIMARY KEY, v INT) ENGINE=%s" % pair for pair in enumerate(engines)]
        side.run("CREATE DATABASE app_direct", "USE app_direct", *tables, "USE app", *tables)
    proxy = start(env)
    for n in range(2):
        statement = "INSERT DELAYED INTO d%d VALUES (1, 1), (2, 2)" % n
        code = outcome(proxy, statement, "app")
        assert code == outcome(env.old, statement, "app_direct"), statement
        assert code == (1616 if n == 1 and is_mariadb(env.old) else 0), statement
        if code == 0:
            wait_until(lambda: env.old.run("SELECT COUNT(*) FROM app.d%d" % n) == ((2,),), 20, "the delayed rows")
        through(proxy, "INSERT INTO d%d VALUES (3, 3)" % n, "UPDATE d%d SET v = v + 1" % n)
    assert_followed(env, proxy, rows_min=4)


def test_functions_without_a_fixed_value(env):
    follows(env, ["CREATE TABLE t (id VARCHAR(40) PRIMARY KEY, at VARCHAR(40), n DOUBLE, who VARCHAR(80), c BIGINT)"],
            "INSERT INTO t VALUES (UUID(), NOW(6), RAND(), USER(), CONNECTION_ID()), (UUID(), SYSDATE(6), RAND(), DATABASE(), 1)",
            "INSERT INTO t SELECT UUID(), CURRENT_TIMESTAMP(6), RAND() * n, CURRENT_USER(), UNIX_TIMESTAMP() FROM t",
            "UPDATE t SET n = RAND(), at = NOW(6)", "UPDATE t SET at = UTC_TIMESTAMP(6) ORDER BY RAND() LIMIT 2", rows_min=4)


def test_user_variables_and_settings_of_the_session(env):
    follows(env, ["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(60), at TIMESTAMP NULL)"],
            "SET @a = 5, @b = 'text'", "INSERT INTO t (v) VALUES (@b), (@a := @a + 1), (@a * 2)",
            "SELECT COUNT(*) INTO @n FROM t", "UPDATE t SET v = CONCAT(v, ' of ', @n) WHERE id = LAST_INSERT_ID()",
            "SET time_zone = '+05:30', timestamp = 1700000000", "INSERT INTO t (v, at) VALUES (NOW(), NOW())",
            "SET insert_id = 1000", "INSERT INTO t (v) VALUES ('by insert_id')",
            "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", "INSERT INTO t (\"v\") VALUES ('a' || 'b')", rows_min=6)


def test_insert_ignore_of_numbers_into_text_and_of_text_into_numbers(env):
    follows(env, ["CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(5), c CHAR(3), n TINYINT, d DECIMAL(4,2), e ENUM('a','b'))"],
            "INSERT IGNORE INTO t VALUES (1, 1234567, 1.55, '300', 99999, 'z'), (2, 1e20, TRUE, 'x', '1.005', 2), "
            "(3, 0.1, -1, -129, -0.005, '')", "UPDATE IGNORE t SET n = 1000, s = id * 1.5e10", rows_min=3)


def test_returning_gives_rows_and_they_follow(env):
    if not is_mariadb(env.old):
        raise Skip("MySQL has no RETURNING")
    proxy = start(env, ITEMS, SEED)
    with proxy.connect(database="app") as session:
        assert execute(session, "INSERT INTO items (name) VALUES ('r1'), ('r2') RETURNING name") == (("r1",), ("r2",))
        assert execute(session, "DELETE FROM items WHERE stock > 20 RETURNING id") == ((3,), (4,))
        assert len(execute(session, "REPLACE INTO items (id, name) VALUES (1, 'b') RETURNING id, name")) == 1
    assert_followed(env, proxy, rows_min=3)


@feeds("log")
def test_tables_without_a_primary_key(env):
    follows(env, ["CREATE TABLE plain (a INT, b VARCHAR(20), f FLOAT)", "CREATE TABLE keyed (a INT NOT NULL, b INT, UNIQUE KEY (a))"],
            "INSERT INTO plain VALUES (1, 'x', 0.1), (1, 'x', 0.1), (2, NULL, NULL), (3, 'y', 1e-30)",
            "DELETE FROM plain WHERE a = 1 LIMIT 1", "UPDATE plain SET b = 'moved' WHERE a = 3", "UPDATE plain SET a = a + 1",
            "INSERT INTO keyed VALUES (1, 1), (2, 2), (3, 3)", "UPDATE keyed SET a = a + 10 ORDER BY a DESC",
            "DELETE FROM keyed WHERE b = 2", rows_min=5)


def test_prepared_statements_multi_statements_and_commands_of_the_protocol(env):
    proxy = start(env, ITEMS, SEED)
    session = proxy.wire(database="app")
    statement = session.prepare("INSERT INTO items (name, price, stock) VALUES (?, ?, ?)")[0]
    for n in range(20):
        session.execute(statement, ["p%d" % n, "%d.25" % n, n])
    blob = session.prepare("UPDATE items SET name = ? WHERE id = 1")[0]
    session.send_long_data(blob, 0, b"in pieces ")
    session.send_long_data(blob, 0, b"of two")
    session.execute(blob, [b""], long_data=[0])
    update = session.prepare("UPDATE items SET stock = stock + ? WHERE stock > ?")[0]
    session.execute(update, [1, 5])
    session.close()
    with proxy.connect(database="app", client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS) as several, several.cursor() as cursor:
        cursor.execute("UPDATE items SET stock = 0 WHERE id = 2; DELETE FROM items WHERE id = 3; INSERT INTO items (name) VALUES ('m')")
        while cursor.nextset():
            pass
    assert_followed(env, proxy, rows_min=20)


def test_calls_triggers_and_functions_leave_their_rows(env):
    routines = ["CREATE PROCEDURE add_items(IN n INT) BEGIN DECLARE i INT DEFAULT 0; START TRANSACTION; WHILE i < n DO "
                "INSERT INTO items (name, stock) VALUES (UUID(), i); SET i = i + 1; END WHILE; COMMIT; "
                "UPDATE items SET stock = stock + 1 WHERE name IS NOT NULL; END",
                "CREATE FUNCTION spend(what INT) RETURNS INT MODIFIES SQL DATA BEGIN UPDATE items SET stock = stock - 1 "
                "WHERE id = what; RETURN (SELECT stock FROM items WHERE id = what); END"]
    triggers = ["CREATE TABLE audit (n INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(80))",
                "CREATE TRIGGER items_ai AFTER INSERT ON items FOR EACH ROW INSERT INTO audit (text) VALUES (CONCAT('i', NEW.id))",
                "CREATE TRIGGER items_bu BEFORE UPDATE ON items FOR EACH ROW SET NEW.price = COALESCE(NEW.price, 0) + 1",
                "CREATE TRIGGER items_ad AFTER DELETE ON items FOR EACH ROW INSERT INTO audit (text) VALUES (CONCAT('d', OLD.id))"]
    follows(env, [ITEMS, SEED, ORDERS] + routines + triggers, "CALL add_items(5)", "SELECT spend(1)",
            "INSERT INTO orders (item, amount) VALUES (1, spend(1)), (2, spend(2))", "DELETE FROM items WHERE id = 2",
            "UPDATE items SET stock = 7 WHERE id = 1", rows_min=10)


def test_lock_tables_and_temporary_tables_that_feed_writes(env):
    follows(env, [ITEMS, SEED, ORDERS],
            "LOCK TABLES items WRITE, orders WRITE", "UPDATE items SET stock = 1 WHERE id = 1",
            "INSERT INTO orders (item, amount) SELECT id, 1 FROM items", "UNLOCK TABLES",
            "CREATE TEMPORARY TABLE picked (id INT PRIMARY KEY, v INT)", "INSERT INTO picked SELECT id, stock FROM items",
            "UPDATE items JOIN picked USING (id) SET items.stock = picked.v + 1",
            "INSERT INTO orders (item, amount) SELECT id, v FROM picked", "ALTER TABLE picked ADD COLUMN w INT", "TRUNCATE picked",
            "DROP TEMPORARY TABLE picked",
            "CREATE TEMPORARY TABLE items (id INT PRIMARY KEY)", "INSERT INTO items VALUES (999)", "DROP TEMPORARY TABLE items",
            "CREATE TEMPORARY TABLE t2 AS SELECT * FROM orders", "INSERT INTO orders (item) SELECT item FROM t2", rows_min=8)


def test_a_failing_statement_leaves_nothing_on_either_side(env):
    proxy = start(env, ITEMS, SEED)
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for statement in ("INSERT INTO items (name) VALUES ('x'), ('a')", "UPDATE items SET name = 'same'",
                          "INSERT INTO items (id, name) VALUES (9, 'n'), (9, 'm')"):
            try:
                cursor.execute(statement)
                raise AssertionError("no error: " + statement)
            except pymysql.IntegrityError:
                pass
        cursor.execute("INSERT INTO items (name) VALUES ('after')")
    assert_followed(env, proxy, rows_min=5)
