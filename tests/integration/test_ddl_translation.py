"""What one server defines, the other defines as well: statements run on a leader, their translations on the follower,
and the definitions of both compared as the proxy compares them."""

import json
import os
import subprocess

import ddl_statements
from harness import BOTH_ROLES, Skip

ROLES = BOTH_ROLES
SEVERITIES = ("note", "warning", "blocker")


class Translator:
    """The proxy's own code, behind a pipe."""

    def __init__(self, env):
        env.needs_proxy()
        program = os.path.join(os.path.dirname(env.binary), "tests", "ddl_translate")
        if not os.access(program, os.X_OK):
            raise Skip("no %s: build the tests" % program)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.makes = {"leader": env.old.kind, "follower": env.new.kind}
        self.queries = {kind: self.ask({"do": "queries", "mariadb": kind == "mariadb"})["statements"]
                        for kind in ("mariadb", "mysql")}

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "broken" not in answer, (question, answer)
        return answer

    def about(self, what, sql, **more):
        return self.ask({"do": what, "sql": sql, "schema": "app", **self.makes, **more})

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Pair:
    """A schema `app` on both sides and one session on each."""

    def __init__(self, env):
        self.translator = Translator(env)
        self.sides = env.old, env.new
        self.leader, self.follower = (side.connect().cursor() for side in self.sides)
        self.sql_mode, self.bits = "", 0
        self.start()

    def start(self, collation="utf8mb4_general_ci"):
        for side in (self.leader, self.follower):
            side.execute("DROP DATABASE IF EXISTS app")
        self.schema_collation = collation
        self.leader.execute("CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE " + collation)
        self.leader.execute("SET sql_mode = '%s'" % self.sql_mode)
        self.leader.execute("USE app")
        self.follower.execute("CREATE DATABASE app CHARACTER SET latin1")  # whatever it has, the leader's counts
        self.follower.execute("USE app")

    def rows(self, side):
        cursor, kind = (self.leader, self.sides[0].kind) if side == "leader" else (self.follower, self.sides[1].kind)
        out = []
        for query in self.translator.queries[kind]:
            cursor.execute(query)
            out.append([[None if cell is None else text(cell) for cell in row] for row in cursor.fetchall() if text(row[0]) == "app"])
        return out

    def translated(self, sql, **more):
        return self.translator.about("translate", sql, schema_collation=self.schema_collation, follower_rows=self.rows("follower"),
                                     sql_mode=self.bits, **more)

    def follow(self, sql):
        """Runs it on both sides; what the follower was told."""
        answer = self.translated(sql)
        self.leader.execute(sql)
        assert "statements" in answer, (sql, answer)
        for statement in self.translator.about("session", sql, sql_mode=self.bits)["statements"] + answer["statements"]:
            try:
                self.follower.execute(statement)
            except Exception as error:
                raise AssertionError("%s\nbecame %s\nand failed: %s" % (sql, statement, error))
        return answer["statements"]

    def findings(self, least="warning"):
        answer = self.translator.ask({"do": "compare", **self.translator.makes, "leader_rows": self.rows("leader"),
                                      "follower_rows": self.rows("follower")})
        return [[SEVERITIES[severity]] + rest for severity, *rest in answer["findings"] if severity >= SEVERITIES.index(least)]

    def follow_all(self, statements):
        for sql in statements:
            said = self.follow(sql)
            found = self.findings()
            assert not found, "%s\nbecame %s\nand leaves %s" % (sql, said, found)

    def make_anew(self):
        """The follower's schema from the leader's definitions alone."""
        rows = self.rows("leader")
        self.follower.execute("DROP DATABASE app")
        self.follower.execute("CREATE DATABASE app")
        self.follower.execute("USE app")
        self.follower.execute("SET sql_mode = '', foreign_key_checks = 0")
        later = []
        for table in rows[0]:
            if table[2] != "BASE TABLE":
                continue
            answer = self.translator.ask({"do": "create", **self.translator.makes, "leader_rows": rows, "schema": "app", "table": table[1]})
            assert "statements" in answer, (table, answer)
            later += [sql for sql in answer["statements"] if "FOREIGN KEY" in sql]
            for sql in answer["statements"]:
                if "FOREIGN KEY" not in sql:
                    self.run_on_follower(sql)
        for sql in later:
            self.run_on_follower(sql)

    def run_on_follower(self, sql):
        try:
            self.follower.execute(sql)
        except Exception as error:
            raise AssertionError("%s\nfailed: %s" % (sql, error))


