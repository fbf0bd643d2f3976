"""Tables on both sides: `t`, which the application writes, and `who`, which tells which side answered."""

import wire
from progress import wait_until

TABLE = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, s VARCHAR(20), ts TIMESTAMP NULL, made TIMESTAMP NOT NULL " \
        "DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)"
UPDATE = "UPDATE t SET v = v + 1 WHERE id = 1"
WHO = "SELECT s FROM app.who WHERE id = 1"


def setup(env, **flags):
    """`who` tells which side answered: it is not the same on both, so assert_t, not assert_equal, compares."""
    env.tables(TABLE, "INSERT INTO t VALUES (1, 0, 'a', NULL, '2001-01-01'), (2, 0, 'b', NULL, '2001-01-01')",
               "CREATE TABLE who (id INT PRIMARY KEY, s VARCHAR(10))")
    env.needs_proxy()
    env.old.run("INSERT INTO app.who VALUES (1, 'old')")
    env.new.run("INSERT INTO app.who VALUES (1, 'new')")
    return env.proxy(flags=dict({"read_from_new": {"percent": 100}}, **flags))


def assert_t(env, proxy):
    proxy.caught_up()
    status = proxy.status()
    assert status["applier"]["parked"] == [] and status["applier"]["ledger_open"] == 0, status["applier"]
    rows = [side.run("SET time_zone='+00:00'", "SELECT * FROM app.t ORDER BY id") for side in (env.old, env.new)]
    assert rows[0] == rows[1], rows
    return rows[0]


def run(session, *statements):
    for statement in statements:
        session.query(statement)


def answered_by(session):
    return session.one(WHO).rows[0][0]


def is_mariadb(session):
    return "Maria" in session.server_version


def restart(env, how):
    if how == "kill":
        env.old.kill()
    else:
        env.old.stop()
    env.old.start()


def ready_again(proxy):
    """The applier is back on the leader: writes may be recorded again."""
    wait_until(lambda: proxy.status()["backends"]["old"]["state"] == "up" and proxy.status()["ready"], 30, "the leader")


def lost(session, statement):
    """The session ends with an error, as a server's does."""
    try:
        session.query(statement)
        raise AssertionError("went on: " + statement)
    except wire.Err as error:
        assert error.code == 2013, error
    except wire.Closed:
        pass
    assert session.closed_by_server()
