"""Runs tests one after the other in this process, or side by side in processes that each have servers of their own."""

import contextlib
import io
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass

import harness
from machine import cpu_seconds, throwaway_directory
from progress import say
from servers import Servers


@dataclass
class Outcome:
    """`verdict`: passed, failed, flaky (passed at the second run only) or skipped. `cpu`: seconds, with its servers'."""

    name: str
    verdict: str
    text: str = ""
    cpu: float = 0


class Bench:
    """A pair of servers and a folder; runs one test at a time."""

    def __init__(self, options):
        self.binary = options.binary
        self.directory = throwaway_directory()
        self.servers = Servers(os.path.join(self.directory, "servers"))

    def run(self, test):
        before = cpu_seconds(self.directory)
        outcome = self._judged(test)
        outcome.cpu = max(0, cpu_seconds(self.directory) - before)
        return outcome

    def _judged(self, test):
        if test.roles == harness.MYSQL_OLD and not self.servers.has_mysql:
            print("skip %s: MySQL 9 cannot be had here" % test.name)
            return Outcome(test.name, "skipped")
        first = self._run_once(test, test.name)
        if first not in ("failed", "ruined"):
            return Outcome(test.name, "failed" if first == "broken" else first)
        second = self._run_once(test, test.name + "-again")
        if second == "passed":
            # A server that died by a fault of its own in the first run said nothing of the proxy.
            return Outcome(test.name, "passed" if first == "ruined" else "flaky")
        return Outcome(test.name, "skipped" if second == "skipped" else "failed")

    def _run_once(self, test, name):
        try:
            self.servers.use_feed(test.feed)
            env = harness.Env(self.servers.in_roles(test.roles), self.binary, self.directory,
                              name.replace(".", "-"), test.feed)
        except Exception as error:
            print("FAIL %s: the servers are not usable: %s" % (name, error))
            return "broken"
        return harness.run_one(name, test.function, env)


class InThisProcess:
    def __init__(self, options):
        say("starting servers")
        self.bench = Bench(options)
        servers = self.bench.servers
        say("%s on %d, %s on %d" % (servers.old.kind, servers.old.port, servers.new.kind, servers.new.port))

    def outcomes(self, tests):
        for test in tests:
            yield self.bench.run(test)


class SideBySide:
    """Gives each worker the next test when it has ended one; prints what a test said when it has ended."""

    def __init__(self, options):
        self.options = options
        self.command = [sys.executable, "-u"] + sys.argv

    def outcomes(self, tests):
        waiting, done = queue.Queue(), queue.Queue()
        for test in tests:
            waiting.put(test.name)
        say("starting %d pairs of servers" % self.options.jobs)
        threads = [threading.Thread(target=self._serve, args=(number, waiting, done), daemon=True)
                   for number in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        for _ in tests:
            outcome = done.get()
            if outcome.text:
                print(outcome.text, flush=True)
            yield outcome
        for thread in threads:
            thread.join()

    def _serve(self, number, waiting, done):
        worker = subprocess.Popen(self.command + ["--worker", str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                worker.stdin.write(name + "\n")
                worker.stdin.flush()
                answer = worker.stdout.readline()
                done.put(Outcome(**json.loads(answer)))
            except (OSError, ValueError) as error:
                done.put(Outcome(name, "failed", "FAIL %s: the process that ran it ended: %s" % (name, error)))
                if worker.poll() is not None or not worker.stdout.readable():
                    self._rest_fails(waiting, done, "no process is left to run it")
                    break
        worker.stdin.close()
        worker.wait()

    @staticmethod
    def _rest_fails(waiting, done, why):
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            done.put(Outcome(name, "failed", "FAIL %s: %s" % (name, why)))


def work_for_a_parent(options, tests):
    """Names come in at stdin, one a line; an Outcome goes out at stdout for each. Ends with stdin."""
    by_name = {test.name: test for test in tests}
    out = sys.stdout
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        bench = Bench(options)
        for line in sys.stdin:
            said.seek(0)
            said.truncate()
            outcome = bench.run(by_name[line.strip()])
            outcome.text = said.getvalue().rstrip("\n")
            out.write(json.dumps(vars(outcome)) + "\n")
            out.flush()
    return 0
