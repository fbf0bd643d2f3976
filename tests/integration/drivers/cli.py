"""The command line clients: `mariadb`, and Oracle's `mysql`. What they print is the result; times are taken out."""

import os
import re
import signal
import subprocess
import sys

import kit
from kit import emit, step

PROGRAM = sys.argv[1:]


def command(*options, tls=False, compress=False, database=kit.DATABASE):
    arguments = ["--no-defaults", "-h", kit.HOST, "-P", str(kit.PORT), "-u", kit.USER, "--default-character-set=utf8mb4"]
    oracle = kit.VARIANT == "mysql"
    if oracle:
        arguments += ["--commands"]
    if tls:
        arguments += ["--ssl-ca=" + kit.CA, "--ssl-mode=VERIFY_CA"] if oracle else ["--ssl-ca=" + kit.CA, "--ssl-verify-server-cert"]
    else:
        arguments += ["--ssl-mode=DISABLED"] if oracle else ["--skip-ssl"]
    if compress:
        arguments += ["--compression-algorithms=zlib"] if oracle else ["--compress"]
    if oracle:
        arguments += ["--plugin-dir=" + os.environ["DRIVER_PLUGINS"]]
    return PROGRAM + arguments + list(options) + ([database] if database else [])


def start(arguments, **more):
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=dict(os.environ, MYSQL_PWD=kit.PASSWORD), **more)


def clean(text):
    text = text.decode("utf-8", "backslashreplace")
    text = re.sub(r"\(\d+ min \d+\.\d+ sec\)|\(\d+\.\d+ sec\)", "(time)", text)
    return [line for line in text.splitlines() if not line.startswith("mysql: [Warning]")]


def client(script, *options, **how):
    program = start(command(*options, **how))
    try:
        out, _ = program.communicate(script.encode(), timeout=60)
    finally:
        program.kill()
    return [program.returncode, clean(out)]


def run(*sqls, **how):
    """Everything verbose and as a table, going on after errors."""
    return client("".join(sql + ";\n" for sql in sqls), "-vvv", "-t", "-f", "--show-warnings", **how)


def cancel():
    """Ctrl-C while a statement runs: the client kills it, by a connection of its own, and goes on."""
    program = start(command("-t", "-f", "--unbuffered", "--skip-reconnect"))
    program.stdin.write(b"SELECT 1 AS one, sleep(60) AS slept;\nSELECT 'goes on';\n")
    program.stdin.flush()
    running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT 1 AS one, sleep(60)%' AND db = DATABASE()"
    kit.until(lambda: client(running, "-N")[1] == ["1"], "the sleep in the process list")
    program.send_signal(signal.SIGINT)
    try:
        out, _ = program.communicate(timeout=30)
    finally:
        program.kill()
    return [program.returncode, clean(out)]


