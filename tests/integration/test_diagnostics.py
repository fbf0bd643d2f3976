"""What a session can ask about its last statement is the same through the proxy as without it: a seeded sequence of
statements, each followed by questions, runs on `old` directly and then through the proxy."""

import random
import struct

import wire
from harness import BOTH_ROLES, raises

ROLES = BOTH_ROLES
TABLES = ("CREATE TABLE t (id INT PRIMARY KEY, v TINYINT, s VARCHAR(3))",
          "CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")

SEED = ("SET sql_mode=''", "SET @v = 1, @id = 1000", "PREPARE ins FROM 'INSERT IGNORE INTO t (id, v) VALUES (?, 1)'",
        "PREPARE red FROM 'SELECT id FROM t WHERE id = ?'", "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')")

STATEMENTS = ("INSERT INTO t VALUES (%d, 1, 'a')", "INSERT IGNORE INTO t (id, v) VALUES (1, 9), (%d, 9), (2, 9)", "INSERT INTO t VALUES (1, 1, 'a')",
              "INSERT IGNORE INTO t (id, v) VALUES (2, 1)", "UPDATE t SET v = v WHERE id = 1", "UPDATE t SET v = 3 WHERE id IN (1, 2)", "DELETE FROM t WHERE id = %d",
              "REPLACE INTO t VALUES (2, 2, 'b')", "INSERT INTO n (v) VALUES (1)", "INSERT INTO n (v) VALUES (1), (2), (3)",
              "INSERT INTO missing VALUES (1)", "SELECT 1", "SELECT id FROM t WHERE id < 3", "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1",
              "SET @z = 1", "DO 1", "NONSENSE", "SELECT * FROM missing", "BEGIN", "COMMIT", "ROLLBACK", "SELECT CAST('x' AS SIGNED)",
              "CREATE TEMPORARY TABLE IF NOT EXISTS tmp (id INT)", "INSERT INTO tmp VALUES (1), (2)", "DROP TEMPORARY TABLE IF EXISTS tmp",
              "SET @id = @id + 1", "EXECUTE ins USING @id", "EXECUTE ins USING @v", "EXECUTE red USING @v", "EXECUTE nothing")

QUESTIONS = ("SHOW WARNINGS", "SHOW WARNINGS LIMIT 1", "SHOW WARNINGS LIMIT 1, 5", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS",
             "SELECT @@warning_count", "SELECT @@error_count", "SELECT ROW_COUNT()", "SELECT LAST_INSERT_ID()",
             "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT", "GET DIAGNOSTICS CONDITION 1 @st = RETURNED_SQLSTATE, @no = MYSQL_ERRNO, @text = MESSAGE_TEXT")
AFTER = {"GET": "SELECT @n, @r, @st, @no, @text"}


def answer(session, statement):
    try:
        return [result.facts() + (result.status & 0x3,) for result in session.query(statement)]
    except wire.Err as error:
        return [("error", error.code, error.state, error.message)]


def script(seed, length):
    chance = random.Random(seed)
    for number in range(length):
        statement = chance.choice(STATEMENTS)
        yield statement % (100 + number) if "%d" in statement else statement
        if statement in ("COMMIT", "BEGIN"):
            # MariaDB alone keeps the conditions of the statement before; a commit that is recorded clears them.
            yield "SELECT id FROM t WHERE id < 3"
        for question in chance.sample(QUESTIONS, chance.choice((0, 1, 1, 2))):
            yield question
            if question.startswith("GET"):
                yield AFTER["GET"]


def run(session, statements):
    for statement in SEED:
        session.one(statement)
    return [(statement, answer(session, statement)) for statement in statements]


