"""Chaos under either feed: what chaos.py's modes log, trigger, skip, twice and early do."""

import os
import random
import shutil
import threading
import time

import mixed_workload
import workload
from comparing import columns_of, compare_databases, tables_of
from log_feed import execute, is_stopped, released
from machine import ROOT
from progress import Timeout, say, wait_until
from servers import APP

FLAGS = {"read_from_new": {"percent": 30}, "shadow_read": {"percent": 10}}
FAULT = "CROSSFADE_TEST_FAULT"


# Of feed trigger: what is done past the proxy to a table that is written to, and must stop it.
WATCHED = "CREATE TABLE watched (id BIGINT PRIMARY KEY AUTO_INCREMENT, v INT)"
WATCHED_STATEMENTS = ["INSERT INTO watched (v) VALUES ({m}), ({n})", "UPDATE watched SET v = v + 1 WHERE id % 8 = {n}",
                      "DELETE FROM watched ORDER BY id LIMIT 1"]
PAST_THE_PROXY = ("trigger", "column")


def past_the_proxy(database, what):
    # A branch that nobody ends has locks that others wait for, for as long as a session of the tests lasts.
    mixed_workload.end_branches(database)
    if what == "trigger":
        names = database.run("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_TABLE = 'watched' ORDER BY 1")
        database.run("DROP TRIGGER app.%s" % names[0][0])
    else:
        database.run("ALTER TABLE app.watched ADD COLUMN extra INT DEFAULT 4")


def copied_and_released(env, proxy):
    """What the operator does then."""
    wait_until(lambda: not proxy.died() and is_stopped(proxy, "watched"), 60, "the table that was changed past the proxy, which is stopped")
    say("stopped, as it must be: %s" % [each["error"] for each in proxy.status()["applier"]["parked"]])
    if len(columns_of(env.old, "app", "watched")) > len(columns_of(env.new, "app", "watched")):
        env.new.run("ALTER TABLE app.watched ADD COLUMN extra INT DEFAULT 4")
    rows = env.old.run("SELECT * FROM app.watched")
    env.new.run("DELETE FROM app.watched", *["INSERT INTO app.watched VALUES (%s)" % ", ".join("NULL" if value is None else str(value)
                                                                                              for value in row) for row in rows])
    released(proxy, "app.watched")


