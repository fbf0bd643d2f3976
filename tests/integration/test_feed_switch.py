"""The other feed takes over while clients write: nothing is lost, nothing is applied twice, and nothing stops."""

import random
import threading
import time

import pymysql

from feed_switch import RETRIED, SEED, Switching, T, Writers, anchor, begin, control_tables_left, eventually, kind, prepared_branch, switch, switched, triggers_left, triggers_of_tables
from harness import BOTH_ROLES
from log_feed import assert_followed, equal_or_named, execute, is_stopped, released, start, stopped, through
from progress import turns, wait_until

ROLES, FEEDS = BOTH_ROLES, ("either",)


def test_there_and_back_while_clients_write(env):
    proxy = begin(env)
    with Writers([proxy]) as writers:
        writers.go_on()
        assert "trigger since changes." in switch(env, proxy, "trigger")
        assert kind(proxy) == "trigger", proxy.status()["feed"]
        writers.go_on()
        through(proxy, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2",
                "CREATE TABLE fresh (id INT PRIMARY KEY, w VARCHAR(20))", "INSERT INTO fresh VALUES (1, 'x')")
        writers.go_on()
        assert "log since" in switch(env, proxy, "log")
        assert kind(proxy) == "log", proxy.status()["feed"]
        through(proxy, "UPDATE fresh SET w = 'y'", "ALTER TABLE t DROP COLUMN s")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, proxy, rows_min=50)
    wait_until(lambda: triggers_left(env) == 0 and control_tables_left(env) == 0, 30, "no trigger, and no table of theirs")
    # Nobody needs them any more.
    env.old.run("UPDATE t SET v = v * 2", "INSERT INTO fresh VALUES (2, 'past')", database="app")
    assert_followed(env, proxy, rows_min=50)


def once(proxy, statement):
    """What was answered with a lost lock was not run."""
    while True:
        try:
            return through(proxy, statement)
        except pymysql.MySQLError as error:
            if error.args[0] not in RETRIED:
                raise


def test_ten_times_under_load_with_schema_changes(env):
    proxy = begin(env)
    draw = random.Random(7)
    stop, failed = threading.Event(), []

    def alter():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                for statement in ("ALTER TABLE counts ADD COLUMN c%d INT DEFAULT %d" % (n, n), "ALTER TABLE counts DROP COLUMN c%d" % n,
                                  "CREATE TABLE made%d (id INT PRIMARY KEY, v INT)" % n, "INSERT INTO made%d VALUES (1, %d)" % (n, n)):
                    once(proxy, statement)
            except Exception as error:
                failed.append(error)
                return
            time.sleep(draw.random())

    thread = threading.Thread(target=alter)
    with Writers([proxy, env.old]) as writers:
        thread.start()
        try:
            for to in ("trigger", "log") * 5:
                wait_until(lambda: switched(env, proxy, to), 200, "feed " + to)  # given up after a minute on a busy machine, and asked again
                # Triggers that were made twice would tell everything twice.
                assert all(count <= 3 for _, count in triggers_of_tables(env)), triggers_of_tables(env)
                time.sleep(draw.random())
        finally:
            stop.set()
            thread.join(60)
        writers.go_on()
    assert not writers.failed and not failed, (writers.failed, failed)
    assert_followed(env, proxy, rows_min=100)
    assert " stopped position=" not in proxy.log_tail(100000), "a table stopped for a while"


def test_what_is_written_past_the_proxy_follows_either_feed(env):
    proxy = begin(env)
    env.old.run("UPDATE t SET v = 10", database="app")
    switch(env, proxy, "trigger")
    env.old.run("UPDATE t SET v = v + 1", "INSERT INTO t (v) VALUES (8)", database="app")
    assert_followed(env, proxy, rows_min=4)
    wait_until(lambda: env.old.run("SELECT COUNT(*) FROM crossfade.changes")[0][0] == 0, 60, "an empty table of changes")


