"""`crossfade migrate`: everything at once while clients write, and back to `old` with a reason whatever is not clean."""

import concurrent.futures
import contextlib
import json
import random
import subprocess
import threading
import time
import urllib.request

import pymysql

from backfill import copies
from harness import ALL_FEEDS, BOTH_ROLES, feeds
from log_feed import execute, through
from progress import say, turns, wait_until
from servers import APP, APP_PASSWORD
from verify import crossfade, equal

ROLES = BOTH_ROLES

T = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL, s VARCHAR(100) NOT NULL DEFAULT '')"
U = "CREATE TABLE u (id INT PRIMARY KEY AUTO_INCREMENT, t INT NOT NULL, KEY (t), CONSTRAINT u_t FOREIGN KEY (t) REFERENCES t (id))"


@contextlib.contextmanager
def migrating(env, rows=2000, tables=(T, U), config=None):
    """A proxy, and rows on `old` alone; `old` may be written again afterwards."""
    env.needs_proxy()
    env.tables(*tables)
    for at in range(0, rows, 1000):
        env.old.run("INSERT INTO t (id, v, s) VALUES %s" % ", ".join("(%d, %d, 'row %d')" % (n, n % 7, n) for n in range(at, min(rows, at + 1000))),
                    database="app")
    try:
        yield env.proxy(config)
    finally:
        env.servers.start_missing()
        env.old.run("SET GLOBAL read_only = 0")


def migrate(proxy, *arguments, timeout=120):
    return crossfade(proxy, "migrate", *arguments, timeout=timeout)


def gate(proxy):
    return json.loads(proxy.get("/jobs/switch"))


def fails(proxy, code, *words, arguments=()):
    """It ends with this exit code and these words, `old` leads, and clients write there at once."""
    got, said = migrate(proxy, "--big-bang", *arguments)
    assert got == code and "'old' leads as before" in said, (got, said)
    for word in words:
        assert word in said, (word, said)
    writes_go_on(proxy)
    return said


def writes_go_on(proxy, deadline=5):
    told = gate(proxy)
    assert told["leader"] == "old" and told["state"] == "open", told
    begun = time.monotonic()
    through(proxy, "INSERT INTO t (id, v) VALUES (-1, 1)", "DELETE FROM t WHERE id = -1")
    assert time.monotonic() - begun < deadline


class Client(threading.Thread):
    """Writes rows of its own, singly and in transactions; connects again when it must. What was acknowledged is in `written`."""

    def __init__(self, proxy, number):
        super().__init__(daemon=True)
        self.proxy, self.next, self.stopping = proxy, (number + 1) * 1000000, threading.Event()
        self.written, self.refused, self.lost, self.longest, self.failure = [], 0, 0, 0.0, None

    def run(self):
        session, last = None, time.monotonic()
        for _ in turns(self.stopping):
            try:
                session = session or self.proxy.connect(database="app")
                self.next += 2
                rows = [self.next] if self.next % 3 else [self.next, self.next + 1]
                if len(rows) == 2:
                    execute(session, "BEGIN")
                for row in rows:
                    execute(session, "INSERT INTO t (id, v) VALUES (%d, 0)" % row)
                if len(rows) == 2:
                    execute(session, "COMMIT")
                self.written += rows
                self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError) as error:
                self.refused += error.args[0] == 1290
                self.lost += error.args[0] != 1290
                if error.args[0] != 1290:
                    session = None
                time.sleep(0.02)
            except Exception as error:  # noqa: BLE001 - told by whoever joins
                self.failure = error
                return


@contextlib.contextmanager
def clients(proxy, count=4):
    those = [Client(proxy, number) for number in range(count)]
    for each in those:
        each.start()
    try:
        yield those
    finally:
        for each in those:
            each.stopping.set()
        for each in those:
            each.join(30)
    assert not any(each.failure for each in those), [each.failure for each in those]


def ids(database):
    return {row[0] for row in database.run("SELECT id FROM t", database="app")}


