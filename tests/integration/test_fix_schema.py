"""`crossfade preflight --fix-schema`: what is missing on `new` is made there from the definitions of `old`."""

import contextlib
import json
import subprocess

import ddl_statements
from harness import BOTH_ROLES, Skip
from log_feed import is_mariadb
from preflight import Preflight, blockers, expect, found, look
from servers import CONTROL, CONTROL_PASSWORD

ROLES = BOTH_ROLES

OF_SCHEMAS = ("schema_missing", "table_missing", "column_missing", "index_missing", "unique_key_missing", "foreign_key_missing", "cascade_one_side", "view_missing", "routine_missing",
              "default_differs", "collation_differs", "table_collation_differs", "type_differs", "type_narrower", "check_missing", "partitioning_differs", "schema_collation_differs")

RICH = [
    "CREATE DATABASE app_shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    # In the order of their names children come before their parents.
    "CREATE TABLE app_shop.customers (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL, born DATE, extra JSON, at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) "
    "ON UPDATE CURRENT_TIMESTAMP(3), balance DECIMAL(12,2) NOT NULL DEFAULT 0.50, state ENUM('new','it''s','old') DEFAULT 'it''s', UNIQUE KEY by_email (email), KEY by_born (born), CHECK (balance > -1000))",
    "CREATE TABLE app_shop.addresses (customer INT UNSIGNED NOT NULL, nth TINYINT NOT NULL, body TEXT, zip VARCHAR(9) CHARACTER SET ascii DEFAULT 'x', full_zip VARCHAR(20) AS (CONCAT('Z-', zip)) STORED, "
    "PRIMARY KEY (customer, nth), KEY by_zip (zip), FULLTEXT KEY words (body), CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE)",
    # A cycle.
    "CREATE TABLE app_shop.chicken (id INT PRIMARY KEY, egg INT, KEY (egg))",
    "CREATE TABLE app_shop.egg (id INT PRIMARY KEY, chicken INT, KEY (chicken), CONSTRAINT laid_by FOREIGN KEY (chicken) REFERENCES chicken (id))",
    "ALTER TABLE app_shop.chicken ADD CONSTRAINT hatched_from FOREIGN KEY (egg) REFERENCES egg (id)",
    "CREATE TABLE app_shop.parts (id INT NOT NULL, at DATE NOT NULL, PRIMARY KEY (id, at)) COMMENT='PARTITION BY nothing' PARTITION BY RANGE (TO_DAYS(at)) (PARTITION p0 VALUES LESS THAN (738000), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE app_shop.`odd ``name` (`a b` INT PRIMARY KEY, `select` BIT(3) DEFAULT b'101')",
    "CREATE VIEW app_shop.z_view AS SELECT id, email FROM app_shop.customers WHERE born IS NOT NULL",
    "CREATE VIEW app_shop.a_view AS SELECT v.id FROM app_shop.z_view v",
    "CREATE PROCEDURE app_shop.add_one(IN mail VARCHAR(100)) BEGIN DECLARE n INT DEFAULT 1; INSERT INTO customers (email) VALUES (mail); END",
    "CREATE FUNCTION app_shop.twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE TRIGGER app_shop.stamp BEFORE INSERT ON app_shop.customers FOR EACH ROW BEGIN SET NEW.email = LOWER(NEW.email); END",
    "CREATE EVENT app_shop.nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM app_shop.egg",
]
ROWS = ["INSERT INTO app_shop.customers (email, extra) VALUES ('A@B', '{\"a\": [1, 2]}'), ('c@d', NULL)", "INSERT INTO app_shop.addresses (customer, nth, body) VALUES (1, 1, 'street')"]


@contextlib.contextmanager
def rich(env):
    env.needs_proxy()
    env.servers.run("DROP DATABASE IF EXISTS app_shop")
    try:
        env.old.run(*RICH, *ROWS)
        yield
    finally:
        env.servers.run("DROP DATABASE IF EXISTS app_shop")


def of_schemas(report):
    return [(each["code"], each["object"], each["reason"]) for each in report["findings"] if each["code"] in OF_SCHEMAS and each["severity"] != "note"]


def fix(env, *arguments, code=0):
    done = Preflight(env, "--fix-schema", "--format", "json", *arguments)
    assert done.code == code, done
    return json.loads(done.out)


def test_a_rich_schema_is_made_and_a_second_look_is_clean(env):
    with rich(env):
        before = look(env, code=4)
        assert found(before, "schema_missing") and len(found(before, "table_missing")) == 6 and len(found(before, "view_missing")) == 2, before["findings"]
        plan = fix(env, "--execute")
        assert all(each["done"] or each["later"] for each in plan["statements"]) and not plan["impossible"], plan
        assert {each["object"] for each in plan["statements"] if each["later"]} == {"trigger app_shop.stamp", "event app_shop.nightly"}, plan
        after = look(env, code=0)
        assert not of_schemas(after) and not blockers(after), (of_schemas(after), blockers(after))
        expect(after, "trigger_for_later", "note", object="app_shop.customers trigger stamp")
        expect(after, "event_for_later", "note", object="event app_shop.nightly")
        # It holds the rows, and works as on `old`.
        env.new.run("INSERT INTO app_shop.customers (email, extra) VALUES ('a@b', '[1]')", "CALL app_shop.add_one('e@f')", "SELECT * FROM app_shop.a_view")
        assert env.new.run("SELECT app_shop.twice(4), balance, state FROM app_shop.customers")[0] == (8, env.old.run("SELECT balance FROM app_shop.customers")[0][0], "it's")
        assert not [each for each in fix(env)["statements"] if not each["later"]], "nothing is left to make"


