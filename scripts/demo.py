"""What scripts/demo shows, once everything is built. The databases, the proxy and all files live in one throwaway
folder; the load is ordinary PyMySQL clients."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))

import progress  # noqa: E402
from comparing import compare_databases  # noqa: E402
from machine import throwaway_directory  # noqa: E402
from progress import say, wait_until  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from servers import APP, APP_PASSWORD, Servers  # noqa: E402

progress.STARTED = int(os.environ.get("CROSSFADE_STARTED_AT", time.time()))

SCHEMA = [
    "CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(80) NOT NULL, "
    "profile JSON, last_seen DATETIME(6) NULL, UNIQUE KEY by_email (email))",
    "CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, price DECIMAL(10,2) NOT NULL, "
    "stock INT NOT NULL, changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))",
    "CREATE TABLE shop.orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL, "
    "placed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), state VARCHAR(10) NOT NULL DEFAULT 'new', "
    "total DECIMAL(12,2) NOT NULL, KEY by_customer (customer_id), "
    "FOREIGN KEY (customer_id) REFERENCES shop.customers (id))",
    "CREATE TABLE shop.order_items (order_id BIGINT NOT NULL, line INT NOT NULL, product_id INT NOT NULL, "
    "quantity INT NOT NULL, price DECIMAL(10,2) NOT NULL, PRIMARY KEY (order_id, line), "
    "FOREIGN KEY (order_id) REFERENCES shop.orders (id))",
    "CREATE TABLE shop.days (day DATE PRIMARY KEY, orders INT NOT NULL, total DECIMAL(14,2) NOT NULL)",
    "CREATE TABLE shop.vouchers (code CHAR(36) PRIMARY KEY, customer_id INT NOT NULL, worth DOUBLE NOT NULL)",
    "CREATE TABLE shop.popular (product_id INT PRIMARY KEY, sold INT NOT NULL)",
]
# What only the leader has to have: its effects travel as rows.
ON_OLD = [
    "CREATE TRIGGER shop.orders_counted AFTER INSERT ON shop.orders FOR EACH ROW "
    "INSERT INTO shop.days (day, orders, total) VALUES (DATE(NEW.placed), 1, NEW.total) "
    "ON DUPLICATE KEY UPDATE orders = orders + 1, total = total + NEW.total",
    "CREATE PROCEDURE shop.settle(IN customer INT) BEGIN "
    "UPDATE shop.orders SET state = 'paid' WHERE customer_id = customer AND state = 'new'; "
    "INSERT INTO shop.vouchers (code, customer_id, worth) SELECT UUID(), customer, SUM(total) / 100 FROM shop.orders "
    "WHERE customer_id = customer HAVING SUM(total) > 0; END",
]
BLOCKED = 4  # exit code of preflight
CUSTOMERS, PRODUCTS, ORDERS = 1500, 400, 2500
NAMES = ("Ada", "Boris", "Chloé", "Dмitri", "Eiko 栄子", "Fatima", "Grzegorz", "Håkon")
PLANTED_PRODUCT = 77


def seed(database):
    rng = random.Random(7)
    prices = {n: "%d.%02d" % (rng.randint(1, 200), rng.randint(0, 99)) for n in range(PRODUCTS)}
    with database.connect(autocommit=False) as session, session.cursor() as cursor:
        cursor.executemany("INSERT INTO shop.customers (id, name, email, profile) VALUES (%s, %s, %s, %s)",
                           [(n, "%s %d" % (rng.choice(NAMES), n), "c%d@example.com" % n,
                             '{"vip": %s, "score": %d.50}' % (rng.choice(("true", "false")), n)) for n in range(CUSTOMERS)])
        cursor.executemany("INSERT INTO shop.products (id, name, price, stock) VALUES (%s, %s, %s, %s)",
                           [(n, "Product %d" % n, price, 100000) for n, price in prices.items()])
        cursor.executemany("INSERT INTO shop.orders (id, customer_id, state, total) VALUES (%s, %s, %s, %s)",
                           [(n, rng.randrange(CUSTOMERS), rng.choice(("new", "paid", "sent")), "%d.00" % (n % 500))
                            for n in range(1, ORDERS + 1)])
        items = []
        for order in range(1, ORDERS + 1):
            for line in range(rng.randint(1, 4)):
                product = rng.randrange(PRODUCTS)
                items.append((order, line, product, rng.randint(1, 5), prices[product]))
        cursor.executemany("INSERT INTO shop.order_items VALUES (%s, %s, %s, %s, %s)", items)
        session.commit()


def command(binary, proxy, *words):
    """What the command says, shown as it comes; its exit code."""
    say("$ crossfade " + " ".join(words))
    return subprocess.run([binary, *words, "--config", proxy.config_file], stderr=subprocess.DEVNULL).returncode


def prepare(proxy, binary, findings):
    """Before anything moves: what stands in the way, and the tables that `new` does not have."""
    findings.check(command(binary, proxy, "preflight") == BLOCKED, "preflight says that `new` is not ready")
    made = command(binary, proxy, "preflight", "--fix-schema", "--execute")
    findings.check(made == 0, "its schema was made on `new` from the definitions of `old`")
    findings.check(command(binary, proxy, "preflight") == 0, "preflight finds nothing that stands in the way")


def copy(proxy, binary, watch, findings):
    """The rows that are on `old` alone, while the application writes."""
    job = lambda: json.loads(proxy.get("/jobs/backfill"))  # noqa: E731
    watch.phase("copying, writes to both", 3)
    wait_until(lambda: job()["state"] not in ("running", "starting"), 120, "the end of the copy")
    command(binary, proxy, "backfill", "status")
    findings.check(job()["state"] == "done", "%d rows were copied while the application wrote" % job()["rows"])


def compare(proxy, binary, findings):
    """Row by row, while the application writes."""
    same = command(binary, proxy, "verify", "start")
    rows = json.loads(proxy.get("/jobs/verify"))["rows"]
    findings.check(same == 0, "verify compared %d rows while the application wrote, and none differs" % rows)


class Shopper(threading.Thread):
    """One application thread: mostly reads, some orders; a new connection now and then, as applications have."""

    def __init__(self, number, proxy):
        super().__init__(daemon=True)
        self.random, self.proxy = random.Random(number), proxy
        self.stopping, self.statements, self.errors = threading.Event(), 0, []

    def run(self):
        while not self.stopping.is_set():
            try:
                with self.proxy.connect(database="shop", autocommit=True) as session, session.cursor() as cursor:
                    for _ in range(self.random.randint(10, 30)):
                        if self.stopping.is_set():
                            return
                        self.act(cursor)
                        # A busy shop, not a benchmark: on two cores everything here shares them.
                        time.sleep(self.random.uniform(0.002, 0.018))
            except Exception as error:
                self.errors.append(error)
                time.sleep(0.1)

    def execute(self, cursor, sql, *values):
        cursor.execute(sql, values or None)
        self.statements += 1
        return cursor.fetchall()

    def act(self, cursor):
        rng, run = self.random, self.execute
        dice = rng.random()
        customer, product = rng.randrange(CUSTOMERS), rng.randrange(PRODUCTS)
        if dice < 0.45:
            run(cursor, "SELECT id, name, price, stock FROM products WHERE id = %s", product)
        elif dice < 0.60:
            run(cursor, "SELECT name, email, profile FROM customers WHERE id = %s", customer)
        elif dice < 0.75:
            run(cursor, "SELECT o.id, o.total, COUNT(i.line) FROM orders o JOIN order_items i ON i.order_id = o.id "
                        "WHERE o.customer_id = %s GROUP BY o.id, o.total ORDER BY o.id", customer)
        elif dice < 0.85:
            run(cursor, "UPDATE customers SET last_seen = NOW(6) WHERE id = %s", customer)
        elif dice < 0.87:  # a range, by no key
            run(cursor, "UPDATE orders SET state = 'sent' WHERE state = 'paid' AND total BETWEEN %s AND %s", customer % 400,
                customer % 400 + 20)
        elif dice < 0.88:
            run(cursor, "INSERT INTO popular SELECT product_id, SUM(quantity) FROM order_items WHERE product_id < %s "
                        "GROUP BY product_id ON DUPLICATE KEY UPDATE sold = VALUES(sold)", product % 20)
        elif dice < 0.89:
            run(cursor, "CALL settle(%s)", customer)
        else:
            if product == PLANTED_PRODUCT:  # sold out: a row that travels brings its other columns, too
                product += 1
            quantity = rng.randint(1, 3)
            run(cursor, "BEGIN")
            price = run(cursor, "SELECT price FROM products WHERE id = %s FOR UPDATE", product)[0][0]
            run(cursor, "INSERT INTO orders (customer_id, total) VALUES (%s, %s)", customer, price * quantity)
            order = cursor.lastrowid
            run(cursor, "INSERT INTO order_items VALUES (%s, 0, %s, %s, %s)", order, product, quantity, price)
            run(cursor, "UPDATE products SET stock = stock - %s WHERE id = %s", quantity, product)
            run(cursor, "ROLLBACK" if rng.random() < 0.05 else "COMMIT")


class Watch:
    """One line a second of what the proxy's own metrics say about the last second."""

    def __init__(self, proxy, shoppers):
        self.proxy, self.shoppers = proxy, shoppers
        self.last, self.last_at, self.statements = self.sample(), time.monotonic(), self.total()

    def total(self):
        return sum(shopper.statements for shopper in self.shoppers)

    def sample(self):
        values = {}
        for line in self.proxy.get("/metrics").splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def delta(self, now, name, *labels):
        return sum(value - self.last.get(key, 0) for key, value in now.items()
                   if key.split("{")[0] == name and all(label in key for label in labels))

    def median(self, now, backend):
        """Upper bound of the bucket that holds the median, in milliseconds."""
        buckets = []
        for key, value in now.items():
            if key.startswith("crossfade_read_duration_seconds_bucket{") and 'backend="%s"' % backend in key:
                bound = key.split('le="')[1].split('"')[0]
                buckets.append((float("inf") if bound == "+Inf" else float(bound), value - self.last.get(key, 0)))
        buckets.sort()
        if not buckets or buckets[-1][1] == 0:
            return "   -  "
        bound = next(b for b, count in buckets if count * 2 >= buckets[-1][1])
        return "%5.1fms" % (bound * 1000)

    def line(self, phase):
        now, at, statements = self.sample(), time.monotonic(), self.total()
        seconds = at - self.last_at
        new = self.delta(now, "crossfade_reads_total", 'backend="new"')
        old = self.delta(now, "crossfade_reads_total", 'backend="old"')
        share = 100 * new / (new + old) if new + old else 0
        bad = sum(v for k, v in now.items() if k.startswith("crossfade_shadow_comparisons_total") and any(
            '"%s"' % verdict in k for verdict in ("value", "row_missing", "row_extra", "error_one_side", "error_differs")))
        compared = self.delta(now, "crossfade_shadow_comparisons_total") - self.delta(
            now, "crossfade_shadow_comparisons_total", '"skipped"')
        say("%-22s %5.0f q/s | reads by new %5.1f %% | lag %3d | p50 <= old %s new %s | compared %4.0f/s, differences %d" % (
            phase, (statements - self.statements) / seconds, share, now.get("crossfade_lag_entries", 0),
            self.median(now, "old"), self.median(now, "new"), compared / seconds, bad))
        self.last, self.last_at, self.statements = now, at, statements
        return share

    def phase(self, name, seconds):
        """The share of reads that `new` answered, over the seconds after the change settled."""
        shares = []
        for _ in range(seconds):
            time.sleep(1)
            shares.append(self.line(name))
        return sum(shares[1:]) / max(1, len(shares) - 1)


