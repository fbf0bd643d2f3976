"""A change of feed goes on when the proxy, or the follower, ends in the middle of it."""

import contextlib
import random
import time

from feed_switch import Switching, Writers, anchor, begin, kind, switch, switched
from harness import BOTH_ROLES
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
