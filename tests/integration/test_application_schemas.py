"""What the schemas and migrations of applications do that the makes have each in its own way: checks of columns, keys of
expressions, FLOAT(M,D), UUID of a table that is another by now."""

from harness import ALL_FEEDS, BOTH_ROLES, feeds, roles
from log_feed import assert_followed, follows, start, through
from preflight import Preflight
from verify import equal

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS


def checks_of(database):
    return sorted(row[0].lower() for row in database.run(
        "SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema = 'app' AND constraint_type = 'CHECK'"))


@roles("mariadb-mysql")
def test_a_column_of_mariadb_takes_its_check_with_it(env):
    proxy = follows(env, [], "CREATE TABLE t (id INT PRIMARY KEY, n INT UNSIGNED CHECK (n >= 0), m INT, CHECK (n < m))", "INSERT INTO t VALUES (1, 2, 3)",
                    "ALTER TABLE t MODIFY n BIGINT", "INSERT INTO t VALUES (2, -2, 3)", "ALTER TABLE t MODIFY n BIGINT CHECK (n > -5)",
                    "CREATE TABLE u (id INT PRIMARY KEY, n INT CHECK (n >= 0))", "ALTER TABLE u CHANGE n renamed BIGINT NOT NULL", "INSERT INTO u VALUES (1, -1)",
                    "ALTER TABLE u MODIFY renamed BIGINT CHECK (renamed < 7)", "RENAME TABLE u TO w", "ALTER TABLE w MODIFY renamed INT", "INSERT INTO w VALUES (2, 8)",
                    rows_min=4)
    assert not proxy.status()["feed"]["findings"], proxy.status()["feed"]
    if env.binary:
        assert len(checks_of(env.new)) == 2, checks_of(env.new)


@roles("mysql-mariadb")
def test_checks_that_mysql_has_named_are_dropped_by_that_name(env):
    follows(env, [], "CREATE TABLE t (id INT PRIMARY KEY, a INT CHECK (a > 0) NOT NULL, b INT CONSTRAINT own CHECK (b > 0), CHECK (a < 9), c INT CHECK (c > 0))",
            "ALTER TABLE t DROP CHECK t_chk_1", "ALTER TABLE t DROP CHECK own, DROP CONSTRAINT t_chk_2", "INSERT INTO t VALUES (1, -1, -1, 1), (2, 10, 1, 1)",
            "ALTER TABLE t ADD d INT CHECK (d > 0), ADD CHECK (id > 0)", "ALTER TABLE t DROP CHECK t_chk_5", "INSERT INTO t VALUES (-3, 1, 1, 1, 1)",
            "RENAME TABLE t TO u", "ALTER TABLE u DROP CHECK u_chk_3, MODIFY c BIGINT", "INSERT INTO u VALUES (4, 1, 1, -1, 1)", rows_min=4)
    if env.binary:
        assert len(checks_of(env.new)) == len(checks_of(env.old)) == 1, (checks_of(env.old), checks_of(env.new))


@roles("mariadb-mysql")
def test_two_tables_have_checks_of_one_name(env):
    proxy = follows(env, [], "CREATE TABLE t (id INT PRIMARY KEY, CONSTRAINT positive CHECK (id > 0))", "CREATE TABLE u (id INT PRIMARY KEY, CONSTRAINT positive CHECK (id > 0))",
                    "INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (1)", rows_min=2)
    if not env.binary:
        return
    proxy.kill()
    env.new.run("DROP TABLE app.t, app.u")
    done = Preflight(env, "--fix-schema", "--execute")
    assert done.code == 0, done
    assert len(checks_of(env.new)) == 2, checks_of(env.new)


@roles("mysql-mariadb")
def test_keys_of_expressions_are_left_out_on_mariadb(env):
    proxy = follows(env, [], "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), KEY ((LOWER(name))), KEY plain (name))", "INSERT INTO t VALUES (1, 'x')",
                    "ALTER TABLE t ADD UNIQUE KEY f ((UPPER(name))), ADD n INT", "CREATE INDEX g ON t ((id + 1))", "INSERT INTO t VALUES (2, 'y', 1)",
                    "ALTER TABLE t RENAME INDEX f TO h, ALTER INDEX g INVISIBLE", "DROP INDEX g ON t", "ALTER TABLE t DROP KEY h, DROP KEY plain", "INSERT INTO t VALUES (3, 'X', 1)",
                    rows_min=3)
    if not env.binary:
        return
    proxy.kill()
    env.new.run("DROP TABLE app.t")
    done = Preflight(env, "--fix-schema", "--execute")
    assert "a key of an expression" in done.out, done
    assert env.new.run("SELECT COUNT(*) FROM app.t") == ((0,),)


def test_float_of_so_many_digits_beside_json(env):
    proxy = follows(env, ["CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT(8,2), g FLOAT(20,4), d DOUBLE(9,3), j JSON)"],
                    "INSERT INTO t (f, g, d, j) VALUES (0.1, 0.12345, 1.0005, '[1]'), (-12345.678, 1e10 / 3, 99999.9994, '[]'), (131072.33, 16777217.7, -0.0004, NULL)",
                    "INSERT INTO t (f, g, d) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT (RAND(i) - 0.5) * POW(10, i % 6), RAND(i) * POW(10, i % 12), RAND(i) * 99999 FROM n",
                    "UPDATE t SET f = f / 3, d = d / 7", rows_min=500)
    if env.binary:
        equal(proxy)


@feeds("log")  # under the other a schema change has to be seen while it is made
@roles("mariadb-mysql")
def test_own_types_of_a_table_that_has_changed_since(env):
    """As under a run of migrations, which a follower is behind."""
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    if env.binary:
        proxy.set_flags(dual_write={"enabled": False})
    through(proxy, "ALTER TABLE t ADD u UUID NULL, ADD six INET6, ADD four INET4", "INSERT INTO t VALUES (1, 1, '123e4567-e89b-12d3-a456-426614174000', '2001:db8::1', '192.0.2.1')",
            "UPDATE t SET u = UUID() WHERE id = 1", "ALTER TABLE t MODIFY u UUID NOT NULL", "INSERT INTO t SELECT 2, 2, u, six, four FROM t", "ALTER TABLE t DROP four, CHANGE v w VARCHAR(9)",
            "UPDATE t SET six = '::2' WHERE id = 2", "ALTER TABLE t DROP six, ADD z INT", "INSERT INTO t VALUES (3, '3', UUID(), 3)")
    if env.binary:
        proxy.set_flags(dual_write={"enabled": True})
    assert_followed(env, proxy, rows_min=3)