class Findings:
    """What must hold at the end, checked and said one by one."""

    def __init__(self):
        self.lines, self.broken = [], 0

    def check(self, good, text):
        self.lines.append("  %s %s" % ("ok  " if good else "FAIL", text))
        self.broken += not good
        say(self.lines[-1].strip())


DIFFERENCES = ("value", "row_missing", "row_extra", "error_one_side", "error_differs")


def is_planted(digest, sample):
    return "products" in digest["tables"] and sample["column"] == "price" and str(PLANTED_PRODUCT) in sample["row_key"]


def confirmed(report):
    return [(digest, sample) for digest in report["digests"] for sample in digest["samples"]
            if sample["verdict"] in DIFFERENCES]


def show(servers, proxy, binary, findings):
    started = command(binary, proxy, "backfill", "start", "--detach", "--max-rows-per-second", "4000")
    findings.check(started == 0, "the copy of the existing rows was started")
    shoppers = [Shopper(number, proxy) for number in range(8)]
    for shopper in shoppers:
        shopper.start()
    watch = Watch(proxy, shoppers)
    copy(proxy, binary, watch, findings)
    compare(proxy, binary, findings)
    watch.phase("writes to both", 2)
    proxy.set_flags(shadow_read={"percent": 100})
    watch.phase("+ shadow reads 100 %", 4)
    for percent, low, high in ((5, 0.1, 15), (50, 30, 70), (100, 90, 100)):
        proxy.set_flags(read_from_new={"percent": percent})
        share = watch.phase("reads from new %3d %%" % percent, 6)
        findings.check(low <= share <= high, "at %d %% `new` answered %.1f %% of the reads" % (percent, share))

    say("planting a difference: on `new` alone, product %d gets another price" % PLANTED_PRODUCT)
    old_price = servers.new.run("SELECT price FROM shop.products WHERE id = %d" % PLANTED_PRODUCT)[0][0]
    servers.new.run("UPDATE shop.products SET price = price + 1, changed = changed WHERE id = %d" % PLANTED_PRODUCT)
    found = None
    for _ in range(15):
        watch.phase("reads from new 100 %", 1)
        found = next((pair for pair in confirmed(proxy.report()) if is_planted(*pair)), None)
        if found:
            break
    findings.check(bool(found), "the report names the planted difference")
    if found:
        digest, sample = found
        say("  digest  %s on %s" % (digest["id"], digest["tables"]))
        say("  query   %s" % digest["text"])
        say("  row     %s, column %s: the answer had %s, the other side %s" % (
            sample["row_key"], sample["column"], sample["control"], sample["candidate"]))
    servers.new.run("UPDATE shop.products SET price = %s, changed = changed WHERE id = %d" % (old_price, PLANTED_PRODUCT))
    say("repaired; and back: one flag")
    proxy.set_flags(kill_switch=True)
    share = watch.phase("rolled back", 4)
    findings.check(share == 0, "after the rollback `old` answered every read")

    for shopper in shoppers:
        shopper.stopping.set()
    for shopper in shoppers:
        shopper.join(30)
    with proxy.connect(database="shop") as session, session.cursor() as cursor:
        cursor.execute("ALTER TABLE vouchers ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'thanks', ADD KEY (customer_id)")
        cursor.execute("UPDATE vouchers SET note = 'used' WHERE worth > 10")
    say("altered a table through the proxy: the schema change followed in its place")
    proxy.caught_up(60)
    errors = [error for shopper in shoppers for error in shopper.errors]
    findings.check(not errors, "%d statements, %d errors%s" % (watch.total(), len(errors), ": %s" % errors[0] if errors else ""))
    others = [(digest["text"], sample) for digest, sample in confirmed(proxy.report()) if not is_planted(digest, sample)]
    findings.check(not others, "no other difference was reported" + (": %s %s" % others[0] if others else ""))
    differences, rows = compare_databases(servers.old, servers.new, ["shop"])
    vouchers = servers.new.run("SELECT COUNT(*) FROM shop.vouchers")[0][0]
    findings.check(vouchers > 0 and servers.new.run("SELECT COUNT(*) FROM shop.popular")[0][0] > 0,
                   "triggers, procedures, ranges, ON DUPLICATE KEY and UUID() arrived: %d vouchers on `new`" % vouchers)
    findings.check(not differences and rows > CUSTOMERS + PRODUCTS + ORDERS,
                   "%d rows compared, %d differ" % (rows, len(differences)))
    for difference in differences:
        say("  " + difference)
    print("\n--- crossfade report", flush=True)
    subprocess.run([binary, "report", "--config", proxy.config_file])