def compare(env, statements, capabilities):
    env.afresh(*TABLES)
    expected = run(env.old.wire(database="app", capabilities=capabilities), statements)
    env.afresh(*TABLES)
    proxy = env.proxies[-1] if env.proxies else env.proxy()
    found = run(proxy.wire(database="app", capabilities=capabilities), statements)
    env.assert_equal(rows_min=0)
    different = []
    for at, (one, two) in enumerate(zip(expected, found)):
        if one != two:
            before = [statement for statement, _ in expected[max(0, at - 4):at]]
            different.append("after %s: %s\n  directly %s\n  proxied  %s" % (before, one[0], one[1], two[1]))
    assert not different, "%d of %d differ:\n%s" % (len(different), len(expected), "\n".join(different[:12]))


def test_questions_after_every_kind_of_statement_are_answered_as_without_a_proxy(env):
    statements = []
    for number, statement in enumerate(STATEMENTS):
        for at, question in enumerate(QUESTIONS):
            statements.append(statement % (10000 + number * 100 + at) if "%d" in statement else statement)
            statements.append(question)
            if question.startswith("GET"):
                statements.append(AFTER["GET"])
        statements.append("ROLLBACK")
    compare(env, statements, 0)


def test_random_sequences_are_answered_as_without_a_proxy(env):
    for seed in (1, 2, 3):
        compare(env, list(script(seed, 150)), wire.DEPRECATE_EOF if seed % 2 else 0)


def test_questions_with_quotes_are_answered_as_without_a_proxy_while_nothing_is_recorded(env):
    # How a text with quotes is to be read hangs on sql_mode; asking the server for it would clear what the text asks for.
    env.tables(*TABLES, "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')")
    proxy = env.proxy(flags={"dual_write": {"enabled": False}})
    found = []
    for session in (env.old.wire(database="app"), proxy.wire(database="app")):
        found.append([(statement, answer(session, statement)) for question in (
            'SELECT ROW_COUNT(), "x"', 'SELECT @@warning_count, "x"', 'SELECT FOUND_ROWS(), "x"', "SELECT ROW_COUNT(), '\\\\'",
            'GET DIAGNOSTICS CONDITION "1" @no = MYSQL_ERRNO') for statement in (
            "SET @no = 0", "SELECT id FROM t", "INSERT IGNORE INTO t (id, v) VALUES (1, 9), (2, 9)", question, "SELECT @no")])
    assert found[0] == found[1], [pair for pair in zip(*found) if pair[0] != pair[1]]


def preparable(server, question):
    try:
        return bool(server.wire(database="app").prepare(question))
    except wire.Err as error:
        assert error.code == 1295, error.args
        return False


def test_prepared_questions_are_answered_as_without_a_proxy(env):
    env.tables(*TABLES)
    proxy = env.proxy()
    for capabilities in (0, wire.DEPRECATE_EOF):
        answers = []
        for base, side in ((0, env.old), (1000, proxy)):
            session = side.wire(database="app", capabilities=capabilities)
            session.query("SET sql_mode=''")
            questions = [question for question in QUESTIONS if question.startswith("S") and question != "SELECT LAST_INSERT_ID()"]
            if env.old.kind == "mysql":  # 1295 for some
                questions = [question for question in questions if preparable(env.old, question)]
            prepared = [session.prepare(question)[0] for question in questions]
            write = session.prepare("INSERT IGNORE INTO t (id, v, s) VALUES (?, 1000, 'abcdefg')")[0]
            found = []
            for number, asked in enumerate(prepared, 1):
                session.execute(write, [base + (500 if capabilities else 0) + number])
                for again in (asked, prepared[-1], asked):
                    found.append((questions[number - 1], [result.rows for result in session.execute(again)]))
            answers.append(found)
        assert answers[0] == answers[1], [pair for pair in zip(*answers) if pair[0] != pair[1]]


