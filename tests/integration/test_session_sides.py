"""What a session has done on the leader bears on where its next statement goes, and on what it is told."""

import wire
from harness import ALL_FEEDS, BOTH_ROLES, MARIADB_OLD, feeds, raises, roles
from progress import wait_until
from two_sides import answered_by, is_mariadb, lost, ready_again, restart, run, setup

ROLES = BOTH_ROLES

BODIES = (
    "CREATE TRIGGER at_least BEFORE INSERT ON t FOR EACH ROW IF NEW.v < 0 THEN SET NEW.v = 0; END IF",
    "CREATE TRIGGER twice BEFORE UPDATE ON shift FOR EACH ROW BEGIN SET NEW.end = NEW.begin; SET NEW.v = NEW.v * 2; END",
    "CREATE PROCEDURE fill(n INT) WHILE n > 0 DO INSERT INTO t (v) VALUES (-n); SET n = n - 1; END WHILE",
    "CREATE FUNCTION kind(n INT) RETURNS INT NO SQL CASE n WHEN 1 THEN RETURN 10; ELSE RETURN 20; END CASE",
)


@feeds(*ALL_FEEDS)
def test_bodies_are_whole_whatever_the_client_may_send(env):
    proxy = setup(env)
    shift = "CREATE TABLE shift (id INT PRIMARY KEY, begin INT, end INT, v INT)"
    for capabilities in (0, wire.MULTI_STATEMENTS):
        session = proxy.wire(database="app", capabilities=capabilities)
        run(session, shift, "INSERT INTO shift VALUES (1, 7, 0, 1)", *BODIES)
        run(session, "CALL fill(3)", "UPDATE shift SET v = 4")
        assert session.one("SELECT kind(1), kind(2), (SELECT MIN(v) FROM t), end, v FROM shift").rows == [["10", "20", "0", "7", "8"]]
        if is_mariadb(session):
            run(session, "BEGIN NOT ATOMIC INSERT INTO t (v) VALUES (5); INSERT INTO t (v) VALUES (6); END",
                "IF 1 THEN INSERT INTO t (v) VALUES (7); DO 1; END IF")
        run(session, "DROP TRIGGER at_least", "DROP TABLE shift", "DROP PROCEDURE fill", "DROP FUNCTION kind")
    # A name hides nothing of what follows it.
    one = proxy.wire(database="app")
    raises(1064, one.query, "CREATE PROCEDURE p() BEGIN SELECT t.begin FROM t; END; DROP TABLE who")
    run(one, "SELECT * FROM who")
    proxy.caught_up()
    assert proxy.status()["applier"]["parked"] == []


@roles(MARIADB_OLD)
def test_a_deadlock_of_user_locks_ends_no_transaction(env):
    """MariaDB chooses one of both; whichever it is has its own row, in its transaction and behind it."""
    proxy = setup(env)
    proxy.reads_may_go()
    one, other = proxy.wire(database="app"), proxy.wire(database="app")
    mine = "SELECT COUNT(*) FROM t WHERE v = %d"
    for v, lock, session in ((71, "a", one), (72, "b", other)):
        assert answered_by(session) == "new"
        run(session, "BEGIN", "INSERT INTO t (v) VALUES (%d)" % v, "SELECT GET_LOCK('%s', 0)" % lock)
    other.command(bytes([wire.QUERY]) + b"SELECT GET_LOCK('a', 60)")
    locks = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
    wait_until(lambda: env.old.run(locks) == ((1,),), 20, "the other's wait")
    deadlocks = 0
    try:
        one.query("SELECT GET_LOCK('b', 60)")
    except wire.Err as error:
        deadlocks += error.code == 1213
    if deadlocks:
        assert one.one(mine % 71).rows == [["1"]]
        run(one, "DO RELEASE_LOCK('a')", "COMMIT")
        assert one.one(mine % 71).rows == [["1"]]
    try:
        other.results()
    except wire.Err as error:
        deadlocks += error.code == 1213
        assert other.one(mine % 72).rows == [["1"]]
        run(other, "COMMIT")
        assert other.one(mine % 72).rows == [["1"]]
    assert deadlocks == 1


def test_reads_of_a_side_whose_sessions_begin_without_autocommit(env):
    proxy = setup(env)
    env.new.run("SET GLOBAL autocommit = 0")
    try:
        proxy.reads_may_go()
        session = proxy.wire(database="app")
        run(session, "SET autocommit = 1")
        assert answered_by(session) == "new"
        for n in range(1, 4):
            before = int(session.one("SELECT v FROM t WHERE id = 1").rows[0][0])
            run(session, "UPDATE t SET v = v + 1 WHERE id = 1")
            assert session.one("SELECT v FROM t WHERE id = 1").rows == [[str(before + 1)]]
            assert answered_by(session) == "new"
        run(session, "ALTER TABLE t ADD c%d INT" % 1)  # nothing of the reads holds it up
        proxy.caught_up(20)
    finally:
        env.new.run("SET GLOBAL autocommit = 1")


