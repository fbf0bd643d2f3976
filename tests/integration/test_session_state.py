"""What a session has set: on both sides alike, or refused with a reason. In both roles."""

import os
import re
import subprocess

import harness
import wire
from harness import APP, BOTH_ROLES, raises, wait_until

ROLES = BOTH_ROLES
TABLE = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(20), ts TIMESTAMP NULL, made TIMESTAMP NOT NULL " \
        "DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)"
UPDATE = "UPDATE t SET v = v + 1 WHERE id = 1"
WHO = "SELECT s FROM app.who WHERE id = 1"


def setup(env, **flags):
    """`who` tells which side answered: it is not the same on both, so assert_t, not assert_equal, compares."""
    env.tables(TABLE, "INSERT INTO t VALUES (1, 0, 'a', NULL, '2001-01-01'), (2, 0, 'b', NULL, '2001-01-01')",
               "CREATE TABLE who (id INT PRIMARY KEY, s VARCHAR(10))")
    env.needs_proxy()
    env.old.run("INSERT INTO app.who VALUES (1, 'old')")
    env.new.run("INSERT INTO app.who VALUES (1, 'new')")
    return env.proxy(flags=dict({"read_from_new": {"percent": 100}}, **flags))


def assert_t(env, proxy):
    proxy.caught_up()
    status = proxy.status()
    assert status["applier"]["parked"] == [] and status["applier"]["ledger_open"] == 0, status["applier"]
    rows = [side.run("SET time_zone='+00:00'", "SELECT * FROM app.t ORDER BY id") for side in (env.old, env.new)]
    assert rows[0] == rows[1], rows
    return rows[0]


def run(session, *statements):
    for statement in statements:
        session.query(statement)


def answered_by(session):
    return session.one(WHO).rows[0][0]


def is_mariadb(session):
    return "Maria" in session.server_version


# Every variable is judged.

def table():
    """name -> (effect, makes), as routing/session_variables.cc has it."""
    with open(os.path.join(harness.ROOT, "routing", "session_variables.cc")) as source:
        rows = re.findall(r'\{"(\w+)",\s*VariableEffect::(\w+),\s*Makes::(\w+)', source.read())
    return {name: (effect, makes) for name, effect, makes in rows}


def test_every_session_variable_of_the_servers_is_in_the_table(env):
    known = table()
    assert len(known) > 250, len(known)
    # Of engines and plugins that a build may bring or not: they change nothing that is shipped, and are refused unseen.
    plugins = ("rocksdb_", "mroonga_", "spider_", "connect_", "s3_", "sphinx_", "oqgraph_", "mysqlx_")
    for server in (env.old, env.new):
        make = server.kind
        shown = {row[0].lower() for row in server.run("SHOW SESSION VARIABLES")}
        if make == "mariadb":
            shown |= {row[0].lower() for row in server.run(
                "SELECT variable_name FROM information_schema.system_variables WHERE variable_scope LIKE 'SESSION%'")}
        else:
            shown |= {row[0].lower() for row in server.run(
                "SELECT variable_name FROM performance_schema.variables_metadata WHERE variable_scope <> 'GLOBAL'")}
        missing = []
        for name in sorted(shown):
            if name.startswith(plugins):
                continue
            if name in known and known[name][1] in ("both", make):
                continue
            try:
                server.run("SET SESSION `%s` = DEFAULT" % name)
                missing.append(name)
            except harness.pymysql.MySQLError as error:
                if error.args[0] not in (1229, 1238, 1193):  # global only; read only; no variable
                    missing.append((name, error.args))
        assert not missing, (make, missing)
        for name, (_, makes) in known.items():
            assert makes not in ("both", make) or name in shown, "%s does not have %s" % (make, name)


# What drivers, ORMs and tools set when they connect: afterwards the session reads from new and writes.