def keep(directory, servers, proxy):
    stop = os.path.join(directory, "stop")
    with open(stop, "w") as out:
        out.write("#!/bin/sh\nkill %d\nsleep 1\nkill %d %d\nsleep 3\nrm -rf '%s'\n" % (
            proxy.process.pid, servers.old.pid, servers.new.pid, directory))
    os.chmod(stop, 0o755)
    print("\nLeft running:")
    print("  proxy   mariadb -h127.0.0.1 -P%d -u%s -p'%s' shop" % (proxy.port, APP, APP_PASSWORD))
    print("  old     mariadb -h127.0.0.1 -P%d -uroot shop" % servers.old.port)
    print("  new     %s -h127.0.0.1 -P%d -uroot shop" % (
        os.path.join(ROOT, "scripts", "mysql9") + " run mysql" if servers.new.kind == "mysql" else "mariadb", servers.new.port))
    print("  flags   %s" % proxy.flags_file)
    print("  status  %s status --config %s    (http://127.0.0.1:%d/)" % (proxy.binary, proxy.config_file, proxy.admin_port))
    print("  stop    %s" % stop, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    directory = throwaway_directory()
    say("starting two databases in %s" % directory)
    servers = Servers(os.path.join(directory, "servers"))
    say("old: MariaDB on port %d; new: %s on port %d" % (
        servers.old.port, "MySQL 9" if servers.new.kind == "mysql" else "a second MariaDB (MySQL 9 cannot be had here)",
        servers.new.port))
    servers.use_feed("log")
    servers.old.run(*SCHEMA, *ON_OLD)
    seed(servers.old)
    say("seeded `old`; `new` is empty")
    say("`old` keeps its row log: whatever a statement does travels as rows (triggers, procedures, ranges, UUID())")
    proxy = Proxy(options.binary, directory, servers, {
        "dual_write": {"feed": "log"}, "shadow": {"plaintext_samples": True, "rechecks": 2, "recheck_delay": "50ms"}})
    findings = Findings()
    try:
        prepare(proxy, options.binary, findings)
        proxy.start()
        say("proxy on port %d, flags in %s" % (proxy.port, proxy.flags_file))
        show(servers, proxy, options.binary, findings)
    except Exception as error:
        findings.check(False, "%s: %s" % (type(error).__name__, error))
        print("--- end of the proxy's log\n" + proxy.log_tail())
    print("\n--- summary (old: MariaDB, new: %s)" % ("MySQL 9" if servers.new.kind == "mysql" else "MariaDB"))
    print("\n".join(findings.lines))
    print("every promise held" if not findings.broken else "%d promises broken" % findings.broken, flush=True)
    if options.keep:
        keep(directory, servers, proxy)
        # Past the clean-up at exit: all of it is meant to stay.
        sys.stdout.flush()
        os._exit(1 if findings.broken else 0)
    if proxy.running():
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not proxy.running(), 30, "the end of the proxy")
    return 1 if findings.broken else 0


if __name__ == "__main__":
    sys.exit(main())
