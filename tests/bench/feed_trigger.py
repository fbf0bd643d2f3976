"""What feed `trigger` costs, on throwaway servers: each figure beside the same on a schema without triggers, directly.

    /usr/bin/python3 tests/bench/feed_trigger.py [--binary build/release/crossfade] [--parts p50,write_only] [--rounds 5] [--seconds 3]
        [--roles mariadb-mysql|mysql-mariadb] [--connections 1 8] [--threads 8 16] [--medium disk|memory]

p50         An autocommit UPDATE by primary key, and an INSERT (sysbench, text protocol): through Crossfade and directly, in turn, in
            rounds: medians of each round's p50, and of the rounds' ratios.
write_only  oltp_write_only at 8 and 16 threads: transactions a second in turn, and the time from the end of the load until the
            follower has everything.

Not a test: a busy machine moves the numbers; the ratios of a round move less. Needs sysbench.
"""

import argparse
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from comparing import compare_databases  # noqa: E402
from feed_log import figure, median_of, sysbench  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from servers import Servers  # noqa: E402

IGNORED = "1213,1205,1020,1062"


class Bench:
    def __init__(self, options):
        self.options = options
        directory = throwaway_directory(options.medium)
        servers = Servers(os.path.join(directory, "servers"))
        servers.use_feed("trigger")
        self.servers = servers.in_roles(options.roles)
        self.servers.run("CREATE DATABASE IF NOT EXISTS app")
        self.proxy = Proxy(os.path.abspath(options.binary), os.path.join(directory, "proxy"), self.servers,
                           {"dual_write": {"feed": "trigger"}}).start()
        sysbench(self.proxy.port, "oltp_write_only", "prepare")
        self.wait_taken()
        # Made past the proxy: nobody captures it, and it counts as stopped.
        self.servers.old.run("CREATE DATABASE bare", "GRANT ALL PRIVILEGES ON bare.* TO app@'%'")
        sysbench(self.servers.old.port, "oltp_write_only", "prepare", mysql_db="bare")
        self.ways = {"crossfade": (self.proxy.port, "app"), "direct": (self.servers.old.port, "bare")}

    def wait_taken(self):
        """Until the follower has everything."""
        deadline = time.monotonic() + 300
        while self.servers.old.run("SELECT COUNT(*) FROM crossfade.changes")[0][0]:
            if time.monotonic() > deadline:
                raise RuntimeError("not followed: %s" % self.proxy.get("/status"))
            time.sleep(0.01)

    def in_turn(self, measure):
        """{way: [figure of each round]}"""
        rounds = {way: [] for way in self.ways}
        for number in range(self.options.rounds):
            for way in sorted(self.ways, reverse=number % 2 == 1):
                rounds[way].append(measure(*self.ways[way]))
                self.wait_taken()
        return rounds

    def say(self, what, rounds, unit):
        ratios = sorted(a / b for a, b in zip(rounds["crossfade"], rounds["direct"]))
        print("%s, %s: %s; crossfade / direct %.2f (median of %s)" % (
            self.options.roles, what, ", ".join("%s %.3f %s" % (way, statistics.median(values), unit) for way, values in rounds.items()),
            statistics.median(ratios), " ".join("%.2f" % ratio for ratio in ratios)), flush=True)

    def p50(self):
        for script, what in (("oltp_update_non_index", "UPDATE"), ("oltp_insert", "INSERT")):
            for threads in self.options.connections:
                def measure(port, schema):
                    said = sysbench(port, script, threads=threads, time=self.options.seconds, skip_trx="on", histogram="on", mysql_db=schema,
                                    mysql_ignore_errors=IGNORED)
                    return median_of([(float(value), int(count)) for value, count in re.findall(r"^\s*([\d.]+) \|\**\s+(\d+)$", said, re.M)])
                self.say("p50 of an %s, %d connections" % (what, threads), self.in_turn(measure), "ms")

    def write_only(self):
        for threads in self.options.threads:
            lags = []

            def measure(port, schema):
                said = sysbench(port, "oltp_write_only", threads=threads, time=self.options.seconds, mysql_db=schema, mysql_ignore_errors=IGNORED)
                begun = time.monotonic()
                if schema == "app":
                    self.wait_taken()
                    lags.append(time.monotonic() - begun)
                return figure(said, r"transactions:.*\(([\d.]+) per sec")
            self.say("write_only, %d threads" % threads, self.in_turn(measure), "tx/s")
            print("lag 0 after %s s" % " ".join("%.2f" % lag for lag in lags), flush=True)
        differences, rows = compare_databases(self.servers.old, self.servers.new, ["app"])
        print("%d rows compared, %d differences" % (rows, len(differences)), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--parts", default="p50,write_only")
    parser.add_argument("--medium", default="disk", choices=("disk", "memory"), help="of the servers' data: how long a commit takes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of a measurement")
    parser.add_argument("--roles", default="mariadb-mysql", choices=("mariadb-mysql", "mysql-mariadb"))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], help="of p50")
    parser.add_argument("--threads", type=int, nargs="+", default=[8, 16], help="of write_only")
    options = parser.parse_args()
    bench = Bench(options)
    for part in options.parts.split(","):
        getattr(bench, part)()


if __name__ == "__main__":
    main()
