"""sysbench's stock OLTP scripts, whose tables and writes are duplicated: no error, and both databases equal afterwards."""

import re
import shutil
import subprocess

from harness import BOTH_ROLES, Skip
from servers import APP, APP_PASSWORD

ROLES = BOTH_ROLES

SCRIPTS = ["oltp_point_select", "oltp_read_only", "oltp_read_write", "oltp_write_only", "oltp_insert", "oltp_delete",
           "oltp_update_index", "oltp_update_non_index", "select_random_points", "select_random_ranges"]
TABLES, ROWS, THREADS, SECONDS, EVENTS = 2, 500, 4, 2, 400  # at full speed, but not for long


def sysbench(port, script, command, mode="auto", user=APP, password=APP_PASSWORD, **more):
    program = shutil.which("sysbench")
    if not program:
        raise Skip("sysbench is not installed")
    options = {"mysql-host": "127.0.0.1", "mysql-port": port, "mysql-user": user, "mysql-password": password, "mysql-db": "app",
               "db-driver": "mysql", "tables": TABLES, "table-size": ROWS, "threads": THREADS, "time": SECONDS, "events": EVENTS, "db-ps-mode": mode,
               "report-interval": 0, "rand-type": "uniform"}
    options.update({name.replace("_", "-"): value for name, value in more.items()})
    done = subprocess.run([program, *("--%s=%s" % pair for pair in options.items()), script, command], capture_output=True, text=True,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def prepare(env, proxy):
    """sysbench's own tables, made by its script through the proxy."""
    code, said = sysbench(proxy.port, "oltp_read_write", "prepare")
    assert code == 0, said
    env.assert_equal(proxy, rows_min=TABLES * ROWS)


def run_scripts(env, mode):
    env.needs_proxy()
    # The first half of the reads of `new`, and comparisons beside them: what makes a statement's way longest.
    proxy = env.proxy(flags={"read_from_new": {"percent": 50}, "shadow_read": {"percent": 5}})
    prepare(env, proxy)
    for script in SCRIPTS:
        code, said = sysbench(proxy.port, script, "run", mode)
        assert code == 0 and "FATAL" not in said, "%s: %s" % (script, said)
        done = int(re.search(r"transactions:\s+(\d+)", said)[1])
        assert done > 0, said
        print("     %s: %d transactions" % (script, done))
    code, said = sysbench(proxy.port, "oltp_read_write", "run", mode, threads=1, skip_trx="on", delete_inserts=3)
    assert code == 0 and "FATAL" not in said, said
    env.assert_equal(rows_min=TABLES * ROWS // 2)  # the scripts delete and insert as fast as they can
    applier = proxy.status()["applier"]
    assert applier["divergences"] == 0 and applier["parked"] == [], applier
    assert proxy.report()["verdict"] != "DIVERGED", proxy.report()


def test_the_stock_scripts_with_prepared_statements(env):
    run_scripts(env, "auto")


def test_the_stock_scripts_as_text(env):
    run_scripts(env, "disable")


def test_ids_given_by_the_client(env):
    """oltp_insert without AUTO_INCREMENT draws its ids; a duplicate is the server's error, which sysbench ignores when told."""
    env.needs_proxy()
    proxy = env.proxy()
    prepare(env, proxy)
    code, said = sysbench(proxy.port, "oltp_insert", "run", auto_inc="off", mysql_ignore_errors="1062")
    assert code == 0 and "FATAL" not in said, said
    env.assert_equal(rows_min=TABLES * ROWS)


def test_bulk_inserts(env):
    env.needs_proxy()
    proxy = env.proxy()
    code, said = sysbench(proxy.port, "bulk_insert", "prepare")
    assert code == 0, said
    code, said = sysbench(proxy.port, "bulk_insert", "run", events=40000, time=20)
    assert code == 0 and "FATAL" not in said, said
    env.assert_equal(rows_min=1000)
