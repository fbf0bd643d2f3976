"""Isolation and access of transactions: as the server itself would have them."""

import wire
from harness import BOTH_ROLES
from two_sides import assert_t, setup

ROLES = BOTH_ROLES
ONE_SHOTS = [
    ("SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "DO 0", "UPDATE t SET v = v + 1 WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "BEGIN", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1",
     "SET SESSION TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("START TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("START TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1", "ROLLBACK", "SELECT v FROM t WHERE id = 1"),
    ("START TRANSACTION WITH CONSISTENT SNAPSHOT", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT", "SELECT v FROM t WHERE id = 1"),
    ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1"),
    ("BEGIN", "SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET autocommit=0", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1", "ROLLBACK", "SET autocommit=1", "SELECT v FROM t WHERE id = 1"),
    ("SET autocommit=0", "SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET TRANSACTION READ ONLY", "INSERT INTO t (v) VALUES (1)", "INSERT INTO t (v) VALUES (1)", "DELETE FROM t WHERE id > 2"),
]


def said(session, statements):
    answers = []
    for statement in statements:
        try:
            answers.append(session.one(statement).facts())
        except wire.Err as error:
            answers.append((error.code, error.state))
    return answers


def test_characteristics_of_transactions_are_used_up_as_the_server_does(env):
    proxy = setup(env)
    env.old.run("CREATE DATABASE app_direct", "CREATE TABLE app_direct.t LIKE app.t")
    for statements in ONE_SHOTS:
        statements = [s for s in statements if "id > 2" not in s]
        proxy.caught_up()  # reads that `new` answers: of another session's writes
        env.old.run("DELETE FROM app_direct.t", "INSERT INTO app_direct.t SELECT * FROM app.t",
                    "ALTER TABLE app_direct.t AUTO_INCREMENT = %d" % (1 + env.old.run("SELECT MAX(id) FROM app.t")[0][0]))
        straight = env.old.wire(database="app_direct")
        through = proxy.wire(database="app")
        expected, found = said(straight, statements), said(through, statements)
        assert found == expected, "%s:\n%s\ndirectly\n%s" % (statements, found, expected)
    assert_t(env, proxy)