def port_that_answers(proxy, statement="SELECT @@port"):
    return through(proxy, statement)[0][0]


def new_leads(env, proxy):
    status = proxy.status()
    assert status["leader"] == "new" and status["ready"], status
    assert port_that_answers(proxy) == env.new.port
    assert env.old.run("SELECT @@GLOBAL.read_only")[0][0] == 1


def test_rows_of_new_are_seen_before_anything_is_frozen(env):
    with migrating(env) as proxy:
        through(proxy, "INSERT INTO t VALUES (99999, 1, '')")
        wait_until(lambda: env.new.run("SELECT COUNT(*) FROM app.t")[0][0] == 1, 30, "the row on new")
        said = fails(proxy, 4, "preflight: failed", "rows of 1 table (app.t), which a copy refuses without --replace")
        assert "freeze" not in said, said
        code, said = migrate(proxy, "--big-bang", "--replace")
        assert code == 0, said
        new_leads(env, proxy)


@feeds(*ALL_FEEDS)
def test_everything_at_once_while_clients_write(env):
    with migrating(env) as proxy:
        through(proxy, "INSERT INTO u (t) VALUES (1), (2), (3)")
        with clients(proxy) as writers:
            wait_until(lambda: all(len(each.written) > 20 for each in writers), 30, "clients that write")
            code, said = migrate(proxy, "--big-bang", "--replace")  # new has what was written since the proxy runs
            assert code == 0, said
            then = [len(each.written) for each in writers]
            wait_until(lambda: all(len(each.written) > was + 20 for each, was in zip(writers, then)), 30, "clients that write on new")
        for word in ("preflight: done", "freeze: done", "copy: done", "verify: done", "switch: done", "'new' leads"):
            assert word in said, (word, said)
        new_leads(env, proxy)
        written = {row for each in writers for row in each.written}
        on_old, on_new = ids(env.old), ids(env.new)
        assert written <= on_new, "lost: %s" % sorted(written - on_new)[:10]
        assert on_old <= on_new, sorted(on_old - on_new)[:10]
        assert len(on_new - on_old) >= 80 and len(on_old) > 2080
        say("%d rows acknowledged, the longest time without %.1f s, %d refused, %d connections lost" % (
            len(written), max(each.longest for each in writers), sum(each.refused for each in writers), sum(each.lost for each in writers)))
        rows = [side.run("SELECT * FROM t WHERE id IN (SELECT id FROM u) OR id < 2000 ORDER BY id", database="app") for side in (env.old, env.new)]
        assert rows[0] == rows[1] and len(rows[0]) == 2000
        # Nothing brings old's rows there any more, whoever asks.
        for verb in (("backfill", "start", "--replace"), ("verify", "start"), ("repair",), ("migrate", "--big-bang")):
            code, said = crossfade(proxy, *verb)
            assert code != 0 and "'new' leads" in said, (verb, code, said)
        code, said = migrate(proxy, "--plan")
        assert code == 0 and said.count("done") == 7 and "next" not in said, said


def test_who_leads_outlives_the_proxy_and_old(env):
    with migrating(env, rows=10) as proxy:
        code, said = migrate(proxy, "--big-bang")
        assert code == 0, said
        proxy.kill()
        proxy.start()
        new_leads(env, proxy)
        env.old.kill()
        proxy.kill()
        proxy.start()
        assert proxy.status()["leader"] == "new"
        through(proxy, "INSERT INTO t (id, v) VALUES (100, 1)")
        assert 100 in ids(env.new)


