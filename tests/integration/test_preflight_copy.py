"""`crossfade preflight` and `crossfade backfill`: what the one says is in the way of a copy the other refuses, and nothing else."""

from backfill import backfill, copies, refused
from harness import BOTH_ROLES
from log_feed import is_mariadb, through
from preflight import blockers, expect, found, look
from verify import equal

ROLES = BOTH_ROLES


def test_what_a_copy_refuses_is_in_the_way(env):
    """The same as `backfill start` says: a key that no copy can go by, cascades that nothing tells of."""
    silent = is_mariadb(env.old)
    # A key of hashes, or over what is computed: where it is allowed.
    if silent:
        gen = ["CREATE TABLE gen (a INT NOT NULL, v VARCHAR(3000) NOT NULL, UNIQUE KEY (v) USING HASH)", "CREATE TABLE gen (a INT NOT NULL, v VARCHAR(3000) NOT NULL)"]
    else:
        gen = ["CREATE TABLE gen (a INT NOT NULL, g INT AS (a + 1) STORED NOT NULL, UNIQUE KEY (g))", "CREATE TABLE gen (a INT NOT NULL, g INT AS (a + 1) STORED, UNIQUE KEY (g))"]
    tables = ["CREATE TABLE a (id INT PRIMARY KEY, b INT)",
              "CREATE TABLE b (id INT PRIMARY KEY, a INT, CONSTRAINT to_a FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE)",
              "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b (id) ON DELETE CASCADE",
              "CREATE TABLE comments (id INT PRIMARY KEY, up INT, body LONGTEXT, CONSTRAINT self FOREIGN KEY (up) REFERENCES comments (id) ON DELETE CASCADE)"]
    env.old.run(gen[0], *tables, database="app")
    env.new.run(gen[1], *tables, database="app")
    env.old.run("INSERT INTO comments VALUES (1, NULL, REPEAT('x', 8000000))", *["INSERT INTO comments VALUES (%d, 1, REPEAT('x', 8000000))" % n for n in range(2, 7)],
                "ANALYZE TABLE comments", database="app")
    report = look(env, "--quick", code=4 if silent else 0)
    expect(report, "key_not_followed", "warning", "unique key over whole columns", "at once", object="app.gen")
    if silent:
        expect(report, "cascade_circle", "blocker", "circle of tables")
        expect(report, "cascade_on_itself", "blocker", "32 MiB", object="app.comments foreign keys")
    else:
        assert not found(report, "cascade_circle") and not found(report, "cascade_on_itself"), report["findings"]
    proxy = env.proxy()
    refused(proxy, "--tables", "app.gen", "--subset", "5%", why="copied whole or not at all")
    if silent:
        refused(proxy, "--tables", "app.a,app.b", why="cascades within a circle of tables")
        code, said = backfill(proxy, "start", "--tables", "app.comments")
        assert code == 1 and "more than 32 MiB" in said, (code, said)


def test_fixed_lengths_that_become_variable_are_copied_and_no_blocker(env):
    env.old.run("CREATE TABLE t (id INT PRIMARY KEY, a CHAR(10), b CHAR(10), c BINARY(8), d BINARY(8), e CHAR(5) CHARACTER SET latin1)",
                "INSERT INTO t VALUES (1, 'x', 'a  ', x'0100', x'0000000000000000', _latin1 x'e9'), (2, NULL, '', NULL, x'ff', '')",
                "CREATE TABLE n (id INT PRIMARY KEY, a CHAR(10), c BINARY(8))", "CREATE TABLE u (id INT PRIMARY KEY, a VARCHAR(10), b VARBINARY(8))", database="app")
    env.new.run("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b TEXT, c VARBINARY(8), d BLOB, e VARCHAR(20))",
                "CREATE TABLE n (id INT PRIMARY KEY, a VARCHAR(9), c VARBINARY(7))", "CREATE TABLE u (id INT PRIMARY KEY, a CHAR(10), b BINARY(8))", database="app")
    report = look(env, "--quick", code=4)
    assert not [each for each in blockers(report) if each[1].startswith("app.t")], blockers(report)
    for column in ("a", "c"):
        expect(report, "type_narrower", "blocker", object="app.n column %s" % column)
    # The other way round there are ends that would be lost, or come in.
    for column in ("a", "b"):
        expect(report, "type_differs", "blocker", object="app.u column %s" % column)
    proxy = env.proxy()
    copies(proxy, "--tables", "app.t")
    through(proxy, "INSERT INTO t VALUES (3, 'y ', 'z', 'q', 'q', 'e')", "UPDATE t SET a = 'new' WHERE id = 1", "DELETE FROM t WHERE id = 2")
    equal(proxy, "--tables", "app.t")
    assert env.new.run("SELECT id, a FROM app.t ORDER BY id") == ((1, "new"), (3, "y"))
    assert not [each for each in proxy.status()["applier"]["parked"] if each["tables"] == "app.t"], proxy.status()["applier"]
    for table, column in (("n", "a"), ("u", "a")):
        refused(proxy, "--tables", "app." + table, why="column " + column)
