"""What the tests use of this machine: the repository, its scripts, ports, and folders that are thrown away."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVERS = os.path.join(ROOT, "scripts", "servers")


def script(*arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("%s: exit code %d: %s%s" % (" ".join(arguments), done.returncode, done.stdout, done.stderr))
    return done.stdout.strip()


_used_ports = set()


def free_port():
    while True:
        port = int(script(SERVERS, "port"))
        if port not in _used_ports:
            _used_ports.add(port)
            return port


def tail(path, lines):
    try:
        with open(path, errors="replace") as text:
            return "".join(text.readlines()[-lines:])
    except OSError:
        return ""


def throwaway_directory():
    path = tempfile.mkdtemp(prefix="crossfade-test-")
    atexit.register(shutil.rmtree, path, True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    return path
