"""The driver matrix: the same scenario by every client library, against `old` directly and through Crossfade, line by line.

    /usr/bin/python3 tests/integration/drivers/matrix.py [--binary FILE] [--group debian] [--only SUBSTRING,...] [--logs DIR]

Each driver has a schema of its own and runs three times: directly; through the proxy with all that it writes duplicated from the
leader's row log, its tables too, and every read compared; and with every read that may be answered by `new` answered there. What
it prints must be equal each time, and afterwards both databases must be.
"""

import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402
import test_tls  # noqa: E402
from catalogue import DRIVERS, KNOWN, KNOWN_ON_NEW, Missing, spawn  # noqa: E402
from comparing import compare_databases  # noqa: E402
from machine import ROOT, throwaway_directory  # noqa: E402
from progress import Timeout, say  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from servers import APP, APP_PASSWORD, Servers  # noqa: E402

SCENARIO = os.path.join(HERE, "scenario")
STEPS = ["connect", "types", "types back", "parameters", "transactions", "batch", "ids", "multi", "stream", "stream abandoned",
         "cancel", "reconnect", "ping", "reset", "use", "tls", "compression", "local infile", "attributes", "metadata"]
PREPARED_STEPS = ["types prepared", "types back prepared", "parameters prepared"]
PHASES = ["direct", "leader", "new"]
FLAGS = {"leader": {"shadow_read": {"percent": 100}, "read_from_new": {"percent": 0}},
         "new": {"shadow_read": {"percent": 20}, "read_from_new": {"percent": 100}}}
DEADLINE = 90  # seconds for one program, which takes a few
BIG_ROWS = 50000


def lines_of(file):
    with open(os.path.join(SCENARIO, file), encoding="utf-8") as source:
        return source.read().splitlines()


def expected_steps(driver):
    names = [line[2:] for line in lines_of("statements.sql") if line.startswith("# ")]
    steps = list(STEPS) + ["text: " + name for name in names]
    steps += PREPARED_STEPS + ["prepared: " + name for name in names]
    # "prepared" stands for all steps with prepared statements.
    return [step for step in steps if not any(step.split(":")[0].endswith(lack) for lack in driver.lacks)]


class Run:
    """One driver with its schema, its outputs by phase, and what was found wrong."""

    def __init__(self, number, driver):
        self.driver, self.schema = driver, "app_%d" % number
        self.command, self.environment, self.reason = None, {}, None
        self.version, self.outputs, self.problems, self.seconds = "", {}, [], {}
        self.known = set()  # the steps that differed as KNOWN says

    def prepare(self):
        try:
            self.command, self.environment = self.driver.prepare()
        except Missing as missing:
            self.reason = str(missing)

    def problem(self, phase, text):
        self.problems.append("%s, %s: %s" % (self.driver.name, phase, text))

    def execute(self, phase, port, context):
        environment = dict(os.environ, DRIVER_HOST="127.0.0.1", DRIVER_PORT=str(port), DRIVER_USER=APP,
                           DRIVER_PASSWORD=APP_PASSWORD, DRIVER_DATABASE=self.schema, DRIVER_CA=context.ca,
                           DRIVER_SCENARIO=SCENARIO, DRIVER_LOAD_FILE=context.load_file, DRIVER_VARIANT=self.driver.variant,
                           LC_ALL="C.UTF-8", TZ="UTC", **self.environment)
        started = time.monotonic()
        log = os.path.join(context.logs, "%s.%s" % (re.sub(r"\W+", "-", self.driver.name).strip("-"), phase))
        with open(log + ".jsonl", "wb") as out, open(log + ".err", "wb") as err:
            code = ended(self.command, environment, out, err)
        self.seconds[phase] = time.monotonic() - started
        self.outputs[phase] = self.read(log + ".jsonl", phase)
        say("%s, %s: %d steps in %.1f s%s" % (self.driver.name, phase, len(self.outputs[phase]), self.seconds[phase],
                                              "" if code == 0 else ", exit code %s" % code))
        if code != 0:
            with open(log + ".err", errors="replace") as err:
                self.problem(phase, "exit code %s, last step %r\n%s" % (code, next(reversed(self.outputs[phase]), None), err.read()[-2000:]))

    def read(self, file, phase):
        """{step: its line}, in the order of the program."""
        steps = {}
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    name = entry["step"]
                except (ValueError, TypeError, KeyError):
                    self.problem(phase, "not a step: %s" % line[:200])
                    continue
                if name == "driver":
                    self.version = str(entry["result"])
                    continue
                if name in steps:
                    self.problem(phase, "the step %s is there twice" % name)
                steps[name] = entry
                if "failed" in entry:
                    self.problem(phase, "%s failed: %s" % (name, entry["failed"]))
        return steps

    def judge(self, phase):
        """The output of a phase against the direct one; how many steps are equal."""
        direct, found = self.outputs["direct"], self.outputs[phase]
        expected = expected_steps(self.driver)
        for step in expected:
            if step not in direct:
                self.problem("direct", "the step %s is missing" % step)
            elif step not in found:
                self.problem(phase, "the step %s is missing" % step)
        for step in set(direct) - set(expected):
            self.problem("direct", "the step %s is not in the scenario" % step)
        equal = 0
        for step, entry in direct.items():
            if step in found:
                difference = first_difference(entry, found[step])
                key = self.driver.name, step
                if difference and (key in KNOWN or (phase == "new" and key in KNOWN_ON_NEW)):
                    self.known.add(step)
                elif difference:
                    self.problem(phase, "%s differs %s" % (step, difference))
                else:
                    equal += 1
        return equal

    def judge_known(self):
        """An exception that is none any more has to go."""
        for name, step in KNOWN:
            if name == self.driver.name and step not in self.known:
                self.problem("all phases", "%s is equal everywhere and must leave KNOWN in catalogue.py" % step)


