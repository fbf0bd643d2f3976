"""Tables that refer to each other in every way, rows on `old` alone, and clients that write them with statements of every
kind while they are copied."""

import random
import threading

import pymysql

TABLES = [
    "CREATE TABLE parent (id INT PRIMARY KEY, u INT NULL, v INT NOT NULL DEFAULT 0, UNIQUE KEY (u))",
    "CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, up INT NULL, v INT NOT NULL DEFAULT 0, KEY (up), "
    "FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE grandchild (id INT PRIMARY KEY, up INT NULL, s VARCHAR(40), KEY (up), "
    "FOREIGN KEY (up) REFERENCES child (id) ON DELETE SET NULL)",
    "CREATE TABLE node (id INT PRIMARY KEY, up INT NULL, v INT NOT NULL DEFAULT 0, KEY (up), "
    "FOREIGN KEY (up) REFERENCES node (id) ON DELETE CASCADE)",
    "CREATE TABLE words (a VARCHAR(20) NOT NULL, b INT NOT NULL, v INT NOT NULL, f FLOAT, t TIMESTAMP(3) NULL, PRIMARY KEY (a, b))",
    "CREATE TABLE moves (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0, pad VARCHAR(200) NOT NULL DEFAULT '')",
]
NAMES = ["parent", "child", "grandchild", "node", "words", "moves"]
SPAN = 4000  # ids that clients choose from


def seed_rows(old, seed, count=SPAN):
    """On the leader alone."""
    draw = random.Random(seed)

    def insert(session, table, rows):
        with session.cursor() as cursor:
            for at in range(0, len(rows), 500):
                cursor.execute("INSERT INTO %s VALUES %s" % (table, ", ".join(rows[at:at + 500])))

    with old.connect(database="app") as session:
        insert(session, "parent", ["(%d, %d, 0)" % (n, n) for n in range(count)])
        insert(session, "child", ["(%d, %d, 0)" % (n + 1, draw.randrange(count)) for n in range(count)])
        insert(session, "grandchild", ["(%d, %d, 'g%d')" % (n, draw.randrange(count) + 1, n) for n in range(count)])
        insert(session, "node", ["(%d, %s, 0)" % (n, draw.randrange(n) if n % 7 else "NULL") for n in range(count)])
        insert(session, "words", ["('w%d %s', %d, %d, %r, NULL)" % (n % 97, draw.choice("aAzZ"), n, n, draw.random()) for n in range(count)])
        insert(session, "moves", ["(%d, 0, REPEAT('%d', 30))" % (n, n % 10) for n in range(count)])


