"""`crossfade preflight`: each kind of finding comes from a real pair of servers, and is absent from a clean one."""

import contextlib

import pymysql

from harness import BOTH_ROLES, feeds
from log_feed import is_mariadb, settings
from preflight import Preflight, blockers, expect, found, look
from readme_rights import readme_rights
from servers import APP, CONTROL

ROLES = BOTH_ROLES


@contextlib.contextmanager
def mended(env, codes):
    """The server `new` as the advice of these findings says; as it was, afterwards."""
    statements = [each["advice"].split(": ", 1)[1] for each in look(env, "--quick")["findings"] if each["code"] in codes]
    names = [statement.split()[2].split("=")[0] for statement in statements]
    before = {name: env.new.run("SELECT @@GLOBAL." + name)[0][0] for name in names}
    with settings(env.new, **before):
        try:
            env.new.run(*statements)
            yield statements
        finally:
            if not is_mariadb(env.new):
                env.new.run("RESET PERSIST")


OF_SERVERS = ("variable_differs", "variable_smaller", "sql_mode_differs", "isolation_differs", "server_collation_differs", "time_zone_differs")


def test_a_clean_pair_has_notes_alone(env):
    env.tables("CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL, UNIQUE KEY (name))",
               "CREATE TABLE child (id INT PRIMARY KEY, parent INT, body TEXT, d DECIMAL(10,2), CONSTRAINT f FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
               "INSERT INTO parent VALUES (1, 'a'), (2, 'b')", "INSERT INTO child VALUES (1, 1, 'text', 1.5), (2, NULL, NULL, NULL)")
    with mended(env, OF_SERVERS) as statements:
        report = look(env, code=0)
        assert not [each for each in report["findings"] if each["severity"] != "note"], (statements, report["findings"])
        text = Preflight(env)
        assert text.code == 0 and "nothing stands in the way" in text.out and "BLOCKERS" not in text.out, text
    assert {each["code"] for each in report["findings"]} == {"version", "feed", "way_back", "foreign_key"}, report["findings"]
    tables = {each["table"]: each for each in report["tables"]}
    assert tables["app.parent"]["rows"] == tables["app.child"]["rows"] == 2 and tables["app.child"]["counted"], tables
    assert 4 <= tables["app.child"]["largest_row_bytes"] <= 40, tables
    assert report["feed"]["kind"] == "log" and report["size"]["tables"] == 2 and report["size"]["data_bytes"] > 0, report


