"""Backends that are named: several addresses, and a name server that never answers."""

import os
import socket
import threading
import time

from harness import Skip, raises
from progress import wait_until

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT)"
SILENT = "127.53.53.53"


class SilentNameServer:
    def __init__(self):
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.bind((SILENT, 53))
        except OSError as error:
            raise Skip("a name server of the test's own: %s" % error)
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        try:
            while self.socket.recv(512):
                self.asked += 1
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def named(env, hosts, **more):
    """A proxy with a hosts file and a name server of its own."""
    proxy = env.proxy(start=False, **more)
    files = {"/etc/hosts": "".join("%s %s\n" % pair for pair in hosts),
             "/etc/resolv.conf": "nameserver %s\noptions timeout:30 attempts:3\n" % SILENT}
    mounts = []
    for number, (path, text) in enumerate(files.items()):
        ours = os.path.join(proxy.directory, "names-%d" % number)
        with open(ours, "w") as out:
            out.write(text)
        mounts.append("mount --bind '%s' %s" % (ours, path))
    proxy.prefix = ["unshare", "--mount", "sh", "-c", " && ".join(mounts) + ' && exec "$0" "$@"']
    if os.system("unshare --mount true") != 0:
        raise Skip("no mounts of a process's own here")
    return proxy


def test_a_name_server_that_never_answers_costs_a_client_no_more_than_the_deadline(env):
    silent = SilentNameServer()
    proxy = named(env, [("127.0.0.1", "localhost")], config={
        "threads": 1, "backends": {name: {"address": "db-%s.example:3306" % name, "connect_timeout": "500ms"}
                                   for name in ("old", "new")}})
    proxy.start(ready=False)
    took = []

    def client():
        started = time.monotonic()
        _, message = raises(1053, proxy.wire)
        took.append(time.monotonic() - started)
        assert "resolving db-old.example took too long" in message, message

    # One after the other on a thread that waits, they would take a look-up's 90 s each.
    clients = [threading.Thread(target=client) for _ in range(20)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert len(took) == 20 and max(took) < 3, took
    wait_until(lambda: silent.asked, 10, "a question")
    proxy.get("/status")
    with open("/proc/%d/status" % proxy.process.pid) as status:
        threads = int(next(line for line in status if line.startswith("Threads:")).split()[1])
    assert threads < 20, threads
    assert proxy.stop() == 0
    silent.close()


def test_every_address_of_a_name_is_tried(env):
    env.tables(TABLE)
    # Nobody listens at the first ones.
    proxy = named(env, [("127.0.0.99", "db-old"), ("127.0.0.98", "db-old"), ("127.0.0.1", "db-old"), ("127.0.0.1", "db-new")],
                  config={"backends": {"old": {"address": "db-old:%d" % env.old.port},
                                       "new": {"address": "db-new:%d" % env.new.port}}})
    proxy.start()
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1, 1)")
    env.assert_equal(proxy, rows_min=1)
