"""One make as the leader, its proxies, and the state that each run of a test starts from."""

import os
import re
import shutil
import time

import pymysql

from comparing import compare_databases
from progress import Timeout, wait_until
from proxy_process import Proxy
from stops import Stop, judge_stops, object_of

ACCOUNTS = ("root", "app", "crossfade", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC")
SYSTEM = ("mysql", "information_schema", "performance_schema", "sys", "crossfade")
END = "crossfade_end"  # a schema that is made behind all that a test does: when the follower has it, it has all

# What the tests expect of a server (include/default_mysqld.cnf of the package).
MARIADB_OPTIONS = ["--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--local-infile=1",
                   "--log-bin-trust-function-creators=1", "--default-storage-engine=MyISAM", "--key-buffer-size=1M",
                   "--max-heap-table-size=1M", "--sort-buffer-size=256K", "--debug-no-sync", "--plugin-maturity=unknown",
                   "--innodb-buffer-pool-size=32M",
                   "--innodb-stats-auto-recalc=OFF"]  # a thread of its own recalculates: plans would be a matter of time
MYSQL_OPTIONS = ["--character-set-server=utf8mb4", "--local-infile=1", "--log-bin-trust-function-creators=1",
                 "--innodb-buffer-pool-size=64M", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite", "--innodb-stats-auto-recalc=OFF"]

SEEN_WITHIN = 4  # seconds: what triggers cannot tell is looked for now and then


def schemas_of(database):
    return sorted(name for (name,) in database.run("SHOW DATABASES") if name not in SYSTEM)


class Leader:
    """In the mode "plain" one proxy runs, in "dual" one for each test that runs through it: it begins to follow the
    leader where that test begins, on an empty follower."""

    def __init__(self, servers, roles, binary, directory, accounts, feed="log"):
        self.servers, self.feed = servers.in_roles(roles), feed
        self.server, self.follower = self.servers.both
        self.kind = self.server.kind
        # As the follower of the leader before it may have it.
        self.server.run("DROP DATABASE IF EXISTS test", "CREATE DATABASE test")
        self.globals = self.global_variables()
        users = [{"name": name, "password": password} for name, password in accounts.items()]

        def proxy(mode, flags, **dual_write):
            return Proxy(binary, os.path.join(directory, "proxy-%s-%s" % (mode, self.kind)), self.servers,
                         config={"users": users, "dual_write": dual_write}, flags=flags)
        # Every row of an event is read back: most tests drop their tables before the end.
        self.proxies = {"plain": proxy("plain", {"dual_write": {"enabled": False}}),
                        "dual": proxy("dual", {}, feed=feed, check_rows_percent=100)}
        self.mode = None

    @property
    def proxy(self):
        return self.proxies[self.mode]

    def set_mode(self, mode):
        if mode == self.mode:
            return
        self.kill()
        self.mode = mode
        if mode == "plain":
            self.proxy.start()

    def kill(self):
        for proxy in self.proxies.values():
            proxy.kill()

    def global_variables(self):
        return dict(self.server.run("SHOW GLOBAL VARIABLES"))

    def reset(self, way):
        """As after the start: schemas, accounts and global variables. A server that a test left unusable starts anew."""
        for database in self.servers.both:
            database.restart_if_gone()
        try:
            self.clean_up()
        except pymysql.MySQLError:
            self.server.kill()
            self.server.restart()
            self.clean_up()
        made = ["CREATE DATABASE test", "CREATE DATABASE IF NOT EXISTS mtr",
                # The package's runner collects expected warnings in there; here they are not looked at.
                "CREATE PROCEDURE mtr.add_suppression(pattern TEXT) BEGIN END"]
        if self.mode == "dual":
            self.servers.run("SET GLOBAL default_storage_engine = InnoDB")
            if way == "proxy":
                self.follow()
                self.through_proxy(*made)
                return
        self.server.run(*made)

    def through_proxy(self, *statements):
        """Triggers tell of no schema, nor of a routine: what makes one has to come through the proxy."""
        with self.proxy.connect("root", "") as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def follow(self):
        """A proxy that follows the leader from here on, and has nothing on the other side."""
        with self.follower.connect() as session, session.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            for schema in schemas_of(self.follower):
                cursor.execute("DROP DATABASE `%s`" % schema.replace("`", "``"))
        self.servers.run("DROP DATABASE IF EXISTS crossfade")
        self.proxy.start()

    def followed(self, listed):
        """What is wrong with the other side at the end of a test, as lines, and what stopped as it is listed; the proxy of
        the test has ended then."""
        try:
            wrong, stopped = self.differences(listed)
            return ["follower: " + line for line in wrong], stopped
        finally:
            self.proxy.kill()

    def differences(self, listed):
        def ended():
            state = self.proxy.status()["applier"]["state"]
            return state.startswith("stopped") or END in schemas_of(self.follower)
        try:
            self.through_proxy("CREATE DATABASE " + END)
            wait_until(ended, 180, "the follower")
        except (Timeout, pymysql.MySQLError) as error:
            return ["does not catch up: %s %s %s" % (error, self.proxy.status()["applier"], self.proxy.log_tail(3))], ""
        wrong, as_listed = self.compared(listed)
        if wrong and self.feed == "trigger":
            time.sleep(SEEN_WITHIN)
            wrong, as_listed = self.compared(listed)
        return wrong, as_listed

    def compared(self, listed):
        applier = self.proxy.status()["applier"]
        if applier["state"].startswith("stopped"):
            return [applier["state"]], ""
        parked = {entry["tables"]: entry["error"] for entry in applier["parked"]}
        stops = {Stop(object_of(*name.split(".", 1)), error) for name, error in parked.items()}
        stops |= {Stop(object_of(schema, table), reason) for schema, table, reason in
                  self.follower.run("SELECT table_schema, table_name, what FROM crossfade.ledger")}
        found, as_listed = judge_stops(listed, stops)
        schemas = schemas_of(self.server)
        if schemas != schemas_of(self.follower):
            return found + ["has the schemas %s, not %s" % (schemas_of(self.follower), schemas)], as_listed
        try:
            return found + compare_databases(self.server, self.follower, schemas, but=set(parked))[0], as_listed
        except pymysql.MySQLError as error:
            return found + ["cannot be compared: %s" % error], as_listed

    def clean_up(self):
        with self.server.connect() as session, session.cursor() as cursor:
            def run(statement, *values):
                try:
                    cursor.execute(statement, values or None)
                    return cursor.fetchall()
                except (pymysql.ProgrammingError, pymysql.InternalError, pymysql.NotSupportedError,
                        pymysql.DataError, pymysql.IntegrityError):
                    return ()
                except pymysql.OperationalError as error:
                    if error.args[0] >= 2000 and error.args[0] < 3000:
                        raise  # the connection is lost, or nothing came in time
                    return ()
            for (other,) in run("SELECT id FROM information_schema.processlist WHERE user NOT IN ('crossfade', 'event_scheduler', "
                                "'system user') AND id <> CONNECTION_ID()"):
                run("KILL %d" % other)
            run("SET foreign_key_checks = 0")
            for (schema,) in run("SHOW DATABASES"):
                if schema not in SYSTEM:
                    run("DROP DATABASE `%s`" % schema.replace("`", "``"))
            # Files that are no table's stop a schema from being dropped, and from being made again.
            shutil.rmtree(os.path.join(self.server.directory, "test"), True)
            run("DROP DATABASE IF EXISTS test")
            for user, host in run("SELECT user, host FROM mysql.user"):
                if user not in ACCOUNTS:
                    run("DROP USER %s@%s", user, host)
                    if not host:
                        run("DROP ROLE %s", user)
            for name, value in self.global_variables().items():
                wanted = self.globals.get(name)
                if value != wanted and wanted is not None:
                    run("SET GLOBAL `%s` = %s" % (name, wanted if re.fullmatch(r"-?[0-9.]+", wanted) else "'%s'" % wanted))
            run("FLUSH STATUS")
