"""Many clients that come at once, as after a network's hiccup: what they cost the leader, and that all are answered."""

import threading
import time

from harness import both_roles
from progress import say
from wire import Err

CLIENTS = 500
WAVES = 4
TABLES = 4
MORE_MAX = 8  # connections of the proxy's own: few, whatever the number of clients


def connections_made(database):
    return int(database.run("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])


class Storm:
    """`CLIENTS` clients come in waves; each writes a row, reads it, and goes."""

    def __init__(self, connect, first_id):
        self.connect, self.first_id = connect, first_id
        self.errors, self.operations, self.longest = [], 0, 0.0
        self.lock = threading.Lock()

    def client(self, row, start):
        start.wait()
        began = time.monotonic()
        try:
            session = self.connect()
            session.query("INSERT INTO t%d VALUES (%d, 1)" % (row % TABLES, row))
            assert session.query("SELECT v FROM t%d WHERE id = %d" % (row % TABLES, row))[-1].rows == [["1"]]
            session.close()
        except (Err, OSError, AssertionError) as error:
            with self.lock:
                self.errors.append(error)
            return
        with self.lock:
            self.operations += 2
            self.longest = max(self.longest, time.monotonic() - began)

    def blow(self):
        """Operations a second."""
        began = time.monotonic()
        for wave in range(WAVES):
            start = threading.Barrier(CLIENTS)
            first = self.first_id + wave * CLIENTS
            threads = [threading.Thread(target=self.client, args=(first + n, start)) for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return self.operations / (time.monotonic() - began)


@both_roles
def test_five_hundred_clients_that_reconnect_at_once_are_all_answered(env):
    env.tables(*("CREATE TABLE t%d (id INT PRIMARY KEY, v INT)" % n for n in range(TABLES)))
    before = [server.run("SELECT @@max_connections")[0][0] for server in env.servers.both]
    env.servers.run("SET GLOBAL max_connections = 1000")
    try:
        proxy = env.proxy()
        # Directly some may find the server's backlog full, and never be greeted: a client's timeout.
        direct = Storm(lambda: env.old.wire(database="app", timeout=5), 0)
        rate_direct = direct.blow()
        made = connections_made(env.old)
        through = Storm(lambda: proxy.wire(database="app"), 1000000)
        rate_through = through.blow()
        made = connections_made(env.old) - made
        say("reconnects: %.0f operations/s direct (longest %.1f s, %d failed), %.0f/s through the proxy (longest %.1f s, %d failed), "
            "%d connections made for %d clients" % (rate_direct, direct.longest, len(direct.errors), rate_through, through.longest,
                                                    len(through.errors), made, CLIENTS * WAVES))
        assert not through.errors, (len(through.errors), through.errors[:3])
        assert through.operations == CLIENTS * WAVES * 2
        assert made <= CLIENTS * WAVES + MORE_MAX, made
        assert rate_through > rate_direct / 4
        proxy.caught_up()
    finally:
        for server, limit in zip(env.servers.both, before):
            server.run("SET GLOBAL max_connections = %s" % limit)
