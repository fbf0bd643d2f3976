"""A change of feed goes on when the proxy, or the follower, ends in the middle of it."""

import contextlib
import random
import time

from feed_switch import Switching, Writers, anchor, begin, control_tables_left, kind, switch, switched
from harness import BOTH_ROLES, MYSQL_OLD, roles
from log_feed import assert_followed, through
from progress import wait_until

ROLES, FEEDS = BOTH_ROLES, ("either",)

FAULT = "CROSSFADE_TEST_FAULT"


def killed_at(env, step, to):
    """The process ends at this step of the change; the next one goes on from there."""
    proxy = begin(env, environment={FAULT: "die:%d" % step} if to == "trigger" else {})
    if to == "log":
        switch(env, proxy, "trigger")
        proxy.stop()
        proxy.environment = {FAULT: "die:%d" % step}
        proxy.start()
        wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 30, "the applier")
    with Writers([proxy], patient=True) as writers:
        writers.go_on()
        with contextlib.suppress(AssertionError):
            switch(env, proxy, to)
        wait_until(lambda: not proxy.running(), 60, "the end of the process at step %d" % step)
        at = anchor(env)
        env.old.run("UPDATE t SET v = v + 100", "INSERT INTO t (v) VALUES (%d)" % step, database="app")
        proxy.environment = {}
        proxy.start()
        if to == "log" and at[1] is None and at[0].startswith("changes."):
            switch(env, proxy, to)  # nothing had begun
        wait_until(lambda: kind(proxy) == to and anchor(env)[1] is None, 60, "the change's end: %s" % (at,))
        writers.go_on()
    assert_followed(env, proxy, rows_min=20)
    return at


def test_a_kill_on_the_way_to_triggers(env):
    """Triggers are to be made; sessions announce; the fence is there; the follower is over it; the anchor says so."""
    seen = []
    for step in (1, 2, 3, 4, 5):
        env.reset()
        seen.append(killed_at(env, step, "trigger")[1])
        for proxy in env.proxies:
            proxy.kill()
    assert seen == ["preparing", "announced", "fenced", "fenced", None], seen


def test_a_kill_on_the_way_to_the_log(env):
    seen = []
    for step in (1, 2, 3):
        env.reset()
        seen.append(killed_at(env, step, "log")[1])
        for proxy in env.proxies:
            proxy.kill()
    assert seen == ["fenced", "fenced", None], seen


def taken_over_at(env, step, to):
    """The same, and the next one stands by already; its clients notice nothing."""
    first = begin(env)
    if to == "log":
        switch(env, first, "trigger")
    first.stop()
    first.environment = {FAULT: "die:%d" % step}
    first.start()
    wait_until(lambda: first.status()["applier"]["state"] == "applying", 30, "the applier")
    second = env.proxy()
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    with Writers([second]) as writers:
        writers.go_on()
        assert not switched(env, first, to)
        wait_until(lambda: not first.running(), 60, "the end of the process at step %d" % step)
        through(second, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2")
        wait_until(lambda: second.status()["applier"]["state"] == "applying", 30, "the second proxy's applying")
        if to == "log" and anchor(env) and kind(second) == "trigger" and anchor(env)[1] is None:
            switch(env, second, to)  # nothing had begun
        wait_until(lambda: kind(second) == to and anchor(env)[1] is None, 60, "the change's end: %s" % (anchor(env),))
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, second, rows_min=20)


def test_a_stand_by_takes_over_on_the_way_to_triggers(env):
    for step in (1, 2, 3, 4, 5):
        env.reset()
        taken_over_at(env, step, "trigger")
        for proxy in env.proxies:
            proxy.kill()


def test_a_stand_by_takes_over_on_the_way_to_the_log(env):
    for step in (1, 2, 3):
        env.reset()
        taken_over_at(env, step, "log")
        for proxy in env.proxies:
            proxy.kill()


def test_the_follower_dies_while_the_feed_changes(env):
    proxy = begin(env)
    draw = random.Random(3)
    with Writers([proxy]) as writers:
        for to in ("trigger", "log") * 2:
            writers.go_on()
            with Switching(env, proxy, to):
                time.sleep(draw.random() * (3 if to == "trigger" else 0.4))
                env.new.kill()
                time.sleep(draw.random())
                env.new.restart()
            wait_until(lambda: kind(proxy) == to or switched(env, proxy, to), 90, "feed " + to)
    assert not writers.failed, writers.failed
    assert_followed(env, proxy, rows_min=20)


def test_a_stand_by_that_cannot_reach_the_follower_tells_of_its_schema_changes(env):
    first = begin(env, ["CREATE TABLE gone (id INT PRIMARY KEY)"])
    relay = env.relay(env.new)
    second = env.proxy(new_port=relay.port)
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    relay.to_client = 100  # a follower that is connected to, and says nothing
    relay.drop_all()
    with Writers([first, second]) as writers:
        switch(env, first, "trigger")
        through(second, "DROP TABLE gone", "CREATE VIEW shown AS SELECT id, v FROM t", "CREATE TABLE made (id INT PRIMARY KEY)",
                "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5", "UPDATE t SET extra = 7 WHERE id = 2", "INSERT INTO made VALUES (1)")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, first, rows_min=20)
    assert env.new.run("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME IN ('gone', 'shown')") == (("shown",),)


@roles(MYSQL_OLD)
def test_a_stand_by_that_missed_a_change_of_feed(env):
    """It was under triggers before, and is again: what it knew of them was of other ones."""
    first = begin(env)
    relay = env.relay(env.old)
    second = env.proxy(old_port=relay.port)
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    switch(env, first, "trigger")
    wait_until(lambda: kind(second) == "trigger", 60, "the second proxy's feed")
    through(second, "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5")
    relay.refuse = True
    relay.drop_all()
    switch(env, first, "log")
    wait_until(lambda: control_tables_left(env) == 0, 30, "no table of the triggers")
    through(first, "CREATE TABLE made (id INT PRIMARY KEY)", "ALTER TABLE child ADD COLUMN more INT")
    switch(env, first, "trigger")
    relay.refuse = False
    wait_until(lambda: "standing by" in second.status()["applier"]["state"], 60, "the second proxy's standing by")
    with Writers([first, second]) as writers:
        through(second, "ALTER TABLE t ADD COLUMN late INT DEFAULT 5", "UPDATE t SET late = 7 WHERE id = 2")
        through(second, "ALTER TABLE child DROP COLUMN more", "INSERT INTO made VALUES (1)")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, first, rows_min=20)


def test_what_cannot_begin_says_why(env):
    proxy = begin(env)
    env.new.kill()
    with Switching(env, proxy, "trigger"):
        wait_until(lambda: "nothing is applied now" in proxy.status()["feed"]["change"], 30, "the reason: %s" % proxy.status()["feed"])
        env.new.restart()
    assert kind(proxy) == "trigger"
    through(proxy, "UPDATE t SET v = 1000 WHERE id = 2")
    assert_followed(env, proxy, rows_min=3)


def test_the_follower_is_away_while_the_feed_changes(env):
    proxy = begin(env)
    with Writers([proxy]) as writers:
        writers.go_on()
        env.new.kill()
        writers.go_on()
        env.new.restart()
        wait_until(lambda: proxy.status()["applier"]["state"] == "applying", 60, "the applier")
        switch(env, proxy, "trigger")
        writers.go_on()
    assert not writers.failed, writers.failed
    assert_followed(env, proxy, rows_min=20)
