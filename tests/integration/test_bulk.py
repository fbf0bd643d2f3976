"""MariaDB's COM_STMT_BULK_EXECUTE: answered through the proxy as by the server itself, and both databases equal."""

import wire
from harness import MYSQL_OLD, roles

TABLES = ["CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v INT, s VARCHAR(5))",
          "CREATE TABLE u (id INT PRIMARY KEY, v INT, UNIQUE KEY (v))",
          "CREATE TABLE d (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 7)"]
LONG = "x" * 9


def log_in(source, database, capabilities=0):
    return source.wire(database=database, capabilities=wire.BULK_OPERATIONS | capabilities)


def attempt(call, *arguments, **more):
    try:
        return [result.facts() for result in call(*arguments, **more)]
    except wire.Err as error:
        return (error.code, error.state, error.message.replace("app_direct", "app"))


class Both:
    """The same through the proxy, and on the server itself in a schema of its own; every answer must be equal."""

    def __init__(self, env, capabilities=0, tables=TABLES):
        env.tables(*tables)
        env.beside(*tables)
        self.proxy = env.proxy()
        self.sessions = [log_in(self.proxy, "app", capabilities), log_in(env.old, "app_direct", capabilities)]

    def same(self, call):
        through, direct = [attempt(call, session) for session in self.sessions]
        assert through == direct, "through the proxy:\n%r\ndirectly:\n%r" % (through, direct)
        return through

    def query(self, sql):
        return self.same(lambda session: session.query(sql))

    def bulk(self, sql, rows, **more):
        """The answer, after which all that the session says of it is the same too."""
        def run(session):
            statement = session.prepare(sql)[0]
            try:
                return session.bulk(statement, rows, **more)
            finally:
                session.close_statement(statement)
        answer = self.same(run)
        self.query("SHOW WARNINGS")
        self.query("SELECT LAST_INSERT_ID()")
        self.query("SELECT 1")
        return answer

    def tables(self):
        return [self.query("SELECT * FROM %s ORDER BY 1" % table) for table in "aud"]


def test_it_is_offered_as_by_the_leader(env):
    env.tables(*TABLES)
    offered = log_in(env.proxy(), "app").server_capabilities
    assert offered & wire.BULK_OPERATIONS
    assert not offered & wire.LONG_PASSWORD


@roles(MYSQL_OLD)
def test_mysql_has_no_such_thing(env):
    env.tables(*TABLES)
    session = env.proxy().wire(database="app")
    assert not session.server_capabilities >> 32
    statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
    assert attempt(session.bulk, statement, [(1, 1)])[0] == 1047


def test_a_client_that_did_not_ask_is_refused_as_by_the_server(env):
    env.tables(*TABLES)
    for source in (env.proxy(), env.old):
        session = source.wire(database="app")
        statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
        assert attempt(session.bulk, statement, [(1, 1)])[0] == 1295


def test_inserts_answer_as_the_server_does(env):
    both = Both(env)
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?)", [(1, "a"), (2, None), (None, "c")])
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?)", [(4, "d")])
    both.bulk("INSERT INTO a (id, v, s) VALUES (?, ?, ?)", [(None, 5, "e"), (50, 6, None), (None, 7, "f")])
    both.bulk("INSERT INTO a (id, v) VALUES (?, ?)", [(90, 1), (80, 2)])
    both.bulk("INSERT INTO u VALUES (?, ?)", [(1, 1), (2, 2), (3, None)])
    both.bulk("REPLACE INTO u VALUES (?, ?)", [(1, 11), (2, 2), (4, 4)])
    both.bulk("INSERT IGNORE INTO u VALUES (?, ?)", [(1, 5), (2, 6), (7, 7)])
    both.query("SET sql_mode = ''")
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?)", [(1, LONG), (2, "b"), (3, LONG)])
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?)", [(1, LONG)])
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?), (8, 'x')", [(1, "a"), (2, LONG)])
    both.tables()
    env.assert_equal(both.proxy, rows_min=20)


