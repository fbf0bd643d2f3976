"""Reads move to `new` by percentage and back, sticky by session, never behind the session's own writes."""

import wire
from harness import BOTH_ROLES, raises
from log_feed import is_stopped
from progress import wait_until

ROLES = BOTH_ROLES

SERVER = "CREATE TABLE server (id INT PRIMARY KEY, name VARCHAR(10))"


def prepare(env):
    """A table that tells which backend answered: the one difference that is meant."""
    env.tables(SERVER, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 0)")
    env.old.run("INSERT INTO server VALUES (1, 'old')", database="app")
    env.new.run("INSERT INTO server VALUES (1, 'new')", database="app")


def who(session):
    with session.cursor() as cursor:
        cursor.execute("SELECT name FROM server WHERE id = 1")
        return cursor.fetchone()[0]


def share(sessions):
    return sum(who(session) == "new" for session in sessions)


def test_percent_moves_reads_and_is_sticky(env):
    prepare(env)
    proxy = env.proxy()
    proxy.reads_may_go()
    sessions = [proxy.connect(database="app") for _ in range(100)]
    assert share(sessions) == 0
    proxy.set_flags(read_from_new={"percent": 20})
    first = [who(s) == "new" for s in sessions]
    assert 5 <= sum(first) <= 40, sum(first)
    for _ in range(3):
        assert [who(s) == "new" for s in sessions] == first, "a session changed sides without a change of flags"
    proxy.set_flags(read_from_new={"percent": 50})
    second = [who(s) == "new" for s in sessions]
    assert 30 <= sum(second) <= 70, sum(second)
    assert all(after for before, after in zip(first, second) if before), "a session in at 20 % is out at 50 %"
    proxy.set_flags(read_from_new={"percent": 100})
    assert share(sessions) == 100
    proxy.set_flags(read_from_new={"percent": 20})
    assert [who(s) == "new" for s in sessions] == first, "going back chose other sessions"
    proxy.set_flags(read_from_new={"percent": 0})
    assert share(sessions) == 0
    proxy.metric_comes(lambda value: value >= 100, "crossfade_reads_total", backend="new")
    proxy.metric_comes(lambda value: value >= 200, "crossfade_reads_total", backend="old")


def test_a_write_that_stops_its_table_is_seen_by_its_session(env):
    """The read waits for it, and all but that table has it by then."""
    names = ["s%d" % n for n in range(12)]
    env.tables(*["CREATE TABLE %s (id INT PRIMARY KEY, v INT)" % name for name in names],
               *["INSERT INTO %s VALUES (1, 0), (2, 0)" % name for name in names])
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.reads_may_go()
    env.new.run(*["DELETE FROM app.%s WHERE id = 1" % name for name in names])
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for name in names:
            cursor.execute("UPDATE %s SET v = 5 WHERE id = 1" % name)
            cursor.execute("SELECT v FROM %s WHERE id = 1" % name)
            assert cursor.fetchall() == ((5,),), name
            if env.binary:
                wait_until(lambda: is_stopped(proxy, name), 30, "the stop of " + name)
                proxy.reads_may_go()


def test_reads_see_the_sessions_own_writes(env):
    prepare(env)
    relay = env.relay(env.new, to_server=(0, 0.02))
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}}, new_port=relay.port)
    proxy.reads_may_go()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for n in range(1, 60):
            cursor.execute("UPDATE t SET v = %s WHERE id = 1", (n,))
            cursor.execute("SELECT v FROM t WHERE id = 1")
            assert cursor.fetchone() == (n,), "an own write was not seen"


def test_reads_go_to_the_leader_while_the_follower_is_away(env):
    prepare(env)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}}, config={"reads": {"max_lag": "500ms"}})
    proxy.reads_may_go()
    with proxy.connect(database="app") as session:
        assert who(session) == "new"
        env.new.kill()
        for _ in range(20):
            assert who(session) == "old"
        with session.cursor() as cursor:
            cursor.execute("UPDATE t SET v = 5 WHERE id = 1")
        env.new.restart()
        wait_until(lambda: who(session) == "new", 30, "reads from new again")


