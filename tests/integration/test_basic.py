"""Ordinary clients, ordinary statements: what a client sees is the leader's own answer, and both databases
end up equal."""

import datetime
import os
import subprocess
import threading

import wire
from harness import BOTH_ROLES, Skip, raises
from machine import ROOT
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES

ITEMS = """CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT '', price DECIMAL(10,2),
    stock INT, note TEXT, UNIQUE KEY by_name (name))"""
EVENTS = """CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(40), weight DOUBLE,
    at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), changed DATETIME(6) NULL ON UPDATE CURRENT_TIMESTAMP(6))"""


def execute(session, *statements):
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def test_drivers_connect_with_both_auth_plugins(env):
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        assert execute(session, "SELECT 1, 'x', NULL") == ((1, "x", None),)
        assert execute(session, "SELECT DATABASE()") == (("app",),)
    native = proxy.wire(plugin="mysql_native_password")
    assert native.one("SELECT 40 + 2").rows == [["42"]]
    sha2 = proxy.wire(plugin="caching_sha2_password")
    assert sha2.one("SELECT 40 + 2").rows == [["42"]]


def test_command_line_clients_connect(env):
    proxy = env.proxy()
    arguments = ["--no-defaults", "-h127.0.0.1", "-P%d" % proxy.port, "-u" + APP, "-p" + APP_PASSWORD, "-BN",
                 "-e", "SELECT 'hello', 1 + 1"]
    assert subprocess.check_output(["mariadb"] + arguments, text=True, stderr=subprocess.DEVNULL) == "hello\t2\n"
    mysql = [os.path.join(ROOT, "scripts", "mysql9"), "run", "mysql"]
    if not env.servers.has_mysql:
        raise Skip("no MySQL client here")
    if not env.binary:
        return  # MariaDB offers nothing that this client speaks
    for more in (["--ssl-mode=DISABLED", "--get-server-public-key"], ["--ssl-mode=PREFERRED", "--get-server-public-key"]):
        done = subprocess.run(mysql + arguments + more, text=True, capture_output=True)
        assert done.stdout == "hello\t2\n", done.stderr


def test_writes_by_primary_key_reach_both(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        assert cursor.execute("INSERT INTO items VALUES (1, 'a', 1.50, 10, NULL), (2, 'b', 2, 20, 'x')") == 2
        assert cursor.execute("INSERT INTO items (id, name) VALUES (%s, %s)", (3, "it's \"é\" \\ 日本")) == 1
        assert cursor.execute("UPDATE items SET stock = stock - 1 WHERE id = 1") == 1
        assert cursor.execute("UPDATE items SET price = 9.99, note = CONCAT('n', id) WHERE id = 2 AND stock = 20") == 1
        assert cursor.execute("UPDATE items SET stock = 5 WHERE id = 99") == 0
        assert cursor.execute("REPLACE INTO items VALUES (1, 'a2', 3, 30, 'replaced')") == 2
        assert cursor.execute("INSERT IGNORE INTO items VALUES (1, 'dup', 0, 0, ''), (4, 'd', 4, 40, NULL)") == 1
        assert cursor.execute("DELETE FROM items WHERE id = 3") == 1
        assert cursor.execute("UPDATE items SET stock = stock + 1 WHERE id IN (1, 2, 4)") == 3
        raises(1062, cursor.execute, "INSERT INTO items VALUES (1, 'x', 0, 0, '')")
        cursor.execute("SELECT id, name, price, stock FROM items ORDER BY id")
        found = [(r[0], r[1], str(r[2]), r[3]) for r in cursor.fetchall()]
    assert found == [(1, "a2", "3.00", 31), (2, "b", "9.99", 21), (4, "d", "4.00", 41)], found
    env.assert_equal(rows_min=3)


def test_generated_ids_times_and_random_values_are_the_leaders(env):
    env.tables(EVENTS)
    proxy = env.proxy()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(5):
            cursor.execute("INSERT INTO events (what) VALUES ('one'), ('two'), ('three')")
            assert cursor.lastrowid == n * 3 + 1, cursor.lastrowid
        cursor.execute("INSERT INTO events (what, weight) VALUES ('r', RAND()), ('s', RAND() * 10)")
        cursor.execute("INSERT INTO events (what, changed) VALUES ('now', NOW(6))")
        cursor.execute("UPDATE events SET weight = RAND() WHERE id = 2")
        cursor.execute("UPDATE events SET changed = NOW(6), what = 'later' WHERE id = 3")
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT weight) FROM events")
        assert cursor.fetchone() == (18, 3)
        cursor.execute("SELECT changed FROM events WHERE what = 'now'")
        changed = cursor.fetchone()[0]
    assert abs((changed - datetime.datetime.utcnow()).total_seconds()) < 86400
    env.assert_equal(rows_min=18)


