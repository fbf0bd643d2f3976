"""Feed `log`: who waits for the follower reads there what was committed, and nobody waits for ever."""

import threading
import time

import wire
from harness import ALL_FEEDS, BOTH_ROLES, MYSQL_OLD, Skip, feeds, raises, roles
from log_feed import SENTINEL, arrived, assert_followed, execute, is_mariadb, start, through
from progress import wait_until

ROLES, FEEDS = BOTH_ROLES, ("log",)

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT, s VARCHAR(40))"
SEED = "INSERT INTO t VALUES " + ", ".join("(%d, 0, '')" % n for n in range(10))
BOTH = {"dual_write": {"ack": "both"}}
FROM_NEW = {"read_from_new": {"percent": 100}}


def test_with_ack_both_the_follower_has_it_when_the_client_hears(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, flags=BOTH)
    with proxy.connect(database="app") as session, session.cursor() as cursor, env.new.connect(database="app") as follower, \
            follower.cursor() as there:
        for n in range(1, 60):
            cursor.execute("UPDATE t SET v = %s WHERE id = 1", (n,))
            there.execute("SELECT v FROM t WHERE id = 1")
            assert there.fetchone() == (n,), n
        cursor.execute("BEGIN")
        cursor.execute("UPDATE t SET s = 'whole' WHERE id IN (2, 3)")
        cursor.execute("COMMIT")
        there.execute("SELECT COUNT(*) FROM t WHERE s = 'whole'")
        assert there.fetchone() == (2,)
        cursor.execute("SET autocommit = 0")
        cursor.execute("DELETE FROM t WHERE id = 9")
        cursor.execute("SET autocommit = 1")
        there.execute("SELECT COUNT(*) FROM t WHERE id = 9")
        assert there.fetchone() == (0,)
        cursor.execute("ALTER TABLE t ADD COLUMN w INT")
        there.execute("SELECT w FROM t WHERE id = 1")
    prepared = proxy.wire(database="app")
    statement = prepared.prepare("UPDATE t SET v = ? WHERE id = 4")[0]
    for n in range(1, 20):
        prepared.execute(statement, [n])
        assert env.new.run("SELECT v FROM app.t WHERE id = 4") == ((n,),), n
    prepared.close()
    assert proxy.status()["counters"]["ack_timeouts"] == 0
    assert_followed(env, proxy, rows_min=9)


def test_with_ack_both_many_sessions_wait_at_once(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, flags=BOTH)
    wrong = []

    def work(number):
        with proxy.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(1, 40):
                execute(session, "UPDATE t SET v = %d WHERE id = %d" % (n, number))
                found = execute(follower, "SELECT v FROM t WHERE id = %d" % number)[0][0]
                if found != n:
                    wrong.append((number, n, found))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong[:5]
    assert_followed(env, proxy, rows_min=10)


def test_with_ack_both_a_follower_that_is_down_costs_the_deadline_and_no_write(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, flags=BOTH, ack_timeout="300ms")
    env.new.kill()
    started = time.monotonic()
    through(proxy, "UPDATE t SET v = 1 WHERE id = 1")
    assert time.monotonic() - started < 5
    assert env.old.run("SELECT v FROM app.t WHERE id = 1") == ((1,),)
    env.new.restart()
    assert_followed(env, proxy, rows_min=10)


def test_reads_from_new_see_the_sessions_own_writes(env):
    env.needs_proxy()
    proxy = start(env, T, SEED, flags=FROM_NEW)
    with proxy.connect(database="app") as session:
        # The follower is read from once it is known how far it is.
        wait_until(lambda: execute(session, "SELECT 1 FROM t LIMIT 1") and proxy.status()["counters"]["reads_new"], 10, "a read of new")
        for n in range(1, 80):
            execute(session, "UPDATE t SET v = %d WHERE id = %d" % (n, n % 10))
            assert execute(session, "SELECT v FROM t WHERE id = %d" % (n % 10)) == ((n,),), n
        execute(session, "BEGIN", "DELETE FROM t WHERE id = 5", "COMMIT")
        assert execute(session, "SELECT COUNT(*) FROM t") == ((9,),)
        execute(session, "INSERT INTO t SELECT id + 100, v, UUID() FROM t")
        assert execute(session, "SELECT COUNT(*) FROM t") == ((18,),)
        execute(session, "CREATE TABLE fresh (id INT PRIMARY KEY)", "INSERT INTO fresh VALUES (1)")
        assert execute(session, "SELECT id FROM fresh") == ((1,),)
    proxy.metric_comes(lambda value: value > 40, "crossfade_reads_total", backend="new")
    assert_followed(env, proxy, rows_min=18)