def ended(command, environment, out, err):
    """Runs a program with all that it starts, to its end or the deadline; its exit code."""
    process = spawn(command, env=environment, stdout=out, stderr=err)
    try:
        return process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        return "none after %d s" % DEADLINE
    finally:
        # Its children too, such as the process that cancels.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def first_difference(left, right, path=""):
    """The first place where two values differ, readable; None when they are equal."""
    if type(left) is type(right) and isinstance(left, list) and len(left) == len(right):
        return next(filter(None, (first_difference(a, b, "%s[%d]" % (path, i)) for i, (a, b) in enumerate(zip(left, right)))), None)
    if type(left) is type(right) and isinstance(left, dict) and list(left) == list(right):
        return next(filter(None, (first_difference(left[key], right[key], "%s.%s" % (path, key)) for key in left)), None)
    return None if left == right else "at %s:\n    direct:  %.600s\n    through: %.600s" % (path, json.dumps(left), json.dumps(right))


class Context:
    """Servers, one proxy, and the files that the programs need."""

    def __init__(self, options):
        self.directory = throwaway_directory()
        self.logs = options.logs
        os.makedirs(self.logs, exist_ok=True)
        certificates = test_tls.certificates(types.SimpleNamespace(directory=self.directory, name="drivers"))
        self.ca = os.path.join(certificates, "ca.pem")
        tls = ["--ssl-%s=%s" % (key, os.path.join(certificates, file))
               for key, file in (("ca", "ca.pem"), ("cert", "tls.crt"), ("key", "tls.key"))] + ["--local-infile=ON"]
        self.servers = Servers(os.path.join(self.directory, "servers"), tls + ["--performance-schema=ON"], tls)
        self.servers.use_feed(options.feed)
        self.load_file = os.path.join(self.directory, "load.tsv")
        with open(self.load_file, "w", encoding="utf-8") as out:
            for i in range(1, 1001):
                out.write("%d\t%s\t%s\n" % (i, "grün 😀 %d" % i if i % 3 else "", i * i if i % 10 else "\\N"))
        digits = "(" + " UNION ALL ".join("SELECT %d%s" % (i, "" if i else " AS i") for i in range(10)) + ")"
        self.servers.run(
            "CREATE DATABASE app_static CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "CREATE TABLE app_static.big (id INT PRIMARY KEY, v VARCHAR(100), n BIGINT)",
            "INSERT INTO app_static.big SELECT a.i + 10 * b.i + 100 * c.i + 1000 * d.i + 10000 * e.i AS id, "
            "REPEAT('x', (a.i + 10 * b.i) %% 60), d.i * 1000003 FROM %s a, %s b, %s c, %s d, %s e WHERE e.i < 5" % ((digits,) * 5))
        self.proxy = Proxy(options.binary, os.path.join(self.directory, "proxy"), self.servers,
                           {"backends": {side: {"tls": {"mode": "required", "ca": self.ca}} for side in ("old", "new")},
                            "dual_write": {"feed": options.feed}})
        self.proxy.config.update(test_tls.listen(self.proxy.config, certificates, "preferred"))
        self.proxy.write_config()

    def begin(self):
        """Starts the proxy on two servers without the drivers' tables."""
        for server in self.servers.both:
            for (schema,) in server.run("SHOW DATABASES LIKE 'app\\_%'"):
                if schema != "app_static":
                    server.run("DROP DATABASE " + schema)
        self.proxy.start()

    def reset(self, run):
        """Fresh tables: through the proxy, which brings them to the other side; before it runs, on `old`."""
        through = self.proxy.process is not None
        with (self.proxy if through else self.servers.old).connect(APP, APP_PASSWORD) as session, session.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS " + run.schema)
            cursor.execute("CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" % run.schema)
            cursor.execute("USE " + run.schema)
            for statement in lines_of("schema.sql"):
                cursor.execute(statement)
        if through:
            self.proxy.caught_up(180)

    def compare(self, run, phase):
        differences, count = compare_databases(self.servers.old, self.servers.new, [run.schema])
        if differences:
            run.problem(phase, "the databases differ:\n    " + "\n    ".join(differences))
        if count < 500:
            run.problem(phase, "only %d rows to compare" % count)