def test_fractional_time_into_whole_seconds_is_cut_or_rounded_alike(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, at DATETIME, day DATE)")
    proxy = env.proxy()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(40):
            cursor.execute("INSERT INTO t VALUES (%s, NOW(6), NOW())", (n,))
        cursor.execute("INSERT INTO t VALUES (100, '2024-05-06 23:59:59.7', '2024-05-06 23:59:59.0')")
        # One server makes the next day of it where a DATE is wanted, the other the same day: the leader's follows.
        for n, value in enumerate(("'2024-05-06 23:59:59.7'", "NOW(6)", "NOW() + INTERVAL 999999 MICROSECOND")):
            cursor.execute("INSERT INTO t VALUES (%d, NOW(), %s)" % (101 + n, value))
    env.assert_equal(rows_min=44)


def test_transactions_commit_and_roll_back(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        execute(session, "BEGIN", "INSERT INTO items (id, name) VALUES (1, 'a')", "UPDATE items SET stock = 1 WHERE id = 1")
        with proxy.connect(database="app") as other:
            assert execute(other, "SELECT COUNT(*) FROM items") == ((0,),)
        execute(session, "COMMIT")
        execute(session, "START TRANSACTION", "INSERT INTO items (id, name) VALUES (2, 'b')", "ROLLBACK")
        execute(session, "START TRANSACTION", "INSERT INTO items (id, name) VALUES (3, 'c')",
                "SAVEPOINT a", "INSERT INTO items (id, name) VALUES (4, 'd')",
                "SAVEPOINT b", "INSERT INTO items (id, name) VALUES (5, 'e')",
                "ROLLBACK TO SAVEPOINT b", "INSERT INTO items (id, name) VALUES (6, 'f')",
                "RELEASE SAVEPOINT a", "COMMIT")
        # An error inside a transaction undoes only its own statement.
        execute(session, "BEGIN", "INSERT INTO items (id, name) VALUES (7, 'g')")
        raises(1062, execute, session, "INSERT INTO items (id, name) VALUES (7, 'again')")
        execute(session, "INSERT INTO items (id, name) VALUES (8, 'h')", "COMMIT")
        assert execute(session, "SELECT id FROM items ORDER BY id") == ((1,), (3,), (4,), (6,), (7,), (8,))
    env.assert_equal(rows_min=6)


def test_autocommit_off_opens_transactions_by_itself(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    with proxy.connect(database="app", autocommit=False) as session:
        execute(session, "INSERT INTO items (id, name) VALUES (1, 'a')")
        session.commit()
        execute(session, "INSERT INTO items (id, name) VALUES (2, 'b')")
        session.rollback()
        execute(session, "INSERT INTO items (id, name) VALUES (3, 'c')", "SET autocommit = 1")  # commits
        execute(session, "INSERT INTO items (id, name) VALUES (4, 'd')")
    with proxy.connect(database="app") as session:
        assert execute(session, "SELECT id FROM items ORDER BY id") == ((1,), (3,), (4,))
    env.assert_equal(rows_min=3)


def test_a_disconnect_in_a_transaction_rolls_back(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    for polite in (True, False):
        session = proxy.connect(database="app")
        execute(session, "BEGIN", "INSERT INTO items (id, name) VALUES (1, 'a')")
        if polite:
            session.close()
        else:
            session._force_close()
        # Its locks go with it.
        with proxy.connect(database="app") as other:
            execute(other, "SET innodb_lock_wait_timeout = 10", "INSERT INTO items (id, name) VALUES (1, 'b')",
                    "DELETE FROM items WHERE id = 1")
    env.assert_equal(rows_min=0)


def test_prepared_statements_run_and_write(env):
    env.tables(ITEMS, EVENTS)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    insert, parameters, columns = session.prepare("INSERT INTO items (id, name, price, stock, note) VALUES (?, ?, ?, ?, ?)")
    assert (parameters, columns) == (5, 0)
    for n in range(20):
        (ok,) = session.execute(insert, [n, "name %d" % n, "%.2f" % (1.25 * n), None if n % 3 else n, "é" * n])
        assert ok.affected == 1
    update, _, _ = session.prepare("UPDATE items SET stock = ?, name = ? WHERE id = ?")
    assert session.execute(update, [7, "new", 3])[0].affected == 1
    assert session.execute(update, [7, "none", 300])[0].affected == 0
    try:
        session.execute(insert, [1, "dup", "0.0", 0, ""])
        raise AssertionError("a duplicate key was taken")
    except wire.Err as error:
        assert error.code == 1062
    session.send_long_data(insert, 4, b"long ")
    session.send_long_data(insert, 4, b"data")
    assert session.execute(insert, [50, "long", "1.0", 1, b""], long_data=(4,))[0].affected == 1
    session.simple(bytes([wire.RESET]) + insert.to_bytes(4, "little"))
    log, _, _ = session.prepare("INSERT INTO events (what, weight) VALUES (?, ?)")
    assert [session.execute(log, ["w", float(n)])[0].insert_id for n in range(3)] == [1, 2, 3]
    select, parameters, columns = session.prepare("SELECT id, name, price, note FROM items WHERE id = ?")
    assert (parameters, columns) == (1, 4)
    assert session.execute(select, [3])[0].rows == [[3, "new", "3.75", "ééé"]]
    assert session.execute(select, [50])[0].rows == [[50, "long", "1.00", "long data"]]
    session.close_statement(select)
    try:
        session.execute(select, [3])
        raise AssertionError("a closed statement ran")
    except wire.Err as error:
        assert error.code == 1243
    env.assert_equal(rows_min=24)


def test_prepared_statements_in_transactions_and_across_a_reset(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    insert, _, _ = session.prepare("INSERT INTO items (id, name) VALUES (?, ?)")
    session.one("BEGIN")
    session.execute(insert, [1, "a"])
    session.execute(insert, [2, "b"])
    session.one("COMMIT")
    session.one("BEGIN")
    session.execute(insert, [3, "c"])
    session.one("ROLLBACK")
    session.simple(bytes([wire.RESET_CONNECTION]))
    try:
        session.execute(insert, [4, "d"])
        raise AssertionError("COM_RESET_CONNECTION kept a statement")
    except wire.Err as error:
        assert error.code == 1243
    assert session.one("SELECT id FROM items ORDER BY id").rows == [["1"], ["2"]]
    env.assert_equal(rows_min=2)


TRANSPARENT = [
    "INSERT INTO events (what) VALUES ('a')", "SELECT LAST_INSERT_ID(), ROW_COUNT()", "SELECT ROW_COUNT()",
    "INSERT INTO events (what) VALUES ('b'), ('c'), ('d')", "SELECT LAST_INSERT_ID()",
    "INSERT INTO items (id, name, stock) VALUES (1, 'one', 1), (2, 'two', 2)", "SELECT ROW_COUNT()",
    "UPDATE items SET stock = 1 WHERE id = 1", "SELECT ROW_COUNT()", "UPDATE items SET stock = 9 WHERE id = 1",
    "SELECT ROW_COUNT(), LAST_INSERT_ID()",
    "INSERT IGNORE INTO items (id, name) VALUES (1, 'dup'), (3, 'three')", "SHOW WARNINGS", "SELECT @@warning_count",
    "INSERT IGNORE INTO items (id, name) VALUES (1, 'dup')", "SHOW COUNT(*) WARNINGS", "SHOW WARNINGS LIMIT 1",
    "REPLACE INTO items (id, name) VALUES (1, 'uno'), (7, 'seven')", "SELECT ROW_COUNT()",
    "DELETE FROM items WHERE id = 7", "DELETE FROM items WHERE id = 7", "SELECT ROW_COUNT()",
    "INSERT INTO items (id, name) VALUES (1, 'dup')", "SHOW WARNINGS", "SHOW ERRORS", "SELECT @@error_count",
    "SELECT ROW_COUNT()", "INSERT INTO items (nope) VALUES (1)", "UPDATE missing SET a = 1 WHERE id = 1",
    "INSERT INTO missing (id) VALUES (1)", "SELEC 1", "SELECT * FROM missing",
    "INSERT INTO items (id, name) VALUES (8, 'a name that is much too long for it')", "SHOW WARNINGS",
    "SET sql_mode = ''",
    "INSERT INTO items (id, name, stock) VALUES (8, 'a name that is much too long for it', '99999999999')", "SHOW WARNINGS",
    "SELECT name, stock FROM items WHERE id = 8", "INSERT INTO events (id, what) VALUES (40, 'explicit')",
    "SELECT LAST_INSERT_ID()", "INSERT INTO events (what) VALUES ('after')", "SELECT LAST_INSERT_ID()",
    "BEGIN", "INSERT INTO events (what) VALUES ('t')", "SELECT LAST_INSERT_ID(), ROW_COUNT()",
    "UPDATE items SET stock = stock + 1 WHERE id IN (1, 2)", "SELECT ROW_COUNT()",
    "INSERT IGNORE INTO items (id, name) VALUES (1, 'dup')", "SHOW WARNINGS", "SAVEPOINT s", "DELETE FROM items WHERE id = 2",
    "ROLLBACK TO s", "SELECT COUNT(*) FROM items", "COMMIT", "SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()",
    "SHOW WARNINGS", "BEGIN", "DELETE FROM items WHERE id = 2", "ROLLBACK", "ROLLBACK TO nowhere",
    "SELECT id, name, stock FROM items ORDER BY id", "SELECT id, what FROM events ORDER BY id", "SELECT FOUND_ROWS()",
    "SET autocommit = 0", "UPDATE items SET stock = 3 WHERE id = 1", "COMMIT", "SET autocommit = 1", "SELECT 1",
]


def run_script(session, statements):
    seen = []
    for statement in statements:
        try:
            seen.append((statement, [r.facts() if not isinstance(r, wire.Err) else r.args for r in session.query(statement)]))
        except wire.Err as error:
            seen.append((statement, error.args))
    return seen


def assert_same_answers(through, direct):
    for one, two in zip(through, direct):
        assert repr(one) == repr(two).replace("app_direct", "app"), "through the proxy: %r\ndirectly: %r" % (one, two)


def transparency(env, capabilities):
    env.tables(ITEMS, EVENTS)
    env.beside(ITEMS, EVENTS)
    proxy = env.proxy()
    through = run_script(proxy.wire(database="app", capabilities=capabilities), TRANSPARENT)
    direct = run_script(env.old.wire(database="app_direct", capabilities=capabilities), TRANSPARENT)
    assert_same_answers(through, direct)
    env.assert_equal(rows_min=8)


def test_answers_are_the_leaders_own(env):
    transparency(env, 0)


def test_answers_are_the_leaders_own_with_found_rows_and_without_eof(env):
    transparency(env, wire.FOUND_ROWS | wire.DEPRECATE_EOF)


def test_answers_are_the_leaders_own_with_acknowledgement_by_both(env):
    env.tables(ITEMS, EVENTS)
    env.beside(ITEMS, EVENTS)
    proxy = env.proxy({"dual_write": {"ack_timeout": "60s"}}, {"dual_write": {"ack": "both"}})
    assert_same_answers(run_script(proxy.wire(database="app"), TRANSPARENT),
                        run_script(env.old.wire(database="app_direct"), TRANSPARENT))
    env.assert_equal(rows_min=8)


def test_prepared_answers_are_the_leaders_own(env):
    env.tables(ITEMS, EVENTS)
    env.beside(ITEMS, EVENTS)
    proxy = env.proxy()
    steps = [("INSERT INTO events (what) VALUES (?)", ["a"]), ("INSERT INTO events (what) VALUES (?), (?)", ["b", "c"]),
             ("SELECT LAST_INSERT_ID(), ROW_COUNT()", []), ("INSERT INTO items (id, name, stock) VALUES (?, ?, ?)", [1, "x", 1]),
             ("INSERT IGNORE INTO items (id, name) VALUES (?, ?)", [1, "y"]), ("SHOW WARNINGS", None),
             ("UPDATE items SET stock = ? WHERE id = ?", [1, 1]), ("SELECT ROW_COUNT()", None),
             ("UPDATE items SET stock = ? WHERE id = ?", [2, 1]), ("SELECT ROW_COUNT()", None),
             ("INSERT INTO items (id, name) VALUES (?, ?)", [1, "z"]), ("SHOW WARNINGS", None),
             ("REPLACE INTO items (id, name) VALUES (?, ?)", [1, "r"]), ("DELETE FROM items WHERE id = ?", [1]),
             ("SELECT * FROM items WHERE id = ?", [1])]

    def run(session):
        seen = []
        for sql, values in steps:
            try:
                results = session.query(sql) if values is None else session.execute(session.prepare(sql)[0], values)
                seen.append((sql, values, [r.facts() for r in results]))
            except wire.Err as error:
                seen.append((sql, values, error.args))
        return seen

    assert_same_answers(run(proxy.wire(database="app")), run(env.old.wire(database="app_direct")))
    env.assert_equal(rows_min=3)


def test_the_answer_with_ack_both_waits_for_the_follower(env):
    env.tables(ITEMS)
    proxy = env.proxy({"dual_write": {"ack_timeout": "60s"}}, {"dual_write": {"ack": "both"}})
    with proxy.connect(database="app") as session:
        for n in range(20):
            execute(session, "INSERT INTO items (id, name) VALUES (%d, 'n%d')" % (n, n))
            if env.binary:
                assert env.new.run("SELECT COUNT(*) FROM app.items WHERE id = %d" % n) == ((1,),)
    env.assert_equal(rows_min=20)


def test_session_settings_reach_the_follower_with_the_write(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL, s VARCHAR(5) CHARACTER SET latin1, n INT)")
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        execute(session, "SET time_zone = '+05:30'", "INSERT INTO t (id, at) VALUES (1, '2024-01-01 12:00:00')",
                "SET sql_mode = ''", "INSERT INTO t (id, s, n) VALUES (2, 'too long', '99999999999')",
                "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'", "INSERT INTO t (id, s) VALUES (3, 'a\\b')",
                'INSERT INTO "t" ("id", "s") VALUES (4, \'x\')')
    with proxy.connect(database="app", charset="latin1") as session:
        execute(session, "INSERT INTO t (id, s) VALUES (5, 'é')")
    assert env.old.run("SELECT HEX(s) FROM app.t WHERE id = 5") == (("E9",),)
    env.assert_equal(rows_min=5)


def test_qualified_names_and_use(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    with proxy.connect() as session:
        execute(session, "INSERT INTO app.items (id, name) VALUES (1, 'qualified')", "USE app",
                "INSERT INTO items (id, name) VALUES (2, 'used')")
        session.select_db("app")
        execute(session, "UPDATE items SET stock = 2 WHERE id = 2")
        raises((1044, 1049), session.select_db, "app_no_such")
        assert execute(session, "SELECT DATABASE(), COUNT(*) FROM items") == (("app", 2),)
    env.assert_equal(rows_min=2)


def test_change_user_and_reset_start_afresh(env):
    env.tables(ITEMS)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    session.one("SET sql_mode = 'ANSI_QUOTES'")
    session.one("BEGIN")
    session.one("INSERT INTO items (id, name) VALUES (1, 'a')")
    assert isinstance(session.simple(bytes([wire.RESET_CONNECTION])), wire.Ok)
    assert session.one("SELECT COUNT(*) FROM items").rows == [["0"]]
    assert "ANSI_QUOTES" not in session.one("SELECT @@sql_mode").rows[0][0]
    answer = wire.native(APP_PASSWORD.encode(), session.nonce)
    session.command(bytes([wire.CHANGE_USER]) + APP.encode() + b"\0" + bytes([len(answer)]) + answer + b"app\0" +
                    (45).to_bytes(2, "little") + b"mysql_native_password\0")
    session.finish_login("mysql_native_password")
    session.one("INSERT INTO items (id, name) VALUES (2, 'b')")
    env.assert_equal(rows_min=1)


def test_concurrent_writers_of_hot_rows_leave_both_equal(env):
    env.tables("CREATE TABLE hot (id INT PRIMARY KEY, v INT NOT NULL, who INT NOT NULL)",
               "INSERT INTO hot VALUES " + ", ".join("(%d, 0, 0)" % n for n in range(10)))
    proxy = env.proxy()
    failures = []

    def work(number):
        try:
            with proxy.connect(database="app") as session, session.cursor() as cursor:
                for n in range(150):
                    cursor.execute("UPDATE hot SET v = v * 3 %% 10007 + %s, who = %s WHERE id = %s",
                                   (number, number, (n * 7 + number) % 10))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    env.assert_equal(rows_min=10)


def test_without_dual_writing_the_leader_alone_has_the_write(env):
    env.tables(ITEMS)
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    with proxy.connect(database="app") as session:
        execute(session, "INSERT INTO items (id, name) VALUES (1, 'a')", "INSERT INTO items (id, name) SELECT 2, 'b'")
    assert env.old.run("SELECT COUNT(*) FROM app.items") == ((2,),)
    assert env.new.run("SELECT COUNT(*) FROM app.items") == ((0,),)


def test_what_is_written_while_dual_writing_pauses_follows_when_it_goes_on(env):
    env.needs_proxy()
    env.tables(ITEMS)
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        execute(session, "INSERT INTO items (id, name) VALUES (1, 'a')")
        env.assert_equal()
        proxy.set_flags(dual_write={"enabled": False})
        execute(session, "INSERT INTO items (id, name) SELECT 2, 'b'")
        proxy.set_flags(dual_write={"enabled": True})
        execute(session, "UPDATE items SET stock = 1")
    env.assert_equal(rows_min=2)
