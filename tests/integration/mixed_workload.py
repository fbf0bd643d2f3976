"""Clients that write with statements of every kind, beside the books that all clients keep (workload.py): ranges, joins,
upserts, functions without a fixed value, files, values that a lax sql_mode bends, cascades, triggers, calls, XA, temporary
tables, LOCK TABLES, schema changes."""

import os
import struct

import pymysql

import wire
import workload
from workload import Refused, Unknown

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mixed_workload.tsv")

TABLES = workload.TABLES + [
    # What is made of the time must be the same on both sides from the start.
    "SET SESSION timestamp = 1700000000",
    "CREATE TABLE mixed (id BIGINT PRIMARY KEY AUTO_INCREMENT, grp INT NOT NULL, n BIGINT NOT NULL DEFAULT 0, s VARCHAR(60), "
    "price DECIMAL(12,3), f FLOAT, j JSON, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), "
    "code INT NULL, KEY (grp), UNIQUE KEY (code))",
    "CREATE TABLE plain (a INT, b VARCHAR(40), f DOUBLE)",
    "CREATE TABLE parent (id INT PRIMARY KEY, v INT NOT NULL DEFAULT 0)",
    "CREATE TABLE child (id BIGINT PRIMARY KEY AUTO_INCREMENT, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id) "
    "ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE trail (id BIGINT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(60))",
    "CREATE TABLE changing (id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))",
    "CREATE TABLE lax (id BIGINT PRIMARY KEY AUTO_INCREMENT, s SET('1', '2', '99', 'x'), e ENUM('10', '2', '1', '99'), v VARCHAR(30), "
    "b VARBINARY(30), n TINYINT NOT NULL DEFAULT 0)",
    "INSERT INTO mixed (grp, n, s, code) VALUES " + ", ".join("(%d, %d, 'seed', %d)" % (n % 8, n, n) for n in range(60)),
    "INSERT INTO parent (id) VALUES " + ", ".join("(%d)" % n for n in range(12)),
    "CREATE TRIGGER child_ai AFTER INSERT ON child FOR EACH ROW INSERT INTO trail (what) VALUES (CONCAT('child of ', NEW.p))",
    "CREATE TRIGGER plain_bu BEFORE UPDATE ON plain FOR EACH ROW SET NEW.f = COALESCE(NEW.f, 0) + 1",
    "CREATE PROCEDURE touch_group(IN g INT) BEGIN UPDATE mixed SET n = n + 1 WHERE grp = g; INSERT INTO trail (what) "
    "SELECT CONCAT('touched ', COUNT(*)) FROM mixed WHERE grp = g; END",
]