class Attack:
    """Kills and cuts, in an order that the seed decides."""

    def __init__(self, env, proxy, relays, seed):
        self.env, self.proxy, self.relays, self.random = env, proxy, relays, random.Random(seed)
        self.past = PAST_THE_PROXY[seed % len(PAST_THE_PROXY)] if env.feed == "trigger" else None

    def plan(self, kills):
        old = new = max(1, kills * 5 // 22)
        cuts = ["cut old", "cut new"] * max(1, kills // 8)
        plan = ["old"] * old + ["new"] * new + ["proxy"] * (kills - old - new) + cuts + (["past the proxy"] if self.past else [])
        self.random.shuffle(plan)
        return plan

    def run(self, kills):
        plan = self.plan(kills)
        for number, what in enumerate(plan, 1):
            time.sleep(self.random.uniform(0.2, 1.6))
            self.env.servers.assert_alive()
            say("%d of %d: %s" % (number, len(plan), what))
            if what == "proxy":
                self.proxy.kill()
                time.sleep(self.random.uniform(0, 0.3))
                self.proxy.start(ready=False)
            elif what == "past the proxy":
                past_the_proxy(self.env.old, self.past)
            elif what.startswith("cut"):
                relay = self.relays[what[len("cut "):]]
                self.random.choice((relay.drop_all, relay.reset_all))()
            else:
                self.kill_database(what)

    def kill_database(self, side):
        database, relay = getattr(self.env, side), self.relays[side]
        database.kill()
        time.sleep(self.random.uniform(0, 1.0))
        # MySQL leaves out cascades of sessions that are the first to open a table at the same time, if InnoDB carries
        # them out (docs/limitations.md, "Known faults"): so one session does.
        relay.refuse = database.kind == "mysql" and self.env.feed == "trigger"
        database.restart()
        if relay.refuse:
            database.run("SELECT COUNT(*) FROM app.parent", "SELECT COUNT(*) FROM app.child")
            relay.refuse = False


def spelled(text):
    """A default or a type as both makes spell it."""
    if text is None or text.upper() == "NULL":
        return None
    text = text.upper().strip("'")
    return {"JSON": "LONGTEXT", "CURRENT_TIMESTAMP()": "CURRENT_TIMESTAMP"}.get(text, text)


def definitions(database):
    """What a table is, but for what the makes call otherwise: its columns in their order, keys, foreign keys."""
    def asked(of, columns, order):
        rows = database.run("SELECT table_name, %s FROM information_schema.%s WHERE table_schema = 'app' ORDER BY table_name, %s" %
                            (columns, of, order))
        found = {}
        for row in rows:
            found.setdefault(row[0], []).append(tuple(row[1:]))
        return found

    columns = {table: [(name, spelled(kind), length if kind not in ("json", "longtext") else None, *rest, spelled(default),
                        "ON UPDATE" in extra.upper(), "AUTO_INCREMENT" in extra.upper())
                       for name, kind, length, *rest, default, extra in of]
               for table, of in asked("columns", "column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, "
                                                 "datetime_precision, is_nullable, column_default, extra", "ordinal_position").items()}
    keys = asked("statistics", "index_name, non_unique, column_name, sub_part", "index_name, seq_in_index")
    rules = database.run("SELECT table_name, referenced_table_name, update_rule, delete_rule FROM "
                         "information_schema.referential_constraints WHERE constraint_schema = 'app' ORDER BY 1, 2")
    foreign = {table: [tuple("RESTRICT" if cell == "NO ACTION" else cell for cell in rule) for rule in rules if rule[0] == table]
               for table in columns}
    return {table: (columns[table], keys.get(table, []), foreign[table]) for table in tables_of(database, "app")}


def problems_of(env, proxy, clients):
    """Everything that is wrong once it is quiet: the books, the rows, the definitions, what was stopped or found."""
    found = []
    for name, database in (("old", env.old), ("new", env.new)):
        found += ["%s: %s" % (name, text) for text in workload.check_books(clients, database)]
    one, two = definitions(env.old), definitions(env.new)
    if one != two:
        return found + ["definitions differ: %s / %s" % (
            {t: one[t] for t in one if one[t] != two.get(t)}, {t: two[t] for t in two if two[t] != one.get(t)})]
    differences, rows = compare_databases(env.old, env.new, ["app"])
    say("compared %d rows: %d differences" % (rows, len(differences)))
    if differences:
        say_what_leads_there(env)
    applier = proxy.status()["applier"]
    if applier["parked"] or applier["ledger_open"]:
        found.append("stopped or in the ledger: %s" % applier)
    return found + differences


def say_what_leads_there(env):
    """A transaction that the leader has logged and not committed, or a branch that is open, would explain a difference."""
    for sql in ("SHOW FULL PROCESSLIST", "SELECT * FROM information_schema.innodb_trx", "XA RECOVER"):
        say("%s on the leader: %s" % (sql, env.old.run(sql)))
    kept = os.path.join(ROOT, "build", "logs", "chaos-" + env.name)
    shutil.rmtree(kept, True)
    os.makedirs(kept)
    for name in os.listdir(env.old.directory):
        if name.startswith("bin"):
            shutil.copy(os.path.join(env.old.directory, name), kept)
    shutil.copy(env.proxies[-1].log_file, kept)
    say("the leader's log and the proxy's are in %s" % kept)
    time.sleep(10)
    say("10 s later: %d differences" % len(compare_databases(env.old, env.new, ["app"])[0]))


LOCKS = """SELECT m.OBJECT_TYPE, m.OBJECT_SCHEMA, m.OBJECT_NAME, m.LOCK_TYPE, m.LOCK_DURATION, m.LOCK_STATUS, t.PROCESSLIST_ID, t.PROCESSLIST_USER
FROM performance_schema.metadata_locks m LEFT JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID
WHERE m.OBJECT_TYPE NOT IN ('USER LEVEL LOCK') AND m.OBJECT_SCHEMA <> 'performance_schema' ORDER BY m.OBJECT_NAME, m.LOCK_STATUS"""
LEFT = "SELECT id FROM information_schema.processlist WHERE user = '%s'"


def say_what_is_left(env):
    """On the leader: connections, and who has locks."""
    for left in env.old.run("SELECT id, user, command, time, state, info FROM information_schema.processlist"):
        say("left on the leader: %s" % (left,))
    if env.old.kind == "mysql":
        for held in env.old.run(LOCKS):
            say("lock on the leader: %s" % (held,))
        say("branches: %s; %s" % (env.old.run("XA RECOVER"), env.old.run("SELECT trx_id, trx_state, trx_started, trx_mysql_thread_id, trx_query FROM information_schema.innodb_trx")))
        say("row locks: %s" % (env.old.run("SELECT ENGINE_TRANSACTION_ID, THREAD_ID, OBJECT_NAME, LOCK_TYPE, LOCK_MODE, LOCK_STATUS FROM performance_schema.data_locks LIMIT 60"),))


def quiet(env, proxy, clients):
    """Ends clients and open branches, and waits until the follower has everything, or the feed has given up on a table."""
    workload.stop_clients(clients)
    say("clients stopped: %s" % workload.totals(clients))
    env.servers.assert_alive()
    wait_until(lambda: not proxy.died() and env.old.run("SELECT 1"), 30, "the leader")
    mixed_workload.end_branches(env.old)
    # A statement that waited for such a branch goes on, though its connection is long gone.
    try:
        wait_until(lambda: not env.old.run(LEFT % APP), 60, "what clients left")
    except Timeout:
        say_what_is_left(env)
        raise
    if env.feed == "trigger":
        copied_and_released(env, proxy)
    proxy.caught_up(120)


def tables_for(feed):
    """Triggers need a primary key, which the clients need not see."""
    if feed != "trigger":
        return mixed_workload.TABLES
    keyless = "CREATE TABLE plain (a INT, b VARCHAR(40), f DOUBLE)"
    assert keyless in mixed_workload.TABLES
    keyed = keyless[:-1] + ", id BIGINT NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY)"
    return [keyed if each == keyless else each for each in mixed_workload.TABLES] + [WATCHED]


def run_log(env, options, seed):
    """Every statement class, half of the clients under READ COMMITTED, half under REPEATABLE READ."""
    env.tables(*tables_for(env.feed))
    relays = {"old": env.relay(env.old, seed=seed), "new": env.relay(env.new, seed=seed)}
    proxy = env.proxy(flags=FLAGS, old_port=relays["old"].port, new_port=relays["new"].port)
    triggers = env.feed == "trigger"
    clients = mixed_workload.start_clients(proxy, 8, seed, env.old.kind, more=WATCHED_STATEMENTS if triggers else ())
    try:
        Attack(env, proxy, relays, seed).run(options.kills)
        time.sleep(1.0)
        quiet(env, proxy, clients)
        left = mixed_workload.complete(proxy, clients)
        proxy.caught_up(120)
        problems = problems_of(env, proxy, clients) + ["never carried out: " + each for each in left]
    finally:
        workload.tell_to_stop(clients)
    done = workload.totals(clients)["acknowledged"]
    assert done > 200, "hardly anything was written: %d" % done
    assert not problems, "after the kills (seed %d):\n%s" % (seed, "\n".join(problems))


def run_with_fault(env, seed, fault):
    """The same checks without kills, over a feed that makes one mistake in 1000 events: they must see it."""
    env.tables(*workload.TABLES)
    proxy = env.proxy(flags={"shadow_read": {"percent": 0}}, environment={FAULT: fault} if fault else {})
    clients = workload.start_clients(proxy, 8, seed, 0.0)
    try:
        # Several mistakes: one in a row that is written again later heals before anybody can see it.
        wait_until(lambda: workload.totals(clients)["acknowledged"] > 7000, 180, "enough writes for faults")
        workload.stop_clients(clients)
        settled(proxy)
        return problems_of(env, proxy, clients)
    finally:
        workload.tell_to_stop(clients)


def settled(proxy):
    """Caught up, or stopped for good by what it found."""
    def at_rest():
        status = proxy.status()
        return status["caught_up"] or status["applier"]["parked"] or status["applier"]["ledger_open"]
    wait_until(lambda: not proxy.died() and at_rest(), 60, "an applier at rest")


def journal_with_fault(env, fault):
    """A table without a key: a row's second arrival is another row there. Elsewhere it is the same row, or an error that
    makes the applier read again."""
    env.tables("CREATE TABLE journal (client INT, n INT)")
    proxy = env.proxy(environment={FAULT: fault})

    def write(number):
        with proxy.connect(database="app") as session:
            for n in range(400):
                execute(session, "INSERT INTO journal VALUES (%d, %d)" % (number, n))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    settled(proxy)
    differences, _ = compare_databases(env.old, env.new, ["app"])
    return differences


def must_be_noticed(env, seed, kind):
    fault = "%s:1000" % kind
    problems = journal_with_fault(env, fault) if kind == "twice" else run_with_fault(env, seed, fault)
    assert problems, "one event in 1000 went wrong (%s), and nobody noticed" % kind
    say("noticed, as it must be: %s" % problems[0][:300])


def early_reads(env, seconds, fault):
    """Clients that are told of a commit by both read it on the follower at once; how often it was not there."""
    env.tables("CREATE TABLE own (id INT PRIMARY KEY, v INT NOT NULL)", "INSERT INTO own VALUES " +
               ", ".join("(%d, 0)" % n for n in range(8)))
    proxy = env.proxy(flags={"dual_write": {"ack": "both"}}, environment={FAULT: fault} if fault else {})
    missing, done, failed = [], [0] * 8, []
    end = time.monotonic() + seconds

    def work(number):
        try:
            with proxy.connect(database="app") as session, env.new.connect(database="app") as follower:
                while time.monotonic() < end and not missing:
                    done[number] += 1
                    execute(session, "UPDATE own SET v = %d WHERE id = %d" % (done[number], number))
                    if execute(follower, "SELECT v FROM own WHERE id = %d" % number)[0][0] != done[number]:
                        missing.append((number, done[number]))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    assert not failed, failed
    say("%d commits of both, %d of them not on the follower" % (sum(done), len(missing)))
    return len(missing), sum(done)


def run_early(env, seed):
    missing, done = early_reads(env, 5, "")
    assert not missing and done > 200, "%d of %d commits of both were not there" % (missing, done)
    env.close(False)
    env.reset()
    missing, done = early_reads(env, 60, "early:1000")
    assert missing, "one commit in 1000 was acknowledged early, and none of %d reads noticed (seed %d)" % (done, seed)


def run_direct(env, seed):
    env.tables(*mixed_workload.TABLES)
    clients = mixed_workload.start_clients(env.proxy(), 8, seed, env.old.kind)
    time.sleep(10)
    workload.stop_clients(clients)
    mixed_workload.end_branches(env.old)
    totals = workload.totals(clients)
    say("clients stopped: %s" % totals)
    problems = workload.check_books(clients, env.old)
    assert not problems, "\n".join(problems)
    assert sum(totals["errors"].values()) < totals["acknowledged"], totals
