"""The log: whoever reads it may stand still, and nobody can fill it."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import threading
import time

from harness import raises
from progress import wait_until
from servers import APP

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT)"
PIPE_BYTES = 4096


class Reader:
    """The end of a small pipe that reads when it is told to."""

    def __init__(self):
        self.end, self.writing_end = os.pipe()
        fcntl.fcntl(self.writing_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.text = b""

    def read_on(self):
        os.close(self.writing_end)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while piece := os.read(self.end, 65536):
            self.text += piece

    def lines(self):
        return self.text.decode(errors="replace").splitlines()


def write_and_read(session, first, count):
    with session.cursor() as cursor:
        for n in range(first, first + count):
            cursor.execute("INSERT INTO t VALUES (%s, 0)", (n,))
            cursor.execute("SELECT v FROM t WHERE id = %s", (n,))
            assert cursor.fetchall() == ((0,),)


def test_a_log_reader_that_stands_still_holds_nobody_up(env):
    env.tables(TABLE)
    proxy = env.proxy(config={"threads": 1}, start=False)
    reader = Reader()
    proxy.start(stderr=reader.writing_end)
    session = proxy.connect(database="app")
    # Lines of the main thread, and lines of the worker that clients cause: each more than the pipe holds.
    for _ in range(100):
        proxy.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)  # signals of one kind fall together
    for _ in range(50):
        raises(1045, proxy.connect, APP, "wrong")
    write_and_read(session, 1, 50)
    # Lines past what waits in memory.
    proxy.write_flags("version: 9\n" + "".join("nonsense_%d: 1\n" % n for n in range(3000)))
    wait_until(lambda: proxy.process.send_signal(signal.SIGHUP) or proxy.metric("crossfade_log_dropped_total") > 0, 60,
               "dropped lines")
    write_and_read(session, 100, 50)
    write_and_read(proxy.connect(database="app"), 200, 50)
    proxy.set_flags(read_from_new={"percent": 1})
    proxy.metric_comes(lambda value: value == 40, "crossfade_log_suppressed_total", kind="login_refused")
    reader.read_on()
    wait_until(lambda: any("log_kind=login_refused suppressed=40" in line for line in reader.lines()), 20, "the count")
    assert sum("login=refused" in line for line in reader.lines()) == 10
    env.assert_equal(proxy, rows_min=150)
    # The next line tells of what was dropped before it, so the count is complete once nothing more is dropped.
    wait_until(lambda: proxy.process.send_signal(signal.SIGHUP) or
               sum(int(n) for n in re.findall(r"log_dropped=(\d+)", "\n".join(reader.lines()))) ==
               proxy.metric("crossfade_log_dropped_total"), 20, "all dropped lines told")
    assert proxy.stop() == 0
    reader.thread.join(10)
    assert "stopped" in reader.lines()[-1], reader.lines()[-3:]


def test_the_end_does_not_wait_for_a_log_reader(env):
    proxy = env.proxy(start=False)
    reader = Reader()
    proxy.start(stderr=reader.writing_end)
    for _ in range(100):
        proxy.process.send_signal(signal.SIGHUP)
        time.sleep(0.001)
    started = time.monotonic()
    assert proxy.stop() == 0
    assert time.monotonic() - started < 10


def test_why_a_start_failed_is_the_last_thing_said(env):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        proxy = env.proxy(start=False)
        proxy.config["listen"] = [{"address": "127.0.0.1:%d" % taken.getsockname()[1]}]
        proxy.write_config()
        done = subprocess.run([env.binary, "serve", "--config", proxy.config_file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "start=failed" in done.stderr.splitlines()[-1] and "Address already in use" in done.stderr, done.stderr
