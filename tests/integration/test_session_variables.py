"""Every variable that a session sets is judged: carried to the other side, or refused with a reason."""

import os
import re

import pymysql

import wire
from harness import BOTH_ROLES, raises
from machine import ROOT
from two_sides import UPDATE, answered_by, assert_t, is_mariadb, run, setup

ROLES = BOTH_ROLES


def table():
    """name -> (effect, makes), as routing/session_variables.cc has it."""
    with open(os.path.join(ROOT, "routing", "session_variables.cc")) as source:
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
            except pymysql.MySQLError as error:
                if error.args[0] not in (1229, 1238, 1193):  # global only; read only; no variable
                    missing.append((name, error.args))
        assert not missing, (make, missing)
        for name, (_, makes) in known.items():
            assert makes not in ("both", make) or name in shown, "%s does not have %s" % (make, name)


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


def test_writes_mean_what_the_leaders_session_means(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET div_precision_increment=7, lc_time_names='fr_FR', default_week_format=3", UPDATE, "BEGIN",
        "UPDATE t SET v = v + 1 WHERE id = 2", "SET lc_time_names='de_DE'", UPDATE, "COMMIT", "SET explicit_defaults_for_timestamp=0",
        UPDATE, "INSERT INTO t (id, made) VALUES (11, NULL)", "SET rand_seed1=5, completion_type=CHAIN",
        "UPDATE t SET s = RAND() WHERE id = 2")
    assert [row[1] for row in assert_t(env, proxy)] == [3, 1, None]


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
    raises(1235, session.query, "SET sql_log_bin=0")
    raises((1231, 1649), session.query, "SET lc_time_names='xx_YY'")
    run(session, UPDATE)
    assert answered_by(session) == "new"
    assert_t(env, proxy)


def test_every_way_to_set_and_to_ask_for_the_last_id_after_a_write(env):
    env.tables("CREATE TABLE ids (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
    proxy = env.proxy()
    answers = []
    for side in (env.old, proxy):
        session = side.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        session.query("PREPARE asks FROM 'SELECT LAST_INSERT_ID() INTO @a'")
        session.query("PREPARE sets FROM 'SET @a = LAST_INSERT_ID()'")
        asks = session.prepare("SELECT LAST_INSERT_ID() INTO @a")[0]
        sets = session.prepare("SET @a = LAST_INSERT_ID() + ?")[0]
        found = []
        for ask in ("SET last_insert_id = 5", "SET @@identity = 6, @a = LAST_INSERT_ID()", "SET @a = LAST_INSERT_ID()",
                    "SET last_insert_id = 'x'", "SET @a = @@last_insert_id, last_insert_id = 7", "SET @a = 1",
                    "SELECT LAST_INSERT_ID() INTO @a", "DO @a := LAST_INSERT_ID()", "DO LAST_INSERT_ID(8)", "EXECUTE asks", "EXECUTE sets",
                    "SELECT 1; SET @a = LAST_INSERT_ID()", "SET @b = 1; SELECT @a := LAST_INSERT_ID()",
                    "CREATE TEMPORARY TABLE kept AS SELECT LAST_INSERT_ID() AS id; SELECT id INTO @a FROM kept; DROP TEMPORARY TABLE kept",
                    lambda: session.execute(asks, []), lambda: session.execute(sets, ["0"])):
            session.query("SET @a = NULL")
            for wrapped in (True, False):
                if not wrapped:
                    session.query("BEGIN")
                session.query("INSERT INTO ids (n) VALUES (1)")
                try:
                    session.query(ask) if isinstance(ask, str) else ask()
                except wire.Err as error:
                    found.append(error.code)
                last = session.one("SELECT LAST_INSERT_ID()").rows[0][0]
                if not wrapped:
                    session.query("COMMIT")
                    last = (last, session.one("SELECT LAST_INSERT_ID()").rows[0][0])
                mine, variable = session.one("SELECT MAX(id), @a FROM ids").rows[0]
                found.append((ask if isinstance(ask, str) else len(found), wrapped, repr((last, variable)).replace("'%s'" % mine, "the id")))
        answers.append(found)
        if side is env.old:
            env.both("DELETE FROM app.ids")
    assert answers[0] == answers[1], [pair for pair in zip(*answers) if pair[0] != pair[1]]
    env.assert_equal()
