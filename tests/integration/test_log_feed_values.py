"""Feeds `log` and `trigger`: what a column holds on the leader it holds on the follower; what the follower cannot hold is named."""

import json
import struct

import wire
from harness import BOTH_ROLES, ALL_FEEDS
from log_feed import arrived, assert_followed, equal_or_named, execute, follows, is_mariadb, start, stopped, through
from servers import APP, APP_PASSWORD

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

TYPES = """CREATE TABLE t (id INT PRIMARY KEY, a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d BIGINT UNSIGNED, e FLOAT, f DOUBLE,
    g DECIMAL(30,10), h BIT(9), i YEAR, j DATE, k TIME(3), l DATETIME(6), m TIMESTAMP(2) NULL, n CHAR(10), o VARCHAR(300), p BINARY(16),
    q VARBINARY(300), r TINYBLOB, s MEDIUMTEXT, u ENUM('x', 'y', 'zzz'), v SET('p', 'q', 'r'), w POINT,
    x VARCHAR(20) CHARACTER SET latin1, y TEXT CHARACTER SET utf8mb3, z INT GENERATED ALWAYS AS (a + 1) STORED)"""
COLUMNS = "(id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, u, v, w, x, y)"


def test_every_type_at_its_ends(env):
    proxy = start(env, TYPES)
    with proxy.connect(database="app") as session:
        execute(session, "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+03:00'",
                "INSERT INTO t %s VALUES (1, -128, 0, -8388608, 0, -3.4e38, -1.7e308, -99999999999999999999.9999999999, b'0', 1901, "
                "'1000-01-01', '-838:59:59', '1000-01-01', '1970-01-02 00:00:01', '', '', '', '', '', '', 'x', '', "
                "ST_GeomFromText('POINT(0 0)'), '', '')" % COLUMNS,
                "INSERT INTO t %s VALUES (2, 126, 65535, 8388607, 18446744073709551615, 1.1754944e-38, 5e-324, 99999999999999999999.9999999999, "
                "b'111111111', 2155, '9999-12-31', '838:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.99', "
                "REPEAT('ÿ', 10), REPEAT('😀', 300), UNHEX('550E8400E29B41D4A716446655440000'), REPEAT(UNHEX('00FF'), 150), "
                "REPEAT('b', 255), REPEAT('€ long ', 20000), 'zzz', 'p,q,r', ST_GeomFromText('POINT(1.5 -2.5)'), 'é±ÿ', 'über')" % COLUMNS,
                "INSERT INTO t (id) VALUES (3)",
                "INSERT INTO t (id, e, f, j, l, o, x) VALUES (4, 0.1, 0.1, '2024-02-31', '2024-00-10 00:00:00', ' end  ', 'tab\\t')",
                "INSERT INTO t (id, j, l, i, k) VALUES (5, '0000-00-00', '0000-00-00 00:00:00', 0, '00:00:00.001')",
                "UPDATE t SET o = CONCAT(o, '\\0\\'\\\"\\\\'), q = UNHEX('000000') WHERE id IN (3, 4)", "UPDATE t SET q = '' WHERE id = 4",
                "UPDATE t SET h = h ^ b'101010101', d = d - 1 WHERE id = 2", "DELETE FROM t WHERE id = 5 AND i = 0")
        for n in range(100, 160):
            execute(session, ("INSERT INTO t (id, e, f, q) VALUES (%s, RAND() * POW(10, %s), RAND() * POW(10, %s), UNHEX(SHA2(RAND(), 256)))",
                              (n, n % 60 - 30, n * 3 - 300)))
    assert_followed(env, proxy, rows_min=60)


