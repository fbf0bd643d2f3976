"""MariaDB's own regression tests, run directly and through the proxy: what they record must be the same.

Each test of tests.txt runs in the protocols named there (text, ps, cursor, view) against a leading server directly, and
again through the proxy with both backends, from the same state. The two transcripts (all results, metadata, warnings and
errors) are compared after ports and folders were made equal (verdict.py).

Two modes. "plain": `dual_write` is off. "dual": all that a test does is duplicated on the other make, from the leader's row
log or by triggers (`--feed`): beside the same transcripts every row that was changed is looked at on the other side, nothing
may have stopped but what dual.txt lists, and at the end both databases must be equal but for that. The tables of new tests
are InnoDB's there, and the DROPs at the end of a test are left out; for triggers tables get keys that no statement sees.

    /usr/bin/python3 tests/integration/mysqltest/run.py [--binary build/release/crossfade] [--all] [--mode plain|dual|both]
        [--feed log|trigger] [--leader mariadb|mysql|both] [--only SUBSTRING,...] [--keep DIRECTORY] [--protocol text,ps] [--minutes 30] [--try]
"""

import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import harness  # noqa: E402
import stops  # noqa: E402
from leader import MARIADB_OPTIONS, MYSQL_OPTIONS, Leader  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from package import PROTOCOLS, Package, check_groups, keys_self_test, read_list  # noqa: E402
from progress import say  # noqa: E402
from servers import Servers  # noqa: E402
from stops import FEEDS, Dual  # noqa: E402
from verdict import Exceptions, Run, Test, comparable, end_of, judge, last, self_test, without_plans  # noqa: E402

MODES = ("plain", "dual")  # under feed trigger the second only


class Tally:
    """The verdicts so far, printed as they come: `[3 of 341] ok ...`."""

    WORDS = {"same": "ok", "different": "FAIL", "broken": "FAIL", "skipped": "skip", "unsteady": "skip", "explained": "skip"}

    def __init__(self, total):
        self.total, self.done = total, 0
        self.counts, self.failed, self.second, self.with_stops = {}, [], [], 0

    def add(self, label, kind, why, seconds):
        self.done += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        word = self.WORDS[kind]
        if word == "FAIL":
            self.failed.append(label)
        print("[%d of %d] %-4s %s (%.1f s)%s" % (self.done, self.total, word, label, seconds, ": " + why if why else ""), flush=True)

    def absent(self, what):
        """A whole part that cannot run here."""
        self.counts["absent"] = self.counts.get("absent", 0) + 1
        print("skip " + what, flush=True)

    def finish(self, stale, left):
        """Prints the sum; the exit code."""
        passed = self.counts.get("same", 0)
        skipped = sum(self.counts.get(kind, 0) for kind in ("skipped", "unsteady", "explained", "absent"))
        say(", ".join("%d %s" % (count, kind) for kind, count in sorted(self.counts.items())))
        if self.with_stops:
            say("%d of them with tables or other things that stopped as listed" % self.with_stops)
        if self.second:
            say("the same in a later round only: " + ", ".join(self.second))
        for key in stale:
            print("FAIL the exception of %s is stale: the test is the same through the proxy" % key)
        if left:
            print("FAIL out of time: %d tests were not run" % left)
        if self.failed:
            say("failed: " + ", ".join(self.failed))
        failed = len(self.failed) + len(stale) + (1 if left else 0)
        print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
        return 1 if failed or not passed else 0


def one_run(package, leader, test, way, directory, listed):
    """Runs a test `direct` or through the `proxy`, from the state that all runs start from."""
    port = leader.proxy.port if way == "proxy" else leader.server.port
    # Where the tables of new tests are of another engine, or have a key, statements fail that do not otherwise.
    goes_on = leader.kind == "mysql" or test.mode == "dual"
    leader.reset(way)
    record = os.path.join(directory, "%s.%s" % ("-".join(test), way))
    if os.path.exists(record):
        os.remove(record)
    log_begins = os.path.getsize(leader.proxy.log_file) if os.path.exists(leader.proxy.log_file) else 0
    code, said = package.run(test, way, port, leader.server.directory, record, goes_on, leader.feed)
    warnings, beside, stopped = [], [], ""
    if leader.proxy.running() or way == "proxy":
        leader.proxy.died()
        with open(leader.proxy.log_file, errors="replace") as log:
            log.seek(log_begins)
            warnings = [line.strip() for line in log if "level=warn" in line or "level=error" in line]
    if test.mode == "dual" and way == "proxy":
        beside, stopped = leader.followed(listed)
    text = ""
    if os.path.exists(record):
        with open(record, "rb") as lines:
            text = lines.read().decode("latin1")
    ports = (leader.server.port, leader.proxy.port)
    said = last(" ".join(comparable(said, ports, package.var)), 400)
    lines = comparable(text, ports, package.var)
    if test.mode == "dual":
        lines = without_plans(lines) + beside
    return Run(end_of(code, goes_on), "\n".join([said] + warnings[:20]), lines, stopped)


