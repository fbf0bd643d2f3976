"""Captures a leader's rows by triggers with the project's own code (build/*/tests/capture_replay). No proxy: the triggers'
SQL, the reading of what they wrote, and what the follower is given are what is tested."""

import base64
import json
import os

from row_codec import STATEMENT_BYTES_MAX, Tool, definitions, follower_session, run_line


class Capturing:
    """A leader with the table `changes` and triggers on the tables named, until end()."""

    def __init__(self, env, log_tool, leader, tables, database="app_rows"):
        self.tool = Tool(os.path.join(os.path.dirname(env.binary), "tests", "capture_replay"))
        self.log_tool, self.leader, self.database = log_tool, leader, database
        self.numbers = {"%s.%s" % (database, table): i for i, table in enumerate(tables, 1)}
        self.definitions = definitions(log_tool, leader)
        self.plans, self.refused = {}, {}
        for plan in self.tool.ask("plan", given=self.request(first=self.own_triggers())):
            name = plan["table"].split(".", 1)[1]
            if "error" in plan:
                self.refused[name] = plan["error"]
            else:
                self.plans[name] = plan
        pairs = max([8] + [plan["pairs"] for plan in self.plans.values()])
        create, self.select = self.tool.ask("changes", str(pairs))[0]
        leader.run("CREATE DATABASE IF NOT EXISTS crossfade", "DROP TABLE IF EXISTS crossfade.changes", create)
        self.make_triggers()

    def request(self, **more):
        return json.dumps({"leader": self.leader.kind, "leader_definitions": self.definitions, "numbers": self.numbers,
                           **more}).encode()

    def own_triggers(self):
        """Rows of event and name, by table, as the query of capture_plan.h gives them."""
        query = ("SELECT EVENT_OBJECT_TABLE, EVENT_MANIPULATION, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE "
                 "ACTION_TIMING='AFTER' AND EVENT_OBJECT_SCHEMA='%s' ORDER BY ACTION_ORDER" % self.database)
        found = {}
        for table, event, name in self.leader.run(query):
            found.setdefault("%s.%s" % (self.database, table), []).append([event, name])
        return found

    def session(self):
        session = self.leader.connect(database=self.database)
        with session.cursor() as cursor:
            cursor.execute(self.tool.ask("session")[0])
        return session

    def make_triggers(self):
        with self.session() as session, session.cursor() as cursor:
            for plan in self.plans.values():
                for statement in plan["create"]:
                    cursor.execute(statement)

    def end(self):
        with self.session() as session, session.cursor() as cursor:
            for plan in self.plans.values():
                for statement in plan["drop"]:
                    cursor.execute(statement)

    def refresh(self, table, condition):
        plan = self.plans[table]
        with self.session() as session, session.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("BEGIN")
            cursor.execute(plan["refresh_lock"] + condition + plan["refresh_end"])
            cursor.execute(plan["refresh_insert"] + condition + plan["refresh_end"])
            session.commit()

    def rows(self):
        """What was captured, as capture_replay takes it; `changes` is empty then."""
        with self.leader.connect() as session, session.cursor() as cursor:
            cursor.execute(self.select + " ORDER BY id")
            rows = [[None if cell is None else base64.b64encode(cell if isinstance(cell, bytes) else str(cell).encode()).decode()
                     for cell in row] for row in cursor.fetchall()]
            cursor.execute("DELETE FROM crossfade.changes")
        return rows

    def compared(self, log):
        """Every row by table, as the log has it and as the triggers have it; and the columns."""
        rows = {"log": {}, "triggers": {}}
        columns = {"log": {}, "triggers": {}}
        for line in self.tool.ask("values", given=self.request(rows=self.rows(), log=log)):
            if "columns" in line:
                columns[line["columns"]].setdefault(line["table"], []).append(line["column"])
            else:
                rows[line["source"]].setdefault(line["table"], []).append((line["kind"], line["flags"], line["values"]))
        return rows, columns

    def follow(self, follower, binlog=True):
        """Applies what was captured; the ways that were taken, by table."""
        lines = self.tool.ask("statements", given=self.request(
            rows=self.rows(), follower=follower.kind, follower_definitions=definitions(self.log_tool, follower),
            mode="apply", binlog=binlog, statement_bytes_max=STATEMENT_BYTES_MAX))
        ways = {}
        with follower_session(self.log_tool, follower) as session:
            for line in lines:
                if "table" not in line:
                    continue
                assert "error" not in line, "%s: %s" % (line["table"], line["error"])
                ways.setdefault(line["table"], set()).add(line["by"])
                complaints = run_line(session, line)
                assert not complaints, complaints[0]
        return ways
