"""Takes a leader's row log apart with the project's own code (build/*/tests/log_replay), runs on the follower what it
gives, and compares the tables. No proxy: the mapping of tables and the statements themselves are what is tested."""

import base64
import json
import os
import subprocess

import pymysql
from pymysql.constants import CLIENT

STATEMENT_BYTES_MAX = 4 << 20
# One file holds what a test reads.
LOG_OPTIONS = {
    "mariadb": ["--log-bin=bin", "--max-binlog-size=1G", "--binlog-format=ROW", "--binlog-row-metadata=FULL", "--server-id=1"],
    "mysql": ["--log-bin=bin", "--max-binlog-size=1G", "--binlog-row-metadata=FULL", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
              "--server-id=2"],
}


class Tool:
    def __init__(self, program):
        self.program = program

    def ask(self, *arguments, given=b""):
        done = subprocess.run([self.program, *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise RuntimeError("log_replay %s: %s" % (arguments, done.stderr.decode(errors="replace")))
        return [json.loads(line) for line in done.stdout.splitlines()]


def definitions(tool, server):
    """The results of the queries for definitions, as log_replay wants them."""
    results = []
    with server.connect() as session, session.cursor() as cursor:
        for query in tool.ask("queries", server.kind)[0]:
            cursor.execute(query)
            rows = [[None if cell is None else cell.decode() if isinstance(cell, bytes) else str(cell) for cell in row]
                    for row in cursor.fetchall()]
            results.append(rows)
    return results


def log_file(server):
    """The path of the log that is being written."""
    status = "SHOW BINARY LOG STATUS" if server.kind == "mysql" else "SHOW MASTER STATUS"
    return os.path.join(server.directory, server.run(status)[0][0])


class Leader:
    """Cuts the log around what is done between begin() and end()."""

    def __init__(self, server):
        self.server, self.log = server, None

    def begin(self):
        self.server.run("FLUSH BINARY LOGS")
        self.log = log_file(self.server)

    def end(self):
        self.server.run("FLUSH BINARY LOGS")
        return self.log


def follower_session(tool, server, database=None):
    """A connection that runs both kinds of statements."""
    session = pymysql.connect(host="127.0.0.1", port=server.port, user="root", autocommit=True, charset="utf8mb4",
                              client_flag=CLIENT.FOUND_ROWS, database=database)
    with open(log_file(server), "rb") as file:
        head = file.read(4096)[4:]
    event = head[:int.from_bytes(head[9:13], "little")]
    with session.cursor() as cursor:
        cursor.execute(tool.ask("preamble", given=event)[0])
        if server.kind == "mysql":
            cursor.execute("SET gtid_next='AUTOMATIC'")
        cursor.execute(tool.ask("session", server.kind)[0])
    return session


def take_apart(tool, leader, follower, log, mode="apply", binlog=True, statement_bytes_max=STATEMENT_BYTES_MAX):
    request = {"leader": leader.kind, "follower": follower.kind, "log": log, "mode": mode, "binlog": binlog,
               "statement_bytes_max": statement_bytes_max, "leader_definitions": definitions(tool, leader),
               "follower_definitions": definitions(tool, follower)}
    return [line for line in tool.ask("statements", given=json.dumps(request).encode()) if "table" in line]


def run_line(session, line):
    """Runs what one rows event became. Complaints."""
    complaints = []
    with session.cursor() as cursor:
        for statement in line["run"]:
            sql = base64.b64decode(statement["sql"])
            cursor.execute("SET foreign_key_checks=%d" % (not statement.get("no_foreign_keys", False)))
            affected = cursor.execute(sql)
            if affected != statement.get("affected", affected):
                complaints.append("%s: %d rows instead of %d: %s" % (line["table"], affected, statement["affected"], sql[:2000]))
    return complaints


def follow(tool, leader, follower, log, binlog=True, mode="apply", checked=True, **more):
    """Applies the log; the ways that were taken, by table."""
    lines = take_apart(tool, leader, follower, log, mode=mode, binlog=binlog, **more)
    checks = take_apart(tool, leader, follower, log, mode="check", binlog=binlog) if checked else [None] * len(lines)
    ways = {}
    with follower_session(tool, follower) as session:
        for line, check in zip(lines, checks):
            assert "error" not in line, "%s: %s" % (line["table"], line["error"])
            ways.setdefault(line["table"], set()).add(line["by"])
            for statement in check["run"] if check else ():
                sql = base64.b64decode(statement["sql"])
                with session.cursor() as cursor:
                    cursor.execute(sql)
                    assert cursor.fetchone()[0] == 1, "%s: the before image is not found: %s" % (line["table"], sql[:2000])
            complaints = run_line(session, line)
            assert not complaints, complaints[0]
    return ways


def contents(server, database, table, order):
    """All values of a table as the server shows them, numbers with all their digits, JSON by value."""
    with server.connect(database=database) as session, session.cursor() as cursor:
        cursor.execute("SET time_zone='+00:00'")
        cursor.execute("SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=%s "
                       "AND TABLE_NAME=%s ORDER BY COLUMN_NAME", (database, table))
        columns = cursor.fetchall()
        shown = []
        for name, kind, _ in columns:
            numeric = kind in ("float", "double")
            text = kind in ("time", "date", "datetime", "timestamp", "decimal", "year")
            shown.append("`%s`+0e0" % name if numeric else "CAST(`%s` AS CHAR)" % name if text else
                         "HEX(`%s`)" % name if kind in ("binary", "varbinary", "bit", "geometry", "point") or "blob" in kind
                         else "`%s`" % name)
        cursor.execute("SELECT %s FROM `%s` ORDER BY %s" % (", ".join(shown), table, order))
        rows = cursor.fetchall()
        # Digits of the fraction that are there for the type alone.
        fractions = [kind in ("decimal", "time", "datetime", "timestamp") for _, kind, _ in columns]
        rows = [tuple(value.rstrip("0").rstrip(".") if fraction and value and "." in value else value
                      for value, fraction in zip(row, fractions)) for row in rows]
        json_at = [name.startswith("j") for name, *_ in columns]
        return [tuple(json.loads(value) if is_json and value is not None else value for value, is_json in zip(row, json_at))
                for row in rows]


def assert_equal_tables(leader, follower, database, tables):
    for table, order in tables.items():
        left, right = (contents(server, database, table, order) for server in (leader, follower))
        assert len(left) == len(right), "%s: %d rows and %d" % (table, len(left), len(right))
        for a, b in zip(left, right):
            assert a == b, "%s differs: %s" % (table, [(x, y) for x, y in zip(a, b) if x != y][:3])