def text(cell):
    return cell.decode("utf8", "replace") if isinstance(cell, bytes) else str(cell)


def own_statements(env):
    return ddl_statements.MARIADB if env.old.kind == "mariadb" else ddl_statements.MYSQL


def test_statements_of_applications_leave_equal_definitions(env):
    pair = Pair(env)
    count = 0
    for statements in ddl_statements.COMMON.values():
        pair.start()
        pair.follow_all(statements)
        count += len(statements)
    assert count >= 110, count


def test_statements_that_only_the_leaders_make_has_leave_equal_definitions(env):
    pair = Pair(env)
    for collation in ("utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_uca1400_ai_ci" if env.old.kind == "mariadb" else "utf8mb4_0900_ai_ci"):
        pair.start(collation)
        pair.follow_all(own_statements(env))


def test_a_schema_made_anew_from_definitions_is_equal(env):
    pair = Pair(env)
    for statements in list(ddl_statements.COMMON.values()) + [own_statements(env)]:
        pair.start()
        for sql in statements:
            pair.leader.execute(sql)
        pair.make_anew()
        found = [finding for finding in pair.findings() if finding[3] not in ("view_missing", "partitioning_differs")]
        assert not found, found


def test_what_has_no_counterpart_is_refused_with_a_reason(env):
    pair = Pair(env)
    for make, before, sql, reason in ddl_statements.REFUSED:
        if make != env.old.kind:
            continue
        pair.start()
        for statement in before:
            pair.follow(statement)
        answer = pair.translated(sql)
        assert reason in answer.get("error", ""), (sql, answer)


def test_if_exists_is_refused_where_the_followers_tables_are_not_known(env):
    if env.old.kind != "mariadb":
        raise Skip("MySQL has no such clauses")
    pair = Pair(env)
    for sql in ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT", "ALTER TABLE t DROP COLUMN IF EXISTS a", "ALTER TABLE IF EXISTS t ADD a INT",
                "DROP INDEX IF EXISTS i ON t", "CREATE INDEX IF NOT EXISTS i ON t (a)", "RENAME TABLE IF EXISTS t TO u"):
        answer = pair.translator.about("translate", sql)
        assert "EXISTS" in answer.get("error", ""), (sql, answer)


def test_the_session_s_sql_mode_travels(env):
    pair = Pair(env)
    # ANSI_QUOTES, NO_BACKSLASH_ESCAPES
    pair.sql_mode, pair.bits = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", 4 + (1 << 20)
    pair.start()
    pair.follow_all(['CREATE TABLE "select" ("a b" VARCHAR(20) DEFAULT \'back\\slash\', "c" VARCHAR(9) DEFAULT \'it\'\'s\', PRIMARY KEY ("a b"))',
                     'ALTER TABLE "select" ADD "d" ENUM(\'x\\y\', \'"\') DEFAULT \'"\', RENAME "from"'])
    pair.leader.execute("SET sql_mode = ''")
    pair.leader.execute("INSERT INTO `from` VALUES ()")
    pair.follower.execute("SET sql_mode = ''")
    pair.follower.execute("INSERT INTO `from` VALUES ()")
    rows = []
    for side in (pair.leader, pair.follower):
        side.execute("SELECT * FROM `from`")
        rows.append(side.fetchall())
    assert rows[0] == rows[1] == (("back\\slash", "it's", '"'),), rows


