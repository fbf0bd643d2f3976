"""What the tests of feed `log` share: statements through the proxy, and what has become of them on the follower."""

import contextlib
import subprocess

from comparing import columns_of, table_rows
from progress import wait_until

SENTINEL = "CREATE TABLE sentinel (id INT PRIMARY KEY AUTO_INCREMENT)"


def execute(session, *statements):
    """Runs statements, or (statement, values); the rows of the last."""
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(*(statement if isinstance(statement, tuple) else (statement,)))
        return cursor.fetchall()


def through(proxy, *statements, **options):
    with proxy.connect(database="app", **options) as session:
        return execute(session, *statements)


def start(env, *tables, flags=None, **dual_write):
    """Tables and rows on both sides, and a proxy."""
    env.tables(SENTINEL, *tables)
    return env.proxy({"dual_write": dual_write} if dual_write else None, flags)


def assert_followed(env, proxy, rows_min=1):
    """Both sides are equal, and nothing was stopped or put into the ledger on the way."""
    if not env.binary:
        return
    env.assert_equal(proxy, rows_min)
    assert_nothing_stopped(proxy)


def assert_nothing_stopped(proxy):
    applier = proxy.status()["applier"]
    assert applier["parked"] == [] and applier["ledger_open"] == 0 and applier["divergences"] == 0, applier


def follows(env, tables, *statements, rows_min=1, **options):
    """The whole of most tests: tables on both sides, statements through the proxy, both sides equal."""
    proxy = start(env, *tables)
    through(proxy, *statements, **options)
    assert_followed(env, proxy, rows_min)
    return proxy


def release(proxy, *arguments):
    """Exit code of `tables release`, and what was said."""
    done = subprocess.run([proxy.binary, "tables", "release", *arguments, "--config", proxy.config_file], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def released(proxy, *arguments):
    code, said = release(proxy, *arguments)
    assert code == 0, said


def arrived(env, proxy, deadline=30):
    """Waits until all that was written through the proxy so far was applied, or refused, on the follower."""
    if not env.binary:
        return
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO sentinel VALUES (NULL)")
        last = cursor.lastrowid
    wait_until(lambda: not proxy.died() and env.new.run("SELECT id FROM app.sentinel WHERE id = %d" % last), deadline,
               "the sentinel on the follower")


def stopped(proxy):
    """{table: why} of those that no longer follow."""
    return {entry["tables"]: entry["error"] for entry in proxy.status()["applier"]["parked"]}


def is_stopped(proxy, table):
    return "app." + table in stopped(proxy)


def ledger(env):
    """The ledger's rows, as text."""
    return [" ".join(map(str, row)) for row in env.new.run("SELECT * FROM crossfade.ledger")]


def rows_of(database, table):
    return table_rows(database, "app", table, columns_of(database, "app", table), set())


def equal_or_named(env, proxy, *tables):
    """Never silent: each table is equal on both sides, or the proxy says that it is not. {table: named}."""
    arrived(env, proxy)
    if not env.binary:
        return {}
    in_ledger = {row[0] for row in env.new.run("SELECT table_name FROM crossfade.ledger")}
    findings = [finding["object"] for finding in proxy.status()["feed"]["findings"]]
    named = {table: is_stopped(proxy, table) or table in in_ledger or
             any(finding.startswith("app.%s " % table) for finding in findings) for table in tables}
    for table in tables:
        if named[table]:
            continue  # the sides may not even have the same columns
        columns = columns_of(env.old, "app", table)
        of_json = {i for i, column in enumerate(columns) if column[0].startswith("j")}
        sides = [table_rows(side, "app", table, columns, of_json) for side in (env.old, env.new)]
        assert sides[0] == sides[1], "%s differs and nobody says so: %s / %s; %s" % (
            (table,) + tuple(sides) + (proxy.status()["applier"],))
    return named


@contextlib.contextmanager
def settings(database, **values):
    """Global settings for a while; sessions opened later have them."""
    before = {name: database.run("SELECT @@GLOBAL.%s" % name)[0][0] for name in values}
    quoted = lambda value: "'%s'" % value if isinstance(value, str) else str(value)
    database.run(*("SET GLOBAL %s = %s" % (name, quoted(value)) for name, value in values.items()))
    try:
        yield
    finally:
        database.restart_if_gone()
        database.run(*("SET GLOBAL %s = %s" % (name, quoted(value)) for name, value in before.items()))


def is_mariadb(database):
    return database.kind == "mariadb"