def proven(context, phase, runs):
    """That the phase was what it says: reads were compared, or answered by `new`; and that the proxy saw no divergence."""
    name, labels = {"leader": ("crossfade_shadow_comparisons_total", {}), "new": ("crossfade_reads_total", {"backend": "new"})}[phase]
    try:
        worked = context.proxy.metric(name, **labels) > 0
    except AssertionError:
        worked = False
    divergences = context.proxy.status()["applier"]["divergences"]
    for run in runs:
        if not worked:
            run.problem(phase, "no %s%s were counted" % (name, labels or ""))
        if divergences:
            run.problem(phase, "the proxy counted %d divergences in this phase" % divergences)


def phase_through(context, phase, runs, jobs):
    context.proxy.set_flags(**FLAGS[phase])

    def one(run):
        run.execute(phase, context.proxy.port, context)
        try:
            context.proxy.died()
        except AssertionError as death:
            run.problem(phase, "during or before this program %s" % death)
            context.proxy.start()

    each(runs, jobs, one)
    try:
        context.proxy.caught_up(180)
    except Timeout:
        # Which drivers are concerned shows in the comparison.
        print("%s: the proxy did not catch up: %s\n%s" % (phase, json.dumps(context.proxy.status()["applier"]), context.proxy.log_tail(5)))
    each(runs, 1, lambda run: context.compare(run, phase))
    proven(context, phase, runs)


def each(runs, jobs, function):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(function, runs))


def table(runs):
    rows = [("driver", "version", "leader answers", "new answers", "seconds")]
    for run in runs:
        if run.reason:
            rows.append((run.driver.name, "not run: " + run.reason.splitlines()[0][:150], "", "", ""))
            continue
        total = len(run.outputs["direct"])
        equal = ["%d of %d equal" % (run.equal[phase], total) if phase in run.equal else "-" for phase in PHASES[1:]]
        rows.append((run.driver.name, run.version[:40], *equal, " ".join("%.1f" % run.seconds[p] for p in PHASES if p in run.seconds)))
    widths = [max(len(row[i]) for row in rows if row[2] or i != 1) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def run_phases(options, phases, ready):
    context = Context(options)
    each(ready, 1, context.reset)
    say("running directly")
    each(ready, options.jobs, lambda run: run.execute("direct", context.servers.old.port, context))
    for phase in phases:
        if not context.proxy.process:
            context.begin()
        each(ready, 1, context.reset)
        say("running through the proxy: %s" % ("writes duplicated, all reads compared" if phase == "leader"
                                                 else "reads answered by new"))
        phase_through(context, phase, ready, options.jobs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "crossfade"))
    parser.add_argument("--group", choices=["debian", "all"], default="all")
    parser.add_argument("--only", default="", help="only drivers whose name has this; several with commas")
    parser.add_argument("--logs", default=os.path.join(ROOT, "build", "logs", "drivers"))
    parser.add_argument("--jobs", type=int, default=6, help="programs at a time; they wait more than they work")
    parser.add_argument("--feed", choices=harness.ALL_FEEDS, default="log")
    parser.add_argument("--direct", action="store_true", help="no proxy: checks the programs themselves")
    options = parser.parse_args()
    phases = PHASES[1:] if not options.direct else []
    options.binary = os.path.abspath(options.binary)
    drivers = [d for d in DRIVERS if options.group in ("all", d.group) and
               any(part.lower() in d.name.lower() for part in options.only.split(","))]
    runs = [Run(number, driver) for number, driver in enumerate(drivers, 1)]
    say("preparing %d drivers" % len(runs))
    each(runs, 1, Run.prepare)
    ready = [run for run in runs if not run.reason]
    problems = []
    if ready:
        try:
            run_phases(options, phases, ready)
        except Exception:  # of the servers or the proxy, not of one driver
            traceback.print_exc(file=sys.stdout)
            print("FAIL all drivers: ended early")
            print("0 passed, %d failed, %d skipped" % (len(ready), len(runs) - len(ready)))
            return 1
    for run in ready:
        run.equal = {phase: run.judge(phase) for phase in phases or ["direct"]}
        if phases:
            run.judge_known()
        problems += run.problems
    for problem in problems:
        print("FAIL " + problem)
    print(table(runs))
    reasons = {}
    for run in ready:
        for step in run.known:
            key = run.driver.name, step
            reasons.setdefault(KNOWN.get(key) or KNOWN_ON_NEW[key], []).append("%s (%s)" % (run.driver.name, step))
    for why, steps in sorted(reasons.items()):
        print("known: %s: %s" % (why, "; ".join(sorted(steps))))
    failed = sum(1 for run in ready if run.problems)
    print("%d passed, %d failed, %d skipped" % (len(ready) - failed, failed, len(runs) - len(ready)))
    return 1 if failed or not ready else 0


if __name__ == "__main__":
    sys.exit(main())
