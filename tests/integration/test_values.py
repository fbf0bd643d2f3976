"""Values as client libraries bind them: recorded where both servers store them alike, refused where not."""

from harness import BOTH_ROLES, raises

ROLES = BOTH_ROLES

TABLE = ("CREATE TABLE t (id INT PRIMARY KEY, n INT, d DECIMAL(20,4), b1 BIT(1), b64 BIT(64), tm TIME(6), y YEAR, day DATE, v VARCHAR(20))")


def test_values_of_every_column_type_are_recorded(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    session.one("INSERT INTO t VALUES (1, 1, 1.5, b'1', b'%s', '838:59:58.999999', 2155, '2024-02-29', 'text')" % ("1" * 64))
    session.one("INSERT INTO t VALUES (2, 2, 2.5, X'00', 0xFF00FF00FF00FF00, '-25:00:00.5', '1901', '2024-02-29', 'text')")
    session.one("INSERT INTO t (id, b64) VALUES (3, _binary'\\0\\1abc')")
    session.one("UPDATE t SET b64 = b'10', y = 0, tm = '00:00:00' WHERE id = 2")
    statement, *_ = session.prepare("INSERT INTO t (id, n, d, y, v) VALUES (?, ?, ?, ?, ?)")
    session.execute(statement, [4.0, 7.0, 9007199254740991.0, 1999.0, "bound"])
    statement, *_ = session.prepare("UPDATE t SET v = 'found' WHERE id = ?")
    assert session.execute(statement, [4.0])[0].affected == 1
    env.assert_equal(rows_min=4)


def test_a_prepared_write_that_its_values_refuse_leaves_the_connection_and_the_proxy(env):
    env.needs_proxy()
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    insert, *_ = session.prepare("INSERT INTO t (id, n) VALUES (?, ?)")
    for _ in range(5):
        _, message = raises(1235, session.execute, insert, [1, 1.5])
        assert "column 'n'" in message, message
    session.execute(insert, [1, 2])
    assert session.one("SELECT n FROM t").rows == [["2"]]
    for value in ("'10:11:12'", "'7x'"):
        raises(1235, session.one, "UPDATE t SET day = %s WHERE id = 1" % value)
    raises(1235, session.one, "UPDATE t SET b64 = X'000000000000000001' WHERE id = 1")
    raises(1235, session.one, "UPDATE t SET y = YEAR(NOW()) WHERE id = 1")
    env.assert_equal()