def test_text_is_the_same_whatever_character_set_it_came_in(env):
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER "
                       "SET utf8mb4 COLLATE utf8mb4_bin, c CHAR(5) CHARACTER SET ucs2, d VARCHAR(20) CHARACTER SET cp1251, e VARCHAR(9) "
                       "CHARACTER SET ascii, f TEXT CHARACTER SET sjis)")
    with proxy.connect(database="app") as session:
        for names in ("utf8mb4", "latin1", "utf8mb3"):
            execute(session, "SET NAMES " + names, "INSERT INTO t (a, b, c, e) VALUES ('e', 'b', 'c', 'x')",
                    "INSERT INTO t (a, b, c, d, f) VALUES (UNHEX('E9FF'), CONVERT(UNHEX('F09F9880') USING utf8mb4), UNHEX('00E920AC'), "
                    "UNHEX('CFF0'), UNHEX('93FA96BF'))")
    assert_followed(env, proxy, rows_min=6)


def test_json_that_both_makes_hold_follows_as_its_value(env):
    follows(env, ["CREATE TABLE t (id INT PRIMARY KEY, j JSON)"],
            """INSERT INTO t VALUES (1, '{"b": [1, 2.5, -3e2, true, null, "x\\\\u00e9\\\\n"], "a": {"deep": {"er": []}}}'), (2, '[]'),
               (3, '"text"'), (4, NULL), (5, 'null'), (6, '9007199254740993'), (7, '18446744073709551615'), (8, '-9223372036854775808'),
               (9, '0.1'), (10, '{"": "", "\\\\u0000": "nul"}')""",
            "UPDATE t SET j = JSON_SET(j, '$.a.deep.er[0]', 'added') WHERE id = 1",
            ("INSERT INTO t VALUES (11, %s)", ("[" + ",".join('{"k%d": %d}' % (i, i) for i in range(20000)) + "]",)),
            ("INSERT INTO t VALUES (12, %s)", ('{"long": "%s"}' % ("x" * 70000),)),
            "UPDATE t SET j = JSON_REMOVE(j, '$[0]', '$[1]') WHERE id = 11", "DELETE FROM t WHERE id = 2", rows_min=11)


def test_json_that_one_make_cannot_hold_is_never_silently_different(env):
    texts = {"past_double": "[0.1234567890123456789]", "past_bigint": '{"n": 18446744073709551616}', "huge": "1e400",
             "deep": "[" * 33 + "]" * 33, "twice": '{"a": 1, "a": 2}', "deeper": "[" * 100 + "]" * 100, "tiny": "1e-400"}
    proxy = start(env, *("CREATE TABLE %s (id INT PRIMARY KEY, j JSON)" % name for name in texts))
    taken = set()
    with proxy.connect(database="app") as session:
        for name, text in texts.items():
            try:
                execute(session, ("INSERT INTO %s VALUES (1, %%s)" % name, (text,)))
                taken.add(name)
            except Exception as error:  # the leader's own word
                assert error.args[0] in (3140, 3141, 3157, 4025), error
        execute(session, "INSERT INTO past_double VALUES (2, '[1]')")
    named = equal_or_named(env, proxy, *texts)
    if env.binary and is_mariadb(env.old):
        assert taken >= {"past_double", "past_bigint", "twice", "huge", "tiny"}, taken
        # What MariaDB's text says and MySQL's double does not is named.
        assert named["past_double"] and named["past_bigint"], named
    # And nothing else stands still.
    through(proxy, "INSERT INTO twice VALUES (9, '[]')" if not named.get("twice") else "INSERT INTO sentinel VALUES (NULL)")
    equal_or_named(env, proxy, *texts)