# Within a transaction, one after the other where there are several; {n}, {m}: small random numbers, {big}: a large one that no
# other client has.
STATEMENTS = [
    "UPDATE mixed SET n = n + 1 WHERE grp = {n}", "UPDATE mixed SET n = n + {m}, s = UUID() WHERE n BETWEEN {m} AND {m} + 3",
    "UPDATE mixed SET price = n * 1.001, f = RAND() ORDER BY id LIMIT 5", "DELETE FROM mixed WHERE id > 60 ORDER BY id LIMIT 2",
    "INSERT INTO mixed (grp, n, s) SELECT grp, n, CONCAT('copy ', id) FROM mixed WHERE grp = {n} ORDER BY id LIMIT 3",
    "INSERT INTO mixed (grp, code, n) VALUES ({n}, {m}, 1) ON DUPLICATE KEY UPDATE n = n + 1, s = NOW(6)",
    "INSERT IGNORE INTO mixed (grp, code, s) VALUES ({n}, {m}, 12345.678), ({n}, NULL, 'fresh')",
    "REPLACE INTO mixed (id, grp, n, s) VALUES ({m} + 1, {n}, {big}, 'replaced')", "DELETE FROM mixed WHERE s LIKE 'copy%' AND grp = {n}",
    "UPDATE mixed a JOIN hot h ON h.id = a.grp SET a.s = CONCAT('v', h.v) WHERE a.grp = {n}",
    "UPDATE mixed SET j = '{{\"n\": [{n}, {m}, \"text\"], \"big\": {big}}}' WHERE grp = {n}",
    "SET @x = (SELECT COUNT(*) FROM mixed)", "INSERT INTO trail (what) VALUES (@x), (CONNECTION_ID()), (NOW(6))",
    "INSERT INTO plain VALUES ({n}, 'p', RAND()), ({n}, 'p', 0.5), ({n}, NULL, NULL)", "UPDATE plain SET b = 'moved' WHERE a = {n} LIMIT 1",
    "DELETE FROM plain WHERE a = {n} LIMIT 2", "INSERT INTO child (p, v) VALUES ({n}, {m}), ({n} + 1, {m})",
    "DELETE FROM parent WHERE id = {n}", "INSERT IGNORE INTO parent (id) VALUES ({n})", "REPLACE INTO parent VALUES ({n}, {m})",
    "UPDATE IGNORE parent SET id = id + 100 WHERE id = {n}", "UPDATE IGNORE parent SET id = id - 100 WHERE id = {n} + 100 AND "
    "NOT EXISTS (SELECT * FROM (SELECT id FROM parent) q WHERE q.id = {n})", "CALL touch_group({n})", "SAVEPOINT a",
    "DELETE c FROM child c JOIN parent p ON p.id = c.p WHERE p.v > {m}", "DELETE FROM trail ORDER BY id LIMIT 3",
    "CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT, n BIGINT)", "INSERT INTO picked SELECT id, n FROM mixed WHERE grp = {n}",
    "UPDATE mixed JOIN picked USING (id) SET mixed.n = picked.n + 1", "DELETE FROM picked", "INSERT INTO changing (v) VALUES ('{n}')",
    "UPDATE mixed SET n = n + 1 WHERE code = {m}", "UPDATE IGNORE mixed SET code = code + 1000 WHERE code = {m}",
    "UPDATE IGNORE mixed SET code = code - 1000, s = UUID() WHERE code = {m} + 1000", "DELETE FROM mixed WHERE code = {m} + 1000",
    "UPDATE mixed m JOIN parent p ON p.id = m.grp SET m.n = m.n + 1, m.s = NOW(6), p.v = {m} WHERE m.grp = {n}",
    "DELETE c, t FROM child c JOIN trail t ON t.what = CONCAT('child of ', c.p) WHERE c.p = {n} AND c.v = {m}",
    "SAVEPOINT b|UPDATE mixed SET n = -1 WHERE grp = {n}|INSERT INTO trail (what) VALUES ('undone')|ROLLBACK TO SAVEPOINT b",
    "PREPARE more FROM 'UPDATE mixed SET n = n + ?, s = ? WHERE grp = ?'|SET @m = {m}, @u = UUID(), @n = {n}|EXECUTE more USING @m, @u, @n",
    "LOAD DATA LOCAL INFILE '{file}' IGNORE INTO TABLE mixed (code, n, s) SET grp = {n}",
    "LOAD DATA LOCAL INFILE '{file}' REPLACE INTO TABLE mixed (code, n, @s) SET grp = {n}, s = CONCAT(@s, NOW(6)), f = RAND()",
    "LOAD DATA LOCAL INFILE '{file}' INTO TABLE plain (@a, @f, b) SET a = {n}, f = @f / 7",
    # Members by number or by name, bytes that are no text, values out of range: what the leader makes of them counts.
    "SET sql_mode = ''|INSERT INTO lax (s, e, v, b, n) VALUES ('99', '99', UNHEX('FFFE80'), UNHEX('F09F9880'), 300), (99, 2, {m} / 7, 'b', -{big}), "
    "('x,nope', 'nope', CAST('abc' AS BINARY), UUID(), NULL)|INSERT INTO lax (v, n) SELECT b, '7x' FROM lax ORDER BY id DESC LIMIT 2"
    "|SET sql_mode = DEFAULT", "SET sql_mode = ''|UPDATE lax SET s = '99', e = '10', v = b, n = n + 100 WHERE id % 8 = {n}|SET sql_mode = DEFAULT",
    "UPDATE lax SET s = 2, e = 2, b = v WHERE id % 8 = {n}", "DELETE FROM lax ORDER BY id LIMIT 3",
    "SET sql_auto_is_null = 1|INSERT INTO trail (what) VALUES ('last'), ('but one')|UPDATE trail SET what = UUID() WHERE id IS NULL"
    "|INSERT INTO trail (what) VALUES ('gone')|DELETE FROM trail WHERE id IS NULL|SET sql_auto_is_null = 0",
]
BOUND = "bound: "
# (type, value) that both makes take, by the kind of column.
BOUND_VALUES = {"text": [(0xFD, b"a string"), (0xFE, b"of type string"), (0xFC, b"blob"), (0xFB, b"long blob")],
                "number": [(0xF6, b"12.345"), (0xFD, b"0.5"), (0xFE, b"-7")]}
