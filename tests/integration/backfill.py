"""What the tests of `crossfade backfill` share."""

import json
import random
import subprocess
import time
import urllib.request

import backfill_writers
from progress import Timeout, say, wait_until


def backfill(proxy, *arguments, timeout=60):
    """Exit code and what was said."""
    try:
        done = subprocess.run([proxy.binary, "backfill", *arguments, "--config", proxy.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Timeout("the command hangs: %s; %s" % (proxy.get("/jobs/backfill"), proxy.status()["feed"])) from None
    return done.returncode, done.stdout


def copies(proxy, *arguments, timeout=60):
    """A copy that is to succeed; what was said."""
    code, said = backfill(proxy, "start", *arguments, timeout=timeout)
    assert code == 0, said
    return said


def refused(proxy, *arguments, why):
    code, said = backfill(proxy, "start", *arguments)
    assert code == 1 and why in said, (code, said)
    return said


def job(proxy):
    return json.loads(proxy.get("/jobs/backfill"))


def state_of(proxy, table):
    for each in job(proxy).get("tables", []):
        if each["table"] == "app." + table:
            return each
    return {"state": "none"}


def over(proxy, deadline=180):
    """The job, once it is over."""
    def look():
        proxy.died()
        status = job(proxy)
        return status if status["state"] in ("done", "failed", "cancelled") else None
    return wait_until(look, deadline, "the end of the copy: %s" % proxy.get("/jobs/backfill"), 0.1)


def copy_under_attack(env, seed, kills, victims=("proxy", "new", "old")):
    """Rows on `old` alone are copied under writers of every kind, while servers and proxies are killed. Everything is equal in
    the end."""
    draw = random.Random(seed)
    env.tables(*backfill_writers.TABLES)
    backfill_writers.seed_rows(env.old, seed)
    proxy = env.proxy()
    writers = backfill_writers.start_writers(env, proxy, seed)
    try:
        time.sleep(0.3)
        # Small chunks: many places at which something may be cut off.
        code, said = backfill(proxy, "start", "--replace", "--detach", "--chunk-time", "20ms", "--parallel", "3",
                              "--max-rows-per-second", "4000", "--max-lag", "10s")
        assert code == 0, said
        for number in range(kills):
            time.sleep(draw.uniform(0.1, 1.0))
            victim = draw.choice(victims)
            say("kill %d of %d: %s (%s)" % (number + 1, kills, victim, said_of(proxy)))
            if victim == "proxy":
                proxy.kill()
                time.sleep(draw.uniform(0, 0.3))
                proxy.start(ready=False)
            else:
                database = getattr(env, victim)
                database.kill()
                time.sleep(draw.uniform(0, 0.5))
                database.restart()
        status = over(proxy)
        assert status["state"] == "done", status
        time.sleep(0.5)
    finally:
        written = backfill_writers.stop_writers(writers)
    say("%d transactions were written, %d rows copied" % (written, status["rows"]))
    assert written > 50, written
    env.assert_equal(proxy, rows_min=1000)
    assert proxy.status()["applier"]["parked"] == [], proxy.status()["applier"]
    # Rows that were missing before the copy began are in the ledger, until it has looked again.
    wait_until(lambda: proxy.status()["applier"]["ledger_open"] == 0, 30, "the closed ledger: %s" % proxy.status()["applier"])
    return proxy


def said_of(proxy):
    try:
        status = job(proxy)
        return "%s, %d rows" % (status["state"], status.get("rows", 0))
    except (OSError, urllib.request.HTTPError):
        return "not there"
