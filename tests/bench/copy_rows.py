"""How fast `crossfade backfill` copies, beside mydumper and myloader, on throwaway servers.

    /usr/bin/python3 tests/bench/copy_rows.py [--binary build/release/crossfade] [--rows 500000] [--tables 2] [--threads 2 4]
        [--rounds 3] [--roles mariadb-mysql|mysql-mariadb] [--feed log|trigger] [--profile] [--log] [-- more options of backfill start]

sysbench's tables (about 200 bytes a row, one secondary index) on an idle leader. In each round both ways copy all of them, in turn,
with as many threads: `--threads` of mydumper and then of myloader, and `--parallel`. Both start with empty tables; of mydumper and
myloader the times are added. CPU seconds are those of leader,
follower, proxy, and the programs that were run. myloader keeps its rows out of the follower's own log
unless --log has it write them there, as a copy does.

Not a test: a busy machine moves the numbers; the ratios of a round move less. Needs sysbench, mydumper; perf for --profile.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from backfill import backfill  # noqa: E402
from machine import throwaway_directory  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from servers import Servers  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_peak_mib(pid):
    with open("/proc/%d/status" % pid) as status:
        return [int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")][0]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))


class Bench:
    def __init__(self, options):
        self.options = options
        self.directory = options.directory or throwaway_directory()
        servers = Servers(os.path.join(self.directory, "servers"), *([["--innodb-buffer-pool-size=1G"]] * 2))
        servers.use_feed(options.feed)
        self.servers = servers.in_roles(options.roles)
        self.old, self.new = self.servers.old, self.servers.new
        self.servers.run("CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        self.tables = ["sbtest%d" % (n + 1) for n in range(options.tables)]
        self.rows = options.rows // options.tables
        run("sysbench", "--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-port=%d" % self.old.port, "--mysql-user=root", "--mysql-db=app",
            "--tables=%d" % options.tables, "--table-size=%d" % self.rows, "--threads=2", "oltp_read_write", "prepare")
        for table in self.tables:
            self.old.run("ANALYZE TABLE app.%s" % table)
            self.make(table)
        self.proxy = Proxy(os.path.abspath(options.binary), os.path.join(self.directory, "proxy"), self.servers,
                           {"dual_write": {"feed": options.feed}}).start()

    def make(self, table):
        self.new.run("CREATE TABLE app.%s (id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', "
                     "pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY k_1 (k))" % table)

    def check(self):
        for table in self.tables:
            sums = [server.run("SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#', id, k, c, pad))) FROM app.%s" % table) for server in self.servers.both]
            assert sums[0] == sums[1], sums

    def measured(self, name, what):
        pids = [("old", self.old.pid), ("new", self.new.pid), ("proxy", self.proxy.process.pid)]
        before, helpers = {each: cpu_seconds(pid) for each, pid in pids}, os.times()
        began = time.monotonic()
        note = what() or ""
        seconds = time.monotonic() - began
        used = ", ".join("%s %.1f" % (each, cpu_seconds(pid) - before[each]) for each, pid in pids)
        now = os.times()
        used += ", programs %.1f" % (now.children_user + now.children_system - helpers.children_user - helpers.children_system)
        self.check()
        rate = self.rows * len(self.tables) / seconds
        print("  %-10s %8.0f rows/s, %5.1f s; cpu s: %s%s" % (name, rate, seconds, used, note), flush=True)
        return rate

    def dumper(self, threads):
        for table in self.tables:
            self.new.run("DROP TABLE IF EXISTS app.%s" % table)
        dump = os.path.join(self.directory, "dump")
        shutil.rmtree(dump, ignore_errors=True)

        def both():
            began = time.monotonic()
            common = ["-h", "127.0.0.1", "-u", "root", "-t", str(threads)]
            # No accounts, no plugins, no views: the rows alone. The schema of the make is given by hand below.
            run("mydumper", *common, "-P", str(self.old.port), "-B", "app", "-o", dump, "--no-schemas", "-r", str(max(20000, self.rows // 8)),
                "--trx-consistency-only")
            dumped = time.monotonic()
            run("myloader", *common, "-P", str(self.new.port), "-B", "app", "-d", dump, "-o", *(["-e"] if self.options.log else []))
            return "; dump %.1f s, load %.1f s" % (dumped - began, time.monotonic() - dumped)

        for table in self.tables:
            self.make(table)
        return self.measured("mydumper", both)

    def crossfade(self, threads):
        def copy():
            code, said = backfill(self.proxy, "start", "--replace", "--parallel", str(threads), "--max-lag", "1m", *self.options.more,
                                  timeout=600)
            assert code == 0, said
            return "; proxy's peak %.0f MiB" % memory_peak_mib(self.proxy.process.pid)

        if not self.options.profile:
            return self.measured("crossfade", copy)
        with subprocess.Popen(["perf", "record", "-q", "-g", "-F", "199", "-p", str(self.proxy.process.pid), "-o", "/tmp/copy.perf"]) as perf:
            rate = self.measured("crossfade", copy)
            perf.terminate()
        return rate

    def run(self):
        for threads in self.options.threads:
            rates = {"mydumper": [], "crossfade": []}
            for number in range(self.options.rounds):
                ways = [("mydumper", self.dumper), ("crossfade", self.crossfade)]
                for name, way in ways[::-1] if number % 2 else ways:
                    rates[name].append(way(threads))
            ratios = [a / b for a, b in zip(rates["crossfade"], rates["mydumper"])]
            print("%s, feed %s, %d threads, %d tables: mydumper %.0f rows/s, crossfade %.0f rows/s, ratio %.2f (%s)" % (
                self.options.roles, self.options.feed, threads, len(self.tables), statistics.median(rates["mydumper"]),
                statistics.median(rates["crossfade"]), statistics.median(ratios), " ".join("%.2f" % each for each in sorted(ratios))), flush=True)
        print(json.dumps(json.loads(self.proxy.get("/jobs/backfill")).get("tables"), indent=None))

    def close(self):
        self.proxy.kill()
        self.servers.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="build/release/crossfade")
    parser.add_argument("--rows", type=int, default=500000)
    parser.add_argument("--tables", type=int, default=2)
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--roles", default="mariadb-mysql")
    parser.add_argument("--feed", default="log")
    parser.add_argument("--directory")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--log", action="store_true")
    parser.add_argument("more", nargs="*")
    bench = Bench(parser.parse_args())
    try:
        bench.run()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