def test_timestamps_without_a_default_mean_the_same(env):
    pair = Pair(env)
    pair.leader.execute("SET explicit_defaults_for_timestamp = 0")
    sql = "CREATE TABLE ts (id INT PRIMARY KEY, a TIMESTAMP, b TIMESTAMP NULL, c TIMESTAMP)"
    pair.leader.execute(sql)
    for statement in (pair.translator.about("session", sql, explicit_defaults=False)["statements"] + pair.translated(sql)["statements"]):
        pair.follower.execute(statement)
    assert not pair.findings(), pair.findings()
    pair.leader.execute("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 'ts' AND EXTRA LIKE '%on update%'")
    assert pair.leader.fetchone() == (1,)


def test_a_schema_without_a_collation_gets_the_leaders(env):
    pair = Pair(env)
    for statement in ("CREATE DATABASE app_two", "CREATE DATABASE app_two CHARACTER SET utf8mb4", "CREATE DATABASE app_two COLLATE latin1_bin"):
        pair.leader.execute("DROP DATABASE IF EXISTS app_two")
        pair.follower.execute("DROP DATABASE IF EXISTS app_two")
        pair.leader.execute("SET collation_server = utf8mb4_unicode_ci")
        pair.leader.execute(statement)
        for said in pair.translator.about("translate", statement, server_collation=224)["statements"]:
            pair.follower.execute(said)
        names = []
        for side in (pair.leader, pair.follower):
            side.execute("SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'app_two'")
            names.append(side.fetchone()[0])
        expected = {"utf8mb4_0900_ai_ci": "utf8mb4_unicode_520_nopad_ci"}.get(names[0], names[0])
        assert names[1] == expected, (statement, names)
        pair.leader.execute("DROP DATABASE app_two")
        pair.follower.execute("DROP DATABASE app_two")


# What differs on the follower, by hand; the code that says so, and how grave it is.
PLANTED = [
    ("DROP TABLE t", "table_missing", "blocker"),
    ("ALTER TABLE t DROP COLUMN d", "column_missing", "blocker"),
    ("ALTER TABLE t ADD extra INT", "column_extra", "blocker"),
    ("ALTER TABLE t MODIFY n SMALLINT NOT NULL DEFAULT 5", "type_narrower", "blocker"),
    ("ALTER TABLE t MODIFY n INT UNSIGNED NOT NULL DEFAULT 5", "type_signedness", "blocker"),
    ("ALTER TABLE t MODIFY n BIGINT NOT NULL DEFAULT 5", "type_wider", "note"),
    ("ALTER TABLE t MODIFY s VARCHAR(19) COLLATE utf8mb4_general_ci", "type_narrower", "blocker"),
    ("ALTER TABLE t MODIFY s CHAR(20) COLLATE utf8mb4_general_ci", "type_differs", "blocker"),
    ("ALTER TABLE t MODIFY s VARCHAR(20) CHARACTER SET latin1", "charset_narrower", "blocker"),
    ("ALTER TABLE t MODIFY s VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL", "not_null", "blocker"),
    ("ALTER TABLE t MODIFY s VARCHAR(20) COLLATE utf8mb4_bin", "collation_differs", "warning"),
    ("ALTER TABLE t MODIFY s VARCHAR(20) COLLATE utf8mb4_general_ci DEFAULT 'y'", "default_differs", "warning"),
    ("ALTER TABLE t MODIFY u VARCHAR(20) COLLATE utf8mb4_general_ci", "key_collation_folds_more", "blocker"),
    ("ALTER TABLE t MODIFY d DECIMAL(10,1)", "type_scale", "blocker"),
    ("ALTER TABLE t MODIFY d DECIMAL(9,2)", "type_narrower", "blocker"),
    ("ALTER TABLE t MODIFY dt DATETIME(2)", "type_fraction", "blocker"),
    ("ALTER TABLE t MODIFY dt TIMESTAMP(3) NULL", "type_differs", "blocker"),
    ("ALTER TABLE t MODIFY e ENUM('b','a') COLLATE utf8mb4_general_ci", "members_differ", "blocker"),
    ("ALTER TABLE t MODIFY e ENUM('a','b','c') COLLATE utf8mb4_general_ci", "type_wider", "note"),
    ("ALTER TABLE t MODIFY b VARBINARY(9)", "type_narrower", "blocker"),
    ("ALTER TABLE t MODIFY id INT NOT NULL", "auto_increment_missing", "warning"),
    ("ALTER TABLE t MODIFY ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "on_update_differs", "warning"),
    ("ALTER TABLE t MODIFY d DECIMAL(10,2) FIRST", "column_order", "warning"),
    ("ALTER TABLE t ADD UNIQUE (n)", "unique_key_extra", "blocker"),
    ("ALTER TABLE t DROP KEY u", "unique_key_missing", "warning"),
    ("ALTER TABLE t DROP KEY n", "index_missing", "warning"),
    ("ALTER TABLE t ADD KEY (d)", "index_extra", "note"),
    ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, n)", "primary_key_differs", "blocker"),
    ("ALTER TABLE t MODIFY g INT", "generated_on_leader", "warning"),
    ("ALTER TABLE t DROP g, ADD g INT AS (n + 2) STORED AFTER n", "expression_differs", "warning"),
    ("ALTER TABLE t ADD CONSTRAINT extra CHECK (n > 4)", "check_extra", "blocker"),
    ("ALTER TABLE t DROP CONSTRAINT positive", "check_missing", "warning"),
    ("ALTER TABLE c DROP FOREIGN KEY f", "cascade_one_side", "blocker"),
    ("ALTER TABLE c DROP FOREIGN KEY f, ADD CONSTRAINT f2 FOREIGN KEY (p) REFERENCES t (id)", "cascade_differs", "blocker"),
    ("ALTER TABLE c ADD FOREIGN KEY (q) REFERENCES t (id)", "foreign_key_extra", "blocker"),
    ("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1", "trigger_on_follower", "warning"),
    ("ALTER TABLE t DEFAULT COLLATE utf8mb4_unicode_ci", "table_collation_differs", "warning"),
    ("ALTER TABLE t ENGINE=MyISAM", "engine_not_transactional", "blocker"),
    ("CREATE TABLE only_here (a INT)", "table_extra", "note"),
    ("ALTER TABLE c PARTITION BY KEY (id) PARTITIONS 2", "partitioning_differs", "warning"),
]


