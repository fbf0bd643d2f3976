"""PyMySQL, mysqlclient and mysql-connector-python (in Python, and with its C extension), by their DB-API."""

import datetime
import importlib.metadata
import threading

import kit
from kit import emit, step


class PyMySQL:
    placeholder, prepares = "%s", False

    def __init__(self):
        import pymysql
        import pymysql.constants.CLIENT as client
        import pymysql.cursors
        self.module, self.client = pymysql, client
        self.version, self.streaming = importlib.metadata.version("PyMySQL"), pymysql.cursors.SSCursor
        self.errors = (pymysql.Error,)

    def connect(self, tls=False, database=kit.DATABASE, multi=False, local_infile=False, compress=False, name="crossfade"):
        more = {"ssl": {"ca": kit.CA}} if tls else {}
        return self.module.connect(host=kit.HOST, port=kit.PORT, user=kit.USER, password=kit.PASSWORD, database=database,
                                   charset="utf8mb4", autocommit=True, local_infile=local_infile, program_name=name,
                                   client_flag=self.client.MULTI_STATEMENTS if multi else 0, **more)

    def cursor(self, connection, prepared=False, streaming=False):
        return connection.cursor(self.streaming) if streaming else connection.cursor()

    def details(self, cursor, connection):
        return {"server": connection.get_server_info(), "charset": connection.character_set_name()}

    def error(self, error):
        return list(error.args)

    def id(self, connection):
        return connection.thread_id()

    def ping(self, connection):
        return connection.ping(reconnect=False)

    def reconnect(self, connection):
        connection.ping(reconnect=True)

    def use(self, connection, database):
        connection.select_db(database)

    def change_user(self, connection):
        return None

    def reset(self, connection):
        return None

    def tls_cipher(self, connection):
        return connection._sock.cipher()[0]

    def results(self, connection, cursor, sql):
        cursor.execute(sql)
        yield
        while cursor.nextset():
            yield


class MysqlClient(PyMySQL):
    def __init__(self):
        import MySQLdb
        import MySQLdb.constants.CLIENT as client
        import MySQLdb.cursors
        self.module, self.client = MySQLdb, client
        self.version, self.streaming = MySQLdb.__version__, MySQLdb.cursors.SSCursor
        self.errors = (MySQLdb.Error,)

    def connect(self, tls=False, database=kit.DATABASE, multi=False, local_infile=False, compress=False, name="crossfade"):
        more = {"ssl": {"ca": kit.CA}} if tls else {}
        if local_infile:
            more["local_infile"] = 1
        if compress:
            more["compress"] = 1
        if database:
            more["db"] = database
        flags = self.client.MULTI_STATEMENTS | self.client.MULTI_RESULTS if multi else 0
        return self.module.connect(host=kit.HOST, port=kit.PORT, user=kit.USER, passwd=kit.PASSWORD, charset="utf8mb4",
                                   autocommit=True, client_flag=flags, **more)

    def ping(self, connection):
        return connection.ping()

    def change_user(self, connection):
        connection.change_user(kit.USER, kit.PASSWORD, kit.DATABASE)
        return True

    def tls_cipher(self, connection):
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        return cursor.fetchone()[1] != ""


