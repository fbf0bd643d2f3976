"""Shadow reads find a planted difference and name it; what was only late is not called a difference."""

import threading
import time

from harness import BOTH_ROLES
from progress import turns, wait_until

ROLES = BOTH_ROLES

PRODUCTS = "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2), data JSON, weight DOUBLE)"
SHADOW = {"shadow_read": {"percent": 100}}
FAST = {"shadow": {"rechecks": 2, "recheck_delay": "20ms", "plaintext_samples": True}}
DIFFERENCES = ("value", "order", "row_missing", "row_extra", "error_one_side", "error_differs")


def seed(env, count=50):
    env.tables(PRODUCTS, "INSERT INTO products VALUES " + ", ".join(
        "(%d, 'product %d', %d.%02d, '{\"b\": 1.50, \"a\": [%d, null]}', %.4f)" % (n, n, n, n, n, n / 3) for n in range(count)))


def read_all(proxy, statements, rounds=1):
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        for _ in range(rounds):
            for statement in statements:
                cursor.execute(statement)
                cursor.fetchall()


def digests(proxy):
    return proxy.report()["digests"]


def verdicts(proxy):
    total = {}
    for digest in digests(proxy):
        for name, count in digest["verdicts"].items():
            total[name] = total.get(name, 0) + count
    return total


def compared(proxy):
    return sum(count for name, count in verdicts(proxy).items() if name not in ("skipped", "too_large", "timeout"))


def find_sample(proxy):
    return [(d, s) for d in digests(proxy) for s in d["samples"] if s["verdict"] in DIFFERENCES]


READS = ["SELECT * FROM products WHERE id = 7", "SELECT id, price FROM products ORDER BY id",
         "SELECT COUNT(*), SUM(price), AVG(weight) FROM products", "SELECT name, data FROM products WHERE id < 20"]


def test_equal_databases_compare_equal(env):
    seed(env)
    proxy = env.proxy(config=FAST, flags=SHADOW)
    read_all(proxy, READS, 10)
    wait_until(lambda: compared(proxy) >= 40, 20, "40 comparisons")
    assert not find_sample(proxy), find_sample(proxy)[0]
    found = verdicts(proxy)
    assert not any(found.get(name) for name in DIFFERENCES), found


def test_a_planted_difference_is_named_with_table_row_and_column(env):
    seed(env)
    proxy = env.proxy(config=FAST, flags=SHADOW)
    env.new.run("UPDATE app.products SET price = 99.99 WHERE id = 7")
    read_all(proxy, ["SELECT id, name, price FROM products WHERE id = 7", "SELECT name FROM products WHERE id = 7"], 3)
    (digest, sample), *_ = wait_until(lambda: find_sample(proxy), 20, "a confirmed difference")
    assert "products" in digest["tables"], digest["tables"]
    assert "price" in digest["text"] and "7" not in digest["text"], digest["text"]
    assert sample["verdict"] == "value" and sample["column"] == "price", sample
    assert "7.07" in sample["control"] and "99.99" in sample["candidate"], sample
    assert "7" in sample["row_key"], sample
    assert proxy.report()["verdict"] == "DIVERGED", proxy.report()["verdict"]
    clean = [d for d in digests(proxy) if "price" not in d["text"]]
    assert clean and not any(d["verdicts"].get(name) for d in clean for name in DIFFERENCES), clean


def test_missing_and_extra_rows_are_told_apart(env):
    seed(env)
    proxy = env.proxy(config=FAST, flags=SHADOW)
    env.new.run("DELETE FROM app.products WHERE id = 3", "INSERT INTO app.products (id, name) VALUES (1000, 'extra')")
    read_all(proxy, ["SELECT name FROM products WHERE id = 3", "SELECT id FROM products WHERE id > 900"])
    wait_until(lambda: verdicts(proxy).get("row_missing") and verdicts(proxy).get("row_extra"), 20, "both verdicts")


def test_samples_hide_values_unless_asked(env):
    seed(env)
    proxy = env.proxy(config={"shadow": {"rechecks": 1, "recheck_delay": "20ms"}}, flags=SHADOW)
    env.new.run("UPDATE app.products SET name = 'a secret name' WHERE id = 7")
    read_all(proxy, ["SELECT name FROM products WHERE id = 7"])
    wait_until(lambda: find_sample(proxy), 20, "a confirmed difference")
    text = proxy.get("/report") + proxy.get("/metrics") + proxy.log_tail(1000)
    assert "a secret name" not in text and "product 7" not in text


def test_a_difference_that_passes_is_not_confirmed(env):
    seed(env)
    proxy = env.proxy(config={"shadow": {"rechecks": 5, "recheck_delay": "300ms"}}, flags=SHADOW)
    env.new.run("UPDATE app.products SET price = 1 WHERE id = 7")
    read_all(proxy, ["SELECT price FROM products WHERE id = 7"])
    env.new.run("UPDATE app.products SET price = 7.07 WHERE id = 7")
    wait_until(lambda: verdicts(proxy), 20, "a verdict")
    found = verdicts(proxy)
    assert found.get("transient", 0) + found.get("match", 0) >= 1 and not any(found.get(n) for n in DIFFERENCES), found


def test_no_differences_under_concurrent_writes(env):
    seed(env, 10)
    proxy = env.proxy(config=FAST, flags=SHADOW)
    stop = threading.Event()

    def write():
        with proxy.connect(database="app") as session, session.cursor() as cursor:
            n = 0
            for _ in turns(stop):
                n += 1
                cursor.execute("UPDATE products SET price = %s WHERE id = %s", (n % 1000, n % 10))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        read_all(proxy, ["SELECT id, price FROM products WHERE id = %d" % n for n in range(10)], 30)
    finally:
        stop.set()
        writer.join()
    wait_until(lambda: compared(proxy) >= 50, 30, "50 comparisons")
    assert not find_sample(proxy), find_sample(proxy)[0]
    found = verdicts(proxy)
    assert not any(found.get(name) for name in DIFFERENCES), found
    env.assert_equal(rows_min=10)


def test_the_report_survives_a_restart_of_the_proxy(env):
    seed(env)
    proxy = env.proxy(config=FAST, flags=SHADOW)
    env.new.run("UPDATE app.products SET price = 99.99 WHERE id = 7")
    read_all(proxy, ["SELECT price FROM products WHERE id = 7"])
    wait_until(lambda: find_sample(proxy), 20, "a confirmed difference")
    assert proxy.stop() == 0
    proxy.start()
    ((digest, sample), *_) = find_sample(proxy)
    assert "products" in digest["tables"] and sample["column"] == "price"


def test_a_candidate_that_is_away_or_slow_costs_the_client_nothing(env):
    seed(env)
    relay = env.relay(env.new, to_client=0.5)
    proxy = env.proxy(config={"shadow": {"queue_max": 10, "deadline": "2s"}}, flags=SHADOW, new_port=relay.port)
    started = time.monotonic()
    read_all(proxy, READS, 50)
    relay.stop()
    read_all(proxy, READS, 50)
    took = time.monotonic() - started
    assert took < 10, "400 reads took %.1f s beside a slow candidate" % took
    wait_until(lambda: proxy.metric("crossfade_shadow_skipped_total") > 0, 10, "skips counted with a reason")