def test_clients_wait_and_are_told(env):
    """While writes are frozen reads go on, and writes wait for as long as was said."""
    with migrating(env) as proxy:
        with proxy.connect(database="app") as session, proxy.connect(database="app") as reader:
            asked = {"verb": "freeze", "options": {"holder": "test", "lease_ms": 20000, "hold_ms": 1000}}
            post(proxy, asked)
            wait_until(lambda: gate(proxy)["state"] == "closed", 10, "the freeze")
            code, said = migrate(proxy, "--big-bang")
            assert code == 1 and "frozen already, by 'test'" in said, (code, said)
            for statement in ("INSERT INTO t (id, v) VALUES (-5, 1)", "UPDATE t SET v = 2 WHERE id = 1", "CREATE TABLE x (id INT)",
                              "DELETE FROM t WHERE id = 1"):
                begun = time.monotonic()
                refused(session, statement, 1290)
                assert 0.8 < time.monotonic() - begun < 5
            assert execute(reader, "SELECT COUNT(*) FROM t") == ((2000,),)
            execute(reader, "BEGIN")
            assert execute(reader, "SELECT COUNT(*) FROM t") == ((2000,),)
            waiting = threading.Thread(target=lambda: execute(session, "INSERT INTO t (id, v) VALUES (-5, 1)"))
            waiting.start()
            time.sleep(0.2)
            assert -5 not in ids(env.old)
            post(proxy, {"verb": "unfreeze", "options": {"holder": "test"}})
            waiting.join(10)
            assert -5 in ids(env.old)
            # A transaction that has begun while writes were frozen writes when they no longer are.
            execute(reader, "INSERT INTO t (id, v) VALUES (-6, 1)", "COMMIT")
            assert -6 in ids(env.old)


def test_an_execution_waits(env):
    with migrating(env, rows=10) as proxy:
        wire = proxy.wire(database="app")
        post(proxy, {"verb": "freeze", "options": {"holder": "test", "lease_ms": 20000, "hold_ms": 10000}})
        wait_until(lambda: gate(proxy)["state"] == "closed", 10, "the freeze")
        statement = wire.prepare("INSERT INTO t (id, v) VALUES (?, ?)")[0]
        waiting = threading.Thread(target=lambda: wire.execute(statement, (500, 1)))
        waiting.start()
        time.sleep(0.3)
        assert 500 not in ids(env.old)
        post(proxy, {"verb": "unfreeze", "options": {"holder": "test"}})
        waiting.join(10)
        assert 500 in ids(env.old)


def post(proxy, order, path="/jobs/switch"):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (proxy.admin_port, path), json.dumps(order).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def refused(session, statement, code):
    try:
        execute(session, statement)
    except pymysql.err.OperationalError as error:
        assert error.args[0] == code, error
        return
    raise AssertionError("not refused: " + statement)


def test_a_prepared_transaction_stays_on_old(env):
    with migrating(env, rows=10) as proxy:
        copies(proxy)
        with proxy.connect(database="app") as session:
            execute(session, "XA START 'x'", "INSERT INTO t (id, v) VALUES (50, 1)", "XA END 'x'", "XA PREPARE 'x'")
        wait_until(lambda: env.old.run("XA RECOVER"), 10, "the prepared transaction")
        try:
            code, said = migrate(proxy, "--big-bang", "--copied")
            assert code == 1 and "'old' leads as before" in said and "switch: failed" in said, (code, said)
            assert env.old.run("SELECT @@GLOBAL.read_only")[0][0] == 0
            writes_go_on(proxy)
        finally:
            wait_until(lambda: env.old.run("XA ROLLBACK 'x'") is not None, 10, "the end of the prepared transaction")
        say(said.splitlines()[-1])
        code, said = migrate(proxy, "--big-bang", "--copied")
        assert code == 0, said


def test_another_proxy_hears_of_it(env):
    """It begins anew; until then `old` refuses what its clients write."""
    with migrating(env) as proxy:
        copies(proxy)
        other = env.proxy()
        through(other, "INSERT INTO t (id, v) VALUES (-1, 1)")
        code, said = migrate(other, "--big-bang", "--copied")
        assert code == 1 and "standing by" in said, (code, said)
        with clients(other, 2) as writers:
            wait_until(lambda: all(len(each.written) > 5 for each in writers), 30, "clients that write")
            code, said = migrate(proxy, "--big-bang", "--copied")
            assert code == 0, said
            wait_until(lambda: other.status()["leader"] == "new" and other.status()["ready"], 20, "the other proxy")
            then = [len(each.written) for each in writers]
            wait_until(lambda: all(len(each.written) > was + 5 for each, was in zip(writers, then)), 30, "clients that write on new")
        assert {row for each in writers for row in each.written} <= ids(env.new)
        say("%d refused" % sum(each.refused for each in writers))
        env.old.run("SET GLOBAL read_only = 0")