class Writer(threading.Thread):
    """One client, through the proxy or past it. Errors of the servers are a part of life: it connects again."""

    def __init__(self, number, connect, seed):
        super().__init__(daemon=True)
        self.connect, self.random = connect, random.Random(seed * 100 + number)
        self.stopping, self.done, self.failure = threading.Event(), 0, None
        self.fresh = 1000000 * (number + 1)

    def new_id(self):
        self.fresh += 1
        return self.fresh

    def statements(self):
        draw, one = self.random, lambda: self.random.randrange(SPAN)
        kind = draw.randrange(20)
        low = one()
        if kind == 0:
            return ["INSERT INTO parent (id, v) VALUES (%d, 1)" % self.new_id(), "INSERT INTO child (up, v) VALUES (%d, 1)" % self.fresh]
        if kind == 1:
            return ["UPDATE parent SET v = v + 1 WHERE id BETWEEN %d AND %d" % (low, low + 20)]
        if kind == 2:
            return ["DELETE FROM parent WHERE id = %d" % low]
        if kind == 3:
            return ["UPDATE parent SET id = %d WHERE id = %d" % (self.new_id(), low)]
        if kind == 4:
            return ["UPDATE parent SET id = %d WHERE id = %d" % (low, one())]
        if kind == 5:
            # Of one row alone: MySQL 9.7 leaves grandchildren as they are when REPLACE pushes out a second one.
            return ["REPLACE INTO parent (id, v) VALUES (%d, 7)" % low]
        if kind == 6:
            other = one()
            return ["UPDATE parent SET u = NULL WHERE id = %d" % low, "UPDATE parent SET u = %d WHERE id = %d" % (other, low)]
        if kind == 7:
            return ["UPDATE child SET up = %d, v = v + 1 WHERE id = %d" % (one(), low), "DELETE FROM child WHERE id = %d" % one()]
        if kind == 8:
            return ["INSERT INTO node VALUES (%d, %d, 1)" % (self.new_id(), low), "UPDATE node SET up = %d WHERE id = %d" % (low, self.fresh)]
        if kind == 9:
            return ["DELETE FROM node WHERE id = %d" % low if draw.random() < 0.3 else "UPDATE node SET v = v + 1 WHERE id = %d" % low]
        if kind == 10:
            return ["INSERT INTO words VALUES ('w%d a', %d, 1, RAND(), NOW(3)) ON DUPLICATE KEY UPDATE v = v + 1, f = RAND()" % (low % 97, low)]
        if kind == 11:
            return ["DELETE FROM words WHERE b BETWEEN %d AND %d" % (low, low + 3)]
        if kind == 12:
            return ["UPDATE words SET a = CONCAT('x', LEFT(a, 10)), b = b + %d WHERE b = %d" % (self.new_id(), low)]
        if kind == 13:
            return ["UPDATE moves SET id = %d WHERE id = %d" % (self.new_id(), low)]
        if kind == 14:
            return ["UPDATE moves SET id = -id - %d WHERE id BETWEEN %d AND %d" % (self.new_id(), low, low + 5)]
        if kind == 15:
            return ["DELETE FROM moves WHERE id BETWEEN %d AND %d" % (low, low + 2), "INSERT IGNORE INTO moves (id) VALUES (%d), (%d)" % (low, one())]
        if kind == 16:
            return ["UPDATE moves SET v = v + 1, pad = CONCAT('p', v) WHERE id BETWEEN %d AND %d" % (low, low + 40)]
        if kind == 17:
            return ["INSERT INTO moves (id, v) SELECT %d + id, v FROM parent WHERE id BETWEEN %d AND %d" % (self.new_id() * 10, low, low + 3)]
        if kind == 18:
            return ["UPDATE grandchild SET s = CONCAT('n', id) WHERE id = %d" % low, "DELETE FROM grandchild WHERE id = %d" % one()]
        return ["INSERT INTO moves (id, v) VALUES (%d, 9)" % self.new_id(), "UPDATE child SET v = v + 1 WHERE id = %d" % low, "ROLLBACK"]

    def run(self):
        session = None
        while not self.stopping.is_set():
            try:
                if session is None:
                    session = self.connect()
                    with session.cursor() as cursor:
                        if self.random.random() < 0.5:
                            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                with session.cursor() as cursor:
                    cursor.execute("BEGIN")
                    for statement in self.statements():
                        cursor.execute(statement)
                    cursor.execute("COMMIT")
                self.done += 1
                self.stopping.wait(self.random.uniform(0, 0.01))
            except pymysql.MySQLError as error:
                if error.args and error.args[0] in (1062, 1213, 1205, 1451, 1452, 1761):
                    try:
                        session.rollback()
                        continue
                    except pymysql.MySQLError:
                        pass
                session = None
                self.stopping.wait(0.1)
            except OSError:
                session = None
                self.stopping.wait(0.1)
            except Exception as error:
                self.failure = error
                return


def start_writers(env, proxy, seed, count=4, writer=Writer):
    """Half of them past the proxy."""
    def through():
        return proxy.connect(database="app")

    def past():
        return env.old.connect(database="app")

    writers = [writer(number, past if number % 2 else through, seed) for number in range(count)]
    for each in writers:
        each.start()
    return writers


def stop_writers(writers):
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive(), "a client hangs"
        if writer.failure:
            raise writer.failure
    return sum(writer.done for writer in writers)