def test_json_with_a_key_twice_follows_as_the_one_that_mysql_keeps_and_is_named_where_mariadb_keeps_both(env):
    """MariaDB answers with the first of both, MySQL has only the last: they cannot be one value on both sides."""
    texts = {"plain": ('{"a": 1, "a": 2}', '{"a": 2}'), "nested": ('[{"b": {"c": 1, "c": [2]}}]', '[{"b": {"c": [2]}}]'),
             "spelled": ('{"a": 1, "\\u0061": 3}', '{"a": 3}'), "cased": ('{"a": 1, "A": 2}', '{"A": 2, "a": 1}')}
    proxy = start(env, *("CREATE TABLE %s (id INT PRIMARY KEY, j JSON)" % name for name in texts))
    for name, (text, _) in texts.items():
        through(proxy, ("INSERT INTO %s VALUES (1, %%s)" % name, (text,)))
    for name, (text, kept) in texts.items():
        found = env.old.run("SELECT CAST(j AS CHAR) FROM app." + name)[0][0]
        assert found == text if is_mariadb(env.old) else json.loads(found) == json.loads(kept), (name, found)
        if is_mariadb(env.old) and name == "plain":
            assert env.old.run("SELECT JSON_VALUE(j, '$.a') FROM app.plain") == (("1",),)
    if not env.binary:
        return
    if not is_mariadb(env.old):
        assert_followed(env, proxy, rows_min=len(texts))
        for name, (_, kept) in texts.items():
            found = env.new.run("SELECT j FROM app." + name)[0][0]
            assert json.loads(found, object_pairs_hook=list) == json.loads(kept, object_pairs_hook=list), (name, found)
        return
    arrived(env, proxy)
    why = stopped(proxy)
    assert set(why) == {"app.plain", "app.nested", "app.spelled"}, why
    assert all("a key twice" in each for each in why.values()), why
    assert [env.new.run("SELECT COUNT(*) FROM app." + name)[0][0] for name in texts] == [0, 0, 0, 1]


def test_set_members_by_number_and_binary_into_text_in_a_lax_mode(env):
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, s SET('1', '2', '99', 'x'), e ENUM('10', '2', '1'), v VARCHAR(30), c CHAR(4), "
                       "b VARBINARY(30), n INT NOT NULL)")
    with proxy.connect(database="app") as session:
        execute(session, "SET sql_mode = ''", "INSERT INTO t VALUES (1, '99', '2', 'x', 'toolong', 'b', NULL + 1), (2, 99, 2, 1.0, -1, 2, 'x')",
                "INSERT INTO t (id, s, e) VALUES (3, 'nope', 'nope'), (4, 'x,nope', ''), (5, 15, 3)",
                "INSERT INTO t (id, v, c) VALUES (6, UNHEX('FFFE80'), UNHEX('C3A9')), (7, CAST('abc' AS BINARY), CAST(5 AS BINARY))",
                "INSERT INTO t (id, v) SELECT id + 100, b FROM t WHERE b IS NOT NULL", "UPDATE t SET v = UNHEX('F09F9880'), s = s | 2")
    assert_followed(env, proxy, rows_min=9)


BOUND = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(60), e ENUM('a', 'b'), s SET('a', 'b'), j JSON, b BLOB)"


def bound_types(session):
    """{type: 0, or the error it came to}, for values that a client binds."""
    outcomes = {}
    for kind in (0xF5, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0x0F, 0xF6, 0x00):
        column = {0xF7: "e", 0xF8: "s", 0xF5: "j", 0xFC: "b"}.get(kind, "v")
        text = b'["a"]' if column == "j" else b"12" if kind in (0xF6, 0x00) else b"a"
        statement = session.prepare("INSERT INTO t (%s) VALUES (?)" % column)[0]
        cell = wire.put_lenenc(len(text)) + text
        try:
            session.command(bytes([wire.EXECUTE]) + struct.pack("<IBI", statement, 0, 1) + b"\0\1" + bytes([kind, 0]) + cell)
            session.results(binary=True)
            outcomes[kind] = 0
        except wire.Err as error:
            outcomes[kind] = error.code
    session.close()
    return outcomes


def test_bound_types_that_only_one_make_takes(env):
    env.servers.run("CREATE DATABASE app_direct CHARACTER SET utf8mb4", "USE app_direct", BOUND)
    proxy = start(env, BOUND)
    direct, through_it = bound_types(env.old.wire(APP, APP_PASSWORD, database="app_direct")), bound_types(proxy.wire(database="app"))
    assert through_it == direct, (through_it, direct)
    taken = {0xF7, 0xF8} if env.old.kind == "mariadb" else {0xF5}
    assert [kind for kind in taken | {0x00, 0xF6, 0xFC, 0xFD, 0xFE} if direct[kind] != 0] == [], direct
    columns = "SELECT v, e, s, CAST(j AS CHAR), b FROM %s.t ORDER BY id"
    assert env.old.run(columns % "app") == env.old.run(columns % "app_direct")
    assert_followed(env, proxy, rows_min=7)