def test_writes_that_ask_for_diagnostics_are_writes(env):
    proxy = setup(env)
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    run(session, "CREATE TABLE asked (id INT AUTO_INCREMENT PRIMARY KEY, n INT, w INT)")
    for n in range(1, 20):
        refuse_something(session)
        run(session, "INSERT INTO asked (n, w) VALUES (ROW_COUNT(), @@warning_count)")
        assert session.one("SELECT COUNT(*), MIN(n), MAX(n), MIN(w) FROM asked").rows == [[str(n), "-1", "-1", "1"]]
    refuse_something(session)
    run(session, "CREATE TABLE made AS SELECT ROW_COUNT() AS n")
    proxy.caught_up()
    assert proxy.status()["applier"]["parked"] == []


def refuse_something(session):
    """By the proxy itself: the leader has not seen it."""
    try:
        session.query("SET sql_log_bin = 0")
    except wire.Err as error:
        assert "crossfade" in error.message, error.message
        return
    raise AssertionError("it is not refused")


def test_row_count_behind_a_read_of_the_other_side(env):
    proxy = setup(env)
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    run(session, "CREATE TABLE counts (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
    asks, *_ = session.prepare("SELECT ROW_COUNT()")
    for ask in (lambda: session.one("SELECT ROW_COUNT()").rows[0][0], lambda: str(session.execute(asks, [])[0].rows[0][0])):
        run(session, "UPDATE t SET v = v + 1")
        assert ask() == "2"
        run(session, "UPDATE t SET v = v + 1")
        assert answered_by(session) == "new"
        assert ask() == "-1"
    run(session, "UPDATE t SET v = v + 1")
    assert answered_by(session) == "new"
    run(session, "INSERT INTO counts (n) VALUES (ROW_COUNT())")
    assert session.one("SELECT n FROM counts").rows == [["-1"]]


def test_what_a_trigger_sets_in_the_session(env):
    proxy = setup(env)
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    run(session, "CREATE TABLE long_list (id INT PRIMARY KEY, s VARCHAR(100))",
        "INSERT INTO long_list VALUES %s" % ", ".join("(%d, REPEAT('x', 100))" % n for n in range(30)),
        "CREATE TRIGGER wide AFTER INSERT ON t FOR EACH ROW SET SESSION group_concat_max_len = 50")
    asks = "SELECT LENGTH(GROUP_CONCAT(s SEPARATOR '')) FROM long_list"
    proxy.caught_up()
    direct = env.old.wire(database="app")
    before = [source.one(asks).rows for source in (session, direct)]
    assert answered_by(session) == "new"
    run(direct, "INSERT INTO t (v) VALUES (1)")
    run(session, "INSERT INTO t (v) VALUES (1)")
    after = [source.one(asks).rows for source in (session, direct)]
    assert before[0] == before[1] and after[0] == after[1] == [["50"]], (before, after)


def test_a_user_variable_of_a_trigger_is_not_lost_in_silence(env):
    proxy = setup(env)
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    run(session, "CREATE TRIGGER says AFTER UPDATE ON t FOR EACH ROW SET @last = NEW.v", "UPDATE t SET v = 9 WHERE id = 1")
    restart(env, "stop")
    ready_again(proxy)
    lost(session, "SELECT @last")


@roles(MARIADB_OLD)
def test_an_id_that_returning_made_is_not_lost_in_silence(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "INSERT INTO t (v) VALUES (1) RETURNING id")
    restart(env, "stop")
    ready_again(proxy)
    lost(session, "INSERT INTO t (v) VALUES (LAST_INSERT_ID())")


def test_what_only_the_leaders_make_or_session_means_is_asked_there(env):
    proxy = setup(env)
    proxy.reads_may_go()
    fresh = lambda: proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)  # noqa: E731
    session = fresh()
    assert answered_by(session) == "new"
    assert session.one("SELECT /*+ SET_VAR(sql_select_limit=1) */ s FROM who").rows == [["old"]]
    assert session.one("SELECT /*+ NO_ICP(who) */ s FROM who").rows == [["new"]]
    run(session, "SET sql_auto_is_null = 1", "INSERT INTO t (v) VALUES (41)")
    assert session.one("SELECT v FROM t WHERE id IS NULL").rows == [["41"]]
    run(session, "SET sql_auto_is_null = 0")
    assert answered_by(session) == "new"
    if is_mariadb(session) and "Maria" not in env.new.wire().server_version:
        for mode in ("EMPTY_STRING_IS_NULL", "ORACLE"):
            run(session, "SET sql_mode = '%s'" % mode)
            assert answered_by(session) == "old", mode
        run(session, "SET sql_mode = 'STRICT_ALL_TABLES'")
        assert answered_by(session) == "new"
    session = fresh()
    run(session, "SELECT 1; LOCK TABLES t READ, who READ")
    assert answered_by(session) == "old"
    raises(1100, session.query, "SELECT 1 FROM missing")
    run(session, "UNLOCK TABLES")


def test_a_session_whose_variables_cannot_be_read_goes_on(env):
    proxy = setup(env)
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    run(session, "SET character_set_results = utf16")
    for sql in ('SELECT "a" FROM who', "SELECT s FROM who"):
        try:
            session.one(sql)
        except wire.Err as error:
            assert error.code == 1105 and "crossfade" in error.message, error
    run(session, "SET NAMES utf8mb4")
    assert session.one('SELECT "a" FROM who').rows == [["a"]]


def test_rows_from_a_log_do_not_pass_a_freeze(env):
    proxy = setup(env)
    proxy.set_flags(freeze_writes=True)
    session = proxy.wire(database="app")
    raises(1290, session.query, "BINLOG 'x'")
    proxy.set_flags(freeze_writes=False)
