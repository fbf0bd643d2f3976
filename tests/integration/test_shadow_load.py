"""Shadow reads beside many users, a full server and a statement that always differs."""

import threading

import pymysql

from harness import BOTH_ROLES
from progress import wait_until
from test_shadow import DIFFERENCES, FAST, SHADOW, compared, digests, find_sample, read_all

ROLES = BOTH_ROLES

USERS = ["shopper%d" % n for n in range(70)]


def connections_of(server, like):
    return server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE '%s'" % like)[0][0]


def shadow_connections(proxy):
    held = proxy.status()["shadow"]["connections"]
    return held["old"] + held["new"]


def test_seventy_users_leave_a_few_connections_and_then_none(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
    env.new.run("UPDATE app.t SET v = 3 WHERE id = 2")  # rechecks ask both sides
    for server in (env.old, env.new):
        for user in USERS:
            server.run("DROP USER IF EXISTS %s@'%%'" % user, "CREATE USER %s@'%%' IDENTIFIED BY 'x'" % user,
                       "GRANT SELECT ON app.* TO %s@'%%'" % user)
    config = {"users": [{"name": user, "password": "x"} for user in USERS],
              "shadow": {"connections": 3, "idle_timeout": "1s", "rechecks": 1, "recheck_delay": "10ms"}}
    proxy = env.proxy(config=config, flags=SHADOW)
    most = 0
    for user in USERS:
        with proxy.connect(user, "x", database="app") as session, session.cursor() as cursor:
            for text in ("SELECT v FROM t WHERE id = 1", "SELECT v AS w FROM t WHERE id = 2"):
                cursor.execute(text)
                cursor.fetchall()
        held = proxy.status()["shadow"]["connections"]
        most = max(most, held["old"], held["new"])
    assert most <= 3, most
    wait_until(lambda: compared(proxy) >= 70, 60, "comparisons under many users")
    proxy.metric_comes(lambda value: value >= 1, "crossfade_shadow_comparisons_total", verdict="value")
    for server in (env.old, env.new):
        wait_until(lambda: connections_of(server, "shopper%") == 0, 20, "idle connections closed")
    assert shadow_connections(proxy) == 0


def is_let_in(proxy):
    """A connection that is just closing, or another's that was faster, may take the room that was made."""
    try:
        with proxy.connect(database="app") as session:
            session.ping(reconnect=False)
        return True
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1040, error
        return False


def test_a_client_that_finds_the_server_full_of_shadow_reads_is_let_in(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
    env.new.run("UPDATE app.t SET v = 3")
    proxy = env.proxy(config={"shadow": {"connections": 4, "rechecks": 1, "recheck_delay": "10ms"}}, flags=SHADOW)
    others = [env.old.connect() for _ in range(10)]
    (before,), = env.old.run("SELECT @@max_connections")
    try:
        with others[0].cursor() as root, proxy.connect(database="app") as session, session.cursor() as cursor:
            cursor.execute("SELECT v FROM t")
            wait_until(lambda: proxy.status()["shadow"]["connections"]["old"] > 0, 20, "shadow reads on `old`")
            root.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
            root.execute("SET GLOBAL max_connections = %d" % int(root.fetchone()[1]))
            wait_until(lambda: is_let_in(proxy), 20, "the second client")
            wait_until(lambda: proxy.status()["shadow"]["connections"]["old"] == 0, 20, "none for shadow reads")
    finally:
        with others[0].cursor() as root:
            root.execute("SET GLOBAL max_connections = %d" % before)
        for other in others:
            other.close()


def test_clients_get_the_connections_that_shadow_reads_would_have(env):
    """`old` has room for few: while reads go on all the time, clients get all of it but for the reserve, and the last."""
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
    env.new.run("UPDATE app.t SET v = 3 WHERE id = 2")
    proxy = env.proxy(config={"shadow": {"connections": 4, "rechecks": 1, "recheck_delay": "10ms"}}, flags=SHADOW)
    stop = threading.Event()

    def read():
        with proxy.connect(database="app") as session, session.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT v FROM t WHERE id = 2")
                cursor.fetchall()
                cursor.execute("SELECT v + 0 FROM t WHERE id = 1")
                cursor.fetchall()
                stop.wait(0.01)

    before = env.old.run("SELECT @@max_connections")[0][0]
    reader = threading.Thread(target=read)
    reader.start()
    clients = []
    try:
        wait_until(lambda: proxy.status()["shadow"]["connections"]["old"] > 0, 20, "shadow reads on `old`")
        used = int(env.old.run("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1])
        env.old.run("SET GLOBAL max_connections = %d" % max(used + 8, 20))

        def enter():
            try:
                clients.append(proxy.connect(database="app"))
            except pymysql.MySQLError as error:
                assert error.args[0] == 1040, error
            return int(env.old.run("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1])

        limit = int(env.old.run("SELECT @@max_connections")[0][0])
        # The test's own connection takes the last of them each time.
        wait_until(lambda: enter() >= limit, 30, "clients on every connection")
        # What shadow reads leave free is the clients', who go on coming.
        wait_until(lambda: enter() and proxy.status()["shadow"]["connections"]["old"] == 0, 20, "none for shadow reads")
        wait_until(lambda: proxy.metric("crossfade_shadow_skipped_total", reason="no_connection") > 0, 30, "rechecks that found none")
    finally:
        stop.set()
        for client in clients:
            client.close()
        reader.join()
        wait_until(lambda: env.old.run("SET GLOBAL max_connections = %d" % before) is not None, 20, "the old limit")


def test_a_difference_is_found_beside_a_statement_that_always_differs(env):
    """60 reads a second of one statement that differs each time; what is planted in another is confirmed in 10 s."""
    env.needs_proxy()
    count = 40
    env.tables("CREATE TABLE noise (id INT PRIMARY KEY, v INT)", "INSERT INTO noise VALUES (1, 1)",
               "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES " + ", ".join("(%d, 0)" % n for n in range(count)))
    env.new.run("UPDATE app.noise SET v = 2")
    proxy = env.proxy(config={"shadow": {"plaintext_samples": True}}, flags=SHADOW)
    stop = threading.Event()

    def read(pause, texts):
        with proxy.connect(database="app") as session, session.cursor() as cursor:
            while not stop.is_set():
                for text in texts:
                    cursor.execute(text)
                    cursor.fetchall()
                    stop.wait(pause)

    threads = [threading.Thread(target=read, args=(1 / 60, ["SELECT v FROM noise WHERE id = 1"])),
               threading.Thread(target=read, args=(1 / 40, ["SELECT v AS v_%d FROM t WHERE id = %d" % (n, n) for n in range(count)]))]
    for thread in threads:
        thread.start()

    def found(n):
        return any(s["column"] == "v_%d" % n for _, s in find_sample(proxy))

    try:
        wait_until(lambda: proxy.metric("crossfade_shadow_skipped_total", reason="backed_off") > 60, 60, "the noise held back")
        for n in (0, 17, 39):
            env.new.run("UPDATE app.t SET v = 1 WHERE id = %d" % n)
            wait_until(lambda: found(n), 10, "the difference in statement %d" % n)
        env.new.run("UPDATE app.t SET v = 2")
        wait_until(lambda: all(found(n) for n in range(count)), 20, "all of them")
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_another_order_counts_where_order_by_leaves_but_one(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, kind INT, code INT NOT NULL UNIQUE, loose INT UNIQUE, v INT)",
               "INSERT INTO t VALUES (1, 1, 10, 1, 100), (2, 1, 20, 2, 200)")
    proxy = env.proxy(config=FAST, flags=SHADOW)
    env.new.run("UPDATE app.t SET v = 300 - v")
    total = ["SELECT v AS a FROM t ORDER BY id", "SELECT v AS b FROM app.t x WHERE kind = 1 ORDER BY kind, x.code DESC LIMIT 10"]
    open_ = ["SELECT v AS c FROM t ORDER BY kind", "SELECT v AS d FROM t ORDER BY loose", "SELECT v AS e FROM t",
             "SELECT v, kind AS id FROM t ORDER BY id"]
    read_all(proxy, total + open_)
    wait_until(lambda: compared(proxy) >= len(total + open_), 20, "all compared")
    verdicts = {d["text"]: d["verdicts"] for d in digests(proxy)}
    counted = [text for text, found in verdicts.items() if any(found.get(name) for name in DIFFERENCES)]
    assert len(counted) == 2 and all(verdicts[text].get("order") == 1 for text in counted), verdicts
    notes = [text for text, found in verdicts.items() if found.get("order_only")]
    assert len(notes) == len(open_), verdicts


def test_latencies_of_both_sides_are_shown_to_the_first_and_the_last_byte(env):
    env.needs_proxy()
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    proxy = env.proxy(flags=SHADOW)
    read_all(proxy, ["SELECT id FROM t"], 5)
    wait_until(lambda: compared(proxy) >= 5, 20, "comparisons")
    for digest in digests(proxy):
        if not digest["compared"]:
            continue
        old, new = digest["latency"]["old"], digest["latency"]["new"]
        assert old["count"] == new["count"] == digest["compared"], digest
        for side in (old, new):
            assert 0 < side["first_byte"]["p50_us"] <= side["p50_us"], digest