CONNECT_TIME = {
    "connector_j": [
        "/* mysql-connector-j-9.1.0 (Revision: 9f4d6f1b6f6f) */SELECT  @@session.auto_increment_increment AS "
        "auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS "
        "character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS "
        "character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, "
        "@@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, "
        "@@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, "
        "@@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, "
        "@@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout",
        "SET character_set_results = NULL", "SET NAMES utf8mb4", "SET autocommit=1",
        "SET sql_mode='STRICT_TRANS_TABLES'", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ WRITE", "/* ping */ SELECT 1", "SELECT @@session.@ISO@", "SELECT DATABASE()",
        "SET SQL_SELECT_LIMIT=10", "SET SQL_SELECT_LIMIT=DEFAULT"],
    "mariadb_connector_j": [
        "SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
        "set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        "set session_track_system_variables=CONCAT(@@session_track_system_variables,',auto_increment_increment')",
        "SET NAMES utf8mb4", "SET wait_timeout=600"],
    "django": [
        "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, "
        "CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
        "SET SQL_AUTO_IS_NULL = 0", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET sql_mode = 'STRICT_TRANS_TABLES'", "SET foreign_key_checks=0", "SET foreign_key_checks=1",
        "SET autocommit=1"],
    "rails": [
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci,  @@SESSION.sql_mode = CONCAT(@@sql_mode, "
        "',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'), @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483"],
    "sqlalchemy": [
        "SET NAMES utf8mb4", "SELECT @@@ISO@", "SELECT DATABASE()", "SELECT @@sql_mode", "SELECT @@lower_case_table_names",
        "SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1", "ROLLBACK",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "COMMIT"],
    "hibernate_hikari": [
        "SET autocommit=1", "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION net_write_timeout=600"],
    "laravel": [
        "use `app`;", "set names 'utf8mb4' collate 'utf8mb4_unicode_ci'", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "set time_zone='+00:00'",
        "SET SESSION sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';"],
    "wordpress": [
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'", "SELECT @@SESSION.sql_mode",
        "SET SESSION sql_mode='NO_ENGINE_SUBSTITUTION'"],
    "drupal": ["SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "SET sql_mode = 'ANSI,TRADITIONAL'"],
    "php_mysqli": ["SET NAMES utf8mb4", "SET SESSION group_concat_max_len = 100000", "SET lc_time_names = 'de_DE'",
                   "SET SESSION lc_messages = 'de_DE'"],
    "go": ["SELECT @@max_allowed_packet", "SET NAMES utf8mb4", "SET time_zone = '+01:00'", "SET autocommit = 1",
           "SET SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5"],
    "mysqldump_connect": [
        "/*!40100 SET @@SQL_MODE='' */", "/*!40103 SET TIME_ZONE='+00:00' */",
        "/*!80000 SET SESSION information_schema_stats_expiry=0 */", "SET SESSION NET_READ_TIMEOUT= 700, SESSION NET_WRITE_TIMEOUT= 700",
        "SET SQL_QUOTE_SHOW_CREATE=1", "SET SESSION character_set_results = 'binary'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */", "COMMIT"],
    "mysql_safe_updates": ["SET sql_safe_updates=1,sql_select_limit=1000,max_join_size=1000000"],
    "optimizer": ["SET optimizer_switch='index_merge=off'", "SET SESSION sort_buffer_size=1048576, join_buffer_size=1048576",
                  "SET SESSION tmp_table_size=33554432, max_heap_table_size=33554432", "SET profiling=0"],
}


def test_after_what_drivers_and_orms_set_a_session_reads_and_writes(env):
    proxy = setup(env)
    for name, statements in CONNECT_TIME.items():
        session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        for statement in statements:
            try:
                session.query(statement.replace("@ISO@", "tx_isolation" if is_mariadb(session) else "transaction_isolation"))
            except wire.Err as error:
                raise AssertionError("%s: %s: %r" % (name, statement, error))
        assert answered_by(session) == "new", (name, proxy.status()["clients"])
        try:
            run(session, UPDATE, "INSERT INTO t (v, s) VALUES (7, '%s')" % name)
        except wire.Err as error:
            raise AssertionError("%s: %r" % (name, error))
        assert answered_by(session) == "new", name
        session.close()
    assert len(assert_t(env, proxy)) == 2 + len(CONNECT_TIME)


DUMP_HEAD = """/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;"""
DUMP_TAIL = """/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;"""


def test_the_frame_of_a_dump_leaves_a_session_that_writes(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, *DUMP_HEAD.split("\n"))
    run(session, "INSERT INTO `t` VALUES (0,1,'zero',NULL,'2020-02-02 02:02:02'),(50,1,'x',NULL,'2020-02-02 02:02:02')")
    run(session, *DUMP_TAIL.split("\n"))
    run(session, UPDATE)
    assert answered_by(session) == "new"
    assert [row[0] for row in assert_t(env, proxy)] == [0, 1, 2, 50]


# Values travel.

def test_reads_on_new_run_under_the_values_of_the_leaders_session(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    names = ["group_concat_max_len", "sql_select_limit", "div_precision_increment", "default_week_format", "lc_time_names",
             "max_join_size", "sql_big_selects", "sql_notes", "lc_messages", "sql_auto_is_null"]
    env.tables("CREATE TABLE many (id INT PRIMARY KEY, v VARCHAR(100))",
               "INSERT INTO many VALUES " + ",".join("(%d, REPEAT('x', 50))" % i for i in range(100)))
    # The default differs between the makes: 1 MiB and 1024.
    long = "SELECT LENGTH(GROUP_CONCAT(v)), (SELECT s FROM who WHERE id = 1) FROM many"
    expected = str(min(5099, int(session.one("SELECT @@group_concat_max_len").rows[0][0])))
    assert session.one(long).rows == [[expected, "new"]]
    run(session, "SET group_concat_max_len=77, div_precision_increment=7, default_week_format=3, lc_time_names='fr_FR', "
                 "sql_select_limit=5")
    assert session.one(long).rows == [["77", "new"]]
    assert session.one("SELECT 1/3, DAYNAME('2024-01-01'), WEEK('2024-01-01'), (SELECT s FROM who WHERE id = 1)").rows == \
        [["0.3333333", "lundi", "1", "new"]]
    assert len(session.one("SELECT id, (SELECT s FROM who WHERE id = 1) FROM many").rows) == 5
    run(session, "SET sql_select_limit=DEFAULT")
    assert len(session.one("SELECT id FROM many").rows) == 100
    assert session.one("SELECT " + ",".join("@@" + n for n in names)).rows  # answered by the leader, which has them all


def test_a_time_limit_reaches_the_other_make_in_its_own_unit(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET max_statement_time=0.2" if is_mariadb(session) else "SET max_execution_time=200")
    slow = "SELECT COUNT(*), (SELECT s FROM who WHERE id = 1) FROM %s" % ", ".join(
        "(SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL "
        "SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10) t%d" % i for i in range(9))
    raises((1969, 3024), session.query, slow)
    assert answered_by(session) == "new"


def test_entries_carry_what_is_carried(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET div_precision_increment=7, lc_time_names='fr_FR', default_week_format=3", UPDATE, "BEGIN",
        "UPDATE t SET v = v + 1 WHERE id = 2", "SET lc_time_names='de_DE'", UPDATE, "COMMIT", "SET explicit_defaults_for_timestamp=0",
        UPDATE)
    raises(1235, session.query, "INSERT INTO t (id, made) VALUES (11, NULL)")  # the present time, or an error
    assert [row[1] for row in assert_t(env, proxy)] == [3, 1]


def test_a_variable_that_cannot_be_reproduced_refuses_writes_until_it_is_set_back(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET completion_type=CHAIN")
    _, message = raises(1235, session.query, UPDATE)
    assert "completion_type" in message, message
    assert answered_by(session) == "old"
    clients = proxy.status()["clients"]
    assert clients["pinned_to_leader"] == 1 and "completion_type" in list(clients["pinned_reasons"])[0], clients
    run(session, "SET completion_type=DEFAULT", UPDATE)
    assert answered_by(session) == "new"
    assert proxy.status()["clients"]["pinned_to_leader"] == 0
    run(session, "SET rand_seed1=5")
    raises(1235, session.query, UPDATE)
    session.simple(bytes([wire.RESET_CONNECTION]))
    run(session, "USE app", UPDATE)
    assert_t(env, proxy)


def test_a_variable_that_only_the_leader_has_pins_reads(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    name, value = ("default_regex_flags", "DOTALL") if is_mariadb(session) else ("windowing_use_high_precision", "OFF")
    run(session, "SET %s='%s'" % (name, value))
    assert answered_by(session) == "old"
    assert name in list(proxy.status()["clients"]["pinned_reasons"])[0]
    run(session, UPDATE, "SET %s=DEFAULT" % name)
    assert answered_by(session) == "new"
    assert_t(env, proxy)


def test_a_failed_set_changes_nothing(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    raises(1193, session.query, "SET crossfade_nonsense=1")
    raises((1227, 1231), session.query, "SET sql_log_bin=0")
    raises((1231, 1649), session.query, "SET lc_time_names='xx_YY'")
    run(session, UPDATE)
    assert answered_by(session) == "new"
    assert_t(env, proxy)


# The leader's connection is lost while idle.

def restart(env, how):
    if how == "kill":
        env.old.kill()
    else:
        env.old.stop()
    env.old.start()


def ready_again(proxy):
    """The applier is back on the leader: writes may be recorded again."""
    wait_until(lambda: proxy.status()["backends"]["old"]["state"] == "up" and proxy.status()["ready"], 30, "the leader")


def test_idle_sessions_outlive_a_restart_of_the_leader(env):
    proxy = setup(env)
    for how in ("kill", "stop"):
        session = proxy.wire(database="app")
        run(session, "SET NAMES utf8mb4", "SET group_concat_max_len=99, sql_mode='ANSI_QUOTES'", "SET SESSION wait_timeout=777",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "INSERT INTO t (v) VALUES (5)")
        inserted = session.one("SELECT LAST_INSERT_ID()").rows[0][0]
        read, *_ = session.prepare("SELECT v + ? FROM t WHERE id = 2")
        write, *_ = session.prepare("UPDATE t SET v = v + ? WHERE id = 2")
        session.execute(read, [1])
        session.execute(write, [1])
        off = proxy.wire(database="app")
        run(off, "SET autocommit=0", "SELECT 1 FROM t", "COMMIT")
        restart(env, how)
        ready_again(proxy)
        state = session.one("SELECT @@group_concat_max_len, @@sql_mode, @@wait_timeout, DATABASE(), LAST_INSERT_ID(), "
                            "@@autocommit, @@%s" % ("tx_isolation" if is_mariadb(session) else "transaction_isolation")).rows[0]
        assert state == ["99", "ANSI_QUOTES", "777", "app", inserted, "1", "SERIALIZABLE"], state
        before = int(env.old.run("SELECT v FROM app.t WHERE id = 2")[0][0])
        session.execute(write, [10])
        assert session.execute(read, [1])[0].rows[0][0] == before + 11
        assert off.one("SELECT @@autocommit").rows == [["0"]]
        run(off, UPDATE, "COMMIT")
        assert session.simple(bytes([wire.PING]))
        assert_t(env, proxy)
    assert proxy.metric("crossfade_leader_reattached_total") == 4


def lost(session, statement):
    """The session ends with an error, as a server's does."""
    try:
        session.query(statement)
        raise AssertionError("went on: " + statement)
    except wire.Err as error:
        assert error.code == 2013, error
    except wire.Closed:
        pass
    assert session.closed_by_server()


def test_what_cannot_be_given_back_ends_the_session(env):
    proxy = setup(env)
    off = {"dual_write": {"enabled": False}}
    env.tables("CREATE TABLE lone (id INT PRIMARY KEY)")
    held = [("BEGIN", "SELECT * FROM who FOR UPDATE"), ("SELECT GET_LOCK('a', 1)",), ("SET @a = 1",),
            ("BEGIN", UPDATE), ("SET autocommit=0", "SELECT * FROM t"), ("SELECT LAST_INSERT_ID(7)",),
            ("SET TRANSACTION READ ONLY",)]
    relayed = [("CREATE TEMPORARY TABLE tmp (a INT)",), ("LOCK TABLES lone READ",), ("HANDLER lone OPEN",),
               ("PREPARE p FROM 'SELECT 1'",)]
    sessions = []
    for statements in held:
        session = proxy.wire(database="app")
        run(session, *statements)
        sessions.append((statements, session))
    proxy.set_flags(**off)
    for statements in relayed:
        session = proxy.wire(database="app")
        run(session, *statements)
        sessions.append((statements, session))
    released = proxy.wire(database="app")
    run(released, "SELECT GET_LOCK('b', 1)", "SELECT RELEASE_ALL_LOCKS()")
    cursor = proxy.wire(database="app")
    statement, *_ = cursor.prepare("SELECT id FROM t")
    payload = bytearray(cursor.execute_payload(statement, []))
    payload[5] = 1  # CURSOR_TYPE_READ_ONLY
    cursor.command(bytes(payload))
    while cursor.read_packet()[0] != 0xFE:  # the columns; rows come with COM_STMT_FETCH
        pass
    asks = proxy.wire(database="app")
    run(asks, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1")
    restart(env, "kill")
    ready_again(proxy)
    for statements, session in sessions:
        lost(session, "SELECT 1 FROM t FOR UPDATE")
    lost(cursor, "SELECT 1 FROM t FOR UPDATE")
    lost(asks, "SELECT FOUND_ROWS()")
    assert released.one("SELECT 1").rows == [["1"]]


def test_last_words_of_the_server_are_passed_on(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET wait_timeout=1", "SELECT 1")
    own = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % session.connection_id
    wait_until(lambda: env.old.run(own)[0][0] == 0, 20, "the time-out")
    if is_mariadb(session):  # closes without a word: the session goes on
        assert session.one("SELECT @@wait_timeout").rows == [["1"]]
    else:
        raises(4031, session.query, "SELECT @@wait_timeout")
        assert session.closed_by_server()


def gone(server, session):
    wait_until(lambda: server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % session.connection_id)[0][0] == 0,
               20, "the end of the connection")


def kill_one(server):
    """From here on the server has seen a KILL."""
    victim = server.connect()
    server.run("KILL %d" % victim.thread_id())


def test_a_kill_that_comes_past_the_proxy_ends_an_idle_session(env):
    proxy = setup(env)
    statements = ["KILL %d", "KILL CONNECTION %d"] + (["KILL USER " + APP] if env.old.kind == "mariadb" else [])
    for kill in statements:
        session = proxy.wire(database="app")
        run(session, "SET NAMES utf8mb4", "SELECT 1", UPDATE)
        env.old.run(kill % session.connection_id if "%d" in kill else kill)
        gone(env.old, session)
        lost(session, "SELECT 1 FROM t FOR UPDATE")
    # What is no KILL is outlived as before, on a server where there have been some.
    session = proxy.wire(database="app")
    if env.old.kind == "mariadb":  # closes without a word
        run(session, "SET wait_timeout=1")
        gone(env.old, session)
        assert session.one("SELECT @@wait_timeout").rows == [["1"]]
    restart(env, "kill")
    ready_again(proxy)
    kill_one(env.old)
    assert session.one("SELECT DATABASE()").rows == [["app"]]
    assert_t(env, proxy)


def test_a_network_that_breaks_is_no_kill(env):
    env.needs_proxy()
    env.tables(TABLE)
    relay = env.relay(env.old)
    proxy = env.proxy(old_port=relay.port)
    kill_one(env.old)
    session = proxy.wire(database="app")
    run(session, "SET group_concat_max_len=99", "SELECT 1")
    relay.reset_all()
    ready_again(proxy)
    assert session.one("SELECT @@group_concat_max_len").rows == [["99"]]
    assert proxy.metric("crossfade_leader_reattached_total") == 1


def test_a_failed_init_connect_ends_the_session_as_on_the_server(env):
    # The server answers the first command with 1184 and closes: the proxy must not go on with another connection.
    proxy = setup(env, dual_write={"enabled": False})
    env.old.run("SET GLOBAL init_connect = 'no such statement'")
    try:
        for session in (env.old.wire(), proxy.wire()):
            raises(1184, session.query, "SELECT 1")
            assert session.closed_by_server()
    finally:
        env.old.run("SET GLOBAL init_connect = ''")


def first_prepared(session, sql):
    session.execute(session.prepare(sql)[0])


FIRST = [(wire.Connection.query, "INSERT INTO t (v) VALUES (1)"), (first_prepared, "INSERT INTO t (v) VALUES (1)"),
         (wire.Connection.query, "BEGIN"), (wire.Connection.query, "SET @a = 1"), (wire.Connection.query, "NONSENSE"),
         (wire.Connection.query, 'SELECT "x", v FROM t'), (wire.Connection.query, "UPDATE t SET v = 1"),
         (wire.Connection.query, "SELECT 1; INSERT INTO t (v) VALUES (1)"), (first_prepared, "SELECT v FROM t"),
         (wire.Connection.query, "PREPARE p FROM 'SELECT 1'"), (wire.Connection.query, "SHOW WARNINGS")]


def test_a_failed_init_connect_is_heard_of_whatever_comes_first(env):
    """Also where the proxy's own question is the first thing that the server hears."""
    proxy = setup(env)
    proxy.wire(database="app").query("INSERT INTO t (v) VALUES (1)")
    env.old.run("SET GLOBAL init_connect = 'no such statement'")
    try:
        for send, sql in FIRST:
            session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
            code, text = raises(1184, send, session, sql)
            assert "init_connect" in text and "crossfade" not in text, (sql, text)
            assert session.closed_by_server(), sql
    finally:
        env.old.run("SET GLOBAL init_connect = ''")
    proxy.caught_up()
    assert_t(env, proxy)


def test_a_signal_with_the_number_of_a_servers_last_words_ends_nothing(env):
    proxy = setup(env, dual_write={"enabled": False})
    for side in (env.old, proxy):
        session = side.wire(database="app")
        run(session, "SET @a = 5")
        for number in (1184, 1927, 1153, 1053):
            raises(number, session.query, "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'mine'" % number)
            assert session.one("SELECT ROW_COUNT()").rows == [["-1"]]  # and the proxy's question has left no trace
            raises(number, session.query, "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'mine'" % number)
            assert session.one("SHOW WARNINGS").rows == [["Error", str(number), "mine"]]
            assert session.one("SELECT @a").rows == [["5"]]


def test_a_reset_needs_nothing_of_a_lost_connection(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET autocommit=0", "SET @a=1", "SELECT * FROM t FOR UPDATE")
    restart(env, "kill")
    ready_again(proxy)
    session.simple(bytes([wire.RESET_CONNECTION]))
    run(session, "USE app")
    assert session.one("SELECT @a, @@autocommit").rows == [[None, "1"]]


# Isolation and access: as the server itself would have it.

ONE_SHOTS = [
    ("SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "DO 0", "UPDATE t SET v = v + 1 WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "BEGIN", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1",
     "SET SESSION TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("SET SESSION TRANSACTION READ ONLY", "SET TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("START TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1"),
    ("START TRANSACTION READ WRITE", "UPDATE t SET v = v + 1 WHERE id = 1", "ROLLBACK", "SELECT v FROM t WHERE id = 1"),
    ("START TRANSACTION WITH CONSISTENT SNAPSHOT", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT", "SELECT v FROM t WHERE id = 1"),
    ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1"),
    ("BEGIN", "SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET autocommit=0", "UPDATE t SET v = v + 1 WHERE id = 1", "SELECT v FROM t WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1", "ROLLBACK", "SET autocommit=1", "SELECT v FROM t WHERE id = 1"),
    ("SET autocommit=0", "SET TRANSACTION READ ONLY", "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT",
     "UPDATE t SET v = v + 1 WHERE id = 1", "COMMIT"),
    ("SET TRANSACTION READ ONLY", "INSERT INTO t (v) VALUES (1)", "INSERT INTO t (v) VALUES (1)", "DELETE FROM t WHERE id > 2"),
]


def said(session, statements):
    answers = []
    for statement in statements:
        try:
            answers.append(session.one(statement).facts())
        except wire.Err as error:
            answers.append((error.code, error.state))
    return answers


def test_characteristics_of_transactions_are_used_up_as_the_server_does(env):
    proxy = setup(env)
    env.old.run("CREATE DATABASE IF NOT EXISTS app_direct", "CREATE TABLE app_direct.t LIKE app.t")
    for statements in ONE_SHOTS:
        statements = [s for s in statements if "id > 2" not in s]
        env.old.run("DELETE FROM app_direct.t", "INSERT INTO app_direct.t SELECT * FROM app.t",
                    "ALTER TABLE app_direct.t AUTO_INCREMENT = %d" % (1 + env.old.run("SELECT MAX(id) FROM app.t")[0][0]))
        straight = env.old.wire(database="app_direct")
        through = proxy.wire(database="app")
        expected, found = said(straight, statements), said(through, statements)
        assert found == expected, "%s:\n%s\ndirectly\n%s" % (statements, found, expected)
    assert_t(env, proxy)


# Character sets, by id and by name.

def test_a_login_with_a_collation_that_the_other_side_lacks_works(env):
    proxy = setup(env)
    for charset in (255, 8, 33, 45, 46, 224, 246, 63, 192):
        straight = env.old.wire(database="app", charset=charset)
        session = proxy.wire(database="app", charset=charset)
        ask = "SELECT @@character_set_client, @@collation_connection, @@character_set_results"
        assert session.one(ask).rows == straight.one(ask).rows, (charset, session.one(ask).rows, straight.one(ask).rows)
        assert answered_by(session) == "new", (charset, session.one(ask).rows)
        run(session, UPDATE)
    assert_t(env, proxy)


def test_every_collation_of_the_leader_is_mapped_or_pinned_with_a_reason(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    collations = [row[0] for row in env.old.run(
        "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
        if is_mariadb(session) else "SELECT collation_name FROM information_schema.collations ORDER BY 1")]
    step = 5 if len(collations) > 500 else 1  # of MariaDB's 1242, with every kind among them
    written, pinned = 0, []
    for collation in collations[::step]:
        charset = collation.split("_")[0]
        if charset in ("ucs2", "utf16", "utf16le", "utf32"):  # no client's
            continue
        run(session, "SET NAMES %s COLLATE %s" % (charset, collation))
        if answered_by(session) == "new":
            run(session, UPDATE)
            written += 1
        else:
            assert list(proxy.status()["clients"]["pinned_reasons"]), collation
            raises(1235, session.query, UPDATE)
            pinned.append(collation)
    assert written > 100 and all(c.startswith("gb18030") for c in pinned), (written, pinned)
    assert_t(env, proxy)


def test_a_collation_beyond_255_is_known_by_its_name(env):
    proxy = setup(env)
    session = proxy.wire(database="app", capabilities=wire.PLUGIN_AUTH)
    run(session, "SET NAMES utf8mb4 COLLATE %s" % ("utf8mb4_uca1400_ai_ci" if is_mariadb(session) else "utf8mb4_0900_bin"))
    assert answered_by(session) == "new"
    run(session, UPDATE)
    assert_t(env, proxy)


# Time zones.

ZONES = ("Europe/Berlin", "Africa/Monrovia", "Asia/Kolkata")


def load_zones(server, names=ZONES):
    """As an operator does it, for a few zones."""
    program = ["mariadb-tzinfo-to-sql"] if server.kind == "mariadb" else \
        [os.path.join(harness.ROOT, "scripts", "mysql9"), "run", "mysql_tzinfo_to_sql"]
    for name in names:
        if server.run("SELECT COUNT(*) FROM mysql.time_zone_name WHERE name = '%s'" % name)[0][0]:
            continue
        sql = subprocess.run(program + ["/usr/share/zoneinfo/" + name, name], stdout=subprocess.PIPE, check=True).stdout
        client = ["mariadb", "--no-defaults", "--host=127.0.0.1", "--port=%d" % server.port, "--user=root", "mysql"]
        subprocess.run(client, input=sql, check=True, stdout=subprocess.DEVNULL)


def test_writes_under_a_named_zone_that_both_mean_alike(env):
    for server in (env.old, env.new):
        load_zones(server)
    proxy = setup(env)
    session = proxy.wire(database="app")
    for zone in ZONES:
        run(session, "SET time_zone='%s'" % zone)
        for moment in ("1972-01-06 23:59:59", "1972-01-07 00:44:30", "2024-03-31 03:00:00", "2024-10-27 02:30:00", "2024-07-01 12:00:00", "2037-11-11 11:11:11"):
            run(session, "INSERT INTO t (v, ts) VALUES (1, '%s')" % moment)
        run(session, "INSERT INTO t (v, ts) VALUES (2, NOW())")
        wait_until(lambda: answered_by(session) == "new", 20, "reads from new under " + zone)
        through = session.one("SELECT id, ts, made FROM t ORDER BY id").rows
        straight = env.old.wire(database="app")
        run(straight, "SET time_zone='%s'" % zone)
        proxy.caught_up()
        assert session.one("SELECT id, ts, made FROM t ORDER BY id").rows == straight.one("SELECT id, ts, made FROM t ORDER BY id").rows, through
    # A moment that does not exist: the server's own word for it.
    run(session, "SET time_zone='Europe/Berlin'")
    raises(1292, session.query, "INSERT INTO t (v, ts) VALUES (1, '2024-03-31 02:30:00')")
    assert len(assert_t(env, proxy)) == 2 + 3 * 7


def test_writes_under_a_zone_that_new_does_not_know_or_takes_for_another_are_refused(env):
    # Servers remember a zone that they have used: each role has names of its own.
    missing, other = ("America/New_York", "America/Sao_Paulo") if env.old.kind == "mariadb" else ("America/Chicago", "America/Santiago")
    load_zones(env.old, (missing, "Asia/Tokyo", other))
    load_zones(env.new, ("Asia/Tokyo",))
    # `new` has the other one under rules of its own: those of Tokyo.
    tokyo = env.new.run("SELECT time_zone_id FROM mysql.time_zone_name WHERE name = 'Asia/Tokyo'")[0][0]
    env.new.run("DELETE FROM mysql.time_zone_name WHERE name IN ('%s', '%s')" % (missing, other),
                "INSERT INTO mysql.time_zone_name VALUES ('%s', %d)" % (other, tokyo))
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET time_zone='%s'" % missing)
    _, message = raises(1235, session.query, UPDATE)
    assert "load the time zone tables" in message and missing in message, message
    assert answered_by(session) == "old"
    run(session, "SET time_zone='%s'" % other)
    _, message = raises(1235, session.query, UPDATE)
    assert "do not mean the same" in message, message
    assert answered_by(session) == "old"
    run(session, "SET time_zone='Asia/Tokyo'", UPDATE, "SET time_zone='+00:00'", UPDATE)
    assert answered_by(session) == "new"
    assert_t(env, proxy)


def restart_under(server, zone):
    server.stop()
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    try:
        server.start()
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before


def test_the_servers_own_zones_are_compared_host_with_host(env):
    try:
        restart_under(env.old, "Europe/Lisbon")
        restart_under(env.new, "Europe/Lisbon")
        proxy = setup(env)
        session = proxy.wire(database="app")
        run(session, "SET time_zone='SYSTEM'", "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')", UPDATE)
        assert_t(env, proxy)
        proxy.kill()
        restart_under(env.new, "Europe/Athens")
        session = env.proxy(flags={"read_from_new": {"percent": 100}}).wire(database="app")
        _, message = raises(1235, session.query, UPDATE)
        assert "SYSTEM" in message and "set time_zone" in message, message
        assert answered_by(session) == "old"
        proxy = env.proxies[-1]
        proxy.kill()
        # One that never changed is an offset, whatever the other's is.
        restart_under(env.old, "Asia/Kolkata")
        proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
        session = proxy.wire(database="app")
        run(session, "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')")
        wait_until(lambda: answered_by(session) == "new", 20, "reads from new")
        assert_t(env, proxy)
    finally:
        restart_under(env.old, "UTC")
        restart_under(env.new, "UTC")