def test_both_have_it_when_the_client_is_told_during_a_switch(env):
    proxy = begin(env, config={"dual_write": {"ack_timeout": "60s"}}, flags={"dual_write": {"ack": "both"}})
    stale, stop = [], threading.Event()

    def work():
        with proxy.connect(database="app") as session, env.new.connect(database="app") as follower:
            n = 100
            for _ in turns(stop):
                n += 1
                execute(session, "UPDATE t SET v = %d WHERE id = 1" % n)
                found = execute(follower, "SELECT v FROM t WHERE id = 1")[0][0]
                if found != n:
                    stale.append((n, found))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for to in ("trigger", "log", "trigger"):
            switch(env, proxy, to)
            time.sleep(0.5)
    finally:
        stop.set()
        thread.join(60)
    assert not stale, stale
    assert_followed(env, proxy, rows_min=3)


def test_a_stand_by_comes_along(env):
    first = begin(env)
    second = env.proxy({"dual_write": {"ack_timeout": "60s"}}, flags={"dual_write": {"ack": "both"}})
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    assert "ask that one" in switch(env, second, "trigger", wanted=1)
    with Writers([first, second]) as writers:
        switch(env, first, "trigger")
        wait_until(lambda: kind(second) == "trigger", 60, "the second proxy's feed")
        through(second, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2")
        writers.go_on()
        with second.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(1, 10):
                execute(session, "INSERT INTO counts VALUES (1000, %d) ON DUPLICATE KEY UPDATE n = VALUES(n)" % n)
                assert execute(follower, "SELECT n FROM counts WHERE id = 1000")[0][0] == n
        switch(env, first, "log")
        with second.connect(database="app") as session, env.new.connect(database="app") as follower:
            for n in range(10, 20):
                execute(session, "INSERT INTO counts VALUES (1000, %d) ON DUPLICATE KEY UPDATE n = VALUES(n)" % n)
                assert execute(follower, "SELECT n FROM counts WHERE id = 1000")[0][0] == n
        wait_until(lambda: kind(second) == "log", 60, "the second proxy's feed")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, first, rows_min=20)
    first.kill()
    through(second, "UPDATE t SET v = 1000 WHERE id = 2")
    assert_followed(env, second, rows_min=20)


def test_a_stand_by_whose_configuration_names_the_feed_of_before(env):
    """It does not apply, and tells of its clients' schema changes."""
    first = begin(env)
    second = env.proxy({"dual_write": {"feed": "log"}})
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    with Writers([first, second]) as writers:
        switch(env, first, "trigger")
        wait_until(lambda: "fed by trigger" in second.status()["applier"]["state"], 60, "the second proxy's complaint")
        through(second, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, first, rows_min=20)
    first.kill()
    through(second, "UPDATE t SET v = 1000 WHERE id = 2")
    time.sleep(2)
    assert env.new.run("SELECT COUNT(*) FROM app.t WHERE v = 1000") == ((0,),)
    first.start()
    assert_followed(env, first, rows_min=20)


def test_a_prepared_branch_is_waited_for(env):
    proxy = begin(env)
    for to in ("trigger", "log"):
        with prepared_branch(env, to), Switching(env, proxy, to) as switching:
            switching.waits()
            through(proxy, "INSERT INTO counts VALUES (7, 1) ON DUPLICATE KEY UPDATE n = n + 1")
            assert kind(proxy) != to, proxy.status()["feed"]
            env.old.run("XA COMMIT '%s'" % to)
        assert switching.done == [True] and kind(proxy) == to, proxy.status()["feed"]
    assert_followed(env, proxy, rows_min=5)


def test_a_prepared_branch_that_stays_prevents_it(env):
    proxy = begin(env)
    with prepared_branch(env, "stays"):
        told = switch(env, proxy, "trigger", wanted=1)
        assert "the feed stays as it is" in told and "transaction" in told, told
        assert kind(proxy) == "log" and anchor(env)[1] is None, proxy.status()["feed"]
        through(proxy, "INSERT INTO counts VALUES (7, 1)")
        env.old.run("XA COMMIT 'stays'")
    assert_followed(env, proxy, rows_min=5)
    wait_until(lambda: triggers_left(env) == 0, 30, "no trigger of what was given up")


