"""Time zones by name, and the servers' own."""

import os
import subprocess

from harness import BOTH_ROLES, raises
from machine import ROOT
from progress import wait_until
from two_sides import UPDATE, answered_by, assert_t, run, setup

ROLES = BOTH_ROLES
ZONES = ("Europe/Berlin", "Africa/Monrovia", "Asia/Kolkata")


def load_zones(server, names=ZONES):
    """As an operator does it, for a few zones."""
    program = ["mariadb-tzinfo-to-sql"] if server.kind == "mariadb" else \
        [os.path.join(ROOT, "scripts", "mysql9"), "run", "mysql_tzinfo_to_sql"]
    for name in names:
        if server.run("SELECT COUNT(*) FROM mysql.time_zone_name WHERE name = '%s'" % name)[0][0]:
            continue
        sql = subprocess.run(program + ["/usr/share/zoneinfo/" + name, name], stdout=subprocess.PIPE, check=True).stdout
        client = ["mariadb", "--no-defaults", "--host=127.0.0.1", "--port=%d" % server.port, "--user=root", "mysql"]
        subprocess.run(client, input=sql, check=True, stdout=subprocess.DEVNULL)


def test_writes_under_a_named_zone_that_both_mean_alike(env):
    for server in (env.old, env.new):
        load_zones(server)
    proxy = setup(env)
    session = proxy.wire(database="app")
    for zone in ZONES:
        run(session, "SET time_zone='%s'" % zone)
        for moment in ("1972-01-06 23:59:59", "1972-01-07 00:44:30", "2024-03-31 03:00:00", "2024-10-27 02:30:00", "2024-07-01 12:00:00", "2037-11-11 11:11:11"):
            run(session, "INSERT INTO t (v, ts) VALUES (1, '%s')" % moment)
        run(session, "INSERT INTO t (v, ts) VALUES (2, NOW())")
        wait_until(lambda: answered_by(session) == "new", 20, "reads from new under " + zone)
        through = session.one("SELECT id, ts, made FROM t ORDER BY id").rows
        straight = env.old.wire(database="app")
        run(straight, "SET time_zone='%s'" % zone)
        proxy.caught_up()
        assert session.one("SELECT id, ts, made FROM t ORDER BY id").rows == straight.one("SELECT id, ts, made FROM t ORDER BY id").rows, through
    # A moment that does not exist: the server's own word for it.
    run(session, "SET time_zone='Europe/Berlin'")
    raises(1292, session.query, "INSERT INTO t (v, ts) VALUES (1, '2024-03-31 02:30:00')")
    assert len(assert_t(env, proxy)) == 2 + 3 * 7


def test_reads_under_a_zone_that_new_does_not_know_or_takes_for_another_stay_with_the_leader(env):
    # Servers remember a zone that they have used: each role has names of its own.
    missing, other = ("America/New_York", "America/Sao_Paulo") if env.old.kind == "mariadb" else ("America/Chicago", "America/Santiago")
    load_zones(env.old, (missing, "Asia/Tokyo", other))
    load_zones(env.new, ("Asia/Tokyo",))
    # `new` has the other one under rules of its own: those of Tokyo.
    tokyo = env.new.run("SELECT time_zone_id FROM mysql.time_zone_name WHERE name = 'Asia/Tokyo'")[0][0]
    env.new.run("DELETE FROM mysql.time_zone_name WHERE name IN ('%s', '%s')" % (missing, other),
                "INSERT INTO mysql.time_zone_name VALUES ('%s', %d)" % (other, tokyo))
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, "SET time_zone='%s'" % missing)
    run(session, UPDATE)
    def pinned(words):
        """The first reads go by what is not known yet."""
        assert answered_by(session) == "old"
        return words in str(proxy.status()["clients"]["pinned_reasons"])
    wait_until(lambda: pinned(missing), 20, "the reason")
    run(session, "SET time_zone='%s'" % other)
    run(session, UPDATE, "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')")
    wait_until(lambda: pinned("do not mean the same"), 20, "the reason")
    run(session, "SET time_zone='Asia/Tokyo'", UPDATE, "SET time_zone='+00:00'", UPDATE)
    wait_until(lambda: answered_by(session) == "new", 20, "reads from new")
    assert_t(env, proxy)


def restart_under(server, zone):
    server.stop()
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    try:
        server.start()
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before


def test_the_servers_own_zones_are_compared_host_with_host(env):
    try:
        restart_under(env.old, "Europe/Lisbon")
        restart_under(env.new, "Europe/Lisbon")
        proxy = setup(env)
        session = proxy.wire(database="app")
        run(session, "SET time_zone='SYSTEM'", "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')", UPDATE)
        assert_t(env, proxy)
        proxy.kill()
        restart_under(env.new, "Europe/Athens")
        proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
        session = proxy.wire(database="app")
        run(session, UPDATE, "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')")
        proxy.caught_up()
        assert answered_by(session) == "old"
        proxy.kill()
        # One that never changed is an offset, whatever the other's is.
        restart_under(env.old, "Asia/Kolkata")
        proxy = env.proxy(flags={"read_from_new": {"percent": 100}})
        session = proxy.wire(database="app")
        run(session, "INSERT INTO t (v, ts) VALUES (1, '2024-07-01 12:00:00')")
        wait_until(lambda: answered_by(session) == "new", 20, "reads from new")
        assert_t(env, proxy)
    finally:
        restart_under(env.old, "UTC")
        restart_under(env.new, "UTC")
