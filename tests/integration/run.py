"""Runs the integration tests: every function test_* of every test_*.py here, over one pair of servers, in the roles
that each asks for (harness.both_roles), or all of them in the roles given.

    /usr/bin/python3 tests/integration/run.py [--binary build/release/crossfade] [--only SUBSTRING] [--list] [--direct]
        [--roles mariadb-mysql|mysql-mariadb|both]
"""

import argparse
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import harness  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from progress import say  # noqa: E402
from servers import Servers  # noqa: E402


def discover(asked):
    """(name, roles, function), by roles, so that each is passed once."""
    found = []
    for file in sorted(os.listdir(HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            for name, function in vars(module).items():
                if name.startswith("test_") and callable(function) and function.__module__ == module.__name__:
                    own = getattr(function, "roles", getattr(module, "ROLES", harness.DEFAULT_ROLES))
                    for roles in asked or own:
                        found.append(("%s.%s%s" % (file[5:-3], name[5:], "" if roles == harness.MARIADB_OLD else "@" + roles),
                                      roles, function))
    return sorted(found, key=lambda test: harness.BOTH_ROLES.index(test[1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--only", default="", help="only tests whose name has this; several with commas")
    parser.add_argument("--direct", action="store_true", help="no proxy: checks the tests themselves against `old`")
    parser.add_argument("--roles", choices=harness.BOTH_ROLES + ("both",), help="old-new; default: as each test asks")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    asked = harness.BOTH_ROLES if options.roles == "both" else (options.roles,) if options.roles else None
    tests = [test for test in discover(asked) if any(part in test[0] for part in options.only.split(","))]
    if options.list:
        print("\n".join(name for name, *_ in tests))
        return 0
    if options.direct:
        options.binary = None
    elif not os.access(options.binary, os.X_OK):
        print("no proxy at %s: run scripts/build\n0 passed, 1 failed" % options.binary)
        return 1
    directory = throwaway_directory()
    say("starting servers")
    servers = Servers(os.path.join(directory, "servers"))
    say("%s on %d, %s on %d" % (servers.old.kind, servers.old.port, servers.new.kind, servers.new.port))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures, unsteady = [], []
    for number, (name, roles, function) in enumerate(tests, 1):
        if roles == harness.MYSQL_OLD and not servers.has_mysql:
            print("skip %s: MySQL 9 cannot be had here" % name)
            counts["skipped"] += 1
            continue
        # On a busy machine a deadline may pass. A second run tells that from a fault; data that differ or a proxy
        # that died get none, and what needed one is named at the end.
        for attempt in (name, name + "-again"):
            try:
                env = harness.Env(servers.in_roles(roles), options.binary, directory, attempt.replace(".", "-"))
            except Exception as error:
                print("FAIL %s: the servers are not usable: %s" % (name, error))
                result = "failed"
                break
            result = harness.run_one(attempt, function, env)
            if result == "passed" and attempt != name:
                unsteady.append(name)
            if result not in ("failed", "ruined"):
                break
        result = result if result in counts else "failed"
        counts[result] += 1
        if result == "failed":
            failures.append(name)
        if number % 10 == 0:
            say("%d of %d" % (number, len(tests)))
    if unsteady:
        say("passed at the second run only: " + ", ".join(unsteady))
    if failures:
        say("failed: " + ", ".join(failures))
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]) +
          (", %d skipped" % counts["skipped"] if counts["skipped"] else ""))
    return 1 if counts["failed"] or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
