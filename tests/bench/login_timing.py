"""Does the time of a refused login tell whether the user exists? Logs in with a wrong password as a user that is known and as
one that is not, in random order, and compares the times from the login request to the server's error.

    /usr/bin/python3 tests/bench/login_timing.py [--binary build/release/crossfade] [--logins 2000] [--only SUBSTRING] [--seed 1]

A line per way of logging in: medians in microseconds, their difference, the share of pairs in which the known user took longer
(0.500: a coin), and the two-sided p of the Mann-Whitney rank test. With `--logins 2000` the test sees differences of a share of
0.52. `server` lines measure the same against the leader itself. Where MySQL leads, its own decoys for unknown users differ by name (40 us)
and an account that exists takes longer (1.2 ms). Not a test: a busy machine moves the numbers.
"""

import argparse
import math
import os
import random
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import harness  # noqa: E402
import test_tls  # noqa: E402
import wire  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from servers import APP, APP_PASSWORD, Servers  # noqa: E402

KNOWN, UNKNOWN, LISTED = APP, "abc", "lst"  # of one length
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"


def refused(port, user, plugin, tls):
    """Seconds from the login request to the refusal."""
    session = wire.Connection("127.0.0.1", port, user, "wrong " + user, log_in=False)
    if tls:
        head = wire.struct.pack("<IIB23x", session.capabilities | wire.TLS, 1 << 30, 45)
        session.send_packet(head)
        session.socket = tls.wrap_socket(session.socket, server_hostname="localhost")
        session.capabilities |= wire.TLS
    head = wire.struct.pack("<IIB23x", session.capabilities, 1 << 30, 45)
    answer = wire.SCRAMBLES[plugin](session.password, session.nonce)
    request = head + session.user + b"\0" + bytes([len(answer)]) + answer + plugin.encode() + b"\0"
    begun = time.perf_counter()
    session.send_packet(request)
    try:
        session.finish_login(plugin, tls)
    except wire.Err as error:
        took = time.perf_counter() - begun
        assert error.code == 1045, error
        session.close()
        return took
    raise AssertionError("a wrong password was taken")


def rank_test(one, two):
    """Share of pairs in which `one` is larger, and the two-sided p by the normal approximation, ties averaged."""
    merged = sorted([(value, 0) for value in one] + [(value, 1) for value in two])
    ranks, at = 0.0, 0
    ties = 0.0
    while at < len(merged):
        end = at
        while end < len(merged) and merged[end][0] == merged[at][0]:
            end += 1
        count = end - at
        ties += count ** 3 - count
        ranks += (at + 1 + end) / 2 * sum(1 for i in range(at, end) if merged[i][1] == 0)
        at = end
    n, m = len(one), len(two)
    u = ranks - n * (n + 1) / 2
    total = n + m
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    z = (u - n * m / 2) / deviation if deviation else 0.0
    return u / (n * m), math.erfc(abs(z) / math.sqrt(2))


def measure(name, port, known, plugin, tls, logins, chance):
    times = {known: [], UNKNOWN: []}
    for warm in range(20):
        refused(port, (known, UNKNOWN)[warm % 2], plugin, tls)
    for _ in range(logins):
        pair = [known, UNKNOWN]
        chance.shuffle(pair)
        for user in pair:
            times[user].append(refused(port, user, plugin, tls))
    medians = [statistics.median(times[user]) * 1e6 for user in (known, UNKNOWN)]
    share, p = rank_test(times[known], times[UNKNOWN])
    print("%-44s known %7.1f us  unknown %7.1f us  difference %+6.1f us  share %.3f  p %.3g" % (
        name, *medians, medians[0] - medians[1], share, p), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--logins", type=int, default=2000)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    directory = throwaway_directory()
    for old, new in (("mariadb", "mysql"), ("mysql", "mariadb")):
        servers = Servers(os.path.join(directory, "servers-" + old), old_kind=old, new_kind=new)
        env = harness.Env(servers, os.path.abspath(options.binary), directory, "timing-" + old)
        certificates = test_tls.certificates(env)
        tls = wire.tls_context(os.path.join(certificates, "ca.pem"))
        # `lst` is an account of the leader's too; with from_client it is in the proxy's list, and `app` is not.
        servers.run("CREATE USER %s@'%%' IDENTIFIED BY 'another secret'" % LISTED)
        users = [{"name": KNOWN, "password": APP_PASSWORD}, {"name": LISTED, "password": "another secret"}]
        listed = test_tls.tls_proxy(env, "preferred", certificates, config={"users": users})
        learning = test_tls.tls_proxy(env, "preferred", certificates, config={"users": {"from_client": True, "list": users[1:]}})
        learning.wire(plugin=SHA2, tls=tls).close()  # `app` is in the cache from here on
        # MySQL tells unknown users apart itself: it switches them to a plugin that their name decides.
        ways = [("server, its own plugin", env.old.port, KNOWN, NATIVE, None)] if old == "mariadb" else []
        for plugin in (NATIVE, SHA2):
            for transport, context in (("plain", None), ("TLS", tls)):
                ways.append(("list, %s, %s" % (plugin, transport), listed.port, KNOWN, plugin, context))
                ways.append(("from_client, listed, %s, %s" % (plugin, transport), learning.port, LISTED, plugin, context))
                ways.append(("from_client, learned, %s, %s" % (plugin, transport), learning.port, KNOWN, plugin, context))
        for name, port, known, plugin, context in ways:
            name = "%s leads: %s" % (old, name)
            if options.only in name:
                measure(name, port, known, plugin, context, options.logins, chance)
        env.close(False)
        servers.kill()


if __name__ == "__main__":
    main()
