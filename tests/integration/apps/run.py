"""Real applications through the proxy, under either feed: installed, used by several visitors at once; nothing is refused,
and both databases end up equal. Each runs with either make leading.

    /usr/bin/python3 tests/integration/apps/run.py [--binary build/release/crossfade] [--only wordpress] [--scale 6] [--direct]
        [--roles mariadb-mysql|mysql-mariadb|both] [--feed log|trigger|both]
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import harness  # noqa: E402
import mediawiki  # noqa: E402
import wordpress  # noqa: E402
from browser import PhpServer  # noqa: E402
from comparing import compare_databases  # noqa: E402
from log_feed import assert_followed, stopped  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from progress import Timeout, say, wait_until  # noqa: E402
from servers import Servers  # noqa: E402

APPS = {"wordpress": wordpress, "mediawiki": mediawiki}


def run_app(env, name, root, scale):
    app = APPS[name]
    folder = os.path.join(env.directory, env.name)
    os.makedirs(folder)
    flags = {"read_from_new": {"percent": 30}, "shadow_read": {"percent": 20}}
    # What one process has written another reads at once, by another connection.
    strict = {"reads": {"consistency": "strict"}}
    proxy = env.proxy(strict, flags=flags) if env.binary else env.proxy()
    site, environment = app.prepare(root, folder, proxy.port)
    server = PhpServer(site, os.path.join(folder, "php.log"), environment)
    try:
        say("%s: installing" % name)
        app.install(server, site, folder, proxy.port)
        say("%s: in use" % name)
        rows_min = app.use(server, scale)
    except AssertionError as error:
        raise AssertionError("%s\n%s" % (error, server.log_tail())) from None
    finally:
        server.stop()
    if not env.binary:
        return
    refused = proxy.status()["counters"]["refused_statements"]
    assert refused == 0, "%d statements were refused; %s" % (refused, proxy.log_tail(20))
    without_triggers = stopped(proxy)
    if env.feed == "log" or not without_triggers:
        assert_followed(env, proxy, rows_min)
        return
    # What triggers cannot tell of says so from the start; all else must be there.
    assert all("no primary key" in why or "its engine is" in why for why in without_triggers.values()), without_triggers
    say("not followed: %s" % ", ".join(sorted(without_triggers)))
    arrived(proxy, env, without_triggers)


def arrived(proxy, env, without):
    def differences():
        found, _ = compare_databases(env.old, env.new, ["app"], differences_max=10000)
        return [each for each in found if not any(each.startswith(table + " ") for table in without)]
    try:
        wait_until(lambda: not proxy.died() and not differences(), 60, "all other rows on the follower")
    except Timeout:
        raise AssertionError("differences: %s" % "\n".join(differences()[:20])) from None
    assert set(stopped(proxy)) == set(without), stopped(proxy)


def runs_of(options):
    feeds = harness.ALL_FEEDS if options.feed == "both" else (options.feed,)
    roles = harness.BOTH_ROLES if options.roles == "both" else (options.roles,)
    return [(feed, each, name) for feed in feeds for each in roles for name in APPS if options.only in name]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=int, default=6, help="posts or pages of each visitor")
    parser.add_argument("--direct", action="store_true", help="no proxy: checks the programs themselves against `old`")
    parser.add_argument("--roles", choices=harness.BOTH_ROLES + ("both",), default="both")
    parser.add_argument("--feed", choices=harness.ALL_FEEDS + ("both",), default="log")
    options = parser.parse_args()
    found = subprocess.run([os.path.join(ROOT, "scripts", "apps"), "path"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        print("skip apps: scripts/apps install did not get them\n0 passed, 0 failed, 1 skipped")
        return 0
    directory = throwaway_directory()
    servers = Servers(os.path.join(directory, "servers"))
    results = []
    for feed, roles, name in runs_of(options):
        servers.use_feed(feed)
        env = harness.Env(servers.in_roles(roles), None if options.direct else os.path.abspath(options.binary), directory,
                          "%s-%s-%s" % (name, roles, feed), feed)
        results.append(harness.run_one("apps.%s@%s+%s" % (name, roles, feed),
                                       lambda e, n=name: run_app(e, n, found.stdout.strip(), options.scale), env))
    passed, skipped = results.count("passed"), results.count("skipped")
    print("%d passed, %d failed, %d skipped" % (passed, len(results) - passed - skipped, skipped))
    return 0 if passed and passed + skipped == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
