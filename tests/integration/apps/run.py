"""Real applications through the proxy, under feed `log`: installed, used by several visitors at once; nothing is refused,
and both databases end up equal. Each runs with either make leading.

    /usr/bin/python3 tests/integration/apps/run.py [--binary build/release/crossfade] [--only wordpress] [--scale 6] [--direct]
        [--roles mariadb-mysql|mysql-mariadb|both]
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
from log_feed import assert_followed  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from progress import say  # noqa: E402
from servers import Servers  # noqa: E402

APPS = {"wordpress": wordpress, "mediawiki": mediawiki}


def run_app(env, name, root, scale):
    app = APPS[name]
    folder = os.path.join(env.directory, env.name)
    os.makedirs(folder)
    proxy = env.proxy(flags={"read_from_new": {"percent": 30}, "shadow_read": {"percent": 20}} if env.binary else None)
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
    assert_followed(env, proxy, rows_min)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=int, default=6, help="posts or pages of each visitor")
    parser.add_argument("--direct", action="store_true", help="no proxy: checks the programs themselves against `old`")
    parser.add_argument("--roles", choices=harness.BOTH_ROLES + ("both",), default="both")
    options = parser.parse_args()
    found = subprocess.run([os.path.join(ROOT, "scripts", "apps"), "path"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        print("skip apps: scripts/apps install did not get them\n0 passed, 0 failed, 1 skipped")
        return 0
    directory = throwaway_directory()
    servers = Servers(os.path.join(directory, "servers"))
    servers.use_feed("log")
    results = []
    for roles in harness.BOTH_ROLES if options.roles == "both" else (options.roles,):
        for name in APPS:
            if options.only not in name:
                continue
            env = harness.Env(servers.in_roles(roles), None if options.direct else os.path.abspath(options.binary), directory,
                              "%s-%s" % (name, roles), "log")
            results.append(harness.run_one("apps.%s@%s" % (name, roles),
                                           lambda e, n=name: run_app(e, n, found.stdout.strip(), options.scale), env))
    passed, skipped = results.count("passed"), results.count("skipped")
    print("%d passed, %d failed, %d skipped" % (passed, len(results) - passed - skipped, skipped))
    return 0 if passed and passed + skipped == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