def test_indexes_can_be_left_for_later(env):
    with rich(env):
        plan = fix(env, "--execute", "--indexes-later")
        later = {each["object"] for each in plan["statements"] if each["later"] and each["object"].startswith("key ")}
        assert {"key app_shop.customers by_born", "key app_shop.addresses by_zip", "key app_shop.addresses words"} <= later and "key app_shop.customers by_email" not in later, later
        report = look(env, code=0)
        assert {each["object"] for each in found(report, "index_missing")} >= {"app_shop.customers key by_born", "app_shop.addresses key by_zip"}, report["findings"]
        assert not found(report, "unique_key_missing") and not found(report, "foreign_key_missing"), report["findings"]
        text = Preflight(env, "--fix-schema", "--indexes-later").out
        assert "for later, after the copy" in text and all(line.startswith("--") or not line for line in text.splitlines()), text
        fix(env, "--execute")
        assert not of_schemas(look(env, code=0))


def test_the_printed_script_makes_the_same(env):
    with rich(env):
        script = Preflight(env, "--fix-schema")
        assert script.code == 0 and "for later, when new leads" in script.out, script
        done = subprocess.run(["mariadb", "-h", "127.0.0.1", "-P", str(env.new.port), "-u", CONTROL, "-p" + CONTROL_PASSWORD, "--default-character-set=utf8mb4"], input=script.out, text=True,
                              capture_output=True)
        assert done.returncode == 0, (done.stderr, script.out)
        assert not of_schemas(look(env, "--quick")), of_schemas(look(env, "--quick"))
        order = [script.out.index("CREATE TABLE `app_shop`.`%s`" % name) for name in ("customers", "addresses")]
        assert order == sorted(order), "parents first"


def test_what_a_table_lacks_is_added_and_the_rest_of_it_stays(env):
    env.needs_proxy()
    table = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10) DEFAULT 'x', b INT NOT NULL DEFAULT 3, c INT, d JSON, KEY k (b), UNIQUE KEY u (c))"
    env.old.run(table, "CREATE TABLE p (id INT PRIMARY KEY)", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES p (id) ON DELETE CASCADE", database="app")
    env.new.run("CREATE TABLE t (id INT PRIMARY KEY, c INT)", "INSERT INTO t VALUES (7, NULL)", "CREATE TABLE p (id INT PRIMARY KEY)", database="app")
    plan = fix(env, "--execute")
    assert [each["object"] for each in plan["statements"]] == ["column app.t a", "column app.t b", "column app.t d", "key app.t u", "key app.t k", "foreign key app.t f"], plan
    report = look(env, code=0)
    assert not of_schemas(report) and not found(report, "column_order"), report["findings"]
    assert env.new.run("SELECT id, a, b, c, d FROM app.t") == ((7, "x", 3, None, None),)


def test_what_cannot_be_made_is_said_and_the_rest_is_made(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE good (id INT PRIMARY KEY)", database="app")
    if is_mariadb(env.old):
        env.old.run("CREATE TABLE versions (id INT PRIMARY KEY) WITH SYSTEM VERSIONING", "CREATE SEQUENCE s",
                    "CREATE TABLE tickets (id BIGINT DEFAULT NEXTVAL(s) PRIMARY KEY, v INT)", database="app")
        plan = fix(env, "--execute", code=4)
        assert sorted(each["object"] for each in plan["impossible"]) == ["app.versions", "sequence app.s"], plan
        env.new.run("INSERT INTO app.tickets (v) VALUES (7)", "DROP TABLE app.tickets")  # the table counts
        text = Preflight(env, "--fix-schema")
        assert text.code == 4 and "-- cannot be made:" in text.out and "AUTO_INCREMENT" in text.out, text
    else:
        env.old.run("CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3))", database="app")
        plan = fix(env, "--execute", code=4)
        assert [each["object"] for each in plan["impossible"]] == ["app.vectors"] and "VECTOR" in plan["impossible"][0]["reason"], plan
    assert env.new.run("SHOW TABLES FROM app") == (("good",),)


def test_a_statement_that_fails_is_said_and_the_others_are_run(env):
    env.needs_proxy()
    env.old.run("CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT, UNIQUE KEY u (v))", database="app")
    env.new.run("CREATE TABLE b (id INT PRIMARY KEY, v INT)", "INSERT INTO b VALUES (1, 1), (2, 1)", database="app")
    plan = fix(env, "--execute", code=1)
    assert [(each["object"], each["done"], "1062" in each["failure"]) for each in plan["statements"]] == [("table app.a", True, False), ("key app.b u", False, True)], plan
    text = Preflight(env, "--fix-schema", "--execute")
    assert text.code == 1 and "-- FAILED: 1062" in text.out and "0 statements, 1 failed" in text.out, text
    env.new.run("DELETE FROM app.b")
    assert "1 statements, 0 failed" in Preflight(env, "--fix-schema", "--execute").out


def test_schemas_of_applications_are_made_and_a_second_look_is_clean(env):
    """WordPress, MediaWiki, Django, Rails, and every type: the statements that DDL is tested with."""
    env.needs_proxy()
    if not env.servers.has_mysql:
        raise Skip("needs both makes")
    own = ddl_statements.MARIADB if is_mariadb(env.old) else ddl_statements.MYSQL
    for name, statements in list(ddl_statements.COMMON.items()) + [("own", own)]:
        env.servers.run("DROP DATABASE app", "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        with env.old.connect(database="app") as session, session.cursor() as cursor:
            cursor.execute("SET sql_mode = ''")
            for statement in statements:
                cursor.execute(statement)
        plan = fix(env, "--execute", "--tables", "app")
        assert not plan["impossible"], (name, plan["impossible"])
        report = look(env, "--quick", "--tables", "app")
        assert not of_schemas(report), (name, of_schemas(report))
