"""Concurrent clients on hot rows while the proxy and both backends are killed with SIGKILL at random moments. After
recovery both databases must be equal row by row and agree with the clients' books.

    /usr/bin/python3 tests/integration/chaos.py [--binary FILE] [--mode log,trigger,...] [--seed N] [--seeds 1] [--kills 22]
        [--roles both]

With each make leading (chaos_log.py):
log, trigger (the same under feed `trigger`): proxy, `new` and `old` are killed and their connections cut, while clients write with statements of every kind, half of
them under READ COMMITTED; once for each of --seeds. skip, twice, early: no kills, but one event in 1000 is left out, applied
twice, or called applied before it is: proves that these checks see that.

delay: proxy, `new` and `old` are killed, with the follower behind a relay that delays its COMMITs. direct, direct_mixed: no
proxy; checks the clients and their books themselves.
"""

import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chaos_log  # noqa: E402
import harness  # noqa: E402
import workload  # noqa: E402
from comparing import compare_databases  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from progress import say  # noqa: E402
from servers import Servers  # noqa: E402

ATTEMPTS = 3
OPTIONS = ["--local-infile=1"]  # which MySQL comes without
FLAGS = {"read_from_new": {"percent": 30}, "shadow_read": {"percent": 10}}


def kill_plan(kills, rng):
    """Out of ten kills five to six hit the proxy, the rest one of the databases."""
    old = new = max(1, kills * 5 // 22)
    plan = ["old"] * old + ["new"] * new + ["proxy"] * (kills - old - new)
    rng.shuffle(plan)
    return plan


def attack(env, proxy, plan, rng):
    for number, victim in enumerate(plan, 1):
        time.sleep(rng.uniform(0.3, 2.5))
        env.servers.assert_alive()
        say("kill %d of %d: %s" % (number, len(plan), victim))
        if victim == "proxy":
            proxy.kill()
            time.sleep(rng.uniform(0, 0.3))
            proxy.start(ready=False)
        else:
            database = env.old if victim == "old" else env.new
            database.kill()
            time.sleep(rng.uniform(0, 1.5))
            database.restart()


def finish(env, proxy, clients):
    """Lets everything come back, and returns what is wrong then."""
    time.sleep(1.0)
    workload.stop_clients(clients)
    say("clients stopped: %s" % workload.totals(clients))
    env.servers.assert_alive()
    proxy.caught_up(120)
    complaints = []
    for name, database in (("old", env.old), ("new", env.new)):
        complaints += ["%s: %s" % (name, text) for text in workload.check_books(clients, database)]
    differences, rows = compare_databases(env.old, env.new, ["app"])
    say("compared %d rows: %d differences" % (rows, len(differences)))
    return complaints + differences


def test_delay(env, options):
    rng = random.Random(options.seed)
    env.tables(*workload.TABLES)
    port = env.relay(env.new, seed=options.seed, commit_delay=(0.05, 0.2)).port
    proxy = env.proxy(flags=FLAGS, new_port=port)
    clients = workload.start_clients(proxy, 8, options.seed, 0.02)
    try:
        attack(env, proxy, kill_plan(options.kills, rng), rng)
        problems = finish(env, proxy, clients)
    finally:
        workload.tell_to_stop(clients)
    done = workload.totals(clients)["acknowledged"]
    assert done > 200, "hardly anything was written: %d" % done
    assert not problems, "after the kills:\n" + "\n".join(problems)


def test_direct(env, options):
    """The clients against `old` alone, which is killed: their books must be right."""
    rng = random.Random(options.seed)
    env.tables(*workload.TABLES)
    clients = workload.start_clients(env.proxy(), 8, options.seed)
    for _ in range(4):
        time.sleep(rng.uniform(0.5, 2))
        env.old.kill()
        env.old.restart()
    time.sleep(1)
    workload.stop_clients(clients)
    say("clients stopped: %s" % workload.totals(clients))
    problems = workload.check_books(clients, env.old)
    assert not problems, "\n".join(problems)
    env.old.run("DELETE FROM app.markers WHERE id = (SELECT MAX(id) FROM (SELECT id FROM app.markers) m)")
    assert workload.check_books(clients, env.old), "a lost row went unnoticed"


def test_log(env, options):
    chaos_log.run_log(env, options, options.seed)


def test_trigger(env, options):
    chaos_log.run_log(env, options, options.seed)


def test_skip(env, options):
    chaos_log.must_be_noticed(env, options.seed, "skip")


def test_twice(env, options):
    chaos_log.must_be_noticed(env, options.seed, "twice")


def test_early(env, options):
    chaos_log.run_early(env, options.seed)


def test_direct_mixed(env, options):
    """The clients of mode log against `old` alone, without kills: most of what they send must be taken."""
    chaos_log.run_direct(env, options.seed)


def runs_of(options):
    """(mode, feed, roles, seed) of everything to run."""
    runs = []
    for mode in options.mode.split(","):
        roles = harness.BOTH_ROLES if options.roles == "both" else (options.roles,)
        feed = "trigger" if mode == "trigger" else options.feed
        for number in range(options.seeds if mode in ("log", "trigger") else 1):
            runs += [(mode, feed, name, options.seed + number) for name in roles]
    return runs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--mode", default="log,skip,twice,early,delay")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--seeds", type=int, default=1, help="of mode log, from --seed on")
    parser.add_argument("--kills", type=int, default=22)
    parser.add_argument("--feed", choices=harness.ALL_FEEDS, default="log", help="of modes delay, skip, twice and early")
    parser.add_argument("--roles", choices=harness.BOTH_ROLES + ("both",), default="both")
    options = parser.parse_args()
    if options.mode.startswith("direct"):
        options.binary = None
    elif not os.access(options.binary, os.X_OK):
        print("no proxy at %s: run scripts/build\n0 passed, 1 failed" % options.binary)
        return 1
    directory = throwaway_directory()
    say("chaos: modes %s, seed %d" % (options.mode, options.seed))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    servers = Servers(os.path.join(directory, "servers"), OPTIONS, OPTIONS)
    for number, run in enumerate(runs_of(options)):
        result, servers = one_run(number, run, options, servers, directory)
        counts[result if result in counts else "failed"] += 1
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


def one_run(number, run, options, servers, directory):
    """The verdict, and the servers to go on with. Once in about thirty runs a MariaDB 10.11 that was killed and came back
    dies of its own purge (an assertion of trx0purge.cc) or finds its undo log corrupted. Such a run tells nothing of the
    proxy: again, on new servers."""
    mode, feed, roles, options.seed = run
    for attempt in range(1, ATTEMPTS + 1):
        say("mode %s, %s" % (mode, roles))
        name = "chaos-%s-%d-%d" % (mode, number, attempt)
        servers.use_feed(feed)
        env = harness.Env(servers.in_roles(roles), options.binary, directory, name, feed)
        label = "chaos.%s@%s%s (seed %d)" % (mode, roles, "+" + feed if feed not in ("log", mode) else "", options.seed)
        result = harness.run_one(label, lambda e: globals()["test_" + mode](e, options), env)
        if result != "ruined":
            break
        say("a server was ruined by a fault of its own, in run %d of at most %d" % (attempt, ATTEMPTS))
        servers.kill()
        servers = Servers(os.path.join(directory, "servers-after-" + name), OPTIONS, OPTIONS)
    return result, servers


if __name__ == "__main__":
    sys.exit(main())