def test_every_planted_difference_is_found(env):
    pair = Pair(env)
    missed = []
    for change, code, severity in PLANTED:
        pair.start()
        pair.follow_all([
            "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL DEFAULT 5, g INT AS (n + 1) STORED, s VARCHAR(20), u VARCHAR(20) COLLATE utf8mb4_bin, d DECIMAL(10,2), "
            "dt DATETIME(3), e ENUM('a','b'), b VARBINARY(10), ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, UNIQUE KEY u (u), KEY n (n), CONSTRAINT positive CHECK (n > 0))",
            "CREATE TABLE c (id INT PRIMARY KEY, p INT, q INT)"])
        if "PARTITION" not in change and "PRIMARY" not in change and "DROP TABLE" not in change and "MyISAM" not in change:
            pair.follow("ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES t (id) ON DELETE CASCADE")
        pair.follower.execute("SET foreign_key_checks = 0")
        try:
            pair.follower.execute(change)
        except Exception as error:
            missed.append((change, "could not be made: %s" % error))
            continue
        found = {finding[3]: finding[0] for finding in pair.findings("note")}
        if code.startswith("cascade") and env.old.kind == "mysql":
            code, severity = {"cascade_one_side": "foreign_key_missing"}.get(code, code), "warning"
        if found.get(code) != severity:
            missed.append((change, code, severity, found))
        if code == "table_missing":
            continue
    assert not missed, "\n".join(map(str, missed))


def test_thousands_of_tables_cost_a_handful_of_queries(env):
    import time
    pair = Pair(env)
    for number in range(300):
        pair.leader.execute("CREATE TABLE t%d (id INT PRIMARY KEY, a VARCHAR(20), b INT, KEY (b))" % number)
    started = time.monotonic()
    rows = pair.rows("leader")
    seconds = time.monotonic() - started
    assert len(rows[0]) == 300 and len(rows[1]) == 900, (len(rows[0]), len(rows[1]))
    print("definitions of 300 tables on %s: %.3f s" % (env.old.kind, seconds))
