"""What the two makes show with other digits is a note; what they hold in other values is a difference."""

from harness import BOTH_ROLES, MARIADB_OLD, roles
from progress import wait_until
from test_shadow import DIFFERENCES, SHADOW
from wire import Err

ROLES = BOTH_ROLES

CONFIG = {"shadow": {"rechecks": 1, "recheck_delay": "10ms", "plaintext_samples": True, "digests_max": 10000, "queue_max": 10000}}

TABLE = ("CREATE TABLE t (id INT PRIMARY KEY, i INT, b BIGINT, u BIGINT UNSIGNED, d DECIMAL(10,2), d5 DECIMAL(20,5), f FLOAT, "
         "g DOUBLE, s VARCHAR(40), c DATE, dt DATETIME, dt3 DATETIME(3), tm TIME, tm6 TIME(6), ts TIMESTAMP NULL, j JSON)")
ROWS = ("INSERT INTO t VALUES "
        "(1, 1, 10000000000, 18446744073709551615, 1.10, 3.14159, 1.1, 1.1, '3.5', '2024-02-29', '2024-02-29 12:34:56', "
        "'2024-02-29 12:34:56.789', '11:22:33', '11:22:33.123456', '2024-02-29 12:34:56', '{\"b\": 1.50, \"a\": [1, null, \"x\"]}'), "
        "(2, 7, -3, 7, 2.35, 2.71828, 0.333333, 0.333333333333333, 'abc', '2023-12-31', '2023-12-31 23:59:59', "
        "'2023-12-31 23:59:59.999', '-01:02:03', '-01:02:03.500000', '2023-12-31 23:59:59', '[1.0, 2e3, true]'), "
        "(3, 8, 3, 3, -7.77, 0.00001, 16777217, 1e20, '-12.50e1', '2000-01-01', '2000-01-01 00:00:00', "
        "'2000-01-01 00:00:00.001', '800:00:00', '00:00:00.000001', '2000-01-01 00:00:01', '\"s\"')")

NUMBERS = "i b u d d5 f g s".split()
TIMES = "c dt dt3 tm tm6 ts".split()
# Templates, and the columns for which the makes compute different values rather than other digits: a statement about
# these is rightly a difference.
AGGREGATES = {
    "STD({})": "", "STDDEV({})": "", "STDDEV_POP({})": "", "STDDEV_SAMP({})": "", "VARIANCE({})": "", "VAR_POP({})": "",
    "VAR_SAMP({})": "", "AVG({})": "", "SUM({})": "", "MIN({})": "", "MAX({})": "", "COUNT({})": "", "AVG(DISTINCT {})": "",
    "SUM({}) / COUNT(*)": "", "AVG({}) * 2": "", "ROUND(AVG({}), 3)": "", "STD({}) + 1": "", "BIT_AND({})": "f g s", "BIT_OR({})": "f g s",
    "BIT_XOR({})": "f g s", "GROUP_CONCAT({} ORDER BY id)": "", "JSON_ARRAYAGG({})": "f"}
SCALARS = {
    "{} / 3": "", "1 / {}": "", "{} / 7.0": "", "{} / d5": "", "{} / g": "", "{} % 3": "", "{} * 1.5": "", "-{}": "", "ROUND({})": "",
    "ROUND({}, 1)": "", "TRUNCATE({}, 1)": "", "CEIL({})": "", "FLOOR({})": "", "ABS({})": "", "POW({}, 2)": "", "SQRT({})": "",
    "LOG(ABS({}))": "", "LOG2(ABS({}))": "", "LOG10(ABS({}))": "", "EXP({} / 1e19)": "", "SIN({})": "", "COS({})": "", "TAN({})": "",
    "ATAN({})": "", "ATAN2({}, 2)": "", "COT({})": "", "DEGREES({})": "", "RADIANS({})": "", "SIGN({})": "", "MOD({}, 7)": "",
    "FORMAT({}, 2)": "", "CAST({} AS CHAR)": "", "CAST({} AS DECIMAL(30,4))": "", "CAST({} AS DOUBLE)": "", "CONCAT({})": "",
    "IFNULL({}, 0)": "", "COALESCE({}, 1.5)": "", "COALESCE({}, 'x')": "", "IF(id = 1, {}, 1)": "", "IF(id = 1, {}, 1.25)": "",
    "CASE WHEN id = 1 THEN {} ELSE g END": "", "GREATEST({}, 1.5)": "s", "LEAST({}, g)": "s", "NULLIF({}, 1)": "", "{} = 1.1": "",
    "{} IN (1, 2.35)": "", "LENGTH({})": "", "JSON_ARRAY({})": "f", "JSON_OBJECT('a', {})": "f", "{} BETWEEN 1 AND 2": ""}
