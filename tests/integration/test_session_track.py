"""What OK packets tell clients that track their session: what the server says, and nothing of what the proxy asked for."""

import wire
from harness import BOTH_ROLES
from servers import APP, APP_PASSWORD
from test_fragments import Recorded

ROLES = BOTH_ROLES

TRACKERS = ("SET session_track_transaction_info = 'STATE'", "SET session_track_transaction_info = 'CHARACTERISTICS'",
            "SET session_track_state_change = 1", "SET session_track_system_variables = 'time_zone,sql_mode'", "DO 1")
STATEMENTS = (
    "USE app", "SET NAMES utf8mb4", "SET time_zone = '+01:00'", "SET sql_mode = ''", "INSERT INTO t (v) VALUES ('y')",
    "UPDATE t SET v = 'z' WHERE id = 1", "DELETE FROM t WHERE id = 99", "SELECT v FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'dup')",
    "SHOW WARNINGS", "INSERT IGNORE INTO t VALUES (1, 'dup')", "SHOW WARNINGS", "SELECT @@warning_count",
    "START TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "COMMIT", "BEGIN", "SELECT v FROM t WHERE id = 1", "ROLLBACK",
    "SET autocommit = 0", "SET autocommit = 1", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "INSERT INTO t (v) VALUES ('w')", "BEGIN", "INSERT INTO t (v) VALUES ('x')", "UPDATE t SET v = 'all'", "COMMIT", "SELECT 1")


def packets(env, session, tracker):
    env.tables("TRUNCATE TABLE t", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    found = []
    for sql in (tracker, *STATEMENTS):
        session.packets = []
        session.attempt(session.query, sql)
        found.append((sql, session.packets))
    session.close()
    return found


def test_the_state_of_a_session_is_tracked_as_without_a_proxy(env):
    env.tables("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(40))")
    plain, waiting = env.proxy(), env.proxy(flags={"dual_write": {"ack": "both"}})
    plugin = "caching_sha2_password" if env.old.kind == "mysql" else "mysql_native_password"
    # One that waits for its commits asks the leader for their names: clients see nothing of that, but on MariaDB the order in
    # which variables are told.
    asked = TRACKERS[-3:] if env.old.kind == "mysql" else (TRACKERS[2], TRACKERS[-1])
    both = (wire.SESSION_TRACK, wire.SESSION_TRACK | wire.DEPRECATE_EOF)
    for capabilities, proxy, trackers in [(each, plain, TRACKERS) for each in both] + [(each, waiting, asked) for each in both]:
        for tracker in trackers:
            answers = []
            for port in (env.old.port, proxy.port):
                answers.append(packets(env, Recorded("127.0.0.1", port, APP, APP_PASSWORD, database="app", plugin=plugin,
                                                     capabilities=capabilities), tracker))
            for direct, through in zip(*answers):
                assert direct == through, "%s\ndirect:  %r\nthrough: %r" % (tracker, direct, through)
    env.assert_equal()