def test_a_blocker_freezes_nothing(env):
    with migrating(env, rows=10) as proxy:
        env.new.run("ALTER TABLE t MODIFY s VARCHAR(3) NOT NULL DEFAULT ''", database="app")
        said = fails(proxy, 4, "preflight: failed", "app.t")
        assert "freeze" not in said, said


def test_triggers_are_for_somebody_to_make(env):
    with migrating(env, rows=10, tables=(T, U, "CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, t INT)")) as proxy:
        proxy.stop()
        env.old.run("CREATE TRIGGER t_ai AFTER INSERT ON t FOR EACH ROW INSERT INTO log (t) VALUES (NEW.id)", database="app")
        proxy.start()
        said = fails(proxy, 4, "trigger t_ai", "--objects-later")
        assert "freeze" not in said, said
        ask = ("preflight", "--fix-schema", "--execute", "--triggers")
        code, said = crossfade(proxy, *ask)
        assert code == 1 and "old leads" in said and "a second time" in said, said
        triggers = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = 'app'"
        assert not env.new.run(triggers)
        code, said = migrate(proxy, "--big-bang", "--objects-later", "--replace")
        assert code == 0, said
        new_leads(env, proxy)
        code, said = crossfade(proxy, *ask)
        assert code == 0 and "-- run on new: 1 statements, 0 failed" in said, said
        assert env.new.run(triggers) == (("t_ai",),)
        before = env.new.run("SELECT COUNT(*) FROM app.log")[0][0]
        env.new.run("INSERT INTO t (id, v) VALUES (100001, 1)", database="app")
        assert env.new.run("SELECT COUNT(*) FROM app.log")[0][0] == before + 1, "it acts there now"


def test_a_difference_ends_it(env):
    with migrating(env, rows=3000) as proxy:
        copies(proxy)
        env.new.run("UPDATE t SET s = 'other' WHERE id = 17", database="app")
        fails(proxy, 4, "verify: failed: 1 rows differ", arguments=["--copied"])
        code, said = crossfade(proxy, "repair")
        assert code == 0, said
        code, said = migrate(proxy, "--big-bang", "--copied")
        assert code == 0, said
        new_leads(env, proxy)


def test_a_copy_that_cannot_be_ends_it(env):
    with migrating(env, rows=10) as proxy:
        # Nobody could have seen it before.
        with proxy.connect(database="app") as session, concurrent.futures.ThreadPoolExecutor(1) as pool:
            execute(session, "BEGIN", "UPDATE t SET v = v + 1 WHERE id = 1")
            running = pool.submit(migrate, proxy, "--big-bang", "--freeze-timeout", "60s")
            wait_until(lambda: gate(proxy)["state"] == "closing", 60, "the freeze, which waits for the transaction")
            env.new.run("INSERT INTO t (id, v) VALUES (5, 5)", database="app")
            execute(session, "ROLLBACK")
            code, said = running.result()
        assert code == 1 and "copy: failed" in said and "--replace" in said and "'old' leads as before" in said, (code, said)
        writes_go_on(proxy)
        code, said = migrate(proxy, "--big-bang", "--replace")
        assert code == 0, said
        assert ids(env.new) == set(range(10))


def test_a_transaction_that_does_not_end(env):
    with migrating(env, rows=10) as proxy, proxy.connect(database="app") as session:
        execute(session, "BEGIN", "UPDATE t SET v = v + 1 WHERE id = 1")
        code, said = migrate(proxy, "--big-bang", "--freeze-timeout", "1s")
        assert code == 1 and "of %s: a transaction is open" % APP in said, (code, said)
        execute(session, "COMMIT")
        writes_go_on(proxy)