def run_tests(package, leader, tests, exceptions, dual, directory, tally, deadline):
    """The number of tests for which there was no time."""
    for number, test in enumerate(tests):
        if time.monotonic() > deadline:
            return len(tests) - number
        started = time.monotonic()
        leader.set_mode(test.mode)
        listed = dual.of(test.name, test.leader, leader.feed)
        label = "%s %s %s%s" % (test.leader, test.name, test.protocol, "" if test.mode == "plain" else " dual " + leader.feed)
        stopped = []

        def once(way, test=test, listed=listed, stopped=stopped):
            run = one_run(package, leader, test, way, directory, listed)
            stopped[:] = [run.stopped] if run.stopped else []
            return run
        verdict = judge(once, leader.kind == "mariadb" and test.mode == "plain")
        kind, why = verdict.kind, verdict.why
        reason, unexplained = exceptions.explain(test, verdict)
        if reason:
            kind, why = "explained", reason
        elif unexplained:
            why = unexplained + "\n" + why
        if verdict.again:
            tally.second.append(label)
        if stopped and kind == "same":
            why = "stopped as listed: %s %s" % (stopped[0], why)
            tally.with_stops += 1
        tally.add(label, kind, ("\n" if kind == "different" else "") + why, time.monotonic() - started)
    return 0


def chosen(listed, kind, options, dual):
    """The tests to run: MySQL's part of the list is what is marked for it, as text but for the ps_ tests; with `--all`
    every test but those marked for MariaDB runs as far as it goes. In the mode "dual" all runs of which dual.txt does not say
    that it does not, and without `--all` of that only what is marked for it in the list."""
    wanted = []
    for mode in MODES:
        for name, words in listed:
            if mode == "dual":
                fits_make = kind == "mariadb" or "mariadb" not in words
                takes_part = fits_make and (options.attempt or dual.of(name, kind, options.feed).verb == "stops")
                quick = ("dual" if kind == "mariadb" else "dual-mysql") if options.feed == "log" else "trigger" if kind == "mariadb" else None
                takes_part = takes_part and (options.all or options.only != "" or quick in words)
            else:
                fits_make = kind == "mariadb" or (options.all and "mariadb" not in words) or "mysql" in words
                takes_part = fits_make and (options.all or "quick" in words)
            if not takes_part or options.mode not in (mode, "both"):
                continue
            for protocol in words:
                fits = protocol in PROTOCOLS and (kind == "mariadb" or protocol == "text" or name.startswith("main.ps_"))
                if fits and (not options.protocol or protocol in options.protocol.split(",")):
                    wanted.append(Test(name, protocol, mode, kind))
    return wanted


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--all", action="store_true", help="every test of the list; default: those marked quick")
    parser.add_argument("--try", dest="attempt", action="store_true", help="in the mode dual every test, to find those to be marked")
    parser.add_argument("--leader", choices=("mariadb", "mysql", "both"), default="both")
    parser.add_argument("--mode", choices=MODES + ("both",), default="both")
    parser.add_argument("--feed", choices=FEEDS, default="log", help="of the mode dual; trigger: of that mode only")
    parser.add_argument("--only", default="", help="tests whose name has this; several with commas")
    parser.add_argument("--protocol", default="", help="only these protocols")
    parser.add_argument("--list", default=os.path.join(HERE, "tests.txt"))
    parser.add_argument("--keep", help="folder that keeps the transcripts")
    parser.add_argument("--minutes", type=float, help="what is not run by then counts as a failure; default: 30, or 120 with --all")
    options = parser.parse_args()
    if options.feed == "trigger":
        options.mode = "dual"
    self_test()
    stops.self_test()
    keys_self_test()
    deadline = time.monotonic() + 60 * (options.minutes or (120 if options.all else 30))
    directory = throwaway_directory()
    check_groups(directory)
    package = Package(directory)
    if not package.path:
        print("skip mysqltest: scripts/mariadb-test install did not get the package\n0 passed, 0 failed, 1 skipped")
        return 0
    listed = read_list(options.list)
    with open(os.path.join(HERE, "exceptions.txt")) as lines:
        exceptions = Exceptions(lines, {name for name, _ in listed})
    with open(os.path.join(HERE, "dual.txt")) as lines:
        dual = Dual(lines, {name for name, _ in listed})
    accounts = package.accounts(name for name, _ in listed)
    listed = [(name, words) for name, words in listed if any(part in name for part in options.only.split(","))]
    say("starting servers")
    servers = Servers(os.path.join(directory, "servers"), MARIADB_OPTIONS, MYSQL_OPTIONS)
    servers.use_feed(options.feed)
    kept = options.keep or os.path.join(directory, "transcripts")
    os.makedirs(kept, exist_ok=True)
    plan = {}
    for roles in harness.BOTH_ROLES:
        kind = roles.split("-")[0]
        if options.leader in (kind, "both") and (kind == "mariadb" or servers.has_mysql):
            plan[roles] = chosen(listed, kind, options, dual)
    tally, left = Tally(sum(map(len, plan.values()))), 0
    if not servers.has_mysql and options.leader != "mariadb":
        tally.absent("MySQL 9 as the leader: it cannot be had here")
    for roles, tests in plan.items():
        say("%d runs with %s as the leader" % (len(tests), roles.split("-")[0]))
        leader = Leader(servers, roles, os.path.abspath(options.binary), directory, accounts, options.feed)
        left += run_tests(package, leader, tests, exceptions, dual, kept, tally, deadline)
        leader.kill()
    return tally.finish(exceptions.stale(), left)


if __name__ == "__main__":
    sys.exit(main())