def reconnect():
    """The program's own connection is killed in the middle; another one is as good."""
    program = start(command("-t", "-f", "-n", "--skip-reconnect", "-N"))
    program.stdin.write(b"SELECT CONNECTION_ID();\n")
    program.stdin.flush()
    number = None
    while number is None:
        line = program.stdout.readline()
        if not line:
            raise AssertionError("the client ended")
        number = re.search(rb"\d+", line)
    killed = client("KILL %d;" % int(number[0]))
    kit.until(lambda: client("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % int(number[0]), "-N")[1] == ["0"],
              "the end of the killed connection")
    out, _ = program.communicate(b"SELECT 'again', DATABASE();\n", timeout=60)
    lost = [re.sub(r"ERROR (2006|2013) .*", "lost", line) for line in clean(out)]
    return [killed, program.returncode, lost[-1], client("SELECT 'again', DATABASE()")]


def status():
    found = client("\\s\nSELECT 'status was fine';\n", "-t")[1]
    return [line for line in found if not re.search(r"Uptime|Threads:|Connection id|TCP port|Current user|SSL|^$", line)]


def sizes(**how):
    number = 1 if how.get("tls") else 2
    value = "0123456789abcdef" * 65536
    return client("INSERT INTO large VALUES (%d, '%s');\nSELECT LENGTH(v), SHA1(v) FROM large WHERE id = %d;\n%s" %
                  (number, value, number, "SHOW STATUS LIKE 'Ssl_version';\n" if how.get("tls") else ""), "-t", **how)


def parameters():
    return run("INSERT INTO bound VALUES (1, 'nä''me 😀', 1.5, 2.25, '2024-02-29 01:02:03.000004', X'00FF', 4611686018427387904)",
               "SELECT * FROM bound WHERE id = 1", "UPDATE bound SET name = NULL WHERE id = 1", "SELECT * FROM bound WHERE id = 1")


def stream(abandon):
    """--quick takes the rows as they come."""
    program = start(command("-q", "-N", "-B"))
    program.stdin.write(b"SELECT id, v, n FROM app_static.big ORDER BY id;\n")
    program.stdin.close()
    rows = total = 0
    for line in program.stdout:
        rows, total = rows + 1, total + len(line) * 31 + line[0]
        if abandon and rows == 20000:
            program.kill()
            break
    program.wait(30)
    return [rows, total, program.returncode, run("SELECT 'goes on'")]


def main():
    version = subprocess.run(PROGRAM + ["--version"], stdout=subprocess.PIPE, text=True).stdout
    emit("driver", re.sub(r"^\S*(?:mysql|mariadb)\s+", "", version.strip()).split(",")[0])
    step("connect", status)
    step("types", lambda: run(*(kit.type_statements() + ["SELECT * FROM types ORDER BY id"])))
    step("parameters", parameters)
    for name, sqls in kit.statements("text"):
        step("text: " + name, lambda: run(*sqls))
    step("transactions", lambda: run("SET autocommit = 0", "INSERT INTO bound (id) VALUES (5000)", "ROLLBACK",
                                     "INSERT INTO bound (id) VALUES (5001)", "COMMIT", "SELECT id FROM bound WHERE id >= 5000"))
    step("batch", lambda: run("INSERT INTO many (name, n) VALUES " + ", ".join("('batch %d', %d)" % (i, i) for i in range(500)),
                              "SELECT COUNT(*), SUM(n) FROM many"))
    step("ids", lambda: run("INSERT INTO many (name) VALUES ('a'), ('b')", "SELECT LAST_INSERT_ID()"))
    step("multi", lambda: client("DELIMITER //\nSELECT 1; SELECT 2 AS two//\nINSERT INTO many (id, name) VALUES (9100, 'multi'); "
                                 "UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100//\n", "-vvv", "-t", "-f"))
    step("stream", stream, False)
    step("stream abandoned", stream, True)
    step("cancel", cancel)
    step("reconnect", reconnect)
    if kit.VARIANT == "mysql":
        step("reset", lambda: client("SET @gone = 1;\nSELECT @gone;\n\\x\nSELECT @gone, DATABASE();\n", "-t"))
    step("use", lambda: client("SELECT DATABASE();\nUSE app_static\nSELECT DATABASE(), COUNT(*) FROM big;\nUSE app_that_is_not_there\n"
                               "USE %s\nSELECT DATABASE();\n" % kit.DATABASE, "-t", "-f", database=None))
    step("tls", lambda: sizes(tls=True))
    step("compression", lambda: sizes(compress=True))
    step("local infile", lambda: client("LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded (id, v, n);\nSELECT COUNT(*), SUM(n), MAX(v) FROM loaded;\n"
                                        % kit.LOAD_FILE, "-t", "-vvv", "--local-infile=1"))
    step("attributes", lambda: run("SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = "
                                   "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME"))
    step("metadata", lambda: client("BEGIN;\nSELECT * FROM types WHERE id = 3;\nCOMMIT;\n", "--column-type-info"))
    kit.finish()


main()