def test_prepared_reads_move_too(env):
    prepare(env)
    proxy = env.proxy()
    proxy.reads_may_go()
    session = proxy.wire(database="app")
    statement, _, _ = session.prepare("SELECT name FROM server WHERE id = ?")
    assert session.execute(statement, [1])[0].rows == [["old"]]
    proxy.set_flags(read_from_new={"percent": 100})
    assert session.execute(statement, [1])[0].rows == [["new"]]
    proxy.set_flags(read_from_new={"percent": 0})
    assert session.execute(statement, [1])[0].rows == [["old"]]


def test_what_is_not_a_plain_read_stays_with_the_leader(env):
    prepare(env)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.reads_may_go()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        assert who(session) == "new"
        for sql in ("SELECT name FROM server WHERE id = 1 FOR UPDATE", "SELECT name FROM server LOCK IN SHARE MODE",
                    "SELECT name FROM server WHERE GET_LOCK('x', 0) = 1",
                    "/*! SELECT name FROM server FOR UPDATE */"):
            cursor.execute(sql)
            assert cursor.fetchone() == ("old",), sql
        cursor.execute("SELECT RELEASE_LOCK('x')")
        cursor.execute("BEGIN")
        cursor.execute("UPDATE t SET v = v + 1 WHERE id = 1")
        assert who(session) == "old", "a read in a transaction that wrote left the leader"
        cursor.execute("COMMIT")


def test_rules_and_kill_switch(env):
    prepare(env)
    proxy = env.proxy()
    proxy.reads_may_go()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        proxy.set_flags(rules=[{"match": {"tables": ["server"]}, "read_from_new": {"percent": 100, "by": "session"}}])
        assert who(session) == "new"
        proxy.set_flags(kill_switch=True)
        assert who(session) == "old"
        proxy.set_flags(kill_switch=False)
        assert who(session) == "new"
        proxy.set_flags(freeze_writes=True)
        _, message = raises(1290, cursor.execute, "UPDATE t SET v = 1 WHERE id = 1")
        assert message.startswith("crossfade:"), message
        assert who(session) == "new"
        proxy.set_flags(freeze_writes=False)
        cursor.execute("UPDATE t SET v = 1 WHERE id = 1")


def test_a_read_decision_holds_for_a_transaction(env):
    prepare(env)
    proxy = env.proxy()
    proxy.reads_may_go()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("BEGIN")
        before = who(session)
        proxy.set_flags(read_from_new={"percent": 100})
        assert who(session) == before, "a running transaction changed sides"
        cursor.execute("COMMIT")
        assert who(session) == "new"


def test_an_error_of_new_is_answered_by_the_leader(env):
    """What only the follower refuses is not the client's affair; what both refuse it hears in the leader's words."""
    env.needs_proxy()
    prepare(env)
    relay = env.relay(env.new)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}}, new_port=relay.port)
    env.new.run("DROP TABLE t", database="app")  # definitions are compared once a minute
    direct = env.old.wire(database="app")
    for fragment in (0, 1):
        relay.fragment = fragment
        session = proxy.wire(database="app")
        for round in range(2):
            assert session.one("SELECT name FROM server").rows == [["new"]]
            assert session.one("SELECT v FROM t").rows == [["0"]]
            for sql in ("SELECT nope FROM server", "SELECT 1 FROM server WHERE", "SELECT * FROM missing"):
                raises_same(session.one, direct.one, sql)
            statement, *_ = session.prepare("SELECT v FROM t WHERE id = ?")
            assert session.execute(statement, [1])[0].rows == [[0]]
            statement, *_ = session.prepare("SELECT (SELECT name FROM server UNION SELECT ? FROM server)")
            raises_same(lambda values: session.execute(statement, values), lambda values: direct.execute(
                direct.prepare("SELECT (SELECT name FROM server UNION SELECT ? FROM server)")[0], values), ["x"])
            assert session.one("SELECT name FROM server").rows == [["new"]], "the follower was left for good"
    proxy.metric_comes(lambda value: value >= 8, "crossfade_reads_fallen_back_total")


def raises_same(through, direct, argument):
    errors = []
    for call in (through, direct):
        try:
            call(argument)
        except wire.Err as error:
            errors.append(error.args)
    assert len(errors) == 2 and errors[0] == errors[1], (argument, errors)
