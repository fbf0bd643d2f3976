"""What the tests use of this machine: the repository, its scripts, ports, and folders that are thrown away."""

import atexit
import os
import resource
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


PORTS_AT_ONCE = 4  # to ask takes longer than to be given them
claimed = []


def free_port():
    """No other process that runs beside this one gets it, too."""
    if not claimed:
        claimed.extend(script(SERVERS, "port", str(PORTS_AT_ONCE)).split())
    return int(claimed.pop())


def tail(path, lines):
    try:
        with open(path, errors="replace") as text:
            return "".join(text.readlines()[-lines:])
    except OSError:
        return ""


MEMORY, MEMORY_BYTES_MIN = "/dev/shm", 6 << 30


def throwaway_directory(medium="memory"):
    """In memory where there is plenty: servers write as they do on a disk, fsync and all, but wait for none. What kill -9
    leaves behind is the same there. Or on a "disk", where commits take what they take of users."""
    roomy = os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    parent = {"memory": MEMORY if roomy else None, "disk": "/var/tmp"}[medium]
    path = tempfile.mkdtemp(prefix="crossfade-test-", dir=parent)
    atexit.register(shutil.rmtree, path, True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    return path


def cpu_seconds(directory):
    """What this process, its children that have ended, and the servers that live in `directory` have computed so far, in
    seconds. What a server computed that has ended since is not in it."""
    total = sum(usage.ru_utime + usage.ru_stime
                for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % process) as command, open("/proc/%s/stat" % process) as stat:
                if "--datadir=" + directory in command.read():
                    user, system = stat.read().rpartition(")")[2].split()[11:13]
                    total += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass  # it has ended
    return total