TEMPORALS = {
    "{}": "", "{} + 0": "", "{} * 1.0": "", "{} / 3": "", "CAST({} AS CHAR)": "", "CAST({} AS DECIMAL(30,6))": "", "CAST({} AS DOUBLE)": "",
    "CONCAT({})": "", "COALESCE({}, 'x')": "", "IF(id = 1, {}, NULL)": "", "UNIX_TIMESTAMP({})": "tm tm6", "HOUR({})": "",
    "MICROSECOND({})": "", "SECOND({})": "", "TIME({})": "", "DATE_FORMAT({}, '%H:%i:%s.%f')": "tm tm6", "HEX({})": "",
    "DATE_ADD({}, INTERVAL '1.5' SECOND)": "", "DATE_ADD({}, INTERVAL 1 MICROSECOND)": "", "ADDTIME({}, '00:00:01.5')": "",
    "ADDTIME({}, '01:00:00')": "", "SUBTIME({}, '00:00:00.5')": "", "TIMEDIFF({0}, {0})": "", "JSON_ARRAY({})": "",
    "JSON_OBJECT('k', {})": "", "MIN({})": "", "MAX({})": "", "LENGTH({})": ""}
OTHERS = [
    "JSON_EXTRACT(j, '$.a')", "JSON_EXTRACT(j, '$.b')", "JSON_LENGTH(j)", "JSON_SET(j, '$.c', 1.10)",
    "JSON_INSERT(j, '$.c', d)", "JSON_REMOVE(j, '$.a')", "JSON_MERGE_PATCH(j, '{\"z\": 1}')", "JSON_MERGE_PRESERVE(j, '[1]')",
    "JSON_PRETTY(j)", "JSON_ARRAY(1, 1.0, 1e0, 'a', NULL, TRUE)", "JSON_OBJECT('b', 1, 'a', d, 'c', g, 'd', c, 'e', TRUE)",
    "JSON_ARRAY_APPEND(j, '$', 1)", "CAST(j AS CHAR)", "CONCAT(j)", "COALESCE(j, 'x')", "IF(id = 1, j, NULL)", "JSON_OBJECTAGG(id, d)",
    "JSON_ARRAYAGG(j)", "UNIX_TIMESTAMP('2024-01-01 00:00:00.25')", "FROM_UNIXTIME(1.5)", "FROM_UNIXTIME(1e0)", "SEC_TO_TIME(1.5)",
    "TIMEDIFF('10:00:00.5', '09:00:00')", "1 / 3", "2 / 3", "1.0 / 3", "1e0 / 3", "ROUND(1.005e0, 2)", "ROUND(2.5)", "ROUND(2.5e0)",
    "ROUND(1e20, 2)", "FORMAT(1234567.891, 2)", "CAST(1e15 AS CHAR)", "CAST(0.1e0 + 0.2e0 AS CHAR)", "IF(1, 1, 1.50)",
    "CASE 1 WHEN 1 THEN 1 ELSE 2.5 END", "GREATEST(1, 2.5, 3e0)", "COALESCE(NULL, 1, 2.55)", "DATE_ADD('2024-01-01', INTERVAL 1.5 SECOND)",
    "(SELECT STD(i) FROM t)", "d / i", "d5 / d", "i / b", "SUM(d) OVER (ORDER BY id)", "AVG(i) OVER (ORDER BY id)",
    "STD(i) OVER (ORDER BY id ROWS 1 PRECEDING)", "PERCENT_RANK() OVER (ORDER BY id)", "CUME_DIST() OVER (ORDER BY id)",
    "CAST(i AS SIGNED)", "CAST(i AS UNSIGNED)", "COUNT(*)", "TRUE", "i = 1", "i + b", "b + d", "SUM(i) + 0.5"]
# Values that the two makes compute differently: whoever reads them sees another value, and so it is a difference.
UNEQUAL = ["TIME_TO_SEC(dt3)", "1 / 3 * 3", "GREATEST(b, '2')", "CAST(dt3 AS SIGNED)", "JSON_VALUE(j, '$.b')", "JSON_KEYS(j)",
           "DATE_FORMAT(tm, '%H:%i:%s.%f')"]


