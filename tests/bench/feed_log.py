"""What feed `log` costs and how fast it is, on throwaway servers, beside HAProxy.

    /usr/bin/python3 tests/bench/feed_log.py [--binary build/release/crossfade] [--parts p50,applied,lag,catchup,cpu]
        [--rounds 7] [--seconds 5] [--roles mariadb-mysql|mysql-mariadb] [--directory DIR] [--connections 1 8 32] [--threads N]

p50      An autocommit UPDATE by primary key (sysbench oltp_update_non_index, text protocol) at 1, 8 and 32 connections through
         Crossfade, through HAProxy and directly, in turn, in rounds: medians over the rounds of each round's p50, and the median
         of the rounds' ratios. The leader's log is on and is followed in all of them.
applied  The same UPDATE under `ack: both` and under `ack: leader` in turn: their difference is OK to applied.
lag      oltp_write_only at 16 and at 64 threads: time from the end of the load until the follower has everything.
catchup  The follower is stopped, the leader written to, the follower started: transactions a second while it catches up,
         beside the leader's.
cpu      oltp_write_only at 2,500 transactions a second: the feed's thread in percent of a core, and by perf's samples
         the share of reading and decoding.

Not a test: a busy machine moves the numbers; the ratios of a round move less. Needs sysbench, haproxy; perf for the last part.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from comparing import compare_databases  # noqa: E402
from machine import ROOT, free_port, throwaway_directory  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from servers import APP, APP_PASSWORD, Servers  # noqa: E402

TABLES, ROWS = 4, 5000
HAPROXY = """global
  maxconn 512
  nbthread %(threads)d
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen mysql
  bind 127.0.0.1:%(port)d
  server old 127.0.0.1:%(server)d