def test_a_question_that_warns_or_fails_itself_is_what_is_asked_for_next(env):
    env.tables(*TABLES)
    proxy = env.proxy()
    answers = []
    for base, side in ((0, env.old), (1000, proxy)):
        session = side.wire(database="app")
        for statement in SEED[:1] + (SEED[4],):
            answer(session, statement)
        found = []
        for number, question in enumerate(("SELECT ROW_COUNT(), CAST('x' AS SIGNED)", "SELECT @@warning_count, CAST('x' AS SIGNED)",
                                           "SELECT ROW_COUNT(), nothing", "SELECT @@error_count, (SELECT 1 UNION SELECT 2)",
                                           "SELECT ROW_COUNT(), 2"), 1):
            # The write is truncated, which is a condition of its own.
            write = "INSERT INTO t VALUES (%d, 1, 'abcdefg')"
            found += [answer(session, statement) for statement in (write % (base + 2 * number + 10), question, "SHOW WARNINGS")]
            if "nothing" in question or not preparable(env.old, question):
                continue
            asked = session.prepare(question)[0]
            found.append(answer(session, write % (base + 2 * number + 11)))
            try:
                found.append([result.facts() for result in session.execute(asked)])
            except wire.Err as error:
                found.append((error.code, error.state))
            found += [answer(session, statement) for statement in ("SHOW WARNINGS", "SHOW COUNT(*) WARNINGS")]
        answers.append(found)
    different = [(at, pair) for at, pair in enumerate(zip(*answers)) if pair[0] != pair[1]]
    assert not different, different


COUNTED = ("SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS", "SELECT @@warning_count", "SELECT @@session.error_count AS x", "SELECT ROW_COUNT()",
           "SELECT row_count() r", "SELECT ROW_COUNT() AS r, @@warning_count", "SELECT DISTINCT ROW_COUNT()", "SELECT 1, ROW_COUNT(), 2",
           "SELECT ROW_COUNT() + 1", "SELECT  ROW_COUNT( ) * 2 , 'x'", "SELECT @@local.warning_count > 0", "SELECT CONCAT(ROW_COUNT(), `@@x`.y) FROM "
           "(SELECT 1 AS y) `@@x`", "SELECT (SELECT ROW_COUNT())", "SELECT ROW_COUNT() UNION SELECT 7", "SHOW WARNINGS", "SHOW ERRORS", "SHOW WARNINGS LIMIT 1")


def test_the_columns_of_questions_are_those_of_the_server(env):
    # Directly and through the proxy, the definitions' bytes: a driver makes its own value by type, flags and length.
    env.tables(*TABLES)
    proxy = env.proxy()
    for capabilities in (0, wire.DEPRECATE_EOF):
        answers = []
        for base, side in ((1, env.old), (1001, proxy)):
            session = side.wire(database="app", capabilities=capabilities)
            session.one("SET sql_mode=''")
            found = []
            for number, question in enumerate(COUNTED, base + (500 if capabilities else 0)):
                session.one("INSERT INTO t VALUES (%d, 1000, 'abcdefg')" % number)
                result = session.one(question)
                found.append((question, result.definitions, result.rows))
                if preparable(env.old, question):
                    statement = session.prepare(question)[0]
                    session.one("UPDATE t SET v = 1, s = NULL WHERE id = %d" % number)
                    (result,) = session.execute(statement)
                    found.append(("prepared " + question, result.definitions, result.rows))
            answers.append(found)
            env.old.wire(database="app").one("DELETE FROM t WHERE id < 1000")
        assert answers[0] == answers[1], [pair for pair in zip(*answers) if pair[0] != pair[1]]
    definitions = []
    for number, side in ((1, env.old), (2001, proxy)):
        session = side.wire(database="app")
        session.one("INSERT IGNORE INTO t VALUES (%d, 1000, 'abcdefg')" % number)
        session.one("GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT")
        session.one("INSERT IGNORE INTO t VALUES (%d, 1000, 'abcdefg')" % (number + 1))
        session.one("GET DIAGNOSTICS CONDITION 1 @no = MYSQL_ERRNO, @text = MESSAGE_TEXT, @state = RETURNED_SQLSTATE")
        definitions.append(session.one("SELECT @n, @r, @no, @text, @state, COLLATION(@text), COLLATION(@state)"))
    assert definitions[0].definitions == definitions[1].definitions and definitions[0].rows == definitions[1].rows, definitions
    # After an error, as text and prepared.
    directly, session = env.old.wire(database="app"), proxy.wire(database="app")
    for side in (directly, session):
        raises(1146, side.one, "SELECT * FROM missing")
    for question in ("SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS"):
        assert directly.one(question).definitions == session.one(question).definitions, question
    env.assert_equal(rows_min=0)


