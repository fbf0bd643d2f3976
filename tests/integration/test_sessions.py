"""Session states in which a write could slip past what is duplicated, or a rolled-back one into it."""

import threading

import wire
from harness import BOTH_ROLES
from progress import wait_until

ROLES = BOTH_ROLES

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(20))"


def setup(env):
    env.tables(TABLE, "INSERT INTO t VALUES (1, 0, 'a'), (2, 0, 'b')")
    env.needs_proxy()
    return env.proxy()


def refused(session, statement, code=1235):
    try:
        session.one(statement)
    except wire.Err as error:
        assert error.args[0] == code, (statement, error)
        return error.args[2]
    raise AssertionError("not refused: " + statement)


def run(session, *statements):
    for statement in statements:
        session.one(statement)


def test_what_a_deadlock_rolled_back_is_not_duplicated(env):
    proxy = setup(env)
    victim, other = proxy.wire(database="app"), proxy.wire(database="app")
    run(victim, "SET autocommit=0", "INSERT INTO t VALUES (77, 1, 'x')", "UPDATE t SET v = v + 1 WHERE id = 1")
    run(other, "BEGIN", "UPDATE t SET v = v + 1 WHERE id = 2", "UPDATE t SET s = 'k' WHERE id = 2", "UPDATE t SET s = 'l' WHERE id = 2")
    outcome = []

    def wait_for_the_other():
        try:
            victim.one("UPDATE t SET v = v + 1 WHERE id = 2")
            outcome.append(0)
        except wire.Err as error:
            outcome.append(error.args[0])

    waiting = threading.Thread(target=wait_for_the_other)
    waiting.start()
    # information_schema.innodb_trx is no good here: polled faster than every 0.1 s it shows the past.
    wait_until(lambda: int(env.old.run("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0][1]) > 0, 10, "a lock wait")
    other_failed = 0
    try:
        other.one("UPDATE t SET v = v + 1 WHERE id = 1")
    except wire.Err as error:
        other_failed = error.args[0]
    waiting.join()
    assert 1213 in (outcome[0], other_failed), (outcome, other_failed)
    for session in (victim, other):
        run(session, "SELECT COUNT(*) FROM t")
    run(victim, "INSERT INTO t VALUES (88, 1, 'x')", "COMMIT", "SET autocommit=1")
    run(other, "COMMIT")
    env.assert_equal(rows_min=3)


def test_turning_autocommit_on_duplicates_what_it_commits(env):
    session = setup(env).wire(database="app")
    run(session, "SET autocommit=0", "INSERT INTO t VALUES (5, 1, 'x')", "SAVEPOINT \u00e9", "INSERT INTO t VALUES (6, 1, 'x')",
        "ROLLBACK TO \u00e9", "SET @autocommit=0, autocommit=1", "ROLLBACK")
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((3,),)
    run(session, "SET autocommit=0", "INSERT INTO t VALUES (7, 1, 'x')", "SET autocommit=1", "ROLLBACK")
    assert env.old.run("SELECT COUNT(*) FROM app.t") == ((4,),)
    env.assert_equal(rows_min=4)


def test_without_dual_writing_any_character_set_passes(env):
    env.tables(TABLE)
    env.needs_proxy()
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    for charset, character in (("gbk", b"\x95\x5c"), ("sjis", b"\x95\x5c"), ("big5", b"\xa5\x5c")):
        answers = []
        for side in (proxy, env.old):
            session = side.wire(database="app")
            run(session, "SET NAMES " + charset)
            answers.append([session.one(b"SELECT HEX('" + character + b"'), 'x; COMMIT'").rows])
            statement, *_ = session.prepare(b"SELECT HEX('" + character + b"')")
            answers[-1].append(session.execute(statement)[0].rows)
            run(session, b"INSERT INTO t VALUES (%d, 1, HEX('" % (len(answers) + ord(charset[0])) + character + b"'))")
        assert answers[0] == answers[1], (charset, answers)


def test_reads_of_an_implicit_transaction_stay_with_the_leader(env):
    env.tables(TABLE)
    env.needs_proxy()
    env.old.run("INSERT INTO app.t VALUES (1, 1, 'old')")
    env.new.run("INSERT INTO app.t VALUES (1, 1, 'new')")
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    session = proxy.wire(database="app")
    assert session.one("SELECT s FROM t WHERE id = 1").rows == [["new"]]
    run(session, "SET autocommit=0")
    assert session.one("SELECT s FROM t WHERE id = 1").rows == [["old"]]


def test_questions_of_the_proxys_own_are_answered_under_any_sql_select_limit(env):
    env.tables(TABLE, "CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))")
    env.needs_proxy()
    session = env.proxy().wire(database="app")
    run(session, "SET sql_select_limit=0")
    run(session, "CREATE TEMPORARY TABLE mine (id INT)")
    run(session, "INSERT INTO t VALUES (1, 1, 'a')")
    run(session, "BEGIN")
    run(session, "INSERT INTO n () VALUES ()")
    run(session, "COMMIT")
    run(session, "SET @id = 2")
    run(session, "PREPARE p FROM 'INSERT INTO t VALUES (?, 2, ''b'')'")
    run(session, "EXECUTE p USING @id")
    run(session, "SET @text = 'UPDATE t SET v = 5 WHERE id = 1'")
    run(session, "PREPARE q FROM @text")
    run(session, "EXECUTE q")
    assert session.one("SELECT id FROM t").rows == []
    assert session.one("SELECT LAST_INSERT_ID() LIMIT 1").rows == [["1"]]
    env.assert_equal(rows_min=3)