def test_is_null_that_finds_the_last_insert_id(env):
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    with proxy.connect(database="app") as session:
        execute(session, "SET sql_auto_is_null = 1", "INSERT INTO t (v) VALUES (1), (2)", "INSERT INTO t (v) VALUES (3)",
                "UPDATE t SET v = v + 100 WHERE id IS NULL", "INSERT INTO t (v) VALUES (4)", "DELETE FROM t WHERE id IS NULL",
                "INSERT INTO t (v) VALUES (5)")
        assert execute(session, "SELECT v FROM t ORDER BY id") == ((1,), (2,), (103,), (5,))
    assert_followed(env, proxy, rows_min=4)


def test_ids_that_are_zero_negative_or_chosen(env):
    follows(env, ["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"], "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
            "INSERT INTO t VALUES (0, 1), (-5, 2), (100, 3)", "INSERT INTO t (v) VALUES (4)", "SET sql_mode = ''",
            "INSERT INTO t VALUES (0, 5), (NULL, 6)", "SET auto_increment_increment = 10, auto_increment_offset = 3",
            "INSERT INTO t (v) VALUES (7), (8)", "UPDATE t SET id = -id WHERE v = 8", rows_min=8)


def test_generated_columns_of_both_kinds_and_invisible_ones(env):
    follows(env, ["CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(20) AS (CONCAT('n', a)) STORED, "
                  "h INT INVISIBLE DEFAULT 7, KEY (v))"],
            "INSERT INTO t (id, a) VALUES (1, 1), (2, 2)", "INSERT INTO t (id, a, h) VALUES (3, 3, 8)", "UPDATE t SET a = a + 1, h = h + 1",
            "DELETE FROM t WHERE v = 4", "UPDATE t SET a = NULL WHERE id = 3", rows_min=2)


def rows_match_their_image_before(env, column, *values):
    """Each row is changed twice, with every row looked at before: none of them may seem to be another."""
    proxy = start(env, "CREATE TABLE t (id INT PRIMARY KEY, c %s, n INT NOT NULL DEFAULT 0)" % column, check_rows_percent=100)
    with proxy.connect(database="app") as session:
        for number, value in enumerate(values):
            execute(session, "INSERT INTO t (id, c) VALUES (%d, %s)" % (number, value))
        execute(session, "UPDATE t SET n = 1", "UPDATE t SET n = 2 WHERE id % 2", "DELETE FROM t WHERE id % 5 = 4")
    assert_followed(env, proxy, rows_min=len(values) * 4 // 5)


def test_floats_are_found_again(env):
    rows_match_their_image_before(env, "FLOAT", *["RAND()", "RAND() * 1e30", "0.1", "NULL", "1e-40"] * 5)


def test_doubles_are_found_again(env):
    rows_match_their_image_before(env, "DOUBLE", *["RAND()", "RAND() * 1e300", "0.1", "NULL", "5e-324"] * 5)


def test_json_is_found_again(env):
    rows_match_their_image_before(env, "JSON", "NULL", "'[]'", """'{"n": [3, 17, "text"], "big": 2000123}'""", "'1.5'", """'{"b": 1, "a": null}'""",
                                  "'[1.0, 2e3]'", "'\"ü\"'", "'{\"k\": {}}'", "'9007199254740993'")


def test_times_are_found_again(env):
    rows_match_their_image_before(env, "TIMESTAMP(6) NULL", "NOW(6)", "NULL", "'2020-02-02 02:02:02.5'")


def test_texts_are_found_again(env):
    rows_match_their_image_before(env, "VARCHAR(60)", "UUID()", "NULL", "''", "'a '", "'A'", "'ä😀'", "NOW(6)")


def test_decimals_are_found_again(env):
    rows_match_their_image_before(env, "DECIMAL(12,3)", "RAND() * 1000", "NULL", "-0.001", "0", "999999999.999")
