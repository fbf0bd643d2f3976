"""Clients that keep books: every transaction leaves a marker of its own, and each client remembers which ones were
acknowledged, which surely did not happen, and whose fate nobody told it. Afterwards the databases must agree with
the books."""

import random
import socket
import threading
import time

import pymysql

import wire

HOT, ACCOUNTS, MONEY = 10, 10, 1000

TABLES = [
    "CREATE TABLE hot (id INT PRIMARY KEY, v BIGINT NOT NULL, last VARCHAR(40) NOT NULL DEFAULT '')",
    "CREATE TABLE counters (id INT PRIMARY KEY, v BIGINT NOT NULL)",
    "CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL)",
    "CREATE TABLE markers (id BIGINT PRIMARY KEY, client INT NOT NULL, kind VARCHAR(10) NOT NULL, hot INT NOT NULL, "
    "at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), luck DOUBLE)",
    "CREATE TABLE audit (seq BIGINT AUTO_INCREMENT PRIMARY KEY, marker BIGINT NOT NULL, note VARCHAR(40), KEY (marker))",
    "INSERT INTO hot (id, v) VALUES " + ", ".join("(%d, 0)" % n for n in range(HOT)),
    "INSERT INTO counters VALUES " + ", ".join("(%d, 0)" % n for n in range(HOT)),
    "INSERT INTO accounts VALUES " + ", ".join("(%d, %d)" % (n, MONEY) for n in range(ACCOUNTS)),
]

# Errors after which the server has certainly kept nothing of the statement or transaction.
SURELY_UNDONE = {1205, 1213, 1040, 1045, 1053, 1290, 2003}


class Unknown(Exception):
    """The connection broke, or nobody knows what became of a statement."""


class Refused(Exception):
    """Certainly not done."""


def pieces_of(name):
    with open(name, "rb") as file:
        return [file.read()]


class Session:
    """Text statements through pymysql, or prepared ones through our own client: one interface."""

    def __init__(self, endpoint, prepared):
        self.prepared, self.statements = prepared, {}
        if prepared:
            self.connection = endpoint.wire(database="app", timeout=30, capabilities=wire.LOCAL_FILES)
            self.connection.files = pieces_of
        else:
            self.connection = endpoint.connect(database="app", read_timeout=30, local_infile=True)

    def run(self, sql, *values):
        try:
            if self.prepared:
                if not values:
                    self.connection.query(sql)
                    return
                if sql not in self.statements:
                    self.statements[sql] = self.connection.prepare(sql.replace("%s", "?"))[0]
                self.connection.execute(self.statements[sql], list(values))
                return
            with self.connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                cursor.fetchall()
        except wire.Err as error:
            raise (Refused if error.code in SURELY_UNDONE else Unknown)(error.code, error.message) from error
        except (wire.Closed, OSError, socket.timeout) as error:
            raise Unknown(2013, str(error)) from error
        except (pymysql.err.InterfaceError, AttributeError) as error:
            raise Unknown(2006, str(error)) from error
        except pymysql.MySQLError as error:
            code = error.args[0] if error.args else 0
            raise (Refused if code in SURELY_UNDONE else Unknown)(code, str(error)) from error

    def close(self):
        try:
            self.connection.close()
        except (pymysql.MySQLError, OSError):
            pass


class Client(threading.Thread):
    """Works until told to stop; reconnects whenever its session is gone."""

    def __init__(self, number, endpoint, seed, pace):
        super().__init__(daemon=True)
        self.number, self.endpoint, self.pace = number, endpoint, pace
        self.random = random.Random(seed * 1000 + number)
        self.prepared = number % 2 == 1
        self.stopping = threading.Event()
        self.acknowledged, self.undone, self.unknown = {}, set(), {}  # marker id -> kind
        self.counted, self.counted_unknown = [0] * HOT, [0] * HOT     # autocommit increments
        self.next_marker, self.reconnects, self.errors, self.failure = 0, 0, {}, None
        self.session = None

    def run(self):
        try:
            while not self.stopping.is_set():
                try:
                    if self.session is None:
                        self.session = self.open_session()
                        self.reconnects += 1
                except (Exception,) as error:
                    self.note(error)
                    time.sleep(0.05)
                    continue
                self.one()
                time.sleep(self.random.uniform(0, self.pace))
        except BaseException as error:  # reported by verify()
            self.failure = error

    def open_session(self):
        return Session(self.endpoint, self.prepared)

    def note(self, error):
        key = error.args[0] if error.args else type(error).__name__
        self.errors[key] = self.errors.get(key, 0) + 1
        if key == 1062 or key == 1364 or (isinstance(key, int) and key in (1235, 1105)):
            self.errors.setdefault("example of %s" % key, str(error))

    def drop(self):
        if self.session:
            self.session.close()
        self.session = None

    def one(self):
        kind = self.random.choices(["transfer", "hot", "single", "counter", "audit", "rollback", "leave", "read"],
                                   [25, 20, 15, 15, 8, 6, 3, 8])[0]
        marker = self.number * 10 ** 9 + self.next_marker
        self.next_marker += 1
        committing = False
        hot = self.random.randrange(HOT)
        try:
            if kind == "read":
                self.session.run("SELECT id, v FROM hot WHERE id = %s", hot)
                return
            if kind == "counter":
                committing = True
                self.session.run("UPDATE counters SET v = v + 1 WHERE id = %s", hot)
                self.counted[hot] += 1
                return
            if kind == "single":
                committing = True
                self.insert_marker(marker, kind, -1)
                self.acknowledged[marker] = kind
                return
            self.session.run(self.random.choice(["BEGIN", "START TRANSACTION"]))
            if kind == "transfer":
                source, target = self.random.sample(range(ACCOUNTS), 2)
                amount = self.random.randint(1, 20)
                self.session.run("UPDATE accounts SET balance = balance - %s WHERE id = %s", amount, source)
                self.session.run("UPDATE accounts SET balance = balance + %s WHERE id = %s", amount, target)
                self.insert_marker(marker, kind, -1)
            elif kind == "audit":
                self.insert_marker(marker, kind, -1)
                self.session.run("INSERT INTO audit (marker, note) VALUES (%s, 'first'), (%s, 'second')", marker, marker)
            else:
                self.session.run("UPDATE hot SET v = v + 1, last = %s WHERE id = %s", str(marker), hot)
                self.insert_marker(marker, kind, hot)
            if kind == "leave":
                self.undone.add(marker)
                self.drop()
                return
            if kind == "rollback":
                self.undone.add(marker)
                self.session.run("ROLLBACK")
                return
            committing = True
            self.session.run("COMMIT")
            self.acknowledged[marker] = kind
        except Refused as error:
            # In a transaction an error other than a deadlock leaves the transaction open: end it.
            self.note(error)
            self.undone.add(marker)
            if committing and kind not in ("counter", "single"):
                self.undone.discard(marker)
                self.remember_unknown(marker, kind, hot)
            self.drop()
        except Unknown as error:
            self.note(error)
            if committing:
                self.remember_unknown(marker, kind, hot)
            else:
                self.undone.add(marker)
            self.drop()

    def remember_unknown(self, marker, kind, hot):
        if kind == "counter":
            self.counted_unknown[hot] += 1
        else:
            self.unknown[marker] = kind

    def insert_marker(self, marker, kind, hot):
        self.session.run("INSERT INTO markers (id, client, kind, hot, luck) VALUES (%s, %s, %s, %s, RAND())", marker,
                         self.number, kind, hot)


