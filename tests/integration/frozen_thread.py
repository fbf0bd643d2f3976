"""Holds one thread of a server still, by ptrace, while all others run on."""

import ctypes
import os
import signal

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # threads are no children

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None):
        raise OSError(ctypes.get_errno(), "ptrace: " + os.strerror(ctypes.get_errno()))


def thread_named(process, name):
    """Its number. ValueError: there is none."""
    for thread in os.listdir("/proc/%d/task" % process):
        with open("/proc/%d/task/%s/comm" % (process, thread)) as comm:
            if comm.read().strip() == name:
                return int(thread)
    raise ValueError("process %d has no thread %s" % (process, name))


class FrozenThread:
    """From begin to end of a `with`, which may end with kill()."""

    def __init__(self, process, name):
        self.process, self.thread = process, thread_named(process, name)

    def __enter__(self):
        _ptrace(SEIZE, self.thread)
        _ptrace(INTERRUPT, self.thread)
        os.waitpid(self.thread, WAIT_ALL)
        return self

    def kill(self):
        """kill -9 of the whole process. Of a thread that is traced something stays until its tracer has waited for it."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.thread, WAIT_ALL)
        self.thread = None

    def __exit__(self, *_):
        if self.thread:
            _ptrace(DETACH, self.thread)
