"""Runs the integration tests: every function test_* of every test_*.py here, each with a pair of servers, in the roles
and under the feeds that it asks for (harness.roles, harness.feeds), or all of them in those given.

    /usr/bin/python3 tests/integration/run.py [--binary build/release/crossfade] [--only SUBSTRING] [--list] [--direct]
        [--roles mariadb-mysql|mysql-mariadb|both] [--feed log|trigger] [--crossed] [--jobs 2]

With --jobs, so many processes run tests side by side, each with a pair of servers of its own; what a test says is
printed in one piece, when it ends.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import harness  # noqa: E402
from discovery import chosen  # noqa: E402
from machine import ROOT  # noqa: E402
from progress import say  # noqa: E402
from side_by_side import InThisProcess, SideBySide, work_for_a_parent  # noqa: E402

MOST = 12


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--only", default="", help="only tests whose name has this; several with commas")
    parser.add_argument("--direct", action="store_true", help="no proxy: checks the tests themselves against `old`")
    parser.add_argument("--roles", choices=harness.BOTH_ROLES + ("both",), help="old-new; default: as each test asks")
    parser.add_argument("--feed", choices=harness.LEADERS, help="default: as each test asks")
    parser.add_argument("--crossed", action="store_true", help="in each role and under each feed, not in each role under each")
    parser.add_argument("--jobs", type=int, default=1, help="pairs of servers used side by side")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)  # the number of this process under a parent
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.binary = None if options.direct else os.path.abspath(options.binary)
    return options


class Tally:
    """Counts verdicts. What passes at a second run only is flaky, and flaky is failed: the second run tells a fault
    from a machine that was busy, it does not excuse either."""

    def __init__(self, total):
        self.total, self.done = total, 0
        self.passed, self.failed, self.flaky, self.skipped = 0, [], [], 0
        self.cpu = {}

    def add(self, outcome):
        self.done += 1
        self.cpu[outcome.name] = outcome.cpu
        if outcome.verdict == "passed":
            self.passed += 1
        elif outcome.verdict == "skipped":
            self.skipped += 1
        else:
            self.failed.append(outcome.name)
            if outcome.verdict == "flaky":
                self.flaky.append(outcome.name)
        if self.done % 10 == 0:
            say("%d of %d" % (self.done, self.total))

    def finish(self):
        """Prints the sum, and which tests take most of a machine; the exit code."""
        most = sorted(self.cpu, key=self.cpu.get, reverse=True)[:MOST]
        say("%.0f s of CPU; most of it: %s" % (sum(self.cpu.values()),
                                               ", ".join("%s %.1f" % (name, self.cpu[name]) for name in most)))
        if self.flaky:
            say("flaky, passed at the second run only: " + ", ".join(self.flaky))
        if self.failed:
            say("failed: " + ", ".join(self.failed))
        print("%d passed, %d failed" % (self.passed, len(self.failed)) +
              (", %d skipped" % self.skipped if self.skipped else ""))
        return 1 if self.failed or not self.total else 0


def main():
    options = arguments()
    tests = chosen(options)
    if options.list:
        print("\n".join(test.name for test in tests))
        return 0
    if options.binary and not os.access(options.binary, os.X_OK):
        print("no proxy at %s: run scripts/build\n0 passed, 1 failed" % options.binary)
        return 1
    if options.worker is not None:
        return work_for_a_parent(options, tests)
    tally = Tally(len(tests))
    runner = SideBySide(options) if options.jobs > 1 else InThisProcess(options)
    for outcome in runner.outcomes(tests):
        tally.add(outcome)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