def start_clients(endpoint, count, seed, pace=0.005):
    """`pace`: the longest pause between two transactions, so that the follower's lag stays within a test's patience."""
    clients = [Client(number, endpoint, seed, pace) for number in range(count)]
    for client in clients:
        client.start()
    return clients


def tell_to_stop(clients):
    for client in clients:
        client.stopping.set()


def stop_clients(clients):
    tell_to_stop(clients)
    for client in clients:
        client.join(60)
        client.drop()
    alive = [client.number for client in clients if client.is_alive()]
    assert not alive, "clients hang: %s" % alive
    for client in clients:
        if client.failure:
            raise client.failure


def check_books(clients, database):
    """What one database holds against what the clients were told; a list of complaints."""
    complaints = []
    present = {row[0]: row for row in database.run("SELECT id, client, kind, hot FROM app.markers")}
    for client in clients:
        missing = [m for m in client.acknowledged if m not in present]
        if missing:
            complaints.append("client %d: %d acknowledged transactions are missing, e.g. %s (%s)" % (
                client.number, len(missing), missing[0], client.acknowledged[missing[0]]))
        invented = [m for m in client.undone if m in present]
        if invented:
            complaints.append("client %d: %d undone transactions are there, e.g. %s" % (
                client.number, len(invented), present[invented[0]]))
    known = set()
    for client in clients:
        known |= set(client.acknowledged) | client.undone | set(client.unknown)
    strangers = set(present) - known
    if strangers:
        complaints.append("%d markers that nobody wrote" % len(strangers))
    total = int(database.run("SELECT SUM(balance) FROM app.accounts")[0][0])
    if total != ACCOUNTS * MONEY:
        complaints.append("the accounts hold %d, not %d" % (total, ACCOUNTS * MONEY))
    per_hot = {}
    for _, _, _, hot in present.values():
        per_hot[hot] = per_hot.get(hot, 0) + 1
    for number, value in database.run("SELECT id, v FROM app.hot"):
        if value != per_hot.get(number, 0):
            complaints.append("hot row %d counts %d, %d markers name it" % (number, value, per_hot.get(number, 0)))
    for number, value in database.run("SELECT id, v FROM app.counters"):
        low = sum(client.counted[number] for client in clients)
        high = low + sum(client.counted_unknown[number] for client in clients)
        if not low <= value <= high:
            complaints.append("counter %d is %d: acknowledged %d, of unknown fate %d" % (number, value, low, high - low))
    for marker, count in database.run("SELECT marker, COUNT(*) FROM app.audit GROUP BY marker"):
        if count != 2 or marker not in present:
            complaints.append("transaction %d has %d audit rows" % (marker, count))
    for client in clients:
        for key, text in client.errors.items():
            if str(key).startswith("example"):
                complaints.append("client %d: %s: %s" % (client.number, key, text))
    return complaints


def totals(clients):
    errors = {}
    for client in clients:
        for key, count in client.errors.items():
            if isinstance(count, int):
                errors[key] = errors.get(key, 0) + count
    return {"acknowledged": sum(len(c.acknowledged) + sum(c.counted) for c in clients),
            "undone": sum(len(c.undone) for c in clients),
            "unknown": sum(len(c.unknown) + sum(c.counted_unknown) for c in clients),
            "sessions": sum(c.reconnects for c in clients), "errors": errors}