STATEMENTS += [
    BOUND + "UPDATE mixed SET s = ? WHERE grp = {n} LIMIT 2 OF text", BOUND + "UPDATE mixed SET price = ? WHERE grp = {n} LIMIT 2 OF number",
    "DELETE m FROM mixed AS m WHERE m.code = {m} + 1000",
]
# What only one make takes, or the other cannot hold as it is, by the leader's make.
STATEMENTS_OF = {
    "mariadb": [
        "INSERT INTO mixed (grp, n, s) VALUES ({n}, {m}, UUID()), ({n}, {m}, NOW(6)) RETURNING id, at, s",
        "INSERT INTO mixed (grp, code) VALUES ({n}, {m}) ON DUPLICATE KEY UPDATE n = n + 1, s = 'again' RETURNING id, n",
        "REPLACE INTO mixed (id, grp, n) VALUES ({m} + 1, {n}, {big}) RETURNING id", "DELETE FROM mixed WHERE id > 60 ORDER BY id LIMIT 2 RETURNING *",
    ],
    "mysql": ["DELETE FROM mixed AS m WHERE m.id > 60 AND m.grp = {n}", "UPDATE mixed SET j = '{{\"a\": {n}, \"b\": {{\"c\": 1, \"c\": {big}}}, \"a\": {m}}}' WHERE grp = {n}"],
}
# On their own.
ALONE = [
    "LOCK TABLES mixed WRITE, trail WRITE|UPDATE mixed SET n = n + 1 WHERE grp = {n}|INSERT INTO trail (what) VALUES ('locked')|UNLOCK TABLES",
    "CALL touch_group({n})", "UPDATE mixed SET n = n + 1 WHERE grp = {n}", "INSERT INTO changing (v) VALUES (UUID_SHORT() % 1000)",
    "UPDATE changing SET v = CONCAT('u', {m}) WHERE id % 5 = {n} % 5", "SET autocommit = 0|DELETE FROM plain WHERE a = {n}|SET autocommit = 1",
]
# By one client in eight, so that they do not stand in each other's way.
CHANGES = [
    "ALTER TABLE changing ADD COLUMN c{n} INT NOT NULL DEFAULT {m}", "ALTER TABLE changing DROP COLUMN c{n}",
    "ALTER TABLE changing MODIFY v VARCHAR({big60})", "CREATE INDEX i{n} ON changing (v)", "DROP INDEX i{n} ON changing",
    "CREATE TABLE IF NOT EXISTS made{n} (id INT PRIMARY KEY, v VARCHAR(10))", "INSERT IGNORE INTO made{n} VALUES ({m}, 'x')",
    "DROP TABLE IF EXISTS made{n}", "TRUNCATE TABLE changing",
    # What one that was cut short has left would be in the way of all that follow.
    "DROP TABLE IF EXISTS changed, old_changing|CREATE TABLE changed LIKE changing|INSERT INTO changed SELECT * FROM changing|"
    "RENAME TABLE changing TO old_changing, changed TO changing|DROP TABLE old_changing", "CREATE OR REPLACE VIEW seen AS SELECT id FROM mixed WHERE grp = {n}",
    "DROP TABLE IF EXISTS chosen|CREATE TABLE chosen (PRIMARY KEY (id)) SELECT id, grp, s FROM mixed WHERE grp = {n}",
]
# Of what others drop there has to be some.
MAKES = {"DROP INDEX i{n} ON changing": "CREATE INDEX i{n} ON changing (v)",
         "ALTER TABLE changing DROP COLUMN c{n}": "ALTER TABLE changing ADD COLUMN c{n} INT NOT NULL DEFAULT {m}"}
KINDS = ["transaction", "alone", "one_phase", "two_phase"]