def test_updates_and_deletes_answer_as_the_server_does(env):
    for capabilities in (0, wire.FOUND_ROWS):
        both = Both(env, capabilities) if not capabilities else both_again(env, both, capabilities)
        both.query("DELETE FROM a WHERE id IN (1, 2, 3, 4, 5)")
        both.bulk("INSERT INTO a (id, v, s) VALUES (?, ?, ?)", [(n, n, "s") for n in range(1, 6)])
        both.query("DELETE FROM u WHERE id IN (1, 2, 3)")
        both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n) for n in range(1, 4)])
        both.bulk("UPDATE u SET v = ? WHERE id = ?", [(17, 1), (2, 2), (19, 3), (70, 77), (None, 3)])
        both.bulk("UPDATE u SET v = ? WHERE id = ?", [(23, 1)])
        both.bulk("DELETE FROM a WHERE id = ?", [(1,), (3,), (99,)])
        both.tables()
    env.assert_equal(both.proxy, rows_min=5)


def both_again(env, both, capabilities):
    both.sessions = [log_in(both.proxy, "app", capabilities), log_in(env.old, "app_direct", capabilities)]
    return both


def test_a_row_that_fails_takes_the_others_with_it_or_not_as_on_the_server(env):
    both = Both(env)
    both.bulk("INSERT INTO u VALUES (?, ?)", [(1, 1), (2, 2), (3, 3)])
    for begin, end in (("SELECT 1", "SELECT 1"), ("BEGIN", "COMMIT"), ("BEGIN", "ROLLBACK"), ("SET autocommit = 0", "COMMIT")):
        both.query(begin)
        # An INSERT is one statement.
        assert both.bulk("INSERT INTO u VALUES (?, ?)", [(14, 14), (2, 22), (15, 15)])[0] == 1062
        both.tables()
        assert both.bulk("REPLACE INTO d VALUES (?, ?)", [(1, 1), (2, None), (3, 3)])[0] == 1048
        # How many ids the rows use up before the one that fails is not the same; so no AUTO_INCREMENT here.
        assert both.bulk("INSERT INTO d VALUES (?, ?)", [(21, 1), (22, 2), (23, 1 << 40)])[0] == 1264
        both.tables()
        # The rows of an UPDATE before the one that fails stay.
        assert both.bulk("UPDATE u SET v = ? WHERE id = ?", [(31, 1), (3, 2), (33, 3)])[0] == 1062
        both.tables()
        both.bulk("UPDATE u SET v = ? WHERE id = ?", [(3, 1)])
        both.query(end)
        both.bulk("UPDATE u SET v = ? WHERE id = ?", [(1, 1), (2, 2), (3, 3)])
        both.tables()
        both.query("COMMIT")
    env.assert_equal(both.proxy, rows_min=3)


def test_inside_a_transaction(env):
    both = Both(env)
    both.query("BEGIN")
    both.query("INSERT INTO u VALUES (100, 100)")
    both.bulk("INSERT INTO a (v, s) VALUES (?, ?)", [(n, "in") for n in range(10)])
    both.query("SAVEPOINT s")
    both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n) for n in range(10)])
    both.tables()
    both.query("ROLLBACK TO s")
    both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n + 50) for n in range(20, 25)])
    both.query("COMMIT")
    both.query("BEGIN")
    both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n) for n in range(200, 210)])
    both.query("ROLLBACK")
    both.query("SET autocommit = 0")
    both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n) for n in range(300, 310)])
    both.query("ROLLBACK")
    both.bulk("INSERT INTO u VALUES (?, ?)", [(n, n) for n in range(400, 410)])
    both.query("COMMIT")
    both.tables()
    both.query("COMMIT")
    env.assert_equal(both.proxy, rows_min=26)


def test_types_are_kept_and_the_last_prepared_statement_is_found(env):
    both = Both(env)

    def run(session):
        statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
        found = session.bulk(wire.LAST_PREPARED, [(1, 1), (2, 2)])
        found += session.bulk(statement, [(3, 3), (4, 4)], types=[])
        found += session.execute(statement, (5, 5))
        return found + session.bulk(statement, [(6, 6)], types=[])
    assert [answer[1] for answer in both.same(run)] == [2, 2, 1, 1]
    both.tables()
    env.assert_equal(both.proxy, rows_min=6)