def test_reads_of_a_stopped_table_stay_with_the_leader(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE d (id INT PRIMARY KEY, n DECIMAL(10,4))", database="app")
    env.new.run("CREATE TABLE d (id INT PRIMARY KEY, n DECIMAL(10,1))", database="app")
    proxy = start(env, T, SEED, flags=FROM_NEW)
    through(proxy, "INSERT INTO d VALUES (1, 1.2345)")
    wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stop of the table")
    for _ in range(20):
        assert str(through(proxy, "SELECT n FROM d WHERE id = 1")[0][0]) == "1.2345"
    before = proxy.metric("crossfade_reads_total", backend="new")
    for _ in range(20):
        through(proxy, "SELECT v FROM t WHERE id = 1")
    proxy.metric_comes(lambda value: value > before, "crossfade_reads_total", backend="new")


def test_a_stopped_table_is_not_compared_and_others_are(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE d (id INT PRIMARY KEY, n DECIMAL(10,4))", database="app")
    env.new.run("CREATE TABLE d (id INT PRIMARY KEY, n DECIMAL(10,1))", database="app")
    env.tables(SENTINEL, T, SEED)
    proxy = env.proxy({"shadow": {"rechecks": 1, "recheck_delay": "20ms"}}, {"shadow_read": {"percent": 100}})
    through(proxy, "INSERT INTO d VALUES (1, 1.2345)")
    wait_until(lambda: proxy.status()["applier"]["parked"], 30, "the stop of the table")
    arrived(env, proxy)
    with proxy.connect(database="app") as session:
        execute(session, *["SELECT n FROM d WHERE id = 1", "SELECT d.n FROM d JOIN t USING (id)", "SELECT v FROM t WHERE id = 1"] * 10)

    def compared(words):
        found = [each for each in proxy.report()["digests"] if words in each["text"]]
        return sum(count for each in found for verdict, count in each["verdicts"].items() if verdict != "skipped")

    wait_until(lambda: compared("FROM t WHERE") >= 10, 20, "comparisons: %s" % proxy.report()["digests"])
    assert compared("JOIN") + compared("FROM d WHERE") == 0, proxy.report()["digests"]


def raw_answers(endpoint, capabilities):
    """The OK packets of writes as they come, and what the session says of itself."""
    session = endpoint.wire(database="app", capabilities=capabilities)
    answers = []
    for statement in ("UPDATE t SET v = 5 WHERE id = 1", "BEGIN", "UPDATE t SET v = 6 WHERE id = 1", "COMMIT", "SET @a = 1",
                      "INSERT INTO t VALUES (77, 1, '')", "DELETE FROM t WHERE id = 77", "SET autocommit = 0", "UPDATE t SET v = 7 WHERE id = 1",
                      "SET autocommit = 1", "SET NAMES latin1", "USE app"):
        session.command(b"\x03" + statement.encode())
        packet = session.read_packet()
        # In which order MariaDB tells of several variables hangs on the session.
        answers.append((statement, bytes(sorted(packet)) if statement.startswith("SET NAMES") else packet))
    statement = session.prepare("UPDATE t SET v = v + ? WHERE id = 2")[0]
    result = session.execute(statement, [1])[0]
    session.close()
    return answers + [("prepared", result.session_state)]


def test_the_trackers_bytes_reach_no_client_that_did_not_ask(env):
    """The proxy asks the leader for each commit's name where it has to wait for it: the client's OK is the server's without that."""
    env.tables(SENTINEL, T, SEED)
    for flags in (None, BOTH, FROM_NEW):
        proxy = env.proxy(flags=flags)
        for capabilities in (0, wire.SESSION_TRACK):
            through_it, direct = raw_answers(proxy, capabilities), raw_answers(env.old, capabilities)
            assert through_it == direct, "%s %d:\n%s\n%s" % (flags, capabilities, through_it, direct)
        if env.binary and flags == BOTH:
            # Asked for it was: this is how the follower had each of them when the client heard.
            tracked = "SELECT CONCAT(@@session_track_system_variables, %s)" % ("''" if env.old.kind == "mariadb" else "@@session_track_gtids")
            assert through(proxy, tracked) != env.old.run(tracked), "the proxy asks for nothing"
        proxy.stop()


@roles(MYSQL_OLD)
def test_a_leader_without_gtids_is_waited_for_by_the_end_of_its_log(env):
    env.needs_proxy()
    if is_mariadb(env.old):
        raise Skip("a MariaDB server always has them")
    steps = ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"]
    env.old.run(*("SET GLOBAL gtid_mode = %s" % mode for mode in steps))
    try:
        proxy = start(env, T, SEED, flags={**BOTH, **FROM_NEW})
        with proxy.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(1, 20):
                execute(session, "UPDATE t SET v = %d WHERE id = 1" % n)
                assert execute(follower, "SELECT v FROM t WHERE id = 1") == ((n,),), n
                assert execute(session, "SELECT v FROM t WHERE id = 1") == ((n,),), n
            execute(session, "BEGIN", "DELETE FROM t WHERE id = 5", "COMMIT")
            assert execute(follower, "SELECT COUNT(*) FROM t") == ((9,),)
        assert proxy.status()["counters"]["ack_timeouts"] == 0
        proxy.metric_comes(lambda value: value > 10, "crossfade_reads_total", backend="new")
        assert_followed(env, proxy, rows_min=9)
        proxy.stop()
    finally:
        env.old.run(*("SET GLOBAL gtid_mode = %s" % mode for mode in [*steps[-2::-1], "ON"]))


def test_a_client_that_asks_for_the_gtid_gets_it(env):
    proxy = start(env, T, SEED)
    name = {"mariadb": "session_track_system_variables = 'last_gtid'", "mysql": "session_track_gtids = OWN_GTID"}[env.old.kind]
    session = proxy.wire(database="app", capabilities=1 << 23)
    session.query("SET " + name)
    answer = session.query("UPDATE t SET v = 5 WHERE id = 1")[0]
    assert answer.session_state, "nothing came"
    session.close()
    with proxy.connect(database="app") as other:
        raises(1193, execute, other, "SET no_such_variable = 1")
    assert_followed(env, proxy, rows_min=10)


@feeds(*ALL_FEEDS)
def test_strict_reads_see_what_others_have_committed(env):
    env.needs_proxy()
    env.tables(SENTINEL, T, SEED)
    proxy = env.proxy({"reads": {"consistency": "strict", "read_your_writes_timeout": "20s"}}, FROM_NEW)
    answered = proxy.metric("crossfade_reads_total", backend="new")
    with env.old.connect(database="app") as other, proxy.connect(database="app") as session, session.cursor() as cursor:
        statement = proxy.wire(database="app")
        prepared = statement.prepare("SELECT v FROM t WHERE id = ?")[0]
        for n in range(1, 30):
            execute(other, "UPDATE t SET v = %d WHERE id = 1" % n)
            cursor.execute("SELECT v FROM t WHERE id = 1")
            assert cursor.fetchone() == (n,)
            execute(other, "UPDATE t SET v = %d WHERE id = 2" % n)
            assert statement.execute(prepared, [2])[0].rows == [[n]], n
        statement.close()
        # Also where the follower is late.
        with env.new.connect(database="app") as holder:
            execute(holder, "BEGIN")
            execute(holder, "UPDATE t SET v = v WHERE id = 3")
            execute(other, "UPDATE t SET v = 77 WHERE id = 3")
            timer = threading.Timer(0.5, holder.rollback)
            timer.start()
            cursor.execute("SELECT v FROM t WHERE id = 3")
            assert cursor.fetchone() == (77,)
            timer.join()
    assert proxy.metric("crossfade_reads_total", backend="new") - answered >= 59
    assert_followed(env, proxy, rows_min=10)