def changed_past_the_proxy(env, proxy, to):
    """Schema changes that only a log tells. Each table is equal in the end, or said to have stopped."""
    stop, made = threading.Event(), []

    def alter():
        while not stop.is_set():
            n = len(made)
            made.append("past%d" % n)
            env.old.run("ALTER TABLE side ADD COLUMN c%d INT DEFAULT %d" % (n, n), "INSERT INTO side (v) VALUES (%d)" % n,
                        "CREATE TABLE past%d (id INT PRIMARY KEY)" % n, "INSERT INTO past%d VALUES (%d)" % (n, n), database="app")
            time.sleep(0.3)

    thread = threading.Thread(target=alter)
    with Writers([proxy]) as writers:
        writers.go_on()
        thread.start()
        try:
            done = switched(env, proxy, to)
        finally:
            stop.set()
            thread.join(60)
        writers.go_on()
    assert not writers.failed, writers.failed
    named = eventually(lambda: equal_or_named(env, proxy, "side", *made))
    assert not any(equal_or_named(env, proxy, "t", "parent", "child", "counts").values()), stopped(proxy)
    return done, any(named.values())


def test_schema_changes_past_the_proxy_on_the_way_to_triggers(env):
    proxy = begin(env, tables=["CREATE TABLE side (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"])
    done, named = changed_past_the_proxy(env, proxy, "trigger")
    # What is refused leaves the log, which tells everything.
    assert done == (kind(proxy) == "trigger") and (done or not named), (done, named, stopped(proxy))


def test_schema_changes_past_the_proxy_on_the_way_to_the_log(env):
    proxy = begin(env, tables=["CREATE TABLE side (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"])
    switch(env, proxy, "trigger")
    done, _ = changed_past_the_proxy(env, proxy, "log")
    assert done == (kind(proxy) == "log"), proxy.status()["feed"]


def test_what_no_trigger_told_of_just_before_the_log_takes_over_is_not_lost(env):
    """Emptied past the proxy: the log begins behind it, so the table has to stop before."""
    proxy = begin(env, tables=["CREATE TABLE side (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "INSERT INTO side (v) VALUES (1), (2)"])
    switch(env, proxy, "trigger")
    assert_followed(env, proxy, rows_min=3)
    env.old.run("TRUNCATE TABLE side", "INSERT INTO side (v) VALUES (7)", database="app")
    told = switch(env, proxy, "log", wanted=1)
    assert "side" in told or "looked at" in told, told
    wait_until(lambda: is_stopped(proxy, "side"), 60, "the table that stops")
    assert kind(proxy) == "trigger", proxy.status()["feed"]
    assert set(stopped(proxy)) == {"app.side"}, stopped(proxy)


def test_what_is_refused_says_what_to_do(env):
    proxy = begin(env)
    assert "already" in switch(env, proxy, "log", wanted=1)
    env.new.run("DELETE FROM t WHERE id = 1", database="app")
    through(proxy, "UPDATE t SET v = 5 WHERE id = 1")
    wait_until(lambda: is_stopped(proxy, "t"), 60, "a table that stops")
    assert "app.t is stopped" in switch(env, proxy, "trigger", wanted=1)
    released(proxy, "app.t", "--overwrite")
    wait_until(lambda: not is_stopped(proxy, "t"), 30, "the table that follows again")
    through(proxy, "CREATE TABLE keyless (a INT)")
    assert "app.keyless" in switch(env, proxy, "trigger", wanted=1)
    assert kind(proxy) == "log" and anchor(env)[1] is None, proxy.status()["feed"]
    wait_until(lambda: triggers_left(env) == 0, 30, "no trigger of what was given up")
    through(proxy, "DROP TABLE keyless")
    proxy.set_flags(dual_write={"enabled": False})
    wait_until(lambda: "paused" in proxy.status()["applier"]["state"], 60, "a pause")
    assert "dual_write is off" in switch(env, proxy, "trigger", wanted=1)


def test_an_open_transaction_is_waited_for_and_then_it_stays(env):
    proxy = begin(env)
    switch(env, proxy, "trigger")
    holder = env.old.connect(database="app", autocommit=False)
    execute(holder, "UPDATE t SET v = 50 WHERE id = 1")
    told = switch(env, proxy, "log", wanted=1)
    assert "transaction is open" in told and kind(proxy) == "trigger", told
    holder.commit()
    holder.close()
    assert_followed(env, proxy, rows_min=3)
    switch(env, proxy, "log")
    assert_followed(env, proxy, rows_min=3)


def test_a_configuration_that_names_a_feed(env):
    proxy = start(env, T, SEED, feed="log")
    env.needs_proxy()
    wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    assert "set auto" in switch(env, proxy, "trigger", wanted=1)