"""


class HaProxy:
    def __init__(self, directory, server_port, threads):
        self.port = free_port()
        config = os.path.join(directory, "haproxy.cfg")
        with open(config, "w") as out:
            out.write(HAPROXY % {"port": self.port, "server": server_port, "threads": threads})
        self.process = subprocess.Popen([shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def sysbench(port, script, command="run", **more):
    options = {"mysql-host": "127.0.0.1", "mysql-port": port, "mysql-user": APP, "mysql-password": APP_PASSWORD, "mysql-db": "app",
               "db-driver": "mysql", "tables": TABLES, "table-size": ROWS, "db-ps-mode": "disable", "percentile": 50, "rand-type": "uniform"}
    options.update({name.replace("_", "-"): value for name, value in more.items()})
    done = subprocess.run(["sysbench", *("--%s=%s" % pair for pair in options.items()), script, command], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def figure(said, pattern):
    return float(re.search(pattern, said)[1])


def median_of(histogram):
    """Of sysbench's buckets [(milliseconds, count)], 1.8 % apart; between two of them by their counts. Its own percentile has
    two decimals, which at 0.12 ms is a tenth of the number."""
    half, below, before = sum(count for _, count in histogram) / 2, 0, 0.0
    for value, count in histogram:
        if below + count >= half:
            return (before or value) + (value - (before or value)) * (half - below) / count
        below, before = below + count, value
    raise RuntimeError("sysbench gave no histogram")


def update_p50(port, threads, seconds):
    """Milliseconds."""
    said = sysbench(port, "oltp_update_non_index", threads=threads, time=seconds, skip_trx="on", histogram="on")
    return median_of([(float(value), int(count)) for value, count in re.findall(r"^\s*([\d.]+) \|\**\s+(\d+)$", said, re.M)])


class Bench:
    def __init__(self, options):
        self.options = options
        self.directory = options.directory or throwaway_directory()
        servers = Servers(os.path.join(self.directory, "servers"))
        servers.use_feed("log")
        self.servers = servers.in_roles(options.roles)
        self.servers.run("CREATE DATABASE IF NOT EXISTS app")
        config = {"dual_write": {"feed": "log"}}
        if options.threads:
            config["threads"] = options.threads
        self.proxy = Proxy(os.path.abspath(options.binary), os.path.join(self.directory, "proxy"), self.servers, config).start()
        self.haproxy = HaProxy(self.directory, self.servers.old.port, options.threads or os.cpu_count())
        sysbench(self.proxy.port, "oltp_write_only", "prepare")
        self.proxy.caught_up(120)

    def p50(self):
        ways = {"haproxy": self.haproxy.port, "crossfade": self.proxy.port, "direct": self.servers.old.port}
        for threads in self.options.connections:
            rounds = {way: [] for way in ways}
            for number in range(self.options.rounds):
                names = list(ways)
                for way in names[number % 3:] + names[:number % 3]:
                    rounds[way].append(update_p50(ways[way], threads, self.options.seconds))
                    self.proxy.caught_up(300)
            ratios = [a / b for a, b in zip(rounds["crossfade"], rounds["haproxy"])]
            print("p50 of an UPDATE, %2d connections: %s; crossfade / haproxy %.2f (median of %s)" % (
                threads, ", ".join("%s %.3f ms" % (way, statistics.median(values)) for way, values in rounds.items()),
                statistics.median(ratios), " ".join("%.2f" % ratio for ratio in sorted(ratios))), flush=True)

    def applied(self):
        for threads in (1, 8):
            rounds = {"leader": [], "both": []}
            for number in range(self.options.rounds):
                for ack in ("leader", "both") if number % 2 else ("both", "leader"):
                    self.proxy.set_flags(dual_write={"ack": ack})
                    rounds[ack].append(update_p50(self.proxy.port, threads, self.options.seconds))
                    self.proxy.caught_up(300)
            self.proxy.set_flags(dual_write={"ack": "leader"})
            more = [both - leader for both, leader in zip(rounds["both"], rounds["leader"])]
            print("OK to applied, %d connections: p50 %.3f ms (ack both %.3f, ack leader %.3f); waits that timed out: %d" % (
                threads, statistics.median(more), statistics.median(rounds["both"]), statistics.median(rounds["leader"]),
                self.proxy.metric("crossfade_ack_timeouts_total")), flush=True)

    def lag(self):
        for threads in (16, 64):
            seconds = []
            for _ in range(3):
                said = sysbench(self.proxy.port, "oltp_write_only", threads=threads, time=self.options.seconds * 3, mysql_ignore_errors="1213,1205,1020,1062")
                begun = time.monotonic()
                self.wait_caught_up(begun + 300)
                seconds.append(time.monotonic() - begun)
            print("write_only, %d threads: %.0f transactions/s; lag 0 after %s s" % (
                threads, figure(said, r"transactions:.*\(([\d.]+) per sec"), " ".join("%.2f" % value for value in seconds)), flush=True)
        differences, rows = compare_databases(self.servers.old, self.servers.new, ["app"])
        print("%d rows compared, %d differences" % (rows, len(differences)), flush=True)

    def wait_caught_up(self, deadline):
        while not self.proxy.status()["caught_up"]:
            if time.monotonic() > deadline:
                raise RuntimeError("not caught up: %s" % self.proxy.get("/status"))
            time.sleep(0.005)

    def catchup(self):
        for _ in range(2):
            self.servers.new.stop()
            said = sysbench(self.proxy.port, "oltp_write_only", threads=16, time=self.options.seconds * 3, mysql_ignore_errors="1213,1205,1020,1062")
            leader_rate = figure(said, r"transactions:.*\(([\d.]+) per sec")
            before = self.proxy.metric("crossfade_applied_entries_total")
            self.servers.new.restart()
            # From the first transaction that it applies: it is not the server's start that is measured.
            while self.proxy.metric("crossfade_applied_entries_total") == before:
                time.sleep(0.005)
            begun, first = time.monotonic(), self.proxy.metric("crossfade_applied_entries_total")
            self.wait_caught_up(begun + 600)
            spent = time.monotonic() - begun
            applied = self.proxy.metric("crossfade_applied_entries_total") - first
            print("catching up: %.0f transactions in %.2f s, %.0f/s; the leader made %.0f/s: %.1fx" % (
                applied, spent, applied / spent, leader_rate, applied / spent / leader_rate), flush=True)

    def cpu(self):
        tick = os.sysconf("SC_CLK_TCK")
        task = "/proc/%d/task" % self.proxy.process.pid
        feed = next(tid for tid in os.listdir(task) if open("%s/%s/comm" % (task, tid)).read().strip() == "feed")

        def spent():
            fields = open("%s/%s/stat" % (task, feed)).read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / tick

        seconds = self.options.seconds * 3
        load = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--load", str(self.proxy.port), str(seconds + 4)],
                                stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        samples = os.path.join(self.directory, "perf.data")
        perf = shutil.which("perf") and subprocess.Popen(["perf", "record", "-q", "-F", "499", "--call-graph", "dwarf,8192", "-t", feed, "-o", samples,
                                                          "--", "sleep", str(seconds)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun, at = spent(), time.monotonic()
        time.sleep(seconds)
        share = (spent() - begun) / (time.monotonic() - at)
        if perf:
            perf.wait()
        said = load.communicate()[0]
        print("feed thread at %.0f transactions/s: %.1f %% of a core" % (figure(said, r"transactions:.*\(([\d.]+) per sec"), share * 100), flush=True)
        if perf:
            reading, everything = shares(samples)
            print("of its %d samples %d (%.1f %%) read and decode: %.2f %% of a core" % (
                everything, reading, 100 * reading / max(1, everything), 100 * share * reading / max(1, everything)), flush=True)
        self.proxy.caught_up(300)


def shares(samples):
    """Samples within reading and decoding the leader's log, and all."""
    script = subprocess.run(["perf", "script", "-i", samples, "-F", "ip,sym"], capture_output=True, text=True, check=False).stdout
    stacks = [stack for stack in script.split("\n\n") if stack.strip()]
    return sum(any(name in stack for name in ("LogReader", "LogDecoder", "LogQueue")) for stack in stacks), len(stacks)


def main():
    if sys.argv[1:2] == ["--load"]:
        print(sysbench(int(sys.argv[2]), "oltp_write_only", threads=16, time=int(sys.argv[3]), rate=2500, mysql_ignore_errors="1213,1205,1020,1062"))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--parts", default="p50,applied,lag,catchup,cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of a measurement")
    parser.add_argument("--roles", default="mariadb-mysql", choices=("mariadb-mysql", "mysql-mariadb"))
    parser.add_argument("--directory", help="of the servers' data; default: in memory where there is room")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32], help="of p50")
    parser.add_argument("--threads", type=int, default=0, help="of both proxies; default: one a core")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        for part in options.parts.split(","):
            getattr(bench, part)()
    finally:
        bench.haproxy.stop()


if __name__ == "__main__":
    main()