def statements():
    """Alias to statement: the alias stays in the digest, where literals do not."""
    for templates, columns in ((AGGREGATES, NUMBERS), (SCALARS, NUMBERS), (TEMPORALS, TIMES)):
        for template, unequal in templates.items():
            for column in columns:
                if column not in unequal.split():
                    yield template.format(column)
    yield from OTHERS


def verdicts_by_alias(proxy):
    found = {}
    for digest in proxy.report()["digests"]:
        for word in digest["text"].split():
            if word.startswith("x_"):
                found[word.strip("`,")] = digest
    return found


def compared(digest):
    return digest is not None and any(n for v, n in digest["verdicts"].items() if v not in ("skipped", "too_large", "timeout"))


def run_all(proxy, named, prepared=False):
    """Errors are answers, too: they are compared by their codes."""
    session = proxy.wire(database="app")
    for sql in named.values():
        try:
            if prepared:
                statement, *_ = session.prepare(sql)
                session.execute(statement)
                session.close_statement(statement)
            else:
                session.query(sql)
        except Err as error:
            assert error.code in (1690, 1365, 1292), (sql, error.code, error.message)
    wait_until(lambda: all(compared(verdicts_by_alias(proxy).get(alias)) for alias in named), 120, "all of them compared")
    return verdicts_by_alias(proxy)


def name_all(expressions):
    return {"x_%d" % n: "SELECT %s AS x_%d FROM t" % (e, n) for n, e in enumerate(expressions)}


def differences(found, named):
    return ["%s: %s" % (named[alias], [(s["verdict"], s["control"], s["candidate"]) for s in found[alias]["samples"]] or
                        found[alias]["verdicts"])
            for alias in named if any(found[alias]["verdicts"].get(name) for name in DIFFERENCES)]


@roles(MARIADB_OLD)
def test_expressions_whose_digits_differ_by_make_are_no_differences(env):
    env.needs_proxy()
    env.tables(TABLE, ROWS)
    proxy = env.proxy(config=CONFIG, flags=SHADOW)
    named = name_all(statements())
    found = run_all(proxy, named)
    wrong = differences(found, named)
    assert not wrong, "%d of %d:\n%s" % (len(wrong), len(named), "\n".join(wrong))
    notes = sum(found[alias]["verdicts"].get("precision", 0) for alias in named)
    assert notes >= 40 or env.old.kind == env.new.kind, notes


def test_their_binary_forms_are_no_differences_either(env):
    env.needs_proxy()
    env.tables(TABLE, ROWS)
    proxy = env.proxy(config=CONFIG, flags=SHADOW)
    named = name_all([template.format(column) for template, unequal in list(AGGREGATES.items()) + list(SCALARS.items())[:14]
                      for column in NUMBERS if column not in unequal.split()])
    wrong = differences(run_all(proxy, named, prepared=True), named)
    assert not wrong, "%d of %d:\n%s" % (len(wrong), len(named), "\n".join(wrong))


def test_other_values_are_differences_in_every_such_expression(env):
    """One row is another on `new`: each aggregate that shows it by more than its digits says so."""
    env.needs_proxy()
    env.tables(TABLE, ROWS)
    proxy = env.proxy(config=CONFIG, flags=SHADOW)
    env.new.run("UPDATE app.t SET i = 9, b = 4, u = 4, d = -7.76, d5 = 0.00101, g = 5 WHERE id = 3")
    named = name_all(["%s(%s)" % (name, column) for name in ("STD", "VARIANCE", "VAR_SAMP", "AVG", "SUM") for column in "i b d d5 g".split()] +
                     ["SUM(d) / COUNT(*)", "ROUND(SUM(d), 2)", "JSON_ARRAYAGG(d)", "MAX(i)", "MIN(d)"])
    found = run_all(proxy, named)
    missed = [named[alias] for alias in named if not found[alias]["verdicts"].get("value")]
    assert not missed, missed


def test_values_that_a_make_computes_otherwise_stay_differences(env):
    env.needs_proxy()
    if env.old.kind == env.new.kind:
        return
    env.tables(TABLE, ROWS)
    proxy = env.proxy(config=CONFIG, flags=SHADOW)
    named = name_all(UNEQUAL)
    found = run_all(proxy, named)
    missed = [named[alias] for alias in named if not found[alias]["verdicts"].get("value")]
    assert not missed, missed