def test_settings_that_differ_and_the_statements_that_mend_them(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    differing = {"group_concat_max_len": 77, "div_precision_increment": 7, "lc_time_names": "de_DE", "default_week_format": 3, "time_zone": "+03:00",
                 "max_allowed_packet": 1048576, "max_connections": 100, "sql_mode": "ANSI_QUOTES"}
    with mended(env, OF_SERVERS):
        clean = look(env, "--quick")
        assert not any(found(clean, code) for code in OF_SERVERS), clean["findings"]
        isolation = "transaction_isolation" if env.new.run("SHOW GLOBAL VARIABLES LIKE 'transaction_isolation'") else "tx_isolation"
        with settings(env.new, **differing, **{isolation: "READ-COMMITTED"}):
            report = look(env, "--quick")
            for name in ("group_concat_max_len", "div_precision_increment", "lc_time_names", "default_week_format"):
                assert [each for each in found(report, "variable_differs") if name + "=" in each["advice"]], (name, report["findings"])
            for name in ("max_allowed_packet", "max_connections"):
                assert [each for each in found(report, "variable_smaller") if name + "=" in each["advice"]], (name, report["findings"])
            expect(report, "sql_mode_differs", "warning", "ANSI_QUOTES", "sql_mode=")
            expect(report, "isolation_differs", "warning", "READ-COMMITTED", isolation + "='REPEATABLE-READ'")
            expect(report, "time_zone_differs", "warning", "+03:00")


def test_a_follower_that_would_refuse_or_twist_the_rows(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    clean = look(env, "--quick")
    assert not any(found(clean, code) for code in ("read_only", "super_read_only", "triggers_run_for_rows", "primary_key_required"))
    if is_mariadb(env.new):
        with settings(env.new, slave_run_triggers_for_rbr="YES"):
            expect(look(env, "--quick"), "triggers_run_for_rows", "blocker", "SET GLOBAL slave_run_triggers_for_rbr='NO'")
    else:
        with settings(env.new, super_read_only=1, read_only=1):
            expect(look(env, "--quick"), "super_read_only", "blocker", "SET GLOBAL super_read_only=0")
        env.new.run("SET GLOBAL super_read_only=0", "SET GLOBAL read_only=0")
        env.old.run("CREATE TABLE app.keyless (a INT)")
        with settings(env.new, sql_require_primary_key=1):
            expect(look(env, "--quick"), "primary_key_required", "blocker", "app.keyless")
        with settings(env.new, sql_generate_invisible_primary_key=1):
            expect(look(env, "--quick"), "primary_key_generated", "blocker", "app.keyless")
    with settings(env.old, read_only=1):
        expect(look(env, "--quick"), "read_only", "warning", object="old")


def test_two_addresses_of_one_server(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    assert not found(look(env, "--quick"), "same_server")
    report = look(env, "--quick", config={"backends": {"new": {"address": "localhost:%d" % env.old.port}}})
    expect(report, "same_server", "blocker", "one server")
    done = Preflight(env, "--fix-schema", "--execute", config={"backends": {"new": {"address": "localhost:%d" % env.old.port}}})
    assert done.code == 1 and "one server" in done.err, done


NARROWER = [  # column on old, on new, values on old, code, rows that do not fit, length of the longest
    ("s VARCHAR(20)", "s VARCHAR(3)", ("'abc'", "'abcd'", "'äöüßé'"), "type_narrower", 2, 5),
    ("s TEXT", "s TINYTEXT", ("'x'", "REPEAT('ü', 200)"), "type_narrower", 1, 400),
    ("b VARBINARY(20)", "b VARBINARY(2)", ("'ab'", "'abc'"), "type_narrower", 1, 3),
    ("n INT", "n SMALLINT", ("32767", "-32768", "32768", "-99999"), "type_narrower", 2, 5),
    ("n INT", "n INT UNSIGNED", ("0", "-1"), "type_signedness", 1, 1),
    ("d DECIMAL(10,2)", "d DECIMAL(6,2)", ("9999.99", "10000.00", "-123456.00"), "type_narrower", 2, 6),
    ("d DECIMAL(10,4)", "d DECIMAL(10,2)", ("1.25", "1.255"), "type_scale", 1, None),
    ("t DATETIME(6)", "t DATETIME(3)", ("'2024-01-01 00:00:00.125'", "'2024-01-01 00:00:00.1255'"), "type_fraction", 1, None),
    ("s VARCHAR(20)", "s VARCHAR(20) CHARACTER SET latin1", ("'plain'", "'é'", "'日本'"), "charset_narrower", 1, 5),
    ("s VARCHAR(20)", "s VARCHAR(20) NOT NULL", ("'x'", "NULL", "NULL"), "not_null", 2, None),
    ("e ENUM('a','b','c')", "e ENUM('a','b')", ("'a'", "'c'", "'c'"), "members_differ", 2, None),
    ("e SET('a','b','c')", "e SET('a','b')", ("'a,b'", "'b,c'"), "members_differ", 1, None),
    ("s VARCHAR(10)", "s CHAR(10)", ("'x'", "'x '"), "type_differs", 1, 2),
]


def test_rows_that_would_be_truncated_are_counted_on_the_leader(env):
    wide = ", ".join("%s%d %s" % (old.split()[0], i, old.split(" ", 1)[1]) for i, (old, *_) in enumerate(NARROWER))
    narrow = ", ".join("%s%d %s" % (new.split()[0], i, new.split(" ", 1)[1]) for i, (_, new, *_) in enumerate(NARROWER))
    env.old.run("CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, %s)" % wide)
    env.new.run("CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, %s)" % narrow)
    env.tables("CREATE TABLE same (id INT PRIMARY KEY AUTO_INCREMENT, %s)" % wide)
    for i, (old, _, values, *_) in enumerate(NARROWER):
        name = "%s%d" % (old.split()[0], i)
        # NULL everywhere else but where it counts.
        rest = {"%s%d" % (other[0].split()[0], j): other[2][0] for j, other in enumerate(NARROWER) if j != i}
        for table in ("t", "same"):
            for value in values:
                env.old.run("INSERT INTO app.%s (%s, %s) VALUES (%s, %s)" % (table, name, ", ".join(rest), value, ", ".join(rest.values())))
    report = look(env, code=4)
    total = sum(len(each[2]) for each in NARROWER)
    for i, (old, _, _, code, rows, longest) in enumerate(NARROWER):
        one = expect(report, code, "blocker", "%d of %d rows" % (rows, total), object="app.t column %s%d" % (old.split()[0], i))
        assert one["rows"] == rows and one.get("longest") == longest, (old, one)
    assert not [each for each in report["findings"] if each.get("table") == "app.same"], "of equal tables nothing is said"
    quick = look(env, "--quick", code=4)
    assert found(quick, "type_narrower") and not [each for each in quick["findings"] if "rows" in each], quick["findings"]


def test_definitions_that_differ_are_findings(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT DEFAULT 1, KEY k (a))", "CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(9))")
    assert not blockers(look(env, "--quick"))
    env.old.run("CREATE TABLE app.only_old (id INT PRIMARY KEY)", "CREATE DATABASE app_old", "CREATE VIEW app.v AS SELECT id FROM app.t")
    env.new.run("CREATE TABLE app.only_new (id INT PRIMARY KEY)", "ALTER TABLE app.t DROP KEY k, ALTER b SET DEFAULT 2, DROP COLUMN a", "ALTER TABLE app.u ADD w INT",
                "ALTER DATABASE app COLLATE utf8mb4_bin", "ALTER TABLE app.u ADD CONSTRAINT positive CHECK (w > 0)")
    try:
        report = look(env, "--quick", code=4)
    finally:
        env.old.run("DROP DATABASE app_old")
    for code, severity, thing in (("table_missing", "blocker", "app.only_old"), ("table_extra", "note", "app.only_new"), ("column_missing", "blocker", "app.t column a"),
                                  ("column_extra", "blocker", "app.u column w"), ("index_missing", "warning", "app.t key k"), ("default_differs", "warning", "app.t column b"),
                                  ("view_missing", "warning", "app.v view"), ("schema_missing", "blocker", "schema app_old"), ("check_extra", "blocker", "app.u checks"),
                                  ("schema_collation_differs", "warning", "schema app")):
        expect(report, code, severity, object=thing)


def test_tables_that_cannot_be_copied(env):
    env.tables("CREATE TABLE keyed (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY (a, b))", "CREATE TABLE good (id INT PRIMARY KEY)")
    assert not blockers(look(env, "--quick"))
    env.tables("CREATE TABLE keyless (a INT, b INT, UNIQUE KEY (a))", "CREATE TABLE flat (id INT PRIMARY KEY) ENGINE=MyISAM")
    report = look(env, "--quick", code=4)
    expect(report, "no_key", "warning", "at once", "ADD COLUMN", object="app.keyless")
    expect(report, "engine_not_innodb", "blocker", "ENGINE=InnoDB", object="app.flat")
    expect(report, "no_primary_key", "note", object="app.keyed")
    assert not blockers(look(env, "--quick", "--exclude", "app.flat"))
    assert not blockers(look(env, "--quick", "--tables", "app.good,app.keyed"))


def test_keys_that_are_equal_on_the_follower(env):
    env.old.run("CREATE TABLE app.t (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin, UNIQUE KEY u (name))",
                "INSERT INTO app.t VALUES (1, 'a'), (2, 'A'), (3, 'b'), (4, 'ä'), (5, NULL), (6, NULL)")
    env.new.run("CREATE TABLE app.t (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_general_ci, UNIQUE KEY u (name))")
    env.tables("CREATE TABLE good (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin, UNIQUE KEY u (name))", "CREATE TABLE pairs (id INT PRIMARY KEY, a INT, b INT)",
               "INSERT INTO good VALUES (1, 'a'), (2, 'A')")
    env.old.run("INSERT INTO app.pairs VALUES (1, 1, 1), (2, 1, 1), (3, 1, 2)")
    env.new.run("ALTER TABLE app.pairs ADD UNIQUE KEY ab (a, b)", "DELETE FROM app.good")
    report = look(env, code=4)
    one = expect(report, "duplicate_keys", "blocker", "1 keys", "3 rows", object="app.t key u")
    assert one["rows"] == 3, one
    assert expect(report, "duplicate_keys", "blocker", object="app.pairs key ab")["rows"] == 2
    assert not found(report, "duplicate_keys", table="app.good")
    env.old.run("DELETE FROM app.t WHERE id IN (2, 4)", "DELETE FROM app.pairs WHERE id = 2")
    assert not found(look(env), "duplicate_keys")


def test_rows_without_a_parent(env):
    env.tables("CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b))", "CREATE TABLE c (id INT PRIMARY KEY, a INT, b INT, up INT, CONSTRAINT f FOREIGN KEY (a, b) REFERENCES p (a, b), "
               "CONSTRAINT self FOREIGN KEY (up) REFERENCES c (id))", "INSERT INTO p VALUES (1, 1)", "INSERT INTO c VALUES (1, 1, 1, NULL), (2, NULL, 7, 1)")
    assert not found(look(env), "orphans")
    env.old.run("SET foreign_key_checks = 0", "INSERT INTO app.c VALUES (3, 1, 2, 1), (4, 9, 9, 99)")
    report = look(env, code=4)
    assert expect(report, "orphans", "blocker", "NOT EXISTS", object="app.c foreign key f")["rows"] == 2
    assert expect(report, "orphans", "blocker", object="app.c foreign key self")["rows"] == 1
    statement = found(report, "orphans", object="app.c foreign key f")[0]["advice"].split(": ", 1)[1]
    assert {row[0] for row in env.old.run(statement)} == {3, 4}, "the statement shows them"


def test_what_is_stored_and_what_becomes_of_it(env):
    env.tables("CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)")
    stored = ("trigger_for_later", "trigger_on_follower", "event_for_later", "event_enabled_on_new", "routine_missing")
    clean = look(env, "--quick", code=0)
    assert not any(found(clean, code) for code in stored), clean["findings"]
    silent = "cascades itself" if is_mariadb(env.old) else "does not cascade"
    expect(clean, "foreign_key", "note", silent, object="app.t foreign key f")
    event = "CREATE EVENT app.%s ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM app.t"
    env.old.run("CREATE TRIGGER app.tr AFTER INSERT ON app.t FOR EACH ROW SET @x = 1", event % "ev_old", "CREATE PROCEDURE app.pr() SELECT 1", "CREATE FUNCTION app.fn() RETURNS INT DETERMINISTIC RETURN 1")
    env.new.run("CREATE TRIGGER app.tr_new AFTER INSERT ON app.t FOR EACH ROW SET @x = 1", event % "ev_new")
    scheduler = env.new.run("SELECT @@GLOBAL.event_scheduler")[0][0]
    env.new.run("SET GLOBAL event_scheduler = ON")
    try:
        report = look(env, "--quick", code=4)
        expect(report, "trigger_for_later", "note", "AFTER INSERT", object="app.t trigger tr")
        expect(report, "event_for_later", "note", object="event app.ev_old")
        expect(report, "routine_missing", "warning", object="procedure app.pr")
        expect(report, "routine_missing", "warning", object="function app.fn")
        expect(report, "trigger_on_follower", "blocker", "DROP TRIGGER", object="app.t trigger tr_new")
        one = expect(report, "event_enabled_on_new", "blocker", object="event app.ev_new")
        env.new.run(one["advice"].split(": ", 1)[1])
        assert not found(look(env, "--quick"), "event_enabled_on_new")
    finally:
        env.new.run("SET GLOBAL event_scheduler = %s" % scheduler)


def test_how_many_ids_are_left(env):
    env.tables("CREATE TABLE few (id TINYINT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 100", "CREATE TABLE many (id BIGINT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 100000")
    env.old.run("CREATE TABLE app.narrow (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 8388000")
    env.new.run("CREATE TABLE app.narrow (id MEDIUMINT AUTO_INCREMENT PRIMARY KEY)")
    report = look(env, "--quick")
    expect(report, "auto_increment_headroom", "warning", "77 %", "28 are left", object="app.few column id")
    expect(report, "auto_increment_headroom", "warning", "mediumint", "on new", object="app.narrow column id")
    assert not found(report, "auto_increment_headroom", table="app.many")


def test_a_row_that_is_too_large_for_the_followers_packets(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)", "INSERT INTO t VALUES (1, REPEAT('x', 390000))")
    with settings(env.new, max_allowed_packet=1048576):
        assert not found(look(env), "row_too_large")
        env.old.run("UPDATE app.t SET b = REPEAT('x', 400000)")
        assert expect(look(env, code=4), "row_too_large", "blocker", "three eighths", object="app.t")["longest"] > 400000


def test_a_count_that_takes_too_long_is_given_up_and_said(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20))", "CREATE TABLE other (id INT PRIMARY KEY)", "INSERT INTO other VALUES (1)")
    env.old.run("INSERT INTO app.t VALUES (1, 'abcdef')")
    env.new.run("ALTER TABLE app.t MODIFY s VARCHAR(3)")
    with env.old.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        report = look(env, "--count-time", "1", code=4)
    expect(report, "count_timed_out", "note", "--count-time", object="app.t")
    expect(report, "type_narrower", "blocker", "the time limit was hit", object="app.t column s")
    counted = {each["table"]: each["counted"] for each in report["tables"]}
    assert counted == {"app.t": False, "app.other": True}, counted
    assert "1 of 1 rows" in expect(look(env, "--count-time", "1"), "type_narrower", "blocker")["reason"]


@contextlib.contextmanager
def accounts(env, *names):
    """Accounts of these names on both sides, without any right."""
    env.servers.run(*("CREATE USER '%s'@'%%' IDENTIFIED BY 'a secret'" % name for name in names))
    try:
        yield
    finally:
        env.servers.run(*("DROP USER '%s'@'%%'" % name for name in names))


def lean(env, **more):
    account = {"user": "lean", "password": "a secret"}
    return {"control": {"old": account, "new": account}, **more}


def leader_rights(env, account="lean"):
    """What the README says, and what preflight needs besides to look at events and at replication."""
    more = "EVENT, REPLICA MONITOR" if is_mariadb(env.old) else "EVENT"
    return [*readme_rights("leader", "log", env.old.kind, account), "GRANT %s ON *.* TO %s" % (more, account)]


def follower_rights(env, account="lean"):
    more = "EVENT, REPLICA MONITOR" if is_mariadb(env.new) else "EVENT"
    return [*readme_rights("follower", "log", env.new.kind, account), "GRANT %s ON *.* TO %s" % (more, account)]


def test_rights_that_the_control_account_lacks_with_the_grant(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    assert not found(look(env, "--quick"), "control_privileges")
    with accounts(env, "lean"):
        env.old.run(*leader_rights(env))
        env.new.run(*follower_rights(env))
        assert not found(look(env, "--quick", config=lean(env)), "control_privileges")
        env.old.run("REVOKE REPLICATION SLAVE ON *.* FROM lean", "REVOKE INSERT ON crossfade.* FROM lean")
        env.new.run("REVOKE UPDATE, INDEX ON *.* FROM lean", "REVOKE %s ON *.* FROM lean" % ("BINLOG REPLAY" if is_mariadb(env.new) else "REPLICATION_APPLIER"))
        report = look(env, "--quick", config=lean(env), code=4)
        lacks = found(report, "control_privileges")
        assert sorted(each["severity"] for each in lacks) == ["blocker", "blocker", "blocker", "warning"], lacks
        assert "by SQL" in found(report, "control_privileges", severity="warning")[0]["reason"], lacks
        for each in lacks:
            side = env.old if each["object"].startswith("old") else env.new
            side.run(each["advice"].split(": ", 1)[1])
        assert not found(look(env, "--quick", config=lean(env)), "control_privileges"), "the statements mend it"


def test_a_control_account_under_read_only(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    with accounts(env, "lean"):
        env.old.run(*leader_rights(env))
        env.new.run(*follower_rights(env))
        if not is_mariadb(env.new):
            env.new.run("REVOKE CONNECTION_ADMIN ON *.* FROM lean")
        with settings(env.new, read_only=1):
            one = expect(look(env, "--quick", config=lean(env), code=4), "read_only", "blocker", object="new")
            env.new.run(one["advice"].split(": ", 1)[1])
            assert not found(look(env, "--quick", config=lean(env)), "read_only")


def test_roles_count_as_rights(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    with accounts(env, "lean"):
        env.old.run(*leader_rights(env))
        env.new.run("CREATE ROLE follower", *follower_rights(env, "follower"), "GRANT follower TO lean",
                    "SET DEFAULT ROLE follower %s lean" % ("FOR" if is_mariadb(env.new) else "TO"))
        try:
            assert not found(look(env, "--quick", config=lean(env)), "control_privileges")
        finally:
            env.new.run("DROP ROLE follower")


def test_rights_of_the_applications_accounts(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY, a INT)", "CREATE TABLE u (id INT PRIMARY KEY)")
    users = {"users": [{"name": APP, "password": "app secret"}, {"name": "shop_rw", "password": "a secret"}, {"name": "shop_ro", "password": "a secret"}]}
    assert not found(look(env, "--quick"), "application_privileges") and not found(look(env, "--quick"), "login_refused")
    with accounts(env, "shop_rw", "shop_ro"):
        env.old.run("GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON app.* TO shop_rw", "GRANT PROCESS ON *.* TO shop_rw", "GRANT SELECT ON app.u TO shop_ro", "GRANT UPDATE (a) ON app.t TO shop_ro")
        env.new.run("GRANT SELECT ON `a%`.* TO shop_rw")
        report = look(env, "--quick", config=users, code=4)
        lacks = found(report, "application_privileges")
        assert sorted((each["severity"], each["object"]) for each in lacks) == [
            ("blocker", "new account `shop_ro`@`%`"), ("blocker", "new account `shop_ro`@`%`"), ("blocker", "new account `shop_rw`@`%`"), ("warning", "new account `shop_rw`@`%`")], lacks
        for each in lacks:
            env.new.run(each["advice"].split(": ", 1)[1])
        assert not found(look(env, "--quick", config=users), "application_privileges"), "the statements mend it"
        env.new.run("DROP USER shop_ro")
        expect(look(env, "--quick", config=users, code=4), "login_refused", "blocker", "1045", object="new account shop_ro")
        env.new.run("CREATE USER shop_ro")


def test_settings_of_the_log_and_which_feed_is_taken(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    report = look(env, "--quick", config={"dual_write": {"feed": "auto"}})
    assert report["feed"]["kind"] == "log" and not found(report, "log_setting"), report
    with settings(env.old, sync_binlog=0, binlog_row_image="MINIMAL"):
        report = look(env, "--quick", config={"dual_write": {"feed": "auto"}})
        assert report["feed"]["kind"] == "trigger" and "sync_binlog" in report["feed"]["why"], report["feed"]
        assert sorted(each["severity"] for each in found(report, "log_setting")) == ["warning", "warning"]
        report = look(env, "--quick", config={"dual_write": {"feed": "trigger"}})
        assert report["feed"]["kind"] == "trigger" and not found(report, "log_setting"), report["feed"]
        report = look(env, "--quick", config={"dual_write": {"feed": "log"}}, code=4)
        problems = found(report, "log_setting", severity="blocker")
        assert report["feed"]["kind"] == "none" and len(problems) == 2, report
        for each in problems:
            env.old.run(each["advice"].split(": ", 1)[1].split(";")[0])
        report = look(env, "--quick", config={"dual_write": {"feed": "log"}})
        assert report["feed"]["kind"] == "log" and not found(report, "log_setting"), "the statements mend it"
    # Neither will do.
    with settings(env.old, sync_binlog=0, innodb_flush_log_at_trx_commit=2):
        report = look(env, "--quick", config={"dual_write": {"feed": "auto"}}, code=4)
        assert report["feed"]["kind"] == "none" and found(report, "log_setting", severity="blocker") and found(report, "trigger_setting", severity="blocker"), report
    with settings(env.old, binlog_expire_logs_seconds=3600):
        expect(look(env, "--quick"), "log_retention_short", "warning", "3600 s")
    assert not found(look(env, "--quick"), "log_retention_short")
    # The way back, when `new` leads.
    expect(look(env, "--quick"), "way_back", "note")
    with settings(env.new, sync_binlog=0):
        expect(look(env, "--quick"), "way_back_by_triggers", "note", "sync_binlog")
    with settings(env.new, sync_binlog=0, innodb_flush_log_at_trx_commit=2):
        expect(look(env, "--quick"), "way_back_missing", "warning", "SET GLOBAL sync_binlog=1")


def test_a_migration_that_has_begun_keeps_its_feed(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    env.proxy()
    assert "has begun" in look(env, "--quick", config={"dual_write": {"feed": "auto"}})["feed"]["why"]
    expect(look(env, "--quick", config={"dual_write": {"feed": "trigger"}}, code=4), "feed_begun", "blocker", "dual_write.feed: log")


@feeds("trigger")
def test_a_leader_without_a_log_and_what_triggers_cannot_see(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE keyed (a INT NOT NULL, UNIQUE KEY (a))")
    report = look(env, "--quick", config={"dual_write": {"feed": "auto"}}, code=4)
    assert report["feed"]["kind"] == "trigger" and "log_bin" in report["feed"]["why"], report["feed"]
    expect(report, "log_setting", "warning", "needs a restart", "log_bin", advice=next(each["advice"] for each in found(report, "log_setting") if "--log-bin" in each["advice"]))
    expect(report, "not_captured", "blocker", "feed trigger", object="app.keyed")
    assert not found(report, "not_captured", table="app.t")


def test_bad_input_is_a_clear_error(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    for arguments, words in ((["--tables", "nowhere"], "old has no schema 'nowhere'"), (["--tables", "app.nothing"], "old has no table 'app.nothing'"),
                             (["--exclude", "app.nothing"], "--exclude: old has no table 'app.nothing'"), (["--tables", "app."], "neither SCHEMA nor SCHEMA.TABLE"),
                             (["--tables", ""], "neither"), (["--tables", "crossfade"], "old has no schema 'crossfade'"), (["--execute"], "--fix-schema"),
                             (["--format", "xml"], "xml"), (["--count-time", "0"], "--count-time"), (["--tabels", "app"], "did you mean '--tables'")):
        done = Preflight(env, *arguments)
        assert done.code == 1 and words in done.err and not done.out, (arguments, done)
    gone = Preflight(env, config={"backends": {"new": {"address": "127.0.0.1:1"}}})
    assert gone.code == 1 and "new" in gone.err and "127.0.0.1:1" in gone.err, gone
    refused = Preflight(env, config={"control": {"old": {"user": CONTROL, "password": "wrong"}}})
    assert refused.code == 1 and "1045" in refused.err and "old" in refused.err, refused
    assert "Exit code 0" in Preflight(env, "--help").out


def test_nothing_is_written_by_looking(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY)")
    before = [side.run("SHOW DATABASES") for side in (env.old, env.new)]
    look(env)
    Preflight(env, "--fix-schema")
    assert [side.run("SHOW DATABASES") for side in (env.old, env.new)] == before
    for side in (env.old, env.new):
        try:
            side.run("SELECT * FROM crossfade.anchor")
            raise AssertionError("a control table was made")
        except pymysql.MySQLError:
            pass