class Connector(PyMySQL):
    prepares = True

    def __init__(self, pure):
        import mysql.connector
        from mysql.connector import ClientFlag
        self.module, self.client, self.pure = mysql.connector, ClientFlag, pure
        self.version = mysql.connector.__version__
        # The C extension lets its own errors through.
        self.errors = (mysql.connector.Error,) if pure else (Exception,)
        if not pure and not mysql.connector.HAVE_CEXT:
            raise ImportError("mysql-connector-python came without its C extension")

    def connect(self, tls=False, database=kit.DATABASE, multi=False, local_infile=False, compress=False, name="crossfade"):
        more = {"ssl_ca": kit.CA, "ssl_verify_cert": True} if tls else {"ssl_disabled": True}
        return self.module.connect(host=kit.HOST, port=kit.PORT, user=kit.USER, password=kit.PASSWORD, database=database,
                                   autocommit=True, use_pure=self.pure, allow_local_infile=local_infile, compress=compress,
                                   conn_attrs={"program_name": name}, **more)

    def cursor(self, connection, prepared=False, streaming=False):
        return connection.cursor(prepared=True) if prepared else connection.cursor(buffered=not streaming)

    def details(self, cursor, connection):
        return {"server": connection.server_info, "version": connection.server_version, "charset": connection.charset,
                "collation": connection.collation, "sql_mode": connection.sql_mode, "zone": connection.time_zone}

    def error(self, error):
        return [error.errno, error.sqlstate, error.msg] if hasattr(error, "errno") else [type(error).__name__, str(error)]

    def id(self, connection):
        return connection.connection_id

    def ping(self, connection):
        return [connection.ping(reconnect=False), connection.is_connected()]

    def reconnect(self, connection):
        connection.ping(reconnect=True, attempts=3, delay=0)

    def use(self, connection, database):
        connection.database = database

    def change_user(self, connection):
        connection.cmd_change_user(kit.USER, kit.PASSWORD, kit.DATABASE)
        connection.autocommit = True
        return True

    def reset(self, connection):
        connection.cmd_reset_connection()
        connection.autocommit = True
        return True

    def tls_cipher(self, connection):
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        return cursor.fetchone()[1]

    def results(self, connection, cursor, sql):
        cursor.execute(sql)
        yield
        while cursor.nextset():
            yield


def outcome(cursor, connection=None):
    if cursor.description:
        return {"columns": [column[0] for column in cursor.description], "rows": cursor.fetchall()}
    return {"affected": cursor.rowcount, "id": cursor.lastrowid}