def begun(proxy, *arguments):
    return subprocess.Popen([proxy.binary, "migrate", "--big-bang", *arguments, "--config", proxy.config_file], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


SLOWLY = ("--max-rows-per-second", "300", "--chunk-time", "20ms")


def copying(proxy):
    wait_until(lambda: gate(proxy)["state"] == "closed" and json.loads(proxy.get("/jobs/backfill"))["state"] == "running", 60, "the copy")


def test_the_command_is_killed(env):
    with migrating(env, rows=10000) as proxy:
        command = begun(proxy, *SLOWLY)
        copying(proxy)
        # Past the order that started the copy, for which the lease is longer.
        wait_until(lambda: json.loads(proxy.get("/jobs/backfill"))["rows"] > 900, 60, "a copy that is well under way")
        command.kill()
        command.wait()
        # Held until the lease is over.
        through(proxy, "INSERT INTO t (id, v) VALUES (-7, 1)", read_timeout=60)
        told = gate(proxy)
        assert told["state"] == "open" and told["leader"] == "old" and "nobody renewed" in told["why"], told
        assert -7 in ids(env.old)


def test_the_command_is_interrupted(env):
    with migrating(env, rows=10000) as proxy:
        command = begun(proxy, *SLOWLY)
        copying(proxy)
        command.terminate()
        said = command.communicate(timeout=30)[0]
        assert command.returncode == 1 and "copy: failed: interrupted" in said and "unfreeze: done" in said, said
        writes_go_on(proxy)
        assert json.loads(proxy.get("/jobs/backfill"))["state"] == "cancelled"


def test_the_proxy_is_killed(env):
    with migrating(env, rows=10000) as proxy:
        command = begun(proxy, *SLOWLY)
        copying(proxy)
        proxy.kill()
        proxy.start()
        through(proxy, "INSERT INTO t (id, v) VALUES (-7, 1)")
        said = command.communicate(timeout=60)[0]
        assert command.returncode == 1 and "'old' leads as before" in said, said
        assert env.old.run("SELECT @@GLOBAL.read_only")[0][0] == 0


def test_new_is_killed(env):
    with migrating(env, rows=3000) as proxy:
        command = begun(proxy, *SLOWLY)
        copying(proxy)
        env.new.kill()
        time.sleep(0.5)
        env.new.restart()
        said = command.communicate(timeout=120)[0]
        status = proxy.status()
        assert (command.returncode == 0) == (status["leader"] == "new"), (said, status["leader"])
        if command.returncode == 0:
            new_leads(env, proxy)
            assert ids(env.new) == set(range(3000))
        else:
            writes_go_on(proxy, 30)


def old_is_writable(env):
    def writes():
        with contextlib.suppress(pymysql.err.MySQLError), env.old.connect(APP, APP_PASSWORD, database="app") as session:
            execute(session, "INSERT INTO t (id, v) VALUES (-9, 1)", "DELETE FROM t WHERE id = -9")
            return True
        return False
    wait_until(writes, 20, "an old that can be written")


def record(env, **values):
    env.old.run("UPDATE crossfade.leader SET %s WHERE id = 1" % ", ".join("`%s` = %s" % each for each in values.items()))


def test_what_a_process_that_died_has_left(env):
    """Between making old read-only and the decision; and right behind the decision."""
    with migrating(env, rows=10) as proxy:
        copies(proxy)
        post(proxy, {"verb": "freeze", "options": {"holder": "test"}})
        post(proxy, {"verb": "unfreeze", "options": {"holder": "test"}})
        proxy.kill()
        record(env, changing="'gone'", until="UTC_TIMESTAMP(6) + INTERVAL 1 HOUR")
        env.old.run("SET GLOBAL read_only = 1")
        proxy.start()
        old_is_writable(env)
        assert env.old.run("SELECT changing FROM crossfade.leader") in ([("",)], (("",),)), "the claim"
        # Whose time is over, and whose connection is not.
        with env.old.connect() as holder:
            execute(holder, "SELECT GET_LOCK('crossfade_leader_crossfade', 0)")
            env.old.run("SET GLOBAL read_only = 1")
            record(env, changing="'slow'", until="UTC_TIMESTAMP(6) + INTERVAL 3 SECOND")
            old_is_writable(env)
        record(env, leader="'new'")
        wait_until(lambda: proxy.status()["leader"] == "new", 20, "the proxy that has heard of it")
        wait_until(lambda: proxy.status()["ready"], 20, "a proxy that is ready")
        assert port_that_answers(proxy) == env.new.port
        assert env.new.run("SELECT leader FROM crossfade.leader")[0][0] == "new"


def test_killed_at_any_moment_of_the_switch(env):
    """One leader, whichever, that can be written; and nothing that was acknowledged is lost."""
    with migrating(env, rows=50) as proxy:
        copies(proxy)
        draw = random.Random(env.feed + env.name)
        for attempt in range(6):
            with clients(proxy, 2) as writers:
                wait_until(lambda: all(len(each.written) > 5 for each in writers), 30, "clients that write")
                command = begun(proxy, "--copied")
                for line in command.stdout:
                    if line.startswith("switch: begun"):
                        break
                time.sleep(draw.choice((0, draw.uniform(0, 0.03), draw.uniform(0, 0.3))))
                proxy.kill()
                proxy.start()
                said = command.communicate(timeout=90)[0]
                leader = proxy.status()["leader"]
                then = [len(each.written) for each in writers]
                wait_until(lambda: all(len(each.written) > was + 5 for each, was in zip(writers, then)), 30, "clients that write")
            say("attempt %d: '%s' leads, the command ended with %s" % (attempt, leader, command.returncode))
            assert (command.returncode == 0) == (leader == "new"), said
            written = {row for each in writers for row in each.written}
            assert written <= ids(env.new if leader == "new" else env.old)
            if leader == "new":
                return
            old_is_writable(env)
            # Ids that the next clients take.
            through(proxy, "DELETE FROM t WHERE id >= 1000000")
            proxy.caught_up()


def plan(proxy):
    code, said = migrate(proxy, "--plan", "--format", "json")
    assert code == 0, said
    return {each["step"]: each["state"] for each in json.loads(said)["steps"]}


def test_the_plan(env):
    env.needs_proxy()
    env.old.run(T, "INSERT INTO t (id, v) VALUES (1, 1)", database="app")
    proxy = env.proxy(start=False)
    code, said = migrate(proxy, "--plan")
    assert code == 0 and said.startswith("next       preflight"), said
    env.new.run(T, database="app")
    assert plan(proxy) == {"preflight": "done", "follow": "next", "copy": "later", "verify": "later", "compare reads": "later",
                           "move reads": "later", "switch": "later"}
    proxy.start()
    assert plan(proxy)["copy"] == "next"
    copies(proxy)
    assert (plan(proxy)["copy"], plan(proxy)["verify"]) == ("done", "next")
    env.new.run("DELETE FROM t", database="app")
    assert crossfade(proxy, "verify", "start")[0] == 4
    code, said = migrate(proxy, "--plan")
    assert "next       verify         1 row differs" in said and "-> crossfade repair" in said, said
    assert crossfade(proxy, "repair")[0] == 0
    equal(proxy)
    assert (plan(proxy)["verify"], plan(proxy)["compare reads"]) == ("done", "next")
    proxy.set_flags(shadow_read={"percent": 20})
    assert plan(proxy)["compare reads"] == "under way"
    proxy.set_flags(read_from_new={"percent": 100})
    assert plan(proxy)["move reads"] == "done"
    code, said = crossfade(proxy, "migrate")
    assert code == 1 and "give --plan or --big-bang" in said, said