class MixedClient(workload.Client):
    """Half of what it does is what every client of the books does."""

    def __init__(self, number, endpoint, seed, pace, statements):
        super().__init__(number, endpoint, seed, pace)
        self.statements = statements
        self.succeeded = set()  # of the statements' texts, those that the server has carried out at least once
        self.isolation = ("READ COMMITTED", "REPEATABLE READ")[number // 2 % 2]

    def open_session(self):
        session = super().open_session()
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL " + self.isolation)
        session.run("SET SESSION innodb_lock_wait_timeout = 5")
        return session

    def one(self):
        if self.random.random() < 0.5:
            super().one()
            return
        marker = self.number * 10 ** 9 + self.next_marker
        self.next_marker += 1
        changing = self.number == 7 and self.random.random() < 0.3
        kind = "changes" if changing else self.random.choices(KINDS, [70, 12, 8, 10])[0]
        step = getattr(self, kind)
        self.committing = False
        try:
            step(marker)
        except (Refused, Unknown) as error:
            self.note(error)
            if kind not in ("alone", "changes"):
                if self.committing:
                    self.remember_unknown(marker, "mixed", -1)
                else:
                    self.undone.add(marker)
            self.drop()

    def fill(self, text):
        number = self.random.randrange
        return text.format(file=FILE, n=number(8), m=number(50), big=self.number * 10 ** 6 + number(10 ** 6), big60=20 + number(40))

    def some_statements(self):
        for text in self.random.sample(self.statements, self.random.randint(1, 6)):
            if "picked" in text and "CREATE" not in text:
                self.session.run("CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT, n BIGINT)")
            self.several(text)

    def several(self, text):
        done = [self.bound(each) if each.startswith(BOUND) else self.session.run(each) for each in self.fill(text).split("|")]
        if "skipped" not in done:
            self.succeeded.add(text)

    def bound(self, text):
        """A value of each type that a client may bind, by the protocol's own prepared statements."""
        if not self.session.prepared:
            return "skipped"
        connection = self.session.connection
        sql, _, column = text[len(BOUND):].partition(" OF ")
        kind, text = self.random.choice(BOUND_VALUES[column])
        try:
            statement = connection.prepare(sql)[0]
            connection.command(bytes([wire.EXECUTE]) + struct.pack("<IBI", statement, 0, 1) + b"\0\1" + bytes([kind, 0]) +
                               wire.put_lenenc(len(text)) + text)
            connection.results(binary=True)
            return "done"
        except wire.Err as error:
            raise (Refused if error.code in workload.SURELY_UNDONE else Unknown)(error.code, error.message) from error
        except (wire.Closed, OSError) as error:
            raise Unknown(2013, str(error)) from error

    def transaction(self, marker):
        self.session.run("START TRANSACTION")
        self.some_statements()
        self.insert_marker(marker, "mixed", -1)
        if self.random.random() < 0.1:
            self.undone.add(marker)
            self.session.run("ROLLBACK")
            return
        self.committing = True
        self.session.run("COMMIT")
        self.acknowledged[marker] = "mixed"

    def alone(self, _):
        self.several(self.random.choice(ALONE))

    def changes(self, _):
        self.several(self.random.choice(CHANGES))

    def one_phase(self, marker):
        name = "'%d'" % marker
        self.session.run("XA START " + name)
        self.insert_marker(marker, "mixed", -1)
        self.session.run(self.fill("UPDATE mixed SET n = n + 1 WHERE id = {m} + 1"))
        self.session.run("XA END " + name)
        self.committing = True
        self.session.run("XA COMMIT %s ONE PHASE" % name)
        self.acknowledged[marker] = "mixed"

    def two_phase(self, marker):
        """A branch that is left prepared is somebody's to end: end_branches() does, and its fate is unknown until then."""
        name = "'%d'" % marker
        self.session.run("XA START " + name)
        self.insert_marker(marker, "mixed", -1)
        self.session.run("INSERT INTO trail (what) VALUES ('two phases')")
        self.session.run("XA END " + name)
        self.committing = True
        self.session.run("XA PREPARE " + name)
        undo = self.random.random() < 0.3
        self.session.run("XA %s %s" % ("ROLLBACK" if undo else "COMMIT", name))
        if undo:
            self.undone.add(marker)
        else:
            self.acknowledged[marker] = "mixed"


def end_branches(database):
    """Ends what a killed proxy or a cut connection left prepared."""
    with database.connect() as session, session.cursor() as cursor:
        cursor.execute("XA RECOVER")
        for _, length, _, name in cursor.fetchall():
            name = name if isinstance(name, str) else name.decode()
            try:
                cursor.execute("XA %s '%s'" % ("COMMIT" if int(name) % 2 else "ROLLBACK", name[:length]))
            except pymysql.MySQLError as error:
                if error.args[0] not in (1397, 1402):  # another connection ends it
                    raise


def classes(clients):
    """Every text that they draw from."""
    return set(clients[0].statements) | set(ALONE) | set(CHANGES)


def complete(endpoint, clients, tries_max=300):
    """What none of them happened to bring through is done now, one after the other; what cannot be done is returned."""
    missing = classes(clients) - set().union(*(client.succeeded for client in clients))
    last = MixedClient(9, endpoint, 1, 0, clients[0].statements)
    for text in sorted(missing):
        for turn in range(tries_max):
            try:
                last.session = last.session or last.open_session()
                if text in MAKES and turn % 2 == 0:
                    last.several(MAKES[text])
                if "picked" in text:
                    last.session.run("CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT, n BIGINT)")
                if text in last.statements:
                    last.session.run("START TRANSACTION")
                last.several(text)
                last.session.run("COMMIT")
                break
            except (Refused, Unknown) as error:
                last.note(error)
                last.drop()
    last.drop()
    return ["%s (%s)" % (text, last.errors) for text in sorted(missing - last.succeeded)]


def start_clients(endpoint, count, seed, leader, pace=0.005, more=()):
    """`leader`: its make."""
    statements = STATEMENTS + STATEMENTS_OF[leader] + list(more)
    clients = [MixedClient(number, endpoint, seed, pace, statements) for number in range(count)]
    for client in clients:
        client.start()
    return clients