def commands(session, statement):
    """Commands that are no statements, by name."""
    return {"ping": lambda: session.simple(bytes([wire.PING])), "init db": lambda: session.simple(bytes([wire.INIT_DB]) + b"app"),
            "option": lambda: (session.command(bytes([wire.SET_OPTION]) + b"\0\0"), session.read_packet()),
            "statistics": lambda: (session.command(bytes([wire.STATISTICS])), session.read_packet()),
            "reset statement": lambda: session.simple(bytes([wire.RESET]) + struct.pack("<I", statement)),
            "close": lambda: session.close_statement(statement), "prepare": lambda: session.prepare("SELECT 2"),
            "no statement": lambda: raises(1064, session.prepare, "SELEC")}


def test_commands_between_a_write_and_a_question_leave_what_they_leave_without_a_proxy(env):
    env.tables(*TABLES)
    answers = []
    for base, side in ((1, env.old), (1001, env.proxy())):
        session = side.wire(database="app")
        session.one("SET sql_mode=''")
        found = []
        for name in commands(session, 0):
            for question in ("SHOW WARNINGS", "SHOW COUNT(*) WARNINGS", "SELECT ROW_COUNT()"):
                statement = session.prepare("SELECT 1")[0]
                session.one("INSERT INTO t VALUES (%d, 1000, NULL)" % (base + len(found)))
                commands(session, statement)[name]()
                found.append((name, session.one(question).facts()))
        answers.append(found)
        env.old.wire(database="app").one("DELETE FROM t WHERE id < 1000")
    assert answers[0] == answers[1], [pair for pair in zip(*answers) if pair[0] != pair[1]]
    env.assert_equal(rows_min=0)


def test_conditions_of_a_read_that_new_answered_are_shown_by_every_way_of_asking(env):
    env.tables(*TABLES)
    proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
    proxy.caught_up()
    session = proxy.wire(database="app")
    warns = "SELECT CAST('12abc' AS SIGNED)"
    questions = [question for question in ("SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SELECT @@warning_count")
                 if preparable(env.old, question)]
    prepared = {question: session.prepare(question)[0] for question in questions}
    cast, quiet = session.prepare(warns)[0], session.prepare("SELECT 1 + 1")[0]
    for ask in (lambda: session.one(warns), lambda: session.execute(cast)):
        for question, statement in prepared.items():
            before = proxy.metric("crossfade_reads_total", backend="new")
            ask()
            proxy.metric_comes(lambda value: value > before, "crossfade_reads_total", backend="new")
            (result,) = session.execute(statement)
            expected = {"SHOW WARNINGS": 1292, "SHOW ERRORS": None}.get(question, 1)
            assert [row[1] if len(row) > 1 else row[0] for row in result.rows] == [expected][:expected is not None], (question, result)
            session.simple(bytes([wire.PING]))
            assert session.one("SHOW WARNINGS").rows[0][1] == "1292"
        ask()
        session.one("GET DIAGNOSTICS CONDITION 1 @no = MYSQL_ERRNO")
        assert session.one("SELECT @no").rows == [["1292"]]
    session.one("INSERT IGNORE INTO t (id, v) VALUES (1, 1), (1, 1)")
    session.execute(quiet)
    for question, statement in prepared.items():
        (result,) = session.execute(statement)
        assert result.rows in ([], [[0]]), (question, result)
    env.assert_equal(rows_min=0)
