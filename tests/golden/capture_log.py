#!/usr/bin/env python3
"""Captures the golden files of the row log decoder: starts real servers, runs the statements of log_scenarios.py and
stores the packets of a binlog dump, one file a scenario, under tests/unit/dualwrite/golden/.

    python3 tests/golden/capture_log.py [--only NAME] [--keep DIR]     --keep: the servers' data is made and kept there

A file is a sequence of `u32 bytes | event`, as the decoder gets them: the packets without their leading 0x00. Beside the
row logs it stores json_documents.zlib: what MySQL itself shows of each JSON document.
"""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "tests", "unit", "dualwrite", "golden")
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
sys.path.insert(0, HERE)
import log_scenarios  # noqa: E402
import wire  # noqa: E402

OPTIONS = {
    "mariadb": ["--log-bin=bin", "--binlog-format=ROW", "--sync-binlog=1", "--binlog-row-metadata=FULL", "--server-id=1",
                "--innodb-buffer-pool-size=32M"],
    "mysql": ["--binlog-row-metadata=FULL", "--log-bin=bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
              "--server-id=1", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF"],
}


def tool(*arguments):
    return subprocess.run([os.path.join(ROOT, "scripts", "servers"), *arguments], check=True, capture_output=True,
                          text=True).stdout.strip()


class Server:
    def __init__(self, kind, data, options=()):
        self.kind, self.data = kind, data
        if not os.path.isdir(data):
            tool("init", kind, data)
        self.port = int(tool("port"))
        self.pid = tool("start", kind, data, str(self.port), *OPTIONS[kind], *options)

    def stop(self):
        tool("stop", self.pid)

    def connect(self, **more):
        plugin = "caching_sha2_password" if self.kind == "mysql" else "mysql_native_password"
        return wire.Connection("127.0.0.1", self.port, "root", plugin=plugin, **more)


def position(connection, kind):
    row = connection.one("SHOW BINARY LOG STATUS" if kind == "mysql" else "SHOW MASTER STATUS").rows[0]
    return row[0].decode() if isinstance(row[0], bytes) else row[0], int(row[1])


def dump(server, file, offset, stop=1, checksum="CRC32"):
    """The events from there to the log's end."""
    connection = server.connect()
    for sql in ("SET @master_binlog_checksum='%s', @source_binlog_checksum='%s'" % (checksum, checksum),
                "SET @mariadb_slave_capability=4"):
        connection.query(sql)
    connection.command(b"\x12" + struct.pack("<IHI", offset, stop, 4711) + file.encode())
    events = []
    while True:
        packet = connection.read_packet()
        if packet[0] == 0xFE and len(packet) < 9:
            break
        if packet[0] == 0xFF:
            raise RuntimeError("dump: %r" % packet)
        events.append(packet[1:])
    connection.close()
    return events


def run(server, sessions, statement):
    """`name: sql` runs in a session of its own; `!sql` is expected to fail."""
    name, _, sql = statement.partition(": ") if statement[:2] in ("a:", "b:") else ("", "", statement)
    connection = sessions.get(name)
    if connection is None:
        connection = sessions[name] = server.connect(database="lab")
    fails = sql.startswith("!")
    try:
        results = connection.query(sql.lstrip("!"))
        failed = isinstance(results[-1], wire.Err) and results[-1]
    except wire.Err as error:
        failed = error
    if bool(failed) != fails:
        raise RuntimeError("%s: %s: %s" % (server.kind, sql[:200], failed or "did not fail"))


def capture(server, name, scenario):
    kind = server.kind
    setup = server.connect()
    setup.query("DROP DATABASE IF EXISTS lab")
    setup.query("CREATE DATABASE lab CHARACTER SET utf8mb4")
    sessions = {}
    for statement in scenario.get("before", []):
        run(server, sessions, statement)
    file, offset = position(setup, kind)
    if scenario.get("whole_file"):
        setup.query("FLUSH BINARY LOGS")
        file, offset = position(setup, kind)
        offset = 4
    for statement in scenario["run"]:
        run(server, sessions, statement)
    events = dump(server, file, offset, checksum=scenario.get("checksum", "CRC32"))
    with open(os.path.join(OUT, "%s.%s.events" % (name, kind)), "wb") as out:
        for event in events:
            out.write(struct.pack("<I", len(event)) + event)
    for statement in scenario.get("after", []):
        run(server, sessions, statement)
    for connection in list(sessions.values()) + [setup]:
        connection.close()
    return len(events)


def json_documents(server):
    """Each document as MySQL's text and as the log has it: u32 bytes | text | u32 bytes | binary value, all in zlib."""
    connection = server.connect()
    connection.query("DROP DATABASE IF EXISTS lab")
    connection.query("CREATE DATABASE lab CHARACTER SET utf8mb4")
    connection.query("CREATE TABLE lab.j (id INT PRIMARY KEY, j JSON)")
    file, offset = position(connection, "mysql")
    documents = []
    for document in log_scenarios.json_documents():
        try:
            connection.query("INSERT INTO lab.j VALUES (%d, %s)" % (len(documents), document))
            documents.append(document)
        except wire.Err as error:
            print("not taken: %s: %s" % (document[:80], error.message))
    texts = [row[0] for row in connection.one("SELECT CAST(j AS CHAR) FROM lab.j ORDER BY id").rows]
    binaries = []
    for event in dump(server, file, offset):
        if event[4] == 30:  # flags, extra 2, one byte of columns, one of presence, NULL bits, id, u32 length
            at = 19 + 6 + 2 + 2 + 1 + 1
            assert event[at] == 0, "NULL"
            size = struct.unpack_from("<I", event, at + 5)[0]
            binaries.append(event[at + 9:at + 9 + size])
    assert len(binaries) == len(texts) == len(documents), (len(binaries), len(texts))
    packed = b""
    for text, binary in zip(texts, binaries):
        text = text.encode() if isinstance(text, str) else text
        packed += struct.pack("<I", len(text)) + text + struct.pack("<I", len(binary)) + binary
    with open(os.path.join(OUT, "json_documents.zlib"), "wb") as out:
        out.write(struct.pack("<I", len(packed)) + zlib.compress(packed, 9))
    connection.close()
    return len(texts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="scenarios whose name has this in it")
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    folder = arguments.keep or tempfile.mkdtemp(prefix="capture-log-")
    try:
        for kind in ("mariadb", "mysql"):
            server = Server(kind, os.path.join(folder, kind))
            try:
                for name, scenario in log_scenarios.scenarios(kind).items():
                    if arguments.only and arguments.only not in name:
                        continue
                    print("%s.%s: %d events" % (name, kind, capture(server, name, scenario)), flush=True)
                if kind == "mysql" and (not arguments.only or arguments.only == "json_documents"):
                    print("json_documents: %d" % json_documents(server), flush=True)
            finally:
                server.stop()
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