class Scenario:
    def __init__(self, driver):
        self.driver = driver
        self.connection = driver.connect()
        self.cursor = driver.cursor(self.connection)

    def attempt(self, cursor, sql, *parameters):
        try:
            cursor.execute(sql, *parameters)
            return outcome(cursor)
        except self.driver.errors as error:
            return {"error": self.driver.error(error)}

    def query(self, sql, *parameters):
        self.cursor.execute(sql, *parameters)
        return self.cursor.fetchall()

    def connect(self):
        return self.driver.details(self.cursor, self.connection)

    def script(self, steps, prepared):
        def one(sqls):
            results = []
            for sql in sqls:
                # mysql-connector takes every statement of a prepared cursor for one that stays prepared.
                cursor = self.driver.cursor(self.connection, prepared)
                results.append(self.attempt(cursor, sql))
                cursor.close()
            return results
        for name, sqls in steps:
            step(("prepared: " if prepared else "text: ") + name, one, sqls)

    def types(self, prepared):
        cursor = self.driver.cursor(self.connection, prepared)
        if not prepared:
            for sql in kit.type_statements():
                cursor.execute(sql)
        columns = "*"
        if prepared and kit.VARIANT == "connector-pure":
            # It does not know how long a YEAR is in the binary protocol.
            columns = ", ".join("y + 0 AS y" if row[0] == "y" else row[0] for row in self.query("SHOW COLUMNS FROM types"))
        cursor.execute("SELECT %s FROM types WHERE id < 100 ORDER BY id" % columns)
        rows = cursor.fetchall()
        cursor.close()
        return rows

    def types_back(self, prepared):
        """Each row goes back as the driver's own values, under another id."""
        rows = self.query("SELECT * FROM types WHERE id < 100 ORDER BY id")
        cursor = self.driver.cursor(self.connection, prepared)
        sql = "INSERT INTO types VALUES (" + ", ".join(["%s"] * len(rows[0])) + ")"
        base = 200 if prepared else 100
        results = []
        for row in rows:
            values = [",".join(sorted(v)) if isinstance(v, set) else v
                      for v in row]
            if prepared and kit.VARIANT == "connector-pure":
                # It binds a negative time with a fraction as one past every limit, which only MariaDB's TIME holds.
                values = [datetime.timedelta(v.days, v.seconds) if isinstance(v, datetime.timedelta) and v.days < 0 else v
                          for v in values]
            results.append(self.attempt(cursor, sql, tuple([base + row[0]] + values[1:])))
        cursor.close()
        return [results, self.query("SELECT * FROM types WHERE id > %s ORDER BY id" % base),
                self.query("SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + %s AND a.dec65 <=> b.dec65 AND "
                           "a.bit64 <=> b.bit64 AND a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND "
                           "a.ts6 <=> b.ts6 ORDER BY a.id" % base)]

    def parameters(self, prepared):
        import datetime
        import decimal
        cursor = self.driver.cursor(self.connection, prepared)
        base = 1000 if prepared else 0
        insert = "INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        results = []
        for i in range(1, 41):
            results.append(self.attempt(cursor, insert, (
                base + i, None if i % 7 == 0 else "näme %d '\"\\ 😀" % i, decimal.Decimal("1234567890.%04d" % i), i / 8,
                datetime.datetime(2024, 2, 29, 1, 2, 3, i), None if i % 5 == 0 else bytes(range(i)), (1 << 62) + i)))
        results.append(self.attempt(cursor, insert, (base + 1, "again", 1, 1.5, None, None, None)))
        cursor.close()
        cursor = self.driver.cursor(self.connection, prepared)
        for i in range(1, 11):
            results.append(self.attempt(cursor, "UPDATE bound SET name = %s, ratio = %s WHERE id = %s", ("new %d" % i, None, base + i)))
        cursor.close()
        cursor = self.driver.cursor(self.connection, prepared)
        for i in range(11, 16):
            results.append(self.attempt(cursor, "DELETE FROM bound WHERE id = %s", (base + i,)))
        cursor.close()
        cursor = self.driver.cursor(self.connection, prepared)
        for i in (1, 12, 20, 35):
            results.append(self.attempt(cursor, "SELECT * FROM bound WHERE id = %s", (base + i,)))
        cursor.close()
        cursor = self.driver.cursor(self.connection, prepared)
        ids = tuple(range(base, base + 2000))
        results.append(self.attempt(cursor, "SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (" + ", ".join(["%s"] * 2000) + ")", ids))
        cursor.close()
        return results

    def transactions(self):
        seen = []
        self.connection.autocommit(False) if callable(self.connection.autocommit) else setattr(self.connection, "autocommit", False)
        self.cursor.execute("INSERT INTO bound (id, name) VALUES (5000, 'rolled back')")
        self.connection.rollback()
        self.cursor.execute("INSERT INTO bound (id, name) VALUES (5001, 'committed')")
        seen.append(self.attempt(self.cursor, "INSERT INTO bound (id, name) VALUES (5001, 'twice')"))
        self.cursor.execute("UPDATE bound SET name = 'changed' WHERE id = 5001")
        self.connection.commit()
        self.connection.autocommit(True) if callable(self.connection.autocommit) else setattr(self.connection, "autocommit", True)
        return [seen, self.query("SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id")]

    def batch(self):
        results = []
        cursor = self.driver.cursor(self.connection)
        cursor.executemany("INSERT INTO many (name, n) VALUES (%s, %s)", [("batch %d" % i, i) for i in range(500)])
        results.append([cursor.rowcount, cursor.lastrowid])
        cursor.executemany("UPDATE many SET n = %s WHERE id = %s", [(-i, i) for i in range(1, 21)])
        results.append(cursor.rowcount)
        try:
            cursor.executemany("INSERT INTO many (id, name) VALUES (%s, %s)", [(2000, "fine"), (1, "taken"), (2001, "never")])
        except self.driver.errors as error:
            results.append(self.driver.error(error))
        if self.driver.prepares:
            cursor = self.driver.cursor(self.connection, prepared=True)
            cursor.executemany("INSERT INTO many (name, n) VALUES (%s, %s)", [("prepared batch %d" % i, i) for i in range(50)])
            results.append([cursor.rowcount, cursor.lastrowid])
            cursor.close()
        return [results, self.query("SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many")]

    def ids(self):
        results = []
        self.cursor.execute("INSERT INTO many (name) VALUES ('one id')")
        results.append(self.cursor.lastrowid)
        self.cursor.execute("INSERT INTO many (name) VALUES ('a'), ('b'), ('c')")
        results.append(self.cursor.lastrowid)
        self.cursor.execute("INSERT INTO many (id, name) VALUES (9000, 'given')")
        results.append(self.cursor.lastrowid)
        self.cursor.execute("UPDATE many SET n = 1 WHERE id = 9000")
        results.append([self.cursor.lastrowid, self.cursor.rowcount])
        results.append(self.query("SELECT LAST_INSERT_ID()"))
        return results

    def multi(self):
        connection = self.driver.connect(multi=True)

        def run(sql):
            cursor = self.driver.cursor(connection)
            found = []
            try:
                for _ in self.driver.results(connection, cursor, sql):
                    found.append(outcome(cursor))
            except self.driver.errors as error:
                found.append({"error": self.driver.error(error)})
            try:
                cursor.close()
            except self.driver.errors:
                pass
            return found
        results = [
            run("SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1"),
            run("INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100"),
            run("INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'never')"),
            run("BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT"),
            run("SELECT id, n FROM many WHERE id >= 9100 ORDER BY id")]
        connection.close()
        return results

    def stream(self, abandon):
        connection = self.driver.connect()
        cursor = self.driver.cursor(connection, streaming=True)
        cursor.execute("SELECT id, v, n FROM app_static.big ORDER BY id")
        rows, total = 0, 0
        for row in cursor:
            rows += 1
            total += row[0] * 31 + len(row[1]) + row[2]
            if abandon and rows == 20000:
                break
        try:
            cursor.close()
        except self.driver.errors as error:
            # mysql-connector will not close a cursor with rows left: the application reads them.
            cursor.fetchall()
            cursor.close()
            total = [total, self.driver.error(error)]
        cursor = self.driver.cursor(connection)
        cursor.execute("SELECT 'goes on'")
        found = cursor.fetchall()
        connection.close()
        return [rows, total, found]

    def sleeping(self, number):
        return self.query("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d AND info LIKE '%%sleep(60)%%'" % number)[0][0] == 1

    def cancel(self):
        connection = self.driver.connect()
        cursor = self.driver.cursor(connection)
        cursor.execute("SELECT CONNECTION_ID()")
        number = cursor.fetchone()[0]
        found = []
        thread = threading.Thread(target=lambda: found.append(self.attempt(cursor, "SELECT 1 AS one, sleep(60) AS slept")), daemon=True)
        thread.start()
        kit.until(lambda: self.sleeping(number), "the sleep in the process list")
        killed = self.attempt(self.cursor, "KILL QUERY %d" % number)
        thread.join(20)
        found.append(self.attempt(cursor, "SELECT 'goes on'"))
        same = self.driver.id(connection) == number
        connection.close()
        return [same, killed, found]

    def reconnect(self):
        connection = self.driver.connect()
        cursor = self.driver.cursor(connection)
        cursor.execute("SELECT CONNECTION_ID()")
        number = cursor.fetchone()[0]
        same = self.driver.id(connection) == number
        killed = self.attempt(self.cursor, "KILL %d" % number)
        kit.until(lambda: self.query("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % number)[0][0] == 0,
                  "the end of the killed connection")
        try:
            cursor.execute("SELECT 1")
            lost = "not lost"
        except self.driver.errors as error:
            lost = "lost" if error.args[0] in (2006, 2013, 2055, 1927) or getattr(error, "errno", 0) in (2006, 2013, 2055, -1, 1927) \
                else repr(error)
        if self.driver.module.__name__ == "MySQLdb":
            connection = self.driver.connect()
        else:
            self.driver.reconnect(connection)
        cursor = self.driver.cursor(connection)
        cursor.execute("SELECT 'again', DATABASE()")
        found = cursor.fetchall()
        connection.close()
        return [same, killed, lost, found]

    def ping(self):
        return [self.driver.ping(self.connection) for _ in range(3)]

    def reset(self):
        results = []
        for reset in (self.driver.change_user, self.driver.reset):
            connection = self.driver.connect()
            cursor = self.driver.cursor(connection)
            cursor.execute("SET @gone = 1")
            cursor.execute("SET SESSION sql_mode = ''")
            if reset(connection):
                cursor = self.driver.cursor(connection)
                cursor.execute("SELECT @gone, DATABASE(), @@sql_mode = ''")
                results.append(outcome(cursor))
                results.append(self.attempt(cursor, "INSERT INTO many (id, name) VALUES (%s, 'after a reset')", (9200 + len(results),)))
            connection.close()
        return results

    def use(self):
        connection = self.driver.connect(database=None)
        cursor = self.driver.cursor(connection)
        found = [self.attempt(cursor, "SELECT DATABASE()"), self.attempt(cursor, "SELECT COUNT(*) FROM bound")]
        self.driver.use(connection, "app_static")
        found.append(self.attempt(cursor, "SELECT DATABASE(), COUNT(*) FROM big"))
        self.driver.use(connection, kit.DATABASE)
        found.append(self.attempt(cursor, "INSERT INTO many (id, name) VALUES (9300, 'after use')"))
        try:
            self.driver.use(connection, "app_that_is_not_there")
        except self.driver.errors as error:
            found.append(self.driver.error(error))
        connection.close()
        return found

    def sizes(self, **options):
        connection = self.driver.connect(**options)
        cursor = self.driver.cursor(connection)
        extra = self.driver.tls_cipher(connection) if options.get("tls") else None
        number = 1 if options.get("tls") else 2
        value = ("0123456789abcdef" * 65536) + "é"
        cursor.execute("INSERT INTO large VALUES (%s, %s)", (number, value.encode()))
        cursor.execute("SELECT v, LENGTH(v) FROM large WHERE id = %s", (number,))
        got, length = cursor.fetchone()
        connection.close()
        return [extra, bytes(got) == value.encode(), length]

    def local_infile(self):
        connection = self.driver.connect(local_infile=True)
        cursor = self.driver.cursor(connection)
        found = [self.attempt(cursor, "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded (id, v, n)" % kit.LOAD_FILE)]
        found.append(self.attempt(cursor, "SELECT COUNT(*), SUM(n), MAX(v) FROM loaded"))
        connection.close()
        return found

    def attributes(self):
        return self.query("SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE "
                          "PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME")

    def metadata(self):
        # In a transaction, so that the leader answers: another server describes its columns in its own words.
        self.cursor.execute("BEGIN")
        self.cursor.execute("SELECT * FROM types WHERE id = 3")
        found = [list(column) for column in self.cursor.description]
        self.cursor.fetchall()
        self.cursor.execute("COMMIT")
        return found


def main():
    drivers = {"pymysql": PyMySQL, "mysqlclient": MysqlClient, "connector-pure": lambda: Connector(True),
               "connector-c": lambda: Connector(False)}
    driver = drivers[kit.VARIANT]()
    emit("driver", driver.version)
    scenario = Scenario(driver)
    step("connect", scenario.connect)
    step("types", scenario.types, False)
    step("types back", scenario.types_back, False)
    step("parameters", scenario.parameters, False)
    scenario.script(kit.statements("text"), False)
    if driver.prepares:
        step("types prepared", scenario.types, True)
        step("types back prepared", scenario.types_back, True)
        step("parameters prepared", scenario.parameters, True)
        scenario.script(kit.statements("prepared"), True)
    step("transactions", scenario.transactions)
    step("batch", scenario.batch)
    step("ids", scenario.ids)
    step("multi", scenario.multi)
    step("stream", scenario.stream, False)
    step("stream abandoned", scenario.stream, True)
    step("cancel", scenario.cancel)
    step("reconnect", scenario.reconnect)
    step("ping", scenario.ping)
    if kit.VARIANT != "pymysql":
        step("reset", scenario.reset)
    step("use", scenario.use)
    step("tls", lambda: scenario.sizes(tls=True))
    if kit.VARIANT != "pymysql":
        step("compression", lambda: scenario.sizes(compress=True))
    step("local infile", scenario.local_infile)
    step("attributes", scenario.attributes)
    step("metadata", scenario.metadata)
    kit.finish()


main()
