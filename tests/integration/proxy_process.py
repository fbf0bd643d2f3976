"""A real proxy: its configuration, its process, its admin port, and clients of it."""

import atexit
import json
import os
import re
import subprocess
import urllib.request

import pymysql

from machine import free_port, tail
from progress import Timeout, wait_until
from servers import APP, APP_PASSWORD, CONTROL, CONTROL_PASSWORD
from wire import Connection as Wire


class Broken(AssertionError):
    """Data that differ, or a proxy that ended: once is too often, whatever a second run says."""


def to_yaml(value, indent=0):
    """Block style, every string that is not plainly a word or a quantity in quotes."""
    pad = "  " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append("%s%s:%s" % (pad, key, "\n" + to_yaml(item, indent + 1) if item else " {}"))
        elif isinstance(item, list):
            lines.append("%s%s:" % (pad, key) if item else "%s%s: []" % (pad, key))
            for element in item:
                if isinstance(element, dict):
                    inner = to_yaml(element, indent + 2)
                    lines.append("%s  -%s" % (pad, inner[len(pad) + 3:]))
                else:
                    lines.append("%s  - %s" % (pad, scalar(element)))
        else:
            lines.append("%s%s: %s" % (pad, key, scalar(item)))
    return "\n".join(lines)


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if re.fullmatch(r"\d+(ms|s|m|h|B|KiB|MiB|GiB)", value):
        return value
    return json.dumps(value)


def merge(base, changes):
    result = dict(base)
    for key, value in changes.items():
        result[key] = merge(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


FLAGS = {"version": 1, "dual_write": {"enabled": True, "ack": "leader"}, "shadow_read": {"percent": 0},
         "read_from_new": {"percent": 0, "by": "session"}, "freeze_writes": False, "kill_switch": False}


class Proxy:
    """One crossfade process on fixed ports. `config` and `flags` are merged over the defaults."""

    def __init__(self, binary, directory, servers, config=None, flags=None, old_port=None, new_port=None, environment=None):
        self.binary, self.directory, self.environment = binary, directory, environment or {}
        self.port, self.admin_port = free_port(), free_port()
        self.process, self.starts = None, 0
        self.prefix = []  # a command that the proxy is run by
        self.config_file = os.path.join(directory, "crossfade.yaml")
        self.flags_file = os.path.join(directory, "flags.yaml")
        self.log_file = os.path.join(directory, "crossfade.log")
        os.makedirs(directory, exist_ok=True)
        self.flags = merge(FLAGS, flags or {})
        self.config = merge({
            "listen": [{"address": "127.0.0.1:%d" % self.port}],
            "admin": {"address": "127.0.0.1:%d" % self.admin_port},
            "state_dir": os.path.join(directory, "state"),
            "backends": {"old": {"address": "127.0.0.1:%d" % (old_port or servers.old.port)},
                         "new": {"address": "127.0.0.1:%d" % (new_port or servers.new.port)}},
            "control": {"schema": "crossfade", "old": {"user": CONTROL, "password": CONTROL_PASSWORD},
                        "new": {"user": CONTROL, "password": CONTROL_PASSWORD}},
            "users": [{"name": APP, "password": APP_PASSWORD}],
            # Whoever answers, it is not because the machine is busy.
            "reads": {"max_lag": "1m", "read_your_writes_timeout": "10s"},
            "flags": {"file": self.flags_file}}, config or {})
        self.write_config()
        self.set_flags(wait=False)

    def write_config(self):
        with open(self.config_file, "w") as out:
            out.write(to_yaml(self.config) + "\n")

    def start(self, ready=True, deadline=120, stderr=None):
        """`stderr`: a descriptor, in the place of the log file."""
        self.starts += 1
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.binary, "serve", "--config", self.config_file], stdout=log,
                                            stderr=log if stderr is None else stderr, stdin=subprocess.DEVNULL, cwd=self.directory,
                                            env=dict(os.environ, **self.environment))
        atexit.register(self.kill)
        wait_until(lambda: self.died() or self.get("/liveness"), deadline, "the proxy's liveness")
        if ready:
            wait_until(lambda: self.died() or self.get("/readiness"), deadline, "the proxy's readiness")
        return self

    def died(self):
        code = self.process.poll()
        if code is not None:
            raise Broken("the proxy ended with exit code %s; log:\n%s" % (code, self.log_tail()))
        return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, deadline=30):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(deadline)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def reads_from_new(self):
        return self.flags["read_from_new"]["percent"] > 0 and self.flags["dual_write"]["enabled"]

    def brings_everything(self):
        """Whether all that the leader does reaches the follower, past the proxy too."""
        return self.running() and self.config.get("dual_write", {}).get("feed") == "log" and self.flags["dual_write"]["enabled"]

    def log_tail(self, lines=40):
        return tail(self.log_file, lines)

    # Admin.

    def get(self, path, token=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.admin_port, path))
        if token:
            request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.get("/status"))

    def report(self):
        return json.loads(self.get("/report"))

    def metric(self, name, **labels):
        """Sum of a metric over the samples that have these labels."""
        total, found = 0.0, False
        for line in self.get("/metrics").splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name and all('%s="%s"' % pair in (match[2] or "") for pair in labels.items()):
                total, found = total + float(match[3]), True
        if not found:
            raise AssertionError("no metric %s %s" % (name, labels))
        return total

    def metric_comes(self, good, name, **labels):
        """Waits until a metric is as it should be: a statement is counted a moment after its answer has gone out."""
        try:
            wait_until(lambda: not self.died() and good(self.metric(name, **labels)), 20)
        except Timeout:
            raise AssertionError("%s %s is %s" % (name, labels, self.metric(name, **labels)))

    def caught_up(self, deadline=60):
        try:
            return wait_until(lambda: not self.died() and self.status()["caught_up"] is True, deadline, "caught_up")
        except Timeout as error:
            status = self.status()
            parked = json.dumps(status["applier"]["parked"])  # first, where a short view still shows it
            raise Timeout("%s; stopped: %s; status: %s" % (error, parked, json.dumps(status))) from None

    def reads_may_go(self, deadline=60):
        """Until the follower is known to be up to date, reads stay with the leader; those of stopped tables do for longer."""
        def known():
            status = self.status()
            return status["feed"]["readable"] and (status["caught_up"] or status["applier"]["parked"])
        wait_until(lambda: not self.died() and known(), deadline, "a follower that may be read")

    def set_flags(self, wait=True, **changes):
        """Changes flags as an operator's tool would (atomic rename), with the next version."""
        self.flags = merge(self.flags, dict(changes, version=self.flags["version"] + (1 if changes else 0)))
        self.write_flags(to_yaml(self.flags) + "\n")
        if wait:
            wait_until(lambda: not self.died() and self.status()["flags"]["version"] == self.flags["version"], 10, "the new flags")

    def write_flags(self, text):
        with open(self.flags_file + ".part", "w") as out:
            out.write(text)
        os.rename(self.flags_file + ".part", self.flags_file)

    # Clients.

    def connect(self, user=APP, password=APP_PASSWORD, **more):
        options = {"autocommit": True, "charset": "utf8mb4", "connect_timeout": 10, "read_timeout": 60}
        options.update(more)
        return pymysql.connect(host="127.0.0.1", port=self.port, user=user, password=password, **options)

    def wire(self, user=APP, password=APP_PASSWORD, **more):
        return Wire("127.0.0.1", self.port, user, password, **more)

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024
