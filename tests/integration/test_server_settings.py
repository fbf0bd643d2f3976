"""What an administrator may have set for every session of a server changes nothing of what the proxy does on its own account."""

import contextlib

from backfill import backfill
from harness import ALL_FEEDS, BOTH_ROLES
from log_feed import SENTINEL, assert_followed, execute, through
from progress import wait_until
from verify import differs, equal, repair

ROLES, FEEDS = BOTH_ROLES, ALL_FEEDS

# Global variables, by what they have in common; of both makes, and of one.
SESSIONS = {"both": {"autocommit": 0, "completion_type": "CHAIN", "sql_safe_updates": 1, "sql_select_limit": 1, "sql_auto_is_null": 1,
                     "foreign_key_checks": 0, "unique_checks": 0, "sql_quote_show_create": 0, "max_join_size": 1, "max_error_count": 0,
                     "default_storage_engine": "MyISAM", "group_concat_max_len": 4},
            "mariadb": {"tx_isolation": "SERIALIZABLE", "check_constraint_checks": 0},
            "mysql": {"transaction_isolation": "SERIALIZABLE", "show_create_table_verbosity": 1, "sql_generate_invisible_primary_key": 1,
                      "sql_require_primary_key": 1}}
TIMES = {"both": {"wait_timeout": 1, "interactive_timeout": 1, "net_read_timeout": 1, "net_write_timeout": 1, "innodb_lock_wait_timeout": 1,
                  "lock_wait_timeout": 1, "time_zone": "+05:30", "character_set_server": "latin1", "collation_connection": "utf8mb4_bin"},
         "mariadb": {"max_statement_time": 0.5, "idle_transaction_timeout": 1, "idle_write_transaction_timeout": 1, "tx_read_only": 1},
         "mysql": {"max_execution_time": 100, "transaction_read_only": 1}}
MODES = {"both": {"sql_mode": "ANSI,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE"},
         "mariadb": {"old_mode": "NO_DUP_KEY_WARNINGS_WITH_IGNORE,ZERO_DATE_TIME_CAST"}, "mysql": {"completion_type": "RELEASE"}}

# An application's own session, as it needs it.
CLIENT = ("SET SESSION autocommit = 1, completion_type = 0, sql_safe_updates = 0, sql_select_limit = DEFAULT, sql_big_selects = 1, "
          "sql_mode = 'STRICT_TRANS_TABLES', foreign_key_checks = 1, unique_checks = 1, wait_timeout = 600")
READ_WRITE = "SET SESSION TRANSACTION READ WRITE"
TABLES = [SENTINEL, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(40), j JSON, c CHAR(8), at TIMESTAMP(2) NULL)",
          "CREATE TABLE parent (id INT PRIMARY KEY, u INT UNIQUE, v INT)",
          "CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, v INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
          "CREATE TABLE filled (id INT PRIMARY KEY, c CHAR(8), j JSON)"]
WORK = ["INSERT INTO t (v, s, j, c, at) VALUES (1, 'ü😀', '{\"a\": [1, 2.5]}', 'x', '2024-01-01 00:00:00.12'), (2, NULL, '[]', '', NULL)",
        "INSERT INTO t (v, s) SELECT v + 10, s FROM t", "BEGIN", "INSERT INTO parent VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
        "INSERT INTO child (p, v) VALUES (1, 1), (2, 2), (3, 3)", "COMMIT", "DELETE FROM parent WHERE id = 1", "BEGIN", "UPDATE parent SET v = 9", "ROLLBACK",
        "CREATE TABLE made (id INT PRIMARY KEY, j JSON, d DOUBLE) ENGINE=InnoDB", "INSERT INTO made VALUES (1, '{}', 0.1), (2, '[]', 1e100)",
        "ALTER TABLE made ADD COLUMN n INT NOT NULL DEFAULT 7", "UPDATE made SET n = n + id", "CREATE TABLE liked LIKE made",
        "INSERT INTO liked SELECT * FROM made", "RENAME TABLE liked TO renamed", "CREATE VIEW shown AS SELECT id, v FROM t",
        "CREATE TABLE gone (id INT PRIMARY KEY) ENGINE=InnoDB", "DROP TABLE gone", "UPDATE filled SET c = 'later' WHERE id = 7"]


@contextlib.contextmanager
def servers_with(env, settings):
    """Sessions of then have them; those of before and afterwards do not."""
    before = []
    try:
        for server in (env.old, env.new):
            with server.connect() as session:
                for name, value in {**settings["both"], **settings[server.kind]}.items():
                    before.append((server, name, execute(session, "SELECT @@GLOBAL." + name)[0][0]))
                    execute(session, ("SET GLOBAL %s = %%s" % name, (value,)))
        yield
    finally:
        for server, name, value in reversed(before):
            server.run(READ_WRITE, "SET GLOBAL %s = %s" % (name, "'%s'" % value if isinstance(value, str) else value))


def copies(proxy):
    def copied():
        code, said = backfill(proxy, "start", "--tables", "app.filled")
        assert code == 0 or "not captured by triggers yet" in said, said
        return code == 0
    wait_until(copied, 60, "the copy")


def goes_on_with(env, settings):
    """Copies, follows, compares and repairs, and is killed in between."""
    env.needs_proxy()
    env.tables(*TABLES)
    env.old.run("INSERT INTO filled VALUES " + ", ".join("(%d, 'c %d ', '[%d]')" % (n, n, n) for n in range(400)), database="app")
    with servers_with(env, settings):
        proxy = env.proxy()
        copies(proxy)
        through(proxy, CLIENT, READ_WRITE, *WORK)
        proxy.kill()
        proxy.start()
        through(proxy, CLIENT, READ_WRITE, "UPDATE t SET v = v + 1", "DROP VIEW shown")
        proxy.caught_up()
        equal(proxy)
        env.new.run(READ_WRITE, CLIENT, "UPDATE app.t SET v = 12345 WHERE id = 1", "UPDATE app.filled SET c = '' WHERE id = 3")
        differs(proxy)
        repair(proxy, "--from", "verify")
    assert_followed(env, proxy, rows_min=400)


def test_sessions_that_are_not_as_the_makes_have_them(env):
    goes_on_with(env, SESSIONS)


def test_short_times_and_other_ones(env):
    goes_on_with(env, TIMES)


def test_modes_that_change_what_statements_mean(env):
    goes_on_with(env, MODES)