def test_what_is_malformed_or_no_bulk_statement_gets_the_servers_words(env):
    both = Both(env)
    both.bulk("SELECT * FROM u WHERE id = ?", [(1,), (2,)])
    both.bulk("INSERT INTO u VALUES (1, 1)", [()])
    both.bulk("INSERT INTO u VALUES (?, ?)", [], types=[int, int])
    both.bulk("INSERT INTO u VALUES (?, ?)", [(1, 1)], unit_results=True)
    assert both.same(lambda session: session.bulk(999, [(1, 1)]))[0] == 1243

    def cut(session):
        statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
        session.command(session.bulk_payload(statement, [(1, 1), (2, 2)])[:-9])
        return session.results()
    assert both.same(cut)[0] == 1210

    def long_data(session):
        statement = session.prepare("INSERT INTO a (v, s) VALUES (?, ?)")[0]
        session.send_long_data(statement, 1, b"lo")
        try:
            session.bulk(statement, [(1, "a")])
        except wire.Err as error:
            assert error.code == 1210
        return session.execute(statement, (1, "b"))
    both.same(long_data)
    both.tables()


def test_default_and_ignore_are_the_servers(env):
    both = Both(env)
    for number in (2, 3):
        both.bulk("INSERT INTO d VALUES (?, ?)", [(10 * number, 1), (10 * number + 1, wire.Indicator(number))], types=[int, int])
        both.bulk("UPDATE d SET v = ? WHERE id = ?", [(5, 10 * number), (wire.Indicator(number), 10 * number)], types=[int, int])
    # What the servers convert each in their own way.
    both.bulk("INSERT INTO u VALUES (?, ?)", [(1, "5"), (2, "1e-30")], types=[int, str])
    both.tables()
    env.assert_equal(rows_min=10)


def test_without_duplication_it_is_relayed(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    session, direct = log_in(proxy, "app"), log_in(env.old, "app")
    base = 0
    for one in (session, direct):
        statement = one.prepare("INSERT INTO d VALUES (?, ?)")[0]
        ok = one.bulk(statement, [(base + 1, 1), (base + 2, wire.Indicator(2))], types=[int, int])[0]
        assert (ok.affected, ok.info) == (2, "Records: 2  Duplicates: 0  Warnings: 0"), ok
        many = [(base + n, n) for n in range(10, 2000)]
        assert one.bulk(statement, many, types=[])[0].affected == 1990
        base = 10000
    assert session.one("SELECT COUNT(*), SUM(v = 7) FROM d").rows == [["3984", "2"]]


def test_a_temporary_table_is_the_leaders_alone(env):
    env.tables(*TABLES)
    env.needs_proxy()
    proxy = env.proxy()
    session = log_in(proxy, "app")
    session.query("CREATE TEMPORARY TABLE mine (id INT AUTO_INCREMENT PRIMARY KEY, v INT DEFAULT 3)")
    statement = session.prepare("INSERT INTO mine (v) VALUES (?)")[0]
    ok = session.bulk(statement, [(1,), (wire.Indicator(2),), (None,)])[0]
    assert (ok.affected, ok.insert_id) == (3, 1), ok
    assert session.one("SELECT v FROM mine ORDER BY id").rows == [["1"], ["3"], [None]]
    statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
    assert session.bulk(statement, [(1, 1), (2, 2)])[0].affected == 2
    env.assert_equal(proxy, rows_min=2)


def test_thousands_of_rows_larger_than_a_packet(env):
    env.tables("CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGTEXT)", *TABLES)
    env.needs_proxy()
    for server in env.servers.both:
        server.run("SET GLOBAL max_allowed_packet = 67108864")
    proxy = env.proxy()
    session = log_in(proxy, "app")
    statement = session.prepare("INSERT INTO u VALUES (?, ?)")[0]
    assert session.bulk(statement, [(n, n) for n in range(3000)])[0].affected == 3000
    statement = session.prepare("INSERT INTO big (v) VALUES (?)")[0]
    ok = session.bulk(statement, [("%d" % n * 3_000_000,) for n in range(6)])[0]  # over 16 MiB
    assert (ok.affected, ok.insert_id) == (6, 1), ok
    env.assert_equal(proxy, rows_min=3006)
