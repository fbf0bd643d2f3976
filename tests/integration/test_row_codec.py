"""Rows of one make's log on the other's tables, exactly: every type, by rows events and by SQL, both makes leading."""

import base64

from harness import BOTH_ROLES
from row_codec import Leader, assert_equal_tables, follow, follower_session, take_apart
from row_samples import TABLES, make_tables, servers_with_logs, tool_of, work

ROLES = BOTH_ROLES


def carried(env, binlog, seed=1, **more):
    leader, follower = servers_with_logs(env)
    make_tables(leader, follower)
    log = Leader(leader)
    log.begin()
    work(leader, seed)
    ways = follow(tool_of(env), leader, follower, log.end(), binlog=binlog, **more)
    assert_equal_tables(leader, follower, "app_rows", TABLES)
    return ways


def test_every_type_goes_by_rows_events_where_the_columns_are_the_same(env):
    ways = carried(env, binlog=True)
    assert ways["every"] == ways["keyless"] == ways["shuffled"] == ways["parent"] == {"events"}, ways
    assert ways["wider"] == {"sql"} and ways["docs"] == {"sql"}, ways


def test_statements_that_are_split_say_the_same(env):
    carried(env, binlog=True, statement_bytes_max=100000, checked=False)


def test_every_type_goes_by_sql_where_binlog_may_not_be_run(env):
    ways = carried(env, binlog=False, seed=2)
    assert set().union(*ways.values()) == {"sql"}, ways


def test_a_row_that_is_not_the_leaders_is_not_found_and_overwritten_on_request(env):
    leader, follower = servers_with_logs(env)
    make_tables(leader, follower)
    log = Leader(leader)
    log.begin()
    work(leader, 3)
    path = log.end()
    follow(tool_of(env), leader, follower, path, binlog=False)
    # The follower is brought out of step: rows gone, changed, and in the way of others by their unique keys.
    follower.run("SET foreign_key_checks=0", "DELETE FROM every WHERE id % 2 = 0", "UPDATE every SET c0 = 1 WHERE id % 2 = 1",
                 "DELETE FROM uniq", "INSERT INTO uniq VALUES (77, 110, 'foreign'), (12, 5, 'y')", "UPDATE wider SET c0 = 3",
                 "UPDATE docs SET j = '0'", "DELETE FROM shuffled WHERE id = 1", database="app_rows")
    log.begin()
    with leader.connect(database="app_rows") as session, session.cursor() as cursor:
        cursor.execute("SET sql_mode='ALLOW_INVALID_DATES'")
        cursor.execute("UPDATE every SET c5 = COALESCE(c5, 0) DIV 2 + 1")
        cursor.execute("UPDATE wider SET c1 = COALESCE(c1, 0) DIV 2 + 1")
        cursor.execute("UPDATE docs SET j = JSON_ARRAY(id)")
        cursor.execute("UPDATE shuffled SET b = 9")
        cursor.execute("UPDATE uniq SET b = CONCAT(COALESCE(b, ''), '!')")
    path = log.end()
    checks = take_apart(tool_of(env), leader, follower, path, mode="check")
    found = {}
    with follower_session(tool_of(env), follower) as session, session.cursor() as cursor:
        for line in checks:
            for statement in line["run"]:
                cursor.execute(base64.b64decode(statement["sql"]))
                found.setdefault(line["table"], []).append(cursor.fetchone()[0])
    assert 0 in found["every"] and 0 in found["wider"] and set(found["docs"]) == {0} and 0 in found["uniq"], found
    follow(tool_of(env), leader, follower, path, mode="overwrite", checked=False)
    assert_equal_tables(leader, follower, "app_rows", TABLES)
