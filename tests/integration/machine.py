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


_used_ports, _share = set(), (0, 1)


def use_ports(number, of):
    """From now on only ports that no other of so many processes side by side takes."""
    global _share
    _share = (number, of)


def free_port():
    while True:
        port = int(script(SERVERS, "port"))
        if port not in _used_ports and port % _share[1] == _share[0]:
            _used_ports.add(port)
            return port


def tail(path, lines):
    try:
        with open(path, errors="replace") as text:
            return "".join(text.readlines()[-lines:])
    except OSError:
        return ""


MEMORY, MEMORY_BYTES_MIN = "/dev/shm", 6 << 30


def throwaway_directory():
    """In memory where there is plenty: servers write as they do on a disk, fsync and all, but wait for none. What kill -9
    leaves behind is the same there."""
    roomy = os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    path = tempfile.mkdtemp(prefix="crossfade-test-", dir=MEMORY if roomy else None)
    atexit.register(shutil.rmtree, path, True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    return path
